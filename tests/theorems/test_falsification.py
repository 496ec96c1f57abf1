"""Bugs seeded into the proofs over boxes: each is caught by a check that the proofs pass without it."""

import math
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, fmpq
from scipy.optimize import minimize

import elboproof as ep
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.ball_arrays import BallArray
from elboproof.theorems import (
    best_atoms,
    best_elbo,
    expressions,
    leaf,
    leaf_bounds,
    leaf_estimates,
    natural,
    polynomials,
    search,
    sufficient_statistics,
    tails,
)
from elboproof.theorems.best_elbo import BestElbo, ElboBound
from tests.seeding import Bug, falsification, patched
from tests.theorems import test_for_all as statements
from tests.theorems import test_parts as parts

pytestmark = pytest.mark.slow

SINE = parts.made(parts.SINE, parts.SINE_BOX)


def _control_points() -> None:
    for quantity, box in parts.CASES[:3]:
        parts.test_control_points_agree_with_blossoms(quantity, box)


def _bernstein_basis() -> None:
    parts.test_a_larger_degree_than_the_polynomials_would_be_wrong()


def _suprema_on_both_sides() -> None:
    """The exponent's supremum, for data of either sign."""
    for x in ("7/10", "-7/10"):
        made, sides = parts.made(ep.Gap("z", ["z + c*z**3"], "v", [x]), parts.CUBIC_BOX)
        for control in made.controls(sides) or []:
            bound = tails.supremum(made, control.theta)
            assert bound is not None
            grid = [parts.exponent(made, control.theta, z) - 0.375 * z * z for z in np.linspace(-9, 9, 1801)]
            assert max(grid) <= bound


def _quadratic_suprema() -> None:
    """The same by completing squares."""
    made, sides = parts.made(parts.CUBIC, parts.CUBIC_BOX)
    for theta, bound in tails.quadratic_suprema(made, sides).items():
        grid = [parts.exponent(made, theta, z) - 0.375 * z * z for z in np.linspace(-9, 9, 1801)]
        assert bound is None or max(grid) <= bound


def _divergences() -> None:
    q = GaussianPosterior(["1", "0"], [["2", "1/2"], ["1/2", "1"]])
    truth = (1 + 3 - 2 - math.log(1.75)) / 2
    assert sufficient_statistics.divergence(q).overlaps(arb(truth, 1e-12))


def _moments_of_two() -> None:
    parts.test_moments_of_two_latents_agree_with_quadrature()


def _moments_with_a_short_reach() -> None:
    """Expectations of z sin(z) and the like where the tail's bound counts."""
    made, _ = SINE
    q = GaussianPosterior("0.3", "1/2")
    names = {sympy.Symbol("z", real=True): 0.3}
    for value, statistic in zip(sufficient_statistics.expectations(made, q), made.statistics, strict=True):
        z = next(iter(names))
        f = sympy.lambdify(z, z ** statistic[0] * sympy.sin(z) ** statistic[1], "mpmath")
        s = math.sqrt(0.5)
        truth = mpmath.quad(
            lambda t, f=f, s=s: f(t) * mpmath.npdf(t, 0.3, s), np.linspace(-7, 7, 29).tolist()
        )
        assert value.overlaps(arb(float(truth), 1e-12))


def _short(check: Callable[[], None]) -> Callable[[], None]:
    """Integrate up to 2 deviations only, so that tails are no formality."""

    def steered() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sufficient_statistics, "_RADIUS", 0)
            check()

    return steered


def _evidence_of_a_leaf() -> None:
    """Bounds over one leaf, whose evidence N(6/5; 0, 1 + v) is largest between the ends of v."""
    quantity = ep.LogEvidence("z", ["z + c*z**3"], "v", ["6/5"])
    made, sides = parts.made(quantity, {"c": ("0", "0.001"), "v": ("0.1", "1")})  # type: ignore[arg-type]
    judge = leaf_bounds.Judge(quantity.between(-5, 5), made)
    whole = judge.leaf(sides)
    whole.posterior = GaussianPosterior("0", "1")
    judge.prove([whole], time.monotonic() + 60.0)
    for v in np.linspace(0.1, 1, 19):
        truth = -math.log(2 * math.pi * (1 + v)) / 2 - 1.44 / (2 * (1 + v))
        assert whole.lower - 1e-3 <= truth <= whole.upper + 1e-3  # c = 0: at most some 1e-4 from the others


def _tangents_lie_below() -> None:
    """The tangent of A at a leaf's centre is at most A at the control points, and close to it nearby."""
    statement = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"]) >= "0.001"
    made, sides = parts.made(parts.CUBIC, parts.CUBIC_BOX)
    judge = leaf_bounds.Judge(statement, made)
    whole = judge.leaf(sides)
    wanted = [c.theta for c in whole.controls or []] + judge.wanted(whole)
    judge.integrals.bounds(
        [(theta, judge.supremum(whole, theta)) for theta in wanted], time.monotonic() + 60.0
    )
    for control in whole.controls or []:
        assert judge._tangent(whole, control) <= judge._mass(control.theta)[1] + 1e-6


def _best_elbos() -> None:
    for quantity, box in parts.CASES[:2]:
        parts.test_the_best_elbo_is_bounded_and_not_below_its_value(quantity, box)


def _best_elbo_far_out() -> None:
    """A best Gaussian near m = 7: z^2/2 is nearly cancelled, z pulls."""
    made, _ = parts.made(ep.Gap("z", ["z + c*z**2"], "v", ["1"]), {"c": ("1", "2"), "v": ("1", "2")})
    powers = {1: 0.3, 2: 0.49, 3: 0.0, 4: -0.0001}
    theta = tuple(fmpq(*Fraction(str(powers[s[0]])).as_integer_ratio()) for s in made.statistics)
    bound = tails.supremum(made, theta)
    assert bound is not None
    starts = [(m, t) for m in (2.0, 6.0, 12.0, 18.0) for t in (-0.5, 0.5, 1.5)]
    found = [minimize(lambda u: -parts.elbo(powers, u[0], u[1]), s, method="Nelder-Mead") for s in starts]
    top = max(-float(one.fun) for one in found)
    claims = [ElboBound(theta, bound, top + shift) for shift in (1e-3, -1e-3)]
    assert BestElbo(made).proved(claims, math.inf) == [True, False]


def _late_is_not_proved() -> None:
    made, sides = parts.made(parts.CUBIC, parts.CUBIC_BOX)
    claims = [ElboBound(c.theta, 1.0, 0.1) for c in made.controls(sides) or []]
    assert not any(BestElbo(made).proved(claims, -math.inf))


def _cells_of_atoms() -> None:
    """Expectations and slopes on cells, by 3-point rules whose error counts, against mpmath."""
    atoms = best_atoms.AtomsBestElbo(SINE[0])
    cells = np.array([[0.3, -0.5, 0.05, 0.05], [-1.0, 0.5, 0.02, 0.1]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(best_atoms, "POINTS", 3)
        bounds = atoms._bounds(cells)
    z = sympy.Symbol("z", real=True)
    for b, (m, t, half_m, half_t) in enumerate(cells.tolist()):
        for k, statistic in enumerate(SINE[0].statistics):
            e = z ** statistic[0] * sympy.sin(z) ** statistic[1]
            slope, curvature = sympy.diff(e, z), sympy.diff(e, z, 2)
            for pair, f, power, places in (
                (bounds.value, e, 0, [(m, t)]),
                (bounds.along_m, slope, 0, [(m, t), (m + half_m, t - half_t)]),
                (bounds.along_t, curvature, 2, [(m, t), (m - half_m, t + half_t)]),
            ):
                for mean, log_s in places:
                    s = math.exp(log_s)
                    truth = s**power * _mean(f, mean, s)
                    assert abs(truth - pair[0][b, k]) <= pair[1][b, k] + 1e-13 * (1 + abs(truth))


def _mean(e: Any, m: float, s: float) -> float:
    """E[e] by Gauss-Hermite quadrature of 80 points; d/dt E[T] = s^2 E[T''] by Price's theorem."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    f = sympy.lambdify(sympy.Symbol("z", real=True), e, "numpy")
    return float(weights @ (f(m + s * nodes) + 0 * nodes) / weights.sum())


def _errors_of_rules() -> None:
    """The error of a 3-point rule on one panel is within its bound, for T and for its slopes."""
    atoms, m, s, place, half = best_atoms.AtomsBestElbo(SINE[0]), 0.3, 0.9, 0.7, 0.8
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(best_atoms, "POINTS", 3)
        bounds = atoms._errors(BallArray([[m]]), BallArray([[s]]), BallArray([place]), half)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    z = sympy.Symbol("z", real=True)
    for k, e in enumerate(atoms.statistics):
        slope = sympy.diff(e, z)
        for bound, expression, power in zip(bounds, (e, slope, slope), (0, 0, 1), strict=True):
            f = sympy.lambdify(z, expression, "mpmath")

            def g(t: Any, f: Any = f, power: int = power) -> Any:
                return f(m + s * t) * (s * t) ** power * mpmath.npdf(t)

            rule = sum(
                half * w * g(place + half * x) for x, w in zip(nodes.tolist(), weights.tolist(), strict=True)
            )
            assert abs(float(mpmath.quad(g, [place - half, place + half]) - rule)) <= bound[0, k]


def _tails_of_atoms() -> None:
    """What lies beyond R = 2 in E[T] is within its bound."""
    atoms = best_atoms.AtomsBestElbo(SINE[0])
    m, s, radius = 0.4, 0.8, 2.0
    (first, second) = atoms._tails(BallArray([[m]]), BallArray([[s]]), radius)
    z = sympy.Symbol("z", real=True)
    for k, e in enumerate(atoms.statistics):
        for bound, f in ((first, e), (first, sympy.diff(e, z)), (second, s * sympy.diff(e, z))):
            g = sympy.lambdify(z, abs(f), "mpmath")
            extra = abs if bound is second else (lambda _: 1)
            outside = sum(
                mpmath.quad(
                    lambda t, g=g, i=i, extra=extra: g(m + i * s * t) * extra(t) * mpmath.npdf(t),
                    [radius, 4, 9],
                )
                for i in (-1, 1)
            )
            assert float(outside) <= bound[0, k]


def _best_elbo_of_atoms() -> None:
    """-2 (sin z - 1/2)^2 without its constant: 2 sin z - 2 sin^2 z."""
    made, _ = SINE
    theta = tuple(fmpq({(0, 1): 2, (0, 2): -2}.get((s[0], s[1]), 0)) for s in made.statistics)
    bound = tails.supremum(made, theta)
    assert bound is not None

    def loss(u: Any) -> float:
        s = math.exp(u[1])
        body = 2 * sympy.sin(parts.Z) - 2 * sympy.sin(parts.Z) ** 2
        return float(-_mean(body, u[0], s) + (u[0] ** 2 + s * s - 1) / 2 - u[1])

    top = max(-float(minimize(loss, start, method="Nelder-Mead").fun) for start in ((0.5, -0.5), (-0.5, 0.0)))
    for margin in (0.0, 100.0):  # a box that is rounded up and reaches to deviations of exp(6)
        claims = [ElboBound(theta, bound + margin, top + shift) for shift in (0.01, -0.01)]
        assert [BestElbo(made).proved([claim], math.inf)[0] for claim in claims] == [True, False]


def _claims_are_weaker() -> None:
    for bound in (0.1, -2.0, 0.0, 1e-12, 123.456):
        assert leaf.claim_below(bound) < Fraction(bound) < leaf.claim_above(bound)


def _positive_variances() -> None:
    with pytest.raises(ValueError, match="variance: got a value that is not positive"):
        ep.for_all(statements.statement(variance="v - c"), {"c": ("0", "1"), "v": ("0.9", "2")})


def _real_decoders() -> None:
    """The coefficient vanishes at the box's centre, and nowhere else."""
    for decoder in ("z + c*log(z)", "z + (c + c**3)*sqrt(z)"):
        with pytest.raises(ValueError, match=r"decoder\[0\]: got .* not real"):
            ep.for_all(ep.Gap("z", [decoder], 1, ["1/2"]) >= 0, {"c": ("-1", "1")})


def _false_lower_bounds() -> None:
    statements.test_a_false_lower_bound_is_refuted()


def _false_upper_bounds() -> None:
    statements.test_a_false_upper_bound_is_refuted_at_an_exact_point()


def _leaves_bound_the_gap() -> None:
    statements.test_every_leaf_bounds_the_gap_at_its_points()


def _whole_box() -> None:
    """The leaves of a proof have the box's volume."""
    answer = ep.for_all(statements.cubic <= "0.1", statements.CUBIC_BOX)
    assert isinstance(answer, ep.Proof)
    sides = [
        [(Fraction(a), Fraction(b)) for a, b in one["box"]] for one in answer.certificate.content["leaves"]
    ]
    assert sum(math.prod(b - a for a, b in one) for one in sides) == Fraction("0.3") * Fraction("0.99")


CHECKS: dict[str, Callable[[], None]] = {
    "control points": _control_points,
    "Bernstein's basis": _bernstein_basis,
    "suprema": _suprema_on_both_sides,
    "suprema by squares": _quadratic_suprema,
    "divergences": _divergences,
    "moments of two latents": _moments_of_two,
    "moments, short reach": _short(_moments_with_a_short_reach),
    "evidence of a leaf": _evidence_of_a_leaf,
    "tangents": _tangents_lie_below,
    "best ELBOs": _best_elbos,
    "best ELBO far out": _best_elbo_far_out,
    "late": _late_is_not_proved,
    "cells of atoms": _cells_of_atoms,
    "rules' errors": _errors_of_rules,
    "tails of atoms": _tails_of_atoms,
    "best ELBO of atoms": _best_elbo_of_atoms,
    "claims": _claims_are_weaker,
    "positive variances": _positive_variances,
    "real decoders": _real_decoders,
    "false lower bounds": _false_lower_bounds,
    "false upper bounds": _false_upper_bounds,
    "leaves": _leaves_bound_the_gap,
    "whole box": _whole_box,
}

_CONTROLS, _HALVED, _UNIVARIATE = natural.Natural.controls, best_elbo._halved, tails._univariate
_REAL = expressions.require_real
_STEP, _PROVED = BestElbo._step, BestElbo._proved
_COMPLETED, _WIDENED, _QUARTERED = tails._completed, best_atoms._widened, best_atoms._quartered
_DIVERGENCE, _HALVES, _ERRORS = (
    sufficient_statistics.divergence,
    natural.halves,
    best_atoms.AtomsBestElbo._errors,
)


def _one_end_of_w(self: Any, box: Any) -> Any:
    """The control points with the larger w only."""
    found = _CONTROLS(self, box) or []
    top = max(c.weight for c in found)
    return [c for c in found if c.weight == top]


def _looked_at_once(self: Any, *arguments: Any) -> Any:
    """Cells that are open are dropped."""
    return _STEP(self, *arguments).part(slice(0, 0))


def _late_holds(self: Any, claims: Any, deadline: float) -> list[bool]:
    return [True] * len(claims) if deadline == -math.inf else _PROVED(self, claims, deadline)


def _turned_difference(self: Any, one: Any, control: Any) -> arb:
    """The difference of A has the wrong sign."""
    centre, before = self._mass(one.centre.theta), self._mass(one.before(control))
    value: arb = centre[0] + (before[0] - centre[1]) * 16
    return value


BUGS: dict[str, Bug] = {
    "decoders are looked at in the box's centre": patched(
        (natural, "require_real", lambda p, b, _: _REAL(p, b, ())), by="real decoders"
    ),
    "a control point is forgotten": patched(
        (natural.Natural, "controls", lambda s, b: (_CONTROLS(s, b) or [])[:-1]), by="control points"
    ),
    "w takes one end only": patched((natural.Natural, "controls", _one_end_of_w), by="control points"),
    "control points are values": patched(
        (
            polynomials,
            "_conversion",
            lambda n, a, b: np.array(
                [
                    [polynomials.rational(a + (b - a) * Fraction(i, n)) ** k for k in range(n + 1)]
                    for i in range(n + 1)
                ]
            ),
        ),
        by=("Bernstein's basis", "control points"),
    ),
    "the exponent is looked at for z >= 0": patched((tails, "_greater", lambda a, _: a), by="suprema"),
    "a supremum is too small": patched(
        (tails, "_univariate", lambda c: (_UNIVARIATE(c) or 0.0) / 4), by="suprema"
    ),
    "the constant is subtracted twice": patched(
        (tails, "_completed", lambda g, v, w, d: None if (r := _COMPLETED(g, v, w, d)) is None else r - 1),
        by="suprema by squares",
    ),
    "the divergence lacks its determinant": patched(
        (sufficient_statistics, "divergence", lambda q: _DIVERGENCE(q) + q.entropy() - q.latent_dim),
        by="divergences",
    ),
    "covariances are forgotten in moments": patched(
        (
            sufficient_statistics._Moments,
            "__call__",
            lambda s, p: math.prod((m**k for m, k in zip(s.q.mean, p, strict=True)), start=Fraction(1)),
        ),
        by="moments of two latents",
    ),
    "the tails of moments are dropped": patched(
        (sufficient_statistics, "growth", lambda *_: (arb(0), arb(0))), by="moments, short reach"
    ),
    "the chord stands for the tangent": patched(
        (leaf_bounds, "rest", lambda n, c, one, _: leaf_estimates.rest(n, c, one, False)),
        by="evidence of a leaf",
    ),
    "the tangent's difference is turned": patched(
        (leaf_bounds.Judge, "_tangent", _turned_difference), by="tangents"
    ),
    "open cells are dropped": patched((BestElbo, "_step", _looked_at_once), by="best ELBOs"),
    "one half of each cell is lost": patched(
        (best_elbo, "_halved", lambda c, spread: _HALVED(c, spread).part(slice(0, len(c.owner)))),
        by=("best ELBOs", "best ELBO far out"),
    ),
    "deviations end too early": patched((best_elbo, "_highest", lambda _: -1.5), by="best ELBO of atoms"),
    "the outer box is too small": patched((best_elbo, "_margin", lambda _: 1.0), by="best ELBO far out"),
    "what is late counts as proved": patched((BestElbo, "_proved", _late_holds), by="late"),
    "the rules' errors are dropped": patched(
        (best_atoms.AtomsBestElbo, "_errors", lambda *a: [e * 0 for e in _ERRORS(*a)]), by="rules' errors"
    ),
    "radii of expectations are dropped": patched(
        (best_atoms, "_widened", lambda b, more: (_WIDENED(b, more)[0], more * 0)),
        by=("cells of atoms", "best ELBO of atoms"),
    ),
    "the tail is that of a narrower normal": patched(
        (best_atoms, "_erfc", lambda t: np.vectorize(math.erfc)(t) * 0.1), by="tails of atoms"
    ),
    "a quarter of each cell is lost": patched(
        (best_atoms, "_quartered", lambda c: _QUARTERED(c)[: 3 * len(c)]), by="best ELBO of atoms"
    ),
    "claims are rounded to nearest": patched(
        (leaf, "claim_above", lambda b: Fraction(round(b * 10**8), 10**8)), by="claims"
    ),
    "the sign of the variance is not looked at": patched(
        (natural, "_require_positive", lambda *_: None), by="positive variances"
    ),
    "every lower bound of a gap is free": patched(
        (
            leaf_bounds.Judge,
            "_prove_gaps_from_below",
            lambda _, leaves, __: [vars(x).update(above=True) for x in leaves],
        ),
        (leaf_estimates.Estimates, "promising", lambda *_: True),
        by="false lower bounds",
    ),
    "every leaf holds": patched(
        (leaf_bounds.Judge, "holds", lambda *_: True),
        (leaf_estimates.Estimates, "promising", lambda *_: True),
        by=("false upper bounds",),
    ),
    "the divergence is not added": patched(
        (sufficient_statistics, "divergence", lambda q: _DIVERGENCE(q) * 0), by=("divergences", "leaves")
    ),
    "a sliver is lost in a cut": patched(
        (search, "halves", lambda box, axis, cut: _HALVES(box, axis, cut)[:1]), by="whole box"
    ),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)
