"""A benchmark writes its own section of a README and nothing else."""

from pathlib import Path

import pytest

from benchmarks import section

MARKS = "<!-- one:begin -->\n<!-- one:end -->"
OTHER = "<!-- other:begin -->\nstays\n<!-- other:end -->"


def test_only_the_marked_part_changes(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Benchmarks\n\n{MARKS}\n\n{OTHER}\n")
    section.write("one", "| first |", readme)
    section.write("one", "| second |", readme)
    text = readme.read_text()
    assert "| second |" in text
    assert "| first |" not in text
    assert text.count("Measured at commit ") == 1
    assert text.startswith("# Benchmarks\n\n<!-- one:begin -->")
    assert text.endswith(f"<!-- one:end -->\n\n{OTHER}\n")


@pytest.mark.parametrize(
    "marks", ["", "<!-- one:begin -->", "<!-- one:end -->\n<!-- one:begin -->", f"{MARKS}\n{MARKS}"]
)
def test_wrong_marks_are_an_error_and_nothing_is_lost(tmp_path: Path, marks: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Benchmarks\n{marks}\n")
    with pytest.raises(
        ValueError, match=r"wrong marks; expected <!-- one:begin --> and then <!-- one:end -->"
    ):
        section.write("one", "| first |", readme)
    assert readme.read_text() == f"# Benchmarks\n{marks}\n"
