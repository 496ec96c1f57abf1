"""Figures: scripts in ``figures/`` that draw what checks recorded.

A script ``figures/NAME.py`` has a docstring, ``rows(findings) -> Rows`` and ``draw(rows) -> Figure``. The first picks
series out of the findings in ``paper_checks.json`` (nothing is computed), which are written to ``NAME.csv``; the second
draws what it is given back from that file, which is written to ``NAME.png``. The same findings give the same bytes.
"""

import csv
import importlib.util
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from elboproof.arguments import bad

FOLDER, RECORDS = Path("figures"), Path("paper_checks.json")
DIGITS = 6
"""Significant digits of the data files: more than an eye sees, fewer than processors differ in."""

Row = tuple[str, str, float, float]
Rows = list[Row]
"""(panel, series, x, y)."""
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
    ValueError
        If a name is no figure, or the records are missing.
    """
    scripts = _scripts(names)
    findings = load_findings(RECORDS)
    stale = []
    for script in scripts:
        for path, content in render(script, findings).items():
            if path.exists() and path.read_bytes() == content:
                print(f"{path}: unchanged")
            elif check:
                stale.append(path)
                print(f"{path}: differs from what {script} makes of {RECORDS}")
            else:
                path.write_bytes(content)
                print(f"{path}: written")
    return 1 if stale else 0


def _scripts(names: Sequence[str]) -> list[Path]:
    found = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}
    unknown = [name for name in names if name not in found]
    if unknown or not found:
        raise bad(
            "NAME",
            unknown[0] if unknown else str(FOLDER),
            f"one of the figures {', '.join(found) or '(none here)'}",
        )
    return [found[name] for name in names] or list(found.values())


def load_findings(path: Path) -> Findings:
    """Return the findings of a run's JSON document by ``claim/statement/check``."""
    if not path.exists():
        raise ValueError(f"{path}: not found; make it with: elboproof verify --full --json {path}")
    document = json.loads(path.read_text())
    return {f"{f['claim']}/{f['statement']}/{f['check']}": f for f in document["findings"]}


def render(script: Path, findings: Findings) -> dict[Path, bytes]:
    """Return the content of a figure's data file and of its image."""
    module = _load(script)
    table = _to_csv(module.rows(findings))
    return {script.with_suffix(".csv"): table, script.with_suffix(".png"): _to_png(module, _from_csv(table))}


def series(findings: Findings, check: str, name: str) -> list[float]:
    """Return one recorded series of a check.

    Raises
    ------
    ValueError
        If the check or the series was not recorded.
    """
    data = findings.get(check, {}).get("data") or {}
    if name not in data:
        raise ValueError(
            f"{RECORDS}: got no series {name!r} of {check}; expected a record of a full verification"
        )
    return [float(value) for value in data[name]]


def _load(script: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"figures.{script.stem}", script)
    if specification is None or specification.loader is None:
        raise bad("script", str(script), "a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def _to_csv(rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "series", "x", "y"])
    writer.writerows([panel, name, f"{x:.{DIGITS}g}", f"{y:.{DIGITS}g}"] for panel, name, x, y in rows)
    return text.getvalue().encode()


def _from_csv(table: bytes) -> Rows:
    lines = list(csv.reader(io.StringIO(table.decode())))[1:]
    return [(panel, name, float(x), float(y)) for panel, name, x, y in lines]


def _to_png(module: ModuleType, rows: Rows) -> bytes:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.use("Agg")
        mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
        figure = module.draw(rows)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=160, metadata={"Software": None})
    return content.getvalue()
