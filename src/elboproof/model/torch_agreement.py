"""What a torch module computes, compared in float64 with what was read of it.

A copy of the module is run, never the module itself: its weights, its mode and torch's random numbers stay as they
are. Each layer is given what comes to it for latents of sizes from 0 to 1000, each activation besides arguments of
both signs from 1e-8 to 1000 in every unit, and each Sequential must give what its layers give one after the other.

This finds what structure does not show: a class called ``Sin`` that is another sine, a ``forward`` put into a class
of torch, a global function replaced. It cannot find a difference at points that are not tried.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.activations import compiled_activation
from elboproof.model.network_algebra import Arrays
from elboproof.model.networks import Activation, Affine, Normalisation, Plus, Scaling
from elboproof.numbers.floating import FLOATING

if TYPE_CHECKING:
    import torch

    from elboproof.model.torch_parts import Part

_SIZES = (0.0, 1e-3, 0.1, 1.0, 3.0, 10.0, 100.0, 1000.0)
"""Of latents; four points of each. Softplus and its like change their rule only at large arguments."""
_EACH = 4
_TAILS = np.geomspace(1e-8, 1e3, 45)
_ARGUMENTS = np.concatenate([np.linspace(-40.0, 40.0, 162), _TAILS, -_TAILS, [0.0]])
"""Of activations: their rules change between -40 and 40, which is tried in steps of half a unit."""
_ROUNDING = 1e-13
"""Error of an activation over 1 + |value|; the worst seen, torch against NumPy and SciPy, was 2.2e-16."""
_BEYOND_THRESHOLD = 2.1e-9
"""log(1 + e^-20): what torch leaves out of a softplus beyond its threshold."""
_THRESHOLD = 20.0
_REPEATED = 1e-9
"""Of a Sequential against the same operations one by one: equal bit by bit wherever it was tried."""


def require_agreement(whole: "Part", inputs: int) -> None:
    """Raise unless a copy of the module computes what was read of it.

    Parameters
    ----------
    whole
        What was read.
    inputs
        The number of latents.

    Raises
    ------
    TypeError
        If the module cannot be copied.
    ValueError
        If a part computes something else, named with the place and the two values.
    """
    import torch

    # z: (32, d), fixed points of eight sizes, so that a module is accepted or refused alike each time. torch's
    # random numbers are put back afterwards, in case a layer draws some.
    module: Any = whole.module
    twins = twins_of(module)
    sizes = np.repeat(_SIZES, _EACH)[:, None]
    z = sizes * np.random.default_rng(0).standard_normal((len(sizes), inputs))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        # what is no module, an operation of a forward, is run as it is
        _outputs(whole, [z], lambda part: twins.get(id(part.module), part.module))


def twins_of(module: "torch.nn.Module") -> dict[int, Any]:
    """Return a float64 copy of each module inside, by the identity of the original."""
    import torch

    # The memo of `deepcopy` says which copy each object of the module became: every part finds its own there.
    twins: dict[int, Any] = {}
    try:
        deepcopy(module, twins).to("cpu", torch.float64)
    except Exception as error:
        raise TypeError(
            f"module: got a {type(module).__name__} that cannot be copied to float64 ({error}); "
            "expected one that can, to compare what it computes with what was read"
        ) from error
    return twins


def _outputs(part: "Part", given: list[FloatArray], twin: "Callable[[Part], Any]") -> FloatArray:
    """Return what a part computes for inputs (P, n), shape (P, m), after comparing it and all parts inside."""
    # Each part is given what the parts before it gave, so that differences do not add up and the first part
    # that errs is named.
    if part.parts:
        values = list(given)
        for inner, taken in zip(part.parts, part.operands, strict=True):
            # before the whole, so that the error names the layer
            values.append(_outputs(inner, [values[i] for i in taken], twin))
        got, want = _run(part, given, twin(part)), values[-1]
        _require_equal(part, given[0], got, want, _REPEATED * (1 + np.abs(want)))
        return got
    got = _run(part, given, twin(part))
    _require_equal(part, given[0], got, *_read_values(part, given))
    more = [_more_inputs(part, h.shape[1], k) for k, h in enumerate(given)]
    _require_equal(part, more[0], _run(part, more, twin(part)), *_read_values(part, more))
    return got


def _run(part: "Part", given: list[FloatArray], module: Any) -> FloatArray:
    """Return what a module gives for inputs (P, n), which it is given in their shape, flattened again to (P, m)."""
    import torch

    shapes = [(len(h), *(part.entering or h.shape[1:])) for h in given]
    try:
        # copies: layers may work in place
        tensors = [
            torch.tensor(h, dtype=torch.float64, device="cpu").reshape(shape)
            for h, shape in zip(given, shapes, strict=True)
        ]
        result = module(*tensors)
    except Exception as error:
        raise ValueError(
            f"{part.name}: got an error for float64 inputs of shape {shapes[0]} ({error}); expected {_what(part)}"
        ) from error
    result = result if part.result is None else result[part.result]
    axes = part.leaving or (0,)
    fits = isinstance(result, torch.Tensor) and result.ndim == 1 + len(axes) and len(result) == len(given[0])
    if not fits or result.is_complex() or (len(axes) > 1 and tuple(result.shape[1:]) != axes):
        got = tuple(result.shape) if isinstance(result, torch.Tensor) else type(result).__name__
        raise ValueError(f"{part.name}: got {got} for inputs of shape {shapes[0]}; expected {_what(part)}")
    values: FloatArray = result.to("cpu", torch.float64).reshape(len(result), -1).numpy().copy()
    return values


def _read_values(part: "Part", given: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return what was read, at inputs (P, n), and by how much the module's rounding may differ, both (P, m)."""
    h = given[0]
    with np.errstate(all="ignore"):  # points at which something overflows are left out
        match part.layer:
            case Affine():
                return _affine_values(part.layer, h)
            case Activation():
                (values,) = compiled_activation(part.layer.function, 0, FLOATING)(h)
                linear = (h > _THRESHOLD) & (part.layer.function == "softplus")
                return values, linear * _BEYOND_THRESHOLD + _ROUNDING * (1 + np.abs(values))
            case Scaling():
                return _scaled_values(part.layer, h)
            case Normalisation():
                return _normalised_values(part.layer, h)
            case Plus():
                return h + given[1], 2.0**-52 * (np.abs(h) + np.abs(given[1]))
        return h, np.zeros(h.shape)


def _scaled_values(layer: Scaling, h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (h - mean) s + bias, and 16 u of the sizes that torch adds: h s, mean s and bias."""
    s = layer.weight / np.sqrt(layer.variance + layer.eps)
    mean, bias, scale = (part[list(layer.channel)] for part in (layer.mean, layer.bias, s))
    sizes = (np.abs(h) + np.abs(mean)) * np.abs(scale) + np.abs(bias)
    return (h - mean) * scale + bias, 16 * 2.0**-53 * sizes + 2.0**-1000


def _normalised_values(layer: Normalisation, h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the layer norm, and what rounding may change: n u |h| of a mean or deviation, over the deviation."""
    groups = np.array(layer.groups)  # (G, n)
    units = h[:, groups]  # (P, G, n)
    centred = units - units.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + layer.eps)
    ratios, errors = np.empty(h.shape), np.empty(h.shape)
    ratios[:, groups.ravel()] = (centred / deviation).reshape(len(h), -1)
    lost = 8 * (layer.size + 8) * 2.0**-53 * (np.abs(units).max(-1, keepdims=True) / deviation + 1)
    errors[:, groups.ravel()] = np.broadcast_to(lost, units.shape).reshape(len(h), -1)
    values = ratios * layer.weight + layer.bias
    return values, errors * (1 + np.abs(ratios)) * np.abs(layer.weight) + _ROUNDING * np.abs(layer.bias)


def _affine_values(layer: Affine, h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return W h + b and the rounding of two such sums: gamma |W| |h| each, in whatever order they are formed."""
    # Either sum of n products and a bias errs by at most gamma_(n+1) of the sizes, in any order; that is taken
    # twice for two sums, and twice again for the rounding of the sizes; the last term is for underflows.
    values = Arrays().affine(layer, h.T, True).T
    sizes = np.abs(h) @ np.abs(layer.weight.entries).T + np.abs(layer.bias)
    return values, 4 * (h.shape[1] + 2) * 2.0**-53 * sizes + 2.0**-1000


def _more_inputs(part: "Part", width: int, k: int) -> FloatArray:
    """Return inputs (P, n) beyond those that come to a layer: each unit of an activation sees all ``_ARGUMENTS``."""
    if not isinstance(part.layer, Activation):
        return np.random.default_rng(1 + k).standard_normal((_EACH, width))
    # Row p gives unit j the argument p + j, counted around: over all rows, each unit meets every argument.
    count = len(_ARGUMENTS)
    turned = (np.arange(count)[:, None] + np.arange(width)) % count
    return np.asarray(_ARGUMENTS[turned])


def _require_equal(
    part: "Part", h: FloatArray, got: FloatArray, want: FloatArray, allowed: FloatArray
) -> None:
    """Raise if values (P, m) differ by more than is allowed where what was read is finite."""
    if got.shape != want.shape:
        raise ValueError(
            f"{part.name}: got outputs of shape {got.shape} for inputs of shape {h.shape}; expected {_what(part)}"
        )
    with np.errstate(all="ignore"):
        close = np.abs(got - want) <= allowed  # false for NaN
    # (P, m). Where what was read overflows in float64, the comparison says nothing.
    tried = np.isfinite(want) & np.isfinite(h).all(1, keepdims=True)
    if not tried.any():
        raise ValueError(f"{part.name}: got overflow in float64 at every point; expected finite values")
    wrong = np.argwhere(tried & ~close)
    if len(wrong):
        i, j = wrong[len(wrong) // 2]
        given = h[i, j] if isinstance(part.layer, Activation) else h[i].tolist()
        raise ValueError(
            f"{part.name}: got {got[i, j]:.9g} in unit {j} for {given!s:.60}, where what was read gives "
            f"{want[i, j]:.9g}; expected {_what(part)}"
        )


def _what(part: "Part") -> str:
    match part.layer:
        case Affine():
            return "W h + b with its weight and bias"
        case Activation():
            return f"the function {part.layer.function} of each unit"
        case Scaling():
            return "(h - mean) weight / sqrt(variance + eps) + bias with its running statistics"
        case Normalisation():
            return "the layer norm of its last axes"
        case Plus():
            return "the sum"
    return "its layers one after the other" if part.parts else "the identity"
