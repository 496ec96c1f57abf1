"""Bugs seeded into records, documents and time limits: each is caught by a check that the code itself passes.

What they guard is that a finding is taken over only where it would be found again, and that no finding is lost.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from elboproof.checking import clock, document, record, record_place, recorded
from elboproof.checking.clock import Limit, Usage
from elboproof.checking.collect import Collection, UsageError, collect
from elboproof.checking.document import kept_document
from elboproof.checking.finding import SEAL, Finding
from elboproof.checking.record import Record, header
from elboproof.checking.recorded import known_findings
from elboproof.checking.report_files import content_text
from elboproof.checking.seal import bound, edits, file_edits
from tests.checking.conftest import DOCSTRING, GOOD, HEAD
from tests.seeding import Bug, Seeded, falsification, patched

LABELS = ("first-claim", "second-claim")


@cache
def _collection() -> Collection:
    with tempfile.TemporaryDirectory() as name:
        for label in LABELS:
            claim = f'claim = Claim("{label}", title="Two and two are four")\n'
            text = DOCSTRING + HEAD + claim + GOOD
            Path(name, f"{label.replace('-', '_')}.py").write_text(text, encoding="utf-8")
        collection = collect(Path(name))
        collection.freeze_code()
        for check in collection.checks:
            collection.code_of(check)  # read while the files are there
    return collection


@cache
def _head() -> dict[str, Any]:
    return header(_collection(), version="1", seed=0)


def _finding(claim: str, **changes: Any) -> Finding:
    part = {
        "name": "statement", "status": "established", "reason": "", "method": "numeric", "by_hand": False,
        "smallest_detectable": None, "quantity": None, "decided_by": None, "second_route": None, "again": None,
        "bits": None, "refuted_by": ["three"],
    }  # fmt: skip
    control = {
        "name": "three", "refutes": ["*"], "status": "refuted", "rejected": True, "refuted": ["statement"],
        "reason": "",
    }  # fmt: skip
    fields: dict[str, Any] = {
        "claim": claim, "statement": "S1", "check": "sum_is_four", "role": "confirms", "method": "numeric",
        "relation": "=", "tier": "default", "states": "2 + 2 = 4", "domain": "integers", "status": "established",
        "holds": True, "reason": "", "computed": 4.0, "stated": 4.0, "error": 0.0, "smallest_detectable": None,
        "quantity": None, "reached": "numeric", "hypotheses": (), "controls": (control,), "parts": (part,),
        "seconds": 0.25,
    }  # fmt: skip
    return Finding(**(fields | changes))


FIRST, SECOND = (_finding(label) for label in LABELS)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _write(folder: Path, *findings: Finding, head: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Record a run of the checks of some findings; return its JSON document."""
    checks = {finding.id for finding in findings}
    with Record(folder, dict(head or _head()), _collection(), resume=False, checks=checks) as made:
        for finding in findings:
            made.append(finding)
        return made.document(list(made.lines.values()))


def _resumed(folder: Path, head: Mapping[str, Any] | None = None) -> dict[str, Finding]:
    with Record(folder, dict(head or _head()), _collection(), resume=True) as again:
        assert list(file_edits(again.document(list(again.lines.values())))) == []
        return dict(again.findings)


def _only_what_would_be_found_again_is_kept() -> None:
    head = _head()
    others: dict[str, Mapping[str, Any]] = {
        "seed": head | {"seed": 1},
        "library": head | {"library": "another"},
        "claim": head | {"claims": head["claims"] | {"first-claim": "another"}},
    }
    for name, other in others.items():
        with _folder() as folder:
            _write(folder, FIRST, head=other)
            _write(folder, SECOND)
            assert set(_resumed(folder)) == {SECOND.id}, name
    with _folder() as folder:
        drawn = {"method": "statistical", "smallest_detectable": 0.01, "quantity": 1.0}
        part = {**FIRST.parts[0], **drawn}
        _write(folder, _finding("first-claim", **drawn, reached="statistical", parts=(part,)), SECOND)
        assert set(_resumed(folder, head | {"false_alarm": 1e-9})) == {SECOND.id}


def _what_was_found_is_kept_with_its_seal() -> None:
    with _folder() as folder:
        _write(folder, FIRST)
        _write(folder, SECOND, head=_head() | {"version": "2"})  # another environment, within the same second
        for _ in range(2):  # from two files, then from one
            assert _resumed(folder) == {FIRST.id: FIRST, SECOND.id: SECOND}
            known = known_findings(folder)
            versions = [known[one.id].environment["version"] for one in (FIRST, SECOND)]
            assert versions == ["1", "2"]  # each stays in its own environment


def _a_small_run_loses_nothing() -> None:
    with _folder() as folder:
        _write(folder, FIRST, SECOND)
        _write(folder, FIRST, head=_head() | {"library": "another"})
        assert set(_resumed(folder)) == {FIRST.id, SECOND.id}


def _the_newest_finding_is_known() -> None:
    for dates in (("2026-01-01", "2026-01-02"), ("2026-01-02", "2026-01-01")):
        with _folder() as folder:
            kept = dict.fromkeys(dates, "")
            for number, date in enumerate(dates):
                content = _write(folder, _finding("first-claim", seconds=float(number)))
                [line] = content["findings"]
                moved = bound({**line, SEAL: line[SEAL] | {"made": date}}, content["environment"])
                kept[date] = str(folder / f"{date}.json")
                Path(kept[date]).write_text(content_text(content | {"findings": [moved]}))
            known = known_findings(folder / "none", map(Path, kept.values()))
            assert known[FIRST.id].made == max(dates)
            assert known[FIRST.id].whole


def _a_document_that_cannot_be_kept_is_refused() -> None:
    with _folder() as folder:
        content, path = _write(folder / "r", FIRST, SECOND), folder / "out.json"
        path.write_text(content_text(content))
        kept = kept_document(str(path), _collection(), {FIRST.id}, seed=0)
        assert kept is not None
        assert [line["claim"] for line in kept["findings"]] == list(LABELS)
        assert kept_document(str(path), _collection(), {FIRST.id, SECOND.id}, seed=0) is None
        with pytest.raises(UsageError, match="has findings of seed 0, this run seed 1"):
            kept_document(str(path), _collection(), {FIRST.id}, seed=1)
        content["findings"][1]["computed"] = 5.0
        path.write_text(json.dumps(content))
        with pytest.raises(UsageError, match="was edited"):
            kept_document(str(path), _collection(), {FIRST.id}, seed=0)


def _left(usage: Usage, wall: float) -> float:
    """Return what is left of 10 s after some seconds in which a process had this."""
    answers = iter([Usage(5.0, 7.0), Usage(5.0 + usage.processor, 7.0 + usage.active)])
    with patch.object(clock, "usage", lambda _: next(answers)), patch.object(clock, "slowness", lambda: 1.0):
        limit = Limit(0, 10.0)
        limit._wall -= wall
        return limit.left()


def _what_waits_for_a_processor_has_time_and_what_works_or_sleeps_has_not() -> None:
    assert _left(Usage(3.0, 30.0), 30.0) > 5.0
    assert _left(Usage(11.0, 11.0), 11.0) < 0.0
    assert _left(Usage(0.5, 0.5), 12.0) < 0.0
    assert _left(Usage(0.1, 299.0), 300.0) < 0.0


CHECKS: dict[str, Callable[[], None]] = {
    "only what would be found again is kept": _only_what_would_be_found_again_is_kept,
    "what was found is kept with its seal": _what_was_found_is_kept_with_its_seal,
    "a small run loses nothing": _a_small_run_loses_nothing,
    "the newest finding is known": _the_newest_finding_is_known,
    "a document that cannot be kept is refused": _a_document_that_cannot_be_kept_is_refused,
    "a limit is of work or of sleep": _what_waits_for_a_processor_has_time_and_what_works_or_sleeps_has_not,
}

AGAIN, SEALED = "only what would be found again is kept", "what was found is kept with its seal"
SMALL, NEWEST = "a small run loses nothing", "the newest finding is known"
REFUSED, LIMITED = "a document that cannot be kept is refused", "a limit is of work or of sleep"

BUGS: dict[str, Bug] = {
    "findings of another seed": Seeded(
        Record, "_keep", 'if one.head["seed"] == head["seed"]', "if one.head", AGAIN
    ),
    "findings of another library": Seeded(
        Record, "_keep", 'if one.head.get("library") == head["library"]', "if one.head", AGAIN
    ),
    "findings of other sources": Seeded(
        Record, "_keep_of", "if finding.claim in changed:", "if False:", AGAIN
    ),
    "findings of another share of false alarms": Seeded(
        Record, "_keep_of", "elif other_share and", "elif False and", AGAIN
    ),
    "seals of another place": Seeded(
        record, "_moved", 'places[seal["environment"]]', 'seal["environment"]', SEALED
    ),
    "seals that were not made anew": Seeded(
        record,
        "_moved",
        'bound({**finding, SEAL: {**seal, "environment": places[seal["environment"]]}}, environments)',
        '{**finding, SEAL: {**seal, "environment": places[seal["environment"]]}}',
        SEALED,
    ),
    "one record of several": Seeded(record_place, "record_files", "MOST + 1", "2", SEALED),
    "files that were not copied are deleted": Seeded(
        record_place, "remove_copied", "if not loses(checks_in(path)):", "if True:", SMALL
    ),
    "any file is free": Seeded(
        record_place, "place_for", "if path.exists() else 0", "* 0 if path.exists() else 0", (SMALL, SEALED)
    ),
    "the last file wins": Seeded(
        recorded, "known_findings", "one.made >= before.made", "one is not before", NEWEST
    ),
    "the first file wins": Seeded(recorded, "known_findings", "one.made >= before.made", "False", NEWEST),
    "documents of any seed": Seeded(
        document, "kept_document", 'content["seed"] != seed', "seed < 0", REFUSED
    ),
    "documents that were edited": patched((document, "file_edits", lambda _: iter(())), by=REFUSED),
    "others' findings are lost": Seeded(document, "kept_document", "return content", "return None", REFUSED),
    "the time that goes by": Seeded(Limit, "_worst", "(idle, f", "(wall, f", LIMITED),
    "no limit of work": Seeded(Limit, "_worst", "(processor, f", "(0.0, f", LIMITED),
    "no limit of sleep": Seeded(Limit, "_worst", "(idle, f", "(0.0, f", LIMITED),
    "no limit of starvation": Seeded(Limit, "_worst", "(wall / STARVED, f", "(0.0, f", LIMITED),
    "what was used before counts": Seeded(
        Limit, "_worst", "now.processor - self._start.processor", "now.processor + 5.0", LIMITED
    ),
}

test_the_code_passes_each_check, test_each_bug_is_caught, test_each_check_catches_a_bug = falsification(
    CHECKS, BUGS
)


def test_edits_see_findings_by_the_place_of_their_environment() -> None:
    with _folder() as folder:
        content = _write(folder, FIRST)
    [line] = content["findings"]
    place = line[SEAL]["environment"]
    assert list(edits(line, {place: content["environment"][place]})) == []
    assert list(edits(line, {place + 1: content["environment"][place]})) == ["has no digest of a run"]
