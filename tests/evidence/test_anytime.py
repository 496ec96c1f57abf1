"""A search that is stopped knows the more, the later; digits that are out of reach cost little; no cell is lost."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.evidence import line, line_judge, line_waiting, proved, search
from elboproof.evidence import log_evidence as engine
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.line_point import LinePoint, line_functions
from elboproof.evidence.line_waiting import Heap, Waiting
from elboproof.model.data import data_of
from elboproof.numbers.balls import working_precision
from tests.evidence import truth
from tests.seeding import Bug, Check, Seeded, falsification

Case = tuple[ep.LatentModel, list[Any]]
UNIFORM = "log((1+erf(z/sqrt(2)))/(1-erf(z/sqrt(2))))"
"""The log odds of a probability that is uniform under the prior."""


def _coins(n: int) -> Case:
    return ep.LatentModel("z", [UNIFORM] * (2 * n), ep.Bernoulli()), [1] * n + [0] * n


def _relu() -> Case:
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 5))
    x = net(torch.tensor([[0.3, -0.5]])).detach().numpy().ravel()
    return ep.LatentModel.from_torch(net, ep.Gaussian("1/100")), x.tolist()


def _curved() -> Case:
    decoder = ["abs(a*b - 1/3) + max(a, b)", "min(a, b**2)"]
    return ep.LatentModel(["a", "b"], decoder, ep.Gaussian("1/100")), ["1/2", "1/3"]


def _shell() -> Case:
    return ep.LatentModel(["a", "b", "c"], ["a**2+b**2+c**2"], ep.Gaussian("1/10000")), ["2"]


def _waves() -> Case:
    return ep.LatentModel("z", ["sin(300*z)"], ep.Gaussian("1/10000")), ["3/10"]


CASES: dict[str, Callable[[], Case]] = {
    "coins": lambda: _coins(20),
    "kinks": _relu,
    "curved kinks": _curved,
    "a shell": _shell,
    "waves": _waves,
}
LIMITS = (50, 400, 3000, 10_000)
ROUNDING = 1e-9
"""Of bounds near 10 nats; sums of other orders round otherwise."""


def found(case: Case, digits: float, most: int, *, arrays: bool = False) -> Evidence:
    with patch.object(proved, "MOST_ON_LINE", 0 if arrays else proved.MOST_ON_LINE):
        return engine.prove(*case, digits, seconds=60, most_cells=most)


WIDENED = 2.0
"""Times as wide as with fewer digits, at most 1.9 measured: the box and the first cells depend on the digits."""


@pytest.mark.parametrize("name", CASES)
def test_more_digits_cost_little_width_where_a_limit_stops_them(name: str) -> None:
    case = CASES[name]()
    widths = [float(found(case, digits, 3000, arrays=True).enclosure.width[0]) for digits in (2, 4, 6, 8, 12)]
    assert np.isfinite(widths).all()
    assert all(width <= WIDENED * min(widths[:n]) for n, width in enumerate(widths) if n)


FEW_HEAVY: dict[str, tuple[list[str], list[str], str, list[str]]] = {
    "crossed sines": (["u", "v"], ["sin(3*u*v)", "u + v**2"], "1/1000", ["3/10", "1/2"]),
    "two modes": (["u", "v"], ["u**2", "u*v"], "1/1000", ["1", "1/2"]),
    "three latents": (
        ["a", "b", "c"],
        ["a", "sin(b) + a**2", "sin(c) + a*b"],
        "1/100",
        ["0.3", "0.5", "0.2"],
    ),
}


@pytest.mark.parametrize("name", FEW_HEAVY)
@pytest.mark.parametrize("most", [3000, 5000])
def test_heavy_cells_do_not_wait_behind_thousands_of_light_ones(name: str, most: int) -> None:
    """At a limit on cells, digits that are out of reach leave the bounds as narrow as those of two digits, or nearly.

    Before, crossed sines gave 0.76 nats for two digits and 1.5 for twelve; three latents 2.2 and up to 4.0.
    """
    latents, decoder, variance, x = FEW_HEAVY[name]
    case = ep.LatentModel(latents, decoder, ep.Gaussian(variance)), x
    few, *more = [float(found(case, digits, most).enclosure.width[0]) for digits in (2, 6, 12)]
    assert few <= 3.0  # 2.3 at most, of three latents at 3,000 cells
    assert max(more) <= WIDENED * few


def test_a_search_goes_by_stages_when_a_part_of_its_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[float] = []
    plain = search._Search._go_by_stages

    def counted(self: Any) -> None:
        begun.append(self.pace.elapsed / self.pace.limit)
        plain(self)

    monkeypatch.setattr(search._Search, "_go_by_stages", counted)
    case, seconds = _curved(), 2.0
    engine.prove(*case, 10, seconds=seconds, most_cells=2_000_000)
    assert len(begun) == 1
    assert begun[0] >= search.EARLY
    easy = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian("1/10")), ["1/2", "1/3"]
    assert engine.prove(*easy, 4, seconds=60, most_cells=2_000_000).statuses == ("",)
    assert len(begun) == 1  # it was decided before


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_bounds_at_a_later_stop_lie_within_earlier_ones(name: str, arrays: bool) -> None:
    case = CASES[name]()
    bounds = [found(case, 6, most, arrays=arrays).enclosure for most in LIMITS]
    lower, upper = (np.array([getattr(b, end)[0] for b in bounds]) for end in ("lower", "upper"))
    assert (lower[1:] >= lower[:-1] - ROUNDING).all()
    assert (upper[1:] <= upper[:-1] + ROUNDING).all()
    assert upper[-1] < upper[0]
    assert lower[-1] > -np.inf


@pytest.mark.parametrize("name", ["kinks", "curved kinks"])
def test_digits_that_are_out_of_reach_cost_little(name: str) -> None:
    """Rules of more digits take smaller cells: by how much the bounds are wider was 2.2 times at most, before 2.5."""
    case = CASES[name]()
    widths = [float(found(case, digits, 40_000).enclosure.width[0]) for digits in (2, 4, 8)]
    assert max(widths) <= 2.3 * min(widths)


@pytest.mark.parametrize("n", [15, 20, 50])
def test_a_tail_where_arithmetic_cancels_takes_no_time(n: int) -> None:
    """Under a uniform prior the evidence is a beta function, n! n! / (2 n + 1)!."""
    evidence = found(_coins(n), 8, 3000)
    with working_precision(truth.BITS):
        exact = 2 * arb(n + 1).lgamma() - arb(2 * n + 2).lgamma()
    assert evidence.statuses == ("",)
    assert evidence.cells < 1000
    assert truth.misses(evidence.enclosure.lower, evidence.enclosure.upper, [exact]) == []


def test_curved_kinks_are_not_taken_for_straight_ones() -> None:
    """Slivers along the straight kink of several left 4 nats open, whatever the limit."""
    assert float(found(_curved(), 4, 40_000).enclosure.width[0]) < 0.02


# -- the cells of one latent --


def waiting(count: int) -> Heap:
    heap, rng = Heap(), np.random.default_rng(0)
    for n in range(count):
        heap.put(Waiting(float(n), 1.0, (float(rng.normal()), 0.0, 0.0), arb(float(rng.normal()))))
    return heap


def check_that_no_cell_is_lost() -> None:
    heap = waiting(2 * line_waiting.SHORT)
    taken = [heap.take() for _ in range(line_waiting.SHORT + 100)]
    for _ in range(50):
        heap.put(Waiting(-1.0, 1.0, (np.nan, 0.0, 0.0), arb(0)))
        taken.append(heap.take())
    places = sorted(cell.centre for cell in [*taken, *heap.left()])
    assert places == sorted([*map(float, range(2 * line_waiting.SHORT)), *[-1.0] * 50])
    assert len(heap) == len(heap.left())


def check_the_order() -> None:
    with patch.object(line_waiting, "SHORT", 1):
        heap = waiting(40)
        by = [lambda c: c.floats[0], lambda c: float(c.least)]
        for turn in range(20):
            left = heap.left()
            assert heap.take() == min(left, key=by[turn % 2])


def check_stops() -> None:
    """Under a limit that leaves nearly all of it open, the bounds hold what is known of a flat likelihood."""
    model = ep.LatentModel("z", ["z/1000"], ep.Gaussian(1))
    exact = truth.linear([["1/1000"]], ["0"], "1", [["0"]])
    for most in (1, 2, 3, 5, 8):
        evidence = engine.prove(model, ["0"], 10, seconds=60, most_cells=most)
        assert truth.misses(evidence.enclosure.lower, evidence.enclosure.upper, exact) == []


def check_least_values() -> None:
    """What is known of a cell that is halved is below U on its halves, and what floats cannot tell is bounded."""
    case = _coins(20)
    functions = line_functions(case[0].integrand)
    assert functions is not None
    x = data_of(*case).rows[0]
    point = LinePoint(functions, x, functions.ceiling(x), 8)
    with working_precision(line_judge.BOUND_BITS):
        judge = line_judge.Judge(point, 0.0, 1e-9, line._Found((0.0, 12.0), 0.0, 0.0, np.inf))
        for c, h in ((9.5, 0.02), (-9.5, 0.02), (0.5, 0.25), (2.0, 1.0)):
            least = judge.least(c, h)
            with working_precision(400):
                inside = [point.energy(arb(c) + h * t, *map(arb, point.x))[0] for t in (-1, -0.5, 0, 0.5, 1)]
                assert all(value >= least for value in inside)
            if h < 0.1:
                assert least > 500  # the prior alone says 46
            open_least = judge.open_least(Waiting(c, h, (np.nan, np.nan, np.nan), arb(-1000)))
            assert open_least is not None
            assert open_least == least


CHECKS: dict[str, Check] = {
    "no cell is lost": check_that_no_cell_is_lost,
    "order": check_the_order,
    "stops": check_stops,
    "least values": check_least_values,
}
BUGS: dict[str, Bug] = {
    "cells that wait are lost when an order begins": Seeded(
        Heap, "left", "self._cells.values()", "list(self._cells.values())[1:]", "no cell is lost"
    ),
    "a cell is taken and stays": Seeded(
        Heap, "take", "return cells.pop(number)", "return cells[number]", "no cell is lost"
    ),
    "one order only": Seeded(
        Heap, "take", "self._expected if self._taken % 2 else self._proved", "self._proved", "order"
    ),
    "what waits at a stop is lost": Seeded(
        line, "_abandon", "for cell in cells:", "for cell in cells[:0]:", "stops"
    ),
    "a bound that is none": Seeded(
        line_judge.Judge, "_bounds", "centre + slope * arb(0, h)", "centre", "least values"
    ),
    "few bits": Seeded(line_judge.Judge, "least", "FINE_BITS", "BOUND_BITS", "least values"),
    "the wrong face": Seeded(
        line_judge.Judge,
        "_bounds",
        "arb(c) - h if slope > 0 else arb(c) + h",
        "arb(c) + h if slope > 0 else arb(c) - h",
        "least values",
    ),
    "what is known is forgotten": Seeded(
        line_judge.Judge, "open_least", "max(least, self.least(c, h))", "least", "least values"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)
