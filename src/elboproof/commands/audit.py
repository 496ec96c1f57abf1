"""The command ``elboproof audit``: adapters of a file, audited and printed."""

import json as json_module
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from elboproof.audit import Report, audit
from elboproof.audit.loading import BrokenFileError, adapters
from elboproof.checking.collect import UsageError
from elboproof.checking.report_files import STDOUT, junit_text, require_writable, write
from elboproof.commands import audit_trained

NOTHING_FAILED, FAILED, USAGE = 0, 1, 4


@dataclass(frozen=True)
class Options:
    """What was asked for, in the words of the command line."""

    file: str
    check: list[str] | None = None
    claim: str | None = None
    alpha: float = 1e-6
    draws: int = 700
    seed: int = 0
    strict: bool = False
    json: str | None = None
    junit: str | None = None
    trained: bool = False
    picture: str | None = None


def main(**words: Any) -> int:
    """Audit, print, write what was asked for, and return the exit code.

    Raises
    ------
    UsageError
        If there is no adapter, a tap never fires, or an option does not fit.
    """
    options = Options(**words)
    _require_targets(options)
    audit_trained.require_fitting(options.picture, wanted=options.trained)
    # A report on the standard output must be alone there.
    text = sys.stderr if STDOUT in (options.json, options.junit) else sys.stdout
    try:
        found = adapters(options.file)
        reports = [_audited(options, one) for one in found]
    except BrokenFileError as error:
        traceback.print_exception(error.__cause__)
        print(f"elboproof audit: could not run: {error}", file=sys.stderr)
        return USAGE
    for report in reports:
        print(report, file=text)
    if options.trained:
        audit_trained.diagnose(found, seed=options.seed, picture=options.picture, text=text)
    _write(options, reports)
    return _code(reports, strict=options.strict)


def _require_targets(options: Options) -> None:
    targets = [one for one in (options.json, options.junit) if one is not None]
    if targets.count(STDOUT) > 1:
        raise UsageError("only one of --json and --junit can go to the standard output")
    for one in targets:
        require_writable(one)


def _audited(options: Options, adapter: Any) -> Report:
    claimed = adapter if options.claim is None else replace(adapter, claim=options.claim)
    try:
        return audit(
            claimed, seed=options.seed, alpha=options.alpha, draws=options.draws, checks=options.check
        )
    except (
        ValueError
    ) as error:  # of an option, such as an unknown check: errors of the user's code are results
        raise UsageError(str(error)) from error


def _write(options: Options, reports: Sequence[Report]) -> None:
    if options.json is not None:
        content = [one.to_json() for one in reports]
        write(options.json, json_module.dumps(content, indent=2, allow_nan=False) + "\n")
    if options.junit is not None:
        write(options.junit, junit_text([finding for one in reports for finding in one.findings]))


def _code(reports: Sequence[Report], *, strict: bool) -> int:
    states = {one.status for one in reports}
    if "failed" in states or (strict and "unknown" in states):
        return FAILED
    return USAGE if "could not run" in states else NOTHING_FAILED
