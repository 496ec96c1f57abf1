"""Bugs of the KL term, M13-M27: each changes one method, most of them `divergence`."""

import torch
from torch import Tensor

from benchmarks.audit.entries import mutant
from benchmarks.audit.vae import LOG_2PI, PIXELS, Gaussian, MonteCarlo

MOST_LOG_VARIANCE = 5.0


@mutant("M13", "formula", source="github.com/SupaeroDataScience/deep-learning/pull/6")
class HalfForgotten(Gaussian):
    """The 1/2 stands before the logarithm alone, not before mean^2 + variance."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return (mean**2 + log_variance.exp() - 0.5 - 0.5 * log_variance).sum(-1)


@mutant("M14", "formula", source="github.com/graviraja/pytorch-sample-codes/issues/6")
class SignOfDivergence(Gaussian):
    """The KL has the wrong sign: it is rewarded."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(-1)


@mutant("M15", "formula noise", source="github.com/KarenUllrich/Tutorial_BayesianCompressionForDL/issues/1")
class DivergenceOfLogDeviation(Gaussian):
    """The KL takes s for the log deviation, where the draw takes it for the log variance."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + (2 * log_variance).exp() - 1 - 2 * log_variance).sum(-1)


@mutant("M16", "formula", "named", source="github.com/maxhodak/keras-molecules/issues/59")
class MeanOverLatents(Gaussian):
    """The KL is averaged over the latents, where the pixels are summed."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(-1)


@mutant("M17", "formula", "named", source="github.com/pytorch/examples/issues/290")
class DividedByPixels(Gaussian):
    """The KL is divided by the number of pixels, where the pixels are summed."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1) / PIXELS


@mutant("M18", "formula")
class LogarithmLost(Gaussian):
    """The KL lacks its log variance."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1).sum(-1)


@mutant("M19", "formula")
class VarianceLost(Gaussian):
    """The KL lacks its variance."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 - 1 - log_variance).sum(-1)


@mutant("M20", "formula")
class MeanNotSquared(Gaussian):
    """The KL takes the mean for its square."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean + log_variance.exp() - 1 - log_variance).sum(-1)


@mutant("M21", "formula")
class Reversed(Gaussian):
    """The KL runs the other way: from the prior to the posterior."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * ((1 + mean**2) / log_variance.exp() - 1 + log_variance).sum(-1)


@mutant("M22", "extremes", source="github.com/vanderschaarlab/synthcity/issues/331", log_variance=8.0)
class Clamped(Gaussian):
    """The log variance is clamped to [-10, 5] for the draw, but not in the KL."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (0.5 * log_variance.clamp(-10.0, MOST_LOG_VARIANCE)).exp()


@mutant("M23", "formula", source="github.com/orybkin/sigma-vae-pytorch/pull/12")
class SumOverBatch(Gaussian):
    """The KL is summed over the batch, where the reconstruction is averaged."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return reconstruction.mean() + divergence.sum()


@mutant("M24", "formula")
class NormaliserLost(MonteCarlo):
    """The log density of the posterior lacks its -s/2."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        log_q = -0.5 * ((z - mean) ** 2 / log_variance.exp() + LOG_2PI).sum(-1)
        return log_q + 0.5 * (z**2 + LOG_2PI).sum(-1)


@mutant("M25", "formula")
class PriorAtTheMean(MonteCarlo):
    """The prior's log density is taken at the posterior's mean and not at the draw."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        log_q = -0.5 * ((z - mean) ** 2 / log_variance.exp() + log_variance + LOG_2PI).sum(-1)
        return log_q + 0.5 * (mean**2 + LOG_2PI).sum(-1)


@mutant("M26", "gradient", kind="gradient")
class DivergenceDetached(Gaussian):
    """The KL is cut from the graph: printed, and not trained on."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence.detach()).mean()


@mutant("M27", "gradient", kind="gradient")
class PathOfPosteriorLost(MonteCarlo):
    """The posterior's log density is taken at the detached draw, so that its path through the noise is lost."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        at = z.detach()
        log_q = -0.5 * ((at - mean) ** 2 / log_variance.exp() + log_variance + LOG_2PI).sum(-1)
        return log_q + 0.5 * (z**2 + LOG_2PI).sum(-1)
