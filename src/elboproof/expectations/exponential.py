"""Finite sums of c z^k exp(a.z) with exact coefficients: the functions whose Gaussian means are elementary.

Polynomials, exp, expm1, sinh, cosh, sin and cos of affine arguments, their sums, products and powers. The rates
a = growth + i frequency are complex, so that sin and cos are in the class; sums of real functions stay real because
every operation keeps the conjugate pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Rational, Symbol

from elboproof.numbers.functions import Expm1

MOST_TERMS = 400
"""Beyond, quadrature is faster than the closed form."""
HIGHEST_DEGREE = 40

Key = tuple[tuple[int, ...], tuple[Expr, ...], tuple[Expr, ...]]
"""Powers k, growths Re a, frequencies Im a: one entry per latent each."""
Coefficient = tuple[Expr, Expr]
"""Real and imaginary part."""


class OutsideTheClassError(ArithmeticError):
    """The expression is no such sum, or one of too many terms."""


@dataclass(frozen=True)
class ExponentialPolynomial:
    """A sum of terms; equal keys are one term."""

    terms: dict[Key, Coefficient]

    def __add__(self, other: "ExponentialPolynomial") -> "ExponentialPolynomial":
        # equal keys are equal expressions; keys that are equal numbers in different spelling stay two terms, which is
        # no error of the sum
        terms = dict(self.terms)
        for key, (real, imag) in other.terms.items():
            known = terms.get(key, (Integer(0), Integer(0)))
            terms[key] = (known[0] + real, known[1] + imag)
        return ExponentialPolynomial(_required_small(terms))

    def __mul__(self, other: "ExponentialPolynomial") -> "ExponentialPolynomial":
        # z^k exp(a.z) z^l exp(b.z) = z^(k + l) exp((a + b).z), coefficients multiplied as complex numbers: the class is
        # closed. Products that would be refused afterwards are not begun, but for those that may still collect
        if len(self.terms) * len(other.terms) > 20 * MOST_TERMS:
            raise OutsideTheClassError
        terms: dict[Key, Coefficient] = {}
        for first, (a, b) in self.terms.items():
            for second, (c, e) in other.terms.items():
                key = _joined(first, second)
                real, imag = terms.get(key, (Integer(0), Integer(0)))
                terms[key] = (real + a * c - b * e, imag + a * e + b * c)
        return ExponentialPolynomial(_required_small(terms))

    def power(self, n: int) -> "ExponentialPolynomial":
        """Return the n-th power, n >= 1."""
        if n > HIGHEST_DEGREE:
            raise OutsideTheClassError
        # squares, and one factor where n is odd: every intermediate power is one of at most n, whose degree the limit
        # bounds
        half = self if n == 1 else self.power(n // 2)
        if n == 1:
            return half
        square = half * half
        return square * self if n % 2 else square


def _joined(first: Key, second: Key) -> Key:
    k = tuple(i + j for i, j in zip(first[0], second[0], strict=True))
    growth = tuple(a + b for a, b in zip(first[1], second[1], strict=True))
    frequency = tuple(a + b for a, b in zip(first[2], second[2], strict=True))
    return k, growth, frequency


def _required_small(terms: dict[Key, Coefficient]) -> dict[Key, Coefficient]:
    # only coefficients that are the number 0 are dropped; one that SymPy cannot tell from 0 stays
    kept = {key: c for key, c in terms.items() if c != (0, 0)}
    if len(kept) > MOST_TERMS or any(sum(key[0]) > HIGHEST_DEGREE for key in kept):
        raise OutsideTheClassError
    return kept


class ExponentialReader:
    """Takes SymPy expressions in the latents apart.

    Parameters
    ----------
    latents
        The d symbols.
    """

    def __init__(self, latents: Sequence[Symbol]) -> None:
        self.latents = tuple(latents)
        zeros = (Integer(0),) * len(self.latents)
        self._one: Key = ((0,) * len(self.latents), zeros, zeros)
        self._known: dict[Expr, ExponentialPolynomial] = {}

    def read(self, e: Expr) -> ExponentialPolynomial:
        """Return an expression as a sum of the class.

        Raises
        ------
        OutsideTheClassError
            If it is none, or has too many terms.
        """
        if e not in self._known:
            self._known[e] = self._read(e)
        return self._known[e]

    def constant(self, value: Expr) -> ExponentialPolynomial:
        """Return the constant function."""
        return ExponentialPolynomial(_required_small({self._one: (value, Integer(0))}))

    def _read(self, e: Expr) -> ExponentialPolynomial:
        # by the outermost operation: constants, latents, sums, products, natural powers, and functions of affine
        # arguments. Each case is an identity, and what fits none is refused: an expression is never approximated
        if not e.free_symbols & set(self.latents):
            return self.constant(e)
        if e in self.latents:
            k = tuple(int(e == z) for z in self.latents)
            return ExponentialPolynomial({(k, *self._one[1:]): (Integer(1), Integer(0))})
        if e.is_Add or e.is_Mul:
            return self._folded(e)
        if e.is_Pow and e.exp.is_Integer and e.exp > 0:
            return self.read(e.base).power(int(e.exp))
        rule = _FUNCTIONS.get(e.func)
        if rule is None:
            raise OutsideTheClassError
        return rule(self, *self._affine(e.args[0]))

    def _folded(self, e: Expr) -> ExponentialPolynomial:
        parts = [self.read(part) for part in e.args]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if e.is_Add else total * part
        return total

    def _affine(self, e: Expr) -> tuple[Expr, tuple[Expr, ...]]:
        """Return b and a of b + a.z."""
        # b + a.z has degree one at most, no growth, no frequency and real coefficients: whatever else the reader found
        # is refused. Sums have been collected before, so that z - z + 1 is seen as constant
        terms = self.read(e).terms
        slopes = [Integer(0)] * len(self.latents)
        offset = Integer(0)
        for (k, growth, frequency), (real, imag) in terms.items():
            if sum(k) > 1 or any(growth) or any(frequency) or imag != 0:
                raise OutsideTheClassError
            if any(k):
                slopes[k.index(1)] = real
            else:
                offset = real
        return offset, tuple(slopes)

    def growing(self, offset: Expr, slopes: Sequence[Expr], c: Expr) -> ExponentialPolynomial:
        """Return c exp(offset + slopes.z)."""
        key = (self._one[0], tuple(slopes), self._one[2])
        return ExponentialPolynomial({key: (c * sympy.exp(offset), Integer(0))})

    def turning(self, offset: Expr, slopes: Sequence[Expr], c: Coefficient) -> ExponentialPolynomial:
        """Return c exp(i (offset + slopes.z))."""
        # c e^(i offset) = (c_0 cos - c_1 sin) + i (c_0 sin + c_1 cos), the coefficient of e^(i slopes.z)
        cos, sin = sympy.cos(offset), sympy.sin(offset)
        key = (*self._one[:2], tuple(slopes))
        return ExponentialPolynomial({key: (c[0] * cos - c[1] * sin, c[0] * sin + c[1] * cos)})


_HALF = Rational(1, 2)


def _exp(to: ExponentialReader, b: Expr, a: Sequence[Expr]) -> ExponentialPolynomial:
    return to.growing(b, a, Integer(1))


def _expm1(to: ExponentialReader, b: Expr, a: Sequence[Expr]) -> ExponentialPolynomial:
    return _exp(to, b, a) + to.constant(Integer(-1))


def _cosh(to: ExponentialReader, b: Expr, a: Sequence[Expr]) -> ExponentialPolynomial:
    return to.growing(b, a, _HALF) + to.growing(-b, [-s for s in a], _HALF)


def _sinh(to: ExponentialReader, b: Expr, a: Sequence[Expr]) -> ExponentialPolynomial:
    return to.growing(b, a, _HALF) + to.growing(-b, [-s for s in a], -_HALF)


def _cos(to: ExponentialReader, b: Expr, a: Sequence[Expr]) -> ExponentialPolynomial:
    half = (_HALF, Integer(0))
    return to.turning(b, a, half) + to.turning(-b, [-s for s in a], half)


def _sin(to: ExponentialReader, b: Expr, a: Sequence[Expr]) -> ExponentialPolynomial:
    zero = Integer(0)
    # sin t = (e^(it) - e^(-it)) / 2i, and 1 / 2i = -i/2: the two terms are conjugate, as are those of cos
    return to.turning(b, a, (zero, -_HALF)) + to.turning(-b, [-s for s in a], (zero, _HALF))


_FUNCTIONS: dict[type, Callable[..., ExponentialPolynomial]] = {
    sympy.exp: _exp,
    Expm1: _expm1,
    sympy.sinh: _sinh,
    sympy.cosh: _cosh,
    sympy.sin: _sin,
    sympy.cos: _cos,
}
