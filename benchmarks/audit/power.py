"""The catalogue put to the audit: what is flagged, what is not, and what correct code is accused of."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks.audit import audited
from benchmarks.audit.audited import Outcome
from benchmarks.audit.catalogue import CONTROLS, CONVENTIONS, MUTANTS, Control, Convention, Mutant, by_label
from benchmarks.audit.vae import LATENTS, PIXELS
from benchmarks.audit.vae_others import Categorical, Flow

CONSTANT, VARIANCE = 0.01, 1e-6
"""Nats, and relative: how near a convention's numbers are to be."""


@dataclass(frozen=True)
class Tried:
    """A bug's three audits: nothing declared, its control's claim, and the variance that its author means too."""

    entry: Mutant
    alone: Outcome
    claimed: Outcome
    declared: Outcome

    @property
    def flagged(self) -> bool:
        """Whether a check failed under the claim that the control keeps."""
        return self.claimed.flagged

    @property
    def strict(self) -> bool:
        """Whether ``--strict`` fails: a check failed or could not tell."""
        return self.flagged or bool(self.claimed.unknown) or self.claimed.status != "passed"


def tried(entry: Mutant, seed: int = 0) -> Tried:
    """Audit a bug as often as needed: what fails with less declared is not asked again with more."""
    alone = audited.undeclared(entry, seed)
    if alone.flagged:
        return Tried(entry, alone, alone, alone)
    claimed = audited.run(entry.model, kept_claim(entry), seed=seed)
    declared = claimed if claimed.flagged else audited.declared(entry, seed)
    return Tried(entry, alone, claimed, declared)


def gaussian(entry: Mutant) -> bool:
    """Return whether the posterior is Gaussian in the codes: one of the 51 that the power is counted on."""
    return entry.label[0] != "N" and not issubclass(entry.model, (Flow, Categorical))


def kept_claim(entry: Mutant) -> str:
    """Return the claim that a bug's control keeps."""
    return next(control.claim for control in CONTROLS.values() if control.model is entry.control)


@dataclass(frozen=True)
class Alarm:
    """A control's audits: how many, and the checks that failed in any."""

    name: str
    entry: Control
    audits: int
    failed: tuple[str, ...]
    outcome: Outcome


def alarms(names: Iterable[str], seeds: int) -> list[Alarm]:
    """Audit controls under the claims that they keep, with weights, data and noise of each seed."""
    found = []
    for name in names:
        entry = CONTROLS[name]
        outcomes = [audited.run(entry.model, entry.claim, seed=seed) for seed in range(seeds)]
        failed = tuple(check for outcome in outcomes for check in outcome.failed)
        found.append(Alarm(name, entry, seeds, failed, outcomes[0]))
    return found


def reproduced(entry: Convention, outcome: Outcome) -> bool:
    """Return whether an audit found a convention's verdict, variance and constant."""
    if outcome.kind not in entry.verdicts:
        return False
    if entry.likelihood not in {"gaussian", "laplace"}:
        return True
    width, omitted = entry.variance(PIXELS, LATENTS), entry.omitted(PIXELS, LATENTS)
    if outcome.variance is None or outcome.omitted is None:
        return False
    return abs(outcome.variance - width) <= VARIANCE * width and abs(outcome.omitted - omitted) <= CONSTANT


def report(seeds: int, small: bool) -> str:
    """Return the section: what was reached, the bugs one by one, the controls, the conventions."""
    began = time.process_time()
    few = 2 if small else None
    bugs = [tried(entry) for entry in by_label(MUTANTS.values())[:few]]
    seconds = time.process_time() - began
    correct = alarms(sorted(CONTROLS)[:few], seeds)
    known = {name: audited.run(CONVENTIONS[name].model) for name in sorted(CONVENTIONS)[:few]}
    parts = [
        summary(bugs, correct, known, seconds),
        table(("bug", "what is wrong", "nothing declared", "flagged by", "formula"), map(bug_row, bugs)),
        table(("control", "claim", "outcome", "formula"), map(control_row, correct)),
        table(("convention", "formula", "variance", "omitted, nats", "as expected"), convention_rows(known)),
    ]
    return "\n\n".join(parts)


def summary(bugs: list[Tried], correct: list[Alarm], known: dict[str, Outcome], seconds: float) -> str:
    """Return the counts."""
    counted = [bug for bug in bugs if gaussian(bug.entry)]
    others = [bug for bug in bugs if not gaussian(bug.entry)]
    audits, false = sum(one.audits for one in correct), sum(len(one.failed) for one in correct)
    good = sum(reproduced(CONVENTIONS[name], outcome) for name, outcome in known.items())
    times = [one.claimed.seconds for one in bugs]
    rows = [
        ("flagged with nothing declared", "-", of(counted, lambda bug: bug.alone.flagged)),
        ("flagged under the claim that the control keeps", "47 of 51", of(counted, lambda bug: bug.flagged)),
        ("the same with the meant variance declared", "-", of(counted, lambda bug: bug.declared.flagged)),
        ("flagged, or said to be not recognised (--strict)", "-", of(counted, lambda bug: bug.strict)),
        ("flows, categories and N01-N09, flagged", "-", of(others, lambda bug: bug.flagged)),
        ("false alarms in controls", "0 of 600", f"{false} of {audits} audits of {len(correct)} controls"),
        ("conventions of public code reproduced", "all", f"{good} of {len(known)}"),
        ("one audit, median; largest", "5 s", f"{median(times):.1f} s; {max(times):.1f} s"),
        ("all bugs, CPU", "90 s", f"{seconds:.0f} s"),
    ]
    return table(("measure", "target", "reached"), rows)


def of(bugs: list[Tried], holds: Callable[[Tried], bool]) -> str:
    """Return how many of them."""
    return f"{sum(map(holds, bugs))} of {len(bugs)}"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def bug_row(bug: Tried) -> tuple[str, ...]:
    """Return a bug's line: who flags it, and under what."""
    how = ", ".join(bug.declared.failed) or "**missed**"
    if bug.flagged and not bug.alone.flagged:
        how += f" (claim {kept_claim(bug.entry)})"
    elif not bug.flagged and bug.declared.flagged:
        how += " (variance declared)"
    alone = "fails" if bug.alone.flagged else bug.alone.status
    return bug.entry.label, bug.entry.description, alone, how, bug.alone.kind


def control_row(one: Alarm) -> tuple[str, ...]:
    """Return a control's line."""
    outcome = f"**fails** {', '.join(sorted(set(one.failed)))}" if one.failed else one.outcome.status
    return one.name, one.entry.claim, outcome, one.outcome.kind


def convention_rows(known: dict[str, Outcome]) -> Iterable[tuple[str, ...]]:
    """Yield each convention's line."""
    for name, outcome in known.items():
        variance = "" if outcome.variance is None else f"{outcome.variance:.6g}"
        omitted = "" if outcome.omitted is None else f"{outcome.omitted:.2f}"
        good = "yes" if reproduced(CONVENTIONS[name], outcome) else "**no**"
        yield name, outcome.kind, variance, omitted.replace("-0.00", "0.00"), good
