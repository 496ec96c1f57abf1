"""elboproof decides what is claimed about variational auto-encoders, with proofs where proofs are possible.

The complete public API is the table below. Names are imported when they are first used, so that
``import elboproof`` and ``elboproof --help`` answer at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elboproof.decoder.optimal import OptimalDecoder as OptimalDecoder
    from elboproof.evidence.log_evidence import Undecided as Undecided
    from elboproof.evidence.log_evidence import log_evidence as log_evidence
    from elboproof.model.latent_model import LatentModel as LatentModel
    from elboproof.model.likelihood import Bernoulli as Bernoulli
    from elboproof.model.likelihood import Gaussian as Gaussian
    from elboproof.numbers.enclosure import Enclosure as Enclosure
    from elboproof.posterior.elbo import elbo as elbo
    from elboproof.posterior.gap import gap as gap
    from elboproof.posterior.gap_law import gap_law as gap_law
    from elboproof.posterior.gaussian_posterior import GaussianPosterior as GaussianPosterior
    from elboproof.posterior.shared import shared_stationary_posterior as shared_stationary_posterior
    from elboproof.posterior.stationary import StationaryPoint as StationaryPoint
    from elboproof.posterior.stationary import stationary_posterior as stationary_posterior
    from elboproof.posterior.stationary import stationary_posteriors as stationary_posteriors
    from elboproof.posterior.theorems.recheck import recheck as recheck
    from elboproof.posterior.theorems.recheck_document import CertificateError as CertificateError
    from elboproof.posterior.theorems.results import Counterexample as Counterexample
    from elboproof.posterior.theorems.results import Proof as Proof
    from elboproof.posterior.theorems.results import Unproved as Unproved
    from elboproof.posterior.theorems.search import for_all as for_all
    from elboproof.posterior.theorems.statements import Elbo as Elbo
    from elboproof.posterior.theorems.statements import Gap as Gap
    from elboproof.posterior.theorems.statements import LogEvidence as LogEvidence

__version__ = "0.1.0"

_HOME = {
    # the model
    "LatentModel": "elboproof.model.latent_model",  # p(x, z), written once, evaluated in every number system
    "Gaussian": "elboproof.model.likelihood",  # p(x|z) = N(f(z), C); scalar, diagonal or full covariance
    "Bernoulli": "elboproof.model.likelihood",  # p(x|z) of binary data; the decoder gives logits
    # its evidence
    "log_evidence": "elboproof.evidence.log_evidence",  # log p(x), proved
    "Enclosure": "elboproof.numbers.enclosure",  # proved bounds of a number
    "Undecided": "elboproof.evidence.log_evidence",  # raised where a proof was not reached; carries the best bounds
    # Gaussian posteriors
    "GaussianPosterior": "elboproof.posterior.gaussian_posterior",  # q(z) = N(m, S), exact
    "elbo": "elboproof.posterior.elbo",  # the ELBO at a Gaussian q, proved
    "stationary_posterior": "elboproof.posterior.stationary",  # the best Gaussian q, proved to exist in a box
    "stationary_posteriors": "elboproof.posterior.stationary",  # all that are found
    "shared_stationary_posterior": "elboproof.posterior.shared",  # of several x with one covariance
    "StationaryPoint": "elboproof.posterior.stationary",
    "gap": "elboproof.posterior.gap",  # log p(x) - ELBO at the best stationary q found, proved
    "gap_law": "elboproof.posterior.gap_law",  # how it falls with the likelihood's variance, symbolic
    # statements about all parameters of a box
    "for_all": "elboproof.posterior.theorems.search",
    "Gap": "elboproof.posterior.theorems.statements",  # what statements are about: log p(x) - best ELBO
    "LogEvidence": "elboproof.posterior.theorems.statements",
    "Elbo": "elboproof.posterior.theorems.statements",
    "Proof": "elboproof.posterior.theorems.results",  # what for_all answers, with a certificate
    "Counterexample": "elboproof.posterior.theorems.results",
    "Unproved": "elboproof.posterior.theorems.results",
    "recheck": "elboproof.posterior.theorems.recheck",  # check a certificate by other means
    "CertificateError": "elboproof.posterior.theorems.recheck_document",
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
