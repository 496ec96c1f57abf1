import json
import math
import shutil
from pathlib import Path
from string import ascii_lowercase
from types import SimpleNamespace

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

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


def panels_of(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def letters_of(axes: Axes) -> list[str]:
    bold = (text for text in axes.texts if isinstance(text, Annotation) and text.get_fontweight() == "bold")
    return [text.get_text().strip() for text in bold]


def saved(name: str, patch: pytest.MonkeyPatch) -> Figure:
    """Return the figure that is written as an image."""
    seen: list[Figure] = []
    save = Figure.savefig

    def spy(figure: Figure, *args: object, **options: object) -> None:
        seen.append(figure)
        save(figure, *args, **options)  # type: ignore[arg-type]

    patch.setattr(Figure, "savefig", spy)
    figures.render(Path(f"figures/{name}.py"))
    return seen[0]


@pytest.mark.parametrize("name", NAMES)
def test_panels_are_lettered_in_their_order(copy: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = saved(name, monkeypatch)
    panels = panels_of(figure)
    assert [letters_of(axes) for axes in panels] == [[letter] for letter in ascii_lowercase[: len(panels)]]
    assert not any(letters_of(axes) for axes in figure.axes if axes not in panels)


def test_a_figure_without_letters_is_found(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_letter_panels", lambda _: None)
    assert figures.main(["baggins"], check=True) == 1
    assert [letters_of(axes) for axes in panels_of(saved("baggins", monkeypatch))] == [[], []]


def test_a_letter_stands_at_the_first_line_of_the_title_and_one_panel_has_none() -> None:
    one = Figure()
    axes = one.subplots()
    one.colorbar(axes.imshow([[0.0, 1.0]]), ax=axes)
    figures._letter_panels(one)
    assert [letters_of(each) for each in one.axes] == [[], []]
    two = Figure()
    left, right = two.subplots(1, 2)
    left.set_title("one line", loc="left")
    right.set_title("two\nlines")
    figures._letter_panels(two)
    heights = []
    for axes, title in ((left, left._left_title), (right, right.title)):
        (letter,) = axes.texts
        two.draw_without_rendering()
        boxes = [text.get_window_extent() for text in (letter, title)]
        heights.append(boxes[0].y1 - boxes[1].y1)
        assert boxes[0].x1 < axes.get_window_extent().x0
    # The letter is bold and the title may have lower letters: within a third of a line, of about 17 pixels.
    assert max(map(abs, heights)) < 6


def test_the_style_file_is_used(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    style = copy / "figures" / figures.STYLE
    colours = {line.get_color() for axes in saved("hamiltonian_vae", monkeypatch).axes for line in axes.lines}
    assert {"C0", "C1", "C2"} <= colours
    original = style.read_text()
    for old, new in (("0072B2", "0072B3"), ("lines.linewidth: 1.5", "lines.linewidth: 1.6")):
        assert original.count(old) == 1
        style.write_text(original.replace(old, new))
        assert figures.main(["hamiltonian_vae"], check=True) == 1
    style.unlink()
    assert figures.main(["hamiltonian_vae"], check=True) == 1
    assert saved("hamiltonian_vae", monkeypatch).axes[0].spines["top"].get_visible() is False


def test_a_line_that_is_no_setting_is_named(copy: Path) -> None:
    style = copy / "figures" / figures.STYLE
    style.write_text(style.read_text() + "\nlines.linewidht: 2  # misspelt\n")
    with pytest.raises(
        UsageError, match=r"style\.mplstyle: got 'lines\.linewidht'; expected lines NAME: VALUE"
    ):
        figures.main(["baggins"])
    style.write_text("lines.linewidth: thick\n")
    with pytest.raises(UsageError, match=r"style\.mplstyle: got 'lines\.linewidth'; expected lines"):
        figures.main(["baggins"])


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


def test_the_label_of_a_claim_names_its_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert figures.main(["decoder-smoothness"], check=True) == 0
    assert "figures/decoder_smoothness.png: unchanged" in capsys.readouterr().out


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
