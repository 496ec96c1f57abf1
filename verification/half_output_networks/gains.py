"""S8: what a better decoder and a better prior would give to the same encoder."""

from typing import Any

import numpy as np

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, equal

from .._shared.kept import kept
from . import claim
from .hypotheses import smooth_networks
from .protocol import splits, trained
from .scores import posteriors_of, prior_of
from .yardstick import PLANE

VARIANT = "bilbo-baggins"
PER_IMAGE = 96
"""Draws of z for each of 1197 images."""
CLOSE = 0.04
"""Nats, of two estimates from the same draws, whose difference has a standard error of 0.015. The gain is 3.5 nats."""
EXACT = 1e-9


@kept
def decoders(variant: str) -> tuple[float, float]:
    """Return the ELBO's gain by the optimal decoder: as 1/2 E |f - f*|^2 / v, and as the difference of two ELBOs."""
    network, data = trained(PLANE, variant, 0), splits(PLANE, 0)
    means, logs = network.encode(data.train)
    best = ep.OptimalDecoder(means, data.train, np.exp(logs)[..., None] * np.eye(PLANE.latents))
    rng = np.random.default_rng(8)
    distance = difference = 0.0
    for _ in range(PER_IMAGE):
        z = means + np.exp(logs / 2) * rng.standard_normal(means.shape)
        own, optimal = network.decode(z), best(z)
        squares = ((data.train - own) ** 2).sum(1) - ((data.train - optimal) ** 2).sum(1)
        distance += float(((own - optimal) ** 2).sum(1).mean()) / PER_IMAGE
        difference += float(squares.mean()) / PER_IMAGE
    return distance / network.variance, difference / network.variance


@kept
def priors(variant: str, whole: bool) -> tuple[float, float]:
    """Return the gain by the best Gaussian prior: KL(q(z)||p) - KL(q(z)||best), and as a difference of mean rates."""
    network, data = trained(PLANE, variant, 0), splits(PLANE, 0)
    q = posteriors_of(network, data.train)
    rates = {}
    for kind in ("as trained", "refitted"):
        prior = prior_of(network, data, kind)
        rates[kind] = float(prior.posteriors(q).divergences().mean())
    return _closed(network, q, whole), rates["as trained"] - rates["refitted"]


def _closed(network: Any, q: Any, whole: bool) -> float:
    """Return E log N(z; best) - E log N(z; 0, V) from the moments of q(z)."""
    means = q.means.numpy()
    within = (q.factors @ q.factors.mT).mean(0).numpy()
    covariance = np.cov(means.T, bias=True) + within
    own = network.prior_variance
    second = np.diag(covariance) + means.mean(0) ** 2
    best = covariance if whole else np.diag(np.diag(covariance))
    trace = np.trace(np.linalg.solve(best, covariance))
    return float((np.log(own).sum() - np.linalg.slogdet(best)[1] + (second / own).sum() - trace) / 2)


@claim.check(
    statement="S8",
    role="sharpens",
    method="experiment",
    relation="=",
    states=(
        "with the encoder frozen the closed-form decoder f* adds 1/2 E |f - f*|^2 / sigma^2 nats to the ELBO of the "
        "training images, and the best Gaussian prior adds KL(q(z)||p) - KL(q(z)||best), as two mean rates differ"
    ),
    domain=f"{PLANE.words}; all 1197 training images, {PER_IMAGE} draws each; the half-output network",
    hypotheses=(smooth_networks,),
    controls=(
        control("without the 1/2", refutes="decoder", half=1.0),
        control("2 % more distance", refutes="decoder", half=0.51),
        control("the best prior without correlations", refutes="prior", whole=False),
    ),
    time_limit=400,
)
def decoder_and_prior_gains(run: Run, *, half: float = 0.5, whole: bool = True) -> Verdict:
    """Gains of the ELBO, not parts of log p(x) - ELBO: both change the model."""
    run.assume(smooth_networks, PLANE.activation)
    distance, difference = decoders(VARIANT)
    closed, rates = priors(VARIANT, whole)
    parts = {
        "decoder": equal(half * distance, difference / 2, CLOSE),
        "prior": equal(closed, rates, EXACT),
    }
    return all_of(parts).weakened("experiment").with_data(gains=[difference / 2, rates])
