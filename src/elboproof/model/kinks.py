"""What a piecewise linear function says of itself: kinks in layers, and the affine function that it is on each piece.

A kink is where ReLU, LeakyReLU, abs, max or min bends: where an affine function of the latents, given the signs of the
kinks before it, is zero. All numbers are exact: weights are the binary numbers that they are.
"""

from typing import Any, Protocol

import numpy as np
from flint import fmpq_mat
from numpy.typing import NDArray

Signs = NDArray[np.int8]
"""1 where a kink's argument is nonnegative on a piece, -1 where it is nonpositive."""


class Piecewise(Protocol):
    """A piecewise linear function of d latents, one layer of kinks after the other.

    What is known on a piece is a ``state``; its form belongs to the function.
    """

    @property
    def layers(self) -> int:
        """The number of layers of kinks."""

    @property
    def bends(self) -> int:
        """The number of kinks."""

    def start(self) -> Any:
        """Return what is known before any kink."""

    def kinks(self, state: Any, layer: int) -> fmpq_mat:
        """Return the arguments of a layer's kinks, a row of d slopes and a constant each."""

    def after(self, state: Any, layer: int, signs: Signs) -> Any:
        """Return what is known on a piece where a layer's kinks have these signs."""

    def units(self, state: Any) -> fmpq_mat:
        """Return the units h on a piece of all signs, n rows of d slopes and a constant."""

    @property
    def weight(self) -> fmpq_mat | None:
        """The D x n matrix W of the outputs W h + b; None if they are the units themselves."""

    @property
    def bias(self) -> fmpq_mat | None:
        """The D x 1 matrix b."""
