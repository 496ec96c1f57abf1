"""log p(x) and the ELBO of a decoder of two latents by rules of quadrature: deterministic, and no code of the engine's.

log p(x): the trapezoidal rule on the whole plane, whose error falls exponentially for an analytic integrand that decays
(Trefethen and Weideman 2014, SIAM Review 56(3), section 5); all images share the decoder's outputs on the grid. The
ELBO: the product rule of Gauss and Hermite in the coordinates of q. Neither error is proved: a grid of twice the step,
and a rule of fewer nodes, must give the same number.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from elboproof.networks import Joint, Posteriors

if TYPE_CHECKING:
    import torch

REACH, STEP = 8.0, 1 / 128
"""Of the grid in whitened latents: beyond 8 is less than 3e-15 of the prior, and the posteriors are some 0.1 wide."""
NODES = 96
"""Of Gauss and Hermite, in each latent."""
AGREEMENT = 1e-6
"""Nats by which a rule and its coarser twin may differ."""


def log_evidence(joint: Joint, x: "torch.Tensor", variance: float, step: float = STEP) -> "torch.Tensor":
    """Return log p(x) of each row of x (N, D) under N(f(z), variance I) and N(z; 0, I), (N,) nats.

    Raises
    ------
    ArithmeticError
        If the grid of twice the step gives another number.
    """
    import torch

    axis = torch.arange(round(2 * REACH / step) + 1, dtype=torch.float64) * step - REACH
    rows = torch.stack([_row(joint, x, variance, first, axis) for first in axis])  # (G, 2, N)
    values = rows[:, 0].logsumexp(0) + 2 * math.log(step)
    coarse = rows[::2, 1].logsumexp(0) + 2 * math.log(2 * step)
    return _agreed(values, coarse, "log p(x)")


def _row(
    joint: Joint, x: "torch.Tensor", variance: float, first: "torch.Tensor", axis: "torch.Tensor"
) -> "torch.Tensor":
    """Return the log of the sum of p(x, z) over a line of the grid and over every other point of it, (2, N)."""
    import torch

    with torch.no_grad():
        outputs = joint.decode(torch.stack([first.expand_as(axis), axis], -1))  # (G, D)
        prior = -0.5 * (first**2 + axis**2) - math.log(2 * math.pi)
        # |x - f|^2 = |x|^2 - 2 x f + |f|^2 loses some 1e-14 of |x|^2, which is nothing here
        distance = (outputs**2).sum(1) - 2 * x @ outputs.T + (x**2).sum(1)[:, None]  # (N, G)
        constant = -0.5 * x.shape[1] * math.log(2 * math.pi * variance)
        energy = prior - 0.5 * distance / variance + constant
    return torch.stack([energy.logsumexp(1), energy[:, ::2].logsumexp(1)])


def elbo(joint: Joint, x: "torch.Tensor", q: Posteriors, nodes: int = NODES) -> "torch.Tensor":
    """Return the ELBO of each row under its own q, (N,) nats.

    Raises
    ------
    ArithmeticError
        If the rule of three quarters of the nodes gives another number.
    """
    return _agreed(_hermite(joint, x, q, nodes), _hermite(joint, x, q, nodes * 3 // 4), "the ELBO")


def _hermite(joint: Joint, x: "torch.Tensor", q: Posteriors, nodes: int) -> "torch.Tensor":
    import torch

    points, weights = (torch.from_numpy(part) for part in np.polynomial.hermite_e.hermegauss(nodes))
    u = torch.cartesian_prod(points, points)[:, None].expand(-1, len(x), -1)  # (K, N, 2)
    share = torch.cartesian_prod(weights, weights).prod(1) / (2 * math.pi)
    return share @ (joint.in_blocks(x, q.at(u)) - q.log_density(u))


def _agreed(values: "torch.Tensor", coarse: "torch.Tensor", what: str) -> "torch.Tensor":
    apart = float((values - coarse).abs().max())
    if not apart <= AGREEMENT:
        raise ArithmeticError(
            f"{what}: got {apart:.2g} nats between two rules; expected at most {AGREEMENT:g}"
        )
    return values
