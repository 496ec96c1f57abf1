"""The verdict on a statement, and its constructors for floating-point numbers.

Every comparison has three outcomes. A NaN decides nothing, so it is *undecided*: it neither establishes
a statement nor rejects a control.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad, plain_array, require_doubles, wrong_type
from elboproof.checking.plain import Plain, plain, plain_series

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]
STATUSES = ("established", "refuted", "undecided")


@dataclass(frozen=True)
class Verdict:
    """What a check found out about its statement.

    Parameters
    ----------
    status
        "established", "refuted" or "undecided".
    reason
        One sentence for a reader.
    computed, stated, error
        The decisive numbers: floats, or text for exact values and enclosures. NumPy scalars, Fractions,
        balls and SymPy numbers are converted.
    smallest_detectable
        For a statistical check: a deviation larger than this would have been seen, see
        `elboproof.checking.statistics.mean_equals`.
    data
        Named series of floats of shape (n,) that a figure may draw.

    Raises
    ------
    ValueError
        If the status is unknown, the reason is empty, or a series is not one-dimensional and real.
    """

    status: str
    reason: str
    computed: Any = None
    stated: Any = None
    error: Any = None
    smallest_detectable: float | None = None
    data: Mapping[str, Sequence[float]] | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise bad("status", self.status, f"one of {', '.join(STATUSES)}")
        if not str(self.reason).strip():
            raise bad("reason", self.reason, "a sentence")
        for name in ("computed", "stated", "error"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.smallest_detectable is not None:
            object.__setattr__(self, "smallest_detectable", float(self.smallest_detectable))
        if self.data is not None:
            object.__setattr__(self, "data", plain_series(self.data))

    def __bool__(self) -> bool:
        raise TypeError("a Verdict has three values: compare its .status, or combine verdicts with all_of")

    def with_data(self, **series: ArrayLike) -> Self:
        """Return the verdict with these series of shape (n,) added to its data."""
        return replace(self, data={**(self.data or {}), **series})  # type: ignore[dict-item]


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
    if theirs.shape not in ((), ours.shape):
        raise ValueError(f"{name}: got shape {theirs.shape}; expected a number or shape {ours.shape}")
    return ours.ravel(), np.broadcast_to(theirs, ours.shape).ravel()


def _tolerance(value: float) -> float:
    if not 0.0 <= value < np.inf:
        raise bad("tolerance", value, "a finite number >= 0")
    return float(value)


def _compare(ours: float, theirs: float, excess: float, tolerance: float, words: str) -> Verdict:
    if np.isnan(excess):
        return Verdict("undecided", f"{ours:.6g} and {theirs:.6g} cannot be compared", ours, theirs, excess)
    status = "established" if excess <= tolerance else "refuted"
    reason = f"{ours:.6g} {'is' if status == 'established' else 'is not'} {words.format(theirs, tolerance)}"
    return Verdict(status, reason, ours, theirs, abs(ours - theirs))


def _worst(excess: NDArray[np.float64]) -> int:
    missing = np.isnan(excess)
    return int(missing.argmax() if missing.any() else excess.argmax())


def _decide(
    pair: Pair, excess_of: Callable[[Floats, Floats], Floats], tolerance: float, words: str
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

    Raises
    ------
    ValueError
        If the tolerance is negative or not finite, or the shapes differ (a scalar ``stated`` fits all).
    """
    pair = _pair(computed, stated, "stated")
    return _decide(
        pair, lambda ours, theirs: np.abs(ours - theirs), tolerance, "equal to {:.6g} within {:.3g}"
    )


def at_most(computed: ArrayLike, bound: ArrayLike, *, tolerance: float = 0.0) -> Verdict:
    """Decide ``computed <= bound + tolerance``; for arrays of one shape, in every entry.

    Raises
    ------
    ValueError
        As in `equal`.
    """
    pair = _pair(computed, bound, "bound")
    return _decide(pair, np.subtract, tolerance, "at most {:.6g} (tolerance {:.3g})")


def at_least(computed: ArrayLike, bound: ArrayLike, *, tolerance: float = 0.0) -> Verdict:
    """Decide ``computed >= bound - tolerance``; for arrays of one shape, in every entry.

    Raises
    ------
    ValueError
        As in `equal`.
    """
    pair = _pair(computed, bound, "bound")
    return _decide(pair, lambda ours, theirs: theirs - ours, tolerance, "at least {:.6g} (tolerance {:.3g})")


def all_of(parts: Mapping[str, Verdict]) -> Verdict:
    """Decide a conjunction: established if all are, refuted if any is, else undecided.

    The numbers are those of the decisive part: the first refuted one, else the first undecided one, else
    the one with the largest error. Series are kept under ``part/series``.

    Raises
    ------
    ValueError
        If there are no parts.
    TypeError
        If a part is no Verdict.
    """
    if not parts:
        raise bad("parts", parts, "at least one verdict")
    for name, part in parts.items():
        if not isinstance(part, Verdict):
            raise wrong_type(f"parts[{name!r}]", part, "a Verdict")
    name, part = _decisive(parts)
    detectable = [v.smallest_detectable for v in parts.values() if v.smallest_detectable is not None]
    data = {f"{key}/{s}": x for key, v in parts.items() for s, x in (v.data or {}).items()}
    reason = f"{name}: {part.reason}"
    if part.status == "established" and len(parts) > 1:
        listed = ", ".join(parts) if len(parts) <= 4 else f"{len(parts)} parts"
        reason = (
            f"all of {listed}; the largest error in {reason}"
            if _error(part)
            else f"all of {listed}; {reason}"
        )
    return replace(
        part, reason=reason, smallest_detectable=max(detectable, default=None), data=data if data else None
    )


def _decisive(parts: Mapping[str, Verdict]) -> tuple[str, Verdict]:
    for status in ("refuted", "undecided"):
        for name, part in parts.items():
            if part.status == status:
                return name, part
    return max(parts.items(), key=lambda item: _error(item[1]))


def _error(part: Verdict) -> float:
    return float(part.error) if isinstance(part.error, int | float) else 0.0


__all__ = ["STATUSES", "Plain", "Verdict", "all_of", "at_least", "at_most", "equal"]
