"""One child process that runs checks one after another, and is replaced when one harms it.

The child is made with `subprocess`, not `multiprocessing`: lanes also live in the workers of a Dask
cluster, whose processes are daemonic and may not have `multiprocessing` children.
"""

import atexit
import contextlib
import json
import math
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import IO, Any

from elboproof.checking import memory
from elboproof.checking.clock import STARVED, Limit, slowness

IMPORT_LIMIT = 120.0
"""Seconds for starting Python and importing one claim module; not part of a check's time limit."""

GRACE = 60
"""Seconds after its last possible end at which a child ends itself, should its lane be gone."""

LAST_OUTPUT = "; its last output: "
"""What stands before a dead child's output in the reason of its finding."""

_HINT = ", which the system sends to what takes too much memory"
"""What is known of SIGKILL, which no check sends itself."""
_POLL = 0.1  # seconds: a grandchild can hold the answer pipe open, so the child itself is looked at too
_TAIL = 2000  # characters of a dead child's output that go into the reason
_LIVE: set["Lane"] = set()
_LOCK = threading.Lock()


class LaneClosed(RuntimeError):  # noqa: N818  (a state, not a failure)
    """The lane was closed while it ran a check: the run was interrupted."""


class Lane:
    """A child process for checks, started when first needed.

    `call` may be used by one thread at a time; `close` by any.
    """

    def __init__(self) -> None:
        self.closed = False
        self._busy = False
        self._child: _Child | None = None
        with _LOCK:
            _LIVE.add(self)

    def call(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run one job and return the answer; never raises for what the check does.

        Returns
        -------
        dict
            With "status" and "reason" at least. Status "timeout": the time limit passed and the child's
            process group was killed. Status "killed": the child died.

        Raises
        ------
        LaneClosed
            If the lane is closed, before or during the call.
        """
        # The token ties an answer to its question: what a check writes to the pipe itself, or late, cannot stand for
        # the answer of the next one. A child that left anything behind is not asked again.
        child = self._start(job)
        answer = child.ask(job | {"token": secrets.token_hex(8)})
        with _LOCK:
            self._busy = False
            if answer.pop("soiled", True) or self.closed:
                self._child = None
                child.end()
            if self.closed:
                raise LaneClosed
        return answer

    def _start(self, job: dict[str, Any]) -> "_Child":
        with _LOCK:
            if self.closed:
                raise LaneClosed
            # Python does not import a module twice: a child that has one version of a claim cannot run another.
            version = (job["sources"], job["library"])
            if self._child is not None and not (
                self._child.quiet() and self._child.fits(job["directory"], job["claim"], version)
            ):
                self._child.end()
                self._child = None
            if self._child is None:
                self._child = _Child()
                self._child.fits(job["directory"], job["claim"], version)
            self._busy = True
            return self._child

    def close(self) -> None:
        """Kill the child and everything it started; the lane is not used again."""
        with _LOCK:
            self.closed = True
            _LIVE.discard(self)
            if self._child is not None and self._busy:
                self._child.kill()  # the thread in `call` still reads from the pipes, and will close them
            elif self._child is not None:
                self._child.end()
                self._child = None


def close_lanes() -> None:
    """Close all lanes of this process."""
    with _LOCK:
        lanes = list(_LIVE)
    for lane in lanes:
        lane.close()


atexit.register(close_lanes)


def environment() -> dict[str, str]:
    """Return the environment of a child.

    One thread per child: there are as many children as cores, and a sum split among threads would not have
    the same bits on each machine. A fixed hash seed: SymPy's results may depend on the order of sets.
    """
    # Set before the child starts: the libraries read these when they are loaded, and never again.
    single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(single, "1"), "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}


class _Child:
    def __init__(self) -> None:
        jobs_read, self._jobs = os.pipe()
        self._answers, answers_write = os.pipe()
        command = [
            sys.executable,
            "-P",
            "-m",
            "elboproof.checking.worker",
            str(jobs_read),
            str(answers_write),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(jobs_read, answers_write),
            start_new_session=True,  # so that the whole group can be killed, and Ctrl-C is left to us
            env=environment(),
        )
        os.close(jobs_read)
        os.close(answers_write)
        memory.offer(self._process.pid)
        self._held = 0
        self._buffer = bytearray()
        self._versions: dict[tuple[str, str], tuple[str, str]] = {}
        self._tail: deque[bytes] = deque(maxlen=4)
        if self._process.stdout is None:
            raise RuntimeError("the child has no output pipe")
        self._drain = threading.Thread(
            target=_keep_tail, args=(self._process.stdout, self._tail), daemon=True
        )
        self._drain.start()

    def fits(self, directory: str, claim: str, version: tuple[str, str]) -> bool:
        """Return whether this child can have imported no other version of a claim's sources.

        The lanes of a cluster's workers outlive a run, and the claim modules may be edited between two.
        """
        return self._versions.setdefault((directory, claim), version) == version

    def quiet(self) -> bool:
        """Return whether nothing but answers came through the pipe, as far as one can see."""
        return not self._buffer and not select.select([self._answers], [], [], 0.0)[0]

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        # Two limits: importing SymPy and torch is not the check's time, so that its clock starts when it says so.
        start = time.monotonic()
        self._tail.clear()
        self._held = 0
        limit = Limit(self._process.pid, IMPORT_LIMIT)
        alarm = {"alarm": math.ceil(STARVED * slowness() * job["time_limit"]) + GRACE}
        with contextlib.suppress(BrokenPipeError):  # a child that died shows in the answer below
            os.write(self._jobs, json.dumps(job | alarm).encode() + b"\n")
        try:
            answer = self._receive(limit)
            if answer["event"] == "started":
                start = time.monotonic()
                limit = Limit(self._process.pid, job["time_limit"])
                return _complete(self._receive(limit), job["token"])
        except TimeoutError as error:
            return _lost("timeout", str(error), start)
        except EOFError:
            return _lost("killed", self._obituary(), start)
        except (ValueError, KeyError, TypeError) as error:
            return _lost("killed", f"its process sent no answer that could be read: {error}", start)
        names = ("status", "reason", "trace")
        return {name: answer[name] for name in names} | {"seconds": 0.0, "soiled": True}

    def _receive(self, limit: Limit) -> dict[str, Any]:
        # A grandchild may hold the pipe open after the child died: so the child is polled, and the pipe read
        # to its end.
        while b"\n" not in self._buffer:
            left = limit.left()
            if left <= 0:
                raise TimeoutError(limit.reason())
            dead = self._process.poll() is not None
            self._held = max(self._held, memory.held(self._process.pid))
            ready, _, _ = select.select([self._answers], [], [], 0.0 if dead else min(left, _POLL))
            if ready:
                chunk = os.read(self._answers, 1 << 16)
                self._buffer += chunk
            if (ready and not chunk) or (dead and not ready):
                raise EOFError
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        message: dict[str, Any] = json.loads(line)
        return message

    def _obituary(self) -> str:
        # The pipe can close before the process is gone: its exit status is waited for, but not for ever.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        how = f"its process ended with status {code}"
        if code and code < 0:
            hint = f"{_HINT}{memory.words(self._held)}" if code == -signal.SIGKILL else ""
            how = f"its process died of {_signal_name(-code)}{hint}"
        self._drain.join(0.5)
        tail = b"".join(list(self._tail)).decode(errors="replace").strip()[-_TAIL:]
        return f"{how}{LAST_OUTPUT}{tail}" if tail else how

    def kill(self) -> None:
        # The group outlives its leader if a check left children behind, so no look at the leader first.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self._process.wait()
        for descriptor in (self._jobs, self._answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _complete(answer: dict[str, Any], token: str) -> dict[str, Any]:
    """Return the answer of a check without its event; raise ValueError if something else wrote to the pipe."""
    # Whatever a check wrote to the pipe itself is refused, even if it looks like an answer.
    given = answer.pop("token", None)
    if answer.pop("event") != "answer" or not {"status", "reason", "seconds", "soiled"} <= set(answer):
        raise ValueError(f"got the fields {sorted(answer)}")
    if given != token:
        raise ValueError("it does not answer the question")
    return answer


def _lost(status: str, reason: str, start: float) -> dict[str, Any]:
    return {"status": status, "reason": reason, "seconds": time.monotonic() - start, "soiled": True}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _keep_tail(stream: IO[bytes], tail: deque[bytes]) -> None:
    with contextlib.suppress(ValueError, OSError), stream:
        while chunk := os.read(stream.fileno(), 4096):
            tail.append(chunk)
