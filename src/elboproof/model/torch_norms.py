"""Batch norms, layer norms and group norms of torch, in evaluation mode, as layers of exact numbers."""

from math import prod
from typing import Any

import numpy as np

from elboproof.arguments import bad
from elboproof.arrays import FloatArray
from elboproof.model.networks import Normalisation, Scaling
from elboproof.model.torch_convolutions import MOST_ENTRIES
from elboproof.model.torch_numbers import numbers
from elboproof.model.torch_parts import Reading, Shape

LEAST_EPS = 1e-60
"""Of a layer norm: powers of its inverse bound derivatives."""


def batch_norm(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Scaling, Shape]:
    """Return a BatchNorm1d of vectors or a BatchNorm2d of images (C, H, W), and the shape it gives.

    Raises
    ------
    ValueError
        If it is in training mode, has no running statistics, or something else comes to it.
    """
    kind = type(module).__name__
    if module.training:
        raise ValueError(f"{name}: got a {kind} in training mode; expected module.eval() before")
    if module.running_mean is None or module.running_var is None:
        raise ValueError(f"{name}: got no running statistics; expected track_running_stats=True")
    c = module.num_features
    if kind == "BatchNorm1d":
        shape = (reading.vector(shape, c, name),)
    elif shape is None or len(shape) != 3 or shape[0] != c:
        raise ValueError(f"{name}: got inputs of shape {shape}; expected images ({c}, H, W)")
    mean, variance = (
        numbers(getattr(module, part), f"{name}.{part}", 1) for part in ("running_mean", "running_var")
    )
    weight, bias = _pair(module, (c,), name)
    if not (variance + module.eps > 0).all():
        raise bad(
            f"{name}.running_var", float(variance.min()), f"positive variances, with eps = {module.eps}"
        )
    channel = np.repeat(np.arange(c), prod(shape) // c)
    return Scaling(mean, variance, weight, bias, tuple(channel.tolist()), float(module.eps)), shape


def layer_norm(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Normalisation, Shape]:
    """Return a LayerNorm over the last axes, and the shape it gives.

    Raises
    ------
    ValueError
        If other axes come to it, or eps is not positive.
    """
    last = tuple(module.normalized_shape)
    if len(last) == 1 and (shape := reading.told(shape)) is None:
        shape = (reading.vector(shape, last[0], name),)
    if shape is None or shape[-len(last) :] != last:
        raise ValueError(f"{name}: got inputs of shape {shape}; expected {last} as their last axes")
    units, times = prod(shape), prod(shape) // prod(last)
    weight, bias = (np.tile(part.reshape(-1), times) for part in _pair(module, last, name))
    return _over_groups(module, units, times, (weight, bias), name), shape


def group_norm(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Normalisation, Shape]:
    """Return a GroupNorm, or an InstanceNorm2d without running statistics, of images or of vectors, and its shape.

    Raises
    ------
    ValueError
        If something else comes to it, eps is not positive, or it has running statistics.
    """
    instances = type(module).__name__ == "InstanceNorm2d"
    if instances and module.track_running_stats:
        raise ValueError(
            f"{name}: got running statistics; expected track_running_stats=False, or a BatchNorm2d"
        )
    c = module.num_features if instances else module.num_channels
    if not instances and (shape is None or len(shape) == 1):
        shape = (reading.vector(shape, c, name),)
    elif shape is None or len(shape) != 3 or shape[0] != c:
        raise ValueError(f"{name}: got inputs of shape {shape}; expected images ({c}, H, W)")
    each = prod(shape) // c
    weight, bias = (np.repeat(part, each) for part in _pair(module, (c,), name))
    groups = c if instances else module.num_groups
    return _over_groups(module, c * each, groups, (weight, bias), name), shape


def _over_groups(
    module: Any, units: int, groups: int, scales: tuple[FloatArray, FloatArray], name: str
) -> Normalisation:
    """Return a norm over groups of units that stand side by side."""
    if not module.eps >= LEAST_EPS:
        raise bad(f"{name}.eps", module.eps, f"a number of at least {LEAST_EPS}")
    if units**2 > MOST_ENTRIES:
        raise ValueError(
            f"{name}: got {units} units, whose centring has {units**2} entries; expected at most {MOST_ENTRIES}"
        )
    places = np.arange(units).reshape(groups, -1)
    return Normalisation.of(tuple(map(tuple, places.tolist())), *scales, float(module.eps))


def _pair(module: Any, shape: tuple[int, ...], name: str) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias, 1 and 0 where there are none."""
    made = []
    for part, plain in (("weight", 1.0), ("bias", 0.0)):
        given = getattr(module, part)
        array = np.full(shape, plain) if given is None else numbers(given, f"{name}.{part}", len(shape))
        if array.shape != shape:
            raise bad(f"{name}.{part}", array.shape, f"shape {shape}")
        made.append(array)
    return made[0], made[1]
