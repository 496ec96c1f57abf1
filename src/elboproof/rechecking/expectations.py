"""For the check: E_q[G], exactly for polynomials, in closed form for sinh, else by integrals of one or two latents."""

from fractions import Fraction
from functools import lru_cache
from math import comb

import sympy
from flint import acb, arb
from sympy import Expr, Symbol

from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of
from elboproof.rechecking import planes
from elboproof.rechecking.functions import Terms, natural_powers
from elboproof.rechecking.integration import (
    BITS,
    TOLERANCE,
    Dense,
    Unable,
    compiled,
    majorant,
    powers,
    product,
)


def expectation(function: Terms, latents: tuple[Symbol, ...], q: GaussianPosterior) -> arb:
    """Return E_q[G]: exactly for polynomials, else by one integral with a Cauchy-Schwarz bound of its tail."""
    # Linear in the function: what is a polynomial is taken exactly, only the rest is integrated.
    if len(latents) > 2:
        raise Unable("expectations of functions of more than two latents")
    polynomial = {m for m in function if natural_powers(m, latents) is not None}
    plain = {m: c for m, c in function.items() if m in polynomial}
    rest = {m: c for m, c in function.items() if m not in polynomial}
    with working_precision(BITS):
        total = ball_of(_exactly(plain, latents, q))
        return total + _integrated(rest, latents, q) if rest else total


def _exactly(function: Terms, latents: tuple[Symbol, ...], q: GaussianPosterior) -> Fraction:
    total = Fraction(0)
    for monomial, number in function.items():
        total += number * _moment(natural_powers(monomial, latents) or (0,) * len(latents), q)
    return total


@lru_cache(maxsize=4096)
def _moment(exponents: tuple[int, ...], q: GaussianPosterior) -> Fraction:
    """Return E_q[a^i] or E_q[a^i b^j] from a = m + e, b = n + u e + f with independent e and f."""
    # b - E b = u (a - E a) + f with u the regression on a, and f independent of a: by the binomial theorem in f, E
    # a^i b^j is a sum of products of moments of one variable each.
    matrix = q.covariance
    first = _translated(exponents[0], q.mean[0], Fraction(1))
    if len(exponents) == 1:
        return _averaged(first, matrix[0][0])
    u = matrix[0][1] / matrix[0][0]
    rest = matrix[1][1] - u * matrix[0][1]
    total = Fraction(0)
    for k in range(exponents[1] + 1):
        joint = product(first, _translated(exponents[1] - k, q.mean[1], u))
        total += comb(exponents[1], k) * _averaged(joint, matrix[0][0]) * _central(k, rest)
    return total


def _translated(power: int, mean: Fraction, slope: Fraction) -> Dense:
    """Return (mean + slope e)^power by powers of e."""
    return [comb(power, k) * mean ** (power - k) * slope**k for k in range(power + 1)]


def _averaged(dense: Dense, variance: Fraction) -> Fraction:
    return sum((c * _central(k, variance) for k, c in enumerate(dense)), Fraction(0))


def _central(power: int, variance: Fraction) -> Fraction:
    """Return the moment of a centred normal: (power - 1)!! variance^(power/2) for even powers."""
    if power % 2:
        return Fraction(0)
    double = 1
    for k in range(power - 1, 0, -2):
        double *= k
    return double * variance ** (power // 2)


def _integrated(function: Terms, latents: tuple[Symbol, ...], q: GaussianPosterior) -> arb:
    # int_{|e| > R} phi |G| <= (E G^2 P(|e| > R))^(1/2) by Cauchy and Schwarz, and G^2 is at most the square of a
    # polynomial in |z| with coefficients >= 0, whose mean is exact.
    if len(latents) == 2:
        known = _over_plane(tuple(sorted(function, key=str)), latents, q)
        return sum((ball_of(number) * known[m] for m, number in function.items()), arb(0))
    if powers(sympy.sinh(latents[0]), function) is not None:
        return _of_exponentials(function, latents[0], q)
    (z,), mean, variance = latents, q.mean[0], q.covariance[0][0]
    sizes = majorant({m: abs(c) for m, c in function.items()}, z)
    square = {z**k: c for k, c in enumerate(product(sizes, sizes)) if c}
    # |G(z)| <= P(|z|), and E P(|z|)^2 <= E P(z)^2 + E P(-z)^2 for coefficients >= 0
    mirrored = {m: c * (-1) ** int(m.as_powers_dict().get(z, 0)) for m, c in square.items()}
    second = _exactly(square, latents, q) + _exactly(mirrored, latents, q)
    radius = 14
    outside = (ball_of(second) * (arb(radius) / arb(2).sqrt()).erfc()).sqrt()
    run, m, s = compiled(z, function), ball_of(mean), ball_of(variance).sqrt()

    def integrand(e: acb, analytic: bool) -> acb:
        return run(m + s * e, analytic) * (-e * e / 2).exp()

    tolerance = arb(TOLERANCE)
    inside = acb.integral(integrand, -radius, radius, rel_tol=tolerance, abs_tol=tolerance).real
    return inside / (2 * arb.pi()).sqrt() + arb(0, outside.upper())


@lru_cache(maxsize=256)
def _over_plane(
    monomials: tuple[Expr, ...], latents: tuple[Symbol, ...], q: GaussianPosterior
) -> dict[Expr, arb]:
    return planes.expectations(monomials, latents, q)


def _of_exponentials(function: Terms, z: Symbol, q: GaussianPosterior) -> arb:
    """Return E_q of powers of sinh z, written in exp(k z): E exp(k z) = exp(k m + k^2 S/2)."""
    # sinh(z)^p = 2^-p sum_j C(p, j) (-1)^j exp((p - 2j) z), and E exp(k z) = exp(k m + k^2 S/2).
    total, m, variance = arb(0), ball_of(q.mean[0]), ball_of(q.covariance[0][0])
    for power, number in enumerate(powers(sympy.sinh(z), function) or []):
        for j in range(power + 1):
            k = power - 2 * j
            term = (m * k + variance * k * k / 2).exp() * comb(power, j) * (-1) ** j / 2**power
            total += ball_of(number) * term
    return total
