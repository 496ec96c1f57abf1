"""Bugs seeded into proofs about two latents: each is caught by a check that the proofs pass without it."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sympy
from flint import arb

import elboproof as ep
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.exact import ball_of
from elboproof.theorems import sufficient_statistics, tails
from tests.seeding import Bug, Seeded, falsification, patched
from tests.theorems import test_two_latents as statements

pytestmark = pytest.mark.slow

CHECKS: dict[str, Callable[[], None]] = {
    "expectations": statements.test_expectations_under_two_latents_agree_with_quadrature,
    "wide expectations": statements.test_expectations_that_are_undecided_count_with_both_ends,
    "suprema": statements.test_suprema_of_two_latents_bound_the_exponents,
    "indefinite forms": statements.test_squares_of_bounded_products_count_with_what_they_add,
    "late": statements.test_what_is_late_is_not_known,
}
_EXPECTATION = ep.expectation


def _uncorrelated(g: Any, q: GaussianPosterior, *rest: Any, **more: Any) -> Any:
    """The expectation under the variances of q alone."""
    diagonal = [
        [s if i == j else Fraction(0) for j, s in enumerate(row)] for i, row in enumerate(q.covariance)
    ]
    return _EXPECTATION(g, GaussianPosterior(q.mean, diagonal), *rest, **more)


def _independent(natural: Any, curved: Any, q: GaussianPosterior, _: float) -> list[arb]:
    """The expectation of a product as the product of its factors' expectations."""
    names = [str(z) for z in natural.latents]
    factors = (*natural.latents, *natural.atoms)
    values = []
    for statistic in curved:
        powers = [sympy.Pow(f, n) for f, n in zip(factors, statistic, strict=True) if n]
        values.append(arb(math.prod(_EXPECTATION(powers, q, 9, latent=names).midpoint.tolist()), 1e-9))
    return values


BUGS: dict[str, Bug] = {
    "covariances are forgotten": patched(
        (sufficient_statistics, "expectation", _uncorrelated), by="expectations"
    ),
    "factors count as independent": patched(
        (sufficient_statistics, "_of_several", _independent), by="expectations"
    ),
    "a power of an atom is forgotten": Seeded(
        sufficient_statistics,
        "_of_several",
        "map(sympy.Pow, factors, statistic)",
        "[f for f, n in zip(factors, statistic) if n]",
        "expectations",
    ),
    "the lower ends count": patched(
        (sufficient_statistics, "_between", lambda low, _: ball_of(Fraction(low))), by="wide expectations"
    ),
    "what is late is 0": Seeded(sufficient_statistics, "_of_several", "[arb(0, inf)]", "[arb(0)]", "late"),
    "what bounded products add is forgotten": Seeded(
        tails,
        "_with_squares",
        "return whole + more * sum(squares.values(), fmpq(0))",
        "return whole",
        "indefinite forms",
    ),
    "squares of products are at most 1/100": Seeded(
        tails, "_square", "size ** (2 * power)", "size ** (2 * power) / 100", "indefinite forms"
    ),
    "the constant counts twice": Seeded(
        tails, "quadratic_suprema", "above(arb(whole - row[-1]))", "above(arb(whole))", "suprema"
    ),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)
