"""Verdicts on floating-point numbers: numeric evidence, whatever the numbers were made from.

Every comparison has three outcomes. A NaN decides nothing, so it is *undecided*: it neither establishes
a statement nor rejects a control.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import plain_array, require_doubles
from elboproof.checking.verdict import Verdict, reached

Floats = NDArray[np.float64]
Sides = tuple[Floats, Floats]


def _real(value: ArrayLike, name: str) -> NDArray[np.float64]:
    array = plain_array(value, name)
    if array.dtype.kind == "O":  # Fractions, and numbers of libraries with their own types
        try:
            array = np.vectorize(float, otypes=[np.float64])(array)
        except (TypeError, ValueError) as error:  # None, text, complex numbers, nothing at all
            raise wrong_type(name, value, "a real number or a non-empty array of them") from error
    if array.dtype.kind not in "fiu" or array.size == 0:
        raise wrong_type(name, value, "a real number or a non-empty array of them")
    require_doubles(array, name)
    return array.astype(np.float64)


def _pair(
    computed: ArrayLike, stated: ArrayLike, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ours, theirs = _real(computed, "computed"), _real(stated, name)
    # No broadcasting beyond scalars: a row compared with a column would establish what nobody stated.
    if theirs.shape not in ((), ours.shape):
        raise ValueError(f"{name}: got shape {theirs.shape}; expected a number or shape {ours.shape}")
    return ours.ravel(), np.broadcast_to(theirs, ours.shape).ravel()


def _tolerance(value: float) -> float:
    if not 0.0 <= value < np.inf:
        raise bad("tolerance", value, "a finite number >= 0")
    return float(value)


def _compare(ours: float, theirs: float, excess: float, tolerance: float, words: str) -> Verdict:
    if np.isnan(excess):
        return reached(
            "numeric", "undecided", f"{ours:.6g} and {theirs:.6g} cannot be compared", ours, theirs, excess
        )
    status = "established" if excess <= tolerance else "refuted"
    reason = f"{ours:.6g} {'is' if status == 'established' else 'is not'} {words.format(theirs, tolerance)}"
    return reached("numeric", status, reason, ours, theirs, abs(ours - theirs))


def _worst(excess: NDArray[np.float64]) -> int:
    # A NaN is the worst entry: argmax would pass it over or not, depending on where it stands.
    missing = np.isnan(excess)
    return int(missing.argmax() if missing.any() else excess.argmax())


def _decide(
    pair: Sides, excess_of: Callable[[Floats, Floats], Floats], tolerance: float, words: str
) -> Verdict:
    """Decide that the excess is at most the tolerance in every entry; the worst entry is reported."""
    allowed = _tolerance(tolerance)
    ours, theirs = pair
    with np.errstate(invalid="ignore"):
        excess = excess_of(ours, theirs)
    i = _worst(excess)
    return _compare(ours[i], theirs[i], excess[i], allowed, words)


def equal(computed: ArrayLike, stated: ArrayLike, tolerance: float) -> Verdict:
    """Decide ``|computed - stated| <= tolerance``; for arrays of one shape, in every entry.

    The entry with the largest difference is reported. A NaN anywhere makes the verdict undecided.

    Parameters
    ----------
    computed, stated
        Real numbers, or arrays of one shape; a scalar ``stated`` fits all of ``computed``.
    tolerance
        In the unit of both, at least 0.

    Returns
    -------
    Verdict
        Numeric; ``error`` is the largest difference.

    Raises
    ------
    ValueError
        If the tolerance is negative or not finite, or the shapes differ (a scalar ``stated`` fits all).

    Examples
    --------
    >>> from elboproof import checking
    >>> print(checking.equal([1.0, 2.0], [1.0, 2.5], tolerance=0.1).reason)
    2 is not equal to 2.5 within 0.1
    """
    pair = _pair(computed, stated, "stated")
    return _decide(
        pair, lambda ours, theirs: np.abs(ours - theirs), tolerance, "equal to {:.6g} within {:.3g}"
    )


def at_most(computed: ArrayLike, bound: ArrayLike, *, tolerance: float = 0.0) -> Verdict:
    """Decide ``computed <= bound + tolerance``; for arrays of one shape, in every entry.

    Parameters
    ----------
    computed, bound
        Real numbers, or arrays of one shape; a scalar ``bound`` fits all of ``computed``.
    tolerance
        In the unit of both, at least 0.

    Returns
    -------
    Verdict
        Numeric; ``error`` is the distance in the entry that decides. A NaN anywhere makes it undecided.

    Raises
    ------
    ValueError
        As in `equal`.
    """
    pair = _pair(computed, bound, "bound")
    return _decide(pair, np.subtract, tolerance, "at most {:.6g} (tolerance {:.3g})")


def at_least(computed: ArrayLike, bound: ArrayLike, *, tolerance: float = 0.0) -> Verdict:
    """Decide ``computed >= bound - tolerance``; for arrays of one shape, in every entry.

    Parameters
    ----------
    computed, bound
        Real numbers, or arrays of one shape; a scalar ``bound`` fits all of ``computed``.
    tolerance
        In the unit of both, at least 0.

    Returns
    -------
    Verdict
        Numeric; ``error`` is the distance in the entry that decides. A NaN anywhere makes it undecided.

    Raises
    ------
    ValueError
        As in `equal`.
    """
    pair = _pair(computed, bound, "bound")
    return _decide(pair, lambda ours, theirs: theirs - ours, tolerance, "at least {:.6g} (tolerance {:.3g})")
