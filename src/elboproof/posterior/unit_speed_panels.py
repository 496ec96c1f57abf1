r"""Expectations under a Gaussian q(t) = N(m, l^2) of functions of z(t), proved; z(t) itself is never needed.

With t = L(z), L' = v and u = (L(z) - m) / l,

    E_q[g(z(t)) u^k] = int phi(u(z)) u(z)^k g(z) v(z) dz / l,        g = log p(x, z) - log v(z),

over the whole line. The window is cut into panels with Gauss and Legendre's rule each (`quadrature.gauss_legendre`), at
whose nodes L is a sum of rules for v from node to node. On the rectangle E around a panel's ellipse v is analytic, so
L(E) lies in L(a) + (E - a) v(E) for a real a of E, by the mean value theorem for integrals: v(E) is a convex set.

Beyond an end z_b with t_b = L(z_b) and y = |t - t_b|, `unit_speed_regular` gives with w = 1 + |z_b|, d = |x - f(z_b)|,
a majorant v^2 <= sum_i c_i r^(n_i) exp(a_i r), r = |z|, and n, a the largest n_i, a_i,

    |g| <= A + (d + y)^2 / (2 s) + w^2 e^(2y/c) / 2 + |log v|,
    |log v| <= (log_+ (w/c) + y/c) + (log_+ sum c_i + n (log w + y/c) + a w e^(y/c)) / 2,

A = log 2 pi / 2 + |log of the likelihood's largest value|, s its mean variance. With b = |t_b - m| / l the density is
at most phi(b) exp(-b y / l) there, and |u|^k <= b^k exp(k y / (b l)): all terms are integrals of y^j exp(-rate y).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from flint import acb, arb

from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS
from elboproof.numbers.precision import current_bits
from elboproof.posterior.unit_speed_curve import Curve
from elboproof.posterior.unit_speed_regular import Regular
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, RHO, error_factor, nodes

POWERS = 5
"""Moments k = 0 to 4 of u: those of the second derivatives."""
SPARE = 8.0
"""Digits that the window leaves out less than asked."""
FIRST_PANELS = 4
ROOM = 16.0
"""Points of a rule beyond those for the digits: a panel that asks for more is halved."""
FEWEST = 8
"""Points of a rule: half of its widest gap is 0.19 of the panel's half width, so that an ellipse with rho >= 3 fits."""
MOST_POINTS = 40_000
SMALLEST = 2.0**-30
"""Of the window: a panel is not halved any more."""
HALF_RHO, HALF_POINTS = 4, 12
"""The rule from a panel's end to its middle: the ellipse's semi-axes 2.125 / 2 stay within the rectangle's 1.167 and
1.333 half widths. It only serves bounds."""


@dataclass(frozen=True)
class Node:
    """A point of a rule: its weight times v, L there, and g there."""

    weight: arb
    length: arb
    value: arb


@dataclass(frozen=True)
class Panel:
    """What bounds the error of a panel's rule: L over the rectangle, and the factor of phi |u|^k."""

    length: acb
    factor: arb


@dataclass(frozen=True)
class End:
    """What bounds the tail beyond an end of the window."""

    side: int
    length: arb
    c: arb
    w: arb
    distance: arb
    constant: arb
    power: float
    rate: float


@dataclass
class Window:
    """Nodes, panels and ends of one x, from which expectations under any q near by are summed.

    Parameters
    ----------
    curve, regular
        The curve and what was proved of it.
    x : list of arb
        At the current precision.
    mean, deviation : float
        Of the q in t for which the window is made; they steer.
    digits
        Aimed at.
    """

    curve: Curve
    regular: Regular
    x: Sequence[arb]
    mean: float
    deviation: float
    digits: float
    nodes: list[Node] = field(init=False, default_factory=list)
    panels: list[Panel] = field(init=False, default_factory=list)
    ends: list[End] = field(init=False, default_factory=list)
    failed: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        quantities = self.curve.model.quantities
        self._real = quantities.compiled("energy", 0, REAL_BALLS)
        self._complex = quantities.compiled("energy", 0, COMPLEX_BALLS)
        radius = 1 + math.sqrt(2 * math.log(10) * (self.digits + SPARE))
        places = [self.curve.latent(arb(self.mean + sign * radius * self.deviation)) for sign in (-1, 1)]
        if not all(place.is_finite() for place in places):
            self.failed = True
            return
        # floats, exact: where the window ends is free
        low, high = (float(place.mid()) for place in places)
        start = self.curve.length(arb(0), arb(low))
        end = self._cut(low, high, start)
        if not self.failed:
            self.ends = [self._end(low, start, -1), self._end(high, end, 1)]

    # -- the window --

    def _cut(self, low: float, high: float, start: arb) -> arb:
        """Cover the window by panels from left to right; return L at its right end."""
        half = (high - low) / (2 * FIRST_PANELS)
        edges = [low + 2 * half * k for k in range(FIRST_PANELS)] + [high]
        stack = list(pairwise(edges))[::-1]
        least = (high - low) * SMALLEST
        while stack:
            a, b = stack.pop()
            done = self._accepted(a, b, start)
            if done is not None:
                start = done
                continue
            middle = a + (b - a) / 2
            if not (b - a > least and a < middle < b and len(self.nodes) < MOST_POINTS):
                self.failed = True
                return start
            stack += [(middle, b), (a, middle)]
        return start

    def _accepted(self, a: float, b: float, start: arb) -> arb | None:
        """Add a panel's nodes and bounds; return L at its right end, None if no rule is good enough."""
        centre, half = (arb(a) + arb(b)) / 2, (arb(b) - arb(a)) / 2
        box = acb(centre + half * ALONG * arb(0, 1), half * ACROSS * arb(0, 1))
        square = self.curve.square_on(box)
        speed = square.sqrt(analytic=True)
        (energy,) = self._complex(box, *map(acb, self.x), True)
        size = (speed * (energy + square.log(analytic=True) / 2)).abs_upper()
        if not (speed.is_finite() and size.is_finite()):
            return None
        most = arb(speed.abs_upper())
        middle = start + self.curve.rule(arb(a), centre, HALF_POINTS, HALF_RHO, most)
        length = acb(middle) + (box - acb(centre)) * speed
        scale = 2 * half * size
        n = self._points(length, scale, self._real(centre, *self.x)[0])
        if n is None:
            return None
        self.panels.append(Panel(length, scale * _ball(error_factor(RHO, n))))
        return self._filled(centre, half, n, start, most)

    def _points(self, length: acb, scale: arb, energy: arb) -> int | None:
        """Return how many points the digits ask for at the q that steers; None for too many."""
        # digits are absolute: a large energy asks for its own as well, on however small a panel
        allowed = 1.05 * (self.digits + float((1 + abs(energy)).log().mid()) / math.log(10)) + ROOM
        sizes = _sizes(length, arb(self.mean), arb(self.deviation))
        needed = float((sizes[0] * scale / self.deviation + arb("1e-300")).log().mid())
        n = (needed + math.log(10) * (self.digits + 2)) / (2 * math.log(RHO))
        return max(FEWEST, math.ceil(n)) if n <= allowed else None

    def _filled(self, centre: arb, half: arb, n: int, start: arb, most: arb) -> arb:
        """Add the nodes of a panel, from left to right, and return L at its right end."""
        # arb's nodes come from the right, so that -node runs from the left; the weights are symmetric
        rule = [(-place, weight) for place, weight in nodes(n, current_bits())]
        at, length = arb(-1), start
        for place, weight in [*rule, (arb(1), arb(0))]:
            length += self._gap(centre, half, at, place, most)
            at = place
            if weight != 0:
                z = centre + half * place
                speed = self.curve.speed(z)
                (energy,) = self._real(z, *self.x)
                self.nodes.append(Node(half * weight * speed, length, -energy - speed.log()))
        return length

    def _gap(self, centre: arb, half: arb, start: arb, end: arb, most: arb) -> arb:
        """Return the arc length between neighbouring nodes of [-1, 1]."""
        # an ellipse around a gap of half width g (half = 1) with rho <= 1/g has semi-axes of at most (1 + g^2)/2 <
        # 0.56 for g <= 1/3; around the gap's middle, within [-1, 1], it stays in the rectangle, which has 0.667 and
        # 1.333 left
        rho = max(3, int(2 / float((end - start).upper())))
        wanted = (self.digits + SPARE) * math.log(10) / (2 * math.log(rho))
        return self.curve.rule(
            centre + half * start, centre + half * end, max(3, math.ceil(wanted)), rho, most
        )

    def _end(self, z: float, length: arb, side: int) -> End:
        place, unit = arb(z), _ball(self.curve.unit)
        (energy,) = self._real(place, *self.x)
        # log p(x|z) = peak - distance^2 / (2 s); U = z^2/2 + log(2 pi)/2 - log p(x|z)
        below = energy - place * place / 2 - (2 * arb.pi()).log() / 2 + self.curve.log_peak()
        distance = (2 * unit * arb(below.upper()).max(arb(0))).sqrt()
        growth = self.regular.growth.terms
        total = sum((arb(c) for c in growth.values()), arb(0)).max(arb(1))
        constant = (2 * arb.pi()).log() / 2 + abs(self.curve.log_peak()) + total.log() / 2
        power = max((n for n, _ in growth), default=0.0)
        rate = max((a for _, a in growth), default=0.0)
        return End(side, length, self.regular.least(z, side), 1 + abs(place), distance, constant, power, rate)

    # -- sums --

    def moments(self, mean: arb, deviation: arb) -> list[arb]:
        """Return E_q[g u^k], k = 0 to 4, for every q = N(m, l^2) with m and l in the balls."""
        if self.failed:
            return [arb(0, float("inf"))] * POWERS
        totals = [arb(0)] * POWERS
        for node in self.nodes:
            u = (node.length - mean) / deviation
            part = node.weight * node.value * (-u * u / 2).exp()
            for k in range(POWERS):
                totals[k] += part
                part *= u
        scale = 1 / ((2 * arb.pi()).sqrt() * deviation)
        errors = self._errors(mean, deviation)
        return [scale * (total + arb(0, 1) * error) for total, error in zip(totals, errors, strict=True)]

    def _errors(self, mean: arb, deviation: arb) -> list[arb]:
        errors = [arb(0)] * POWERS
        for panel in self.panels:
            sizes = _sizes(panel.length, mean, deviation)
            errors = [e + size * panel.factor for e, size in zip(errors, sizes, strict=True)]
        unit = _ball(self.curve.unit)
        for end in self.ends:
            errors = [e + _tail(end, k, mean, deviation, unit) for k, e in enumerate(errors)]
        return errors


def _sizes(length: acb, mean: arb, deviation: arb) -> list[arb]:
    """Return bounds of |exp(-u^2/2) u^k| over a rectangle, k = 0 to 4."""
    u = (length - mean) / deviation
    along, across = arb(u.real.abs_lower()), arb(u.imag.abs_upper())
    density = ((across * across - along * along) / 2).exp()
    size = arb(u.abs_upper())
    return [density * size**k for k in range(POWERS)]


def _tail(end: End, k: int, mean: arb, deviation: arb, unit: arb) -> arb:
    """Return a bound of the integral of exp(-u^2/2) |u|^k |g| over t beyond an end."""
    b = end.side * (end.length - mean) / deviation
    if not b > 0:
        return arb(0, float("inf"))
    rate = b / deviation - k / (b * deviation)
    once = 1 / end.c

    def integral(power: int, growth: arb) -> arb:
        # of y^j e^(growth y) e^(-rate y); infinite where it grows
        left = rate - growth
        return arb(math.factorial(power)) / left ** (power + 1) if left > 0 else arb(0, float("inf"))

    zero, d, power, a = arb(0), end.distance, arb(end.power), arb(end.rate)
    plain = end.constant + d * d / (2 * unit) + (end.w / end.c).log().max(zero) + power * end.w.log() / 2
    total = plain * integral(0, zero) + (d / unit + once + power * once / 2) * integral(1, zero)
    total += integral(2, zero) / (2 * unit) + end.w * end.w / 2 * integral(0, 2 * once)
    total += a * end.w / 2 * integral(0, once) if a > 0 else zero
    return (-b * b / 2).exp() * b**k * total


def _ball(number: Fraction) -> arb:
    return arb(number.numerator) / number.denominator
