import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from elboproof.checking import recorded
from elboproof.checking.collect import UsageError
from elboproof.commands import figures

ROOT = Path(__file__).parents[2]
CHECK = "optimal-decoder/S7/neighbours_make_a_tanh"
RECORDED = 1e-4
"""Relative error of areas from lengths of six digits. Worst seen 8e-6; the largest cell is 3e-2 of the box."""
NAMES = sorted(path.stem for path in (ROOT / "figures").glob("*.py"))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "figures", tmp_path / "figures")
    shutil.copy(ROOT / "paper_checks.json", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    for record in (ROOT / "benchmarks").glob("*.json"):
        shutil.copy(record, tmp_path / "benchmarks")
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
    assert figures.main(["optimal_decoder"], check=True) == 1
    assert f"optimal_decoder{suffix}: differs" in capsys.readouterr().out
    assert path.read_bytes() == original[:-1], "a check changes nothing"
    assert figures.main(["optimal_decoder"]) == 0
    assert path.read_bytes() == original


def test_other_findings_make_another_figure(copy: Path) -> None:
    script = Path("figures/optimal_decoder.py")
    findings = figures.load_findings(Path("paper_checks.json"))
    before = figures.render(script, findings)
    data = dict(findings[CHECK]["data"])
    data["decoder, s^2 = 0.5"] = [value + 0.25 for value in data["decoder, s^2 = 0.5"]]
    after = figures.render(script, {**findings, CHECK: {**findings[CHECK], "data": data}})
    assert all(before[path] != after[path] for path in before)


def test_another_record_makes_another_figure(copy: Path) -> None:
    script, path = Path("figures/evidence.py"), Path("benchmarks/evidence_cells.json")
    before = figures.render(script)
    record = json.loads(path.read_text())
    first = record["problems"][0]["cells"][0]
    first[0] = {"kept": "discarded", "discarded": "kept"}[first[0]]
    path.write_text(json.dumps(record))
    after = figures.render(script, findings={})
    assert all(before[name] != after[name] for name in before)


def test_a_record_of_its_own_must_be_there_and_readable(copy: Path) -> None:
    path = Path("benchmarks/evidence_cells.json")
    path.write_text("{")
    with pytest.raises(
        UsageError, match=r"evidence_cells\.json: got .*; expected the JSON record that .*evidence"
    ):
        figures.main(["evidence"])
    path.unlink()
    with pytest.raises(
        UsageError, match=r"evidence_cells\.json: got .*No such file.*; expected the JSON record"
    ):
        figures.main(["evidence"])


def test_rows_must_have_the_columns_that_the_script_names(copy: Path) -> None:
    script = Path("figures/evidence.py")
    script.write_text(script.read_text().replace('    "log10_density",\n', ""))
    with pytest.raises(ValueError, match=r"rows: got .*; expected the columns panel, .*log10_mass$"):
        figures.main(["evidence"])


@pytest.mark.parametrize("problem", range(3))
def test_recorded_cells_tile_the_box_that_was_searched(problem: int) -> None:
    """So the figure leaves nothing out; without its largest cell it would."""
    cells = json.loads((ROOT / "benchmarks/evidence_cells.json").read_text())["problems"][problem]["cells"]
    plane = problem > 0
    areas, ends = [], []
    for _, x, y, ax, ay, bx, by, *_ in cells:
        areas.append(4 * abs(ax * by - ay * bx) if plane else 2 * abs(ax))
        first, second = (math.hypot(ax, ay), math.hypot(bx, by)) if plane else (abs(ax), 0.0)
        ends.append(max(abs(x * ax + y * ay) / first + first, abs(x * bx + y * by) / (second or 1) + second))
    box = (2 * max(ends)) ** (2 if plane else 1)
    assert sum(areas) == pytest.approx(box, rel=RECORDED)
    assert sum(areas) - max(areas) != pytest.approx(box, rel=RECORDED)


def test_unknown_figures_and_missing_records_are_named(copy: Path) -> None:
    with pytest.raises(
        UsageError, match=r"NAME: got 'nonsense'; expected one of the figures .*optimal_decoder"
    ):
        figures.main(["nonsense"])
    with pytest.raises(UsageError, match=r"got no series 'speed' of .*neighbours_make_a_tanh"):
        figures.series(figures.load_findings(Path("paper_checks.json")), CHECK, "speed")
    Path("paper_checks.json").unlink()
    with pytest.raises(
        UsageError, match=r"paper_checks\.json: not found; make it with: elboproof verify --full"
    ):
        figures.main([])
    Path("paper_checks.json").write_text('{"findings": 3}')
    with pytest.raises(UsageError, match=r"paper_checks\.json: is no JSON document of findings"):
        figures.main(["optimal_decoder"])


SCRIPT = """'''A figure.'''
from matplotlib.figure import Figure
from elboproof.commands.figures import series
def rows(findings):
    return [("a", "b", x, x) for x in series(findings, "c/S1/one", "x")]
def draw(table):
    return Figure()
"""


def test_without_a_record_the_last_run_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("figures").mkdir()
    Path("figures/mine.py").write_text(SCRIPT)
    with pytest.raises(UsageError, match=r"paper_checks.json: not found; make it with: elboproof verify"):
        figures.main([])
    names = {"claim": "c", "statement": "S1"}
    line = {**names, "check": "one", "data": {"x": [1.5]}}
    # what is read of records, and which of two findings is the newer one, is tested beside `known_findings`
    found = {"c/S1/one": SimpleNamespace(line=line)}
    monkeypatch.setattr(
        recorded, "known_findings", lambda folder: found if folder == Path(".elboproof") else {}
    )
    assert figures.last_run() == {"c/S1/one": line}
    assert figures.main([]) == 0
    assert Path("figures/mine.csv").read_text() == "panel,series,x,y\na,b,1.5,1.5\n"
    record = {"findings": [{**names, "check": "one", "data": {"x": [2.5]}}]}
    Path("paper_checks.json").write_text(json.dumps(record))
    assert figures.main([]) == 0
    assert Path("figures/mine.csv").read_text().endswith("2.5,2.5\n")  # the record comes first
