"""S5, a decoder refitted to the encoder, and one fixed at the free optimum: two more penalties, and neither is P*."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from flint import arb

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_positive,
    control,
)

from .._shared.balls import ball, working_precision
from .._shared.three_data import DATA
from .._shared.three_encoders import VALUE_BITS, Optimum, definite, proved
from . import claim
from .encoder_starts import FIXED_STARTS, SHARED_STARTS, STARTS

STATED = {
    "1": ("-1.7290902888097584151495", "-1.7356036876002791469058", "0.006513398790520731756322"),
    "3/10": ("-1.5000856736382387990876", "-1.5343886092296128475430", "0.03430293559137404845544"),
    "1/10": ("-1.1903290234948377045790", "-1.2527432484661257835171", "0.06241422497128807893807"),
    "3/100": ("-0.7563410511496899947081", "-0.8148697603635094097964", "0.05852870921381941508822"),
    "1/100": ("-0.3172312495797742517756", "-0.3742528540242554295550", "0.05702160444448117777938"),
}
"""sigma^2: the best free mean ELBO found, the best one with one s, and their difference."""
LEADING = {
    "1": "0.01261802135",
    "3/10": "0.03601018137",
    "1/10": "0.1025219839",
    "3/100": "0.1165234625",
    "1/100": "0.1153832020",
}
"""P* of the precisions 1/s_n at the free optimum."""
FIXED = {"1": "0.008624", "3/10": "0.040292", "1/10": "0.106025", "3/100": "0.137582", "1/100": "0.147503"}
"""What one s costs where the decoder stays that of the free optimum."""
PLACES, FEWER, FEWEST = Fraction(1, 10**20), Fraction(1, 10**9), Fraction(1, 10**6)
FALLING, NEAR = ("1/10", "3/100", "1/100"), Fraction(1, 2500)
"""The trend towards the constant of `code_limit`; that it goes on is not shown."""
APART = Fraction(1, 1000)
"""Nats between any two of the three penalties and P*; least, .0017, at sigma^2 = 3/10."""


@dataclass(frozen=True)
class Penalties:
    """The optima, and the three penalties with P*."""

    free: Optimum
    shared: Optimum
    held: Optimum

    @property
    def refitted(self) -> arb:
        """Return the loss where the decoder is refitted."""
        return self.free.elbo - self.shared.elbo

    @property
    def fixed(self) -> arb:
        """Return the loss where the decoder stays."""
        return self.free.elbo - self.held.elbo

    @property
    def leading(self) -> arb:
        """Return P* of the precisions at the free optimum."""
        logs = self.free.codes.logs
        mean = sum(((-t).exp() for t in logs), arb(0)) / len(logs)
        return (mean.log() + sum(logs, arb(0)) / len(logs)) / 2


@lru_cache
def penalties(variance: str) -> Penalties:
    """Return the three optima that are proved from the tables of starts."""
    free = proved(variance, STARTS[variance])
    shared = proved(variance, SHARED_STARTS[variance])
    return Penalties(free, shared, proved(variance, FIXED_STARTS[variance], free.codes))


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "(b) with the decoder refitted, the local maxima of the mean ELBO next to a table of starts, with three s_n "
        f"and with one s, differ by {', '.join(row[2][:9] for row in STATED.values())} nats (stated to 22 places, "
        f"within {float(PLACES):.0e}), which falls from sigma^2 = {FALLING[0]} to {FALLING[-1]}, stays above (1/6) "
        f"log(1024/729) there and is within {float(NEAR)} of it at {FALLING[-1]}; it is less than P* at the free s_n, "
        f"{', '.join(LEADING.values())}; (c) with the decoder of "
        f"the free optimum kept, one s costs {', '.join(FIXED.values())}: each two differ by more than {float(APART)}"
    ),
    domain=(
        f"x in {{{', '.join(DATA)}}}, d = 1, sigma^2 = {', '.join(STATED)}; maxima proved by Krawczyk's test, in six "
        "unknowns and in four"
    ),
    hypotheses="none",
    controls=(
        control(
            "P* for the refitted penalty", refutes=("*: refitted", "*: below P*"), penalty=lambda p: p.leading
        ),
        control("the penalty of the kept decoder", refutes=("*: refitted",), penalty=lambda p: p.fixed),
        control(
            "the refitted penalty for the kept decoder's",
            refutes=("*: kept", "*: kept apart"),
            kept=lambda p: p.refitted,
        ),
        control("minima, and a rising penalty", refutes=("*: maxima", "* after *"), sign=-1),
        control("(log 2) / 6 for the constant", refutes=("*: above the limit", "near the limit"), limit="2"),
        control(
            "the encoder with one s for the best one", refutes=("*: free", "*: with one s"), exchanged=True
        ),
        control("half of P*", refutes=("*: P*", "*: below P*"), leading=lambda p: p.leading / 2),
    ),
    time_limit=120,
)
def three_penalties(
    run: Run,  # noqa: ARG001
    *,
    penalty: Callable[[Penalties], arb] = lambda p: p.refitted,
    kept: Callable[[Penalties], arb] = lambda p: p.fixed,
    leading: Callable[[Penalties], arb] = lambda p: p.leading,
    sign: int = 1,
    exchanged: bool = False,
    limit: str = "1024/729",
) -> Verdict:
    """That no other encoder is better is not shown: 100 starts found none."""
    parts: dict[str, Verdict] = {}
    series: dict[str, list[float]] = {"variance": [float(Fraction(v)) for v in STATED]}
    series["limit"] = [float((ball("1024/729").log() / 6).mid())]
    for variance, (free, shared, stated) in STATED.items():
        found = penalties(variance)
        with working_precision(VALUE_BITS):
            name = f"sigma^2 = {variance}"
            value, other, third = penalty(found), leading(found), kept(found)
            first, second = (found.shared, found.free) if exchanged else (found.free, found.shared)
            distances = [third - found.refitted, abs(third - other)]
            pivots = [sign * definite(point.hessian) for point in (found.free, found.shared, found.held)]
            parts |= {
                f"{name}: free": _within(first.elbo, free, PLACES),
                f"{name}: with one s": _within(second.elbo, shared, PLACES),
                f"{name}: refitted": _within(value, stated, PLACES),
                f"{name}: P*": _within(other, LEADING[variance], FEWER),
                f"{name}: kept": _within(third, FIXED[variance], FEWEST),
                f"{name}: below P*": ball_positive(other - value - ball(APART)),
                f"{name}: kept apart": ball_positive(_least(distances) - ball(APART)),
                f"{name}: maxima": ball_positive(_least(pivots)),
            }
        for label, number in (
            ("refitted", found.refitted),
            ("leading", found.leading),
            ("kept", found.fixed),
        ):
            series.setdefault(label, []).append(float(number.mid()))
    return all_of(parts | _trend(sign, limit)).with_data(**series)


def _trend(order: int, limit: str) -> dict[str, Verdict]:
    """(log 2) / 6 is (1/6) log 2."""
    parts = {}
    values = {variance: penalties(variance).refitted for variance in FALLING}
    with working_precision(VALUE_BITS):
        end = ball(limit).log() / 6
        for variance, value in values.items():
            parts[f"sigma^2 = {variance}: above the limit"] = ball_positive(value - end)
        for large, small in pairwise(FALLING):
            parts[f"{small} after {large}"] = ball_positive(order * (values[large] - values[small]))
        parts["near the limit"] = ball_at_most(abs(values[FALLING[-1]] - end), NEAR)
    return parts


def _within(value: arb, stated: str, places: Fraction) -> Verdict:
    return ball_at_most(abs(value - ball(stated)), places)


def _least(balls: list[arb]) -> arb:
    return min(balls, key=lambda one: float(one.lower()))
