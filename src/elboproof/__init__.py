"""elboproof decides what is claimed about variational auto-encoders, with proofs where proofs are possible.

The complete public API is the table below. Names are imported when they are first used, so that
``import elboproof`` and ``elboproof --help`` answer at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elboproof.decoder.optimal import OptimalDecoder as OptimalDecoder
    from elboproof.evidence.log_evidence import log_evidence as log_evidence
    from elboproof.expansion.gap_law import gap_law as gap_law
    from elboproof.expectations.expectation import expectation as expectation
    from elboproof.model.gaussian_posterior import GaussianPosterior as GaussianPosterior
    from elboproof.model.latent_model import LatentModel as LatentModel
    from elboproof.model.likelihood import Bernoulli as Bernoulli
    from elboproof.model.likelihood import Gaussian as Gaussian
    from elboproof.numbers.enclosure import Enclosure as Enclosure
    from elboproof.numbers.undecided import Undecided as Undecided
    from elboproof.posterior.elbo import elbo as elbo
    from elboproof.posterior.gap import gap as gap
    from elboproof.posterior.shared import shared_stationary_posterior as shared_stationary_posterior
    from elboproof.posterior.stationary import StationaryPoint as StationaryPoint
    from elboproof.posterior.stationary import stationary_posterior as stationary_posterior
    from elboproof.posterior.stationary import stationary_posteriors as stationary_posteriors
    from elboproof.rechecking.document import CertificateError as CertificateError
    from elboproof.rechecking.recheck import recheck as recheck
    from elboproof.statements import Elbo as Elbo
    from elboproof.statements import Gap as Gap
    from elboproof.statements import LogEvidence as LogEvidence
    from elboproof.theorems.prove import for_all as for_all
    from elboproof.theorems.results import Counterexample as Counterexample
    from elboproof.theorems.results import Proof as Proof
    from elboproof.theorems.results import Unproved as Unproved

__version__ = "0.1.0"

_HOME = {
    # the model
    "LatentModel": "elboproof.model.latent_model",  # p(x, z), written once, evaluated in every number system
    "Gaussian": "elboproof.model.likelihood",  # p(x|z) = N(f(z), C); scalar, diagonal or full covariance
    "Bernoulli": "elboproof.model.likelihood",  # p(x|z) of binary data; the decoder gives logits
    # its evidence
    "log_evidence": "elboproof.evidence.log_evidence",  # log p(x), proved
    "Enclosure": "elboproof.numbers.enclosure",  # proved bounds of a number
    "Undecided": "elboproof.numbers.undecided",  # raised where a proof was not reached; carries the best bounds
    # Gaussian posteriors
    "GaussianPosterior": "elboproof.model.gaussian_posterior",  # q(z) = N(m, S), exact
    "expectation": "elboproof.expectations.expectation",  # E_q[g] of any expression, proved
    "elbo": "elboproof.posterior.elbo",  # the ELBO at a Gaussian q, proved
    "stationary_posterior": "elboproof.posterior.stationary",  # the best Gaussian q, proved to exist in a box
    "stationary_posteriors": "elboproof.posterior.stationary",  # all that are found
    "shared_stationary_posterior": "elboproof.posterior.shared",  # of several x with one covariance
    "StationaryPoint": "elboproof.posterior.stationary",
    "gap": "elboproof.posterior.gap",  # log p(x) - ELBO at the best stationary q found, proved
    "gap_law": "elboproof.expansion.gap_law",  # how it falls with the likelihood's variance, symbolic
    # statements about all parameters of a box
    "for_all": "elboproof.theorems.prove",
    "Gap": "elboproof.statements",  # what statements are about: log p(x) - best ELBO
    "LogEvidence": "elboproof.statements",
    "Elbo": "elboproof.statements",
    "Proof": "elboproof.theorems.results",  # what for_all answers, with a certificate
    "Counterexample": "elboproof.theorems.results",
    "Unproved": "elboproof.theorems.results",
    "recheck": "elboproof.rechecking.recheck",  # check a certificate by other means
    "CertificateError": "elboproof.rechecking.document",
    # the optimal decoder
    "OptimalDecoder": "elboproof.decoder.optimal",  # the closed-form decoder of a Gaussian VAE
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'elboproof' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
