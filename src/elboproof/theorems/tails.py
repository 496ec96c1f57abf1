r"""Upper bounds of theta . T(z) - (3/8) |z|^2 over all z: what the proof of an integral's tail needs.

At a point of the box theta . T = -(w/2) |x - f|^2 <= 0, but a control point need not be the theta of any parameters,
and its exponent may be positive; it may even grow without limit, and then the integral is not taken.

*One latent, atoms that are bounded.* For z = r and z = -r, r >= 0, the exponent is at most P(r) = sum_k c_k r^k,
where bounded factors B count with |theta| B. If the leading c_n is negative and R = max(1, sum_{k >= 1, c_k > 0} c_k
/ |c_n|) then P(r) <= c_0 for r >= R, because sum c_k r^k <= r^(n-1) sum c_k <= |c_n| r^n. On [0, R] each term is
bounded on short intervals by its ends.

*Otherwise.* theta . T = -(w/2) g'M g with M rational and g the vector of the products in the residuals, g_0 = 1. With
(3/8) z_i^2 added to the diagonal, completing the square in exact arithmetic bounds the exponent if M is positive
semidefinite on the rest and the linear part lies in its range. Products of bounded atoms may have more on their
diagonal, for what that can add.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
from flint import arb, fmpq
from sympy import Expr

from elboproof.numbers.functions import WRITABLE
from elboproof.numbers.outward import LIBRARY, above, library_upward
from elboproof.statements import STEP, Box
from elboproof.theorems import polynomials
from elboproof.theorems.natural import Natural, Theta
from elboproof.theorems.polynomials import Polynomial, rational

PRIOR = fmpq(3, 8)
"""Of |z|^2: three quarters of the prior's exponent help to bound the tail, the last quarter gives its mass."""
_SEGMENTS = 256
_MORE = (fmpq(0), fmpq(1, 4), fmpq(4), fmpq(64))
"""Multiples of the squares of bounded products that are tried; a larger one only makes the bound larger."""
_BOUNDED = {
    known.symbolic: rational(Fraction(known.size)) for known in WRITABLE.values() if known.size is not None
}


def magnitude(atom: Expr) -> fmpq | None:
    """Return a bound of |atom| over all latents, None if none is known."""
    # A constant comes from SymPy's evaluation in 15 digits, whose error is far below the library's margin.
    if not atom.free_symbols:
        return rational(Fraction(library_upward(float(abs(atom)))))
    return _BOUNDED.get(atom.func)


def supremum(natural: Natural, theta: Theta) -> float | None:
    """Return an upper bound for one latent and bounded atoms; None if there is none or it is not known."""
    magnitudes = [magnitude(atom) for atom in natural.atoms]
    if len(natural.latents) != 1 or any(m is None for m in magnitudes):
        return None
    # P for z = r and for z = -r, exactly: a product with atoms counts with its size on both sides.
    highest = max((e[0] for e in natural.statistics), default=0)
    sides = [[fmpq(0)] * (max(highest, 2) + 1) for _ in (1, -1)]
    for sign, side in zip((1, -1), sides, strict=True):
        side[2] -= PRIOR
        for value, (power, *exponents) in zip(theta, natural.statistics, strict=True):
            if any(exponents):
                bounds = zip(magnitudes, exponents, strict=True)
                side[power] += abs(value) * prod((m**e for m, e in bounds if m is not None), start=fmpq(1))
            else:
                side[power] += value * sign**power
    return _greater(_univariate(sides[0]), _univariate(sides[1]))


def _greater(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else max(a, b)


def _univariate(exact: Sequence[fmpq]) -> float | None:
    """Return an upper bound of sum_k c_k r^k over r >= 0, None if it grows without limit."""
    # Coefficients rounded up give no smaller values for r >= 0. R may be larger than the module's: 1.001 is far above
    # its roundings. On a segment [low, high], c_k r^k is at most its value at the end that c_k's sign chooses. A sum
    # (segments,) of products loses a few roundings of the sum of sizes, which the library's margin for powers covers,
    # and what underflows is below that number itself.
    c = np.array([above(arb(value)) for value in exact])
    nonzero = np.flatnonzero(c[1:]) + 1
    if not len(nonzero):
        return float(c[0])
    n = nonzero[-1]
    if c[n] > 0:
        return None
    radius = max(1.0, float(c[1:][c[1:] > 0].sum()) / abs(c[n])) * 1.001
    powers = np.arange(len(c))
    ends = radius * (np.arange(_SEGMENTS + 1) / _SEGMENTS) ** 2  # finer near 0, where the supremum lies
    low, high = ends[:-1, None] ** powers, ends[1:, None] ** powers
    values = np.where(c > 0, c * high, c * low).sum(1)
    size = (np.abs(c) * high).sum(1)
    if not np.isfinite(size).all():
        return None
    return float((values + LIBRARY * size).max() + LIBRARY)


def gram(natural: Natural) -> tuple[list[tuple[int, ...]], dict[tuple[int, int], Polynomial]]:
    """Return the products g of the residuals, 1 first, and sum_j r_j^2 = g'Mg as polynomials M_kl, k <= l."""
    # The latents themselves are among the g, so that (3/8) z_i^2 has its place on the diagonal.
    one = (0,) * (len(natural.latents) + len(natural.atoms))
    units = [tuple(int(k == i) for k in range(len(one))) for i in range(len(natural.latents))]
    rest = {g for residual in natural.residuals for g in residual} | set(units)
    g = [one, *sorted(rest - {one})]
    entries: dict[tuple[int, int], Polynomial] = {}
    for residual in natural.residuals:
        for (i, a), (j, b) in product(enumerate(g), enumerate(g)):
            if i <= j and a in residual and b in residual:
                term = polynomials.multiply(residual[a], residual[b], "decoder")
                entries[i, j] = polynomials.add(entries.get((i, j), {}), term)
    return g, entries


def quadratic_suprema(
    natural: Natural, box: Box, centre: Sequence[Fraction] | None = None
) -> dict[Theta, float | None]:
    """Return bounds for the control points over a box, by their theta, from the control points of the Gram matrix.

    With the box's ``centre`` also for what the tangents there are taken from, c - h (b - c) for each control point b.
    """
    # The entries of M and phi are taken as one vector of polynomials, so that a row of control points holds both with
    # the same degrees: theta is the same linear function of M there as at the points of the box.
    g, entries = gram(natural)
    # w M is linear in the same vector as theta = w phi, so that c - h (b - c) is taken of both alike.
    keys, weights = list(entries), natural.weights(box)
    every = [*entries.values(), *natural.phi]
    rows = [[w * v for v in row] for row in polynomials.control_points(every, box) for w in weights or ()]
    if centre is not None:
        w, h = natural.at(centre).weight, rational(STEP)
        middle = [w * polynomials.value(one, centre) for one in every]
        rows += [[c - h * (b - c) for b, c in zip(row, middle, strict=True)] for row in rows]
    suprema: dict[Theta, float | None] = {}
    for row in rows:
        whole = _with_squares(natural, g, dict(zip(keys, row, strict=False)))
        # the constant row[-1] is part of g'Mg, but not of theta . T
        suprema[tuple(row[len(keys) : -1])] = None if whole is None else above(arb(whole - row[-1]))
    return suprema


def _with_squares(
    natural: Natural, g: Sequence[tuple[int, ...]], values: dict[tuple[int, int], fmpq]
) -> fmpq | None:
    """Return the supremum of -g'Mg/2 - (3/8)|z|^2, or a bound by what the squares of bounded products can add."""
    # Where a control point's M is not semidefinite: -g'Mg/2 = (-g'Mg/2 - e sum g_i^2) + e sum g_i^2, over those g_i of
    # which |g_i| <= B_i is known; the last sum is at most e sum B_i^2.
    d = len(natural.latents)
    squares = {i: square for i, one in enumerate(g) if (square := _square(natural, one)) is not None}
    for more in _MORE if squares else _MORE[:1]:
        filled = dict(values)
        for i in squares:
            filled[i, i] = filled.get((i, i), fmpq(0)) + 2 * more
        whole = _completed(g, filled, fmpq(1), d)
        if whole is not None:
            return whole + more * sum(squares.values(), fmpq(0))
    return None


def _square(natural: Natural, exponents: tuple[int, ...]) -> fmpq | None:
    """Return a bound of a product's square, None for 1, for products with latents, and where none is known."""
    d = len(natural.latents)
    sizes = [
        (magnitude(atom), power) for atom, power in zip(natural.atoms, exponents[d:], strict=True) if power
    ]
    if any(exponents[:d]) or not sizes or any(size is None for size, _ in sizes):
        return None
    return prod((size ** (2 * power) for size, power in sizes if size is not None), start=fmpq(1))


def _completed(
    g: Sequence[tuple[int, ...]], values: dict[tuple[int, int], fmpq], w: fmpq, latents: int
) -> fmpq | None:
    """Return the supremum of -(w/2) g'Mg - (3/8)|z|^2 over g with g_0 = 1 by elimination; None if unbounded."""
    # Pivot i turns m_ii (g_i + ...)^2 into a square >= 0 of its own, which is dropped: a supremum over free g bounds
    # that over g(z). What is left when no pivot is positive must vanish, or the form has a direction of decrease. At
    # the end only m_00 g_0^2 is there. All in rationals.
    n = len(g)
    m = [[w / 2 * values.get((min(i, j), max(i, j)), fmpq(0)) for j in range(n)] for i in range(n)]
    for i, exponents in enumerate(g):
        if sum(exponents) == 1 and 1 in exponents[:latents]:
            m[i][i] += PRIOR
    left = set(range(1, n))
    while left:
        pivot = max(left, key=lambda i: m[i][i])
        if m[pivot][pivot] <= 0:
            break
        left.remove(pivot)
        for i in (0, *left):
            factor = m[i][pivot] / m[pivot][pivot]
            for j in (0, *left):
                m[i][j] -= factor * m[pivot][j]
    if any(m[i][j] != 0 for i in left for j in (0, *left)):
        return None
    return -m[0][0]
