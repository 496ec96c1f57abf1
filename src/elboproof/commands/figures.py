"""Figures: scripts in ``figures/`` that draw what was recorded.

A script ``figures/NAME.py`` has a docstring, ``rows(findings) -> Rows`` and ``draw(rows) -> Figure``. The first picks
series out of the findings in ``paper_checks.json`` (nothing is computed), which are written to ``NAME.csv``; the second
draws what it is given back from that file, which is written to ``NAME.png``. The same findings give the same bytes.
Where there is no ``paper_checks.json`` yet, they are those of the last run.

A script may set ``RECORD = "benchmarks/NAME.json"``: ``rows`` is then given that JSON document in place of the
findings, for data that no check of a claim makes. It may set ``COLUMNS`` to the names of its table's columns; the first
two hold text, the others numbers.
"""

import csv
import importlib.util
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from string import ascii_lowercase
from types import ModuleType
from typing import TYPE_CHECKING, Any

from elboproof.arguments import bad
from elboproof.checking.collect import UsageError
from elboproof.checking.record import FOLDER as FOLDER_OF_RUNS
from elboproof.files import replace_content

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER, RECORDS = Path("figures"), Path("paper_checks.json")
STYLE = "style.mplstyle"
"""Beside the scripts: matplotlib's settings for every figure of a paper."""
PLAIN: dict[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.dpi": 160,
}
"""Settings of a paper without a style file, and those that its style file leaves open."""
DIGITS = 6
"""Significant digits of the data files: more than an eye sees, fewer than processors differ in."""

Row = tuple[str, str, float, float]
Rows = list[Row]
"""(panel, series, x, y)."""
WideRows = list[tuple[str, str, *tuple[float, ...]]]
"""Rows of a script with its own ``COLUMNS``."""
Curves = dict[tuple[str, str], list[Row]]
"""Rows by (panel, series)."""
COLUMNS = ("panel", "series", "x", "y")
Findings = Mapping[str, Mapping[str, Any]]
"""Findings by ``claim/statement/check``."""


def main(names: Sequence[str], check: bool = False) -> int:
    """Write the data and image of each figure, or with ``check`` only compare them with what is there.

    Returns
    -------
    int
        0, or 1 if ``check`` found a file that differs.

    Raises
    ------
    UsageError
        If a name is no figure, or what the figures are drawn from is missing.
    """
    # Bytes are compared, since the same findings give the same bytes: a difference is never noise. With `check`
    # nothing is written, and every figure is looked at before the answer.
    stale = []
    for script in _scripts(names):
        for path, content in render(script).items():
            if path.exists() and path.read_bytes() == content:
                print(f"{path}: unchanged")
            elif check:
                stale.append(path)
                print(f"{path}: differs from what {script} makes of its record")
            else:
                replace_content(path, content)
                print(f"{path}: written")
    return 1 if stale else 0


def _scripts(names: Sequence[str]) -> list[Path]:
    found = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}
    if not found:
        raise UsageError(
            f"there are no scripts {FOLDER}/NAME.py here; run this in the folder of a paper, or start one: "
            "elboproof init FOLDER"
        )
    wanted = [name.replace("-", "_") for name in names]  # a claim's label names its figure
    for given, name in zip(names, wanted, strict=True):
        if name not in found:
            raise UsageError(str(bad("NAME", given, f"one of the figures {', '.join(found)}")))
    return [found[name] for name in wanted] or list(found.values())


def load_findings(path: Path) -> Findings:
    """Return the findings of a run's JSON document by ``claim/statement/check``.

    Raises
    ------
    UsageError
        If the file is missing or holds no findings.
    """
    how = f"make it with: elboproof verify --full --json {path}"
    if not path.exists():
        raise UsageError(f"{path}: not found; {how}")
    try:
        # Whatever does not look like findings is one error: a file of another tool, or one that was cut off.
        return _by_check(json.loads(path.read_text(encoding="utf-8"))["findings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: is no JSON document of findings ({error}); {how}") from error


def last_run() -> Findings:
    """Return what was found last by ``claim/statement/check``; nothing if there was no run here."""
    from elboproof.checking.recorded import known_findings

    return {name: one.line for name, one in known_findings(FOLDER_OF_RUNS).items()}


def _by_check(findings: Iterable[Mapping[str, Any]]) -> Findings:
    return {f"{f['claim']}/{f['statement']}/{f['check']}": f for f in findings}


def load_record(path: Path, script: Path) -> Any:
    """Return the JSON document that a script names as its record.

    Raises
    ------
    UsageError
        If the file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: got {error}; expected the JSON record that {script} names") from error


def render(script: Path, findings: Findings | None = None) -> dict[Path, bytes]:
    """Return the content of a figure's data file and of its image.

    Parameters
    ----------
    script
        ``figures/NAME.py``.
    findings
        In place of those in ``paper_checks.json``, or of the last run; not used by a script with its own ``RECORD``.

    Raises
    ------
    UsageError
        If what the figure is drawn from is missing.
    """
    # The image is drawn from the table as it will be read back, rounded to its digits: so the two files cannot
    # disagree.
    module = _load(script)
    if hasattr(module, "RECORD"):
        rows = module.rows(load_record(Path(module.RECORD), script))
    else:
        rows = module.rows(_known_findings() if findings is None else findings)
    table = _to_csv(rows, getattr(module, "COLUMNS", COLUMNS))
    image = _to_png(module, _from_csv(table), script.with_name(STYLE))
    return {script.with_suffix(".csv"): table, script.with_suffix(".png"): image}


def _known_findings() -> Findings:
    # A new paper has no committed record: what was found last is drawn, and `series` says what is missing in it.
    return (not RECORDS.exists() and last_run()) or load_findings(RECORDS)


def series(findings: Findings, check: str, name: str) -> list[float]:
    """Return one recorded series of a check.

    Raises
    ------
    UsageError
        If the check or the series was not recorded.
    """
    # Quick runs record no series; that is said here, and not by a figure without a line.
    data = findings.get(check, {}).get("data") or {}
    if name not in data:
        raise UsageError(
            f"{RECORDS}: got no series {name!r} of {check}; expected a record of a full verification"
        )
    return [float(value) for value in data[name]]


def curves_of(table: Rows) -> Curves:
    """Return the rows of each series, which stand together in a table."""
    return {key: list(group) for key, group in groupby(table, key=lambda row: row[:2])}


def xy(curve: Iterable[Row]) -> tuple[list[float], list[float]]:
    """Return the places and the values of a series, as an axes' plot takes them."""
    rows = list(curve)
    return [row[2] for row in rows], [row[3] for row in rows]


def _load(script: Path) -> ModuleType:
    # Under its own name among the modules while it runs: dataclasses and annotations look their module up.
    specification = importlib.util.spec_from_file_location(f"figures.{script.stem}", script)
    if specification is None or specification.loader is None:
        raise bad("script", str(script), "a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def _to_csv(rows: Rows | WideRows, columns: Sequence[str]) -> bytes:
    # Line ends and digits are fixed, so that the bytes are the same on every system.
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for panel, name, *numbers in rows:
        if len(numbers) != len(columns) - 2:
            raise bad("rows", (panel, name, *numbers), f"the columns {', '.join(columns)}")
        writer.writerow([panel, name, *(f"{number:.{DIGITS}g}" for number in numbers)])
    return text.getvalue().encode()


def _from_csv(table: bytes) -> WideRows:
    lines = list(csv.reader(io.StringIO(table.decode())))[1:]
    return [(panel, name, *map(float, numbers)) for panel, name, *numbers in lines]


def _to_png(module: ModuleType, rows: WideRows, style: Path) -> bytes:
    import matplotlib as mpl
    import matplotlib.style

    # A user's own settings of matplotlib, and the version that it writes into images, would change the bytes.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.use("Agg")
        mpl.style.use([PLAIN, _settings(style) if style.exists() else {}])
        figure = module.draw(rows)
        _letter_panels(figure)
        content = io.BytesIO()
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _settings(style: Path) -> dict[str, Any]:
    import matplotlib as mpl

    # matplotlib only logs a line that it does not understand, and the figures would be drawn without it.
    lines = (line.split("#")[0].strip() for line in style.read_text(encoding="utf-8").splitlines())
    asked = {line.partition(":")[0].strip() for line in lines if line}
    read = mpl.rc_params_from_file(style, use_default_template=False)
    settings = {str(name): value for name, value in read.items()}
    if missed := sorted(asked - set(settings)):
        raise UsageError(f"{style}: got {missed[0]!r}; expected lines NAME: VALUE of matplotlib's settings")
    return settings


def _letter_panels(figure: "Figure") -> None:
    # A colour bar belongs to its panel; matplotlib gives its axes this label.
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    if len(panels) > 1:
        for axes, letter in zip(panels, ascii_lowercase, strict=False):
            _letter(axes, letter)


def _letter(axes: "Axes", letter: str) -> None:
    import matplotlib as mpl

    # Left of the title, at the height of its first line; blank lines stand for the others.
    below = max(axes.get_title(loc).count("\n") for loc in ("left", "center", "right"))
    axes.annotate(
        letter + "\n " * below,
        (0, 1),
        xycoords="axes fraction",
        xytext=(-6, mpl.rcParams["axes.titlepad"]),
        textcoords="offset points",
        ha="right",
        va="baseline",
        fontsize=mpl.rcParams["axes.titlesize"],
        fontweight="bold",
        annotation_clip=False,
    )
