"""The constants of a training set that make networks blind to the data's location and scale.

The encoder sees y = (x - centre) / scale and the decoder's output is multiplied by the scale, so that a loss without
a scale of its own trains the same networks whatever the units of x. If all data are multiplied by 2^k, all constants
here are, without rounding, and y has the same bits.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Constants:
    """What was measured on a whole training set, in float64.

    Attributes
    ----------
    centre : array
        (D,), the mean of each dimension.
    variance : array
        (D,), v_j, in squared units of x; exactly 0 where a dimension is constant (minimum = maximum).
    scale : float
        c, the root of the mean of the variances that are not 0.
    """

    centre: FloatArray
    variance: FloatArray
    scale: float

    @cached_property
    def relative_variance(self) -> FloatArray:
        """v_j / c^2, (D,)."""
        return np.asarray(self.variance / self.scale**2)

    @property
    def kept(self) -> int:
        """How many dimensions are not constant."""
        return int(np.count_nonzero(self.variance))

    def normalised(self, x: FloatArray) -> FloatArray:
        """Return (x - centre) / scale, (N, D)."""
        return np.asarray((x - self.centre) / self.scale)


def constants_of(train: FloatArray) -> Constants:
    """Return the constants of a training set (N, D).

    Raises
    ------
    ValueError
        If no dimension varies, or the variances are beyond float64.
    """
    # of a constant column the mean, and so the variance, may be off by a rounding: minimum and maximum are not
    varies = train.min(0) < train.max(0)
    if not varies.any():
        raise bad("data", train[0].tolist(), "examples that differ: the training set is constant")
    with np.errstate(over="ignore", under="ignore"):
        centre = np.where(varies, train.mean(0), train[0])
        variance = np.where(varies, ((train - centre) ** 2).mean(0), 0.0)
        scale = float(np.sqrt(variance[varies].mean()))
    # squares near the ends of the range would lose digits, and v / c^2 with them
    if not 1e-140 < scale < 1e140:
        raise bad("data", scale, "numbers of a standard deviation between 1e-140 and 1e140")
    return Constants(centre, variance, scale)
