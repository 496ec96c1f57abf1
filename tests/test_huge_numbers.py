"""Numbers that no float holds, where only floats can search: a named error, at once."""

from collections.abc import Callable
from typing import Any

import pytest

import elboproof as ep

MODEL = ep.LatentModel("z", ["sin(z)"], ep.Gaussian("1/4"))
GAP = ep.Gap("z", ["z"], "v", ["1"])
BOX = {"v": ("1", "2")}
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "x": (
        lambda: ep.log_evidence(MODEL, ["1e99999999"]),
        r"x\[0\]: got '1e99999999'; expected an exact real",
    ),
    "x beyond": (
        lambda: ep.log_evidence(MODEL, ["1e9999"]),
        r"x\[0\]: got .*; expected a number in the range",
    ),
    "variance": (lambda: ep.Gaussian("1e-999999999"), "variance: got '1e-999999999'; expected an exact real"),
    "decoder": (
        lambda: ep.LatentModel("z", ["z + 10**10**10"], ep.Gaussian(1)),
        r"decoder\[0\]: got a power that overflows",
    ),
    "decimal": (
        lambda: ep.LatentModel("z", ["z*1e999999999"], ep.Gaussian(1)),
        r"decoder\[0\]: got '1e999999999'; expected an exact real number",
    ),
    "bound": (
        lambda: ep.for_all(GAP <= "1e400", BOX),
        "bound: got .*; expected a number in the range of float64",
    ),
    "box": (
        lambda: ep.for_all(GAP <= 1, {"v": ("1e-400", "1")}),
        r"box: got .*; expected a box over which the statement's numbers stay in the range of float64",
    ),
    "data of a statement": (
        lambda: ep.for_all(ep.Gap("z", ["z"], "v", ["1e400"]) <= 1, BOX),
        "box: got .*; expected a box over which the statement's numbers stay in the range",
    ),
    "digits": (
        lambda: ep.log_evidence(MODEL, [0.5], 1e308),
        r"digits: got 1e\+308; expected a positive number of digits, at most 100000",
    ),
    "long digits": (lambda: ep.elbo(MODEL, [0.5], ep.GaussianPosterior(0, 1), 10**400), "digits: got 1000"),
    "seconds": (lambda: ep.gap(MODEL, [0.5], seconds=10**400), "seconds: got 1000.*; expected a positive"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_numbers_beyond_the_search_are_named(kind: str) -> None:
    call, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        call()


def test_far_data_end_in_what_is_proved() -> None:
    with pytest.raises(ep.Undecided, match="no digits proved"):
        ep.log_evidence(MODEL, [1e308], 3, seconds=5.0)
