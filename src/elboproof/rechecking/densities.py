"""For the check: densities p(x|f) of the outputs f, written once more, of real intervals and of complex rectangles.

Over rectangles only |p(x|f)| is asked for: its exponent's real part, and products of |1/(1 + e^t)|, whose continuation
has poles and no cuts. A power (1 + e^t)^-r has none either where 1 + e^t has no zero: the rectangles cover a region
without holes, on which its logarithm continues from the real line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import prod

from flint import acb, arb, fmpz

from elboproof.model.discrete import Bernoulli, Binomial, Categorical, NegativeBinomial, Poisson
from elboproof.model.likelihood import Gaussian, Likelihood
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.symmetric import ldl
from elboproof.rechecking.elementary import real_exp, real_sigmoid, real_softplus, real_square
from elboproof.rechecking.integration import Unable

Parts = tuple[arb, arb]
"""Exponent and factor."""
FAMILIES: dict[str, type] = {
    "gaussian": Gaussian,
    "bernoulli": Bernoulli,
    "binomial": Binomial,
    "poisson": Poisson,
    "negative-binomial": NegativeBinomial,
    "categorical": Categorical,
}
"""Those that have a method here, by the word that a certificate uses."""


@dataclass(frozen=True)
class Density:
    """p(x|f) for one x, at the precision at which it was made.

    Attributes
    ----------
    constant : arb
        What does not depend on f, in nats.
    log_supremum : arb
        An upper bound of log p(x|f) over all f.
    parts : callable
        Outputs, D real balls -> exponent and factor: p(x|f) is exp(constant + exponent) times the factor.
    sizes : callable
        Outputs, D complex balls -> exponent and factor, the same of |p(x|f)|; infinite or NaN where p(x|f) is not known
        to be analytic.
    """

    constant: arb
    log_supremum: arb
    parts: Callable[[Sequence[arb]], Parts]
    sizes: Callable[[Sequence[acb]], Parts]


def density(likelihood: Likelihood, x: Sequence[Fraction], outputs: int) -> Density:
    """Return p(x|f) for a decoder of so many outputs.

    Raises
    ------
    Unable
        If the family has no method here.
    """
    counts = [int(value) for value in x]
    match likelihood:
        case Gaussian(heads=()):
            return _gaussian(likelihood, x, outputs)
        case Bernoulli():
            return _binomial(counts, [1] * outputs)
        case Binomial():
            return _binomial(counts, [int(likelihood.trials.of(j)) for j in range(outputs)])
        case Poisson():
            return _poisson(counts)
        case NegativeBinomial():
            dispersion = [exact(likelihood.dispersion.of(j), "dispersion") for j in range(outputs)]
            return _negative_binomial(counts, dispersion)
        case Categorical():
            return _categorical(x, likelihood.groups or (outputs,))
    raise Unable(f"a {type(likelihood).__name__} likelihood")


def _gaussian(likelihood: Gaussian, x: Sequence[Fraction], size: int) -> Density:
    # With C = L D L' and y = L^-1 (x - f), by forward substitution: log p = -sum y^2/(2D) - log det(2 pi C)/2.
    rows, pivots = _whitened(likelihood, size)
    data = [ball_of(value) for value in x]
    lower = [[(j, ball_of(entry)) for j, entry in enumerate(row) if entry != 0] for row in rows]
    halves = [ball_of(1 / (2 * pivot)) for pivot in pivots]
    determinant = ball_of(prod(pivots, start=Fraction(1)))
    constant = -(size * (2 * arb.pi()).log() + determinant.log()) / 2

    def whitened(residuals: Sequence[arb]) -> list[arb]:
        known: list[arb] = []
        for row, residual in zip(lower, residuals, strict=True):
            known.append(residual - sum((entry * known[j] for j, entry in row), arb(0)))
        return known

    def parts(outputs: Sequence[arb]) -> Parts:
        y = whitened([datum - f for datum, f in zip(data, outputs, strict=True)])
        return -sum((real_square(one) * half for one, half in zip(y, halves, strict=True)), arb(0)), arb(1)

    def sizes(outputs: Sequence[acb]) -> Parts:
        # (a + ib)^2 has the real part a^2 - b^2
        a, _ = parts([f.real for f in outputs])
        b = whitened([f.imag for f in outputs])
        return a + sum((real_square(one) * half for one, half in zip(b, halves, strict=True)), arb(0)), arb(1)

    return Density(constant, constant, parts, sizes)


def _whitened(likelihood: Gaussian, size: int) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Return L below its diagonal, row by row, and D."""
    if likelihood.covariance is None:
        given = [exact(v, "variance") for v in likelihood.variance or ()]
        return [[] for _ in range(size)], given * (size if likelihood.scalar else 1)
    unit, pivots = ldl([[exact(entry, "covariance") for entry in row] for row in likelihood.covariance])
    return [[Fraction(entry) for entry in row[:j]] for j, row in enumerate(unit)], list(pivots)


def least_size(t: acb) -> arb:
    """Return a lower bound of |1 + e^t| over a rectangle, 0 where it may vanish."""
    # For t = a + ib, |1 + e^t|^2 = 1 + 2 e^a cos b + e^2a = (e^a + cos b)^2 + sin^2 b. The first form is best for
    # cos b >= 0, the second for cos b < 0; both are true.
    grown, cosine, sine = real_exp(t.real), t.imag.cos(), t.imag.sin()
    first = 1 + 2 * grown * cosine + real_square(grown)
    second = real_square(grown + cosine) + real_square(sine)
    best = max((form.lower() for form in (first, second) if form.is_finite()), default=arb(0))
    return best.sqrt().lower() if best > 0 else arb(0)


def _log_factorial(n: int) -> arb:
    # as log Gamma: of a hostile n the product would not end
    return arb(fmpz(n) + 1).lgamma()


def _binomial(x: Sequence[int], trials: Sequence[int]) -> Density:
    # C(n, x) s(f)^x s(-f)^(n - x) with s(f) = 1/(1 + e^-f); a probability is at most 1
    chosen = (
        _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k) for k, n in zip(x, trials, strict=True)
    )
    powers = [
        (j, sign, m)
        for j, (k, n) in enumerate(zip(x, trials, strict=True))
        for sign, m in ((1, k), (-1, n - k))
        if m
    ]

    def parts(outputs: Sequence[arb]) -> Parts:
        return arb(0), prod((real_sigmoid(sign * outputs[j]) ** m for j, sign, m in powers), start=arb(1))

    def sizes(outputs: Sequence[acb]) -> Parts:
        return arb(0), 1 / prod((least_size(-sign * outputs[j]) ** m for j, sign, m in powers), start=arb(1))

    return Density(sum(chosen, arb(0)), arb(0), parts, sizes)


def _poisson(x: Sequence[int]) -> Density:
    # exp(x f - e^f)/x!
    constant = -sum((_log_factorial(k) for k in x), arb(0))

    def parts(outputs: Sequence[arb]) -> Parts:
        return sum((f * k - real_exp(f) for f, k in zip(outputs, x, strict=True)), arb(0)), arb(1)

    def sizes(outputs: Sequence[acb]) -> Parts:
        terms = (f.real * k - real_exp(f.real) * f.imag.cos() for f, k in zip(outputs, x, strict=True))
        return sum(terms, arb(0)), arb(1)

    return Density(constant, arb(0), parts, sizes)


def _negative_binomial(x: Sequence[int], dispersion: Sequence[Fraction]) -> Density:
    # Gamma(x + r)/(Gamma(r) x!) exp(x g - (x + r) softplus(g)) with g = f - log r
    balls = [ball_of(r) for r in dispersion]
    constant, logs = arb(0), [r.log() for r in balls]
    for k, r in zip(x, balls, strict=True):
        constant += (r + k).lgamma() - r.lgamma() - _log_factorial(k)

    def parts(outputs: Sequence[arb]) -> Parts:
        exponent = arb(0)
        for f, k, r, log in zip(outputs, x, balls, logs, strict=True):
            exponent += (f - log) * k - real_softplus(f - log) * (r + k)
        return exponent, arb(1)

    def sizes(outputs: Sequence[acb]) -> Parts:
        exponent = arb(0)
        for f, k, r, log in zip(outputs, x, balls, logs, strict=True):
            exponent += (f.real - log) * k - least_size(f - log).log() * (r + k)
        return exponent, arb(1)

    return Density(constant, arb(0), parts, sizes)


def _categorical(x: Sequence[Fraction], groups: Sequence[int]) -> Density:
    # e^(f_k) / sum_j e^(f_j) = 1/(1 + sum_(j != k) e^(f_j - f_k)) for the class k of each group
    ends = [sum(groups[:n]) for n in range(len(groups) + 1)]
    chosen = [
        (range(start, end), next(j for j in range(start, end) if x[j] == 1)) for start, end in pairwise(ends)
    ]

    def parts(outputs: Sequence[arb]) -> Parts:
        factor = arb(1)
        for group, k in chosen:
            factor /= 1 + sum((real_exp(outputs[j] - outputs[k]) for j in group if j != k), arb(0))
        return arb(0), factor

    def sizes(outputs: Sequence[acb]) -> Parts:
        factor = arb(1)
        for group, k in chosen:
            total = 1 + sum(((outputs[j] - outputs[k]).exp() for j in group if j != k), acb(0))
            factor /= total.abs_lower()
        return arb(0), factor

    return Density(arb(0), arb(0), parts, sizes)
