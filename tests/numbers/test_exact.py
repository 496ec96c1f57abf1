"""Numbers come in exactly, or not at all."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from elboproof.numbers.exact import exact, rational


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_is_its_binary_double(value: float) -> None:
    assert exact(value, "x") == Fraction(*value.as_integer_ratio())
    assert exact(np.float64(value), "x") == exact(value, "x")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_decimal_text_is_the_decimal(value: Decimal) -> None:
    assert exact(str(value), "x") == exact(value, "x") == Fraction(value)


def test_a_tenth_as_text_is_not_a_tenth_as_float() -> None:
    assert exact("0.1", "x") == Fraction(1, 10) != exact(0.1, "x")


SPELLED = {
    " 1/3 ": Fraction(1, 3),
    "-.5": Fraction(-1, 2),
    "+1.": Fraction(1),
    "1e-4": Fraction(1, 10_000),
    "1.5/3": Fraction(1, 2),
    "1e4/3": Fraction(10_000, 3),
}


@pytest.mark.parametrize("text", SPELLED)
def test_spelling(text: str) -> None:
    assert exact(text, "x") == SPELLED[text]
    assert rational(text, "x") == sympy.Rational(SPELLED[text].numerator, SPELLED[text].denominator)


@pytest.mark.parametrize(
    "value",
    [7, np.int8(7), Fraction(7), Decimal(7), sympy.Integer(7), np.float32(7), "7"],
    ids=lambda value: type(value).__name__,
)
def test_kinds_of_numbers(value: object) -> None:
    assert exact(value, "x") == 7


BAD_TEXT = [
    "",
    "abc",
    "1/0",
    "0/0",
    "1/3/5",
    "--1",
    "1_000",
    "0x10",
    "inf",
    "nan",
    "1e99999",
    "1" * 3000,
    "٣",
    "1,5",
]
BAD_NUMBER = [
    float("inf"),
    float("nan"),
    Decimal("NaN"),
    Decimal("Infinity"),
    Decimal("1E+999999999"),
    np.float32("inf"),
]
BAD_KIND = [
    True,
    np.True_,
    None,
    1j,
    [1],
    sympy.nan,
    sympy.oo,
    sympy.zoo,
    sympy.pi,
    sympy.Float(0.1),
    np.array([1.0]),
]


@pytest.mark.parametrize("value", BAD_TEXT + BAD_NUMBER, ids=lambda value: repr(value)[:24])
def test_value_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"variance\[2\]: got .*expected "):
        exact(value, "variance[2]")


@pytest.mark.parametrize("value", BAD_KIND, ids=[repr(value) for value in BAD_KIND])
def test_kind_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"x: got .* of type .*expected an exact real number"):
        exact(value, "x")
