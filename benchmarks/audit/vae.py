"""A small VAE in the words of its users, and its correct kinds with a Gaussian posterior.

Shapes: x (B, D), posterior parameters (B, d), one code (B, d) or K of them (K, B, d). D = 7, d = 2 and K = 3, so that
none is taken for another. Decoders are affine: then each expected loss has a closed form or a quadrature on the line.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PIXELS, LATENTS, SAMPLES, HIDDEN = 7, 2, 3, 5
LOG_2PI = math.log(2 * math.pi)


class Vae(nn.Module):
    """What all models share: an encoder of two heads, noise, an affine decoder, a mean over the batch."""

    support = "real"
    """Of the data: "real", "binary", "unit" or "count"."""
    precision = torch.float64
    outputs = PIXELS
    variance = 0.25
    """Of the likelihood, where it is a number."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2 * LATENTS))
        self.decoder = nn.Linear(LATENTS, self.outputs)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, log_variance

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()

    def decode(self, z: Tensor) -> Tensor:
        output: Tensor = self.decoder(z)
        return output

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        raise NotImplementedError

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).mean()

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        z = self.sample(mean, log_variance)
        reconstruction = self.reconstruction(x, self.decode(z))
        return self.total(reconstruction, self.divergence(mean, log_variance, z))


class Gaussian(Vae):
    """Gaussian likelihood with variance 1/4 and its constant, closed-form KL, mean over the batch."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((x - output) ** 2 / self.variance + LOG_2PI + math.log(self.variance)).sum(-1)


class MonteCarlo(Gaussian):
    """Gaussian likelihood, KL from the same draw: log q(z) - log p(z)."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        log_q = -0.5 * ((z - mean) ** 2 / log_variance.exp() + log_variance + LOG_2PI).sum(-1)
        log_p = -0.5 * (z**2 + LOG_2PI).sum(-1)
        return log_q - log_p


class ImportanceWeighted(MonteCarlo):
    """Importance-weighted bound of 3 draws: minus the logarithm of the mean weight."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        noise = torch.randn((SAMPLES, *mean.shape), dtype=mean.dtype)
        return mean + noise * (0.5 * log_variance).exp()

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        log_weights = -(reconstruction + divergence)
        return -(log_weights.logsumexp(0) - math.log(SAMPLES)).mean()


class LearnedVariance(Vae):
    """Gaussian likelihood with one learned deviation for all pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.log_deviation = nn.Parameter(torch.tensor(-0.4))

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        squares = (x - output) ** 2 / (2 * self.log_deviation).exp()
        return 0.5 * squares.sum(-1) + PIXELS * (self.log_deviation + 0.5 * LOG_2PI)


class TwoHeads(Vae):
    """Gaussian likelihood whose decoder gives a mean and a log variance for each pixel."""

    outputs = 2 * PIXELS

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        centre, log_variance = output.chunk(2, dim=-1)
        return 0.5 * ((x - centre) ** 2 / log_variance.exp() + log_variance + LOG_2PI).sum(-1)


class Bernoulli(Vae):
    """Bernoulli likelihood of binary pixels by logits, closed-form KL, mean over the batch."""

    support = "binary"

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(output, x, reduction="none").sum(-1)


class Probabilities(Bernoulli):
    """Bernoulli likelihood of binary pixels by probabilities: the sigmoid stands at the decoder's end."""

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return functional.binary_cross_entropy(output, x, reduction="none").sum(-1)
