r"""For the check: A = log int exp(G(z)) N(z; 0, I) dz, by other means than the search's.

*One latent.* ``acb.integral`` with its analytic flag on [-R, R]. Tail: if H(z) = G(z) - (3/8) z^2, with bounded atoms
at their worst, has no positive Taylor coefficient at z = R (and H(-z) neither), then G <= (3/8) z^2 beyond, and each
side is at most (2 pi)^(-1/2) int_R^oo exp(-z^2/8) dz = erfc(R / sqrt 8).

*Two latents.* If G has degree at most 2 in b, then with G - b^2/2 = -alpha(a) b^2/2 + beta(a) b + gamma(a) and alpha
> 1/2 (at 0, and alpha - 1/2 has no real root, by Sturm's sequence) the integral over b is sqrt(2 pi / alpha)
exp(beta^2/(2 alpha) + gamma), and the tail's condition is that beta^2 + 2 alpha (gamma - (3/8) a^2) <= 0 beyond R.

*Cut off.* One latent: int over |z| <= R, which needs no tail.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import acb, acb_poly, arb, fmpq_poly
from sympy import Expr, Symbol

from elboproof.arrays import FloatArray
from elboproof.numbers.balls import COMPLEX_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.exact import ball_of, flint_rational
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.functions import Sigmoid
from elboproof.numbers.outward import library_upward
from elboproof.numbers.tape import Tape
from elboproof.rechecking.functions import Terms, combined, natural_powers

BITS = 80
TOLERANCE = 2.0**-30
_SMALLEST_RADIUS = 16
_LARGEST_RADIUS = 2.0**12
_CURVATURE = Fraction(1, 2)
"""Of the exponent along the latent that is integrated first, at least; the prior alone has 1."""
_BOUNDS = {sympy.sin: 1, sympy.cos: 1, sympy.tanh: 1, sympy.erf: 1, Sigmoid: 1, sympy.atan: 2}
Dense = list[Fraction]
"""Coefficients of a polynomial in one variable, by power."""


class Unable(ValueError):  # noqa: N818 - a reason, not a defect
    """The check has no method for an integral."""


def log_integral(function: Terms, latents: tuple[Symbol, ...]) -> arb:
    """Return A(G) for a function without constant term, a ball.

    Raises
    ------
    Unable
        If the tail is not bounded by the methods above.
    """
    with working_precision(BITS):
        if len(latents) == 1:
            return _line(function, latents[0])
        return _plane(function, latents)


def log_integral_within(function: Terms, latents: tuple[Symbol, ...], radius: Fraction) -> arb:
    """Return A_R(G), the same over |z| <= R only, for one latent and any G.

    Raises
    ------
    Unable
        If there are several latents, or R is no float64.
    """
    # The ends are floats, as those of all integrals here: so R must be one.
    if len(latents) != 1 or Fraction(float(radius)) != radius:
        raise Unable("an integral that is cut off, of several latents or at a radius that is no float64")
    with working_precision(BITS):
        return _interval(function, latents[0], float(radius), arb(0))


def _line(function: Terms, z: Symbol) -> arb:
    # A(G) = log int exp(G - z^2/2)/sqrt(2 pi); what lies beyond R is in [0, 2 tail], and in the ball around 0.
    radius = _radius_of(function, z)
    tail = (arb(radius) / arb(8).sqrt()).erfc()
    return _interval(function, z, radius, arb(0, (2 * tail).upper()))


def _interval(function: Terms, z: Symbol, radius: float, tail: arb) -> arb:
    """Return log(int_-R^R exp(G - z^2/2)/sqrt(2 pi) + tail)."""
    whole = combined([(function, Fraction(1)), ({z**2: Fraction(1)}, Fraction(-1, 2))])
    dense = powers(z, whole)
    even = dense is not None and not any(dense[1::2])
    return _logarithm(compiled(z, whole), _estimated(z, whole), radius, tail, even)


def _radius_of(function: Terms, z: Symbol) -> float:
    """Return an R with G(z) <= (3/8) z^2 for |z| >= R."""
    try:
        sides = majorant(function, z), majorant(function, z, mirrored=True)
    except Unable:
        if powers(sympy.sinh(z), function) is None:
            raise
        return _radius_in_sinh(function, z)
    for side in sides:
        side[2] -= Fraction(3, 8)
    return max(_radius(side) for side in sides)


def _radius_in_sinh(function: Terms, z: Symbol) -> float:
    """Return an R for a polynomial in u = sinh z: beyond |u| = 1000 < sinh(16) none of its coefficients is positive."""
    # As |z| <= |sinh z|, G(z) = p(u) <= 0 <= (3/8) z^2 where p has no positive Taylor coefficient from |u| = 1000 on;
    # on both sides, u and -u.
    dense = powers(sympy.sinh(z), function) or []
    for side in (dense, [c * (-1) ** k for k, c in enumerate(dense)]):
        if any(c > 0 for c in shifted(side, Fraction(1000))):
            raise Unable("the exponent is not seen to be bounded above")
    return float(_SMALLEST_RADIUS)


def _logarithm(
    exponent: Callable[[acb, bool], acb],
    estimate: Callable[[FloatArray], FloatArray],
    radius: float,
    tail: arb,
    even: bool = False,
) -> arb:
    """Return log(int exp(exponent) / sqrt(2 pi) + tail); floats of ``estimate`` choose the cuts and the scale.

    Of an even function, the half over the positive numbers is taken twice.
    """
    # With exp(exponent - shift) the integrand is of moderate size; floats choose the shift and the cuts, and any
    # choice is sound: the integral over [-R, R] is the sum of the pieces', each enclosed by `acb.integral`. An even
    # integrand is taken over [0, R], twice. If the enclosure holds 0, the logarithm is not finite and no comparison
    # succeeds.
    nodes = np.linspace(-radius, radius, 4097)
    with np.errstate(all="ignore"):
        values = np.nan_to_num(estimate(nodes), nan=-1e300, neginf=-1e300, posinf=-1e300)
    top = values.max()
    step = nodes[1] - nodes[0]
    shift = arb(float(top + np.log(np.exp(np.maximum(values - top, -700.0)).sum() * step)))
    heavy = nodes[values > top - 30]
    cuts = [
        -radius,
        *{max(-radius, heavy[0] - step), float(nodes[values.argmax()]), min(radius, heavy[-1] + step)},
        radius,
    ]
    cuts = sorted({abs(float(cut)) for cut in cuts} | {0.0} if even else {float(cut) for cut in cuts})
    total = arb(0)
    for low, high in pairwise(cuts):
        part = acb.integral(
            lambda t, analytic: (exponent(t, analytic) - shift).exp(),
            low,
            high,
            rel_tol=arb(TOLERANCE),
            abs_tol=arb(TOLERANCE),
            eval_limit=200_000,
        )
        total += 2 * part.real if even else part.real
    return (total / (2 * arb.pi()).sqrt() + tail * (-shift).exp()).log() + shift


def majorant(function: Terms, z: Symbol, mirrored: bool = False) -> Dense:
    """Return a polynomial that is at least G(z), or G(-z), for z >= 0; bounded atoms count as large as they can be.

    Raises
    ------
    Unable
        If an atom is not known to be bounded.
    """
    # For z >= 0, sin(z) z^k <= z^k and so on: a term with atoms is at most its size with each atom at its largest; a
    # pure power keeps its sign, with (-1)^k for G(-z).
    dense = [Fraction(0)] * 3
    for monomial, number in function.items():
        power, size, plain = 0, Fraction(1), True
        for factor, exponent in monomial.as_powers_dict().items():
            natural = exponent.is_Integer and exponent >= 0  # 1/cos is not bounded because cos is
            if factor == z and natural:
                power += int(exponent)
            elif factor != 1:
                size *= _bound(factor, z) ** int(exponent) if natural else _bound(factor**exponent, z)
                plain = False
        dense += [Fraction(0)] * (power + 1 - len(dense))
        dense[power] += (number * (-1) ** power if mirrored else number) if plain else abs(number) * size
    return dense


def _bound(atom: Expr, z: Symbol) -> Fraction:
    # Constants come from SymPy's evaluation in 15 digits; the margin is far above its error.
    if z not in atom.free_symbols:
        return Fraction(library_upward(abs(float(atom))))
    if atom.func not in _BOUNDS:
        raise Unable(f"no bound of {atom} is known to the check")
    return Fraction(_BOUNDS[atom.func])


def shifted(dense: Dense, at: Fraction) -> Dense:
    """Return the Taylor coefficients at a point."""
    # FLINT composes the polynomial with at + y, exactly.
    return _dense(_polynomial(dense)(fmpq_poly([flint_rational(at), 1])))


def _radius(dense: Dense) -> float:
    """Return an R from which on a polynomial is <= 0 since none of its Taylor coefficients there is positive."""
    # p(R + y) = sum c_k y^k <= 0 for y >= 0 if all c_k <= 0.
    radius = float(_SMALLEST_RADIUS)
    while any(c > 0 for c in shifted(dense, Fraction(radius))):
        radius *= 2
        if radius > _LARGEST_RADIUS:
            raise Unable("the exponent is not seen to be bounded above")
    return radius


@lru_cache(maxsize=256)
def _tape(z: Symbol, monomials: tuple[Expr, ...], floating: bool) -> Callable[..., Any]:
    coefficients = [sympy.Dummy(f"c_{k}") for k in range(len(monomials))]
    tape = Tape((z, *coefficients))
    total = tape.constant(0)
    for c, monomial in zip(coefficients, monomials, strict=True):
        total = tape.add(total, tape.multiply(tape.lower(c), tape.lower(monomial)))
    return compile_tape(tape, [total], FLOATING if floating else COMPLEX_BALLS)


def powers(z: Symbol, function: Mapping[Expr, Fraction]) -> Dense | None:
    """Return the coefficients of a polynomial in z (a symbol or an atom), None for another function."""
    dense = [Fraction(0)]
    for monomial, number in function.items():
        base, power = (z, sympy.Integer(0)) if monomial == 1 else monomial.as_base_exp()
        if base != z or not power.is_Integer or power < 0:
            return None
        k = int(power)
        dense += [Fraction(0)] * (k + 1 - len(dense))
        dense[k] += number
    return dense


def compiled(z: Symbol, function: Mapping[Expr, Fraction]) -> Callable[[acb, bool], acb]:
    """Return a function for ``acb.integral``; polynomials are evaluated by FLINT itself."""
    dense = powers(z, function)
    if dense is not None:
        polynomial = acb_poly([acb(ball_of(c)) for c in dense])
        return lambda t, analytic: polynomial(t)  # noqa: ARG005 - entire
    monomials = tuple(sorted(function, key=str))
    numbers = [acb(ball_of(function[monomial])) for monomial in monomials]
    run = _tape(z, monomials, False)
    return lambda t, analytic: run(t, *numbers, analytic)[0]


def _estimated(z: Symbol, function: Mapping[Expr, Fraction]) -> Callable[[FloatArray], FloatArray]:
    monomials = tuple(sorted(function, key=str))
    run = _tape(z, monomials, True)
    return lambda t: np.asarray(run(t, *(float(function[m]) for m in monomials))[0] + 0 * t)


def _plane(function: Terms, latents: tuple[Symbol, ...]) -> arb:
    for a, b in (latents, latents[::-1]):
        parts = _quadratic(function, a, b)
        if parts is not None:
            return _eliminated(*parts, a)
    raise Unable("the exponent is not quadratic in one of the latents, with a positive curvature")


def _quadratic(function: Terms, a: Symbol, b: Symbol) -> tuple[Dense, Dense, Dense] | None:
    """Return alpha, beta, gamma as polynomials in a, None where this is not the form."""
    # Sorted by powers of b: -alpha/2 stands at b^2, beta at b, gamma at 1; the prior's -b^2/2 and -a^2/2 are put in.
    parts: list[Dense] = [[Fraction(1)], [Fraction(0)], [Fraction(0)] * 3]
    for monomial, number in function.items():
        found = natural_powers(monomial, (a, b))
        if found is None or found[1] > 2:
            return None
        i, j = found
        target = parts[2 - j] if j < 2 else parts[0]
        target += [Fraction(0)] * (i + 1 - len(target))
        target[i] += number if j < 2 else -2 * number
    parts[2][2] -= Fraction(1, 2)
    return (parts[0], parts[1], parts[2]) if _exceeds(parts[0], _CURVATURE) else None


def _exceeds(dense: Dense, bound: Fraction) -> bool:
    """Whether a polynomial exceeds a number on the whole line."""
    # It exceeds the number at 0 and never meets it. SymPy counts real roots exactly.
    shifted_down = [dense[0] - bound, *dense[1:]]
    coefficients = [sympy.Rational(c.numerator, c.denominator) for c in reversed(shifted_down)]
    return dense[0] > bound and int(sympy.Poly(coefficients, sympy.Dummy("a")).count_roots()) == 0


def _eliminated(alpha: Dense, beta: Dense, gamma: Dense, a: Symbol) -> arb:
    # int exp(-alpha b^2/2 + beta b + gamma) db = sqrt(2 pi/alpha) exp(beta^2/(2 alpha) + gamma). Beyond R the last
    # exponent is at most -a^2/8: beta^2/(2 alpha) + gamma + a^2/8 <= 0 times 2 alpha is `condition`. So each side is
    # at most erfc(R/sqrt 8)/sqrt(alpha).
    lifted = list(gamma)
    lifted[2] += Fraction(1, 8)  # gamma has -a^2/2 in it: what is left to bound is gamma - (3/8) a^2
    condition = _dense(_polynomial(beta) ** 2 + 2 * _polynomial(alpha) * _polynomial(lifted))
    mirrored = [c * (-1) ** k for k, c in enumerate(condition)]
    radius = max(_radius(condition), _radius(mirrored))
    parts = [{a**k: c for k, c in enumerate(p) if c} for p in (alpha, beta, gamma)]
    balls = [compiled(a, part) for part in parts]
    rough = [_estimated(a, part) for part in parts]

    def exponent(t: acb, analytic: bool) -> acb:
        al, be, ga = (f(t, analytic) for f in balls)
        return be * be / (2 * al) + ga - al.log(analytic=analytic) / 2

    def estimate(t: FloatArray) -> FloatArray:
        al, be, ga = (f(t) for f in rough)
        return np.asarray(be * be / (2 * al) + ga - np.log(al) / 2)

    tail = (arb(radius) / arb(8).sqrt()).erfc() / ball_of(_CURVATURE).sqrt()
    return _logarithm(exponent, estimate, radius, arb(0, (2 * tail).upper()))


def product(p: Dense, q: Dense) -> Dense:
    """Return the product of two polynomials."""
    return _dense(_polynomial(p) * _polynomial(q))


def _polynomial(dense: Dense) -> fmpq_poly:
    return fmpq_poly([flint_rational(c) for c in dense])


def _dense(polynomial: fmpq_poly) -> Dense:
    return [Fraction(int(c.p), int(c.q)) for c in polynomial.coeffs()]
