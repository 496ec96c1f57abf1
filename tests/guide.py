"""The guide to a paper of one's own as what it is: files, edits and commands with their output, one after another.

``python -m tests.guide`` executes ``docs/your_own_paper.md`` in an empty folder and writes what the commands print into
it. Blocks are Markdown's: ```` ```console ```` begins with ``$ command``; a comment ``<!-- file: PATH -->`` or
``<!-- edit: PATH -->`` before another block says what its text does.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "your_own_paper.md"

BLOCK = re.compile(
    r"(?:<!-- (?P<kind>file|edit): (?P<path>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
PROGRESS = re.compile(r"^(\[ *\d+/\d+\] |\d+ of \d+ done|\d+ checks? on \d+ workers?)")
"""Lines that depend on the machine's speed, or its cores."""
ANNOUNCED = 600.0
"""Seconds for one command of the guide. The longest took 20 on two busy cores."""


@dataclass(frozen=True)
class Step:
    """A command of the guide with its output, or a file's text or edit."""

    kind: str
    path: str
    text: str

    @property
    def command(self) -> str:
        """Return the words after ``$``."""
        return self.text.partition("\n")[0].removeprefix("$ ")

    @property
    def output(self) -> str:
        """Return what stands below the command."""
        return self.text.partition("\n")[2]


@dataclass
class Walk:
    """Someone who does what the guide says, in a folder; ``cd`` goes on to another one."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Commands of this interpreter, whether or not they are installed as scripts.
        bin_folder = self.folder.parent / "bin"
        bin_folder.mkdir(exist_ok=True)
        modules = {"elboproof": "-m elboproof.cli", "pytest": "-m pytest", "python": ""}
        for name, module in modules.items():
            script = bin_folder / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
            script.chmod(0o755)
        ours = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        self.environment = {**ours, "PATH": f"{bin_folder}:{os.environ['PATH']}", "COLUMNS": "80"}
        if not list(
            entry_points(group="elboproof.suites", name="fyffe2019")
        ):  # the sources are only on the path
            self.environment["PYTHONPATH"] = f"{ROOT / 'src'}:{site(bin_folder.parent / 'site')}"
            self.environment["PYTEST_ADDOPTS"] = "-p elboproof.pytest_plugin"

    def does(self, step: Step) -> str:
        """Do a step and return what it prints, without what depends on the machine's speed."""
        path = self.folder / step.path
        if step.kind == "file":
            path.write_text(step.text, encoding="utf-8")
        elif step.kind == "edit":
            path.write_text(edited(path.read_text(encoding="utf-8"), step.text), encoding="utf-8")
        elif step.command.startswith("cd "):
            self.folder /= step.command.removeprefix("cd ")
        else:
            return self._runs(step.command)
        return ""

    def _runs(self, command: str) -> str:
        done = subprocess.run(  # noqa: S602  (commands of our own text, as a reader types them)
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=ANNOUNCED,
        )
        lines = [line.rstrip() for line in done.stdout.splitlines() if not PROGRESS.match(line)]
        return "\n".join(lines).strip("\n")


def site(folder: Path) -> Path:
    """Return a folder with the entry points that an installation of this repository would have."""
    information = folder / "elboproof-0.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: elboproof\nVersion: 0\n")
    (information / "entry_points.txt").write_text("[elboproof.suites]\nfyffe2019 = x.verification\n")
    (information / "direct_url.json").write_text(
        f'{{"url": "{ROOT.as_uri()}", "dir_info": {{"editable": true}}}}'
    )
    return folder


def steps(text: str) -> Iterator[Step]:
    """Yield the steps of the guide, in their order."""
    for match in BLOCK.finditer(text):
        yield Step(match["kind"] or "command", match["path"] or "", match["text"])


def edited(text: str, diff: str) -> str:
    """Return a text after an edit: its lines that begin with ``-`` or a space are found, in order, after each other."""
    # Each run of removed lines must be there once after the place where the last context was found.
    place, removed, added = 0, "", ""
    for line in [*diff.splitlines(keepends=True), " "]:
        sign, rest = line[:1], line[1:]
        if sign == "-":
            removed += rest
        elif sign == "+":
            added += rest
        else:
            if removed:
                at = text.index(removed, place)
                text, place = text[:at] + added + text[at + len(removed) :], at + len(added)
            elif added:
                text, place = text[:place] + added + text[place:], place + len(added)
            removed = added = ""
            if rest:
                place = text.index(rest, place) + len(rest)
    return text


def compared(output: str) -> list[str]:
    """Return the words of an output, without seconds and rounding errors, which differ between machines."""
    # Lines break elsewhere where a number has more digits: so words are compared, not lines.
    timeless = re.sub(r"\d+(\.\d+)?(?= ?(s|seconds)\b)", "_", output)
    timeless = re.sub(r"(?m)\s\d+\.\d$", "", timeless)  # the column of seconds
    timeless = re.sub(r"\d\.\d+e-[0-9]+", "_", timeless)  # rounding errors
    return timeless.split()


def written(text: str, folder: Path) -> str:
    """Return the guide with what its commands print."""
    walk = Walk(folder)

    def block(match: re.Match[str]) -> str:
        step = Step(match["kind"] or "command", match["path"] or "", match["text"])
        printed = walk.does(step)
        if step.kind != "command":
            return match[0]
        return (
            f"```console\n$ {step.command}\n{printed}\n```"
            if printed
            else f"```console\n$ {step.command}\n```"
        )

    return BLOCK.sub(block, text)


def main() -> None:
    """Execute the guide and write it anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "reader"
        folder.mkdir()
        GUIDE.write_text(written(GUIDE.read_text(encoding="utf-8"), folder), encoding="utf-8")


if __name__ == "__main__":
    main()
