"""p(x) of the bench's own decoder under z ~ N(0, I): a Gauss-Hermite rule, or many quasi-random points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from elboproof.audit.bench import Bench
from elboproof.audit.calls import Call, Design, Tensor
from elboproof.audit.detector import split
from elboproof.audit.likelihoods import Likelihood
from elboproof.audit.ranges import in_range

NODES = {1: 120, 2: 48, 3: 24}
"""For each latent; the outputs are smooth and move little."""
POINTS = 2**14


def nodes(latents: int) -> tuple[Tensor, Tensor]:
    """Return points (n, d) and weights (n,) of N(0, I)."""
    if latents in NODES:
        line, weights = np.polynomial.hermite_e.hermegauss(NODES[latents])
        grid = np.stack(np.meshgrid(*[line] * latents, indexing="ij"), -1).reshape(-1, latents)
        product = np.stack(np.meshgrid(*[weights / weights.sum()] * latents, indexing="ij"), -1)
        return torch.from_numpy(grid), torch.from_numpy(product.reshape(-1, latents).prod(1))
    engine: Any = torch.quasirandom.SobolEngine
    points = engine(latents, scramble=True, seed=0).draw(POINTS, dtype=torch.float64)
    return torch.special.ndtri(points.clamp(1e-12, 1 - 1e-12)), torch.full(
        (POINTS,), 1 / POINTS, dtype=torch.float64
    )


def log_evidence(bench: Bench, call: Call, law: Likelihood, weights: Mapping[str, float]) -> Tensor:
    """Return log of the integral of exp(-likelihood terms) under N(0, I) for each datum, (B,); one sample a datum."""
    shares = nodes(bench.shapes.latents)[1]
    return torch.logsumexp(shares.log() + log_likelihoods(bench, call, law, weights), 1)


def log_likelihoods(bench: Bench, call: Call, law: Likelihood, weights: Mapping[str, float]) -> Tensor:
    """Return minus the likelihood's terms of each datum at each of `nodes`, (B, n)."""
    design, points = call.design, nodes(bench.shapes.latents)[0]
    fixed = fixed_parts(bench, design, call)
    x = design.x.reshape(call.batch, -1)
    found = []
    for b in range(call.batch):
        outputs = tuple(
            in_range(part[b] + points @ slope.detach().T, name)
            for part, slope, name in zip(fixed, design.slopes, bench.shapes.ranges, strict=True)
        )
        terms = law.terms(split(outputs, x.shape[1]), x[b].expand(len(points), -1))
        found.append(-torch.stack([weights[name] * terms[name] for name in weights]).sum(0))
    return torch.stack(found)


def fixed_parts(bench: Bench, design: Design, call: Call) -> list[Tensor]:
    """Return what the bench drew for each output of its one call, (B, W)."""
    generator = torch.Generator().manual_seed(design.seed)
    return [
        torch.randn(call.batch, one.shape[-1], generator=generator, dtype=bench.dtype) for one in call.outputs
    ]
