"""The sums of the accepted cells' rules, in arrays of float64 balls or, for more digits, in arb."""

import math
import time
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from flint import arb
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import Energy
from elboproof.evidence.steps import Steps
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.exact import ball_of
from elboproof.numbers.outward import upward
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.gauss_legendre import Nodes, gauss_legendre, nodes

POINTS = 8192
"""Points evaluated at once. Arrays of twice as many would be given back to the system after each operation."""
Sizes = NDArray[np.intp]
"""Numbers of points per axis of each cell, shape (B, d)."""


def sum_rules(
    energy: Energy, cells: Cells, sizes: Sizes, shift: FloatArray, deadline: float = math.inf
) -> tuple[BallArray, int]:
    """Return the sum over each data point's cells of the rules for exp(shift - U), and how many cells it has.

    They are the first ones: all, unless the next block is expected to end after the deadline, on the clock
    ``time.monotonic()``. The sum has shape (N,).
    """
    # Blocks of whole cells with about POINTS points; each cell's sum (B,) is a ball, and the order of adding
    # them up does not matter for balls.
    ends = np.cumsum(sizes.prod(1))
    starts = np.searchsorted(ends, np.arange(0, ends[-1], POINTS), side="left")
    parts, done, steps = [BallArray(np.zeros(0))], 0, Steps(deadline)
    for a, b in pairwise(np.append(np.unique(starts), len(cells)).tolist()):
        if not steps.another():
            break
        parts.append(cell_sums(energy, cells[a:b], sizes[a:b], shift))
        done = b
    return _by_owner(cells.owner[:done], BallArray.concatenate(parts), len(shift)), done


def cell_sums(energy: Energy, cells: Cells, sizes: Sizes, shift: FloatArray) -> BallArray:
    """Return the rule's value on each cell, shape (B,).

    The points of all cells stand in one row (P,); the rule is exact algebra on balls, and the cell's volume factors h_k
    and the stretch of its chart are multiplied as balls, too.
    """
    nodes, weights, cell, place = laid_out(sizes)
    v = [
        BallArray(cells.centre[cell, k]) + BallArray(cells.half[cell, k]) * table[place]
        for k, table in enumerate(nodes)
    ]
    # All points of all cells stand in one row (P,). Nodes and weights are balls around the exact ones, U is
    # enclosed at each, and the weights' products with exp(shift - U) are balls: the rule's exact value lies
    # within.
    owner, chart = cells.owner[cell], cells.chart[cell]
    value = (BallArray(shift[owner]) - energy.at(owner, v, chart)).exp()
    if not chart.straight:
        value = value * chart.place(v)[1]
    total = _by_owner(cell, value * weights[place], len(cells))
    for k in range(sizes.shape[1]):
        total = total * BallArray(cells.half[:, k])
    return total


def laid_out(sizes: Sizes) -> tuple[list[BallArray], BallArray, Index, Index]:
    """Return tables of the rules' nodes (one an axis) and weights, and each point's cell and place in the tables."""
    # sizes (B, d) as numbers in base 64: equal rows share one tensor rule, whose points stand once in the
    # tables. place counts a cell's points from where its rule starts.
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
    # indices(sizes) numbers the grid; weights are products of the axes' weights, as balls.
    rules = [gauss_legendre(n) for n in sizes]
    places = np.indices(sizes).reshape(len(sizes), -1)
    weights = rules[0].weights[places[0]]
    for rule, place in zip(rules[1:], places[1:], strict=True):
        weights = weights * rule.weights[place]
    return [rule.nodes[place] for rule, place in zip(rules, places, strict=True)], weights


def _by_owner(owner: Index, values: BallArray, points: int) -> BallArray:
    """Add up balls (P,) by owner, (N,).

    A sum of n floats in any order is off by at most n 2^-53 / (1 - n 2^-53) sum |value|, below n 2^-52 of it. The
    radius is itself made of sums of nonnegative floats, of at most P terms, with three more operations.
    """
    # (P,) -> (N,). bincount adds in some order, which the bound of a float sum allows. A point enters count
    # once.
    count = np.bincount(owner, minlength=points)
    mid = np.bincount(owner, values.mid, points)
    magnitude = np.bincount(owner, np.abs(values.mid), points)
    radius = np.bincount(owner, values.rad, points)
    return BallArray(mid, upward(radius + count * 2.0**-52 * magnitude, len(values) + 3))


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

    function = energy.integrand.quantities.compiled("energy", 0, REAL_BALLS)
    totals = [arb(0)] * len(shift)
    with working_precision(bits):
        # The exact rows are rounded to balls of the working precision, once.
        x = [[ball_of(value) for value in row] for row in data]
        rules = {n: nodes(n, bits) for n in set(sizes.reshape(-1).tolist())}
        for i, owner in enumerate(cells.owner.tolist()):
            rule = [rules[n] for n in sizes[i].tolist()]
            part = _one_cell(energy, function, cells[i : i + 1], rule, x[owner], shift[owner], deadline)
            if part is None:
                return totals, i
            totals[owner] += part
    return totals, len(cells)


def _one_cell(
    energy: Energy,
    function: Compiled,
    cell: Cells,
    rule: list[Nodes],
    x: list[arb],
    shift: float,
    deadline: float,
) -> arb | None:
    """Return the rule's value on one cell, by a loop over its nodes; None after the deadline.

    Every operation is one of balls at the current precision, so that nothing needs a margin.
    """
    # One cell, P nodes of a tensor rule. Floats of the cell and of the frame are exact as arbs; u and its
    # stretch at a node, z = A u, U and the weights are balls around the exact values, and so is their sum
    # around the rule's. The clock is looked at before each node, because with thousands of digits each takes
    # long.
    centre, half = [arb(v) for v in cell.centre[0].tolist()], [arb(v) for v in cell.half[0].tolist()]
    chart = cell.chart[0]
    frame = [[arb(v) for v in row] for row in energy.frames[cell.owner[0]].tolist()]
    level, total = arb(float(shift)), arb(0)
    for chosen in product(*rule):
        if time.monotonic() > deadline:
            return None
        v = [c + h * node for c, h, (node, _) in zip(centre, half, chosen, strict=True)]
        u, stretch = chart.place(v, lambda number: arb(float(number)))
        z = [sum((a * b for a, b in zip(row, u, strict=True)), arb(0)) for row in frame]
        (value,) = function(*z, *x)
        term = (level - value).exp() * stretch
        for _, weight in chosen:
            term *= weight
        total += term
    for h in half:
        total *= h
    return total
