"""The pages that are generated from the code, the claims and the tables: none is written by hand, none is committed."""

import re
from pathlib import Path
from typing import Any

from docs import contact_sheet, evidences, reference, theory

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FOLDER = DOCS / "generated"
FOREIGN = r"(?!elboproof\.[A-Za-z_]+$).*"
"""What nitpicking leaves alone: every name but those of the public API, ``elboproof.NAME``."""

EXPONENT = re.compile(r"[-\d.]+e[-+]\d+")


def connect(app: Any) -> None:
    """Register what a build does before it reads the pages, and how names of the public API become links."""
    app.connect("builder-inited", lambda _: write())
    app.connect("missing-reference", reference.linked)
    app.connect("autodoc-process-signature", reference.short_signature)
    app.connect("autodoc-process-docstring", reference.plain_bars, priority=900)  # after numpydoc


def write() -> None:
    """Write all generated pages; a file whose text is the same is left alone, so that it is not read anew."""
    FOLDER.mkdir(exist_ok=True)
    measured, matrix = benchmarks()
    pages = {
        **reference.pages(),
        **theory.pages(ROOT),
        "evidences.md": evidences.page(),
        "figures.md": contact_sheet.page(ROOT),
        "benchmarks.md": measured,
        "detection.md": matrix,
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    }
    for old in FOLDER.glob("*"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        file = FOLDER / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def benchmarks() -> tuple[str, str]:
    """Return the page of the benchmarks, and the detection matrix of the audit, which is a section of the same file."""
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    before, mark, after = text.partition("\n## The audit against bugs of real VAEs\n")
    if not mark:
        raise ValueError(
            "benchmarks/README.md: got no section on the audit; expected one for the detection matrix"
        )
    section, rest, later = after.partition("\n## ")
    matrix = "# Detection matrix: the audit against bugs of real VAEs\n" + section
    return unbroken(before + rest + later), unbroken(matrix)


def unbroken(text: str) -> str:
    """Return Markdown in whose tables no line ends within a number such as 1e-12."""
    whole = r'<span style="white-space: nowrap">\g<0></span>'
    plain = re.compile(r"^\|[^`\n]*$", re.M)  # in code there is no HTML
    return plain.sub(lambda row: EXPONENT.sub(whole, row[0]), text)
