"""S2, what is attained between 0 and Specht's bound: series for the figure, each below the bound."""

from fractions import Fraction

import sympy
from flint import arb
from sympy import Rational

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, control

from .._shared.balls import constant, spanned, working_precision
from . import claim
from .few_points import of_equal_numbers
from .hypotheses import definite_precisions
from .laws import EXTREMAL, theta
from .specht import BITS, Bound, hoeffding, log_specht

SAMPLES = 49
"""Shares of the raised precision in the figure."""


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="<=",
    states=(
        "two-point laws of every share p = k / 48, and the equality laws, have P* / d at most (1/2) log Specht(h); "
        "ep.constant_variance_penalty encloses the two-point laws' P* within 1e-14"
    ),
    domain=f"d = 1 and h = 2, 10, 100 for two points; d = 1, 2, 3 for {len(EXTREMAL)} equality laws",
    hypotheses=(definite_precisions,),
    controls=(
        control(
            "log((1 + h) / (2 sqrt h))",
            refutes=("*: bound", "equality laws"),
            bound=lambda h: sympy.log((1 + h) / (2 * sympy.sqrt(h))),
        ),
        control("P(h) = p^2 for p", refutes="*: library", power=2),
    ),
    tier="quick",
)
def attained(run: Run, *, bound: Bound = log_specht, power: int = 1) -> Verdict:
    """For the figure: what is attainable between 0 and the bound."""
    parts: dict[str, Verdict] = {}
    series: dict[str, list[float]] = {}
    for name in ("2", "10", "100"):
        h, worst, away = Rational(name), [], []
        run.assume(definite_precisions, [[[1.0]], [[float(h)]]])
        shares = [Rational(k, SAMPLES - 1) for k in range(1, SAMPLES - 1)]
        for p in shares:
            found = ep.constant_variance_penalty([[["1"]], [[name]]], weights=[str(1 - p), str(p)])
            with working_precision(BITS):
                q = constant(p) ** power
                value = ((1 + q * (constant(h) - 1)).log() - q * constant(h).log()) / 2
                worst.append(value - constant(bound(h)) / 2)
                away.append(abs(value - spanned(found.penalty)))
            series.setdefault(f"h = {name}/penalty", []).append(float(value.mid()))
        series[f"h = {name}/share"] = [float(p) for p in shares]
        series[f"h = {name}/best share"] = [float(theta(h))]
        series[f"h = {name}/bound"] = [float(log_specht(h)) / 2]
        parts[f"h = {name}: bound"] = ball_at_most(_largest(worst), Fraction(1, 10**30))
        parts[f"h = {name}: library"] = ball_at_most(_largest(away), Fraction(1, 10**14))
    with working_precision(BITS):
        above = [_excess(name, bound) for name in EXTREMAL]
    parts["equality laws"] = ball_at_most(_largest(above), Fraction(1, 10**30))
    series |= _curve(bound) | _equality()
    return all_of(parts).with_data(**series)


def _excess(name: str, bound: Bound) -> arb:
    case = EXTREMAL[name]
    return case.law(theta(case.h)).penalty() / case.dimension - constant(bound(case.h)) / 2


def _largest(balls: list[arb]) -> arb:
    return max(balls, key=lambda one: float(one.upper()))


def _curve(bound: Bound) -> dict[str, list[float]]:
    """The bound over h, and what two equally weighted points attain, for the figure."""
    ratios = [Rational(k, 16) ** 4 for k in range(17, 55)]
    with working_precision(BITS):
        return {
            "curve/h": [float(h) for h in ratios],
            "curve/specht": [float((constant(bound(h)) / 2).mid()) for h in ratios],
            "curve/hoeffding": [float((constant(hoeffding(h)) / 2).mid()) for h in ratios],
            "curve/two equal points": [float(of_equal_numbers(2, h).mid()) for h in ratios],
        }


def _equality() -> dict[str, list[float]]:
    """Where the equality laws stand."""
    found: dict[str, list[float]] = {}
    with working_precision(BITS):
        for case in EXTREMAL.values():
            kind = "commuting" if len(case.projections) == 1 else "non-commuting"
            value = case.law(theta(case.h)).penalty() / case.dimension
            found.setdefault(f"{kind}/h", []).append(float(case.h))
            found.setdefault(f"{kind}/penalty", []).append(float(value.mid()))
    return found
