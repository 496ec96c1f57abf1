"""Which row of a tensor belongs to which datum: batches with one or several samples a datum, in any order of axes."""

import math
from collections.abc import Sequence

import torch

LAYOUTS = ("datum first", "sample first")


def indices(lead: Sequence[int], batch: int, layout: str) -> torch.Tensor | None:
    """Return the datum of each row, a tensor of shape ``lead``; None if rows do not divide among ``batch`` data.

    One axis of ``batch`` entries is that of the data. Without one, the rows are counted: the samples of a datum stand
    beside each other ("datum first"), or the batch is repeated ("sample first").
    """
    count = math.prod(lead)
    if batch in lead:
        shape = [1] * len(lead)
        axis = list(lead).index(batch)
        shape[axis] = batch
        return torch.arange(batch).reshape(shape).expand(*lead)
    if count == 0 or count % batch:
        return None
    rows = torch.arange(count)
    data = rows // (count // batch) if layout == "datum first" else rows % batch
    return data.reshape(*lead)


def by_datum(rows: torch.Tensor, data: torch.Tensor, batch: int) -> torch.Tensor:
    """Return rows (n, w) as (batch, n / batch, w), by the datum of each."""
    order = torch.argsort(data.reshape(-1), stable=True)
    return rows[order].reshape(batch, -1, rows.shape[-1])


def lead_of(shape: Sequence[int], tail: Sequence[int]) -> tuple[int, ...] | None:
    """Return the leading axes of a shape that ends in ``tail``, flattened or wider in the last axis too; else None."""
    tail, width = tuple(tail), math.prod(tail)
    if tuple(shape[len(shape) - len(tail) :]) == tail and len(shape) > len(tail):
        return tuple(shape[: len(shape) - len(tail)])
    if len(shape) > 1 and shape[-1] >= width:  # something else stands behind the latents, a condition say
        return tuple(shape[:-1])
    return None


def flat_rows(z: torch.Tensor, lead: Sequence[int], width: int) -> torch.Tensor:
    """Return z as (n, width): what stands behind the latents is left out."""
    return z.reshape(math.prod(lead), -1)[:, :width]
