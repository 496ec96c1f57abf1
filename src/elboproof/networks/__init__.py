"""Networks with whole or half the outputs, their data, one training loop, and the yardsticks that judge them.

`train(data, variant="bilbo-baggins")` is what most need; `elboproof train` is the same from a shell.
"""

from elboproof.networks.annealed import annealed_evidence as annealed_evidence
from elboproof.networks.annealed import annealed_sandwich as annealed_sandwich
from elboproof.networks.annealed import simulated as simulated
from elboproof.networks.autoencoder import Autoencoder as Autoencoder
from elboproof.networks.constants import Constants as Constants
from elboproof.networks.datasets import digits as digits
from elboproof.networks.datasets import mnist as mnist
from elboproof.networks.importance import importance_evidence as importance_evidence
from elboproof.networks.records import Point as Point
from elboproof.networks.records import Progress as Progress
from elboproof.networks.records import Settings as Settings
from elboproof.networks.records import Terms as Terms
from elboproof.networks.records import TrainingError as TrainingError
from elboproof.networks.saving import load as load
from elboproof.networks.saving import save as save
from elboproof.networks.splits import Splits as Splits
from elboproof.networks.splits import split as split
from elboproof.networks.synthetic import Known as Known
from elboproof.networks.synthetic import curve as curve
from elboproof.networks.synthetic import linear_gaussian as linear_gaussian
from elboproof.networks.trained import Trained as Trained
from elboproof.networks.training import train as train
from elboproof.networks.variants import VARIANTS as VARIANTS
from elboproof.networks.variants import Variant as Variant
from elboproof.networks.yardstick import elbo_estimate as elbo_estimate
from elboproof.networks.yardstick import fitted_variance as fitted_variance
from elboproof.networks.yardstick import refined as refined
from elboproof.networks.yardstick_model import BernoulliLikelihood as BernoulliLikelihood
from elboproof.networks.yardstick_model import GaussianLikelihood as GaussianLikelihood
from elboproof.networks.yardstick_model import HeteroscedasticLikelihood as HeteroscedasticLikelihood
from elboproof.networks.yardstick_model import Joint as Joint
from elboproof.networks.yardstick_paired import bits_per_dimension as bits_per_dimension
from elboproof.networks.yardstick_paired import paired_difference as paired_difference
from elboproof.networks.yardstick_posteriors import Posteriors as Posteriors
from elboproof.networks.yardstick_prior import refitted_prior as refitted_prior

__all__ = [
    "VARIANTS",
    "Autoencoder",
    "BernoulliLikelihood",
    "Constants",
    "GaussianLikelihood",
    "HeteroscedasticLikelihood",
    "Joint",
    "Known",
    "Point",
    "Posteriors",
    "Progress",
    "Settings",
    "Splits",
    "Terms",
    "Trained",
    "TrainingError",
    "Variant",
    "annealed_evidence",
    "annealed_sandwich",
    "bits_per_dimension",
    "curve",
    "digits",
    "elbo_estimate",
    "fitted_variance",
    "importance_evidence",
    "linear_gaussian",
    "load",
    "mnist",
    "paired_difference",
    "refined",
    "refitted_prior",
    "save",
    "simulated",
    "split",
    "train",
]
