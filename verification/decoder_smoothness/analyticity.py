"""S1: numerator and denominator of f* are entire, and f* is analytic on R^d."""

from collections.abc import Sequence
from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import I, ImmutableMatrix, Rational

from elboproof.checking import Run, Verdict, all_of, ball_at_most, control, identity

from .._shared.balls import ball, working_precision
from .._shared.symbols import free_vector, precision
from . import claim
from .hypotheses import bounded_below, definite_encoder, finite_data
from .points import Points

LATENTS = (1, 2, 3)
HALF = Rational(1, 2)


def _form(left: ImmutableMatrix, matrix: ImmutableMatrix, right: ImmutableMatrix) -> sympy.Expr:
    return (left.T * matrix * right)[0]


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "-(z-m)'S^-1(z-m)/2 at z = a + ib has the real part -(a-m)'S^-1(a-m)/2 + b'S^-1 b/2 and the imaginary part "
        "-b'S^-1(a-m); for S = (c + r) I the real part is at most |b|^2/(2c), by |b|^2 r/(2 c (c+r)) and the "
        "square: so for any data law with E|x| finite and S(x) >= c I numerator and denominator converge locally "
        "uniformly on C^d"
    ),
    domain="every m, a, b and positive definite S, d = 1, 2, 3; the last part for eigenvalues c + r of S, each alone",
    hypotheses=(definite_encoder, bounded_below),
    controls=(
        control("b'S^-1 b/2 with the other sign", refutes="real*", growth=-HALF),
        control("|b|^2/c for |b|^2/(2c)", refutes="dominated", bound=1),
        control("half the phase", refutes="imaginary*", phase=HALF),
    ),
    tier="quick",
)
def exponents_at_complex_latents(
    run: Run, *, growth: sympy.Expr = HALF, phase: sympy.Expr | int = 1, bound: sympy.Expr | int = HALF
) -> Verdict:
    """The modulus of a term grows with Im z only, and each term is positive for real z."""
    parts = {}
    for d in LATENTS:
        P, a, b, m = precision(d), free_vector("a", d), free_vector("b", d), free_vector("m", d)
        run.assume(definite_encoder, P)
        z = a + I * b
        exponent = -_form(z - m, P, z - m) / 2
        real = -_form(a - m, P, a - m) / 2 + growth * _form(b, P, b)
        imaginary = -phase * _form(b, P, a - m)
        even, odd = (exponent + exponent.subs(I, -I)) / 2, (exponent - exponent.subs(I, -I)) / (2 * I)
        parts[f"real part, d = {d}"] = identity(sympy.expand(even) - real)
        parts[f"imaginary part, d = {d}"] = identity(sympy.expand(odd) - imaginary)
    c, r, b = sympy.symbols("c r b", positive=True)
    run.assume(bounded_below, c, [r])
    parts["dominated"] = identity(bound * b**2 / c - b**2 / (2 * (c + r)) - b**2 * r / (2 * c * (c + r)))
    return all_of(parts)


CASES = {
    "one variance": Points(("-1", "0", "5/2"), ("-1", "1/4", "3/2"), ("1/2",) * 3),
    "three variances": Points(("-1", "0", "5/2"), ("-1", "1/4", "3/2"), ("1/5", "1/2", "1")),
    "two variances, equal codes": Points(("0", "1"), ("0", "0"), ("1/10", "19/10")),
}
PLACE, ORDERS = Fraction(1, 3), (60, 300)
DIRECTIONS = (-1, 1)
SHARE, STEP = Fraction(97, 100), Fraction(9, 10)
"""Of the distance to the nearest pole: the radius of Cauchy's bound, and the step to where the series is summed."""
ARCS = 400


def distance(points: Points, place: Fraction) -> Fraction:
    """Return about how far the nearest zero of the denominator is, by Newton's method from a grid: it steers only."""
    best = 1e9
    for k in range(-12, 13):
        for height in range(1, 9):
            z = complex(float(place) + k / 4, height / 3)
            for _ in range(40):
                step = _newton_step(points, z)
                z -= step
                if abs(step) < 1e-14:
                    best = min(best, abs(z - float(place)))
                    break
                if abs(z) > 20:
                    break
    return Fraction(best).limit_denominator(10**6)


def _newton_step(points: Points, z: complex) -> complex:
    import cmath

    value, slope = 0j, 0j
    for code, variance in zip(points.codes, points.variances, strict=True):
        m, s = Fraction(code), Fraction(variance)
        term = cmath.exp(-((z - float(m)) ** 2) / (2 * float(s))) / float(s) ** 0.5
        value, slope = value + term, slope - term * (z - float(m)) / float(s)
    return value / slope if slope else 1.0


def largest_on_circle(points: Points, centre: arb, radius: arb) -> arb:
    """Return an upper bound of |f*| on a circle, as the maximum over balls that cover it."""
    found = arb(0)
    for k in range(ARCS):
        angle = 2 * arb.pi() * (arb(k) + arb("0.5") + arb(0, "0.5")) / ARCS
        found = found.max(abs(points.decode(centre + radius * acb(angle.cos(), angle.sin()))))
    return found.upper()


def remainder(points: Points, order: int, step: arb) -> arb:
    """Return |f*(z0 + t) - T_n(t)|."""
    coefficients = points.taylor(ball(PLACE), order)
    series = sum((a * step**k for k, a in enumerate(coefficients)), arb(0))
    return abs(points.decode(acb(ball(PLACE) + step)).real - series)


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="<=",
    states=(
        "f* is the sum of its Taylor series at 1/3 where it should be: at t = 0.9 r0, r0 the distance of the nearest "
        "pole, the remainder after order n is at most M q^(n+1) / (1-q), q = t/(0.97 r0), M the maximum of |f*| on "
        f"|z - 1/3| = 0.97 r0; n = {ORDERS[0]}, {ORDERS[1]}"
    ),
    domain="three points on the line with one variance and with three, two points with equal codes and two variances",
    hypotheses=(definite_encoder, finite_data),
    controls=(
        control("a radius 5 % beyond the pole", refutes="*n = 300", share=Fraction(105, 100)),
        control("a radius 30 % beyond the pole", refutes="*", share=Fraction(13, 10)),
    ),
)
def taylor_series_converge(run: Run, *, share: Fraction = SHARE) -> Verdict:
    """The Taylor coefficients are those of a quotient of power series; M is enclosed on balls that cover the circle."""
    parts: dict[str, Verdict] = {}
    with working_precision(200):
        for name, points in CASES.items():
            run.assume(definite_encoder, [[[float(Fraction(s))]] for s in points.variances])
            run.assume(finite_data, points.data)
            away = distance(points, PLACE)
            bound = largest_on_circle(points, ball(PLACE), ball(SHARE * away))
            ratio = ball(STEP / share)
            for n in ORDERS:
                left = _worst(points, n, ball(STEP * away))
                parts[f"{name}, n = {n}"] = ball_at_most(left / (bound * ratio ** (n + 1) / (1 - ratio)), 1)
    return all_of(parts)


def _worst(points: Points, order: int, step: arb) -> arb:
    found: Sequence[arb] = [remainder(points, order, sign * step) for sign in DIRECTIONS]
    return found[0].max(found[1])
