"""`ep.verify`: the findings of the command, in Python."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from elboproof import cli
from elboproof.checking.collect import CollectionError
from elboproof.checking.document import read_document

Write = Callable[..., Path]
Source = Callable[..., str]


@pytest.fixture
def claims(write_claim: Write, source: Source) -> Path:
    body = source("return equal(k, 3, 0)", name="is_three", statement="'S2'")
    body += source("os._exit(3)", name="dies", statement="'S3'")
    body += source(
        "return identity(k * sympy.Symbol('x'))",
        name="slow",
        statement="'S4'",
        tier="'full'",
        method="'symbolic'",
    )
    write_claim("import sympy\nfrom elboproof.checking import identity\n" + body)
    return write_claim(label="second-claim")


def names(findings: tuple[ep.Finding, ...]) -> list[str]:
    return [finding.id for finding in findings]


ALL = ["first-claim/S2/is_three", "first-claim/S3/dies", "second-claim/S1/sum_is_four"]


def test_there_is_a_finding_for_each_check_that_is_selected(claims: Path) -> None:
    findings = ep.verify(path=claims)
    assert names(findings) == ALL
    assert [finding.holds for finding in findings] == [False, False, True]
    assert [finding.status for finding in findings] == ["refuted", "killed", "established"]
    assert str(findings[0]).startswith(
        "first-claim/S2/is_three: does not hold (refuted): 0 is not equal to 3"
    )
    assert str(findings[2]).startswith("second-claim/S1/sum_is_four: holds: 4 is equal to 4")
    with pytest.raises(FrozenInstanceError):
        findings[0].holds = True  # type: ignore[misc]


def test_checks_are_selected_as_by_the_command(claims: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(claims.parent)
    assert names(ep.verify("first-claim/S2")) == ALL[:1]
    assert names(ep.verify(["second-claim", "first-claim/S2"], workers=1)) == [ALL[0], ALL[2]]
    assert names(ep.verify(method="symbolic", tier="full")) == ["first-claim/S4/slow"]
    assert names(ep.verify("first-claim/S4/slow")) == ["first-claim/S4/slow"]  # named in full
    assert not (claims.parent / ".elboproof").exists()  # nothing is written


def test_the_command_finds_the_same(claims: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(claims.parent)
    assert cli.main(["verify", "--json", "found.json", "--seed", "5"]) == 1
    _, recorded = read_document(Path("found.json"))

    def told(finding: ep.Finding) -> dict[str, Any]:
        return finding.to_json() | {"seconds": 0}

    assert [told(one) for one in ep.verify(seed=5)] == [told(one) for one in recorded]


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "label": ({"labels": "frist-claim"}, ValueError, "no check fits 'frist-claim'; did you mean first-claim"),
    "labels": ({"labels": [1]}, TypeError, "labels: got 1 of type int; expected texts such as 'claim/S2'"),
    "number": ({"labels": 3}, TypeError, "labels: got 3 of type int; expected a text such as 'claim/S2'"),
    "path": ({"path": "nowhere"}, ValueError, "path: got 'nowhere'; expected a directory with claim modules"),
    "path's type": ({"path": 3}, TypeError, "path: got 3 of type int"),
    "suite": ({"suite": "nobody's"}, ValueError, 'suite: got "nobody\'s"; expected one of those installed'),
    "both": ({"path": "a", "suite": "b"}, ValueError, "suite: got 'b'; expected no path beside it"),
    "method": ({"method": "magic"}, ValueError, "method: got 'magic'; expected one of symbolic, certified"),
    "tier": ({"tier": "slow"}, ValueError, "tier: got 'slow'; expected one of quick, default, full"),
    "seed": ({"seed": -1}, ValueError, "seed: got -1; expected a whole number, at least 0"),
    "seed's type": ({"seed": 1.5}, TypeError, "seed: got 1.5 of type float; expected a whole number"),
    "workers": ({"workers": 0}, ValueError, "workers: got 0; expected a whole number, at least 1"),
    "name": ({"label": "a"}, TypeError, "verify: got an argument 'label'; expected labels.*mean labels"),
    "nothing": (
        {"method": "symbolic"},
        ValueError,
        "nothing is selected; 1 of a slower tier were left out, see tier",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_named(name: str, claims: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(claims.parent)
    arguments, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        ep.verify(**arguments)


def test_mistakes_in_the_claims_are_all_named(write_claim: Write, source: Source) -> None:
    directory = write_claim(source("return equal(k, 0, 0)", role="'a'", method="'b'"))
    with pytest.raises(CollectionError, match="2 problem") as error:
        ep.verify(path=directory)
    assert len(error.value.problems) == 2
