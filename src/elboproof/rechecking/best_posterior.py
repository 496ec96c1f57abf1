r"""For the check: no Gaussian has an ELBO above a threshold, by Bernstein coefficients in (m, S).

One latent, a polynomial G. F(m, S) = E_q[G] - (m^2 + S - 1)/2 + (log S)/2 with E[z^k] = sum_j C(k, 2j) (2j-1)!!
m^(k-2j) S^j is a polynomial P but for the logarithm, and log S <= log S0 + (S - S0)/S0. So on a cell F is at most the
largest Bernstein coefficient of a polynomial. A maximum is a stationary point: no cell matters on which dP/dm, or
dP/dS + 1/(2S), keeps its sign. Outside the box that is searched, G <= M + (3/8) z^2 gives F <= M + 1/2 + (log S)/2 -
(m^2 + S)/8 <= threshold. If only Gaussians with KL = (m^2 + S - 1)/2 - (log S)/2 < K are asked for, then cells without
any of these do not matter either, but slopes decide nothing on a cell that holds others as well: a maximum may be at
the edge. Floats carry their own error bounds: a dot product of n terms loses less than n 2^-52 of the sum of the sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb, exp, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray
from sympy import Symbol

from elboproof.arrays import FloatArray
from elboproof.numbers.outward import LIBRARY, downward, library_downward, library_upward, upward
from elboproof.rechecking.functions import Terms
from elboproof.rechecking.integration import Dense, Unable, majorant, shifted

MOST_CELLS = 20_000
"""For one function."""
_SEGMENTS = 128
_BLOCK = 4096
_LOSS = 2.0**-40
"""Of the sums of sizes: far more than the few hundred operations of a coefficient can lose."""
SHARE = Fraction(3, 8)
"""Of z^2, of which the prior has 1/2: what may be left of G outside the cells."""
_SPARE = 1e-6
_LARGEST_MARGIN = 354.0
"""Nats of K: exp(-708) is the least power of e that float64 holds to its full precision. Cells grow from exp(-2K) by
factors; from an underflow to 0 they would grow without end."""


@dataclass(frozen=True)
class Threshold:
    """A function without constant term, and what no Gaussian's ELBO shall exceed.

    With a finite ``within``: no Gaussian's with KL(q || prior) < within.
    """

    function: Terms
    value: float
    within: float = inf


def bounded(claims: Sequence[Threshold], z: Symbol) -> list[bool]:
    """Return for which claims sup F <= threshold was proved; one function's lowest threshold decides for its others."""
    # If the lowest threshold of a function holds, then its others do; if it does not, each of them is tried for
    # itself.
    keys = [(frozenset(claim.function.items()), claim.within) for claim in claims]
    lowest: dict[object, Threshold] = {}
    for key, claim in zip(keys, claims, strict=True):
        if key not in lowest or claim.value < lowest[key].value:
            lowest[key] = claim
    known = dict(zip(lowest, _bounded(list(lowest.values()), z), strict=True))
    left = [n for n, claim in enumerate(claims) if not known[keys[n]] and claim is not lowest[keys[n]]]
    others = dict(zip(left, _bounded([claims[n] for n in left], z), strict=True))
    return [known[key] or others.get(n, False) for n, key in enumerate(keys)]


def _bounded(claims: Sequence[Threshold], z: Symbol) -> list[bool]:
    # Rows (owner, m low, m high, S low, S high): cells of all claims in one stack. Those of a claim that needed too
    # many are dropped with the claim; a claim holds when its cells are used up.
    coefficients = _moments([claim.function for claim in claims], z)
    thresholds = np.array([claim.value for claim in claims])
    within = np.array([claim.within for claim in claims])
    holds = np.ones(len(claims), dtype=bool)
    seen = np.zeros(len(claims), dtype=int)
    roots = []
    for n, claim in enumerate(claims):
        cells = slabs(outer_margin(claim, z)) if claim.within == inf else slabs_within(claim.within)
        roots.append(np.column_stack([np.full(len(cells), float(n)), cells]))
    waiting = [np.concatenate(roots)] if roots else []
    while waiting:
        cells = waiting.pop()
        cells = cells[holds[cells[:, 0].astype(int)]]
        if len(cells) > _BLOCK:
            waiting.append(cells[_BLOCK:])
            cells = cells[:_BLOCK]
        if len(cells):
            owner = cells[:, 0].astype(int)
            np.add.at(seen, owner, 1)
            holds &= seen <= MOST_CELLS
            left = _left(coefficients[owner], cells[:, 1:], thresholds[owner], within[owner])
            waiting.append(_quartered(cells[left]))
    return [bool(h) for h in holds]


def supremum(function: Terms, z: Symbol, share: Fraction = SHARE) -> float:
    """Return an upper bound of G(z) - share z^2: Bernstein coefficients on |z| <= 16 segment by segment, and 0 beyond.

    Beyond, no Taylor coefficient at the radius is positive, or the radius is doubled.
    """
    # For z >= 0 and for -z. If no Taylor coefficient at R is positive then H(R + y) = sum c_k y^k <= c_0 <= 0 for y
    # >= 0; inside, Bernstein coefficients on each segment bound H.
    greatest = 0.0
    for mirrored in (False, True):
        dense = majorant(function, z, mirrored=mirrored)
        dense[2] -= share
        radius = Fraction(16)
        while any(c > 0 for c in shifted(dense, radius)):
            radius *= 2
            if radius > 2**12:
                return float("inf")
        greatest = max(greatest, _largest(dense, float(radius)))
    return library_upward(greatest) + LIBRARY


def _largest(dense: Dense, radius: float) -> float:
    """Return an upper bound on [0, radius] from segments that grow with the distance from 0."""
    # matrix (segments, n, n) times coefficients (n,): one row of Bernstein coefficients per segment.
    ends = radius * (np.arange(_SEGMENTS + 1) / _SEGMENTS) ** 2
    matrix = _conversion(len(dense), ends[:-1], np.diff(ends))
    numbers = np.array([float(c) for c in dense])
    value, size = matrix @ numbers, np.abs(matrix) @ np.abs(numbers)
    return float((value + _LOSS * size).max())


def _moments(functions: Sequence[Terms], z: Symbol) -> FloatArray:
    """Return the coefficients of P = E_q[G] - (m^2 + S - 1)/2 in m^i S^j, shape (functions, i, j)."""
    tables = [_exact_moments(function, z) for function in functions]
    shape = (
        max((i for t in tables for i, _ in t), default=0) + 1,
        max((j for t in tables for _, j in t), default=0) + 1,
    )
    coefficients = np.zeros((len(tables), *shape))
    for n, table in enumerate(tables):
        for place, value in table.items():
            coefficients[(n, *place)] = float(value)
    return coefficients


def _exact_moments(function: Terms, z: Symbol) -> dict[tuple[int, int], Fraction]:
    # E z^k = sum_j C(k, 2j) (2j - 1)!! m^(k - 2j) S^j, as z = m + e with E e^(2j) = (2j - 1)!! S^j.
    exact = {(0, 0): Fraction(1, 2), (2, 0): Fraction(-1, 2), (0, 1): Fraction(-1, 2)}
    for monomial, number in function.items():
        base, power = monomial.as_base_exp()
        if base != z or not power.is_Integer or power < 1:
            raise Unable(f"lower bounds of the gap are verified for polynomials only; got {monomial}")
        k = int(power)
        double = 1
        for j in range(k // 2 + 1):
            double *= max(2 * j - 1, 1)
            place = (k - 2 * j, j)
            exact[place] = exact.get(place, Fraction(0)) + number * comb(k, 2 * j) * double
    return exact


def outer_margin(claim: Threshold, z: Symbol, share: Fraction = SHARE) -> float:
    """Return an upper bound of K = M + 1/2 - threshold, where G(z) <= M + share z^2.

    Raises
    ------
    ValueError
        If it is too large to search.
    """
    k = supremum(claim.function, z, share) + 0.5 - claim.value + _SPARE
    if not k < _LARGEST_MARGIN:
        raise ValueError("the ELBO is not seen to be bounded")
    return k


def slabs(k: float, share: Fraction = SHARE) -> FloatArray:
    """Return cells (m low, m high, S low, S high) outside of which F <= threshold; S differs by a factor up to 4."""
    # F <= M + 1/2 + (log S)/2 - rate (m^2 + S), so F > threshold needs rate (m^2 + S) - (log S)/2 < K. So log S > -2K;
    # S < `largest`, since rate S - (log S)/2 increases from S = 1/(2 rate) on, which is at most 8; and rate m^2 < K +
    # (log S)/2. K has `_SPARE`, which is far above the roundings of these lines.
    rate, largest = float(Fraction(1, 2) - share), 8.0
    while rate * largest - log(largest) / 2 <= k:
        largest *= 1.25
    least = library_downward(exp(-2 * k))
    if least >= largest:
        return np.zeros((0, 4))
    reach = library_upward(sqrt(max(k + log(largest) / 2, 0.0) / rate))
    edges = [least]
    while edges[-1] < largest:
        edges.append(min(edges[-1] * 4, largest))
    return np.array([[-reach, reach, low, high] for low, high in pairwise(edges)])


def slabs_within(within: float) -> FloatArray:
    """Return cells that hold all Gaussians with KL(q || prior) < within.

    Raises
    ------
    ValueError
        If it is too large to search.
    """
    if not within + 0.5 + _SPARE < _LARGEST_MARGIN:
        raise ValueError("the ELBO is not seen to be bounded")
    return slabs(within + 0.5 + _SPARE, Fraction(0))  # (m^2 + S)/2 - (log S)/2 < within + 1/2


def _places(cells: FloatArray, within: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return on which cells KL < within everywhere, and on which it is nowhere."""
    # m^2 is least at the end that is nearer to 0, if 0 is not between; S - log S falls up to 1 and rises from there.
    # `_LOSS` of the sums of sizes covers the roundings of these few operations and the logarithm's.
    m_low, m_high, s_low, s_high = cells.T
    nearest = np.maximum(np.maximum(m_low, -m_high), 0.0)
    farthest = np.maximum(np.abs(m_low), np.abs(m_high))
    size = 2 * _LOSS * (1 + farthest**2 + s_high + np.abs(np.log(s_low)) + np.abs(np.log(s_high)))
    ends = [(s - np.log(s)) / 2 for s in (s_low, s_high, np.clip(1.0, s_low, s_high))]
    most = (farthest**2 - 1) / 2 + np.maximum(ends[0], ends[1]) + size
    least = (nearest**2 - 1) / 2 + ends[2] - size
    return most < within, least >= within


def _left(
    coefficients: FloatArray, cells: FloatArray, thresholds: FloatArray, within: FloatArray
) -> NDArray[np.bool_]:
    """Return for which cells neither F <= threshold nor the absence of stationary points is proved.

    As far as Gaussians within a divergence are on them.
    """
    # B cells at once. value (B, i, j) are Bernstein coefficients of P on a cell: P is between the least and the
    # largest, and its slopes on the unit square are between those of degree times the differences. `size` (B, i, j)
    # bounds what they lost to rounding, `slack` what the differences did. log S is concave: it is at most its tangent
    # at `centre`, whose Bernstein coefficients along S are `line`; its slope is at most that at the low end, at least
    # that at the high end.
    m_low, m_width = cells[:, 0], cells[:, 1] - cells[:, 0]
    s_low, s_high = cells[:, 2], cells[:, 3]
    s_width = s_high - s_low
    rows, columns = coefficients.shape[1:]
    by_m, by_s = _conversion(rows, m_low, m_width), _conversion(columns, s_low, s_width)
    value = by_m @ coefficients @ np.swapaxes(by_s, 1, 2)
    size = np.abs(by_m) @ np.abs(coefficients) @ np.swapaxes(np.abs(by_s), 1, 2) * _LOSS
    along_m, along_s = np.diff(value, axis=1) * (rows - 1), np.diff(value, axis=2) * (columns - 1)
    slack = 2 * max(rows, columns) * size.max((1, 2))
    rising, falling = along_m.min((1, 2)) > slack, along_m.max((1, 2)) < -slack
    least, most = s_width / (2 * s_high), s_width / (2 * s_low)  # of (log S)/2 over the cell's unit interval
    rising |= along_s.min((1, 2)) + downward(least, 2) > slack
    falling |= along_s.max((1, 2)) + upward(most, 2) < -slack
    centre = np.sqrt(s_low * s_high)
    steps = np.linspace(0, 1, columns)  # the Bernstein coefficients of S itself
    line = (np.log(centre) - 1)[:, None] + (s_low[:, None] + s_width[:, None] * steps) / centre[:, None]
    size += (4 + np.abs(np.log(centre)))[:, None, None] * _LOSS + np.abs(line)[:, None, :] * _LOSS
    highest = (value + line[:, None, :] / 2 + size).max((1, 2))
    inside, outside = _places(cells, within)
    return ~np.asarray((inside & (rising | falling)) | outside | (highest <= thresholds), dtype=bool)


def _conversion(count: int, low: FloatArray, width: FloatArray) -> FloatArray:
    """Return matrices (n, count, count) from powers to Bernstein coefficients over [low, low + width]."""
    # As z = low + width u: z^k = sum_j C(k, j) low^(k - j) width^j u^j, and u^j has the Bernstein coefficients C(a,
    # j)/C(n, j). In floats; `_LOSS` of the sums of sizes covers their roundings.
    n = count - 1
    shift = np.zeros((len(low), count, count))
    powers = [low**k for k in range(count)], [width**k for k in range(count)]
    for k in range(count):
        for j in range(k + 1):
            shift[:, j, k] = comb(k, j) * powers[0][k - j] * powers[1][j]
    basis = np.array([[comb(a, j) / comb(n, j) for j in range(count)] for a in range(count)])
    return np.asarray(basis @ shift)


def _quartered(cells: FloatArray) -> FloatArray:
    """Cut each cell in both directions, S near its geometric mean."""
    # Both halves end at the same float, so they cover the cell, however it is rounded.
    owner, m_low, m_high, s_low, s_high = cells.T
    m, s = (m_low + m_high) / 2, np.sqrt(s_low * s_high)
    parts, others = [(m_low, m), (m, m_high)], [(s_low, s), (s, s_high)]
    return np.concatenate([np.stack([owner, *a, *b], 1) for a in parts for b in others])
