"""Gaussian expectations of any decoder by quadrature with proof: sums over the cells of a plan."""

import time
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx

from elboproof.arguments import FloatArray
from elboproof.evidence.rule import gauss_legendre
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import Compiled
from elboproof.posterior.cells import Plan, plan
from elboproof.posterior.integrands import BLOCK, Integrands, Point
from elboproof.posterior.lattice import Lattice, lattice
from elboproof.posterior.majorants import NoMajorantError

Nodes = tuple[tuple[arb, arb], ...]
"""Abscissae u with weights w h phi(u)."""
GRACE = 2.0
"""Seconds after the deadline: what a stopped plan has found is still added up."""
Values = dict[tuple[int, int, tuple[int, ...]], arb]
"""Balls for (order of derivative, component, exponents of eps)."""


class Quadrature:
    """Proved rules for the expectations of derivatives of log p(x|z) times monomials in eps, z = m + L eps.

    Parameters
    ----------
    x
        D balls.
    point
        m and L. The rules' errors are bounded for all members of these balls.
    degrees
        Pairs (order of derivative, highest degree in eps).
    tolerance
        For each pair, the absolute error of the quadrature that is aimed at.
    deadline
        On the clock ``time.monotonic()``.

    Attributes
    ----------
    status : str
        Why the tolerance was not reached; empty where it was.
    """

    def __init__(
        self,
        model: LatentModel,
        x: Sequence[arb],
        point: Point,
        degrees: Sequence[tuple[int, int]],
        tolerance: Sequence[float],
        deadline: float,
    ) -> None:
        self.integrands, self.point, self._deadline = Integrands(model, x, degrees), point, deadline
        by_order = {order: t for (order, _), t in zip(degrees, tolerance, strict=True)}
        aims = np.array([by_order[order] for order in self.integrands.orders])
        self._rules: Plan | Lattice | None = None
        self.status = ""
        try:
            self._rules = lattice(self.integrands, point, aims)
            if self._rules is None:
                self._rules = plan(self.integrands, point, aims, deadline)
                self.status = self._rules.stopped
        except NoMajorantError as error:
            self.status = f"the tails cannot be bounded: {error}"

    def sums(self, point: Point | None = None, *, floats: bool = False) -> Values:
        """Return a ball for every (order, component, exponents).

        Parameters
        ----------
        point
            Any balls inside those of the rules; all of them if None.
        floats
            Sum in float64 balls instead of in arb at the current precision.
        """
        work, entries = self._rules, self.integrands.entries
        if work is None:
            return dict.fromkeys(entries, arb(0, float("inf")))
        given = self.point if point is None else point
        sums = (_float_sums if floats else _sums)(self.integrands, given, work, self._deadline)
        if sums is None:
            self.status = "the time limit"
            return dict.fromkeys(entries, arb(0, float("inf")))
        values = [_completed(total, work, q) for q, total in enumerate(sums)]
        return dict(zip(entries, values, strict=True))


def _completed(total: arb, work: Plan | Lattice, q: int) -> arb:
    """Add the flat cells and all errors."""
    error = float(work.error[q])
    if not np.isfinite(error):
        return arb(0, float("inf"))
    flat = (
        arb(0)
        if isinstance(work, Lattice) or work.flat is None
        else arb(float(work.flat.mid[q]), float(work.flat.rad[q]))
    )
    return total + flat + arb(0, error)


# -- sums in arb --


def _sums(integrands: Integrands, point: Point, work: Plan | Lattice, deadline: float) -> list[arb] | None:
    """Return the sums of all rules at the current precision, one per integrand; None after the deadline."""
    function = integrands.derivatives(REAL_BALLS)
    monomials = sorted({p for _, _, p in integrands.entries}, key=lambda p: (sum(p), p))
    columns = [(o, c) for o, degree in integrands.degrees for c in range(_count(integrands, o))]
    totals: dict[Any, arb] = {}
    for axes in _lattice_axes(work) if isinstance(work, Lattice) else _cell_axes(work):
        if not _added(integrands, point, function, axes, (columns, monomials), totals, deadline + GRACE):
            return None
    return [totals.get(entry, arb(0)) for entry in integrands.entries]


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
        for node, weight in _legendre(n):
            u = c + h * node
            pairs.append((u, weight * h * root * (-u * u / 2).exp()))
        known[key] = tuple(pairs)
    return known[key]


_RULES: dict[tuple[int, int], Nodes] = {}


def _legendre(n: int) -> Nodes:
    key = (n, ctx.prec)
    if key not in _RULES:
        _RULES[key] = tuple(arb.legendre_p_root(n, k, weight=True) for k in range(n))
    return _RULES[key]


def _added(
    integrands: Integrands,
    point: Point,
    function: Compiled,
    axes: Sequence[Nodes],
    names: tuple[list[tuple[int, int]], list[tuple[int, ...]]],
    totals: dict[Any, arb],
    deadline: float,
) -> bool:
    """Add one cell's rule to the totals of every (order, component, exponents); False after the deadline."""
    columns, monomials = names
    needed = set(integrands.entries)
    for number, chosen in enumerate(product(*axes)):
        if not number % 256 and time.monotonic() > deadline:
            return False
        eps = [u for u, _ in chosen]
        z = [
            sum((row[j] * eps[j] for j in range(i + 1)), m)
            for i, (m, row) in enumerate(zip(point.mean, point.factor, strict=True))
        ]
        weight = chosen[0][1]
        for _, w in chosen[1:]:
            weight = weight * w
        powers = {p: _power(weight, eps, p) for p in monomials}
        for (order, component), value in zip(columns, function(*z, *integrands.x), strict=True):
            for p in monomials:
                key = (order, component, p)
                if key in needed:
                    totals[key] = totals[key] + value * powers[p] if key in totals else value * powers[p]
    return True


def _power(weight: arb, eps: Sequence[arb], p: tuple[int, ...]) -> arb:
    for e, n in zip(eps, p, strict=True):
        for _ in range(n):
            weight = weight * e
    return weight


# -- sums in float64 balls --


def _float_sums(
    integrands: Integrands, point: Point, work: Plan | Lattice, deadline: float
) -> list[arb] | None:
    """Return the sums of all rules in float64 balls; None after the deadline."""
    totals: list[BallArray] = [BallArray(np.zeros(()))] * len(integrands.entries)
    for eps, weight in _lattice_blocks(work) if isinstance(work, Lattice) else _cell_blocks(work):
        if time.monotonic() > deadline + GRACE:
            return None
        values = [value.broadcast_to(weight.shape) for value in integrands.values(point, eps)]
        sums = [term.sum() for term in integrands.products(values, eps, weight)]
        totals = [a + b for a, b in zip(totals, sums, strict=True)]
    return [arb(float(total.mid), float(total.rad)) for total in totals]


Block = tuple[list[BallArray], BallArray]
"""Nodes eps, d arrays of shape (P,), and their weights, phi included."""


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
        yield [axes[k][part[:, k]] for k in range(d)], weight


def _cell_blocks(work: Plan) -> Iterator[Block]:
    for centres, halves, sizes in zip(work.centres, work.halves, work.sizes, strict=True):
        for n in np.unique(sizes).tolist():
            rows = np.flatnonzero(sizes == n)
            step = max(1, BLOCK // n ** centres.shape[1])
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                yield _cell_block(centres[part], halves[part], n)


def _cell_block(centres: FloatArray, halves: FloatArray, n: int) -> Block:
    """Return some cells with n points per axis."""
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
