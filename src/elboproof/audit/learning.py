"""The first calls, of the real networks: what shapes, containers and ranges they have."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from elboproof.audit.adapter import Adapter
from elboproof.audit.bench import latent_argument
from elboproof.audit.calls import Shapes
from elboproof.audit.containers import NoPairError, has_scale, q_of, tensors_of, with_q
from elboproof.audit.ranges import range_of
from elboproof.audit.rows import lead_of
from elboproof.audit.state import seed_all
from elboproof.audit.taps import shadowed
from elboproof.checking.collect import UsageError

Tensor = torch.Tensor
ROWS = 10
"""Data of the first call: enough to see ranges, few enough for a large network."""
WIDE = 20.0
"""Of means in calls that ask for the decoder's range: what saturates does so here."""
PROBES = 3
PROBABLE = {torch.float64: 1e-12, torch.float32: 1e-5}
"""How far sums of probabilities may be from one."""
NEVER = (
    "expected the very object that the loss calls: of a compiled module the original, no copy, nothing scripted or "
    "traced by torch.jit, and no method that the loss goes round"
)


class UnfitError(Exception):
    """The taps fire, and what passes them is of no kind that can be audited: the report says so."""


@dataclass
class Seen:
    """What passed the taps in one real call."""

    mean: list[Tensor] = field(default_factory=list)
    s: list[Tensor] = field(default_factory=list)
    template_q: Any = None
    z: list[Tensor] = field(default_factory=list)
    outputs: list[tuple[Tensor, ...]] = field(default_factory=list)
    template_x: Any = None


def is_pair(tap: Any) -> bool:
    """Return whether an encoder's tap is two modules, of the mean and of s."""
    return not isinstance(tap, torch.nn.Module) and isinstance(tap[1], torch.nn.Module)


def learn(adapter: Adapter, dtype: torch.dtype) -> Shapes:
    """Return the shapes and ranges of an adapter's networks, from a few real calls.

    Raises
    ------
    UsageError
        If a tap never fires, or an output cannot be read.
    """
    count = min(ROWS, adapter.tensors[0].shape[0])
    given = tuple(typed(one[:count], dtype) for one in adapter.tensors)
    seen = watched(adapter, given, None)
    if not seen.mean:
        raise UsageError(f"encode: the tap never fired; {NEVER}")
    if not seen.z:
        raise UsageError(f"decode: the tap never fired; {NEVER}")
    _require_no_draw(seen)
    mean = seen.mean[0]
    if mean.shape != seen.s[0].shape:
        raise UsageError(
            f"encode: mean and s of shapes {tuple(mean.shape)} and {tuple(seen.s[0].shape)}; expected one shape"
        )
    shapes = Shapes(tuple(given[0].shape[1:]), tuple(mean.shape[1:]))
    shapes.template_q, shapes.template_x = seen.template_q, seen.template_x
    _count_samples(shapes, seen, count)
    _find_ranges(adapter, shapes, given, seen)
    pairs = {"mean": (mean, seen.s[0]), "s": (seen.s[0], mean)}
    shapes.real_q = (mean[:1].clone(), seen.s[0][:1].clone())
    shapes.probabilities = next((name for name, one in pairs.items() if _with_logarithms(*one)), "")
    return shapes


def _with_logarithms(q: Tensor, log_q: Tensor) -> bool:
    """Return whether these are probabilities that sum to one, and their logarithms."""
    close = PROBABLE.get(q.dtype, 0.0)
    one = bool((q >= 0).all()) and float((q.sum(-1) - 1).abs().max()) <= close
    return one and bool(((log_q.exp() - q).abs() <= close).all())


def _require_no_draw(seen: Seen) -> None:
    """Refuse an encoder whose one tensor is z itself, which would be read as halves."""
    out, z = seen.template_q, seen.z[0]
    if isinstance(out, torch.Tensor) and out.shape == z.shape and torch.equal(out.detach(), z):
        raise NoPairError(
            f"encode: it returns the decoder's z, of shape {tuple(z.shape)}; expected mean and s"
        )


def typed(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a copy, of this dtype where it is floating: a loss may change in place what it is given."""
    return (x.to(dtype) if x.is_floating_point() else x).clone()


def _count_samples(shapes: Shapes, seen: Seen, count: int) -> None:
    lead = lead_of(seen.z[0].shape, shapes.latent)
    if lead is None:
        raise UsageError(
            f"decode: z of shape {tuple(seen.z[0].shape)} does not hold latents of shape {shapes.latent}; "
            "tap the decoder where z comes in, or give read_z"
        )
    shapes.lead = lead
    rows = math.prod(lead) * len(seen.z)
    if rows % count:
        raise UnfitError(f"decode: {rows} rows of z for {count} data; expected a multiple")
    shapes.samples = rows // count
    if len(seen.z) == 1 and lead.count(count) == 1:
        shapes.axes = tuple(size for size in lead if size not in (1, count))


def watched(
    adapter: Adapter, given: tuple[Tensor, ...], wide: tuple[Tensor, Tensor] | None, seed: int = 0
) -> Seen:
    """Run the loss on real networks; with ``wide`` the encoder is replaced by a mean and s."""
    seen = Seen()
    seed_all(seed)
    with shadowed(_handlers(adapter, seen, wide)):
        adapter.loss(*given)
    return seen


def _handlers(adapter: Adapter, seen: Seen, wide: tuple[Tensor, Tensor] | None) -> dict[int, tuple[Any, Any]]:
    handlers: dict[int, tuple[Any, Any]] = {2: (adapter.decode, _decoding(adapter, seen))}
    if is_pair(adapter.encode):
        handlers[0] = (adapter.encode[0], _head(seen.mean, wide[0] if wide else None))
        handlers[1] = (adapter.encode[1], _head(seen.s, wide[1] if wide else None))
    else:
        handlers[0] = (adapter.encode, _encoding(adapter, seen, wide))
    return handlers


def _head(into: list[Tensor], wide: Tensor | None) -> Callable[..., Tensor]:
    def handler(original: Any, *arguments: Any, **keywords: Any) -> Tensor:
        out: Tensor = original(*arguments, **keywords)
        into.append(out.detach())
        return out if wide is None or out.shape != wide.shape else wide

    return handler


def _encoding(adapter: Adapter, seen: Seen, wide: tuple[Tensor, Tensor] | None) -> Callable[..., Any]:
    def handler(original: Any, *arguments: Any, **keywords: Any) -> Any:
        out = original(*arguments, **keywords)
        mean, s = (adapter.read_q or q_of)(out)
        seen.mean.append(mean.detach())
        seen.s.append(s.detach())
        seen.template_q = out
        if wide is None or mean.shape != wide[0].shape:
            return out
        return (adapter.write_q or with_q)(out, *wide)

    return handler


def _decoding(adapter: Adapter, seen: Seen) -> Callable[..., Any]:
    def handler(original: Any, *arguments: Any, **keywords: Any) -> Any:
        out = original(*arguments, **keywords)
        found = adapter.read_x(out) if adapter.read_x else tensors_of(out)
        tensors = (found,) if isinstance(found, torch.Tensor) else tuple(found)
        seen.z.append(latent_argument(adapter, arguments, keywords).detach())
        seen.outputs.append(tuple(one.detach() for one in tensors))
        seen.template_x = out
        return out

    return handler


def _find_ranges(adapter: Adapter, shapes: Shapes, given: tuple[Tensor, ...], first: Seen) -> None:
    """Look where outputs and s lie when what comes in is far out: a bias can keep all of one call on one side."""
    outputs = [[one] for one in first.outputs[0]]
    s = [first.s[0]]
    for probe in range(PROBES):
        generator = torch.Generator().manual_seed(probe)
        mean = WIDE * torch.randn(first.mean[0].shape, generator=generator, dtype=first.mean[0].dtype)
        seen = _tried(adapter, given, (mean, first.s[0]))
        for kept, new in zip(outputs, seen.outputs[0] if seen.outputs else (), strict=False):
            kept.append(new)
        x = given[0] + (WIDE * torch.randn(given[0].shape, generator=generator)).to(given[0].dtype)
        s += _tried(adapter, (x, *given[1:]), None).s
    shapes.ranges = tuple(range_of(torch.cat([one.reshape(-1) for one in kept])) for kept in outputs)
    if has_scale(first.template_x):
        shapes.ranges = (shapes.ranges[0], "positive")
    shapes.positive_s = has_scale(first.template_q) or bool(
        (torch.cat([one.reshape(-1) for one in s]) > 0).all()
    )


def _tried(adapter: Adapter, given: tuple[Tensor, ...], wide: tuple[Tensor, Tensor] | None) -> Seen:
    """Run the loss far out of its domain: what passed the taps before it gave up is what is asked for."""
    seen = Seen()
    try:
        with shadowed(_handlers(adapter, seen, wide)):
            adapter.loss(*given)
    except Exception:  # noqa: BLE001, S110  (no verdict hangs on this call: a law may refuse such data)
        pass
    return seen


def real_means(adapter: Adapter, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return what the real encoder says of the first datum, among all that are looked at and among two."""
    count = min(ROWS, adapter.tensors[0].shape[0])
    among, few = (_first_mean(adapter, dtype, rows, 0) for rows in (count, 2))
    return among, few


def encoder_moves(adapter: Adapter, dtype: torch.dtype) -> bool:
    """Return whether what the real encoder says of the same data is another mean at another seed."""
    one, other = (_first_mean(adapter, dtype, 2, seed) for seed in (0, 1))
    return not torch.equal(one, other)


def _first_mean(adapter: Adapter, dtype: torch.dtype, rows: int, seed: int) -> Tensor:
    seen = watched(adapter, tuple(typed(one[:rows], dtype) for one in adapter.tensors), None, seed)
    return seen.mean[0][:1]
