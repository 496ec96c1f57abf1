"""Hamiltonian Monte Carlo along the path from a Gaussian q to a posterior, batched over test points.

In whitened coordinates, z = m + F u, the path runs from N(0, I) to the posterior of u,

    log p_b(u) = (1 - b) log N(u; 0, I) + b [log p(x, m + F u) + log det F],

and its normalising constant from 1 to p(x). A transition draws a momentum, takes leapfrog steps and accepts or rejects:
p_b is invariant whatever the step, as long as the step does not depend on the chain (Neal 2011).
"""

import math
from dataclasses import dataclass

import torch

from elboproof.networks.yardstick_model import LOG_TWO_PI, Joint, normal
from elboproof.networks.yardstick_posteriors import Posteriors

ACCEPTANCE = 0.75
"""What steps are tuned to: between 0.65 and 0.9 the cost of an independent draw hardly changes (Beskos et al. 2013)."""
GAIN = 0.5
"""Of the tuning: how far the log of a step moves for an acceptance of 0 or 1."""
FIRST_STEP = 0.5
"""In whitened units, before tuning."""


@dataclass(frozen=True)
class Path:
    """The densities between N(0, I) and the posterior in whitened coordinates, for each of N test points."""

    model: Joint
    x: torch.Tensor
    posteriors: Posteriors

    def target(self, u: torch.Tensor) -> torch.Tensor:
        """Return log p(x, m + F u) + log det F, (K, N)."""
        return self.model.log_joint(self.x, self.posteriors.at(u)) + self.posteriors.log_determinants()

    def with_slope(self, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `target` (K, N) and its gradient (K, N, d)."""
        free = u.detach().requires_grad_(True)
        with torch.enable_grad():
            value = self.target(free)
            (slope,) = torch.autograd.grad(value.sum(), free)
        return value.detach(), slope


@dataclass(frozen=True)
class State:
    """Chains: places u (K, N, d), with the target and its gradient there."""

    u: torch.Tensor
    target: torch.Tensor
    slope: torch.Tensor

    @classmethod
    def at(cls, path: Path, u: torch.Tensor) -> "State":
        """Return the chains that stand at u."""
        return cls(u, *path.with_slope(u))

    def base(self) -> torch.Tensor:
        """Return log N(u; 0, I), (K, N)."""
        return -0.5 * ((self.u**2).sum(-1) + self.u.shape[-1] * LOG_TWO_PI)

    def work(self) -> torch.Tensor:
        """Return target - base, (K, N): the derivative of log p_b in b."""
        return self.target - self.base()

    def log_density(self, b: float) -> torch.Tensor:
        """Return log p_b, unnormalised, (K, N)."""
        return (1 - b) * self.base() + b * self.target

    def force(self, b: float) -> torch.Tensor:
        """Return the gradient of log p_b, (K, N, d)."""
        return b * self.slope - (1 - b) * self.u


def transition(
    path: Path, state: State, b: float, step: torch.Tensor, leapfrogs: int, generator: torch.Generator
) -> tuple[State, torch.Tensor]:
    """Return the chains after one transition that leaves p_b as it is, and their acceptances, (K, N).

    Parameters
    ----------
    step
        (N,), one for each test point; the same for all its chains.
    """
    momentum = normal(generator, *state.u.shape)
    uniform = torch.rand(state.target.shape, generator=generator, dtype=torch.float64)
    width = step[:, None]
    moved, turned = state, momentum
    for _ in range(leapfrogs):
        turned = turned + 0.5 * width * moved.force(b)
        moved = State.at(path, moved.u + width * turned)
        turned = turned + 0.5 * width * moved.force(b)
    change = moved.log_density(b) - state.log_density(b) + 0.5 * ((momentum**2).sum(-1) - (turned**2).sum(-1))
    # a trajectory that left the numbers gives NaN, which is not accepted: its target is 0 there
    chance = change.nan_to_num(nan=-math.inf, posinf=-math.inf).clamp_max(0).exp()
    taken = uniform < chance
    return _chosen(taken, moved, state), chance


def _chosen(taken: torch.Tensor, moved: State, state: State) -> State:
    each = taken[..., None]
    return State(
        torch.where(each, moved.u, state.u),
        torch.where(taken, moved.target, state.target),
        torch.where(each, moved.slope, state.slope),
    )


def schedule(temperatures: int) -> list[float]:
    """Return 0 = b_0 < ... < b_T = 1, denser at both ends (Wu et al. 2017)."""
    sigmoid = [1 / (1 + math.exp(-4 * (2 * t / temperatures - 1))) for t in range(temperatures + 1)]
    first, last = sigmoid[0], sigmoid[-1]
    return [(one - first) / (last - first) for one in sigmoid]


def tuned_steps(
    path: Path, betas: list[float], chains: int, leapfrogs: int, generator: torch.Generator
) -> torch.Tensor:
    """Return a step for each temperature and test point, (T, N), from chains of their own that are thrown away.

    They see x alone, never an exact draw of the posterior: the steps are fixed before a chain that counts begins.
    """
    n, d = path.posteriors.means.shape
    logs = torch.full((n,), math.log(FIRST_STEP), dtype=torch.float64)
    state = State.at(path, normal(generator, chains, n, d))
    steps = []
    for b in betas[1:]:
        state, chance = transition(path, state, b, logs.exp(), leapfrogs, generator)
        logs = logs + GAIN * (chance.mean(0) - ACCEPTANCE)
        steps.append(logs.exp())
    return torch.stack(steps)
