"""The sums of the accepted cells' rules, in arrays of float64 balls or, for more digits, in arb."""

import math
import time
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from flint import arb
from numpy.typing import NDArray

from elboproof.arguments import FloatArray
from elboproof.evidence.energy import Cells, Energy, Index, between_lines
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.exact import ball_of
from elboproof.quadrature.gauss_legendre import Nodes, gauss_legendre, nodes

POINTS = 8192
"""Points evaluated at once. Arrays of twice as many would be given back to the system after each operation."""
Sizes = NDArray[np.intp]
"""Numbers of points per axis of each cell, shape (B, d)."""


def sum_rules(
    energy: Energy, cells: Cells, sizes: Sizes, shift: FloatArray, deadline: float = math.inf
) -> tuple[BallArray, int]:
    """Return the sum over each data point's cells of the rules for exp(shift - U), and how many cells it has.

    They are the first ones: all, unless the clock ``time.monotonic()`` passes the deadline. The sum has shape (N,).
    """
    ends = np.cumsum(sizes.prod(1))
    starts = np.searchsorted(ends, np.arange(0, ends[-1], POINTS), side="left")
    parts, done = [], 0
    for a, b in pairwise(np.append(np.unique(starts), len(cells)).tolist()):
        parts.append(_cell_sums(energy, cells[a:b], sizes[a:b], shift))
        done = b
        if time.monotonic() > deadline:
            break
    return _by_owner(cells.owner[:done], BallArray.concatenate(parts), len(shift)), done


def _cell_sums(energy: Energy, cells: Cells, sizes: Sizes, shift: FloatArray) -> BallArray:
    """Return the rule's value on each cell, shape (B,)."""
    nodes, weights, cell, place = _laid_out(sizes)
    u = [
        BallArray(cells.centre[cell, k]) + BallArray(cells.half[cell, k]) * table[place]
        for k, table in enumerate(nodes)
    ]
    owner = cells.owner[cell]
    lines = None if cells.lines is None else cells.lines[cell]
    value = (BallArray(shift[owner]) - energy.at(owner, u, lines)).exp()
    if lines is not None:
        value = value * between_lines(lines, u)[1]
    total = _by_owner(cell, value * weights[place], len(cells))
    for k in range(sizes.shape[1]):
        total = total * BallArray(cells.half[:, k])
    return total


def _laid_out(sizes: Sizes) -> tuple[list[BallArray], BallArray, Index, Index]:
    """Return tables of the rules' nodes (one an axis) and weights, and each point's cell and place in the tables."""
    _, first, kind = np.unique(
        sizes @ 64 ** np.arange(sizes.shape[1]), return_index=True, return_inverse=True
    )
    rules = [tensor_rule(tuple(row)) for row in sizes[first].tolist()]
    count = sizes[first].prod(1)
    start = np.cumsum(count) - count  # of each rule in the tables
    points = count[kind]
    cell = np.repeat(np.arange(len(sizes)), points)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(points) - points - start[kind], points)
    nodes = [BallArray.concatenate([rule[k] for rule, _ in rules]) for k in range(sizes.shape[1])]
    return nodes, BallArray.concatenate([weights for _, weights in rules]), cell, place


@lru_cache(maxsize=4096)
def tensor_rule(sizes: tuple[int, ...]) -> tuple[list[BallArray], BallArray]:
    """Return the nodes, one array an axis, and the weights of a tensor rule, all flat."""
    rules = [gauss_legendre(n) for n in sizes]
    places = np.indices(sizes).reshape(len(sizes), -1)
    weights = rules[0].weights[places[0]]
    for rule, place in zip(rules[1:], places[1:], strict=True):
        weights = weights * rule.weights[place]
    return [rule.nodes[place] for rule, place in zip(rules, places, strict=True)], weights


def _by_owner(owner: Index, values: BallArray, points: int) -> BallArray:
    """Add up balls by owner. A sum of n floats in any order is off by at most n 2^-53 / (1 - n 2^-53) sum |value|."""
    count = np.bincount(owner, minlength=points)
    mid = np.bincount(owner, values.mid, points)
    magnitude = np.bincount(owner, np.abs(values.mid), points)
    radius = np.bincount(owner, values.rad, points)
    slack = 1 + 1e-9 + len(values) * 2.0**-51  # for the rounding of these sums themselves
    return BallArray(mid, (radius + count * 2.0**-52 * magnitude) * slack)


def sum_rules_in_arb(
    energy: Energy,
    cells: Cells,
    sizes: Sizes,
    data: list[list[Fraction]],
    shift: FloatArray,
    bits: int,
    deadline: float = math.inf,
) -> tuple[list[arb], int]:
    """Return the same at any precision, one ball per data point; slow, for digits beyond float64.

    ``data`` are the N rows of x, exactly.
    """
    from elboproof.numbers.balls import REAL_BALLS, working_precision

    function = energy.model.quantities.compiled("energy", 0, REAL_BALLS)
    totals = [arb(0)] * len(shift)
    with working_precision(bits):
        x = [[ball_of(value) for value in row] for row in data]
        rules = {n: nodes(n, bits) for n in set(sizes.reshape(-1).tolist())}
        for i in range(len(cells)):
            if time.monotonic() > deadline:
                return totals, i
            rule = [rules[n] for n in sizes[i].tolist()]
            totals[cells.owner[i]] += _one_cell(energy, function, cells[i : i + 1], rule, x, shift)
    return totals, len(cells)


def _one_cell(
    energy: Energy,
    function: Compiled,
    cell: Cells,
    rule: list[Nodes],
    data: list[list[arb]],
    shift: FloatArray,
) -> arb:
    """Return the rule's value on one cell, by a loop over its nodes."""
    owner = int(cell.owner[0])
    centre, half = [arb(v) for v in cell.centre[0].tolist()], [arb(v) for v in cell.half[0].tolist()]
    frame = [[arb(v) for v in row] for row in energy.frames[owner].tolist()]
    total = arb(0)
    for chosen in product(*rule):
        u = [c + h * node for c, h, (node, _) in zip(centre, half, chosen, strict=True)]
        stretch = arb(1)
        if cell.lines is not None:
            p0, p1, q0, q1 = (arb(v) for v in cell.lines[0].tolist())
            stretch = (q0 - p0) + (q1 - p1) * u[0]
            u = [u[0], p0 + p1 * u[0] + u[1] * stretch]
        z = [sum((a * b for a, b in zip(row, u, strict=True)), arb(0)) for row in frame]
        (value,) = function(*z, *data[owner])
        term = (arb(float(shift[owner])) - value).exp() * stretch
        for _, weight in chosen:
            term *= weight
        total += term
    for h in half:
        total *= h
    return total
