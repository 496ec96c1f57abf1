"""What a run showed, on one screen: each number in it is counted here from findings that are known."""

from collections.abc import Callable

import pytest

from elboproof.checking.claim import Check
from elboproof.checking.finding import Finding
from elboproof.checking.summary import (
    show_claims,
    show_counts,
    show_durations,
    show_first_words,
    show_limits,
    tier_words,
)
from elboproof.checking.words import duration, filled, packed
from tests.checking.test_table import several, shown

Make = Callable[..., Finding]

SENTENCE = "E f^2 of f = z exp(z^4) is 1.449722 +/- 1.0e-8 under q, " * 3


def check(claim: str, name: str, tier: str = "default") -> Check:
    return Check(claim, name, lambda: None, "S1", "", "", "", "", "", (), (), tier, 1.0, 1)  # type: ignore[arg-type,return-value]


def of(finding: Make, roles: str, **changes: object) -> list[Finding]:
    names = {"c": "confirms", "s": "sharpens", "l": "limits"}
    return [finding(role=names[one], statement=f"S{k}", **changes) for k, one in enumerate(roles, 1)]


def test_a_claim_is_one_line(finding: Make) -> None:
    findings = of(finding, "ccsl") + of(finding, "cllcl", claim="other")
    assert shown(100, lambda console: show_claims(console, findings)) == [
        "first-claim 4/4: 2 confirm, 1 sharpens, 1 limits the paper: S4",
        "other 5/5: 2 confirm, 3 limit the paper: S2, S3, S5",
    ]


def test_what_does_not_hold_confirms_and_limits_nothing(finding: Make) -> None:
    findings = of(finding, "c") + of(finding, "cl", claim="first-claim", holds=False, status="undecided")
    lines = shown(100, lambda console: show_claims(console, findings))
    assert lines == ["first-claim 1/3: 1 confirms, 2 DO NOT HOLD: S1, S2"]
    assert shown(100, lambda console: show_limits(console, findings[1:])) == []


@pytest.mark.parametrize("whole", [False, True])
def test_few_limits_are_whole_sentences(whole: bool, finding: Make) -> None:
    lines = shown(80, lambda console: show_limits(console, of(finding, "cl", states=SENTENCE), whole=whole))
    assert lines[:2] == ["", "What fails as worded"]
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines[2:]).split()) == f"first-claim S2: {SENTENCE.strip()}"


def test_of_many_limits_each_statement_has_one_whole_sentence(finding: Make) -> None:
    findings = [*of(finding, "l" * 14, states=SENTENCE), finding(role="limits", statement="S14", states="x")]
    lines = shown(80, lambda console: show_limits(console, findings))
    text = " ".join(" ".join(lines).split())
    assert [text.count(f"first-claim S{n}: {SENTENCE.strip()}") for n in range(1, 15)] == [1] * 14
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines)
    assert lines[-1] == "  1 more sentence: elboproof show CLAIM/STATEMENT, or verify -v"
    everything = shown(80, lambda console: show_limits(console, findings, whole=True))
    assert everything[-1] == "  first-claim S14: x"
    # none is left out here, and so nothing is said of more
    assert "more" not in shown(80, lambda console: show_limits(console, findings[:-1]))[-1]


def test_no_line_is_longer_than_the_screen(finding: Make) -> None:
    for width in range(50, 120):
        findings = of(finding, "l" * 14, states=SENTENCE + "y" * (width - 50))
        assert max(map(len, shown(width, lambda console: show_limits(console, findings)))) <= max(width, 68)  # noqa: B023


def test_counts_name_statuses_and_tiers(finding: Make) -> None:
    left_out = [check("a", "x", "full"), check("a", "y", "full"), check("b", "z")]
    seconds = {"a/S1/x": 600.0, "a/S1/y": 60.0}
    lines = shown(200, lambda console: show_counts(console, several(finding), left_out, 7, seconds=seconds))
    text = " ".join(lines)
    assert "2 of 3 checks hold (2 established, 1 refuted); 3 of 3 controls rejected; seed 7" in text
    assert "2 checks of tier full not run: use --full; a (2); about 11 min of work" in lines
    assert "1 check of tier default not run: run without --quick; b (1)" in lines


def test_a_claim_is_decided_if_all_its_checks_hold(finding: Make) -> None:
    def line(findings: list[Finding], collected: list[Check], left_out: list[Check]) -> str:
        return shown(200, lambda console: show_counts(console, findings, left_out, 0, collected=collected))[1]

    good, slow = check("first-claim", "sum_is_four"), check("first-claim", "slow", "full")
    other = check("other", "sum_is_four")
    holds, fails = finding(), finding(claim="other", holds=False)
    assert line([holds], [good, slow, other], [slow]) == "1 of 2 claims decided"
    assert (
        line([holds], [good, slow, other], []) == "0 of 2 claims decided, 1 in part"
    )  # slow was not selected
    assert line([holds, fails], [good, other], []) == "1 of 2 claims decided, 1 open"
    usual = check(
        "first-claim", "usual"
    )  # of the default tier: --quick leaves it out, and does not decide the claim
    assert line([holds], [good, usual, other], [usual]) == "0 of 2 claims decided, 1 in part"


def test_the_slowest_checks_come_first(finding: Make) -> None:
    findings = [finding(check=name, seconds=s) for name, s in (("a", 1.0), ("b", 30.25), ("c", 2.0))]
    lines = shown(80, lambda console: show_durations(console, findings, 2))
    assert lines[2:] == ["    30.2 s  first-claim/S1/b", "     2.0 s  first-claim/S1/c"]
    assert len(shown(80, lambda console: show_durations(console, findings, 0))) == 5


def test_a_quiet_run_has_a_line_for_what_does_not_hold(finding: Make) -> None:
    lines = shown(60, lambda console: show_first_words(console, several(finding)))
    assert len(lines) == 1
    assert lines[0].startswith("first-claim/S1/sum_is_four: refuted: [bold]no[/bold]")
    assert len(lines[0]) == 60


def test_words_of_a_tier() -> None:
    checks = [check("a", "x"), check("b", "y"), check("a", "z")]
    assert tier_words(checks, {}) == "a (2), b (1)"
    assert tier_words([check(f"claim{k}", "x") for k in range(9)], {}) == "in 9 claims"
    assert tier_words(checks, {"a/S1/x": 5.0, "b/S1/y": 7.0}) == "a (2), b (1); about 12 s of work"


def test_durations_have_two_figures() -> None:
    given = (0.2, 89.0, 91.0, 3000.0, 3600.0, 8100.0, 54000.0)
    assert [duration(one) for one in given] == ["0 s", "89 s", "2 min", "50 min", "1 h", "2 h 15 min", "15 h"]


def test_lines_break_between_words_and_fields_only() -> None:
    assert filled("0.333333333333333 is-not-broken " + "x" * 50, 30, indent=4, first=2) == [
        "  0.333333333333333",
        "    is-not-broken",
        "    " + "x" * 50,
    ]
    assert filled("lies in [1.44972 +/- 1.0e-8] or 3.5 +/- 0.1 here", 20) == [
        "lies in", "[1.44972 +/- 1.0e-8]", "or 3.5 +/- 0.1 here",
    ]  # fmt: skip
    assert packed(["one", "two", "3 +/- 4"], 10, indent=1) == [" one; two;", " 3 +/- 4"]
    assert packed(["[1.4497224 +/- 1.00e-8]"], 10) == ["[1.4497224 +/- 1.00e-8]"]
