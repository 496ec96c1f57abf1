r"""A curve f of one latent as the likelihood N(x; f, C) sees it: its speed, arc length and inverse, in balls.

The speed is that of the likelihood's metric in units of the mean variance,

    v(z)^2 = (tr C / D) f'(z)' C^-1 f'(z),        L(z) = int_0^z v,

so that v = |f'| for C = sigma^2 I. With C = M diag(p) M', M unit lower triangular, v^2 is a sum of squares of the
entries of M^-1 f', with the weights (tr C / D) / p: no cancellation, and intervals see that it is not negative.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import sympy
from flint import acb, arb
from sympy import Expr, Symbol

from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.exact import ball_of
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.precision import current_bits
from elboproof.numbers.symmetric import ldl
from elboproof.numbers.tape import Tape
from elboproof.quadrature.gauss_legendre import error_factor, nodes

BISECTIONS = 200
"""Of the search for a latent: Newton's steps need some ten."""
SETTLED = 2.0**-70
"""Relative half width within which a latent is enclosed."""
FARTHEST = 2.0**40
"""Latents beyond are not looked for."""


class Curve:
    """A model's decoder as a curve.

    Parameters
    ----------
    model
        With one latent, a Gaussian likelihood and a decoder written as expressions.
    """

    def __init__(self, model: LatentModel) -> None:
        self.model, (self.z,) = model, model.latents
        covariance = _covariance(model.likelihood, len(model.decoder))
        self.unit = sum((row[j] for j, row in enumerate(covariance)), Fraction(0)) / len(covariance)
        lower, self.pivots = ldl(covariance)
        self.slopes = _solved(lower, [f.diff(self.z) for f in model.decoder])
        self.weights = [self.unit / pivot for pivot in self.pivots]
        self._tape = Tape([self.z])
        self._square = self._tape.lower(self.speed_squared)

    @property
    def speed_squared(self) -> Expr:
        """v^2 as an expression of z: a weighted sum of squares."""
        return sympy.Add(*(sympy.Rational(w) * s**2 for w, s in zip(self.weights, self.slopes, strict=True)))

    def compiled(self, ring: Ring) -> Compiled:
        """Return z -> v^2 in a number system."""
        return compile_tape(self._tape, [self._square], ring)

    @cached_property
    def _real(self) -> Compiled:
        return self.compiled(REAL_BALLS)

    @cached_property
    def _complex(self) -> Compiled:
        return self.compiled(COMPLEX_BALLS)

    def speed(self, z: arb) -> arb:
        """Return v over a real ball."""
        (square,) = self._real(z)
        root: arb = square.sqrt()
        return root

    def square_on(self, z: acb, analytic: bool = True) -> acb:
        """Return v^2 over a rectangle; not finite unless it is analytic there."""
        (square,) = self._complex(z, analytic)
        return acb(square)

    def integrand(self, z: acb, analytic: bool) -> acb:
        """Return v, for ``acb.integral``."""
        return self.square_on(z, analytic).sqrt(analytic=analytic)

    def length(self, start: arb, end: arb) -> arb:
        """Return the arc length from one latent to another, with its sign."""
        value: arb = acb.integral(self.integrand, acb(start), acb(end)).real
        return value

    def rule(self, start: arb, end: arb, n: int, rho: int, most: arb) -> arb:
        """Return the arc length between latents by Gauss and Legendre's n points; |v| <= ``most`` on the ellipse."""
        # nodes have the bits in force; the error is per volume and supremum
        centre, half, total = (start + end) / 2, (end - start) / 2, arb(0)
        for place, weight in nodes(n, current_bits()):
            total += weight * self.speed(centre + half * place)
        factor = error_factor(Fraction(rho), n)
        error = abs(2 * half) * most * arb(factor.numerator) / factor.denominator
        return half * total + arb(0, 1) * error

    def latent(self, t: arb) -> arb:
        """Return the z with L(z) = t for an exact t: L increases, so that two lengths around t prove it.

        Not finite if no latent within the range that is looked at has that length.
        """
        place = self._near(t)
        if place is None:
            return arb(0, float("inf"))
        radius = arb(SETTLED) * (1 + abs(place))
        if self.length(arb(0), place - radius) < t and self.length(arb(0), place + radius) > t:
            return place + arb(0, 1) * radius
        return arb(0, float("inf"))

    def _near(self, t: arb) -> arb | None:
        """Return about that z, by Newton's method inside of a bracket."""
        # balls lose their radius: this only steers
        bracket = self._bracket(t)
        if bracket is None:
            return None
        low, high = bracket
        place, reached = low, self.length(arb(0), low).mid()
        for _ in range(BISECTIONS):
            new = (place + (t - reached) / self.speed(place)).mid()
            if not (low <= new and new <= high):
                new = ((low + high) / 2).mid()
            reached, last, place = (reached + self.length(place, new)).mid(), place, new
            low, high = (place, high) if reached < t else (low, place)
            if abs(place - last) < SETTLED / 8 * (1 + abs(place)):
                return place
        return None

    def _bracket(self, t: arb) -> tuple[arb, arb] | None:
        # doubling outward from 0, on the side where t is
        inner, outer = arb(0), arb(1 if t >= 0 else -1)
        reached = self.length(inner, outer)
        while not abs(reached) > abs(t):
            inner, outer = outer, 2 * outer
            if abs(outer) > FARTHEST or not reached.is_finite():
                return None
            reached += self.length(inner, outer)
        return (inner, outer) if t >= 0 else (outer, inner)

    def log_peak(self) -> arb:
        """Return the likelihood's logarithm at x = f, -log det(2 pi C) / 2."""
        return -sum(((2 * arb.pi() * ball_of(pivot)).log() for pivot in self.pivots), arb(0)) / 2

    def growth(self) -> Majorant:
        """Return a majorant of v^2 in r = |z|; raises ``NoMajorantError``."""
        (square,) = self.compiled(MAJORANTS)(Majorant.affine(0.0, 1.0))
        found: Majorant = square
        return found


def _solved(lower: Sequence[Sequence[Fraction]], slopes: Sequence[Expr]) -> list[Expr]:
    """Return M^-1 f' by forward substitution: M s = f'."""
    solved: list[Expr] = []
    for j, slope in enumerate(slopes):
        solved.append(slope - sympy.Add(*(sympy.Rational(lower[j][k]) * solved[k] for k in range(j))))
    return solved


def _covariance(likelihood: object, size: int) -> Sequence[Sequence[Fraction]]:
    if not isinstance(likelihood, Gaussian):
        raise TypeError("a Gaussian likelihood was expected")  # asked by the caller
    if likelihood.covariance is not None:
        return [[Fraction(int(e.p), int(e.q)) for e in row] for row in likelihood.covariance]
    given = (likelihood.variance or ()) * (size if likelihood.scalar else 1)
    variances = [Fraction(int(v.p), int(v.q)) for v in given]
    return [[variances[j] if j == k else Fraction(0) for k in range(size)] for j in range(size)]


def symbol_for(curve: Curve) -> Symbol:
    """Return a positive symbol for |z|."""
    return sympy.Dummy(f"{curve.z}_size", positive=True)
