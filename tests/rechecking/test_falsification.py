"""Bugs seeded into the check of certificates: each is caught by a check that the checker passes without it."""

import copy
import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb
from scipy.optimize import minimize

import elboproof as ep
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import ball_of
from elboproof.numbers.functions import Sigmoid
from elboproof.rechecking import (
    best_posterior,
    expectations,
    functions,
    integral_claims,
    integration,
    recheck,
    trapezoids,
)
from elboproof.rechecking.document import CertificateError, Document
from elboproof.rechecking.integral_claims import IntegralClaims
from tests.rechecking import test_recheck as certificates
from tests.rechecking import test_trapezoids as rules
from tests.seeding import CAUGHT, Bug, falsification, patched
from tests.theorems import test_parts as parts

pytestmark = pytest.mark.slow

Z = parts.Z


@lru_cache
def _made(kind: str) -> certificates.Content:
    if kind == "above":
        return certificates.certificate(certificates.CUBIC <= "0.1", certificates.CUBIC_BOX)
    square = ep.Gap("z", ["z**2"], "sigma**2", ["x"])
    return certificates.certificate(square >= "0.6", {"sigma": ("0.28", "0.3"), "x": ("0.6", "0.62")})


def _refused(kind: str, tamper: Callable[[certificates.Content], None]) -> Callable[[], None]:
    """A tampered certificate is refused, and the untouched one is not."""

    def check() -> None:
        content = copy.deepcopy(_made(kind))
        with TemporaryDirectory() as folder:
            tamper(content)
            with pytest.raises(CertificateError):
                certificates.check(content, Path(folder))

    return check


def _accepted() -> None:
    with TemporaryDirectory() as folder:
        for kind in ("above", "below"):
            certificates.check(_made(kind), Path(folder))


def _equal_volumes(content: certificates.Content) -> None:
    """A leaf in place of another one of its volume: the volumes still add up."""
    sides = [[(Fraction(a), Fraction(b)) for a, b in leaf["box"]] for leaf in content["leaves"]]
    volumes = [math.prod(b - a for a, b in one) for one in sides]
    first, second = next((i, j) for i, v in enumerate(volumes) for j in range(i) if volumes[j] == v)
    content["leaves"][first] = copy.deepcopy(content["leaves"][second])


def _between_controls(content: certificates.Content) -> None:
    """A claim that holds at the first control point of its leaf, and not at the worst one."""
    document = Document(content)
    checker = recheck._Checker(document)
    for leaf, record in zip(document.leaves, content["leaves"], strict=True):
        values = [float(checker._above(leaf, c)) for c in checker.exponent.controls(leaf.box)]
        if values[0] < max(values) - 1e-3:
            record["bounds"][1] = str(Fraction((values[0] + max(values)) / 2))
            return
    raise ValueError("every first control point is the worst")


def _narrow_posterior(content: certificates.Content) -> None:
    """A point nearly: without the divergence it would be the best of all."""
    content["leaves"][0]["posterior"]["covariance"] = [["1e-9"]]


def _claims_too_much(content: certificates.Content) -> None:
    """Above the truth of .618, by less than the floats of the search would try."""
    content["statement"]["lower"] = "0.63"
    for leaf in content["leaves"]:
        leaf["bounds"][0] = "0.63"


def _wide_integrals() -> None:
    """Integrals of no use are refused: the claim is not seen to hold, nor to fail."""
    with pytest.MonkeyPatch.context() as patch:
        original = integration.log_integral
        patch.setattr(integral_claims, "log_integral", lambda *a: original(*a) + arb(0, 5))
        _refused("above", lambda _: None)()


def _wide_lower_bounds() -> None:
    """The same where lower bounds rest on the integrals."""
    with pytest.MonkeyPatch.context() as patch:
        original = integration.log_integral
        patch.setattr(integral_claims, "log_integral", lambda *a: original(*a) + arb(0, 0.3))
        patch.setattr(IntegralClaims, "require", lambda _: None)
        _refused("below", lambda _: None)()


def _control_points() -> None:
    for quantity, box in parts.CASES[:3]:
        parts.test_control_points_agree_with_blossoms(quantity, box)


def _divergences() -> None:
    truth = (1 + 2 - 1 - math.log(2)) / 2
    assert recheck._divergence(GaussianPosterior("1", "2")).overlaps(arb(truth, 1e-12))


def _a_wide_exponent() -> None:
    """Mass far out: exp(.49 z^2 - 1e-6 z^4) against the normal, by the trapezoidal rule."""
    function = {Z**2: Fraction(49, 100), Z**4: Fraction(-1, 10**6)}
    grid = np.linspace(-400, 400, 400_001)
    truth = math.log(
        np.exp(-0.01 * grid**2 - 1e-6 * grid**4).sum() * (grid[1] - grid[0]) / math.sqrt(2 * math.pi)
    )
    assert integration.log_integral(function, (Z,)).overlaps(arb(truth, 1e-8))


def _a_tail_that_counts() -> None:
    """A = -log(1 - 2c)/2 for c z^2, integrated up to R = 2 only: the tail makes the ball wide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integration, "_SMALLEST_RADIUS", 2)
        value = integration.log_integral({Z**2: Fraction(37, 100)}, (Z,))
    assert value.overlaps(arb(-math.log(0.26) / 2, 1e-12))


def _majorants() -> None:
    """A polynomial above z sin(z) - 3 z cos(z) + tanh(z)^3 - z^2/2, on both sides."""
    e = Z * sympy.sin(Z) - 3 * Z * sympy.cos(Z) + sympy.tanh(Z) ** 3 - Z**2 / 2
    f = sympy.lambdify(Z, e, "numpy")
    grid = np.linspace(0, 9, 901)
    for mirrored in (False, True):
        dense = integration.majorant(functions.terms(e), Z, mirrored=mirrored)
        bound = sum(float(c) * grid**k for k, c in enumerate(dense))
        assert (f(-grid if mirrored else grid) <= bound + 1e-12).all()


def _moments() -> None:
    expectations._moment.cache_clear()  # what was computed with or without a bug
    try:
        parts.test_moments_of_two_latents_agree_with_quadrature()
    finally:
        expectations._moment.cache_clear()


def _hyperbolic_moments() -> None:
    """E sinh(z) = exp(m + S/2)/2 - exp(-m + S/2)/2."""
    q = GaussianPosterior("0.3", "0.5")
    value = expectations.expectation({sympy.sinh(Z): Fraction(1)}, (Z,), q)
    assert value.overlaps(arb(math.exp(0.25) * math.sinh(0.3), 1e-12))


def _best_elbos() -> None:
    for quantity, box in parts.CASES[:2]:
        parts.test_the_best_elbo_is_bounded_and_not_below_its_value(quantity, box)


def _best_elbo_far_out() -> None:
    """A best Gaussian near m = 7: z^2/2 is nearly cancelled, z pulls."""
    powers = {1: 0.3, 2: 0.49, 4: -0.0001}
    starts = [(m, t) for m in (2.0, 6.0, 12.0) for t in (-0.5, 0.5, 1.5)]
    found = [minimize(lambda u: -parts.elbo(powers, u[0], u[1]), s, method="Nelder-Mead") for s in starts]
    top = max(-float(one.fun) for one in found)
    exact = {Z**k: Fraction(str(c)) for k, c in powers.items()}
    claims = [best_posterior.Threshold(exact, top + shift) for shift in (1e-3, -1e-3)]
    for room in (best_posterior, trapezoids):
        assert room.bounded(claims, Z) == [True, False]


def _best_elbos_of_functions() -> None:
    for e, f in rules.FUNCTIONS:
        rules.test_the_best_elbo_is_bounded_and_not_below_its_value(e, f)


def _expectations_of_functions() -> None:
    for m, s in rules.GAUSSIANS:
        rules.test_expectations_are_enclosed_sharply(m, s)


def _expectations_on_cells() -> None:
    for m, s in rules.GAUSSIANS:
        rules.test_cells_enclose_the_expectations_of_their_gaussians(m, s)


CHECKS: dict[str, Callable[[], None]] = {
    "accepted": _accepted,
    "equal volumes": _refused("above", _equal_volumes),
    "a missing leaf": _refused("above", certificates.missing_leaf),
    "a claim between control points": _refused("above", _between_controls),
    "a missing integral": _refused("above", certificates.missing_integral),
    "a smaller integral": _refused("above", certificates.smaller_integral),
    "a narrow posterior": _refused("above", _narrow_posterior),
    "claims too much": _refused("below", _claims_too_much),
    "wide integrals": _wide_integrals,
    "wide lower bounds": _wide_lower_bounds,
    "control points": _control_points,
    "divergences": _divergences,
    "a wide exponent": _a_wide_exponent,
    "a tail that counts": _a_tail_that_counts,
    "majorants": _majorants,
    "moments": _moments,
    "hyperbolic moments": _hyperbolic_moments,
    "best ELBOs": _best_elbos,
    "best ELBO far out": _best_elbo_far_out,
    "best ELBOs of functions": _best_elbos_of_functions,
    "expectations of functions": _expectations_of_functions,
    "expectations on cells": _expectations_on_cells,
    "a coarse rule": rules.test_a_coarse_rule_is_not_trusted,
    "a rule that ends early": rules.test_the_terms_beyond_the_last_are_covered,
}

_Checker, _Expectations = recheck._Checker, trapezoids._Expectations
_COVER, _LINE_LOGARITHM, _MAJORANT = recheck._require_cover, integration._logarithm, integration.majorant
_SYMMETRIC, _WEIGHTS, _QUARTERED = functions._symmetric, functions.Exponent.weights, best_posterior._quartered
_LEFT, _CALL, _HALVED = best_posterior._left, _Expectations.__call__, trapezoids._halved
_DIVERGENCE, _TANGENT, _CENTRAL = recheck._divergence.__wrapped__, _Checker._tangent, expectations._central


def _only_volumes(leaves: Any, box: Any) -> None:
    """Overlaps are not looked for."""
    total = sum(math.prod(b - a for a, b in leaf.box) for leaf in leaves)
    if total != math.prod(b - a for a, b in box):
        raise CertificateError("leaves")


def _only_overlaps(leaves: Any, box: Any) -> None:
    """Volumes are not added up."""
    try:
        _COVER(leaves, box)
    except CertificateError as error:
        if "overlap" in str(error):
            raise


def _weak_claims(self: Any) -> None:
    """A claim passes unless it is seen to fail."""
    for key, (name, constant, low, high) in self.claimed.items():
        value = self.value(key) + ball_of(constant)
        if value < ball_of(low) or value > ball_of(high):
            raise CertificateError(name)


def _weak_upper(self: Any, leaf: Any, bound: Fraction) -> None:
    """An upper bound passes unless it is seen to fail."""
    if leaf.upper > bound or any(
        self._above(leaf, c) > ball_of(leaf.upper) for c in self.exponent.controls(leaf.box)
    ):
        raise CertificateError(leaf.name)


def _first_control(self: Any, leaf: Any, bound: Fraction) -> None:
    """Only the first control point of a leaf is looked at."""
    if leaf.upper > bound or not self._above(leaf, self.exponent.controls(leaf.box)[0]) <= ball_of(
        leaf.upper
    ):
        raise CertificateError(leaf.name)


def _any_integral(self: Any, function: Any, leaf: Any) -> arb:
    """Integrals that the certificate lacks are computed on the way."""
    value: arb = self.integrals.value((function.key, leaf.radius)) + ball_of(function.constant)
    return value


def _steep_tangent(self: Any, leaf: Any, control: Any) -> arb:
    return _TANGENT(self, leaf, control) + arb(0.05)


def _optimistic(self: Any, leaf: Any, control: Any, bound: Fraction) -> Any:
    """The threshold is the upper end of its ball."""
    value = self._tangent(leaf, control) - ball_of(control.constant) - ball_of(bound)
    return best_posterior.Threshold(dict(control.key), float(value.upper()))


def _without_signs(function: Any, z: Any, mirrored: bool = False) -> Any:
    """Products with atoms count with their sign, as if the atom were 1."""
    total = [Fraction(0)] * 3
    for monomial, number in function.items():
        power = int(monomial.as_powers_dict().get(z, 0))
        total += [Fraction(0)] * (power + 1 - len(total))
        total[power] += number * (-1) ** power if mirrored else number
    return total


def _point_expectations(self: Any, m: Any, s: Any) -> Any:
    """The radius of a cell is forgotten."""
    plain = BallArray(m.mid), BallArray(s.mid)
    return _CALL(self, *plain)


def _no_error(self: Any, m: Any, *_: Any) -> Any:
    return np.zeros((len(m), len(self.powers)))


BUGS: dict[str, Bug] = {
    "overlaps are not looked for": patched((recheck, "_require_cover", _only_volumes), by="equal volumes"),
    "volumes are not added up": patched((recheck, "_require_cover", _only_overlaps), by="a missing leaf"),
    "undecided integrals are accepted": patched(
        (IntegralClaims, "require", _weak_claims),
        (_Checker, "_require_upper", _weak_upper),
        by="wide integrals",
    ),
    "claims about integrals are not checked": patched(
        (IntegralClaims, "require", lambda _: None), by="a smaller integral"
    ),
    "one control point stands for all": patched(
        (_Checker, "_require_upper", _first_control), by="a claim between control points"
    ),
    "undecided upper bounds are accepted": patched(
        (_Checker, "_require_upper", _weak_upper),
        (IntegralClaims, "require", lambda _: None),
        by="wide integrals",
    ),
    "integrals need not be claimed": patched((_Checker, "_mass", _any_integral), by="a missing integral"),
    "the divergence is dropped": patched(
        (recheck, "_divergence", lru_cache(lambda q: _DIVERGENCE(q) * 0)),
        by=("divergences", "a narrow posterior"),
    ),
    "lower bounds are not required": patched(
        (_Checker, "_require_lower", lambda *_: None), by="claims too much"
    ),
    "no Gaussian is compared": patched(
        (_Checker, "_require_no_better_gaussian", lambda _: None), by="claims too much"
    ),
    "the tangent is too high": patched((_Checker, "_tangent", _steep_tangent), by="claims too much"),
    "thresholds are rounded up": patched((_Checker, "_threshold", _optimistic), by="wide lower bounds"),
    "blossoms lack their binomials": patched(
        (
            functions,
            "_symmetric",
            lambda n, a, b: [[v * math.comb(n, k) for k, v in enumerate(row)] for row in _SYMMETRIC(n, a, b)],
        ),
        by=("control points", "accepted"),
    ),
    "w takes one end only": patched(
        (functions.Exponent, "weights", lambda s, box: (_WEIGHTS(s, box)[0],) * 2), by="control points"
    ),
    "the radius is not enlarged": patched((integration, "_radius", lambda _: 16.0), by="a wide exponent"),
    "the tail is dropped": patched(
        (integration, "_logarithm", lambda e, f, r, _, even=False: _LINE_LOGARITHM(e, f, r, arb(0), even)),
        by="a tail that counts",
    ),
    "atoms count as 1": patched((integration, "majorant", _without_signs), by="majorants"),
    "moments lack their factorials": patched(
        (expectations, "_central", lambda k, v: Fraction(0) if k % 2 else v ** (k // 2)), by="moments"
    ),
    "exponentials are those of the mean": patched(
        (
            expectations,
            "_of_exponentials",
            lambda *a: ball_of(a[2].mean[0]).sinh(),
        ),
        by="hyperbolic moments",
    ),
    "open cells are dropped": patched(
        (
            best_posterior,
            "_left",
            lambda c, cells, *t: _LEFT(c, cells, *t) & (cells[:, 1] - cells[:, 0] > 0.5),
        ),
        by="best ELBOs",
    ),
    "a quarter of each cell is lost": patched(
        (best_posterior, "_quartered", lambda c: _QUARTERED(c)[len(c) :]), by="best ELBOs"
    ),
    "the outer cells are too few": patched(
        (best_posterior, "supremum", lambda *_: -8.0), by="best ELBO far out"
    ),
    "the trapezoids' error is dropped": patched(
        (_Expectations, "_missing", _no_error), by=("a coarse rule", "a rule that ends early")
    ),
    "poles are ignored": patched(
        (trapezoids, "_STRIP", {sympy.tanh: 60.0, Sigmoid: 60.0}), by="expectations of functions"
    ),
    "the cell's radius is forgotten": patched(
        (_Expectations, "__call__", _point_expectations), by="expectations on cells"
    ),
    "slopes are the functions themselves": patched(
        (trapezoids, "_derivative", lambda f, _: f), by="best ELBOs of functions"
    ),
    "half of each cell is lost": patched(
        (trapezoids, "_halved", lambda c, m: _HALVED(c, m)[len(c) :]), by="best ELBOs of functions"
    ),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (*CAUGHT, CertificateError))
)
