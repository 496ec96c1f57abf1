"""Where a decoder has kinks: frames that put them on faces of cells, if all kinks have one direction.

Halving then converges on each kink, and only the thin cells around it lack a rule. Kinks of several directions, or
curved ones, get first-order bounds, with the digits these give. Nothing here is trusted.
"""

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.integrand import Integrand
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.networks import Activation, Affine, Layer
from elboproof.model.quantities import Quantities
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.nearest import nearest_doubles
from elboproof.numbers.tape import operands
from elboproof.shapes import Float64

_KINKED = {"relu", "abs", "leaky_relu", "elu"}
_SAME = 1e-12


def direction(integrand: Integrand) -> Float64[FloatArray, "d"] | None:
    """Return the unit normal of all kinks, None if there are none, or several, or curved ones."""
    functions = integrand.quantities
    normals = _of_network(functions) if isinstance(functions, NetworkQuantities) else _of_tape(functions)
    lengths = np.linalg.norm(normals, axis=1)
    units = normals[lengths > 0] / lengths[lengths > 0, None]
    if not len(units) or (np.abs(units @ units[0]) < 1 - _SAME).any():
        return None
    return np.asarray(units[0])


def _of_network(functions: NetworkQuantities) -> Float64[FloatArray, "kinks d"]:
    """Return the weights of the first layer, if kinked units follow it."""
    # Rows of weights (units, d): a unit of the first layer has its kink where its row's affine function
    # vanishes.
    network, prior = functions.network, functions.prior
    first = next((k for k, (layer, taken) in enumerate(network.steps()) if _begins(layer, taken)), -1)
    following = [layer for layer, taken in network.steps() if first >= 0 and taken == (first + 1,)]
    if not any(isinstance(one, Activation) and one.function.split("(")[0] in _KINKED for one in following):
        return np.zeros((0, network.inputs))
    weights = np.asarray(network.layers[first].weight.entries)  # type: ignore[union-attr]
    if prior is None:
        return weights
    # Under another normal prior z is a linear function of the coordinates: slopes come direction by direction.
    slopes = prior.compiled("decoder", 1, FLOATING)(*np.zeros(network.inputs))
    return np.asarray(weights @ np.array(slopes).reshape(-1, network.inputs).T)


def _begins(layer: Layer, taken: tuple[int, ...]) -> bool:
    return isinstance(layer, Affine) and taken == (0,)


def _of_tape(quantities: Quantities) -> Float64[FloatArray, "kinks d"]:
    """Return the gradients of what abs, max and min are taken of; none if one varies, for its kink is curved."""
    tape = quantities.tape
    rows = []
    for i in tape.reachable(quantities.derivative("decoder", ())):
        name, parts = tape.entries[i][0], operands(tape.entries[i])
        if name in {"abs", "max", "min"}:
            inner = parts[0] if name == "abs" else tape.subtract(*parts)
            slopes = [tape.derivative(inner, k) for k in range(len(quantities.latents))]
            if any(tape.varies[slope] for slope in slopes):
                return np.zeros((0, len(quantities.latents)))
            rows.append(nearest_doubles(tape, slopes))
    return np.array(rows).reshape(-1, len(quantities.latents))


def aligned(
    normal: Float64[FloatArray, "d"], frames: Float64[FloatArray, "N d d"]
) -> Float64[FloatArray, "N d d"]:
    """Return orthogonal frames whose first axis is the normal; the others follow the given frames."""
    # (N, d, 1) beside the given columns without their part along the normal, (N, d, d): of these the d - 1
    # longest are kept, and QR makes them orthonormal, the normal first. `frame_excess` measures what it got.
    first = np.broadcast_to(normal[:, None], (len(frames), len(normal), 1))
    along = (
        frames - first * (normal @ frames)[:, None, :]
    )  # without the normal's part; one column is redundant
    order = np.argsort(-np.linalg.norm(along, axis=1), axis=1)[:, None, : len(normal) - 1]
    return np.asarray(np.linalg.qr(np.concatenate([first, np.take_along_axis(along, order, 2)], 2))[0])
