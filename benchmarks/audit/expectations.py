"""Expectations under a model's posterior, read off its networks' weights: what the expected losses are made of."""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from benchmarks.audit.vae import LATENTS, Vae

Expected: TypeAlias = Callable[[Vae, Tensor], Tensor]
"""Of a model and x (B, D): the expected loss of each datum, (B,), in nats."""
NODES, PLANE_NODES = 80, 10
"""On the line; and on each axis of the plane."""


def rule(nodes: int) -> tuple[Tensor, Tensor]:
    """Return the nodes and weights of E g(t), t ~ N(0, 1)."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return torch.from_numpy(points), torch.from_numpy(weights / math.sqrt(2 * math.pi))


def posterior(model: Vae, x: Tensor, kind: str = "log variance") -> Normal:
    """Return q(z|x) by the encoder's two heads, the second of this kind."""
    mean, s = model.encoder(x).split(LATENTS, dim=-1)
    widths = {
        "log variance": lambda: (s / 2).exp(),
        "log deviation": s.exp,
        "softplus": lambda: functional.softplus(s),
        "one": lambda: torch.ones_like(s),
    }
    return Normal(mean, widths[kind]())


def on_the_line(model: Vae, q: Normal) -> Normal:
    """Return the law of each output, (B, D)."""
    weight, bias = affine(model)
    return Normal(q.mean @ weight.T + bias, (q.variance @ (weight**2).T).sqrt())


def entropy(q: Normal) -> Tensor:
    """Return that of q(z|x), (B,), in nats."""
    return (q.stddev.log() + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)


def divergence(q: Normal) -> Tensor:
    """Return KL(q || N(0, I)), (B,)."""
    return kl_divergence(q, Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))).sum(-1)


def expectation(log_p: Callable[[Tensor], Tensor], outputs: Normal) -> Tensor:
    """Return E sum_j -log p(x_j | output_j), (B,), for outputs that are Gaussian one by one."""
    points, weights = rule(NODES)
    at = outputs.mean + outputs.stddev * points[:, None, None]
    return -torch.einsum("n,nbd->b", weights, log_p(at))


def affine(model: Vae) -> tuple[Tensor, Tensor]:
    """Return the weight (W, d) and the bias (W,) of a decoder."""
    layer = model.decoder
    if not isinstance(layer, nn.Linear):
        raise TypeError(f"model: got a decoder {type(layer).__name__}; expected one affine layer")
    return layer.weight, layer.bias


def squares(model: Vae, x: Tensor, variance: Tensor | float, q: Normal) -> Tensor:
    """Return E -log N(x; W z + b, variance), (B,), in closed form."""
    outputs, v = on_the_line(model, q), torch.as_tensor(variance, dtype=x.dtype)
    second = (x - outputs.mean) ** 2 + outputs.variance
    return 0.5 * (second / v + torch.log(2 * math.pi * v)).sum(-1)


def plane(nodes: int = PLANE_NODES) -> tuple[Tensor, Tensor]:
    """Return the nodes (n, 2) and weights (n,) of E g(t), t ~ N(0, I), on the plane."""
    points, weights = rule(nodes)
    return torch.cartesian_prod(points, points), torch.outer(weights, weights).flatten()


def plain(log_p: Callable[[Vae, Tensor, Tensor], Tensor], kind: str = "log variance") -> Expected:
    """Return the negative ELBO for a density of (model, output, x)."""

    def expected(model: Vae, x: Tensor) -> Tensor:
        q = posterior(model, x, kind)
        return expectation(lambda out: log_p(model, out, x), on_the_line(model, q)) + divergence(q)

    return expected


def gaussian(variance: Callable[[Vae], Tensor | float], kind: str = "log variance") -> Expected:
    """Return the negative ELBO of a Gaussian likelihood."""

    def expected(model: Vae, x: Tensor) -> Tensor:
        q = posterior(model, x, kind)
        return squares(model, x, variance(model), q) + divergence(q)

    return expected


def on_the_plane(log_p: Callable[[Tensor, Tensor], Tensor]) -> Expected:
    """Return the negative ELBO for a density of (outputs, x), the outputs of a pixel moving together."""

    def expected(model: Vae, x: Tensor) -> Tensor:
        q, (weight, bias) = posterior(model, x), affine(model)
        points, weights = plane(30)
        outputs = (q.mean + q.stddev * points[:, None]) @ weight.T + bias
        return -weights @ log_p(outputs, x).sum(-1) + divergence(q)

    return expected
