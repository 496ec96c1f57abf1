r"""Verdicts on means, with guarantees at every sample size.

Let X_1, ..., X_n be independent with the same law on an interval of length c, with mean mu and standard
deviation s; V the unbiased sample variance; L = log(4 / delta).

*Interval.* Maurer and Pontil (2009), "Empirical Bernstein bounds and sample variance penalization",
Theorem 4, applied to X and to -X at delta / 2 each: with probability at least 1 - delta

    |mean - mu| <= h(V) = sqrt(2 V L / n) + 7 c L / (3 (n - 1)).

*Smallest detectable error.* Say that the stated value misses mu by more than D. It is refuted as soon as
|mean - stated| > h(V). Bernstein's inequality on both sides gives, up to probability delta / 2,
|mean - mu| <= s sqrt(2 L / n) + c L / (3 n), and Theorem 10 of the same paper gives, up to delta / 4,
sqrt(V) <= s + c sqrt(2 L / (n - 1)). On both events |mean - stated| - h(V) is positive if D is at least

    D(s) = (2 s + c sqrt(2 L / (n - 1))) sqrt(2 L / n) + 7 c L / (3 (n - 1)) + c L / (3 n),

so the error is seen with probability at least 1 - 3 delta / 4. As s is unknown, the verdict reports D at the
upper bound min(sqrt(V) + c sqrt(2 L / (n - 1)), c / 2): Theorem 10 again, up to delta / 4, and Popoviciu.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from elboproof.arguments import bad
from elboproof.arrays import finite_array
from elboproof.checking.unbounded import VarianceAtMost, catoni
from elboproof.checking.verdict import Verdict, reached


def half_width(n: int, variance: float, length: float, false_alarm: float) -> float:
    """Return h(V): the half width of the confidence interval for a mean of n samples.

    Parameters
    ----------
    n
        Number of samples, at least 2.
    variance
        The unbiased sample variance V.
    length
        Length c of the interval that holds all samples.
    false_alarm
        Probability delta that the interval misses the mean.
    """
    # Theorem 4 has log(2 / delta) for one side; two sides at delta / 2 each make it log(4 / delta).
    level = math.log(4.0 / false_alarm)
    return math.sqrt(2.0 * variance * level / n) + 7.0 * length * level / (3.0 * (n - 1))


def smallest_detectable(n: int, deviation: float, length: float, false_alarm: float) -> float:
    """Return D(s): an error larger than this is refuted with probability at least 1 - false_alarm.

    ``deviation`` is the standard deviation s of one sample, or an upper bound of it.
    """
    level = math.log(4.0 / false_alarm)
    spread = length * math.sqrt(2.0 * level / (n - 1))
    tails = 7.0 * length * level / (3.0 * (n - 1)) + length * level / (3.0 * n)
    return (2.0 * deviation + spread) * math.sqrt(2.0 * level / n) + tails


Spread: TypeAlias = "tuple[float, float] | VarianceAtMost"
"""What is known of every sample beforehand: an interval that contains it, or a bound of its variance."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval for a mean: its centre, half width, power and assumptions."""

    centre: float
    half: float
    detectable: float
    words: str


def confidence_interval(samples: ArrayLike, spread: Spread, false_alarm: float) -> Interval:
    """Return an interval that misses the mean with probability at most ``false_alarm``, see `mean_equals`."""
    values = finite_array(samples, "samples", ("n",))
    if not 0.0 < false_alarm < 1.0:
        raise bad("false_alarm", false_alarm, "a probability strictly between 0 and 1")
    words = f"{values.size} samples, false-alarm rate {false_alarm:.2g}"
    if isinstance(spread, VarianceAtMost):
        centre, half = catoni(values, spread.value, false_alarm)
        return Interval(
            centre, half, 2.0 * half, f"{words}, variance at most {spread.value:.4g} by {spread.known_by}"
        )
    # The variance and the deviation are bounds that hold up to their share of delta, see above; the sample deviation
    # itself would understate D for skewed laws.
    lower, upper = _bounds(values, spread)
    n, length = values.size, upper - lower
    variance = float(values.var(ddof=1))
    half = half_width(n, variance, length, false_alarm)
    outer = length * math.sqrt(2.0 * math.log(4.0 / false_alarm) / (n - 1))
    deviation = min(math.sqrt(variance) + outer, length / 2.0)
    return Interval(float(values.mean()), half, smallest_detectable(n, deviation, length, false_alarm), words)


def mean_equals(
    samples: ArrayLike, stated: float, bounds: Spread, false_alarm: float, *, quantity: float | None = None
) -> Verdict:
    """Decide from independent samples that their mean has the stated value.

    Refuted if the stated value lies outside the confidence interval, which happens to a true value with
    probability at most ``false_alarm``; established otherwise, up to `smallest_detectable`.

    Parameters
    ----------
    samples
        Independent draws of one law, shape (n,) with n >= 2.
    stated
        The claimed mean.
    bounds
        Interval that contains every possible sample, or a bound of the variance (`VarianceAtMost`) where there
        is none: known beforehand, not read off the samples.
    false_alarm
        Usually ``run.false_alarm``.
    quantity
        The size of what is decided, to which the smallest detectable error compares: ``|stated|`` if not given.
        A stated mean of 0 needs one.

    Returns
    -------
    Verdict
        ``error`` is the half width of the interval.

    Raises
    ------
    ValueError
        If there are too few samples, one is not finite or lies outside the bounds, the stated value
        is not finite, or ``false_alarm`` is not in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from elboproof import checking
    >>> samples = np.random.default_rng(0).random(10_000)
    >>> [checking.mean_equals(samples, stated, (0.0, 1.0), 1e-6).status for stated in (0.5, 0.6)]
    ['established', 'refuted']
    """
    # Two-sided and never undecided: a stated value inside the interval is established only up to the smallest
    # detectable error, which the finding compares with the quantity.
    interval, value = confidence_interval(samples, bounds, false_alarm), _finite("stated", stated)
    inside = abs(interval.centre - value) <= interval.half
    words = f"{value:.6g} lies {'inside' if inside else 'outside'}"
    return _verdict("established" if inside else "refuted", words, interval, value, quantity)


def mean_at_most(
    samples: ArrayLike, bound: float, bounds: Spread, false_alarm: float, *, quantity: float | None = None
) -> Verdict:
    """Decide from independent samples that their mean is at most a bound.

    Established if the whole confidence interval lies at or below the bound, refuted if it lies above, otherwise
    undecided: a mean at the bound itself cannot be told from one beside it. Each of the first two is wrong
    with probability at most ``false_alarm``. A mean that exceeds the bound by more than the smallest detectable
    error is refuted, and one that is lower by more is established, with probability at least
    ``1 - false_alarm``.

    Parameters
    ----------
    samples
        As in `mean_equals`.
    bound
        The claimed upper bound.
    bounds, false_alarm, quantity
        As in `mean_equals`; ``quantity`` is ``|bound|`` if not given.

    Returns
    -------
    Verdict
        ``error`` is the half width of the interval.

    Raises
    ------
    ValueError
        As in `mean_equals`.
    """
    # Three answers, as one-sided statements have a border: inside the interval neither side is shown.
    interval, value = confidence_interval(samples, bounds, false_alarm), _finite("bound", bound)
    if interval.centre + interval.half <= value:
        return _verdict("established", f"{value:.6g} lies above all of", interval, value, quantity)
    if interval.centre - interval.half > value:
        return _verdict("refuted", f"{value:.6g} lies below all of", interval, value, quantity)
    return _verdict("undecided", f"{value:.6g} lies inside", interval, value, quantity)


def mean_at_least(
    samples: ArrayLike, bound: float, bounds: Spread, false_alarm: float, *, quantity: float | None = None
) -> Verdict:
    """Decide from independent samples that their mean is at least a bound; see `mean_at_most`.

    Parameters
    ----------
    samples
        As in `mean_equals`.
    bound
        The claimed lower bound.
    bounds, false_alarm, quantity
        As in `mean_at_most`.

    Returns
    -------
    Verdict
        ``error`` is the half width of the interval.

    Raises
    ------
    ValueError
        As in `mean_equals`.
    """
    interval, value = confidence_interval(samples, bounds, false_alarm), _finite("bound", bound)
    if interval.centre - interval.half >= value:
        return _verdict("established", f"{value:.6g} lies below all of", interval, value, quantity)
    if interval.centre + interval.half < value:
        return _verdict("refuted", f"{value:.6g} lies above all of", interval, value, quantity)
    return _verdict("undecided", f"{value:.6g} lies inside", interval, value, quantity)


def _verdict(status: str, words: str, interval: Interval, stated: float, quantity: float | None) -> Verdict:
    return reached(
        "statistical",
        status,
        f"{words} {interval.centre:.6g} +/- {interval.half:.3g} ({interval.words})",
        interval.centre,
        stated,
        interval.half,
        smallest_detectable=interval.detectable,
        quantity=abs(stated) or None if quantity is None else quantity,
    )


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise bad(name, value, "a finite number")
    return float(value)


def _bounds(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], bounds: tuple[float, float]
) -> tuple[float, float]:
    lower, upper = float(bounds[0]), float(bounds[1])
    if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        raise bad("bounds", bounds, "two finite numbers, the lower one first")
    if values.size < 2:
        raise bad("samples", values, "at least two samples")
    outside = values[(values < lower) | (values > upper)]
    if outside.size:
        raise ValueError(f"samples: got {float(outside[0])!r}; expected samples within the bounds {bounds}")
    return lower, upper
