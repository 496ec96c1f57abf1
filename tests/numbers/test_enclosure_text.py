"""What is written of an enclosure is certain: the interval is within the digits that are shown."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elboproof import Enclosure
from elboproof.numbers import enclosure_text

FINITE = st.floats(allow_nan=False, allow_infinity=False)
EXAMPLES = {
    (18.6243, 18.6249): "18.6246(4)",
    (1.65533e-9, 1.655331e-9): "1.6553305(6)e-09",
    (-2.0, 3.0): "0(3)",
    (0.0, 0.0): "0",
    (0.5, 0.5): "0.5",
    (0.1, 0.1): "0.10000000000000001(1)",
    (1e10, 1.1e10): "1.05(5)e+10",
    (-1e-30, 1e-30): "0(2)e-30",
    (999.9996, 1000.0004): "1000.0000(5)",
    (-np.inf, 2.0): "[-inf, 2.0]",
}


@pytest.mark.parametrize("ends", EXAMPLES, ids=str)
def test_certain_digits(ends: tuple[float, float]) -> None:
    assert f"{Enclosure(*ends):S}" == EXAMPLES[ends]


def _shown(text: str) -> tuple[Fraction, Fraction]:
    """Return the middle and the half width that a text says."""
    found = re.fullmatch(r"(-?\d+)(?:\.(\d*))?(?:\((\d)\))?(?:e([+-]\d+))?", text)
    assert found is not None, text
    whole, decimals, off, power = found[1], found[2] or "", int(found[3] or 0), int(found[4] or 0)
    unit = Fraction(10) ** (power - len(decimals))
    return int(whole + decimals) * unit, off * unit


@given(FINITE, FINITE, st.sampled_from(["S", ".4S", ".12S"]))
@example(9.96, 10.04, "S")
@example(-5e-324, 1e308, "S")
@example(123456.789, 123456.789, ".4S")
def test_shown_digits_cover_the_interval(one: float, other: float, spec: str) -> None:
    low, high = sorted((one, other))
    middle, off = _shown(format(Enclosure(low, high), spec))
    assert middle - off <= Fraction(low)
    assert Fraction(high) <= middle + off
    half = (Fraction(high) - Fraction(low)) / 2
    assert off <= 10 * half + max(abs(Fraction(low)), abs(Fraction(high))) / 10**3  # and say what is known


@given(FINITE, FINITE, st.sampled_from([".3f", ".6e", ".8g"]))
def test_formatted_ends_are_rounded_outward(one: float, other: float, spec: str) -> None:
    low, high = sorted((one, other))
    shown = format(Enclosure(low, high), spec).strip("[]").split(", ")
    assert Fraction(Decimal(shown[0])) <= Fraction(low)
    assert Fraction(high) <= Fraction(Decimal(shown[1]))


def test_ends_rounded_inward_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosure_text, "_outward", lambda end, spec, *, up: format(float(end), spec))  # noqa: ARG005
    with pytest.raises(AssertionError):
        test_formatted_ends_are_rounded_outward.hypothesis.inner_test(0.1236, 0.1244, ".3f")  # type: ignore[attr-defined]


def test_arrays_are_nested() -> None:
    one = Enclosure([[1.0, 2.0]], [[1.5, 2.5]])
    assert f"{one:S}" == "[[1.2(3), 2.2(3)]]"
    assert f"{one:.1f}" == "[[[1.0, 1.5], [2.0, 2.5]]]"


@pytest.mark.parametrize("spec", ["x", "d", ".3", ">10", "0.3f", "SS"])
def test_other_formats_are_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"format: got .*; expected '' \(the ends\)"):
        format(Enclosure(0.0, 1.0), spec)


def test_notebooks_show_rows() -> None:
    assert Enclosure(0.5, 0.5)._repr_html_() == "<span>0.5</span>"
    table = Enclosure([0.5, 1.0], [0.5, 1.25])._repr_html_()
    assert "<tr><th>1</th><td>1.1(2)</td></tr>" in table
