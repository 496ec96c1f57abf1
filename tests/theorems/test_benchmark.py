from pathlib import Path

from benchmarks import theorems


def test_a_row_has_what_the_table_shows(tmp_path: Path) -> None:
    first, false = theorems.cases()[0], theorems.cases()[3]
    row = theorems.measure(first, 1, tmp_path)
    assert row["answer"] == "Proof"
    assert 0 < row["leaves"] < row["integrals"]
    assert min(row["seconds"], row["check"], row["kilobytes"]) > 0
    assert "check" not in theorems.measure(false, 1, tmp_path)
