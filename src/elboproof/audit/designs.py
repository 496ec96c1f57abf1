"""Designs: data, means, s and outputs that are drawn by the audit, bounded, so that no term hides another."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from elboproof.audit.calls import Design, Shapes
from elboproof.audit.parameters import Parameter
from elboproof.networks.randomness import generator_of

Tensor = torch.Tensor
BATCHES = (11, 8)
FARTHEST_MEAN, FARTHEST_S = 3.0, 1.7
SLOPE = 0.3
"""Of the decoder's outputs, divided by the root of the number of latents: outputs stay bounded."""


@dataclass(frozen=True)
class Designer:
    """Draws designs for shapes; the same ones for the same seed.

    Attributes
    ----------
    support : str
        Of the data.
    """

    shapes: Shapes
    support: str
    seed: int
    dtype: torch.dtype
    output_widths: tuple[int, ...]

    @property
    def batches(self) -> tuple[int, int]:
        """Return two batch sizes that are neither each other's nor equal to D, d, K, or a product of these."""
        taken = {
            self.shapes.data,
            self.shapes.latents,
            self.shapes.samples,
            *self.shapes.latent,
            *self.shapes.x,
        }
        taken |= {self.shapes.samples * one for one in tuple(taken)} | {self.shapes.latents * 2}
        large = next(n for n in range(BATCHES[0], 1000) if n not in taken)
        small = next(n for n in range(BATCHES[1], 1000) if n not in taken | {large} and large % n)
        return large, small

    def designs(self, name: str, count: int) -> Iterator[Design]:
        """Yield designs of a named stream, the two batch sizes in turn."""
        for n in range(count):
            yield self.design(f"{name} {n}", self.batches[n % 2])

    def design(self, name: str, batch: int, *, alike: bool = False) -> Design:
        """Return one design."""
        generator = generator_of(self.seed, name)
        mean = FARTHEST_MEAN * (2 * self._uniform((batch, *self.shapes.latent), generator) - 1)
        s = FARTHEST_S * (2 * self._uniform((batch, *self.shapes.latent), generator) - 1)
        if self.shapes.positive_s:
            s = torch.exp(s / 2)
        if self.shapes.probabilities:
            logs = mean.log_softmax(-1)
            mean, s = (logs.exp(), logs) if self.shapes.probabilities == "mean" else (logs, logs.exp())
        return self.around(name, mean, s, alike=alike)

    def around(
        self, name: str, mean: Tensor, s: Tensor, *, alike: bool = False, slope: float = SLOPE
    ) -> Design:
        """Return a design of a mean and s; the rest is drawn."""
        generator = generator_of(self.seed, f"{name}, data")
        batch, d = mean.shape[0], self.shapes.latents
        x = self._data((batch, *self.shapes.x), generator)
        slopes = tuple(
            (slope / d**0.5 * self._normal((width, d), generator)).requires_grad_()
            for width in self.output_widths
        )
        seed = int(torch.randint(2**31, (), generator=generator))
        return Design(x, mean.requires_grad_(), s.requires_grad_(), slopes, seed, alike)

    def _data(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        if self.support == "real":
            return self._normal(shape, generator)
        value = self._uniform(shape, generator)
        if self.support == "unit":
            return 0.02 + 0.96 * value
        return (5 * value).floor() if self.support == "count" else (value < 0.5).to(self.dtype)

    def _uniform(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=self.dtype)

    def _normal(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=self.dtype)


def at_log_variance(
    designer: Designer, name: str, parameter: Parameter, value: float, spread: float
) -> Design:
    """Return a design whose log variances are one value and whose means are drawn up to ``spread``."""
    batch = designer.batches[0]
    generator = generator_of(designer.seed, name)
    mean = spread * (
        2 * torch.rand((batch, *designer.shapes.latent), generator=generator, dtype=designer.dtype) - 1
    )
    s = torch.full_like(mean, parameter.inverse(value))
    return designer.around(name, mean, s, slope=0.0)
