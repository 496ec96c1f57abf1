"""The evidence under a mixture of priors: the weighted sum of its components' evidences."""

from collections.abc import Sequence
from fractions import Fraction

from flint import arb

from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of, bits_for

SPARE_BITS = 60
Pair = tuple[arb, arb]
"""Lower and upper bounds of a logarithm."""


def pairs(enclosure: Enclosure) -> tuple[Pair, ...]:
    """Return bounds (N,) as balls, which hold floats exactly."""
    return tuple(
        (arb(low), arb(high))
        for low, high in zip(enclosure.lower.tolist(), enclosure.upper.tolist(), strict=True)
    )


def summed(
    components: Sequence[Sequence[Pair]], weights: Sequence[Fraction], digits: float
) -> tuple[Pair, ...]:
    """Return bounds of log sum_k w_k exp(l_k) for each of N points from bounds of l_k, one row a component."""
    # The function increases in every l_k, so that lower ends give a lower bound and upper ends an upper one.
    with working_precision(bits_for(digits, SPARE_BITS)):
        logs = [ball_of(weight).log() for weight in weights]
        return tuple(
            (
                _log_sum([log + low for log, (low, _) in zip(logs, column, strict=True)]).lower(),
                _log_sum([log + high for log, (_, high) in zip(logs, column, strict=True)]).upper(),
            )
            for column in zip(*components, strict=True)
        )


def _log_sum(terms: list[arb]) -> arb:
    """Return log sum exp with the largest term taken out; -inf counts as nothing."""
    finite = [term for term in terms if term.is_finite()]
    if any(term == arb("inf") for term in terms):
        return arb("inf")
    if not finite:
        return arb("-inf")
    pivot = max(term.mid() for term in finite)
    return sum(((term - pivot).exp() for term in finite), arb(0)).log() + pivot
