"""S7: log p(x) - ELBO of a half-output network, in parts that are proved image by image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, at_least, at_most, by_hand, control
from elboproof.networks import GaussianLikelihood, Joint, Posteriors

from .._shared.kept import kept
from . import claim
from .hypotheses import smooth_networks
from .protocol import splits, trained
from .quadrature import elbo, log_evidence
from .scores import posteriors_of, prior_of
from .yardstick import PLANE

VARIANT = "bilbo-baggins"
if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW, MANY = 3, 50
DIGITS = 3
SECONDS = 600.0
"""For one image, of which 7 are used on a quiet core."""
PARTS = ("approximation", "constant variance", "amortisation")
CLOSE = 1e-5
"""Nats by which quadrature may lie beyond the proved bounds of the sum: ten times what its rules may differ by."""


@kept
def decomposed(images: int, seconds: float = SECONDS) -> ep.Decomposition:
    """Return the parts of the first test images under the network's own prior and variance."""
    network, data = trained(PLANE, VARIANT, 0), splits(PLANE, 0)
    x = data.test[:images]
    means, logs = network.encode(x)
    posteriors = [ep.GaussianPosterior(m, np.exp(s)) for m, s in zip(means, logs, strict=True)]
    shared = np.eye(PLANE.latents)
    return ep.decompose(network.latent_model(), x, posteriors, digits=DIGITS, shared=shared, seconds=seconds)


def parts_of(found: ep.Decomposition) -> dict[str, Any]:
    """Return the three parts as enclosures (N,), those that need the shared covariance included."""
    if found.constant_variance is None:
        raise ValueError("found: got no shared covariance; expected the decomposition of a constant one")
    return dict(zip(PARTS, (found.approximation, found.constant_variance, found.amortisation), strict=True))


@kept
def gaps_by_quadrature(images: int, widened: float = 1.0) -> "NDArray[Any]":
    """Return log p(x) - ELBO of each image by two rules of quadrature: another route to the parts' sum.

    ``widened`` multiplies the posteriors' standard deviations; other than 1 only in a control.
    """
    import torch

    network, data = trained(PLANE, VARIANT, 0), splits(PLANE, 0)
    prior = prior_of(network, data, "as trained")
    joint = Joint(prior.decoder(network.decoder), GaussianLikelihood(network.variance))
    x = torch.from_numpy(data.test[:images])
    q = prior.posteriors(posteriors_of(network, data.test[:images]))
    q = Posteriors(q.means, widened * q.factors)
    found: NDArray[Any] = (log_evidence(joint, x, network.variance) - elbo(joint, x, q)).numpy()
    return found


def _greater(first: ep.Enclosure, second: ep.Enclosure) -> Verdict:
    """Decide that the first number is greater."""
    status = "undecided"
    if first.lower > second.upper:
        status = "established"
    elif first.upper <= second.lower:
        status = "refuted"
    return by_hand("experiment", status, f"{first:.4f} > {second:.4f}", str(first), str(second))


@dataclass(frozen=True)
class Told:
    """What is stated of the parts: which add up, their order from the smallest on, what the smallest exceeds.

    ``share`` is that of the images for which all is proved, in ``seconds`` for each; ``widened`` multiplies the
    standard deviations of the posteriors whose gap the parts are to add up to.
    """

    summed: tuple[str, ...] = PARTS
    order: tuple[str, ...] = PARTS
    least: float = 0.0
    share: float = 0.9
    seconds: float = SECONDS
    widened: float = 1.0


FAMILY, CONSTANT, ENCODER = PARTS
TRUE = Told()


def _decide(run: Run, images: int, told: Told) -> Verdict:
    run.assume(smooth_networks, PLANE.activation)
    found = decomposed(images, told.seconds)
    proved = np.array([not status for status in found.statuses])
    if not proved.any():
        return all_of({"proved rows": at_least(0.0, told.share)}).weakened("experiment")
    means = {name: part[proved].mean() for name, part in parts_of(found).items()}
    smallest, second, largest = (means[name] for name in told.order)
    total = sum((means[name] for name in told.summed), ep.Enclosure(0.0, 0.0))
    by_rules = float(gaps_by_quadrature(images, told.widened)[proved].mean())
    parts = {
        "proved rows": at_least(float(proved.mean()), told.share),
        "sum": at_most(abs(float(total.midpoint) - by_rules), float(total.width) / 2 + CLOSE),
        "smallest is positive": _greater(smallest, ep.Enclosure(told.least, told.least)),
        "second is greater": _greater(second, smallest),
        "largest is greater": _greater(largest, second),
    }
    data = {name: part.midpoint for name, part in parts_of(found).items()}
    data |= {f"{name}, half width": part.width / 2 for name, part in parts_of(found).items()}
    return all_of(parts).weakened("experiment").with_data(**data)


STATES = (
    "log p(x) - ELBO = approximation (log p(x) - best own Gaussian, at most) + constant variance (that - best mean "
    "under the one covariance) + amortisation (that - encoder, at least); on average over the images for which all is "
    "proved, nine of ten at least, 0 < approximation < constant variance < amortisation, and the sum of the proved "
    "parts is log p(x) less the ELBO by quadrature, within the proved bounds"
)
CONTROLS = (
    control("without the constant variance", refutes="sum", told=Told(summed=(FAMILY, ENCODER))),
    control("without the approximation", refutes="sum", told=Told(summed=(CONSTANT, ENCODER))),
    control("posteriors 10 % wider", refutes="sum", told=Told(widened=1.1)),
    control("the smaller two exchanged", refutes="second*", told=Told(order=(CONSTANT, FAMILY, ENCODER))),
    control("the larger two exchanged", refutes="largest*", told=Told(order=(FAMILY, ENCODER, CONSTANT))),
    control("an approximation above half a nat", refutes="smallest*", told=Told(least=0.5)),
    control("no time for proofs", refutes="proved rows", told=Told(seconds=1e-3)),
)


@claim.check(
    statement="S7",
    role="sharpens",
    method="experiment",
    relation="=",
    states=STATES,
    domain=f"{PLANE.words}; the first {FEW} test images; half-output network under its own prior and variance",
    hypotheses=(smooth_networks,),
    controls=CONTROLS,
    time_limit=1200,
)
def the_gap_in_three_parts(run: Run, *, told: Told = TRUE) -> Verdict:
    """Most of the gap is the encoder's, not the constant variance's."""
    return _decide(run, FEW, told)


@claim.check(
    statement="S7",
    role="sharpens",
    method="experiment",
    relation="=",
    states=STATES,
    domain=f"{PLANE.words}; the first {MANY} test images; half-output network under its own prior and variance",
    hypotheses=(smooth_networks,),
    controls=CONTROLS,
    tier="full",
    time_limit=5400,
)
def the_gap_of_many_images_in_three_parts(run: Run, *, told: Told = TRUE) -> Verdict:
    """The same for as many images as an hour allows."""
    return _decide(run, MANY, told)
