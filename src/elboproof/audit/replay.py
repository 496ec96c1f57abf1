"""What passed the taps in a call of the real networks: for each datum its q, its draws and the decoder's outputs.

Nothing is replaced. A number that is computed from these is then a known function of known numbers, whatever the
networks are and however the code runs through data and samples.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from elboproof.audit.adapter import Adapter
from elboproof.audit.bench import latent_argument
from elboproof.audit.containers import q_of, tensors_of
from elboproof.audit.learning import is_pair
from elboproof.audit.rows import LAYOUTS, flat_rows, indices, lead_of
from elboproof.audit.taps import shadowed

Tensor = torch.Tensor
PAIR = 2


@dataclass
class Encoded:
    """A call of the encoder: mean and s by row, and the tensors that it was given."""

    given: tuple[Tensor, ...]
    parts: list[Tensor] = field(default_factory=list)


@dataclass
class Decoded:
    """A call of the decoder, and the call of the encoder before it."""

    z: Tensor
    outputs: tuple[Tensor, ...]
    encoded: Encoded


@dataclass(frozen=True)
class Draws:
    """The samples of each datum.

    Attributes
    ----------
    x : Tensor
        (B, D).
    z, mean, s : Tensor
        (B, K, d).
    outputs : tuple of Tensor
        (B, K, W) each.
    chunk : Tensor
        (B, K): in which call of the decoder a sample was.
    """

    x: Tensor
    z: Tensor
    mean: Tensor
    s: Tensor
    outputs: tuple[Tensor, ...]
    chunk: Tensor


class Recorder:
    """Watches the taps of an adapter while a function runs."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.decoded: list[Decoded] = []
        self._last = Encoded(())

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the function returns; `decoded` holds what passed."""
        self.decoded, self._last = [], Encoded(())
        tap, handlers = self.adapter.encode, {PAIR: (self.adapter.decode, self._decode)}
        if is_pair(tap):
            handlers |= {0: (tap[0], self._head), 1: (tap[1], self._head)}
        else:
            handlers |= {0: (tap, self._encode)}
        with shadowed(handlers):
            return function(*arguments)

    def _encode(self, original: Any, *arguments: Any, **keywords: Any) -> Any:
        out = original(*arguments, **keywords)
        parts = [one.detach() for one in (self.adapter.read_q or q_of)(out)]
        self._last = Encoded(_tensors(arguments, keywords), parts)
        return out

    def _head(self, original: Any, *arguments: Any, **keywords: Any) -> Any:
        out = original(*arguments, **keywords)
        if len(self._last.parts) in (0, PAIR):
            self._last = Encoded(_tensors(arguments, keywords))
        self._last.parts.append(out.detach())
        return out

    def _decode(self, original: Any, *arguments: Any, **keywords: Any) -> Any:
        out = original(*arguments, **keywords)
        found = self.adapter.read_x(out) if self.adapter.read_x else tensors_of(out)
        outputs = (found,) if isinstance(found, torch.Tensor) else tuple(found)
        z = latent_argument(self.adapter, arguments, keywords).detach().clone()
        self.decoded.append(Decoded(z, tuple(one.detach() for one in outputs), self._last))
        return out


def _tensors(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Tensor, ...]:
    found = (one for one in (*arguments, *keywords.values()) if isinstance(one, torch.Tensor))
    return tuple(one.detach().clone() for one in found)


def draws(decoded: list[Decoded], x: Tensor, latent: tuple[int, ...], layout: str) -> Draws | None:
    """Return the samples of each datum of x, whose rows differ; None if rows cannot be told apart, or counts differ.

    Parameters
    ----------
    layout
        Which of several rows of a datum stand together, where shapes and inputs do not say so: one of
        `elboproof.audit.rows.LAYOUTS`.
    """
    flat = x.reshape(len(x), -1)
    found = [_rows(one, n, flat, latent, layout) for n, one in enumerate(decoded)]
    if not found or any(one is None for one in found):
        return None
    columns = [torch.cat(parts) for parts in zip(*(one for one in found if one is not None), strict=True)]
    data = columns[0].long()
    counts = torch.bincount(data, minlength=len(flat))
    if int(counts.min()) != int(counts.max()) or not int(counts.min()):
        return None
    order = torch.argsort(data, stable=True)
    z, mean, s, chunk, *outputs = (one[order].reshape(len(flat), int(counts[0]), -1) for one in columns[1:])
    return Draws(flat, z, mean, s, tuple(outputs), chunk[..., 0])


def _rows(
    one: Decoded, number: int, x: Tensor, latent: tuple[int, ...], layout: str
) -> tuple[Tensor, ...] | None:
    """Return of each row of a call its datum, z, mean, s, the call's number, and outputs."""
    lead, width = lead_of(one.z.shape, latent), math.prod(latent)
    if lead is None or len(one.encoded.parts) != PAIR:
        return None
    mean, s = (part.reshape(-1, width) for part in one.encoded.parts)
    datum = _data(one.encoded.given, x, len(mean), layout)
    which = indices(lead, len(mean), layout)
    rows = math.prod(lead)
    if datum is None or which is None or any(out.numel() % rows for out in one.outputs):
        return None
    which = which.reshape(-1)
    outputs = (out.reshape(rows, -1) for out in one.outputs)
    z = flat_rows(one.z, lead, width)
    return datum[which], z, mean[which], s[which], torch.full((rows,), number), *outputs


def _data(given: tuple[Tensor, ...], x: Tensor, rows: int, layout: str) -> Tensor | None:
    """Return the datum of each row of an encoder's call: by what it was given, else by the order of the rows."""
    for one in given:
        if one.numel() == rows * x.shape[1] and one.dtype == x.dtype:
            same = (one.reshape(rows, 1, -1) == x[None]).all(2)
            if bool(same.any(1).all()):
                return same.long().argmax(1)
    found = indices((rows,), len(x), layout)
    return None if found is None else found.reshape(-1)


def layouts(decoded: list[Decoded], x: Tensor, latent: tuple[int, ...]) -> list[Draws]:
    """Return the samples under each layout that the rows can have."""
    found = (draws(decoded, x, latent, one) for one in LAYOUTS)
    return [one for one in found if one is not None]
