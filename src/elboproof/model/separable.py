"""Likelihoods whose outputs are independent: each family is one record of functions of one output.

A record holds the log partition (``kernel``), the base measure, the support, the supremum over the output for a given
x, and a sampler. All number systems, networks, growth bounds, data checks and metrics are derived from it.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from sympy import Expr, Rational, Symbol

from elboproof.arguments import Sealed, record_text
from elboproof.arrays import FloatArray
from elboproof.model.base_measures import Operations
from elboproof.model.blocks import Block, Rule, log_density
from elboproof.model.per_output import PerOutput
from elboproof.model.supports import Entries, Support
from elboproof.numbers.ball_arrays import BallArray


class Separable(Sealed):
    """A likelihood of independent outputs.

    A family is a frozen dataclass whose fields are parameters (`PerOutput`), and the functions below, which take the
    parameters of one output.
    """

    data: ClassVar[str]
    """What error messages ask of x."""
    gives: ClassVar[str]
    """What the decoder gives."""

    __repr__ = record_text

    # -- the record of a family: static functions of one output f, one entry x and the output's parameters --

    kernel: ClassVar[Callable[..., Expr]]
    """(f, x, parameters) -> log p(x|f) - log h(x) in nats, an expression."""
    supremum: ClassVar[Callable[..., BallArray]]
    """(x, parameters) -> upper bounds of the kernel over all f, balls of any shape."""
    draw: ClassVar[Callable[..., FloatArray]]
    """(f, generator, parameters) -> samples of x."""
    base: ClassVar[Callable[..., Any]] = staticmethod(lambda *_: None)
    """(x, numbers, parameters) -> log h(x) in nats, None for 0."""
    entries: ClassVar[Callable[..., Entries]] = staticmethod(lambda *_: Entries())
    """(parameters) -> what x may be."""
    metric: ClassVar[Callable[..., Expr | None]] = staticmethod(lambda *_: None)
    """(f, parameters) -> the Fisher metric, where the kernel is not affine in x: elsewhere it is derived."""

    # -- what the library asks, derived from the record --

    @property
    def _fields(self) -> tuple[PerOutput, ...]:
        return tuple(getattr(self, one.name) for one in fields(self))  # type: ignore[arg-type]

    @property
    def _alike(self) -> bool:
        return all(parameter.scalar for parameter in self._fields)

    def parameters_of(self, j: int) -> tuple[Rational, ...]:
        """Return the parameters of output j."""
        return tuple(parameter.of(j) for parameter in self._fields)

    def require_dimension(self, data_dim: int) -> None:
        """Raise ``ValueError`` unless each parameter is one number or has ``data_dim``."""
        for one, parameter in zip(fields(self), self._fields, strict=True):  # type: ignore[arg-type]
            parameter.require_dimension(data_dim, one.name)

    def blocks(self, data_dim: int) -> list[Block]:
        """Return one block for each output."""
        kernel = type(self).kernel
        return [Block(Rule(_of_one, (kernel, *self.parameters_of(j))), (j,), (j,)) for j in range(data_dim)]

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """Return log p(x|z) - log h(x) in nats."""
        return log_density(self.blocks(len(x)), outputs, x)

    def log_base(self, x: Sequence[Any], numbers: Operations) -> Any:
        """Return log h(x) in nats, None for 0."""
        total = None
        for j, value in enumerate(x):
            given = [numbers.number(Fraction(int(p.p), int(p.q))) for p in self.parameters_of(j)]
            part = self.base(value, numbers, *given)
            total = part if total is None else total + part
        return total

    def log_suprema(self, x: BallArray) -> FloatArray:
        """Return upper bounds of ``log_density`` over all outputs, for data (N, D): (N,) floats, infinite if none."""
        if self._alike:  # all entries at once
            return _upper(self.supremum(x, *map(_ball, self.parameters_of(0))).sum(1))
        parts = [self.supremum(x[:, j], *map(_ball, self.parameters_of(j))) for j in range(x.shape[1])]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return _upper(total)

    @property
    def support(self) -> Support:
        """The rows that x may be."""
        count = 1 if self._alike else max(len(parameter.values) for parameter in self._fields)
        return Support(self.data, tuple(self.entries(*self.parameters_of(j)) for j in range(count)))

    def sample(self, outputs: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return samples of x given decoder outputs of shape (..., D)."""
        columns = np.moveaxis(np.asarray(outputs, dtype=np.float64), -1, 0)
        drawn = [
            self.draw(column, generator, *map(float, self.parameters_of(j)))
            for j, column in enumerate(columns)
        ]
        return np.stack(drawn, -1)


def _of_one(
    outputs: Sequence[Expr], x: Sequence[Expr], kernel: Callable[..., Expr], *parameters: Rational
) -> Expr:
    return kernel(outputs[0], x[0], *parameters)


@lru_cache(maxsize=256)
def _ball(value: Rational) -> BallArray:
    return BallArray.from_fraction(int(value.p), int(value.q))


def _upper(total: BallArray) -> FloatArray:
    upper = total.upper()
    return np.where(np.isnan(upper), np.inf, upper)


def entropy_term(x: BallArray) -> BallArray:
    """Return x log x for x >= 0, and 0 for x = 0."""
    zero = (x.mid == 0.0) & (x.rad == 0.0)
    one = BallArray(np.ones(x.shape))
    return BallArray.where(zero, BallArray(np.zeros(x.shape)), x * BallArray.where(zero, one, x).log())
