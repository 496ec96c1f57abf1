"""Bugs seeded into the measures of polygons, and into how planes are cut: each is caught by a check."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
from flint import acb, arb, fmpq

from elboproof.evidence import pieces, polygons
from elboproof.model import piecewise
from elboproof.numbers.precision import working_precision
from elboproof.quadrature import gaussian_pieces, gaussian_polygons
from elboproof.quadrature import polygons as cuts
from tests.evidence.cases import Missed
from tests.quadrature import test_gaussian_polygons as measures
from tests.quadrature import test_polygons as cutting
from tests.seeding import Bug, Seeded, emptied, falsification, patched


def _measure(name: str) -> Callable[[], None]:
    def check() -> None:
        with working_precision(measures.BITS):
            measures.require(measures.SPECIAL[name])

    return check


def _mean_value() -> None:
    """phi of a ball that has 0 holds the values at its other members."""
    with working_precision(100):
        found = gaussian_polygons._phi(arb(0.2, 0.3))
        for s in (0.05, 0.1, 0.4):
            if not found.contains((1 - (-arb(s) / 2).exp()) / arb(s)):
                raise Missed(f"phi({s})")


def _ellipse(entire: bool) -> Callable[[], None]:
    """The supremum is one: of many ellipses, at many of their points."""

    def check() -> None:
        rng = np.random.default_rng(0)
        seen = 0
        for _ in range(60):
            h, c, tau = rng.normal() * 2, rng.normal() * 3, rng.uniform(0.1, 2)
            rho = Fraction(int(rng.integers(5, 16)), 4)
            bound = gaussian_polygons._supremum(arb(h), arb(c), arb(tau), rho, entire)
            for angle in np.linspace(0, 2 * np.pi, 40):
                w = float(rho) * acb(math.cos(angle), math.sin(angle))
                t = c + tau * (w + 1 / w) / 2
                s = h * h + t * t
                value = h * (1 - (-s / 2).exp()) / s if entire else h * (-s / 2).exp() / s
                if abs(value) > bound:
                    raise Missed(f"{bound} at {t}")
            seen += bool(bound.is_finite())
        if seen < 20:
            raise Missed("no bounds")

    return check


def _outside() -> None:
    """What lies beyond T is bounded: against flint's own integration up to a T' so large that nothing is left."""
    for h in (0.1, 1.0, 3.0):
        for reach in (2.0, 3.5):
            bound = gaussian_polygons._beyond(arb(h), arb(reach))

            def density(t: acb, _: bool, h: float = h) -> acb:
                return h * (-(h * h + t * t) / 2).exp() / (h * h + t * t)

            if not bound.contains(acb.integral(density, reach, 20).real):
                raise Missed(f"{bound} at {h}, {reach}")


def _through_corners() -> None:
    """Lines that pass a corner at a distance of 2^-70: floats have the wrong sign for half of them."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        numbers = rng.integers(1, 100, 4).tolist()
        x, y, a, b = (fmpq(n, prime) for n, prime in zip(numbers, (3, 7, 11, 13), strict=True))
        shift = fmpq(int(rng.choice([-1, 1])), 2**70)
        row, piece = (a, -b, b * y - a * x + shift), cuts.Piece(((x, y), (x, y)))
        (sign,) = cuts.Lines([row]).known(piece, np.arange(1)).tolist()
        if sign * cuts.value(row, (x, y)) < 0:
            raise Missed(f"{row} at {x}, {y}")


def _cover(kind: str) -> Callable[[], None]:
    def check() -> None:
        for seed in range(5):
            if kind == "segment":
                cutting.test_points_cut_a_segment(seed)
            else:
                cutting.test_lines_cut_a_square_into_parts_that_cover_it(seed, kind)

    return check


def _bounds() -> None:
    measures.test_bounds_hold_and_are_near()


CHECKS: dict[str, Callable[[], None]] = {
    "inside by a hair": _measure("0 next to an edge inside"),
    "border": _measure("a cut at the border of the central part"),
    "coarse": measures.test_a_coarse_aim_is_cheap_and_true,
    "phi": _mean_value,
    "ellipses": _ellipse(False),
    "entire ellipses": _ellipse(True),
    "cover": _cover("small integers"),
    "segments": _cover("segment"),
    "lines at corners": _through_corners,
    "beyond": _outside,
    "bounds": _bounds,
}

_P, _F = gaussian_polygons, gaussian_pieces
BUGS: dict[str, Bug] = {
    "outside is inside": Seeded(_P, "_inside", "return False", "return True", "border"),
    "the foot is on the other side": Seeded(
        _P, "_edge", "p[0] * x + p[1] * y", "-p[0] * x - p[1] * y", "border"
    ),
    "an angle beyond a quarter turn": Seeded(
        _P, "_angle", "arb.atan2(across, along)", "(across / along).atan()", "inside by a hair"
    ),
    "what lies beyond is nothing": Seeded(
        _P,
        "_beyond",
        "arb(0, ((-(h * h + reach * reach) / 2).exp() / (2 * reach * reach)).upper())",
        "arb(0)",
        "beyond",
    ),
    "a rule has no error": Seeded(_P, "_panel", "+ arb(0, error.upper())", "", "coarse"),
    "a rule has twice the points' accuracy": Seeded(
        _P, "_factor", "error_factor(rho, n)", "error_factor(rho, 2 * n)", "coarse", (_P._factor,)
    ),
    "phi is its value at 0": Seeded(_P, "_phi", "(s / -2).exp() / 2", "arb(0.5)", "phi"),
    "no growth across the axis": Seeded(_P, "_supremum", "- b * b", "", "entire ellipses"),
    "poles at the wrong distance": Seeded(_P, "_supremum", "(abs(h) - b)", "(abs(h) + b)", "ellipses"),
    "the ellipse is shorter": Seeded(_P, "_supremum", "gap = (abs(c) - a)", "gap = abs(c)", "ellipses"),
    "bounds that fall too fast": Seeded(_F.Whitened, "log_bound", "- r * r / 2", "- r * r", "bounds"),
    "the farthest corner": Seeded(_F.Whitened, "_distance", "least.min(", "least.max(", "bounds"),
    "a corner on the line is lost": Seeded(cuts.Piece, "_part", "if v >= 0:", "if v > 0:", "cover"),
    "a part is lost": Seeded(
        cuts, "arranged", "(above, signs, rest), (below, other, rest)", "(above, signs, rest)", "cover"
    ),
    "one corner decides": Seeded(cuts.Piece, "sides", "all(v >= 0 for", "any(v >= 0 for", "cover"),
    "a segment is cut at the wrong end": Seeded(
        cuts.Piece, "_part", "(k or len(self.corners) > 2)", "(not k or len(self.corners) > 2)", "segments"
    ),
    "floats are exact": patched((cuts, "ROUNDING", 0.0), by="lines at corners"),
}

FOUND_BEFORE = (piecewise.piecewise, piecewise.kinked, pieces._pieces, polygons._kept)

test_the_library_passes, test_bugs_are_caught, test_no_check_is_idle = falsification(
    CHECKS, BUGS, around=partial(emptied, FOUND_BEFORE)
)
