"""A user's own likelihood: any log density in the outputs f1, f2, ... and the data x1, x2, ..."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arguments import Sealed, bad, suggesting, wrong_type
from elboproof.arrays import FloatArray
from elboproof.model.base_measures import Operations
from elboproof.model.blocks import Block, Rule, log_density
from elboproof.model.decoder_entries import entry_of
from elboproof.model.density_bounds import least_upper_bound
from elboproof.model.supports import Entries, Support
from elboproof.numbers.ball_arrays import BallArray

SUPPORTS = {
    "real": Entries(),
    "positive": Entries(low=0, above=True),
    "nonnegative": Entries(low=0),
    "unit": Entries(low=0, high=1),
    "counts": Entries(low=0, whole=True),
    "binary": Entries(low=0, high=1, whole=True),
}
"""Where every entry of x may lie, by word."""
_WORDS = {
    "real": "real numbers",
    "positive": "positive numbers",
    "nonnegative": "numbers of at least 0",
    "unit": "numbers from 0 to 1",
    "counts": "integers 0, 1, 2, ...",
    "binary": "zeros and ones",
}
_NAME = re.compile(r"\b[fx][1-9]\d{0,3}\b")


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class Density(Sealed):
    """A log density of x given the decoder's outputs, in nats.

    Parameters
    ----------
    log_density
        A string or a SymPy expression in the outputs ``f1``, ``f2``, ... and the data ``x1``, ``x2``, ...; real for
        all outputs and all x of the support. The largest numbers say how many outputs are needed, and the dimension
        of x.
    support
        Where each entry of x may lie: ``"real"``, ``"positive"``, ``"nonnegative"``, ``"unit"``, ``"counts"`` or
        ``"binary"``.
    normalised
        Whether the density is one of x for every output, as its author says: it is not checked. If it is not, what
        ``ep.log_evidence`` gives is the logarithm of the integral over z, and no evidence.

    Raises
    ------
    TypeError, ValueError
        If it is no such expression, or has no x.

    Notes
    -----
    Proofs need an upper bound over z. It is found for each x: from the expression's range, from two tangents where it
    is concave in a single output, or as growth with the size of z; where none is found, the error says so.

    Examples
    --------
    A logistic likelihood:

    >>> import elboproof as ep
    >>> logistic = ep.Density("f1 - x1 - 2*softplus(f1 - x1)")
    >>> model = ep.LatentModel("z", ["z"], logistic)
    >>> print(ep.log_evidence(model, ["1/2"]).midpoint.round(8))
    -1.61451863
    """

    expression: Expr
    support_word: str
    normalised: bool

    def __init__(self, log_density: str | Expr, support: str = "real", normalised: bool = True) -> None:
        names = set(_NAME.findall(log_density if isinstance(log_density, str) else str(log_density)))
        symbols = {name: Symbol(name, real=True) for name in sorted(names)}
        expression = entry_of(log_density, symbols, "log_density")
        if not any(str(symbol).startswith("x") for symbol in expression.free_symbols):
            raise bad(
                "log_density",
                log_density,
                "an expression in the outputs f1, f2, ... and the data x1, x2, ...",
            )
        if support not in SUPPORTS:
            raise bad("support", support, f"one of {', '.join(SUPPORTS)}")
        if not isinstance(normalised, bool):
            raise wrong_type("normalised", normalised, "True or False")
        object.__setattr__(self, "expression", expression)
        object.__setattr__(self, "support_word", support)
        object.__setattr__(self, "normalised", normalised)

    def __repr__(self) -> str:
        return (
            f"Density({str(self.expression)!r}, support={self.support_word!r}, normalised={self.normalised})"
        )

    def _count(self, letter: str) -> int:
        numbers = [int(str(s)[1:]) for s in self.expression.free_symbols if str(s).startswith(letter)]
        return max(numbers, default=0)

    def entry_count(self, outputs: int) -> int:  # noqa: ARG002
        """Return the dimension of x."""
        return self._count("x")

    def require_dimension(self, outputs: int) -> None:
        """Raise ``ValueError`` unless the decoder has the outputs that the expression names."""
        if self._count("f") > outputs:
            raise ValueError(
                f"log_density: got f{self._count('f')}; expected outputs up to f{outputs}, the decoder's"
            )

    def blocks(self, data_dim: int) -> list[Block]:  # noqa: ARG002
        """Return a block for each part of the sum that shares no output with the others."""
        return [_block(part) for part in _parts(self.expression)]

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """Return the expression with outputs and data in their places."""
        return log_density(self.blocks(len(x)), outputs, x)

    def log_base(self, x: Sequence[Any], numbers: Operations) -> None:
        """Return None: all of the density is in the expression."""

    def log_suprema(self, x: BallArray) -> FloatArray:
        """Return upper bounds over all outputs, found for each row of (N, D); infinite where none is found."""
        blocks = self.blocks(x.shape[1])
        return np.array([_bound(blocks, x[n]) for n in range(len(x))])

    def log_ceiling(self, outputs: Sequence[Expr], x: Sequence[Symbol], values: BallArray) -> Expr:  # noqa: ARG002
        """Return the log density itself, which grows as the outputs make it."""
        return self.log_density(outputs, x)

    @property
    def support(self) -> Support:
        """The rows that x may be."""
        return Support(
            f"{_WORDS[self.support_word]}, the support of the density", (SUPPORTS[self.support_word],)
        )


def _parts(expression: Expr) -> list[Expr]:
    """Return summands of an expression: terms that share an output are together, those without one with the first."""
    groups: list[tuple[set[Symbol], list[Expr]]] = []
    alone: list[Expr] = []
    for term in _terms(expression):
        outputs = {symbol for symbol in term.free_symbols if str(symbol).startswith("f")}
        if not outputs:
            alone.append(term)
            continue
        joined = [group for group in groups if group[0] & outputs]
        groups = [group for group in groups if group not in joined]
        names = outputs.union(*(group[0] for group in joined))
        groups.append((names, [*(t for group in joined for t in group[1]), term]))
    sums = [terms for _, terms in groups] or [[]]
    sums[0] = [*sums[0], *alone]
    return [sympy.Add(*terms, evaluate=False) if len(terms) > 1 else terms[0] for terms in sums]


def _terms(expression: Expr) -> list[Expr]:
    if not expression.is_Add:
        return [expression]
    return [term for part in expression.args for term in _terms(part)]


def _block(part: Expr) -> Block:
    outputs, entries = (
        tuple(sorted(int(str(s)[1:]) - 1 for s in part.free_symbols if str(s).startswith(letter)))
        for letter in "fx"
    )
    # a rule has an output at least; one that does not occur changes nothing
    outputs = outputs or (0,)
    return Block(Rule(_put_in, (part, outputs, entries), len(outputs), len(entries)), outputs, entries)


def _bound(blocks: Sequence[Block], x: BallArray) -> float:
    """Return an upper bound of a sum of blocks over all outputs."""
    parts = [least_upper_bound(block.rule, x[list(block.entries)]) for block in blocks]
    # a sum of n floats, each rounding to nearest: the next float after each partial sum is above the exact one
    total = 0.0
    for part in parts:
        total = float(np.nextafter(total + part, np.inf))
    return total


def _put_in(
    outputs: Sequence[Expr], x: Sequence[Expr], part: Expr, numbers: tuple[int, ...], entries: tuple[int, ...]
) -> Expr:
    places = {f"f{k + 1}": f for k, f in zip(numbers, outputs, strict=True)}
    places |= {f"x{k + 1}": v for k, v in zip(entries, x, strict=True)}
    return part.xreplace({symbol: places[str(symbol)] for symbol in part.free_symbols})
