"""Networks of affine layers and activations with one kink, as piecewise linear functions."""

from collections.abc import Mapping
from dataclasses import dataclass

from flint import fmpq, fmpq_mat

from elboproof.arrays import FloatArray
from elboproof.model.kinks import Signs
from elboproof.model.networks import Activation, Affine, Network, Plus


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


def of_network(network: Network) -> PiecewiseNetwork | None:
    """Return a network as a piecewise linear function; None if a layer is of another kind, or irrational."""
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
