"""What a reported number can be: bounds and slips of them, as functions of the log weights of the same draws."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from elboproof.audit.detector import split
from elboproof.audit.likelihoods import Likelihood
from elboproof.audit.parameters import Parameter
from elboproof.audit.replay import Draws

Tensor = torch.Tensor


@dataclass(frozen=True)
class Density:
    """The density of x given the decoder's outputs: minus its logarithm is the terms times weights, and a constant."""

    likelihood: Likelihood
    weights: Mapping[str, float]
    constant: float


@dataclass(frozen=True)
class Logs:
    """Logarithms of densities, (B, K) each, and the KL of each datum, (B,)."""

    likelihood: Tensor
    prior: Tensor
    posterior: Tensor
    divergence: Tensor
    chunk: Tensor

    @property
    def weights(self) -> Tensor:
        """Return log p(x, z) - log q(z)."""
        return self.likelihood + self.prior - self.posterior


def logs(drawn: Draws, law: Density, parameter: Parameter) -> Logs:
    """Return the logarithms for a q that is N(mean, variance(s)) and the prior N(0, I)."""
    variance = parameter.variance(drawn.s)
    r2 = (drawn.z - drawn.mean) ** 2 / variance
    half = math.log(2 * math.pi) / 2
    closed = ((drawn.mean**2 + variance - 1 - variance.log()) / 2).sum(2)
    return Logs(
        _log_likelihood(drawn, law),
        (-(drawn.z**2) / 2 - half).sum(2),
        (-(r2 + variance.log()) / 2 - half).sum(2),
        closed.mean(1),
        drawn.chunk,
    )


def _log_likelihood(drawn: Draws, law: Density) -> Tensor:
    batch, samples = drawn.z.shape[:2]
    x = drawn.x[:, None].expand(-1, samples, -1).reshape(batch * samples, -1)
    outputs = split(tuple(one.reshape(batch * samples, -1) for one in drawn.outputs), x.shape[1])
    terms = law.likelihood.terms(outputs, x)
    total = torch.stack([weight * terms[name] for name, weight in law.weights.items()]).sum(0)
    return (-total - law.constant).reshape(batch, samples)


def _mean_exp(values: Tensor) -> Tensor:
    return torch.logsumexp(values, 1) - math.log(values.shape[1])


def _of_chunks(found: Logs) -> Tensor:
    """Return the mean over the decoder's calls of their bounds."""
    parts = []
    for name in sorted(set(found.chunk.reshape(-1).tolist())):
        inside = torch.where(found.chunk == name, found.weights, -torch.inf)
        parts.append(torch.logsumexp(inside, 1) - (found.chunk == name).sum(1).double().log())
    kept = torch.stack(parts)
    there = torch.isfinite(kept)
    return torch.where(there, kept, 0.0).sum(0) / there.sum(0)


@dataclass(frozen=True)
class Quantity:
    """A number of each datum, (B,).

    Attributes
    ----------
    bound : str
        "elbo" or "iwae"; empty for a slip.
    hint : str
        Of a slip: where to look.
    """

    name: str
    value: Callable[[Logs], Tensor]
    bound: str = ""
    hint: str = ""


QUANTITIES = (
    Quantity("the importance-weighted bound", lambda one: _mean_exp(one.weights), "iwae"),
    Quantity("the ELBO, drawn", lambda one: one.weights.mean(1), "elbo"),
    Quantity(
        "the ELBO with its KL in closed form", lambda one: one.likelihood.mean(1) - one.divergence, "elbo"
    ),
    Quantity(
        "the log of the sum of the weights, log K above the bound",
        lambda one: torch.logsumexp(one.weights, 1),
        hint="M43: log K",
    ),
    Quantity(
        "the mean of the bounds of chunks of samples, which is a bound of fewer",
        _of_chunks,
        hint="unknown: combine the weights of all chunks before the logarithm",
    ),
    Quantity(
        "the log of the mean likelihood of samples from q, without log p(z) - log q(z)",
        lambda one: _mean_exp(one.likelihood),
        hint="M46: log q(z) - log p(z) of each sample",
    ),
    Quantity(
        "the mean log likelihood, without a divergence",
        lambda one: one.likelihood.mean(1),
        hint="unknown: the KL does not reach the number",
    ),
    Quantity(
        "log p(x, z), without log q(z)",
        lambda one: (one.likelihood + one.prior).mean(1),
        hint="unknown: log q(z) does not reach the number",
    ),
    Quantity(
        "the log of the mean of p(x, z), without q(z)",
        lambda one: _mean_exp(one.likelihood + one.prior),
        hint="M46: log q(z) - log p(z) of each sample",
    ),
    Quantity(
        "the largest of the log weights", lambda one: one.weights.amax(1), hint="M47: which sample counts"
    ),
    Quantity(
        "minus the log of the mean of the inverse weights",
        lambda one: -_mean_exp(-one.weights),
        hint="M50: the sign inside the log of the mean exponential",
    ),
    Quantity(
        "the bound with a closed-form KL in the weights",
        lambda one: _mean_exp(one.likelihood) - one.divergence,
        hint="M46: log q(z) - log p(z) of each sample",
    ),
)
"""Bounds first."""
