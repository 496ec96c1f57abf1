"""What every model of data and latents offers: dimensions, its energy, and an evaluator for each number system."""

import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arguments import bad, wrong_type
from elboproof.model.base_measures import with_base
from elboproof.model.ceilings import Ceiling
from elboproof.model.evaluators import FloatingEvaluator, TensorEvaluator
from elboproof.model.likelihood import Likelihood
from elboproof.model.point_evaluators import BallEvaluator, ExactEvaluator
from elboproof.model.prior_functions import prior_functions
from elboproof.model.priors import Prior
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorant_ranges import NoMajorantError
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.tape import Tape

if TYPE_CHECKING:
    from flint import arb

    from elboproof.model.placed_model import PlacedModel

_BOUNDED = "data for which log p(x|z) is bounded over z, by a constant or by a + b|z| + c|z|^2 with c < 1/2"


def no_model(value: object) -> TypeError:
    """Return the error for what stands where a model should; of a torch module it says how to make one."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.nn.Module):
        made = "which ep.LatentModel.from_torch(module, likelihood) makes of a module"
        return TypeError(
            f"model: got a {type(value).__name__}, a torch module; expected an ep.LatentModel, {made}"
        )
    return wrong_type("model", value, "an ep.LatentModel")


class JointModel:
    """p(x, z) = p(z) p(x | f(z)), f given by ``quantities`` in every number system.

    Attributes
    ----------
    latents : tuple of Symbol
    decoder : tuple of Expr
        One entry per data dimension; empty where f is no expression.
    likelihood : Likelihood
    prior : Prior
    quantities : Quantities, or what a network has in their place
        The functions that all evaluators and the evidence engine share.
    """

    latents: tuple[Symbol, ...]
    decoder: tuple[Expr, ...]
    likelihood: Likelihood
    prior: Prior

    @property
    def latent_dim(self) -> int:
        """The dimension d of z."""
        return len(self.latents)

    @property
    def data_dim(self) -> int:
        """The dimension D of x."""
        return self._entry_count(len(self.decoder))

    def _entry_count(self, outputs: int) -> int:
        """Return the dimension of x for a decoder of so many outputs: as many, unless the likelihood says otherwise."""
        count = getattr(self.likelihood, "entry_count", None)
        return outputs if count is None else int(count(outputs))

    @cached_property
    def data(self) -> tuple[Symbol, ...]:
        """The symbols that stand for x in ``energy``; dummies, so that they cannot be taken for a latent."""
        # Dummies are equal to themselves alone, so that a latent called x_0 stays another symbol.
        return tuple(sympy.Dummy(f"x_{j}", real=True) for j in range(self.data_dim))

    @cached_property
    def log_likelihood(self) -> Expr:
        """Log p(x|z) in nats, an expression in ``latents`` and ``data``."""
        return with_base(self.likelihood, self.likelihood.log_density(self.outputs, self.data), self.data)

    @property
    def heads(self) -> tuple[Expr, ...]:
        """The outputs beside the decoder's that the likelihood asks for: functions of a variance that depends on z."""
        return getattr(self.likelihood, "heads", ()) if self.decoder else ()

    @property
    def outputs(self) -> tuple[Expr, ...]:
        """What the likelihood takes: the decoder's entries and the heads."""
        return (*self.decoder, *self.heads)

    @cached_property
    def energy(self) -> Expr:
        """U(z) = -log p(x, z) in nats, an expression in ``latents`` and ``data``."""
        return -self.prior.log_density(self.latents) - self.log_likelihood

    @cached_property
    def quantities(self) -> Quantities:
        """The functions that all evaluators and the evidence engine share."""
        raise NotImplementedError

    @property
    def placement(self) -> None:
        """None: z ~ N(0, I), and U is a function of z.

        Raises
        ------
        ValueError
            If the prior is another one; its `integrand` is in other coordinates.
        """
        if not self.prior.standard:
            raise bad("prior", self.prior, "ep.Normal(); the engine takes the model's integrand")

    @cached_property
    def prior_quantities(self) -> Quantities:
        """The prior's own functions of z."""
        return prior_functions(self.prior, self.latents)

    @cached_property
    def integrand(self) -> "JointModel | PlacedModel":
        """What the engine integrates: the model itself under N(0, I), else U in the prior's coordinates."""
        from elboproof.model.placed_model import PlacedModel

        placement = self.prior.placement(self.latents)
        return self if placement is None else PlacedModel(self, placement)

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return upper bounds of log p(x|z) - log h(x) over all z, in nats, for data (N, D).

        Raises
        ------
        ValueError
            If none is known for a row; x[n] is named.
        """
        suprema = self.likelihood.log_suprema(x)
        ceiling = Ceiling.flat(suprema)
        for n in np.flatnonzero(~(suprema < np.inf)).tolist():
            found = self._growing(x[n])
            if found is None:
                raise bad(f"x[{n}]", x.mid[n].tolist(), _BOUNDED)
            ceiling.constant[n], ceiling.linear[n], ceiling.square[n] = found
        return ceiling

    def _growing(self, x: BallArray) -> tuple[float, float, float] | None:
        """Return coefficients of a ceiling that grows with |z|, for one row; None where none is known."""
        above = getattr(self.likelihood, "log_ceiling", None)
        majorant = None if above is None else self._majorant(lambda f: above(f, self.data, x), x)
        return None if majorant is None else majorant.quadratic()

    def log_likelihood_majorant(self, x: BallArray) -> Majorant | None:
        """Return a majorant of log p(x|z) - log h(x) in |z| for one row (D,); None where none is known.

        Where there is one, log p(x|z) is integrable under every Gaussian.
        """
        return self._majorant(lambda f: self.likelihood.log_density(f, self.data), x)

    def _majorant(self, form: Callable[[Sequence[Symbol]], Expr], x: BallArray) -> Majorant | None:
        """Return a majorant of an expression in the outputs and the data of one row; None where none is known."""
        symbols = [sympy.Dummy(f"f_{j}", real=True) for j in range(self.output_dim)]
        tape = Tape([*symbols, *self.data])
        root = tape.lower(form(symbols))
        ends = zip(x.lower().tolist(), x.upper().tolist(), strict=True)
        try:
            outputs = self._output_majorants([(0.0, 1.0)] * self.latent_dim)
            data = [Majorant.constant(low, high) for low, high in ends]
            (majorant,) = compile_tape(tape, [root], MAJORANTS)(*outputs, *data)
        except NoMajorantError:
            return None
        return majorant  # type: ignore[no-any-return]

    @property
    def output_dim(self) -> int:
        """The number of outputs that the likelihood takes."""
        return len(self.outputs)

    def _output_majorants(self, latents: Sequence[tuple[float, float]]) -> list[Majorant]:
        """Return majorants of the outputs, for latents with |z_k| <= offset + slope r."""
        function = self.quantities.compiled("outputs", 0, MAJORANTS)
        return list(function(*(Majorant.affine(a, b) for a, b in latents), *[None] * self.data_dim))

    def log_base(self, x: Sequence[Fraction]) -> "arb | None":
        """Return the log base measure log h(x) in nats, a ball at the precision in force; None for 0."""
        from elboproof.model.base_measures import BALLS

        found: arb | None = self.likelihood.log_base([BALLS.number(value) for value in x], BALLS)
        return found

    @cached_property
    def exact(self) -> ExactEvaluator:
        """Evaluate with SymPy numbers: nothing is rounded."""
        return ExactEvaluator(self.quantities)

    @cached_property
    def floating(self) -> FloatingEvaluator:
        """Evaluate with NumPy in float64, vectorised over z and over x."""
        return FloatingEvaluator(self.quantities)

    @cached_property
    def tensors(self) -> TensorEvaluator:
        """Evaluate with torch: differentiable, any dtype and device."""
        return TensorEvaluator(self.quantities)

    @cached_property
    def balls(self) -> BallEvaluator:
        """Evaluate with balls of python-flint: rigorous at any precision."""
        return BallEvaluator(self.quantities)
