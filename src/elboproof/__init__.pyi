"""The complete public API: where each name comes from. Type checkers read it, and so does the package."""

# ruff: noqa: I001  (in the order in which a reader meets them)

# The model
# p(x, z), written once, evaluated in every number system:
from elboproof.model.latent_model import LatentModel as LatentModel

# p(x|z) = N(f(z), C); scalar, diagonal or full covariance:
from elboproof.model.likelihood import Gaussian as Gaussian

# p(x|z) of binary data; the decoder gives logits:
from elboproof.model.discrete import Bernoulli as Bernoulli

# counts and classes:
from elboproof.model.discrete import Binomial as Binomial  # of ``trials``; the decoder gives logits
from elboproof.model.discrete import Categorical as Categorical  # x is one-hot; the decoder gives logits
from elboproof.model.discrete import Poisson as Poisson  # the decoder gives log rates
from elboproof.model.discrete import NegativeBinomial as NegativeBinomial  # the decoder gives log means

# real numbers:
from elboproof.model.continuous import Exponential as Exponential  # the decoder gives log rates
from elboproof.model.continuous import Gamma as Gamma  # of known shape; the decoder gives log rates
from elboproof.model.continuous import ContinuousBernoulli as ContinuousBernoulli  # on [0, 1]; logits
from elboproof.model.continuous import StudentT as StudentT  # the decoder gives locations
from elboproof.model.continuous import Laplace as Laplace  # the decoder gives locations
from elboproof.model.continuous import VonMises as VonMises  # the decoder gives mean angles, in radians

# any other, a log density in the outputs f1, f2, ... and the data x1, x2, ...:
from elboproof.model.density import Density as Density

# p(z); N(0, I) without arguments, or any mean and full covariance:
from elboproof.model.priors import Normal as Normal
from elboproof.model.priors import Uniform as Uniform  # on a box
from elboproof.model.mixture import Mixture as Mixture  # a weighted sum of these

# any density of the latents, an expression on a box, a half-line or R:
from elboproof.model.prior_density import PriorDensity as PriorDensity

# Its evidence
from elboproof.evidence.log_evidence import log_evidence as log_evidence  # log p(x), proved
from elboproof.evidence.log_integral import LogIntegral as LogIntegral  # what it is of densities without norm
from elboproof.evidence.evidence_cells import evidence_cells as evidence_cells  # by which it is proved; drawn
from elboproof.evidence.cells_record import EvidenceCells as EvidenceCells
from elboproof.numbers.enclosure import Enclosure as Enclosure  # proved bounds of a number

# what a long call tells while it runs:
from elboproof.running.progress import Progress as Progress

# raised where a proof was not reached; carries the best bounds:
from elboproof.numbers.undecided import Undecided as Undecided

# The exact posterior
# p(z|x): probabilities, moments, marginals, quantiles, KL(q || p(z|x)), proved:
from elboproof.posterior.exact_posterior import Posterior as Posterior

# Gaussian posteriors
from elboproof.model.gaussian_posterior import GaussianPosterior as GaussianPosterior  # q(z) = N(m, S), exact
from elboproof.model.gaussian_posteriors import GaussianPosteriors as GaussianPosteriors  # N of them
from elboproof.expectations.expectation import expectation as expectation  # E_q[g] of any expression, proved
from elboproof.posterior.elbo import elbo as elbo  # the ELBO at a Gaussian q, proved

# the best Gaussian q, proved to exist in a box:
from elboproof.posterior.stationary import stationary_posterior as stationary_posterior

# all that are found:
from elboproof.posterior.stationary import stationary_posteriors as stationary_posteriors

# of several x with one covariance:
from elboproof.posterior.shared import shared_stationary_posterior as shared_stationary_posterior
from elboproof.posterior.stationary_point import StationaryPoint as StationaryPoint
from elboproof.posterior.gap import gap as gap  # log p(x) - ELBO at the best stationary q found, proved

# what of it is the family's, one covariance's, the encoder's, row by row:
from elboproof.posterior.decompose import decompose as decompose
from elboproof.posterior.decomposition import Decomposition as Decomposition

# what one covariance for all x costs:
from elboproof.posterior.constant_variance import ConstantVariancePenalty as ConstantVariancePenalty
from elboproof.posterior.constant_variance import constant_variance_penalty as constant_variance_penalty

# how it falls with the likelihood's variance, symbolic:
from elboproof.expansion.gap_law import gap_law as gap_law

# a curve decoder in its arc length, where the best q has a smaller gap, proved:
from elboproof.posterior.unit_speed import unit_speed as unit_speed
from elboproof.posterior.unit_speed import UnitSpeed as UnitSpeed

# Statements about all parameters of a box
from elboproof.theorems.prove import for_all as for_all
from elboproof.statements import Gap as Gap  # what statements are about: log p(x) - best ELBO
from elboproof.statements import LogEvidence as LogEvidence
from elboproof.statements import Elbo as Elbo
from elboproof.theorems.results import Proof as Proof  # what for_all answers, with a certificate
from elboproof.theorems.results import Counterexample as Counterexample
from elboproof.theorems.results import Unproved as Unproved
from elboproof.rechecking.recheck import recheck as recheck  # check a certificate by other means
from elboproof.rechecking.evidence import ProvedEvidence as ProvedEvidence  # what it proves of an evidence
from elboproof.rechecking.document import CertificateError as CertificateError

# The optimal decoder
# the closed-form decoder of a Gaussian VAE:
from elboproof.decoder.optimal import OptimalDecoder as OptimalDecoder

# The claims of a paper
from elboproof.checking.verification import verify as verify  # what ``elboproof verify`` finds
from elboproof.checking.finding import (
    Finding as Finding,
)  # of one check: holds, status, reason, numbers, controls

_HOME: dict[str, str]
__all__: list[str]
__version__: str
