"""Pages whose Python examples are run, and print what stands below them.

``python -m tests.documents`` runs the examples of each page of ``PAGES`` and writes what they print into the blocks
that follow ``<!-- printed -->``. The examples of a page are one program.
"""

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("tutorial.md", "evidence.md", "losses.md")
EXAMPLE = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n<!-- printed -->\n```\n(?P<printed>.*?)^```\n)?", re.M | re.S
)


def filled(text: str) -> str:
    """Return a page whose printed blocks say what its examples print now.

    Raises
    ------
    ValueError
        If an example prints, and no block stands below it.
    """
    space: dict[str, object] = {}

    def anew(found: re.Match[str]) -> str:
        printed = _printed(found["code"], space)
        if found["printed"] is None:
            if printed:
                raise ValueError(
                    f"example: got none of what it prints ({printed!r}); expected a printed block"
                )
            return found[0]
        return f"```python\n{found['code']}```\n\n<!-- printed -->\n```\n{printed}```\n"

    # An example may write a file.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return EXAMPLE.sub(anew, text)


def _printed(code: str, space: dict[str, object]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "documents", "exec"), space)  # noqa: S102 - our own text
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().split("\n")[:-1])


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "80")
    for name in PAGES:
        page = ROOT / "docs" / name
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
