import io
from collections.abc import Callable

import pytest
from rich.console import Console

from elboproof.checking.finding import Finding
from elboproof.checking.progress import Progress
from elboproof.checking.remaining import Remaining
from elboproof.checking.table import show_failures, show_table
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


@pytest.mark.parametrize("width", [80, 100, 200])
def test_every_field_of_every_finding_is_in_the_table(width: int, finding: Make) -> None:
    lines = shown(width, lambda console: show_table(console, several(finding)))
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for word in ("constant-variance-solutions", "first-claim", "confirms", "statistical", "numeric", "holds",
                 "refuted", "-1.23457e-10", "0.2", "1/1", "S1", "sum_is_four"):  # fmt: skip
        assert word in text
    assert (
        width >= 170 or LONG in text
    )  # names are whole; in the wide table they are broken after underscores
    assert "[0.333333333333333 +/- 3.71e-16]" in text


def test_a_claim_is_named_once(finding: Make) -> None:
    for width in (80, 200):
        text = "\n".join(shown(width, lambda console: show_table(console, several(finding))))
        assert text.count("constant-variance-solutions") == 1


def test_failures_show_the_complete_reason_and_no_markup(finding: Make) -> None:
    lines = shown(80, lambda console: show_failures(console, several(finding)))
    text = "\n".join(lines)
    assert lines[1] == "1 check did not hold"
    assert text.count("because") == 40
    assert "[bold]no[/bold] \\x1b[31m" in text
    assert "states 2 + 2 = 4" in text


def test_nothing_is_shown_where_nothing_failed(finding: Make) -> None:
    assert shown(80, lambda console: show_failures(console, [finding()])) == []


def test_a_check_that_raised_is_shown_with_its_traceback(finding: Make) -> None:
    one = finding(status="error", holds=False, reason="ValueError: boom")
    trace = '  File "first_claim.py", line 30, in sum_is_four\n    raise ValueError("\x1b[31mboom")'
    lines = shown(80, lambda console: show_failures(console, [one], {one.id: trace, "another": "nothing"}))
    assert '      File "first_claim.py", line 30, in sum_is_four' in lines
    assert '        raise ValueError("\\x1b[31mboom")' in lines
    assert "nothing" not in "\n".join(lines)


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


def test_a_short_log_tells_what_fails_and_what_is_not_done_after_a_silence(
    finding: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("elboproof.checking.progress.time.monotonic", lambda: now[0])
    expected = {one.id: 30.0 for one in several(finding)}
    running = [(one.id, seconds) for one, seconds in zip(several(finding), (11.0, 3.0, 1.0), strict=True)]

    def show(console: Console) -> None:
        remaining = Remaining(expected, [one.id for one in several(finding)], 2)
        with Progress(console, 3, lambda: running, remaining, every=False) as shows:
            for seconds in (5.0, 11.0, 12.0):
                now[0] = seconds
                shows.tick()
            for one in several(finding)[1:]:
                shows.finished(one)
            for seconds in (13.0, 20.0, 22.5):
                now[0] = seconds
                shows.tick()

    lines = shown(80, show)
    names = ", ".join(f"{name} ({seconds:.0f} s)" for name, seconds in running[:2])
    assert lines[0] == f"0 of 3 done, 0 hold; 11 s so far, about 50 s left; running {names} and 1 more"
    assert lines[1].startswith("[2/3] refuted   first-claim/S1/sum_is_four (0.2 s): [bold]no[/bold]")
    assert lines[2].startswith("2 of 3 done, 1 hold, 1 do not; 22 s so far, about 9 s left; running cons")
    assert len(lines) == 3


def test_a_quiet_run_shows_nothing_while_it_runs(finding: Make) -> None:
    def show(console: Console) -> None:
        with Progress(console, 3, list, silent=True) as progress:
            progress.finished(several(finding)[2])
            progress.tick()

    for terminal in (False, True):
        assert shown(80, show, terminal=terminal) == []


def test_words() -> None:
    assert [number(v) for v in (None, 3.0, 1 / 3, 1e-20, float("nan"), float("inf"), "a\nb")] == [
        "", "3", "0.3333", "1e-20", "nan", "inf", "a b",
    ]  # fmt: skip


def test_established_but_badly_guarded_does_not_read_as_holding(finding: Make) -> None:
    assert result(finding()) == "holds"
    assert result(finding(holds=False)) == "fails"
    assert result(finding(status="timeout", holds=False)) == "timeout"
