"""Named splits of a data set: train, validation, test; drawn with a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Dataset

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import real_array, require_doubles
from elboproof.networks.architectures import Image
from elboproof.networks.randomness import seed_of

if TYPE_CHECKING:
    Examples: TypeAlias = Dataset[Any]

FloatArray = NDArray[np.float64]
Data: TypeAlias = "Splits | ArrayLike | torch.Tensor | Examples"
"""Splits, an array (N, D) or (N, channels, height, width), or a Dataset of such rows, alone or first in a tuple."""


@dataclass(frozen=True, eq=False)
class Splits:
    """Three arrays in float64: networks see the first, are chosen by the second and judged by the third.

    Attributes
    ----------
    name : str
    train, validation, test : array
        (N, D) each; validation and test may be empty.
    image : tuple of int or None
        Channels, height and width, where rows are images.

    Raises
    ------
    TypeError, ValueError
        If an array does not hold finite numbers (the row and column is named), or the shapes do not fit.
    """

    name: str
    train: FloatArray
    validation: FloatArray
    test: FloatArray
    image: Image | None = None

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            object.__setattr__(self, name, _table(getattr(self, name), name))
        columns = self.train.shape[1]
        if not self.train.size:
            raise ValueError(f"train: got shape {self.train.shape}; expected some examples and dimensions")
        for name in ("validation", "test"):
            shape = getattr(self, name).shape
            if shape[1] != columns:
                raise ValueError(f"{name}: got shape {shape}; expected {columns} columns, as train has")
        _require_image(self.image, columns)

    def scaled(self, factor: float) -> "Splits":
        """Return the same examples with all numbers multiplied."""
        train, validation, test = (part * factor for part in (self.train, self.validation, self.test))
        return Splits(f"{self.name} times {factor:g}", train, validation, test, self.image)


def split(
    data: "Data",
    *,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    image: Image | None = None,
    name: str = "data",
) -> Splits:
    """Split examples at random.

    Parameters
    ----------
    data
        An array (N, D) or (N, channels, height, width), a tensor, or a torch Dataset. Splits are returned as they are.
    validation, test
        Shares of the examples, each at least 0, together below 1.
    seed
        Of the permutation.
    image
        (channels, height, width) of rows of D numbers, for convolutional networks.
    name
        Of the data, for messages.

    Returns
    -------
    Splits
        Rows of D numbers in float64.

    Raises
    ------
    TypeError, ValueError
        If the data are no finite numbers (the row and column is named), of another rank, or
        the shares leave fewer than 2 examples to train with.

    Examples
    --------
    >>> import numpy as np
    >>> from elboproof import networks
    >>> splits = networks.split(np.zeros((100, 3)), validation=0.2, test=0.1)
    >>> splits.train.shape, splits.validation.shape, splits.test.shape
    ((70, 3), (20, 3), (10, 3))
    """
    if isinstance(data, Splits):
        return data
    array, shape = examples(data)
    image = image if image is not None else shape
    counts = _counts(len(array), validation, test)
    order = np.random.default_rng(seed_of(seed)).permutation(len(array))
    first, second = len(array) - sum(counts), len(array) - counts[1]
    parts = (array[order[:first]], array[order[first:second]], array[order[second:]])
    return Splits(name, *parts, image)


def examples(data: object) -> tuple[FloatArray, Image | None]:
    """Return examples as rows (N, D) in float64, and the shape of images."""
    array = real_array(_gathered(data), "data")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise ValueError(
            f"data: got shape {array.shape}; expected (examples, dimensions), or images (examples, height, width) or "
            "(examples, channels, height, width), with no empty axis"
        )
    return _table(array.reshape(len(array), -1), "data"), _image(array.shape)


def _table(value: Any, name: str) -> FloatArray:
    """Return rows of finite numbers in float64, (N, D)."""
    array = real_array(value, name)
    if array.ndim != 2:
        raise ValueError(f"{name}: got shape {array.shape}; expected (examples, dimensions)")
    require_doubles(array, name)
    rows = array.astype(np.float64, copy=False)
    finite = np.isfinite(rows)
    if not finite.all():
        row, column = (int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(
            f"{name}: got {rows[row, column]} in row {row}, column {column}; expected finite numbers"
        )
    return rows


def _require_image(image: object, columns: int) -> None:
    if image is None:
        return
    sizes = isinstance(image, tuple) and len(image) == 3 and all(isinstance(n, int) and n > 0 for n in image)
    if not sizes or int(np.prod(image)) != columns:  # type: ignore[call-overload]
        raise bad("image", image, f"(channels, height, width) of {columns} numbers")


def _image(shape: tuple[int, ...]) -> Image | None:
    return None if len(shape) == 2 else (shape[1] if len(shape) == 4 else 1, shape[-2], shape[-1])


def _gathered(data: object) -> Any:
    """Return what a Dataset holds as one tensor; anything else as it is."""
    if isinstance(data, torch.Tensor) or not isinstance(data, Dataset):
        return data
    if not hasattr(data, "__len__"):
        raise wrong_type("data", data, "a Dataset with a length")
    rows = [_first(data[k]) for k in range(len(data))]
    if not rows:
        raise bad("data", data, "some examples")
    shapes = {tuple(row.shape) for row in rows}
    if len(shapes) > 1:
        raise ValueError(f"data: got examples of shapes {sorted(shapes)}; expected one shape")
    return torch.stack(rows)


def _first(item: object) -> torch.Tensor:
    value = item[0] if isinstance(item, tuple | list) else item
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))


def _counts(total: int, validation: object, test: object) -> tuple[int, int]:
    shares: Sequence[tuple[str, object]] = (("validation", validation), ("test", test))
    for name, share in shares:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise bad(name, share, "a share of the examples, from 0 and below 1")
    # a split that is asked for has 2 examples at least: batch statistics need them
    counts = _count(total, validation), _count(total, test)
    if total - sum(counts) < 2:
        raise bad(
            "validation, test", (validation, test), f"shares that leave 2 of {total} examples to train with"
        )
    return counts


def _count(total: int, share: object) -> int:
    part = float(share)  # type: ignore[arg-type]
    return max(2, round(total * part)) if part else 0
