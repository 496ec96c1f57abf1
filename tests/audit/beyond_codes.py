"""Models whose code is no Gaussian draw: categories, relaxed, bits, a book of vectors."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.audit.small import LATENTS, PIXELS, Small

CATEGORIES = 4


class Categories(Small):
    """A categorical code of logits, summed over its values."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(PIXELS, CATEGORIES), nn.Linear(CATEGORIES, PIXELS)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x)

    def divergence(self, logits: Tensor) -> Tensor:
        log_q = logits.log_softmax(-1)
        return (log_q.exp() * log_q).sum(-1) + math.log(CATEGORIES)

    def loss(self, x: Tensor) -> Any:
        logits = self.encode(x)
        codes = torch.eye(CATEGORIES, dtype=x.dtype)[:, None].expand(-1, len(x), -1)
        fit = (logits.softmax(-1) * self.fit(x, self.decode(codes)).T).sum(-1)
        return self.total(fit, self.divergence(logits))


class Relaxed(Categories):
    """Gumbel-softmax draws beside the KL of the categories."""

    hard = False

    def loss(self, x: Tensor) -> Any:
        logits = self.encode(x)
        z = functional.gumbel_softmax(logits, 0.7, hard=self.hard)
        return self.total(self.fit(x, self.decode(z)), self.divergence(logits))


class StraightThrough(Relaxed):
    """The draw is a category, its gradient that of the relaxation."""

    hard = True


class RelaxedBlocks(Categories):
    """Two codes, one behind the other: half of what the encoder returns is never taken for a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(PIXELS, 2 * CATEGORIES), nn.Linear(2 * CATEGORIES, PIXELS)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x).view(-1, 2, CATEGORIES)

    def loss(self, x: Tensor) -> Any:
        logits = self.encode(x)
        z = functional.gumbel_softmax(logits, 0.7).flatten(1)
        return self.total(self.fit(x, self.decode(z)), self.divergence(logits).sum(-1))


class Bits(Small):
    """Bernoulli codes, drawn without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(PIXELS, LATENTS)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x)

    def loss(self, x: Tensor) -> Any:
        p = torch.sigmoid(self.encode(x))
        rate = (p * p.log() + (1 - p) * (1 - p).log() + math.log(2)).sum(-1)
        return self.total(self.fit(x, self.decode(torch.bernoulli(p.detach()))), rate)


class Quantised(Categories):
    """The nearest vector of a book, its gradient handed through."""

    def loss(self, x: Tensor) -> Any:
        found, book = self.encode(x), torch.eye(CATEGORIES, dtype=x.dtype)
        near = book[((found[:, None] - book) ** 2).sum(-1).argmin(1)]
        out = self.decode(found + (near - found).detach())
        return ((x - out) ** 2).mean() + ((found - near) ** 2).mean()
