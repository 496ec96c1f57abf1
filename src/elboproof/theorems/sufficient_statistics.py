r"""Proved expectations of the statistics under a Gaussian posterior, and its KL divergence from the prior.

Products of latents: Stein's recursion E[z_i g] = m_i E[g] + sum_j S_ij E[d_j g], exact in rationals. Atoms of several
latents: `ep.expectation`, whose rules hold for any covariance. Atoms of one latent: the integral of phi(e) T(m + s e)
over |e| <= R by ``acb.integral`` with its analytic flag; outside

    |T(m + s e)| <= C k! exp((a + 1)(|m| + s |e|))        from |z|^k <= k! e^|z|,  prod |atoms| <= C exp(a |z|),
    int_{|e| > R} phi(e) exp(b |e|) de = exp(b^2/2) erfc((R - b)/sqrt 2).
"""

import math
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import factorial, inf
from typing import Any

import numpy as np
import sympy
from flint import acb, arb
from sympy import Expr

from elboproof.expectations.expectation import expectation
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import COMPLEX_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.exact import ball_of
from elboproof.numbers.functions import Expm1, Sigmoid, Softplus
from elboproof.numbers.tape import Tape
from elboproof.numbers.undecided import Undecided
from elboproof.theorems.natural import Natural
from elboproof.theorems.polynomials import rational

BITS = 128
DIGITS = 9
"""Of expectations under several latents: claims are rounded by 1e-7."""
_RADIUS = 10
"""Beyond b + 10 the standard normal holds less than 1e-23."""
_BOUNDED = (sympy.sin, sympy.cos, sympy.tanh, sympy.erf, Sigmoid)
_LINEAR = (Softplus, sympy.asinh, sympy.atan, sympy.Abs)


class Unbounded(ValueError):  # noqa: N818 - a reason, not a defect
    """No bound of an atom's growth is known."""


def divergence(q: GaussianPosterior) -> arb:
    """Return KL(q || N(0, I)) = (|m|^2 + tr S - d - log det S) / 2 in nats."""
    # The entropy is (d/2)(1 + log 2 pi) + (log det S)/2: solved for log det S, whose ball needs no determinant here.
    with working_precision(BITS):
        d = q.latent_dim
        squares = sum((m**2 for m in q.mean), Fraction(0))
        squares += sum((q.covariance[i][i] for i in range(d)), Fraction(0))
        log_det = 2 * q.entropy() - d * (1 + (2 * arb.pi()).log())
        return (arb(rational(squares)) - d - log_det) / 2


def expectations(natural: Natural, q: GaussianPosterior, deadline: float = inf) -> list[arb]:
    """Return E_q[T], one ball per statistic.

    Under several latents those with atoms are infinite where ``deadline``, on the clock ``time.monotonic()``, is over.

    Raises
    ------
    Unbounded
        If the growth of a statistic with atoms is not known.
    """
    # Statistics without atoms are exact rationals; the others are one integral each, with its tail in the ball.
    d = len(natural.latents)
    polynomial = _Moments(q)
    curved = [statistic for statistic in natural.statistics if any(statistic[d:])]
    with working_precision(BITS):
        if d > 1:
            known = dict(zip(curved, _of_several(natural, curved, q, deadline), strict=True))
        else:
            known = {statistic: _with_atoms(natural, statistic, q) for statistic in curved}
        return [
            known[statistic] if statistic in known else arb(rational(polynomial(statistic[:d])))
            for statistic in natural.statistics
        ]


def _of_several(
    natural: Natural, curved: Sequence[tuple[int, ...]], q: GaussianPosterior, deadline: float
) -> list[arb]:
    """Return E_q of statistics with atoms of several latents."""
    # Whatever was proved of each counts, however wide. What is infinite though there was time has no bound at all.
    left = min(deadline - time.monotonic(), 1e6)
    if not curved or left <= 0:
        return [arb(0, inf)] * len(curved)
    factors = (*natural.latents, *natural.atoms)
    products = [sympy.Mul(*map(sympy.Pow, factors, statistic)) for statistic in curved]
    names = [str(z) for z in natural.latents]
    try:
        found = expectation(products, q, DIGITS, latent=names, seconds=left, total_seconds=left)
    except Undecided as undecided:
        found = undecided.enclosure
    ends = zip(np.atleast_1d(found.lower).tolist(), np.atleast_1d(found.upper).tolist(), strict=True)
    balls = [_between(low, high) for low, high in ends]
    for function, ball in zip(products, balls, strict=True):
        if not ball.is_finite() and time.monotonic() < deadline:
            raise Unbounded(f"the expectation of {function}")
    return balls


def _between(low: float, high: float) -> arb:
    """Return a ball that holds an interval, infinite if an end is."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return arb(0, inf)
    return ball_of(Fraction(low)).union(ball_of(Fraction(high)))


class _Moments:
    """E_q of products of latents."""

    def __init__(self, q: GaussianPosterior) -> None:
        self.q, self.known = q, {(0,) * q.latent_dim: Fraction(1)}

    def __call__(self, powers: tuple[int, ...]) -> Fraction:
        # E[z_i g(z)] = m_i E[g] + sum_j S_ij E[d_j g], Stein's lemma, with g the product without one factor z_i: the
        # degree falls, so the recursion ends at E[1] = 1.
        if powers not in self.known:
            i = next(k for k, power in enumerate(powers) if power)
            rest = _less(powers, i)
            total = self.q.mean[i] * self(rest)
            for j, power in enumerate(rest):
                if power:
                    total += self.q.covariance[i][j] * power * self(_less(rest, j))
            self.known[powers] = total
        return self.known[powers]


def _less(powers: tuple[int, ...], i: int) -> tuple[int, ...]:
    return (*powers[:i], powers[i] - 1, *powers[i + 1 :])


def _with_atoms(natural: Natural, statistic: tuple[int, ...], q: GaussianPosterior) -> arb:
    # |T(z)| <= k! C exp((1 + a)|z|) by the factors' bounds (1 only if there is a power of z), and |z| <= |m| + s |e|:
    # beyond R the integral is at most k! C exp(rate |m|) exp(b^2/2) erfc((R - b)/sqrt 2), b = rate s. The rest is one
    # contour integral of an analytic function, enclosed by `acb.integral`; where a function is not analytic, its flag
    # makes the ball infinite, and cells are halved.
    rates = [growth(atom, natural.latents[0]) for atom in natural.atoms]
    k, powers = statistic[0], statistic[1:]
    constant, rate = arb(factorial(k)), arb(1 if k else 0)
    for (c, a), power in zip(rates, powers, strict=True):
        constant, rate = constant * c**power, rate + a * power
    mean, deviation = arb(rational(q.mean[0])), arb(rational(q.covariance[0][0])).sqrt()
    tilt = (rate * deviation).upper()
    radius = float((tilt + _RADIUS).upper()) + 1
    outside = (rate * abs(mean) + tilt**2 / 2).exp() * ((arb(radius) - tilt) / arb(2).sqrt()).erfc()
    function = _compiled(natural.latents[0], natural.atoms, statistic)

    def integrand(e: acb, analytic: bool) -> acb:
        value: acb = function(mean + deviation * e, analytic)[0]
        return value * (-e * e / 2).exp()

    inside = acb.integral(integrand, -radius, radius).real / (2 * arb.pi()).sqrt()
    return inside + arb(0, (constant * outside).upper())


@lru_cache(maxsize=64)
def _compiled(latent: Expr, atoms: tuple[Expr, ...], statistic: tuple[int, ...]) -> Callable[..., Any]:
    tape = Tape((latent,))
    product = tape.constant(1)
    for factor, power in zip((latent, *atoms), statistic, strict=True):
        product = tape.multiply(product, tape.power(tape.lower(factor), power))
    return compile_tape(tape, [product], COMPLEX_BALLS)


def growth(e: Expr, z: Expr) -> tuple[arb, arb]:
    """Return (C, a) with |e(z)| <= C exp(a |z|) for all real z; C >= 0, a >= 0.

    Raises
    ------
    Unbounded
        If no such bound is known.
    """
    # By the structure of e. Sums: C exp(a|z|) with the sum of the C and the greatest a, as every factor exp(a|z|) >=
    # 1; products and powers: both multiply. Bounded functions need nothing of their argument.
    if not e.free_symbols:
        (value,) = compile_tape(*_single(e, z), COMPLEX_BALLS)(acb(0), False)
        return abs(value.real), arb(0)
    if e == z:
        return 8 / arb(1).exp(), arb(1) / 8  # the maximum of |z| exp(-|z|/8) is 8/e, at 8
    if e.is_Add:
        parts = [growth(part, z) for part in e.args]
        return sum((c for c, _ in parts), arb(0)), _greatest([a for _, a in parts])
    if e.is_Mul:
        constant, rate = arb(1), arb(0)
        for c, a in (growth(part, z) for part in e.args):
            constant, rate = constant * c, rate + a
        return constant, rate
    if e.is_Pow and e.args[1].is_Integer and e.args[1] >= 0:
        c, a = growth(e.args[0], z)
        return c ** int(e.args[1]), a * int(e.args[1])
    if isinstance(e, _BOUNDED):
        return arb(1), arb(0)
    if isinstance(e, _LINEAR):  # each is at most 1 + |t|
        c, a = growth(e.args[0], z)
        return 1 + c, a
    if isinstance(e, sympy.exp | sympy.sinh | sympy.cosh | Expm1):
        return _exponential(e.args[0], z)
    raise Unbounded(f"the growth of {e} is not known")


def _exponential(argument: Expr, z: Expr) -> tuple[arb, arb]:
    """Bound exp(|alpha + beta z|), which is at least |sinh|, |cosh|, |exp| and |expm1|."""
    # argument = alpha + beta z for all z, or its slope would hold z: so |argument| <= |alpha| + |beta| |z|.
    slope = sympy.diff(argument, z)
    if slope.free_symbols:
        raise Unbounded(f"the growth of exp({argument}) is not known")
    (constant, _), (rate, _) = growth(argument.xreplace({z: sympy.Integer(0)}), z), growth(slope, z)
    return constant.exp(), rate


def _single(e: Expr, z: Expr) -> tuple[Tape, list[int]]:
    tape = Tape((z,))
    return tape, [tape.lower(e)]


def _greatest(values: Sequence[arb]) -> arb:
    greatest = arb(0)
    for value in values:
        greatest = greatest.max(value)
    return greatest
