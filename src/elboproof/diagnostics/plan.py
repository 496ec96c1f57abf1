"""How much is computed, and with which seed."""

from dataclasses import dataclass
from functools import cached_property

import torch

from elboproof.arguments import require_count, require_positive
from elboproof.diagnostics.fitted import Fitted
from elboproof.networks.randomness import generator_of, seed_of
from elboproof.networks.yardstick_posteriors import Posteriors

MOST_PAIRS = 2**22
"""Of a latent and a code, in one draw."""
ROWS = 64
"""Of a subset, at the least."""


@dataclass(frozen=True)
class Plan:
    """Sizes of one run, as `trained` takes them."""

    fitted: Fitted
    rows: int
    draws: int
    simulated: int
    seconds: float
    scale: float
    seed: int

    def __post_init__(self) -> None:
        require_count("rows", self.rows, 2)
        require_count("draws", self.draws, 2)
        require_count("simulated", self.simulated, 0)
        require_positive(seconds=self.seconds, scale=self.scale)
        seed_of(self.seed)

    def generator(self, stream: str) -> torch.Generator:
        """Return the generator of a named stream."""
        return generator_of(self.seed, f"diagnostics, {stream}")

    @cached_property
    def chosen(self) -> torch.Tensor:
        """The rows of the data whose evidence is looked at, in their order."""
        count = len(self.fitted.x)
        order = torch.randperm(count, generator=self.generator("rows"))
        return order[: self.rows].sort().values

    @cached_property
    def some(self) -> tuple[torch.Tensor, Posteriors]:
        """Their x and their posteriors."""
        means, logs = self.fitted.means[self.chosen], self.fitted.log_variances[self.chosen]
        return self.fitted.x[self.chosen], Posteriors.diagonal(means, logs)

    def subset(self, generator: torch.Generator, pairs: int = MOST_PAIRS) -> torch.Tensor:
        """Return all rows where N^2 pairs are few enough, else some that were drawn: each is held against all codes."""
        count = len(self.fitted.x)
        most = max(ROWS, pairs // count)
        return torch.arange(count) if count <= most else torch.randperm(count, generator=generator)[:most]
