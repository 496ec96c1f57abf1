"""S1: the estimator's mean is an exact difference quotient of softmax, whose limit is the gradient."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from elboproof.checking import Run, Verdict, all_of, control, identity, mean_equals

from . import claim
from .estimators import direct, fresh_noise, gumbels
from .hypotheses import positive_step, positive_weights
from .laws import THREE, THREE_TEXT, Estimator, shares

SIZES = (2, 3, 4)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "of independent exponential clocks with rates w_k = exp(a_k) the i-th is first with probability int_0^inf w_i "
        "exp(-t sum w) dt = softmax(a)_i: so argmax(a + g) is a sample of softmax(a), and argmax(a + eps f + g) of "
        "softmax(a + eps f), whatever they share; their difference over eps has the mean (softmax(a + eps f) - "
        "softmax(a))/eps"
    ),
    domain=f"every a; K = {', '.join(map(str, SIZES))} categories",
    hypotheses=(positive_weights,),
    controls=(
        control("the rate forgotten before the exponential", rate=0),
        control("its own clock not waited for", own=0),
    ),
    tier="quick",
)
def the_first_of_exponential_clocks(run: Run, *, rate: int = 1, own: int = 1) -> Verdict:
    """-log E_k is a Gumbel: a_k - log E_k is greatest where E_k / w_k is least."""
    t = sympy.Symbol("t", positive=True)
    parts = {}
    for size in SIZES:
        w = sympy.symbols(f"w:{size}", positive=True)
        run.assume(positive_weights, w)
        for i in range(size):
            others = sympy.Add(*(w[k] for k in range(size) if k != i))
            found = sympy.integrate(w[i] ** rate * sympy.exp(-t * (others + own * w[i])), (t, 0, sympy.oo))
            parts[f"K = {size}, category {i}"] = identity(found - w[i] / sympy.Add(*w))
    return all_of(parts)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="limit",
    states=(
        "as eps -> 0 the mean tends to d/dt softmax(a + t f)_k at t = 0, which is s_k (f_k - E f) and the gradient "
        "dE f(z)/da_k of the objective itself; so does that of two sides"
    ),
    domain=f"every a and f; K = {', '.join(map(str, SIZES))} categories",
    hypotheses=(positive_weights,),
    controls=(
        control("without E f", centred=0),
        control("2 eps forgotten", refutes="two sides*", sides=1),
    ),
    tier="quick",
)
def the_limit_is_the_gradient(run: Run, *, centred: int = 1, sides: int = 2) -> Verdict:
    """Of the weights w_k = exp(a_k): dw_k/da_k = w_k, and d/dt exp(a_k + t f_k) = f_k w_k at t = 0."""
    t = sympy.Symbol("t", real=True)
    parts = {}
    for size in SIZES:
        w, f = sympy.symbols(f"w:{size}", positive=True), sympy.symbols(f"f:{size}", real=True)
        run.assume(positive_weights, w)
        s = shares(w)
        mean = sympy.Add(*(p * x for p, x in zip(s, f, strict=True)))
        moved = [shares([v * sympy.exp(way * t * x) for v, x in zip(w, f, strict=True)]) for way in (1, -1)]
        for k in range(size):
            gradient = s[k] * (f[k] - centred * mean)
            slopes = [one[k].diff(t).subs(t, 0) for one in moved]
            parts[f"objective, K = {size}, category {k}"] = identity(w[k] * mean.diff(w[k]) - gradient)
            parts[f"one side, K = {size}, category {k}"] = identity(slopes[0] - gradient)
            parts[f"two sides, K = {size}, category {k}"] = identity(
                (slopes[0] - slopes[1]) / sides - gradient
            )
    return all_of(parts)


DRAWS, BLOCK = 4_000_000, 250_000
EPS = Fraction(4, 5)
SHOWN = {False: (0, 2), True: (0, 2)}
"""Coordinates that are looked at: rows sum to 0, so that the last one follows."""


def _samples(run: Run, estimator: Estimator, two_sided: bool) -> Iterator[Any]:
    """Yield blocks of single-sample estimates, (BLOCK, 3), categories numbered by their values."""
    for _ in range(DRAWS // BLOCK):
        noise = gumbels(run.rng, BLOCK, len(THREE.logits))
        yield estimator(THREE, float(EPS), noise, two_sided)


@claim.check(
    statement="S1",
    role="confirms",
    method="statistical",
    relation="=",
    states=(
        "the mean of elboproof.objectives.direct_gradient over samples is (softmax(a + eps f) - softmax(a))/eps, and "
        "(softmax(a + eps f) - softmax(a - eps f))/(2 eps) with two sides; it stays so if both arg maxima have "
        "Gumbels of their own"
    ),
    domain=f"{THREE_TEXT}; eps = {EPS}; {DRAWS:,} samples each; coordinates 0 and 2 of 3, which sum to 0",
    hypotheses=(positive_step,),
    controls=(
        control("the step goes down", way=-1.0),
        control("1/eps with two sides, 1/(2 eps) with one", halved=True),
        control("3 % more stated", share=1.03),
    ),
    tests=6,
    time_limit=120,
)
def single_samples_have_this_mean(
    run: Run, *, way: float = 1.0, halved: bool = False, share: float = 1.0
) -> Verdict:
    """The false neighbours change what is drawn, the last one what is stated."""
    run.assume(positive_step, EPS)
    cases = {
        "one side": (direct, False),
        "two sides": (direct, True),
        "fresh Gumbels": (fresh_noise(run.rng), False),
    }
    parts = {}
    for name, (estimator, two_sided) in cases.items():
        exact = [share * float(m) for m in THREE.mean(EPS, two_sided)]
        factor = way * ((2.0 if two_sided else 0.5) if halved else 1.0)
        found = factor * np.concatenate(
            [block[:, SHOWN[two_sided]] for block in _samples(run, estimator, two_sided)]
        )
        reach = abs(factor) / (float(EPS) * (2 if two_sided else 1))
        for column, k in enumerate(SHOWN[two_sided]):
            parts[f"{name}, coordinate {k}"] = mean_equals(
                found[:, column], exact[k], (-reach, reach), run.false_alarm
            )
    return all_of(parts)
