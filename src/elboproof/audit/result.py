"""What one check of an audit found."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elboproof.checking.verdict import Verdict, reached

OUTCOMES = ("ok", "fails", "note", "unknown", "could not run")
CATALOGUED = re.compile(r"M\d\d(, M\d\d)*$")
"""Numbers of bugs in the detection matrix."""
_STATUS = {"ok": "established", "note": "established", "fails": "refuted"}


@dataclass(frozen=True)
class Result:
    """One check.

    Attributes
    ----------
    id : str
        One of `elboproof.audit.explained.CHECKED`.
    outcome : str
        One of `OUTCOMES`: "note" says something that no claim forbids.
    statement : str
        One sentence.
    verdict : Verdict
        Of the package; its method says how it was reached.
    n : int
        Calls, draws or equations.
    hints : tuple of str
        Places to look, each with its number in the catalogue of bugs.
    trace : str
        The traceback of what could not run, from the user's own code on.
    series : dict
        Numbers for pictures, by name.
    seconds : float
        Wall-clock time of the check.
    """

    id: str
    outcome: str
    statement: str
    verdict: Verdict
    n: int = 0
    hints: tuple[str, ...] = ()
    trace: str = ""
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def statistic(self) -> Any:
        """Return the number found."""
        return self.verdict.computed

    @property
    def threshold(self) -> Any:
        """Return what it was compared to."""
        return self.verdict.error

    @property
    def smallest_detectable(self) -> float | None:
        """Return the smallest error that would have been seen, of a statistical check."""
        return self.verdict.smallest_detectable

    @property
    def advice(self) -> tuple[str, ...]:
        """Return the hints as a reader wants them: the place first, then the bugs of the catalogue that look alike."""
        return tuple(map(_advice, self.hints))


def _advice(hint: str) -> str:
    bugs, _, place = hint.partition(": ")
    return f"hint: {place} (as {bugs} of the detection matrix)" if CATALOGUED.match(bugs) else f"hint: {hint}"


def result(
    name: str,
    outcome: str,
    statement: str,
    *,
    method: str = "numeric",
    found: Any = None,
    limit: Any = None,
    n: int = 0,
    hints: tuple[str, ...] = (),
    detectable: float | None = None,
    quantity: float | None = None,
    trace: str = "",
    series: Mapping[str, Sequence[float]] | None = None,
) -> Result:
    """Return a result and its verdict: ``found`` was compared to ``limit``."""
    status = _STATUS.get(outcome, "undecided")
    options: dict[str, Any] = {}
    if detectable is not None:
        options = {"smallest_detectable": detectable, "quantity": quantity}
    verdict = reached(method, status, statement, found, None, limit, **options)
    if outcome == "fails" and not hints:
        hints = ("unknown: no bug of the detection matrix looks like this",)
    return Result(name, outcome, statement, verdict, n, hints, trace, series or {})
