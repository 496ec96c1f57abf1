"""The energy on a piece of a decoder with straight kinks, where it is smooth: the decoder's coefficients are data.

On a piece the outputs are f_j = g(sum_k c_jk z_k + c_j), g the last activation if there is one, so that for any
likelihood

    U(z) = -log p(z) - log p(x | f(z))

is one function of z and of the numbers (c, x): the engine takes each piece for a data point of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import Energy
from elboproof.model.activations import known
from elboproof.model.ceilings import Ceiling
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import above_constant, require_floats
from elboproof.model.piecewise import kinked
from elboproof.model.priors import Normal, Prior
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.tape import Tape
from elboproof.quadrature.cells import Cells


@dataclass(frozen=True, eq=False)
class PieceIntegrand:
    """exp(-U) on pieces.

    Attributes
    ----------
    quantities
        U is their ``"energy"``, a function of z and of coefficients, output by output, and x.
    bounds : Ceiling
        What bounds the likelihood of each piece's x.
    """

    quantities: Quantities
    bounds: Ceiling
    placement: None = None

    @property
    def latent_dim(self) -> int:
        """The dimension of z."""
        return len(self.quantities.latents)

    @property
    def data_dim(self) -> int:
        """The number of coefficients and of entries of x."""
        return len(self.quantities.data)

    def ceiling(self, x: BallArray) -> Ceiling:  # noqa: ARG002
        """Return upper bounds of log p(x|z), those that are given."""
        return self.bounds

    def log_base(self, x: Sequence[Fraction]) -> None:
        """Return None: the base measure is added by whoever asks for the evidence."""


class PieceEnergy(Energy):
    """U of pieces, under priors that are not N(0, I), too.

    Parameters
    ----------
    integrand, x
        As of `Energy`, a row for each piece.
    prior
        The prior of z.
    """

    def __init__(self, integrand: PieceIntegrand, x: BallArray, prior: Prior) -> None:
        d = integrand.latent_dim
        super().__init__(integrand, x, np.broadcast_to(np.eye(d), (len(x), d, d)))
        self._prior_floor = None if prior.standard else _least_energy(prior, integrand.quantities.latents)

    def least_by_prior(self, cells: Cells) -> FloatArray:
        """Return lower bounds of U over cells that hold whatever the decoder does there, (B,)."""
        if self._prior_floor is None:
            return super().least_by_prior(cells)
        floor = BallArray(np.full(len(cells), self._prior_floor))
        return (floor - BallArray(self.ceiling.suprema[cells.owner])).lower()


def _least_energy(prior: Prior, latents: Sequence[Symbol]) -> float:
    """Return a lower bound of -log p(z): at the mean of a normal prior, anywhere under a uniform one."""
    density = prior.log_density(latents)
    if isinstance(prior, Normal) and prior.mean is not None:
        density = density.subs(
            {z: sympy.Rational(m.numerator, m.denominator) for z, m in zip(latents, prior.mean, strict=True)}
        )
    return -above_constant(density)


@lru_cache(maxsize=16)
def piece_quantities(model: LatentModel) -> Quantities:
    """Return the functions of a model on any piece of its decoder."""
    d, outputs = model.latent_dim, model.output_dim
    numbers = [sympy.Dummy(f"c_{j}", real=True) for j in range(outputs * (d + 1))]
    last = _head(model)

    def lowered(quantity: str, tape: Tape) -> list[int]:
        rows = [numbers[j * (d + 1) : (j + 1) * (d + 1)] for j in range(outputs)]
        places = [tape.lower(last(_affine(row, model.latents))) for row in rows]
        if quantity != "energy":
            return places
        dummies = [sympy.Dummy(f"f_{j}", real=True) for j in range(outputs)]
        density = model.likelihood.log_density(dummies, model.data)
        return [tape.substituted(-model.prior.log_density(model.latents) - density, dummies, places)]

    data = (*numbers, *model.data)
    return Quantities(
        model.latents, data, model.likelihood, (), lowered, lambda: require_floats(model.likelihood)
    )


def _head(model: LatentModel) -> Callable[[Expr], Expr]:
    """Return what the outputs are of the affine functions."""
    found = kinked(model)
    return known(found.head).symbolic if found is not None and found.head else lambda f: f


def _affine(row: Sequence[Symbol], latents: Sequence[Symbol]) -> Expr:
    return sympy.Add(*(c * z for c, z in zip(row, latents, strict=False)), row[-1])
