"""The 1,797 digits of scikit-learn, and their principal components as codes."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def digits() -> Array:
    """Return the images, shape (1797, 64), pixels in [0, 1]."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data, dtype=np.float64) / 16.0


def principal_codes(data: Array) -> Array:
    """Return the first two principal components of each row, scaled to unit variance, shape (N, 2)."""
    centred = data - data.mean(0)
    left, _, _ = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(left[0, :2])  # of a singular vector, arbitrary otherwise
    codes: Array = left[:, :2] * signs * np.sqrt(len(data))
    return codes
