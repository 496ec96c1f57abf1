"""What the report says of a sentence of the abstract follows from the findings, and from nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof.checking.collect import CollectionError, collect
from elboproof.checking.markdown import page
from tests.checking.test_markdown import findings_for

Write = Callable[..., Path]
Source = Callable[..., str]

GOOD = """
source = "A paper; in our words."

[[sentence]]
says = "Two and two are four."
decided_by = ["first-claim"]

[[sentence]]
says = "They are four, * always."
decided_by = ["first-claim/S2"]

[[sentence]]
says = "Nothing is known of five."
"""


def _text(directory: Path, toml: str = GOOD, **changes: object) -> str:
    (directory / "sentences.toml").write_text(toml, encoding="utf-8")
    text = page(collect(directory), findings_for(directory, **changes), "x")
    return text[text.index("## The abstract") : text.index("## first-claim")]


@pytest.fixture
def two_statements(write_claim: Write, source: Source) -> Path:
    """Return a folder with S1 that confirms and S2 that limits."""
    body = source("return equal(k, 0, 0)")
    limit = source(
        "return equal(k, 0, 0)", name="other", statement="'S2'", role="'limits'", states="'not at x = 3'"
    )
    return write_claim(body + limit)


def test_a_sentence_gets_its_verdict_from_the_findings(two_statements: Path) -> None:
    text = _text(two_statements)
    assert "1. *Two and two are four.*\n   **Holds within limits, fails as worded beyond them.**" in text
    assert "Decided by first-claim: 2 checks (2 numeric)." in text
    assert "- fails (first-claim S2): not at x = 3" in text
    assert "2. *They are four, \\* always.*\n   **Fails as worded.**" in text
    assert "3. *Nothing is known of five.*\n   **Not decided yet.**" in text


def test_a_confirmed_sentence_holds(two_statements: Path) -> None:
    text = _text(two_statements, GOOD.replace('"first-claim"', '"first-claim/S1"'))
    assert "1. *Two and two are four.*\n   **Holds on what was checked.**" in text


def test_a_check_that_does_not_hold_leaves_a_sentence_open(two_statements: Path) -> None:
    text = _text(two_statements, status="refuted")
    assert "**Open: not all of its checks hold.**" in text
    assert "- open: `first-claim/S2/other` did not hold" in text
    assert "- fails" not in text


BAD = {
    "no check has the label 'first-claim/S9'": GOOD.replace("first-claim/S2", "first-claim/S9"),
    "no check has the label 'first'": GOOD.replace("first-claim/S2", "first"),
    "source: got None; expected a text": GOOD.replace("source", "sauce"),
    "says: got '  '; expected a text": GOOD.replace("Two and two are four.", "  "),
    "got the key 'verdict'": GOOD + 'verdict = "holds"\n',
    "decided_by: got 'first-claim'": GOOD.replace('["first-claim"]', '"first-claim"'),
    "Invalid value|Expected": GOOD + "decided_by = [",
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_wrong_with_the_file_is_a_mistake_of_the_claims(two_statements: Path, message: str) -> None:
    (two_statements / "sentences.toml").write_text(BAD[message], encoding="utf-8")
    with pytest.raises(CollectionError, match=r"sentences\.toml: .*" + message):
        collect(two_statements)


def test_without_the_file_there_is_no_section(two_statements: Path) -> None:
    assert "## The abstract" not in page(collect(two_statements), findings_for(two_statements), "x")
