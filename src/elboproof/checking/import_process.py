"""Claim modules are imported in a process of their own, which tells what they declare.

What a module does when it is imported, to other modules or to its process, so cannot reach the process that selects
checks and writes reports. A process in which an import changed modules imports no further claim.
"""

import contextlib
import importlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

from elboproof.checking import sources
from elboproof.checking.claim import Claim
from elboproof.checking.description import described
from elboproof.checking.guard import Guard
from elboproof.checking.lane import IMPORT_LIMIT, environment
from elboproof.checking.problems import claim_problems, docstring_problems, sections

_NO_NAME = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>elboproof[\w.]*)'")
_LISTED = re.compile("(?:;|(?<=[?])) [iI]t has ")
_TAIL = 500  # characters of a dead process's output that go into a problem

Description = dict[str, Any]


def descriptions(directory: Path, names: list[str]) -> Iterator[Description]:
    """Yield what each claim module declares, in order, with "problems"; a process that dies is a problem too."""
    todo = list(names)
    while todo:
        with _Importer(directory, todo) as importer:
            for description in importer.answers():
                todo.pop(0)
                yield description
            if importer.death is not None and todo:
                yield {"problems": [f"{_file(directory, todo.pop(0))}: import failed: {importer.death}"]}


class _Importer:
    """A process that imports claim modules; a context manager."""

    def __init__(self, directory: Path, names: list[str]) -> None:
        self.death: str | None = None
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed at the end)
        self._answers, writing = os.pipe()
        # The path of this process, as the claims may need what is on it; the child is started with -P, which
        # would leave out the current folder.
        request = {"directory": str(directory), "names": names, "path": sys.path, "answers": writing}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, json.dumps(request)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            env=environment(),
            start_new_session=True,
        )
        os.close(writing)

    def __enter__(self) -> "_Importer":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._answers)
        self._output.close()

    def answers(self) -> Iterator[Description]:
        """Yield answers until the process says that it has no more, or ends, see ``death``."""
        # The deadline starts anew with each answer, as the limit is for one module. The process may die while a
        # line is half written, so that only whole lines are parsed.
        buffer, deadline = b"", time.monotonic() + IMPORT_LIMIT
        while True:
            line, newline, rest = buffer.partition(b"\n")
            if newline:
                buffer, deadline = rest, time.monotonic() + IMPORT_LIMIT
                answer = json.loads(line)
                if answer is None:
                    return
                yield answer
                continue
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._answers, 1 << 16) if ready else b""
            if not chunk:
                self.death = self._obituary() if ready else f"it took longer than {IMPORT_LIMIT:.0f} s"
                return
            buffer += chunk

    def _obituary(self) -> str:
        code = self._process.wait()
        how = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        self._output.seek(0)
        tail = " ".join(self._output.read().decode(errors="replace").split())[-_TAIL:]
        return f"its process {how}" + (f"; its last output: {tail}" if tail else "")


def main(request: dict[str, Any]) -> None:
    """Import claim modules one after another and answer with what they declare."""
    sys.path[:] = request["path"]
    directory = Path(request["directory"])
    os.set_inheritable(request["answers"], False)
    with os.fdopen(request["answers"], "w", encoding="utf-8") as answers, _os_exit_refused():
        # A module that changed others ends the process after its answer: what is imported after it would be described
        # as the patched libraries show it.
        guard = Guard(sources.PACKAGE)
        for name in request["names"]:
            description = _describe(directory, name)
            changed = guard.effects().get("modules")
            last = changed or name == request["names"][-1]
            if last:
                description["problems"] += sources.foreign_imports(directory)
            answers.write(json.dumps(description) + "\n")
            answers.flush()
            if last:
                break
        answers.write("null\n")


def _file(directory: Path, name: str) -> Path:
    single = directory / f"{name}.py"
    return single if single.exists() else directory / name / "__init__.py"


def _describe(directory: Path, name: str) -> Description:
    file = _file(directory, name)
    # KeyboardInterrupt is let through: it is the user's, not the module's.
    try:
        module = sources.import_claim(directory, name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever a claim module raises is its problem)
        place = sources.where(error, directory)
        seen = str(file) if place is None else str(directory / place.partition("/")[2])
        return {"problems": [f"{seen}: import failed: {type(error).__name__}: {error}{_hint(error)}"]}
    problems = [f"{file}:1: {problem}" for problem in docstring_problems(module.__doc__)]
    claim = _claim_of(module, name, file, problems)
    if claim is None:
        return {"problems": problems}
    problems += claim_problems(claim, file)
    return {
        "problems": problems,
        "name": name,
        "label": claim.label,
        "file": str(file),
        "sections": sections(module.__doc__),
        "digest": sources.claim_digest(directory, name),
        "files": {check.id: check.file for check in claim.checks},
        "lines": {check.id: check.line for check in claim.checks},
        "claim": described(claim),
    }


def _hint(error: BaseException) -> str:
    """Return what was meant by a name that elboproof does not have."""
    # Python drops the text of the package's own error where a name is imported: it is asked for again.
    name = _NO_NAME.match(str(error)) if isinstance(error, ImportError) else None
    if name is None:
        return ""
    try:
        getattr(importlib.import_module(name["module"]), name["name"])
    except AttributeError as own:
        hint = str(own).partition("; ")[2]
        return f"; {_LISTED.split(hint)[0]}"
    return ""


@contextmanager
def _os_exit_refused() -> Iterator[None]:
    """Let ``os._exit`` raise in this process while a module is imported: exit code 0 would say that all claims hold.

    Children that the module forks end as they would, and so does what keeps the function for later.
    """
    # A module that ends the process with status 0 would look as if it had been imported without mistakes.
    exit_at_once, process, importing = os._exit, os.getpid(), True

    def refuse(status: int) -> NoReturn:
        if importing and os.getpid() == process:
            raise SystemExit(f"os._exit({status}); expected a module that can be imported")
        exit_at_once(status)

    os._exit = refuse
    try:
        yield
    finally:
        os._exit, importing = exit_at_once, False


def _claim_of(module: ModuleType, name: str, file: Path, problems: list[str]) -> Claim | None:
    claim = getattr(module, "claim", None)
    if not isinstance(claim, Claim):
        others = [one for one, value in vars(module).items() if isinstance(value, Claim)]
        hint = (
            f"; the Claim of this module is called {others[0]!r}, expected the name 'claim'" if others else ""
        )
        problems.append(f"{file}: has no `claim = Claim(...)`{hint}")
        return None
    if claim.label != name.replace("_", "-"):
        problems.append(f"{file}: label is {claim.label!r}; expected {name.replace('_', '-')!r}")
    return claim


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
