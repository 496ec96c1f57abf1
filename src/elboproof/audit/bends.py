"""A divergence that enters a loss bent at a threshold: which function, of the KL of what."""

from dataclasses import dataclass

import torch

from elboproof.audit.calls import Call
from elboproof.audit.divergences import flat, residuals, variance_of
from elboproof.audit.parameters import Parameter

Tensor = torch.Tensor
LEVELS = {
    "datum": "the KL of each datum",
    "latents": "the KL of each latent of each datum",
    "batch": "the mean KL of the batch",
    "latents of the batch": "the mean over the batch of each latent's KL",
    "sum": "the KL summed over the batch",
    "latents of the sum": "the sum over the batch of each latent's KL",
}
"""What is compared with the threshold."""
SHAPES = ("at least", "at most", "distance", "square")
"""max(R, t), min(R, t), |R - t| and (R - t)^2."""


@dataclass(frozen=True)
class Bend:
    """One of `SHAPES`, of the KL of one of `LEVELS`, with a threshold in nats, or one for each latent."""

    shape: str
    level: str
    threshold: float | tuple[float, ...]

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Return the thresholds, one where they do not differ."""
        return self.threshold if isinstance(self.threshold, tuple) else (self.threshold,)

    @property
    def of_latents(self) -> bool:
        """Return whether each latent is compared with the threshold, and not their sum."""
        return self.level.startswith("latents")

    @property
    def of_sum(self) -> bool:
        """Return whether a sum over the batch is compared with the threshold."""
        return self.level.endswith("sum")


def levelled(kl: Tensor, level: str) -> Tensor:
    """Return of KLs (B, d) what is compared with a threshold, (B, 1) or (B, d): of a batch the same in all rows."""
    parts = kl if level.startswith("latents") else kl.sum(1, keepdim=True)
    if level in ("datum", "latents"):
        return parts
    whole = parts.sum(0, keepdim=True) if level.endswith("sum") else parts.mean(0, keepdim=True)
    return whole.expand(len(kl), -1)


def each_kl(call: Call, parameter: Parameter, kind: str) -> Tensor:
    """Return KL(q | N(0, I)) of each datum and latent, (B, d), in closed form or as drawn, a mean over the samples."""
    variance = variance_of(call, parameter)
    if kind == "closed form":
        return (flat(call.design.mean) ** 2 + variance - 1 - variance.log()) / 2
    r = residuals(call, parameter)
    return ((call.z**2 - r**2).mean(1) - variance.log()) / 2


def bent(r: Tensor, shape: str, thresholds: tuple[float, ...]) -> Tensor:
    """Return the function of a shape of (B, d), with one threshold or with one for each latent."""
    threshold = torch.tensor(thresholds, dtype=r.dtype)
    if shape == "at least":
        return r.maximum(threshold)
    if shape == "at most":
        return r.minimum(threshold)
    return (r - threshold).abs() if shape == "distance" else (r - threshold) ** 2


def bent_divergence(call: Call, parameter: Parameter, kind: str, bend: Bend) -> Tensor:
    """Return what a bent divergence adds for each datum, (B,)."""
    return bent(levelled(each_kl(call, parameter, kind), bend.level), bend.shape, bend.thresholds).sum(1)
