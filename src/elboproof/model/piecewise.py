"""Decoders that are piecewise linear: kinks in layers, and the affine function that the decoder is on each piece.

A kink is where ReLU, LeakyReLU, abs, max or min bends: where an affine function of the latents, given the signs of the
kinks before it, is zero. All numbers are exact: weights are the binary numbers that they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.networks import Activation, Affine, Network, Plus
from elboproof.numbers.exact import flint_rational
from elboproof.numbers.tape import Entry, Tape, operands

Signs = NDArray[np.int8]
"""1 where a kink's argument is nonnegative on a piece, -1 where it is nonpositive."""
_KINKS = {"abs", "max", "min"}
_LINEAR = {"add", "sub", "neg", "mul"}


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


@lru_cache(maxsize=16)
def piecewise(model: LatentModel) -> Piecewise | None:
    """Return a model's decoder as a piecewise linear function with kinks; None if it is none."""
    found: Piecewise | None
    if isinstance(model, NetworkModel):
        found = _of_network(model.network)
    else:
        found = _of_tape(model.quantities.tape, model.quantities.derivative("outputs", ()), model.latent_dim)
    return found if found is not None and found.layers else None


@dataclass(frozen=True, eq=False)
class PiecewiseNetwork:
    """A network of affine layers, sums and activations with one kink at 0.

    Attributes
    ----------
    slopes : dict
        By the place of an activation: the slopes below and above 0.
    places : tuple of int
        The places of the activations.
    matrices : dict
        By the place of an affine layer: weights and biases.
    split : bool
        Whether the last layer alone follows the last activation's values, and is kept apart.
    """

    network: Network
    slopes: Mapping[int, tuple[fmpq, fmpq]]
    matrices: Mapping[int, tuple[fmpq_mat, fmpq_mat]]
    split: bool

    @property
    def places(self) -> tuple[int, ...]:
        """The places of the activations."""
        return tuple(self.slopes)

    @property
    def layers(self) -> int:
        """The number of activations."""
        return len(self.slopes)

    @property
    def bends(self) -> int:
        """The number of units with an activation."""
        return sum(self.network.widths[place + 1] for place in self.places)

    def start(self) -> dict[int, fmpq_mat]:
        """Return the values before the first activation."""
        d = self.network.inputs
        return self._onward({0: fmpq_mat([[int(j == k) for k in range(d + 1)] for j in range(d)])}, 0)

    def _onward(self, values: dict[int, fmpq_mat], first: int) -> dict[int, fmpq_mat]:
        """Return the values with those of the layers from a place up to the next activation."""
        values = dict(values)
        for k, (layer, taken) in list(enumerate(self.network.steps()))[first:]:
            if k in self.slopes or (self.split and k == len(self.network.layers) - 1):
                break
            given = [values[i] for i in taken]
            values[k + 1] = given[0] + given[1] if isinstance(layer, Plus) else self._affine(k, given[0])
        return values

    def _affine(self, k: int, rows: fmpq_mat) -> fmpq_mat:
        weight, bias = self.matrices[k]
        product = weight * rows
        last = product.ncols() - 1
        for j in range(product.nrows()):
            product[j, last] += bias[j, 0]
        return product

    def kinks(self, state: dict[int, fmpq_mat], layer: int) -> fmpq_mat:
        """Return the arguments of an activation."""
        place = self.places[layer]
        return state[self._taken(place)]

    def _taken(self, place: int) -> int:
        return next(taken for k, (_, taken) in enumerate(self.network.steps()) if k == place)[0]

    def after(self, state: dict[int, fmpq_mat], layer: int, signs: Signs) -> dict[int, fmpq_mat]:
        """Return the values up to the next activation."""
        place = self.places[layer]
        below, above = self.slopes[place]
        rows = state[self._taken(place)].table()
        factors = [above if sign > 0 else below for sign in signs.tolist()]
        scaled = fmpq_mat([[f * e for e in row] for f, row in zip(factors, rows, strict=True)])
        return self._onward({**state, place + 1: scaled}, place + 1)

    def units(self, state: dict[int, fmpq_mat]) -> fmpq_mat:
        """Return the last activation's values, or the outputs."""
        return state[len(self.network.layers) - self.split]

    @property
    def weight(self) -> fmpq_mat | None:
        """The last layer's weights, where it is kept apart."""
        return self.matrices[len(self.network.layers) - 1][0] if self.split else None

    @property
    def bias(self) -> fmpq_mat | None:
        """The last layer's biases."""
        return self.matrices[len(self.network.layers) - 1][1] if self.split else None


def _of_network(network: Network) -> PiecewiseNetwork | None:
    slopes: dict[int, tuple[fmpq, fmpq]] = {}
    for k, layer in enumerate(network.layers):
        if isinstance(layer, Activation) and (pair := _slopes(layer.function)) is not None:
            slopes[k] = pair
        elif not isinstance(layer, Affine | Plus):
            return None
    matrices = {
        k: (_exactly(layer.weight.entries), _exactly(layer.bias[:, None]))
        for k, layer in enumerate(network.layers)
        if isinstance(layer, Affine)
    }
    last = len(network.layers) - 1
    split = last in matrices and last - 1 in slopes and list(network.steps())[last][1] == (last,)
    return PiecewiseNetwork(network, slopes, matrices, split)


def _slopes(function: str) -> tuple[fmpq, fmpq] | None:
    """Return the slopes below and above 0 of an activation that has a kink there and no other."""
    if function in {"relu", "abs"}:
        return fmpq(0 if function == "relu" else -1), fmpq(1)
    name, _, number = function.partition("(")
    if name != "leaky_relu":
        return None
    return fmpq(*float(number.rstrip(")")).as_integer_ratio()), fmpq(1)


def _exactly(array: FloatArray) -> fmpq_mat:
    return fmpq_mat([[fmpq(*v.as_integer_ratio()) for v in row] for row in array.tolist()])


Rows = dict[int, tuple[fmpq, ...]]
"""By entry of a tape: its slopes and its constant."""


@dataclass(frozen=True, eq=False)
class PiecewiseTape:
    """Entries of a tape: sums, differences, multiples, and abs, max and min of them.

    Attributes
    ----------
    kinked : tuple of tuple of int
        The entries abs, max and min by layer.
    linear : tuple of tuple of int
        The other entries by the layers that they need, none first.
    roots : tuple of int
        The outputs.
    """

    tape: Tape
    kinked: tuple[tuple[int, ...], ...]
    linear: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]
    latents: int

    weight: None = None
    """The outputs are the units."""
    bias: None = None

    @property
    def layers(self) -> int:
        """The number of layers of kinks."""
        return len(self.kinked)

    @property
    def bends(self) -> int:
        """The number of entries abs, max and min."""
        return sum(map(len, self.kinked))

    def start(self) -> Rows:
        """Return the entries without kinks."""
        return self._with({}, 0)

    def _with(self, rows: Rows, depth: int) -> Rows:
        for i in self.linear[depth]:
            rows[i] = self._row(self.tape.entries[i], rows)
        return rows

    def _row(self, entry: Entry, rows: Rows) -> tuple[fmpq, ...]:
        if entry[0] == "input":
            return tuple(fmpq(int(entry[1] == k)) for k in range(self.latents + 1))
        if entry[0] == "constant":
            return (*[fmpq(0)] * self.latents, flint_rational(entry[1]))  # type: ignore[arg-type]
        first, *others = (rows[j] for j in operands(entry))
        if entry[0] == "neg":
            return tuple(-v for v in first)
        if entry[0] == "mul":
            factor, row = (first, others[0]) if not any(first[:-1]) else (others[0], first)
            return tuple(factor[-1] * v for v in row)
        return _sum(first, others[0], 1 if entry[0] == "add" else -1)

    def kinks(self, state: Rows, layer: int) -> fmpq_mat:
        """Return the arguments of abs, and the differences of those of max and min."""
        return fmpq_mat([self._argument(i, state) for i in self.kinked[layer]])

    def _argument(self, i: int, rows: Rows) -> tuple[fmpq, ...]:
        first, *others = (rows[j] for j in operands(self.tape.entries[i]))
        return _sum(first, others[0], -1) if others else first

    def after(self, state: Rows, layer: int, signs: Signs) -> Rows:
        """Return the rows up to the next layer of kinks."""
        rows = dict(state)
        for i, sign in zip(self.kinked[layer], signs.tolist(), strict=True):
            rows[i] = self._chosen(self.tape.entries[i], rows, sign > 0)
        return self._with(rows, layer + 1)

    def _chosen(self, entry: Entry, rows: Rows, positive: bool) -> tuple[fmpq, ...]:
        parts = [rows[j] for j in operands(entry)]
        if entry[0] == "abs":
            return parts[0] if positive else tuple(-v for v in parts[0])
        return parts[0 if positive == (entry[0] == "max") else 1]

    def units(self, state: Rows) -> fmpq_mat:
        """Return the outputs."""
        return fmpq_mat([state[root] for root in self.roots])


def _sum(a: Sequence[fmpq], b: Sequence[fmpq], sign: int) -> tuple[fmpq, ...]:
    return tuple(v + sign * w for v, w in zip(a, b, strict=True))


def _of_tape(tape: Tape, roots: Sequence[int], latents: int) -> PiecewiseTape | None:
    needed = tape.reachable(roots)
    depths: dict[int, int] = {}
    for i in needed:
        depth = _depth(tape, i, depths, latents)
        if depth is None:
            return None
        depths[i] = depth
    deepest = max(depths.values(), default=0)
    kinked = [[i for i in needed if _bends(tape, i) and depths[i] == k + 1] for k in range(deepest)]
    linear = [[i for i in needed if not _bends(tape, i) and depths[i] == k] for k in range(deepest + 1)]
    return PiecewiseTape(tape, tuple(map(tuple, kinked)), tuple(map(tuple, linear)), tuple(roots), latents)


def _bends(tape: Tape, i: int) -> bool:
    return tape.entries[i][0] in _KINKS


def _depth(tape: Tape, i: int, depths: Mapping[int, int], latents: int) -> int | None:
    """Return how many layers of kinks an entry needs; None if it is not piecewise linear, or not rational."""
    entry, parts = tape.entries[i], operands(tape.entries[i])
    if entry[0] == "input":
        return 0 if entry[1] < latents else None  # type: ignore[operator]
    if entry[0] == "constant":
        return 0
    if entry[0] not in _KINKS | _LINEAR or (entry[0] == "mul" and all(tape.varies[j] for j in parts)):
        return None
    return max(depths[j] for j in parts) + _bends(tape, i)
