"""Annealed importance sampling of log p(x), forwards and backwards: a sandwich where the data are simulated.

Forwards (Neal 2001): u_0 ~ q, log w = sum_t (b_t - b_(t-1)) W(u_(t-1)) with W = log p(x, z) - log q(z) and transitions
u_(t-1) -> u_t that leave p_(b_t) as it is; E[w] = p(x). Backwards from an exact draw of the posterior, along the same
chain reversed, E[1/w] = 1/p(x) (Grosse et al. 2015). An exact draw is known for simulated x: the z behind it.

For independent points E[prod w_n / p(x_n)] = 1, so that by Markov's inequality sum (log mean w_n - log p(x_n)) exceeds
log(1/a) with probability at most a, and so does the sum of the other sides. That interval assumes nothing of chains.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from elboproof.arguments import bad, require_count, wrong_type
from elboproof.networks.annealed_hmc import Path, State, schedule, transition, tuned_steps
from elboproof.networks.importance import log_mean
from elboproof.networks.yardstick import Estimate, checked_rows
from elboproof.networks.yardstick_model import Joint, double_rows, normal, require_joint
from elboproof.networks.yardstick_posteriors import Posteriors


@dataclass(frozen=True)
class AnnealedEvidence(Estimate):
    """log p(x) of each test point, in nats.

    Attributes
    ----------
    log_weights : Tensor (K, N)
        log w of each chain.
    acceptance : Tensor (N,)
        The mean acceptance of its transitions.
    """

    log_weights: torch.Tensor
    acceptance: torch.Tensor


@dataclass(frozen=True)
class Sandwich:
    """Two estimates of log p(x): ``lower`` is below in expectation and ``upper`` above."""

    lower: AnnealedEvidence
    upper: AnnealedEvidence

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return bounds of the mean log p(x) over the points that hold with this probability, mixed chains or not."""
        width = _markov(confidence) / len(self.lower.values)
        return self.lower.mean - width, self.upper.mean + width

    def intervals(self, confidence: float = 0.95) -> tuple[torch.Tensor, torch.Tensor]:
        """Return such bounds for each point by itself, (N,) each."""
        width = _markov(confidence)
        return self.lower.values - width, self.upper.values + width


def _markov(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise bad("confidence", confidence, "a number between 0 and 1")
    return math.log(2 / (1 - confidence))


@runtime_checkable
class _Sampler(Protocol):
    def sample(self, outputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor: ...


def simulated(
    model: Joint, count: int, latents: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return x (N, D) from the model itself and the z (N, d) that they were made from: exact draws of p(z|x).

    Parameters
    ----------
    model
        Its likelihood has ``sample(outputs, generator)``.
    count, latents
        N and d.
    generator
        Draws z and x.

    Returns
    -------
    x, z : Tensor
        (N, D) and (N, d), float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or the likelihood has no ``sample(outputs, generator)``.
    """
    require_joint(model)
    if not isinstance(model.log_likelihood, _Sampler):
        raise wrong_type("model", model.log_likelihood, "a likelihood with sample(outputs, generator)")
    z = normal(generator, require_count("count", count), require_count("latents", latents))
    with torch.no_grad():
        return model.log_likelihood.sample(model.outputs(z[None])[0], generator), z


def annealed_evidence(
    model: Joint,
    x: torch.Tensor,
    posteriors: Posteriors,
    *,
    chains: int = 16,
    temperatures: int = 100,
    leapfrogs: int = 4,
    generator: torch.Generator,
) -> AnnealedEvidence:
    """Return log p(x) of each test point by annealing from its q: below the truth in expectation.

    Parameters
    ----------
    model, x
        As `elbo_estimate`.
    posteriors
        Where the chains begin; those of `refined` are nearest. N(0, I) itself is a posterior like any other.
    chains
        K for each point, at least 2.
    temperatures, leapfrogs
        Transitions of each chain, and steps of each transition: each takes one gradient.
    generator
        Draws all noise.

    Returns
    -------
    AnnealedEvidence
        ``values`` (N,) in nats, their standard ``errors``, ``log_weights`` (K, N) and the ``acceptance`` of each point.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or a log likelihood is NaN.

    Notes
    -----
    log w = sum_t (b_t - b_(t-1)) (log p(x, z_(t-1)) - log q(z_(t-1))), E w = p(x) (Neal 2001).
    """
    run = _Run.prepared(model, x, posteriors, (chains, temperatures, leapfrogs), generator)
    return run.forwards()


def annealed_sandwich(
    model: Joint,
    x: torch.Tensor,
    z: torch.Tensor,
    posteriors: Posteriors,
    *,
    chains: int = 16,
    temperatures: int = 100,
    leapfrogs: int = 4,
    generator: torch.Generator,
) -> Sandwich:
    """Return log p(x) of simulated points from below and from above.

    Parameters
    ----------
    model, x
        As `annealed_evidence`.
    z
        (N, d): the latents that x were made from under the same model, by `simulated`. Of data that were not simulated
        nothing is known that could stand here, and the result would bound nothing.
    posteriors, chains, temperatures, leapfrogs, generator
        As `annealed_evidence`.

    Returns
    -------
    Sandwich
        ``lower`` and ``upper``, log p(x) in nats from either side, with ``interval()`` around their mean.

    Raises
    ------
    TypeError, ValueError
        As `annealed_evidence`.

    Notes
    -----
    Upper ends are the same chains from an exact draw of the posterior, backwards: E 1/w = 1/p(x) (Grosse et al. 2015).
    """
    run = _Run.prepared(model, x, posteriors, (chains, temperatures, leapfrogs), generator)
    exact = double_rows(z, "z", posteriors.latents, len(posteriors))
    return Sandwich(run.forwards(), run.backwards(exact))


@dataclass(frozen=True)
class _Run:
    """Chains of one size along one path, with steps (T, N) that were fixed before."""

    path: Path
    betas: list[float]
    steps: torch.Tensor
    chains: int
    leapfrogs: int
    generator: torch.Generator

    @classmethod
    def prepared(
        cls,
        model: Joint,
        x: torch.Tensor,
        posteriors: Posteriors,
        sizes: tuple[int, int, int],
        generator: torch.Generator,
    ) -> "_Run":
        data = checked_rows(model, x, posteriors)
        chains = require_count("chains", sizes[0], 2)
        betas = schedule(require_count("temperatures", sizes[1]))
        leapfrogs = require_count("leapfrogs", sizes[2])
        path = Path(model, data, posteriors)
        steps = tuned_steps(path, betas, chains, leapfrogs, generator)
        return cls(path, betas, steps, chains, leapfrogs, generator)

    def forwards(self) -> AnnealedEvidence:
        """Return log mean w; each weight is taken before the transition at its temperature."""
        state = self._begun(normal(self.generator, self.chains, *self.path.posteriors.means.shape))
        weights, chances = torch.zeros_like(state.target), []
        for t in range(1, len(self.betas)):
            weights = weights + (self.betas[t] - self.betas[t - 1]) * state.work()
            state, chance = self._transition(state, t)
            chances.append(chance.mean(0))
        return AnnealedEvidence(*log_mean(weights), weights, torch.stack(chances).mean(0))

    def backwards(self, z: torch.Tensor) -> AnnealedEvidence:
        """Return -log mean 1/w, from exact draws; each weight is taken after the transition at its temperature."""
        u = self.path.posteriors.whitened(z[None]).expand(self.chains, -1, -1)
        state = self._begun(u)
        weights, chances = torch.zeros_like(state.target), []
        for t in range(len(self.betas) - 1, 0, -1):
            state, chance = self._transition(state, t)
            weights = weights + (self.betas[t] - self.betas[t - 1]) * state.work()
            chances.append(chance.mean(0))
        values, errors = log_mean(-weights)
        return AnnealedEvidence(-values, errors, weights, torch.stack(chances).mean(0))

    def _begun(self, u: torch.Tensor) -> State:
        state = State.at(self.path, u)
        if bool(state.target.isnan().any()):
            row = int(state.target.isnan().any(0).nonzero()[0])
            raise ValueError(f"decode: got NaN in the log likelihood of x[{row}]; expected finite outputs")
        return state

    def _transition(self, state: State, t: int) -> tuple[State, torch.Tensor]:
        return transition(self.path, state, self.betas[t], self.steps[t - 1], self.leapfrogs, self.generator)
