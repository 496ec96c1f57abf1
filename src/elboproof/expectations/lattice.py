r"""The midpoint lattice on a cube of eps, with proof: the rule of choice for analytic integrands.

*One axis.* Let F be analytic around [-R, R] x [-a, a] i, and T = h sum_k F(u_k) over the N midpoints u_k of [-R, R],
h = 2R/N. chi(u) = 1/(1 + e^(-2 pi i (u + R)/h)) has its poles at the nodes with residues h/(2 pi i), so the integral of
F chi around the rectangle is T. Below the axis chi = 1 - chi', hence the integral I obeys

    I - T = int_lower F chi' + int_upper F chi,

each path from -R over -R +- ia and R +- ia to R. On the horizontal parts |chi|, |chi'| <= 1/(e^(2 pi a/h) - 1); on the
faces, where e^(+-2 pi i (u + R)/h) = 1 at y = 0, they are 1/(1 + e^(2 pi y/h)) <= e^(-2 pi y/h). With
|phi(x + iy)| = phi(x) e^(y^2/2) and F = phi g,

    |I - T| <= 2/(e^(2 pi a/h) - 1) int sup_y |F(x + iy)| dx + 2 (h/pi) sum_faces phi(R) sup_y |g(+-R + iy)|,

|y| <= a, if a h <= 2 pi, because then y^2/2 - 2 pi y/h <= -pi y/h on [0, a]. (Trefethen and Weideman, The exponentially
convergent trapezoidal rule, SIAM Review 2014, section 5, with the faces kept.) Of the first supremum only y = +-a is
needed, and one of them if F is real on the axis.

*d axes.* Replace integrals by sums one axis after the other. The other axes then carry integrals or sums over
lattices that are aligned with cells: on a cell of sides s_k both have total weight prod s_k, so both are bounded by the
sum over cells of prod s_k times the supremum over the cell, which complex balls give.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.plan import SHARES, grid, reach
from elboproof.expectations.suprema import density, suprema
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import downward, upward

HEIGHTS = (0.3, 0.5, 0.8, 1.2, 1.7, 2.4, 3.4, 4.8, 6.8)
"""The strips' half widths a to choose from."""
SIDE = {1: 1.0, 2: 2.0, 3: 2.7}
"""About the side of the cells over which suprema are taken: finer ones are sharper and cost more than they save."""
MOST = {1: 600, 2: 240, 3: 110}
"""Points per axis; where more are needed, cells with rules of their own are better."""
FINER = 3.0
"""Bounds on lines gain more by small cells."""
ATTEMPTS = 4
Lines = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Middles, half widths and imaginary parts (d, P) -> bounds (Q, P)."""


@dataclass(frozen=True)
class Lattice:
    """A lattice of midpoints, and what it leaves out.

    Attributes
    ----------
    half : float
        R, exact with few bits.
    counts : tuple of int (d,)
        N of each axis.
    error : (Q,)
        Upper bounds of the lattice's errors and of the integrals outside of the cube.
    """

    half: float
    counts: tuple[int, ...]
    error: FloatArray

    def axis(self, k: int) -> BallArray:
        """Return the nodes of an axis: R (2i + 1 - N)/N."""
        count = self.counts[k]
        return BallArray((2.0 * np.arange(count) + 1 - count) * self.half) / count

    def step(self, k: int) -> BallArray:
        """Return the weight h = 2R/N of an axis."""
        return BallArray(2 * self.half) / self.counts[k]


@np.errstate(over="ignore", invalid="ignore")  # bounds that overflow are infinite, and so refused
def lattice(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    tolerance: FloatArray,
    cube: float | None = None,
    lines: Lines | None = None,
) -> Lattice | None:
    """Return a lattice that is within a tolerance of every integrand, None if there is none of useful size.

    Parameters
    ----------
    integrands, gaussian
        What is integrated, and m and L.
    tolerance : (Q,)
        Absolute errors aimed at; floats that steer.
    cube
        Half width of the smallest cube; then what is outside of it is not bounded. Chosen for the tails if None.
    lines
        Bounds of the integrands without phi on Im = a over cells, where those over the strip are finite: sharper ones.

    Raises
    ------
    NoMajorantError
        If the tails cannot be bounded.
    """
    d, side = integrands.d, SIDE[integrands.d] / (1.0 if lines is None else FINER)
    finest = side / 2
    radius, tails = (
        reach(integrands, gaussian, tolerance) if cube is None else (cube, np.zeros(len(tolerance)))
    )
    for _ in range(ATTEMPTS):
        cells = max(1, int(np.ceil(2 * radius / side)))
        centre, half = grid(cells, radius, d)
        inner, outer = _totals(integrands, gaussian, centre, half, lines)
        counts = np.arange(cells, MOST[d] + 1, cells)
        steps = 2 * cells * float(half[0, 0]) / counts
        errors = _errors(inner, outer, steps)  # (Q, d, counts)
        good = (errors / tolerance[:, None, None]).max(0) <= SHARES["rules"] / d
        if good.any(1).all():
            choice = good.argmax(1)
            total = upward(errors[:, np.arange(d), choice].sum(1) + tails, d)
            return Lattice(cells * float(half[0, 0]), tuple(counts[choice].tolist()), total)
        inside = _errors(inner, np.zeros_like(outer), steps[-1:]) / tolerance[:, None, None]
        if inside.max() <= SHARES["rules"] / d:
            radius += 0.5  # the faces are too near
        elif side == finest or not np.isfinite(inner[..., 0]).any():
            return None
        else:
            side = finest  # sharper suprema
    return None


def _totals(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    centre: FloatArray,
    half: FloatArray,
    lines: Lines | None,
) -> tuple[FloatArray, FloatArray]:
    """Return the integrals over the cube and over both faces of the suprema over strips, (Q, d, heights) each."""
    d = half.shape[1]
    volume = upward(np.prod(2 * half, axis=1), d - 1)
    # for each axis j: all cells, whose weight is their volume, and both faces of the cube across j, cut into the same
    # cells without extent in j, whose weight is the volume of the other axes
    parts, weights = [], []
    for j in range(d):
        low = centre[:, j] < centre[:, j].min() + half[0, j]
        faces, thin = np.concatenate([centre[low], centre[low]]), np.concatenate([half[low], half[low]])
        faces[:, j] = np.repeat([-1.0, 1.0], low.sum()) * (half[0, j] - centre[:, j].min())
        thin[:, j] = 0.0
        parts += [(j, centre, half, True), (j, faces, thin, False)]
        weights += [volume, np.repeat(upward(volume[low] / (2 * half[low, j]), 1), 2)]
    # one array of all of them: the time goes into the number of operations
    found = np.split(
        _sup(integrands, gaussian, parts, lines), np.cumsum([len(w) for w in weights])[:-1], axis=2
    )
    # n products and their sum, in whatever order the BLAS takes: n roundings on a path
    totals = [upward(sup @ weight, len(weight), 1) for sup, weight in zip(found, weights, strict=True)]
    return np.stack(totals[::2], 1), np.stack(totals[1::2], 1)


def _sup(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    parts: list[tuple[int, FloatArray, FloatArray, bool]],
    lines: Lines | None,
) -> FloatArray:
    """Return suprema over strips along axis j above cells, (Q, heights, B); phi at real points unless ``tall``."""
    d = parts[0][1].shape[1]
    # columns are (height, cell) pairs, one rectangle each: real on all axes but j, which is lifted to +-i height. A
    # bound over the rectangle holds on the whole strip below that height, phi included where ``tall``; on faces
    # phi(R) is taken at the real point, and e^(y^2/2) is in the module's estimate. ``lines`` replaces finite bounds
    # only
    axis = np.repeat([j for j, *_ in parts], [len(c) for _, c, *_ in parts])
    tall = np.repeat([t for *_, t in parts], [len(c) for _, c, *_ in parts])
    lifted = np.where(axis == np.arange(d)[:, None, None], np.array(HEIGHTS)[:, None], 0.0)
    shape = lifted.shape
    middle, wide = (
        np.broadcast_to(np.concatenate([part[k] for part in parts]).T[:, None, :], shape).reshape(d, -1)
        for k in (1, 2)
    )
    bounds = suprema(integrands, gaussian, middle, wide, lifted.reshape(d, -1))
    if lines is not None:
        upper = np.broadcast_to(tall, shape[1:]).reshape(-1) & np.isfinite(bounds).all(0)
        bounds[:, upper] = lines(middle[:, upper], wide[:, upper], lifted.reshape(d, -1)[:, upper])
    weight = density(middle, wide, (lifted * tall).reshape(d, -1))
    return upward(bounds * weight, 1, 1).reshape(-1, *shape[1:])


def _errors(inner: FloatArray, outer: FloatArray, steps: FloatArray) -> FloatArray:
    """Return bounds of an axis' error for steps h, the best of all heights, (Q, d, steps)."""
    # (heights, steps) against (Q, d, heights, 1): the two terms of the module's formula. np.pi lies below pi, and a
    # step has one rounding of its own, which counts in every line; a smaller exponent makes the bound larger
    heights = np.array(HEIGHTS)
    exponent = np.minimum(downward(2 * np.pi * heights[:, None] / steps, 3), 600.0)
    horizontal = upward(2 / BallArray(exponent).expm1().lower(), 1)
    vertical = upward(2 / np.pi * steps, 3)
    allowed = upward(heights[:, None] * steps, 2) <= 2 * np.pi
    bound = upward(inner[..., None] * horizontal + outer[..., None] * vertical, 2, 1)
    bound = np.where(allowed & np.isfinite(bound), bound, np.inf)
    return np.asarray(bound.min(2))
