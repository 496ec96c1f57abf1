r"""How large a likelihood can be, seen from z: what bounds the evidence where no cell was looked at.

For every data point n and all z in R^d, with r = |z|,

    log p(x_n|z) - log h(x_n) <= constant + linear r + square r^2,      linear >= 0,   0 <= square < 1/2,

h being the base measure, which no z changes. Where the likelihood has a supremum, linear = square = 0.
"""

from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import above
from elboproof.numbers.precision import working_precision
from elboproof.shapes import Float64, Int


@dataclass(frozen=True)
class Ceiling:
    """Upper bounds of the log likelihoods of N data points, their base measures left out.

    Attributes
    ----------
    constant, linear, square : (N,)
        The coefficients above.
    """

    constant: Float64[FloatArray, "N"]
    linear: Float64[FloatArray, "N"]
    square: Float64[FloatArray, "N"]

    @staticmethod
    def flat(suprema: Float64[FloatArray, "N"]) -> "Ceiling":
        """Return suprema as a ceiling."""
        return Ceiling(suprema, np.zeros(len(suprema)), np.zeros(len(suprema)))

    def of(self, which: Int[NDArray[np.intp], "B"]) -> "Ceiling":
        """Return the rows that are asked for."""
        return Ceiling(self.constant[which], self.linear[which], self.square[which])

    @property
    def grows(self) -> NDArray[np.bool_]:
        """Which likelihoods may be unbounded, (N,)."""
        return np.asarray((self.linear > 0) | (self.square > 0))

    @property
    def suprema(self) -> Float64[FloatArray, "N"]:
        """Upper bounds over all z, infinite where there are none."""
        return np.where(self.grows, np.inf, self.constant)

    def steering_radius(self, log_mass: Float64[FloatArray, "N"], digits: float) -> Float64[FloatArray, "N"]:
        """Return about how far out the mass still matters, if it is e^log_mass in all."""
        # Two nats' worth of standard deviations beyond where e^(-r^2/2) times the ceiling falls to 10^-(digits + 3) of
        # the mass: the larger root of q r^2 - a r = fall. Nothing rests on it.
        fall = np.clip(self.constant - log_mass, 0.0, 1e100) + (digits + 3) * np.log(10.0)
        curve = 0.5 - self.square
        root = np.sqrt(self.linear**2 + 4 * curve * fall)
        return np.asarray((self.linear + root) / (2 * curve) + 2.0)

    def least_energy(self, squares: Float64[FloatArray, "N"]) -> Float64[FloatArray, "N"]:
        """Return lower bounds of r^2/2 - ceiling(r) over all r^2 >= squares, one for each row."""
        # q r^2 - a r - c with q = 1/2 - square > 0 falls up to r = a / 2q and rises beyond: where 2 q r >= a is sure,
        # the least value is that at the given r, else at most -a^2 / 4q is lost. All of it in balls, rounded down.
        r = np.sqrt(squares)
        low = BallArray(
            np.nextafter(r, 0.0)
        )  # the root is correctly rounded, so that the float below is below
        curve, a = BallArray(np.full(len(r), 0.5)) - BallArray(self.square), BallArray(self.linear)
        rises = (curve * low * 2.0 - a).lower() >= 0
        there, bottom = curve * low.square() - a * low, -(a.square() / (curve * 4.0))
        return (BallArray.where(rises, there, bottom) - BallArray(self.constant)).lower()


def log_growing_tail(d: int, radius: float, linear: float, square: float) -> float:
    r"""Return an upper bound of log E[exp(a r + b r^2); r > R] for z ~ N(0, I_d), infinite where the formula fails.

    With q = 1/2 - b and k = d - 1, as long as 2 q R - a - k/R > 0,

        |S^(d-1)| (2 pi)^(-d/2) int_R^oo r^k exp(a r - q r^2) dr
            <= 2^(1 - d/2) / Gamma(d/2) R^k exp(a R - q R^2) / (2 q R - a - k/R),

    because the logarithmic slope k/r + a - 2 q r of the integrand falls, so that it decays at least at the rate that it
    has at R.
    """
    with working_precision(64):
        big, a, q, k = arb(radius), arb(linear), arb(0.5) - arb(square), d - 1
        if not big > 0:
            return float("inf")
        slope = 2 * q * big - a - k / big
        if not slope > 0:
            return float("inf")
        surface = (1 - arb(d) / 2) * arb(2).log() - (arb(d) / 2).lgamma()
        return above(surface + k * big.log() + a * big - q * big * big - slope.log())
