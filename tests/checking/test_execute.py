"""Checks that misbehave, each run for real in a lane."""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from elboproof.checking.collect import collect
from elboproof.checking.execute import compose, job_of, run_check
from elboproof.checking.finding import Finding
from elboproof.checking.lane import Lane, LaneClosed, close_lanes

Write = Callable[..., Path]
Source = Callable[..., str]

SETTLE = 5.0
"""Seconds within which a killed process is gone. Worst measured: 0.1; the machine may be busy."""


@pytest.fixture(autouse=True)
def _no_lane_is_left() -> Iterator[None]:
    yield
    close_lanes()


@pytest.fixture
def run_one(write_claim: Write, source: Source) -> Callable[..., Finding]:
    """Return a function that runs one check with the given body in a lane."""

    def run(body: str, **fields: str) -> Finding:
        collection = collect(
            write_claim(source(body, **fields) + source("return equal(k, 0, 0)", name="next_one"))
        )
        first, after = (run_check(job_of(check, collection, 0)) for check in collection.checks)
        json.dumps(first, allow_nan=False)
        assert after["holds"], "the check that follows must not suffer"
        return Finding.from_json(first)

    return run


Run = Callable[..., Finding]


def test_a_good_check_holds(run_one: Run) -> None:
    finding = run_one("return equal(k, 0, 0)")
    assert (finding.status, finding.holds) == ("established", True)
    assert finding.controls == (
        {
            "name": "other",
            "refutes": ["*"],
            "status": "refuted",
            "rejected": True,
            "refuted": ["statement"],
            "reason": "refuted: 1 is not equal to 0 within 0",
        },
    )


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("return None", "error", "the_check returned None; expected a Verdict"),
        ("return True", "error", "the_check returned True; expected a Verdict"),
        ("sys.exit(0)", "error", "SystemExit: 0 (verification/first_claim.py:"),
        ("raise KeyboardInterrupt", "error", "KeyboardInterrupt (verification/first_claim.py:"),
        ("raise ValueError('a\\x00b')", "error", "ValueError: a\x00b (verification/first_claim.py:"),
        ("return equal(float('nan'), 0, 0)", "undecided", "cannot be compared"),
        (
            "print('last words', flush=True)\nos._exit(0)",
            "killed",
            "ended with status 0; its last output: last words",
        ),
        ("os.kill(os.getpid(), 9)", "killed", "died of SIGKILL"),
        ("import ctypes\nctypes.string_at(0)", "killed", "died of SIGSEGV"),
        ("os.closerange(3, 200)\nreturn equal(k, 0, 0)", "killed", "ended with status 1"),
        (
            "os.write(int(sys.argv[2]), b'noise\\n')\nreturn equal(k, 0, 0)",
            "killed",
            "no answer that could be read",
        ),
        (
            'os.write(int(sys.argv[2]), b\'{"event": "answer", "status": "refuted"}\\n\')\nreturn equal(k, 0, 0)',
            "killed",
            "no answer that could be read: got the fields ['status']",
        ),
    ],
)
def test_a_check_that_fails(body: str, status: str, reason: str, run_one: Run) -> None:
    finding = run_one(body)
    assert (finding.status, finding.holds) == (status, False)
    assert reason in finding.reason
    assert not finding.controls[0]["rejected"]


def test_a_check_that_hangs_is_stopped_with_what_it_started(run_one: Run, tmp_path: Path) -> None:
    body = (
        "import subprocess\n"
        f"child = subprocess.Popen(['sleep', '1000'])\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "while True: pass"
    )
    start = time.monotonic()
    finding = run_one(body, time_limit="0.5")
    assert finding.status == "timeout"
    assert re.fullmatch(
        r"ran longer than its limit of \S+ s and was stopped: it used \d\.\d s of .*", finding.reason
    )
    assert time.monotonic() - start < 20
    assert_gone(int((tmp_path / "pid").read_text()))


def assert_gone(pid: int) -> None:
    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":  # dead; whoever adopted it has not looked yet
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} is still there")


@pytest.mark.parametrize(
    "body",
    [
        "for stream in (sys.stdout, sys.stderr):\n    stream.write('x' * 3_000_000)\nreturn equal(k, 0, 0)",
        "os.fork()\nreturn equal(k, 0, 0)",
        "if os.fork() == 0: time.sleep(1000)\nreturn equal(k, 0, 0)",
        "threading.Thread(target=time.sleep, args=(1000,)).start()\nreturn equal(k, 0, 0)",
        'os.write(1, b\'{"event": "answer"}\')\nreturn equal(k, 0, 0)',
        "sys.stdout.close()\nreturn equal(k, 0, 0)",
    ],
    ids=["megabytes", "fork", "fork that stays", "thread", "forged answer", "closed output"],
)
def test_what_a_check_may_do_and_still_hold(body: str, run_one: Run) -> None:
    assert run_one(body).holds


@pytest.mark.parametrize(
    ("body", "renewed"),
    [
        ("", False),
        ("threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n", True),
        ("if os.fork() == 0: time.sleep(1000)\n", True),
    ],
    ids=["nothing left", "thread", "child"],
)
def test_what_a_check_leaves_behind_does_not_meet_the_next_one(
    body: str, renewed: bool, write_claim: Write, source: Source
) -> None:
    tell = "return by_hand('numeric', 'established', str(os.getpid()))"
    collection = collect(write_claim(source(body + tell, name="a") + source(tell, name="b")))
    jobs = [job_of(check, collection, 0) for check in collection.checks]
    lane = Lane()
    processes = [lane.call({**job, "control": None})["reason"] for job in jobs]
    assert (processes[0] != processes[1]) is renewed


def test_a_process_that_holds_the_pipes_does_not_hide_the_death(run_one: Run) -> None:
    start = time.monotonic()
    finding = run_one("import subprocess\nsubprocess.Popen(['sleep', '1000'], close_fds=False)\nos._exit(3)")
    assert finding.status == "killed"
    assert "status 3" in finding.reason
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("if k: raise ValueError('boom')\nreturn equal(0, 0, 0)", "error: ValueError: boom"),
        ("return equal(float('nan') if k else 0, 0, 0)", "undecided"),
        ("return equal(0, 0, 0)", "established"),
        ("if k: os._exit(1)\nreturn equal(0, 0, 0)", "killed"),
        ("if k: time.sleep(100)\nreturn equal(0, 0, 0)", "timeout"),
    ],
)
def test_only_a_refuted_control_is_rejected(body: str, words: str, run_one: Run) -> None:
    finding = run_one(body, time_limit="0.5")
    assert (finding.status, finding.holds) == ("established", False)
    assert f"control 'other' was not rejected ({words}" in finding.reason


def test_hypotheses_are_exercised_and_declared(run_one: Run) -> None:
    use = "run.assume(SMALL, k)\nreturn equal(k, 0, 0)"
    assert run_one(use, hypotheses="(SMALL,)").holds
    undeclared = run_one(use)
    assert "'small' was assumed but not declared" in undeclared.reason
    unused = run_one("return equal(k, 0, 0)", hypotheses="(SMALL,)")
    assert "'small' was declared but never exercised" in unused.reason
    assert not undeclared.holds
    assert not unused.holds


def test_a_violated_hypothesis_rejects_no_control_unless_it_is_dropped(run_one: Run) -> None:
    body = "run.assume(SMALL, k)\nreturn equal(k, 0, 0)"
    plain = run_one(body, hypotheses="(SMALL,)", controls="(control('large', k=50),)")
    assert not plain.holds
    assert "HypothesisViolated" in plain.reason
    assert run_one(body, hypotheses="(SMALL,)", controls="(control('large', drops=(SMALL,), k=50),)").holds


def test_a_control_gets_the_random_numbers_of_its_check(run_one: Run) -> None:
    finding = run_one(
        "return by_hand('property', 'refuted' if k else 'established', f'drew {run.rng.random()}')",
        method="'property'",
    )
    assert finding.controls[0]["reason"] == f"refuted: {finding.reason}"


def test_random_numbers_do_not_depend_on_what_ran_before(write_claim: Write, source: Source) -> None:
    body = (
        "import random\nstatus = 'refuted' if k else 'established'\n"
        "return by_hand('property', status, f'{run.rng.random()} {random.random()}')"
    )
    collection = collect(
        write_claim(source(body, name="a", method="'property'") + source(body, name="b", method="'property'"))
    )
    jobs = [job_of(check, collection, 5) for check in collection.checks]
    forward = [run_check(job)["reason"] for job in jobs]
    close_lanes()
    backward = [run_check(job)["reason"] for job in reversed(jobs)]
    assert forward == backward[::-1]
    assert forward[0] != forward[1]


def test_a_module_that_changed_after_its_collection_is_an_error(write_claim: Write) -> None:
    directory = write_claim()
    job = job_of(collect(directory).checks[0], collect(directory), 0)
    with (directory / "first_claim.py").open("a", encoding="utf-8") as file:
        file.write("# edited during the run\n")
    finding = run_check(job)
    assert finding["status"] == "error"
    assert "StaleSources: the sources of first-claim are not those" in finding["reason"]


def test_a_lane_that_outlives_a_run_reads_edited_modules_again(write_claim: Write, source: Source) -> None:
    """Lanes in the workers of a cluster do: an old import would give the findings of yesterday's text."""
    for status in ("established", "refuted"):
        collection = collect(write_claim(source(f"return by_hand('numeric', '{status}', 'x')")))
        assert run_check(job_of(collection.checks[0], collection, 0))["status"] == status


def test_a_lane_closed_from_outside_ends_the_call_at_once(
    write_claim: Write, source: Source, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    body = f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    collection = collect(write_claim(source(body, time_limit="900")))
    lane, seen = Lane(), []

    def call() -> None:
        try:
            lane.call({**job_of(collection.checks[0], collection, 0), "control": None})
        except LaneClosed as error:
            seen.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    lane.close()
    thread.join(SETTLE)
    assert len(seen) == 1
    assert_gone(int(pid.read_text()))
    with pytest.raises(LaneClosed):
        lane.call({})


def test_a_child_dies_with_the_process_of_its_lane(
    write_claim: Write, source: Source, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    body = f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    directory = write_claim(source(body, time_limit="900"))
    parent = os.fork()
    if parent == 0:  # a process of its own that will be killed without any chance to clean up
        collection = collect(directory)
        run_check(job_of(collection.checks[0], collection, 0))
        os._exit(0)
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    os.kill(parent, 9)
    os.waitpid(parent, 0)
    assert_gone(int(pid.read_text()))


def test_composition_needs_every_control() -> None:
    meta: dict[str, Any] = {"hypotheses": [], "controls": [{"name": name, "refutes": ["*"]} for name in "ab"]}
    main = {"status": "established", "reason": "yes", "seconds": 1.0, "exercised": []}
    no = {"status": "refuted", "reason": "no", "seconds": 2.0}
    assert compose(meta, main, [no, no])["holds"]
    assert compose(meta, main, [no, no])["seconds"] == 5.0
    assert not compose(meta, main, [no, {**no, "status": "undecided"}])["holds"]
    assert not compose(meta, {**main, "status": "refuted"}, [no, no])["holds"]
