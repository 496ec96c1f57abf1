"""The links between text, claims, figures and code."""

import ast
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from elboproof import cli

ROOT = Path(__file__).parent.parent
LABELS = [
    line for line in (ROOT / "verification/labels.txt").read_text().split("\n") if line and line[0] != "#"
]


def test_the_report_is_what_the_findings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.main(["report", "--check"]) == 0


def test_a_stale_report_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    stale = tmp_path / "paper_checks.md"
    stale.write_text((ROOT / "paper_checks.md").read_text().replace(" checks hold", " checks fail", 1))
    assert cli.main(["report", "--check", "--output", str(stale)]) == 1


def test_a_finding_that_no_check_makes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    document = json.loads((ROOT / "paper_checks.json").read_text())
    document["findings"][0]["states"] += ", or so"
    changed = tmp_path / "paper_checks.json"
    changed.write_text(json.dumps(document))
    assert cli.main(["report", "--check", "--json", str(changed)]) == 1


@pytest.mark.parametrize("label", LABELS)
def test_a_label_leads_to_claim_figure_and_report(label: str) -> None:
    stem = label.replace("-", "_")
    assert (ROOT / "verification" / stem).exists() or (ROOT / "verification" / f"{stem}.py").exists()
    assert {(ROOT / "figures" / f"{stem}{suffix}").exists() for suffix in (".py", ".csv", ".png")} == {True}
    assert f"## {label}" in (ROOT / "paper_checks.md").read_text()


def test_every_claim_decides_a_sentence_of_an_abstract() -> None:
    sources = [tomllib.loads(file.read_text()) for file in (ROOT / "verification/sentences").glob("*.toml")]
    labels = [label for one in sources for table in one["sentence"] for label in table.get("decided_by", [])]
    assert {label.partition("/")[0] for label in labels} == set(LABELS)


def test_every_committed_finding_holds_with_its_controls() -> None:
    findings = json.loads((ROOT / "paper_checks.json").read_text())["findings"]
    assert findings
    assert all(finding["holds"] for finding in findings)
    assert all(control["rejected"] for finding in findings for control in finding["controls"])
    assert all(finding["controls"] for finding in findings)


README = (ROOT / "README.md").read_text()
PRINTED = [
    ("-0.0481055205235", "(2, 1)"),
    ("-4.02832301", "-4.02832301"),
    ("[-3.62073381424", "-1.0450721"),
    ("0.70912(1)", "at least"),
    ("proved: gap <= 1/10 for all c in [0, 3/10]", "\ngap <= 1/10\n"),
    ("log p(x) = -4.02832", "for x = (0.5, 0.3), latents u, v"),
    ("tensor(", "grad_fn"),
    ("adapter, claimed to be the loss", "-loss = ELBO +4.57892 nats"),
    ("Terms(likelihood=", "\n(500, 3) NetworkModel("),
    ("Decomposition of log p(x) - ELBO, 3 rows, nats", "approx."),
]
"""What the examples of the README print, in their order: how it begins, and a part of the rest."""


def test_the_readme_examples_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # an example writes a file
    examples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    for example, (begins, has) in zip(examples, PRINTED, strict=True):
        exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own text
        printed = capsys.readouterr().out
        assert printed.startswith(begins)
        assert has in printed


def test_the_readme_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = re.findall(r"^elboproof (evidence .*)$", README, flags=re.MULTILINE)
    words = shlex.split(line)
    assert cli.main(words) == 0
    assert "-4.02832301" in capsys.readouterr().out
    assert cli.main([*words, "--x", "0.5"]) == 4


BASE = (ROOT / "docs/trusted_base.md").read_text()
PACKAGE = ROOT / "src/elboproof"
WORDS = dict(
    enumerate(
        ("six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
        start=6,
    )
)
THEOREM = re.compile(
    r"Krawczyk|Gauss-Legendre|Stein's|Archambeau|residue|trapezoidal|mean.value theorem|Taylor's theorem|Popoviciu"
    r"|convex |winding number|under the integral|Bernstein (polynomial|coeff|ellipse)"
)
NO_PROOFS = ("posterior/__init__.py", "numbers/ball_complex_functions.py")
"""The first is a table of contents; what the second says of branch cuts is derived, not trusted."""


def test_the_trusted_base_is_counted() -> None:
    theorems = re.findall(r"^([0-9]+)\. \*\*", BASE, flags=re.MULTILINE)
    rows = re.findall(r"^\| ([0-9]+) \|", BASE, flags=re.MULTILINE)
    assert theorems == [str(n + 1) for n in range(len(theorems))]
    assert rows == [str(n + 1) for n in range(len(rows))]
    assert f"{WORDS[len(rows)]} rows of arithmetic and {WORDS[len(theorems)]} theorems" in " ".join(
        BASE.split()
    )
    assert f"FLINT and {WORDS[len(theorems)]} theorems" in " ".join(README.split())


def test_the_trusted_base_names_files_that_exist() -> None:
    for name in re.findall(r"`([a-z_/*]+\.py)`", BASE):
        folder = ROOT if name.startswith("tests/") else PACKAGE
        assert list(folder.glob(name)), name


def test_the_trusted_base_names_every_module_that_rests_on_a_theorem() -> None:
    names = {
        str(file.relative_to(PACKAGE))
        for room in sorted(
            path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "checking"
        )
        for file in (PACKAGE / room).rglob("*.py")
        if THEOREM.search(ast.get_docstring(ast.parse(file.read_text())) or "")
    }
    assert len(names) >= 15
    assert {name for name in names - set(NO_PROOFS) if f"`{name}`" not in BASE} == set()


SYMBOLS = {
    1: {
        "quadrature.gauss_legendre": {"error_factor", "factors", "semi_axes"},
        "rechecking.gauss": {"error", "points", "rule"},
    },
    4: {
        "expectations.lattice": {"lattice"},
        "rechecking.trapezoids": {"_Expectations"},
        "rechecking.planes": {"_Bounds"},
    },
    5: {"numbers.krawczyk": {"certified", "zero_near"}},
    6: {"numbers.symmetric": {"ldl", "inertia", "not_positive"}},
    15: {"evidence.observations": {"Observations"}, "evidence.affine": {"log_bounds"}},
    11: {"expansion.wick": {"diagrams"}, "expansion.asymptotics": {"Expansion"}},
}
"""By the theorem's number: the functions that rest on it. Who imports one of them uses the theorem, and nobody else."""
MENTIONS = {
    2: "[Mm]ean value|Taylor|Centred|mean_value|slope",
    3: r"volume|det\b|2\^d exp|divergence",
    7: "Stein|under the integral|[Ee]xpectation",
    8: "Jensen|elbo",
    9: "[Cc]onvex|chord|hull",
    10: "Bernstein|control point",
    12: "Popoviciu|Cauchy",
    13: "Sturm|count_roots",
    14: "winding numbers",
}
"""What stands in every file that a theorem without functions of its own names."""


def statements(text: str) -> dict[int, set[str]]:
    """Return the files of the package that each theorem names."""
    parts = re.split(
        r"^([0-9]+)\. \*\*", text.partition("## Theorems")[2].partition("\nThat a finite")[0], flags=re.M
    )
    return {
        int(number): set(re.findall(r"`([a-z_]+/[a-z_]+\.py)`", part))
        for number, part in zip(parts[1::2], parts[2::2], strict=True)
    }


def users(symbols: dict[str, set[str]], sources: dict[str, str]) -> set[str]:
    """Return the files that define the symbols or import one of them by its name."""
    found = {f"{module.replace('.', '/')}.py" for module in symbols}
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted = symbols.get(node.module.removeprefix("elboproof."), set())
                if wanted & {alias.name for alias in node.names}:
                    found.add(name)
    return found


SOURCES = {str(path.relative_to(PACKAGE)): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("number", sorted(SYMBOLS))
def test_a_theorem_names_exactly_the_files_that_use_it(number: int) -> None:
    for module, symbols in SYMBOLS[number].items():
        text = SOURCES[f"{module.replace('.', '/')}.py"]
        assert all(f"def {symbol}(" in text or f"class {symbol}:" in text for symbol in symbols)
    assert statements(BASE)[number] == users(SYMBOLS[number], SOURCES)


@pytest.mark.parametrize("number", sorted(MENTIONS))
def test_a_theorem_names_no_file_that_knows_nothing_of_it(number: int) -> None:
    named = statements(BASE)[number]
    assert named
    assert {name for name in named if not re.search(MENTIONS[number], SOURCES[name])} == set()


def test_every_theorem_is_checked_for_its_uses() -> None:
    assert statements(BASE).keys() == SYMBOLS.keys() | MENTIONS.keys()
    assert not SYMBOLS.keys() & MENTIONS.keys()


def test_a_file_that_does_not_use_a_theorem_and_one_that_is_left_out_are_seen() -> None:
    more = SOURCES | {"model/x.py": "from elboproof.numbers.krawczyk import certified, dot"}
    assert "model/x.py" in users(SYMBOLS[5], more)
    assert users(SYMBOLS[5], SOURCES | {"model/x.py": "from elboproof.numbers.krawczyk import dot"}) == users(
        SYMBOLS[5], SOURCES
    )
    drifted = BASE.replace("`posterior/certification.py`", "`posterior/stationary.py`")
    assert statements(drifted)[5] != users(SYMBOLS[5], SOURCES)


def test_constraints_pin_every_dependency() -> None:
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["test"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[<>=\[]", requirement)[0].lower() for requirement in wanted}
    assert names <= pinned
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().split()


def on_an_index(text: str) -> str:
    """Return the README as the wheel's metadata have it: the substitutions of pyproject.toml, in their order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for one in project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    return text


def test_no_link_of_the_readme_is_dead_on_a_package_index() -> None:
    link = re.compile(r"\]\((?!https?://)[^)]*\)")
    assert len(link.findall(README)) >= 5
    text = on_an_index(README)
    assert link.findall(text) == []
    assert "](https://arxiv.org/abs/1912.10309)" in text
    assert "docs/trusted_base.md" in text
    assert on_an_index("see [a b](a/b.md) and\n![c: d](c.png)\n[e](#e).") == "see a b and\ne."
