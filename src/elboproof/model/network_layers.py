"""What layers do to truncated Taylor polynomials, in any number system.

A jet's coefficients have the shape (units, P) of P points, or (units, 1) where they are the same at all points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from elboproof.model.activations import INVERSE_ROOT
from elboproof.model.network_algebra import Arrays
from elboproof.model.networks import Activation, Affine, Layer, Network, Normalisation, Plus, Scaling
from elboproof.numbers.jets import Jet, added, composed, mapped, squared, times


@dataclass(frozen=True)
class Arithmetic:
    """One number system, as layers use it.

    Attributes
    ----------
    algebra : Arrays
        Products with weights, and what else matrices need.
    taylor : callable
        (function's name, h) -> its Taylor coefficients at h.
    constants : callable
        Layer -> the numbers of ``layer.constants``.
    order : int
        Where jets are truncated.
    """

    algebra: Arrays
    taylor: Callable[[str, Any], Sequence[Any]]
    constants: Callable[[Scaling | Normalisation], Sequence[Any]]
    order: int


def outputs(network: Network, jet: Jet, system: Arithmetic) -> Jet:
    """Return the jet of a network's outputs for that of its inputs, coefficients (d, P)."""
    # values are forgotten after their last use: those of wide layers are what memory is spent on
    last = {i: k for k, (_, taken) in enumerate(network.steps()) for i in taken}
    values: dict[int, Jet] = {0: jet}
    for k, (layer, taken) in enumerate(network.steps()):
        values[k + 1] = _applied(layer, [values[i] for i in taken], system)
        for i in taken:
            if last[i] == k:
                values.pop(i, None)
    return values[len(network.layers)]


def _applied(layer: Layer, given: Sequence[Jet], system: Arithmetic) -> Jet:
    match layer:
        case Affine():  # acts on every coefficient alike, its bias on the value alone
            return {key: system.algebra.affine(layer, value, not key) for key, value in given[0].items()}
        case Activation():  # composes its Taylor coefficients with the jet, which is the chain rule
            return composed(system.taylor(layer.function, given[0][()]), given[0])
        case Scaling():
            return _scaled(layer, given[0], system)
        case Normalisation():
            return _normalised(layer, given[0], system)
        case Plus():
            return added(*given)


def _scaled(layer: Scaling, h: Jet, system: Arithmetic) -> Jet:
    """Return the jet of (h - mean) scale + bias; slopes are scaled alone."""
    algebra, value = system.algebra, h[()]
    scale = algebra.rows(algebra.stacked(system.constants(layer), value), layer.channel)
    mean, bias = (algebra.column(part[list(layer.channel)], value) for part in (layer.mean, layer.bias))
    return {key: part * scale if key else (part - mean) * scale + bias for key, part in h.items()}


def _normalised(layer: Normalisation, h: Jet, system: Arithmetic) -> Jet:
    """Return the jet of scale c / sqrt(sum of c^2 + spread) + bias, see `Normalisation`."""
    algebra, value = system.algebra, h[()]
    spread, *scales = system.constants(layer)
    centred = {key: algebra.affine(layer.centring, part, False) for key, part in h.items()}
    squares = squared(centred, system.order, algebra.square)
    sums = mapped(lambda part: algebra.group_totals(part, layer.groups), squares)  # (G, P)
    sums[()] = sums[()] + algebra.stacked([spread], value)
    roots = composed(system.taylor(INVERSE_ROOT, sums[()]), sums)
    spreads = mapped(lambda part: algebra.rows(part, layer.owner), roots)  # (units, P)
    ratios = times(centred, spreads, system.order)
    # |c_j| <= sqrt(sum of c^2): real enclosures of the value may be cut there, over however wide a box
    ratios[()] = algebra.in_unit_interval(ratios[()])
    scale, bias = algebra.stacked(scales, value), algebra.column(layer.bias, value)
    return {key: part * scale if key else part * scale + bias for key, part in ratios.items()}
