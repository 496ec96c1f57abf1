"""Blocks: the parts of a log likelihood that share no output and no entry of x.

log p(x|z) - log h(x) is the sum over blocks of a rule of a few outputs and entries of x. Networks, growth bounds and
expressions all read the same rules.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy import Expr

from elboproof.numbers.tape import Tape


@dataclass(frozen=True)
class Rule:
    """An expression of some outputs and some entries of x; rules with equal fields are one rule.

    Attributes
    ----------
    function
        (outputs, x, parameters) -> Expr, the parameters one by one.
    parameters
        Exact numbers, or what else is hashable.
    outputs, entries : int
        How many it takes.
    """

    function: Callable[..., Expr]
    parameters: tuple[Hashable, ...] = ()
    outputs: int = 1
    entries: int = 1

    def __call__(self, outputs: Sequence[Expr], x: Sequence[Expr]) -> Expr:
        """Return the expression."""
        return self.function(outputs, x, *self.parameters)


@dataclass(frozen=True)
class Block:
    """A rule with the numbers of its outputs and entries of x."""

    rule: Rule
    outputs: tuple[int, ...]
    entries: tuple[int, ...]


def log_density(blocks: Sequence[Block], outputs: Sequence[Expr], x: Sequence[Expr]) -> Expr:
    """Return the sum of all blocks."""
    return sympy.Add(
        *(block.rule([outputs[j] for j in block.outputs], [x[j] for j in block.entries]) for block in blocks)
    )


def alike(blocks: Sequence[Block]) -> dict[Rule, list[Block]]:
    """Return the blocks of each rule: those are evaluated together."""
    groups: dict[Rule, list[Block]] = {}
    for block in blocks:
        groups.setdefault(block.rule, []).append(block)
    return groups


@lru_cache(maxsize=256)
def rule_tape(rule: Rule) -> tuple[Tape, int]:
    """Return a rule on a tape of its own, whose inputs are its outputs and entries of x, and its entry."""
    outputs = [sympy.Dummy(f"f_{k}", real=True) for k in range(rule.outputs)]
    x = [sympy.Dummy(f"x_{k}", real=True) for k in range(rule.entries)]
    tape = Tape([*outputs, *x])
    return tape, tape.lower(rule(outputs, x))
