"""The page on strategies: each of its examples is run, and each strategy has one."""

import re
from pathlib import Path

import pytest

from elboproof import strategies

PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
CONSTANTS = {"FAMILIES", "KINDS", "NAMES"}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_holds(number: int) -> None:
    space: dict[str, object] = {}
    exec(compile(EXAMPLES[number], "strategies.md", "exec"), space)  # noqa: S102 - our own text
    (test,) = (value for name, value in space.items() if name.startswith("test_"))
    assert callable(test)
    test()


def test_every_strategy_has_an_example() -> None:
    used = {name for text in EXAMPLES for name in re.findall(r"strategies\.(\w+)\(", text)}
    assert used == set(strategies.__all__) - CONSTANTS
    assert all(f"strategies.{name}" in PAGE for name in CONSTANTS)
