import shutil
from pathlib import Path

import pytest

from elboproof import figures

ROOT = Path(__file__).parent.parent
CHECK = "optimal-decoder/S7/neighbours_make_a_tanh"
NAMES = sorted(path.stem for path in (ROOT / "figures").glob("*.py"))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "figures", tmp_path / "figures")
    shutil.copy(ROOT / "paper_checks.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_redrawn_byte_for_byte(copy: Path, name: str) -> None:
    assert figures.main([name], check=True) == 0


@pytest.mark.parametrize("suffix", [".csv", ".png"])
def test_a_changed_file_is_found_and_mended(
    copy: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / "figures" / f"optimal_decoder{suffix}"
    original = path.read_bytes()
    path.write_bytes(original[:-1])
    assert figures.main([], check=True) == 1
    assert f"optimal_decoder{suffix}: differs" in capsys.readouterr().out
    assert path.read_bytes() == original[:-1], "a check changes nothing"
    assert figures.main([]) == 0
    assert path.read_bytes() == original


def test_other_findings_make_another_figure(copy: Path) -> None:
    script = Path("figures/optimal_decoder.py")
    findings = figures.load_findings(Path("paper_checks.json"))
    before = figures.render(script, findings)
    data = dict(findings[CHECK]["data"])
    data["decoder, s^2 = 0.5"] = [value + 0.25 for value in data["decoder, s^2 = 0.5"]]
    after = figures.render(script, {**findings, CHECK: {**findings[CHECK], "data": data}})
    assert all(before[path] != after[path] for path in before)


def test_unknown_figures_and_missing_records_are_named(copy: Path) -> None:
    with pytest.raises(
        ValueError, match=r"NAME: got 'nonsense'; expected one of the figures .*optimal_decoder"
    ):
        figures.main(["nonsense"])
    with pytest.raises(ValueError, match=r"got no series 'speed' of .*neighbours_make_a_tanh"):
        figures.series(figures.load_findings(Path("paper_checks.json")), CHECK, "speed")
    Path("paper_checks.json").unlink()
    with pytest.raises(
        ValueError, match=r"paper_checks\.json: not found; make it with: elboproof verify --full"
    ):
        figures.main([])
