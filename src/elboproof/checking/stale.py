"""Which recorded findings are older than the code that they are about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elboproof.checking.claim import Check
from elboproof.checking.code import changed
from elboproof.checking.collect import Collection
from elboproof.checking.finding import SEAL
from elboproof.checking.seal import combined_by_side

SLOW = "full"
"""The tier whose stale findings are only shown: to run it takes long."""

SHOWN = 4
"""Changed modules that are named."""


@dataclass(frozen=True)
class Stale:
    """A finding that was made from other code than there is now.

    Attributes
    ----------
    check
        What would be found anew.
    made, commit
        When, and from which commit if that is known.
    why
        A sentence.
    """

    check: Check
    made: str
    commit: str | None
    why: str

    @property
    def slow(self) -> bool:
        """Return whether the check is of the slow tier."""
        return self.check.tier == SLOW

    def __str__(self) -> str:
        commit = f", commit {self.commit[:10]}{self.commit[40:]}" if self.commit else ""
        return (
            f"{self.check.id} [{self.check.tier}]: older than the code (made {self.made}{commit}): {self.why}"
        )


def stale(content: dict[str, Any], collection: Collection) -> Iterator[Stale]:
    """Yield the findings of a document of whole seals that are older than the code, in the order of the checks."""
    by_id = {f"{f['claim']}/{f['statement']}/{f['check']}": f for f in content["findings"]}
    for check in collection.checks:
        if check.id in by_id:
            seal = by_id[check.id][SEAL]
            environment = content["environment"][seal["environment"]]
            why = why_stale(check, seal, environment, collection)
            if why is not None:
                yield Stale(check, seal["made"], environment["commit"], why)


def why_stale(
    check: Check, seal: Mapping[str, Any], environment: Mapping[str, Any], collection: Collection
) -> str | None:
    """Return why a finding with this seal, made in this environment, is older than the code; None if it is not."""
    # Whole sides are compared: a module that was added or no longer counts makes a finding stale, too. The share of
    # false alarms enters the statistical verdicts only.
    code = collection.code_of(check)
    if {name: seal[name] for name in ("claim", "library")} != combined_by_side(code):
        # The record of a run does not list its modules, a document does.
        names = list(changed(environment["modules"], code)) if environment["modules"] else []
        return f"{_listed(names)} changed" if names else "it rests on other code now"
    if check.method == "statistical" and environment["false_alarm"] != collection.false_alarm:
        return "the number of statistical tests changed, and with it the share of one"
    return None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
