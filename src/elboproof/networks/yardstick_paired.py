"""Differences of two networks, paired, with a confidence interval; nats and bits."""

import math
from dataclasses import dataclass

import torch

from elboproof.arguments import bad, require_positive, wrong_type


@dataclass(frozen=True)
class PairedDifference:
    """The mean of first - second over pairs.

    Attributes
    ----------
    mean, error : float
        In the unit of the scores; the standard error of the mean.
    lower, upper : float
        Student's confidence interval of the mean of which the pairs are a sample.
    pairs : int
    confidence : float
    """

    mean: float
    error: float
    lower: float
    upper: float
    pairs: int
    confidence: float


def paired_difference(
    first: torch.Tensor, second: torch.Tensor, *, confidence: float = 0.95
) -> PairedDifference:
    """Return the mean difference of two scores with its confidence interval.

    Parameters
    ----------
    first, second
        (N,) scores of the same test points, or means of the same N seeds: what is drawn independently is one pair. The
        interval over test points is for these two trained networks, the one over seeds for the way of training.
    confidence
        Between 0 and 1.

    Returns
    -------
    PairedDifference
        The mean of first - second, its standard ``error``, and the ends of the interval.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or there are less than two pairs.

    Notes
    -----
    mean +- t_(N-1) s / sqrt N: pairing takes the spread of the points themselves, tens of nats, out of the error.

    Examples
    --------
    >>> import torch
    >>> from elboproof import networks
    >>> first = torch.tensor([-80.0, -95.0, -110.0], dtype=torch.float64)
    >>> found = networks.paired_difference(first, first - torch.tensor([1.0, 1.1, 0.9], dtype=torch.float64))
    >>> print(f"{found.mean:.2f} in [{found.lower:.2f}, {found.upper:.2f}]")
    1.00 in [0.75, 1.25]
    """
    from scipy.stats import t

    for name, value in (("first", first), ("second", second)):
        given: object = value
        if not isinstance(given, torch.Tensor) or not value.is_floating_point() or value.ndim != 1:
            raise wrong_type(name, value, "a floating-point tensor of shape (N,)")
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name}: got infinite or NaN scores; expected finite numbers")
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"second: got {len(second)} scores for {len(first)}; expected as many, at least two")
    if not 0 < confidence < 1:
        raise bad("confidence", confidence, "a number between 0 and 1")
    difference = first.double() - second.double()
    count, mean = len(difference), float(difference.mean())
    error = float(difference.std()) / math.sqrt(count)
    half = float(t.ppf(0.5 + confidence / 2, count - 1)) * error
    return PairedDifference(mean, error, mean - half, mean + half, count, confidence)


def bits_per_dimension(nats: float, dimensions: int, scale: float) -> float:
    """Return -log2 of the density of x / scale, for each dimension.

    Parameters
    ----------
    nats
        log p(x) or a bound of it, of x in its own units.
    dimensions
        D.
    scale
        The data's: one step of its quantisation, or its standard deviation. The density of x / c is c^D p(x), so that
        the number is the same whatever the unit of x.

    Returns
    -------
    float
        In bits.

    Raises
    ------
    ValueError
        If dimensions or scale are not positive, or nats are not finite.

    Examples
    --------
    >>> import math
    >>> from elboproof import networks
    >>> networks.bits_per_dimension(-64 * math.log(2), dimensions=64, scale=1.0)
    1.0
    """
    require_positive(dimensions=dimensions, scale=scale)
    if not math.isfinite(nats):
        raise bad("nats", nats, "a finite number")
    return -(nats + dimensions * math.log(scale)) / (dimensions * math.log(2))
