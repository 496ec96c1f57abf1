"""The modes of a posterior as the variance falls: points z with f(z) = x, or the points of the image nearest to x.

Floats find them; then each is made exact (by inverting the decoder's entries one after the other, or by recognising a
small rational, perhaps times pi, and testing it exactly), or proved to exist in a small box by Krawczyk's test.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from numpy.typing import NDArray
from sympy import Expr, Rational

from elboproof.expansion.descent import log_masses, minima
from elboproof.expansion.inversion import exact_solutions
from elboproof.expansion.misfit import BITS, Misfit, ball, ball_decoder
from elboproof.model.data import double
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import exact
from elboproof.numbers.interruption import require_time
from elboproof.numbers.krawczyk import zero_near
from elboproof.numbers.symmetric import ldl, not_positive

RADII = tuple(2.0 ** (bits - BITS) for bits in (60, 100, 150))
"""Half widths of the boxes to try."""
STEPS = 16
"""Each Newton step, whose matrix is in floats, gains some 10 digits or more."""
STARTS = {1: 49, 2: 9, 3: 5}
"""Starting points per latent of the float search, over [-REACH, REACH] deviations; 3 in more dimensions."""
REACH = 6.0
"""The prior's mass beyond is 2e-9 per latent."""
ON_IMAGE = 1e-12
"""Of 1 + |x|: a distance that the rounding of float data explains. The law always uses the distance that there is."""
NEGLIGIBLE = 45.0
"""In nats: a mode with e^-45 = 3e-20 of the heaviest one's mass would not change a double."""
SAME = 1e-6
"""Of 1 + |z|: float modes nearer than 1e3 times this are one; the descent stops 1e-12 from a nondegenerate one."""
DEGENERATE = 1e-8
"""Of the largest eigenvalue of the Hessian: below this floats cannot tell a minimum from a flat valley."""


@dataclass(frozen=True)
class Preimage:
    """A nondegenerate minimum of W = |x - f|^2 / 2, exact or in proved bounds."""

    exact: tuple[Expr, ...] | None
    balls: tuple[arb, ...]
    distance: float
    on_image: bool


def preimages(misfit: Misfit, nearest: bool) -> list[Preimage]:
    """Return the minima of W that count as v -> 0: those with W = 0, else the lowest ones if ``nearest``.

    Raises
    ------
    ValueError
        If there is none, x is not on the image and ``nearest`` is false, or one is degenerate.
    """
    # floats decide which minima are looked at and whether x counts as on the image; that a minimum is where it is said
    # to be is proved for each, by exact arithmetic or by Krawczyk's test
    x = np.array([double(exact(value, f"x[{j}]"), f"x[{j}]") for j, value in enumerate(misfit.data)])
    found = _float_minima(misfit, x)
    if not found:
        raise ValueError(
            f"x: got {x.tolist()}, for which no nearest point was found; expected x near the image"
        )
    lowest = min(distance for _, distance in found)
    tolerance = ON_IMAGE * (1 + float(np.abs(x).max())) * math.sqrt(float(misfit.metric.trace()))
    if lowest > tolerance and not nearest:
        raise ValueError(
            f"x: got {x.tolist()}, at distance {lowest:.6g} from the decoder's image; expected a point of the "
            "image (or pass nearest=True for the law at the nearest point)"
        )
    near = [z for z, distance in found if distance <= lowest * (1 + SAME) + tolerance]
    solutions: list[tuple[Expr, ...]] = []
    if lowest <= tolerance and misfit.short:
        # SymPy's search for factors of what stands under a root ends in a ValueError for some rationals of 100 digits:
        # such a mode is then proved in balls
        with misfit.interrupted(), suppress(ValueError):
            solutions = exact_solutions(misfit.model, misfit.data)
    places = _weighty(misfit, x, _distinct(near))
    return [mode for z in places for mode in _settled(misfit, z, solutions, lowest <= tolerance)]


def _float_minima(misfit: Misfit, x: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], float]]:
    """Return points and the square roots of 2 W there."""
    d = misfit.model.latent_dim
    metric = np.array(misfit.metric.tolist(), dtype=float)
    # (STARTS^d, d) starts, their ends and the (N, D) residuals there. Ends that ran far away are minima at infinity
    axis = np.linspace(-REACH, REACH, STARTS.get(d, 3))
    mean, factor = misfit.model.prior.scales(d)
    starts = np.stack(np.meshgrid(*[axis] * d), -1).reshape(-1, d) @ factor.T + mean
    ends = minima(misfit.model, metric, x, starts, misfit.deadline)
    whitened = np.linalg.solve(factor, (ends - mean).T).T
    ends = ends[np.abs(whitened).max(1) < 10 * REACH]  # False for NaN
    residuals = x - misfit.model.floating.decoder(ends) if len(ends) else np.empty((0, len(x)))
    distances = np.sqrt(np.einsum("ni,ij,nj->n", residuals, metric, residuals))
    return list(zip(ends, distances.tolist(), strict=True))


def _weighty(
    misfit: Misfit, x: NDArray[np.float64], points: list[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Leave out modes whose share of the mass is beneath notice; degenerate ones stay, to be refused."""
    metric = np.array(misfit.metric.tolist(), dtype=float)
    # an infinite mass is a Hessian that floats see as not positive definite: it is kept, and refused by the proof
    masses = log_masses(misfit.model, metric, x, np.array(points))
    heaviest = masses[np.isfinite(masses)].max(initial=-np.inf)
    return [z for z, mass in zip(points, masses, strict=True) if mass > heaviest - NEGLIGIBLE]


def _distinct(points: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    # ends of one descent differ by what the descent leaves, which is much less than 1e3 * SAME but at degenerate
    # minima. The order by place, rounded, makes the result the same for any order of starts
    kept: list[NDArray[np.float64]] = []
    for z in sorted(points, key=lambda z: np.round(z, 4).tolist()):
        if all(np.abs(z - other).max() > 1e3 * SAME * (1 + np.abs(z).max()) for other in kept):
            kept.append(z)
    return kept


def _settled(
    misfit: Misfit, z: NDArray[np.float64], solutions: list[tuple[Expr, ...]], on_image: bool
) -> list[Preimage]:
    """Return the minima near z, which are several where floats cannot tell them apart: exact, or one in a box."""
    require_time(misfit.deadline)
    with working_precision(BITS):
        known = _recognised(misfit, z, solutions)
        if not known:
            return [_checked(misfit, z, None, _proved(misfit, z), on_image)]
        return [_checked(misfit, z, point, balls, on_image) for point, balls in known]


def _checked(
    misfit: Misfit,
    z: NDArray[np.float64],
    exact: tuple[Expr, ...] | None,
    balls: tuple[arb, ...],
    on_image: bool,
) -> Preimage:
    """Return the record of a stationary point; that its Hessian is positive definite is proved, with all its digits."""
    # the balls hold the point, so the Hessian over them holds its own: positive pivots are those of its elimination
    with working_precision(BITS):
        if not_positive(ldl(misfit.ball_derivative(2, balls).tolist())[1]) is not None:
            raise _degenerate(z)
        residual = [
            ball(a) - b for a, b in zip(misfit.data, ball_decoder(misfit.model, 0, balls), strict=True)
        ]
        distance = float(sum((r * r for r in residual), arb(0)).mid().sqrt())
    return Preimage(exact, balls, 0.0 if exact is not None and on_image else distance, on_image)


def _recognised(
    misfit: Misfit, z: NDArray[np.float64], solutions: list[tuple[Expr, ...]]
) -> list[tuple[tuple[Expr, ...], tuple[arb, ...]]]:
    """Return all solutions near z that are stationary, else the first such guess, with balls around them."""
    if not misfit.short:
        return []
    tolerance = 1e3 * SAME * (1 + np.abs(z).max())  # a degenerate minimum is found to some 1e-5 only
    found: list[tuple[tuple[Expr, ...], tuple[arb, ...]]] = []
    for number, point in enumerate([*solutions, *_guesses(z)]):
        if found and number >= len(solutions):
            break
        near = np.abs(np.array([float(entry) for entry in point]) - z).max() < tolerance
        with suppress(ValueError):  # of SymPy's factors, as above
            if near and _stationary(misfit, point):
                balls = tuple(ball(entry) for entry in point)
                # two spellings of one point overlap; balls of 300 bits that do not are two points
                if not any(all(a.overlaps(b) for a, b in zip(balls, o, strict=True)) for _, o in found):
                    found.append((point, balls))
    return found


def _stationary(misfit: Misfit, point: tuple[Expr, ...]) -> bool:
    """Decide grad W = 0 exactly; balls reject what is none before SymPy would labour at it."""
    # a ball that excludes zero refutes; `equals` may affirm. What it leaves open counts as no: the mode is then proved
    # in a box
    slope = misfit.ball_derivative(1, tuple(ball(entry) for entry in point))
    if not all(entry.contains(0) for entry in slope):
        return False
    with misfit.interrupted():
        return all(sympy.sympify(entry).equals(0) for entry in misfit.exact_derivative(1, point))


def _guesses(z: NDArray[np.float64]) -> Iterator[tuple[Expr, ...]]:
    # guesses: each is tested exactly before it counts
    for unit in (sympy.Integer(1), sympy.pi):
        ratios = [Fraction(float(value) / float(unit)).limit_denominator(1000) for value in z]
        yield tuple(Rational(ratio.numerator, ratio.denominator) * unit for ratio in ratios)


@dataclass
class _Slope:
    """grad W = 0 near a point, which is moved in balls of full precision."""

    misfit: Misfit
    point: list[arb]

    def enclosed(self, radius: float) -> tuple[Any, Any]:
        """Return grad W at the point and Hess W over the box; refuse where floats see a flat valley."""
        # grad W at the exact point, Hess W over the box (d, d): its Jacobian. The eigenvalues are of midpoints, and
        # only refuse
        box = tuple(a + arb(0, radius) for a in self.point)
        hessian = self.misfit.ball_derivative(2, box)
        values = np.linalg.eigvalsh(np.array([[float(e) for e in row] for row in hessian.tolist()]))
        if not values[0] > DEGENERATE * abs(values[-1]):
            raise _degenerate(np.array([float(a) for a in self.point]))
        return self.misfit.ball_derivative(1, tuple(self.point)), hessian

    def move(self, step: NDArray[np.float64]) -> bool:
        """Take the step."""
        self.point = [(a + arb(s)).mid() for a, s in zip(self.point, step.tolist(), strict=True)]
        return True


def _proved(misfit: Misfit, z: NDArray[np.float64]) -> tuple[arb, ...]:
    """Return a box with exactly one zero of grad W."""
    # the zero lies within ``place`` of the point at which the test succeeded, coordinate by coordinate; the box it is
    # unique in is larger
    system = _Slope(misfit, [arb(value) for value in z.tolist()])
    zero = zero_near(system, RADII, STEPS)
    if zero is None:
        raise _degenerate(z)
    return tuple(a + b for a, b in zip(system.point, zero.place, strict=True))


def _degenerate(z: NDArray[np.float64]) -> ValueError:
    return ValueError(
        f"x: got data whose mode near z = {np.round(z, 6).tolist()} is degenerate; expected an isolated mode with a "
        "positive definite Hessian of |x - f|^2 / 2: elsewhere the gap follows another law"
    )
