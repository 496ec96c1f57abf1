from pathlib import Path

import pytest

import elboproof as ep
from benchmarks import section, stationary


def test_a_row_has_what_the_table_shows() -> None:
    row = stationary.measure(stationary.cases()[0](), 1)
    assert 0 < row["test"] < row["stationary"]
    assert row["whole"] > 0
    assert row["gap"].contains(1.567129185e-3)
    assert stationary.proved_digits(row["gap"]) >= stationary.DIGITS
    assert stationary.line(row).startswith("| 1 | sinh z | 0.1 | ")


def test_proved_digits_are_those_of_the_relative_radius() -> None:
    assert stationary.proved_digits(ep.Enclosure(0.999, 1.001)) == pytest.approx(3)


def test_small_run_writes_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Benchmarks\n\n<!-- stationary:begin -->\n<!-- stationary:end -->\n\nkept\n")
    monkeypatch.setattr(section, "README", readme)
    for _ in range(2):
        stationary.main(["--small", "--rounds", "1", "--write"])
    text = readme.read_text()
    assert text.endswith("\n\nkept\n")
    assert text.count("| sinh z |") == 2
