"""For the check: densities p(x|f) of the outputs f, written once more, as exp(constant + exponent) times a factor.

Probabilities of binary and class data are products of 1/(1 + e^t) and have no logarithm, so that their continuation to
complex outputs has poles and no cuts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb, factorial, prod
from typing import Any

from flint import acb, arb, fmpz

from elboproof.model.discrete import Bernoulli, Binomial, Categorical, NegativeBinomial, Poisson
from elboproof.model.likelihood import Gaussian, Likelihood
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.symmetric import ldl
from elboproof.rechecking.elementary import (
    complex_sigmoid,
    complex_softplus,
    complex_square,
    real_exp,
    real_sigmoid,
    real_softplus,
    real_square,
)
from elboproof.rechecking.integration import Unable

Parts = tuple[Any, Any]
"""Exponent and factor, balls."""
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
        (outputs, whether they are real) -> exponent and factor.
    """

    constant: arb
    log_supremum: arb
    parts: Callable[[Sequence[Any], bool], Parts]


def density(likelihood: Likelihood, x: Sequence[Fraction], outputs: int) -> Density:
    """Return p(x|f) for a decoder of so many outputs.

    Raises
    ------
    Unable
        If the family has no method here.
    """
    match likelihood:
        case Gaussian(heads=()):
            return _gaussian(likelihood, x, outputs)
        case Bernoulli():
            return _binomial([int(value) for value in x], [1] * outputs)
        case Binomial():
            return _binomial([int(value) for value in x], [int(likelihood.trials.of(j)) for j in range(outputs)])
        case Poisson():
            return _poisson([int(value) for value in x])
        case NegativeBinomial():
            dispersion = [exact(likelihood.dispersion.of(j), "dispersion") for j in range(outputs)]
            return _negative_binomial([int(value) for value in x], dispersion)
        case Categorical():
            return _categorical(x, likelihood.groups or (outputs,))
    raise Unable(f"a {type(likelihood).__name__} likelihood")


def _zero(real: bool) -> Any:
    return arb(0) if real else acb(0)


def _gaussian(likelihood: Gaussian, x: Sequence[Fraction], size: int) -> Density:
    # With C = L D L' and y = L^-1 (x - f), by forward substitution: log p = -sum y^2/(2D) - log det(2 pi C)/2.
    rows, pivots = _whitened(likelihood, size)
    data = [ball_of(value) for value in x]
    lower = [[(j, ball_of(entry)) for j, entry in enumerate(row) if entry != 0] for row in rows]
    halves = [ball_of(1 / (2 * pivot)) for pivot in pivots]
    determinant = ball_of(prod(pivots, start=Fraction(1)))
    constant = -(size * (2 * arb.pi()).log() + determinant.log()) / 2

    def parts(outputs: Sequence[Any], real: bool) -> Parts:
        square: Any = real_square if real else complex_square
        exponent, known = _zero(real), list[Any]()
        for row, half, datum, output in zip(lower, halves, data, outputs, strict=True):
            residual = datum - output
            for j, entry in row:
                residual = residual - entry * known[j]
            known.append(residual)
            exponent = exponent - square(residual) * half
        return exponent, _zero(real) + 1

    return Density(constant, constant, parts)


def _whitened(likelihood: Gaussian, size: int) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Return L below its diagonal, row by row, and D."""
    if likelihood.covariance is None:
        given = [exact(v, "variance") for v in likelihood.variance or ()]
        return [[] for _ in range(size)], given * (size if likelihood.scalar else 1)
    unit, pivots = ldl([[exact(entry, "covariance") for entry in row] for row in likelihood.covariance])
    return [[Fraction(entry) for entry in row[:j]] for j, row in enumerate(unit)], list(pivots)


def _binomial(x: Sequence[int], trials: Sequence[int]) -> Density:
    # C(n, x) s(f)^x s(-f)^(n - x) with s(f) = 1/(1 + e^-f); a probability is at most 1
    chosen = prod(comb(n, k) for k, n in zip(x, trials, strict=True))

    def parts(outputs: Sequence[Any], real: bool) -> Parts:
        sigmoid: Any = real_sigmoid if real else complex_sigmoid
        factor = _zero(real) + 1
        for f, k, n in zip(outputs, x, trials, strict=True):
            if k:
                factor = factor * sigmoid(f) ** k
            if n - k:
                factor = factor * sigmoid(-f) ** (n - k)
        return _zero(real), factor

    return Density(arb(fmpz(chosen)).log(), arb(0), parts)


def _poisson(x: Sequence[int]) -> Density:
    # exp(x f - e^f)/x!
    constant = -sum((arb(fmpz(factorial(k))).log() for k in x), arb(0))

    def parts(outputs: Sequence[Any], real: bool) -> Parts:
        exponent = _zero(real)
        for f, k in zip(outputs, x, strict=True):
            exponent = exponent + f * k - (real_exp(f) if real else f.exp())
        return exponent, _zero(real) + 1

    return Density(constant, arb(0), parts)


def _negative_binomial(x: Sequence[int], dispersion: Sequence[Fraction]) -> Density:
    # Gamma(x + r)/(Gamma(r) x!) exp(x g - (x + r) softplus(g)) with g = f - log r
    balls = [ball_of(r) for r in dispersion]
    constant = arb(0)
    for k, r in zip(x, balls, strict=True):
        constant += (r + k).lgamma() - r.lgamma() - arb(fmpz(factorial(k))).log()

    def parts(outputs: Sequence[Any], real: bool) -> Parts:
        softplus: Any = real_softplus if real else complex_softplus
        exponent = _zero(real)
        for f, k, r in zip(outputs, x, balls, strict=True):
            g = f - r.log()
            exponent = exponent + g * k - softplus(g) * (r + k)
        return exponent, _zero(real) + 1

    return Density(constant, arb(0), parts)


def _categorical(x: Sequence[Fraction], groups: Sequence[int]) -> Density:
    # e^(f_k) / sum_j e^(f_j) = 1/(1 + sum_(j != k) e^(f_j - f_k)) for the class k of each group
    ends = [sum(groups[:n]) for n in range(len(groups) + 1)]

    def parts(outputs: Sequence[Any], real: bool) -> Parts:
        exp: Any = real_exp if real else acb.exp
        factor = _zero(real) + 1
        for start, end in pairwise(ends):
            k = next(j for j in range(start, end) if x[j] == 1)
            total = _zero(real) + 1
            for j in range(start, end):
                if j != k:
                    total = total + exp(outputs[j] - outputs[k])
            factor = factor / total
        return _zero(real), factor

    return Density(arb(0), arb(0), parts)
