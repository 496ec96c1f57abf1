"""The gap law within its limits: bad input by name, time limits, numbers too long for SymPy or for float64."""

from typing import Any

import numpy as np
import pytest
import sympy as sp

import elboproof as ep
from elboproof.expansion import gap_law as gap_law_module
from elboproof.expansion.coefficients import gap_coefficient
from elboproof.expansion.gap_law import GapLaw, gap_law
from tests.expansion.test_gap_law import model
from tests.timing import kept, started


@pytest.mark.parametrize(
    ("given", "x", "message"),
    [
        (("z", ["z", "z**2"]), ["1", "2"], r"x: got \[1.0, 2.0\], at distance 0.38.*nearest=True"),
        (("z", ["z**2"]), ["0"], "degenerate"),
        (("z", ["z**3"]), ["0"], "degenerate"),
        (("z", ["z", "z**2"]), ["1"], "x: got 1 numbers; expected 2"),
        (("z", ["z"]), ["one"], r"x\[0\]: got 'one'"),
    ],
)
def test_bad_data(given: tuple[str, list[str]], x: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gap_law(model(*given), x)


def test_valleys_are_degenerate() -> None:
    with pytest.raises(ValueError, match="degenerate"):
        gap_law(model(["a", "b"], ["a + b**2"]), ["1/2"])


def test_wrong_kinds() -> None:
    with pytest.raises(TypeError, match=r"model: got 3 of type int; expected an ep\.LatentModel"):
        gap_law(3, ["1"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="x: got '1'"):
        gap_law(model("z", ["z"]), "1")
    with pytest.raises(ValueError, match="order: got 0; expected a power of the variance"):
        gap_coefficient(model("z", ["z"]), 0)


def test_value_needs_a_positive_variance() -> None:
    law: GapLaw = gap_law(model("z", ["sinh(z)"]), ["0.7"])
    with pytest.raises(ValueError, match="variance: got 0; expected a positive variance"):
        law.as_float(0)
    assert law.as_float() == law.as_float("1/100")


def test_open_order_is_undecided() -> None:
    """The ball of a coefficient that vanishes cannot exclude zero."""
    offset = "cos(z + 1/7)", "sin(z + 1/7)"  # the mode is no recognised number once the entries are scaled
    turned = [f"({offset[0]})*3/5 - ({offset[1]})*4/5", f"({offset[0]})*4/5 + ({offset[1]})*3/5"]
    with pytest.raises(ep.Undecided, match="order of the gap"):
        gap_law(model("z", turned), ["5/13", "12/13"])


@pytest.mark.parametrize("x", [np.array(0.5), 0.5, "0.5"], ids=["array without axis", "number", "text"])
def test_x_must_be_a_sequence(x: Any) -> None:
    with pytest.raises(TypeError, match=r"x: got .*; expected a sequence of 1 numbers"):
        ep.gap_law(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100")), x)


@pytest.mark.parametrize("variance", ["1e400", 1e300])
def test_a_variance_at_which_the_law_overflows_is_named(variance: Any) -> None:
    law = ep.gap_law(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100")), ["0.7"])
    with pytest.raises(
        ValueError, match=r"variance: got Fraction\(1.*; expected one at which the law's terms"
    ):
        law.as_float(variance)
    assert law.as_float("1e-400") == 0.0


SLOW = ["u*v", "sin(u)"]
"""At ["0.3", "0.2"] its exact coefficients are expressions that SymPy simplifies for most of a minute."""


def test_coefficients_too_long_for_sympy_are_proved_in_bounds() -> None:
    law = gap_law(model(["u", "v"], SLOW), ["0.3", "0.2"], seconds=30.0)
    assert law.preimage == (sp.asin(sp.Rational(1, 5)), sp.Rational(3, 10) / sp.asin(sp.Rational(1, 5)))
    assert isinstance(law.leading, ep.Enclosure)
    misfit = gap_coefficient(model(["u", "v"], SLOW))
    symbols = sorted(misfit.free_symbols, key=str)
    assert law.leading.midpoint == pytest.approx(
        float(misfit.subs(dict(zip(symbols, law.preimage, strict=True)))), rel=1e-12
    )


@pytest.mark.parametrize("seconds", [2.0, 3.0])
def test_the_time_limit_is_kept(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_law_module, "MOST_OPERATIONS", np.inf)
    start = started()
    with pytest.raises(ep.Undecided, match=f"1 of 1 gap laws undecided.*the time limit of {seconds:g} s"):
        gap_law(model(["u", "v"], SLOW), ["0.3", "0.2"], seconds=seconds)
    assert kept(seconds, start)
    assert gap_law(model("z", ["sinh(z)"]), ["0.7"]).leading == sp.Rational(
        3675, 22201
    )  # nothing was left behind


def test_the_time_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="seconds: got 0; expected a positive number"):
        gap_law(model("z", ["sinh(z)"]), ["0.7"], seconds=0)


@pytest.mark.parametrize("spelled", ["1e-9999", "1e-400"])
def test_long_numbers_are_answered_in_time(spelled: str) -> None:
    begun = started()
    law = gap_law(model("z", ["z + z**2"]), [spelled], seconds=20.0)
    assert isinstance(law.leading, ep.Enclosure)
    assert law.leading.lower < 3 < law.leading.upper
    assert kept(20.0, begun)


def test_long_numbers_beside_a_flat_place_leave_the_order_open() -> None:
    with pytest.raises(ep.Undecided, match=r"whether the coefficient of v\^1 vanishes is open"):
        gap_law(model("z", ["sinh(z)"]), ["1e-9999"])
    with pytest.raises(ValueError, match=r"x: got data whose mode near z = .* is degenerate"):
        gap_law(model("z", ["z**2"]), ["1e-9999"])


def test_numbers_beyond_float64_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"x\[0\]: .*expected a number in the range of float64"):
        gap_law(model("z", ["sinh(z)"]), ["1e9999"])


def test_terms_beyond_float64_are_no_number() -> None:
    law = gap_law(model("z", ["z**2"]), ["1e-300"])
    with pytest.raises(ValueError, match="in the range of float64"):
        law.as_float()
