"""One audit of one entry: its adapter, and what came out, in the words of the table."""

from dataclasses import dataclass

import elboproof.audit as audit
from benchmarks.audit.entries import Mutant
from benchmarks.audit.instances import build, data
from benchmarks.audit.vae import Vae


@dataclass(frozen=True)
class Outcome:
    """What an audit said.

    Attributes
    ----------
    status : str
        "passed", "failed", "unknown" or "could not run".
    failed, unknown : tuple of str
        Names of checks.
    kind, sentence : str
        Of the formula; "" where there is none.
    variance, scale, beta : float or None
        Of the formula.
    omitted : float or None
        Nats per example by which the number lies above the ELBO.
    seconds : float
        Wall clock.
    hints : tuple of str
        Of the checks that failed.
    """

    status: str
    failed: tuple[str, ...]
    unknown: tuple[str, ...]
    kind: str
    sentence: str
    variance: float | None
    scale: float | None
    beta: float | None
    omitted: float | None
    seconds: float
    hints: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether a check failed."""
        return bool(self.failed)


def adapter_of(
    model: Vae, claim: str = "loss", likelihood: audit.Declared | None = None, *, examples_seed: int = 0
) -> audit.Adapter:
    """Return the adapter of a model: loss, data and the two taps, as any user writes it."""
    return audit.Adapter(
        model.loss,
        data(type(model), examples_seed),
        (model, "encode"),
        (model, "decode"),
        claim=claim,
        likelihood=likelihood,
        name=type(model).__name__,
    )


def run(
    model_class: type[Vae],
    claim: str = "loss",
    likelihood: audit.Declared | None = None,
    *,
    seed: int = 0,
) -> Outcome:
    """Audit an instance whose weights, data and noise are those of this seed."""
    model = build(model_class, seed)
    report = audit.audit(adapter_of(model, claim, likelihood, examples_seed=seed), seed=seed)
    found = report.formula
    return Outcome(
        report.status,
        tuple(report.failed),
        tuple(report.unknown),
        "" if found is None else found.kind,
        "" if found is None else found.sentence,
        None if found is None else found.variance,
        None if found is None else found.scale,
        None if found is None else found.beta,
        None if found is None else found.offset,
        report.seconds,
        tuple(hint for one in report.results if one.id in report.failed for hint in one.hints),
    )


def undeclared(entry: Mutant, seed: int = 0) -> Outcome:
    """Audit a bug with nothing declared."""
    return run(entry.model, seed=seed)


def declared(entry: Mutant, seed: int = 0) -> Outcome:
    """Audit a bug with its claim and, where its entry has one, with the variance that its author means."""
    variance = None if entry.variance is None else entry.variance(build(entry.model, seed))
    likelihood = None if variance is None else audit.Declared("gaussian", variance=variance)
    return run(entry.model, entry.claim, likelihood, seed=seed)
