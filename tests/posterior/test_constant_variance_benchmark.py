from pathlib import Path

import pytest

from benchmarks import constant_variance, section


def test_small_run_writes_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- constant-variance:begin -->\n<!-- constant-variance:end -->\n\nkept\n")
    monkeypatch.setattr(section, "README", readme)
    monkeypatch.setattr(constant_variance, "precisions", lambda d: PRECISIONS(d, 3000))
    constant_variance.main(["--small", "--rounds", "1", "--write"])
    text = readme.read_text()
    assert text.endswith("\n\nkept\n")
    assert text.count("| 1 | ") == text.count("| 2 | ") == 1


PRECISIONS = constant_variance.precisions


def test_a_float_outside_of_the_proof_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constant_variance, "precisions", lambda d: PRECISIONS(d, 300))
    monkeypatch.setattr(constant_variance, "by_floats", lambda _: (0.0, 1.0))
    with pytest.raises(RuntimeError, match="outside of"):
        constant_variance.line(2, 1)
