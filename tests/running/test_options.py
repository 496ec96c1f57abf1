"""Long calls take the same options, with the same defaults; the table in docs/long_calls.md says which and why not."""

from inspect import Parameter, signature
from pathlib import Path

import pytest

import elboproof as ep

OPTIONS = {"seconds": 60.0, "total_seconds": None, "workers": 1, "progress": None, "resume": None}
SHORT = {"verify"}
"""Calls whose options have defaults of their own."""
TABLE = Path(__file__).parents[2] / "docs" / "long_calls.md"


def listed() -> dict[str, set[str]]:
    """Return the options of each call in the table."""
    found = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        name = cells[0].strip("| `")
        if len(cells) == 3 and hasattr(ep, name):
            words = {"all": set(OPTIONS), "none": set()}
            found[name] = words.get(cells[1], {cells[1].strip("`")})
    return found


def parameters(name: str) -> dict[str, Parameter]:
    return dict(signature(getattr(ep, name)).parameters)


@pytest.mark.parametrize("name", sorted(listed()))
def test_the_table_is_what_the_signature_is(name: str) -> None:
    given = parameters(name)
    assert {option for option in OPTIONS if option in given} == listed()[name]
    for option in listed()[name]:
        assert given[option].kind is Parameter.KEYWORD_ONLY
        assert name in SHORT or given[option].default == OPTIONS[option]


def test_every_call_is_in_the_table() -> None:
    calls = {
        name for name in ep.__all__ if callable(getattr(ep, name)) and not isinstance(getattr(ep, name), type)
    }
    assert calls <= set(listed())
    assert "Posterior" in listed()
    assert "log_evidence" in listed()
