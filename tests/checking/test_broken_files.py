"""Files of findings that are broken: an error that names the file, never a bare one."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from elboproof.checking.collect import UsageError
from elboproof.checking.document import read_document
from elboproof.checking.finding import SCHEMA
from elboproof.checking.plain import from_json, series_from_json
from elboproof.checking.record_reading import _head, _readable

NO_FINDINGS = {
    "empty": b"",
    "other bytes": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "long number": b'{"schema": ' + b"9" * 5000 + b"}",
    "null": b"null",
    "other schema": b'{"schema": 99}',
    "no list": b'{"schema": 3, "findings": null}',
    "no finding": b'{"schema": 3, "findings": [1]}',
}


@pytest.mark.parametrize("kind", NO_FINDINGS)
def test_documents_and_records_that_are_none(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_bytes(NO_FINDINGS[kind])
    with pytest.raises(UsageError, match=r"--json: .*f\.json' is no JSON document of findings"):
        read_document(file)
    text = NO_FINDINGS[kind].decode(errors="replace")
    with pytest.raises(UsageError, match=r"--resume: .*f\.json is no record of a run"):
        _head([text], file)
    assert list(_readable(["head\n", text], [], file)) == []  # half a line at the end: the run was killed


def test_every_entry_of_a_finding_tampered_with(tmp_path: Path) -> None:
    """Whatever stands in an entry, the reader answers with a finding or says that the file is none."""
    findings = json.loads(Path("paper_checks.json").read_text(encoding="utf-8"))["findings"]
    one = next(finding for finding in findings if finding["data"])
    wrong: list[Any] = ["1e9999", "", None, 10**400, True, [], {}, [["1"]], {"a": 1}, {"a": [None]}]
    refused = 0
    for field in one:
        for value in wrong:
            record = {"schema": SCHEMA, "findings": [{**one, field: value}]}
            (tmp_path / "f.json").write_text(json.dumps(record))
            try:
                read_document(tmp_path / "f.json")
            except UsageError:
                refused += 1
            with contextlib.suppress(UsageError):  # it lacks its seal
                assert list(_readable(["head\n", json.dumps(record["findings"][0])], [], tmp_path)) == []  # type: ignore[index]
    assert refused > 50


def test_numbers_beyond_float64_are_named() -> None:
    with pytest.raises(ValueError, match=r"value: got 1000.*; expected a number in the range of float64"):
        from_json(10**400)
    with pytest.raises(TypeError, match=r"data: got \[\] of type list; expected an object of lists"):
        series_from_json([])  # type: ignore[arg-type]
