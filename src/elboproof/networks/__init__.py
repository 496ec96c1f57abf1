"""Networks: trained auto-encoders and the one yardstick that scores them, in nats per test point."""

from elboproof.networks.annealed import annealed_evidence as annealed_evidence
from elboproof.networks.annealed import annealed_sandwich as annealed_sandwich
from elboproof.networks.annealed import simulated as simulated
from elboproof.networks.importance import importance_evidence as importance_evidence
from elboproof.networks.yardstick import elbo_estimate as elbo_estimate
from elboproof.networks.yardstick import fitted_variance as fitted_variance
from elboproof.networks.yardstick import refined as refined
from elboproof.networks.yardstick_model import BernoulliLikelihood as BernoulliLikelihood
from elboproof.networks.yardstick_model import GaussianLikelihood as GaussianLikelihood
from elboproof.networks.yardstick_model import Joint as Joint
from elboproof.networks.yardstick_paired import bits_per_dimension as bits_per_dimension
from elboproof.networks.yardstick_paired import paired_difference as paired_difference
from elboproof.networks.yardstick_posteriors import Posteriors as Posteriors
from elboproof.networks.yardstick_prior import refitted_prior as refitted_prior
