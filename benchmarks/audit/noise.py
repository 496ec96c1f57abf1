"""Bugs of the draw, M01-M12: each changes `sample` alone."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from benchmarks.audit.entries import mutant
from benchmarks.audit.vae import Gaussian


@mutant("M01", "formula noise", source="github.com/rachtsingh/ibp_vae/issues/3", log_variance=1.5)
class VarianceForDeviation(Gaussian):
    """The variance exp(s) scales the noise, where the KL takes s for the log variance."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * log_variance.exp()


@mutant("M02", "noise", source="github.com/toshikwa/slac.pytorch/issues/5")
class UniformNoise(Gaussian):
    """The noise is uniform on (0, 1): rand for randn."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.rand_like(mean) * (0.5 * log_variance).exp()


@mutant("M03", "noise", kind="law", source="github.com/thu-ml/zhusuan/pull/75")
class NoiseSharedByData(Gaussian):
    """All data of a batch share one draw of the noise."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean[:1]) * (0.5 * log_variance).exp()


@mutant("M04", "noise", log_variance=1.5)
class NoiseSharedByLatents(Gaussian):
    """All latents of a datum share one draw of the noise."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean[:, :1]) * (0.5 * log_variance).exp()


@mutant("M05", "gradient", kind="gradient", source="github.com/ethanluoyc/pytorch-vae/issues/5")
class DeviationDetached(Gaussian):
    """No gradient passes through the deviation that scales the noise."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp().detach()


@mutant("M06", "noise")
class NoiseKept(Gaussian):
    """The noise is drawn once and used again in every call, by a generator of fixed seed."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        return mean + noise * (0.5 * log_variance).exp()


@mutant("M07", "noise")
class NoNoise(Gaussian):
    """No noise at all: the decoder gets the mean, where the KL prices a posterior of positive width."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean


@mutant("M08", "noise", source="github.com/keras-team/keras/pull/4211")
class NoiseScaled(Gaussian):
    """The noise has deviation 1/100, where the KL takes it for a standard one."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + 0.01 * torch.randn_like(mean) * (0.5 * log_variance).exp()


@mutant("M09", "noise", source="github.com/twairball/keras_lstm_vae/issues/1")
class ConstantForNoise(Gaussian):
    """The deviation of the noise stands where its draw should: always one deviation above the mean."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + 1.0 * (0.5 * log_variance).exp()


@mutant("M10", "gradient", kind="gradient")
class DrawDetached(Gaussian):
    """The whole draw is cut from the graph: sample for rsample."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        law: Any = Normal(mean, (0.5 * log_variance).exp())
        draw: Tensor = law.sample()
        return draw


@mutant("M11", "noise state")
class SeedSetInside(Gaussian):
    """The global seed is set in each call, so that all batches and steps get the same noise."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        torch.manual_seed(0)
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


@mutant("M12", "mode", mode="eval", source="github.com/pytorch/examples/pull/419")
class MeanInEvaluation(Gaussian):
    """In evaluation mode the decoder gets the mean: what validation reports is no estimate of the bound."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        width = (0.5 * log_variance).exp() if self.training else torch.zeros_like(mean)
        return mean + torch.randn_like(mean) * width
