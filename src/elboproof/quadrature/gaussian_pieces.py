"""Integrals of exp(-U) for a quadratic U over a segment or a convex polygon, with bounds that cost little.

With U = z~' Q z~ / 2, z~ = (z, 1), Hessian H = L L' and minimum m, w = L' (z - m) turns exp(-U) into
exp(-U(m)) exp(-|w|^2/2), and the piece into one with the corners w: the integral is exp(-U(m)) / det L times its
Gaussian measure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat

from elboproof.quadrature import gaussian_polygons

Point = tuple[arb, ...]


@dataclass(frozen=True)
class Whitened:
    """A piece in coordinates in which exp(-U) is exp(log_scale - |w|^2/2).

    Attributes
    ----------
    log_scale : arb
        Minus the least value of U over the whole space, less the logarithm of det L.
    corners : tuple
        Of the piece, in w.
    """

    log_scale: arb
    corners: tuple[Point, ...]

    @cached_property
    def log_bound(self) -> arb:
        """A ball whose upper end is a bound of the log of the integral: the mass beyond the distance from 0.

        All corners have n'w >= r for a unit vector n, hence the whole piece, and |w| >= r there: the measure is at most
        int_{|w| >= r} exp(-|w|^2/2) dw, which is (2 pi)^(d/2) times exp(-r^2/2) for d = 2 and less for d = 1.
        """
        d = len(self.corners[0])
        r = self._distance()
        return self.log_scale + d * (2 * arb.pi()).log() / 2 - r * r / 2

    def _distance(self) -> arb:
        """Return a lower bound of |w|, nearly the least one: n is chosen by floats, as any direction is good."""
        n = [arb(v) for v in _nearest([tuple(map(float, w)) for w in self.corners])]
        length = sum((v * v for v in n), arb(0)).sqrt()
        if not length > 0 or not length.is_finite():
            return arb(0)
        products = [sum((a * b for a, b in zip(n, w, strict=True)), arb(0)) for w in self.corners]
        # balls cannot be sorted: the least lower end is the bound
        least = products[0].lower()
        for product in products[1:]:
            least = least.min(product.lower())
        return (least / length).max(arb(0)).lower()

    def integral(self, shift: arb, aim: float) -> arb:
        """Return the integral of exp(shift - U); the integration adds about exp(aim) to the radius."""
        scale = self.log_scale + shift
        if not scale.is_finite():
            return arb.nan()
        if len(self.corners[0]) == 1:
            return scale.exp() * _of_segment(self.corners[0][0], self.corners[1][0])
        return scale.exp() * gaussian_polygons.measure(self.corners, aim - float(scale))  # type: ignore[arg-type]


def whitened(corners: Sequence[Point], form: arb_mat) -> Whitened:
    """Return a piece in the coordinates of a quadratic form Q, (d + 1) x (d + 1), whose Hessian is definite.

    Where the precision does not show that, the numbers are not finite.
    """
    d = form.nrows() - 1
    if d == 1:
        return _on_line(corners, form[0, 0], form[0, 1], form[1, 1])
    a, b, c = form[0, 0], form[0, 1], form[1, 1]
    g, h, k = form[0, 2], form[1, 2], form[2, 2]
    determinant = a * c - b * b
    m = (b * h - c * g) / determinant, (b * g - a * h) / determinant
    first = a.sqrt()
    low, second = b / first, (determinant / a).sqrt()
    placed = []
    for z in corners:
        x, y = z[0] - m[0], z[1] - m[1]
        placed.append((first * x + low * y, second * y))
    least = (k + g * m[0] + h * m[1]) / 2
    return Whitened(-least - determinant.log() / 2, tuple(placed))


def _on_line(corners: Sequence[Point], a: arb, g: arb, k: arb) -> Whitened:
    m, root = -g / a, a.sqrt()
    return Whitened(-(k + g * m) / 2 - root.log(), tuple((root * (z[0] - m),) for z in corners))


def _of_segment(low: arb, high: arb) -> arb:
    """Return int exp(-w^2/2) dw; of a segment on one side of 0 by erfc, which keeps its digits."""
    root = arb(2).sqrt()
    if low > 0:
        part = (low / root).erfc() - (high / root).erfc()
    elif high < 0:
        part = (-high / root).erfc() - (-low / root).erfc()
    else:
        part = (high / root).erf() - (low / root).erf()
    return part * (arb.pi() / 2).sqrt()


def _nearest(corners: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the point of a piece that is nearest to 0, in floats; 0 if it is inside."""
    if len(corners[0]) == 1:
        low, high = corners[0][0], corners[1][0]
        return (0.0,) if low <= 0 <= high else (low if abs(low) < abs(high) else high,)
    best, least, inside = corners[0], math.inf, True
    for (px, py), (qx, qy) in zip(corners, [*corners[1:], corners[0]], strict=True):
        x, y = qx - px, qy - py
        square = x * x + y * y
        inside = inside and px * qy - py * qx >= 0
        share = min(1.0, max(0.0, -(px * x + py * y) / square)) if square > 0 else 0.0
        foot = px + share * x, py + share * y
        distance = math.hypot(*foot)
        if distance < least:
            best, least = foot, distance
    return (0.0, 0.0) if inside else best
