r"""For the check: a statement's exponent as a function of z with coefficients that depend on the parameters.

SymPy expands -(1/2) sum_j (x_j - f_j)^2. Its control points are *blossoms*: the control point a of a polynomial of
degree n over [s, t] is the polarised form at n - a times s and a times t, and the polarised form of p^k is the
elementary symmetric function e_k over C(n, k) (Ramshaw 1989). Nothing here is shared with the search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb, prod

import sympy
from sympy import Expr, Symbol

from elboproof.arguments import shown
from elboproof.numbers.parser import parse
from elboproof.statements import Quantity

HIGHEST_DEGREE = 30
"""Of a decoder: the search refuses more than twice that in its square."""
MOST_PARTS = 2_000
"""Of a box on which a variance is to be positive."""
Box = Sequence[tuple[Fraction, Fraction]]
Terms = dict[Expr, Fraction]
"""A function of z: products of latents and atoms, with rational coefficients; the constant belongs to 1."""
Parametric = dict[tuple[int, ...], Fraction]
"""A polynomial in the parameters."""


@dataclass(frozen=True)
class Function:
    """A control point: the exponent, its part without the constant, and w."""

    terms: Terms
    weight: Fraction

    @property
    def constant(self) -> Fraction:
        """The coefficient of 1."""
        return self.terms.get(sympy.Integer(1), Fraction(0))

    @property
    def key(self) -> frozenset[tuple[Expr, Fraction]]:
        """The rest."""
        return frozenset(item for item in self.terms.items() if item[0] != 1)


class Exponent:
    """The exponent of a quantity over the parameters of a box.

    Raises
    ------
    ValueError
        If a string is no expression, or depends on a parameter in another way than as a polynomial, a decoder is not
        seen to be real, or a parameter has the name of a latent.
    """

    def __init__(self, quantity: Quantity, names: Sequence[str]) -> None:
        # SymPy multiplies -(1/2) sum (x - f)^2 out and sorts it by powers of the parameters; the rest of each term is
        # a product of latents and atoms with a rational factor. If a parameter is left inside an atom, the dependence
        # is not polynomial.
        if twice := set(quantity.latent) & set(names):  # one symbol: a latent would be taken for a number
            raise ValueError(f"box: got the latent {shown(min(twice))}; expected parameters")
        self.latents = [Symbol(name, real=True) for name in quantity.latent]
        self.parameters = [Symbol(name, real=True) for name in names]
        known = {str(s): s for s in (*self.latents, *self.parameters)}
        outside = {str(s): s for s in self.parameters}
        data = [_small(parse(x, outside, f"x[{j}]"), f"x[{j}]") for j, x in enumerate(quantity.x)]
        outputs = [
            _real(_small(parse(f, known, f"decoder[{j}]"), f"decoder[{j}]"), f"decoder[{j}]")
            for j, f in enumerate(quantity.decoder)
        ]
        squares = [(x - f) ** 2 for x, f in zip(data, outputs, strict=True)]
        whole = expanded(-sympy.Add(*squares) / 2)
        self.coefficients: dict[Expr, Parametric] = {}
        for powers, factor in sympy.Poly(whole, *self.parameters).terms():
            for monomial, number in terms(factor).items():
                self.coefficients.setdefault(monomial, {})[powers] = number
        if any(set(self.parameters) & monomial.free_symbols for monomial in self.coefficients):
            raise ValueError(
                "decoder: got a parameter inside a function; expected polynomials in the parameters"
            )
        over, under = sympy.fraction(sympy.together(parse(quantity.variance, outside, "variance")))
        self.over, self.under = self._polynomial(over), self._polynomial(under)
        self.data_dim = len(quantity.x)

    def _polynomial(self, e: Expr) -> Parametric:
        poly = sympy.Poly(e, *self.parameters)
        if not all(c.is_Rational for c in poly.coeffs()):
            raise ValueError("variance: got irrational coefficients; expected rational ones")
        return {powers: Fraction(int(c.p), int(c.q)) for powers, c in poly.terms()}

    def weights(self, box: Box) -> tuple[Fraction, Fraction]:
        """Return bounds of w = 1/v over a box.

        Raises
        ------
        ValueError
            If v is not seen to be positive there.
        """
        # v = over/under: a polynomial is between its extreme control points; if both are negative, both signs are
        # turned.
        (low, high), (down, up) = (extremes(p, box) for p in (self.over, self.under))
        if high < 0 and up < 0:
            low, high, down, up = -high, -low, -up, -down
        if low <= 0 or down <= 0:
            raise ValueError("the variance is not seen to be positive")
        return down / high, up / low

    def require_positive(self, box: Box) -> None:
        """Raise ``ValueError`` unless v is seen to be positive on a box, of which control points need not be taken."""
        waiting, seen = [tuple(box)], 0
        while waiting:
            part, seen = waiting.pop(), seen + 1
            try:
                self.weights(part)
            except ValueError:
                if seen > MOST_PARTS:
                    raise
                waiting += _halves(part)

    def controls(self, box: Box) -> list[Function]:
        """Return the control points over a box."""
        # The exponent is w times a polynomial in the parameters; for w in an interval it lies in the hull of both
        # ends times the control points.
        weights = self.weights(box)
        points = blossoms(self.coefficients, box)
        return [Function(_times(point, w), w) for point in points for w in weights]

    def at(self, point: Sequence[Fraction]) -> Function:
        """Return the exponent at a point."""
        values = {monomial: _value(p, point) for monomial, p in self.coefficients.items()}
        w = _value(self.under, point) / _value(self.over, point)
        return Function(_times(values, w), w)


def _small(e: Expr, name: str) -> Expr:
    """Return an expression that SymPy multiplies out at once."""
    if _degree(e) > HIGHEST_DEGREE:
        raise ValueError(f"{name}: got a degree of {_degree(e)}; expected at most {HIGHEST_DEGREE}")
    return e


def _real(e: Expr, name: str) -> Expr:
    """Return an expression that is real whatever real numbers its symbols are."""
    if not e.is_real:
        raise ValueError(f"{name}: got {shown(str(e))}; expected an expression that is seen to be real")
    return e


def _degree(e: Expr) -> int:
    if e.is_Pow and e.args[1].is_Integer:
        return _degree(e.args[0]) * abs(int(e.args[1]))
    parts = [_degree(part) for part in e.args]
    if e.is_Mul:
        return sum(parts)
    return max(parts, default=0) if e.is_Add else int(not e.is_number)


def _halves(box: Box) -> list[tuple[tuple[Fraction, Fraction], ...]]:
    """Return both halves of a box, cut along its longest side."""
    k = max(range(len(box)), key=lambda axis: box[axis][1] - box[axis][0])
    low, high = box[k]
    middle = (low + high) / 2
    return [(*box[:k], side, *box[k + 1 :]) for side in ((low, middle), (middle, high))]


def natural_powers(monomial: Expr, latents: Sequence[Symbol]) -> tuple[int, ...] | None:
    """Return the powers of the latents in a product of natural powers of them, None for everything else."""
    powers = monomial.as_powers_dict()
    others = (f not in latents or not p.is_Integer or p < 0 for f, p in powers.items() if f != 1)
    return None if any(others) else tuple(int(powers.get(z, 0)) for z in latents)


def expanded(e: Expr) -> Expr:
    """Return an expression multiplied out; what was built without evaluation is evaluated."""
    return sympy.expand(e.doit())


def terms(e: Expr) -> Terms:
    """Return an expression as products with rational coefficients."""
    return {
        monomial: Fraction(int(c.p), int(c.q)) for monomial, c in expanded(e).as_coefficients_dict().items()
    }


def combined(parts: Sequence[tuple[Terms, Fraction]]) -> Terms:
    """Return a linear combination of functions."""
    total: Terms = {}
    for function, factor in parts:
        for monomial, number in function.items():
            total[monomial] = total.get(monomial, Fraction(0)) + factor * number
    return {monomial: number for monomial, number in total.items() if number}


def _times(function: Terms, factor: Fraction) -> Terms:
    return {monomial: factor * number for monomial, number in function.items() if number}


def _value(p: Parametric, point: Sequence[Fraction]) -> Fraction:
    return sum(
        (
            c * prod((t**e for t, e in zip(point, powers, strict=True)), start=Fraction(1))
            for powers, c in p.items()
        ),
        Fraction(0),
    )


def blossoms(coefficients: Mapping[Expr, Parametric], box: Box) -> list[Terms]:
    """Return the control points of polynomials that share a degree in each parameter."""
    # One degree for all coefficients, so that a control point is one function of z: the hull is one of functions.
    # sum_e c_e prod_k e_{e_k}(s, ..., t, ...)/C(n_k, e_k), the tensor product of polarised powers.
    powers = [e for p in coefficients.values() for e in p]
    degree = [max((e[k] for e in powers), default=0) for k in range(len(box))]
    symmetric = [_symmetric(n, low, high) for n, (low, high) in zip(degree, box, strict=True)]
    points = []
    for place in product(*(range(n + 1) for n in degree)):
        rows = [table[a] for table, a in zip(symmetric, place, strict=True)]
        point = {
            monomial: sum(
                (c * prod((row[e] for row, e in zip(rows, powers, strict=True)), start=Fraction(1)))
                for powers, c in p.items()
            )
            for monomial, p in coefficients.items()
        }
        points.append({monomial: Fraction(number) for monomial, number in point.items()})
    return points


def _symmetric(n: int, low: Fraction, high: Fraction) -> list[list[Fraction]]:
    """Return e_k / C(n, k) of n - a times low and a times high, for a and k from 0 to n."""
    table = []
    for a in range(n + 1):
        e = [Fraction(1)]
        for factor in [low] * (n - a) + [high] * a:  # the coefficients of prod (1 + factor X)
            e = [x + factor * y for x, y in zip([*e, Fraction(0)], [Fraction(0), *e], strict=True)]
        table.append([value / comb(n, k) for k, value in enumerate(e)])
    return table


def extremes(p: Parametric, box: Box) -> tuple[Fraction, Fraction]:
    """Return bounds of a polynomial over a box."""
    # A polynomial is a mean of its control points with Bernstein's weights.
    values = [point[sympy.Integer(1)] for point in blossoms({sympy.Integer(1): p}, box)]
    return min(values), max(values)
