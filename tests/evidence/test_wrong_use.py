"""Wrong use: errors that name the argument, the value and what was expected; numbers that would be rounded."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import elboproof as ep
from elboproof.model import data
from elboproof.numbers.ball_arrays import BallArray
from tests.evidence import truth

LINE = ep.LatentModel("z", ["z"], ep.Gaussian("1/100"))
LOGIT = ep.LatentModel("z", ["z"], ep.Bernoulli())
FIVE = ep.LatentModel(["a", "b", "c", "d", "e"], ["sin(a+b+c+d+e)"], ep.Gaussian("1/100"))


@pytest.mark.parametrize("digits", [0, -1, float("nan"), float("inf"), "10", True, None])
def test_digits(digits: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"digits: got .*; expected a positive number"):
        ep.log_evidence(LINE, [0.7], digits)


@pytest.mark.parametrize("limit", ["seconds", "most_cells"])
@pytest.mark.parametrize("value", [0, -2.5, float("nan"), "1"])
def test_limits(limit: str, value: Any) -> None:
    limits: dict[str, Any] = {limit: value}
    with pytest.raises((TypeError, ValueError), match=rf"{limit}: got .*; expected a positive number"):
        ep.log_evidence(LINE, [0.7], 5, **limits)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([], r"x: got shape \(0,\)"),
        (np.zeros((0, 1)), r"x: got shape \(0, 1\)"),
        ([0.5, 0.5], r"x: got shape \(2,\)"),
        ([[0.5, 0.5]], r"x: got shape \(1, 2\)"),
        ([[[0.5]]], r"x: got shape \(1, 1, 1\)"),
        (0.5, r"x: got shape \(\)"),
        ("1/2", r"x: got shape \(\)"),
        ([float("nan")], r"x: got nan at x\[0\]; expected finite numbers"),
        ([[0.1], [float("inf")]], r"x: got inf at x\[1\]\[0\]; expected finite numbers"),
        (["one"], r"x\[0\]: got 'one'; expected an exact real number"),
    ],
)
def test_data_of_a_wrong_shape_or_value(x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ep.log_evidence(LINE, x, 5)


@pytest.mark.parametrize("x", [[None], [1j], [True], np.array([True])])
def test_data_of_a_wrong_type(x: Any) -> None:
    with pytest.raises(TypeError, match=r"x\[0\]: got .*; expected an exact real number"):
        ep.log_evidence(LINE, x, 5)


def test_ragged_data() -> None:
    with pytest.raises((TypeError, ValueError), match=r"x(\[0\])?: got .*; expected"):
        ep.log_evidence(LINE, [[1], [2, 3]], 5)


@pytest.mark.parametrize("x", [[0.5], ["1/2"], [2], [[0], [-1]], [Fraction(1, 3)]])
def test_data_that_are_not_binary(x: Any) -> None:
    with pytest.raises(
        ValueError, match=r"x.*\[0\]: got .*; expected zeros and ones, the data of a Bernoulli likelihood"
    ):
        ep.log_evidence(LOGIT, x, 5)
    assert ep.log_evidence(LOGIT, ["1"], 5).contains(-np.log(2))  # by symmetry
    assert ep.log_evidence(LOGIT, [0], 5).contains(-np.log(2))


def test_five_latents() -> None:
    with pytest.raises(
        ValueError, match=r"model: got LatentModel.*; expected at most 4 latents, not counting"
    ):
        ep.log_evidence(FIVE, [0.5], 3)


@pytest.mark.parametrize("model", [None, "z", LINE.decoder])
def test_what_is_no_model(model: Any) -> None:
    with pytest.raises(TypeError, match=r"model: got .*; expected an ep.LatentModel"):
        ep.log_evidence(model, [0.5], 3)


LARGE = 2**60 + 1


@pytest.mark.parametrize(
    "x",
    [[LARGE], [[LARGE]], np.array([LARGE]), [str(LARGE)], np.array([LARGE], np.uint64), (Fraction(LARGE),)],
)
def test_large_integers_are_not_rounded(x: Any) -> None:
    """A difference of 1 is a whole standard deviation here."""
    model = ep.LatentModel("z", [f"{LARGE - 1} + 0*z"], ep.Gaussian("1"))
    found = _best(model, x)
    (exact,) = truth.linear([["0"]], [str(LARGE - 1)], "1", [[LARGE]])
    assert truth.misses(found.lower, found.upper, [exact]) == []


def _best(model: ep.LatentModel, x: Any) -> ep.Enclosure:
    """Return what is proved, though the digits cannot be reached."""
    try:
        return ep.log_evidence(model, x, 3, seconds=5.0)
    except ep.Undecided as undecided:
        return undecided.enclosure


def test_floats_beside_text_stay_what_they_are() -> None:
    one = _read(["1/3", 0.1])
    assert one.rad[0, 1] == 0.0  # a double: exactly itself
    assert one.rad[0, 0] > 0.0
    assert _read(["1/3", "0.1"]).rad[0, 1] > 0.0  # a tenth, which is no double


def _read(x: Any) -> BallArray:
    return data.data_of(ep.LatentModel("z", ["z", "z"], ep.Gaussian(1)), x).balls


def test_an_undecided_answer_says_why_and_carries_the_best_enclosure() -> None:
    model = ep.LatentModel("z", ["sinh(asinh(z))"], ep.Gaussian("1e-8"))  # z, and not read as linear
    with pytest.raises(ep.Undecided, match=r"2 of 2 log evidences undecided; the first is x\[0\]") as caught:
        ep.log_evidence(model, [[0.5], [3e4]], 11, most_cells=10)
    error = caught.value
    assert all("digits proved; stopped by the limit on cells" in status for status in error.statuses)
    truths = truth.linear([["1"]], ["0"], "1e-8", [[0.5], [3e4]])
    assert truth.misses(error.enclosure.lower, error.enclosure.upper, truths) == []
    assert not (error.enclosure.width <= 2e-11).any()


@pytest.mark.parametrize("copies", [1, 8])
def test_numbers_beyond_float64_are_named(copies: int) -> None:
    model = ep.LatentModel("z", ["z", "sin(z)"], ep.Gaussian(1))
    with pytest.raises(ValueError, match=r"x\[0\]\[1\]: got .*; expected a number in the range of float64"):
        ep.log_evidence(model, [["1/3", "1e400"]] * copies)
