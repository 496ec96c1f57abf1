import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from benchmarks import section

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "stationary.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    spec: Any = importlib.util.spec_from_file_location("benchmark_stationary", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_row_has_what_the_table_shows(benchmark: Any) -> None:
    row = benchmark.measure(benchmark.cases()[0](), 1)
    assert 0 < row["test"] < row["stationary"]
    assert row["whole"] > 0
    assert row["gap"].contains(1.567129185e-3)
    assert benchmark.proved_digits(row["gap"]) >= benchmark.DIGITS
    assert benchmark.line(row).startswith("| 1 | sinh z | 0.1 | ")


def test_proved_digits_are_those_of_the_relative_radius(benchmark: Any) -> None:
    assert benchmark.proved_digits(ep.Enclosure(0.999, 1.001)) == pytest.approx(3)


def test_small_run_writes_its_section(
    benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Benchmarks\n\n<!-- stationary:begin -->\n<!-- stationary:end -->\n\nkept\n")
    monkeypatch.setattr(section, "README", readme)
    for _ in range(2):
        benchmark.main(["--small", "--rounds", "1", "--write"])
    text = readme.read_text()
    assert text.endswith("\n\nkept\n")
    assert text.count("| sinh z |") == 2
