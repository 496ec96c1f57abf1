"""What the bench is given and gives: designs, calls, and the shapes of the user's networks."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor


@dataclass(frozen=True)
class Design:
    """What one call is given.

    Attributes
    ----------
    x : Tensor
        (B, ...).
    mean, s : Tensor
        (B, ...) of the latents' shape, leaves of a graph.
    slopes : tuple of Tensor
        (W, d) each: how the decoder's outputs before their range move with z.
    seed : int
        Of the outputs' other part.
    alike : bool
        Whether all samples of a datum get the same outputs.
    outputs : tuple of Tensor
        (B, W) each: what the decoder returns for each datum, whatever z is; drawn if there are none.
    """

    x: Tensor
    mean: Tensor
    s: Tensor
    slopes: tuple[Tensor, ...]
    seed: int
    alike: bool = False
    outputs: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Call:
    """What one call did: its loss (a scalar or (B,)), and what passed the taps.

    Attributes
    ----------
    design : Design
    loss : Tensor
    z : Tensor
        (B, K, d).
    outputs : tuple of Tensor
        (B, K, W) each.
    entered : tuple of Tensor
        What the decoder was called with, as it was. The outputs are made of it, so that their gradients end here,
        whatever stands before z.
    returned : tuple of tuple of Tensor
        The outputs of each call of the decoder, as they were.
    """

    design: Design
    loss: Tensor
    z: Tensor
    outputs: tuple[Tensor, ...]
    entered: tuple[Tensor, ...] = ()
    returned: tuple[tuple[Tensor, ...], ...] = ()

    @property
    def batch(self) -> int:
        """Return the number of data B."""
        return self.design.x.shape[0]


@dataclass
class Shapes:
    """What the real networks return, learnt from the first call.

    Where an encoder returns probabilities and their logarithms, ``probabilities`` says which of "mean" and "s" are the
    probabilities; it is empty otherwise. ``real_q`` are mean and s of one datum.
    """

    x: tuple[int, ...]
    latent: tuple[int, ...] = ()
    samples: int = 1
    layout: str = "datum first"
    ranges: tuple[str, ...] = ()
    positive_s: bool = False
    probabilities: str = ""
    real_q: tuple[Tensor, Tensor] | None = None
    template_q: Any = None
    template_x: Any = None
    lead: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    encodes: int = 0

    @property
    def data(self) -> int:
        """Return D, the entries of a datum."""
        return math.prod(self.x)

    @property
    def latents(self) -> int:
        """Return d, the entries of a latent."""
        return math.prod(self.latent)
