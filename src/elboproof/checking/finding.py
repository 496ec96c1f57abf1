"""The result of a check as one frozen record: all outputs of the project are renderings of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from elboproof.arguments import bad, wrong_type
from elboproof.checking.claim import Check
from elboproof.checking.finding_fields import FINDING, require_finding
from elboproof.checking.plain import Plain, from_json, series_from_json, series_to_json, to_json

SCHEMA = 3
SEAL = "seal"
"""Key of what `elboproof.checking.seal` adds to a finding in a file; it is no part of the finding."""

_NUMBERS = ("computed", "stated", "error", "smallest_detectable", "quantity", "seconds")


@dataclass(frozen=True)
class Finding:
    """What a check found, with the metadata of its statement.

    Attributes
    ----------
    status : str
        One of `elboproof.checking.vocabulary.OUTCOMES`. A statement can be established and yet not hold as a
        finding, when a control survived or a hypothesis was not exercised; ``reason`` says so.
    holds : bool
        True only if the statement was established, every control was refuted in the parts that it names,
        every part was refuted by a control, every declared hypothesis was exercised and no module was changed.
    hypotheses : tuple of dict
        ``{"name", "text"}`` each.
    controls : tuple of dict
        ``{"name", "refutes", "status", "refuted", "rejected", "reason"}`` each: the patterns of the parts that
        it must refute, what became of its run, and the parts that the run refuted.
    parts : tuple of dict
        The conjuncts: ``{"name", "status", "reason", "method", "by_hand", "smallest_detectable", "quantity",
        "decided_by", "second_route", "again", "bits", "refuted_by"}`` each; empty if there was no verdict.
    repetition : dict or None
        The second run at another precision: ``{"multiple", "status", "reason", "seconds"}``; what it made of each
        part is the part's "again", one of `elboproof.checking.vocabulary.AGAIN`, and the two precisions its "bits".
    method, reached : str
        The declared method, and the weakest by which a part was reached (None without a verdict).
    seconds : float
        Wall-clock time of the check, its controls and its second run, without the import of the claim module.
    exercised : tuple of str
        Names of the hypotheses that the check assumed.
    side_effects : dict
        What the check and its controls left behind, as sentences: on "modules" (then it does not hold) and on
        the "process". The process was not used again.
    claim, statement, check : str
        Labels: ``finding.id`` joins them.
    role, relation, tier, states, domain : str
        As the check declares them, see `elboproof.checking.Claim.check`.
    reason : str
        One sentence: what was found, or why it does not hold.
    computed, stated, error : float, str or None
        The decisive numbers, as of `elboproof.checking.Verdict`.
    smallest_detectable, quantity : float or None
        A deviation larger than the first would have been seen; the second is the size of what is decided.
    data : dict or None
        Series of floats by name, which figures draw.
    """

    claim: str
    statement: str
    check: str
    role: str
    method: str
    relation: str
    tier: str
    states: str
    domain: str
    status: str
    holds: bool
    reason: str
    computed: Plain
    stated: Plain
    error: Plain
    smallest_detectable: float | None
    quantity: float | None
    reached: str | None
    hypotheses: tuple[Mapping[str, str], ...]
    controls: tuple[Mapping[str, Any], ...]
    parts: tuple[Mapping[str, Any], ...]
    seconds: float
    data: Mapping[str, Sequence[float]] | None = None
    exercised: tuple[str, ...] = ()
    side_effects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repetition: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """Return ``claim/statement/check``."""
        return f"{self.claim}/{self.statement}/{self.check}"

    def __str__(self) -> str:
        return f"{self.id}: {'holds' if self.holds else f'does not hold ({self.status})'}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a dictionary for `json.dumps` with ``allow_nan=False``."""
        record = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in _NUMBERS:
            record[name] = to_json(record[name])
        record["hypotheses"] = [dict(one) for one in self.hypotheses]
        record["controls"] = [dict(one) for one in self.controls]
        record["parts"] = [dict(one) for one in self.parts]
        record["repetition"] = None if self.repetition is None else dict(self.repetition)
        record["data"] = series_to_json(self.data)
        record["exercised"] = list(self.exercised)
        record["side_effects"] = {kind: list(found) for kind, found in self.side_effects.items()}
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the finding that `to_json` wrote.

        Raises
        ------
        ValueError
            If fields are missing or unknown, or one is none of the words that it may be; the text names it.
        TypeError
            If the record is no mapping, or a field has the wrong type; the text names it.
        """
        # The seal is no part of a finding and is looked at where the whole file is known. All fields are required: a
        # default for a missing one could turn what was cut off into what holds.
        if not isinstance(record, Mapping):
            raise wrong_type(FINDING, record, "a JSON object")
        record = {name: value for name, value in record.items() if name != SEAL}
        require_finding(FINDING, record)
        values = dict(record)
        for name in _NUMBERS:
            values[name] = from_json(record[name])
        values["hypotheses"] = tuple(dict(one) for one in record["hypotheses"])
        values["controls"] = tuple(dict(one) for one in record["controls"])
        values["parts"] = tuple(dict(one) for one in record["parts"])
        values["data"] = series_from_json(record["data"])
        values["exercised"] = tuple(record["exercised"])
        values["side_effects"] = {kind: tuple(found) for kind, found in record["side_effects"].items()}
        return cls(**values)


def metadata(check: Check) -> dict[str, Any]:
    """Return the fields of a finding that are known before the check runs, as JSON."""
    names = ("claim", "statement", "role", "method", "relation", "tier", "states", "domain")
    return {name: getattr(check, name) for name in names} | {
        "check": check.name,
        "hypotheses": [{"name": one.name, "text": one.text} for one in check.hypotheses],
        "controls": [{"name": one.name, "refutes": list(one.refutes)} for one in check.controls],
    }


def document(findings: Iterable[Finding], *, version: str, seed: int) -> dict[str, Any]:
    """Return the JSON document of a run."""
    return {
        "schema": SCHEMA,
        "version": version,
        "seed": seed,
        "findings": [finding.to_json() for finding in findings],
    }


def from_document(content: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of a JSON document.

    Raises
    ------
    ValueError
        If the schema is another one, or a finding is malformed.
    TypeError
        If the document is no JSON object.
    """
    if not isinstance(content, Mapping):
        raise wrong_type("document", content, "a JSON object")
    if content.get("schema") != SCHEMA:
        raise bad("schema", content.get("schema"), str(SCHEMA))
    return [Finding.from_json(record) for record in content.get("findings", [])]
