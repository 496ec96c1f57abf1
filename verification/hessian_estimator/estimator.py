"""S4: the single-sample estimator of the Hessian is unbiased; noise is not reused."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, control, mean_equals

from .._shared.balls import Line, working_precision
from . import claim
from .hypotheses import definite_covariance, fresh_noise, slow_growth
from .integrals import BITS, CURVES, expected_derivative

Array = NDArray[np.float64]

PROBES, PAIRS = 14_000_000, 9_000_000
"""Numbers of samples that show errors of 2 %: probes scatter by 3.2 around 0.69, pairs by 0.4 around 0.15."""
BLOCK = 1_000_000
CLIP = 6.0
"""Noise beyond this is drawn again, as bounds need bounded samples. P(|eps| > 6) = 2e-9, which
moves the means by less than 1e-6."""
LINE = Line(Fraction(3, 10), Fraction(1, 4))
MEAN, SCALE = float(LINE.mean), float(LINE.variance) ** 0.5
FUNCTION = "(1/2 - tanh z)^2 5/2"
LARGEST = 5.7
"""Of the function on the real line: (3/2)^2 5/2 = 5.625."""


def standard_noise(rng: np.random.Generator, size: int) -> Array:
    """Return standard normal draws, conditioned on |eps| <= CLIP."""
    eps = rng.normal(size=size)
    while (outside := np.abs(eps) > CLIP).any():
        eps[outside] = rng.normal(size=int(outside.sum()))
    return eps


def loss(z: Array) -> Array:
    """The function in float64, apart from the balls' version."""
    return (0.5 - np.tanh(z)) ** 2 * 2.5


@claim.check(
    statement="S4",
    role="confirms",
    method="statistical",
    relation="=",
    states="the mean of (eps^2 - 1) g(m + sqrt(s) eps) over single samples is s E_q[g''], known by proof",
    domain=f"g = {FUNCTION}, a reconstruction term; q = {LINE}; {PROBES:,} samples",
    hypotheses=(definite_covariance, slow_growth, fresh_noise),
    controls=(
        control("without -I", shift=0.0),
        control("s E_q[g''] / 2 stated, as if this were Price's derivative", share=0.5),
        control("3 % more stated", share=1.03),
    ),
)
def single_samples_are_unbiased(run: Run, *, shift: float = 1.0, share: float = 1.0) -> Verdict:
    """The verdict states the smallest error that would have been seen."""
    run.assume(definite_covariance, LINE.variance)
    with working_precision(BITS):
        g = CURVES[FUNCTION]()
        run.assume(slow_growth, g.value, g.slope, g.bend)
    exact = float(LINE.variance) * expected_derivative(FUNCTION, 2, LINE)
    samples = np.empty((PROBES // BLOCK, BLOCK))
    before = standard_noise(run.rng, BLOCK)
    for row in samples:
        eps = standard_noise(run.rng, BLOCK)
        run.assume(fresh_noise, before, eps)
        row[:] = (eps**2 - shift) * loss(MEAN + SCALE * eps)
        before = eps
    return mean_equals(samples.ravel(), share * exact, (-LARGEST, CLIP**2 * LARGEST), run.false_alarm)


@claim.check(
    statement="S4",
    role="confirms",
    method="statistical",
    relation="=",
    states="the product of two slopes eps f(m + sqrt(s) eps), each with noise of its own, has the mean s (E_q[f'])^2",
    domain=f"f = tanh z, q = {LINE}, {PAIRS:,} pairs: the Gauss-Newton term from noise alone",
    hypotheses=(definite_covariance, slow_growth, fresh_noise),
    controls=(
        control("one noise for both factors", drops=(fresh_noise,), reuse=1),
        control("one noise for a tenth of the pairs", drops=(fresh_noise,), reuse=10),
        control("3 % more stated", share=1.03),
    ),
)
def products_need_fresh_noise(run: Run, *, reuse: int = 0, share: float = 1.0) -> Verdict:
    """With reused noise the mean is E[eps^2 f^2], which is not a square of a slope: the estimate is biased."""
    run.assume(definite_covariance, LINE.variance)
    with working_precision(BITS):
        f = CURVES["tanh z"]()
        run.assume(slow_growth, f.value, f.slope)
    exact = float(LINE.variance) * expected_derivative("tanh z", 1, LINE) ** 2
    products = np.empty((PAIRS // BLOCK, BLOCK))
    for row in products:
        first, second = (standard_noise(run.rng, BLOCK) for _ in range(2))
        if reuse:
            second[::reuse] = first[::reuse]
        run.assume(fresh_noise, first, second)
        row[:] = first * np.tanh(MEAN + SCALE * first) * second * np.tanh(MEAN + SCALE * second)
    return mean_equals(products.ravel(), share * exact, (-(CLIP**2), CLIP**2), run.false_alarm)
