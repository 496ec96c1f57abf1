"""Three losses that are no bound, on purpose: each changes one method of a correct model."""

from torch import Tensor

from benchmarks.audit.entries import mutant
from benchmarks.audit.vae import Gaussian


@mutant("odd-1", "formula", "named")
class RootOfSquares(Gaussian):
    """The root of the squared errors and not their sum: the norm of the residual."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).sum(-1).sqrt()


@mutant("odd-2", "formula", "named")
class Capacity(Gaussian):
    """The distance of the KL from a capacity of 2 nats, ten times over."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + 10 * (divergence - 2).abs()).mean()


@mutant("odd-3", "formula", "named")
class AggregateInPlaceOfPosterior(Gaussian):
    """The KL of a Gaussian fitted to the batch of codes, in place of the mean KL of the posteriors."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        second = (z**2).mean(0)
        variance = second - z.mean(0) ** 2
        return 0.5 * (second - 1 - variance.log()).sum()
