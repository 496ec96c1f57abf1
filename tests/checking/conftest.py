"""Claim modules made for a test, and findings without a run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elboproof.checking.collect import collect
from elboproof.checking.execute import job_of, run_check
from elboproof.checking.finding import Finding
from elboproof.checking.lane import close_lanes

DOCSTRING = '''"""Claim
-----
Two and two are four.

Hypotheses
----------
None.

Relation
--------
Equality.

Method
------
Counting.

Trusted base
------------
Python's integers.

What this does not show
-----------------------
Anything about three.
"""

'''
HEAD = (
    "import os, sys, threading, time\n"
    "from elboproof.checking import Claim, Hypothesis, all_of, by_hand, control, equal, mean_equals\n\n"
    "SMALL = Hypothesis('small', 'k < 10', lambda k: k < 10, accepts=[(9,)], rejects=[(10,)])\n"
)

GOOD = """
@claim.check(statement="S1", role="confirms", method="numeric", relation="=", states="2 + 2 = 4",
             domain="integers", hypotheses="none", controls=(control("three", addend=3),))
def sum_is_four(run, *, addend=2):
    return equal(2 + addend, 4, 0.0)
"""

Write = Callable[..., Path]


def check(body: str, name: str = "the_check", **fields: str) -> str:
    """Return the source of one check; ``fields`` are source texts of decorator arguments."""
    texts = {
        "statement": "'S1'",
        "role": "'confirms'",
        "method": "'numeric'",
        "relation": "'='",
        "states": "'a statement'",
        "domain": "'one instance'",
        "hypotheses": "'none'",
        "controls": "(control('other', k=1),)",
        "time_limit": "20",
    } | fields
    arguments = ", ".join(f"{key}={value}" for key, value in texts.items())
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"\n@claim.check({arguments})\ndef {name}(run, *, k=0):\n{lines}\n"


@pytest.fixture
def source() -> Callable[..., str]:
    return check


@pytest.fixture
def write_claim(tmp_path: Path) -> Write:
    """Return a function that writes a claim module and returns the directory of claims."""

    def write(body: str = GOOD, label: str = "first-claim", docstring: str = DOCSTRING) -> Path:
        directory = tmp_path / "verification"
        directory.mkdir(exist_ok=True)
        claim = f'claim = Claim("{label}", title="Two and two are four")\n'
        file = directory / f"{label.replace('-', '_')}.py"
        file.write_text(docstring + HEAD + claim + body, encoding="utf-8")
        return directory

    return write


IMPORTS = (
    "import functools\nimport numpy as np\nimport sympy\nfrom flint import arb, ctx\n"
    "from fractions import Fraction\nfrom hypothesis import strategies as st\n"
    "from elboproof.numbers.precision import working_precision\n"
    "from elboproof.checking import (\n"
    "    Between, Route, VarianceAtMost, ball_at_most, ball_equal, ball_positive, property_holds, identity,\n"
    "    mean_at_most, routes_agree, slope_equals,\n)\n"
)


@pytest.fixture
def run_one(write_claim: Write, source: Callable[..., str]) -> Iterator[Callable[..., Finding]]:
    """Return a function that runs one check with the given body in a lane."""

    def run(body: str, before: str = "", **fields: str) -> Finding:
        collection = collect(write_claim(IMPORTS + before + source(body, **fields)))
        return Finding.from_json(run_check(job_of(collection.checks[0], collection, 0)))

    yield run
    close_lanes()


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Return a function that makes a finding that holds, with some fields replaced."""

    def make(**changes: object) -> Finding:
        fields: dict[str, object] = {
            "claim": "first-claim",
            "statement": "S1",
            "check": "sum_is_four",
            "role": "confirms",
            "method": "numeric",
            "relation": "=",
            "tier": "default",
            "states": "2 + 2 = 4",
            "domain": "integers",
            "status": "established",
            "holds": True,
            "reason": "4 is equal to 4 within 0",
            "computed": 4.0,
            "stated": 4.0,
            "error": 0.0,
            "smallest_detectable": None,
            "quantity": None,
            "reached": "numeric",
            "hypotheses": (),
            "controls": (
                {
                    "name": "three",
                    "refutes": ["*"],
                    "status": "refuted",
                    "rejected": True,
                    "refuted": ["statement"],
                    "reason": "refuted: 5 is not equal to 4",
                },
            ),
            "parts": (
                {
                    "name": "statement",
                    "status": "established",
                    "reason": "4 is equal to 4 within 0",
                    "method": "numeric",
                    "by_hand": False,
                    "smallest_detectable": None,
                    "quantity": None,
                    "decided_by": None,
                    "second_route": None,
                    "again": None,
                    "bits": None,
                    "refuted_by": ["three"],
                },
            ),
            "seconds": 0.25,
            "data": None,
        }
        return Finding(**(fields | changes))  # type: ignore[arg-type]

    return make
