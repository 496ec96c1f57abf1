"""Bugs seeded into ep.unit_speed: each is caught by a named check that the code itself passes."""

import math
from collections.abc import Callable
from fractions import Fraction

import mpmath
import pytest
import sympy
from flint import acb, arb

import elboproof as ep
from elboproof.numbers import spans
from elboproof.numbers.balls import working_precision
from elboproof.numbers.spans import Span
from elboproof.posterior import unit_speed_panels as panels
from elboproof.posterior import unit_speed_regular as regular
from elboproof.posterior import unit_speed_stationary as stationary
from elboproof.posterior.unit_speed_curve import Curve
from elboproof.posterior.unit_speed_panels import Window
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG
from tests.posterior import test_unit_speed as plain
from tests.posterior.routes import gaussian_joint
from tests.seeding import CAUGHT, Bug, Seeded, falsification

X = ("0.7", "0.49")
MODEL = ep.LatentModel("z", ["z", "z**2"], ep.Gaussian("1/100"))
UNDAMPED = ep.LatentModel("z", ["z", "sin(3*z)"], ep.Gaussian("1"))
CURVES = {model: Curve(model) for model in (MODEL, UNDAMPED)}
PROVED = {model: regular.proved_regular(curve) for model, curve in CURVES.items()}


def window(model: ep.LatentModel, mean: float, deviation: float, digits: float) -> Window:
    data = [arb(number) for number in X]
    return Window(CURVES[model], PROVED[model], data, mean, deviation, digits)


def moments_of_the_normal_law() -> None:
    """With g = 1 the moments are 1, 0, 1, 0, 3; few digits, so that the rules' and the tails' errors count."""
    with working_precision(120):
        for mean, deviation in ((0.9, 0.1), (-0.3, 1.0)):
            made = window(MODEL, mean, deviation, 1)
            made.nodes = [panels.Node(node.weight, node.length, arb(1)) for node in made.nodes]
            found = made.moments(arb(mean), arb(deviation))
            assert all(ball.contains(exact) for ball, exact in zip(found, (1, 0, 1, 0, 3), strict=True))


def moments_of_few_points() -> None:
    """A rule of fewer points than the digits ask for: its error is within the radius."""
    with working_precision(120), pytest.MonkeyPatch.context() as patch:
        patch.setattr(panels, "FEWEST", 8)
        for model in CURVES:
            sharp = window(model, 0.9, 0.5, 25).moments(arb(0.9), arb(0.5))
            patch.setattr(Window, "_points", lambda *_: 8)
            rough = window(model, 0.9, 0.5, 20)
            patch.undo()
            patch.setattr(panels, "FEWEST", 8)
            for a, b in zip(sharp, rough.moments(arb(0.9), arb(0.5)), strict=True):
                assert a.overlaps(b)


def narrow_windows() -> None:
    """A window of a few deviations: the tails that are left out are within the radius."""
    with working_precision(120), pytest.MonkeyPatch.context() as patch:
        for mean, deviation in ((0.9, 0.1), (0.4, 0.3)):
            sharp = window(MODEL, mean, deviation, 25).moments(arb(mean), arb(deviation))
            for spare in (-11.5, -11.0, -10.0):
                patch.setattr(panels, "SPARE", spare)
                made = window(MODEL, mean, deviation, 12)
                patch.undo()
                assert all(
                    a.overlaps(b) for a, b in zip(sharp, made.moments(arb(mean), arb(deviation)), strict=True)
                )


def tails_of_mpmath() -> None:
    """The bound of a tail of the parabola is above its integral, and not by more than a factor of 100."""
    with working_precision(120):
        mean, deviation = arb(0.9), arb(0.1)
        made = window(MODEL, 0.9, 0.1, 1)
        for end in made.ends:
            for k in (0, 2, 4):
                bound = float(panels._tail(end, k, mean, deviation, arb(1) / 100).mid())
                truth = _tail_by_mpmath(float(end.length.mid()), end.side, k)
                assert truth <= bound
                assert bound <= 100 * truth


def _tail_by_mpmath(start: float, side: int, k: int) -> float:
    joint = gaussian_joint(lambda z: [z, z * z], X, Fraction(1, 100))

    def size(y: mpmath.mpf) -> mpmath.mpf:
        t = start + side * y
        z = mpmath.findroot(lambda z: plain.parabola_length(z) - t, t / 2)
        u = (t - mpmath.mpf("0.9")) * 10
        return mpmath.exp(-u * u / 2) * abs(u) ** k * abs(joint(z) - mpmath.log(1 + 4 * z * z) / 2)

    return float(mpmath.quad(size, mpmath.linspace(0, 0.5, 6)))


def lengths_over_rectangles() -> None:
    """A panel's L over its rectangle holds the closed form at the rectangle's corners."""
    with working_precision(120):
        made = window(MODEL, 0.9, 0.5, 8)
        curve = CURVES[MODEL]
        for a, b in ((-0.5, -0.49), (0.25, 0.26), (0.9, 0.91)):
            start = curve.length(arb(0), arb(a))
            made.panels.clear()
            assert made._accepted(a, b, start) is not None
            centre, half = (a + b) / 2, (b - a) / 2
            for along in (-1, 1):
                for across in (-1, 1):
                    corner = acb(centre + along * ALONG * half, across * ACROSS * half)
                    exact = corner * (1 + 4 * corner * corner).sqrt() / 2 + (2 * corner).asinh() / 4
                    assert made.panels[0].length.overlaps(exact)


def derivatives_of_the_elbo() -> None:
    """Gradient and Hessian in (mu, tau) are those that central differences of ep.unit_speed(model).elbo show."""
    step, place = 1e-3, (0.93, 0.11)
    curve = ep.unit_speed(MODEL)

    def elbo(mu: float, tau: float) -> float:
        mean, deviation = place[0] + place[1] * mu, place[1] * math.exp(tau)
        return float(curve.elbo(X, ep.GaussianPosterior(mean, deviation**2), 13).midpoint)

    system = stationary._System(CURVES[MODEL], PROVED[MODEL], [Fraction(n) for n in X], *place, math.inf)
    with working_precision(200):
        gradient, hessian = system.enclosed(1e-11)
        g = [float(v.mid()) for v in gradient]
        h = [[float(v.mid()) for v in row] for row in hessian]
    here, s = elbo(0, 0), step
    assert g[0] == pytest.approx((elbo(s, 0) - elbo(-s, 0)) / (2 * s), abs=1e-4)
    assert g[1] == pytest.approx((elbo(0, s) - elbo(0, -s)) / (2 * s), abs=1e-4)
    assert h[0][0] == pytest.approx((elbo(s, 0) + elbo(-s, 0) - 2 * here) / s**2, abs=1e-3)
    assert h[1][1] == pytest.approx((elbo(0, s) + elbo(0, -s) - 2 * here) / s**2, abs=1e-3)
    mixed = (elbo(s, s) + elbo(-s, -s) - elbo(s, -s) - elbo(-s, s)) / (4 * s**2)
    assert h[0][1] == pytest.approx(mixed, abs=1e-3)


def hessian_over_a_box() -> None:
    """The Hessian over a wide box holds those at its corners."""
    system = stationary._System(CURVES[MODEL], PROVED[MODEL], [Fraction(n) for n in X], 0.93, 0.11, math.inf)
    with working_precision(200):
        wide = system.enclosed(0.01)[1]
        data = [arb(n) for n in X]
        for mu in (-0.01, 0.01):
            for tau in (-0.01, 0.01):
                mean, deviation = arb(0.93) + arb(0.11) * mu, arb(0.11) * arb(tau).exp()
                ratio = arb(-tau).exp()
                made = Window(CURVES[MODEL], PROVED[MODEL], data, 0.93, 0.11, 20)
                found = made.moments(mean, deviation)
                assert wide[0][0].overlaps(ratio * ratio * (found[2] - found[0]))
                assert wide[0][1].overlaps(ratio * (found[3] - 3 * found[1]))


def known_bounds() -> None:
    plain.test_bounds_of_the_speed_are_bounds()
    with working_precision(64):
        found = regular.proved_regular(Curve(ep.LatentModel("z", ["asinh(z)"], ep.Gaussian(1))))
        assert 0.9 < float(found.right[1]) <= float(mpmath.mpf(5) / mpmath.sqrt(17)) + 1e-12


def refusals() -> None:
    for decoder, words in (
        (["tanh(z)"], "finite length over z >= 0"),
        (["exp(z)"], "finite length over z <= 0"),
    ):
        plain.test_refused_curves(decoder, words)


def poles() -> None:
    for decoder in (["z", "1/(z - 2000)**2"], ["z", "atan(1/(z - 3/7))"]):
        plain.test_what_is_not_shown_is_undecided(decoder, "not shown")
    y = sympy.Symbol("y", positive=True)
    with working_precision(64):
        assert regular._least(1 + sympy.atan(1 / (y - 2000)) ** 2, 4, False) == arb.neg_inf()
        assert regular._least(1 + sympy.atan(1 / (y - 2000)) ** 2, 4000, False) > 0


def products_of_spans() -> None:
    value = Span(arb(-2), arb(3)) * Span(arb(-5), arb.pos_inf())
    assert value.low == arb.neg_inf()
    value = Span(arb(-2), arb(3)) * Span(arb(-5), arb(1))
    assert float(value.low) == -15
    assert float(value.high) == 10
    assert (Span(arb(1), arb(2)) / Span(arb(-1), arb(1))) == spans.UNDEFINED


CHECKS: dict[str, Callable[[], None]] = {
    check.__name__: check
    for check in (
        moments_of_the_normal_law,
        moments_of_few_points,
        narrow_windows,
        tails_of_mpmath,
        lengths_over_rectangles,
        derivatives_of_the_elbo,
        hessian_over_a_box,
        known_bounds,
        refusals,
        poles,
        products_of_spans,
    )
}

BUGS: dict[str, Bug] = {
    "the rules' errors are dropped": Seeded(
        Window, "_errors", "e + size * panel.factor", "e", "moments_of_few_points"
    ),
    "the tails are dropped": Seeded(
        Window, "_errors", "e + _tail(end, k, mean, deviation, unit)", "e", "narrow_windows"
    ),
    "one tail for both": Seeded(
        Window, "_errors", "for end in self.ends", "for end in self.ends[:1]", "narrow_windows"
    ),
    "a tail without its distance": Seeded(
        panels, "_tail", "end.constant + d * d / (2 * unit)", "end.constant", "tails_of_mpmath"
    ),
    "a tail that falls too fast": Seeded(
        panels, "_tail", "rate = b / deviation", "rate = 10 * b / deviation", "tails_of_mpmath"
    ),
    "L forgets its middle": Seeded(
        Window, "_accepted", "acb(middle) + (box", "acb(start) + (box", "lengths_over_rectangles"
    ),
    "L forgets the rectangle": Seeded(
        Window, "_accepted", "acb(middle) + (box - acb(centre)) * speed", "acb(middle)", "lengths_over_rectangles"
    ),
    "the prior's log speed is forgotten": Seeded(
        Window, "_filled", "-energy - speed.log()", "-energy", "elbo in z"
    ),
    "dt for dz": Seeded(Window, "_filled", "half * weight * speed", "half * weight", "moments_of_the_normal_law"),
    "a rule of one point": Seeded(
        Curve, "rule", "self.speed(centre + half * place)", "self.speed(centre)", "elbo in z"
    ),
    "a wrong mixed derivative": Seeded(
        stationary._System, "enclosed", "over[3] - 3 * over[1]", "over[3] - 2 * over[1]", "derivatives_of_the_elbo"
    ),
    "a wrong second derivative": Seeded(
        stationary._System, "enclosed", "over[4] - 4 * over[2]", "over[4] - 3 * over[2]", "derivatives_of_the_elbo"
    ),
    "the entropy's slope is forgotten": Seeded(
        stationary._System, "enclosed", "point[0] + 1]", "point[0]]", "derivatives_of_the_elbo"
    ),
    "the Hessian at the place alone": Seeded(
        stationary._System,
        "enclosed",
        "mean + deviation * box, deviation * box.exp()",
        "mean, deviation",
        "hessian_over_a_box",
    ),
    "the largest bound of cells": Seeded(
        regular.Regular, "least", "return min(bounds)", "return max(bounds)", "known_bounds"
    ),
    "1 + the farthest latent": Seeded(regular, "_cells", "max(abs(c) - h, 0.0)", "abs(c) + h", "known_bounds"),
    "both sides are the right one": Seeded(
        regular, "_beyond", "_forms(curve, side)", "_forms(curve, 1)", "refusals"
    ),
    "a pole beyond the cells": Seeded(
        regular, "_least", "value.defined and value.low > 0", "value.low > 0", "poles"
    ),
    "a product of lower ends": Seeded(
        Span, "__mul__", "for a in (self.low, self.high)", "for a in (self.low,)", "products_of_spans"
    ),
    "a quotient by both signs": Seeded(
        Span, "__truediv__", "other.low > 0", "other.high > 0", "products_of_spans"
    ),
}  # fmt: skip

CHECKS["elbo in z"] = lambda: plain.test_elbo_agrees_with_mpmath_in_z("0.9", "1/100", "1/100")


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (*CAUGHT, ValueError, ArithmeticError))
)
