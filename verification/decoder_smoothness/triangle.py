"""S4, d = 2: for an equilateral triangle of codes pi s^2/diam(m) is sharp, and not attained."""

import math
from fractions import Fraction

import sympy
from flint import acb, arb

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    control,
    identity,
    tends_to,
)

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import equilateral, shared_covariance

DEPTHS = {"0": "0.7999610", "2": "0.1378956", "5": "0.0102536", "10": "1.34998e-4"}
"""T, and y - pi to be reproduced."""
SHOWN = {"0": 1e-7, "2": 1e-7, "5": 1e-7, "10": 1e-9}
BITS, WITHIN = 120, 1e-25
APEX, QUARTER = sympy.sqrt(3) / 2, sympy.Rational(1, 4)


def height(depth: arb) -> arb:
    """2 arccos(-exp(-1/4 - sqrt(3) T/2)/2): where 2 cos(y/2) exp(-1/8) + exp(-sqrt(3) T/2 - 3/8) = 0."""
    return 2 * (-(-arb(1) / 4 - arb(3).sqrt() * depth / 2).exp() / 2).acos()


def denominator(z1: acb, z2: acb) -> acb:
    """Return sum of exp(z.m - |m|^2/2) for the codes (-1/2, 0), (1/2, 0), (0, sqrt(3)/2), s = 1."""
    root = arb(3).sqrt() / 2
    return (z1 / 2 - arb(1) / 8).exp() + (-z1 / 2 - arb(1) / 8).exp() + (z2 * root - arb(3) / 8).exp()


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "for the codes (-1/2, 0), (1/2, 0), (0, sqrt(3)/2) and s = 1, D(iy, -T) = exp(-(T^2 - y^2)/2) (2 cos(y/2) "
        "exp(-1/8) + exp(-sqrt(3) T/2 - 3/8)), whose first zero is y = 2 arccos(-exp(-1/4 - sqrt(3) T/2)/2) > pi"
    ),
    domain="all real y, T",
    hypotheses=(equilateral, shared_covariance),
    controls=(
        control("the third code at (0, 1)", refutes="denominator", apex=sympy.Integer(1)),
        control("exp(-1/2) for exp(-1/4)", refutes="zero", offset=sympy.Rational(1, 2)),
    ),
    tier="quick",
)
def denominator_of_a_triangle(run: Run, *, apex: sympy.Expr = APEX, offset: sympy.Expr = QUARTER) -> Verdict:
    """Cos is written with exponentials, so that both programs see a polynomial in them."""
    y, T = sympy.symbols("y T", real=True)
    codes = [(-sympy.Rational(1, 2), 0), (sympy.Rational(1, 2), 0), (0, sympy.sqrt(3) / 2)]
    run.assume(equilateral, codes)
    run.assume(shared_covariance, [1, 1, 1])
    used = [*codes[:2], (0, apex)]
    z = (sympy.I * y, -T)
    squares = [sympy.expand(sum((a - b) ** 2 for a, b in zip(z, m, strict=True))) for m in used]
    total = sum(sympy.exp(sympy.expand(-square / 2 + (T**2 - y**2) / 2)) for square in squares)
    cosine = sympy.cos(y / 2).rewrite(sympy.exp)
    stated = 2 * cosine * sympy.exp(-sympy.Rational(1, 8)) + sympy.exp(
        -sympy.sqrt(3) * T / 2 - sympy.Rational(3, 8)
    )
    zero = -sympy.exp(-offset - sympy.sqrt(3) * T / 2) / 2  # cos(y/2)
    remainder = 2 * zero * sympy.exp(-sympy.Rational(1, 8)) + sympy.exp(
        -sympy.sqrt(3) * T / 2 - sympy.Rational(3, 8)
    )
    return all_of({"denominator": identity(total - stated), "zero": identity(remainder)})


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation="limit",
    states=(
        "these zeros have y - pi = .7999610, .1378956, .0102536, 1.34998e-4 at T = 0, 2, 5, 10, all more than 1e-5: "
        "pi s^2/diam(m) is the infimum of |Im z| over the poles (y - pi is at most 0.8 exp(-sqrt(3) T/2)) and "
        "attained by none of them; at a pole the numerator is not 0; analytic_radius is pi, rounded down"
    ),
    domain="T = 0, 2, 5, 10; and T = 1, 2, 4, 8 for the limit, in terms of exp(-sqrt(3) T/2)",
    hypotheses=(equilateral, shared_covariance),
    controls=(
        control("pi attained at every T", refutes=("zero, *", "digits, *", "above pi, *"), share=0),
        control("y - pi twice as large", refutes=("zero, *", "digits, *"), share=2),
        control("1 % more than pi as the infimum", refutes=("limit", "* least"), limit=Fraction(101, 100)),
        control("half the width", refutes=("limit", "analytic_radius, at most"), limit=Fraction(1, 2)),
        control("a numerator that vanishes too", refutes="pole, *", data=(1, 1, 1)),
    ),
    tier="quick",
)  # fmt: skip
def poles_above_a_triangle(
    run: Run, *, share: int = 1, limit: Fraction | int = 1, data: tuple[int, int, int] = (0, 1, 3)
) -> Verdict:
    """Each zero is evaluated in balls; 0.8 exp(-sqrt(3) T/2) bounds 2 arcsin(exp(-1/4 - sqrt(3) T/2)/2), T >= 1."""
    apex = sympy.sqrt(3) / 2
    run.assume(equilateral, [(-sympy.Rational(1, 2), 0), (sympy.Rational(1, 2), 0), (0, apex)])
    run.assume(shared_covariance, [1, 1, 1])
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        pi = arb.pi()
        for depth, digits in DEPTHS.items():
            y = pi + share * (height(ball(depth)) - pi)
            z1, z2 = acb(0, y), acb(-ball(depth))
            parts[f"zero, T = {depth}"] = ball_equal(abs(denominator(z1, z2)), WITHIN)
            parts[f"digits, T = {depth}"] = ball_equal(
                y - pi + arb(0, SHOWN[depth] / 2) - ball(digits), SHOWN[depth]
            )
            parts[f"above pi, T = {depth}"] = ball_positive(y - pi - ball("1e-5"))
            parts[f"pole, T = {depth}"] = ball_positive(_numerator(z1, z2, data))
        scales = [Fraction(round(1e9 * math.exp(-math.sqrt(3) * T / 2)) + 1, 10**9) for T in (1, 2, 4, 8)]
        parts["limit"] = tends_to(
            scales, [height(arb(T)) for T in (1, 2, 4, 8)], pi * ball(limit), order=1, factor=0.8
        )
        decoder = ep.OptimalDecoder(
            [[-0.5, 0.0], [0.5, 0.0], [0.0, math.sqrt(0.75)]], [[0.0], [1.0], [3.0]], 1.0
        )
        below = 1 - arb(decoder.analytic_radius()) / (pi * ball(limit))
        parts["analytic_radius, at most"] = ball_at_most(-below, 1e-15)
        parts["analytic_radius, at least"] = ball_at_most(below, 1e-13)
    return all_of(parts)


def _numerator(z1: acb, z2: acb, data: tuple[int, int, int]) -> arb:
    root = arb(3).sqrt() / 2
    terms = [(z1 / 2 - arb(1) / 8).exp(), (-z1 / 2 - arb(1) / 8).exp(), (z2 * root - arb(3) / 8).exp()]
    # less the first datum: that changes nothing at a zero of the denominator
    return abs(sum((t * (x - data[0]) for t, x in zip(terms, data, strict=True)), acb(0)))
