"""Models of another q, or of several samples along several axes."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from tests.audit.small import LOG_2PI, Drawn, Small, Weighted


class LaplaceCode(Small):
    """A Laplace q, whose drawn KL is that of a Laplace law."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return torch.distributions.Laplace(mean, s.exp()).rsample()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return ((z**2 + LOG_2PI) / 2 - s - math.log(2) - (z - mean).abs() / s.exp()).sum(-1)


class GumbelCode(Small):
    """A Gumbel q, whose drawn KL is that of a Gumbel law."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean - s.exp() * torch.rand_like(mean).log().neg().log()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        r = (z - mean) / s.exp()
        return ((z**2 + LOG_2PI) / 2 - s - r - (-r).exp()).sum(-1)


class NeverBelowOne(Small):
    """A variance that is never below that of the prior."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (1 + s.exp()).sqrt()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        variance = 1 + s.exp()
        return (mean**2 + variance - 1 - variance.log()).sum(-1) / 2


class NeverBelowOneSoft(NeverBelowOne):
    """A deviation of 1 + softplus(s): its slope in s is that of the softplus alone, and it is no flow behind it."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (1 + functional.softplus(s))

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        deviation = 1 + functional.softplus(s)
        return (mean**2 + deviation**2 - 1 - 2 * deviation.log()).sum(-1) / 2


class TwoAxes(Drawn):
    """Importance weights over the second of two axes of samples."""

    axis = 1

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn((3, 4, *mean.shape), dtype=mean.dtype) * (s / 2).exp()

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (math.log((3, 4)[self.axis]) - (-fit - rate).logsumexp(self.axis)).mean()


class FirstAxis(TwoAxes):
    """Importance weights over the first axis."""

    axis = 0


class OtherCount(TwoAxes):
    """The number of samples of the other axis: another constant."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (math.log(3) - (-fit - rate).logsumexp(1)).mean()


class BoundOfEach(Weighted):
    """The importance-weighted bound, one value a datum."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return math.log(4) - (-fit - rate).logsumexp(0)


class MeanOfEach(Weighted):
    """The mean over the samples, one value a datum."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (fit + rate).mean(0)
