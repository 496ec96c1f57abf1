"""Identities over expressions that are defined nowhere: none of them may be established."""

import pytest
import sympy as sp

from elboproof.checking import identity
from elboproof.checking.defined import undefined_part

x, y = sp.symbols("x y", real=True)
p = sp.Symbol("p", positive=True)
f = sp.Function("f")
ZERO = sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1

DISGUISED = {
    "a quotient in an exponent": sp.exp((x + 1) / x) - sp.E * sp.exp(1 / x),
    "sinh in an exponent": sp.exp(sp.sinh(x)) * sp.exp(sp.cosh(x)) - sp.exp(sp.exp(x)),
    "a sum in an exponent of an exponent": sp.exp(sp.exp(x + 1)) - sp.exp(sp.E * sp.exp(x)),
    "Pythagoras": ZERO,
    "a double angle": sp.sin(2 * x) - 2 * sp.sin(x) * sp.cos(x),
    "the logarithm of 1": sp.log(ZERO + 1),
    "a root of 0": sp.sqrt((x + y) ** 2 - x**2 - 2 * x * y - y**2),
    "0 to a power": ((x + y) ** 2 - x**2 - 2 * x * y - y**2) ** p,
    "a polynomial": (x + y) ** 2 - x**2 - 2 * x * y - y**2,
}


@pytest.mark.parametrize("zero", DISGUISED.values(), ids=DISGUISED)
@pytest.mark.parametrize(
    "numerator", [ZERO.subs(x, y), (x - 1) * (x + 1) - x**2 + 1], ids=["trigonometric", "plain"]
)
def test_nothing_over_zero_in_disguise_is_an_identity(numerator: sp.Expr, zero: sp.Expr) -> None:
    for expression in (numerator / zero, sp.Mul(numerator, sp.Pow(zero, -2)), numerator * sp.log(zero)):
        assert undefined_part(expression) is not None
        assert identity(expression).status == "undecided"


@pytest.mark.parametrize("zero", DISGUISED.values(), ids=DISGUISED)
def test_the_same_over_a_close_neighbour_is_an_identity(zero: sp.Expr) -> None:
    for beside in (zero + sp.Rational(1, 10**6), zero + x / 1000):
        assert identity(ZERO / beside).status == "established"


@pytest.mark.parametrize(
    "expression",
    [
        ZERO / (sp.Abs(x) - x) / (sp.Abs(x) + x),  # each is nonzero somewhere, and both nowhere
        ZERO * sp.tan(sp.pi / 2 + ZERO),
        ZERO * sp.cot(ZERO),
        ZERO * sp.coth(ZERO),
        ZERO * sp.gamma(ZERO),
        ZERO * sp.besselj(0, x),  # no enclosure here
    ],
    ids=str,
)
def test_poles_that_are_nowhere_left(expression: sp.Expr) -> None:
    assert undefined_part(expression) is not None
    assert identity(expression).status == "undecided"


@pytest.mark.parametrize(
    "expression",
    [
        1 / (x - y),
        1 / (sp.Abs(x) - x),
        sp.log(x - y) / (x + sp.sqrt(y)),
        sp.gamma(x) / p,
        f(x) / f(y) + sp.tan(x) + sp.tanh(x),
        sp.Derivative(f(x), x) + sp.Integral(sp.exp(-x / p), (x, 0, 1)),
        p ** (-y),
        sp.exp(-1 / sp.exp(x)),
        sp.atan(x / y),
    ],
    ids=str,
)
def test_what_is_defined_somewhere(expression: sp.Expr) -> None:
    assert undefined_part(expression) is None


def test_the_reason_names_what_is_zero() -> None:
    reason = identity(ZERO / DISGUISED["a quotient in an exponent"]).reason
    assert reason == "nowhere shown to be defined, for -E*exp(1/x) + exp((x + 1)/x)"


def test_infinite_numbers_are_not_defined() -> None:
    assert undefined_part(sp.Add(x, sp.oo, evaluate=False)) is sp.oo
