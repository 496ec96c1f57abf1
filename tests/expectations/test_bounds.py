"""Each bound of the quadratures by itself: lattice, faces, cells, weights, densities, tails, against exact numbers."""

import math
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import mpmath
import numpy as np
import pytest
import torch
from flint import arb

import elboproof as ep
from elboproof.expectations import lattice, plan, rules, suprema
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.lattice import Lattice
from elboproof.expectations.plan import ELLIPSES, SHARES, SIZES, Plan, grid, reach
from elboproof.expectations.sums import _cell_axes, _cell_blocks, _lattice_axes, _lattice_blocks
from elboproof.model import network_growth
from elboproof.model.networks import Affine
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.balls import working_precision
from elboproof.quadrature.gauss_legendre import error_factor
from tests.numbers.test_majorants import summed

HEIGHTS = np.array(lattice.HEIGHTS)
CLOSE = 1 + 1e-8

# -- the lattice's error --


def test_errors_of_a_lattice_are_the_least_of_all_heights_that_are_allowed() -> None:
    rng = np.random.default_rng(12)
    inner, outer = rng.uniform(0.1, 10, (2, 3, 2, len(HEIGHTS)))
    inner *= np.exp(HEIGHTS**2)  # so that one height is the best, and not an end
    steps = np.array([0.9, 0.4, 0.1])
    found = lattice._errors(inner, outer, steps)
    with working_precision(120):
        for (q, d, k), bound in np.ndenumerate(found):
            exact = []
            for n, a in enumerate(HEIGHTS.tolist()):
                if arb(a) * arb(float(steps[k])) <= 2 * arb.pi():
                    strip = 2 / ((2 * arb.pi() * a / arb(float(steps[k]))).exp() - 1)
                    faces = 2 * arb(float(steps[k])) / arb.pi()
                    exact.append(arb(float(inner[q, d, n])) * strip + arb(float(outer[q, d, n])) * faces)
            least = min(map(float, exact))
            assert all(term * CLOSE >= least for term in map(float, exact))
            assert any(term <= bound <= term * arb(CLOSE) for term in exact if float(term) < least * CLOSE)


def test_heights_beyond_the_formula_are_not_used() -> None:
    """A step of 2.5 allows a <= 2.5 only; beyond, the faces' integral is not what the formula has."""
    inner = np.ones((1, 1, len(HEIGHTS)))
    bound = lattice._errors(inner, 0 * inner, np.array([2.5]))[0, 0, 0]
    allowed = [a for a in HEIGHTS.tolist() if a * 2.5 <= 2 * math.pi]
    exact = 2 / math.expm1(2 * math.pi * max(allowed) / 2.5)
    assert exact <= bound <= exact * CLOSE


@pytest.mark.parametrize("d", [1, 2, 3])
def test_cells_and_faces_have_the_weight_of_the_cube(d: int) -> None:
    """With 1 for every supremum the totals are the volume of the cube, and that of both faces across each axis."""
    centre, half = grid(3, 4.0, d)
    side = 6 * float(half[0, 0])
    places: list[tuple[int, Any, Any, bool]] = []

    def ones(_: Any, __: Any, parts: list[Any], ___: Any) -> Any:
        places.extend(parts)
        return np.ones((1, len(HEIGHTS), sum(len(c) for _, c, *_ in parts)))

    with patch.object(lattice, "_sup", ones):
        inner, outer = lattice._totals(None, None, centre, half, None)  # type: ignore[arg-type]
    assert inner.shape == outer.shape == (1, d, len(HEIGHTS))
    assert ((inner >= side**d) & (inner <= side**d * CLOSE)).all()
    assert ((outer >= 2 * side ** (d - 1)) & (outer <= 2 * side ** (d - 1) * CLOSE)).all()
    for number, (j, middle, wide, tall) in enumerate(places):
        assert j == number // 2
        if tall:
            assert (middle == centre).all()
            assert (wide == half).all()
        else:
            low, high = np.split(middle, 2)
            assert (low[:, j] == -side / 2).all()
            assert (high[:, j] == side / 2).all()
            assert (wide[:, j] == 0).all()
            others = [k for k in range(d) if k != j]
            assert (low[:, others] == high[:, others]).all()
            assert len(low) == 3 ** (d - 1) == len({tuple(row) for row in low[:, others].tolist()})
            assert (wide[:, others] == half[0, 0]).all()


MODEL = ep.LatentModel(["a", "b"], ["tanh(a + b)", "a*b"], ep.Gaussian("1/10"))
POINT = EnclosedGaussian([arb("0.4"), arb("-0.2")], [[arb("0.3")], [arb("0.1"), arb("0.5")]])
FACTOR = np.array([[0.3, 0.0], [0.1, 0.5]])
X = (0.5, 0.125)
MADE = Integrands(MODEL, [arb(v) for v in X], [(0, 1)])
"""The log-likelihood times 1, eps_1 and eps_2."""


def g(eps: Any) -> Any:
    """log p(x|z) at complex eps (2, P)."""
    a, b = np.array([0.4, -0.2])[:, None] + FACTOR @ eps
    return -5 * ((X[0] - np.tanh(a + b)) ** 2 + (X[1] - a * b) ** 2) - np.log(2 * np.pi / 10)


def monomials(eps: Any) -> Any:
    return np.stack([np.ones_like(eps[0]), *eps])


def inside(middle: Any, wide: Any, lifted: Any, count: int = 400) -> Any:
    """Points of a rectangle (d,), its corners among them, (d, count)."""
    rng = np.random.default_rng(12)
    shares = np.concatenate([rng.uniform(-1, 1, (count, 2, 2)), rng.choice([-1.0, 1.0], (count, 2, 2))])
    return (middle + wide * shares[:, 0] + 1j * lifted * shares[:, 1]).T


def rectangles(count: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(12)
    middle, wide = rng.normal(size=(2, count)), rng.uniform(0, 0.5, (2, count))
    lifted = np.where(rng.integers(0, 2, count) == np.array([[0], [1]]), rng.uniform(0, 1, count), 0.0)
    return middle, wide, lifted


def test_suprema_bound_the_integrands_over_rectangles() -> None:
    middle, wide, lifted = rectangles(40)
    found = suprema.suprema(MADE, POINT, middle, wide, lifted)
    close = 0
    for n in range(40):
        eps = inside(middle[:, n], wide[:, n], lifted[:, n])
        sizes = np.abs(monomials(eps) * g(eps)).max(1)
        assert (sizes <= found[:, n] * (1 + 1e-9)).all()
        close += (found[:, n] <= 3 * sizes).any()
    assert close > 5


def test_suprema_around_poles_are_infinite() -> None:
    """tanh(a + b) has a pole where a + b = i pi/2."""
    found = suprema.suprema(MADE, POINT, np.zeros((2, 1)), np.ones((2, 1)), np.array([[0.0], [8.0]]))
    assert (found == np.inf).all()


def test_densities_are_bounded_where_they_are_largest() -> None:
    middle, wide, lifted = rectangles(100)
    found = suprema.density(middle, wide, lifted)
    with working_precision(120):
        for n, bound in enumerate(found.tolist()):
            exact = 1 / (2 * arb.pi())
            for m, w, i in zip(
                middle[:, n].tolist(), wide[:, n].tolist(), lifted[:, n].tolist(), strict=True
            ):
                nearest = max(abs(Fraction(m)) - Fraction(w), Fraction(0))
                x = arb(nearest.numerator) / nearest.denominator
                exact *= ((arb(i) ** 2 - x * x) / 2).exp()
            assert exact <= bound <= exact * arb(CLOSE)


@pytest.mark.parametrize("tall", [False, True])
def test_suprema_over_strips_lift_one_axis_and_the_density_where_it_is_meant(tall: bool) -> None:
    rng = np.random.default_rng(12)
    middle, wide = rng.normal(size=(4, 2)), rng.uniform(0.05, 0.3, (4, 2))
    found = lattice._sup(MADE, POINT, [(1, middle, wide, tall)], None)
    for h, height in enumerate(HEIGHTS.tolist()):
        for n in range(4):
            if not np.isfinite(found[:, h, n]).all():
                continue
            eps = inside(middle[n], wide[n], np.array([0.0, height]))
            weight = np.exp(-(eps**2).sum(0) / 2) if tall else np.exp(-(eps.real**2).sum(0) / 2)
            sizes = np.abs(monomials(eps) * g(eps) * weight / (2 * np.pi)).max(1)
            assert (sizes <= found[:, h, n] * (1 + 1e-9)).all()
    assert np.isfinite(found[:, :3]).all()


# -- cells --


@pytest.mark.parametrize(("count", "radius"), [(1, 0.3), (3, 8.0), (5, 7.3), (4, 6.01)])
def test_grids_cover_the_cube_without_overlap(count: int, radius: float) -> None:
    centre, half = grid(count, radius, 2)
    sides = sorted(
        {
            (Fraction(c) - Fraction(h), Fraction(c) + Fraction(h))
            for c, h in zip(centre[:, 0], half[:, 0], strict=True)
        }
    )
    assert sides[0][0] <= -Fraction(radius)
    assert sides[-1][1] >= Fraction(radius)
    assert all(a[1] == b[0] for a, b in pairwise(sides))
    assert len(centre) == count**2 == len({tuple(c) for c in centre.tolist()})


def test_halves_cover_their_cells() -> None:
    rng = np.random.default_rng(12)
    centre, half = grid(3, 8.0, 2)
    axis = rng.integers(0, 2, len(half))
    parts, sizes, allowed = plan._halved(centre, half, np.ones(len(half)), axis)
    n = len(half)
    for k in range(n):
        for j in range(2):
            low, high = parts[k, j] - sizes[k, j], parts[n + k, j] + sizes[n + k, j]
            assert (low, high) == (centre[k, j] - half[k, j], centre[k, j] + half[k, j])
        assert parts[k, axis[k]] + sizes[k, axis[k]] == parts[n + k, axis[k]] - sizes[n + k, axis[k]]
    assert allowed.sum() == n


def test_factors_of_ellipses_are_rounded_up() -> None:
    found = plan._factors()
    exact = [[error_factor(Fraction(rho), n) for rho in ELLIPSES] for n in SIZES]
    pairs = [
        (Fraction(a), b)
        for row, other in zip(found.tolist(), exact, strict=True)
        for a, b in zip(row, other, strict=True)
    ]
    assert all(b <= a <= b * (1 + Fraction(1, 2**49)) for a, b in pairs)


def test_suprema_of_cells_hold_on_every_ellipse() -> None:
    rng = np.random.default_rng(12)
    centre, half = rng.uniform(-4, 4, (8, 2)), rng.uniform(0.1, 0.4, (8, 2))
    found = plan._suprema(MADE, POINT, centre, half)  # (Q, B, d, E)
    turn = np.exp(2j * np.pi * np.arange(64) / 64)
    for b in range(8):
        for k in range(2):
            for e, rho in enumerate(ELLIPSES):
                if not np.isfinite(found[:, b, k, e]).all():
                    continue
                eps = np.empty((2, 64), dtype=complex)
                eps[k] = centre[b, k] + half[b, k] * (rho * turn + 1 / (rho * turn)) / 2
                eps[1 - k] = centre[b, 1 - k] + half[b, 1 - k] * rng.uniform(-1, 1, 64)
                sizes = np.abs(monomials(eps) * g(eps) * np.exp(-(eps**2).sum(0) / 2) / (2 * np.pi)).max(1)
                assert (sizes <= found[:, b, k, e] * (1 + 1e-9)).all()
    assert np.isfinite(found[..., :2]).mean() > 0.8


def test_accepted_cells_add_the_error_of_every_axis() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        suprema_, volume = rng.uniform(0, 1, (2, 30, 3, len(ELLIPSES))), rng.uniform(0, 1, 30)
        choice, accepted = rng.integers(0, 4, 30), rng.integers(0, 2, 30).astype(bool)
        before = rng.uniform(0, 1e-9, 2)
        work = Plan(before.copy())
        plan._accept(work, suprema_, volume, choice, accepted, np.zeros((30, 3)), np.ones((30, 3)))
        factors = plan._factors()
        for q in range(2):
            exact = Fraction(float(before[q]))
            for b in np.flatnonzero(accepted):
                for k in range(3):
                    best = min(
                        Fraction(float(f)) * Fraction(float(s))
                        for f, s in zip(factors[choice[b]], suprema_[q, b, k], strict=True)
                    )
                    exact += best * Fraction(float(volume[b]))
            assert exact <= Fraction(float(work.error[q])) <= exact * (1 + Fraction(1, 10**12))
        assert (work.sizes[0] == np.array(SIZES)[choice[accepted]]).all()
        assert len(work.centres[0]) == accepted.sum()


def test_flat_cells_add_up() -> None:
    work = Plan(np.zeros(1))
    for mid in (1.0, 2.0, 4.0):
        plan._keep(work, BallArray(np.array([mid]), np.array([mid / 16])))
    assert work.flat is not None
    assert abs(float(work.flat.mid[0]) - 7) + 7 / 16 <= float(work.flat.rad[0]) * CLOSE


def test_tails_are_those_of_the_radius_that_is_returned() -> None:
    """Of log p for tanh, beyond R: bounded by twice its exact integral or so, for every monomial."""
    made = Integrands(ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10")), [arb("0.5")], [(0, 2)])
    radius, tails = reach(made, EnclosedGaussian([arb(0)], [[arb(1)]]), np.full(3, 1e-6))
    assert (tails <= SHARES["tail"] * 1e-6).all()
    for p, bound in enumerate(tails.tolist()):

        def size(e: Any, p: int = p) -> Any:
            value = -5 * (0.5 - mpmath.tanh(e)) ** 2 - mpmath.log(2 * mpmath.pi / 10) / 2
            return mpmath.npdf(e) * abs(e) ** p * abs(value)

        exact = sum(mpmath.quad(size, [s * radius, s * (radius + 2), s * (radius + 12)]) * s for s in (1, -1))
        assert float(exact) <= bound
    # the highest power is the one that is bounded
    assert bound <= 3 * float(exact)


# -- weights and sums --


@pytest.mark.parametrize("d", [1, 2])
def test_lattices_and_cells_integrate_the_density(d: int) -> None:
    """The weights of all nodes add up to 1 within the rule's error; by floats and by arb."""
    centre, half = grid(4, 8.5, d)
    one = Lattice(8.5, (40, 60)[:d], np.zeros(1))
    cells = Plan(np.zeros(1), [centre], [half], [np.full(len(half), 24)])
    for axes, blocks in (
        (_lattice_axes(one), _lattice_blocks(one)),
        (_cell_axes(cells), _cell_blocks(cells)),
    ):
        total, summed = arb(0), BallArray(np.zeros(1))
        with working_precision(100):
            for nodes in axes:
                part = arb(1)
                for axis in nodes:
                    part *= sum((w for _, w in axis), arb(0))
                total += part
            assert abs(total - 1) < 1e-12
        for _, _, weight in blocks:
            summed = summed + weight.sum().reshape(1)
        assert abs(float(summed.mid[0]) - 1) < 1e-12
        assert float(summed.rad[0]) < 1e-11


def test_nodes_of_a_lattice_are_the_midpoints_of_its_steps() -> None:
    work = Lattice(8.5, (7,), np.zeros(1))
    exact = [Fraction(17, 2) * (2 * i + 1 - 7) / 7 for i in range(7)]
    axis, step = work.axis(0), work.step(0)
    for mid, rad, place in zip(axis.mid.tolist(), axis.rad.tolist(), exact, strict=True):
        assert abs(Fraction(mid) - place) <= Fraction(rad) <= Fraction(1, 10**14)
    assert (
        abs(Fraction(float(step.mid)) - Fraction(17, 7)) <= Fraction(float(step.rad)) <= Fraction(1, 10**14)
    )
    with working_precision(100):
        (nodes,) = next(iter(_lattice_axes(work)))
        for (u, _), place in zip(nodes, exact, strict=True):
            assert abs(u - arb(place.numerator) / place.denominator) < 1e-25


@pytest.mark.parametrize("flat", [None, (2.0, 0.25)])
def test_sums_are_completed_by_flat_cells_and_errors(flat: tuple[float, float] | None) -> None:
    kept = None if flat is None else BallArray(np.array([flat[0]]), np.array([flat[1]]))
    work = Plan(np.array([0.5]), flat=kept)
    found = rules._completed(arb(1, 0.125), work, 0)
    mid, rad = (1.0, 0.625) if flat is None else (3.0, 0.875)
    assert float(found.mid()) == mid
    assert rad <= float(found.rad()) <= rad * CLOSE
    endless = rules._completed(arb(1), Plan(np.array([np.inf]), flat=kept), 0)
    assert not endless.is_finite()
    assert endless.contains(1e300)


def test_gaussians_in_floats_hold_those_in_arb() -> None:
    with working_precision(200):
        mean = [arb(1) / 3 + arb(0, 1e-12), arb(2).sqrt()]
        factor = [[arb(1) / 7], [-arb(1) / 11 + arb(0, 1e-9), arb(3).sqrt()]]
        point = EnclosedGaussian(mean, factor)
        balls, rows = point.floats
        for ball, exact in zip(
            [*balls, *(e for row in rows for e in row)],
            [*mean, *(e for row in factor for e in row)],
            strict=True,
        ):
            wide = arb(float(ball.mid), float(ball.rad))
            assert wide.contains(exact)
            assert float(ball.rad) <= 2 * float(exact.rad()) + 1e-15
        for (offset, slope), m, row in zip(point.sizes(), mean, factor, strict=True):
            norm = sum((abs(e).upper() ** 2 for e in row), arb(0)).sqrt()
            assert abs(m).upper() <= offset <= abs(m).upper() * arb(1 + 1e-8)
            assert norm <= slope <= norm * arb(1 + 1e-8)
        eps = [BallArray(np.array([0.5])), BallArray(np.array([-0.25]))]
        for z, m, row in zip(point.latents(eps), mean, factor, strict=True):
            exact = m + sum((e * v for e, v in zip(row, (arb("0.5"), arb("-0.25")), strict=False)), arb(0))
            assert arb(float(z.mid[0]), float(z.rad[0])).contains(exact)


def test_monomials_are_bounded_upwards() -> None:
    rng = np.random.default_rng(12)
    made = Integrands(MODEL, [arb(v) for v in X], [(0, 3)])
    sizes = rng.uniform(0, 3, (2, 50))
    found = made.monomials(sizes)
    for (_, _, p), row in zip(made.entries, found.tolist(), strict=True):
        for n, bound in enumerate(row):
            exact = math.prod(
                (Fraction(float(sizes[k, n])) ** power for k, power in enumerate(p)), start=Fraction(1)
            )
            assert exact <= Fraction(bound) <= exact * (1 + Fraction(1, 10**12))


def test_a_lattice_adds_the_errors_of_all_axes_and_the_tails() -> None:
    made = Integrands(MODEL, [arb(v) for v in X], [(0, 0)])

    def errors(inner: Any, outer: Any, steps: Any) -> Any:
        return np.broadcast_to(np.array([1e-3, 2e-3])[None, :, None], (1, 2, len(steps)))

    with (
        patch.object(lattice, "_errors", errors),
        patch.object(lattice, "reach", lambda *_: (8.0, np.array([4e-3]))),
        patch.object(lattice, "_totals", lambda *_: (np.zeros((1, 2, 9)), np.zeros((1, 2, 9)))),
    ):
        found = lattice.lattice(made, POINT, np.array([1.0]))
    assert found is not None
    assert 7e-3 <= found.error[0] <= 7e-3 * CLOSE


@pytest.mark.parametrize(("block", "passes"), [(3, 0), (4, 1), (15, 1), (16, 2), (63, 2), (64, 3)])
def test_cells_left_undone_are_halved_as_far_as_one_block_reaches(block: int, passes: int) -> None:
    seen: list[tuple[list[float], list[float]]] = []

    def integrals(_: Any, __: Any, centre: Any, half: Any) -> list[BallArray]:
        seen.extend(zip(centre.tolist(), half.tolist(), strict=True))
        return [BallArray((2 * half).prod(1))]

    integrands = SimpleNamespace(d=2, block=block, entries=[0])
    with patch.object(plan, "_integrals", integrals):
        total = plan.left_undone(integrands, None, np.zeros((1, 2)), np.ones((1, 2)))  # type: ignore[arg-type]
    assert len(seen) == 4**passes == len({(*centre,) for centre, _ in seen})
    assert all(half == [0.5**passes] * 2 for _, half in seen)
    assert abs(float(total.mid[0]) - 4) <= float(total.rad[0]) < 1e-12


def test_offsets_of_a_layer_are_rounded_up_when_their_bias_is_added() -> None:
    """1 + 2^-54 rounds to 1."""
    small = 2.0**-54
    growth = network_growth._Growth(np.ones(1), np.zeros(1), np.ones((1, 1)), np.ones((1, 1, 1)))
    layer = Affine(ExactMatrix(np.array([[small]])), np.array([-1.0]), "one unit")
    assert small + 1.0 == 1
    assert Fraction(float(network_growth._affine(layer, growth).offset[0])) >= 1 + Fraction(small)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_cells_are_flat_within_their_share_of_the_tolerance(d: int) -> None:
    """The share of a cell is that of its volume in the cube, to the power (d - 1)/d."""
    half = np.array([[0.5, 0.25, 1.0], [0.125, 2.0, 0.5]])[:, :d]
    shares = plan.FLAT_SHARE * (half / 4).prod(1) ** ((d - 1) / d)
    tolerance, candidates = np.array([1.0, 1e-3]), np.array([True, False, True])
    cells = np.array([half[0], half[0], half[1]])
    for slack, kept in ((1 - 1e-9, True), (1 + 1e-9, False)):
        work = Plan(np.zeros(2))
        balls = [BallArray(np.ones(2), 0.0 * shares), BallArray(np.ones(2), shares * slack * 1e-3)]
        with patch.object(plan, "_integrals", return_value=balls):
            chosen = plan._flat(None, None, tolerance, work, candidates, 0 * cells, cells, 4.0)  # type: ignore[arg-type]
        assert chosen.tolist() == [kept, False, kept]
        assert (work.flat is not None) == kept


PRIORS = [
    ep.Normal(),
    ep.Normal(["3", "-2"], [["1/4", "1/10"], ["1/10", "1"]]),
    ep.Mixture([ep.Normal(["3", "0"], [["1/16", 0], [0, 1]]), ep.Normal()], ["1/3", "2/3"]),
]


@pytest.mark.parametrize("prior", PRIORS, ids=["standard", "normal", "mixture"])
@pytest.mark.parametrize("network", [False, True], ids=["expressions", "network"])
@pytest.mark.parametrize("order", [0, 1])
def test_majorants_hold_what_a_prior_adds(network: bool, prior: Any, order: int) -> None:
    """Far out the prior's tilt, a quadratic form, is what grows."""
    model: Any
    if network:
        torch.manual_seed(3)
        module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).double()
        model = ep.LatentModel.from_torch(module, ep.Gaussian("10"), prior=prior)
    else:
        model = ep.LatentModel(["a", "b"], ["tanh(a + b)", "tanh(a)"], ep.Gaussian("10"), prior=prior)
    integrands = Integrands(model, [arb(v) for v in X], [(order, 0)])
    ((_, majorant),) = integrands.majorants(POINT).values()
    rng = np.random.default_rng(7)
    eps = rng.normal(size=(2, 200)) * 10.0 ** rng.uniform(-1, 2, 200)
    most = summed(majorant.terms, np.linalg.norm(eps, axis=0))
    for value in integrands.values(POINT, [BallArray(e) for e in eps]):
        assert (np.abs(value.mid) - value.rad <= most * (1 + 1e-9)).all()
