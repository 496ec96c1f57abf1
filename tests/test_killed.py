"""Commands that are killed, again and again: what was told stands, and the end is that of a run that was left alone."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from elboproof import cli
from elboproof.files import LEFT, NEW, replace_text
from elboproof.networks import load
from tests.killing import child, ended
from tests.test_cli import DOCSTRING, check

FEW, MANY = 3, 50
"""Moments of each command, all random: in every run, and in the slow tier."""
CHECKS = 12


@dataclass(frozen=True)
class Command:
    """A command with what it leaves: what must never become less, and what is the same in the end."""

    words: tuple[str, ...]

    def prepare(self) -> None:
        """Write what the command reads into the current folder."""

    def kept(self) -> set[str]:
        """Return what a killed run has left for the next one."""
        return set()

    def result(self) -> Any:
        """Return what a whole run leaves."""

    def run(self) -> None:
        """Run to the end, silent."""
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        if cli.main(self.words) != 0:
            raise RuntimeError("the command failed")


class Evidence(Command):
    def kept(self) -> set[str]:
        path = Path("rows.jsonl")
        lines = path.read_bytes().split(b"\n") if path.exists() else []
        return {line.decode() for line in lines[1:] if line.endswith(b"}")}

    def result(self) -> Any:
        return {row["row"]: row["status"] for row in (json.loads(line)["line"] for line in self.kept())}


class Train(Command):
    def result(self) -> Any:
        networks = load(Path("out/networks.pt")).networks.state_dict()
        state = {name: value.numpy().tobytes() for name, value in networks.items()}
        return state, Path("out/curve.csv").read_text(), Path("out/summary.json").read_text()


ADAPTER = """\
import torch
from torch import nn
import elboproof.audit as audit

torch.manual_seed(0)
encoder, decoder = nn.Linear(2, 2), nn.Linear(1, 2)

def loss(x):
    mean, s = encoder(x).chunk(2, 1)
    z = mean + torch.randn_like(mean) * (s / 2).exp()
    squares = ((x - decoder(z)) ** 2).sum() / 2
    return squares + (mean**2 + s.exp() - 1 - s).sum() / 2

adapter = audit.Adapter(loss, torch.randn(6, 2), encoder, decoder)
"""


class Audit(Command):
    """It has nothing to go on with: its report is whole or that of before, and another run gives the same."""

    def prepare(self) -> None:
        Path("my_adapter.py").write_text(ADAPTER, encoding="utf-8")

    def kept(self) -> set[str]:
        report = Path("report.json")
        return {str(self.result())} if report.exists() else set()

    def result(self) -> Any:
        (report,) = json.loads(Path("report.json").read_text(encoding="utf-8"))
        del report["seconds"], report["loss"]  # the time that it took, and where it lies
        for one in report["checks"]:
            one.pop("seconds", None)
        return report


class Verify(Command):
    def prepare(self) -> None:
        head = "import time\nfrom elboproof.checking import Claim, control, equal\nclaim = Claim('a-claim', 'title')\n"
        body = "".join(check(f"check_{k}", "time.sleep(0.1); return equal(k, 0, 0)") for k in range(CHECKS))
        Path("verification").mkdir()
        Path("verification/a_claim.py").write_text(DOCSTRING + head + body, encoding="utf-8")

    def kept(self) -> set[str]:
        path = Path(".elboproof/run.jsonl")
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        return {json.loads(line)["check"] for line in lines[1:] if line.endswith("}")}

    def result(self) -> Any:
        findings = json.loads(Path("findings.json").read_text(encoding="utf-8"))["findings"]
        return [(one["check"], one["status"], one["holds"]) for one in findings]


COMMANDS = {
    "evidence": Evidence(
        (
            *("evidence", "sin(u) + v**2", "u*v", "--variance", "1/10", "--digits", "6", "--json"),
            *("--resume", "rows.jsonl"),
            *(word for k in range(12) for word in ("--x", f"0.{k:02d},0.3")),
        )
    ),
    "train": Train(
        (
            *("train", "digits", "--out", "out", "--hidden", "16", "--latents", "2", "--steps", "200"),
            *("--every", "10", "--batch", "64"),
        )
    ),
    "audit": Audit(("audit", "my_adapter.py", "--draws", "60", "--check", "noise", "--json", "report.json")),
    "verify": Verify(("verify", "--resume", "--workers", "2", "--json", "findings.json")),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # a fork has none of the threads of its parent, and would wait for them
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def start(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.chdir(folder)
    command.prepare()


def require_nothing_lost(name: str, moments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill a command so many times, whenever it may be, and compare what it leaves with a whole run."""
    command = COMMANDS[name]
    start(command, tmp_path / "whole", monkeypatch)
    began = time.monotonic()
    assert ended(child(command.run)) == 0
    length, wanted = time.monotonic() - began, command.result()
    start(command, tmp_path / "killed", monkeypatch)
    rng, kills, whole, kept = random.Random(name), 0, 0, command.kept()  # noqa: S311
    while kills < moments:
        process = child(command.run)
        time.sleep(rng.uniform(0, length))
        os.kill(process, signal.SIGKILL)
        if ended(process) != signal.SIGKILL:  # it was at its end: from the beginning
            assert command.result() == wanted
            whole += 1
            start(command, tmp_path / f"killed after {whole}", monkeypatch)
            kept = set()
            continue
        kills += 1
        assert kept <= command.kept()
        kept = command.kept()
    assert ended(child(command.run)) == 0
    assert kept <= command.kept()
    assert command.result() == wanted


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_killed_loses_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_nothing_lost(name, FEW, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_killed_many_times_loses_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_nothing_lost(name, MANY, tmp_path, monkeypatch)


def test_what_a_killed_writer_left_is_removed_when_nobody_can_write_it_any_more(tmp_path: Path) -> None:
    file = tmp_path / "a[1].json"
    left, written, other = (tmp_path / f".{name}{NEW}" for name in ("a[1].json.x", "a[1].json.y", "b.json.x"))
    for path in (left, written, other):
        path.touch()
    for path in (left, other):
        os.utime(path, (time.time() - LEFT - 9,) * 2)
    replace_text(file, "text")
    assert {path.name for path in tmp_path.iterdir()} == {file.name, written.name, other.name}
