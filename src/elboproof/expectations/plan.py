r"""Which cells of eps carry a Gaussian expectation, with which Gauss-Legendre rule, and the proved error of it all.

The integrands are G(eps) = phi(eps) eps^p g(m + L eps) for derivatives g of log p(x|z), eps ~ N(0, I). The cube
[-R, R]^d is cut into cells; on each the rule's error is bounded as in `quadrature.gauss_legendre`, with

    |G| <= phi(mig) e^(b^2/2) prod_k |eps_k|^(p_k) sup |g|

on the rectangle around one coordinate's ellipse (b its imaginary semi-axis, mig the smallest real modulus), the sup by
complex balls. A cell whose bound fails is halved. Where g has a kink, a small cell is kept with the range of G over
it. Outside of the cube the majorants bound G.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.expectations.integrands import BLOCK, EnclosedGaussian, Integrands, LateError
from elboproof.expectations.suprema import density, suprema
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.growth import tail
from elboproof.numbers.majorant_ranges import NoMajorantError
from elboproof.numbers.outward import upward
from elboproof.quadrature.cells import halved
from elboproof.quadrature.gauss_legendre import error_factor, semi_axes

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

SIZES = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 34, 40)
ELLIPSES = (1.5, 2.0, 2.6, 3.5, 5.0, 8.0)
HALF = {1: 2.5, 2: 2.5, 3: 2.5}
"""About the half width of the first cells: wider ones need fewer points, but more often fail."""
FLAT_SHARE = 0.02
FARTHEST = 64.0
SHARES = {"rules": 0.5, "tail": 0.1}
"""Of the tolerance; the rest is for rounding and for cells with a kink."""


@dataclass
class Plan:
    """Cells with rules, and what they leave out.

    Attributes
    ----------
    centres, halves : list of (B, d)
        Exact floats.
    sizes : list of (B,)
        Points per axis.
    error : (Q,)
        Upper bounds of the rules' errors, of the tails and of the radii of flat cells, for every integrand.
    flat : BallArray (Q,) or None
        The sum over cells with a kink, its radius included.
    stopped : str
        Why the tolerance was not reached; empty where it was.
    """

    error: FloatArray
    centres: list[FloatArray] = field(default_factory=list)
    halves: list[FloatArray] = field(default_factory=list)
    sizes: list[Index] = field(default_factory=list)
    flat: BallArray | None = None
    stopped: str = ""
    visited: int = 0


@lru_cache
def _factors() -> FloatArray:
    """Return upper bounds of the rules' `error_factor`, shape (sizes, ellipses)."""
    rhos = [Fraction(rho) for rho in ELLIPSES]
    return np.array([[upward(float(error_factor(rho, n)), 1) for rho in rhos] for n in SIZES])


@lru_cache
def _semi_axes() -> tuple[FloatArray, FloatArray]:
    """Return the semi-axes of all ellipses, along and across the real line."""
    along, across = zip(*(semi_axes(Fraction(rho)) for rho in ELLIPSES), strict=True)
    return np.array(along), np.array(across)


@np.errstate(over="ignore", invalid="ignore")  # bounds that overflow are infinite, and so refused
def plan(
    integrands: Integrands, gaussian: EnclosedGaussian, tolerance: FloatArray, most_cells: int = 100_000
) -> Plan:
    """Return cells whose rules are within a tolerance of every integrand.

    Parameters
    ----------
    integrands
        What is integrated.
    gaussian
        m and L, balls.
    tolerance : (Q,)
        Absolute errors aimed at; floats that steer.

    Raises
    ------
    NoMajorantError
        If the tails cannot be bounded.
    """
    # cells partition the cube; each is accepted with a rule, kept flat, or halved with half its share of the tolerance,
    # so that the shares of accepted ones add up to SHARES["rules"] at most, and no part of the cube is ever dropped
    radius, tails = reach(integrands, gaussian, tolerance)
    work = Plan(tails)
    count = max(1, int(np.ceil(radius / HALF[integrands.d])))
    centre, half = grid(count, radius, integrands.d)
    allowed = np.full(len(half), SHARES["rules"] / len(half))
    while len(half) and not work.stopped:
        if work.visited > most_cells:
            work.stopped = "the limit on cells"
        else:
            work.visited += len(half)
            try:
                centre, half, allowed = _step(
                    integrands, gaussian, tolerance, work, (centre, half, allowed), radius
                )
            except LateError:  # before the step changed anything
                work.stopped = "the time limit"
    if work.stopped:
        _keep(work, left_undone(integrands, gaussian, centre, half))
    return work


def reach(
    integrands: Integrands, gaussian: EnclosedGaussian, tolerance: FloatArray
) -> tuple[float, FloatArray]:
    """Return R and bounds (Q,) of the integrals outside of the cube; the ball |eps| <= R lies in it."""
    majorants = integrands.majorants(gaussian)
    smallest = max(float(tolerance.min()), 1e-300)
    radius = np.ceil(2 * np.sqrt(2 * max(np.log(1 / smallest), 1.0))) / 2
    while radius < FARTHEST:
        by_order = {o: tail(m, degree, integrands.d, radius) for o, (degree, m) in majorants.items()}
        tails = np.array([by_order[order] for order in integrands.orders])
        if (tails <= SHARES["tail"] * tolerance).all():
            return float(radius), tails
        radius += 0.5
    raise NoMajorantError(f"they are too heavy at a distance of {FARTHEST:g} deviations")


def grid(count: int, radius: float, d: int) -> tuple[FloatArray, FloatArray]:
    """Return cells that cover the cube, their half width rounded up to few bits so that halving stays exact."""
    half = np.ceil(radius / count * 64) / 64
    axis = (2 * np.arange(count) + 1 - count) * half
    centre = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    return centre, np.full(centre.shape, half)


def _step(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    tolerance: FloatArray,
    work: Plan,
    cells: tuple[FloatArray, FloatArray, FloatArray],
    radius: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Accept what has a rule or is a flat cell; return the halves of the others."""
    # (Q, B, d, E): of each integrand on each cell with coordinate k on ellipse e. A rule has n points on every axis, so
    # its error is the sum over k of the least over e; the choice is by floats, `_accept` computes the bound itself
    centre, half, allowed = cells
    suprema = _suprema(integrands, gaussian, centre, half)  # (Q, B, d, E)
    volume = upward(np.prod(2 * half, axis=1), half.shape[1] - 1)
    worst = (suprema / tolerance[:, None, None, None]).max(0) * volume[:, None, None]
    by_axis = (_factors()[None, :, None, :] * worst[:, None]).min(-1)  # (B, sizes, d)
    errors = by_axis.sum(-1)
    good = errors <= allowed[:, None]
    accepted = good.any(1)
    choice = good.argmax(1)
    _accept(work, suprema, volume, choice, accepted, centre, half)
    rest = ~accepted
    if rest.any() and not np.isfinite(errors[rest]).all():
        rest &= ~_flat(
            integrands, gaussian, tolerance, work, rest & ~np.isfinite(errors).all(1), centre, half, radius
        )
    axis = np.where(np.isfinite(by_axis[:, -1]).all(1), by_axis[:, -1].argmax(1), _longest(gaussian, half))
    return _halved(centre[rest], half[rest], allowed[rest], axis[rest])


def _longest(gaussian: EnclosedGaussian, half: FloatArray) -> Index:
    """Return the axis whose cell is longest in z."""
    return np.asarray((half * gaussian.lengths[None, :]).argmax(1))


def _halved(
    centre: FloatArray, half: FloatArray, allowed: FloatArray, axis: Index
) -> tuple[FloatArray, FloatArray, FloatArray]:
    return *halved(centre, half, axis), np.tile(allowed / 2, 2)


def _accept(
    work: Plan,
    suprema: FloatArray,
    volume: FloatArray,
    choice: Index,
    accepted: Mask,
    centre: FloatArray,
    half: FloatArray,
) -> None:
    rows = np.flatnonzero(accepted)
    if len(rows):
        # the sum over axes of the least product of two bounds over ellipses, times the volume; then over the cells: d
        # + 1 roundings on the way to one cell's error, and one for each cell that is added
        factors = _factors()[choice[rows]]  # (B, E)
        errors = (factors[None, :, None, :] * suprema[:, rows]).min(-1).sum(-1) * volume[rows]
        work.error = upward(work.error + errors.sum(1), len(rows) + half.shape[1] + 2, 1)
        work.centres.append(centre[rows])
        work.halves.append(half[rows])
        work.sizes.append(np.array(SIZES)[choice[rows]])


def _suprema(
    integrands: Integrands, gaussian: EnclosedGaussian, centre: FloatArray, half: FloatArray
) -> FloatArray:
    """Return bounds of |G| with one coordinate on an ellipse's rectangle, (Q, B, d, E); inf if not analytic."""
    # the rectangle around an ellipse of a cell has the half widths h * along and h * across; the other coordinates stay
    # real in their cell. Its supremum is at least that on the ellipse, so the theorem's M is bounded
    along, across = _semi_axes()
    cells, d = half.shape
    shape = (cells, d, len(along))
    own = np.eye(d, dtype=bool)[:, None, :, None]  # coordinate k is the one on the ellipse
    stretch = np.where(own, along[None, None, None, :], 1.0)  # (k, 1, j, E)
    wide = half.T[:, :, None, None] * stretch
    lifted = np.where(own, half.T[:, :, None, None] * across, 0.0)
    wide, lifted = (np.broadcast_to(a, (d, *shape)).reshape(d, -1) for a in (wide, lifted))
    middle = np.broadcast_to(centre.T[:, :, None, None], (d, *shape)).reshape(d, -1)
    values = upward(suprema(integrands, gaussian, middle, wide, lifted) * density(middle, wide, lifted), 1, 1)
    return np.where(np.isnan(values), np.inf, values).reshape(
        -1, *shape
    )  # infinity times a density that vanishes


def _flat(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    tolerance: FloatArray,
    work: Plan,
    candidates: Mask,
    centre: FloatArray,
    half: FloatArray,
    radius: float,
) -> Mask:
    """Keep the cells over which G varies little enough as they are; return which, (B,)."""
    rows = np.flatnonzero(candidates)
    integrals = _integrals(integrands, gaussian, centre[rows], half[rows])
    # cells along a kink number about (R/h)^(d-1), so their shares add up to about FLAT_SHARE
    share = FLAT_SHARE * np.prod(half[rows] / radius, axis=1) ** ((half.shape[1] - 1) / half.shape[1])
    spread = np.max([ball.rad / t for ball, t in zip(integrals, tolerance, strict=True)], axis=0)
    kept = spread <= share
    if kept.any():
        _keep(work, _total([ball[kept] for ball in integrals]))
    chosen = np.zeros(len(half), dtype=bool)
    chosen[rows[kept]] = True
    return chosen


def _integrals(
    integrands: Integrands, gaussian: EnclosedGaussian, centre: FloatArray, half: FloatArray
) -> list[BallArray]:
    """Return first-order enclosures of the integrals over cells."""
    d = half.shape[1]
    values = integrands.means(gaussian, centre, half)
    volume = BallArray(np.ones(len(half)))
    for k in range(d):
        volume = volume * BallArray(2 * half[:, k])
    return [value * volume for value in values]


def _keep(work: Plan, total: BallArray) -> None:
    work.flat = total if work.flat is None else work.flat + total


def _total(integrals: list[BallArray]) -> BallArray:
    return BallArray.concatenate([ball.sum().reshape(1) for ball in integrals])


def left_undone(
    integrands: Integrands, gaussian: EnclosedGaussian, centre: FloatArray, half: FloatArray
) -> BallArray:
    """Return first-order enclosures (Q,) of the integrals over cells that a limit left undone, however wide."""
    signs = np.array(list(product((-1.0, 1.0), repeat=integrands.d)))
    while (
        len(half) * len(signs) <= integrands.block
    ):  # halved as far as that is quick; few bits: all of it is exact
        half = np.repeat(half / 2, len(signs), axis=0)
        centre = np.repeat(centre, len(signs), axis=0) + half * np.tile(signs, (len(centre), 1))
    total = BallArray(np.zeros(len(integrands.entries)))
    for start in range(0, len(half), BLOCK):
        part = slice(start, start + BLOCK)
        total = total + _total(_integrals(integrands, gaussian, centre[part], half[part]))
    return total
