"""Which latents enter a decoder linearly, given the others: what a Gaussian likelihood lets integrate out exactly.

f(z) = f_0(z') + B(z') y holds for latents y together if no output has a product of two of them, nor a function of one.
That is read off the operations of the decoder's tape: sums keep what is linear, a product makes pairs of what its
factors depend on, every function makes pairs of all that its arguments depend on. A pair that is not made has a second
derivative that is zero everywhere, since sums and products of what does not vary with y are all that was met. The
converse does not hold: (y + z)^2 - y^2 has pairs until it is expanded, which is done for polynomials of low degree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import or_

import sympy
from flint import fmpq, fmpq_mat
from sympy import Expr, Symbol

from elboproof.arrays import FloatArray
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.networks import Affine, Network, Plus
from elboproof.numbers.exact import flint_rational
from elboproof.numbers.tape import Entry, Tape, operands

MOST_DEGREE = 8
"""Of a polynomial that is expanded."""
MOST_SYMBOLS = 6
"""Of a polynomial that is expanded."""


@dataclass(frozen=True)
class Dependence:
    """What a quantity depends on: latents as bits of an integer.

    Attributes
    ----------
    on : int
        The latents that it may vary with.
    pairs : tuple of int
        By latent: the latents with which it may not be linear together; its own bit says that it may bend in it.
    """

    on: int
    pairs: tuple[int, ...]

    @property
    def bends(self) -> int:
        """The latents that are in a pair."""
        return sum(1 << k for k, mask in enumerate(self.pairs) if mask)


def dependences(tape: Tape, roots: Sequence[int], latents: int) -> list[Dependence]:
    """Return what entries of a tape depend on, its first inputs being the latents."""
    found: dict[int, Dependence] = {}
    for i in tape.reachable(roots):
        found[i] = _dependence(tape.entries[i], [found[j] for j in operands(tape.entries[i])], latents)
    return [found[root] for root in roots]


def _dependence(entry: Entry, parts: Sequence[Dependence], latents: int) -> Dependence:
    none = (0,) * latents
    if entry[0] == "input":
        k: int = entry[1]  # type: ignore[assignment]
        return Dependence(1 << k if k < latents else 0, none)
    on = reduce(or_, (part.on for part in parts), 0)
    kept = [part.pairs for part in parts if any(part.pairs)]
    # (f g)_ij = f_i g_j + f_j g_i + f_ij g + f g_ij; a quotient is a product with 1/g, a function of g; any other
    # function of several arguments may bend in all that they depend on
    if entry[0] in {"mul", "div"}:
        kept.append(_products(parts[0].on, parts[1].on, latents))
    if entry[0] == "div":
        kept.append(_products(parts[1].on, parts[1].on, latents))
    if entry[0] not in {"add", "sub", "neg", "mul", "div"}:
        kept.append(_products(on, on, latents))
    return Dependence(on, tuple(reduce(or_, column) for column in zip(*kept, strict=True)) if kept else none)


def _products(a: int, b: int, latents: int) -> tuple[int, ...]:
    return tuple((b if a >> k & 1 else 0) | (a if b >> k & 1 else 0) for k in range(latents))


@dataclass(frozen=True, eq=False)
class Outputs:
    """A decoder's outputs as entries of a tape whose first inputs are the latents, and what they depend on.

    Attributes
    ----------
    jacobian : tuple of tuple of int, optional
        Entries of the derivatives, D rows of d, where they are known without differentiation.
    """

    tape: Tape
    entries: tuple[int, ...]
    dependences: tuple[Dependence, ...]
    jacobian: tuple[tuple[int, ...], ...] | None = None

    @property
    def on(self) -> int:
        """The latents that some output may vary with."""
        return reduce(or_, (each.on for each in self.dependences), 0)

    @property
    def pairs(self) -> tuple[int, ...]:
        """By latent: the latents with which some output may not be linear together."""
        return tuple(reduce(or_, masks) for masks in zip(*(d.pairs for d in self.dependences), strict=True))

    @property
    def affine(self) -> bool:
        """Whether the decoder is affine in all latents."""
        return not any(self.pairs)

    def slopes(self, k: int) -> list[int]:
        """Return the entries of the derivatives of all outputs by latent ``k``."""
        if self.jacobian is not None:
            return [row[k] for row in self.jacobian]
        zero = self.tape.constant(0)
        return [
            self.tape.derivative(entry, k) if each.on >> k & 1 else zero
            for entry, each in zip(self.entries, self.dependences, strict=True)
        ]


def outputs_of(model: LatentModel) -> Outputs | None:
    """Return what a model's likelihood takes, heads included, on a tape; None for a network that is not affine."""
    if isinstance(model, NetworkModel):
        return _of_network(model.network, model.latents)
    tape, d = model.quantities.tape, model.latent_dim
    entries = list(model.quantities.derivative("outputs", ()))
    for j, each in enumerate(dependences(tape, entries, d)):
        if any(each.pairs):
            entries[j] = _simplest(tape, entries[j], model.outputs[j], each)
    return Outputs(tape, tuple(entries), tuple(dependences(tape, entries, d)))


def _simplest(tape: Tape, entry: int, output: Expr, each: Dependence) -> int:
    """Return the entry of an output, expanded where that leaves fewer pairs."""
    degree = _degree(output)
    if degree is None or degree > MOST_DEGREE or len(output.free_symbols) > MOST_SYMBOLS:
        return entry
    expanded = tape.lower(sympy.Poly(output, *output.free_symbols).as_expr())
    (other,) = dependences(tape, [expanded], len(each.pairs))
    return expanded if _count(other) < _count(each) else entry


def _count(each: Dependence) -> int:
    return sum(mask.bit_count() for mask in each.pairs)


def _degree(e: Expr) -> int | None:
    """Return a bound of the degree of a polynomial with rational coefficients as it is written; None for others."""
    if e.is_Rational or e.is_Symbol:
        return int(e.is_Symbol)
    degrees = [_degree(part) for part in e.args]
    if any(degree is None for degree in degrees):
        return None
    if e.is_Add:
        return max(degrees)  # type: ignore[type-var]
    if e.is_Mul:
        return sum(degrees)  # type: ignore[arg-type]
    if e.is_Pow and e.exp.is_Integer and e.exp > 0:
        return int(e.exp) * degrees[0]  # type: ignore[operator]
    return None


def _of_network(network: Network, latents: Sequence[Symbol]) -> Outputs | None:
    """Return the outputs W z + b of a network without activations, W and b multiplied out exactly."""
    if not all(isinstance(layer, Affine | Plus) for layer in network.layers):
        return None
    # h -> W h + c, one layer after the other, in exact rationals: each float64 weight is the number that it is
    values = [(_diagonal(network.inputs), fmpq_mat(network.inputs, 1))]
    for layer, taken in network.steps():
        (weight, bias), others = values[taken[0]], [values[i] for i in taken[1:]]
        if isinstance(layer, Affine):
            factor, shift = _exactly(layer.weight.entries), _exactly(layer.bias[:, None])
            weight, bias = factor * weight, factor * bias + shift
        for other in others:
            weight, bias = weight + other[0], bias + other[1]
        values.append((weight, bias))
    tape, rows = Tape(latents), weight.tolist()
    jacobian = tuple(tuple(tape.constant(_fraction(entry)) for entry in row) for row in rows)
    entries = []
    for row, (offset,) in zip(jacobian, bias.tolist(), strict=True):
        terms = [tape.multiply(slope, tape.lower(z)) for slope, z in zip(row, tape.inputs, strict=True)]
        entries.append(reduce(tape.add, terms, tape.constant(_fraction(offset))))
    return Outputs(tape, tuple(entries), tuple(dependences(tape, entries, network.inputs)), jacobian)


def _diagonal(size: int) -> fmpq_mat:
    return fmpq_mat([[int(j == k) for k in range(size)] for j in range(size)])


def _exactly(array: FloatArray) -> fmpq_mat:
    return fmpq_mat([[flint_rational(Fraction(value)) for value in row] for row in array.tolist()])


def _fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))
