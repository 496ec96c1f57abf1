import io
from collections.abc import Callable

import pytest
from rich.console import Console

from elboproof.checking.claim import Check
from elboproof.checking.finding import Finding
from elboproof.checking.progress import Progress
from elboproof.checking.table import show_counts, show_failures, show_table
from elboproof.checking.words import number, result

Make = Callable[..., Finding]

LONG = "the_penalty_is_bounded_by_the_constant_of_specht_for_every_spectrum"


def shown(width: int, show: Callable[[Console], None], *, terminal: bool = False) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width, force_terminal=terminal, highlight=False, color_system=None))
    return stream.getvalue().splitlines()


def several(finding: Make) -> list[Finding]:
    return [
        finding(
            claim="constant-variance-solutions", check=LONG, method="statistical", computed=-1.23456789e-10
        ),
        finding(claim="constant-variance-solutions", computed="[0.333333333333333 +/- 3.71e-16]"),
        finding(status="refuted", holds=False, reason="[bold]no[/bold] \x1b[31m" + "because " * 40),
    ]


@pytest.mark.parametrize("width", [80, 100, 169, 170, 200])
def test_every_field_of_every_finding_is_in_the_table(width: int, finding: Make) -> None:
    lines = shown(width, lambda console: show_table(console, several(finding)))
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for word in ("constant-variance-solutions", "first-claim", "confirms", "statistical", "numeric", "holds",
                 "refuted", "-1.23457e-10", "0.2", "1/1", "S1", "sum_is_four"):  # fmt: skip
        assert word in text
    parts = [part for line in lines for part in line.split()]
    assert LONG in "".join(part for part in parts if part in LONG)  # broken after underscores only


def test_a_claim_is_named_once(finding: Make) -> None:
    for width in (80, 200):
        text = "\n".join(shown(width, lambda console: show_table(console, several(finding))))
        assert text.count("constant-variance-solutions") == 1


def test_failures_show_the_complete_reason_and_no_markup(finding: Make) -> None:
    lines = shown(80, lambda console: show_failures(console, several(finding)))
    text = "\n".join(lines)
    assert lines[0] == "1 check did not hold"
    assert text.count("because") == 40
    assert "[bold]no[/bold] \\x1b[31m" in text
    assert "states 2 + 2 = 4" in text


def test_nothing_is_shown_where_nothing_failed(finding: Make) -> None:
    assert shown(80, lambda console: show_failures(console, [finding()])) == []


def test_counts_name_statuses_and_tiers(finding: Make) -> None:
    left_out = [
        Check("a", name, lambda: None, "S1", "", "", "", "", "", (), (), tier, 1.0, 1)  # type: ignore[arg-type,return-value]
        for name, tier in [("x", "full"), ("y", "full"), ("z", "default")]
    ]
    text = " ".join(shown(200, lambda console: show_counts(console, several(finding), left_out, 7)))
    assert "2 of 3 checks hold (2 established, 1 refuted); 3 of 3 controls rejected; seed 7" in text
    assert "2 checks of tier full not run: use --full" in text
    assert "1 check of tier default not run: run without --quick" in text


def test_on_a_pipe_each_finished_check_is_one_line(finding: Make) -> None:
    def show(console: Console) -> None:
        with Progress(console, 3, list) as progress:
            for one in several(finding):
                progress.finished(one)

    lines = shown(40, show)
    assert len(lines) == 3
    assert lines[1] == "[2/3] holds     constant-variance-solutions/S1/sum_is_four (0.2 s)"
    assert lines[2].startswith(
        "[3/3] refuted   first-claim/S1/sum_is_four (0.2 s): [bold]no[/bold] \\x1b[31mbecause"
    )


def test_a_terminal_shows_what_runs_and_for_how_long(finding: Make) -> None:
    def show(console: Console) -> None:
        with Progress(console, 30, lambda: [(f"claim/S1/check_{i}", 61.4) for i in range(14)]) as progress:
            for one in several(finding):
                progress.finished(one)

    text = "\n".join(shown(80, show, terminal=True))
    assert "3 of 30 done, 2 hold, 1 do not" in text
    assert "     61 s  claim/S1/check_11" in text
    assert "and 2 more" in text
    assert "claim/S1/check_12" not in text


def test_words() -> None:
    assert [number(v) for v in (None, 3.0, 1 / 3, 1e-20, float("nan"), float("inf"), "a\nb")] == [
        "", "3", "0.3333", "1e-20", "nan", "inf", "a b",
    ]  # fmt: skip


def test_established_but_badly_guarded_does_not_read_as_holding(finding: Make) -> None:
    assert result(finding()) == "holds"
    assert result(finding(holds=False)) == "fails"
    assert result(finding(status="timeout", holds=False)) == "timeout"
