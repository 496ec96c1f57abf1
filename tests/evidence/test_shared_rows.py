"""Trained decoders' rows on shared cells: honest, as narrow as asked, and each bug seeded is caught."""

import math
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep
from elboproof.evidence import (
    shared_bounds,
    shared_parts,
    shared_rows,
    shared_search,
    shared_sums,
    shared_tangents,
)
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import prove
from elboproof.evidence.shared_bounds import SharedRows, rectangle, row_bounds
from elboproof.evidence.shared_parts import SharedParts
from elboproof.evidence.shared_start import scales
from elboproof.evidence.shared_tangents import tangent_bounds
from elboproof.model.data import Data, data_of
from elboproof.numbers.enclosure import Enclosure
from elboproof.quadrature.cells import Cells
from elboproof.running.schedule import Schedule
from tests.evidence import shared_checks as checks
from tests.seeding import Bug, Check, Seeded, falsification

CHECKS: dict[str, Check] = {
    "energy": checks.check_energy,
    "regions": checks.check_regions,
    "discs": checks.check_discs,
    "least": checks.check_least,
    "sharp": checks.check_sharp,
    "bounds": checks.check_bounds,
    "poles": checks.check_poles,
    "inexact rows": checks.check_inexact_rows,
    "tangents": checks.check_tangents,
    "tangents of squares": checks.check_tangents_of_squares,
    "spread": checks.check_spread,
    "sums": checks.check_sums,
    "search": checks.check_search,
    "limits": checks.check_limits,
}

BUGS: dict[str, Bug] = {
    "a Gaussian's statistic has no weights": Seeded(
        shared_parts.SharedParts, "_at", "value * weights", "value", "energy"
    ),
    "the mean-value form forgets a multiplicity": Seeded(
        shared_parts, "narrowed", "(key.count(k) + 1)", "1", "regions"
    ),
    "the mean-value form forgets an axis": Seeded(
        shared_parts, "narrowed", "enumerate(offsets)", "enumerate(offsets[:1])", "regions"
    ),
    "the first term of the chain rule counts twice": Seeded(
        shared_parts.SharedParts, "_regional", "slope - BallArray(middle)", "slope", "regions"
    ),
    "the hidden layer's part is lost": Seeded(
        shared_parts.SharedParts,
        "_regional",
        "for key, part in h.items() if key",
        "for key, part in ()",
        "regions",
    ),
    "a disc forgets the imaginary part": Seeded(
        shared_bounds, "disc", "value.real.rad + value.imag.mag()", "value.real.rad", "discs"
    ),
    "the imaginary part is free": Seeded(
        shared_bounds, "_losses", "(across[k] * across[k])", "(0 * across[k])", "sharp"
    ),
    "a product of two latents is free": Seeded(
        shared_bounds, "_losses", "value.mag() * (along", "0 * value.mag() * (along", "sharp"
    ),
    "the vertex lies half as deep": Seeded(shared_bounds, "_least_along", "/ (4 *", "/ (8 *", "sharp"),
    "a cubic is bounded by its real part": Seeded(
        shared_bounds, "least_real", "[reach[k] for k in key]", "[along[k] for k in key]", "sharp"
    ),
    "the remainder is left out": Seeded(
        shared_bounds, "least_real", "remainder.items()", "{}.items()", ("least", "sharp", "bounds")
    ),
    "the rows' constants are left out": Seeded(
        shared_bounds, "row_bounds", "+ rows.constant.reshape(-1, 1)", "+ 0.5", "bounds"
    ),
    "poles are not looked for": Seeded(
        shared_bounds, "_remainder", "np.where(known, total.mag(), np.inf)", "np.zeros(total.shape)", "poles"
    ),
    "rows are taken as exact": Seeded(
        shared_bounds, "_spread", "radius @ sizes", "0 * radius @ sizes", "inexact rows"
    ),
    "a tangent has the outputs' values as its slope": Seeded(
        shared_parts.SharedParts, "tangents", "entries.T) @ slope", "entries.T) @ value", "tangents"
    ),
    "a tangent's Gaussian has half its weights": Seeded(
        shared_parts.SharedParts, "tangents", "f) * 2.0)", "f) * 1.0)", "tangents"
    ),
    "a tangent follows the hidden layer at the centre": Seeded(
        shared_parts.SharedParts, "tangents", "self._hidden(box, 3)", "self._hidden(centre, 3)", "tangents"
    ),
    "a tangent forgets the prior's slope": Seeded(
        shared_tangents,
        "tangent_bounds",
        ".sum(0) + centre[k]",
        ".sum(0)",
        ("tangents", "tangents of squares"),
    ),
    "a tangent counts the prior's curvature twice": Seeded(
        shared_tangents, "tangent_bounds", "curve + 0.5", "curve + 1.0", "tangents of squares"
    ),
    "a tangent knows the hidden layer's curvature": Seeded(
        shared_tangents, "_curve", "_spread(rows, mixed, h.rad)", "0.0", "tangents"
    ),
    "a tangent's rows are taken as exact": Seeded(
        shared_tangents, "_spread", " + turned.rad)", ")", "spread"
    ),
    "a tangent's slopes of outputs are taken as exact": Seeded(
        shared_tangents, "_spread", "(mixed.rad.T[part, None, :] + ", "(", "spread"
    ),
    "pairs that are settled go on": Seeded(
        shared_search.SharedSearch, "_heavy", "wanted & ~small", "~small", "search"
    ),
    "binomial outputs have one trial": Seeded(
        shared_parts.SharedParts, "_counted", "value * trials", "value", "energy"
    ),
    "weights are taken as exact": Seeded(shared_sums, "row_sums", "(len(x)), error)", "(len(x)))", "sums"),
    "statistics are added": Seeded(
        shared_sums, "row_sums", "@ statistic - rest", "@ -statistic - rest", "sums"
    ),
    "what is discarded is not counted": Seeded(
        shared_search.SharedSearch, "_heavy", "np.where(small, pairs.mass, 0.0)", "0 * pairs.mass", "search"
    ),
    "the rules' errors are not counted": Seeded(
        shared_search.SharedSearch, "_rules", "np.where(accepted, error, 0.0)", "0.0 * accepted", "search"
    ),
    "accepted pairs go on": Seeded(
        shared_search.SharedSearch, "_without_rules", "which & ~accepted", "which", "search"
    ),
    "a part of each cell is lost": Seeded(
        shared_search.SharedSearch,
        "run",
        "np.tile(left[:, some], 2**d)",
        "np.tile(left[:, some], 2**d) & (np.arange(2**d * some.sum()) > 0)",
        "search",
    ),
    "what a limit leaves is forgotten": Seeded(
        shared_search.SharedSearch, "run", "self.found.open |= wanted.any(1)", "pass", "limits"
    ),
}

test_passes, test_catches, test_every_check_is_needed = falsification(CHECKS, BUGS)


@pytest.fixture
def always_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little the rows take alone, all but the first have shared cells, and as much time as they need."""
    monkeypatch.setattr(shared_rows, "SHARE", math.inf)


@pytest.mark.usefixtures("always_shared")
@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "binomial", "poisson"])
def test_batches_agree_with_the_truth(kind: str, activation: str) -> None:
    found = ep.log_evidence(checks.model(kind, activation), checks.X, 5)
    truth = checks.truth(kind, activation) + checks.log_base(kind)
    assert (found.width <= 2e-5).all()
    assert (found.lower <= truth + 1e-9).all()
    assert (found.upper >= truth - 1e-9).all()


@pytest.mark.usefixtures("always_shared")
def test_shared_cells_agree_with_a_row_s_own() -> None:
    model = checks.model("variances")
    alone = prove(model, checks.X, 5, seconds=60, most_cells=10**6)
    found = ep.log_evidence(model, checks.X, 5)
    assert not any(alone.statuses)
    assert (alone.enclosure.lower <= found.upper).all()
    assert (found.lower <= alone.enclosure.upper).all()


def of_three_latents(kind: str) -> tuple[ep.LatentModel, Callable[[Any], Any]]:
    """Return a model of three latents and outputs, and log p(x|z), (N, P) at points (3, P), by plain arithmetic."""
    generator = torch.Generator().manual_seed(4)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    for parameter in net.parameters():
        parameter.data = 0.7 * torch.randn(parameter.shape, generator=generator)
    w, b, v, c = (p.detach().double().numpy() for p in net.parameters())

    def log_density(z: Any) -> Any:
        f = v @ np.tanh(w @ z + b[:, None]) + c[:, None]
        if kind == "bernoulli":
            return checks.X @ f - np.log1p(np.exp(f)).sum(0)
        return -(2 * (checks.X[:, :, None] - f) ** 2 + math.log(math.pi / 2) / 2).sum(1)

    likelihood = ep.Bernoulli() if kind == "bernoulli" else ep.Gaussian("1/4")
    return ep.LatentModel.from_torch(net, likelihood), log_density


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_rows_of_three_latents_agree_with_the_truth(kind: str) -> None:
    """The trapezoidal rule is exact to some 1e-10 here: the decoder's poles are half a unit off, or more."""
    model, log_density = of_three_latents(kind)
    found = shared_rows._shared(model, data_of(model, checks.X), 2, time.monotonic() + 300, 10**6)
    assert not any(found.statuses)
    assert (found.enclosure.width <= 2e-2).all()
    axis, mass = np.linspace(-7, 7, 141), np.zeros(len(checks.X))
    for first in axis:  # a plane at a time
        z = np.stack([np.full(141**2, first), *(part.ravel() for part in np.meshgrid(axis, axis))])
        mass += np.exp(log_density(z) - (z * z).sum(0) / 2).sum(1)
    truth = np.log(mass * 0.1**3) - 1.5 * math.log(2 * math.pi)
    assert (found.enclosure.lower <= truth + 1e-9).all()
    assert (found.enclosure.upper >= truth - 1e-9).all()


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("half", [0.5, 0.25, 0.0625])
def test_bounds_with_three_latents_hold_at_points_of_their_rectangles(kind: str, half: float) -> None:
    model, log_density = of_three_latents(kind)
    parts = SharedParts(model.quantities)  # type: ignore[arg-type]
    rows, rng = SharedRows.of(parts, checks.X), np.random.default_rng(2)
    cells = Cells(np.zeros(8, dtype=np.intp), rng.integers(-16, 16, (8, 3)) / 8, np.full((8, 3), half))
    cells.half[:, 1] /= 2
    bounds, tangents = row_bounds(parts, rows, cells), tangent_bounds(parts, rows, cells)

    def energy(z: Any) -> Any:
        return ((z * z).sum(0) / 2 + 1.5 * math.log(2 * math.pi) - log_density(z)).real

    inside = np.concatenate([rng.uniform(-1, 1, (50, 3, 8)), rng.choice([-1, 1], (50, 3, 8))])
    values = np.array([energy(cells.centre.T + t * cells.half.T) for t in inside]).min(0)
    for least in (bounds.least, tangents.least):
        assert (least <= values + 1e-9).all()
        assert half > 0.1 or (least >= values - 0.5).all()
    for j, least in enumerate(bounds.analytic):
        region = rectangle(cells, j)
        reach = region.real.rad + 1j * region.imag.rad
        corners = rng.choice([-1, 0.5, 1], (2, 50, 3, 8))
        z = region.real.mid + corners[0] * reach.real + 1j * corners[1] * reach.imag
        values = np.array([energy(one) for one in z]).min(0)
        assert (least <= values + 1e-9).all()
        assert half > 0.1 or (least >= values - 1).all()


ESTIMATE = 0.1
"""Nats by which the estimates of log p(x) that steer may be off, as sums over two coarse grids: measured 0.04."""


@pytest.mark.parametrize("kind", checks.KINDS)
def test_first_estimates_are_near_the_truth(kind: str) -> None:
    model = checks.model(kind)
    found = shared_rows._Rows(model, data_of(model, checks.X).balls, 5)
    assert (np.abs(found.log_mass - checks.truth(kind)) <= ESTIMATE).all()


@pytest.mark.parametrize("rounds", [1, 3])
def test_rows_that_a_round_leaves_wide_have_another(rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One round whose cells discard too much does not suffice, and says so; a second one has a tenth of that."""
    monkeypatch.setattr(shared_rows, "SHARES", {2: 0.1})
    monkeypatch.setattr(shared_rows, "ROUNDS", rounds)
    model = checks.model("bernoulli")
    found = shared_rows._shared(model, data_of(model, checks.X), 5, time.monotonic() + 300, 10**6)
    truth = checks.truth("bernoulli")
    assert (found.enclosure.lower <= truth + 1e-9).all()
    assert (found.enclosure.upper >= truth - 1e-9).all()
    assert ((found.enclosure.width <= 2e-5) == (rounds > 1)).all()
    assert all((status == "") == (rounds > 1) for status in found.statuses)


def test_three_latents_share_cells_where_outputs_are_many() -> None:
    many, few = (
        ep.LatentModel.from_torch(
            torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, outputs)),
            ep.Bernoulli(),
        )
        for outputs in (16, 15)
    )
    assert shared_rows.applies(many, 4)
    assert not shared_rows.applies(few, 4)


@pytest.mark.parametrize("took", [0.0, 100.0])
def test_rows_are_shared_where_they_would_take_long_alone(
    took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first row has cells of its own, and tells how long the others would take; they have a quarter of that."""
    asked: list[tuple[int, float]] = []
    clock = [0.0]

    def alone(part: Data, seconds: float, _: int) -> Evidence:
        asked.append((len(part), seconds))
        clock[0] += took
        return Evidence(Enclosure(np.zeros(len(part)), np.ones(len(part))), ("",) * len(part), 1, took)

    def shared(_: Any, part: Data, digits: float, end: float, most: int) -> Evidence:
        asked.append((-len(part), end))
        return Evidence(Enclosure(2 * np.ones(len(part)), 3 * np.ones(len(part))), ("",) * len(part), 1, 0.0)

    monkeypatch.setattr(shared_rows, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(shared_rows, "_shared", shared)
    model = checks.model("bernoulli")
    found = shared_rows.evidence(model, data_of(model, checks.X), 4, 900.0, 10**6, alone)
    assert asked[0] == (1, 300.0)
    assert asked[1] == ((-2, 100.0 + 0.25 * 300.0) if took else (2, 0.0))
    assert found.enclosure.lower.tolist() == ([0.0, 2.0, 2.0] if took else [0.0] * 3)
    assert len(asked) == 2
    single = shared_rows.evidence(model, data_of(model, checks.X[:1]), 4, 900.0, 10**6, alone)
    assert single.cells == 1
    assert asked[2][0] == 1


@pytest.mark.parametrize("status", ["", "open"])
def test_wide_networks_share_cells_even_for_one_row(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single row that shared cells leave open has cells of its own, in what is left of the time and the cells."""
    asked: list[tuple[float, int]] = []
    clock = [0.0]

    def alone(part: Data, seconds: float, most: int) -> Evidence:
        asked.append((seconds, most))
        return Evidence(Enclosure(np.array([0.5]), np.array([9.0])), ("",) * len(part), 10, 1.0)

    def shared(_: Any, part: Data, digits: float, end: float, most: int) -> Evidence:
        assert (digits, end, most) == (4, 450.0, 1000)
        clock[0] += 100.0
        rows = len(part)
        return Evidence(Enclosure(np.zeros(rows), np.ones(rows)), (status,) * rows, 400, 0.0)

    monkeypatch.setattr(shared_rows, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(shared_rows, "WIDE", 3)
    monkeypatch.setattr(shared_rows, "_shared", shared)
    model = checks.model("bernoulli")
    found = shared_rows.evidence(model, data_of(model, checks.X[:1]), 4, 900.0, 1000, alone)
    assert asked == ([(800.0, 600)] if status else [])
    assert found.cells == (410 if status else 400)
    assert found.enclosure.lower.tolist() == [0.5 if status else 0.0]
    assert found.enclosure.upper.tolist() == [1.0]
    assert found.statuses == ("",)
    clock[0] = 0.0
    together = shared_rows.evidence(model, data_of(model, checks.X), 4, 900.0, 1000, alone)
    assert together.statuses == (status,) * 3
    assert len(asked) == bool(status)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_x_without_an_axis_of_rows_has_cells_of_its_own_as_a_row(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shared(_: Any, part: Data, *__: float) -> Evidence:
        ends = np.full(len(part), np.inf)
        return Evidence(Enclosure(-ends, ends), ("open",) * len(part), 1, 0.0)

    monkeypatch.setattr(shared_rows, "WIDE", 3)
    monkeypatch.setattr(shared_rows, "_shared", shared)
    found = ep.log_evidence(checks.model(kind), checks.X[0], 4)
    assert found.lower <= checks.truth(kind)[0] <= found.upper
    assert found.width <= 2e-4


def test_parts_of_one_row_are_rows() -> None:
    one, several = Data(np.array([1.0, 2.0, 3.0])), Data(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert one.part([0]).array.tolist() == [[1.0, 2.0, 3.0]]
    assert several.part([1, 0]).array.tolist() == [[4.0, 5.0, 6.0], [1.0, 2.0, 3.0]]


def test_rows_that_shared_cells_leave_open_have_their_own_while_time_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    clock = [0.0]

    def alone(part: Data, seconds: float, _: int) -> Evidence:
        asked.append(seconds)
        clock[0] += 100.0
        return Evidence(Enclosure(np.zeros(1), np.ones(1)), ("",) * len(part), 1, 100.0)

    def shared(_: Any, part: Data, digits: float, end: float, most: int) -> Evidence:
        assert (digits, end, most) == (4, 175.0, 1000)
        clock[0] = end
        return Evidence(Enclosure(np.array([0.5, 0.25]), np.array([2.0, 0.75])), ("open", ""), 400, 0.0)

    monkeypatch.setattr(shared_rows, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(shared_rows, "_shared", shared)
    model = checks.model("bernoulli")
    found = shared_rows.evidence(model, data_of(model, checks.X), 4, 900.0, 1000, alone)
    assert asked == [300.0, 400.0]
    assert found.statuses == ("",) * 3
    assert found.enclosure.lower.tolist() == [0.0, 0.5, 0.25]
    assert found.enclosure.upper.tolist() == [1.0, 1.0, 0.75]
    assert found.cells == 402


def test_inexact_rows_have_cells_of_their_own() -> None:
    found = ep.log_evidence(checks.model("gaussian"), ["1/3", "0", "1"], 3)
    near = ep.log_evidence(checks.model("gaussian"), [1 / 3, 0.0, 1.0], 3)
    assert abs(found.midpoint - near.midpoint) < 2e-3


def test_rows_share_cells_where_the_decoder_is_smooth() -> None:
    assert shared_rows.applies(checks.model("bernoulli"), 4)
    assert not shared_rows.applies(checks.model("bernoulli"), 12)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 3))
    assert not shared_rows.applies(ep.LatentModel.from_torch(net, ep.Bernoulli()), 4)
    for likelihood in (ep.NegativeBinomial("2"), ep.Binomial(2**60)):
        assert not shared_rows.applies(ep.LatentModel.from_torch(net[:1], likelihood), 4)
    assert not shared_rows.applies(ep.LatentModel(["u", "v"], ["u*v"], ep.Gaussian("1")), 4)


def test_rows_that_share_their_work_make_blocks_of_a_given_size() -> None:
    plan = Schedule(list(range(10)), 2.0, together=4)
    blocks = [plan.next() for _ in range(3)]
    assert [block.rows for block in blocks] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [block.limit for block in blocks] == [8.0, 8.0, 4.0]
    assert not any(block.trial for block in blocks)


def test_rows_whose_energies_overflow_have_no_scales_and_give_no_warning() -> None:
    """None of their energies is a number; the other rows are as they are without such a row."""
    parts, constant = SharedParts(shared_rows._quantities(checks.model("gaussian"))), np.array([np.nan, 3.0])
    with np.errstate(all="ignore"):  # as in the search: these floats only steer
        both = scales(parts, checks.X[:2], constant)
        alone = scales(parts, checks.X[1:2], constant[1:])
    assert np.isnan([both.energy[0], both.log_mass[0]]).all()
    assert (both.energy[1], both.log_mass[1]) == (alone.energy[0], alone.log_mass[0])


def test_a_limit_leaves_rows_open_with_true_bounds() -> None:
    with pytest.raises(ep.Undecided) as caught:
        ep.log_evidence(checks.model("bernoulli"), checks.X, 5, seconds=1e-3)
    assert all("the time limit" in status for status in caught.value.statuses)
    assert (np.asarray(caught.value.enclosure.upper) >= checks.truth("bernoulli")).all()


@pytest.mark.parametrize("seed", range(20))
def test_portions_hold_each_cell_once_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(1, 40, size=30)
    points[0] = 100  # the first has no room for another
    portions = shared_search._portions(np.arange(30), points, 64)
    assert np.concatenate(portions).tolist() == list(range(30))
    assert all(len(one) and points[one[:-1]].sum() < 64 + points.max() for one in portions)
    assert portions[0].tolist() == [0]
