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
    from elboproof.posterior.gaussian_posterior import GaussianPosterior as GaussianPosterior

__version__ = "0.1.0"

_HOME = {
    "Bernoulli": "elboproof.model.likelihood",  # p(x|z) of binary data; the decoder gives logits
    "Enclosure": "elboproof.numbers.enclosure",  # proved bounds of a number
    "Gaussian": "elboproof.model.likelihood",  # p(x|z) = N(f(z), C); scalar, diagonal or full covariance
    "GaussianPosterior": "elboproof.posterior.gaussian_posterior",  # q(z) = N(m, S), exact
    "LatentModel": "elboproof.model.latent_model",  # p(x, z), written once, evaluated in every number system
    "log_evidence": "elboproof.evidence.log_evidence",  # log p(x), proved
    "Undecided": "elboproof.evidence.log_evidence",  # raised where a proof was not reached; carries the best one
    "OptimalDecoder": "elboproof.decoder.optimal",  # the closed-form decoder of a Gaussian VAE
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'elboproof' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
