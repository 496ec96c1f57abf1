"""The verdict on a statement, how it was reached, and the conjunction of several.

Who reaches a verdict says by which method: each relation of this package knows its own, and a verdict made by
hand names one in a word that no reader overlooks (`by_hand`). A conjunction keeps its parts, so that a control can
be asked which of them it refuted.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, TypeVar

from numpy.typing import ArrayLike

from elboproof.arguments import bad, wrong_type
from elboproof.checking.methods import weakest
from elboproof.checking.plain import Plain, plain, plain_series, to_json
from elboproof.checking.vocabulary import METHODS, VERDICTS

WHOLE = "statement"
"""Name of the only part of a verdict that is no conjunction."""


_Record = TypeVar("_Record", bound="Verdict | Part")


@dataclass(frozen=True)
class Part:
    """One conjunct of a verdict.

    Attributes
    ----------
    status, reason : str
        As in `Verdict`.
    method : str
        How it was reached.
    by_hand : bool
        True if the claim named that method itself.
    smallest_detectable, quantity : float or None
        As in `Verdict`.
    decided_by, second_route, bits, enclosed
        As in `Verdict`.
    """

    status: str
    reason: str
    method: str
    by_hand: bool = False
    smallest_detectable: float | None = None
    quantity: float | None = None
    decided_by: str | None = None
    second_route: str | None = None
    bits: int | None = None
    enclosed: tuple[tuple[str, ...], ...] = ()


def part_to_json(name: str, part: Part) -> dict[str, Any]:
    """Return a part with its name, for JSON."""
    record = {"name": name} | asdict(part)
    return record | {key: to_json(record[key]) for key in ("smallest_detectable", "quantity")}


@dataclass(frozen=True)
class Verdict:
    """What a check found out about its statement; made by the relations of this package, or by `by_hand`.

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
        For a statistical verdict or one about an order: a deviation larger than this would have been seen.
    quantity
        The size of what is decided, to which ``smallest_detectable`` compares; positive.
    data
        Named series of floats of shape (n,) that a figure may draw.
    decided_by
        The programs that decided a symbolic identity, each on its own.
    second_route
        By what else the same was found, see `elboproof.checking.routes`.
    bits, enclosed
        The precision in force where enclosures were compared, and their exact ends: see
        `elboproof.checking.repetition`.
    method
        How the verdict was reached, one of `elboproof.checking.vocabulary.METHODS`.

    Attributes
    ----------
    by_hand : bool
        True unless a relation of this package reached the verdict.
    parts : dict of Part
        The conjuncts by name; a verdict that is no conjunction has the one part "statement".

    Raises
    ------
    ValueError
        If the status or the method is unknown, the reason is empty, the quantity not positive, or a series
        is not one-dimensional and real.
    """

    status: str
    reason: str
    computed: Any = None
    stated: Any = None
    error: Any = None
    smallest_detectable: float | None = None
    quantity: float | None = None
    data: Mapping[str, Sequence[float]] | None = None
    decided_by: str | None = None
    second_route: str | None = None
    bits: int | None = None
    enclosed: tuple[tuple[str, ...], ...] = ()
    method: str = field(default="", kw_only=True)
    by_hand: bool = field(default=True, init=False)
    _conjuncts: Mapping[str, Part] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        # Everything is made plain here, once: what a verdict holds can go to JSON and into a frozen finding as it is.
        if self.status not in VERDICTS:
            raise bad("status", self.status, f"one of {', '.join(VERDICTS)}")
        if not str(self.reason).strip():
            raise bad("reason", self.reason, "a sentence")
        if self.method not in METHODS:
            raise bad(
                "method", self.method, f"one of {', '.join(METHODS)}, as in by_hand(method, status, reason)"
            )
        for name in ("computed", "stated", "error"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        for name in ("smallest_detectable", "quantity"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, float(getattr(self, name)))
        if self.quantity is not None and not self.quantity > 0.0:
            raise bad("quantity", self.quantity, "a positive number, the size of what is decided")
        if self.data is not None:
            object.__setattr__(self, "data", plain_series(self.data))

    def __bool__(self) -> bool:
        raise TypeError("a Verdict has three values: compare its .status, or combine verdicts with all_of")

    @property
    def parts(self) -> dict[str, Part]:
        """Return the conjuncts by name."""
        if self._conjuncts is not None:
            return dict(self._conjuncts)
        names = [one.name for one in fields(Part)]
        return {WHOLE: Part(**{name: getattr(self, name) for name in names})}

    @property
    def is_conjunction(self) -> bool:
        """Return whether the verdict was made of named parts."""
        return self._conjuncts is not None

    def with_data(self, **series: ArrayLike) -> Self:
        """Return the verdict with these series of shape (n,) added to its data."""
        return _changed(self, data=plain_series({**(self.data or {}), **series}))

    def weakened(self, method: str) -> Self:
        """Return the verdict as reached by a weaker method: its numbers came from a sample, or from a training run.

        Raises
        ------
        ValueError
            If the method is unknown, or stronger than the verdict's.
        """
        if method not in METHODS or weakest((self.method, method)) != method:
            raise bad("method", method, f"a method that is not stronger than {self.method!r}")
        return self._with_methods({name: weakest((part.method, method)) for name, part in self.parts.items()})

    def at_drawn_points(self) -> Self:
        """Return the verdict for a check that drew random numbers: its floats show what they do for those drawn.

        Numeric parts become "property"; what is proved for the drawn instances stays so.
        """
        drawn = {"numeric": "property"}
        return self._with_methods({name: drawn.get(p.method, p.method) for name, p in self.parts.items()})

    def _with_methods(self, methods: Mapping[str, str]) -> Self:
        parts = {name: _changed(part, method=methods[name]) for name, part in self.parts.items()}
        conjuncts = parts if self.is_conjunction else None
        return _changed(self, method=weakest(methods.values()), _conjuncts=conjuncts)


def _changed(record: _Record, **changes: object) -> _Record:
    """Return a copy of a frozen record with other fields, those included that its constructor does not take."""
    # Not dataclasses.replace: that runs the constructor, which knows neither the parts nor by whom the verdict
    # was reached.
    other = copy(record)
    for name, value in changes.items():
        object.__setattr__(other, name, value)
    return other


def reached(method: str, status: str, reason: str, *numbers: Any, **options: Any) -> Verdict:
    """Return the verdict of a relation of this package, which knows how it decides; claims use `by_hand`."""
    return _changed(Verdict(status, reason, *numbers, **options, method=method), by_hand=False)


def by_hand(method: str, status: str, reason: str, *numbers: Any, **options: Any) -> Verdict:
    """Return a verdict that no relation of this package reached: the claim answers for its method.

    Reports show it as made by hand. Prefer a relation wherever one fits.

    Parameters
    ----------
    method
        How the claim's own code reached the verdict, one of `elboproof.checking.vocabulary.METHODS`.
    status, reason, *numbers, **options
        As in `Verdict`.

    Returns
    -------
    Verdict
        With ``by_hand`` true.

    Raises
    ------
    ValueError
        As `Verdict`.
    """
    return Verdict(status, reason, *numbers, **options, method=method)


def all_of(parts: Mapping[str, Verdict]) -> Verdict:
    """Decide a conjunction: established if all are, refuted if any is, else undecided.

    The numbers are those of the decisive part: the first refuted one, else the first undecided one, else
    the one with the largest error. The method is the weakest of the parts. Parts of parts, and series, are
    kept under ``part/name``.

    A part is known by its name, and a control must refute it under that name: make it from what is stated,
    not from what a control overrides.

    Parameters
    ----------
    parts
        Verdicts by name.

    Returns
    -------
    Verdict
        Its ``parts`` are the conjuncts by name.

    Raises
    ------
    ValueError
        If there are no parts, or two have the same name once flattened.
    TypeError
        If a part is no Verdict.
    """
    if not parts:
        raise bad("parts", parts, "at least one verdict")
    for name, part in parts.items():
        if not isinstance(part, Verdict):
            raise wrong_type(f"parts[{name!r}]", part, "a Verdict")
    # The numbers shown are of the decisive part, but method, hand and power are the weakest of all parts,
    # wherever they stand: a conjunction is no better than any of them.
    name, part = _decisive(parts)
    data = {f"{key}/{s}": x for key, v in parts.items() for s, x in (v.data or {}).items()}
    reason = f"{name}: {part.reason}"
    if part.status == "established" and len(parts) > 1:
        listed = ", ".join(parts) if len(parts) <= 4 else f"{len(parts)} parts"
        worst = "the largest error in " if _error(part) else ""
        reason = f"all of {listed}; {worst}{reason}"
    conjuncts = _flat(parts)
    weak = max(conjuncts.values(), key=lambda one: one.smallest_detectable or 0.0)
    return _changed(
        part,
        reason=reason,
        method=weakest(one.method for one in conjuncts.values()),
        by_hand=any(one.by_hand for one in conjuncts.values()),
        smallest_detectable=weak.smallest_detectable,
        quantity=weak.quantity,
        data=data or None,
        decided_by=None,
        second_route=None,
        enclosed=(),
        _conjuncts=conjuncts,
    )


def _flat(parts: Mapping[str, Verdict]) -> dict[str, Part]:
    # Flat names, because a control refutes parts by patterns: one level is enough to name any of them.
    flat: dict[str, Part] = {}
    for key, verdict in parts.items():
        for inner, part in verdict.parts.items():
            name = f"{key}/{inner}" if verdict.is_conjunction else key
            if name in flat:
                raise bad("parts", name, "names that differ, those of nested parts included")
            flat[name] = part
    return flat


def _decisive(parts: Mapping[str, Verdict]) -> tuple[str, Verdict]:
    # One refuted part refutes all, whatever else is open.
    for status in ("refuted", "undecided"):
        for name, part in parts.items():
            if part.status == status:
                return name, part
    return max(parts.items(), key=lambda item: _error(item[1]))


def _error(part: Verdict) -> float:
    return float(part.error) if isinstance(part.error, int | float) else 0.0


__all__ = ["WHOLE", "Part", "Plain", "Verdict", "all_of", "by_hand", "reached"]
