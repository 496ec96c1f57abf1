r"""The natural parameters of a Gaussian likelihood, and their control points over a box of the model's parameters.

With r_j = x_j - f_j(z), the log likelihood is log p(x|z) = theta . T(z) - (D/2) log(2 pi v), where

    theta . T(z) = -(w/2) sum_j r_j(z)^2,        w = 1/v,

T holds products of latents and of the decoder's atoms (sin(z), ...), and theta = w phi(p) with polynomials phi of the
other parameters p. Over a box of p and an interval of w, theta lies in the convex hull of the control points of phi,
each times the two ends of w. An interval of w is always sound: it may contain more than the values of 1/v(p).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import sympy
from flint import fmpq
from sympy import Expr, Symbol

from elboproof.arguments import bad, shown
from elboproof.numbers.spelling import spelling
from elboproof.statements import Box, Quantity
from elboproof.theorems import polynomials
from elboproof.theorems.expressions import Expressions, expressions, require_real
from elboproof.theorems.polynomials import Polynomial, PolynomialReader

Theta = tuple[fmpq, ...]

MOST_POSITIVITY_BOXES = 2000


@dataclass(frozen=True)
class ControlPoint:
    """A control point: theta without the constant statistic, the constant, and w."""

    theta: Theta
    constant: fmpq
    weight: fmpq


@dataclass(frozen=True)
class Natural:
    """theta as polynomials of the parameters.

    Attributes
    ----------
    latents, atoms
        What the statistics are products of.
    statistics
        Exponents over latents and atoms, without the constant statistic.
    phi
        Polynomials in the parameters: that of each statistic, then the constant's.
    residuals
        For the bounds of tails: each r_j as {exponents over latents and atoms: polynomial in the parameters}.
    over, under
        The variance is over / under.
    data_dim
        D.
    """

    latents: tuple[Symbol, ...]
    atoms: tuple[Expr, ...]
    statistics: tuple[tuple[int, ...], ...]
    phi: tuple[Polynomial, ...]
    residuals: tuple[dict[tuple[int, ...], Polynomial], ...]
    over: Polynomial
    under: Polynomial
    data_dim: int

    def spelled(self) -> tuple[str, ...]:
        """Return the statistics as the parser reads them."""
        # The check parses these: it rebuilds each function from the statistics, and compares it with its own.
        names = [spelling(factor) for factor in (*self.latents, *self.atoms)]
        return tuple(
            "*".join(f"({name})**{power}" for name, power in zip(names, statistic, strict=True) if power)
            for statistic in self.statistics
        )

    def weights(self, box: Box) -> tuple[fmpq, fmpq] | None:
        """Return bounds of w = 1/v over a box; None if v is not seen to be positive there."""
        # v = over/under lies between the quotients of the extreme Bernstein coefficients when all are positive, and w
        # = 1/v between their reciprocals. The interval may be wider than the values of w: that only adds points to
        # the hull.
        over, under = polynomials.bounds(self.over, box), polynomials.bounds(self.under, box)
        if not (over[0] > 0 and under[0] > 0):
            return None
        return under[0] / over[1], under[1] / over[0]

    def controls(self, box: Box) -> list[ControlPoint] | None:
        """Return the distinct control points over a box; None if v is not seen to be positive there."""
        # theta(p) = w(p) phi(p). phi(p) lies in the hull of the control points of phi, w(p) in [w_0, w_1], so
        # theta(p) lies in the hull of their products: w b is a chord of w_0 b and w_1 b. The constant and w itself
        # are affine in the same hull, so they are carried along.
        weights = self.weights(box)
        if weights is None:
            return None
        found = {}
        for row in polynomials.control_points(self.phi, box):
            for w in weights:
                control = ControlPoint(tuple(w * v for v in row[:-1]), w * row[-1], w)
                found[control.theta, control.constant, w] = control
        return list(found.values())

    def at(self, point: Sequence[Fraction]) -> ControlPoint:
        """Return theta at a point."""
        # Exact: what is said about a point of the box is said about this theta, not about a rounded one.
        w = polynomials.value(self.under, point) / polynomials.value(self.over, point)
        values = [w * polynomials.value(phi, point) for phi in self.phi]
        return ControlPoint(tuple(values[:-1]), values[-1], w)


def natural(quantity: Quantity, parameters: Sequence[str], box: Box) -> Natural:
    """Return the natural parameters of a quantity, checked over a box.

    Raises
    ------
    ValueError
        As `expressions`, or if the dependence on a parameter is not polynomial, the variance is not positive in the
        whole box, or the decoder is not real on all of R^d.
    """
    # r_j = x_j - f_j is read as one polynomial in latents, parameters and atoms; grouped by latents and atoms it is
    # sum_k a_jk(p) g_k(z), whatever the atoms are. Reading is exact, or refuses.
    parts = expressions(quantity, parameters)
    reader = PolynomialReader((*parts.latents, *parts.parameters), parts.parameters)
    every = [reader.atoms(output, f"decoder[{j}]") for j, output in enumerate(parts.decoder)]
    require_real(parts, box, every)
    atoms = list(dict.fromkeys(atom for found in every for atom in found))
    split = len(parts.latents), len(parts.parameters)
    residuals = []
    for j, (output, datum) in enumerate(zip(parts.decoder, parts.data, strict=True)):
        _require_polynomial(reader, datum, f"x[{j}]")
        whole = polynomials.add(
            reader.read(datum, atoms, f"x[{j}]"),
            polynomials.scaled(reader.read(output, atoms, f"decoder[{j}]"), fmpq(-1)),
        )
        residuals.append(_separated(whole, *split))
    over, under = _variance(parts)
    _require_positive(over, under, parameters, box)
    if polynomials.value(under, [low for low, _ in box]) < 0:  # both are negative on the box
        over, under = polynomials.scaled(over, fmpq(-1)), polynomials.scaled(under, fmpq(-1))
    statistics, phi = _squares(residuals, (0,) * (split[0] + len(atoms)))
    return Natural(
        parts.latents, tuple(atoms), statistics, phi, tuple(residuals), over, under, len(residuals)
    )


def _require_polynomial(reader: PolynomialReader, expression: Expr, name: str) -> None:
    atoms = reader.atoms(expression, name)
    if atoms:
        raise bad(name, str(atoms[0]), "a polynomial in the parameters with rational coefficients")


def _separated(whole: Polynomial, d: int, n: int) -> dict[tuple[int, ...], Polynomial]:
    """Group a polynomial in (latents, parameters, atoms) by its powers of latents and atoms."""
    # Exponents come as (latents, parameters, atoms); a product of latents and atoms keeps a polynomial in the
    # parameters.
    groups: dict[tuple[int, ...], Polynomial] = {}
    for exponents, coefficient in whole.items():
        key = (*exponents[:d], *exponents[d + n :])
        groups.setdefault(key, {})[exponents[d : d + n]] = coefficient
    return groups


def _squares(
    residuals: Sequence[dict[tuple[int, ...], Polynomial]], one: tuple[int, ...]
) -> tuple[tuple[tuple[int, ...], ...], tuple[Polynomial, ...]]:
    """Return the statistics of -1/2 sum_j r_j^2 and their coefficients, the constant's last."""
    # -(1/2) r_j^2 = -(1/2) sum_gh a_g a_h g h, added up over j: equal products of latents and atoms meet in one
    # statistic. Those whose coefficient vanishes identically are left out; the one without factors is the constant.
    sums: dict[tuple[int, ...], Polynomial] = {}
    for residual in residuals:
        for g, a in residual.items():
            for h, b in residual.items():
                key = tuple(i + j for i, j in zip(g, h, strict=True))
                term = polynomials.scaled(polynomials.multiply(a, b, "decoder"), fmpq(-1, 2))
                sums[key] = polynomials.add(sums.get(key, {}), term)
    statistics = tuple(sorted(key for key, phi in sums.items() if phi and key != one))
    return statistics, (*(sums[key] for key in statistics), sums.get(one, {}))


def _variance(parts: Expressions) -> tuple[Polynomial, Polynomial]:
    # A quotient of two polynomials: `together` and `expand` only rewrite, and the check reads the variance by another
    # way.
    over, under = sympy.fraction(sympy.together(parts.variance))
    reader = PolynomialReader(parts.parameters, parts.parameters)
    read = []
    for part in (sympy.expand(over), sympy.expand(under)):
        _require_polynomial(reader, part, "variance")
        read.append(reader.read(part, [], "variance"))
    return read[0], read[1]


def _require_positive(over: Polynomial, under: Polynomial, names: Sequence[str], box: Box) -> None:
    """Prove v > 0 on the box by bisection of its Bernstein bounds, or raise with what is known."""
    # A part is settled when numerator and denominator keep one sign, the same one, by their Bernstein bounds; a
    # corner where their product is not positive refutes. Parts that touch v = 0 are cut until the corner is found or
    # the limit is reached, and then nothing is claimed.
    waiting, seen = [box], 0
    while waiting:
        part = waiting.pop()
        seen += 1
        ranges = [polynomials.bounds(p, part) for p in (over, under)]
        if all(low > 0 for low, _ in ranges) or all(high < 0 for _, high in ranges):
            continue
        for point in product(*part):
            corner = [polynomials.value(p, point) for p in (over, under)]
            if corner[0] * corner[1] <= 0:
                place = ", ".join(f"{name} = {number}" for name, number in zip(names, point, strict=True))
                raise ValueError(
                    f"variance: got a value that is not positive at {place}; expected v > 0 on the box"
                )
        if seen > MOST_POSITIVITY_BOXES:
            raise ValueError(
                f"variance: got {shown(str(box))}, where v > 0 could not be proved; expected v > 0"
            )
        waiting += halves(part, max(range(len(part)), key=lambda k: part[k][1] - part[k][0]))


def halves(box: Box, axis: int, cut: Fraction | None = None) -> list[Box]:
    """Return the two parts of a box, cut in the middle of an axis or where told."""
    # Both parts hold the cut: closed boxes that cover the box and share no interior.
    low, high = box[axis]
    middle = (low + high) / 2 if cut is None else cut
    return [(*box[:axis], side, *box[axis + 1 :]) for side in ((low, middle), (middle, high))]
