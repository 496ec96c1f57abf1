"""What public code bases do, each loss written anew from the stated facts: its reductions, weights and constants.

The commits looked at and the numbers found there stand in `FOUND`; sizes here are those of `vae`, and the formulas in
D and d say both.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.audit.entries import convention
from benchmarks.audit.vae import (
    LATENTS,
    Gaussian,
    ImportanceWeighted,
    MonteCarlo,
    Probabilities,
    Vae,
)

WEIGHT = 0.00025
"""PyTorch-VAE's weight of the KL in training."""
COEFFICIENT = 0.1
"""lightning-bolts' coefficient of the KL."""


@convention("pytorch/examples", "EXACT", "bernoulli", summed=True)
class Examples(Probabilities):
    """Cross-entropy of probabilities and closed-form KL, both summed over the batch."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).sum()


@convention("pytorch/examples, grey", "UNNORMALISED", "bernoulli", summed=True)
class ExamplesOnGrey(Examples):
    """The same on grey pixels."""

    support = "unit"


class MeanSquares(Vae):
    """Mean squared error over pixels, weighted KL."""

    weight = WEIGHT

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).mean(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + self.weight * divergence).mean()


def _half_pixels(pixels: int, _: int) -> float:
    return pixels / 2


convention(
    "PyTorch-VAE VanillaVAE, training",
    "UP TO SCALE",
    "gaussian",
    scale=lambda _, __: WEIGHT,
    variance=lambda pixels, _: WEIGHT * pixels / 2,
    constant=False,
)(MeanSquares)


@convention(
    "PyTorch-VAE VanillaVAE, validation",
    "UP TO A CONSTANT",
    "gaussian",
    variance=_half_pixels,
    constant=False,
)
class MeanSquaresUnweighted(MeanSquares):
    """The same with weight 1: another variance, D/2, and so another objective."""

    weight = 1.0


@convention("PyTorch-VAE BetaVAE, type B", "CAPACITY")
class GrowingCapacity(MeanSquares):
    """The distance of the KL from a capacity that grows with each call.

    Early on the KL is above it but near the prior: elsewhere the loss is 1000 x 0.00025 times the negative ELBO of a
    variance, up to a constant.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        self.calls += 1
        capacity = min(25.0, 25.0 * self.calls / 1e5)
        return reconstruction.mean() + 1000 * WEIGHT * (divergence.mean() - capacity).abs()


@convention("PyTorch-VAE LogCoshVAE", "UNNORMALISED|NOT RECOGNISED")
class LogCosh(MeanSquares):
    """log cosh(100 r) / 100 of the residual, mean over pixels."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        sharp = 100 * (x - output)
        return (sharp + functional.softplus(-2 * sharp) - math.log(2)).mean(-1) / 100


@convention("PyTorch-VAE IWAE", "NOT AN ELBO")
class WorstFirst(ImportanceWeighted):
    """Closed-form KL in the weights, draws combined by softmax(+loss)."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).mean(-1)

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return WEIGHT * 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        losses = reconstruction + divergence
        return (losses.softmax(0) * losses).sum(0).mean()


@convention("pythae VAE, mse", "UP TO A CONSTANT", "gaussian", constant=False)
class HalfSquares(Gaussian):
    """Half the summed squares: variance 1, constant omitted."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((x - output) ** 2).sum(-1)


convention("pythae VAE, bce", "EXACT", "bernoulli")(Probabilities)


@convention("pythae IWAE", "GRADIENT SURROGATE")
class DetachedWeights(ImportanceWeighted):
    """Detached softmax weights on the losses: the gradient of the bound, with a value above it."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((x - output) ** 2).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        losses = reconstruction + divergence
        return ((-losses).softmax(0).detach() * losses).sum(0).mean()


def softly_clipped(log_deviation: float) -> float:
    """Return -6 + softplus(s + 6)."""
    return -6 + math.log1p(math.exp(log_deviation + 6))


class Sigma(Vae):
    """Gaussian likelihood of a softly clipped log deviation of 0, constant included, sums over the batch."""

    def __init__(self, log_deviation: float = 0.0) -> None:
        super().__init__()
        self.log_deviation = nn.Parameter(torch.tensor(log_deviation, dtype=torch.float64))

    def log_deviations(self, x: Tensor, output: Tensor) -> Tensor:
        return self.log_deviation

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        clipped = -6 + functional.softplus(self.log_deviations(x, output) + 6)
        return (0.5 * ((x - output) / clipped.exp()) ** 2 + clipped + 0.5 * math.log(2 * math.pi)).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).sum()


convention(
    "sigma-vae gaussian",
    "EXACT",
    "gaussian",
    variance=lambda _, __: math.exp(2 * softly_clipped(0.0)),
    summed=True,
)(Sigma)


@convention(
    "sigma-vae sigma",
    "EXACT",
    "gaussian",
    variance=lambda _, __: math.exp(2 * softly_clipped(-0.7)),
    summed=True,
)
class LearnedSigma(Sigma):
    """The same, learned, at -0.7."""

    def __init__(self) -> None:
        super().__init__(-0.7)


@convention("sigma-vae optimal", "EXACT|UP TO A CONSTANT|NOT RECOGNISED")
class OptimalSigma(Sigma):
    """The same with the deviation of the batch's residuals."""

    def log_deviations(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).mean().sqrt().log()


@convention("sigma-vae mse", "MIXED REDUCTION")
class MeanAndSum(Gaussian):
    """Squares averaged over batch and pixels, KL summed over the batch."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).mean()

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return reconstruction + divergence.sum()


@convention(
    "lightning-bolts VAE",
    "UP TO SCALE",
    "gaussian",
    scale=lambda _, latents: COEFFICIENT / latents,
    variance=lambda pixels, latents: COEFFICIENT * pixels / (2 * latents),
    constant=False,
)
class MeanOfEverything(MonteCarlo):
    """All terms averaged over their own elements, Monte Carlo KL."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).mean(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return reconstruction.mean() + COEFFICIENT * divergence.mean() / LATENTS


FOUND = {
    "PyTorch-VAE VanillaVAE, training": ("a6896b9", 12288, 1, 1.536, 13928.8),
    "PyTorch-VAE VanillaVAE, validation": ("a6896b9", 12288, 1, 6144.0, None),
    "pythae VAE, mse": ("6419e21", 30, 1, 1.0, 27.57),
    "sigma-vae gaussian": ("4748a3a", 1, 1, 1.00496, 0.0),
    "sigma-vae sigma": ("4748a3a", 1, 1, 0.249065, 0.0),
    "lightning-bolts VAE": ("34958a8", 3072, 6, 25.6, None),
    "disentangling-vae Gaussian": ("f045219", 1024, 1, 1 / 510, -2251.0),
    "disentangling-vae Laplace": ("f045219", 1, 1, 1 / 3, None),
    "1Konny Beta-VAE, gaussian": ("977a1ec", 1, 1, 2.0, None),
    "world-models": ("d6abd9c", 12288, 1, 0.5, 7033.0),
}
"""Of the public code itself: its commit, D and d (1 where they play no part), the variance and the nats found."""
