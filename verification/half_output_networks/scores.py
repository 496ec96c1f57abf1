"""The one yardstick: a variant's decoder under the best Gaussian prior and one best variance, on test images.

Of every variant alike: the prior is the Gaussian with the moments of the aggregate posterior of the TRAINING split;
the likelihood is isotropic with the variance that is best on the VALIDATION split; scores are of the TEST split. Where
a comparison says so the likelihood has a variance for each pixel instead: constants, or the decoder's own.
Numbers are nats per image for images in units of their own scale (x / c), so that the unit of the pixels is no matter.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elboproof.networks import (
    GaussianLikelihood,
    HeteroscedasticLikelihood,
    Joint,
    Posteriors,
    Splits,
    Trained,
    elbo_estimate,
    fitted_variance,
    importance_evidence,
    refined,
    refitted_prior,
)
from elboproof.networks.variants import FLOOR

from .._shared.kept import kept
from .protocol import Protocol, splits, trained

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

DRAWS = 32
"""Of z for each test image: a standard error of about 0.03 nats of the mean over images."""
REFINING, PAIRS, LEARNING_RATE = 150, 4, 0.1
IMPORTANCE, STRETCH = 400, 1.1
TRUSTED = 0.7
"""Pareto's k above which an importance estimate is not to be trusted (Vehtari et al. 2024)."""
PRIORS = ("refitted", "as trained", "N(0, I)")
LIKELIHOODS = ("one variance", "a constant for each pixel", "the decoder's own")


@dataclass(frozen=True)
class Yardstick:
    """How a network is scored; other than by default only in controls.

    Attributes
    ----------
    prior : str
        One of `PRIORS`.
    fit : str
        The split on which the likelihood's variance is fitted.
    power : float
        The score uses variance ** power: 1/2 takes the standard deviation for it.
    likelihood : str
        One of `LIKELIHOODS`. Constants are not below the floor of decoders that give variances; "the decoder's own"
        is one variance for decoders that give means only, and a factor of the others' variances.
    """

    prior: str = "refitted"
    fit: str = "validation"
    power: float = 1.0
    likelihood: str = "one variance"


FAIR = Yardstick()


@dataclass(frozen=True)
class Scored:
    """A network as it is judged: its joint density, and its posteriors of the test images, in whitened latents.

    Attributes
    ----------
    joint : Joint
    posteriors : Posteriors
    x : Tensor (N, D)
        The test split.
    units : float
        D log c, to be added to a log density of x.
    variance : float or Tensor
        Of the likelihood; one for each pixel, (D,), or the factor of the decoder's own where that is asked.
    """

    joint: Joint
    posteriors: Posteriors
    x: "torch.Tensor"
    units: float
    variance: "float | torch.Tensor"


def posteriors_of(network: Trained, x: "NDArray[Any]") -> Posteriors:
    """Return the encoder's q(z|x)."""
    import torch

    means, logs = network.encode(x)
    return Posteriors.diagonal(torch.from_numpy(means), torch.from_numpy(logs))


def prior_of(network: Trained, data: Splits, kind: str = "refitted") -> Any:
    """Return the prior under which a network is scored."""
    import torch

    from elboproof.networks.yardstick_prior import AffinePrior

    means, logs = (torch.from_numpy(part) for part in network.encode(data.train))
    if kind == "refitted":
        return refitted_prior(means, logs)
    own = torch.from_numpy(network.prior_variance) if kind == "as trained" else torch.ones(means.shape[1])
    return AffinePrior(torch.zeros_like(means[0]), torch.diag(own.double().sqrt()))


def judged(network: Trained, data: Splits, yardstick: Yardstick = FAIR) -> Scored:
    """Return a network with its prior and its likelihood's variance."""
    import torch

    prior = prior_of(network, data, yardstick.prior)
    own = yardstick.likelihood == "the decoder's own" and network.settings.variant.per_pixel
    decode = prior.decoder(network.heads if own else network.decoder)
    law = HeteroscedasticLikelihood if own else GaussianLikelihood
    part = getattr(data, yardstick.fit)
    posteriors = prior.posteriors(posteriors_of(network, part))
    variance = _fitted(network, Joint(decode, law(1.0)), torch.from_numpy(part), posteriors, yardstick)
    units = data.test.shape[1] * math.log(network.constants.scale)
    test = prior.posteriors(posteriors_of(network, data.test))
    return Scored(Joint(decode, law(variance)), test, torch.from_numpy(data.test), units, variance)


def _fitted(
    network: Trained, joint: Joint, x: "torch.Tensor", posteriors: Posteriors, yardstick: Yardstick
) -> "float | torch.Tensor":
    """Return what a yardstick fits, to the power that it asks for."""
    import torch

    def fitted(**how: Any) -> torch.Tensor:
        generator = torch.Generator().manual_seed(network.settings.seed)
        return fitted_variance(joint, x, posteriors, **how, generator=generator)

    one = float(fitted())
    if yardstick.likelihood != "a constant for each pixel":
        return float(one**yardstick.power)
    floor = FLOOR * network.constants.scale**2 / one
    return fitted(per_pixel=True, floor=floor) ** yardstick.power


@kept
def amortised(protocol: Protocol, variant: str, seed: int, yardstick: Yardstick = FAIR) -> "torch.Tensor":
    """Return the ELBO of each test image with the encoder's own posteriors, (N,) nats."""
    import torch

    one = judged(trained(protocol, variant, seed), splits(protocol, seed), yardstick)
    generator = torch.Generator().manual_seed(1000 + seed)
    return (
        elbo_estimate(one.joint, one.x, one.posteriors, draws=DRAWS, generator=generator).values + one.units
    )


@dataclass(frozen=True)
class Refined:
    """Scores of the first test images after their posteriors were optimised one by one, (N,) nats each.

    Attributes
    ----------
    elbo, evidence : Tensor
        The ELBO, and log p(x) by importance sampling from there.
    untrusted : float
        The share of images with Pareto's k above 0.7.
    """

    elbo: "torch.Tensor"
    evidence: "torch.Tensor"
    untrusted: float


@kept
def refinement(protocol: Protocol, variant: str, seed: int, yardstick: Yardstick = FAIR) -> Refined:
    """Return the refined scores of a network."""
    one = judged(trained(protocol, variant, seed), splits(protocol, seed), yardstick)
    return refined_scores(one, protocol.points, 2000 + seed)


def refined_scores(one: Scored, points: int, seed: int) -> Refined:
    """Return the refined ELBO and the evidence of the first test images."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    x, start = one.x[:points], one.posteriors.rows(0, points)
    best = refined(
        one.joint, x, start, steps=REFINING, draws=PAIRS, learning_rate=LEARNING_RATE, generator=generator
    )
    elbo = elbo_estimate(one.joint, x, best, draws=2 * DRAWS, generator=generator)
    evidence = importance_evidence(one.joint, x, best, draws=IMPORTANCE, stretch=STRETCH, generator=generator)
    untrusted = float((evidence.pareto_k() > TRUSTED).double().mean())
    return Refined(elbo.values + one.units, evidence.values + one.units, untrusted)


def means(
    protocol: Protocol, variant: str, score: str = "amortised", yardstick: Yardstick = FAIR
) -> "torch.Tensor":
    """Return the mean score of each seed, (S,) nats per image: "amortised", "refined" or "evidence"."""
    import torch

    if score == "amortised":
        found = [amortised(protocol, variant, seed, yardstick) for seed in protocol.seeds]
    else:
        field = {"refined": "elbo", "evidence": "evidence"}[score]
        found = [getattr(refinement(protocol, variant, seed, yardstick), field) for seed in protocol.seeds]
    return torch.stack([one.mean() for one in found])
