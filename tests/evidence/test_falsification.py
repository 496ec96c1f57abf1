"""Bugs seeded into the engine: each is caught by a check that the engine itself passes.

The table says which check catches which bug. The checks are honest ones: an interval is compared with a truth from
another route. Where a bug hides behind generous bounds, the engine is steered to where the bounds are close. Bugs in
single bounds stand in `test_bounds_falsification`.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import arb

from elboproof.evidence import domain as domains
from elboproof.evidence import forecast, ridges, rounds, rules, search, stages, summation, worklist
from elboproof.evidence import found as founds
from elboproof.evidence.energy import Energy
from elboproof.evidence.target import Target
from elboproof.model.data import Data
from elboproof.numbers.ball_arrays import BallArray
from elboproof.quadrature import gauss_legendre as rule
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.charts import STRAIGHT, BetweenLines
from tests.evidence import cases, test_bounds, test_ridges, test_worklist
from tests.evidence.cases import Missed, Steering, check_honest
from tests.quadrature import test_rules
from tests.seeding import Bug, Seeded, falsification, patched

Change = tuple[object, str, object]


def _ellipses_lie_in_rectangles() -> None:
    """The rectangle around an ellipse reaches as far as both semi-axes."""
    rho = arb(rule.RHO.numerator) / rule.RHO.denominator
    along, across = vars(rules)["ALONG"], vars(rules)["ACROSS"]
    if not (arb(along) >= (rho + 1 / rho) / 2 and arb(across) >= (rho - 1 / rho) / 2):
        raise Missed(f"{along}, {across}")


def _cells_add_up() -> None:
    for limit, model in product(test_bounds.LIMITS, test_bounds.MODELS):
        test_bounds.test_every_cell_is_accepted_discarded_or_given_up(limit, model)


CHECKS: dict[str, Callable[[], object]] = {
    "line": lambda: check_honest(cases.LINE, 10),
    "rod": lambda: check_honest(cases.ROD, 10),
    "small root box": lambda: check_honest(cases.FLAT, 2, Steering(half=2.0)),
    "generous discards": lambda: check_honest(cases.LINE, 1, Steering(share=1.0, size=24)),
    "one heavy box": lambda: check_honest(cases.FLAT, 3, Steering(half=2.25, share=120.0, size=24, core=0.1)),
    "poor rules": lambda: check_honest(cases.LINE, 1, Steering(share=1e-9, size=4, core=12.0)),
    "stopped early": lambda: check_honest(cases.LINE, 10, most_cells=6),
    "stretched frame": lambda: check_honest(cases.SLAB, 9, Steering(stretch=1 + 3e-7)),
    "cancellation": lambda: check_honest(cases.NEAR, 10),
    "inexact data": lambda: check_honest(cases.CONSTANT, 10),
    "rule's numbers": test_rules.test_nodes_and_weights_enclose_those_of_four_times_the_precision,
    "rule's remainder": test_rules.test_remainders_cover_the_errors_on_chebyshev_polynomials,
    "rule's ellipses": _ellipses_lie_in_rectangles,
    "rod along ridges": test_ridges.check_rod,
    "cells add up": _cells_add_up,
    "few rough cells": test_bounds.test_few_rough_cells_beside_many_that_are_ready_wait_for_the_rules,
    "aside": test_bounds.test_what_is_aside_counts_with_its_bounds,
    "taken up": test_bounds.test_cells_that_rules_were_tried_on_are_aside_or_wait_as_halves,
    "rules aside": test_bounds.test_rules_of_a_stage_count_with_their_errors,
    "worklist": test_worklist.test_no_cell_is_lost_whatever_is_taken,
    "known bounds": test_worklist.test_what_is_known_of_cells_stays_with_them,
}


def _bug(*changes: Change, by: str | tuple[str, ...]) -> Bug:
    """Return a bug before and after which the rules' factors are computed anew."""
    return patched(*changes, by=by, caches=(rule.factors,))


def _without(*parts: str) -> tuple[Change]:
    """Return the bug of forgetting parts of what the search found."""
    original = rounds._log_bounds

    def forgetful(energy: Any, where: Any, shift: Any, found: Any, *more: Any) -> Any:
        return original(
            energy, where, shift, replace(found, **{p: getattr(found, p) * 0 for p in parts}), *more
        )

    return ((rounds, "_log_bounds", forgetful),)


def _lighter(cells: Cells, target: Target, least: Any) -> Any:
    """The bound of the heaviest discarded cell of each block is not added."""
    mass = _MASS(cells, target, least)
    heavy = np.where(mass <= target.small(cells), mass, -1.0)
    if len(mass) and heavy.max() > 0:
        mass[heavy.argmax()] = 0.0
    return mass


def _wrong_face(energy: Energy, cells: Cells, slopes: list[BallArray]) -> Any:
    """The greatest value on a face for the least."""
    return _FACES(energy, cells, [-slope for slope in slopes])


def _prior_too_deep(energy: Energy, cells: Cells) -> Any:
    return _PRIOR(energy, cells) + 2.0


def _scaled_factors(scale: float) -> tuple[Change, Change]:
    original = rule.factors.__wrapped__

    class Scaled:
        """Stands for the cached function."""

        def __call__(self) -> Any:
            return original() * scale

        def cache_clear(self) -> None:
            """Do nothing."""

    scaled = Scaled()
    return (rule, "factors", scaled), (rules, "factors", scaled)


def _lost_cell(*arguments: Any, **options: Any) -> Any:
    found = _SEARCH(*arguments, **options)
    first = max(range(len(found.cells)), key=lambda k: len(found.cells[k]))
    found.cells[first], found.sizes[first] = found.cells[first][1:], found.sizes[first][1:]
    return found


def _numpy_rule(n: int) -> rule.Rule:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return rule.Rule(BallArray(nodes), BallArray(weights))


def _sliver_lost(cells: Cells, axis: Index) -> Cells:
    whole = _SPLIT(cells, axis)
    half = whole.half.copy()
    half[np.arange(len(half)), np.tile(axis, 2)] *= 1 - 2.0**-20
    return Cells(whole.owner, whole.centre, half)


def _one_half(cells: Cells, axis: Index) -> Cells:
    whole = _SPLIT(cells, axis)
    return whole[: len(whole) - 1] if len(whole) > 40 else whole


def _without_radius(energy: Energy, owner: Index, u: list[BallArray], chart: Any = STRAIGHT) -> BallArray:
    return BallArray(_AT(energy, owner, u, chart).mid)


def _data_without_radius(data: Data) -> BallArray:
    return BallArray(_DATA(data).mid)


def _unstretched(chart: BetweenLines, v: list[Any], *number: Any) -> tuple[list[Any], Any]:
    place, slope = _PLACE(chart, v, *number)
    return place, slope * 0 + 1


def _lost_region(*arguments: Any, **options: Any) -> Cells:
    cells = _ROOTS(*arguments, **options)
    return cells[np.arange(len(cells)) != len(cells) // 2]


def _small_volume(cells: Cells, reach: float = 1.0) -> Any:
    return np.prod(2 * cells.half, axis=1) * 1e-9


_PLACE, _ROOTS = BetweenLines.place, ridges.roots
_MASS, _FACES, _PRIOR = founds.mass_bound, Energy._least_by_slopes, Energy.least_by_prior
_TAIL, _SEARCH, _SPLIT, _AT, _DATA = (
    domains.log_tail,
    search.search,
    Cells.split,
    Energy.at,
    vars(Data)["balls"].func,
)

BUGS: dict[str, Bug] = {
    "the tail is dropped": _bug((domains, "log_tail", lambda *_: -1e300), by="small root box"),
    "the tail of another dimension": _bug(
        (domains, "log_tail", lambda d, r: 2 * _TAIL(d, r)), by="small root box"
    ),
    "discarded cells are not added": _bug(*_without("discarded"), by="generous discards"),
    "one discarded box is dropped": _bug((search, "mass_bound", _lighter), by="one heavy box"),
    "the least value is sought on the wrong face": _bug(
        (Energy, "_least_by_slopes", _wrong_face), by="one heavy box"
    ),
    "the prior's bound is too high": _bug((Energy, "least_by_prior", _prior_too_deep), by="one heavy box"),
    "unfinished cells are not added": _bug(*_without("unfinished"), by="stopped early"),
    "the rules' errors are not added": _bug(*_without("rule_error"), by="poor rules"),
    "the remainder is halved": _bug(*_scaled_factors(0.5), by="rule's remainder"),
    "the remainder is zero": _bug(*_scaled_factors(0.0), by=("rule's remainder", "poor rules")),
    "an accepted cell is lost": _bug((search, "search", _lost_cell), by=("line", "rod")),
    "a cell is lost when many are halved": _bug((Cells, "split", _one_half), by="rod"),
    "a sliver is lost in halving": _bug((Cells, "split", _sliver_lost), by=("line", "rod")),
    "weights from NumPy": _bug(
        (rule, "gauss_legendre", _numpy_rule), (summation, "gauss_legendre", _numpy_rule), by="rule's numbers"
    ),
    "the energy's radius is forgotten": _bug((Energy, "at", _without_radius), by="cancellation"),
    "the data's radius is forgotten": _bug(
        (Data, "balls", property(_data_without_radius)), by="inexact data"
    ),
    "the determinant's slack is forgotten": _bug(
        (domains, "frame_excess", lambda frames: np.zeros(len(frames))), by="stretched frame"
    ),
    "M from the real line": _bug(
        (rules, "ALONG", 1.0), (rules, "ACROSS", 0.0), by=("rule's ellipses", "poor rules")
    ),
    "cells that wait for a rule are lost at a stop": Seeded(
        search._Search, "run", ", *(part.cells for part in self.ready)]", "]", "cells add up"
    ),
    "cells that wait are lost at a stop": Seeded(
        search._Search, "run", "*self.waiting.left(), ", "", "cells add up"
    ),
    "what a limit does not admit is lost": Seeded(
        search._Search,
        "_admitted",
        "self.waiting.put(expected.cells[admitted:], expected.energy[admitted:])",
        "pass",
        "cells add up",
    ),
    "what is behind the heaviest block is lost": Seeded(
        worklist.Worklist,
        "take",
        "self._heaviest.append((cells[size:], energy[size:]))",
        "pass",
        "worklist",
    ),
    "all but the heaviest are lost": Seeded(
        worklist.Worklist,
        "_order",
        "self._waiting = [(cells[others], energy[others])]",
        "self._waiting = []",
        "cells add up",
    ),
    "blocks behind the first that is ready are lost": Seeded(
        search._Search,
        "_rules",
        "first, *self.ready = blocks",
        "first, self.ready = blocks[0], []",
        "cells add up",
    ),
    "what is known of a cell is said of its neighbour": Seeded(
        Cells, "split", "np.tile(self.least, 2)", "np.tile(self.least[::-1], 2)", "known bounds"
    ),
    "what is known of cells is said of others": Seeded(
        Cells, "joined", "[p.known() for p in parts]", "[p.known() for p in parts[::-1]]", "known bounds"
    ),
    "later blocks of bounds are lost": Seeded(
        search._Search, "_bound_blocks", "self.waiting.put(rest.cells, rest.energy)", "pass", "cells add up"
    ),
    "a block of bounds after the first is lost": Seeded(
        search._Search, "_bound_blocks", "self._bound(rest[: self.block])", "pass", "cells add up"
    ),
    "few rough cells beside many that are ready are lost": Seeded(
        search._Search, "_forecast", "self.waiting.put(rough.cells, rough.energy)", "pass", "few rough cells"
    ),
    "what is put aside is lost at a stop": Seeded(
        search._Search, "run", "self.aside.settle(found)", "pass", "cells add up"
    ),
    "what a stage left out is lost at the next": Seeded(
        search._Search,
        "_next_stage",
        "self.waiting.put(expected.cells[~small], expected.energy[~small])",
        "pass",
        "cells add up",
    ),
    "what only a stage leaves out is lost": Seeded(
        search._Search,
        "_leave_out",
        "self.aside.put(expected[~last], mass[~last])",
        "pass",
        "cells add up",
    ),
    "what a stage left out has no mass": Seeded(
        stages.Aside,
        "settle",
        "found.discard(expected.cells, mass)",
        "found.discard(expected.cells, 0 * mass)",
        "aside",
    ),
    "rules of a stage have no errors": Seeded(
        stages.Aside,
        "settle",
        "found.accept(tried.expected.cells, size, error)",
        "found.accept(tried.expected.cells, size, 0 * error)",
        "rules aside",
    ),
    "cells with a rule of a stage are lost": Seeded(
        search._Search, "_take_up", "self.aside.put_rules(tried[good], self.target)", "pass", "taken up"
    ),
    "cells without a good rule are lost": Seeded(
        search._Search, "_take_up", "self._split(tried)", "pass", ("cells add up", "taken up")
    ),
    "what is aside is counted again": Seeded(
        stages.Aside, "settle", "in self.take()", "in self._cells", "aside"
    ),
    "one half is lost where no rule is good enough": Seeded(
        search._Search,
        "_split",
        "self.waiting.put(halves, energy)",
        "self.waiting.put(halves[1:], energy[1:])",
        "cells add up",
    ),
    "a forecast loses a cell that it halves": Seeded(
        forecast,
        "forecast",
        "cells = cells[~leaf].split(widest(spread[~leaf], cells.half[~leaf]))",
        "cells = cells[~leaf].split(widest(spread[~leaf], cells.half[~leaf]))[1:]",
        "cells add up",
    ),
    "a forecast keeps smooth cells only": Seeded(
        forecast,
        "forecast",
        "Forecast(cells[leaf], smooth[leaf], value[leaf])",
        "Forecast(cells[smooth], smooth[smooth], value[smooth])",
        "cells add up",
    ),
    "the first of several forecasts is lost": Seeded(
        forecast,
        "joined",
        "    return Forecast(",
        "    parts = parts[-1:]\n    return Forecast(",
        "cells add up",
    ),
    "ridges: the stretch is forgotten": _bug((BetweenLines, "place", _unstretched), by="rod along ridges"),
    "ridges: a region is lost": _bug((ridges, "roots", _lost_region), by="rod along ridges"),
    "ridges: volumes are small": _bug((Cells, "volume", _small_volume), by="rod along ridges"),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)


def test_a_frame_that_is_not_orthogonal_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"frames: got a deviation of 0\.002.* from orthogonality; expected at most"
    ):
        check_honest(cases.SLAB, 9, Steering(stretch=1.001))
