"""The README's table of all claims, made of the claim modules and the committed findings.

``python -m tests.claims_table`` writes it between its marks; `tests/test_documents.py` says when it is out of date.
"""

import re
from pathlib import Path

from elboproof.checking.collect import collect
from elboproof.checking.document import read_document
from elboproof.checking.overview import coverage

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PART = re.compile(r"(?<=<!-- claims:begin -->\n).*?(?=\n<!-- claims:end -->)", re.S)


def filled(text: str) -> str:
    """Return the README with the table of now.

    Raises
    ------
    ValueError
        If the marks are missing.
    """
    _, findings = read_document(ROOT / "paper_checks.json")
    table = coverage(collect(ROOT / "verification").claims, findings)
    found, count = PART.subn(lambda _: table, text)
    if count != 1:
        raise ValueError(
            f"README.md: got {count} places for the table of claims; expected one, between its marks"
        )
    return found


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
