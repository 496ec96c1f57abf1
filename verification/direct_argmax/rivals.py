"""S6: the score function, exactly."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy
from flint import arb
from sympy import Expr

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    at_least,
    at_most,
    ball_equal,
    ball_positive,
    ball_slope,
    control,
    identity,
)

from .._shared.balls import working_precision
from . import claim
from .bias import BITS
from .curves import one_variable
from .hypotheses import positive_step, positive_weights
from .laws import TOY, TOY_TEXT, best_baseline, dot, score_variance
from .variance import best_step, error


@claim.check(
    statement="S6",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the score function's estimate (f_z - b)(e_z - s) is unbiased for every baseline b, and so is sum_k s_k (f_k - "
        "E f) e_k, which looks at all values; with the variance's slope in b 0 at b = E f |e - s|^2 / E |e - s|^2"
    ),
    domain="every a, f and b; K = 3 categories",
    hypotheses=(positive_weights,),
    controls=(
        control("e_z without s", refutes="mean*", centred=0),
        control("the mean of f as the best baseline", refutes="best baseline", plain=1),
    ),
    tier="quick",
)
def the_score_function_is_unbiased(run: Run, *, centred: int = 1, plain: int = 0) -> Verdict:
    """E (e_z - s) = 0: a baseline moves nothing but the variance."""
    first, f = sympy.symbols("s:2", positive=True), sympy.symbols("f:3", real=True)
    b = sympy.Symbol("b", real=True)
    s = (*first, 1 - first[0] - first[1])
    run.assume(positive_weights, first)
    mean = sympy.Add(*(p * x for p, x in zip(s, f, strict=True)))

    def score(i: int, k: int) -> Expr:
        return (f[i] - b) * (sympy.Integer(i == k) - centred * s[k])

    parts = {}
    for k in range(3):
        found = sympy.Add(*(s[i] * score(i, k) for i in range(3)))
        parts[f"mean, coordinate {k}"] = identity(found - s[k] * (f[k] - mean))
    lengths = [1 - 2 * p + sympy.Add(*(q**2 for q in s)) for p in s]
    square = sympy.Add(*(p * (x - b) ** 2 * n for p, x, n in zip(s, f, lengths, strict=True)))
    masses = s if plain else [p * n for p, n in zip(s, lengths, strict=True)]
    best = sympy.Add(*(m * x for m, x in zip(masses, f, strict=True))) / sympy.Add(*masses)
    return all_of(parts | {"best baseline": identity(square.diff(b).subs(b, best))})


SHIFT = Fraction(10)


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "f -> f + 10 leaves the direct estimator's mean and variance as they are, and multiplies the variance of the "
        "score function without baseline by more than 80"
    ),
    domain=f"{TOY_TEXT}, eps = 1/2",
    hypotheses=(positive_step,),
    controls=(
        control("f -> 2 f", refutes="direct*", times=2),
        control("the score function with its best baseline", refutes="score", best=True),
    ),
    tier="quick",
)
def constants_do_not_count(run: Run, *, times: int = 1, best: bool = False) -> Verdict:
    """The law of both arg maxima has the values' differences only."""
    step = Fraction(1, 2)
    run.assume(positive_step, step)
    moved = replace(TOY, values=tuple(times * f + SHIFT for f in TOY.values))
    parts = {}
    with working_precision(BITS):
        for name, two_sided in (("one side", False), ("two sides", True)):
            apart = [
                p - q for p, q in zip(moved.mean(step, two_sided), TOY.mean(step, two_sided), strict=True)
            ]
            change = moved.variance(step, two_sided) - TOY.variance(step, two_sided)
            parts[f"direct mean, {name}"] = ball_equal(dot(apart, apart), 1e-40)
            parts[f"direct variance, {name}"] = ball_equal(change, 1e-40)
        plain, other = (score_variance(one, best_baseline(one) if best else arb(0)) for one in (TOY, moved))
        return all_of(parts | {"score": ball_positive(other - 80 * plain)})


SAMPLES = tuple(10**k for k in range(12, 17))


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "at the best steps the squared error of M samples falls like M^(-2/3) with one side and M^(-4/5) with two "
        "(slopes within 0.01), where that of the unbiased score function falls like 1/M"
    ),
    domain=f"{TOY_TEXT}; M = 10^12 to 10^16",
    hypotheses=(positive_step,),
    controls=(
        control("M^(-3/4) for both", refutes="*side*", orders=(Fraction(3, 4), Fraction(3, 4))),
        control("2 % steeper", orders=(Fraction(68, 100), Fraction(816, 1000)), score=1.02),
    ),
)
def the_errors_have_these_rates(
    run: Run,
    *,
    orders: tuple[Fraction, Fraction] = (Fraction(2, 3), Fraction(4, 5)),
    score: float = 1.0,
) -> Verdict:
    """The error at the formula's step is above the least error by less than its next order."""
    parts = {}
    with working_precision(2 * BITS):
        for order, (name, two_sided) in zip(orders, (("one side", False), ("two sides", True)), strict=True):
            values = []
            for M in SAMPLES:
                step = Fraction(float(best_step(TOY, M, two_sided).mid()))
                run.assume(positive_step, step)
                values.append(error(TOY, step, M, two_sided))
            parts[f"direct, {name}"] = ball_slope(SAMPLES, values, -float(order), 0.01)
        best = score_variance(TOY, best_baseline(TOY))
        parts["score function"] = ball_slope(SAMPLES, [best / M for M in SAMPLES], -score, 0.01)
        return all_of(parts)


def least_error(samples: int, two_sided: bool) -> float:
    """Return the direct estimator's least squared error over steps between 1/1000 and 100, by a search."""
    from scipy.optimize import minimize_scalar

    def cost(log_step: float) -> float:
        return float(error(TOY, Fraction(float(np.exp(log_step))), samples, two_sided).mid())

    grid = np.log(np.logspace(-3, 2, 26))
    k = int(np.argmin([cost(one) for one in grid]))
    around = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
    return float(minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-4}).fun)


WINS, LOSES = (100, 300), (1000, 10**4, 10**6)


@claim.check(
    statement="S6",
    role="limits",
    method="numeric",
    relation=">",
    states=(
        "with the best step for each M, direct optimisation with two sides has a smaller squared error than the "
        f"score function with its best baseline at M = {', '.join(map(str, WINS))} samples and a larger one at M = "
        f"{', '.join(map(str, LOSES))}; with one side a larger one at all of these: unbiased estimates win in the end"
    ),
    domain=f"{TOY_TEXT}; errors exact, the best step by a search; a direct sample costs K values, a score one",
    hypotheses=(positive_step,),
    controls=(
        control("three quarters of the error", refutes="two sides, M = 1000", share=0.75),
        control("two fifths of the error", refutes="two sides, M = 10000", share=0.4),
        control(
            "a seventh of the error", refutes=["two sides, M = 1000000", "one side, M = 100"], share=1 / 7
        ),
        control("a 30th of the error", refutes=["one side, M = 300", "one side, M = 1000"], share=1 / 30),
        control("a 110th of the error", refutes="one side*", share=1 / 110),
        control("0.45 of the rival's", refutes="two sides, M = [13]00", rival=0.45),
    ),
)
def an_unbiased_estimate_wins_in_the_end(run: Run, *, share: float = 1.0, rival: float = 1.0) -> Verdict:
    """Steps are looked for between 1/1000 and 100."""
    run.assume(positive_step, 0.001)
    with working_precision(90):
        best = rival * float(score_variance(TOY, best_baseline(TOY)).mid())
        parts = {}
        for M in (*WINS, *LOSES):
            two, one = (share * least_error(M, sides) for sides in (True, False))
            compare = at_most if M in WINS else at_least
            parts[f"two sides, M = {M}"] = compare(two, best / M)
            parts[f"one side, M = {M}"] = at_least(one, best / M)
        return all_of(parts).with_data(**one_variable())
