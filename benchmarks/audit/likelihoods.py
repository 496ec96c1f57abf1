"""Bugs of the likelihood, M28-M42, and those of flows and categories among them: each changes one method."""

import math

from torch import Tensor
from torch.distributions import Normal
from torch.nn import functional

from benchmarks.audit.entries import mutant
from benchmarks.audit.vae import LOG_2PI, PIXELS, Gaussian, LearnedVariance, Probabilities, TwoHeads, Vae
from benchmarks.audit.vae_others import Categorical, Flow
from elboproof.objectives.contract import log_density


@mutant("M28", "formula")
class SigmoidTwice(Probabilities):
    """The sigmoid is taken twice: the decoder ends in one, and the cross-entropy takes its output for logits."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(output, x, reduction="none").sum(-1)


@mutant("M29", "formula evidence", source="github.com/VincentStimper/normalizing-flows/issues/27")
class SignOfLogDeterminant(Flow):
    """The flow's log determinant has the wrong sign."""

    def log_posterior(self, log_base: Tensor, log_det: Tensor) -> Tensor:
        return log_base + log_det


@mutant("M30", "formula", "named", source="github.com/zdebruine/MMVAE/pull/19")
class MeanOverPixels(Gaussian):
    """The squared errors are averaged over the pixels, where the KL is summed over the latents."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).mean(-1)


@mutant("M31", "formula evidence", source="github.com/casperkaae/parmesan/pull/21")
class PriorAtTheBase(Flow):
    """The prior's log density is taken at the draw before the flow and not after it."""

    def log_prior(self, z: Tensor, base: Tensor) -> Tensor:
        return -0.5 * (base**2 + LOG_2PI).sum(-1)


@mutant("M32", "formula", "named", source="github.com/orybkin/sigma-vae-pytorch/issues/11")
class DividedByDeviation(LearnedVariance):
    """The squared error is divided by the deviation and not by its square."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        squares = (x - output) ** 2 / self.log_deviation.exp()
        return 0.5 * squares.sum(-1) + PIXELS * (self.log_deviation + 0.5 * LOG_2PI)


@mutant("M33", "formula", "named")
class LogDeviationLost(LearnedVariance):
    """The logarithm of the learned deviation is lost, so that the largest deviation is the best."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        squares = (x - output) ** 2 / (2 * self.log_deviation).exp()
        return 0.5 * squares.sum(-1) + PIXELS * 0.5 * LOG_2PI


@mutant("M34", "formula", "named")
class LogDeviationOnce(LearnedVariance):
    """The logarithm of the learned deviation counts once and not for each pixel."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        squares = (x - output) ** 2 / (2 * self.log_deviation).exp()
        return 0.5 * squares.sum(-1) + self.log_deviation + PIXELS * 0.5 * LOG_2PI


def _meant(_: Vae) -> float:
    return Gaussian.variance


@mutant("M35", "formula", "declared", variance=_meant)
class VarianceAsScale(Gaussian):
    """The variance is handed to Normal as its scale: a valid bound with another deviation than the one meant."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return -log_density(Normal(output, self.variance), x).sum(-1)


@mutant("M36", "formula", source="github.com/y0ast/VAE-Torch/pull/5")
class HalfOfLogVariance(TwoHeads):
    """The log variance of a pixel counts twice over: its 1/2 is forgotten, that of the square is not."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        centre, log_variance = output.chunk(2, dim=-1)
        return (0.5 * (x - centre) ** 2 / log_variance.exp() + log_variance + 0.5 * LOG_2PI).sum(-1)


def _learned(model: Vae) -> float:
    """Return the variance that a model with a learned log deviation means."""
    parameters = dict(model.named_parameters())
    return math.exp(2 * float(parameters["log_deviation"].detach()))


@mutant("M37", "formula", "declared", variance=_learned, source="github.com/rail-berkeley/rlkit/issues/165")
class LogDeviationAsLogVariance(LearnedVariance):
    """The log deviation is used as a log variance throughout: a valid bound with another deviation."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        squares = (x - output) ** 2 / self.log_deviation.exp()
        return 0.5 * (squares + self.log_deviation + LOG_2PI).sum(-1)


@mutant("M38", "formula", "named")
class ConstantOnce(Gaussian):
    """The constant 1/2 log 2 pi v counts once and not for each pixel."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((x - output) ** 2 / self.variance).sum(-1) + 0.5 * (LOG_2PI + math.log(self.variance))


@mutant("M39", "formula", source="github.com/tensorflow/models/issues/2243")
class ReconstructionOfBatch(Gaussian):
    """The squared errors are summed over the whole batch before the mean with the KL of each datum is taken."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((x - output) ** 2 / self.variance + LOG_2PI + math.log(self.variance)).sum()


@mutant("M40", "formula", "named")
class OtherTarget(Gaussian):
    """The output is compared with 2 x - 1, where the encoder sees x: data scaled for one of the two."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((2 * x - 1 - output) ** 2 / self.variance + LOG_2PI + math.log(self.variance)).sum(-1)


@mutant("M41", "formula", "named")
class UniformPriorLost(Categorical):
    """The KL to a uniform prior over categories lacks the logarithm of their number."""

    def category_divergence(self, q: Tensor, log_q: Tensor) -> Tensor:
        return (q * log_q).sum(-1)


@mutant("M42", "formula")
class Broadcast(Gaussian):
    """The sum of a (B, 1) and a (B,) is a (B, B), and the sum over it is B times too large."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction[:, None] + divergence).sum()
