"""The check's trapezoidal rules: they enclose expectations that mpmath and closed forms give, sharply."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from scipy.optimize import minimize
from sympy import Expr, Symbol, cos, sin, tanh

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.functions import Sigmoid
from elboproof.rechecking import best_posterior, trapezoids
from elboproof.rechecking.best_posterior import Threshold
from elboproof.rechecking.functions import Terms, terms
from elboproof.rechecking.integration import Unable
from elboproof.rechecking.trapezoids import _Expectations

Z = Symbol("z", real=True)
MONOMIALS = [
    Z,
    Z**4,
    sin(2 * Z),
    Z**2 * cos(3 * Z + 1) ** 2,
    tanh(4 * Z),
    Z * tanh(Z - 2) ** 3,
    Sigmoid(2 * Z + 1) * sin(Z),
]
GAUSSIANS = [(0.0, 1.0), (0.7, 0.05), (-3.0, 0.4), (1.5, 3.0)]
"""Means and deviations."""
WIDEST = 1e-10
"""Radii over sizes: the rule's own error is some 1e-14, balls add the roundings of up to 2,000 terms."""


def truth(e: Expr, m: float, s: float) -> float:
    """E[e] by mpmath, on pieces of one deviation."""
    f = sympy.lambdify(Z, e.replace(Sigmoid, lambda t: 1 / (1 + sympy.exp(-t))), "mpmath")
    places = [m + s * k for k in range(-9, 10)]
    with mpmath.workdps(25):
        return float(mpmath.quad(lambda z: f(z) * mpmath.npdf(z, m, s), places))


@pytest.mark.parametrize(("m", "s"), GAUSSIANS)
def test_expectations_are_enclosed_sharply(m: float, s: float) -> None:
    mid, rad = _Expectations(MONOMIALS, Z)(BallArray([[m]]), BallArray([[s]]))
    for k, e in enumerate(MONOMIALS):
        exact = truth(e, m, s)
        size = 1 + (abs(m) + 3 * s) ** 4
        assert abs(exact - mid[0, k]) <= rad[0, k] + 1e-14 * size
        assert rad[0, k] <= WIDEST * size


@pytest.mark.parametrize(("m", "s"), GAUSSIANS)
def test_cells_enclose_the_expectations_of_their_gaussians(m: float, s: float) -> None:
    half = 0.05
    mid, rad = _Expectations(MONOMIALS, Z)(BallArray([[m]], half), BallArray([[s]], half * s))
    for place in ((m - half, s * (1 - half)), (m + half, s * (1 + half)), (m, s)):
        for k, e in enumerate(MONOMIALS):
            assert abs(truth(e, *place) - mid[0, k]) <= rad[0, k]


def test_a_coarse_rule_is_not_trusted() -> None:
    """Whatever h and a, the bound of the error covers the error: here E sin(3z), whose rule is off by a known sum."""
    expectations = _Expectations([sin(3 * Z + 1)], Z)
    exact = math.exp(-4.5) * math.sin(1)
    for h in (0.5, 1.0, 1.5, 2.0):
        j = np.arange(-60, 61) * h
        rule = float((h * np.exp(-(j**2) / 2) / math.sqrt(2 * math.pi) * np.sin(3 * j + 1)).sum())
        for a in (0.5, 1.0, 2.0, 4.0):
            bound = expectations._missing(np.array([[0.0]]), np.array([[1.0]]), a, h, 60 * h)
            assert abs(rule - exact) <= bound[0, 0] + 1e-15


def test_the_terms_beyond_the_last_are_covered() -> None:
    """A rule that ends at R = 3: what is cut off is known from the whole sum."""
    expectations = _Expectations([Z**6], Z)
    h, m, s = 0.125, 0.5, 1.0
    j = np.arange(-200, 201) * h
    weights = h * np.exp(-(j**2) / 2) / math.sqrt(2 * math.pi) * (m + s * j) ** 6
    for reach in (3.0, 4.0, 6.0):
        outside = float(weights[np.abs(j) > reach].sum())
        bound = expectations._missing(np.array([[m]]), np.array([[s]]), 4.0, h, reach)[0, 0]
        assert outside <= bound


@pytest.mark.parametrize(
    ("e", "wrong"),
    [(sin(Z**2), r"sin\(z\*\*2\)"), (sympy.exp(Z), r"exp\(z\)"), (1 / Z, "1/z"), (Z**90, r"z\*\*90")],
)
def test_what_has_no_bound_is_refused(e: Expr, wrong: str) -> None:
    with pytest.raises(Unable, match=f"of a . b z only; got {wrong}"):
        _Expectations([e], Z)


def best(f: Callable[[Any], Any]) -> float:
    """The greatest ELBO by Gauss-Hermite quadrature and Nelder-Mead."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def loss(u: Any) -> float:
        body = f(u[0] + math.exp(u[1]) * nodes)
        return float(-(weights @ body / weights.sum()) + (u[0] ** 2 + math.exp(2 * u[1]) - 1) / 2 - u[1])

    starts = [(m, t) for m in (-1.5, -0.5, 0.3, 1.0, 2.0) for t in (-2.0, -0.5)]
    return max(-float(minimize(loss, start, method="Nelder-Mead", tol=1e-10).fun) for start in starts)


FUNCTIONS: list[tuple[Expr, Callable[[Any], Any]]] = [
    (-5 * (sin(2 * Z) - sympy.Rational(1, 2)) ** 2, lambda z: -5 * (np.sin(2 * z) - 0.5) ** 2),
    (-4 * (tanh(3 * Z) + Z / 2) ** 2, lambda z: -4 * (np.tanh(3 * z) + z / 2) ** 2),
    (-3 * (Sigmoid(4 * Z + 1) - Z) ** 2, lambda z: -3 * (1 / (1 + np.exp(-4 * z - 1)) - z) ** 2),
]


@pytest.mark.parametrize(("e", "f"), FUNCTIONS, ids=["sin", "tanh", "sigmoid"])
def test_the_best_elbo_is_bounded_and_not_below_its_value(e: Expr, f: Callable[[Any], Any]) -> None:
    whole = terms(e)
    constant = float(whole.pop(sympy.Integer(1), Fraction(0)))
    function: Terms = whole
    top = best(f) - constant
    claims = [Threshold(function, top + shift) for shift in (0.01, -1e-4)]
    assert trapezoids.bounded(claims, Z) == [True, False]
    assert trapezoids.bounded(claims[:1], Z) == [True]


def test_polynomials_agree_with_the_check_by_bernstein_coefficients() -> None:
    function = {Z**2: Fraction(3), Z**4: Fraction(-2), Z: Fraction(1, 3)}
    top = best(lambda z: 3 * z**2 - 2 * z**4 + z / 3)
    claims = [Threshold(function, top + shift) for shift in (0.01, -1e-4)]
    assert trapezoids.bounded(claims, Z) == best_posterior.bounded(claims, Z) == [True, False]


def test_a_cell_is_halved_where_any_claim_may_rise_most() -> None:
    cell = np.array([[0.0, 1.0, 1.0, 2.0]])  # m in [0, 1], S in [1, 2]
    slopes = np.array([[10.0, 0.5, 0.2, 3.0]])  # of two claims along m, and along S

    def at_centres(*_: BallArray) -> BallArray:
        return BallArray(np.zeros((1, 2)))

    def over_cells(*_: BallArray) -> BallArray:
        return BallArray(np.zeros((1, 4)), slopes)

    # along m the values may rise by 5.5 and .75, along S by .175 and .875
    holds = np.array([True, True])
    first: Any = at_centres
    second: Any = over_cells
    halves = trapezoids._open_halves(cell, first, second, np.array([0.1, 0.1]), holds)
    assert halves.tolist() == [[0.0, 0.5, 1.0, 2.0], [0.5, 1.0, 1.0, 2.0]]


@pytest.mark.parametrize("seed", range(20))
def test_combinations_are_rounded_by_the_sizes_of_their_terms(seed: int) -> None:
    """Terms of both signs, which cancel: the error of their sum does not."""
    rng = np.random.default_rng(seed)
    mid, numbers = rng.normal(size=(30, 12)), rng.normal(size=(3, 12))
    table = object.__new__(trapezoids._Table)
    table.numbers = numbers
    table.expected = lambda *_: (mid, np.zeros_like(mid))  # type: ignore[assignment]
    found = table(BallArray(0.0), BallArray(1.0))
    exact = [
        sum(Fraction(a) * Fraction(b) for a, b in zip(m, n, strict=True))
        for m in mid.tolist()
        for n in numbers.tolist()
    ]
    for ball, radius, number in zip(found.mid.ravel(), found.rad.ravel(), exact, strict=True):
        assert abs(Fraction(float(ball)) - number) <= Fraction(float(radius)) < Fraction(1, 10**12)
    assert (found.rad > 0).all()
