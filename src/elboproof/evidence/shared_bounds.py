r"""Lower bounds of Re U over complex rectangles around cells, for all rows at once.

Taylor's formula with its integral remainder says on every convex region around a cell's centre, multi-indices being
written by their monomials,

    U(c + t) = sum_{|a| < p} u_a(c) t^a + sum_{|a| = p} r_a t^a,        r_a an average of u_a over the segment,

so that r_a lies in every disc that encloses u_a on the region. Let Re t_k reach to along_k and Im t_k to across_k, the
latter zero for all axes but one, and s_k^2 = along_k^2 + across_k^2. With p >= 3 the real part is at least

    u_0 + sum_k min_y (u_k y + u_kk y^2) - sum_k max(u_kk, 0) across_k^2 - sum_{k<l} |u_kl| along_k along_l
        - sum_{3 <= |a| < p} |u_a| s^a - sum_{|a| = p} |r_a| s^a,        |y| <= along_k,

as t_k t_l is a product with one real factor. Each row's u_a is a product of x with what is shared.

*Discs.* Over a rectangle a coefficient is enclosed by a disc around a real number, kept as a ball: |u - mid| <= rad in
the plane. A real combination of discs is one around the same combination of the midpoints, with the radii's sizes added
up, which is what balls do.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.shared_parts import SharedParts
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.jets import Jet, Key
from elboproof.numbers.outward import rounding, upward
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.gauss_legendre import semi_axes

RHO = Fraction(2)
"""The ellipse's sum of semi-axes, smaller than that of single rows: enclosures over it cost more than points do."""
ALONG, ACROSS = semi_axes(RHO)
ORDER = 3
"""The order p of the remainder."""
UNDERFLOW = 2.0**-1000
"""More than what products below all normal floats lose."""


@dataclass(frozen=True)
class SharedRows:
    """N rows of exact data: x (N, D), what hidden layers are multiplied by (N, units), and c(x), (N,)."""

    x: FloatArray
    turned: BallArray
    constant: BallArray

    @staticmethod
    def of(parts: SharedParts, x: FloatArray) -> "SharedRows":
        """Return the rows with what is computed once for each."""
        return SharedRows(x, parts.turned(x), parts.constant(x))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, which: Index) -> "SharedRows":
        return SharedRows(self.x[which], self.turned[which], self.constant[which])


@dataclass(frozen=True)
class RowBounds:
    """What is known of U for N rows over C cells.

    Attributes
    ----------
    central : (N, C)
        Lower bounds of U at the centres.
    least : (N, C)
        Lower bounds of U over the cells.
    analytic : list of (N, C)
        For each axis lower bounds of Re U with this coordinate on its rectangle, -inf where U may not be analytic.
    """

    central: FloatArray
    least: FloatArray
    analytic: list[FloatArray]


def row_bounds(parts: SharedParts, rows: SharedRows, cells: Cells) -> RowBounds:
    """Return bounds over straight cells."""
    exact, count = ExactMatrix(rows.x), len(cells)
    middle = matrix(cells.points())
    statistic, rest = parts.points(middle, ORDER - 1)
    centre = {
        key: wide(value, count) - row_product(exact, statistic.get(key), count) for key, value in rest.items()
    }
    centre[()] = centre[()] + rows.constant.reshape(-1, 1)
    reach = [cells.half[:, k] for k in range(parts.d)]
    analytic, least = [], np.full(centre[()].shape, -np.inf)
    for j in range(parts.d):
        remainder = _remainder(parts, rows, rectangle(cells, j), middle)
        along = [upward(h * ALONG, 1) if k == j else h for k, h in enumerate(reach)]
        across = [upward(h * ACROSS, 1) if k == j else 0.0 * h for k, h in enumerate(reach)]
        analytic.append(least_real(centre, remainder, along, across))
        # the cell is part of the rectangle, so that the same remainder serves its own bound
        least = np.fmax(least, least_real(centre, remainder, reach, [0.0 * h for h in reach]))
    return RowBounds(centre[()].lower(), least, analytic)


def rectangle(cells: Cells, j: int) -> ComplexBallArray:
    """Return the cells with coordinate j on its rectangle, (d, C)."""
    real, imag = cells.half.T.copy(), np.zeros(cells.half.T.shape)
    real[j], imag[j] = upward(real[j] * ALONG, 1), upward(real[j] * ACROSS, 1)
    return ComplexBallArray(BallArray(cells.centre.T, real), BallArray(np.zeros(imag.shape), imag))


def _remainder(
    parts: SharedParts, rows: SharedRows, region: ComplexBallArray, centre: BallArray
) -> dict[Key, FloatArray]:
    """Return upper bounds (N, C) of the sizes of the coefficients of order `ORDER`, infinite where nothing is known."""
    hidden, rest = parts.regions(region, centre, ORDER)
    count = centre.shape[1]
    # a pole or a cut shows in the values, and where there is one the coefficients count for nothing
    known = np.isfinite(disc(hidden[()]).rad).all(0) & np.isfinite(disc(rest[()]).rad)
    found = {}
    for key, value in rest.items():
        if len(key) != ORDER:
            continue
        total = wide(disc(value), count)
        if key in hidden:
            total = total - hidden_product(rows, disc(hidden[key]), count)
        found[key] = np.where(known, total.mag(), np.inf)
    return found


def hidden_product(rows: SharedRows, h: BallArray, count: int) -> BallArray:
    """Return the products of what the rows multiply the last hidden layer by with h (units, C), (N, C)."""
    product = row_product(ExactMatrix(rows.turned.mid), h, count)
    return product + _spread(rows.turned.rad, h, count) if rows.turned.rad.any() else product


def _spread(radius: FloatArray, h: BallArray, count: int) -> BallArray:
    """Return balls around zero of what the radii (N, units) of the rows add to a product with h (units, C)."""
    sizes = h.broadcast_to((radius.shape[1], count)).mag()
    with np.errstate(invalid="ignore"):  # a radius of zero times an unknown size
        spread = upward(radius @ sizes, radius.shape[1] + 1, underflows=radius.shape[1])
    return BallArray(np.zeros(spread.shape), np.where(np.isnan(spread), np.inf, spread))


def disc(value: BallArray | ComplexBallArray) -> BallArray:
    """Return discs around rectangles: real centres, and radii that reach as far as real and imaginary part together."""
    if isinstance(value, BallArray):
        return value
    return BallArray(value.real.mid, upward(value.real.rad + value.imag.mag(), 1))


def matrix(columns: list[BallArray]) -> BallArray:
    """Return d columns (C,) as one array (d, C)."""
    return BallArray.concatenate([column.reshape(1, -1) for column in columns])


def wide(value: BallArray, count: int) -> BallArray:
    """Return numbers of C cells as a row (1, C)."""
    return value.broadcast_to((count,)).reshape(1, -1)


def row_product(rows: ExactMatrix, value: BallArray | None, count: int) -> BallArray:
    """Return x . value, (N, C); discs of real combinations are balls of the same arithmetic."""
    if value is None:
        return BallArray(np.zeros((rows.shape[0], count)))
    product: BallArray = rows @ value.broadcast_to((rows.shape[1], count))
    return product


def least_real(
    centre: Jet, remainder: dict[Key, FloatArray], along: list[FloatArray], across: list[FloatArray]
) -> FloatArray:
    """Return the lower bound above, (N, C).

    Parameters
    ----------
    centre
        The u_a of orders below `ORDER`, balls (N, C).
    remainder
        Upper bounds (N, C) of the |r_a|.
    along, across
        For each axis the reach of each cell, (C,); across is zero for all but one.
    """
    # Floats of + - * / and a root: at most two dozen roundings on any path, 19 of them sums for three latents. Within a
    # term only u_k y and a smaller u_kk y^2 may cancel, so that the operands' sizes are at most three times the terms'.
    reach = [np.sqrt(a * a + b * b) for a, b in zip(along, across, strict=True)]
    low = centre[()].lower()
    total, size = low.copy(), np.abs(low)
    for part in _losses(centre, along, across, reach):
        total, size = total - part, size + part
    for key, most in remainder.items():
        part = most * np.prod([reach[k] for k in key], axis=0)
        total, size = total - part, size + part
    bound = np.nextafter(total - (rounding(size, 3 * 30) + UNDERFLOW), -np.inf)
    return np.where(np.isnan(bound), -np.inf, bound)


def _losses(
    centre: Jet, along: list[FloatArray], across: list[FloatArray], reach: list[FloatArray]
) -> list[FloatArray]:
    """Return what each term of the centre's polynomial takes away at most, (N, C)."""
    losses = []
    for k, length in enumerate(along):
        curve = centre.get((k, k), BallArray(np.zeros(1)))
        losses.append(_least_along(centre[k,].mag(), curve.lower(), length))
        losses.append(np.maximum(curve.upper(), 0.0) * (across[k] * across[k]))
    for key, value in centre.items():
        if len(key) == 2 and key[0] != key[1]:
            losses.append(value.mag() * (along[key[0]] * along[key[1]]))
        elif len(key) > 2:
            losses.append(value.mag() * np.prod([reach[k] for k in key], axis=0))
    return losses


def _least_along(slope: FloatArray, curve: FloatArray, reach: FloatArray) -> FloatArray:
    """Return minus the least value of s y + m y^2 over |y| <= reach, |s| <= slope and m >= curve; nonnegative.

    With m > 0 it is at most slope^2 / (4 m), reached at |y| = slope / (2 m); beyond the reach, and for m <= 0, it is
    reached at the end. Where rounding picks the wrong one of the two, they differ by a square of a rounding.
    """
    # s y + m y^2 only falls when m does, for every y
    inside = (curve > 0) & (slope < 2 * curve * reach)
    end = slope * reach - curve * (reach * reach)
    return np.where(inside, slope * slope / (4 * np.where(inside, curve, 1.0)), np.maximum(end, 0.0))
