"""log p(x) - ELBO of some rows in parts: proved where the model can be read and is small, else by sampling.

Proofs are those of ``ep.decompose`` (three latents at most) and ``ep.log_evidence`` (four). The samples: the encoder's
and the refined ELBO by draws, the evidence by importance sampling from the refined q, and by annealing where the tail
of the weights is too heavy for that (Pareto's k above 0.7, Vehtari et al. 2024).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from elboproof.diagnostics.diagnostic import Diagnostic, estimate, missing, proved
from elboproof.diagnostics.plan import Plan
from elboproof.diagnostics.proofs import Proofs
from elboproof.networks.annealed import annealed_evidence
from elboproof.networks.importance import ImportanceEvidence, importance_evidence
from elboproof.networks.yardstick import Estimate, elbo_estimate, refined
from elboproof.networks.yardstick_posteriors import Posteriors

FloatArray = NDArray[np.float64]
HEAVY = 0.7
"""Pareto's k above which a mean of weights is not to be trusted."""
WEIGHTS, ELBO_DRAWS = 1000, 400
STRETCH = 1.2
"""Of the proposals: a Gaussian fitted to the ELBO is narrower than the posterior."""
STEPS = 300
CHAINS, TEMPERATURES = 8, 60


@dataclass(frozen=True, eq=False)
class Sampled:
    """Estimates of the rows.

    Attributes
    ----------
    encoder, best : Estimate
        The ELBOs of the encoder's and of the refined q.
    evidence : Estimate
    encoder_k, refined_k : array or None
        Pareto's k of the weights of q; None if arviz-stats is missing.
    annealed : int
        Rows whose evidence was annealed.
    """

    encoder: Estimate
    best: Estimate
    evidence: Estimate
    encoder_k: FloatArray | None
    refined_k: FloatArray | None
    annealed: int


def sampled(plan: Plan) -> Sampled:
    """Return the estimates of the chosen rows."""
    x, q = plan.some
    model = plan.fitted.joint
    encoder = elbo_estimate(model, x, q, draws=ELBO_DRAWS, generator=plan.generator("encoder"))
    found = refined(model, x, q, steps=STEPS, generator=plan.generator("refined"))
    best = elbo_estimate(model, x, found, draws=ELBO_DRAWS, generator=plan.generator("best"))
    own = importance_evidence(model, x, q, draws=WEIGHTS, generator=plan.generator("weights of q"))
    weighted = importance_evidence(
        model, x, found, draws=WEIGHTS, stretch=STRETCH, generator=plan.generator("weights")
    )
    k = _pareto(weighted)
    evidence, heavy = _annealed(plan, weighted, found, k)
    return Sampled(encoder, best, evidence, _pareto(own), k, heavy)


def _pareto(found: ImportanceEvidence) -> FloatArray | None:
    """Return Pareto's k of each row, None without arviz-stats."""
    try:
        return np.asarray(found.pareto_k().numpy())
    except ModuleNotFoundError:
        return None


def _annealed(
    plan: Plan, weighted: ImportanceEvidence, q: Posteriors, k: FloatArray | None
) -> tuple[Estimate, int]:
    """Return the evidence, of rows with heavy tails by annealing."""
    heavy = torch.zeros(len(q), dtype=torch.bool) if k is None else torch.from_numpy(~(k <= HEAVY))
    if not bool(heavy.any()):
        return weighted, 0
    found = annealed_evidence(
        plan.fitted.joint,
        plan.some[0][heavy],
        Posteriors(q.means[heavy], q.factors[heavy]),
        chains=CHAINS,
        temperatures=TEMPERATURES,
        generator=plan.generator("annealed"),
    )
    values, errors = weighted.values.clone(), weighted.errors.clone()
    values[heavy], errors[heavy] = found.values, found.errors
    return Estimate(values, errors), int(heavy.sum())


@dataclass(frozen=True, eq=False)
class Gaps:
    """The rows by both ways."""

    sampled: Sampled
    proofs: Proofs

    @cached_property
    def evidence(self) -> FloatArray:
        """The log p(x) of each row, (M,): the middle of what was proved, or the estimate."""
        rows = self.sampled.evidence.values.numpy().copy()
        if self.proofs.evidence is not None:
            kept = self.proofs.sharp(self.proofs.evidence)
            rows[kept] = np.asarray(self.proofs.evidence.midpoint)[kept]
        return np.asarray(rows)

    def items(self) -> list[Diagnostic]:
        """Return the evidence and the two gaps, proved where all rows are."""
        return [self._evidence(), self._approximation(), self._amortisation(), *self._tails()]

    def _evidence(self) -> Diagnostic:
        name, M, elbo = "evidence", len(self.sampled.evidence.values), self.sampled.encoder.mean
        found = self.proofs.mean(self.proofs.evidence)
        if found is not None:
            return proved(name, found, f"mean log p(x) of {M} rows, whose ELBO is {elbo:.4g}")
        one = self.sampled.evidence
        how = f"of {M} rows, whose ELBO is {elbo:.4g}; importance sampling from refined q"
        how += f", {self.sampled.annealed} annealed" if self.sampled.annealed else ""
        return estimate(name, one.mean, one.error, f"{how}; {self.proofs.reason}")

    def _approximation(self) -> Diagnostic:
        name, bound = "approximation gap", "at most"
        found = self.proofs.mean(self.proofs.approximation)
        if found is not None:
            return proved(name, found, "evidence less the best diagonal Gaussian found", bound=bound)
        one, other = self.sampled.evidence, self.sampled.best
        error = math.hypot(one.error, other.error)
        return estimate(name, one.mean - other.mean, error, "evidence less the refined ELBO", bound=bound)

    def _amortisation(self) -> Diagnostic:
        name, bound = "amortisation gap", "at least"
        found = self.proofs.mean(self.proofs.amortisation)
        if found is not None:
            return proved(name, found, "the best diagonal Gaussian found less the encoder's", bound=bound)
        one, other = self.sampled.best, self.sampled.encoder
        error = math.hypot(one.error, other.error)
        return estimate(name, one.mean - other.mean, error, "refined ELBO less the encoder's", bound=bound)

    def _tails(self) -> list[Diagnostic]:
        names, k = ("Pareto k, median", "Pareto k > 0.7"), self.sampled.encoder_k
        if k is None:
            reason = 'arviz-stats is missing: pip install "arviz-stats>=0.8"'
            return [missing(name, reason, unit="") for name in names]
        middle = Diagnostic(
            names[0], float(np.median(k)), 0.0, "indicator", "of the encoder's weights; above 0.7 trust no IWAE", "", ""
        )  # fmt: skip
        share = float((k > HEAVY).mean())
        return [middle, Diagnostic(names[1], share, 0.0, "indicator", "share of the rows", "", "")]
