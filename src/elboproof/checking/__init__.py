"""Claims, checks, verdicts and the runner: everything about deciding statements, nothing about VAEs.

The names below are all that the author of a claim module needs. They are imported when first used, so
that the command line answers before NumPy or SymPy are loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elboproof.checking.ball import ball_at_most as ball_at_most
    from elboproof.checking.ball import ball_equal as ball_equal
    from elboproof.checking.ball import ball_positive as ball_positive
    from elboproof.checking.claim import Check as Check
    from elboproof.checking.claim import Claim as Claim
    from elboproof.checking.claim import Control as Control
    from elboproof.checking.claim import Hypothesis as Hypothesis
    from elboproof.checking.claim import control as control
    from elboproof.checking.enclosed import Between as Between
    from elboproof.checking.floats import at_least as at_least
    from elboproof.checking.floats import at_most as at_most
    from elboproof.checking.floats import equal as equal
    from elboproof.checking.order import ball_slope as ball_slope
    from elboproof.checking.order import slope_equals as slope_equals
    from elboproof.checking.order import tends_to as tends_to
    from elboproof.checking.property import for_all as for_all
    from elboproof.checking.run import Run as Run
    from elboproof.checking.statistics import mean_at_least as mean_at_least
    from elboproof.checking.statistics import mean_at_most as mean_at_most
    from elboproof.checking.statistics import mean_equals as mean_equals
    from elboproof.checking.symbolic import identity as identity
    from elboproof.checking.unbounded import VarianceAtMost as VarianceAtMost
    from elboproof.checking.verdict import Verdict as Verdict
    from elboproof.checking.verdict import all_of as all_of
    from elboproof.checking.verdict import by_hand as by_hand

_HOME = {
    "Check": "claim",
    "Claim": "claim",
    "Control": "claim",
    "Hypothesis": "claim",
    "control": "claim",
    "Run": "run",
    "Verdict": "verdict",
    "Between": "enclosed",
    "all_of": "verdict",
    "by_hand": "verdict",
    "at_least": "floats",
    "at_most": "floats",
    "equal": "floats",
    "ball_at_most": "ball",
    "ball_equal": "ball",
    "ball_positive": "ball",
    "for_all": "property",
    "identity": "symbolic",
    "mean_equals": "statistics",
    "mean_at_least": "statistics",
    "mean_at_most": "statistics",
    "VarianceAtMost": "unbounded",
    "slope_equals": "order",
    "ball_slope": "order",
    "tends_to": "order",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'elboproof.checking' has no attribute {name!r}")
    return getattr(import_module(f"elboproof.checking.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
