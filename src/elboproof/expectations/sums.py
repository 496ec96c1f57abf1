"""Sums over the cells of a plan or over a lattice, in arb or in float64 balls, until a deadline."""

import time
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.expectations.integrands import BLOCK, EnclosedGaussian, Integrands
from elboproof.expectations.lattice import Lattice
from elboproof.expectations.plan import Plan
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.precision import current_bits
from elboproof.quadrature.gauss_legendre import Nodes, gauss_legendre, nodes


def _rest(work: Plan | Lattice, done: int) -> Plan | Lattice:
    """Return all but the first cells; a lattice is one cell."""
    if isinstance(work, Lattice):
        return work
    centres, halves = np.concatenate(work.centres)[done:], np.concatenate(work.halves)[done:]
    return Plan(np.zeros_like(work.error), [centres], [halves], [np.concatenate(work.sizes)[done:]])


# -- sums in arb --


def arb_sums(
    integrands: Integrands, gaussian: EnclosedGaussian, work: Plan | Lattice, deadline: float
) -> tuple[list[arb], Plan | Lattice | None]:
    """Return the sums of all rules at the current precision, one per integrand, and what the deadline left undone."""
    function = integrands.derivatives(REAL_BALLS)
    monomials = sorted({p for _, _, p in integrands.entries}, key=lambda p: (sum(p), p))
    columns = [(o, c) for o, degree in integrands.degrees for c in range(_count(integrands, o))]
    totals: dict[Any, arb] = dict.fromkeys(integrands.entries, arb(0))
    rest: Plan | Lattice | None = None
    for done, axes in enumerate(_lattice_axes(work) if isinstance(work, Lattice) else _cell_axes(work)):
        part = _cell_sum(integrands, gaussian, function, axes, (columns, monomials), deadline)
        if part is None:
            rest = _rest(work, done)
            break
        for entry, value in part.items():
            totals[entry] += value
    return list(totals.values()), rest


def _count(integrands: Integrands, order: int) -> int:
    return 1 + max(c for o, c, _ in integrands.entries if o == order)


def _cell_axes(work: Plan) -> Iterator[list[Nodes]]:
    """Yield each cell's rules on its axes."""
    known: dict[tuple[float, float, int], Nodes] = {}
    for centres, halves, sizes in zip(work.centres, work.halves, work.sizes, strict=True):
        for centre, half, n in zip(centres.tolist(), halves.tolist(), sizes.tolist(), strict=True):
            yield [_nodes(known, c, h, n) for c, h in zip(centre, half, strict=True)]


def _lattice_axes(work: Lattice) -> Iterator[list[Nodes]]:
    """Yield the lattice as one cell."""
    axes = []
    for count in work.counts:
        radius, step = arb(work.half), 2 * arb(work.half) / count
        root = step * (2 * arb.pi()).rsqrt()
        nodes = [radius * (2 * i + 1 - count) / count for i in range(count)]
        axes.append(tuple((u, root * (-u * u / 2).exp()) for u in nodes))
    yield axes


def _nodes(known: dict[tuple[float, float, int], Nodes], centre: float, half: float, n: int) -> Nodes:
    """Return the rule on one axis, phi included; cells of a grid share it."""
    key = (centre, half, n)
    if key not in known:
        c, h, root = arb(centre), arb(half), (2 * arb.pi()).rsqrt()
        pairs = []
        for node, weight in nodes(n, current_bits()):
            u = c + h * node
            pairs.append((u, weight * h * root * (-u * u / 2).exp()))
        known[key] = tuple(pairs)
    return known[key]


def _cell_sum(
    integrands: Integrands,
    gaussian: EnclosedGaussian,
    function: Compiled,
    axes: Sequence[Nodes],
    names: tuple[list[tuple[int, int]], list[tuple[int, ...]]],
    deadline: float,
) -> dict[Any, arb] | None:
    """Return one cell's rule for every (order, component, exponents); None after the deadline."""
    # n^d nodes, one after the other: z = m + L eps in balls, so that a rule at a ball of (m, L) encloses the rule at
    # every member; the weights contain phi, and one evaluation of the derivatives serves all monomials
    columns, monomials = names
    totals = dict.fromkeys(integrands.entries, arb(0))
    for number, chosen in enumerate(product(*axes)):
        if not number % 16 and time.monotonic() > deadline:
            return None
        eps = [u for u, _ in chosen]
        z = [
            sum((row[j] * eps[j] for j in range(i + 1)), m)
            for i, (m, row) in enumerate(zip(gaussian.mean, gaussian.factor, strict=True))
        ]
        weight = chosen[0][1]
        for _, w in chosen[1:]:
            weight = weight * w
        powers = {p: _power(weight, eps, p) for p in monomials}
        for (order, component), value in zip(columns, function(*z, *integrands.x), strict=True):
            for p in monomials:
                key = (order, component, p)
                if key in totals:
                    totals[key] += value * powers[p]
    return totals


def _power(weight: arb, eps: Sequence[arb], p: tuple[int, ...]) -> arb:
    for e, n in zip(eps, p, strict=True):
        for _ in range(n):
            weight = weight * e
    return weight


# -- sums in float64 balls --


def float_sums(
    integrands: Integrands, gaussian: EnclosedGaussian, work: Plan | Lattice, deadline: float
) -> tuple[list[arb], Plan | Lattice | None]:
    """Return the sums of all rules in float64 balls, and what the deadline left undone."""
    totals: list[BallArray] = [BallArray(np.zeros(()))] * len(integrands.entries)
    rest, done = None, 0
    work = work if isinstance(work, Lattice) else _by_size(work)
    for cells, eps, weight in _lattice_blocks(work) if isinstance(work, Lattice) else _cell_blocks(work):
        if time.monotonic() > deadline:
            rest = _rest(work, done)
            break
        values = [value.broadcast_to(weight.shape) for value in integrands.values(gaussian, eps)]
        sums = [term.sum() for term in integrands.products(values, eps, weight)]
        totals = [a + b for a, b in zip(totals, sums, strict=True)]
        done += cells
    if isinstance(rest, Lattice):  # no part of it has a meaning
        return [arb(0)] * len(totals), rest
    return [arb(float(total.mid), float(total.rad)) for total in totals], rest


Block = tuple[int, list[BallArray], BallArray]
"""Number of cells, nodes eps, d arrays of shape (P,), and their weights, phi included."""


def _weighted(u: BallArray, weight: BallArray) -> BallArray:
    return (u.square() * -0.5).exp() * weight / (BallArray.pi() * 2).sqrt()


def _lattice_blocks(work: Lattice) -> Iterator[Block]:
    d = len(work.counts)
    axes = [work.axis(k) for k in range(d)]
    weights = [_weighted(axis, work.step(k)) for k, axis in enumerate(axes)]
    places = np.stack(np.meshgrid(*map(np.arange, work.counts), indexing="ij"), -1).reshape(-1, d)
    for start in range(0, len(places), BLOCK):
        part = places[start : start + BLOCK]
        weight = weights[0][part[:, 0]]
        for k in range(1, d):
            weight = weight * weights[k][part[:, k]]
        yield 0, [axes[k][part[:, k]] for k in range(d)], weight


def _by_size(work: Plan) -> Plan:
    """Return the cells, those of one pass ordered by points per axis, so that blocks of one size follow each other."""
    orders = [np.argsort(sizes, kind="stable") for sizes in work.sizes]
    centres = [array[order] for array, order in zip(work.centres, orders, strict=True)]
    halves = [array[order] for array, order in zip(work.halves, orders, strict=True)]
    sizes = [array[order] for array, order in zip(work.sizes, orders, strict=True)]
    return Plan(work.error, centres, halves, sizes)


def _cell_blocks(work: Plan) -> Iterator[Block]:
    for centres, halves, sizes in zip(work.centres, work.halves, work.sizes, strict=True):
        for n in np.unique(sizes).tolist():
            rows = np.flatnonzero(sizes == n)
            step = max(1, BLOCK // n ** centres.shape[1])
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                yield len(part), *_cell_block(centres[part], halves[part], n)


def _cell_block(centres: FloatArray, halves: FloatArray, n: int) -> tuple[list[BallArray], BallArray]:
    """Return some cells with n points per axis."""
    # B cells times n^d nodes: (B, n) on each axis, then all combinations of the axes, in the order of ``places``
    rule, d = gauss_legendre(n), centres.shape[1]
    places = np.array(list(product(range(n), repeat=d)))
    eps: list[BallArray] = []
    weight = BallArray(np.ones(()))
    for k in range(d):
        half = BallArray(halves[:, k])[:, None]
        u = BallArray(centres[:, k])[:, None] + half * rule.nodes[None, :]
        w = _weighted(u, rule.weights[None, :] * half)
        eps.append(u[:, places[:, k]].reshape(-1))
        weight = weight * w[:, places[:, k]].reshape(-1)
    return eps, weight
