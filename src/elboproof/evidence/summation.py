"""The sums of the accepted cells' rules, in arrays of float64 balls or, for more digits, in arb."""

from fractions import Fraction
from itertools import product

import numpy as np
from flint import arb, fmpq

from elboproof.arguments import FloatArray
from elboproof.evidence.energy import BLOCK, Cells, Energy, Index
from elboproof.evidence.rule import gauss_legendre
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.compiler import Compiled

Nodes = list[tuple[arb, arb]]
"""Nodes with their weights."""


def sum_rules(energy: Energy, cells: Cells, sizes: Index, shift: FloatArray) -> BallArray:
    """Return the sum over each data point's cells of the rules for exp(shift - U), shape (N,)."""
    order = np.argsort(sizes, kind="stable")
    owners, parts = [], []
    for n in np.unique(sizes):
        group = cells[order[sizes[order] == n]]
        step = max(1, BLOCK // int(n) ** group.half.shape[1])
        for start in range(0, len(group), step):
            part = group[start : start + step]
            owners.append(part.owner)
            parts.append(_cell_sums(energy, part, int(n), shift))
    return _by_owner(np.concatenate(owners), BallArray.concatenate(parts), len(shift))


def _cell_sums(energy: Energy, cells: Cells, n: int, shift: FloatArray) -> BallArray:
    """Return the rule's value on each cell, shape (B,)."""
    rule, d = gauss_legendre(n), cells.half.shape[1]
    places = np.array(list(product(range(n), repeat=d)))  # (n^d, d)
    weights = rule.weights[places[:, 0]]
    for k in range(1, d):
        weights = weights * rule.weights[places[:, k]]
    owner = np.repeat(cells.owner, len(places))
    u = []
    for k in range(d):
        offset = BallArray(cells.half[:, k])[:, None] * rule.nodes[places[:, k]][None, :]
        u.append((BallArray(cells.centre[:, k])[:, None] + offset).reshape(-1))
    value = (BallArray(shift[owner]) - energy.at(owner, u)).exp()
    total = (value.reshape(len(cells), -1) * weights[None, :]).sum(axis=1)
    for k in range(d):
        total = total * BallArray(cells.half[:, k])
    return total


def _by_owner(owner: Index, values: BallArray, points: int) -> BallArray:
    """Add up balls by owner. A sum of n floats in any order is off by at most n 2^-53 / (1 - n 2^-53) sum |value|."""
    count = np.bincount(owner, minlength=points)
    mid = np.bincount(owner, values.mid, points)
    magnitude = np.bincount(owner, np.abs(values.mid), points)
    radius = np.bincount(owner, values.rad, points)
    slack = 1 + 1e-9 + len(values) * 2.0**-51  # for the rounding of these sums themselves
    return BallArray(mid, (radius + count * 2.0**-52 * magnitude) * slack)


def sum_rules_in_arb(
    energy: Energy, cells: Cells, sizes: Index, data: list[list[Fraction]], shift: FloatArray, bits: int
) -> list[arb]:
    """Return the same sums at any precision, one ball per data point; slow, for digits beyond float64.

    ``data`` are the N rows of x, exactly.
    """
    from elboproof.numbers.balls import REAL_BALLS, working_precision

    function = energy.model.quantities.compiled("energy", 0, REAL_BALLS)
    totals = [arb(0)] * len(shift)
    with working_precision(bits):
        x = [[arb(fmpq(value.numerator, value.denominator)) for value in row] for row in data]
        rules = {n: [arb.legendre_p_root(n, k, weight=True) for k in range(n)] for n in set(sizes.tolist())}
        for i in range(len(cells)):
            totals[cells.owner[i]] += _one_cell(
                energy, function, cells[i : i + 1], rules[int(sizes[i])], x, shift
            )
    return totals


def _one_cell(
    energy: Energy, function: Compiled, cell: Cells, rule: Nodes, data: list[list[arb]], shift: FloatArray
) -> arb:
    """Return the rule's value on one cell, by a loop over its nodes."""
    owner, d = int(cell.owner[0]), cell.half.shape[1]
    centre, half = [arb(v) for v in cell.centre[0].tolist()], [arb(v) for v in cell.half[0].tolist()]
    frame = [[arb(v) for v in row] for row in energy.frames[owner].tolist()]
    total = arb(0)
    for chosen in product(rule, repeat=d):
        u = [c + h * node for c, h, (node, _) in zip(centre, half, chosen, strict=True)]
        z = [sum((a * b for a, b in zip(row, u, strict=True)), arb(0)) for row in frame]
        (value,) = function(*z, *data[owner])
        term = (arb(float(shift[owner])) - value).exp()
        for _, weight in chosen:
            term *= weight
        total += term
    for h in half:
        total *= h
    return total
