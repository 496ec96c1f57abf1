"""A feed-forward network: exact float64 weights, and layers of a few kinds, each taking the values of layers before it.

It is never expanded into scalar expressions. Every number system runs it layer by layer (`network_layers`): an affine
map is a matrix product, an activation a function of the table that decoder strings use, with the same derivatives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.tape import Tape


@dataclass(frozen=True, eq=False)
class Affine:
    """h -> W h + b.

    Attributes
    ----------
    weight : (m, n)
    bias : (m,)
        Finite, meant exactly.
    name : str
        What error messages call it.
    """

    weight: ExactMatrix
    bias: FloatArray
    name: str

    def __post_init__(self) -> None:
        # Compiled functions and proofs rest on these numbers; the weights are read-only already.
        self.bias.setflags(write=False)

    def __str__(self) -> str:
        return "-".join(map(str, self.weight.shape[::-1]))


@dataclass(frozen=True)
class Activation:
    """A function of one variable applied to each unit; ``function`` is a name that `activations.known` knows."""

    function: str

    def __str__(self) -> str:
        return self.function


@dataclass(frozen=True, eq=False)
class Scaling:
    """h_j -> (h_j - mean_j) weight_j / sqrt(variance_j + eps) + bias_j: a batch norm in evaluation mode.

    An affine map whose slopes are irrational: they are no floats, and every number system makes them for itself from
    the exact numbers that stand here.

    Attributes
    ----------
    mean, variance, weight, bias : (c,)
        Finite, meant exactly, variance + eps > 0.
    channel : (n,)
        Which of the c each unit has.
    eps : float
        Meant exactly.
    """

    mean: FloatArray
    variance: FloatArray
    weight: FloatArray
    bias: FloatArray
    channel: tuple[int, ...]
    eps: float

    def __post_init__(self) -> None:
        _fixed(self.mean, self.variance, self.weight, self.bias)

    @property
    def units(self) -> int:
        """The number n of units."""
        return len(self.channel)

    def constants(self, tape: Tape) -> list[int]:
        """Return the entries of weight / sqrt(variance + eps) on a tape, (c,)."""
        pairs = zip(self.weight.tolist(), self.variance.tolist(), strict=True)
        return [_over_root(tape, Fraction(w), Fraction(v) + Fraction(self.eps)) for w, v in pairs]

    def __str__(self) -> str:
        return f"batch norm of {self.units}"


@dataclass(frozen=True, eq=False)
class Normalisation:
    """h -> weight (h - mean) / sqrt(variance + eps) + bias, mean and variance over the units of a group: a layer norm.

    With n units in a group and c = n h - sum of h, which has integer weights, it is

        y_j = sqrt(n) weight_j c_j / sqrt(sum of c^2 + n^3 eps) + bias_j.

    Attributes
    ----------
    centring : Affine
        h -> c.
    groups : (G, n)
        Which units each group has; a unit is in one group.
    weight, bias : (units,)
        Finite, meant exactly.
    eps : float
        Positive, meant exactly.
    """

    centring: Affine
    groups: tuple[tuple[int, ...], ...]
    weight: FloatArray
    bias: FloatArray
    eps: float

    def __post_init__(self) -> None:
        _fixed(self.weight, self.bias)

    @staticmethod
    def of(
        groups: tuple[tuple[int, ...], ...], weight: FloatArray, bias: FloatArray, eps: float
    ) -> "Normalisation":
        """Return the layer, with its centring made from the groups."""
        entries = np.zeros((len(weight), len(weight)))
        for group in groups:
            entries[np.ix_(group, group)] = -1.0
            entries[group, group] += len(group)
        centring = Affine(ExactMatrix(entries), np.zeros(len(weight)), "centring")
        return Normalisation(centring, groups, weight, bias, eps)

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.weight)

    @property
    def size(self) -> int:
        """The number n of units in a group."""
        return len(self.groups[0])

    @property
    def spread(self) -> Fraction:
        """n^3 eps."""
        return Fraction(self.size) ** 3 * Fraction(self.eps)

    @property
    def owner(self) -> list[int]:
        """The group of each unit."""
        places = {unit: g for g, group in enumerate(self.groups) for unit in group}
        return [places[unit] for unit in range(self.units)]

    def constants(self, tape: Tape) -> list[int]:
        """Return the entries of n^3 eps and of sqrt(n) weight on a tape, (1 + units,)."""
        root = tape.call("sqrt", tape.constant(self.size))
        scales = [tape.multiply(tape.constant(Fraction(w)), root) for w in self.weight.tolist()]
        return [tape.constant(self.spread), *scales]

    def __str__(self) -> str:
        return f"layer norm of {self.units}" + (
            f" in {len(self.groups)} groups" if len(self.groups) > 1 else ""
        )


@dataclass(frozen=True)
class Plus:
    """The sum of two values."""

    def __str__(self) -> str:
        return "+"


Layer = Affine | Activation | Scaling | Normalisation | Plus


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in order of evaluation, at least one of them affine, with sizes that fit; the last gives the outputs.

    Attributes
    ----------
    layers : tuple of Layer
    operands : tuple of tuple of int, optional
        What each layer takes: 0 are the latents, k the value of the layer at place k - 1. If empty, each takes the
        value before it.
    """

    layers: tuple[Layer, ...]
    operands: tuple[tuple[int, ...], ...] = ()

    @property
    def chain(self) -> bool:
        """Whether each layer takes the value before it alone."""
        return all(taken == (k,) for k, (_, taken) in enumerate(self.steps()))

    def steps(self) -> Iterator[tuple[Layer, tuple[int, ...]]]:
        """Yield each layer with what it takes."""
        yield from zip(self.layers, self.operands or [(k,) for k in range(len(self.layers))], strict=True)

    @property
    def widths(self) -> list[int]:
        """The number of units of each value, that of the latents first."""
        # layers before the first one that knows its size keep the number of units
        known = next(filter(None, map(_inputs_of, self.layers)))
        widths = [known]
        for layer, taken in self.steps():
            widths.append(layer.weight.shape[0] if isinstance(layer, Affine) else widths[taken[0]])
        return widths

    @property
    def affine(self) -> list[Affine]:
        """The affine layers."""
        return [layer for layer in self.layers if isinstance(layer, Affine)]

    @property
    def inputs(self) -> int:
        """The number of latents d."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """The number of outputs D."""
        return self.widths[-1]

    @property
    def widest(self) -> int:
        """The largest number of units in a layer."""
        # Inputs count, too: a layer may be wider where it begins than where it ends.
        return max(self.widths)

    @property
    def products(self) -> int:
        """The number of weights of all matrices."""
        centring = [layer.centring for layer in self.layers if isinstance(layer, Normalisation)]
        return sum(layer.weight.entries.size for layer in [*self.affine, *centring])

    def __repr__(self) -> str:
        if self.chain:
            return f"Network({', '.join(map(str, self.layers))})"
        words = (f"{layer} of {' and '.join(map(str, taken))}" for layer, taken in self.steps())
        return f"Network({', '.join(words)})"


def _inputs_of(layer: Layer) -> int | None:
    if isinstance(layer, Affine):
        return layer.weight.shape[1]
    return layer.units if isinstance(layer, Scaling | Normalisation) else None


def _over_root(tape: Tape, numerator: Fraction, square: Fraction) -> int:
    return tape.divide(tape.constant(numerator), tape.call("sqrt", tape.constant(square)))


def _fixed(*arrays: FloatArray) -> None:
    for array in arrays:
        array.setflags(write=False)
