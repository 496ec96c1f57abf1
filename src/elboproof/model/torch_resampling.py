"""Averages, interpolations and shuffles of images: affine maps whose weights are floats, or what is refused."""

from fractions import Fraction
from typing import Any

import numpy as np

from elboproof.arguments import bad
from elboproof.arrays import FloatArray
from elboproof.model.networks import Affine
from elboproof.model.torch_convolutions import MOST_ENTRIES, Image
from elboproof.model.torch_parts import Reading, Shape
from elboproof.numbers.ball_matrices import ExactMatrix

_NEAREST = {"nearest", "nearest-exact"}
_MODES = "mode='nearest' or mode='bilinear'"


def averaged(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Affine, Image]:  # noqa: ARG001
    """Return an AvgPool2d as an affine map of flattened images, and the shape (C, H, W) of what it gives.

    Raises
    ------
    TypeError
        If windows that reach beyond the image are not averaged over all of their places.
    ValueError
        If what comes is no image, is smaller than the window, or the weights are no floats.
    """
    c, *sizes = _image(shape, name)
    window, stride, padding = (_pair(part) for part in (module.kernel_size, module.stride, module.padding))
    if module.ceil_mode or (any(padding) and not module.count_include_pad):
        raise TypeError(
            f"{name}: got ceil_mode={module.ceil_mode}, count_include_pad={module.count_include_pad}; expected "
            "ceil_mode=False, and count_include_pad=True where it pads"
        )
    count = module.divisor_override or window[0] * window[1]
    if count & (count - 1):
        raise bad(
            f"{name}.kernel_size",
            module.kernel_size,
            f"a power of 2 of entries, since 1/{count} is no float; a Conv2d with weights of your own is read as it is",
        )
    sums = [_windows(*one) for one in zip(sizes, window, stride, padding, strict=True)]
    if any(not len(rows) for rows in sums):
        raise bad(name, shape, "images (C, H, W) that are not smaller than the window")
    return _each_channel(c, [sums[0] / count, sums[1]], name)


def _windows(size: int, window: int, stride: int, padding: int) -> FloatArray:
    """Return the sums along one axis, (outputs, size); zeros stand before and after it."""
    outputs = max((size + 2 * padding - window) // stride + 1, 0)
    matrix = np.zeros((outputs, size))
    for o in range(outputs):
        start = o * stride - padding
        matrix[o, max(start, 0) : max(start + window, 0)] = 1.0
    return matrix


def upsampled(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Affine, Image]:  # noqa: ARG001
    """Return an Upsample as an affine map; raises as `interpolated`."""
    return interpolated(module.size, module.scale_factor, module.mode, module.align_corners, shape, name)


def interpolated(
    size: Any, scale: Any, mode: str, align_corners: bool | None, shape: Shape, name: str
) -> tuple[Affine, Image]:
    """Return an interpolation of images as an affine map, and the shape of what it gives.

    Raises
    ------
    TypeError
        If the mode is neither nearest nor bilinear.
    ValueError
        If what comes is no image, its sides do not grow by a whole number, or the weights are no floats.
    """
    if mode not in {*_NEAREST, "bilinear"}:
        raise TypeError(f"{name}: got mode={mode!r}; expected {_MODES}")
    c, *sizes = _image(shape, name)
    outputs = [_grown(*one, name) for one in zip(sizes, _pair(size), _pair(scale), strict=True)]
    pairs = zip(sizes, outputs, strict=True)
    if mode in _NEAREST:
        return _each_channel(c, [np.repeat(np.eye(n), out // n, axis=0) for n, out in pairs], name)
    return _each_channel(c, [_lines(n, out, bool(align_corners), name) for n, out in pairs], name)


def _grown(side: int, size: Any, scale: Any, name: str) -> int:
    wanted = size if size is not None else Fraction(float(scale)) * side
    if wanted % side or wanted <= 0:
        got = f"size={size}" if size is not None else f"scale_factor={scale}"
        raise ValueError(
            f"{name}: got {got} for images of side {side}; expected a whole number of times that side"
        )
    return int(wanted)


def _lines(size: int, outputs: int, corners: bool, name: str) -> FloatArray:
    """Return the weights of linear interpolation along one axis, (outputs, size)."""
    matrix = np.zeros((outputs, size))
    for o in range(outputs):
        at = _place(o, size, outputs, corners)
        below = int(at)
        part = at - below
        if Fraction(float(part)) != part:
            raise ValueError(
                f"{name}: got a bilinear interpolation from {size} to {outputs}, whose weights are no floats; expected "
                "a power of 2 times as many, with align_corners=False, or mode='nearest'"
            )
        matrix[o, below] += float(1 - part)
        matrix[o, min(below + 1, size - 1)] += float(part)
    return matrix


def _place(o: int, size: int, outputs: int, corners: bool) -> Fraction:
    """Return where output o is read, in pixels: corners lie on corners, or centres in a side cut into equal parts."""
    if corners:
        return Fraction(o * (size - 1), max(outputs - 1, 1))
    centre = Fraction((2 * o + 1) * size, 2 * outputs) - Fraction(1, 2)
    return max(centre, Fraction(0))


def shuffled(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Affine, Image]:  # noqa: ARG001
    """Return a PixelShuffle, which moves r^2 channels into squares of r pixels, and its shape.

    Raises
    ------
    ValueError
        If what comes is no image, or its channels are no multiple of r^2.
    """
    (c, h, w), r = _image(shape, name), module.upscale_factor
    if c % r**2:
        raise ValueError(
            f"{name}: got {c} channels; expected a multiple of {r**2}, the square of upscale_factor"
        )
    made = (c // r**2, h * r, w * r)
    _require_small(c * h * w, c * h * w, name)
    places = np.arange(c * h * w).reshape(made[0], r, r, h, w).transpose(0, 3, 1, 4, 2)
    return _affine(np.eye(c * h * w)[places.ravel()], name), made


def _image(shape: Shape, name: str) -> Image:
    if shape is None or len(shape) != 3:
        got = "vectors" if shape is None else f"inputs of shape {shape}"
        raise ValueError(f"{name}: got {got}; expected images (C, H, W), as an Unflatten before it gives")
    return shape[0], shape[1], shape[2]


def _pair(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, list | tuple) else (value, value)


def _each_channel(c: int, axes: list[FloatArray], name: str) -> tuple[Affine, Image]:
    """Return the map that does the same to each channel, row by row and column by column."""
    made = (c, len(axes[0]), len(axes[1]))
    _require_small(int(np.prod(made)), c * axes[0].shape[1] * axes[1].shape[1], name)
    # products of weights that are whole numbers over powers of 2 are exact
    return _affine(np.kron(np.eye(c), np.kron(*axes)), name), made


def _require_small(outputs: int, inputs: int, name: str) -> None:
    if outputs * inputs > MOST_ENTRIES:
        raise ValueError(
            f"{name}: got a map from {inputs} to {outputs} numbers, whose matrix has {outputs * inputs} entries; "
            f"expected at most {MOST_ENTRIES}"
        )


def _affine(matrix: FloatArray, name: str) -> Affine:
    return Affine(ExactMatrix(matrix), np.zeros(len(matrix)), name)
