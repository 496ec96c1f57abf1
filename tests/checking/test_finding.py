import copy
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from elboproof.checking.finding import Finding, document, from_document
from elboproof.checking.plain import from_json

Make = Callable[..., Finding]


def test_json_round_trip(finding: Make) -> None:
    full = finding(
        computed="[0.33 +/- 1e-3]",
        smallest_detectable=0.1,
        hypotheses=({"name": "small", "text": "k < 10"},),
        data={"n": [1.0, 2.5]},
    )
    assert Finding.from_json(json.loads(json.dumps(full.to_json(), allow_nan=False))) == full
    assert full.id == "first-claim/S1/sum_is_four"


def test_what_json_does_not_know_survives(finding: Make) -> None:
    odd = finding(computed=math.inf, stated=-math.inf, error=math.nan, data={"x": [math.nan, math.inf, 1.0]})
    back = Finding.from_json(json.loads(json.dumps(odd.to_json(), allow_nan=False)))
    assert (back.computed, back.stated) == (math.inf, -math.inf)
    assert isinstance(back.error, float)
    assert math.isnan(back.error)
    assert back.data is not None
    assert math.isnan(back.data["x"][0])
    assert back.data["x"][1:] == [math.inf, 1.0]


def test_findings_are_frozen(finding: Make) -> None:
    with pytest.raises(FrozenInstanceError):
        finding().holds = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"status": "fine"}, ValueError, "status: got 'fine'"),
        ({"holds": 1}, TypeError, "holds: got 1"),
        ({"extra": 1}, ValueError, r"fields \['extra'\] are missing or unknown"),
        ({"computed": True}, TypeError, "computed: got True"),
        ({"role": "proves"}, ValueError, "role: got 'proves'; expected one of confirms"),
        ({"reached": "magic"}, ValueError, "reached: got 'magic'; expected one of symbolic"),
        ({"quantity": "big"}, TypeError, "quantity: got 'big' of type str; expected a number"),
        ({"seconds": -1.0}, ValueError, "seconds: got -1.0; expected a number of seconds"),
        ({"error": 10**400}, ValueError, "error: got 1000.*; expected a number in the range of float64"),
        ({"data": {"n": [1.0, None]}}, TypeError, r"data\['n'\]\[1\]: got None"),
        (
            {"side_effects": {"files": []}},
            ValueError,
            "side_effects: got 'files'; expected only modules and process",
        ),
        (
            {"hypotheses": [{"name": "a"}]},
            ValueError,
            r"hypotheses\[0\]: fields \['text'\] are missing or unknown",
        ),
    ],
)
def test_malformed_records(
    finding: Make, change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Finding.from_json(finding().to_json() | change)


WRONG: list[Any] = ["1e9999", "", None, 10**400, True, 1.5, [], {}, [["1"]], [1.5], {"a": 1}, {"a": [None]}]
"""Values of every kind that JSON has: most fit no field, and no field fits all."""


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places of a JSON value, from the outside in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from _places(one, (*path, key))


def _tampered(record: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    other = copy.deepcopy(record)
    inner: Any = other
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return other


def _refusal(record: dict[str, Any]) -> str | None:
    try:
        Finding.from_json(record)
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def _kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def test_a_value_of_another_kind_is_refused_by_the_name_of_its_field(finding: Make) -> None:
    """Each entry in turn, at any depth, is given values of all kinds: what is accepted has the kind it had, or null."""
    whole = finding(
        computed="x",
        stated=1.0,
        error=0.5,
        smallest_detectable=0.1,
        quantity=1.0,
        hypotheses=({"name": "small", "text": "k < 10"},),
        data={"n": [1.0, 2.5]},
        exercised=("small",),
        side_effects={"process": ("x",), "modules": ()},
        repetition={"multiple": 2, "status": "established", "reason": "yes", "seconds": 0.5},
    ).to_json()
    whole["parts"][0] |= {"smallest_detectable": 0.1, "quantity": 1.0, "decided_by": "SymPy"}
    whole["parts"][0] |= {"second_route": "acb.integral", "again": "overlap", "bits": [53, 106]}
    optional = {
        "computed",
        "stated",
        "error",
        "smallest_detectable",
        "quantity",
        "reached",
        "data",
        "decided_by",
        "second_route",
        "again",
        "bits",
        "repetition",
    }
    plain = {"computed", "stated", "error"}
    refused = accepted = 0
    for path in _places(whole):
        before: Any = whole
        for key in path:
            before = before[key]
        for value in WRONG:
            refusal = _refusal(_tampered(whole, path, value))
            if refusal is not None:
                refused += 1
                assert str(path[0]) in refusal, (path, value)  # the field is named
                assert str(path[-1]) in refusal, (path, value)
                continue
            accepted += 1
            fits = _kind(value) == _kind(before) or (value is None and path[-1] in optional)
            assert fits or (path[0] in plain and isinstance(value, str | float)), (path, value)
    assert refused > 5 * accepted > 0


def test_a_finding_without_any_of_its_fields_is_refused(finding: Make) -> None:
    whole = finding(hypotheses=({"name": "small", "text": "k < 10"},)).to_json()
    for path in _places(whole):
        if isinstance(path[-1], str):
            other = copy.deepcopy(whole)
            inner: Any = other
            for key in path[:-1]:
                inner = inner[key]
            del inner[path[-1]]
            with pytest.raises(ValueError, match=f"'{path[-1]}'. are missing or unknown"):
                Finding.from_json(other)


def test_document(finding: Make) -> None:
    content = document([finding()], version="1", seed=3)
    assert list(content) == ["schema", "version", "seed", "findings"]
    assert from_document(content) == [finding()]
    with pytest.raises(ValueError, match="schema: got 1"):
        from_document(content | {"schema": 1})
    with pytest.raises(TypeError, match="a JSON object"):
        from_document([])  # type: ignore[arg-type]


def test_integers_of_other_writers_are_read_as_floats() -> None:
    assert isinstance(from_json(3), float)
