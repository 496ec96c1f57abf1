"""Each bound of the quadratures by itself: suprema, cells, densities, growth, against exact numbers."""

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from flint import arb

import elboproof as ep
from elboproof.expectations import lattice, plan, suprema
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.plan import ELLIPSES, SIZES, Plan
from elboproof.model import network_growth
from elboproof.model.networks import Affine
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.balls import working_precision
from tests.numbers.test_majorants import summed

HEIGHTS = np.array(lattice.HEIGHTS)
CLOSE = 1 + 1e-8

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
