import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "theorems.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    spec: Any = importlib.util.spec_from_file_location("benchmark_theorems", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_row_has_what_the_table_shows(benchmark: Any, tmp_path: Path) -> None:
    first, false = benchmark.cases()[0], benchmark.cases()[3]
    row = benchmark.measure(first, 1, tmp_path)
    assert row["answer"] == "Proof"
    assert 0 < row["leaves"] < row["integrals"]
    assert min(row["seconds"], row["check"], row["kilobytes"]) > 0
    assert "check" not in benchmark.measure(false, 1, tmp_path)
