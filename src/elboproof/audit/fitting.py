"""Equations between the losses of many calls and the terms of a formula, solved, and verified on unseen ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch

from elboproof.audit.calls import Call

Tensor: TypeAlias = torch.Tensor
Column: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Columns: TypeAlias = Mapping[str, Column]
TRAINING = 0.75
"""Share of the equations that are solved; all are verified."""
SPARE = 4
"""Equations that are solved beyond the number of columns, at least."""
SCALAR, EACH = ("sum", "mean"), ("per datum", "mean", "sum")
"""How a term can enter a scalar loss, and one of a value per datum."""
TIMES = "sum, once for each datum"
"""B times the sum: that over a (B, B), which a (B, 1) and a (B,) make."""


def reductions(call: Call) -> tuple[str, ...]:
    """Return how terms can enter a loss of this shape, the ordinary ones first."""
    return SCALAR if call.loss.ndim == 0 else EACH


def reduced(values: Tensor, call: Call, reduction: str) -> Tensor:
    """Return a term (B,) as it enters the loss: a scalar, or (B,)."""
    if reduction == "per datum":
        return values
    value = values.mean() if reduction == "mean" else values.sum()
    value = call.batch * value if reduction == TIMES else value
    return value if call.loss.ndim == 0 else value.expand(call.batch)


def columns_of(
    calls: Sequence[Call], terms: Callable[[Call], Mapping[str, Tensor]], reduction: str
) -> Columns:
    """Return the column of each term (B,) of the calls, as it enters their losses."""
    tables = [terms(call) for call in calls]
    return {
        name: np.concatenate(
            [
                reduced(table[name].detach(), call, reduction).reshape(-1).double().numpy()
                for call, table in zip(calls, tables, strict=True)
            ]
        )
        for name in tables[0]
    }


def ones(calls: Sequence[Call], reduction: str) -> Columns:
    """Return the column of a constant per datum, called "1"."""
    return columns_of(calls, lambda call: {"1": torch.ones(call.batch, dtype=torch.float64)}, reduction)


@dataclass(frozen=True)
class Fit:
    """A solved system.

    Attributes
    ----------
    weights : dict
        Of the columns.
    residual : float
        The largest, over all equations, relative to the loss and its median.
    equations : int
        Number of all equations.
    errors : array
        The residuals of all equations, relative.
    """

    weights: Mapping[str, float]
    residual: float
    equations: int
    errors: Column = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)


class Equations:
    """The losses of calls, each equation divided by its own size, so that a large one hides no small one."""

    def __init__(self, calls: Sequence[Call]) -> None:
        values = [call.loss.detach().reshape(-1).double().numpy() for call in calls]
        losses = np.concatenate(values)
        size = np.abs(losses) + np.median(np.abs(losses))
        self.size = np.where(size > 0, size, 1.0)
        self.right = losses / self.size

    def solve(self, columns: Columns) -> Fit | None:
        """Return the weights of columns; None if there are too few equations, or a number is not finite."""
        if not columns:
            return None
        matrix = np.stack(list(columns.values()), 1) / self.size[:, None]
        count = int(TRAINING * len(self.right))
        if count < len(columns) + SPARE or not (np.isfinite(matrix).all() and np.isfinite(self.right).all()):
            return None
        size = np.abs(matrix).max(0)
        size = np.where(size > 0, size, 1.0)
        weights = np.linalg.lstsq(matrix[:count] / size, self.right[:count], rcond=1e-13)[0] / size
        errors = np.abs(matrix @ weights - self.right)
        named = dict(zip(columns, map(float, weights), strict=True))
        return Fit(named, float(errors.max()), len(self.right), errors)

    def pruned(self, columns: Columns, close: float) -> Fit | None:
        """Return a fit of as few columns as keep its residual below ``close``; None if all of them do not."""
        best = self.solve(columns)
        if best is None or best.residual > close:
            return None
        for name in self._by_size(columns, best):
            kept = {one: columns[one] for one in best.weights if one != name}
            smaller = self.solve(kept)
            if smaller is not None and smaller.residual <= close:
                best = smaller
        return best

    @staticmethod
    def _by_size(columns: Columns, fit: Fit) -> Iterable[str]:
        return sorted(fit.weights, key=lambda one: float(np.abs(fit.weights[one] * columns[one]).max()))
