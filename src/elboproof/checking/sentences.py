"""The sentences of the paper's abstract, the statements that decide them, and what those say.

A folder of claim modules may hold ``sentences.toml``:

    source = "Author, Title, version"

    [[sentence]]
    says = "the sentence, in words of one's own"
    decided_by = ["claim", "other-claim/S2"]

The verdict on a sentence is computed from the findings; nothing of it is written in the file.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elboproof.checking.claim import Check
from elboproof.checking.finding import Finding
from elboproof.checking.markup import escaped
from elboproof.checking.words import plural

NAME = "sentences.toml"


@dataclass(frozen=True)
class Sentence:
    """One sentence, and the labels of the claims or statements that decide it; none if it is not decided yet."""

    says: str
    decided_by: tuple[str, ...]

    def covers(self, claim: str, statement: str) -> bool:
        """Return whether a statement belongs to what decides it."""
        return claim in self.decided_by or f"{claim}/{statement}" in self.decided_by


@dataclass(frozen=True)
class Sentences:
    """The sentences of one abstract, and where it stands."""

    source: str
    members: tuple[Sentence, ...]


def read_sentences(directory: Path, checks: Sequence[Check], problems: list[str]) -> Sentences | None:
    """Return the sentences of a folder, None if it has none; what is wrong with the file is added to the problems."""
    file = directory / NAME
    if not file.exists():
        return None
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        members = tuple(_sentence(one) for one in content.get("sentence", []))
        result = Sentences(_text(content, "source"), members)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        problems.append(f"{file}: {error}")
        return None
    known = {label for check in checks for label in (check.claim, f"{check.claim}/{check.statement}")}
    for one in members:
        problems += [
            f"{file}: no check has the label {label!r}" for label in one.decided_by if label not in known
        ]
    return result


def _sentence(table: dict[str, Any]) -> Sentence:
    labels = table.get("decided_by", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError(f"decided_by: got {labels!r}; expected a list of labels")
    if unknown := set(table) - {"says", "decided_by"}:
        raise TypeError(f"got the key {min(unknown)!r}; expected says and decided_by")
    return Sentence(_text(table, "says"), tuple(labels))


def _text(table: dict[str, Any], key: str) -> str:
    if not isinstance(table.get(key), str) or not table[key].strip():
        raise TypeError(f"{key}: got {table.get(key)!r}; expected a text")
    return str(table[key])


def section(sentences: Sentences, checks: Sequence[Check], findings: Sequence[Finding]) -> str:
    """Return the section of the report: each sentence, what was decided about it, under which hypotheses."""
    by_id = {finding.id: finding for finding in findings}
    parts = [f"## The abstract, sentence by sentence\n\n{escaped(sentences.source)}"]
    for n, sentence in enumerate(sentences.members, 1):
        own = [check for check in checks if sentence.covers(check.claim, check.statement)]
        parts.append(_decided(n, sentence, own, [by_id[check.id] for check in own]))
    return "\n\n".join(parts)


def _decided(n: int, sentence: Sentence, checks: Sequence[Check], findings: Sequence[Finding]) -> str:
    """Return one sentence with its verdict: as worded, within limits, open, or not decided yet."""
    head = f"{n}. *{escaped(sentence.says)}*"
    if not findings:
        return f"{head}\n   **Not decided yet.**"
    limits = [finding for finding in findings if finding.role == "limits"]
    lines = [f"{head}\n   **{_verdict(findings, limits)}** {_counted(sentence, findings)}"]
    conditions = dict.fromkeys(h.text for check in checks if check.role != "limits" for h in check.hypotheses)
    if conditions:
        lines.append(f"   Hypotheses: {escaped('; '.join(conditions))}.")
    lines += [f"   - fails ({f.claim} {f.statement}): {escaped(f.states)}" for f in limits if f.holds]
    lines += [f"   - open: `{f.id}` did not hold" for f in findings if not f.holds]
    return "\n".join(lines)


def _verdict(findings: Sequence[Finding], limits: Sequence[Finding]) -> str:
    if not all(finding.holds for finding in findings):
        return "Open: not all of its checks hold."
    if len(limits) == len(findings):
        return "Fails as worded."
    return "Holds within limits, fails as worded beyond them." if limits else "Holds on what was checked."


def _counted(sentence: Sentence, findings: Sequence[Finding]) -> str:
    methods = dict.fromkeys(finding.method for finding in findings)
    counts = ", ".join(f"{sum(f.method == method for f in findings)} {method}" for method in methods)
    return f"Decided by {', '.join(sentence.decided_by)}: {plural(len(findings), 'check')} ({counts})."
