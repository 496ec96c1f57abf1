r"""Stationary Gaussians q(t) = N(m, l^2) on a curve of unit speed, proved by Krawczyk's test, and their ELBOs.

The unknowns are mu and tau with m = m0 + l0 mu, l = l0 e^tau. With M_k = E_q[g u^k], u = (t - m) / l and g = log p(x,
z) - log v as in `unit_speed_panels`, the ELBO is M_0 + (1 + log 2 pi)/2 + log l, and as the density alone depends on q
(differentiation under the integral, which its tail bounds justify),

    d/dmu = (l0/l) M_1,      d/dtau = M_2 - M_0 + 1,
    d2/dmu2 = (l0/l)^2 (M_2 - M_0),   d2/dmu dtau = (l0/l) (M_3 - 3 M_1),   d2/dtau2 = M_4 - 4 M_2 + M_0.

No derivative of the decoder is needed. Where the gradient vanishes in the box, Taylor's
theorem gives ELBO(z*) = ELBO(p) - w' J w / 2.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.expectations.rising_precision import SPARE_BITS
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of, bits_for
from elboproof.numbers.krawczyk import Zero, form, zero_near
from elboproof.posterior.ascent import guesses
from elboproof.posterior.elbo import undecided
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.posterior.unit_speed_curve import Curve
from elboproof.posterior.unit_speed_panels import Window
from elboproof.posterior.unit_speed_regular import Regular
from elboproof.posterior.whitened import LARGEST_STEP, kind_of

RADII = (1e-11, 1e-8, 1e-6)
"""Of the box in mu and tau, tried in this order: the ELBO's digits ask for a small one, which the floats of m and l may
miss where l is small beside m."""
DIGITS = 28.0
"""Of the moments in the test: the gradient is to be small beside the smaller radius."""
STEPS = 30
SEARCH_SHARE = 0.3
"""Of the time: the search in floats ends then."""
ROUNDS = 6
MORE_DIGITS = 4.0
"""Of the window, from one round to the next."""


@dataclass
class _System:
    """grad ELBO = 0 at (mean, deviation), exact floats."""

    curve: Curve
    regular: Regular
    x: list[Fraction]
    mean: float
    deviation: float
    deadline: float

    def enclosed(self, radius: float) -> tuple[list[arb], list[list[arb]]]:
        """Return the gradient at the place and the Hessian over the box."""
        data = [ball_of(value) for value in self.x]
        window = Window(self.curve, self.regular, data, self.mean, self.deviation, DIGITS)
        mean, deviation, box = arb(self.mean), arb(self.deviation), arb(0, radius)
        point = window.moments(mean, deviation)
        over = window.moments(mean + deviation * box, deviation * box.exp())
        shrunk = (-box).exp()
        mixed = shrunk * (over[3] - 3 * over[1])
        hessian = [
            [shrunk * shrunk * (over[2] - over[0]), mixed],
            [mixed, over[4] - 4 * over[2] + over[0]],
        ]
        return [point[1], point[2] - point[0] + 1], hessian

    def move(self, step: FloatArray) -> bool:
        """Take the step, cut where it is long."""
        if not np.isfinite(step).all():
            return False
        step = step / max(1.0, float(np.abs(step).max()) / LARGEST_STEP)
        self.mean += self.deviation * float(step[0])
        self.deviation *= math.exp(float(step[1]))
        return time.monotonic() < self.deadline and self.deviation > 0


def stationary_points(
    curve: Curve, regular: Regular, x: list[Fraction], deadline: float
) -> list[tuple[_System, Zero]]:
    """Return the stationary points that are proved before the deadline, each once."""
    found: list[tuple[_System, Zero]] = []
    for mean, deviation in _guesses(curve, x, deadline):
        if time.monotonic() > deadline:
            break
        system = _System(curve, regular, x, mean, deviation, deadline)
        with working_precision(bits_for(DIGITS, SPARE_BITS)):
            zeros = (zero_near(system, (radius,), STEPS) for radius in RADII)
            zero = next((zero for zero in zeros if zero is not None), None)
            if zero is not None and not any(_same(system, zero, *other) for other in found):
                found.append((system, zero))
    return found


@np.errstate(all="ignore")  # floats only steer
def _guesses(curve: Curve, x: Sequence[Fraction], deadline: float) -> list[tuple[float, float]]:
    """Return candidates (m, l): those in z, with lengths for latents and the speed for the scale."""
    now = time.monotonic()
    until = now + SEARCH_SHARE * (deadline - now)
    found = guesses(curve.model, np.array([float(value) for value in x]), "full", None, until)
    places = []
    with working_precision(53):
        for guess in found:
            z = arb(float(guess.mean[0]))
            mean, scale = curve.length(arb(0), z), curve.speed(z) * abs(float(guess.factor[0, 0]))
            if mean.is_finite() and scale > 0:
                places.append((float(mean.mid()), float(scale.mid())))
    return places


def _same(one: _System, zero: Zero, other: _System, taken: Zero) -> bool:
    first, second = _place(one, zero), _place(other, taken)
    return all(a.overlaps(b) for a, b in zip(first, second, strict=True))


def _place(system: _System, zero: Zero) -> tuple[arb, arb]:
    """Return the true mean and deviation."""
    mu, tau = zero.place
    return arb(system.mean) + arb(system.deviation) * mu, arb(system.deviation) * tau.exp()


def point_of(system: _System, zero: Zero, digits: float, deadline: float) -> StationaryPoint:
    """Return the record of a proved point, with its ELBO."""
    q = GaussianPosterior(system.mean, Fraction(system.deviation) ** 2)
    with working_precision(bits_for(DIGITS, SPARE_BITS)):
        correction = form(zero.jacobian, zero.place) / 2
        mean, deviation = _place(system, zero)
        kind, covariance = kind_of(zero.jacobian), deviation * deviation
    point = StationaryPoint(
        Enclosure.from_balls([mean]),
        Enclosure.from_balls([covariance]).reshape(1, 1),
        q,
        Enclosure(-np.inf, np.inf),
        box=zero.radius,
        kind=kind,
        status="",
        ball=arb(0, float("inf")),
        correction=correction,
    )
    return sharpened(system.curve, system.regular, system.x, point, digits, deadline)


def sharpened(
    curve: Curve, regular: Regular, x: list[Fraction], point: StationaryPoint, digits: float, deadline: float
) -> StationaryPoint:
    """Return the same point with that many digits of its ELBO."""
    if point.ball.is_finite() and not point.status and point.ball.rad() <= 10.0**-digits:
        return point
    ball, status = elbo_of(curve, regular, x, point.posterior, digits, deadline)
    with working_precision(bits_for(digits, SPARE_BITS)):
        total = ball - point.correction
    if not status and not total.rad() <= 10.0**-digits:
        status = "the stationary point is not known well enough for the digits of its ELBO"
    return replace(point, elbo=Enclosure.from_balls(total), status=status, ball=total)


def elbo_of(
    curve: Curve, regular: Regular, x: list[Fraction], q: GaussianPosterior, digits: float, deadline: float
) -> tuple[arb, str]:
    """Return the ELBO of a Gaussian q(t) and what stopped its proof, empty if nothing did."""
    best, aim = arb(0, float("inf")), digits
    mean, deviation = float(q.mean[0]), math.sqrt(float(q.covariance[0][0]))
    for _ in range(ROUNDS):
        if time.monotonic() > deadline:
            return best, _stopped(best, digits, "the time limit")
        with working_precision(bits_for(aim, SPARE_BITS)):
            window = Window(curve, regular, [ball_of(v) for v in x], mean, deviation, aim)
            ((scale,),) = q.cholesky()
            (centre,) = q.mean_balls()
            ball = window.moments(centre, scale)[0] + q.entropy()
            best = ball if ball.rad() < best.rad() else best
            if best.rad() <= arb(10) ** -arb(digits):
                return best, ""
            aim += MORE_DIGITS
            if window.failed:
                break
    return best, _stopped(best, digits, "a window that no rules cover")


def _stopped(best: arb, digits: float, reason: str) -> str:
    radius = float(best.rad())
    known = f"{-math.log10(radius):.1f}" if 0 < radius < 1 else "none"
    return f"{known} of {digits:g} digits proved; stopped by {reason}"


def best_point(
    curve: Curve, regular: Regular, x: list[Fraction], digits: float, deadline: float
) -> StationaryPoint:
    """Return the proved point with the highest ELBO; raises ``Undecided`` without one."""
    found = stationary_points(curve, regular, x, deadline)
    points = [point_of(system, zero, digits, deadline) for system, zero in found]
    if not points:
        reason = "no stationary point proved: Newton's method found none that Krawczyk's test accepts"
        raise undecided("stationary points", Enclosure([-np.inf], [np.inf]), (reason,))
    return max(points, key=lambda point: float(point.ball.mid()))
