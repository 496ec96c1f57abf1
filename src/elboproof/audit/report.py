"""The report of an audit: results, the sentence, findings of the package, text and JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from elboproof import __version__
from elboproof.audit.formula import Formula
from elboproof.audit.place import Place
from elboproof.audit.result import Result
from elboproof.checking.finding import Finding
from elboproof.checking.verdict import Part, part_to_json

SCHEMA = 1


@dataclass(frozen=True)
class Report:
    """What an audit found.

    Attributes
    ----------
    name, claim : str
        Of the adapter.
    results : tuple of Result
        In the order of the checks.
    formula : Formula or None
        What the loss is.
    sizes : dict
        D, d, K and the dtype.
    alpha : float
        False-alarm rate of the whole audit.
    seed : int
        Of all that was drawn.
    seconds : float
        Wall-clock time.
    place : Place or None
        Where the loss stands; None if its source is not known.
    """

    name: str
    claim: str
    results: tuple[Result, ...]
    formula: Formula | None
    sizes: Mapping[str, Any]
    alpha: float
    seed: int
    seconds: float
    place: Place | None = None

    def __getitem__(self, name: str) -> Result:
        for one in self.results:
            if one.id == name:
                return one
        raise KeyError(f"{name!r}; the checks that ran: {', '.join(one.id for one in self.results)}")

    @property
    def failed(self) -> tuple[str, ...]:
        """Return the checks that failed."""
        return self._with("fails")

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the checks that could not tell."""
        return self._with("unknown")

    @property
    def broken(self) -> tuple[str, ...]:
        """Return the checks that could not run."""
        return self._with("could not run")

    @property
    def ok(self) -> bool:
        """Return whether nothing failed and everything ran."""
        return not self.failed and not self.broken

    @property
    def status(self) -> str:
        """Return "failed", "could not run", "unknown" or "passed"."""
        if self.failed:
            return "failed"
        if self.broken:
            return "could not run"
        return "unknown" if self.unknown else "passed"

    def _with(self, outcome: str) -> tuple[str, ...]:
        return tuple(one.id for one in self.results if one.outcome == outcome)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the results as findings of the package."""
        return tuple(_finding(self, one) for one in self.results)

    def to_json(self) -> dict[str, Any]:
        """Return the report for `json.dumps`, as `elboproof.audit.schema` has it."""
        return {
            "schema": SCHEMA,
            "tool": {"name": "elboproof", "version": __version__},
            "adapter": self.name,
            "claim": self.claim,
            "status": self.status,
            "sizes": dict(self.sizes),
            "alpha": self.alpha,
            "seed": self.seed,
            "seconds": self.seconds,
            "loss": None if self.place is None else asdict(self.place),
            "checks": [_check(one) for one in self.results],
            "formula": None if self.formula is None else _finite(asdict(self.formula)),
        }

    def __str__(self) -> str:
        from elboproof.audit.text import text

        return text(self)


def _check(one: Result) -> dict[str, Any]:
    record = {
        "id": one.id,
        "outcome": one.outcome,
        "verdict": one.verdict.status,
        "method": one.verdict.method,
        "statement": one.statement,
        "statistic": one.statistic,
        "threshold": one.threshold,
        "n": one.n,
        "smallest_detectable": one.smallest_detectable,
        "hints": list(one.hints),
        "seconds": one.seconds,
    }
    extra = {"traceback": one.trace} if one.trace else {}
    return {key: _finite(value) for key, value in (record | extra).items()}


def _finite(value: Any) -> Any:
    """Return a value with what JSON has no number for as text."""
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    return value


def _finding(report: Report, one: Result) -> Finding:
    verdict = one.verdict
    broken = one.outcome == "could not run"
    return Finding(
        claim=report.name,
        statement="audit",
        check=one.id,
        role="confirms",
        method=verdict.method,
        relation="=",
        tier="default",
        states=one.statement,
        domain=f"designs of {report.sizes.get('D')} data entries and {report.sizes.get('d')} latents",
        status="error" if broken else verdict.status,
        holds=one.outcome in ("ok", "note"),
        reason=verdict.reason,
        computed=verdict.computed,
        stated=verdict.stated,
        error=verdict.error,
        smallest_detectable=verdict.smallest_detectable,
        quantity=verdict.quantity,
        reached=None if broken else verdict.method,
        hypotheses=(),
        controls=(),
        parts=() if broken else tuple(_part(name, part) for name, part in verdict.parts.items()),
        seconds=one.seconds,
    )


def _part(name: str, part: Part) -> dict[str, Any]:
    """Return a part as findings keep it: an audit has no controls and no second precision."""
    record = part_to_json(name, part) | {"refuted_by": [], "again": None, "bits": None}
    return {key: value for key, value in record.items() if key != "enclosed"}
