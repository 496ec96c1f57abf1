"""The table that opens the report says of a claim what its findings and its module say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof.checking.collect import CollectionError, collect
from elboproof.checking.overview import overview
from tests.checking.conftest import DOCSTRING
from tests.checking.test_markdown import findings_for

Write = Callable[..., Path]
Source = Callable[..., str]


def _row(directory: Path, **changes: object) -> list[str]:
    (row,) = overview(collect(directory).claims, findings_for(directory, **changes)).splitlines()[2:]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.fixture
def limit(source: Source) -> str:
    """Return the source of two checks of role limits."""
    fields = {"statement": "'S2'", "role": "'limits'"}
    return "".join(source("return equal(k, 0, 0)", name=f"limit_{i}", **fields) for i in range(2))


def test_a_confirmed_claim(write_claim: Write, source: Source) -> None:
    row = _row(write_claim(source("return equal(k, 0, 0)")))
    assert row[0] == "[first-claim](#first-claim)"
    assert row[2:] == ["confirmed on this domain", "None.", "none", "", "1", "0", "0", "1/1"]


def test_a_limited_claim_names_the_statements_that_limit_it(
    write_claim: Write, source: Source, limit: str
) -> None:
    row = _row(write_claim(source("return equal(k, 0, 0)") + limit))
    assert row[2] == "confirmed on this domain, limited by these counterexamples"
    assert row[4] == "S2 (2)"
    assert row[6:] == ["1", "0", "2", "3/3"]


def test_a_claim_whose_checks_do_not_hold_is_open(write_claim: Write, source: Source, limit: str) -> None:
    row = _row(write_claim(source("return equal(k, 0, 0)") + limit), status="refuted")
    assert row[2] == "open: not all of its checks hold"
    assert row[4] == "none"
    assert row[9] == "0/3"


EXTRA = (
    "Reconstruction\n--------------\nThe formula.\n\nNot obtainable\n--------------\nIts data.\n\nHypotheses"
)


def test_what_is_not_the_papers_own_is_said(write_claim: Write) -> None:
    directory = write_claim(docstring=DOCSTRING.replace("Hypotheses", EXTRA))
    assert _row(directory)[5] == "Reconstruction: The formula. Not obtainable: Its data."


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        (DOCSTRING.replace("Hypotheses", EXTRA.replace("The formula.", "")), "'Reconstruction' is empty"),
        (
            DOCSTRING.replace("Relation", EXTRA.replace("Hypotheses", "Relation")),
            "sections are in the order Claim, Hypotheses, Reconstruction.*expected Claim, Reconstruction, Not",
        ),
    ],
)
def test_the_sections_on_it_have_a_place_and_a_text(write_claim: Write, docstring: str, message: str) -> None:
    with pytest.raises(CollectionError, match=message):
        collect(write_claim(docstring=docstring))
