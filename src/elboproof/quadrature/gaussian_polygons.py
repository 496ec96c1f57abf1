r"""The Gaussian measure of a convex polygon: int_P exp(-|w|^2/2) dw by one integral along each edge, proved.

*The formula.* With phi(s) = (1 - e^(-s/2))/s, an entire function, F(w) = w phi(|w|^2) has the divergence e^(-|w|^2/2).
On an edge of a polygon whose corners are listed counterclockwise, let h be the signed distance of its line from 0,
positive where 0 lies to the left, and t the place along it, counted from the foot of the perpendicular: the flux of F
through the edge is int h phi(h^2 + t^2) dt, and the measure is the sum of all. With h/(h^2 + t^2) = d/dt arctan(t/h),

    int h phi(h^2 + t^2) dt  =  angle of the edge seen from 0  -  int h e^(-(h^2 + t^2)/2)/(h^2 + t^2) dt.

All angles together are 2 pi if 0 is inside and 0 if it is outside; the integrals that are left are as small as the
largest density on the edge, so that the measure of a polygon far from 0 comes out with its own digits. Where balls do
not tell whether 0 is inside, the first form is taken.

*Panels.* Gauss-Legendre rules with the error bound of `gauss_legendre`. On the ellipse with the semi-axes a along and
b across the panel c +- tau, |Im t| <= b and |Re t| >= |c| - a, hence for s = h^2 + t^2

    Re s >= h^2 + max(0, |c| - a)^2 - b^2,      |phi(s)| = |int_0^1 e^(-s u/2) du| / 2 <= exp(max(0, -Re s)/2) / 2,
    |e^(-s/2)| = exp(-Re s/2),                  |s| = |t - ih| |t + ih| >= max(|h| - b, |c| - a)^2 if that is positive.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from flint import arb

from elboproof.numbers.exact import ball_of
from elboproof.numbers.precision import current_bits
from elboproof.quadrature.gauss_legendre import error_factor, nodes

Corner = tuple[arb, arb]
Part = tuple[arb, arb]
"""An interval of t."""
CENTRAL = 2.0
"""Within this distance from 0 the entire form is integrated, beyond it the one that is small there."""
HALF = 2.0
"""The largest half width of a panel."""
RHOS = tuple(Fraction(k, 4) for k in (5, 6, 7, 8, 10, 12, 16, 20, 26, 32))
"""Ellipses that are tried, by the sum of their semi-axes."""
MOST_POINTS = 2000


@dataclass(frozen=True)
class Edge:
    """An edge by its line's signed distance h from 0, and its ends counted from the foot of the perpendicular."""

    h: arb
    start: arb
    end: arb


def measure(corners: Sequence[Corner], aim: float) -> arb:
    """Return the integral of exp(-|w|^2/2) over a convex polygon.

    Parameters
    ----------
    corners
        Counterclockwise, no two of them equal; balls of the precision in force.
    aim
        The natural logarithm of what the integration may add to the radius; what the corners' balls and rounding add
        comes on top.

    Returns
    -------
    arb
        Not finite where the precision does not tell the corners apart.
    """
    edges = [_edge(p, q) for p, q in zip(corners, [*corners[1:], corners[0]], strict=True)]
    fluxes = [_Flux(edge, aim - math.log(4 * len(edges))) for edge in edges]
    inside = _inside(edges)
    if inside is not None:
        small = [part for flux in fluxes if (part := flux.small()) is not None]
        if len(small) == len(fluxes):
            return (2 * arb.pi() if inside else arb(0)) - sum(small, arb(0))
    return sum((flux.whole() for flux in fluxes), arb(0))


def _edge(p: Corner, q: Corner) -> Edge:
    x, y = q[0] - p[0], q[1] - p[1]
    length = (x * x + y * y).sqrt()
    x, y = x / length, y / length
    return Edge(p[0] * y - p[1] * x, p[0] * x + p[1] * y, q[0] * x + q[1] * y)


def _inside(edges: Sequence[Edge]) -> bool | None:
    """Whether 0 is in the interior; False only if it is outside, None where balls do not tell."""
    if any(edge.h < 0 for edge in edges):
        return False
    return True if all(edge.h > 0 for edge in edges) else None


class _Flux:
    """The flux through one edge in both forms: its line is cut into a central part and outer ones."""

    def __init__(self, edge: Edge, aim: float) -> None:
        self.edge, self.aim = edge, aim
        self.near, self.outer = _parts(edge)

    def small(self) -> arb | None:
        """Return the integral that is small far from 0; None if the angle of the central part is not known."""
        total = self._far()
        for part in self.near:
            angle = _angle(self.edge.h, *part)
            if angle is None:
                return None
            total += angle - self._entire(part)
        return total

    def whole(self) -> arb:
        """Return the flux."""
        angles = sum((_outer_angle(self.edge.h, *part) for part in self.outer), arb(0))
        return angles - self._far() + sum(map(self._entire, self.near), arb(0))

    def _entire(self, part: Part) -> arb:
        return _integral(self.edge.h, *part, self.aim, entire=True)

    def _far(self) -> arb:
        parts = (_integral(self.edge.h, *part, self.aim, entire=False) for part in self.outer)
        return sum(parts, arb(0))


def _parts(edge: Edge) -> tuple[list[Part], list[Part]]:
    """Return the parts of an edge near 0, and those beyond it; the cuts are floats, which are exact."""
    if abs(float(edge.h)) >= CENTRAL:  # the choice steers: either form holds everywhere
        return [], [(edge.start, edge.end)]
    cuts = [arb(cut) for cut in (-CENTRAL, CENTRAL) if edge.start < cut and edge.end > cut]
    near: list[Part] = []
    far: list[Part] = []
    for part in pairwise([edge.start, *cuts, edge.end]):
        (near if abs(float(part[0]) + float(part[1])) < 2 * CENTRAL else far).append(part)
    return near, far


def _angle(h: arb, p: arb, q: arb) -> arb | None:
    """Return arctan(q/h) - arctan(p/h), the argument of (h + iq)(h - ip); None where it may jump."""
    along, across = h * h + p * q, h * (q - p)
    if along > 0:
        return (across / along).atan()
    return arb.atan2(across, along) if h > 0 or h < 0 else None


def _outer_angle(h: arb, p: arb, q: arb) -> arb:
    """Return the same where p and q have one sign or h is large: no jump can be there."""
    angle = _angle(h, p, q)
    return arb.nan() if angle is None else angle


def _integral(h: arb, p: arb, q: arb, aim: float, *, entire: bool) -> arb:
    """Return the integral over [p, q] of h phi(h^2 + t^2), or of what is small away from 0."""
    if not math.isfinite(float(p) + float(q)):
        return arb.nan()
    ends, rest = ((p, q), arb(0)) if entire else _reach(h, p, q, aim)
    if ends is None:
        return rest
    low, high = map(float, ends)
    count = max(1, math.ceil((high - low) / (2 * HALF)))
    cuts = [ends[0], *(arb(low + (high - low) * k / count) for k in range(1, count)), ends[1]]
    return rest + sum((_panel(h, a, b, aim - math.log(count), entire) for a, b in pairwise(cuts)), arb(0))


def _reach(h: arb, p: arb, q: arb, aim: float) -> tuple[Part | None, arb]:
    """Return the part of [p, q] where the integrand matters, and a ball around the integral over what lies beyond.

    For T > 0, int_T^oo |h| e^(-(h^2 + t^2)/2)/(h^2 + t^2) dt <= e^(-(h^2 + T^2)/2) / (2 T^2), since
    |h|/(h^2 + t^2) <= 1/(2 t) and int_T^oo e^(-t^2/2) dt <= e^(-T^2/2) / T.
    """
    distance = abs(float(h))
    square = -2 * aim - distance * distance
    reach = arb(math.ceil(8 * math.sqrt(max(square, CENTRAL**2))) / 8)
    nearest = p if p > 0 else -q  # of 0, if [p, q] is on one side of it
    if nearest >= reach:
        return None, _beyond(h, nearest)
    rest = arb(0)
    if p < -reach:
        p, rest = -reach, rest + _beyond(h, reach)
    if q > reach:
        q, rest = reach, rest + _beyond(h, reach)
    return (p, q), rest


def _beyond(h: arb, reach: arb) -> arb:
    """Return a ball around the integral over [T, T'] for any T' > T."""
    return arb(0, ((-(h * h + reach * reach) / 2).exp() / (2 * reach * reach)).upper())


def _panel(h: arb, p: arb, q: arb, aim: float, entire: bool) -> arb:
    """Return the integral from p to q, by the rule that is expected to be the cheapest.

    Balls may not tell which of p and q is the larger one; then the interval is short, and either way the rule's.
    """
    c, tau = (p + q) / 2, (q - p) / 2
    size = abs(tau)
    rho, n = _rule(float(h), float(c), float(size), aim, entire)
    if n > MOST_POINTS:
        return arb.nan()
    error = 2 * size * _factor(rho, n, current_bits()) * _supremum(h, c, size, rho, entire)
    total, square = arb(0), h * h
    value = _phi if entire else _decaying
    for x, weight in nodes(n, current_bits()):
        t = c + tau * x
        total += weight * value(square + t * t)
    return total * (tau * h) + arb(0, error.upper())


def _decaying(s: arb) -> arb:
    return (s / -2).exp() / s


def _phi(s: arb) -> arb:
    if s > 0:
        return -(s / -2).expm1() / s
    # phi(s) is a mean of e^(-s u/2)/2 over 0 <= u <= 1, and s >= 0 lies in a ball that has 0 as well, hence s u, too
    return (s / -2).exp() / 2


@lru_cache(maxsize=1024)
def _factor(rho: Fraction, n: int, bits: int) -> arb:  # noqa: ARG001 - balls of another precision are others
    return ball_of(error_factor(rho, n))


@lru_cache(maxsize=1024)
def _semi_axes(rho: Fraction, bits: int) -> tuple[arb, arb]:  # noqa: ARG001
    return ball_of((rho + 1 / rho) / 2), ball_of((rho - 1 / rho) / 2)


def _supremum(h: arb, c: arb, tau: arb, rho: Fraction, entire: bool) -> arb:
    """Return a bound of the integrand's size on the ellipse."""
    along, across = _semi_axes(rho, current_bits())
    a, b = tau * along, tau * across
    gap = (abs(c) - a).max(arb(0))
    real = h * h + gap * gap - b * b
    if entire:
        return abs(h) * (-real / 2).max(arb(0)).exp() / 2
    distance = (abs(h) - b).max(abs(c) - a)
    return abs(h) * (-real / 2).exp() / (distance * distance) if distance > 0 else arb.pos_inf()


_TRIED = tuple(
    (rho, float((rho + 1 / rho) / 2), float((rho - 1 / rho) / 2), 2 * math.log(rho)) for rho in RHOS
)
"""The ellipses with their semi-axes and what a point gains, in floats."""


def _rule(h: float, c: float, tau: float, aim: float, entire: bool) -> tuple[Fraction, int]:
    """Return an ellipse and a number of points that floats expect to be enough; the bound itself is proved later."""
    best, fewest = RHOS[0], float(MOST_POINTS + 1)
    h, c = abs(h), abs(c)
    aim -= math.log(max(2 * tau * h, 1e-300)) + 1.0
    for rho, along, across, gain in _TRIED:
        a, b = tau * along, tau * across
        gap = c - a
        size = (b * b - h * h - (gap * gap if gap > 0 else 0.0)) / 2
        if entire:
            size = max(0.0, size)
        else:
            distance = max(h - b, gap)
            if distance <= 0:
                break
            size -= 2 * math.log(distance)
        points = (size - aim) / gain
        if points < fewest:
            best, fewest = rho, points
    return best, _size(fewest)


def _size(points: float) -> int:
    """Return a number of points from few different ones, whose nodes are kept."""
    step = 2 if points < 40 else 8
    return max(2, step * math.ceil(points / step))
