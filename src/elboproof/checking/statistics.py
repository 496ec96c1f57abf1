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

import numpy as np
from numpy.typing import ArrayLike

from elboproof.arguments import bad, finite_array
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


def mean_equals(
    samples: ArrayLike,
    stated: float,
    bounds: tuple[float, float],
    false_alarm: float,
    *,
    quantity: float | None = None,
) -> Verdict:
    """Decide from independent bounded samples that their mean has the stated value.

    Refuted if the stated value lies outside the confidence interval, which happens to a true value with
    probability at most ``false_alarm``; established otherwise, up to `smallest_detectable`.

    Parameters
    ----------
    samples
        Independent draws of one law, shape (n,) with n >= 2.
    stated
        The claimed mean.
    bounds
        Interval that contains every possible sample: known beforehand, not read off the samples.
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
        If there are fewer than two samples, one is not finite or lies outside the bounds, the stated value
        is not finite, or ``false_alarm`` is not in (0, 1).
    """
    values = finite_array(samples, "samples", ("n",))
    lower, upper = _bounds(values, bounds)
    if not math.isfinite(stated):
        raise bad("stated", stated, "a finite number")
    if not 0.0 < false_alarm < 1.0:
        raise bad("false_alarm", false_alarm, "a probability strictly between 0 and 1")
    n, length = values.size, upper - lower
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    half = half_width(n, variance, length, false_alarm)
    spread = length * math.sqrt(2.0 * math.log(4.0 / false_alarm) / (n - 1))
    deviation = min(math.sqrt(variance) + spread, length / 2.0)
    inside = abs(mean - stated) <= half
    reason = (
        f"{stated:.6g} lies {'inside' if inside else 'outside'} {mean:.6g} +/- {half:.3g} "
        f"({n} samples, false-alarm rate {false_alarm:.2g})"
    )
    return reached(
        "statistical",
        "established" if inside else "refuted",
        reason,
        mean,
        float(stated),
        half,
        smallest_detectable=smallest_detectable(n, deviation, length, false_alarm),
        quantity=abs(stated) or None if quantity is None else quantity,
    )


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
