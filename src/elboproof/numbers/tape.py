"""The tape: an expression as a list of single operations, the form in which every number system runs it.

Equal operations are stored once (so common subexpressions are computed once), rational constants are folded exactly,
and derivatives are new entries on the same tape, which therefore stay short: the fourth derivatives of a network
share all of its activations. The rule of each function is SymPy's, taken once.

Entries refer to earlier entries only, so that their order is an order of evaluation.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial, reduce

import sympy
from sympy import Expr, Symbol

from elboproof.numbers.functions import (
    NAME_OF_CLASS,
    PRIMITIVES,
    Composite,
    ExpressionError,
    JumpError,
    allowed,
)
from elboproof.numbers.log_sums import logarithm

Entry = tuple[object, ...]
"""("input", k), ("constant", Fraction), ("pi",), (operation, i, j) or (function, i, ...) with entry numbers i, j."""

_GROWING = threading.RLock()
"""Held while an entry is added: two threads that grow one tape at once would number different entries alike."""
if hasattr(os, "register_at_fork"):  # no fork copies a tape with half an entry
    os.register_at_fork(
        before=_GROWING.acquire, after_in_parent=_GROWING.release, after_in_child=_GROWING.release
    )


class Tape:
    """A growing list of operations over named inputs.

    Parameters
    ----------
    inputs
        The symbols whose values a compiled function takes, in this order.
    """

    def __init__(self, inputs: Sequence[Symbol]) -> None:
        self.inputs = tuple(inputs)
        self.entries: list[Entry] = []
        self.varies: list[bool] = []  # whether an entry depends on an input
        self._number: dict[Entry, int] = {}
        self._slopes: dict[tuple[int, int], int] = {}
        self._lowered: dict[Expr, int] = {s: self._put(("input", k)) for k, s in enumerate(self.inputs)}

    def _put(self, entry: Entry) -> int:
        with _GROWING:
            if entry not in self._number:
                self.varies.append(entry[0] == "input" or any(self.varies[i] for i in operands(entry)))
                self.entries.append(entry)
                self._number[entry] = len(self.entries) - 1
            return self._number[entry]

    def constant(self, value: Fraction | int) -> int:
        """Return the entry of a rational constant."""
        return self._put(("constant", Fraction(value)))

    def value(self, i: int) -> Fraction | None:
        """Return the rational that entry ``i`` is, if it is a constant."""
        entry = self.entries[i]
        return entry[1] if entry[0] == "constant" else None  # type: ignore[return-value]

    def add(self, i: int, j: int) -> int:
        """Return the entry of the sum; a negated term becomes a subtraction."""
        a, b = self.value(i), self.value(j)
        if a is not None and b is not None:
            return self.constant(a + b)
        if a == 0:
            return j
        if b == 0:
            return i
        for x, y in ((i, j), (j, i)):
            if self.entries[y][0] == "neg":
                return self.subtract(x, operands(self.entries[y])[0])
        return self._put(("add", *sorted((i, j))))

    def subtract(self, i: int, j: int) -> int:
        """Return the entry of the difference."""
        a, b = self.value(i), self.value(j)
        if a is not None and b is not None:
            return self.constant(a - b)
        if i == j:
            return self.constant(0)
        return i if b == 0 else self.negate(j) if a == 0 else self._put(("sub", i, j))

    def negate(self, i: int) -> int:
        """Return the entry of the negative."""
        a = self.value(i)
        if a is not None:
            return self.constant(-a)
        entry = self.entries[i]
        if entry[0] == "neg":
            return operands(entry)[0]
        if entry[0] == "sub":
            return self._put(("sub", *reversed(operands(entry))))
        return self._put(("neg", i))

    def multiply(self, i: int, j: int) -> int:
        """Return the entry of the product; signs are moved outwards and equal factors become a square."""
        # -1 moves outwards, so that x y and (-x)(-y) are one entry
        a, b = self.value(i), self.value(j)
        if a is not None and b is not None:
            return self.constant(a * b)
        if i == j:
            return self._put(("square", i))
        for factor, other in ((a, j), (b, i)):
            if factor in (0, 1, -1):
                return self.constant(0) if factor == 0 else other if factor == 1 else self.negate(other)
        for x, y in ((i, j), (j, i)):
            if self.entries[x][0] == "neg":
                return self.negate(self.multiply(operands(self.entries[x])[0], y))
        return self._put(("mul", *sorted((i, j))))

    def divide(self, i: int, j: int) -> int:
        """Return the entry of the quotient; dividing by a constant multiplies by its exact inverse."""
        b = self.value(j)
        if b:
            return self.multiply(i, self.constant(1 / b))
        if self.entries[j][0] == "neg":
            return self.negate(self.divide(i, operands(self.entries[j])[0]))
        return self.constant(0) if self.value(i) == 0 and b is None else self._put(("div", i, j))

    def power(self, i: int, n: int) -> int:
        """Return the entry of an integer power, by repeated squaring."""
        if n < 0:
            return self.divide(self.constant(1), self.power(i, -n))
        if n == 0:
            return self.constant(1)
        half = self.power(i, n // 2) if n > 1 else self.constant(1)
        square = self.multiply(half, half)
        return self.multiply(square, i) if n % 2 else square

    def call(self, name: str, *arguments: int) -> int:
        """Return the entry of a function of the table ``functions.PRIMITIVES``; no logarithm keeps exponentials."""
        if name in {"max", "min", "logaddexp"} and not self.varies[arguments[0]]:
            arguments = arguments[::-1]  # rings may rely on a first operand that is no constant
        if name in {"log", "log1p"} and (found := logarithm(self, arguments[0])) is not None:
            return found if name == "log" else self.call("softplus", found)
        return self._put((name, *arguments))

    def lower(self, expression: Expr) -> int:
        """Return the entry that computes a SymPy expression.

        Raises
        ------
        ValueError
            If a part of it is not in the documented set.
        """
        if expression not in self._lowered:
            self._lowered[expression] = self._lower(expression)
        return self._lowered[expression]

    def substituted(self, rule: Expr, dummies: Sequence[Symbol], parts: Sequence[int]) -> int:
        """Return the entry of ``rule`` with entries put for its dummies; SymPy never sees the whole."""
        self._lowered.update(zip(dummies, parts, strict=True))
        return self.lower(rule)

    def _lower(self, e: Expr) -> int:
        # every branch keeps the value wherever the expression has one; the tape folds literals itself
        if e.is_Rational:
            return self.constant(Fraction(int(e.p), int(e.q)))
        if e is sympy.pi:
            return self._put(("pi",))
        if e is sympy.E:
            return self.call("exp", self.constant(1))
        if e.is_Add:
            return self._sum(e.args)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow and e.base is sympy.E:
            return self.call("exp", self.lower(e.exp))
        if e.is_Pow:
            return self._power(*e.as_base_exp())
        return self._function(e)

    def _sum(self, terms: Iterable[Expr]) -> int:
        return reduce(self.add, map(self.lower, terms), self.constant(0))

    def _product(self, e: Expr) -> int:
        over, under = self.constant(1), self.constant(1)
        for factor in e.args:
            base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, sympy.Integer(1))
            if exponent.is_Rational and exponent.is_negative:
                under = self.multiply(under, self._power(base, -exponent))
            else:
                over = self.multiply(over, self.lower(factor))
        return self.divide(over, under)

    def _power(self, base: Expr, exponent: Expr) -> int:
        if exponent.is_Integer:
            return self.power(self.lower(base), int(exponent))
        if exponent.is_Rational and exponent.q == 2:
            return self.power(self.call("sqrt", self.lower(base)), int(exponent.p))
        if exponent.is_Rational:
            return self.call("pow", self.lower(base), self.lower(exponent))
        return self.call("exp", self.multiply(self.lower(exponent), self.call("log", self.lower(base))))

    def _function(self, e: Expr) -> int:
        if isinstance(e, Composite):
            dummy = sympy.Dummy("t", real=True)
            return self.substituted(e.definition(dummy), [dummy], [self.lower(e.args[0])])
        name = NAME_OF_CLASS.get(e.func)
        if name is None:
            word = f"the symbol {e}" if e.is_Symbol else f"{e.func.__name__} in {e}"
            raise ExpressionError(f"got {word[:200]}{'...' * (len(word) > 200)}; expected {allowed()}")
        arguments = [self.lower(argument) for argument in e.args]
        if PRIMITIVES[name].arity == 1:
            return self.call(name, *arguments)
        return reduce(partial(self.call, name), arguments)  # Max and Min of several arguments

    def derivative(self, root: int, k: int) -> int:
        """Return the entry of the derivative of entry ``root`` with respect to input ``k``.

        Raises
        ------
        JumpError
            If it needs the derivative of a jump (a second derivative of abs, max, min or relu at the kink).
        """
        # from the inputs upwards, so that the slopes of an entry's operands are known before its own
        for i in self.reachable([root]):
            if (i, k) not in self._slopes:
                self._slopes[i, k] = self._slope(i, k)
        return self._slopes[root, k]

    def _slope(self, i: int, k: int) -> int:
        entry = self.entries[i]
        if entry[0] == "input":
            return self.constant(int(entry[1] == k))
        if not self.varies[i]:
            return self.constant(0)
        parts = operands(entry)
        slopes = [self._slopes[part, k] for part in parts]
        if all(self.value(slope) == 0 for slope in slopes):
            return self.constant(0)
        return self._rule(str(entry[0]), i, parts, slopes)

    def _rule(self, operation: str, i: int, parts: Sequence[int], slopes: Sequence[int]) -> int:
        linear: dict[str, Callable[..., int]] = {"add": self.add, "sub": self.subtract, "neg": self.negate}
        if operation in linear:
            return linear[operation](*slopes)
        if operation == "square":
            return self.multiply(self.constant(2), self.multiply(parts[0], slopes[0]))
        if operation == "mul":
            return self.add(self.multiply(slopes[0], parts[1]), self.multiply(parts[0], slopes[1]))
        if operation == "div":  # the quotient itself, entry i, is used again
            return self.divide(self.subtract(slopes[0], self.multiply(i, slopes[1])), parts[1])
        return self._chain(operation, parts, slopes)

    def _chain(self, name: str, parts: Sequence[int], slopes: Sequence[int]) -> int:
        total = self.constant(0)
        for position, slope in enumerate(slopes):
            if self.value(slope) != 0:
                total = self.add(total, self.multiply(self._outer(name, parts, position), slope))
        return total

    def _outer(self, name: str, parts: Sequence[int], position: int) -> int:
        if name == "sign":
            expected = "expected an order at which abs, max, min and relu still have one"
            raise JumpError(f"order: got a derivative across the jump of sign; {expected}")
        if name in {"max", "min"}:
            return self._selector(name, parts, position)
        # SymPy's rule for the function alone: it never sees the whole expression
        dummies = [sympy.Dummy(f"t{place}", real=True) for place in range(len(parts))]
        rule = PRIMITIVES[name].symbolic(*dummies).diff(dummies[position])
        return self.substituted(rule, dummies, parts)

    def _selector(self, name: str, parts: Sequence[int], position: int) -> int:
        """1 where the argument at ``position`` is the one selected, 0 where it is not, 1/2 at a tie."""
        # (1 + sign(difference))/2; a ball whose sign is open becomes [0, 1], the weights of Clarke's gradient
        ahead = self.subtract(parts[position], parts[1 - position])
        sign = self.call("sign", ahead if name == "max" else self.negate(ahead))
        return self.multiply(self.constant(Fraction(1, 2)), self.add(self.constant(1), sign))

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """Return all entries that the roots need, in order of evaluation."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            i = waiting.pop()
            if i not in found:
                found.add(i)
                waiting.extend(operands(self.entries[i]))
        return sorted(found)


def operands(entry: Entry) -> tuple[int, ...]:
    """Return the entry numbers that an entry uses."""
    return () if entry[0] in {"input", "constant", "pi"} else entry[1:]  # type: ignore[return-value]
