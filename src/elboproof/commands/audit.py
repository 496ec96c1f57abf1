"""The command ``elboproof audit``: adapters of a file, audited and printed."""

import json as json_module
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

from elboproof.audit import Diagnostics, Report, audit
from elboproof.audit.junit import junit
from elboproof.audit.loading import BrokenFileError, adapters, beside
from elboproof.audit.page import page
from elboproof.audit.sarif import sarif
from elboproof.checking.collect import UsageError
from elboproof.checking.report_files import STDOUT, require_writable, write
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
    sarif: str | None = None
    html: str | None = None

    @property
    def targets(self) -> dict[str, str]:
        """Return where the reports go, by their kind."""
        kinds = {"json": self.json, "junit": self.junit, "sarif": self.sarif, "html": self.html}
        return {kind: target for kind, target in kinds.items() if target is not None}


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
    text = sys.stderr if STDOUT in options.targets.values() else sys.stdout
    try:
        with beside(options.file), redirect_stdout(text):  # of what the user's code prints
            found = adapters(options.file)
            reports = [_audited(options, one) for one in found]
    except BrokenFileError as error:
        print(error.trace, end="", file=sys.stderr)
        print(f"elboproof audit: could not run: {error}", file=sys.stderr)
        return USAGE
    print("\n\n".join(map(str, reports)), file=text)
    diagnosed: list[Diagnostics | None] | None = None
    if options.trained:
        with beside(options.file), redirect_stdout(text):
            diagnosed = audit_trained.diagnose(found, seed=options.seed, picture=options.picture, text=text)
    for kind, target in options.targets.items():
        write(target, _rendered(kind, reports, diagnosed, strict=options.strict))
    return _code(reports, strict=options.strict)


def _require_targets(options: Options) -> None:
    if list(options.targets.values()).count(STDOUT) > 1:
        raise UsageError("only one of --json, --junit, --sarif and --html can go to the standard output")
    for one in options.targets.values():
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


def _rendered(
    kind: str, reports: Sequence[Report], diagnosed: Sequence[Diagnostics | None] | None, *, strict: bool
) -> str:
    if kind == "junit":
        return junit(reports, strict=strict)
    if kind == "html":
        return page(reports)
    content: Any = sarif(reports) if kind == "sarif" else _json(reports, diagnosed)
    # half a surrogate pair, from a file name say, is no UTF-8: escapes are
    return json_module.dumps(content, indent=2, allow_nan=False) + "\n"


def _json(reports: Sequence[Report], diagnosed: Sequence[Diagnostics | None] | None) -> list[dict[str, Any]]:
    """Return the reports, with the diagnostics of the trained networks where these were asked for."""
    found = [one.to_json() for one in reports]
    for one, other in zip(found, diagnosed or (), strict=diagnosed is not None):
        one["diagnostics"] = None if other is None else other.to_json()
    return found


def _code(reports: Sequence[Report], *, strict: bool) -> int:
    states = {one.status for one in reports}
    if "failed" in states or (strict and "unknown" in states):
        return FAILED
    return USAGE if "could not run" in states else NOTHING_FAILED
