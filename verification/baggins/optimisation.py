"""S4, S5, S6: the limit of no noise, the slopes that noise bounds, and minibatches."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
import sympy
from flint import arb
from sympy import Expr

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_equal,
    ball_slope,
    control,
    equal,
    identity,
    slope_equals,
    tends_to,
)

from .._shared.balls import ball, working_precision
from .._shared.minibatches import bias, integrated_mean_rate, rate
from . import claim
from .formula import HALF, ONE
from .hypotheses import positive_variances

LAMBDAS = ("1/100", "1/1000", "1/10000", "1/100000")
RESIDUALS = ("1/4", "1/2", "3")
"""r, at v = 1."""


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "BAGGINS less the likelihood at its best variance without noise, relative to the data's Gaussian 1/2 log(v/r), "
        "is 1/2 log((1 + lambda)/(1 + lambda v/r)); its slope in lambda at 0 is (1 - v/r)/2"
    ),
    domain="every r, v > 0, every lambda >= 0",
    hypotheses=(positive_variances,),
    controls=(
        control("without the own Gaussian's noise", noised=0),
        control("v + r for v", refutes="slope", share=1),
    ),
    tier="quick",
)
def without_noise_it_is_the_best_variance(run: Run, *, noised: int = 1, share: int = 0) -> Verdict:
    """The likelihood with its best variance is that of sigma-VAEs (Rybkin, Daniilidis, Levine 2021)."""
    lam, r, v = sympy.symbols("lam r v", positive=True)
    run.assume(positive_variances, r, v)
    ratio = ((1 + noised * lam) * v / (r + lam * v)) / (v / r)
    slope = (sympy.log(ratio) / 2).diff(lam).subs(lam, 0)
    return all_of(
        {
            "ratio": identity(ratio - (1 + lam) / (1 + lam * v / r)),
            "slope": identity(slope - (1 - (v + share * r) / r) / 2),
        }
    )


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="limit",
    states="the difference tends to 0 with lambda: it stays below lambda (1 + v/r)/2 at these lambda",
    domain=f"v = 1, r = {', '.join(RESIDUALS)}, lambda = {', '.join(LAMBDAS)}",
    hypotheses=(positive_variances,),
    controls=(control("without the constant 1/2 log v, here v = 2", constant=2),),
)
def it_tends_to_the_best_variance(run: Run, *, constant: int = 1) -> Verdict:
    """A distance below C lambda at each scale, with C from the slope at 0."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(120):
        for text in RESIDUALS:
            r = ball(text)
            values = [
                ((1 + ball(lam)) * constant / (r + ball(lam))).log() / 2 - (1 / r).log() / 2
                for lam in LAMBDAS
            ]
            factor = float((1 + 1 / r) / 2)
            parts[f"r = {text}"] = tends_to(
                list(LAMBDAS), values, arb(0), order=1, factor=factor, quantity=1.0
            )
    return all_of(parts).with_data(**_curves())


RATIOS = tuple(10 ** (-k / 8) for k in range(-8, 49))
"""r/v of the figure."""
SHOWN = (1, 2, 4, 8)


def _curves() -> dict[str, list[float]]:
    """Return bits per dimension against r/v, for each cap, and without noise."""
    found = {"ratio": list(RATIOS), "without noise": [float(-np.log2(one) / 2) for one in RATIOS]}
    for bits in SHOWN:
        lam = 1 / (4.0**bits - 1)
        found[f"{bits} bits"] = [float(np.log2((1 + lam) / (one + lam)) / 2) for one in RATIOS]
    return found


@claim.check(
    statement="S5",
    role="confirms",
    method="symbolic",
    relation="<=",
    states=(
        "with r(w) = A - 2 B w + C w^2 >= 0 the mean of (x - w z)^2 and L = 1/2 log(r + lambda v): 1/(2 lambda v) - "
        "dL/dr = r/(2 lambda v (r + lambda v)) >= 0, and C/(lambda v) - L'' = C r/(lambda v (r + lambda v)) + r'^2/(2 "
        "(r + lambda v)^2) >= 0: slopes in r are at most 1/(2 lambda v), curvatures in w at most E z^2/(lambda v)"
    ),
    domain="every A, B, C = E z^2 >= 0, w with r >= 0, every lambda, v > 0; one weight",
    hypotheses=(positive_variances,),
    controls=(
        control("lambda v for 2 lambda v", refutes="slope", half=ONE),
        control("r'^2/(r + lambda v)^2", refutes="curvature", half=ONE),
    ),
    tier="quick",
)
def noise_bounds_slopes_and_curvatures(run: Run, *, half: Expr = HALF) -> Verdict:
    """What is left is nonnegative term by term; without noise (lambda = 0) neither bound is finite."""
    a, c, lam, v = sympy.symbols("A C lam v", positive=True)
    b, w = sympy.symbols("B w", real=True)
    r = sympy.Symbol("r", positive=True)
    run.assume(positive_variances, v)
    floor = lam * v
    slope = (sympy.log(r + floor) / 2).diff(r)
    residual = a - 2 * b * w + c * w**2
    loss = sympy.log(residual + floor) / 2
    rest = (
        c * residual / (floor * (residual + floor)) + half * residual.diff(w) ** 2 / (residual + floor) ** 2
    )
    return all_of(
        {
            "slope": identity(half / floor - slope - r / (2 * floor * (r + floor))),
            "curvature": identity(c / floor - loss.diff(w, 2) - rest),
        }
    )


VARIANCES = tuple(10.0**-k for k in range(1, 7))
"""sigma^2 of the likelihood, and of the noise in the data."""
FLOOR = 1e-3
"""lambda v."""
STEPS = 4000
STABLE = 1.02
"""A start that is off the optimum by a little; at stable steps the distance does not grow by more than 2 %."""


def largest_stable_step(slope: Callable[[float], float], optimum: float) -> float:
    """Return the largest step at which gradient descent stays near an optimum, by bisection in logarithms."""

    def stays(step: float) -> bool:
        w = optimum + 1e-9
        for _ in range(STEPS):
            w -= step * slope(w)
            if not abs(w - optimum) <= STABLE * 1e-9:
                return False
        return True

    low, high = 1e-12, 1e3
    while high / low > 1.001:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if stays(middle) else (low, middle)
    return low


def _plain_slope(variance: float, w: float) -> float:
    """Return the slope of r(w)/(2 sigma^2)."""
    return (w - 1) / variance


def _bounded_slope(variance: float, w: float) -> float:
    """Return the slope of 1/2 log(r(w) + lambda v)."""
    return (w - 1) / ((w - 1) ** 2 + variance + FLOOR)


@claim.check(
    statement="S5",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "the largest stable step of gradient descent falls like sigma^2 (slope 1 within 0.02) for the Gaussian "
        "likelihood of variance sigma^2, and for BAGGINS it is 2 (sigma^2 + lambda v)/E z^2 within 1 %: not below "
        "2 lambda v/E z^2 however small sigma^2 is"
    ),
    domain=(
        f"x = z + noise of variance sigma^2 = {', '.join(f'{one:g}' for one in VARIANCES)}, decoder w z, E z^2 = 1, "
        f"lambda v = {FLOOR:g}; {STEPS} steps from next to the optimum"
    ),
    hypotheses=(positive_variances,),
    controls=(
        control("the plain step falls like sigma", refutes="plain", order=0.5),
        control("the bounded step without lambda v", refutes="bounded*", floor=0.0),
    ),
)
def noise_keeps_a_stable_step(run: Run, *, order: float = 1.0, floor: float = FLOOR) -> Verdict:
    """r(w) = (1 - w)^2 + sigma^2: the plain loss is r/(2 sigma^2), the bounded one 1/2 log(r + lambda v)."""
    run.assume(positive_variances, FLOOR)
    plain = [largest_stable_step(partial(_plain_slope, s), 1.0) for s in VARIANCES]
    bounded = [largest_stable_step(partial(_bounded_slope, s), 1.0) for s in VARIANCES]
    stated = [2 * (s + floor) for s in VARIANCES]
    ratios = np.array(bounded) / np.array(stated)
    parts = {"plain": slope_equals(VARIANCES, plain, order, 0.02)}
    parts |= {
        f"bounded, sigma^2 = {s:g}": equal(float(ratio), 1.0, 0.01)
        for s, ratio in zip(VARIANCES, ratios, strict=True)
        if s < 10 * FLOOR
    }
    return all_of(parts).with_data(variance=list(VARIANCES), plain=plain, bounded=bounded)


BATCHES = (8, 32, 128)
LARGE = (64, 128, 256)


@claim.check(
    statement="S6",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "on batches of B Gaussian residuals the value is too large on average, by (r/(r + lambda v))^2/(2 B) to "
        "leading order: what is left has slope 2 in 1/B within 0.04; its mean is the integral over the law of r"
    ),
    domain=(
        f"one dimension, v from all data; the law at r/(lambda v) = 1, B = {', '.join(map(str, LARGE))}; the integral "
        f"at r/(lambda v) = 4, B = {', '.join(map(str, BATCHES))}"
    ),
    hypotheses=(positive_variances,),
    controls=(
        control("r/(r + lambda v), not squared", refutes="law", power=1),
        control("too small on average", refutes="mean*", sign=-1),
    ),
)
def batches_are_optimistic(run: Run, *, power: int = 2, sign: int = 1) -> Verdict:
    """The mirror image of BILBO's rate: E 1/2 log(1 + r_B/(lambda v)) is that of codes with v/s = r/(lambda v)."""
    run.assume(positive_variances, 1.0)
    with working_precision(200):
        excess = [-bias(batch, arb(1)) for batch in LARGE]
        law = [(arb(1) / 2) ** power / (2 * batch) for batch in LARGE]
        left = [abs(a - b) for a, b in zip(excess, law, strict=True)]
        scales = [Fraction(1, batch) for batch in LARGE]
        parts = {"law": ball_slope(scales, left, 2, 0.04)}
        for batch in BATCHES:
            integral = rate(arb(4)) - integrated_mean_rate(batch, arb(4))
            parts[f"mean, B = {batch}"] = ball_equal(-bias(batch, arb(4)) - sign * integral, 1e-20)
        return all_of(parts)
