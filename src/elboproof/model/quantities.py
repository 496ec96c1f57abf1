"""The quantities of a model: one tape, the functions compiled from it, and what all evaluators share."""

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement, product

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol

from elboproof.arguments import bad, shown, wrong_type
from elboproof.arrays import FloatArray
from elboproof.numbers import mixture_parts
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.tape import Tape

HIGHEST_ORDER = 4
_PROBES = (-3.0, -1.0, -0.1, 0.1, 1.0, 3.0)
_SIGNS = ((1.0, 1.0), (1.0, -1.0))
"""Of the first latent and every second one after it, and of the others: log(u v) is real where u = v."""


class Quantities:
    """The one tape of a model and the functions compiled from it."""

    def __init__(
        self,
        latents: Sequence[Symbol],
        data: Sequence[Symbol],
        binary: bool,
        decoder: Sequence[Expr],
        lower: Callable[[str, Tape], list[int]],
        require_floats: Callable[[], None],
    ) -> None:
        self.latents, self.data, self.binary, self.decoder = latents, data, binary, decoder
        # One tape for all quantities: what they have in common is on it once, derivatives included.
        self._lower, self._require_floats = lower, require_floats
        self.tape = Tape((*latents, *data))
        self._roots: dict[tuple[str, tuple[int, ...]], list[int]] = {}
        self._compiled: dict[tuple[str, tuple[int, ...], str], Compiled] = {}

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
            point = [signs[k % 2] * probe for k in range(len(self.latents))]
            with np.errstate(all="ignore"):
                (value,) = function(*map(np.float64, point), *[None] * len(self.data))
            if np.isnan(value):
                return str(tuple(point))
        return None


class Evaluator:
    """What the evaluators share: names, dimensions, and the place of each distinct derivative."""

    def __init__(self, quantities: Quantities) -> None:
        self._quantities = quantities
        self._d, self._D = len(quantities.latents), len(quantities.data)

    def _index(self, order: int) -> NDArray[np.intp]:
        """Return, for each entry of a full derivative tensor, the number of its distinct derivative."""
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

    def _require_binary(self, x: FloatArray) -> None:
        if self._quantities.binary and not np.isin(x, (0.0, 1.0)).all():
            self._require_binary_numbers([float(x[~np.isin(x, (0.0, 1.0))].flat[0])])

    def _require_binary_numbers(self, x: Sequence[object]) -> None:
        # A ball equals 0 or 1 only if it is that point: a ball around 1 is not binary.
        for value in x:
            if self._quantities.binary and not (value == 0 or value == 1):  # of balls: surely equal
                raise bad("x", value, "zeros and ones, the data of a Bernoulli likelihood")


def not_finite(quantity: str, order: int, point: object, requirement: str) -> ValueError:
    """Return the error for a value that is no number: a pole, an overflow, a point outside the domain."""
    what = f"derivative of order {order} of the {quantity}" if order else quantity
    return ValueError(
        f"z: got {shown(point)}, where the {what} has a pole, overflows or is undefined; "
        f"expected a point where it is {requirement}"
    )
