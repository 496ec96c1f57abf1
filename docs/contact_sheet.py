"""The contact sheet: every figure on one page, with the first line of its script."""

import ast
from pathlib import Path

HEAD = """# Figures

Each is drawn by the script of the same name in `figures/` from what the checks recorded; `elboproof figures --check`
compares them byte by byte.
"""


def page(root: Path) -> str:
    """Return the page with all figures.

    Raises
    ------
    ValueError
        If a claim has no figure, or a script no image.
    """
    labels = [
        line
        for line in (root / "verification/labels.txt").read_text().split("\n")
        if line[:1] not in ("", "#")
    ]
    scripts = {path.stem: path for path in sorted((root / "figures").glob("*.py"))}
    missing = [label for label in labels if label.replace("-", "_") not in scripts]
    if missing:
        raise ValueError(f"figures: got none of {', '.join(missing)}; expected one for each claim")
    claims = [label.replace("-", "_") for label in labels]
    others = [name for name in scripts if name not in claims and scripts[name].with_suffix(".png").exists()]
    return "\n".join([HEAD, *(_entry(scripts[name]) for name in [*claims, *others])])


def _entry(script: Path) -> str:
    image = script.with_suffix(".png")
    if not image.exists():
        raise ValueError(f"{image}: got no such file; expected the image that {script.name} draws")
    said = " ".join(
        (ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").partition("\n\n")[0].split()
    )
    title = script.stem.replace("_", "-")
    said = said.removeprefix(f"{title}: ")
    said = said[:1].upper() + said[1:]
    return f"## {title}\n\n{said}\n\n![{title}](../../figures/{image.name})\n"
