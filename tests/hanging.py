"""Tests that hang: each is ended, with the stacks of its threads printed, and run once more.

A test that takes longer than ``faulthandler_timeout`` (pyproject.toml) ends its process. That is told, and not counted
as a failure the first time: the test is run again in a new process, and fails if it ends that one too.
"""

from typing import Any

import pytest

AGAIN: set[str] = set()
"""Tests that ended a process of this run."""


@pytest.hookimpl(optionalhook=True)  # it is one of pytest-xdist's
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport, sched: Any) -> None:
    """Run a test that ended its process once more."""
    if crashitem in AGAIN:
        return
    AGAIN.add(crashitem)
    sched.mark_test_pending(crashitem)
    report.outcome = "skipped"
    report.longrepr = (crashitem.split("::")[0], 0, f"{crashitem} ended its process, and is run once more")
