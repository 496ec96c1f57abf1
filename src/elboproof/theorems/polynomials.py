r"""Sparse polynomials with rational coefficients, read off SymPy expressions, and their Bernstein coefficients.

A polynomial in n variables is a dictionary from exponents to coefficients. Over a box its values lie between the
smallest and the largest Bernstein coefficient, and a vector of polynomials lies in the convex hull of its Bernstein
*control points*: on [0, 1] the power u^k has the coefficients C(a, k) / C(n, k), a = 0..n, the Bernstein polynomials
are nonnegative and add up to one; with several variables the basis is the tensor product. (Farouki, The Bernstein
polynomial basis: a centennial retrospective, 2012, sections 3 and 4.)
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import comb, prod
from typing import Any

import numpy as np
from flint import fmpq
from numpy.typing import NDArray
from sympy import Expr

from elboproof.arguments import shown
from elboproof.numbers.exact import flint_rational
from elboproof.statements import Box

Polynomial = dict[tuple[int, ...], fmpq]

MOST_TERMS = 2000
HIGHEST_DEGREE = 60
MOST_CONTROLS = 5000


def add(a: Polynomial, b: Polynomial) -> Polynomial:
    """Return the sum."""
    total = dict(a)
    for exponents, coefficient in b.items():
        value = total.get(exponents, fmpq(0)) + coefficient
        if value == 0:
            total.pop(exponents, None)
        else:
            total[exponents] = value
    return total


def scaled(a: Polynomial, factor: fmpq) -> Polynomial:
    """Return a multiple."""
    return {exponents: factor * value for exponents, value in a.items()} if factor != 0 else {}


def multiply(a: Polynomial, b: Polynomial, name: str) -> Polynomial:
    """Return the product.

    Raises
    ------
    ValueError
        If it has more than `MOST_TERMS` terms or a degree above `HIGHEST_DEGREE`.
    """
    # The first test bounds the work before it is done, the second one what is handed on: exponents and terms
    # multiply.
    if len(a) * len(b) > 20 * MOST_TERMS:
        raise _too_large(name)
    product: Polynomial = {}
    for e, c in a.items():
        for f, d in b.items():
            exponents = tuple(i + j for i, j in zip(e, f, strict=True))
            product[exponents] = product.get(exponents, fmpq(0)) + c * d
    product = {exponents: value for exponents, value in product.items() if value != 0}
    if len(product) > MOST_TERMS or max((sum(e) for e in product), default=0) > HIGHEST_DEGREE:
        raise _too_large(name)
    return product


def _too_large(name: str) -> ValueError:
    return ValueError(
        f"{name}: got a polynomial that is too large; "
        f"expected at most {MOST_TERMS} terms of degree at most {HIGHEST_DEGREE}"
    )


class PolynomialReader:
    """Reads expressions as polynomials in variables and in *atoms*, the parts that are no polynomials.

    Parameters
    ----------
    variables
        The symbols.
    parameters
        Those among them that must not occur inside an atom.
    """

    def __init__(self, variables: Sequence[Expr], parameters: Sequence[Expr]) -> None:
        self.variables, self.parameters = list(variables), set(parameters)

    def atoms(self, expression: Expr, name: str) -> list[Expr]:
        """Return the atoms of an expression in order of appearance.

        Raises
        ------
        ValueError
            If an atom depends on a parameter: the dependence is then not polynomial.
        """
        # Sums, products and natural powers are taken apart; whatever else is left whole is an atom, a function of the
        # latents alone, so that the polynomial in (variables, atoms) is the expression itself.
        if expression.is_Rational or expression in self.variables:
            return []
        if expression.is_Add or expression.is_Mul or _is_power(expression):
            parts = expression.args[:1] if expression.is_Pow else expression.args
            found: list[Expr] = []
            for part in parts:
                found += [atom for atom in self.atoms(part, name) if atom not in found]
            return found
        inside = sorted(str(symbol) for symbol in expression.free_symbols & self.parameters)
        if inside:
            raise ValueError(
                f"{name}: got {shown(str(expression))}, which depends on the parameter {inside[0]} in another way; "
                "expected a polynomial in the parameters"
            )
        return [expression]

    def read(self, expression: Expr, atoms: Sequence[Expr], name: str) -> Polynomial:
        """Return the polynomial in the variables and then the atoms."""
        places = [*self.variables, *atoms]
        return _read(expression, {place: k for k, place in enumerate(places)}, name)


def _is_power(e: Expr) -> bool:
    return bool(e.is_Pow and e.args[1].is_Integer and e.args[1] >= 0)


def _read(e: Expr, places: Mapping[Expr, int], name: str) -> Polynomial:
    # By the structure of the expression: sums add, products multiply, powers repeat. A part that is none of these is
    # in `places`, as `atoms` put it there.
    n = len(places)
    if e.is_Rational:
        return {(0,) * n: fmpq(int(e.p), int(e.q))} if e != 0 else {}
    if e in places:
        return {tuple(int(k == places[e]) for k in range(n)): fmpq(1)}
    if e.is_Add:
        total: Polynomial = {}
        for part in e.args:
            total = add(total, _read(part, places, name))
        return total
    factors = [e.args[0]] * int(e.args[1]) if e.is_Pow else e.args
    if len(factors) > HIGHEST_DEGREE:
        raise _too_large(name)
    product: Polynomial = {(0,) * n: fmpq(1)}
    for factor in factors:
        product = multiply(product, _read(factor, places, name), name)
    return product


def value(polynomial: Polynomial, point: Sequence[Fraction]) -> fmpq:
    """Return the value at a rational point, exactly."""
    at = [rational(number) for number in point]
    total = fmpq(0)
    for exponents, coefficient in polynomial.items():
        term = coefficient
        for number, power in zip(at, exponents, strict=True):
            if power:
                term = term * number**power
        total += term
    return total


def rational(number: Fraction) -> fmpq:
    """Return the same number for FLINT."""
    return flint_rational(number)


def fraction(number: fmpq) -> Fraction:
    """Return the same number for Python."""
    return Fraction(int(number.p), int(number.q))


def degrees(polynomials: Sequence[Polynomial], variables: int) -> tuple[int, ...]:
    """Return the highest exponent of each variable in any of the polynomials."""
    exponents = [e for polynomial in polynomials for e in polynomial]
    return tuple(max((e[k] for e in exponents), default=0) for k in range(variables))


def control_points(polynomials: Sequence[Polynomial], box: Box) -> NDArray[Any]:
    """Return the Bernstein control points over a box, shape (number of control points, number of polynomials)."""
    # tensor (polynomials, n_1 + 1, ..., n_P + 1) holds coefficients by exponents; each axis is turned to Bernstein's
    # basis in turn, which is the tensor product's. All polynomials share the degrees, so a row is one vector of the
    # hull. In rationals: nothing is rounded.
    degree = degrees(polynomials, len(box))
    if prod(n + 1 for n in degree) > MOST_CONTROLS:
        raise ValueError(
            f"box: got {len(box)} parameters of degrees {degree}; expected at most {MOST_CONTROLS} control points"
        )
    tensor = np.full((len(polynomials), *(n + 1 for n in degree)), fmpq(0), dtype=object)
    for i, polynomial in enumerate(polynomials):
        for exponents, coefficient in polynomial.items():
            tensor[(i, *exponents)] = coefficient
    for axis, (n, (low, high)) in enumerate(zip(degree, box, strict=True), start=1):
        if n:
            tensor = np.moveaxis(np.tensordot(_conversion(n, low, high), tensor, axes=(1, axis)), 0, axis)
    return tensor.reshape(len(polynomials), -1).T


def _conversion(n: int, low: Fraction, high: Fraction) -> NDArray[Any]:
    """Return the matrix from coefficients in t to Bernstein coefficients over [low, high], both of degree n."""
    # Two steps: t = low + width u expands t^k in powers of u, and u^j has the coefficients C(a, j)/C(n, j).
    start, width = rational(low), rational(high - low)
    shift = np.full((n + 1, n + 1), fmpq(0), dtype=object)  # t^k = sum_j C(k, j) start^(k-j) width^j u^j
    for k in range(n + 1):
        for j in range(k + 1):
            shift[j, k] = comb(k, j) * start ** (k - j) * width**j
    basis = np.array(
        [[fmpq(comb(a, j), comb(n, j)) for j in range(n + 1)] for a in range(n + 1)], dtype=object
    )
    return np.asarray(basis.dot(shift))


def bounds(polynomial: Polynomial, box: Box) -> tuple[fmpq, fmpq]:
    """Return bounds of a polynomial over a box: its extreme Bernstein coefficients."""
    # Bernstein polynomials are >= 0 with sum 1, so a value is a mean of the coefficients.
    points = control_points([polynomial], box)[:, 0]
    return min(points), max(points)
