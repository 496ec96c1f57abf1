import json
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError

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
        ({"computed": True}, TypeError, "value: got True"),
    ],
)
def test_malformed_records(
    finding: Make, change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Finding.from_json(finding().to_json() | change)


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
