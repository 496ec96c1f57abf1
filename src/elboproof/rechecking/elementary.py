"""For the check: elementary functions, of wide real intervals and of complex rectangles.

A real ball stands for an interval, and a function that increases is taken at its ends. A complex ball stands for a
rectangle; a value that is finite says *analytic there*: over a pole, a branch cut or a kink it is NaN.
"""

from collections.abc import Callable
from typing import TypeVar

import sympy
from flint import acb, arb

from elboproof.numbers.functions import Expm1, Gelu, Log1p, Sigmoid, Silu, Softplus

Ball = TypeVar("Ball", arb, acb)
Real = Callable[[arb], arb]
Complex = Callable[[acb], acb]

_THIN = arb(2) ** -30
"""Balls of smaller radii lose little to a formula that sees its argument twice."""
NOWHERE = acb(arb.nan(), arb.nan())
"""Not analytic, or not known to be."""


def increasing(function: Real) -> Real:
    """Return an increasing function that is taken at the ends of wide balls."""

    def taken(t: arb) -> arb:
        if t.rad() < _THIN or not t.is_finite():
            return function(t)
        return function(t.lower()).union(function(t.upper()))

    return taken


def real_square(t: arb) -> arb:
    """Return t^2, which is never negative."""
    if t.rad() < _THIN:
        return t * t
    low, high = t.abs_lower(), t.abs_upper()
    return (low * low).union(high * high)


def complex_square(t: acb) -> acb:
    """Return (a + ib)^2 = a^2 - b^2 + 2iab, with squares that are never negative."""
    a, b = t.real, t.imag
    return acb(real_square(a) - real_square(b), 2 * a * b)


def power(t: Ball, n: int, square: Callable[[Ball], Ball]) -> Ball:
    """Return t^n for an integer n >= 1, by squares."""
    if n == 1:
        return t
    half = square(power(t, n // 2, square)) if n > 3 else square(t)
    return half * t if n % 2 else half


def real_power(t: arb, n: int) -> arb:
    """Return t^n for an integer n."""
    if n < 0:
        return 1 / real_power(t, -n)
    if n == 0:
        return arb(1)
    if n % 2 and t.rad() >= _THIN:  # an odd power increases
        return power(t.lower(), n, real_square).union(power(t.upper(), n, real_square))
    return power(t, n, real_square)


def complex_power(t: acb, n: int) -> acb:
    """Return t^n for an integer n."""
    if n < 0:
        return 1 / complex_power(t, -n)
    return acb(1) if n == 0 else power(t, n, complex_square)


def _softplus(t: arb) -> arb:
    # log(1 + e^t) = t + log(1 + e^-t): of the two the one whose exponential does not overflow
    return t + (-t).exp().log1p() if t > 0 else t.exp().log1p()


_increasing_sinh = increasing(arb.sinh)


def _cosh(t: arb) -> arb:
    if t.rad() < _THIN:
        return t.cosh()
    return t.abs_lower().cosh().union(t.abs_upper().cosh())


def complex_tanh(t: acb) -> acb:
    """Return tanh over a rectangle, from real functions of its sides."""
    # tanh(a + ib) = (sinh 2a + i sin 2b)/D with D = cosh 2a + cos 2b, and |tanh|^2 = 1 - 2 cos 2b / D. A pole is where
    # D vanishes, and D >= 0.
    a, b = 2 * t.real, 2 * t.imag
    cosine = b.cos()
    below = _cosh(a) + cosine
    if not (below > 0):
        return NOWHERE
    size = (1 - 2 * cosine / below).abs_upper().sqrt().upper()
    inside = arb(0, size)
    real, imaginary = _increasing_sinh(a) / below, b.sin() / below
    return acb(_intersection(real, inside), _intersection(imaginary, inside))


def _intersection(s: arb, t: arb) -> arb:
    """Return what two balls around one number have in common."""
    return s.intersection(t) if s.is_finite() and s.overlaps(t) else t


def complex_sigmoid(t: acb) -> acb:
    """Return 1/(1 + e^-t) = (1 + tanh(t/2))/2."""
    return (1 + complex_tanh(t / 2)) / 2


def complex_softplus(t: acb) -> acb:
    """Return log(1 + e^t), off the cut."""
    return (1 + t.exp()).log(analytic=True)


def _complex_atan(t: acb) -> acb:
    # the cuts are ib with |b| >= 1
    off = t.imag.abs_upper() < 1 or t.real.abs_lower() > 0
    return t.atan() if off else NOWHERE


def _complex_asinh(t: acb) -> acb:
    # log(t + sqrt(1 + t^2)) at the centre m, and asinh' = 1/sqrt(1 + t^2) over the rectangle: asinh t - asinh m is
    # t - m times a mean of the slope, which lies in the rectangle that holds it. It is finite off the cuts only.
    centre = acb(t.real.mid(), t.imag.mid())
    slope = 1 / (1 + complex_square(t)).sqrt(analytic=True)
    at = centre if centre.real >= 0 else -centre  # an odd function; no cancellation on this side
    value = (at + (1 + complex_square(at)).sqrt(analytic=True)).log(analytic=True)
    return (value if centre.real >= 0 else -value) + slope * (t - centre)


def _complex_abs(t: acb) -> acb:
    # Rectangles that cover a connected set are on one side of the kink, all of them: neighbours share points.
    if t.real > 0:
        return t
    return -t if t.real < 0 else NOWHERE


def complex_max(s: acb, t: acb) -> acb:
    """Return max(s, t), where one of them is larger all over both rectangles."""
    if s.real > t.real:
        return s
    return t if s.real < t.real else NOWHERE


real_sigmoid = increasing(lambda t: 1 / (1 + (-t).exp()))
real_softplus = increasing(_softplus)
real_exp = increasing(arb.exp)
_real_erf = increasing(arb.erf)


def _root_of_two() -> arb:
    return arb(2).sqrt()


def _one(t: Ball, function: Callable[[Ball], Ball]) -> Ball:
    """Return t (1 + erf(t / sqrt 2))/2 from erf."""
    return t * (1 + function(t / _root_of_two())) / 2


FUNCTIONS: dict[type, tuple[Real, Complex]] = {
    sympy.exp: (real_exp, acb.exp),
    Expm1: (increasing(arb.expm1), acb.expm1),
    sympy.log: (increasing(arb.log), lambda t: t.log(analytic=True)),
    Log1p: (increasing(arb.log1p), lambda t: (1 + t).log(analytic=True)),
    sympy.sin: (arb.sin, acb.sin),
    sympy.cos: (arb.cos, acb.cos),
    sympy.tan: (arb.tan, acb.tan),
    sympy.sinh: (_increasing_sinh, acb.sinh),
    sympy.cosh: (_cosh, acb.cosh),
    sympy.tanh: (increasing(arb.tanh), complex_tanh),
    sympy.asinh: (increasing(arb.asinh), _complex_asinh),
    sympy.atan: (increasing(arb.atan), _complex_atan),
    sympy.erf: (_real_erf, acb.erf),
    Sigmoid: (real_sigmoid, complex_sigmoid),
    Softplus: (real_softplus, complex_softplus),
    Silu: (lambda t: t * real_sigmoid(t), lambda t: t * complex_sigmoid(t)),
    Gelu: (lambda t: _one(t, _real_erf), lambda t: _one(t, acb.erf)),
    sympy.Abs: (abs, _complex_abs),
}
"""Functions of one argument, by their SymPy class: of real intervals, and of complex rectangles."""
