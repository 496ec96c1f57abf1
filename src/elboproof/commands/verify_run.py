"""The run of ``elboproof verify``: what it is asked for, its record, and what it shows at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elboproof import __version__
from elboproof.checking import summary, table
from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection
from elboproof.checking.execute import job_of
from elboproof.checking.finding import Finding
from elboproof.checking.interrupts import Interrupts
from elboproof.checking.pool import ClusterPool, LocalPool, Pool, cores
from elboproof.checking.progress import Progress
from elboproof.checking.record import FOLDER, Record, header
from elboproof.checking.recorded import Known, recorded_seconds
from elboproof.checking.remaining import Remaining
from elboproof.checking.report_files import STDOUT, content_text, junit_text, write
from elboproof.checking.runner import outcomes
from elboproof.checking.words import duration, filled, plural
from elboproof.files import NotWrittenError

if TYPE_CHECKING:
    from rich.console import Console

ALL_HOLD, SOME_FAIL, INTERRUPTED, INTERNAL, USAGE, NOTHING = range(6)
"""Exit codes, with pytest's meanings."""

PAGE = Path("paper_checks.md")


@dataclass(frozen=True)
class Options:
    """What the command line asks of ``elboproof verify``; see its ``--help``."""

    labels: Sequence[str] = ()
    path: Path = Path("verification")
    method: str | None = None
    tier: str = "default"
    workers: int = 0
    scheduler: str | None = None
    resume: bool = False
    json: str | None = None
    junit: str | None = None
    seed: int = 0
    list_only: bool = False
    stale: str | None = None
    keyword: str | None = None
    last_failed: bool = False
    exit_first: bool = False
    verbose: bool = False
    quiet: bool = False
    durations: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes
    ----------
    checks, left_out
        Those to run, and those that only their tier leaves out.
    before
        JSON document whose findings of other checks are kept, or None.
    known
        The newest finding of each check from earlier runs.
    """

    options: Options
    collection: Collection
    checks: list[Check]
    left_out: list[Check]
    before: dict[str, Any] | None
    known: dict[str, Known]

    @cached_property
    def seconds(self) -> dict[str, float]:
        """Return how long checks took before, by name."""
        return recorded_seconds(self.known)


@dataclass
class _Ran:
    """What a run found so far.

    Attributes
    ----------
    lost
        Findings of checks that were lost with their machine; they are not recorded.
    traces
        Tracebacks of checks that raised.
    end
        Why it ended before all checks were done: "interrupted", "stopped" or nothing.
    unwritten
        Which file could not be written, and why; empty if all could.
    """

    lost: dict[str, Finding] = field(default_factory=dict)
    traces: dict[str, str] = field(default_factory=dict)
    end: str = ""
    unwritten: str = ""


def run(console: "Console", plan: Plan) -> int:
    """Run the checks of a plan, write what was asked for, show what was found; return the exit code."""
    # The header is taken before anything runs: sources that are edited meanwhile make the workers refuse, and never a
    # record that promises other texts than those that ran.
    options, before = plan.options, plan.before
    head = header(plan.collection, version=__version__, seed=options.seed)
    earlier = [] if before is None else before["environment"]
    ids = {check.id for check in plan.checks}
    opened = Record(FOLDER, head, plan.collection, resume=options.resume, earlier=earlier, checks=ids)
    with Interrupts() as interrupts, opened as record:
        todo = [check for check in plan.checks if check.id not in record.findings]
        _announce(console, plan, record, todo)
        ran = _execute(console, plan, todo, record, interrupts)
        known = record.findings | ran.lost
        findings = [known[check.id] for check in plan.checks if check.id in known]
    if ran.end != "interrupted":
        ran.unwritten = _write_reports(plan, record, findings)
    _show(console, plan, findings, ran)
    _show_places(console, plan, record, ran)
    if ran.end == "interrupted" or ran.unwritten:
        return INTERRUPTED
    return ALL_HOLD if all(finding.holds for finding in findings) else SOME_FAIL


def _announce(console: "Console", plan: Plan, record: Record, todo: list[Check]) -> None:
    """Say what will run, in which order and for about how long, before the first check ends."""
    options = plan.options
    for note in record.notes:
        console.print(note, markup=False, soft_wrap=True)
    if options.resume:
        kept = plural(len(plan.checks) - len(todo), "check")
        console.print(f"{kept} already in {record.path}, {len(todo)} to run", markup=False)
    if options.stale is not None:
        console.print(f"{plural(len(todo), 'check')} to run anew", markup=False)
    if options.quiet or not todo:
        return
    workers = None if options.scheduler else _workers(options, len(todo))
    where = "on the cluster" if workers is None else f"on {plural(workers, 'worker')}"
    foreseen = Remaining(plan.seconds, [check.id for check in todo], workers).seconds([], 0.0)
    # Where no earlier run has told how long each takes, their time limits order them: no promise about the longest.
    left = "" if foreseen is None else f", the longest first; about {duration(foreseen)}"
    console.print(f"{plural(len(todo), 'check')} {where}{left}", markup=False, soft_wrap=True)
    beyond = [check for check in todo if check.tier == "full"]
    if options.tier == "full" and beyond:
        words = summary.tier_words(beyond, plan.seconds)
        console.print(f"{len(beyond)} of them only with --full: {words}", markup=False, soft_wrap=True)


def _execute(
    console: "Console", plan: Plan, todo: list[Check], record: Record, interrupts: Interrupts
) -> _Ran:
    ran, options = _Ran(), plan.options
    if not todo:
        return ran
    # An interrupt from here on ends the children; checks that had not answered run again with --resume.
    jobs = [job_of(check, plan.collection, options.seed) for check in todo]
    pool: Pool | None = None
    try:
        pool = _pool(options, len(jobs))
        with _progress(console, plan, jobs, pool) as progress:
            for outcome in outcomes(jobs, pool, progress.tick, plan.seconds):
                if outcome.lost:  # not recorded: --resume shall run it again
                    ran.lost[outcome.finding.id] = outcome.finding
                else:
                    with interrupts.held():  # what is on the disk is shown, too
                        record.append(outcome.finding)
                if outcome.trace:
                    ran.traces[outcome.finding.id] = outcome.trace
                progress.finished(outcome.finding)
                if options.exit_first and not outcome.finding.holds:
                    ran.end = "stopped"
                    break
    except KeyboardInterrupt:
        ran.end = "interrupted"
    except (
        NotWrittenError
    ) as error:  # a finding that is not on the disk is none: the run ends with those that are
        ran.end, ran.unwritten = "interrupted", str(error)
    finally:
        if pool is not None:
            pool.stop()
    return ran


def _pool(options: Options, jobs: int) -> Pool:
    return LocalPool(_workers(options, jobs)) if options.scheduler is None else ClusterPool(options.scheduler)


def _progress(console: "Console", plan: Plan, jobs: list[dict[str, Any]], pool: Pool) -> Progress:
    options = plan.options
    workers = None if options.scheduler else _workers(options, len(jobs))
    remaining = Remaining(plan.seconds, [job["check"] for job in jobs], workers)
    return Progress(console, len(jobs), pool.running, remaining, every=options.verbose, silent=options.quiet)


def _workers(options: Options, jobs: int) -> int:
    return min(options.workers or cores(), jobs)


def _document(plan: Plan, record: Record, findings: list[Finding]) -> dict[str, Any]:
    """Return the JSON document of this run; with what another document has of checks that were not run."""
    # Findings of lost checks were not recorded, so that they are sealed here; old ones keep the seal of their
    # own run.
    new = {f.id: record.lines.get(f.id) or record.sealed(f) for f in findings}
    old = {} if plan.before is None else {Finding.from_json(one).id: one for one in plan.before["findings"]}
    lines = old | new
    order = [check.id for check in plan.collection.checks if check.id in lines]
    return record.document([lines[name] for name in order])


def _write_reports(plan: Plan, record: Record, findings: list[Finding]) -> str:
    """Write what was asked for; return what could not be written and why, empty if all could."""
    options = plan.options
    try:
        if options.json is not None:
            write(options.json, content_text(_document(plan, record, findings)))
        if options.junit is not None:
            write(options.junit, junit_text(findings))
    except NotWrittenError as error:
        return str(error)
    return ""


def _show(console: "Console", plan: Plan, findings: list[Finding], ran: _Ran) -> None:
    options = plan.options
    if options.quiet:
        summary.show_first_words(console, findings)
    elif options.verbose:
        table.show_table(console, findings)
        console.print()
    if not options.quiet:
        summary.show_claims(console, findings)
        summary.show_limits(console, findings, whole=options.verbose)
        table.show_side_effects(console, findings)
        table.show_failures(console, findings, ran.traces)
    if options.durations is not None:
        summary.show_durations(console, findings, options.durations)
    summary.show_counts(
        console,
        findings,
        plan.left_out,
        options.seed,
        collected=plan.collection.checks,
        seconds=plan.seconds,
    )
    missing = plural(len(plan.checks) - len(findings), "check")
    if ran.unwritten:
        console.print(ran.unwritten, style="bold red", markup=False, soft_wrap=True)
    if ran.end == "interrupted":
        console.print(f"interrupted: {missing} not finished; --resume goes on", style="bold yellow")
    elif ran.unwritten:
        console.print("the findings are in the record; --resume writes them", style="bold yellow")
    elif ran.end:
        words = f"stopped at the first check that does not hold: {missing} not finished; --resume goes on"
        console.print(words, style="bold yellow", soft_wrap=True)


def _show_places(console: "Console", plan: Plan, record: Record, ran: _Ran) -> None:
    """Say where the findings are, and where the report is or how it is made."""
    if plan.options.quiet:
        return
    json = plan.options.json
    if json is None or ran.end == "interrupted" or ran.unwritten:
        page = f"; the report of all findings: {PAGE}" if PAGE.exists() else ""
        line = f"findings: {record.path} (--json F writes them){page}"
    elif json == STDOUT:
        return
    else:
        of = f" --json {json}" if json != "paper_checks.json" else ""
        kept = 0 if plan.before is None else len(plan.before["findings"])
        line = f"findings: {json}{f', with others that it had ({kept} before)' if kept else ''}"
        line += f"; elboproof report{of} writes the page"
    for part in filled(line, console.width, indent=4):
        console.print(part, markup=False, soft_wrap=True, style="dim")
