"""Where a decoder's outputs lie, and designed outputs that lie there too."""

import torch
from torch.nn.functional import softplus

RANGES = ("real", "unit", "signed unit", "positive")
LEAST = 0.05
"""Smallest designed positive output: likelihoods divide by what is positive."""


def range_of(values: torch.Tensor) -> str:
    """Return the smallest of `RANGES` that holds all values."""
    if bool(((values >= 0) & (values <= 1)).all()):
        return "unit"
    if bool((values >= 0).all()):
        return "positive"
    return "signed unit" if bool((values.abs() <= 1).all()) else "real"


def in_range(raw: torch.Tensor, name: str) -> torch.Tensor:
    """Return values of a range, smooth and increasing in raw ones."""
    if name == "unit":
        return torch.sigmoid(1.5 * raw)
    if name == "positive":
        return softplus(raw) + LEAST
    return torch.tanh(raw) if name == "signed unit" else raw
