"""The bench: the loss is called with the encoder and the decoder replaced by designed outputs, and watched."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from elboproof.audit.adapter import Adapter
from elboproof.audit.calls import Call, Design, Shapes, Tensor
from elboproof.audit.containers import loss_of, tensors_of, with_q, with_tensors
from elboproof.audit.ranges import in_range
from elboproof.audit.rows import by_datum, flat_rows, indices, lead_of
from elboproof.audit.slopes import slopes
from elboproof.audit.state import Restore, seed_all
from elboproof.audit.taps import shadowed
from elboproof.checking.collect import UsageError


@dataclass
class Bench:
    """The loss with its taps; `call` runs it on a design.

    Attributes
    ----------
    dtype : torch.dtype
        In which data and designs are given.
    restore : Restore or None
        Called before each call where the loss keeps a state.
    generators : list
        Of the user's own; seeded with each call.
    """

    adapter: Adapter
    shapes: Shapes
    dtype: torch.dtype = torch.float64
    restore: Restore | None = None
    generators: list[Any] = field(default_factory=list)
    skipped: dict[int, Any] = field(default_factory=dict)
    _design: Design | None = None
    _seen: list[tuple[Tensor, Tensor, tuple[Tensor, ...]]] = field(default_factory=list)
    _generator: torch.Generator = field(default_factory=torch.Generator)
    _fired: int = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Put the stubs in the place of the networks."""
        taps = self.adapter.encode
        handlers: dict[int, tuple[Any, Any]] = {}
        if isinstance(taps, torch.nn.Module) or isinstance(taps[1], str):
            handlers[0] = (taps, self._encode)
        else:
            handlers[0] = (taps[0], lambda _, *a, **k: self._head(0, a, k))
            handlers[1] = (taps[1], lambda _, *a, **k: self._head(1, a, k))
        handlers[2] = (self.adapter.decode, self._decode)
        for number, module in enumerate(self.adapter.skip):
            handlers[3 + number] = (module, self._skipping(number))
        with ExitStack() as stack:
            stack.enter_context(shadowed(handlers))
            yield

    def call(self, design: Design, seed: int) -> Call:
        """Return what the loss does with a design and a seed.

        Raises
        ------
        UsageError
            If a tap does not fire, or the latents cannot be told from their shape.
        """
        if self.restore is not None:
            self.restore()
        self._design, self._seen, self._fired = design, [], 0
        self._generator = torch.Generator().manual_seed(design.seed)
        seed_all(seed, self.generators)
        loss = loss_of(self.adapter.loss(*self._arguments(design.x)))
        if not self._fired or not self._seen:
            raise UsageError(f"{'decode' if self._fired else 'encode'}: the tap never fired")
        latents = torch.cat([self.latents_by_datum(one) for one, _, _ in self._seen], 1)
        count = len(self._seen[0][2])
        outputs = tuple(
            torch.cat([self.outputs_by_datum(z, out[k]) for z, _, out in self._seen], 1) for k in range(count)
        )
        entered = tuple(one for _, one, _ in self._seen)
        return Call(
            design,
            self._shaped(loss, design.x.shape[0]),
            latents,
            outputs,
            entered,
            tuple(out for _, _, out in self._seen),
        )

    def latents_by_datum(self, z: Tensor) -> Tensor:
        """Return what a decoder was called with as (B, K, d)."""
        return self._by_datum(flat_rows(z, self._lead(z.shape), self.shapes.latents), z.shape)

    def direct_slope(self, call: Call) -> Tensor | None:
        """Return the slope of a call's loss in z, (B, K, d), less what goes through the decoder; None if it has none.

        Of the last call alone, whose decoder was called once.
        """
        if len(self._seen) != 1:
            return None
        z, entered, _ = self._seen[0]
        total, into = slopes(call.loss.sum(), [z, entered])
        if total is None:
            return None
        return self.latents_by_datum(total if into is None else total - into)

    def _arguments(self, x: Tensor) -> tuple[Tensor, ...]:
        rest = [one.to(self.dtype) if one.is_floating_point() else one for one in self.adapter.tensors[1:]]
        rows = torch.arange(x.shape[0]) % self.adapter.tensors[0].shape[0]
        return (x.clone(), *(one[rows] for one in rest))

    @staticmethod
    def _shaped(loss: Tensor, batch: int) -> Tensor:
        if loss.ndim == 0:
            return loss
        if loss.numel() == batch:
            return loss.reshape(batch)
        raise UsageError(
            f"loss: got a tensor of shape {tuple(loss.shape)} for {batch} data; expected a scalar or one value each"
        )

    def _skipping(self, number: int) -> Any:
        def handler(original: Any, *arguments: Any, **keywords: Any) -> Any:
            if number not in self.skipped:
                self.skipped[number] = original(*arguments, **keywords)
            kept, rows = self.skipped[number], self._current().x.shape[0]
            return kept[torch.arange(rows) % kept.shape[0]]

        return handler

    def _current(self) -> Design:
        if self._design is None:
            raise UsageError("encode, decode: called outside of the loss")
        return self._design

    def _repeated(self, value: Tensor, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Tensor:
        """Return a design's rows for an encoder that is called on repeated data."""
        given = [
            one for one in (*arguments, *keywords.values()) if isinstance(one, torch.Tensor) and one.ndim
        ]
        rows, batch = given[0].shape[0] if given else value.shape[0], value.shape[0]
        if rows == batch or rows % batch:
            return value
        beside = bool((given[0][0] == given[0][1]).all())
        data = indices((rows,), batch, "datum first" if beside else "sample first")
        return value if data is None else value[data]

    def _encode(self, _: Any, *arguments: Any, **keywords: Any) -> Any:
        self._fired += 1
        design, template = self._current(), self.shapes.template_q
        mean, s = (self._repeated(one, arguments, keywords) for one in (design.mean, design.s))
        write = self.adapter.write_q or with_q
        return write(template, mean, s)

    def _head(self, which: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Tensor:
        self._fired += 1
        design = self._current()
        return self._repeated(design.s if which else design.mean, arguments, keywords)

    def _decode(self, _: Any, *arguments: Any, **keywords: Any) -> Any:
        z, template = latent_argument(self.adapter, arguments, keywords), self.shapes.template_x
        old = self.adapter.read_x(template) if self.adapter.read_x else tensors_of(template)
        olds = (old,) if isinstance(old, torch.Tensor) else tuple(old)
        entered = z.clone() if z.requires_grad else z.detach().requires_grad_()
        new = tuple(self._output(entered, one, k) for k, one in enumerate(olds))
        self._seen.append((z, entered, new))
        if self.adapter.write_x:
            return self.adapter.write_x(template, *new)
        return with_tensors(template, new)

    def _lead(self, shape: torch.Size) -> tuple[int, ...]:
        lead = lead_of(shape, self.shapes.latent)
        if lead is None:
            raise UsageError(
                f"decode: z of shape {tuple(shape)} does not hold latents of shape {self.shapes.latent}"
            )
        return lead

    def _output(self, z: Tensor, old: Tensor, which: int) -> Tensor:
        """Return a designed output: a part that only the design's seed knows, and one that is linear in z."""
        lead, design = self._lead(z.shape), self._current()
        tail = old.shape[common(old.shape, self.shapes.lead) :]
        free = not common(old.shape, self.shapes.lead) and old.shape[:1] != (math.prod(self.shapes.lead),)
        if free:  # a parameter of its own, the same for all data
            return old.detach()
        if not common(old.shape, self.shapes.lead):
            tail, lead = old.shape[1:], (math.prod(lead),)
        rows, width = math.prod(lead), math.prod(tail)
        fixed = self._fixed(z, rows, width)
        moved = fixed + flat_rows(z, self._lead(z.shape), self.shapes.latents) @ design.slopes[which].T
        if design.outputs:  # of the same graph, for a loss that differentiates inside
            given = self._by_row(design.outputs[which], z, rows) + 0 * moved
            return given.reshape(*lead, *tail)
        return in_range(moved, self.shapes.ranges[which]).reshape(*lead, *tail)

    def _fixed(self, z: Tensor, rows: int, width: int) -> Tensor:
        design = self._current()
        if not design.alike:
            return torch.randn(rows, width, generator=self._generator, dtype=self.dtype)
        generator = torch.Generator().manual_seed(design.seed)
        each = torch.randn(design.x.shape[0], width, generator=generator, dtype=self.dtype)
        return self._by_row(each, z, rows)

    def _by_row(self, each: Tensor, z: Tensor, rows: int) -> Tensor:
        """Return what each datum has, (B, W), for the rows of z."""
        data = indices(self._lead(z.shape), each.shape[0], self.shapes.layout)
        return each[data.reshape(-1)] if data is not None else each[torch.zeros(rows, dtype=torch.long)]

    def _by_datum(self, flat: Tensor, shape: torch.Size) -> Tensor:
        batch = self._current().x.shape[0]
        data = indices(self._lead(shape), batch, self.shapes.layout)
        if data is None:
            raise UsageError(f"decode: z of shape {tuple(shape)} does not divide among {batch} data")
        return by_datum(flat, data, batch)

    def outputs_by_datum(self, z: Tensor, out: Tensor) -> Tensor:
        """Return an output of a decoder that was called with z as (B, K, W)."""
        rows = math.prod(self._lead(z.shape))
        of_rows = out.numel() % rows == 0 and out.numel() >= rows and bool(out.shape)
        flat = out.reshape(rows, -1) if of_rows else out.reshape(1, -1).expand(rows, -1)
        return self._by_datum(flat, z.shape)


def common(shape: tuple[int, ...] | torch.Size, lead: tuple[int, ...]) -> int:
    """Return how many leading axes two shapes have in common."""
    count = 0
    for one, other in zip(shape, lead, strict=False):
        if one != other:
            break
        count += 1
    return count if count == len(lead) else 0


def latent_argument(adapter: Adapter, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Tensor:
    """Return z among what the decoder is called with.

    Raises
    ------
    UsageError
        If there is no tensor.
    """
    if adapter.read_z is not None:
        return adapter.read_z(arguments, keywords)
    for one in (*arguments, *keywords.values()):
        if isinstance(one, torch.Tensor):
            return one
    raise UsageError("decode: called without a tensor; name z by read_z")
