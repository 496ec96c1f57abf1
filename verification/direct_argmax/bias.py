"""S2: the bias to leading order."""

from fractions import Fraction

import sympy
from sympy import Expr

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_slope,
    control,
    identity,
    tends_to,
)

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import positive_step, positive_weights
from .laws import TOY, TOY_TEXT, norm

BITS = 200


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "d^2/dt^2 softmax(a + t f)_k = B_k = s_k [(f_k - m)^2 - V] and d^3/dt^3 = C_k = s_k [(f_k - m)^3 - 3 (f_k - m) "
        "V - k_3] at t = 0, with the mean m, variance V and third central moment k_3 of f: so the bias is eps B/2 + "
        "O(eps^2) with one side and eps^2 C/6 + O(eps^4) with two, where even derivatives cancel"
    ),
    domain="every a and f, K = 3 categories",
    hypotheses=(positive_weights,),
    controls=(
        control("without V", refutes=["second*", "third*"], spread=0),
        control("without k_3", refutes="third*", skew=0),
        control("V, not 3 V", refutes="third*", three=1),
        control("even derivatives of the two sides add", refutes="even*", way=1),
    ),
    tier="quick",
)
def leading_terms(run: Run, *, spread: int = 1, skew: int = 1, three: int = 3, way: int = -1) -> Verdict:
    """Along t, ds_k/dt = s_k (f_k - m), by S1: derivatives at t = 0, which stands for every t as the logits are any."""
    f, first = sympy.symbols("f:3", real=True), sympy.symbols("s:2", positive=True)
    s = (*first, 1 - first[0] - first[1])
    run.assume(positive_weights, first)
    m = sympy.Add(*(p * x for p, x in zip(s, f, strict=True)))
    V, k3 = (sympy.Add(*(p * (x - m) ** n for p, x in zip(s, f, strict=True))) for n in (2, 3))

    def along(function: Expr, sign: int = 1) -> Expr:
        return sympy.Add(*(sign * p * (x - m) * function.diff(p) for p, x in zip(first, f[:2], strict=True)))

    parts = {}
    for k, x in enumerate(f):
        second = along(along(s[k]))
        B = s[k] * ((x - m) ** 2 - spread * V)
        C = s[k] * ((x - m) ** 3 - three * spread * (x - m) * V - skew * k3)
        parts[f"second derivative, category {k}"] = identity(second - B)
        parts[f"third derivative, category {k}"] = identity(along(second) - C)
        parts[f"even derivative, category {k}"] = identity(second + way * along(along(s[k], -1), -1))
    return all_of(parts)


SCALES = tuple(f"1/{2**k}" for k in range(6, 11))


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "||bias|| falls like eps with one side and like eps^2 with two (slopes within 0.01 of 1 and 2 between these "
        "steps), and stays within eps^2/4 of eps |B|/2, and within eps^4/10 of eps^2 |C|/6"
    ),
    domain=f"{TOY_TEXT}; eps = {', '.join(SCALES)}; the exact means",
    hypotheses=(positive_step,),
    controls=(
        control("the orders of one and two sides exchanged", refutes="slope*", exchanged=True),
        control("eps |B|", refutes="leading term, one side", half=Fraction(1)),
        control("eps^2 |C|/5", refutes="leading term, two sides", sixth=Fraction(1, 5)),
        control("2 % less", refutes="leading*", share=Fraction(49, 50)),
    ),
    tier="quick",
)
def bias_has_these_orders(
    run: Run,
    *,
    exchanged: bool = False,
    half: Fraction = Fraction(1, 2),
    sixth: Fraction = Fraction(1, 6),
    share: Fraction = Fraction(1),
) -> Verdict:
    """Divided by eps and eps^2 the norms tend to |B|/2 and |C|/6."""
    steps = list(map(Fraction, SCALES))
    for step in steps:
        run.assume(positive_step, step)
    with working_precision(BITS):
        one, two = ([norm(TOY.bias(step, sides)) for step in steps] for sides in (False, True))
        limits = ball(share * half) * norm(TOY.curvature()), ball(share * sixth) * norm(TOY.third())
        ratios = [
            [value / ball(step) ** order for value, step in zip(values, steps, strict=True)]
            for values, order in ((one, 1), (two, 2))
        ]
        return all_of(
            {
                "slope, one side": ball_slope(SCALES, one, 2 if exchanged else 1, 0.01),
                "slope, two sides": ball_slope(SCALES, two, 1 if exchanged else 2, 0.01),
                "leading term, one side": tends_to(SCALES, ratios[0], limits[0], order=1, factor=0.25),
                "leading term, two sides": tends_to(SCALES, ratios[1], limits[1], order=2, factor=0.1),
            }
        )
