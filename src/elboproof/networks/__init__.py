"""Networks with whole or half the outputs, their data, one training loop, and the yardsticks that judge them.

`train(data, variant="bilbo-baggins")` is what most need; `elboproof train` is the same from a shell.
"""

from elboproof.networks.autoencoder import Autoencoder as Autoencoder
from elboproof.networks.constants import Constants as Constants
from elboproof.networks.datasets import digits as digits
from elboproof.networks.datasets import mnist as mnist
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

__all__ = [
    "VARIANTS",
    "Autoencoder",
    "Constants",
    "Known",
    "Point",
    "Progress",
    "Settings",
    "Splits",
    "Terms",
    "Trained",
    "TrainingError",
    "Variant",
    "curve",
    "digits",
    "linear_gaussian",
    "load",
    "mnist",
    "save",
    "split",
    "train",
]
