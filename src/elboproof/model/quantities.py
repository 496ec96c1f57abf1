"""The quantities of a model: one tape, the functions compiled from it, and what all evaluators share."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol

from elboproof.arguments import bad, plain, shown, wrong_type
from elboproof.model.base_measures import Operations
from elboproof.model.supports import REAL, Support
from elboproof.numbers import mixture_parts
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.tape import Tape

if TYPE_CHECKING:
    from elboproof.model.likelihood import Likelihood

HIGHEST_ORDER = 4
End = Fraction | float
"""Of an interval: an exact number, or an infinite float."""
Interval = tuple[End, End]
EVERYWHERE: Interval = (-math.inf, math.inf)
_PROBES = (-3.0, -1.0, -0.1, 0.1, 1.0, 3.0)
_SIGNS = ((1.0, 1.0), (1.0, -1.0))
"""Of the first latent and every second one after it, and of the others: log(u v) is real where u = v."""


class Quantities:
    """The one tape of a model and the functions compiled from it."""

    def __init__(
        self,
        latents: Sequence[Symbol],
        data: Sequence[Symbol],
        likelihood: "Likelihood | None",
        decoder: Sequence[Expr],
        lower: Callable[[str, Tape], list[int]],
        require_floats: Callable[[], None],
        domain: Sequence[Interval] | None = None,
    ) -> None:
        self.latents, self.data, self.likelihood, self.decoder = latents, data, likelihood, decoder
        self.domain = domain or (EVERYWHERE,) * len(latents)
        # One tape for all quantities: what they have in common is on it once, derivatives included.
        self._lower, self._require_floats = lower, require_floats
        self.tape = Tape((*latents, *data))
        self._roots: dict[tuple[str, tuple[int, ...]], list[int]] = {}
        self._compiled: dict[tuple[str, tuple[int, ...], str], Compiled] = {}

    @property
    def decoder_count(self) -> int:
        """The number of the decoder's entries."""
        return len(self.derivative("decoder", ()))

    def compiled(self, quantity: str, order: int, ring: Ring) -> Compiled:
        """Return the raw function (z_1..z_d, x_1..x_D) -> distinct derivatives of one order, entry by entry.

        The values come in the order of ``combinations_with_replacement(range(d), order)``, and within each the
        entries of the quantity.
        """
        return self._of_orders(quantity, (order,), ring)

    def compiled_jet(self, quantity: str, order: int, ring: Ring) -> Compiled:
        """Return the raw function -> the values of orders 0, 1, ..., ``order``, one order after the other."""
        return self._of_orders(quantity, tuple(range(order + 1)), ring)

    def _of_orders(self, quantity: str, orders: tuple[int, ...], ring: Ring) -> Compiled:
        # Distinct derivatives only: of order n in d latents there are (d + n - 1 over n), not d^n.
        key = (quantity, orders, ring.name)
        if key not in self._compiled:
            if ring.fixed == "nearest" and quantity != "decoder":
                self._require_floats()  # before a constant overflows, which could name no argument
            d = range(len(self.latents))
            directions = [v for order in orders for v in combinations_with_replacement(d, order)]
            roots = [root for direction in directions for root in self.derivative(quantity, direction)]
            self._compiled[key] = compile_tape(self.tape, roots, ring)
        return self._compiled[key]

    def derivative(self, quantity: str, direction: tuple[int, ...]) -> list[int]:
        """Return the tape entries of a quantity differentiated once for each latent in ``direction``.

        The ``"parts"`` are the energies of a mixture's components, of other models the energy.
        """
        key = (quantity, direction)
        if key not in self._roots:
            if quantity == "parts":
                self._roots[key] = mixture_parts.parts(self.tape, *self.derivative("energy", direction))
            elif not direction:
                self._roots[key] = self._lower(quantity, self.tape)
            else:
                # One latent at a time, from the derivative before, which the tape keeps.
                before = self.derivative(quantity, direction[:-1])
                self._roots[key] = [self.tape.derivative(root, direction[-1]) for root in before]
        return self._roots[key]

    def unreal_probe(self, j: int) -> str | None:
        """Return a point at which decoder entry ``j`` is NaN, if one of a few on two diagonals is."""
        root = self.tape.lower(self.decoder[j])
        function = compile_tape(self.tape, [root], FLOATING)
        # A few points on two diagonals: enough for log(z) or sqrt(z), no proof.
        for signs, probe in product(_SIGNS, _PROBES):
            point = [_within(signs[k % 2] * probe, *ends) for k, ends in enumerate(self.domain)]
            with np.errstate(all="ignore"):
                (value,) = function(*map(np.float64, point), *[None] * len(self.data))
            if np.isnan(value):
                return str(tuple(point))
        return None


def _within(probe: float, low: End, high: End) -> float:
    """Return a number of the real line as one of an interval: (-4, 4) onto finite ones, by exp onto half-lines."""
    finite = np.isfinite([float(low), float(high)])
    if finite.all():
        return float(low) + (float(high) - float(low)) * (probe + 4.0) / 8.0
    if not finite.any():
        return probe
    return float(low) + math.exp(probe) if finite[0] else float(high) - math.exp(probe)


class Evaluator:
    """What the evaluators share: names, dimensions, and the place of each distinct derivative."""

    def __init__(self, quantities: Quantities) -> None:
        self._quantities = quantities
        self._d, self._D = len(quantities.latents), len(quantities.data)
        self._outputs = quantities.decoder_count

    def _index(self, order: int) -> NDArray[np.intp]:
        """Return, for each entry of a full derivative tensor, the number of its distinct derivative."""
        order = plain(order)
        if isinstance(order, bool) or not isinstance(order, int):
            raise wrong_type("order", order, "an integer")
        if not 0 <= order <= HIGHEST_ORDER:
            raise bad("order", order, f"an order of derivative from 0 to {HIGHEST_ORDER}")
        # Derivatives commute, so that an entry of the tensor is that of its sorted place.
        distinct = {c: k for k, c in enumerate(combinations_with_replacement(range(self._d), order))}
        index = np.empty((self._d,) * order, dtype=np.intp)
        for place in np.ndindex(index.shape):
            index[place] = distinct[tuple(sorted(place))]
        return index

    def _require_inside(
        self,
        quantity: str,
        z: Sequence[Any],
        number: Callable[[End], Any] = float,
        surely: Callable[[Any], bool] = np.all,
    ) -> None:
        """Raise unless the prior has a density at columns z, where its expression would say something else."""
        for k, (low, high) in enumerate(self._quantities.domain if quantity == "energy" else ()):
            below, above = (number(end) if math.isfinite(end) else float(end) for end in (low, high))
            if (low, high) != EVERYWHERE and not surely((z[k] >= below) & (z[k] <= above)):
                raise bad(f"z[{k}]", z[k], f"points of the prior's domain, from {low} to {high}")

    @property
    def _support(self) -> Support:
        likelihood = self._quantities.likelihood
        return REAL if likelihood is None else likelihood.support

    def _with_base(self, quantity: str, order: int, value: Any, x: Sequence[Any], numbers: Operations) -> Any:
        """Return an energy or log likelihood of the tape with the base measure of x; derivatives have none."""
        likelihood = self._quantities.likelihood
        base = None if order or likelihood is None else likelihood.log_base(x, numbers)
        if base is None:
            return value
        return value + base if quantity == "log_likelihood" else value - base


def not_finite(quantity: str, order: int, point: object, requirement: str) -> ValueError:
    """Return the error for a value that is no number: a pole, an overflow, a point outside the domain."""
    what = f"derivative of order {order} of the {quantity}" if order else quantity
    return ValueError(
        f"z: got {shown(point)}, where the {what} has a pole, overflows or is undefined; "
        f"expected a point where it is {requirement}"
    )
