from pathlib import Path

import pytest

from benchmarks import section, unit_speed


def test_small_run_writes_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Benchmarks\n\n<!-- unit_speed:begin -->\n<!-- unit_speed:end -->\n\nkept\n")
    monkeypatch.setattr(section, "README", readme)
    unit_speed.main(["--small", "--rounds", "1", "--write"])
    text = readme.read_text()
    assert text.endswith("\n\nkept\n")
    assert text.count("| z, z^2 |") == 2
    assert "| 2.3247e-03 | 2.0183e-07 |" in text
