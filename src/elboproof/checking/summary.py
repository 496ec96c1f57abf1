"""What a run showed, on one screen: a line for each claim, the limits as sentences, and the counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from elboproof.checking.claim import Check
from elboproof.checking.decisions import decision
from elboproof.checking.finding import Finding
from elboproof.checking.vocabulary import OUTCOMES
from elboproof.checking.words import duration, filled, one_line, plural, result

if TYPE_CHECKING:
    from rich.console import Console

FEW = 12
"""Limits that are all shown; of more, each statement's first one is."""

NAMED = 8
"""Claims that are named where checks were left out; of more, only their number is told."""


def show_claims(console: "Console", findings: Sequence[Finding]) -> None:
    """Print one line for each claim: how many checks hold, and what they do to the paper's words."""
    for claim, members in _by_claim(findings).items():
        held = sum(finding.holds for finding in members)
        style = "" if held == len(members) else "red"
        line = f"{claim} {held}/{len(members)}: {', '.join(_roles(members))}"
        _print_lines(console, filled(line, console.width, indent=4), style)


def _roles(findings: Sequence[Finding]) -> Iterator[str]:
    counts = Counter(finding.role for finding in findings if finding.holds)
    for role, one, several in (("confirms", "confirms", "confirm"), ("sharpens", "sharpens", "sharpen")):
        if counts[role]:
            yield f"{counts[role]} {one if counts[role] == 1 else several}"
    limits = [finding for finding in findings if finding.role == "limits" and finding.holds]
    if limits:
        verb = "limits" if len(limits) == 1 else "limit"
        yield f"{len(limits)} {verb} the paper: {_statements(limits)}"
    broken = [finding for finding in findings if not finding.holds]
    if broken:
        yield f"{len(broken)} DO{'ES' if len(broken) == 1 else ''} NOT HOLD: {_statements(broken)}"


def _statements(findings: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.statement for finding in findings))


def show_limits(console: "Console", findings: Sequence[Finding], *, whole: bool = False) -> None:
    """Print what was found to fail as worded, in whole sentences: all if they are few or ``whole`` is asked for."""
    limits = [finding for finding in findings if finding.role == "limits" and finding.holds]
    if not limits:
        return
    console.print()
    _print_lines(console, ["What fails as worded"], "bold")
    if whole or len(limits) <= FEW:
        for finding in limits:
            text = f"{finding.claim} {finding.statement}: {finding.states}"
            _print_lines(console, filled(text, console.width, indent=4, first=2))
        return
    # A sentence that is cut may say the opposite: fewer sentences are shown, each to its end.
    first = {(finding.claim, finding.statement): finding for finding in reversed(limits)}
    for claim, statement in dict.fromkeys((finding.claim, finding.statement) for finding in limits):
        text = f"{claim} {statement}: {first[claim, statement].states}"
        _print_lines(console, filled(text, console.width, indent=4, first=2))
    if more := len(limits) - len(first):
        words = f"{plural(more, 'more sentence')}: elboproof show CLAIM/STATEMENT, or verify -v"
        _print_lines(console, filled(words, console.width, indent=4, first=2), "dim")


def show_counts(
    console: "Console",
    findings: Sequence[Finding],
    left_out: Sequence[Check],
    seed: int,
    *,
    collected: Sequence[Check] = (),
    seconds: Mapping[str, float] | None = None,
) -> None:
    """Print how many claims are decided and how many checks hold, how the others ended, and what was not run.

    Parameters
    ----------
    left_out
        Checks that were not run because of their tier or of what they need.
    collected
        All checks there are.
    seconds
        How long checks took before, by name.
    """
    console.print()
    held = sum(finding.holds for finding in findings)
    style = "bold green" if held == len(findings) else "bold red"
    if collected:
        _print_lines(console, filled(_decided(findings, collected, left_out), console.width), style)
    _print_lines(console, filled(_counts(findings, held, seed), console.width), style)
    for line in left_out_lines(left_out, seconds or {}):
        _print_lines(console, filled(line, console.width, indent=4))


def _decided(findings: Sequence[Finding], collected: Sequence[Check], left_out: Sequence[Check]) -> str:
    # A claim is decided if all its checks hold, up to the long ones and those that lack something, which are counted on
    # their own lines; what --quick leaves out it does not decide.
    known = {check.id for check in left_out if check.tier == "full" or check.needs}
    run = {finding.id for finding in findings} | known
    partly = {check.claim for check in collected if check.id not in run}
    members = _by_claim(findings)
    decided = [claim for claim in members if not decision(members[claim]).startswith("open")]
    whole = [claim for claim in decided if claim not in partly]
    claims = dict.fromkeys(check.claim for check in collected)
    line = f"{len(whole)} of {plural(len(claims), 'claim')} decided"
    line += f", {len(decided) - len(whole)} in part" if len(whole) < len(decided) else ""
    return line + (f", {len(members) - len(decided)} open" if len(decided) < len(members) else "")


def _counts(findings: Sequence[Finding], held: int, seed: int) -> str:
    counts = Counter(finding.status for finding in findings)
    controls = [one for finding in findings for one in finding.controls]
    every = [part for finding in findings for part in finding.parts]
    lost = sum(bool(one["rejected"]) for one in controls)
    guarded = sum(bool(part["refuted_by"]) for part in every)
    statuses = ", ".join(f"{counts[status]} {status}" for status in OUTCOMES if counts[status])
    return (
        f"{held} of {plural(len(findings), 'check')} hold ({statuses}); "
        f"{lost} of {plural(len(controls), 'control')} rejected; seed {seed}; "
        f"{guarded} of {plural(len(every), 'part')} refuted by a control"
    )


def left_out_lines(left_out: Sequence[Check], seconds: Mapping[str, float]) -> Iterator[str]:
    """Yield a line for each tier that was not run, its checks, claims and time, and for each check that needs more."""
    able = [check for check in left_out if not check.needs]
    for tier in sorted({check.tier for check in able}):
        members = [check for check in able if check.tier == tier]
        use = "run without --quick" if tier == "default" else "use --full"
        yield f"{plural(len(members), 'check')} of tier {tier} not run: {use}; {tier_words(members, seconds)}"
    yield from (f"{check.id} not run: it needs {check.needs}" for check in left_out if check.needs)


def tier_words(checks: Sequence[Check], seconds: Mapping[str, float]) -> str:
    """Return of which claims checks are, and how many processor seconds they took before if that is known."""
    counts = Counter(check.claim for check in checks)
    words = ", ".join(f"{claim} ({count})" for claim, count in counts.items())
    words = words if len(counts) <= NAMED else f"in {len(counts)} claims"
    known = [seconds[check.id] for check in checks if check.id in seconds]
    return words + (f"; about {duration(sum(known))} of work" if known else "")


def show_durations(console: "Console", findings: Sequence[Finding], number: int) -> None:
    """Print the checks that took longest, with their controls and second runs; 0 shows all."""
    slowest = sorted(findings, key=lambda finding: -finding.seconds)[: number or len(findings)]
    console.print()
    _print_lines(
        console, [f"slowest {plural(len(slowest), 'check')}, controls and second runs included"], "bold"
    )
    _print_lines(console, [f"{finding.seconds:8.1f} s  {finding.id}" for finding in slowest])


def show_first_words(console: "Console", findings: Sequence[Finding]) -> None:
    """Print one line for each check that does not hold: all that a quiet run tells of it."""
    for finding in findings:
        if not finding.holds:
            line = f"{finding.id}: {result(finding)}: {finding.reason}"
            _print_lines(console, [one_line(line, max(console.width, 40))], "red")


def _by_claim(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    members: dict[str, list[Finding]] = {}
    for finding in findings:
        members.setdefault(finding.claim, []).append(finding)
    return members


def _print_lines(console: "Console", lines: Sequence[str], style: str = "") -> None:
    from rich.text import Text

    for line in lines:
        console.print(Text(line, style=style), soft_wrap=True)
