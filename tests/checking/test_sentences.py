"""What the report says of a sentence of an abstract follows from the findings, and from nothing else."""

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

[[sentence]]
says = "Six are seen."
not_decidable = "because nobody counted."
"""


def _write(directory: Path, toml: str = GOOD, name: str = "author") -> Path:
    (directory / "sentences").mkdir(exist_ok=True)
    (directory / "sentences" / f"{name}.toml").write_text(toml, encoding="utf-8")
    return directory


def _page(directory: Path, **changes: object) -> str:
    return page(collect(directory), findings_for(directory, **changes), "x")


def _text(directory: Path, toml: str = GOOD, **changes: object) -> str:
    text = _page(_write(directory, toml), **changes)
    return text[text.index("## The abstracts") : text.index("## first-claim")]


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
    assert "### A paper; in our words.\n\n1. *Two and two are four.*" in text
    assert (
        "1. *Two and two are four.*\n   **Confirmed on this domain, limited by this counterexample.**" in text
    )
    assert "Decided by first-claim: 2 checks (2 numeric).\n   Domain: one instance." in text
    assert "- limited (first-claim S2): not at x = 3" in text
    assert "2. *They are four, \\* always.*\n   **Limited by this counterexample.**" in text
    assert "3. *Nothing is known of five.*\n   **Not decided yet.**\n" in text
    assert text.rstrip().endswith("4. *Six are seen.*\n   **Not decidable here, because nobody counted.**")


def test_several_limits_are_counterexamples(two_statements: Path, source: Source) -> None:
    file = two_statements / "first_claim.py"
    file.write_text(file.read_text() + source("return equal(k, 0, 0)", name="third", role="'limits'"))
    text = _text(two_statements)
    assert "**Confirmed on this domain, limited by these counterexamples.**" in text


def test_a_confirmed_sentence_holds(two_statements: Path) -> None:
    text = _text(two_statements, GOOD.replace('"first-claim"', '"first-claim/S1"'))
    assert "1. *Two and two are four.*\n   **Confirmed on this domain.**" in text


def test_a_check_alone_may_decide(two_statements: Path) -> None:
    text = _text(two_statements, GOOD.replace('"first-claim"', '"first-claim/S2/other"'))
    assert "1. *Two and two are four.*\n   **Limited by this counterexample.**" in text


def test_part_of_a_sentence_may_not_be_decidable(two_statements: Path) -> None:
    text = _text(two_statements, GOOD + 'decided_by = ["first-claim/S1"]\n')
    assert "**Confirmed on this domain; the rest is not decidable here, because nobody counted.**" in text


def test_a_check_that_does_not_hold_leaves_a_sentence_open(two_statements: Path) -> None:
    text = _text(two_statements, status="refuted")
    assert "**Open: not all of its checks hold.**" in text
    assert "- open: `first-claim/S2/other` did not hold" in text
    assert "- limited" not in text
    assert "Domain" not in text


def test_many_domains_are_counted(write_claim: Write, source: Source) -> None:
    checks = [source("return equal(k, 0, 0)", name=f"c{i}", domain=f"'domain {i}'") for i in range(6)]
    text = _text(write_claim("".join(checks)), GOOD.replace("/S2", "/S1"))
    assert "Domain: domain 0; domain 1; domain 2; domain 3; and 2 more, in the tables below." in text


def test_sources_follow_the_order_of_the_claims(write_claim: Write, source: Source) -> None:
    write_claim(source("return equal(k, 0, 0)", statement="'S2'"), label="second-claim")
    directory = write_claim(source("return equal(k, 0, 0)", statement="'S2'"))
    (directory / "labels.txt").write_text("second-claim\nfirst-claim\n")
    _write(directory, GOOD.replace("A paper", "First"), "a")
    _write(directory, GOOD.replace("A paper", "Second").replace("first-claim", "second-claim"), "z")
    undecided = 'source = "Nothing"\n[[sentence]]\nsays = "Nothing."\n'
    _write(directory, undecided, "0")
    text = _page(directory)
    assert text.index("### Second") < text.index("### First") < text.index("### Nothing")


BAD = {
    "no check has the label 'first-claim/S9'": GOOD.replace("first-claim/S2", "first-claim/S9"),
    "no check has the label 'first-claim/S2/another'": GOOD.replace(
        "first-claim/S2", "first-claim/S2/another"
    ),
    "no check has the label 'first'": GOOD.replace("first-claim/S2", "first"),
    "got the key 'sauce'; expected source and sentence": GOOD.replace("source", "sauce"),
    "source: got None; expected a text": GOOD.replace('source = "A paper; in our words."', ""),
    "sentence: got None; expected tables": 'source = "A paper"',
    "says: got '  '; expected a text": GOOD.replace("Two and two are four.", "  "),
    "got the key 'verdict'": GOOD + 'verdict = "holds"\n',
    "decided_by: got 'first-claim'": GOOD.replace('["first-claim"]', '"first-claim"'),
    "not_decidable: got 'nobody counted.'; expected a reason": GOOD.replace("because nobody", "nobody"),
    "not_decidable: got 'because  '; expected a reason": GOOD.replace("nobody counted.", " "),
    "Invalid value|Expected": GOOD + "decided_by = [",
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_wrong_with_the_file_is_a_mistake_of_the_claims(two_statements: Path, message: str) -> None:
    _write(two_statements, BAD[message])
    with pytest.raises(CollectionError, match=r"sentences/author\.toml:.* " + message):
        collect(two_statements)


@pytest.mark.parametrize("name", ["sentences.toml", "sentences/author.txt", "sentences/author"])
def test_a_file_that_nobody_would_read_is_a_mistake(two_statements: Path, name: str) -> None:
    _write(two_statements)
    (two_statements / name).write_text(GOOD)
    with pytest.raises(CollectionError, match=rf"{name}: expected the sentences of a source in sentences/"):
        collect(two_statements)


def test_without_sources_there_is_no_section(two_statements: Path) -> None:
    assert "## The abstract" not in _page(two_statements)
