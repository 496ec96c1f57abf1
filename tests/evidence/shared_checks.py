"""Checks of shared rows: small networks, and truths from plain sums, complex floats and arb."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from flint import arb

import elboproof as ep
from elboproof.arrays import FloatArray
from elboproof.evidence import shared_rows, shared_search, shared_tangents
from elboproof.evidence.domain import domain
from elboproof.evidence.shared_bounds import SharedRows, disc, least_real, rectangle, row_bounds
from elboproof.evidence.shared_parts import SharedParts
from elboproof.evidence.shared_search import SharedFound, SharedSearch
from elboproof.evidence.shared_sums import row_sums
from elboproof.evidence.shared_tangents import tangent_bounds
from elboproof.evidence.target import PART, Target
from elboproof.model.network_algebra import Balls
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.jets import Jet, Key
from elboproof.quadrature.cells import Cells

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"tanh": np.tanh, "silu": lambda t: t / (1 + np.exp(-t))}
LAYERS: dict[str, type[torch.nn.Module]] = {"tanh": torch.nn.Tanh, "silu": torch.nn.SiLU}
KINDS = ("bernoulli", "gaussian", "variances", "binomial", "poisson")
COUNTS: dict[str, Any] = {
    "bernoulli": ep.Bernoulli(),
    "binomial": ep.Binomial([3, 1, 2]),
    "poisson": ep.Poisson(),
}
TRIALS = np.array([[3.0], [1.0], [2.0]])
X = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
VARIANCES = {"gaussian": np.array([0.25]), "variances": np.array([0.25, 0.5, 0.125])}


@lru_cache
def module(activation: str = "tanh", hidden: int = 4) -> torch.nn.Sequential:
    """Return a small decoder with steep slopes."""
    generator = torch.Generator().manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(2, hidden), LAYERS[activation](), torch.nn.Linear(hidden, 3))
    for parameter in net.parameters():
        parameter.data = 1.5 * torch.randn(parameter.shape, generator=generator)
    return net


@lru_cache
def model(kind: str, activation: str = "tanh") -> ep.LatentModel:
    """Return a model of three outputs."""
    if kind in COUNTS:
        return ep.LatentModel.from_torch(module(activation), COUNTS[kind])
    given = [str(v) for v in VARIANCES[kind]]
    return ep.LatentModel.from_torch(module(activation), ep.Gaussian(given if len(given) > 1 else given[0]))


def parts(kind: str, activation: str = "tanh") -> SharedParts:
    """Return what its rows share."""
    quantities: NetworkQuantities = model(kind, activation).quantities  # type: ignore[assignment]
    return SharedParts(quantities)


def energy(kind: str, z: Any, activation: str = "tanh") -> Any:
    """Return U (N, P) at points z (2, P), real or complex, by plain arithmetic."""
    arrays = [p.detach().double().numpy() for p in module(activation).parameters()]
    f = arrays[2] @ ACTIVATIONS[activation](arrays[0] @ z + arrays[1][:, None]) + arrays[3][:, None]
    prior = (z * z).sum(0) / 2 + np.log(2 * np.pi)
    if kind == "poisson":
        return prior + np.exp(f).sum(0) - X @ f
    if kind in COUNTS:
        return prior + (np.log1p(np.exp(f)) * (TRIALS if kind == "binomial" else 1)).sum(0) - X @ f
    v = np.broadcast_to(VARIANCES[kind], 3)[None, :, None]
    return prior + ((X[:, :, None] - f) ** 2 / v + np.log(2 * np.pi * v)).sum(1) / 2


@lru_cache
def truth(kind: str, activation: str = "tanh") -> FloatArray:
    """Return log p(x), (N,), by the trapezoidal rule, which is exact to some 1e-12 for such integrands."""
    axis = np.linspace(-8, 8, 301)
    z = np.stack(np.meshgrid(axis, axis)).reshape(2, -1)
    return np.asarray(np.log(np.exp(-energy(kind, z, activation)).sum(1) * (axis[1] - axis[0]) ** 2))


def log_base(kind: str) -> FloatArray:
    """Return log h(x), (N,), which the energy does not have."""
    if kind != "binomial":  # 0! = 1! = 1
        return np.zeros(len(X))
    return np.array(
        [sum(math.log(math.comb(int(n), int(k))) for n, k in zip(TRIALS[:, 0], x, strict=True)) for x in X]
    )


def cells(half: float = 0.125) -> Cells:
    """Return some cells, not square."""
    centre = np.array([[0.0, 0.25], [-1.0, 0.5], [0.75, -1.25], [2.0, 1.0]])
    return Cells(np.zeros(4, dtype=np.intp), centre, np.tile([half, half / 2], (4, 1)))


def regions(half: float, j: int, count: int = 10) -> Any:
    """Return points (count, 2, C) of the cells' rectangles, corners among them."""
    rng, where = np.random.default_rng(0), rectangle(cells(half), j)
    t = rng.uniform(-1, 1, (count, *where.shape)) + 1j * rng.uniform(-1, 1, (count, *where.shape))
    t[: count // 2] = np.sign(t[: count // 2].real) + 1j * np.sign(t[: count // 2].imag)
    return where.real.mid + t.real * where.real.rad + 1j * t.imag * where.imag.rad


def check_energy() -> None:
    """R - x . T + c is the model's energy."""
    z = np.random.default_rng(1).normal(size=(2, 20))
    for kind in KINDS:
        shared = parts(kind)
        statistic, rest = shared.points(BallArray(z))
        value = rest[()].mid - X @ statistic[()].mid + shared.constant(X).mid[:, None]
        assert np.abs(value - energy(kind, z)).max() < 1e-12
        floats = shared.floats(z)
        assert np.abs(floats[1] - X @ floats[0] + shared.constant(X).mid[:, None] - value).max() < 1e-11


def check_regions() -> None:
    """Coefficients over a region enclose those at its points, real and complex."""
    for kind in KINDS:
        shared = parts(kind)
        for half, j in ((0.125, 0), (0.03125, 1), (2.0**-12, 0)):
            where = rectangle(cells(half), j)
            hidden, rest = shared.regions(where, BallArray(cells(half).centre.T), 3)
            for z in regions(half, j):
                inside = ComplexBallArray(BallArray(z.real), BallArray(z.imag))
                # the plain chain rule at points, without what is rearranged over regions
                plain = shared._at(inside, 3, BALL_ARRAYS, Balls())[1]
                _enclose((hidden, rest), (shared.regions(inside, BallArray(z.real), 3)[0], plain))


def _enclose(wide: tuple[Jet, Jet], narrow: tuple[Jet, Jet]) -> None:
    for outer, inner in zip(wide, narrow, strict=True):
        for key, value in inner.items():
            a, b = ComplexBallArray.coerce(outer[key]), ComplexBallArray.coerce(value)
            assert a is not None
            assert b is not None
            for one, other in ((a.real, b.real), (a.imag, b.imag)):
                assert (np.abs(one.mid - other.mid) <= one.rad + 1e-9).all()


def check_discs() -> None:
    """A disc holds the corners of its rectangle."""
    found = disc(
        ComplexBallArray(BallArray(np.array([1.0]), np.array([3.0])), BallArray(np.array([2.0]), 2.0))
    )
    assert abs((4 + 4j) - found.mid[0]) <= found.rad[0]


def check_least() -> None:
    """A cubic is nowhere smaller than its bound, which is attained in simple cases."""
    rng = np.random.default_rng(2)
    for _ in range(40):
        values: dict[Key, float] = {k: rng.normal() for k in ((), (0,), (1,), (0, 0), (0, 1), (1, 1))}
        last: dict[Key, float] = {k: rng.normal() for k in ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1))}
        along, across = [np.array([0.7]), np.array([0.4])], [np.array([0.5]), np.array([0.0])]
        t = rng.uniform(-1, 1, (2, 400)) * np.array([[0.7], [0.4]]) + 1j * rng.uniform(
            -0.5, 0.5, 400
        ) * np.array([[1.0], [0.0]])
        u = sum(c * np.prod([t[k] for k in key], axis=0) for key, c in (values | last).items())
        centre = {k: BallArray(np.array([[c]])) for k, c in values.items()}
        bound = least_real(centre, {k: np.array([[abs(c)]]) for k, c in last.items()}, along, across)
        assert bound[0, 0] <= u.real.min()


def check_sharp() -> None:
    """Of squares and of slopes alone the bound is the least value."""
    along, across = [np.array([0.7]), np.array([0.4])], [np.array([0.5]), np.array([0.0])]
    zero = dict.fromkeys(((), (0,), (1,), (0, 0), (0, 1), (1, 1)), 0.0)
    for given, least in (
        ({(0,): 1.0, (1,): -2.0}, -1.5),
        ({(0, 0): 1.0}, -0.25),
        ({(0, 0): -1.0, (1, 1): -1.0}, -0.65),
        ({(0,): 0.4, (0, 0): 1.0}, -0.04 - 0.25),
        ({(0, 1): 1.0}, -0.28),
    ):
        centre = {k: BallArray(np.array([[c]])) for k, c in (zero | given).items()}
        found = least_real(centre, {}, along, across)[0, 0]
        assert least - 1e-12 < found <= least
    cubic: dict[Key, FloatArray] = {(0, 0, 1): np.array([[1.0]])}
    found = least_real({k: BallArray(np.array([[0.0]])) for k in zero}, cubic, along, across)[0, 0]
    assert -(0.7**2 + 0.5**2) * 0.4 - 1e-12 < found <= -(0.7**2 + 0.5**2) * 0.4


def check_bounds() -> None:
    """Re U is nowhere smaller than its bounds, on cells and on rectangles."""
    for kind in KINDS:
        shared = parts(kind)
        rows = SharedRows.of(shared, X)
        for half in (0.125, 0.03125):
            found = row_bounds(shared, rows, cells(half))
            for j in range(2):
                assert np.isfinite(found.analytic[j]).any()
                for z in regions(half, j, 20):
                    assert (found.analytic[j] <= energy(kind, z).real + 1e-9).all()
                    inside = cells(half).centre.T + (z.real - cells(half).centre.T) / rectangle_reach(half, j)
                    assert (found.least <= energy(kind, inside) + 1e-9).all()
            assert (found.central <= energy(kind, cells(half).centre.T) + 1e-12).all()
            assert (found.least > found.central - 40).any()


def rectangle_reach(half: float, j: int) -> FloatArray:
    """Return how far a rectangle reaches, in half widths of the cells."""
    return rectangle(cells(half), j).real.rad / cells(half).half.T


def check_poles() -> None:
    """Where a pole may lie in a rectangle nothing is known."""
    for kind in KINDS:
        shared = parts(kind)
        found = row_bounds(shared, SharedRows.of(shared, X), cells(8.0))
        assert (found.analytic[0] == -np.inf).all()
        assert (found.least == -np.inf).all()


def check_inexact_rows() -> None:
    """What rows of the hidden layer are not known exactly widens the bounds."""
    shared = parts("bernoulli")
    rows = SharedRows.of(shared, X)
    shifted = replace(rows, turned=BallArray(rows.turned.mid, 5.0))
    sure, wide = (row_bounds(shared, r, cells()).analytic[0] for r in (rows, shifted))
    assert (wide < sure - 1e-3).all()


def check_sums() -> None:
    """Sums of rules enclose those of arb, with the radii of all that enters at their worst."""
    rng = np.random.default_rng(4)
    statistic, rest = rng.normal(size=(3, 5)), rng.normal(size=5)
    weights, level = rng.uniform(0.1, 1, 5), rng.normal(size=3)
    given = [BallArray(v, r) for v, r in ((level, 1e-3), (statistic, 2e-3), (rest, 4e-3), (weights, 1e-2))]
    for sign in (-1, 0, 1):
        for some in ((1, 1, 1, 1), (0, 0, 0, 1), (0, 1, 0, 0)):
            moved = [sign * s * r for s, r in zip(some, (1e-3, 2e-3, 4e-3, 1e-2), strict=True)]
            exact = [arb(0)] * 3
            for n in range(3):
                for p in range(5):
                    u = arb(rest[p]) - moved[2] - arb(level[n]) - moved[0]
                    u -= sum((arb(X[n, j]) * (arb(statistic[j, p]) + moved[1]) for j in range(3)), arb(0))
                    exact[n] += (arb(weights[p]) + moved[3]) * (-u).exp()
            for members in (given, [BallArray(g.mid) for g in given]) if sign == 0 else (given,):
                total = row_sums(X, *members)
                low, high = total.lower(), total.upper()
                assert all(low[n] <= float(exact[n]) <= high[n] for n in range(3))
    assert (row_sums(X, *[BallArray(g.mid) for g in given]).rad < 1e-12).all()
    level_, statistic_, rest_, weights_ = (BallArray(g.mid) for g in given)
    alone = row_sums(X, level_, statistic_, rest_, given[3])
    middle = row_sums(X, level_, statistic_, rest_, BallArray(weights_.mid - 1e-2))
    assert (alone.lower() <= middle.upper()).all()


def search(
    kind: str, share: float, tolerance: float, **limits: Any
) -> tuple[SharedFound, FloatArray, FloatArray]:
    """Return what a search with given thresholds finds, and the ends of log p."""
    shared, x = parts(kind), BallArray(X)
    ceiling = model(kind).integrand.ceiling(x)
    log_mass = truth(kind)
    where = domain(model(kind).integrand, ceiling, np.tile(np.eye(2), (3, 1, 1)), log_mass, 4.0)
    target = Target(-log_mass, np.ones(3), tolerance, share)
    limits = {"deadline": time.monotonic() + 100, "most": 4000} | limits
    found = SharedSearch(shared, SharedRows.of(shared, X), ceiling, target, **limits).run(
        float(where.half.max())
    )
    return found, *shared_rows._ends(found, where, target.shift)


def check_search() -> None:
    """However coarse the thresholds, the truth lies between the ends; with fine ones they are close."""
    for kind in KINDS:
        for share, tolerance, rules in ((1e-3, 1e-4, PART), (30.0, 1e-3, 1e-6), (1e-9, 100.0, PART)):
            with patch.object(
                shared_search, "PART", rules
            ):  # so that discarded pairs, or rules, take nearly all
                _, low, high = search(kind, share, tolerance)
            assert (low <= truth(kind) + 1e-9).all()
            assert (high >= truth(kind) - 1e-9).all()
            assert share != 1e-3 or (high - low < 1e-3).all()


def check_limits() -> None:
    """Of rows that a limit leaves open the likelihood's supremum is known, and what was summed."""
    found, low, high = search("gaussian", 1e-3, 1e-4, most=60)
    assert found.open.all()
    assert found.cells <= 60
    assert (low <= truth("gaussian")).all()
    assert (high >= truth("gaussian")).all()


TANGENT_MARGIN = 0.1
"""Of what U varies by on a cell of half width 2^-6, that tangents lose at most of its least value: measured 0.056."""


def check_tangents() -> None:
    """U is nowhere smaller on cells than its tangents say, and little larger on small ones."""
    rng = np.random.default_rng(5)
    for kind, activation in product(KINDS, ACTIVATIONS):
        shared = parts(kind, activation)
        rows = SharedRows.of(shared, X)
        for half in (1.0, 0.5, 0.25, 0.125, 2.0**-6):
            where = cells(half)
            found = tangent_bounds(shared, rows, where)
            t = rng.uniform(-1, 1, (200, 2, 4))
            t[:50, 0], t[50:100, 1] = np.sign(t[:50, 0]), np.sign(t[50:100, 1])
            t[100:120] = np.sign(t[100:120])
            values = np.array([energy(kind, where.centre.T + where.half.T * s, activation) for s in t])
            assert (found.least <= values + 1e-9).all()
            assert np.abs(found.central - energy(kind, where.centre.T, activation)).max() < 1e-9
            lost = TANGENT_MARGIN * (values.max(0) - values.min(0))
            assert half != 2.0**-6 or (found.least >= values.min(0) - lost).all()


def check_tangents_of_squares() -> None:
    """Of a decoder that is constant, tangents are the prior itself."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 3)).double()
    for parameter in net.parameters():
        parameter.data *= 0
    shared = SharedParts(ep.LatentModel.from_torch(net, ep.Bernoulli()).quantities)
    where = Cells(np.zeros(2, dtype=np.intp), np.array([[1.0, -2.0], [0.25, 0.0]]), np.full((2, 2), 0.5))
    found = tangent_bounds(shared, SharedRows.of(shared, X), where)
    least = np.array([(0.25 + 2.25) / 2, 0.0]) + np.log(2 * np.pi) + 3 * np.log(2)
    assert np.abs(found.least - least).max() < 1e-9
    assert np.abs(found.bend - 0.25).max() < 1e-9


def check_spread() -> None:
    """Radii of the hidden layer count with the sizes of the rows' products, whose own radii are added."""
    rng = np.random.default_rng(6)
    size = rng.uniform(0.1, 1, (4, 5))
    mixed, turned = (BallArray(rng.normal(size=n), rng.uniform(0, 1, n)) for n in ((4, 5), (3, 4)))
    exact = np.abs(mixed.mid.T[None] - turned.mid[:, None]) + mixed.rad.T[None] + turned.rad[:, None]
    expected = (exact * size.T[None]).sum(2)
    found = shared_tangents._spread(SharedRows(X, turned, BallArray(np.zeros(3))), mixed, size)
    assert (expected <= found).all()
    assert (found <= expected * (1 + 1e-12)).all()
