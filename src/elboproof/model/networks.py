"""A feed-forward network: affine maps with exact float64 weights, and activations.

It is never expanded into scalar expressions. Every number system runs it layer by layer: an affine map is a matrix
product, an activation a function of the table that decoder strings use, with the same derivatives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sympy import Symbol

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.functions import PRIMITIVES, WRITABLE
from elboproof.numbers.jet_tape import INVERSE
from elboproof.numbers.jets import Jet, composed
from elboproof.numbers.tape import Tape

_FUNCTIONS = PRIMITIVES | WRITABLE


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


@dataclass(frozen=True)
class Activation:
    """A function of one variable applied to each unit; ``function`` is a name of ``functions.WRITABLE``."""

    function: str


def compiled_activation(name: str, order: int, ring: Ring) -> Compiled:
    """Return the function t -> Taylor coefficients g^(n)(t)/n!, n = 0, ..., order, of an activation g."""
    # Each derivative is the one before differentiated once more, on one tape; 1/n! is an exact constant of it.
    t = Symbol("t", real=True)
    tape = Tape([t])
    given = 1 / t if name == INVERSE else _FUNCTIONS[name].symbolic(t)
    roots, entry, scale = [], tape.lower(given), Fraction(1)
    for n in range(order + 1):
        roots.append(tape.multiply(entry, tape.constant(scale)))
        if n < order:
            entry, scale = tape.derivative(entry, 0), scale / (n + 1)
    return compile_tape(tape, roots, ring)


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in order of evaluation, at least one of them affine, with sizes that fit."""

    layers: tuple[Affine | Activation, ...]

    @property
    def _affine(self) -> list[Affine]:
        return [layer for layer in self.layers if isinstance(layer, Affine)]

    @property
    def inputs(self) -> int:
        """The number of latents d."""
        return self._affine[0].weight.shape[1]

    @property
    def outputs(self) -> int:
        """The number of outputs D."""
        return self._affine[-1].weight.shape[0]

    @property
    def widest(self) -> int:
        """The largest number of units in a layer."""
        # Inputs count, too: a layer may be wider where it begins than where it ends.
        return max(max(layer.weight.shape) for layer in self._affine)

    def forward(
        self, jet: Jet, affine: Callable[[Affine, Any, bool], Any], taylor: Callable[..., Any]
    ) -> Jet:
        """Return the outputs' jet for the input's.

        Parameters
        ----------
        jet
            Coefficients of shape (d, P).
        affine
            (layer, h, whether to add the bias) -> W h or W h + b.
        taylor
            (function's name, h) -> its Taylor coefficients at h.
        """
        # Coefficients (n, P) -> (m, P). An affine map acts on every coefficient alike, its bias on the value
        # alone; an activation composes its Taylor coefficients with the jet, which is the chain rule.
        for layer in self.layers:
            if isinstance(layer, Affine):
                jet = {key: affine(layer, value, not key) for key, value in jet.items()}
            else:
                jet = composed(taylor(layer.function, jet[()]), jet)
        return jet

    def __repr__(self) -> str:
        words = [
            layer.function if isinstance(layer, Activation) else "-".join(map(str, layer.weight.shape[::-1]))
            for layer in self.layers
        ]
        return f"Network({', '.join(words)})"
