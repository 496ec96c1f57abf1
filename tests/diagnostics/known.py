"""Models of which everything is known by another way: linear Gaussians with exact posteriors, and three codes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from scipy.stats import multivariate_normal

from elboproof.diagnostics import Diagnostic, Diagnostics, Fitted, trained
from elboproof.networks import BernoulliLikelihood, GaussianLikelihood

VARIANCE = 0.3
N, D, LATENTS = 60, 4, 2
ERRORS = 4.5
"""Standard errors that an estimate may be off: 1e-5 of all seeds, and the seeds are fixed."""


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(weight: torch.Tensor, offset: torch.Tensor) -> torch.nn.Linear:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(offset)
    return layer


@cache
def weights() -> tuple[torch.Tensor, torch.Tensor]:
    """Return W with orthogonal columns, so that the exact posterior has a diagonal covariance, and an offset."""
    W = torch.tensor([[1.0, 0.5], [1.0, -0.5], [0.5, 1.0], [-0.5, 1.0]], dtype=torch.float64)
    return W, torch.tensor([0.2, -0.1, 0.0, 0.4], dtype=torch.float64)


@cache
def data() -> torch.Tensor:
    W, b = weights()
    g = generator(1)
    z = torch.randn(N, LATENTS, generator=g, dtype=torch.float64)
    return z @ W.T + b + math.sqrt(VARIANCE) * torch.randn(N, D, generator=g, dtype=torch.float64)


def posterior(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the exact means and variances of z given x."""
    W, b = weights()
    variances = 1 / (1 + (W**2).sum(0) / VARIANCE)
    return (x - b) @ W * variances / VARIANCE, variances.expand(len(x), -1)


def log_evidence(x: torch.Tensor) -> np.ndarray:
    W, b = weights()
    covariance = (W @ W.T + VARIANCE * torch.eye(D, dtype=torch.float64)).numpy()
    return np.asarray(multivariate_normal(b.numpy(), covariance).logpdf(x.numpy()))


def exact(*, narrowed: float = 1.0, **changes: Any) -> Fitted:
    """Return the linear Gaussian with its exact posterior, deviations narrowed."""
    means, variances = posterior(data())
    logs = variances.log() + 2 * math.log(narrowed)
    given = {"decode": linear(*weights()), "likelihood": GaussianLikelihood(VARIANCE), **changes}
    return Fitted(data(), means, logs, **given)


def scaled(fitted: Fitted, factor: float, shift: float = 0.0) -> Fitted:
    """Return the same model with every latent times a factor, and shifted."""
    decode = fitted.joint.decode
    return Fitted(
        fitted.x,
        fitted.means * factor + shift,
        fitted.log_variances + 2 * math.log(factor),
        lambda z: decode((z - shift) / factor),
        fitted.likelihood,
    )


@cache
def found() -> Diagnostics:
    return trained(exact(), rows=12, draws=64, simulated=3)


@cache
def narrow() -> Diagnostics:
    """The encoder's variances are a tenth of the posterior's."""
    return trained(exact(narrowed=math.sqrt(0.1)), rows=12, draws=64)


CODES = torch.tensor([[-1.0], [0.2], [1.5]], dtype=torch.float64)
CODE_VARIANCES = torch.tensor([[0.3], [0.2], [0.5]], dtype=torch.float64)
BITS = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
SLOPES = torch.tensor([[1.2], [-0.7]], dtype=torch.float64)
OFFSETS = torch.tensor([0.4, 0.3], dtype=torch.float64)


@cache
def three(family: str) -> Fitted:
    """Return a model of three data with one latent, whose aggregates are sums of three densities."""
    law = (
        BernoulliLikelihood()
        if family == "bernoulli"
        else GaussianLikelihood(torch.tensor([0.2, 0.5]).double())
    )
    return Fitted(BITS, CODES, CODE_VARIANCES.log(), linear(SLOPES, OFFSETS), law)


@cache
def of_three(family: str) -> Diagnostics:
    return trained(three(family), rows=2, draws=600)


@cache
def grid() -> tuple[torch.Tensor, torch.Tensor]:
    """Return points z (Q, 1), and the density of each code there times the step, (Q, 3)."""
    z = torch.linspace(-9, 10, 8001, dtype=torch.float64)[:, None]
    densities = (
        torch.exp(-((z - CODES.T) ** 2) / (2 * CODE_VARIANCES.T)) / (2 * math.pi * CODE_VARIANCES.T).sqrt()
    )
    return z, densities * (z[1, 0] - z[0, 0])


def near(one: Diagnostic, truth: float, most: float) -> None:
    assert one.kind == "estimate"
    assert 0 < one.error <= most
    assert abs(one.value - truth) <= ERRORS * one.error, (one, truth)


@contextmanager
def fresh() -> Iterator[None]:
    """Compute the shared diagnostics anew."""
    for cached in (found, narrow, of_three, three):
        cached.cache_clear()
    yield
