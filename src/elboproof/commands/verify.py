"""``elboproof verify``: collect, run, record, show."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from elboproof import __version__
from elboproof.checking import table
from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection, UsageError, collect, select
from elboproof.checking.document import differences, read_document
from elboproof.checking.execute import job_of
from elboproof.checking.finding import Finding
from elboproof.checking.pool import ClusterPool, LocalPool, Pool
from elboproof.checking.progress import Progress
from elboproof.checking.record import FOLDER, Record, header
from elboproof.checking.report_files import STDOUT, content_text, junit_text, require_writable, write
from elboproof.checking.runner import outcomes
from elboproof.checking.seal import file_edits
from elboproof.checking.stale import stale
from elboproof.checking.words import one_line, plural

if TYPE_CHECKING:
    from rich.console import Console

ALL_HOLD, SOME_FAIL, INTERRUPTED, INTERNAL, USAGE, NOTHING = range(6)
"""Exit codes, with pytest's meanings."""


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


def main(**words: Any) -> int:
    """Run the command with what its options say."""
    return verify(Options(**words))


def verify(options: Options) -> int:
    """Run the checks that the options select and return the exit code.

    Raises
    ------
    UsageError
        If the options do not fit the claim modules, the record or the cluster.
    """
    from rich.console import Console

    # What can be wrong with the words is found before claims are imported, which takes seconds.
    reports = [target for target in (options.json, options.junit) if target is not None]
    if reports.count(STDOUT) > 1:
        raise UsageError("only one of --json and --junit can go to the standard output")
    for target in reports:
        require_writable(target)
    if len(reports) > 1 and Path(reports[0]).resolve() == Path(reports[1]).resolve():
        raise UsageError(f"--json and --junit: got {reports[1]!r} twice; expected two files")
    # A report on the standard output must be alone there.
    console = Console(stderr=STDOUT in reports, highlight=False)
    collection = collect(options.path)
    checks, left_out = select(collection, options.labels, method=options.method, tier=options.tier)
    before, checks = _needed(options, collection, checks)
    if options.list_only:
        _list(console, checks, left_out)
        return ALL_HOLD if checks else NOTHING
    if not checks and before is None:
        which = f" of method {options.method}" if options.method else ""
        console.print(f"nothing to run: no check{which} selected in {options.path}", markup=False)
        _hint_at_tiers(console, left_out)
        return NOTHING
    return _run(options, console, collection, checks, left_out, before)


def _needed(
    options: Options, collection: Collection, checks: list[Check]
) -> tuple[dict[str, Any] | None, list[Check]]:
    """Return the document of ``--stale``, and the checks whose findings it lacks or has from other code."""
    if options.stale is None:
        return None, checks
    if options.resume:
        raise UsageError("--stale and --resume: got both; expected one of them")
    # Findings that are kept must be as trustworthy as new ones: an edited document is refused, and another seed would
    # mix two runs. A check whose description changed is run although its code did not.
    content, findings = read_document(Path(options.stale))
    edited = list(file_edits(content))
    if edited:
        raise UsageError(f"--stale: {options.stale}: {edited[0]}; run all checks anew, without --stale")
    if content["seed"] != options.seed:
        seed = content["seed"]
        raise UsageError(f"--stale: {options.stale} was made with seed {seed}; give --seed {seed}")
    fresh = {f.id: f for f in findings}
    for one in stale(content, collection):
        del fresh[one.check.id]
    wanted = [c for c in checks if c.id not in fresh or differences(fresh[c.id], c)]
    return content, wanted


def _document(
    record: Record, findings: list[Finding], before: dict[str, Any] | None, collection: Collection
) -> dict[str, Any]:
    """Return the JSON document of this run; with what another document has of checks that were not run."""
    # Findings of lost checks were not recorded, so that they are sealed here; old ones keep the seal of their
    # own run.
    new = {f.id: record.lines.get(f.id) or record.sealed(f) for f in findings}
    old = {} if before is None else {Finding.from_json(line).id: line for line in before["findings"]}
    lines = old | new
    order = [check.id for check in collection.checks if check.id in lines]
    return record.document([lines[name] for name in order])


def _run(
    options: Options,
    console: "Console",
    collection: Collection,
    checks: list[Check],
    left_out: list[Check],
    before: dict[str, Any] | None,
) -> int:
    # The header is taken before anything runs: sources that are edited meanwhile make the workers refuse, and never a
    # record that promises other texts than those that ran.
    head = header(collection, version=__version__, seed=options.seed)
    earlier = [] if before is None else before["environment"]
    if before is not None:
        console.print(f"{plural(len(checks), 'check')} to run anew", markup=False)
    with _terminable(), Record(FOLDER, head, collection, resume=options.resume, earlier=earlier) as record:
        todo = [check for check in checks if check.id not in record.findings]
        for note in record.notes:
            console.print(note, markup=False)
        if options.resume:
            kept = plural(len(checks) - len(todo), "check")
            console.print(f"{kept} already in {record.path}, {len(todo)} to run", markup=False)
        lost: dict[str, Finding] = {}
        interrupted = _execute(options, console, collection, todo, record, lost)
        known = record.findings | lost
        findings = [known[check.id] for check in checks if check.id in known]
    table.show_table(console, findings)
    table.show_side_effects(console, findings)
    table.show_failures(console, findings)
    table.show_counts(console, findings, left_out, options.seed)
    if interrupted:
        missing = plural(len(checks) - len(findings), "check")
        console.print(f"interrupted: {missing} not finished; --resume goes on", style="bold yellow")
        return INTERRUPTED
    if options.json is not None:
        write(options.json, content_text(_document(record, findings, before, collection)))
    if options.junit is not None:
        write(options.junit, junit_text(findings))
    return ALL_HOLD if all(finding.holds for finding in findings) else SOME_FAIL


def _execute(
    options: Options,
    console: "Console",
    collection: Collection,
    todo: list[Check],
    record: Record,
    lost: dict[str, Finding],
) -> bool:
    """Run the checks and return whether that was interrupted."""
    if not todo:
        return False
    # An interrupt from here on ends the children; checks that had not answered run again with --resume.
    jobs = [job_of(check, collection, options.seed) for check in todo]
    pool: Pool | None = None
    try:
        pool = (
            LocalPool(_workers(options, len(jobs)))
            if options.scheduler is None
            else ClusterPool(options.scheduler)
        )
        with Progress(console, len(jobs), pool.running) as progress:
            for outcome in outcomes(jobs, pool):
                if outcome.lost:  # not recorded: --resume shall run it again
                    lost[outcome.finding.id] = outcome.finding
                else:
                    record.append(outcome.finding)
                progress.finished(outcome.finding)
    except KeyboardInterrupt:
        return True
    finally:
        if pool is not None:
            pool.stop()
    return False


def _workers(options: Options, jobs: int) -> int:
    return min(options.workers or len(os.sched_getaffinity(0)), jobs)


@contextmanager
def _terminable() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C: children are killed and the table is shown."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    # The handler of before is put back: `verify` may be called from a program that has its own.
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _list(console: "Console", checks: list[Check], left_out: list[Check]) -> None:
    for check in checks:
        line = f"{check.id}  [{check.role}, {check.method}, {check.tier}]  {check.states}"
        console.print(one_line(line), markup=False, soft_wrap=True)
    console.print(plural(len(checks), "check"), markup=False)
    _hint_at_tiers(console, left_out)


def _hint_at_tiers(console: "Console", left_out: list[Check]) -> None:
    for tier in sorted({check.tier for check in left_out}):
        count = sum(check.tier == tier for check in left_out)
        console.print(f"{plural(count, 'check')} of tier {tier} left out", markup=False)
