"""Encoders that sample inside: the modules in them that return mean and s, found by how z moves with what they return.

z = mean + f(s) noise moves with the mean one to one, and with s entry by entry. So of all modules that the encoder
calls, the last one of each kind is its head, and the draw stays the user's own: the heads are tapped in its place.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import torch

from elboproof.audit.adapter import Adapter
from elboproof.audit.bench import latent_argument
from elboproof.audit.calls import Shapes
from elboproof.audit.containers import NoPairError
from elboproof.audit.learning import ROWS, learn, typed
from elboproof.audit.slopes import slopes
from elboproof.audit.state import seed_all
from elboproof.audit.taps import shadowed
from elboproof.checking.collect import UsageError

Tensor: TypeAlias = torch.Tensor
CLOSE = 1e-5
"""Relative, of derivatives: they are exact but for rounding, of float32 perhaps."""
ASK = (
    "the encoder seems to sample inside, and no two modules in it return mean and s: tap what computes them, a method "
    "or the two modules [mean, s]"
)


@dataclass
class _Inside:
    """What the modules of an encoder returned, in the order in which they ended, and z."""

    returned: list[tuple[torch.nn.Module, Tensor]] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)
    encoding: bool = False


def learnt(adapter: Adapter, dtype: torch.dtype) -> tuple[Adapter, Shapes, tuple[str, ...]]:
    """Return the adapter, tapped inside where it must be, what `learn` says of it, and the names of what is tapped.

    Raises
    ------
    UsageError
        If a tap never fires, or an output cannot be read.
    """
    try:
        return adapter, learn(adapter, dtype), ()
    except NoPairError as error:
        inside, names = at_heads(adapter, dtype, error)
        return inside, learn(inside, dtype), names


def at_heads(adapter: Adapter, dtype: torch.dtype, cause: NoPairError) -> tuple[Adapter, tuple[str, ...]]:
    """Return the adapter with its encoder tapped at the heads inside, and their names.

    Raises
    ------
    UsageError
        If there are none.
    """
    owner = adapter.encode if isinstance(adapter.encode, torch.nn.Module) else adapter.encode[0]
    if not isinstance(owner, torch.nn.Module) or adapter.read_q is not None:
        raise cause
    names = {id(module): name for name, module in owner.named_modules() if name}
    found = _heads(_watched(adapter, owner, dtype))
    if not found:
        raise UsageError(f"{cause}; {ASK}") from cause
    taps = found[0] if len(found) == 1 else list(found)
    return replace(adapter, encode=taps), tuple(names[id(one)] for one in found)


def _watched(adapter: Adapter, owner: torch.nn.Module, dtype: torch.dtype) -> _Inside:
    """Run the loss once on the real networks."""
    seen = _Inside()
    given = tuple(typed(one[:ROWS], dtype) for one in adapter.tensors)

    def encoding(original: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        seen.encoding = True
        try:
            return original(*arguments, **keywords)
        finally:
            seen.encoding = False

    def decoding(original: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        seen.z.append(latent_argument(adapter, arguments, keywords))
        return original(*arguments, **keywords)

    def keep(module: torch.nn.Module, _: Any, out: Any) -> None:
        if seen.encoding and isinstance(out, torch.Tensor):
            seen.returned.append((module, out))

    seed_all(0)
    with ExitStack() as stack:
        for name, module in owner.named_modules():
            if name:
                stack.callback(module.register_forward_hook(keep).remove)
        stack.enter_context(shadowed({0: (adapter.encode, encoding), 1: (adapter.decode, decoding)}))
        adapter.loss(*given)
    return seen


def _heads(seen: _Inside) -> tuple[torch.nn.Module, ...]:
    """Return the module of both, the modules of the mean and of s, or none."""
    if len(seen.z) != 1 or not seen.z[0].requires_grad:
        return ()
    z, mean, s, both = seen.z[0], None, None, None
    for module, out in seen.returned:
        kind = _kind(z, out)
        both = module if kind == "both" else both
        mean = module if kind == "mean" else mean
        s = module if kind == "s" else s
    if mean is not None and s is not None:
        return mean, s
    return () if both is None else (both,)


def _kind(z: Tensor, out: Tensor) -> str:
    """Return "mean", "s" or "both": what an output is to z; else an empty text."""
    weights = torch.rand(z.shape, generator=torch.Generator().manual_seed(1), dtype=z.dtype) + 0.5
    weights = weights.to(z.device)
    plain, weighted = slopes(z.sum(), [out])[0], slopes((weights * z).sum(), [out])[0]
    if plain is None or weighted is None:
        return ""
    if z.shape == out.shape:
        return _of_part(plain, weighted, weights)
    if out.ndim < 2 or out.shape[1] % 2 or z.shape != out.chunk(2, 1)[0].shape:
        return ""
    parts = zip(plain.chunk(2, 1), weighted.chunk(2, 1), strict=True)
    return "both" if [_of_part(*one, weights) for one in parts] == ["mean", "s"] else ""


def _of_part(plain: Tensor, weighted: Tensor, weights: Tensor) -> str:
    limit = CLOSE * (1 + float(plain.abs().max()))
    if not bool(plain.any()) or float((weighted - weights * plain).abs().max()) > limit:
        return ""
    return "mean" if float((plain - 1).abs().max()) <= limit else "s"
