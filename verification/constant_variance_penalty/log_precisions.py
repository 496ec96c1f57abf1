"""S1 for numbers: the cumulants of log a, the lognormal law, and three numbers by three routes."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, Integer, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, control, identity

from .._shared.balls import ball, spanned, working_precision
from . import claim
from .hypotheses import definite_precisions
from .pythagoras import HALF, QUARTER

ORDER = 5
"""Terms of the cumulant series that are compared."""


def cumulants(moments: list[Expr]) -> list[Expr]:
    """kappa_1, kappa_2, ... of moments m_1, m_2, ...: m_n = sum of binomial(n-1, k-1) kappa_k m_(n-k)."""
    found: list[Expr] = []
    with_one = [Integer(1), *moments]
    for n in range(1, len(moments) + 1):
        lower = sum(sympy.binomial(n - 1, k - 1) * found[k - 1] * with_one[n - k] for k in range(1, n))
        found.append(sympy.expand(with_one[n] - lower))
    return found


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        f"d = 1, log a = e l with moments of l as symbols: P* = (1/2) sum over k = 2..{ORDER} of e^k kappa_k(l) / k! + "
        "..., and the mean VARIANCE in place of the mean precision has (-1)^k kappa_k: the third order changes its "
        "sign; P* = Var(log a) / 4 exactly if log a is normal"
    ),
    domain=f"every law with moments, as formal power series to order {ORDER}; every normal law of log a",
    hypotheses="none",
    controls=(
        control(
            "the mean variance for the mean precision",
            refutes=("precision: order 3", "precision: order 5", "variance: order 3", "variance: order 5"),
            sign=-1,
        ),
        control("without k!", refutes=("*: order 2", "*: order 3", "*: order 4", "*: order 5"), factorial=0),
        control("Var / 2 of a normal law", refutes="normal", quarter=HALF),
    ),
    tier="quick",
)
def cumulant_series(
    run: Run,  # noqa: ARG001
    *,
    sign: int = 1,
    factorial: int = 1,
    quarter: Expr = QUARTER,
) -> Verdict:
    """Log E exp(e l) as a series of its moments; E of l and of its powers are independent symbols."""
    e, m = Symbol("e"), list(sympy.symbols(f"m1:{ORDER + 1}", real=True))
    kappa = cumulants(m)
    parts = {}
    for name, way in (("precision", sign), ("variance", -sign)):
        inner = sum((way * e) ** k * m[k - 1] / sympy.factorial(k) for k in range(1, ORDER + 1))
        log = sum((-1) ** (k + 1) * inner**k / k for k in range(1, ORDER + 1))
        # mean precision: log E a - E log a; mean variance: log E a^-1 + E log a
        series = sympy.Poly(sympy.expand((log - way * e * m[0]) / 2), e)
        expected = 1 if name == "precision" else -1
        for k in range(2, ORDER + 1):
            divisor = 2 * (sympy.factorial(k) if factorial else 1)
            parts[f"{name}: order {k}"] = identity(
                series.coeff_monomial(e**k) - expected**k * kappa[k - 1] / divisor
            )
    mean, variance = Symbol("mu", real=True), Symbol("w", positive=True)
    normal = (sympy.log(sympy.exp(mean + variance / 2)) - mean) / 2
    parts["normal"] = identity(sympy.expand_log(normal) - quarter * variance)
    return all_of(parts)


TRIPLE = ("1", "2", "3/2")
STATED = "0.01963050594273057575646568"
BITS, DIGITS, FLOAT_DIGITS = 120, 1e-24, 1e-15
MORE = Fraction(1, 10**6)
"""Nats; (1/2) (0.01 - log 1.01) = 2.5e-5 is lost."""


def penalty_of(numbers: tuple[str, ...]) -> arb:
    """(1/2) (log E a - E log a), equal weights."""
    a = [ball(number) for number in numbers]
    return ((sum(a, arb(0)) / len(a)).log() - sum((one.log() for one in a), arb(0)) / len(a)) / 2


def penalty_of_variances(numbers: tuple[str, ...]) -> arb:
    """(1/2) (log E a^-1 + E log a), with the mean variance in place of the mean precision."""
    return penalty_of(tuple(str(1 / Fraction(number)) for number in numbers))


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        f"A = {', '.join(TRIPLE)}: P* = {STATED} within {DIGITS:.0e}; ep.constant_variance_penalty and the mean cost "
        f"at S = 1 / E A give the same within {FLOAT_DIGITS:.0e} and {DIGITS:.0e}; at S 1 % larger or smaller it is "
        f"more by at least {float(MORE):.0e}"
    ),
    domain="these numbers, equal weights",
    hypotheses=(definite_precisions,),
    controls=(
        control(
            "the mean variance for the mean precision",
            refutes=("stated", "library", "cost at S*"),
            value=penalty_of_variances,
        ),
        control(
            "S = E A^-1 for the best one", refutes=("cost at S*", "more at smaller S"), mean_variance=True
        ),
        control(
            "E log a and log E a exchanged", refutes=("stated", "library", "cost at S*", "more*"), sign=-1
        ),
    ),
    tier="quick",
)
def three_numbers(
    run: Run,
    *,
    value: Callable[[tuple[str, ...]], arb] = penalty_of,
    mean_variance: bool = False,
    sign: int = 1,
) -> Verdict:
    """The cost is a mean of KL(N(0, S) || N(0, 1 / a))."""
    run.assume(definite_precisions, [[[Fraction(a)]] for a in TRIPLE])
    found = ep.constant_variance_penalty([[[a]] for a in TRIPLE])
    with working_precision(BITS):
        a = [ball(number) for number in TRIPLE]
        inverses = sum((1 / one for one in a), arb(0)) / len(a)
        S = inverses if mean_variance else len(a) / sum(a, arb(0))

        def mean_cost(s: arb) -> arb:
            return sum(((s * one - 1 - (s * one).log()) / 2 for one in a), arb(0)) / len(a)

        def gain(factor: str) -> arb:
            return sign * (mean_cost(S) - mean_cost(S * ball(factor)))

        least = sign * value(TRIPLE)
        return all_of(
            {
                "stated": ball_at_most(abs(least - ball(STATED)), DIGITS),
                "library": ball_equal(least - spanned(found.penalty), FLOAT_DIGITS),
                "cost at S*": ball_equal(least - mean_cost(S), DIGITS),
                "more at larger S": ball_at_most(gain("101/100"), -MORE),
                "more at smaller S": ball_at_most(gain("99/100"), -MORE),
            }
        )
