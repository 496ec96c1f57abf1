"""Each bound of the engine by itself, against exact numbers: no cell is lost, no radius, no term, no rounding."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb, arb_mat

import elboproof as ep
from elboproof.evidence import domain as domains
from elboproof.evidence import found as founds
from elboproof.evidence import precise, rounds, rules, search, stages, summation
from elboproof.evidence.domain import Domain, domain, frame_excess
from elboproof.evidence.energy import Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.forecast import Forecast
from elboproof.evidence.found import Found
from elboproof.evidence.pace import Pace
from elboproof.evidence.target import Target
from elboproof.model.ceilings import Ceiling
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.quadrature.cells import Cells
from elboproof.quadrature.charts import BetweenLines
from elboproof.quadrature.gauss_legendre import RHO, SIZES, factors

BANANA = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian("1/10"))
KINKED = ep.LatentModel(["a", "b"], ["abs(a) + b/2", "b"], ep.Gaussian("1/10"))
THIN = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian("1/1000"))
ROUND = ep.LatentModel(["a", "b"], ["a", "b"], ep.Gaussian(1))


def energy_of(model: ep.LatentModel, x: list[float], frame: np.ndarray | None = None) -> Energy:
    d = model.latent_dim
    return Energy(model, BallArray(np.array([x])), (np.eye(d) if frame is None else frame)[None])


def target_of(shift: float = 0.0) -> Target:
    return Target(np.array([shift]), np.ones(1), 1e-6, 1e-3)


# -- no cell is lost --


def volume(cells: Cells) -> Fraction:
    sides = [[Fraction(2 * h) for h in row] for row in cells.half.tolist()]
    return sum((math.prod(row, start=Fraction(1)) for row in sides), Fraction(0))


def settled(
    model: ep.LatentModel, most: int, deadline: float, over: Callable[[int], bool], shift: float = 2.0
) -> dict[str, Fraction]:
    """Search once, and return the exact volumes of cells that were accepted, discarded and given up."""
    found = dict.fromkeys(("accepted", "discarded", "given up"), Fraction(0))
    accept, abandon, discard = Found.accept, founds.abandon, Found.discard
    calls = iter(range(10**9))

    def accepting(self: Found, cells: Cells, *more: Any) -> None:
        found["accepted"] += volume(cells)
        accept(self, cells, *more)

    def abandoning(energy: Energy, waiting: list[Cells], *more: Any) -> None:
        found["given up"] += sum(map(volume, waiting), Fraction(0))
        abandon(energy, waiting, *more)

    def discarding(self: Found, cells: Cells, mass: Any) -> None:
        found["discarded"] += volume(cells)
        discard(self, cells, mass)

    energy, roots = (
        energy_of(model, [0.7, 0.3]),
        Cells(np.zeros(1, int), np.zeros((1, 2)), np.full((1, 2), 8.0)),
    )
    pace = patch.object(Pace, "over", property(lambda _: over(next(calls))))
    with (
        patch.object(Found, "accept", accepting),
        patch.object(search, "abandon", abandoning),
        patch.object(Found, "discard", discarding),
        patch.object(Pace, "block", lambda _: 8),
        pace,
    ):
        search.search(energy, FloatEnergy(model), roots, target_of(shift), deadline, most)
    return found


LIMITS: dict[str, tuple[int, Callable[[int], bool]]] = {
    "none": (3000, lambda _: False),
    "cells": (100, lambda _: False),
    "few cells": (1, lambda _: False),
    "a deeper mode": (
        search.PLENTY,
        lambda _: False,
    ),  # looks far ahead, so that cells are ready when it stops
    **{f"time, after {k} rounds": (3000, lambda n, k=k: n >= k) for k in (0, 1, 2, 3)},  # type: ignore[misc]
}


MODELS = {"thin": THIN, "kinked": KINKED}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("limit", LIMITS)
def test_every_cell_is_accepted_discarded_or_given_up(limit: str, model: str) -> None:
    most, over = LIMITS[limit]
    # energies of 2 nats are deeper than TOO_DEEP below a shift of 150
    found = settled(MODELS[model], most, math.inf, over, 150.0 if limit == "a deeper mode" else 2.0)
    assert sum(found.values()) == 16**2
    if limit == "none":
        assert found["accepted"] > 0
        assert found["discarded"] > 0
    else:
        assert found["given up"] > 0


def test_what_is_aside_counts_with_its_bounds() -> None:
    cells = Cells(np.zeros(2, int), np.zeros((2, 1)), np.ones((2, 1)))
    expected = Forecast(cells, np.ones(2, bool), np.zeros(2))
    aside, found = stages.Aside(), Found.nothing(1, Pace())
    aside.put(expected, np.array([0.25, 0.5]))
    aside.settle(found)
    assert found.discarded.tolist() == [0.75]
    aside.settle(found)  # it is empty now
    assert found.discarded.tolist() == [0.75]


def test_few_rough_cells_beside_many_that_are_ready_wait_for_the_rules() -> None:
    looking = energy_of(THIN, [0.7, 0.3]), FloatEnergy(THIN)
    ready = Cells(np.zeros(40, int), np.zeros((40, 2)), np.ones((40, 2)))
    far = Cells(np.zeros(1, int), np.full((1, 2), 7.0), np.full((1, 2), 0.5))
    work = search._Search(*looking, target_of(0.0), far, search.PLENTY, Pace())
    work._keep(Forecast(ready, np.ones(40, bool), np.zeros(40)))
    work._forecast(work.waiting.take(1))
    assert (work.found.visited, work._rules_are_due()) == (0, True)
    assert sum(map(volume, work.waiting.left())) == 1
    work.ready.clear()
    work._forecast(work.waiting.take(1))
    assert work.found.visited == 1


def test_cells_that_rules_were_tried_on_are_aside_or_wait_as_halves() -> None:
    cells = Cells(np.zeros(3, int), np.zeros((3, 2)), np.ones((3, 2)))
    looking = energy_of(THIN, [0.7, 0.3]), FloatEnergy(THIN)
    work = search._Search(*looking, target_of(0.0), cells[:1], 3000, Pace())
    scale = np.array([[0.0, 0.0], [1e300, 0.0], [0.0, 0.0]])
    work._take_up(rules.Tried(Forecast(cells, np.ones(3, bool), np.zeros(3)), scale, 5))
    assert sum(map(len, work.aside.rules()[0])) == 2
    assert len(work.waiting) == 1 + 2


def test_rules_of_a_stage_count_with_their_errors() -> None:
    cells = Cells(np.zeros(2, int), np.zeros((2, 1)), np.ones((2, 1)))
    expected = Forecast(cells, np.ones(2, bool), np.zeros(2))
    tried = rules.Tried(expected, np.array([[1e-3], [1e-4]]), 5)
    target = replace(target_of(0.0), tolerance=1e9)  # the first size is good enough
    aside, found = stages.Aside(), Found.nothing(1, Pace())
    aside.put_rules(tried, target)
    assert aside.rules()[2] == 2 * SIZES[0]
    aside.settle(found)
    assert found.rule_error[0] >= 1.1e-3 * factors()[0]
    assert [size.tolist() for size in found.sizes] == [[[SIZES[0]]] * 2]
    assert aside.take_rules() == []


def test_stages_end_at_the_target() -> None:
    for tolerance, count in ((1e-2, 1), (1e-3, 2), (1e-6, 3), (1e-12, 4), (0.5, 1)):
        target = Target(np.zeros(1), np.ones(1), tolerance, 1e-3)
        found = stages.stages_of(target)
        assert found[-1] is target
        assert [one.tolerance for one in found[:-1]] == [1e-2, 1e-4, 1e-8][: count - 1]


# -- no rounding is lost --


def test_sums_by_owner_enclose_the_exact_sums() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        owner = rng.integers(0, 3, 400)
        mid = rng.normal(size=400) * 10.0 ** rng.integers(-8, 9, 400)
        mid[200:] = -mid[:200]  # what is left is rounding
        owner[200:] = owner[:200]
        for rad in (np.zeros(400), rng.uniform(0, 1e-12, 400)):
            total = summation._by_owner(owner, BallArray(mid, rad), 3)
            for n in range(3):
                exact = sum(map(Fraction, mid[owner == n].tolist()), Fraction(0))
                radius = sum(map(Fraction, rad[owner == n].tolist()), Fraction(0))
                assert abs(Fraction(float(total.mid[n])) - exact) + radius <= Fraction(float(total.rad[n]))


def test_radii_by_owner_are_added_upwards() -> None:
    for seed in range(20):
        rad = np.random.default_rng(seed).uniform(0, 1, 100)
        total = summation._by_owner(np.zeros(100, int), BallArray(np.zeros(100), rad), 1)
        assert sum(map(Fraction, rad.tolist()), Fraction(0)) <= Fraction(float(total.rad[0]))


def test_running_sums_are_safe() -> None:
    for seed in range(20):
        found, bounds = Found.nothing(1, Pace()), np.random.default_rng(seed).uniform(0, 1, 300)
        for part in np.split(bounds, 100):
            found.add(found.discarded, np.zeros(3, int), part)
        exact = sum(map(Fraction, bounds.tolist()), Fraction(0))
        assert exact <= Fraction(float(found.safe(found.discarded)[0])) <= exact * (1 + Fraction(1, 10**12))


# -- no term is lost --


def interval(kind: str, parts: dict[str, float], frame: np.ndarray, shift: float) -> tuple[arb, arb]:
    """Return the bounds of log p that the parts give: sum, rule_error, discarded, unfinished, tail."""
    energy = energy_of(ROUND, [0.0, 0.0], frame)
    log_volume = float(frame_excess(frame[None])[0]) * 2
    tail, volume = np.array([math.log(parts["tail"])]), np.array([log_volume])
    where = Domain(np.zeros((1, 2)), np.full((1, 2), 8.0), tail, volume, np.array([5.0]))
    found = Found.nothing(1, Pace())
    for name in ("rule_error", "discarded", "unfinished"):
        found.add(getattr(found, name), np.zeros(1, int), np.array([parts[name]]))
    one = Cells(np.zeros(1, int), np.zeros((1, 2)), np.ones((1, 2)))
    found.accept(one, np.ones((1, 2), int), np.zeros(1))
    target = Target(np.array([shift]), np.ones(1), 1e-6, 1e-3)
    total = parts["sum"]
    if kind == "floats":
        with patch.object(
            rounds, "sum_rules", lambda *_: (BallArray(np.array([total]), np.array([RADIUS])), 1)
        ):
            bounds = rounds._log_bounds(energy, where, target, found)
        return arb(float(bounds.lower[0])), arb(float(bounds.upper[0]))
    with patch.object(precise, "sum_rules_in_arb", lambda *_: ([arb(total, RADIUS)], 1)):
        ((low, high),) = precise.log_bounds(energy, [[Fraction(0)] * 2], where, target, found, 20)
    return low, high


PARTS = {"sum": 1.0, "rule_error": 0.03, "discarded": 0.05, "unfinished": 0.07, "tail": 0.11}
RADIUS = 2.0**-10
"""Of the rules' sum."""
HAIR = 1e-30
"""Of the comparison's own digits."""
TURNED = np.array([[0.6, -0.8], [0.8, 0.6]])


@pytest.mark.parametrize("kind", ["floats", "arb"])
@pytest.mark.parametrize(
    "frame", [np.eye(2), TURNED[::-1], TURNED * (1 + 3e-8)], ids=["plain", "mirrored", "long"]
)
@pytest.mark.parametrize("changed", [None, "rule_error", "discarded", "unfinished", "tail"])
def test_log_evidence_counts_every_part(kind: str, frame: np.ndarray, changed: str | None) -> None:
    parts = PARTS | ({changed: 0.02} if changed else {})
    shift = 0.4
    low, high = interval(kind, parts, frame, shift)
    with working_precision(120):
        volume = abs(arb_mat([[arb(v) for v in row] for row in frame.tolist()]).det())
        inside = arb(parts["sum"]), arb(RADIUS) + arb(parts["rule_error"])
        least = ((inside[0] - inside[1]) * volume).log() - arb(shift)
        rest = arb(parts["discarded"]) + arb(parts["unfinished"])
        tail = (arb(math.log(parts["tail"])) + arb(shift)).exp()
        most = ((inside[0] + inside[1] + rest) * volume + tail).log() - arb(shift)
        slack = 1e-6 if kind == "floats" else 3e-11  # of |log det A|; of radii of 30 bits
        assert least - slack <= low <= least + HAIR
        assert most - HAIR <= high <= most + slack


@pytest.mark.parametrize("kind", ["floats", "arb"])
def test_nothing_is_known_below_a_sum_that_may_vanish_nor_above_an_infinite_one(kind: str) -> None:
    low, high = interval(kind, PARTS | {"sum": 0.01}, np.eye(2), 0.0)
    assert not low.is_finite()
    assert low < 0
    low, high = interval(kind, PARTS | {"discarded": math.inf}, np.eye(2), 0.0)
    assert low.is_finite()
    assert high == 5  # the supremum


# -- domains and single bounds --


def test_the_ball_whose_tail_is_bounded_lies_in_the_box() -> None:
    frames = np.stack([TURNED * (1 + 3e-7), TURNED * (1 - 3e-7), TURNED + 2e-8])
    radii: list[float] = []
    exact_tail = domains.log_tail

    def tail(d: int, radius: float) -> float:
        radii.append(radius)
        return exact_tail(d, radius)

    with patch.object(domains, "log_tail", tail):
        where = domain(ROUND.integrand, Ceiling.flat(np.zeros(3)), frames, np.zeros(3), 6)
    for frame, half, radius, volume in zip(frames, where.half[:, 0], radii, where.log_volume, strict=True):
        exact = [[Fraction(v) for v in row] for row in frame.tolist()]
        gram = [
            [sum(exact[k][i] * exact[k][j] for k in range(2)) - (i == j) for j in range(2)] for i in range(2)
        ]
        square = sum((v * v for row in gram for v in row), Fraction(0))  # of the Frobenius norm
        largest = arb(square.numerator) / square.denominator
        # |z| <= R gives |u_k| <= R / sqrt(1 - ||E||)
        assert arb(float(radius)) <= arb(float(half)) * (1 - largest.sqrt()).sqrt() + arb(1e-6)
        true = max(abs(math.hypot(*v) ** 2 - 1) for v in np.linalg.svd(frame)[1][:, None])
        assert float(radius) <= float(half) * math.sqrt(1 - true) * (1 + 1e-12)
        det = abs(arb_mat([[arb(v) for v in row] for row in frame.tolist()]).det())
        assert abs(det.log()) <= arb(float(volume))


def test_frames_of_rounded_entries_have_an_excess() -> None:
    angles = np.random.default_rng(2).uniform(0, 2 * np.pi, 200)
    frames = np.stack([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(
        2, 0, 1
    )
    for frame, excess in zip(frames, frame_excess(frames), strict=True):
        exact = [[Fraction(v) for v in row] for row in frame.tolist()]
        gram = [
            [sum(exact[k][i] * exact[k][j] for k in range(2)) - (i == j) for j in range(2)] for i in range(2)
        ]
        assert sum((v * v for row in gram for v in row), Fraction(0)) <= Fraction(float(excess)) ** 2


def test_tails_of_balls_are_probabilities() -> None:
    for d, radius in ((1, 1.5), (2, 2.0), (3, 4.0)):
        samples = {1: math.erfc(radius / math.sqrt(2)), 2: math.exp(-(radius**2) / 2)}
        value = math.exp(domains.log_tail(d, radius))
        exact = samples.get(
            d, math.erfc(radius / math.sqrt(2)) + math.sqrt(2 / math.pi) * radius * math.exp(-(radius**2) / 2)
        )
        assert exact * (1 - 1e-12) <= value <= exact * (1 + 1e-12)


NOTHING = ep.LatentModel(["a", "b"], ["0*a"], ep.Gaussian(1))
"""At x = 0 the likelihood is its supremum everywhere: the prior's bound is U's minimum."""


@pytest.mark.parametrize("frame", [np.eye(2), TURNED * (1 - 3e-7)], ids=["plain", "short"])
def test_the_prior_bounds_the_energy_where_the_likelihood_is_flat(frame: np.ndarray) -> None:
    rng = np.random.default_rng(8)
    centre, half = rng.uniform(-9, 9, (200, 2)), rng.uniform(0.01, 2.0, (200, 2))
    centre[200:], half[200:] = (
        centre[200:] / 30,
        half[200:] / 30,
    )  # next to the mode: the last sum's rounding counts
    cells = Cells(np.zeros(200, int), centre, half)
    found = energy_of(NOTHING, [0.0], frame).least_by_prior(cells)
    with working_precision(120):
        for c, h, bound in zip(cells.centre.tolist(), cells.half.tolist(), found.tolist(), strict=True):
            u = [math.copysign(max(abs(a) - b, 0.0), a) for a, b in zip(c, h, strict=True)]
            z = [sum(arb(f) * arb(v) for f, v in zip(row, u, strict=True)) for row in frame.tolist()]
            exact = sum(v * v for v in z) / 2 + 3 * (2 * arb.pi()).log() / 2
            assert exact - 1e-4 <= bound <= exact


def test_bounds_over_cells_are_below_the_energy() -> None:
    rng = np.random.default_rng(8)
    frame, count = TURNED, 300
    energy = energy_of(BANANA, [0.7, 0.3], frame)
    cells = Cells(np.zeros(count, int), rng.uniform(-3, 3, (count, 2)), rng.uniform(0.01, 1.0, (count, 2)))
    known = energy.over(cells)
    slopes = energy._least_by_slopes(cells, known.slopes)
    floats, close = FloatEnergy(BANANA), 0
    least = np.full(count, np.inf)
    for t in rng.uniform(-1, 1, (60, 2)).tolist() + [[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]:
        u = cells.centre + cells.half * np.array(t)
        least = np.minimum(least, floats.values(u @ frame.T, np.tile([0.7, 0.3], (count, 1))))
    slack = 1e-9 * (1 + np.abs(least))
    assert (known.least <= least + slack).all()
    assert (slopes <= least + slack)[np.isfinite(slopes)].all()
    close = (known.least >= least - 0.05 * (1 + np.abs(least))).sum()
    assert close > count / 10


# -- rules --


LINES = np.array([[0.0, 0.0, -1.0, 1.0], [0.5, 0.25, -0.25, 1.0]])
NEAR = Cells(
    np.zeros(2, int),
    np.array([[1.001, 0.5], [1.002, 0.5]]),
    np.array([[1e-3, 0.5], [2e-3, 0.5]]),
    BetweenLines(LINES),
)
"""Between lines that nearly cross: on the ellipse |du/dv| is half as large again as in the cell."""
PLAIN = Cells(np.zeros(2, int), np.array([[0.5, -0.5], [2.0, 1.0]]), np.array([[0.75, 0.5], [0.25, 1.0]]))


@pytest.mark.parametrize("cells", [NEAR, PLAIN], ids=["between lines", "plain"])
def test_errors_of_rules_cover_the_ellipse_and_its_stretch(cells: Cells) -> None:
    expected = Forecast(cells, np.ones(2, bool), np.zeros(2))
    errors = rules.try_rules(energy_of(ROUND, [0.25, -0.5]), expected, target_of(3.0)).errors()
    rho, angles = float(RHO), np.linspace(0, 2 * np.pi, 33)
    ellipse = (rho * np.exp(1j * angles) + np.exp(-1j * angles) / rho) / 2
    for b, (centre, half) in enumerate(zip(cells.centre, cells.half, strict=True)):
        p0, p1, q0, q1 = [0.0, 0.0, 1.0, 0.0] if cells.chart.straight else LINES[b]
        for j in range(2):
            sizes = []
            for side in (-1, 1):
                v = [np.full(33, c + 0j) for c in centre]
                v[1 - j] = v[1 - j] + side * half[1 - j]
                v[j] = centre[j] + half[j] * ellipse
                slope = (q0 - p0) + (q1 - p1) * v[0]
                a, c = v[0], p0 + p1 * v[0] + v[1] * slope
                value = (a * a + c * c) / 2 + ((0.25 - a) ** 2 + (-0.5 - c) ** 2) / 2 + 2 * np.log(2 * np.pi)
                sizes.append(np.abs(np.exp(3.0 - value) * slope).max() * np.prod(2 * half))
            exact = factors()[: errors.shape[1]] * max(sizes)
            assert (exact <= errors[b, :, j] * (1 + 1e-9)).all()
            assert (errors[b, :, j] <= 4 * exact).all()


def test_suprema_of_rules_are_rounded_up() -> None:
    """exp(shift - U) of sizes whose difference loses 2^-46: more than an exponential's own margin."""
    least = np.random.default_rng(9).uniform(100, 250, 500)
    cells = Cells(np.zeros(500, int), np.zeros((500, 2)), np.ones((500, 2)))
    with patch.object(Energy, "least_real_part", lambda *_: least):
        found = rules._supremum(energy_of(ROUND, [0.0, 0.0]), cells, target_of(300.1), 0)
    with working_precision(120):
        for value, bound in zip(least.tolist(), found.tolist(), strict=True):
            exact = (arb(300.1) - arb(value)).exp()
            assert exact <= bound <= exact * (1 + 1e-12)


def test_masses_of_cells_are_upper_bounds() -> None:
    rng = np.random.default_rng(8)
    half = rng.uniform(0.01, 1, (500, 2))
    cells = Cells(np.zeros(500, int), np.zeros((500, 2)), half)
    least = rng.uniform(-5, 5, 500)
    found = founds.mass_bound(cells, target_of(1.0), least)
    with working_precision(120):
        for h, value, bound in zip(half.tolist(), least.tolist(), found.tolist(), strict=True):
            exact = 4 * arb(h[0]) * arb(h[1]) * (1 - arb(value)).exp()
            assert exact <= bound <= exact * (1 + 1e-12)
    assert founds.mass_bound(cells[:1], target_of(), np.array([-np.inf]))[0] == np.inf
