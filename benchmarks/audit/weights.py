"""Bugs of several draws and of units, M43-M52: each changes one method."""

import math

from torch import Tensor

from benchmarks.audit.entries import mutant
from benchmarks.audit.vae import SAMPLES, Gaussian, ImportanceWeighted
from benchmarks.audit.vae_others import Flow


@mutant("M43", "samples", source="github.com/YosefLab/scVI-dev/issues/8", claim="-iwae")
class CountLost(ImportanceWeighted):
    """The weights are summed and not averaged: log K is lost, and the number exceeds the bound by it."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return -(-(reconstruction + divergence)).logsumexp(0).mean()


@mutant(
    "M44", "samples formula", "declared", source="github.com/arahuja/generative-tf/issues/1", claim="-iwae"
)
class MeanOfLogarithms(ImportanceWeighted):
    """The mean of the logarithms in place of the logarithm of the mean: the plain bound under another name."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).mean()


@mutant("M45", "samples", claim="-iwae")
class WeightsOverBatch(ImportanceWeighted):
    """The weights are averaged over the data and not over the draws."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        log_weights = -(reconstruction + divergence)
        return -(log_weights.logsumexp(1) - math.log(log_weights.shape[1])).mean()


@mutant("M46", "samples", source="github.com/AntixK/PyTorch-VAE/pull/53", claim="-iwae", log_variance=1.5)
class ClosedFormInWeights(ImportanceWeighted):
    """The weights hold the closed-form KL in place of the two log densities at the draw."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)


@mutant("M47", "samples", claim="-iwae")
class BestDraw(ImportanceWeighted):
    """The largest weight in place of their mean."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).amin(0).mean()


@mutant("M48", "samples", claim="-iwae")
class WorstDrawFirst(ImportanceWeighted):
    """The losses are averaged with softmax(+loss): the worst draw gets the largest weight."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        losses = reconstruction + divergence
        return (losses.softmax(0) * losses).sum(0).mean()


@mutant("M49", "samples", "named", claim="-iwae")
class SurrogateAsValue(ImportanceWeighted):
    """The surrogate whose gradient is that of the bound is reported as the bound itself."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        losses = reconstruction + divergence
        return ((-losses).softmax(0).detach() * losses).sum(0).mean()


@mutant("M50", "samples", source="github.com/phlippe/CategoricalNF/issues/2", claim="-iwae")
class SignInsideExponent(ImportanceWeighted):
    """The logarithm of the mean exponential is taken of the losses and not of their negatives."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        losses = reconstruction + divergence
        return (losses.logsumexp(0) - math.log(SAMPLES)).mean()


@mutant("M51", "formula", "named")
class BitsForOneTerm(Gaussian):
    """The KL is in bits, where the reconstruction is in nats."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence / math.log(2)).mean()


@mutant("M52", "formula evidence", source="github.com/wohlert/semi-supervised-pytorch/issues/21")
class LogDeterminantOfBatch(Flow):
    """The log determinants of all data are taken off each datum's log density."""

    def log_posterior(self, log_base: Tensor, log_det: Tensor) -> Tensor:
        return log_base - log_det.sum()
