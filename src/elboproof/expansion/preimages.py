"""The modes of a posterior as v falls: the minima of W, where x is on the image or as near to it as it comes.

Floats find them; then each is made exact (by inverting the decoder's entries one after the other, or by recognising a
small rational, perhaps times pi, and testing it exactly), or proved to exist in a small box by Krawczyk's test.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_mat
from sympy import Expr, Rational

from elboproof.arrays import FloatArray
from elboproof.expansion.descent import log_masses, minima
from elboproof.expansion.exhaustion import Others, no_others
from elboproof.expansion.misfit import BITS, ball
from elboproof.expansion.modes import UnwieldyError
from elboproof.expansion.potential import SAME, Potential, float_data
from elboproof.numbers.balls import working_precision
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
PACES = 20
"""Newton's steps in balls by which minima at infinity are told from others."""
STILL = 1e-9
"""Of 1 + |z|: a shorter step is the rounding of what floats found."""
STEEP = 1e-3
"""A slope that floats see."""
SEARCHES = 3
"""From cells that are left over, at most."""
NEGLIGIBLE = 45.0
"""In nats: a mode with e^-45 = 3e-20 of the heaviest one's mass would not change a double."""
DEGENERATE = 1e-8
"""Of the largest eigenvalue of the Hessian: below this floats cannot tell a minimum from a flat valley."""


@dataclass(frozen=True)
class Preimage:
    """A nondegenerate minimum of W, exact or in proved bounds."""

    exact: tuple[Expr, ...] | None
    balls: tuple[arb, ...]
    distance: float
    on_image: bool


@dataclass(frozen=True)
class Found:
    """The minima that count, and where it is proved that there are no others as near.

    Attributes
    ----------
    modes : list of Preimage
    near : list of (d,)
        The places of all minima as near, in floats, those of too little mass among them.
    others : Others
    """

    modes: list[Preimage]
    near: list[FloatArray]
    others: Others


def preimages(potential: Potential, nearest: bool) -> Found:
    """Return the minima of W that count as v -> 0: those where x is on the image, else the lowest ones if ``nearest``.

    Raises
    ------
    ValueError
        If there is none, x is not on the image and ``nearest`` is false, or one is degenerate.
    """
    # floats decide which minima are looked at and whether x counts as on the image; that a minimum is where it is said
    # to be is proved for each, by exact arithmetic or by Krawczyk's test, and then that there is no other. Where cells
    # are left over, the search starts again from them
    ends = _float_minima(potential, _starts(potential))
    found = _found(potential, ends, nearest)
    for _ in range(SEARCHES):
        if not len(found.others.left):
            break
        ends = np.concatenate([ends, _float_minima(potential, found.others.left)])
        near = _distinct(list(ends[potential.as_near(potential.floats(ends)[0])]))
        if len(_distinct([*found.near, *near])) == len(found.near):
            break
        found = _found(potential, ends, nearest)
    return found


def _found(potential: Potential, ends: FloatArray, nearest: bool) -> Found:
    """Return the lowest of some minima (N, d), proved."""
    shown = float_data(potential.data).tolist()
    if not len(ends):
        raise ValueError(f"x: got {shown}, for which {potential.nowhere()}")
    levels = potential.floats(ends)[0]
    lowest = potential.distance_at(ends[levels.argmin()])
    on_image = lowest <= potential.tolerance
    if not on_image and not nearest:
        raise ValueError(f"x: got {shown}, {potential.away(lowest)}")
    solutions: list[tuple[Expr, ...]] = []
    if on_image and potential.short:
        # SymPy's search for factors of what stands under a root ends in a ValueError for some rationals of 100 digits:
        # such a mode is then proved in balls
        with potential.interrupted(), suppress(ValueError):
            solutions = potential.solutions()
    near = _distinct(list(ends[potential.as_near(levels)]))
    if any(_runs(potential, z) for z in near):
        raise ValueError(f"x: got {shown}, for which {potential.nowhere()}")
    modes = [mode for z in _weighty(potential, near) for mode in _settled(potential, z, solutions, on_image)]
    return Found(modes, near, no_others(potential, [mode.balls for mode in modes], near, REACH))


def _starts(potential: Potential) -> FloatArray:
    """Return the places (STARTS^d, d) at which the search starts."""
    d = potential.model.latent_dim
    axis = np.linspace(-REACH, REACH, STARTS.get(d, 3))
    mean, factor = potential.model.prior.scales(d)
    return np.asarray(np.stack(np.meshgrid(*[axis] * d), -1).reshape(-1, d) @ factor.T + mean)


def _float_minima(potential: Potential, starts: FloatArray) -> FloatArray:
    """Return the minima (N, d) to which descents from the starts lead."""
    mean, factor = potential.model.prior.scales(potential.model.latent_dim)
    ends = minima(potential, starts)
    # ends that ran far away are minima at infinity; those that still run are known by their steps (`_runs`)
    whitened = np.linalg.solve(factor, (ends - mean).T).T
    return np.asarray(ends[np.abs(whitened).max(1) < 10 * REACH])  # False for NaN


def _runs(potential: Potential, z: FloatArray) -> bool:
    """Return whether Newton's steps from z, in balls, do not shorten: z is only on the way to infinity."""
    # floats lose slopes below 1e-16 of W. To a minimum, degenerate ones among them, steps shorten by a factor
    # (2k - 2)/(2k - 1) or less for z^2k; along exp(-z) they do not
    point, lengths = [arb(value) for value in z.tolist()], []
    with working_precision(BITS):
        for _ in range(PACES):
            slope, bend = (potential.ball_derivative(order, tuple(point)) for order in (1, 2))
            try:
                step = arb_mat(bend.tolist()).solve(arb_mat([[entry] for entry in slope])).entries()
            except (
                ZeroDivisionError
            ):  # a Hessian that may be singular, which the proof refuses; or W is linear
                return max(abs(float(entry.mid())) for entry in slope) > STEEP
            lengths.append(max(abs(float(entry.mid())) for entry in step))
            if not lengths[-1] > STILL * (1 + np.abs(z).max()):
                return False
            point = [(a - b).mid() for a, b in zip(point, step, strict=True)]
    return not lengths[-1] < lengths[0] / 2


def _weighty(potential: Potential, points: list[FloatArray]) -> list[FloatArray]:
    """Leave out modes whose share of the mass is beneath notice; degenerate ones stay, to be refused."""
    # an infinite mass is a Hessian that floats see as not positive definite: it is kept, and refused by the proof
    masses = log_masses(potential, np.array(points))
    heaviest = masses[np.isfinite(masses)].max(initial=-np.inf)
    return [z for z, mass in zip(points, masses, strict=True) if mass > heaviest - NEGLIGIBLE]


def _distinct(points: Sequence[FloatArray]) -> list[FloatArray]:
    # ends of one descent differ by what the descent leaves, which is much less than 1e3 * SAME but at degenerate
    # minima. The order by place, rounded, makes the result the same for any order of starts
    kept: list[FloatArray] = []
    for z in sorted(points, key=lambda z: np.round(z, 4).tolist()):
        if all(np.abs(z - other).max() > 1e3 * SAME * (1 + np.abs(z).max()) for other in kept):
            kept.append(z)
    return kept


def _settled(
    potential: Potential, z: FloatArray, solutions: list[tuple[Expr, ...]], on_image: bool
) -> list[Preimage]:
    """Return the minima near z, which are several where floats cannot tell them apart: exact, or one in a box."""
    require_time(potential.deadline)
    with working_precision(BITS):
        known = _recognised(potential, z, solutions)
        if not known:
            return [_checked(potential, z, None, _proved(potential, z), on_image)]
        return [_checked(potential, z, point, balls, on_image) for point, balls in known]


def _checked(
    potential: Potential,
    z: FloatArray,
    exact: tuple[Expr, ...] | None,
    balls: tuple[arb, ...],
    on_image: bool,
) -> Preimage:
    """Return the record of a stationary point; that its Hessian is positive definite is proved, with all its digits."""
    # the balls hold the point, so the Hessian over them holds its own: positive pivots are those of its elimination
    with working_precision(BITS):
        if not_positive(ldl(potential.ball_derivative(2, balls).tolist())[1]) is not None:
            raise _degenerate(potential, z)
        distance = potential.distance(balls)
    return Preimage(exact, balls, 0.0 if exact is not None and on_image else distance, on_image)


def _recognised(
    potential: Potential, z: FloatArray, solutions: list[tuple[Expr, ...]]
) -> list[tuple[tuple[Expr, ...], tuple[arb, ...]]]:
    """Return all solutions near z that are stationary, else the first such guess, with balls around them."""
    if not potential.short:
        return []
    tolerance = 1e3 * SAME * (1 + np.abs(z).max())  # a degenerate minimum is found to some 1e-5 only
    found: list[tuple[tuple[Expr, ...], tuple[arb, ...]]] = []
    for number, point in enumerate([*solutions, *_guesses(z)]):
        if found and number >= len(solutions):
            break
        near = np.abs(np.array([float(entry) for entry in point]) - z).max() < tolerance
        with suppress(ValueError, UnwieldyError):  # of SymPy's factors, as above, or too long for it
            if near and _stationary(potential, point):
                balls = tuple(ball(entry) for entry in point)
                # two spellings of one point overlap; balls of 300 bits that do not are two points
                if not any(all(a.overlaps(b) for a, b in zip(balls, o, strict=True)) for _, o in found):
                    found.append((point, balls))
    return found


def _stationary(potential: Potential, point: tuple[Expr, ...]) -> bool:
    """Decide grad W = 0 exactly; balls reject what is none before SymPy would labour at it."""
    # a ball that excludes zero refutes; `equals` may affirm. What it leaves open counts as no: the mode is then proved
    # in a box
    slope = potential.ball_derivative(1, tuple(ball(entry) for entry in point))
    if not all(entry.contains(0) for entry in slope):
        return False
    with potential.interrupted():
        return all(sympy.sympify(entry).equals(0) for entry in potential.exact_derivative(1, point))


def _guesses(z: FloatArray) -> Iterator[tuple[Expr, ...]]:
    # guesses: each is tested exactly before it counts
    for unit in (sympy.Integer(1), sympy.pi):
        ratios = [Fraction(float(value) / float(unit)).limit_denominator(1000) for value in z]
        yield tuple(Rational(ratio.numerator, ratio.denominator) * unit for ratio in ratios)


@dataclass
class _Slope:
    """grad W = 0 near a point, which is moved in balls of full precision."""

    potential: Potential
    point: list[arb]

    def enclosed(self, radius: float) -> tuple[Any, Any]:
        """Return grad W at the point and Hess W over the box; refuse where floats see a flat valley."""
        # grad W at the exact point, Hess W over the box (d, d): its Jacobian. The eigenvalues are of midpoints, and
        # only refuse
        box = tuple(a + arb(0, radius) for a in self.point)
        hessian = self.potential.ball_derivative(2, box)
        values = np.linalg.eigvalsh(np.array([[float(e) for e in row] for row in hessian.tolist()]))
        if not values[0] > DEGENERATE * abs(values[-1]):
            raise _degenerate(self.potential, np.array([float(a) for a in self.point]))
        return self.potential.ball_derivative(1, tuple(self.point)), hessian

    def move(self, step: FloatArray) -> bool:
        """Take the step."""
        self.point = [(a + arb(s)).mid() for a, s in zip(self.point, step.tolist(), strict=True)]
        return True


def _proved(potential: Potential, z: FloatArray) -> tuple[arb, ...]:
    """Return a box with exactly one zero of grad W."""
    # the zero lies within ``place`` of the point at which the test succeeded, coordinate by coordinate; the box it is
    # unique in is larger
    system = _Slope(potential, [arb(value) for value in z.tolist()])
    zero = zero_near(system, RADII, STEPS)
    if zero is None:
        raise _degenerate(potential, z)
    return tuple(a + b for a, b in zip(system.point, zero.place, strict=True))


def _degenerate(potential: Potential, z: FloatArray) -> ValueError:
    return ValueError(
        f"x: got data whose mode near z = {np.round(z, 6).tolist()} is degenerate; expected an isolated mode with a "
        f"positive definite Hessian of {potential.name}: elsewhere the gap follows another law"
    )
