import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "decoder.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    spec: Any = importlib.util.spec_from_file_location("benchmark_decoder", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_small_run_reports_small_errors(benchmark: Any) -> None:
    rows = benchmark.run_task("compare", 0, 1, True)
    assert all(row["error"] < 1e-5 and row["seconds"] > 0 for row in rows)
    assert {"ratio" in row for row in rows} == {True, False}
    assert 0 < benchmark.run_task("memory", 0, 1, True)[0]["reported"] < 20


def test_matrix_product_is_the_same_average_within_its_rounding(benchmark: Any) -> None:
    row = benchmark.compare(benchmark.Case(2, 1.0, 300), 1, True)
    assert row["their error"] < 1e-5
    assert benchmark.compare(benchmark.Case(2, 1e-3, 300), 1, True)["their error"] > 2e-5
    assert benchmark.compare(benchmark.Case(2, 1e-3, 300), 1, True)["error"] < 1e-5
