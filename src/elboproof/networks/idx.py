"""Images in IDX files, as MNIST is distributed: a magic number, the lengths of the axes, and the pixels as bytes."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elboproof.networks.files import bad_file

_UNSIGNED_BYTES = 8
NAMES = {"train": "train-images", "test": "t10k-images"}
"""How the names of the files begin; they end in -idx3-ubyte or .idx3-ubyte, with or without .gz."""


def read_folder(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the training and the test images, (N, height, width) each, of a folder with the files of MNIST.

    Raises
    ------
    ValueError
        If a file is not there, or is no IDX file of images.
    """
    return _read(folder, NAMES["train"]), _read(folder, NAMES["test"])


def _read(folder: Path, name: str) -> NDArray[np.uint8]:
    for middle in ("-", "."):
        for end in ("", ".gz"):
            file = folder / f"{name}{middle}idx3-ubyte{end}"
            if file.is_file():
                return read_images(file)
    raise bad_file("path", folder, f"a folder with the file {name}-idx3-ubyte or {name}-idx3-ubyte.gz")


def read_images(file: Path) -> NDArray[np.uint8]:
    """Return the images of an IDX file, (N, height, width), plain or gzipped.

    Raises
    ------
    ValueError
        If it is no IDX file of unsigned bytes with three axes, or is cut off.
    """
    data = file.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise bad_file("path", file, "a whole gzip file") from error
    if len(data) < 16 or data[:4] != bytes((0, 0, _UNSIGNED_BYTES, 3)):
        raise bad_file("path", file, "an IDX file of images: unsigned bytes with three axes")
    shape = tuple(int.from_bytes(data[k : k + 4], "big") for k in (4, 8, 12))
    if len(data) != 16 + math.prod(shape):
        raise bad_file("path", file, f"{math.prod(shape)} pixels for {shape[0]} images, not {len(data) - 16}")
    return np.frombuffer(data, np.uint8, offset=16).reshape(shape)
