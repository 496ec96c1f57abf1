"""S12: the Gaussian experiment trained by the library's weights, against exact evidence and the closed ELBO."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, all_of, at_least, at_most, control, equal

from .._shared.kept import kept
from . import claim
from .fields import Tensor
from .gaussian import cooling, trace
from .hypotheses import positive_precision, tempered
from .one_temperature import best, paper_shifts, paper_sigmas

Array = NDArray[np.float64]
RATE, SAMPLES, FINAL = 5e-2, 32, 20_000


@dataclass(frozen=True)
class Data:
    """What the likelihood knows of N data: their number, means (d,) and mean squares about these (d,)."""

    count: int
    mean: Array
    variance: Array

    def log_joint(self, shift: Tensor, s: Tensor, z: Tensor) -> Tensor:
        """Return log N(z; 0, I) + sum_i log N(x_i; z + Delta, diag(s)), over the last axis."""
        import torch

        fit = torch.tensor(self.variance) + (torch.tensor(self.mean) - z - shift) ** 2
        likelihood = -self.count / 2 * (torch.log(2 * torch.pi * s) + fit / s)
        return (likelihood - z**2 / 2 - np.log(2 * np.pi) / 2).sum(-1)

    def log_evidence(self, shift: Array, s: Array) -> float:
        """Return log p(data) of the parameters, exactly."""
        n, off = self.count, (self.mean - shift) ** 2
        logs = n * np.log(2 * np.pi) + (n - 1) * np.log(s) + np.log(s + n)
        return float(-(logs + n * self.variance / s + n * off / (s + n)).sum() / 2)


def drawn(count: int, d: int, seed: int) -> Data:
    """Return N data of one z ~ N(0, I), the paper's Delta and sigma: by the law of their mean and variance."""
    rng = np.random.default_rng(seed)
    variances = paper_sigmas(d) ** 2
    mean = rng.standard_normal(d) + paper_shifts(d) + rng.standard_normal(d) * np.sqrt(variances / count)
    return Data(count, mean, variances * rng.chisquare(count - 1, d) / count)


@dataclass(frozen=True)
class Trained:
    """What was fitted: Delta, s and step sizes (d,), T_0, and the weights of fresh samples."""

    data: Data
    shift: Array
    s: Array
    step: Array
    temperature: float
    log_weights: Array


@kept
def trained(count: int, d: int, steps: int, updates: int, seed: int) -> Trained:
    """Return the parameters after Adam on the library's mean log weight, its rate falling like a cosine."""
    import torch

    data, generator = drawn(count, d, seed), torch.Generator().manual_seed(seed)
    start = [np.zeros(d), np.log(2 * data.variance), np.log(data.variance / count) / 2, np.array([-2.0])]
    leaf = torch.tensor(np.concatenate(start), requires_grad=True)
    optimiser = torch.optim.Adam([leaf], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    for _ in range(updates):
        optimiser.zero_grad()
        (-_log_weights(data, leaf, steps, SAMPLES, generator).mean()).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        weights = _log_weights(data, leaf, steps, FINAL, generator).numpy()
    shift, log_s, log_step, logit = np.split(leaf.detach().numpy(), [d, 2 * d, 3 * d])
    temperature = float((1 + np.exp(-logit[0])) ** 0.5)
    return Trained(data, shift, np.exp(log_s), np.exp(log_step), temperature, weights)


def _log_weights(data: Data, leaf: Tensor, steps: int, samples: int, generator: Any) -> Tensor:
    import torch

    from elboproof import objectives

    d = len(data.mean)
    shift, log_s, log_step, logit = leaf.split([d, d, d, 1])
    zero = torch.zeros(1, d, dtype=torch.float64)
    log_w, _, _ = objectives.hvae_elbo(
        lambda z, _: data.log_joint(shift, log_s.exp(), z), zero, zero, zero,
        steps=steps, step_size=log_step.exp(), inverse_temperature=torch.sigmoid(logit).expand(d),
        samples=samples, generator=generator,
    )  # fmt: skip
    return log_w[:, 0]


def closed_gap(found: Trained, steps: int) -> float:
    """Return the gap at fitted parameters in closed form."""
    n = found.data.count
    precision = 1 + n / found.s
    mean = n * (found.data.mean - found.shift) / (found.s * precision)
    V = precision * (1 + mean**2)
    h = found.step * np.sqrt(precision)
    M = trace(h, cooling(found.temperature, steps), V, found.temperature**2)
    return float((M - 2 - np.log(precision)).sum() / 2)


def estimate(found: Trained) -> float:
    """Return the logarithm of the mean weight of fresh samples."""
    return float(np.logaddexp.reduce(found.log_weights) - np.log(len(found.log_weights)))


def elbo(found: Trained, steps: int) -> float:
    """Return the exact ELBO at fitted parameters."""
    return found.data.log_evidence(found.shift, found.s) - closed_gap(found, steps)


def judged(
    run: Run, found: Trained, close: float, inflated: float, more: float, shift: float
) -> dict[str, Verdict]:
    """Return what is decided of one training run with K = 1: sigma, Delta and the ELBO."""
    run.assume(positive_precision, *(1 / found.s).tolist())
    run.assume(tempered, found.temperature**-2)
    data, least = found.data, int(np.argmin(found.s))
    excess, highest = best(data.count, data.variance)
    ratio = float(np.sqrt(found.s[least] / data.variance[least]))
    gap = closed_gap(found, 1)
    return {
        "sigma": equal(ratio, 1 + inflated * excess[least], close),
        "Delta": equal(found.shift, data.mean + shift, 0.05),
        "ELBO": at_most(highest + more * gap - elbo(found, 1), gap / 100),
    }


SMALL = (1000, 1, 1, 600)
"""N, d, K and the number of updates."""


@claim.check(
    statement="S12",
    role="confirms",
    method="experiment",
    relation="=",
    states=(
        "trained by elboproof.objectives.hvae_elbo, the fitted sigma is that of the closed ELBO within 0.3 % (1.6 "
        "% above "
        "the evidence's), Delta the data's mean within .05, the exact ELBO at the fitted parameters the highest "
        "but for 1 % "
        "of the gap, and the log mean weight of 20,000 samples is within .15 nats of the exact log evidence"
    ),
    domain=f"the paper's experiment with N = 1,000, d = 1, K = 1; one data set, {SMALL[3]:,} updates of Adam",
    hypotheses=(positive_precision, tempered),
    controls=(
        control("the evidence's own sigma", refutes="sigma", inflated=0.0),
        control("1.3 times the excess", refutes="sigma", inflated=1.3),
        control("an ELBO that is higher by 2 % of the gap", refutes="ELBO", more=0.02),
        control("another Delta, by .1", refutes="Delta", shift=0.1),
        control("evidence without 1/2 log 2 pi of the prior", refutes="log mean weight", constant=0.5),
    ),
    time_limit=120,
)
def a_small_experiment(
    run: Run, *, inflated: float = 1.0, more: float = 0.0, shift: float = 0.0, constant: float = 0.0
) -> Verdict:
    """One coordinate: the closed ELBO's best sigma by Newton's method for these data."""
    found = trained(*SMALL, run.integer_seed)
    exact = found.data.log_evidence(found.shift, found.s) + constant * np.log(2 * np.pi)
    parts = judged(run, found, 0.003, inflated, more, shift)
    return all_of(parts | {"log mean weight": equal(estimate(found), exact, 0.15)}).weakened("experiment")


LARGE = (10_000, 5, 1, 4000)


@claim.check(
    statement="S12",
    role="limits",
    method="experiment",
    relation="=",
    states=(
        "with one temperature for five coordinates training finds the least sigma about 10 % too large, as the "
        "closed "
        "ELBO does within 0.5 %, Delta within .05 of the data's mean and the highest ELBO but for 1 % of the gap, "
        "which is "
        "more than 2,000 nats; the log mean weight of 20,000 samples is more than 10 nats below the log evidence"
    ),
    domain=f"the paper's experiment with N = 10,000, d = 5, K = 1; one data set, {LARGE[3]:,} updates of Adam",
    hypotheses=(positive_precision, tempered),
    controls=(
        control("half the excess, of a temperature for each", refutes="sigma", inflated=0.5),
        control("an ELBO that is higher by 2 % of the gap", refutes="ELBO", more=0.02),
        control("another Delta, by .1", refutes="Delta", shift=0.1),
        control("more than 200 nats below", refutes="log mean weight", below=200.0),
        control("a gap above 2,400 nats", refutes="gap", least=2400.0),
    ),
    tier="full",
    time_limit=180,
)
def the_whole_experiment(
    run: Run, *, inflated: float = 1.0, more: float = 0.0, shift: float = 0.0, below: float = 10.0,
    least: float = 2000.0,
) -> Verdict:  # fmt: skip
    """The paper's sizes."""
    found = trained(*LARGE, run.integer_seed)
    exact = found.data.log_evidence(found.shift, found.s)
    parts = judged(run, found, 0.005, inflated, more, shift)
    parts["log mean weight"] = at_most(estimate(found), exact - below)
    parts["gap"] = at_least(closed_gap(found, 1), least)
    return all_of(parts).weakened("experiment")
