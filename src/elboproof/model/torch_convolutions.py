"""Convolutions as the affine maps that they are: every entry of the matrix is one weight of the kernel, or zero."""

from typing import Any

import numpy as np

from elboproof.arguments import bad
from elboproof.arrays import FloatArray
from elboproof.model.networks import Affine
from elboproof.model.torch_parts import Shape
from elboproof.numbers.ball_matrices import ExactMatrix

MOST_ENTRIES = 2**26
"""Of one matrix: half a gigabyte, and as much again for the sizes of its entries."""
Image = tuple[int, int, int]
Pair = tuple[int, int]


def convolution(
    module: Any, shape: Shape, weight: FloatArray, bias: FloatArray, name: str
) -> tuple[Affine, Image]:
    """Return a Conv2d as an affine map of flattened images, and the shape (C, H, W) of what it gives.

    Parameters
    ----------
    weight
        (out, in / groups, kh, kw).
    bias
        (out,).

    Raises
    ------
    TypeError
        If images are not padded by zeros.
    ValueError
        If what comes is no image of that many channels, is smaller than the kernel, or the matrix is too large.
    """
    image, before, after = _image(module, shape, name), *_padding(module)
    sizes = [
        (image[k + 1] + before[k] + after[k] - module.dilation[k] * (module.kernel_size[k] - 1) - 1)
        // module.stride[k]
        + 1
        for k in (0, 1)
    ]
    made = (module.out_channels, *_positive(sizes, image, name))
    matrix = _zeros(made, image, name)
    for place in np.ndindex(*weight.shape[2:]):
        # at each output position o the kernel's tap k meets the input position o stride - padding + k dilation
        pairs = [_pairs(made[k + 1], image[k + 1], module, place[k], k, before[k]) for k in (0, 1)]
        _put(matrix, weight[:, :, *place], module.groups, pairs[0], pairs[1])
    return _flattened(matrix, bias, name), made


def transposed(
    module: Any, shape: Shape, weight: FloatArray, bias: FloatArray, name: str
) -> tuple[Affine, Image]:
    """Return a ConvTranspose2d as an affine map, and its shape; ``weight`` is (in, out / groups, kh, kw).

    Raises as `convolution`.
    """
    image = _image(module, shape, name)
    sizes = [
        (image[k + 1] - 1) * module.stride[k]
        - 2 * module.padding[k]
        + module.dilation[k] * (module.kernel_size[k] - 1)
        + module.output_padding[k]
        + 1
        for k in (0, 1)
    ]
    made = (module.out_channels, *_positive(sizes, image, name))
    matrix = _zeros(made, image, name)
    for place in np.ndindex(*weight.shape[2:]):
        # the same pairs with the parts of input and output exchanged
        pairs = [
            _pairs(image[k + 1], made[k + 1], module, place[k], k, module.padding[k])[::-1] for k in (0, 1)
        ]
        kernel = weight[:, :, *place]
        each = len(kernel) // module.groups
        turned = np.concatenate([kernel[g : g + each].T for g in range(0, len(kernel), each)])
        _put(matrix, turned, module.groups, pairs[0], pairs[1])
    return _flattened(matrix, bias, name), made


def _image(module: Any, shape: Shape, name: str) -> Image:
    if module.padding_mode != "zeros":
        raise TypeError(f"{name}: got padding_mode={module.padding_mode!r}; expected padding_mode='zeros'")
    if shape is None or len(shape) != 3:
        got = "vectors" if shape is None else f"inputs of shape {shape}"
        raise ValueError(f"{name}: got {got}; expected images (C, H, W), as an Unflatten before it gives")
    if shape[0] != module.in_channels:
        raise ValueError(
            f"{name}: got {module.in_channels} channels; expected {shape[0]}, as many as come to it"
        )
    return shape[0], shape[1], shape[2]


def _padding(module: Any) -> tuple[Pair, Pair]:
    """Return how many zeros stand before and after the image along each axis."""
    if module.padding == "valid":
        return (0, 0), (0, 0)
    if module.padding == "same":  # what is odd goes after
        total = [module.dilation[k] * (module.kernel_size[k] - 1) for k in (0, 1)]
        return (total[0] // 2, total[1] // 2), (total[0] - total[0] // 2, total[1] - total[1] // 2)
    height, width = module.padding
    return (height, width), (height, width)


def _positive(sizes: list[int], image: Image, name: str) -> Pair:
    if min(sizes) < 1:
        raise bad(name, image, "images (C, H, W) that are not smaller than the kernel")
    return sizes[0], sizes[1]


def _zeros(made: Image, image: Image, name: str) -> FloatArray:
    entries = int(np.prod([*made, *image], dtype=object))
    if entries > MOST_ENTRIES:
        raise ValueError(
            f"{name}: got a map from {image} to {made}, whose matrix has {entries} entries; "
            f"expected at most {MOST_ENTRIES}"
        )
    return np.zeros((*made, *image))


def _pairs(outer: int, inner: int, module: Any, tap: int, k: int, padding: int) -> tuple[Any, Any]:
    """Return the positions o and o stride - padding + tap dilation that are both within their images."""
    o = np.arange(outer)
    i = o * module.stride[k] - padding + tap * module.dilation[k]
    inside = (i >= 0) & (i < inner)
    return o[inside], i[inside]


def _put(
    matrix: FloatArray, kernel: FloatArray, groups: int, rows: tuple[Any, Any], columns: tuple[Any, Any]
) -> None:
    """Write one tap, (out, in / groups), where it stands: no other tap joins the same two positions."""
    outputs, inputs = matrix.shape[0] // groups, matrix.shape[3] // groups
    for g in range(groups):
        o, i = slice(g * outputs, (g + 1) * outputs), slice(g * inputs, (g + 1) * inputs)
        # (H', W', out, in) of the pairs of positions
        matrix[o, rows[0][:, None], columns[0], i, rows[1][:, None], columns[1]] = kernel[o]


def _flattened(matrix: FloatArray, bias: FloatArray, name: str) -> Affine:
    outputs = int(np.prod(matrix.shape[:3]))
    each = outputs // len(bias)
    return Affine(ExactMatrix(matrix.reshape(outputs, -1)), np.repeat(bias, each), name)
