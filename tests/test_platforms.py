"""Systems on which the tests do not run: what those do not have is taken away, and the library is used without it.

It shows that the library asks for nothing that only Linux has, not that it works elsewhere; see `docs/platforms.md`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import elboproof
from elboproof.checking import collect, pool, state

WINDOWS = """
import asyncio, concurrent.futures, ctypes, importlib.resources, logging, multiprocessing, os, pathlib, platform
import select, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading, uuid
import numpy, scipy.linalg, torch  # what libraries of others do with the system is not ours
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "posix", "syslog"):
    sys.modules[name] = None  # an import of it fails
for name in ("fork", "forkpty", "register_at_fork", "killpg", "getpgrp", "getpgid", "setsid", "getuid", "geteuid"):
    delattr(os, name)
for name in ("sched_getaffinity", "sysconf", "WNOHANG", "nice", "uname", "fchmod", "mkfifo", "getloadavg"):
    delattr(os, name)
for name in ("SIGKILL", "SIGALRM", "SIGSTOP", "SIGHUP", "SIGXFSZ", "setitimer", "alarm", "pthread_sigmask"):
    delattr(signal, name)
del select.poll
"""
USE = """
import elboproof as ep
from elboproof import networks
model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
assert ep.log_evidence(model, [["0.1"], ["0.2"]], 6, resume="rows.jsonl").shape == (2,)
ep.log_evidence(model, ["0.1"], 6, certificate="certificate.json")
print(ep.recheck("certificate.json"))
proof = ep.for_all(ep.Gap("z", ["c*z**3 + z"], "1", ["1"]) <= "1/2", {"c": ("0", "1/4")})
proof.certificate.save("proof.json")
print(ep.recheck("proof.json"))
x = numpy.random.default_rng(0).standard_normal((60, 2))
for _ in range(2):
    print(networks.train(x, latents=1, hidden=(4,), steps=5, checkpoint="c.pt").step)
from elboproof import checking, cli
print(cli.main(["verify"]))
"""


def test_the_library_works_without_what_windows_lacks(tmp_path: Path) -> None:
    (tmp_path / "verification").mkdir()
    path = str(Path(elboproof.__file__).parents[1])
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", WINDOWS + USE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("log p(x) = ")
    assert lines[1] == "gap <= 1/2"
    assert lines[2] == lines[3]
    assert lines[4] == "4"
    assert "checks run in groups of processes, which Windows has not" in done.stderr


def test_the_simulation_takes_away_what_was_there() -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", WINDOWS + "os.fork()"], capture_output=True, text=True, check=False
    )
    assert "AttributeError: module 'os' has no attribute 'fork'" in done.stderr


def test_processors_are_counted_where_the_system_does_not_say_which(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool.cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert pool.cores() == os.cpu_count()


def test_open_files_are_seen_where_their_list_has_no_links(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_link(_: str) -> str:
        raise OSError

    monkeypatch.setattr(os, "readlink", no_link)  # as under macOS
    before = state._descriptors()
    with (tmp_path / "file").open("w"):
        assert len(state._descriptors()) == len(before) + 1
    assert state._descriptors() == before
    monkeypatch.setattr(state, "_OPEN", None)
    assert state._descriptors() == []


def test_checks_say_where_they_do_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "killpg")
    with pytest.raises(collect.UsageError, match=r"groups of processes, which Windows has not; .* \(WSL\)"):
        collect.collect(tmp_path)
