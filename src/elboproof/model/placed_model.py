"""A model in the coordinates in which its prior is integrated: what the engine sees of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import sympy

from elboproof.arguments import bad
from elboproof.model.ceilings import Ceiling
from elboproof.model.likelihood import require_floats
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.placement import Placement
from elboproof.model.prior_functions import prior_functions
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.outward import upward
from elboproof.numbers.tape import Tape

if TYPE_CHECKING:
    from flint import arb

    from elboproof.model.joint_model import JointModel


@dataclass(frozen=True, eq=False)
class PlacedModel:
    """exp(-U(t; x)) with U = -log p(x | f(z(t))) - log p(z(t)) - log |dz/dt|, an integrand of the engine.

    Attributes
    ----------
    model
        Whose energy it is.
    placement
        The coordinates.
    """

    model: "JointModel"
    placement: Placement

    @property
    def latent_dim(self) -> int:
        """The dimension of t."""
        return self.model.latent_dim

    @property
    def data_dim(self) -> int:
        """The dimension of x."""
        return self.model.data_dim

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return upper bounds of log p(x|z(t)) - log h(x) over all t; raises also where none is known in t."""
        ceiling = self.model.ceiling(x)
        if not ceiling.grows.any():
            return ceiling
        reach = self._reach()
        if reach is None:
            raise bad(
                "prior", self.model.prior, "one on a box, or normal, for a likelihood that grows with |z|"
            )
        # |z| <= a + b |t|, put into the ceiling in |z|; balls (N,), rounded up.
        a, b = (BallArray(np.full(len(x), part)) for part in reach)
        linear, square = BallArray(ceiling.linear), BallArray(ceiling.square)
        constant = BallArray(ceiling.constant) + linear * a + square * a.square()
        moved = Ceiling(
            constant.upper(), (linear * b + square * a * b * 2.0).upper(), (square * b.square()).upper()
        )
        if (moved.square >= 0.5).any():
            raise bad("prior", self.model.prior, "one narrow enough for a likelihood that grows with |z|^2")
        return moved

    def _reach(self) -> tuple[float, float] | None:
        """Return (a, b) with |z| <= a + b |t|; b = 0 on a box, None for an unbounded z that is not linear in t."""
        placement, d = self.placement, self.latent_dim
        if placement.ends is not None:
            box = self.model.prior.domain(d)
            ends = [
                BallArray.from_fraction(*Fraction(end).as_integer_ratio()) for pair in box for end in pair
            ]
            sizes = [float(end.mag()) for end in ends] if np.isfinite(placement.ends).all() else []
            return (upward(sum(sizes), len(sizes)), 0.0) if sizes else None
        tape = Tape(placement.symbols)
        places = [tape.lower(z) for z in placement.place]
        slopes = [tape.derivative(place, k) for place in places for k in range(d)]
        (*values,) = compile_tape(tape, [*places, *slopes], BALL_ARRAYS)(*[BallArray(np.zeros(()))] * d)
        # Norms of z(0) and of the matrix are at most the sums of their entries' sizes.
        sizes = [float(value.mag()) for value in values]
        return upward(sum(sizes[:d]), d), upward(sum(sizes[d:]), d * d)

    def log_base(self, x: Sequence[Fraction]) -> "arb | None":
        """Return the log base measure of the model."""
        return self.model.log_base(x)

    @cached_property
    def prior(self) -> Quantities:
        """The prior's functions of t."""
        return prior_functions(self.model.prior, self.model.latents, self.placement)

    @cached_property
    def quantities(self) -> Quantities | NetworkQuantities:
        """U is their ``"energy"``, a function of t and x."""
        model, symbols = self.model, self.placement.symbols
        inner = model.quantities
        if isinstance(inner, NetworkQuantities):
            return NetworkQuantities(symbols, model.data, inner.network, model.likelihood, self.prior)
        return Quantities(
            symbols,
            model.data,
            model.likelihood,
            (),
            self._lowered,
            lambda: require_floats(model.likelihood),
        )

    def _lowered(self, quantity: str, tape: Tape) -> list[int]:
        """Put the decoder at z(t), or the energy, on the tape."""
        # z(t) stands on the tape once for all outputs: the latents are dummies of the decoder's rules.
        model = self.model
        place = [tape.lower(z) for z in self.placement.place]
        outputs = [tape.substituted(f, model.latents, place) for f in model.outputs]
        if quantity in {"decoder", "outputs"}:
            return outputs if quantity == "outputs" else outputs[: len(model.decoder)]
        dummies = [sympy.Dummy(f"f_{j}", real=True) for j in range(len(outputs))]
        density = model.likelihood.log_density(dummies, model.data)
        return [tape.substituted(self.placement.energy - density, dummies, outputs)]
