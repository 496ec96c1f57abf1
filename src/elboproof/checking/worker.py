"""The child process of a lane: runs one check, or one control, at a time.

Started as ``python -P -m elboproof.checking.worker JOBS ANSWERS`` with two inherited file descriptors.
Jobs and answers are JSON lines on those; whatever a check prints goes to other pipes.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
import warnings
from json import dumps, loads  # bound here: a check may remove them from their module
from pathlib import Path
from typing import IO, Any

from elboproof.checking import sources
from elboproof.checking.ambient import forget, settle
from elboproof.checking.claim import Check
from elboproof.checking.guard import LIBRARY, Effects, Guard
from elboproof.checking.methods import require_method
from elboproof.checking.plain import series_to_json, to_json
from elboproof.checking.run import Run, try_instances
from elboproof.checking.trace import trace
from elboproof.checking.verdict import Verdict, part_to_json


class StaleSources(RuntimeError):  # noqa: N818  (a state of the files)
    """The files changed after they were collected, or differ between machines."""


def main(jobs_descriptor: int, answers_descriptor: int) -> None:
    """Answer jobs until the lane closes its end of the pipe."""
    for descriptor in (jobs_descriptor, answers_descriptor):
        os.set_inheritable(descriptor, False)  # programs that a check starts must not hold the pipes open
    _die_with_lane(jobs_descriptor)
    warnings.simplefilter("ignore")  # their text would go to a pipe that nobody reads
    with os.fdopen(jobs_descriptor, encoding="utf-8") as jobs, os.fdopen(answers_descriptor, "wb") as answers:
        server = _Server(answers)
        for line in jobs:
            server.serve(loads(line))


def _die_with_lane(descriptor: int) -> None:
    """End this process group when the lane's end of the job pipe is closed, even during a check."""

    def watch() -> None:
        poller = select.poll()
        poller.register(descriptor, 0)
        poller.poll()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


class _Server:
    """Answers jobs, and tells what each check and the import of each claim left behind."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers, self._pipe = answers, os.fstat(answers.fileno()).st_ino
        self._guard = Guard(sources.PACKAGE)
        self._imports: dict[str, Effects] = {}
        self._multiple = 1

    def serve(self, job: dict[str, Any]) -> None:
        process = os.getpid()
        try:
            check = self._find(job)
        except BaseException as error:  # noqa: BLE001  (SystemExit too: the answer must come in any case)
            self._send(_failure(error, job), job)
            return
        self._send({"event": "started"}, job)
        signal.alarm(job["alarm"])  # works inside a C call, without Python's help
        start = time.perf_counter()
        try:
            # Instances are tried before the state is settled, so that what they draw or set is not seen by
            # the check, and only once: a control runs the same predicates.
            if job["control"] is None and "precision" not in job:
                for hypothesis in check.hypotheses:
                    try_instances(hypothesis)
            settle(check.id, job["seed"], self._precision(job))
            self._guard.settled()
            answer = _answer(check, job)
        except BaseException as error:  # noqa: BLE001
            answer = _failure(error, job)
        answer["seconds"] = time.perf_counter() - start
        signal.alarm(0)
        if os.getpid() != process:  # a check forked, and this is the copy that came back
            os._exit(0)
        answer["side_effects"] = self._effects()
        answer["soiled"] = bool(answer["side_effects"])
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        self._send(answer, job)

    def _precision(self, job: dict[str, Any]) -> int:
        """Return the multiple of the precision at which a job runs, and forget what another one made."""
        # What caches hold was made at the precision of before: a second run shall not read the first one's.
        multiple: int = job.get("precision", 1)
        if multiple != self._multiple:
            forget(f"{LIBRARY}.", sources.PACKAGE)
            self._multiple = multiple
        return multiple

    def _find(self, job: dict[str, Any]) -> Check:
        directory, name = Path(job["directory"]), job["claim"].replace("-", "_")
        # The record promises which sources a finding was made from: no edit during the run, no other checkout
        # on a worker's machine.
        if sources.claim_digest(directory, name) != job["sources"]:
            raise StaleSources(f"the sources of {job['claim']} are not those that were collected")
        module = sources.import_claim(directory, name)
        if job["claim"] not in self._imports:
            self._imports[job["claim"]] = self._guard.effects()
        for check in module.claim.checks:
            if check.id == job["check"]:
                return check  # type: ignore[no-any-return]
        raise ValueError(f"check: {job['check']} is not in {directory}")

    def _effects(self) -> Effects:
        """Return what the check left behind, and what the import of any claim did to this process before."""
        found = self._guard.effects()
        if _has_children():
            found.setdefault("process", []).append("a child process was left behind")
        for claim, effects in self._imports.items():
            for kind, sentences in effects.items():
                found.setdefault(kind, []).extend(f"importing {claim}: {one}" for one in sentences)
        return found

    def _send(self, message: dict[str, Any], job: dict[str, Any]) -> None:
        """Write a message to the answer pipe, unless the check put something else in its place."""
        # The pipe is known by its inode: a check may have closed it and opened something else under the same number.
        text = dumps({**message, "token": job["token"]}, allow_nan=False)
        try:
            if os.fstat(self._answers.fileno()).st_ino != self._pipe:
                raise OSError
            self._answers.write(text.encode() + b"\n")
            self._answers.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.write(2, b"the pipe to which the answer belongs was closed")
            os._exit(1)


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _answer(check: Check, job: dict[str, Any]) -> dict[str, Any]:
    # The method is demanded of controls too: a control that is refuted by weaker evidence than the check's is no
    # rejection.
    control = None if job["control"] is None else check.control(job["control"])
    run = Run(
        check.id,
        seed=job["seed"],
        false_alarm=job["false_alarm"],
        drops=control.drops if control else (),
        again="precision" in job,
    )
    verdict = check.function(run, **(control.overrides if control else {}))
    if not isinstance(verdict, Verdict):
        raise TypeError(_no_verdict(check, verdict, Path(job["directory"])))
    if run.drew:
        verdict = verdict.at_drawn_points()
    require_method(check.method, verdict.parts)
    return {"event": "answer", "status": verdict.status, "exercised": run.exercised} | _fields(verdict)


def _no_verdict(check: Check, answer: object, directory: Path) -> str:
    if answer is None:
        way = "does it end with `return`?"
    elif isinstance(answer, dict):
        way = "all_of({...}) makes one of verdicts by names"
    else:
        way = "equal, identity, ball_equal and their like make one"
    place = sources.where_defined(check.function, directory)
    text = f"{check.name} returned {answer!r:.80}; expected a Verdict: {way}"
    return f"{text} ({place})" if place else text


def _fields(verdict: Verdict) -> dict[str, Any]:
    names = ("reason", "computed", "stated", "error", "smallest_detectable", "quantity")
    return {name: to_json(getattr(verdict, name)) for name in names} | {
        "data": series_to_json(verdict.data),
        "reached": verdict.method,
        "parts": [part_to_json(name, part) for name, part in verdict.parts.items()],
    }


def _failure(error: BaseException, job: dict[str, Any]) -> dict[str, Any]:
    # The place is that of the claim's own line, not of the library's that raised: an author can go there.
    place = sources.where(error, Path(job["directory"]))
    try:
        message = str(error)[:2000]
    except Exception:  # noqa: BLE001  (an exception whose own text fails is still an answer)
        message = "(its message could not be made)"
    text = f"{type(error).__name__}: {message}".rstrip(": ")
    reason = f"{text} ({place})" if place else text
    try:
        text_of_trace = trace(error)
    except Exception:  # noqa: BLE001  (a check may have damaged what tracebacks are made with)
        text_of_trace = ""
    return {"event": "answer", "status": "error", "reason": reason, "trace": text_of_trace}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
