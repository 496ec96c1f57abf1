"""Proofs that were stopped go on: from every batch they prove what one run proves, by the same certificate."""

import math
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from elboproof.statements import Statement
from elboproof.theorems import journal, parts, search
from tests.seeding import Seeded, falsification

Box = dict[str, tuple[str, str]]
CUBIC: dict[str, Any] = {"latent": "z", "decoder": ["z + c*z**3"], "variance": "v", "x": ["7/10"]}
CASES: dict[str, tuple[Statement, Box]] = {
    "upper": (ep.Gap(**CUBIC) <= "0.05", {"c": ("0", "0.3"), "v": ("0.1", "1")}),
    "evidence": (
        ep.LogEvidence(**CUBIC).between("-1.65", "-1.25"),
        {"c": ("0.1", "0.3"), "v": ("0.2", "0.6")},
    ),
    "lower": (ep.Gap(**CUBIC) >= "1/200", {"c": ("0.15", "0.2"), "v": ("0.2", "0.4")}),
}


def proof(found: Any) -> ep.Proof:
    assert isinstance(found, ep.Proof), str(found)
    return found


def goes_on_from_every_batch(name: str) -> None:
    """A run that was stopped after any batch ends with the very certificate of one run."""
    statement, box = CASES[name]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(search, "BATCH", 3)  # so that a batch is not all
        one = proof(ep.for_all(statement, box)).certificate.to_json()
        path = Path(folder) / "proof.jsonl"
        assert proof(ep.for_all(statement, box, resume=path)).certificate.to_json() == one
        lines = path.read_bytes().splitlines(keepends=True)
        assert len(lines) >= 4, len(lines)
        for kept in (1, len(lines) // 2, len(lines) - 1, len(lines)):
            path.write_bytes(b"".join(lines[:kept]))
            assert proof(ep.for_all(statement, box, resume=path)).certificate.to_json() == one, kept
            assert path.read_bytes().splitlines(keepends=True) == lines, kept


def covers(certificate: ep.Proof) -> bool:
    """Whether the leaves' volumes add up to the box's."""
    content = certificate.certificate.content
    volume = sum(
        math.prod(Fraction(high) - Fraction(low) for low, high in leaf["box"]) for leaf in content["leaves"]
    )
    return volume == math.prod(Fraction(high) - Fraction(low) for low, high in content["box"].values())


CHECKS = {name: lambda name=name: goes_on_from_every_batch(name) for name in CASES}
BUGS = {
    "open leaves from the wrong end": Seeded(
        journal,
        "restored",
        "open_[-count:], open_[:-count]",
        "open_[:count], open_[count:]",
        ("upper", "lower"),
    ),
    "ready leaves taken for proved ones": Seeded(
        journal, "restored", "(done if batch.ready else ready)", "done", "upper"
    ),
    "cut along the first axis": Seeded(journal, "restored", 'axis = what["cut"]', "axis = 0", "upper"),
    "integrals forgotten": Seeded(
        journal, "_remember", 'in known["integrals"]', 'in known["integrals"][:0]', ("upper", "evidence")
    ),
    "the lower bound for the upper": Seeded(
        journal, "kept", "leaf.upper.hex()]", "leaf.lower.hex()]", "evidence"
    ),
    "bounds exchanged": Seeded(
        journal, "_leaf", "leaf.lower, leaf.upper = ", "leaf.upper, leaf.lower = ", ("upper", "evidence")
    ),
    "posteriors forgotten": Seeded(journal, "_leaf", 'what["q"] is None', "True", "upper"),
}
test_passes, test_catches, test_is_needed = falsification(
    CHECKS, BUGS, (AssertionError, KeyError, ValueError, IndexError, TypeError, pytest.fail.Exception)
)


def test_it_is_told_and_bound_to_its_statement(tmp_path: Path) -> None:
    path, told = tmp_path / "proof.jsonl", list[ep.Progress]()
    statement, box = CASES["upper"]
    found = proof(ep.for_all(statement, box, resume=path, progress=told.append))
    assert told[-1].done == told[-1].decided == told[-1].total == found.leaves
    assert told[-1].left == 0
    assert all(one.done <= two.done for one, two in pairwise(told))
    with pytest.raises(ValueError, match=r"resume: got .*; expected a file of the same statement$"):
        ep.for_all(ep.Gap(**CUBIC) <= "0.06", box, resume=path)
    with pytest.raises(ValueError, match=r"resume: got .*; expected a file of the same box$"):
        ep.for_all(statement, box | {"v": ("0.2", "1")}, resume=path)


def test_other_limits_go_on(tmp_path: Path) -> None:
    path = tmp_path / "proof.jsonl"
    statement, box = CASES["upper"]
    few = ep.for_all(statement, box, resume=path, leaves=3)
    assert isinstance(few, ep.Unproved)
    assert few.why == "the limit of 3 leaves"
    kept = len(path.read_bytes().splitlines())
    assert kept > 1
    late = ep.for_all(statement, box, resume=path, total_seconds=1e-9)
    assert isinstance(late, ep.Unproved)
    assert late.why.startswith("the time limit")
    assert len(path.read_bytes().splitlines()) == kept  # nothing is written that the time cut short
    whole = proof(ep.for_all(statement, box, resume=path)).certificate.to_json()
    assert whole == proof(ep.for_all(statement, box)).certificate.to_json()


def test_a_counterexample_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "proof.jsonl"
    statement, box = ep.Gap(**CUBIC) <= "1/1000", CASES["upper"][1]
    first, second = (ep.for_all(statement, box, resume=path) for _ in range(2))
    assert isinstance(first, ep.Counterexample)
    assert isinstance(second, ep.Counterexample)
    assert first.point == second.point


def test_workers_keep_their_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of no time: each batch is handed on and gone on from, and one process ends what two began."""
    monkeypatch.setattr(parts, "SLICE", 0.0)
    path, told = tmp_path / "proof.jsonl", list[ep.Progress]()
    statement, box = CASES["upper"]
    monkeypatch.setattr(parts, "worked", _one_batch)
    with ThreadPoolExecutor(1) as pool:
        found = proof(ep.for_all(statement, box, workers=pool, resume=path, progress=told.append))
    assert covers(found)
    assert told[-1].done == found.leaves
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    alone = proof(ep.for_all(statement, box, resume=path))
    assert alone.certificate.to_json() == found.certificate.to_json()


WORKED = parts.worked


def _one_batch(task: Any, before: Any, seconds: float, left: float | None) -> parts.Slice:
    found = WORKED(task, before, math.inf, left)
    if len(found.batches) <= 1:
        return found
    return parts.Slice(found.batches[:1], parts._counted([*before, found.batches[0]]), None)


KILLED = """
import sys, elboproof as ep
gap = ep.Gap(latent="z", decoder=["z + c*z**3"], variance="v", x=["7/10"])
print("begun", flush=True)
tell = lambda progress: print(progress.done, flush=True)
ep.for_all(gap <= "0.05", {"c": ("0", "0.3"), "v": ("0.01", "1")}, resume=sys.argv[1], progress=tell)
"""


def test_nothing_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "proof.jsonl"
    run = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", KILLED, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert run.stdout is not None
    for _ in range(3):
        run.stdout.readline()  # two batches were told
    run.send_signal(signal.SIGKILL)
    batches = 2 + len(run.communicate()[0].split())
    kept = [line for line in path.read_bytes().split(b"\n") if line.endswith(b"}")]
    assert len(kept) >= 1 + batches  # what was told stood on the disk
    statement, box = ep.Gap(**CUBIC) <= "0.05", {"c": ("0", "0.3"), "v": ("0.01", "1")}
    whole = proof(ep.for_all(statement, box, resume=path))
    assert whole.certificate.to_json() == proof(ep.for_all(statement, box)).certificate.to_json()
    whole.certificate.save(tmp_path / "certificate.json")
    assert str(ep.recheck(tmp_path / "certificate.json")) == "gap <= 1/20"
