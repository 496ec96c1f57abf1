r"""Verdicts on orders and limits, from finitely many values.

No finite number of values shows a limit. What is decided is named: successive slopes *between these scales*, or that
the distance to a stated limit is below C h^p *at these scales*. A slope is that of log e against log h.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elboproof.arguments import bad
from elboproof.arrays import finite_array
from elboproof.checking.enclosed import Ball, as_arb, ends_of, exact_arb, steady
from elboproof.checking.exact_ends import dyadic, seen
from elboproof.checking.methods import weakest
from elboproof.checking.verdict import Verdict, by_hand, reached

Scale = int | float | Fraction | str


def slope_equals(
    scales: ArrayLike, values: ArrayLike, order: float, tolerance: float, *, relative_error: float = 0.0
) -> Verdict:
    r"""Decide that values fall like ``scale^order``: the least squares slope of log value against log scale.

    With x_i = log h_i, the slope is sum w_i log e_i, w_i = (x_i - mean x) / sum (x_j - mean x)^2. If each value is
    known up to a factor of ``1 + relative_error`` either way, the slope is known up to rho = log(1 +
    relative_error) sum |w_i|. Established if |slope - order| + rho <= tolerance, refuted if |slope - order| - rho >
    tolerance, undecided between. Values of a pure power whose exponent is off by more than
    ``tolerance + 2 rho`` are refuted: that is the smallest detectable error, and ``|order|`` the quantity.

    Parameters
    ----------
    scales, values
        Positive, shape (n,), at least 3 of them; the scales differ.
    order
        The stated slope.
    tolerance
        What the next terms of an expansion may add, argued by the author.
    relative_error
        Bound of the values' own errors. If it is a confidence statement, weaken the verdict to "statistical".

    Returns
    -------
    Verdict
        Numeric; ``computed`` is the slope, ``error`` its distance from the order.

    Raises
    ------
    ValueError
        If a number is not positive, or scales repeat.
    """
    h, e = _positive(scales, "scales"), _positive(values, "values")
    if h.shape != e.shape:
        raise ValueError(f"values: got shape {e.shape}; expected the shape {h.shape} of scales")
    if h.size < 3 or np.unique(h).size < h.size:
        raise bad("scales", scales, "at least 3 numbers that differ")
    _check(order, tolerance)
    if not 0.0 <= relative_error < math.inf:
        raise bad("relative_error", relative_error, "a finite number >= 0")
    # The slope is linear in log e, so that its error is at most sum |w_i| times that of the logarithms.
    x = np.log(h) - np.log(h).mean()
    weights = x / (x @ x)
    slope, rho = float(weights @ np.log(e)), math.log1p(relative_error) * float(np.abs(weights).sum())
    off = abs(slope - order)
    status = _status(off + rho <= tolerance, off - rho > tolerance)
    words = {"established": "is", "refuted": "is not", "undecided": "is not shown to be"}[status]
    reason = f"the slope {slope:.5g} +/- {rho:.2g} {words} {order:g} within {tolerance:.3g} ({h.size} values)"
    return reached(
        "numeric", status, reason, slope, float(order), off,
        smallest_detectable=tolerance + 2.0 * rho, quantity=abs(order),
    )  # fmt: skip


@steady
def ball_slope(
    scales: Sequence[Scale], values: Sequence[Ball], order: float, within: float | Sequence[float]
) -> Verdict:
    """Decide that the slope between each two successive scales lies within a distance of the order, by enclosures.

    Radii are kept: a value of which only ``|e| <= r`` is known has no slope, and the verdict is undecided.
    Established if every |slope - order| is at most ``within``, refuted if one is surely larger, else undecided.
    The verdict is as strong as the enclosures, see `elboproof.checking.ball_equal`.

    Parameters
    ----------
    scales
        Exact and positive, falling or rising strictly; text such as "1/100" too.
    values
        Enclosures of positive numbers, as many.
    order
        The stated slope.
    within
        A distance for all steps, or one for each: the next terms count less at smaller scales. A pure power
        whose exponent is off by more than the smallest one, and twice the radius of that slope, is refuted: this
        is the smallest detectable error, and ``|order|`` the quantity.

    Returns
    -------
    Verdict
        Its ``error`` is the largest distance from the order.

    Raises
    ------
    ValueError
        If there are fewer than 2 scales, they are not monotone, or numbers do not fit.
    TypeError
        If a value is no enclosure.
    """
    h = _scales(scales, values)
    steps = len(h) - 1
    allowed = [float(w) for w in within] if isinstance(within, Sequence) else [float(within)] * steps
    if len(allowed) != steps:
        raise bad("within", within, f"one distance, or {steps}")
    for one in allowed:
        _check(order, one)
    slopes = [_slope(h[i : i + 2], values[i : i + 2]) for i in range(steps)]
    off = [abs(slope - exact_arb(order)) for slope in slopes]
    limits = [exact_arb(one) for one in allowed]
    # Comparisons of balls are true only if they hold for all points of both: "sure" and "wrong" are both proofs, and
    # disjoint.
    sure = all(a <= b for a, b in zip(off, limits, strict=True))
    wrong = any(a > b for a, b in zip(off, limits, strict=True))
    status = _status(sure, wrong)
    words = {"established": "lie", "refuted": "do not lie", "undecided": "are not shown to lie"}[status]
    shown = ", ".join(str(slope.str(5)) for slope in slopes)
    reason = f"the slopes {shown} between these scales {words} within {_list(allowed)} of {order:g}"
    worst = max(float(one.upper()) for one in off)
    seen = min(one + 2.0 * float(slope.rad()) for one, slope in zip(allowed, slopes, strict=True))
    return _by_enclosures(values)(
        status, reason, str(slopes[-1].str(8)), float(order), worst,
        smallest_detectable=seen, quantity=abs(order),
    )  # fmt: skip


@steady
def tends_to(
    scales: Sequence[Scale],
    values: Sequence[Ball],
    limit: Ball,
    *,
    order: float,
    factor: float,
    quantity: float | None = None,
) -> Verdict:
    """Decide that the distance of values to a limit is at most ``factor * scale^order`` at each scale, by enclosures.

    This bounds the distance at these scales, at the stated rate; that the rate goes on is for the author to argue.
    Established if every distance is surely at most its bound, refuted if one is surely larger, else undecided.

    Parameters
    ----------
    scales
        Exact and positive, falling strictly; text such as "1/100" too.
    values
        Enclosures, as many.
    limit
        The stated limit: an enclosure, or an exact number; a float as the double that it is.
    order, factor
        The rate: positive. The factor is stated, not fitted.
    quantity
        The size of what is decided: |limit| if not given. A limit of 0 needs one. The smallest detectable error of
        the limit is twice the smallest bound, as that bound allows one to be off by so much.

    Returns
    -------
    Verdict
        As strong as the enclosures, see `elboproof.checking.ball_equal`.

    Raises
    ------
    ValueError
        If the scales do not fall, or numbers do not fit.
    TypeError
        If a value is no enclosure.
    """
    h = _scales(scales, values)
    if not h[0] > h[-1]:
        raise bad("scales", scales, "scales that fall")
    for name, number in (("order", order), ("factor", factor)):
        if not 0.0 < number < math.inf:
            raise bad(name, number, "a positive finite number")
    # Distances are balls, so that a value known only up to its radius is not shown to be near.
    stated = exact_arb(limit) if isinstance(limit, float) else as_arb(limit, "limit")
    bounds = [exact_arb(factor) * exact_arb(scale) ** exact_arb(order) for scale in h]
    distances = [abs(as_arb(value, "values") - stated) for value in values]
    sure = all(a <= b for a, b in zip(distances, bounds, strict=True))
    wrong = any(a > b for a, b in zip(distances, bounds, strict=True))
    status = _status(sure, wrong)
    words = {"established": "stay", "refuted": "do not stay", "undecided": "are not shown to stay"}[status]
    reason = (
        f"the distances to {stated.str(8)} {words} below {factor:g} h^{order:g} at {len(h)} scales, "
        f"the last one {distances[-1].str(4)}"
    )
    size = abs(float(stated.mid())) or None if quantity is None else quantity
    return _by_enclosures([*values, _as_stated(limit)])(
        status, reason, str(as_arb(values[-1], "values").str(8)), str(stated.str(8)), float(distances[-1].upper()),
        smallest_detectable=2.0 * min(float(bound.upper()) for bound in bounds), quantity=size,
    )  # fmt: skip


def _as_stated(limit: Ball) -> Ball:
    """Return a limit as the exact number that it is, where it is one: it is stated, not computed."""
    from flint import arb

    exact = arb(limit) if isinstance(limit, float) else limit
    if isinstance(exact, arb) and exact.is_exact():
        number = dyadic(exact)
        return exact if number is None else number
    return limit


def _by_enclosures(values: Sequence[Ball]) -> Callable[..., Verdict]:
    """Return what makes the verdict: as strong as the weakest enclosure, and by hand if one is."""
    # One enclosure by hand makes the whole slope by hand, as its word is the weakest of all.
    ends = [ends_of(value, "values") for value in values]
    make, method = (
        by_hand if any(one.by_hand for one in ends) else reached,
        weakest(one.method for one in ends),
    )
    return lambda *numbers, **options: make(method, *numbers, **{**options, **seen(ends)})


def _slope(scales: Sequence[Fraction], values: Sequence[Ball]) -> Any:
    # A ball with 0 in it has no logarithm: FLINT's answer is NaN then, which is neither sure nor wrong.
    first, second = (as_arb(value, "values") for value in values)
    return (first / second).log() / (exact_arb(scales[0]) / exact_arb(scales[1])).log()


def _scales(scales: Sequence[Scale], values: Sequence[Ball]) -> list[Fraction]:
    # Exact scales: log(h_1 / h_2) of rounded ones would be off by as much as small slopes differ.
    h = [Fraction(scale) for scale in scales]
    steps = [b - a for a, b in pairwise(h)]
    monotone = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    if len(h) < 2 or min(h) <= 0 or not monotone:
        raise bad("scales", scales, "at least 2 positive numbers that rise or fall strictly")
    if len(values) != len(h):
        raise bad("values", len(values), f"as many values as scales, {len(h)}")
    return h


def _positive(numbers: ArrayLike, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    array = finite_array(numbers, name, ("n",))
    if (array <= 0).any():
        raise bad(name, numbers, "positive numbers")
    return array


def _check(order: float, tolerance: float) -> None:
    if not math.isfinite(order) or order == 0:
        raise bad("order", order, "a finite number other than 0")
    if not 0.0 < tolerance < math.inf:
        raise bad("tolerance", tolerance, "a positive finite number")


def _status(sure: bool, wrong: bool) -> str:
    return "established" if sure else "refuted" if wrong else "undecided"


def _list(numbers: Sequence[float]) -> str:
    return ", ".join(f"{one:.3g}" for one in dict.fromkeys(numbers))
