"""The rules enclose FLINT's, and the floats that bound their errors are above the exact numbers, and not by much."""

from fractions import Fraction
from itertools import count

import pytest
from flint import arb

from elboproof.numbers.balls import working_precision
from elboproof.quadrature import gauss_legendre as rule
from elboproof.quadrature.gauss_legendre import RHO, SIZES, error_factor, semi_axes

CLOSE = Fraction(1, 2**49)
"""Relative: of a float that was rounded up once."""


def test_error_factors_are_rounded_up() -> None:
    exact = [error_factor(RHO, n) for n in SIZES]
    rounded = [Fraction(value) for value in rule.factors().tolist()]
    assert all(theirs <= ours <= theirs * (1 + CLOSE) for ours, theirs in zip(rounded, exact, strict=True))
    nearest = [Fraction(float(value)) for value in exact]
    assert any(
        ours < theirs for ours, theirs in zip(nearest, exact, strict=True)
    )  # without the margin it would fail


def test_semi_axes_are_rounded_up() -> None:
    for rho in (RHO, Fraction("1.5"), Fraction("2.6"), Fraction("3.5")):
        along, across = map(Fraction, semi_axes(rho))
        assert (rho + 1 / rho) / 2 <= along <= (rho + 1 / rho) / 2 * (1 + CLOSE)
        assert (rho - 1 / rho) / 2 <= across <= (rho - 1 / rho) / 2 * (1 + CLOSE)


@pytest.mark.parametrize("rho", [RHO, Fraction("1.5"), Fraction(8)])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_error_factor_sums_the_bounds_of_all_coefficients(rho: Fraction, n: int) -> None:
    """Volume 2: sum of 2 M rho^-k (2/(k^2 - 1) + 2) over even k >= 2n. The factor has 2 + 2/15 for each of them."""
    total = Fraction(0)
    for k in count(2 * n, 2):
        term = 2 / rho**k * (Fraction(2, k * k - 1) + 2)
        total += term
        if term < total / 10**9:
            break
    assert total <= 2 * error_factor(rho, n) <= total * Fraction(108, 100)


def test_nodes_and_weights_enclose_those_of_four_times_the_precision() -> None:
    with working_precision(400):
        for n in SIZES:
            found = rule.gauss_legendre(n)
            for k in range(n):
                exact = arb.legendre_p_root(n, k, weight=True)
                for ball, number in zip((found.nodes, found.weights), exact, strict=True):
                    assert abs(number - float(ball.mid[k])) <= float(ball.rad[k]), f"{n} points: number {k}"


def test_remainders_cover_the_errors_on_chebyshev_polynomials() -> None:
    """The error on T_2n is within its bound, where sup |T_2n| over the ellipse is (rho^2n + rho^-2n)/2."""
    rule.factors.cache_clear()  # of other sizes, where a caller has set them
    try:
        bounds = rule.factors()
    finally:
        rule.factors.cache_clear()
    with working_precision(400):
        for n, bound in zip(rule.SIZES, bounds, strict=True):
            terms = [
                (2 * n * x.acos()).cos() * w
                for x, w in (arb.legendre_p_root(n, k, weight=True) for k in range(n))
            ]
            error = abs(arb(2) / (1 - 4 * n * n) - sum(terms, arb(0)))
            rho = arb(RHO.numerator) / RHO.denominator
            supremum = (rho ** (2 * n) + rho ** (-2 * n)) / 2
            assert error <= 2 * supremum * arb(float(bound)), f"{n} points"
