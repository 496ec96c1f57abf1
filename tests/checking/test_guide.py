"""The guide to claims shows a module that is collected and whose checks hold."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from elboproof.checking.collect import collect
from elboproof.checking.execute import job_of, run_check
from elboproof.checking.lane import close_lanes

GUIDE = Path(__file__).parents[2] / "docs" / "claims.md"


@pytest.fixture(autouse=True)
def _no_lane_is_left() -> Iterator[None]:
    yield
    close_lanes()


def test_the_module_of_the_guide_holds(tmp_path: Path) -> None:
    [code] = re.findall(
        r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "squares_and_means.py").write_text(code, encoding="utf-8")
    collection = collect(tmp_path)
    findings = [run_check(job_of(check, collection, 0)) for check in collection.checks]
    assert [one["reason"] for one in findings if not one["holds"]] == []
    assert [one["reached"] for one in findings] == ["symbolic", "certified", "property", "statistical"]
