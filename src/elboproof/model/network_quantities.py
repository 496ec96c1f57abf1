"""The quantities of a network model: the same functions as a tape's, run layer by layer.

The energy is U = |z|^2/2 + (d/2) log 2 pi - log p(x | f(z)), or with another prior's energy, whose functions are on a
tape of their own, with

    -log p = sum_j (x_j - f_j)^2 / (2 v_j) + log det(2 pi C) / 2      (Gaussian, scalar or diagonal C)
    -log p = minus the sum of the likelihood's rules                  (all others, `elboproof.model.blocks`).
"""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import sympy
from sympy import Symbol

from elboproof.arguments import bad, wrong_type
from elboproof.model.activations import compiled_activation
from elboproof.model.blocks import Block, alike, rule_tape
from elboproof.model.likelihood import Gaussian, Likelihood, require_floats
from elboproof.model.network_algebra import Arrays, Balls, Tensors
from elboproof.model.network_data import NetworkData
from elboproof.model.network_layers import Arithmetic, outputs
from elboproof.model.network_prior import prior_jet
from elboproof.model.network_scalars import Scalars
from elboproof.model.networks import Network, Normalisation, Scaling
from elboproof.model.quantities import EVERYWHERE, Interval, Quantities
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.jet_tape import JetTape
from elboproof.numbers.jets import Jet, added, derivatives, mapped, squared
from elboproof.numbers.tape import Tape

_ALGEBRAS: dict[str, tuple[type[Arrays], bool]] = {  # and whether points are taken in blocks
    "floating": (Arrays, True),
    "tensors": (Tensors, False),
    "ball arrays": (Balls, True),
    "complex ball arrays": (Balls, True),
    "balls": (Scalars, False),
    "complex balls": (Scalars, False),
}
_CACHED = 2**15
"""Numbers of one temporary (units times points): a quarter of a megabyte, which stays in cache."""


class NetworkQuantities:
    """What the evaluators and the evidence engine ask of a model, for a network.

    Parameters
    ----------
    latents, data
        Symbols, for their names and numbers.
    network
        The decoder.
    likelihood
        ``ep.Gaussian`` with scalar or diagonal covariance, or any other family.
    prior
        Functions of a prior that is not N(0, I); its ``"decoder"`` gives z where arguments are other coordinates.

    Attributes
    ----------
    block : int
        Points evaluated at once.
    tape : Tape
        A tape without inputs, for constants.

    Raises
    ------
    TypeError, ValueError
        If the likelihood is another one.
    """

    def __init__(
        self,
        latents: Sequence[Symbol],
        data: Sequence[Symbol],
        network: Network,
        likelihood: Likelihood,
        prior: Quantities | None = None,
        domain: Sequence[Interval] | None = None,
    ) -> None:
        _require_supported(likelihood)
        self.latents, self.data = tuple(latents), tuple(data)
        self.network, self.likelihood, self.prior = network, likelihood, prior
        self.domain = domain or (EVERYWHERE,) * len(self.latents)
        self.tape = Tape(())
        # A block of the widest layer fills `_CACHED` numbers; not fewer than 32 points, which share the cost of
        # a call.
        self.block = max(32, _CACHED // network.widest)
        self._functions: dict[tuple[str, int, str], Compiled] = {}

    @property
    def decoder_count(self) -> int:
        """The number of the network's outputs."""
        return self.network.outputs

    def compiled(self, quantity: str, order: int, ring: Ring) -> Compiled:
        """Return the function (z_1..z_d, x_1..x_D) -> distinct derivatives, as `Quantities.compiled` does."""
        return _Function(self, quantity, (order,), ring)

    def compiled_jet(self, quantity: str, order: int, ring: Ring) -> Compiled:
        """Return the function -> the values of orders 0, 1, ..., ``order``, as `Quantities.compiled_jet` does."""
        return _Function(self, quantity, tuple(range(order + 1)), ring)

    def activation(self, name: str, order: int, ring: Ring) -> Compiled:
        """Return the function t -> Taylor coefficients g^(n)(t)/n!, n = 0, ..., order, of an activation g."""
        key = (name, order, ring.name)
        if key not in self._functions:
            self._functions[key] = compiled_activation(name, order, ring)
        return self._functions[key]

    def constants(self, name: str, ring: Ring) -> Compiled:
        """Return the function () -> numbers of a ring: the energy's ``"constant"`` parts or the ``"weights"``."""
        key = (name, 0, ring.name)
        if key not in self._functions:
            # Exact expressions on a tape, which each ring rounds or encloses for itself: (d/2) log 2 pi, and a
            # Gaussian's log det(2 pi C)/2; or its weights 1/(2 v_j).
            if name == "constant":
                numbers = [sympy.log(2 * sympy.pi) * len(self.latents) / 2]
                numbers.append(
                    -self.gaussian.log_normaliser(len(self.data)) if self.gaussian else sympy.Integer(0)
                )
            else:
                if ring.fixed == "nearest":
                    require_floats(self.likelihood)
                numbers = [1 / (2 * v) for v in (self.gaussian.variance if self.gaussian else None) or ()]
            self._functions[key] = compile_tape(self.tape, [self.tape.lower(n) for n in numbers], ring)
        return self._functions[key]

    @cached_property
    def gaussian(self) -> Gaussian | None:
        """The likelihood if it is Gaussian: it has its own way, with one product for all outputs."""
        return self.likelihood if isinstance(self.likelihood, Gaussian) else None

    @cached_property
    def rules(self) -> list[tuple[JetTape, list[Block]]]:
        """The rules of any other likelihood, with their blocks, whose outputs are taken together."""
        groups = alike(self.likelihood.blocks(len(self.data)))  # type: ignore[attr-defined]
        return [(JetTape(*rule_tape(rule)), blocks) for rule, blocks in groups.items()]

    def layer_constants(self, layer: Scaling | Normalisation, ring: Ring) -> tuple[Any, ...]:
        """Return the constants of a layer as numbers of a ring."""
        key = (f"layer {id(layer)}", 0, ring.name)  # the network keeps its layers
        if key not in self._functions:
            self._functions[key] = compile_tape(self.tape, layer.constants(self.tape), ring)
        return self._functions[key]()

    def rule_constants(self, k: int, ring: Ring) -> tuple[Any, ...]:
        """Return the constants of rule k as numbers of a ring."""
        key = (f"rule {k}", 0, ring.name)
        if key not in self._functions:
            self._functions[key] = self.rules[k][0].compiled_constants(ring)
        return self._functions[key]()


def _require_supported(likelihood: Likelihood) -> None:
    if not isinstance(likelihood, Gaussian) and not hasattr(likelihood, "blocks"):
        raise wrong_type(
            "likelihood", likelihood, "ep.Gaussian(variance=...) or another family of ep for a network"
        )
    if isinstance(likelihood, Gaussian) and likelihood.variance is None:
        raise bad("likelihood", likelihood, "a scalar or diagonal variance for a network")


class _Function:
    """The derivatives of given orders of one quantity, in one ring."""

    def __init__(
        self, quantities: NetworkQuantities, quantity: str, orders: tuple[int, ...], ring: Ring
    ) -> None:
        if ring.name not in _ALGEBRAS:
            raise ValueError(
                f"evaluator: got the {ring.name} number system for a network; expected floating, tensors or balls "
                "(write a small decoder as expressions instead)"
            )
        kind, self.blocked = _ALGEBRAS[ring.name]
        self.algebra = kind()
        self.quantities, self.quantity, self.orders, self.ring = quantities, quantity, orders, ring

    def __call__(self, *arguments: Any, **options: Any) -> tuple[Any, ...]:
        d, algebra = len(self.quantities.latents), self.algebra
        z, x = arguments[:d], arguments[d:]
        with_data = self.quantity != "decoder"
        # z: d columns, x: D columns, of shapes that broadcast to one. Points are numbered through it, P in all,
        # and taken in blocks whose temporaries stay in cache; blocks are independent, and are joined in order.
        shape = algebra.shape([*z, *x] if with_data else z)
        latents, data = algebra.matrix(z, shape), NetworkData(algebra, x, shape) if with_data else None
        points = int(np.prod(shape))
        step = self.quantities.block if self.blocked else max(points, 1)
        blocks = [slice(start, min(start + step, points)) for start in range(0, max(points, 1), step)]
        parts = [self._block(algebra.taken(latents, b), data and data.at(b), b, options) for b in blocks]
        columns = zip(*parts, strict=True)
        return tuple(algebra.shaped(algebra.joined(column), shape) for column in columns)

    def _block(self, z: Any, x: Any, block: slice, options: dict[str, Any]) -> list[Any]:
        """Return the wanted derivatives of a block of points, entry by entry."""
        d, algebra = len(self.quantities.latents), self.algebra
        # A jet maps directions to coefficients: () is the value, (k,) the slope along latent k. Latents are
        # their own first order, and have no second.
        jet: Jet = {(): z}
        if max(self.orders):
            jet |= {(k,): unit for k, unit in enumerate(algebra.units(z, d))}
        run = _Run(self, options)
        values = run.outputs(run.placed(jet)) if x is None else run.of_data(self.quantity, jet, x)
        result: list[Any] = []
        for value in (v for order in self.orders for v in derivatives(values, d, order)):
            result.extend(self._entries(algebra.total(z * 0.0) if value is None else value, x is None))
        return [algebra.repeated(value, (block.stop - block.start,)) for value in result]

    def _entries(self, value: Any, decoder: bool) -> list[Any]:
        """Return the rows of a matrix (D, P) of outputs, or the one row (P,) of other quantities or of zeros."""
        # A derivative that is zero for all outputs comes as one row, which then stands for each of them.
        outputs = self.quantities.network.outputs
        if not decoder:
            return [value]
        return [value[j] for j in range(outputs)] if value.ndim == 2 else [value] * outputs


class _Run:
    """One evaluation: the network's outputs and what a likelihood makes of them."""

    def __init__(self, function: _Function, options: dict[str, Any]) -> None:
        self.quantities, self.algebra, self.ring = function.quantities, function.algebra, function.ring
        self.order, self.options = max(function.orders), options

    def outputs(self, jet: Jet) -> Jet:
        """Return the jet of f(z), coefficients of shape (D, P)."""
        constants = partial(self.quantities.layer_constants, ring=self._constant_ring)
        return outputs(
            self.quantities.network, jet, Arithmetic(self.algebra, self._taylor, constants, self.order)
        )

    def placed(self, jet: Jet) -> Jet:
        """Return the jet of z, coefficients (d, P), where arguments are other coordinates."""
        if self.quantities.prior is None:
            return jet
        return self._of_prior("decoder", jet, len(self.quantities.latents))

    def _of_prior(self, quantity: str, jet: Jet, rows: int) -> Jet:
        prior: Quantities = self.quantities.prior  # type: ignore[assignment]
        function = prior.compiled_jet(quantity, self.order, self.ring)
        return prior_jet(function, self.algebra, jet[()], self.order, rows, self.options)

    def of_data(self, quantity: str, jet: Jet, x: Any) -> Jet:
        """Return the jet of the energy, of the log likelihood or of the tilted one, coefficients of shape (P,)."""
        # U = misfit + density + |z|^2 / 2 + prior, constants of the ring: in balls enclosures, in floats
        # nearest.
        prior, density = self.quantities.constants("constant", self._constant_ring)()
        negative = added(self._misfit(self.outputs(self.placed(jet)), x), {(): density})
        if quantity != "energy":
            positive = mapped(lambda value: -value, negative)
            if quantity == "log_likelihood" or self.quantities.prior is None:
                return positive
            return added(positive, mapped(self.algebra.total, self._of_prior("tilted", jet, 1)))
        if self.quantities.prior is not None:
            return added(negative, mapped(self.algebra.total, self._of_prior("energy", jet, 1)))
        squares = squared(jet, self.order, self.algebra.square)
        return added(
            mapped(lambda value: self.algebra.total(value) * 0.5, squares), added(negative, {(): prior})
        )

    @property
    def _constant_ring(self) -> Ring:
        from elboproof.numbers.balls import REAL_BALLS

        return REAL_BALLS if self.ring.name == "complex balls" else self.ring  # constants are real

    def _misfit(self, f: Jet, x: Any) -> Jet:
        """Return the jet of -log p(x|z) without its constant."""
        algebra, order = self.algebra, self.order
        if self.quantities.gaussian is None:
            return mapped(lambda value: -value, self._by_rules(f, x))
        weights = self.quantities.constants("weights", self._constant_ring)()
        # -log p = sum_j w_j (f_j - x_j)^2, w_j = 1/(2 v_j); a square is known to be nonnegative, which a
        # product is not. One common weight is applied after the sum.
        squares = squared({**f, (): f[()] - x}, order, algebra.square)
        if len(weights) == 1:
            return mapped(lambda value: algebra.total(value) * weights[0], squares)
        column = algebra.stacked(weights, x)
        return mapped(lambda value: algebra.total(value * column), squares)

    def _by_rules(self, f: Jet, x: Any) -> Jet:
        """Return the jet of log p(x|z) - log h(x): the sum over the likelihood's rules."""
        total: Jet = {}
        for k, (tape, blocks) in enumerate(self.quantities.rules):
            # one row for each block: (B, P) of the first output of every block, of the second, and so on
            places = range(len(blocks[0].outputs)), range(len(blocks[0].entries))
            outputs = [self._rows(f, [block.outputs[place] for block in blocks]) for place in places[0]]
            entries = [self._rows({(): x}, [block.entries[place] for block in blocks]) for place in places[1]]
            constants = self.quantities.rule_constants(k, self._constant_ring)
            found = tape.run([*outputs, *entries], constants, self.order, self._taylor, self.algebra.square)
            total = added(total, mapped(self.algebra.total, found))
        return total

    def _rows(self, jet: Jet, index: Sequence[int]) -> Jet:
        return mapped(lambda value: self.algebra.rows(value, index), jet)

    def _taylor(self, name: str, h: Any) -> Sequence[Any]:
        # (n, P) -> order + 1 coefficients of that shape; compiled once for each ring and order.
        function = self.quantities.activation(name, self.order, self.ring)
        return self.algebra.applied(function, h, self.options)
