"""What the gap law asks of W, the part of the energy U = V + W / v that grows as v falls.

W is a `misfit` |x - f|^2 / 2 of a Gaussian likelihood, v its variance, or minus the log likelihood of one datum, as in
`replicates`, v one over the number of replicates.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from flint import arb
from sympy import Expr

from elboproof.arrays import FloatArray
from elboproof.expansion.wick import Tensor
from elboproof.model.data import double
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.exact import exact
from elboproof.numbers.interruption import Interruption

ON_IMAGE = 1e-12
"""Of 1 + |x|: a distance that the rounding of float data explains. The law always uses the distance that there is."""
SAME = 1e-6
"""Of 1 + |z|: float modes nearer than 1e3 times this are one; the descent stops 1e-12 from a nondegenerate one."""

Floats: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""W (N,), its gradient (N, d) and its Hessian (N, d, d)."""


class Potential(Protocol):
    """W with its derivatives in SymPy's numbers, in balls and in floats, and what x is to the decoder's image."""

    @property
    def model(self) -> LatentModel:
        """Return the model."""

    @property
    def data(self) -> tuple[Expr, ...]:
        """Return x (D,), rationals."""

    @property
    def deadline(self) -> float:
        """Return the time on the clock ``time.monotonic()`` after which `OutOfTimeError` is raised in what goes on."""

    @property
    def name(self) -> str:
        """Return what W is called in sentences."""

    @property
    def met(self) -> str:
        """Return what the mode is where x is on the image, in sentences."""

    @property
    def short(self) -> bool:
        """Return whether the model is written in expressions, and all rationals are short enough for SymPy."""

    @property
    def tolerance(self) -> float:
        """Return the distance below which x counts as on the image."""

    def interrupted(self) -> Interruption:
        """Return the time limit for a block of SymPy's work."""

    def exact_derivative(self, order: int, point: tuple[Expr, ...]) -> Tensor:
        """Return D^k W at an exact point, shape (d,) * k."""

    def ball_derivative(self, order: int, point: tuple[arb, ...]) -> Tensor:
        """Return enclosures of D^k W over a box, shape (d,) * k."""

    def floats(self, z: FloatArray) -> Floats:
        """Return W and its first two derivatives at points (N, d), W infinite where it overflows."""

    def log_mass(self, at: tuple[arb, ...]) -> float:
        """Return the coefficient of v^0 in the log of a mode's share of p(x), in nats."""

    def distance_at(self, z: FloatArray) -> float:
        """Return how far x is from f(z) in floats."""

    def distance(self, at: tuple[arb, ...]) -> float:
        """Return how far x is from f at a mode."""

    def as_near(self, levels: FloatArray) -> FloatArray:
        """Return which of the minima with these W (N,) are the lowest ones."""

    def away(self, lowest: float) -> str:
        """Return why x is refused where its distance from the image is ``lowest``."""

    def apart(self, distance: float) -> str:
        """Return what the mode is where x is at some distance from the image."""

    def nowhere(self) -> str:
        """Return why x is refused where no minimum was found."""

    def solutions(self) -> list[tuple[Expr, ...]]:
        """Return exact points that may be minima with x on the image."""


def float_data(data: Sequence[Expr]) -> FloatArray:
    """Return x as float64.

    Raises
    ------
    ValueError
        If an entry is beyond the range of float64.
    """
    return np.array([double(exact(value, f"x[{j}]"), f"x[{j}]") for j, value in enumerate(data)])
