"""A Gaussian likelihood whose variances depend on the latents: a decoder with two heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arguments import Sealed, bad
from elboproof.arrays import FloatArray
from elboproof.model.base_measures import Operations
from elboproof.model.blocks import Block, Rule, log_density
from elboproof.model.decoder_entries import entry_of
from elboproof.model.supports import REAL, Support
from elboproof.numbers.ball_arrays import BallArray


@dataclass(frozen=True)
class HeteroscedasticGaussian(Sealed):
    """N(f(z), diag v(z)): made by ``ep.LatentModel`` from ``ep.Gaussian(variance=<expressions>)``, or from a network.

    As v falls the density has no supremum: evidences are proved where log v falls slowly enough with |z|.

    Attributes
    ----------
    variances : tuple of Expr
        v_1..v_D in the latents; empty for a network, which gives log v after the means.
    """

    variances: tuple[Expr, ...]

    @property
    def heads(self) -> tuple[Expr, ...]:
        """The outputs beside the means: log v_1..log v_D and 1/v_1..1/v_D, which SymPy simplifies for v = exp(..)."""
        return (*(sympy.expand_log(sympy.log(v)) for v in self.variances), *(1 / v for v in self.variances))

    def entry_count(self, outputs: int) -> int:
        """Return the dimension of x: one for each mean."""
        return outputs if self.variances else outputs // 2

    def require_dimension(self, data_dim: int) -> None:
        """Raise ``ValueError`` unless there is a variance for each mean."""
        if not self.variances and data_dim % 2:
            raise ValueError(f"module: got {data_dim} outputs; expected as many log variances as means")
        if self.variances and len(self.variances) != data_dim:
            raise ValueError(
                f"variance: got {len(self.variances)} dimensions; expected {data_dim}, one per decoder output"
            )

    def blocks(self, data_dim: int) -> list[Block]:
        """Return one block for each entry of x: its mean, log variance and, beside expressions, precision."""
        count = 3 if self.variances else 2
        rule = Rule(_with_precision if self.variances else _by_logarithm, (), count, 1)
        return [Block(rule, tuple(j + k * data_dim for k in range(count)), (j,)) for j in range(data_dim)]

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """Return log N(x; f, diag v) in nats."""
        return log_density(self.blocks(len(x)), outputs, x)

    def log_base(self, x: Sequence[Any], numbers: Operations) -> None:
        """Return None: the density has no base measure."""

    def log_suprema(self, x: BallArray) -> FloatArray:
        """Return infinity: there is no bound for all variances."""
        return np.full(len(x), np.inf)

    def log_ceiling(self, outputs: Sequence[Expr], x: Sequence[Symbol], values: BallArray) -> Expr:  # noqa: ARG002
        """Return -sum log(2 pi v_j)/2: the quadratic form is nonnegative."""
        count = len(x)
        return -sympy.Add(*outputs[count : 2 * count]) / 2 - sympy.log(2 * sympy.pi) * count / 2

    @property
    def support(self) -> Support:
        """Every row of real numbers."""
        return REAL

    def sample(self, outputs: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return samples of x given outputs of shape (..., 2 D) or more: means, then log variances."""
        count = outputs.shape[-1] // (3 if self.variances else 2)
        deviations = np.exp(outputs[..., count : 2 * count] / 2)
        return np.asarray(generator.normal(outputs[..., :count], deviations))


def heteroscedastic(
    heads: Sequence[str | Expr], scalar: bool, latents: Mapping[str, Symbol], data_dim: int
) -> HeteroscedasticGaussian:
    """Return the likelihood for variances as a user writes them.

    Raises
    ------
    TypeError, ValueError
        If one is no expression in the latents, or a constant that is not positive.
    """
    names = ["variance"] if scalar else [f"variance[{j}]" for j in range(len(heads))]
    variances = [entry_of(v, dict(latents), name) for v, name in zip(heads, names, strict=True)]
    for v, name, given in zip(variances, names, heads, strict=True):
        if v.is_nonpositive:
            raise bad(name, given, "a positive variance")
    return HeteroscedasticGaussian(tuple(variances * data_dim if scalar else variances))


def _with_precision(outputs: Sequence[Expr], x: Sequence[Expr]) -> Expr:
    # a polynomial in mean, log variance and precision: expectations have closed forms for v = exp(a.z + b)
    f, logarithm, precision = outputs
    return -((x[0] - f) ** 2) * precision / 2 - logarithm / 2 - sympy.log(2 * sympy.pi) / 2


def _by_logarithm(outputs: Sequence[Expr], x: Sequence[Expr]) -> Expr:
    f, logarithm = outputs
    return _with_precision([f, logarithm, sympy.exp(-logarithm)], x)
