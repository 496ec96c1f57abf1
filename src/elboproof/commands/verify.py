"""``elboproof verify``: collect, choose what runs, run it, show what was found."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection, UsageError, collect, select
from elboproof.checking.document import differences, kept_document, read_document
from elboproof.checking.expression import matcher
from elboproof.checking.record import FOLDER
from elboproof.checking.recorded import Known, known_findings
from elboproof.checking.report_files import STDOUT, require_writable
from elboproof.checking.seal import file_edits
from elboproof.checking.stale import stale
from elboproof.checking.summary import left_out_lines
from elboproof.checking.words import filled, one_line, plural
from elboproof.commands.verify_run import ALL_HOLD, NOTHING, Plan, run
from elboproof.commands.verify_run import Options as Options

if TYPE_CHECKING:
    from rich.console import Console

DOCUMENT = Path("paper_checks.json")
"""Where the findings of claim modules lie, beside their folder; what checks took is read from it."""


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
    reports = _require_reports(options)
    wanted = _wanted_words(options)
    # A report on the standard output must be alone there.
    console = Console(stderr=STDOUT in reports, highlight=False)
    collection = collect(options.path)
    beside = options.path.parent / DOCUMENT  # an installed suite brings its record along
    known = known_findings(FOLDER, [DOCUMENT, beside, *map(Path, _documents(options))])
    checks, left_out = select(collection, options.labels, method=options.method, tier=options.tier)
    checks, left_out = [[one for one in some if wanted(one)] for some in (checks, left_out)]
    if options.last_failed:
        checks, left_out = _failed(checks, known), _failed(left_out, known)
    before, checks = _needed(options, collection, checks)
    plan = Plan(options, collection, checks, left_out, before, known)
    if options.list_only:
        _list(console, plan)
        return ALL_HOLD if checks else NOTHING
    if not checks and options.stale is None:
        _say_nothing_to_run(console, plan)
        return NOTHING
    return run(console, plan)


def _require_reports(options: Options) -> list[str]:
    reports = [target for target in (options.json, options.junit) if target is not None]
    if reports.count(STDOUT) > 1:
        raise UsageError("only one of --json and --junit can go to the standard output")
    for target in reports:
        require_writable(target)
    if len(reports) > 1 and Path(reports[0]).resolve() == Path(reports[1]).resolve():
        raise UsageError(f"--json and --junit: got {reports[1]!r} twice; expected two files")
    return reports


def _documents(options: Options) -> Iterable[str]:
    return [target for target in (options.json, options.stale) if target not in (None, STDOUT)]


def _wanted_words(options: Options) -> Callable[[Check], bool]:
    if options.keyword is None:
        return lambda _: True
    fits = matcher(options.keyword)
    return lambda check: fits(f"{check.id} {check.role} {check.method}")


def _failed(checks: Sequence[Check], known: dict[str, Known]) -> list[Check]:
    return [check for check in checks if check.id in known and not known[check.id].finding.holds]


def _needed(
    options: Options, collection: Collection, checks: list[Check]
) -> tuple[dict[str, Any] | None, list[Check]]:
    """Return the document whose other findings are kept, and the checks to run: with ``--stale`` what it lacks."""
    if options.stale is None:
        ids = {check.id for check in checks}
        return kept_document(options.json, collection, ids, seed=options.seed), checks
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


def _list(console: "Console", plan: Plan) -> None:
    for check in plan.checks:
        line = f"{check.id}  [{check.role}, {check.method}, {check.tier}]  {check.states}"
        # A screen breaks between words; in a pipe a check is a line, for grep.
        width = console.width if console.is_terminal else len(line)
        for part in filled(one_line(line), width, indent=4):
            console.print(part, markup=False, soft_wrap=True)
    console.print(plural(len(plan.checks), "check"), markup=False)
    _hint_at_tiers(console, plan)


def _say_nothing_to_run(console: "Console", plan: Plan) -> None:
    options = plan.options
    if options.last_failed:
        console.print(
            "nothing to run: of these checks none is known to fail; run them without --lf", markup=False
        )
        return
    which = f" of method {options.method}" if options.method else ""
    which += f" with {options.keyword!r} in its name, role or method" if options.keyword else ""
    console.print(f"nothing to run: no check{which} selected in {options.path}", markup=False, soft_wrap=True)
    if plan.collection.checks:
        console.print("elboproof verify --list shows what there is", markup=False)
    _hint_at_tiers(console, plan)


def _hint_at_tiers(console: "Console", plan: Plan) -> None:
    for line in left_out_lines(plan.left_out, plan.seconds):
        console.print(line, markup=False, soft_wrap=True)
