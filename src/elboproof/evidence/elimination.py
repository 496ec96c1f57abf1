"""Models with their linear latents integrated out: an integrand over the rest, as any other for the engine.

With f(z) = f_0(z') + B(z') y, y ~ N(0, A) with A diagonal, and p(x|z) = N(f(z), C), p(x|z') = N(f_0, C + B A B'). Its
log density is written as `observations` says; C is made diagonal first, by its exact factors L D L'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache, reduce
from typing import TYPE_CHECKING

import numpy as np
import sympy
from flint import fmpq

from elboproof.evidence.observations import Observations
from elboproof.evidence.selection import Selection, has_constant_covariance, selection
from elboproof.model.ceilings import Ceiling
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian, above_constant, require_floats
from elboproof.model.quantities import Quantities
from elboproof.model.whitening import whitening
from elboproof.numbers import tape_copies
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.tape import Tape

if TYPE_CHECKING:
    from flint import arb


@dataclass(frozen=True, eq=False)
class Reduced:
    """The integrand p(x, z') of the latents z' that are left of a model.

    Attributes
    ----------
    model : LatentModel
    selection : Selection
        Which latents are integrated out; at least one is left.
    """

    model: LatentModel
    selection: Selection

    @property
    def latent_dim(self) -> int:
        """The number of latents that are left."""
        return len(self.selection.rest)

    @property
    def data_dim(self) -> int:
        """The dimension D of x."""
        return self.model.data_dim

    @property
    def placement(self) -> None:
        """None: z' ~ N(0, I)."""

    @cached_property
    def quantities(self) -> Quantities:
        """The energy -log p(x, z') on a tape; as "decoder" all that the latents enter through."""
        latents = [self.model.latents[k] for k in self.selection.rest]
        likelihood = self.model.likelihood
        return Quantities(
            latents, self.model.data, likelihood, (), self._lowered, lambda: require_floats(likelihood)
        )

    def log_base(self, x: Sequence[Fraction]) -> "arb | None":
        """Return the log base measure of the model."""
        return self.model.log_base(x)

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return upper bounds of log p(x|z') over all z' for data (N, D)."""
        # every variance and every pivot is at least a number. A bound of p(x|z) that grows with |z| holds at y = 0,
        # too, which is any y where no output depends on y
        if not has_constant_covariance(self.model):
            return self.model.ceiling(x)
        return Ceiling.flat(np.full(len(x), self._supremum))

    @cached_property
    def _supremum(self) -> float:
        factors = self._observations(self._own_tape).least_factors()
        logs = [sympy.log(sympy.Rational(f.numerator, f.denominator)) for f in factors]
        return above_constant(-sympy.Add(sympy.log(2 * sympy.pi) * self.data_dim, *logs) / 2)

    @property
    def _own_tape(self) -> Tape:
        return self.quantities.tape

    def _lowered(self, quantity: str, tape: Tape) -> list[int]:
        if quantity == "decoder":
            offsets, columns = parts(self.selection, tape)
            return [*offsets, *(entry for column in columns for entry in column)]
        latents = [tape.lower(z) for z in tape.inputs[: self.latent_dim]]
        squares = reduce(tape.add, (tape.multiply(z, z) for z in latents))
        half = tape.constant(Fraction(1, 2))
        return [tape.add(tape.multiply(half, squares), self._rest(tape))]

    def _rest(self, tape: Tape) -> int:
        """Return the entry of -log p(x|z') + (d'/2) log 2 pi."""
        if not has_constant_covariance(self.model):
            offsets, _ = parts(self.selection, tape)
            dummies = [sympy.Dummy(f"f_{j}", real=True) for j in range(len(offsets))]
            density = self.model.likelihood.log_density(dummies, self.model.data)
            prior = sympy.log(2 * sympy.pi) * self.latent_dim / 2
            return tape.substituted(prior - density, dummies, offsets)
        constant = sympy.log(2 * sympy.pi) * (self.latent_dim + self.data_dim) / 2
        return tape.add(self._observations(tape).energy(), tape.lower(constant))

    def _observations(self, tape: Tape) -> Observations:
        offsets, columns = parts(self.selection, tape)
        data = [tape.lower(x) for x in self.model.data]
        residuals = [tape.subtract(x, offset) for x, offset in zip(data, offsets, strict=True)]
        likelihood = self.model.likelihood
        variances = self.selection.variances
        found = observations(likelihood, tape, residuals, columns, variances)  # type: ignore[arg-type]
        found.integrate()
        return found


@lru_cache(maxsize=16)
def reduced(model: LatentModel) -> Reduced | None:
    """Return a model without its linear latents, compiled once; None where no latent is left, or none is linear."""
    chosen = selection(model)
    return Reduced(model, chosen) if chosen is not None and chosen.rest else None


def latents_left(model: LatentModel) -> int:
    """Return how many latents the engine has to integrate over."""
    chosen = selection(model)
    return model.latent_dim if chosen is None else len(chosen.rest)


def parts(chosen: Selection, tape: Tape) -> tuple[list[int], list[list[int]]]:
    """Return f_0 and the columns of B as entries of a tape whose first inputs are the latents that are left."""
    # f_0 is f, and B its slopes, at y = 0: that of the slopes is no choice, since they do not vary with y
    outputs = chosen.outputs
    inputs = [tape.constant(0)] * (len(chosen.rest) + len(chosen.linear))
    for place, k in enumerate(chosen.rest):
        inputs[k] = tape.lower(tape.inputs[place])
    columns = [outputs.slopes(k) for k in chosen.linear]
    put = [tape_copies.put(outputs.tape, roots, tape, inputs) for roots in (outputs.entries, *columns)]
    return put[0], put[1:]


def observations(
    likelihood: Gaussian,
    tape: Tape,
    residuals: Sequence[int],
    columns: Sequence[Sequence[int]],
    latent_variances: Sequence[Fraction],
) -> Observations:
    """Return the residuals x - f_0 and the columns of B as independent rows: both times L^-1, with the variances D."""
    if likelihood.covariance is None:
        variances = (likelihood.variance or ()) * (len(residuals) if likelihood.scalar else 1)
        noise = [Fraction(int(v.p), int(v.q)) for v in variances]
        return Observations(tape, residuals, columns, noise, latent_variances)
    white = whitening(likelihood.covariance)
    turned = [_turned(tape, white.rows, vector) for vector in (residuals, *columns)]
    noise = [_fraction(pivot) for pivot in white.pivots]
    return Observations(tape, turned[0], turned[1:], noise, latent_variances)


def _turned(tape: Tape, rows: Sequence[Sequence[fmpq]], vector: Sequence[int]) -> list[int]:
    return [
        reduce(
            tape.add,
            (tape.multiply(tape.constant(_fraction(c)), v) for c, v in zip(row, vector, strict=False)),
            tape.constant(0),
        )
        for row in rows
    ]


def _fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))
