"""Bugs seeded into the engine: each is caught by a check that the engine itself passes.

The table says which check catches which bug. The checks are honest ones: an interval is compared with a truth from
another route. Where a bug hides behind generous bounds, the engine is steered to where the bounds are close.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb

from elboproof.evidence import domain as domains
from elboproof.evidence import found as founds
from elboproof.evidence import rounds, rules, search, summation
from elboproof.evidence.energy import Energy
from elboproof.evidence.target import Target
from elboproof.model.data import Data
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.quadrature import gauss_legendre as rule
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.charts import STRAIGHT
from tests.evidence import cases
from tests.evidence.cases import Missed, Steering, check_honest

Bug = Callable[[], Any]


def _rule_encloses_arb() -> None:
    """Nodes and weights contain FLINT's at four times the precision."""
    with working_precision(400):
        for n in rule.SIZES:
            found = rule.gauss_legendre(n)
            for k in range(n):
                for ball, exact in zip(
                    (found.nodes, found.weights), arb.legendre_p_root(n, k, weight=True), strict=True
                ):
                    if not abs(exact - float(ball.mid[k])) <= float(ball.rad[k]):
                        raise Missed(f"{n} points: number {k} is {exact}")


def _remainder_covers_chebyshev() -> None:
    """The error on T_2n is within its bound, where sup |T_2n| over the ellipse is (rho^2n + rho^-2n)/2."""
    rule.factors.cache_clear()
    try:
        bounds = rule.factors()
    finally:
        rule.factors.cache_clear()
    with working_precision(400):
        for n, bound in zip(rule.SIZES, bounds, strict=True):
            terms = [
                (2 * n * x.acos()).cos() * w
                for x, w in (arb.legendre_p_root(n, k, weight=True) for k in range(n))
            ]
            error = abs(arb(2) / (1 - 4 * n * n) - sum(terms, arb(0)))
            rho = arb(rule.RHO.numerator) / rule.RHO.denominator
            supremum = (rho ** (2 * n) + rho ** (-2 * n)) / 2
            if not error <= 2 * supremum * arb(float(bound)):
                raise Missed(f"{n} points: the error {error} exceeds its bound")


def _ellipses_lie_in_rectangles() -> None:
    """The rectangle around an ellipse reaches as far as both semi-axes."""
    rho = arb(rule.RHO.numerator) / rule.RHO.denominator
    along, across = vars(rules)["ALONG"], vars(rules)["ACROSS"]
    if not (arb(along) >= (rho + 1 / rho) / 2 and arb(across) >= (rho - 1 / rho) / 2):
        raise Missed(f"{along}, {across}")


CHECKS: dict[str, Callable[[], object]] = {
    "line": lambda: check_honest(cases.LINE, 10),
    "rod": lambda: check_honest(cases.ROD, 10),
    "small root box": lambda: check_honest(cases.FLAT, 2, Steering(half=2.0)),
    "generous discards": lambda: check_honest(cases.LINE, 1, Steering(share=1.0, size=24)),
    "one heavy box": lambda: check_honest(cases.FLAT, 3, Steering(half=2.25, share=120.0, size=24, core=0.1)),
    "poor rules": lambda: check_honest(cases.LINE, 1, Steering(share=1e-9, size=4, core=12.0)),
    "stopped early": lambda: check_honest(cases.LINE, 10, most_cells=30),
    "stretched frame": lambda: check_honest(cases.SLAB, 9, Steering(stretch=1 + 3e-7)),
    "cancellation": lambda: check_honest(cases.NEAR, 10),
    "inexact data": lambda: check_honest(cases.CONSTANT, 10),
    "rule's numbers": _rule_encloses_arb,
    "rule's remainder": _remainder_covers_chebyshev,
    "rule's ellipses": _ellipses_lie_in_rectangles,
}


def _patched(*changes: tuple[object, str, object]) -> Bug:
    @contextmanager
    def bug() -> Iterator[None]:
        rule.factors.cache_clear()
        with _all(changes):
            yield
        rule.factors.cache_clear()

    return bug


@contextmanager
def _all(changes: tuple[tuple[object, str, object], ...]) -> Iterator[None]:
    if not changes:
        yield
        return
    (target, name, value), *rest = changes
    with patch.object(target, name, value), _all(tuple(rest)):
        yield


def _without(*parts: str) -> Bug:
    """Return the bug of forgetting parts of what the search found."""
    original = rounds._log_bounds

    def forgetful(energy: Any, where: Any, shift: Any, found: Any, *more: Any) -> Any:
        return original(
            energy, where, shift, replace(found, **{p: getattr(found, p) * 0 for p in parts}), *more
        )

    return _patched((rounds, "_log_bounds", forgetful))


@contextmanager
def _one_discarded_box_is_dropped() -> Iterator[None]:
    """The bound of the heaviest discarded cell of each block is not added."""
    small = Target.small

    def mass_bound(cells: Cells, target: Target, least: Any) -> Any:
        mass = _MASS(cells, target, least)
        heavy = np.where(mass <= small(target, cells), mass, -1.0)
        if len(mass) and heavy.max() > 0:
            mass[heavy.argmax()] = 0.0
        return mass

    with patch.object(search, "mass_bound", mass_bound):
        yield


def _wrong_face(energy: Energy, cells: Cells, slopes: list[BallArray]) -> Any:
    """The greatest value on a face for the least."""
    return _FACES(energy, cells, [-slope for slope in slopes])


def _prior_too_deep(energy: Energy, cells: Cells) -> Any:
    return _PRIOR(energy, cells) + 2.0


def _scaled_factors(scale: float) -> Bug:
    original = rule.factors.__wrapped__

    class Scaled:
        """Stands for the cached function."""

        def __call__(self) -> Any:
            return original() * scale

        def cache_clear(self) -> None:
            """Do nothing."""

    scaled = Scaled()
    return _patched((rule, "factors", scaled), (rules, "factors", scaled))


def _lost_cell(*arguments: Any) -> Any:
    found = _SEARCH(*arguments)
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


_MASS, _FACES, _PRIOR = founds.mass_bound, Energy._least_by_slopes, Energy.least_by_prior
_TAIL, _SEARCH, _SPLIT, _AT, _DATA = (
    domains.log_tail,
    search.search,
    Cells.split,
    Energy.at,
    vars(Data)["balls"].func,
)


@dataclass(frozen=True)
class Mutant:
    """A bug and the checks that catch it.

    Attributes
    ----------
    bug
        A context in which the engine has the bug.
    caught_by
        Names in ``CHECKS``.
    """

    bug: Bug
    caught_by: tuple[str, ...]


MUTANTS = {
    "the tail is dropped": Mutant(_patched((domains, "log_tail", lambda *_: -1e300)), ("small root box",)),
    "the tail of another dimension": Mutant(
        _patched((domains, "log_tail", lambda d, r: 2 * _TAIL(d, r))), ("small root box",)
    ),
    "discarded cells are not added": Mutant(_without("discarded"), ("generous discards",)),
    "one discarded box is dropped": Mutant(_one_discarded_box_is_dropped, ("one heavy box",)),
    "the least value is sought on the wrong face": Mutant(
        _patched((Energy, "_least_by_slopes", _wrong_face)), ("one heavy box",)
    ),
    "the prior's bound is too high": Mutant(
        _patched((Energy, "least_by_prior", _prior_too_deep)), ("one heavy box",)
    ),
    "unfinished cells are not added": Mutant(_without("unfinished"), ("stopped early",)),
    "the rules' errors are not added": Mutant(_without("rule_error"), ("poor rules",)),
    "the remainder is halved": Mutant(_scaled_factors(0.5), ("rule's remainder",)),
    "the remainder is zero": Mutant(_scaled_factors(0.0), ("rule's remainder", "poor rules")),
    "an accepted cell is lost": Mutant(_patched((search, "search", _lost_cell)), ("line", "rod")),
    "a cell is lost when many are halved": Mutant(_patched((Cells, "split", _one_half)), ("rod",)),
    "a sliver is lost in halving": Mutant(_patched((Cells, "split", _sliver_lost)), ("line", "rod")),
    "weights from NumPy": Mutant(
        _patched((rule, "gauss_legendre", _numpy_rule), (summation, "gauss_legendre", _numpy_rule)),
        ("rule's numbers",),
    ),
    "the energy's radius is forgotten": Mutant(_patched((Energy, "at", _without_radius)), ("cancellation",)),
    "the data's radius is forgotten": Mutant(
        _patched((Data, "balls", property(_data_without_radius))), ("inexact data",)
    ),
    "the determinant's slack is forgotten": Mutant(
        _patched((domains, "frame_excess", lambda frames: np.zeros(len(frames)))), ("stretched frame",)
    ),
    "M from the real line": Mutant(
        _patched((rules, "ALONG", 1.0), (rules, "ACROSS", 0.0)),
        ("rule's ellipses", "poor rules"),
    ),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_engine_passes_every_check(name: str) -> None:
    CHECKS[name]()


@pytest.mark.parametrize(
    ("bug", "check"), [(bug, check) for bug, mutant in MUTANTS.items() for check in mutant.caught_by]
)
def test_each_seeded_bug_is_caught(bug: str, check: str) -> None:
    with MUTANTS[bug].bug(), pytest.raises(Missed):
        CHECKS[check]()


def test_every_check_catches_a_bug() -> None:
    used = {check for mutant in MUTANTS.values() for check in mutant.caught_by}
    assert used == set(CHECKS)


def test_a_frame_that_is_not_orthogonal_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"frames: got a deviation of 0\.002.* from orthogonality; expected at most"
    ):
        check_honest(cases.SLAB, 9, Steering(stretch=1.001))
