import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from elboproof.checking import all_of, equal
from elboproof.checking.execute import compose
from elboproof.checking.finding import Finding
from elboproof.checking.parts import contradictions
from elboproof.checking.verdict import Verdict, part_to_json

Json = dict[str, Any]


def answer(verdict: Verdict) -> Json:
    """Return what a worker answers for a verdict."""
    parts = [part_to_json(name, part) for name, part in verdict.parts.items()]
    head = {"status": verdict.status, "reason": verdict.reason, "reached": verdict.method, "exercised": []}
    return {**head, "parts": parts, "seconds": 0.0}


@pytest.fixture
def record(finding: Callable[..., Finding]) -> Json:
    """Return a finding with two parts, as JSON."""
    controls = [{"name": "one", "refutes": ["a"]}, {"name": "both", "refutes": ["*"]}]
    good = all_of({"a": equal(1, 1, 0), "b": equal(1, 1, 0)})
    bad = [all_of({"a": equal(1, 2, 0), "b": equal(1, one, 0)}) for one in (1, 2)]
    made = compose({"hypotheses": [], "controls": controls}, answer(good), [answer(one) for one in bad])
    made.pop("data")
    return json.loads(json.dumps(finding().to_json() | made))  # type: ignore[no-any-return]


def test_a_record_agrees_with_its_parts(record: Json) -> None:
    assert record["holds"]
    assert list(contradictions(record)) == []
    assert [part["refuted_by"] for part in record["parts"]] == [["one", "both"], ["both"]]


def edit(path: str, value: object) -> Callable[[Json], None]:
    def apply(record: Json) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        place: Any = record
        for step in way:
            place = place[step]
        place[last] = value

    return apply


EDITS = {
    "controls/0/rejected": (False, "control 'one': 'rejected' is false, unlike its parts"),
    "controls/1/refuted": (["a"], "control 'both': 'rejected' is true, unlike its parts"),
    "controls/1/status": ("undecided", "control 'both': 'rejected' is true, unlike its parts"),
    "controls/0/refutes": (["b"], "control 'one': 'rejected' is true, unlike its parts"),
    "parts/1/refuted_by": (["one", "both"], "part 'b': 'refuted_by' is ['one', 'both'], unlike the controls"),
    "parts/1/name": ("c", "control 'both': 'rejected' is true, unlike its parts"),
    "parts/1/status": ("undecided", "'status' is 'established', but its parts are undecided"),
    "parts/1/method": ("experiment", "'reached' is 'numeric', but its parts are experiment"),
    "status": ("refuted", "'status' is 'refuted', but its parts are established"),
    "reached": ("certified", "'reached' is 'certified', but its parts are numeric"),
    "method": ("certified", "'method' is 'certified', stronger than 'numeric' of its parts"),
}


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_contradicts_the_parts(path: str, record: Json) -> None:
    value, message = EDITS[path]
    edited = deepcopy(record)
    edit(path, value)(edited)
    assert message in list(contradictions(edited))
