"""The documents: generated pages are whole, examples print what stands below them, links have a target."""

import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

import elboproof
from benchmarks import small_decoders
from benchmarks.published import PUBLISHED, Published
from docs import contact_sheet, evidences, pages, reference, theory
from elboproof.model.problems import BASE
from tests import claims_table
from tests.documents import PAGES, filled

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", PAGES)
def test_examples_print_what_stands_below_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page.count("<!-- printed -->") >= 2
    assert filled(page) == page


def test_a_page_that_says_something_else_is_seen() -> None:
    page = "```python\nprint(1 + 1)\n```\n\n<!-- printed -->\n```\n3\n```\n"
    assert filled(page) == page.replace("\n3\n", "\n2\n")
    with pytest.raises(ValueError, match="expected a printed block"):
        filled("```python\nprint(2)\n```\n")


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(reference.pages().values())
    listed = re.findall(r"^\.\. auto\w+:: elboproof\.(\w+)$", text, flags=re.M)
    assert sorted(set(listed) - set(reference.ROOMS)) == sorted(
        name for name in elboproof.__all__ if name[0] != "_"
    )


def test_bars_are_escaped_but_not_in_code() -> None:
    lines = ["|det J| of ``a | b``", "", ">>> 1 | 2", "3", "", "|z|"]
    reference.plain_bars(None, "", "", None, None, lines)
    assert lines == [r"\|det J\| of ``a | b``", "", ">>> 1 | 2", "3", "", r"\|z\|"]


def test_numbers_in_tables_stay_on_one_line() -> None:
    words, code = "1e-12 in words", "| `1e-12` | 2e-07 |"
    assert pages.unbroken(f"{words}\n{code}\n") == f"{words}\n{code}\n"
    assert pages.unbroken("| a | -3.5e-07 |") == '| a | <span style="white-space: nowrap">-3.5e-07</span> |'


def test_every_problem_is_on_the_page_of_evidences() -> None:
    page = evidences.page()
    assert all(f"| {problem.name} |" in page for problem in BASE)
    proved, rest = page.split("## By two sums in floating point")
    assert all((f"| {one.name} |" in proved) == one.routes[0].proved for one in BASE)
    trained, published = rest.split("## Published values")
    assert all(f"| {kind.name} |" in trained for kind in small_decoders.KINDS)
    assert "eggbox" in published


def test_every_claim_and_every_figure_is_on_the_contact_sheet() -> None:
    sheet = contact_sheet.page(ROOT)
    images = re.findall(r"\]\(\.\./\.\./figures/(\w+)\.png\)", sheet)
    assert sorted(images) == sorted(path.stem for path in (ROOT / "figures").glob("*.png"))


def test_a_claim_without_a_figure_is_refused(tmp_path: Path) -> None:
    (tmp_path / "verification").mkdir()
    (tmp_path / "figures").mkdir()
    (tmp_path / "verification/labels.txt").write_text("a-claim\n")
    with pytest.raises(ValueError, match="figures: got none of a-claim"):
        contact_sheet.page(tmp_path)


def test_lists_of_claims_keep_their_items() -> None:
    text = "Three:\n\n- S1: f*(z) is\n  smooth;\n- S2: x_i.\n\nAnd |J|."
    assert theory.prose(text) == "Three:\n\n- S1: f\\*(z) is smooth;\n- S2: x\\_i.\n\nAnd \\|J\\|."


def test_the_detection_matrix_is_cut_out_of_the_benchmarks() -> None:
    measured, matrix = pages.benchmarks()
    assert "| M01 |" in matrix
    assert "| M01 |" not in measured
    assert "## Theorems over boxes of parameters" in measured


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: one.name)
def test_a_published_value_is_proved_anew(one: Published) -> None:
    assert one.agrees()


def test_a_wrong_published_value_is_called_wrong() -> None:
    by_name = {one.name: one for one in PUBLISHED}
    assert [one.name for one in PUBLISHED if one.wrong] == ["eggbox", "eggbox, shifted"]
    assert not by_name["Rosenbrock"].wrong
    assert replace(by_name["Rosenbrock"], value="-5.81").wrong
    assert not replace(by_name["Rosenbrock"], proved="-5.804132365").agrees()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("sphinx") is None, reason="needs the extra docs")
def test_the_documents_are_built_without_warnings(tmp_path: Path) -> None:
    words = ("-m", "sphinx", "-W", "-n", "-q", ROOT / "docs", tmp_path)
    done = subprocess.run((sys.executable, *words), capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "generated/reference.html").exists()


def test_the_readme_has_the_table_of_all_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert claims_table.filled(readme) == readme
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| \d+/\d+ \|$", readme, flags=re.M)
    labels = (ROOT / "verification/labels.txt").read_text(encoding="utf-8").split("\n")
    assert rows == [label for label in labels if label and label[0] != "#"]
    with pytest.raises(ValueError, match="got 0 places for the table of claims"):
        claims_table.filled("no marks")
