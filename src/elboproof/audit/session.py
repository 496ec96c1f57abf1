"""What the checks of one audit share: the bench, designs, the false-alarm rate, and what is known so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from elboproof.audit.adapter import Adapter
from elboproof.audit.bench import Bench
from elboproof.audit.calls import Call, Design, Tensor
from elboproof.audit.designs import Designer
from elboproof.audit.detector import Recognised
from elboproof.audit.divergences import residuals
from elboproof.audit.flows import transport
from elboproof.audit.formula import Formula
from elboproof.audit.laws import NORMAL, NoiseLaw
from elboproof.audit.parameters import Parameter, possible
from elboproof.audit.rows import LAYOUTS

SINGLE = 1e-5
"""Closeness of numbers that were float32 on the way."""
STATISTICAL = ("noise", "gradient", "evidence")
"""Checks that share the false-alarm rate."""


@dataclass
class Session:
    """One audit under way.

    Attributes
    ----------
    close : float
        Largest relative difference of two numbers that count as one: of the dtype.
    objects : list
        What the loss can reach.
    heads : tuple of str
        The modules that are tapped in the place of an encoder that samples inside.
    parameter : Parameter or None
        What the sampler takes s for; None if z is no function of mean + deviation(s) x noise.
    flow : bool
        Whether z is a function of that draw, and not the draw itself.
    law : NoiseLaw or None
        Of the noise that the loss takes the divergence of; None if that is not known.
    noise : dict
        Of the calls of the noise check, by what s is taken for.
    kept : dict
        What several checks use and one has looked for, by name.
    """

    adapter: Adapter
    bench: Bench
    designer: Designer
    close: float
    alpha: float
    draws: int
    objects: list[Any] = field(default_factory=list)
    heads: tuple[str, ...] = ()
    parameter: Parameter | None = None
    flow: bool = False
    found: Recognised | None = None
    formula: Formula | None = None
    multi: Any = None
    law: NoiseLaw | None = NORMAL
    noise: dict[str, Tensor] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Return the false-alarm rate of one statistical check."""
        return self.alpha / len(STATISTICAL)

    @property
    def samples(self) -> int:
        """Return K."""
        return self.bench.shapes.samples

    def parameters(self) -> Sequence[Parameter]:
        """Return what s may be, the sampler's first."""
        rest = possible(self.bench.shapes.positive_s)
        return (
            rest
            if self.parameter is None
            else (self.parameter, *(one for one in rest if one != self.parameter))
        )

    def calls(self, name: str, count: int) -> list[Call]:
        """Return calls of a named stream of designs, each with a seed of its own."""
        designs = self.designer.designs(name, count)
        return [self.bench.call(design, self.seed(n)) for n, design in enumerate(designs)]

    def seed(self, n: int) -> int:
        """Return the seed of a call."""
        return (self.designer.seed * 1_000_003 + n) % 2**31

    def find_sampler(self) -> None:
        """Find the parameter and the layout in which (z - mean) / deviation does not change with mean and s.

        The noise of two calls with one seed is the same, so no statistics are needed.
        """
        first, second = (
            self.designer.design("sampler 1", self._batch()),
            self.designer.design("sampler 2", self._batch()),
        )
        call = self.bench.call(first, self.seed(0))
        if torch.float32 in (
            call.loss.dtype,
            call.z.dtype,
            *(one.dtype for out in call.returned for one in out),
        ):
            self.close = max(self.close, SINGLE)
        for layout in LAYOUTS:
            self.bench.shapes.layout = layout
            calls = [self.bench.call(one, self.seed(0)) for one in (first, second)]
            for parameter in possible(self.bench.shapes.positive_s):
                r = [residuals(call, parameter) for call in calls]
                if _same(r[0], r[1], 100 * self.close):
                    self.parameter = parameter
                    return
        self.bench.shapes.layout = LAYOUTS[0]
        self._find_flow(first, second)

    def _find_flow(self, first: Design, second: Design) -> None:
        """Look for a reparameterised draw behind a flow."""
        for parameter in possible(self.bench.shapes.positive_s):
            found = [transport(self.bench.call(one, self.seed(0)), parameter) for one in (first, second)]
            if found[0] is None or found[1] is None:
                return
            # no slope in s is no draw from mean and s: without noise nothing says that there is a flow
            moves = bool(found[0][0].any())
            same = moves and _same(found[0][0], found[1][0], 1e4 * self.close)
            if same and self._ends_alike(first, parameter, found[0][0]):
                self.parameter, self.flow = parameter, True
                return

    def _ends_alike(self, design: Design, parameter: Parameter, noise: Tensor) -> bool:
        """Return whether other noise with the same draw mean + deviation x noise gives the same z, as by a flow."""
        other = transport(self.bench.call(design, self.seed(1)), parameter)
        if other is None:
            return False
        deviation = parameter.variance(design.s.detach()).sqrt()
        shift = deviation * (noise - other[0]).reshape(deviation.shape)
        moved = replace(design, mean=(design.mean.detach() + shift).requires_grad_())
        calls = (self.bench.call(design, self.seed(0)), self.bench.call(moved, self.seed(1)))
        return _same(calls[0].z.detach(), calls[1].z.detach(), 1e4 * self.close)

    @property
    def known(self) -> Recognised | None:
        """Return the formula where its value and gradient can be computed anew: that of a flow is the user's own."""
        return None if self.flow else self.found

    def _batch(self) -> int:
        return self.designer.batches[0]


def _same(one: Tensor, other: Tensor, close: float) -> bool:
    if not bool(torch.isfinite(one).all() & torch.isfinite(other).all()):
        return False
    return bool((one - other).abs().max() <= close * (1 + one.abs().max()))
