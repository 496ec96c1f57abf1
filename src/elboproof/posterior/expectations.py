"""Gaussian expectations of any decoder by quadrature with proof: sums over the cells of a plan."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx

from elboproof.arguments import FloatArray
from elboproof.evidence.rule import gauss_legendre
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import REAL_BALLS
from elboproof.posterior.cells import Plan, plan
from elboproof.posterior.integrands import BLOCK, Integrands, Point
from elboproof.posterior.majorants import NoMajorantError

Nodes = tuple[tuple[arb, arb], ...]
"""Abscissae u with weights w h phi(u)."""


@dataclass(frozen=True)
class Expectations:
    """Enclosures of E[eps^p d^o log p(x|z)].

    Attributes
    ----------
    values : dict
        A ball for every (order, component, exponents).
    status : str
        Why the tolerance was not reached; empty where it was. The balls are proved in any case.
    """

    values: dict[tuple[int, int, tuple[int, ...]], arb]
    status: str


def expectations(
    model: LatentModel,
    x: Sequence[arb],
    point: Point,
    degrees: Sequence[tuple[int, int]],
    tolerance: Sequence[float],
    *,
    deadline: float,
    floats: bool = False,
) -> Expectations:
    """Return the expectations of derivatives of log p(x|z) times monomials in eps, z = m + L eps, eps ~ N(0, I).

    Parameters
    ----------
    x
        D balls.
    point
        m and L: for wide balls the results hold for all members.
    degrees
        Pairs (order of derivative, highest degree in eps).
    tolerance
        For each pair, the absolute error of the quadrature that is aimed at.
    deadline
        On the clock ``time.monotonic()``.
    floats
        Sum in float64 balls instead of in arb at the current precision.
    """
    integrands = Integrands(model, x, degrees)
    by_order = {order: t for (order, _), t in zip(degrees, tolerance, strict=True)}
    aims = np.array([by_order[order] for order in integrands.orders])
    try:
        work = plan(integrands, point, aims, deadline)
    except NoMajorantError as error:
        unknown = arb(0, float("inf"))
        return Expectations(
            dict.fromkeys(integrands.entries, unknown), f"the tails cannot be bounded: {error}"
        )
    sums = _float_sums(integrands, point, work) if floats else _sums(integrands, point, work)
    values = [_completed(total, work, q) for q, total in enumerate(sums)]
    return Expectations(dict(zip(integrands.entries, values, strict=True)), work.stopped)


def _completed(total: arb, work: Plan, q: int) -> arb:
    """Add the flat cells and all errors."""
    error = float(work.error[q])
    if not np.isfinite(error):
        return arb(0, float("inf"))
    flat = arb(0) if work.flat is None else arb(float(work.flat.mid[q]), float(work.flat.rad[q]))
    return total + flat + arb(0, error)


# -- sums in arb --


def _sums(integrands: Integrands, point: Point, work: Plan) -> list[arb]:
    """Return the sums of all rules at the current precision, one per integrand."""
    functions = [
        integrands.model.quantities.compiled("log_likelihood", order, REAL_BALLS)
        for order, _ in integrands.degrees
    ]
    known: dict[tuple[float, float, int], Nodes] = {}
    monomials = sorted({p for _, _, p in integrands.entries}, key=lambda p: (sum(p), p))
    columns = [(o, c) for o, degree in integrands.degrees for c in range(_count(integrands, o))]
    totals: dict[Any, arb] = {}
    for centre, half, n in _cells(work):
        axes = [_nodes(known, c, h, n) for c, h in zip(centre, half, strict=True)]
        _one_cell(integrands, point, functions, axes, (columns, monomials), totals)
    return [totals.get(entry, arb(0)) for entry in integrands.entries]


def _count(integrands: Integrands, order: int) -> int:
    return 1 + max(c for o, c, _ in integrands.entries if o == order)


def _cells(work: Plan) -> Any:
    for centres, halves, sizes in zip(work.centres, work.halves, work.sizes, strict=True):
        yield from zip(centres.tolist(), halves.tolist(), sizes.tolist(), strict=True)


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


def _one_cell(
    integrands: Integrands,
    point: Point,
    functions: Sequence[Any],
    axes: Sequence[Nodes],
    names: tuple[list[tuple[int, int]], list[tuple[int, ...]]],
    totals: dict[Any, arb],
) -> None:
    """Add one cell's rule to the totals of every (order, component, exponents)."""
    columns, monomials = names
    needed = set(integrands.entries)
    for chosen in product(*axes):
        eps = [u for u, _ in chosen]
        z = [
            sum((row[j] * eps[j] for j in range(i + 1)), m)
            for i, (m, row) in enumerate(zip(point.mean, point.factor, strict=True))
        ]
        weight = chosen[0][1]
        for _, w in chosen[1:]:
            weight = weight * w
        powers = {p: _power(weight, eps, p) for p in monomials}
        values = [value for function in functions for value in function(*z, *integrands.x)]
        for (order, component), value in zip(columns, values, strict=True):
            for p in monomials:
                key = (order, component, p)
                if key in needed:
                    totals[key] = totals[key] + value * powers[p] if key in totals else value * powers[p]


def _power(weight: arb, eps: Sequence[arb], p: tuple[int, ...]) -> arb:
    for e, n in zip(eps, p, strict=True):
        for _ in range(n):
            weight = weight * e
    return weight


# -- sums in float64 balls --


def _float_sums(integrands: Integrands, point: Point, work: Plan) -> list[arb]:
    """Return the sums of all rules in float64 balls."""
    totals: list[BallArray] = [BallArray(np.zeros(()))] * len(integrands.entries)
    for centres, halves, sizes in zip(work.centres, work.halves, work.sizes, strict=True):
        for n in np.unique(sizes):
            rows = np.flatnonzero(sizes == n)
            step = max(1, BLOCK // int(n) ** integrands.d)
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                sums = _block(integrands, point, centres[part], halves[part], int(n))
                totals = [a + b for a, b in zip(totals, sums, strict=True)]
    return [arb(float(total.mid), float(total.rad)) for total in totals]


def _block(
    integrands: Integrands, point: Point, centres: FloatArray, halves: FloatArray, n: int
) -> list[BallArray]:
    """Return the sums over some cells with n points per axis."""
    rule, d = gauss_legendre(n), integrands.d
    places = np.array(list(product(range(n), repeat=d)))
    root = 1 / (BallArray.pi() * 2).sqrt()
    eps: list[BallArray] = []
    weight = BallArray(np.ones(()))
    for k in range(d):
        half = BallArray(halves[:, k])[:, None]
        u = BallArray(centres[:, k])[:, None] + half * rule.nodes[None, :]
        w = (u.square() * -0.5).exp() * rule.weights[None, :] * half * root
        eps.append(u[:, places[:, k]].reshape(-1))
        weight = weight * w[:, places[:, k]].reshape(-1)
    values = [value.broadcast_to(weight.shape) for value in integrands.values(point, eps)]
    return [term.sum() for term in integrands.products(values, eps, weight)]


def now_plus(seconds: float) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds
