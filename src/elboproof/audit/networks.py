"""An adapter's encoder and decoder as functions: they are watched in real calls of the loss, and called as it does."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from elboproof.audit.adapter import Adapter
from elboproof.audit.bench import latent_argument
from elboproof.audit.containers import tensors_of
from elboproof.audit.learning import watched
from elboproof.audit.taps import shadowed, target
from elboproof.audit.trained_law import NoLawError, Outputs
from elboproof.checking.collect import UsageError

Tensor = torch.Tensor
BATCH = 500
PROBED = 8
"""Rows of the call that the decoder is learnt from."""
SAME = 1e-9
"""Relative: outputs of one z in one batch and in another."""


class Called(torch.nn.Module):
    """A method of a module as a module: z (M, d) to (M, W), turned by a function of a module's own."""

    def __init__(self, owner: torch.nn.Module, name: str, flatten: bool) -> None:
        super().__init__()
        self.owner, self.name, self.flatten = owner, name, flatten
        self.turn: torch.nn.Module = torch.nn.Identity()

    def forward(self, z: Tensor) -> Tensor:
        """Return the outputs."""
        out = self.owner(z) if self.name == "__call__" else getattr(self.owner, self.name)(z)
        found: Tensor = self.turn(out.flatten(1) if self.flatten else out)
        return found


@dataclass
class Networks:
    """The networks of an adapter whose modules are in float64 and in evaluation."""

    adapter: Adapter
    latent: tuple[int, ...]
    _called: list[tuple[tuple[Any, ...], dict[str, Any], Any]] = field(default_factory=list)

    @property
    def x(self) -> Tensor:
        """All data, (N, D)."""
        return self.adapter.tensors[0].detach().double().reshape(len(self.adapter.tensors[0]), -1)

    def encoded(self) -> tuple[Tensor, Tensor]:
        """Return mean and s of all data, (N, d) each.

        Raises
        ------
        UsageError
            If the encoder does not return one row for each datum.
        """
        parts = []
        for start in range(0, len(self.adapter.tensors[0]), BATCH):
            given = self._rows(start, start + BATCH)
            seen = watched(self.adapter, given, None)
            count = len(given[0])
            if not seen.mean or len(seen.mean[0]) != count:
                raise UsageError(f"encode: expected one mean for each of {count} data in a call of the loss")
            parts.append((seen.mean[0].reshape(count, -1), seen.s[0].reshape(count, -1)))
        means, s = (torch.cat(part) for part in zip(*parts, strict=True))
        return means.double(), s.double()

    def decoder(self) -> Callable[[Tensor], Outputs]:
        """Return the decoder of z (M, d): its outputs, (M, W) each.

        Raises
        ------
        NoLawError
            If it takes more than z, or its outputs depend on more than z.
        """
        self._called.clear()
        with shadowed({0: (self.adapter.decode, self._watching)}):
            self.adapter.loss(*self._rows(0, PROBED))
        arguments, keywords, out = self._called[0]
        if self.adapter.read_z is not None or _tensors(arguments, keywords) != 1:
            raise NoLawError("the decoder is called with more than z")
        z = latent_argument(self.adapter, arguments, keywords)
        found = self._decoder(arguments, keywords)
        self._require_same(found, z.reshape(-1, math.prod(self.latent)), self._flat(out, z))
        return found

    def module(self) -> "Called | None":
        """Return the decoder as a module for proofs; None if it returns more than a tensor, or z is no vector."""
        arguments, keywords, out = self._called[0]
        alone = len(arguments) == 1 and not keywords and isinstance(out, torch.Tensor)
        owner, name = target(self.adapter.decode)
        if not alone or self.adapter.read_x is not None or len(self.latent) > 1:
            return None
        if not isinstance(owner, torch.nn.Module):
            return None
        return Called(
            owner, "__call__" if isinstance(self.adapter.decode, torch.nn.Module) else name, out.ndim > 2
        )

    def _decoder(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Callable[[Tensor], Outputs]:
        owner, name = target(self.adapter.decode)
        called = owner if isinstance(self.adapter.decode, torch.nn.Module) else getattr(owner, name)

        def decode(z: Tensor) -> Outputs:
            shaped = z.reshape(len(z), *self.latent)
            given = [shaped if isinstance(one, torch.Tensor) else one for one in arguments]
            named = {key: shaped if isinstance(one, torch.Tensor) else one for key, one in keywords.items()}
            return self._flat(called(*given, **named), shaped)

        return decode

    def _flat(self, out: Any, z: Tensor) -> Outputs:
        """Return outputs as rows; what has no row for each z is a parameter of its own, the same for all."""
        found = self.adapter.read_x(out) if self.adapter.read_x else tensors_of(out)
        rows = z.numel() // math.prod(self.latent)
        tensors = (found,) if isinstance(found, torch.Tensor) else tuple(found)
        return tuple(
            one.reshape(rows, -1)
            if one.numel() % rows == 0 and one.numel() >= rows and one.ndim > 1
            else one.reshape(1, -1).expand(rows, -1)
            for one in tensors
        )

    def _require_same(self, decode: Callable[[Tensor], Outputs], z: Tensor, seen: Outputs) -> None:
        try:
            again = decode(z.detach())
        except Exception as error:
            raise NoLawError(f"the decoder cannot be called with z alone: {error}") from error
        for one, other in zip(again, seen, strict=True):
            if one.shape != other.shape or bool(((one - other).abs() > SAME * (1 + other.abs())).any()):
                raise NoLawError("the decoder's outputs depend on more than z")

    def _rows(self, start: int, stop: int) -> tuple[Tensor, ...]:
        rows = (one[start:stop] for one in self.adapter.tensors)
        return tuple(one.double() if one.is_floating_point() else one for one in rows)

    def _watching(self, original: Any, *arguments: Any, **keywords: Any) -> Any:
        out = original(*arguments, **keywords)
        self._called.append((arguments, keywords, out))
        return out


def _tensors(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> int:
    return sum(isinstance(one, torch.Tensor) for one in (*arguments, *keywords.values()))
