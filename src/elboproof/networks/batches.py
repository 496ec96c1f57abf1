"""Batches of examples: every epoch a new permutation; where it stands can be saved and set."""

from typing import Any

import torch


class Batches:
    """Rows of batches of one size, without end; what is left of an epoch after its last full batch is dropped.

    Parameters
    ----------
    examples, size
        1 <= size <= examples.
    generator
        Of the permutations.
    """

    def __init__(self, examples: int, size: int, generator: torch.Generator) -> None:
        self._examples, self._size, self._generator = examples, size, generator
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._before = self._generator.get_state()
        self._order = torch.randperm(self._examples, generator=self._generator)
        self._position = 0

    def next(self) -> torch.Tensor:
        """Return the rows of the next batch, (B,)."""
        if self._position + self._size > self._examples:
            self._begin_epoch()
        rows = self._order[self._position : self._position + self._size]
        self._position += self._size
        return rows

    def state(self) -> dict[str, Any]:
        """Return where the batches stand: the generator before this epoch, and the position in it."""
        return {"generator": self._before, "position": self._position}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken."""
        self._generator.set_state(state["generator"])
        self._begin_epoch()
        self._position = state["position"]
