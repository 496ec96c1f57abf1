"""SymPy expressions built from a string without the simplifications that can take SymPy for ever.

SymPy simplifies as it builds: ``exp(10**10*log(9))`` becomes the integer 9**(10**10), ``max(max(z, 1), ...)`` and
``abs(abs(z) - 1)`` compare and ask for signs in exponential time. Only what cannot do so is built that way: polynomials
with rational coefficients, and functions of a rational or of a rational multiple of pi. All else is built literally
(``evaluate=False``), which the tape does not mind: it folds constants and shares subexpressions itself.
"""

from collections.abc import Sequence
from functools import cmp_to_key

import sympy
from sympy import Add, Basic, Expr, Integer, Mul, Pow, Rational

from elboproof.numbers.functions import Known

LONGEST_EVALUATED = 100  # terms or factors of a polynomial that SymPy may sort
LARGEST_EVALUATED_BITS = 200  # of the numbers in an argument that a SymPy function may look at
LARGEST_ROOT = 100  # of a rational that SymPy may simplify


def size(number: Expr) -> int:
    """Return the larger of numerator and denominator of a SymPy rational."""
    return max(abs(int(number.p)), int(number.q))


class Builder:
    """Builds sums, products, powers and calls, and remembers what it knows of each."""

    def __init__(self) -> None:
        self._literal: set[Expr] = set()
        self._polynomial: dict[Expr, bool] = {}
        self._bits: dict[Expr, int] = {}

    def is_literal(self, expression: Expr) -> bool:
        """Whether an expression was built without evaluation."""
        return expression in self._literal

    def sum(self, terms: Sequence[Expr]) -> Expr:
        """Return the sum; its rational terms are added exactly."""
        # a rational sum of terms is exact and short; the rest keeps its terms, which the tape adds
        # in this order
        if len(terms) == 1 or self._evaluated(terms):
            return Add(*terms)
        total = Add(*(term for term in terms if term.is_Rational))
        rest = [term for term in terms if not term.is_Rational]
        return self._joined(Add, [total] if total != 0 else [], rest)

    def product(self, factors: Sequence[Expr]) -> Expr:
        """Return the product; its rational factors are multiplied exactly and come first."""
        # the coefficient of each factor (2 in 2 z) is gathered, so that (2 z)(3 w) is 6 z w and
        # equals it when written so
        if len(factors) == 1 or self._evaluated(factors):
            return Mul(*factors)
        coefficients: list[Expr] = []
        rest: list[Expr] = []
        for factor in factors:
            leads = factor.is_Mul and factor.args[0].is_Rational
            coefficients.append(factor.args[0] if leads else factor if factor.is_Rational else Integer(1))
            rest.extend(factor.args[1:] if leads else () if factor.is_Rational else (factor,))
        total = Mul(*coefficients)
        if total == 0:
            return total
        return self._joined(Mul, [total] if total != 1 else [], rest)

    def power(self, base: Expr, exponent: Expr) -> Expr:
        """Return the power."""
        if base.is_Rational and exponent == -1 and base != 0:
            return Rational(base.q, base.p)
        # roots of rationals and integer powers of polynomials are what SymPy evaluates quickly
        simple = base.is_Rational and exponent.is_Rational and exponent.q <= LARGEST_ROOT
        if simple or (exponent.is_Integer and self._evaluated([base])):
            return Pow(base, exponent)
        return self._kept(Pow(base, exponent, evaluate=False))

    def call(self, known: Known, arguments: Sequence[Expr]) -> Expr:
        """Return a function of arguments."""
        if all(self._multiple_of_pi(argument) for argument in arguments):
            return known.symbolic(*arguments)
        return self._kept(known.symbolic(*arguments, evaluate=False))

    def bits(self, expression: Expr) -> int:
        """Return the size of the largest number in an expression, in bits."""
        if expression not in self._bits:
            parts = [self.bits(part) for part in expression.args]
            own = size(expression).bit_length() if expression.is_Rational else 0
            self._bits[expression] = max([own, *parts])
        return self._bits[expression]

    def _joined(self, operation: type[Expr], number: Sequence[Expr], rest: Sequence[Expr]) -> Expr:
        """Return a sum or product in SymPy's own order, so that a model equals its copy."""
        short = len(rest) <= LONGEST_EVALUATED
        parts = [*number, *(sorted(rest, key=cmp_to_key(Basic.compare)) if short else rest)]
        return parts[0] if len(parts) == 1 else self._kept(operation(*parts, evaluate=False))

    def _kept(self, expression: Expr) -> Expr:
        self._literal.add(expression)
        return expression

    def _evaluated(self, parts: Sequence[Expr]) -> bool:
        if all(part.is_Rational for part in parts):
            return True
        if len(parts) > LONGEST_EVALUATED:
            return all(part.is_Symbol or part.is_Rational for part in parts)
        return all(self._is_polynomial(part) for part in parts)

    def _is_polynomial(self, e: Expr) -> bool:
        """Whether an expression is a polynomial, or a quotient of such, in symbols and pi."""
        if e.is_Rational or e.is_Symbol or e is sympy.pi:
            return True
        # remembered for each part: without that, nested sums would be looked through again at every level
        if e not in self._polynomial:
            inside = e.args[:1] if e.is_Pow and e.args[1].is_Integer else e.args
            self._polynomial[e] = (
                (e.is_Add or e.is_Mul or e.is_Pow)
                and (not e.is_Pow or bool(e.args[1].is_Integer))
                and len(e.args) <= LONGEST_EVALUATED
                and all(self._is_polynomial(part) for part in inside)
            )
        return self._polynomial[e]

    def _multiple_of_pi(self, e: Expr) -> bool:
        """Whether an expression is a rational number of moderate size, or pi times one."""
        coefficient, rest = e.as_coeff_Mul()
        small = size(Rational(coefficient)).bit_length() <= LARGEST_EVALUATED_BITS
        return small and (rest == 1 or rest is sympy.pi)
