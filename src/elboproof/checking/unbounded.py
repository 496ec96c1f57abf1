r"""Confidence intervals for the mean of an unbounded law whose variance is known to be at most v: Catoni's estimator.

Let X_1, ..., X_n be independent with one law, mean mu and variance at most v; L = log(2 / delta), n > 2 L. Catoni
(2012), "Challenging the empirical mean and empirical variance: a deviation study", Proposition 2.4. With

    psi(x) = sign(x) log(1 + |x| + x^2 / 2),  eta^2 = 2 v L / (n - 2 L),  alpha^2 = 2 L / (n (v + eta^2)),

let T be the root of sum psi(alpha (X_i - t)) = 0, which falls in t. As -log(1 - x + x^2/2) <= psi(x) <=
log(1 + x + x^2/2) and 1 + y <= exp(y),

    E exp(sum psi(alpha (X_i - t))) <= exp(n alpha (mu - t) + n alpha^2 (v + (mu - t)^2) / 2).

At t = mu + eta the exponent is n alpha (-eta + alpha (v + eta^2) / 2) = -L, since alpha (v + eta^2) = sqrt(2 L (v +
eta^2) / n) = eta. Hence by Markov's inequality the sum is positive there, that is T > mu + eta, with probability
at most exp(-L) = delta / 2; the other side is the same. So |T - mu| <= eta with probability at least 1 - delta, and a
stated value that misses mu by more than 2 eta is refuted with that probability.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad

STEPS = 200
"""Halvings of the bracket; it is as narrow as floats allow after some 60 to 100."""


@dataclass(frozen=True)
class VarianceAtMost:
    """The assumption that every sample of an unbounded law has at most this variance.

    Parameters
    ----------
    value
        The bound, known beforehand: not read off the samples.
    known_by
        What proves it, such as "E[eps^4] = 3"; shown in the verdict.

    Raises
    ------
    ValueError
        If the bound is not positive and finite, or nothing is said to prove it.
    """

    value: float
    known_by: str

    def __post_init__(self) -> None:
        if not 0.0 < self.value < math.inf:
            raise bad("value", self.value, "a positive finite bound of the variance")
        if not str(self.known_by).strip():
            raise bad("known_by", self.known_by, "what proves the bound of the variance")


def catoni(values: NDArray[np.float64], variance: float, false_alarm: float) -> tuple[float, float]:
    """Return Catoni's estimate T of the mean and the half width eta of its confidence interval.

    Parameters
    ----------
    values
        Independent samples, shape (n,).
    variance
        The bound v.
    false_alarm
        Probability delta that the interval misses the mean.

    Raises
    ------
    ValueError
        If n is not above 2 log(2 / delta).
    """
    n, level = values.size, math.log(2.0 / false_alarm)
    if not n > 2.0 * level:
        raise bad(
            "samples", n, f"more than {2.0 * level:.3g} samples at the false-alarm rate {false_alarm:.2g}"
        )
    half = math.sqrt(2.0 * variance * level / (n - 2.0 * level))
    alpha = math.sqrt(2.0 * level / (n * (variance + half**2)))
    # The influence falls in t, is >= 0 at the least sample and <= 0 at the greatest: halving keeps the root between.
    # Arrays have shape (n,). The bracket's last width, some units in the last place, is far below eta.
    low, high = float(values.min()), float(values.max())
    for _ in range(STEPS):
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            break
        if _influence(alpha * (values - middle)) > 0.0:
            low = middle
        else:
            high = middle
    return low + (high - low) / 2.0, half


def _influence(x: NDArray[np.float64]) -> float:
    return float((np.sign(x) * np.log1p(np.abs(x) + x**2 / 2.0)).sum())
