"""Bugs seeded into the check's rule over the plane: each is caught by a check that the rule passes without it."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sympy
from flint import arb
from sympy import Expr

from elboproof.numbers.functions import Sigmoid
from elboproof.rechecking import envelopes, planes
from tests.rechecking import test_planes as rule
from tests.seeding import Bug, Seeded, falsification, patched

pytestmark = pytest.mark.slow


def _misses() -> None:
    for step, reach in ((1.6, 11.2), (1.2, 10.8), (0.8, 2.4), (0.4, 1.2), (1.2, 2.4)):
        rule.test_what_a_lattice_misses_is_bounded(step, reach)


CHECKS: dict[str, Callable[[], None]] = {
    "expectations": rule.test_expectations_agree_with_quadrature,
    "integrals": rule.test_integrals_agree_with_quadrature,
    "short lattices": rule.test_a_short_lattice_still_encloses,
    "misses": _misses,
    "envelopes": rule.test_envelopes_bound_the_integrands,
    "strips": rule.test_strips_end_before_the_poles,
    "sums": rule.test_sums_of_floats_hold_their_exact_values,
}
_EXPECTATIONS = planes.expectations


def _independent(monomials: Sequence[Expr], *rest: Any) -> dict[Expr, arb]:
    """The expectation of a product as the product of its factors' expectations."""
    factors = {m: [base**n for base, n in m.as_powers_dict().items() if base.free_symbols] for m in monomials}
    known = _EXPECTATIONS([f for every in factors.values() for f in every], *rest)
    return {m: math.prod((known[f] for f in every), start=arb(1)) for m, every in factors.items()}


BUGS: dict[str, Bug] = {
    "what lies beyond the lattice is dropped": Seeded(
        planes._Bounds, "missing", "library_upward(tail * across / (2 * pi))", "0.0", "misses"
    ),
    "the rule's error is dropped": Seeded(
        planes._Bounds,
        "missing",
        "library_upward(rule * width * other / pi)",
        "0.0",
        ("misses", "short lattices"),
    ),
    "a covariance is forgotten": Seeded(
        planes, "_factor", "[ball_of(c) / first,", "[ball_of(c) * 0,", "expectations"
    ),
    "the part of a latent that is left has the whole variance": Seeded(
        planes, "_factor", "ball_of(t - c * c / s)", "ball_of(t)", "expectations"
    ),
    "factors count as independent": patched((planes, "expectations", _independent), by="expectations"),
    "the prior's exponent is forgotten": Seeded(
        planes, "log_integrals", "+ e[1].square()) * 0.5", "+ e[1].square()) * 0.0", "integrals"
    ),
    "one row of nodes in each part is lost": Seeded(
        planes, "_evaluated", "start + at_once]", "start + at_once - 1]", "integrals"
    ),
    "the Gaussian falls off the real line": Seeded(
        envelopes, "of_monomial", "strip * strip / 2", "-strip * strip / 2", "envelopes"
    ),
    "the prior falls off the real line": Seeded(
        envelopes, "of_exponential", "constant + moved", "constant - moved", "envelopes"
    ),
    "powers count by their value at the mean": Seeded(
        envelopes, "of_monomial", "log(start + s * r)", "log(start)", "envelopes"
    ),
    "waves fall off the real line": Seeded(
        envelopes._Size, "bound", "library_upward(waves * strip)", "-waves * strip", "envelopes"
    ),
    "a wave's slope is that along one latent": Seeded(
        envelopes.Frame, "slope", "abs(sum(parts))", "abs(parts[0])", ("envelopes", "strips")
    ),
    "strips end at the poles": patched(
        (envelopes, "_STRIP", {sympy.tanh: math.pi / 2, Sigmoid: math.pi}), by=("strips", "envelopes")
    ),
    "linear terms are forgotten": Seeded(
        envelopes, "of_exponential", "t + abs(line) + whole.lost", "t", "envelopes"
    ),
    "a latent beside a function is bounded": Seeded(
        envelopes._Exponent, "add", "self.slopes[1] + size * one.powers[1]", "self.slopes[1]", "envelopes"
    ),
    "the greatest curvature counts": Seeded(
        envelopes._Exponent, "least", "/ 2 - hypot(", "/ 2 + hypot(", "envelopes"
    ),
    "sums are exact": Seeded(planes, "_combined", "upward(radius + lost, 2)", "radius", "sums"),
    "radii are dropped": Seeded(planes, "_combined", "upward(radius + lost, 2)", "lost", "sums"),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)
