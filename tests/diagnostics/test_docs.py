"""The page on trained models: its example runs, and it names every number."""

import re
from pathlib import Path

import pytest

from elboproof.diagnostics.diagnostic import KINDS
from tests.diagnostics.known import found

PAGE = (Path(__file__).parents[2] / "docs" / "trained.md").read_text(encoding="utf-8")


def test_the_example_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(example, "trained.md", "exec"), {})  # noqa: S102 - our own text
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Diagnostic(name='gain of rescaling', value=0.")
    assert float(first.partition("value=")[2].partition(",")[0]) > 0.1
    assert second == "proved at least"
    assert (tmp_path / "trained.png").exists()


def test_every_number_and_every_kind_is_explained() -> None:
    left = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| "))
    for one in found().items:
        assert one.name in left, one.name
    for kind in KINDS[:-1]:
        assert f"| {kind} |" in PAGE
