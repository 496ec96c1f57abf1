"""S3: derivatives of every order: what two points reach, and Cauchy's bound in the tube."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq_poly
from hypothesis import strategies as st

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, control, property_holds

from .._shared.balls import ball, working_precision
from . import claim
from .generated import diameter
from .hypotheses import definite_encoder, shared_covariance

REACHED = {
    1: "0.25",
    2: "0.0962250448649376274181915",
    3: "0.125",
    4: "0.127683921967801755143288",
    5: "0.25",
    6: "0.408327758854336928574109",
    7: "1.0625",
    8: "2.39007914165247387544546",
}
"""max |sg^(k)|, to be reproduced."""
LAST_PLACE = 1e-22
RADII = {1: "1.5708", 2: "1.895", 3: "2.279", 4: "2.475", 5: "2.596", 6: "2.679", 7: "2.739", 8: "2.786"}
"""Where tan(r/2)/r^k is about least; any r in [pi/2, pi) makes a bound."""
FACTORS = ("1.28", "4.03", "4.41", "7.24", "7.28", "10.13", "10.06", "12.94")


def derivative_polynomial(order: int) -> fmpq_poly:
    """Return sg^(k) as a polynomial in p = sg: p' = p(1-p)."""
    p = fmpq_poly([0, 1])
    found, speed = p, p * (1 - p)
    for _ in range(order):
        found = found.derivative() * speed
    return found


def largest(order: int) -> arb:
    """Return max |sg^(k)| over p in [0, 1]: among the real zeros of its derivative in p."""
    polynomial = derivative_polynomial(order)
    roots: Any = polynomial.derivative().complex_roots()  # pairs of a ball and a multiplicity
    places = [root.real for root, _ in roots if root.imag.contains(0)]
    values = [abs(_value(polynomial, place)) for place in places if place > 0 and place < 1]
    found = values[0]
    for value in values[1:]:
        found = found.max(value)
    return found


def _value(polynomial: fmpq_poly, place: arb) -> arb:
    found = arb(0)
    for coefficient in reversed(polynomial.coeffs()):
        found = found * place + arb(coefficient)
    return found


def cauchy(order: int) -> arb:
    """Return (k!/2) tan(r/2)/r^k: |y - 1/2| <= tan(r/2)/2 in the tube, for y a coordinate of f* scaled to [0, 1]."""
    r = ball(RADII[order])
    return arb(order).fac() / 2 * (r / 2).tan() / r ** arb(order)


def three_times_as_wide(order: int) -> arb:
    """The same with a tube three times as wide."""
    return cauchy(order) / arb(3) ** order


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="<=",
    states=(
        "the least C_k with ||D^k f*|| <= C_k diam(x) diam(S^-1 m)^k lies between max |sg^(k)|, which two points "
        f"reach ({', '.join(text[:8] for text in REACHED.values())} for k = 1..8), and Cauchy's (k!/2) min "
        f"tan(r/2)/r^k over pi/2 <= r < pi, which is at most {', '.join(FACTORS)} times as large"
    ),
    domain="k = 1, ..., 8; whether the lower number is the least C_k is known for k = 1 and 2 only",
    hypotheses=(shared_covariance,),
    controls=(
        control("one order higher", refutes="reached*", shift=1),
        control("a tube three times as wide", refutes="Cauchy, k = *", upper=three_times_as_wide),
        control("factors smaller by 1 %", refutes="factor*", share=Fraction(99, 100)),
    ),
    tier="quick",
)
def orders_between_two_constants(
    run: Run, *, shift: int = 0, upper: Callable[[int], arb] = cauchy, share: Fraction | int = 1
) -> Verdict:
    """Two points have f* = x_0 + (x_1 - x_0) sg, so their k-th derivative is sg^(k) with the bound's factors."""
    run.assume(shared_covariance, ["1"] * 2)
    parts: dict[str, Verdict] = {}
    with working_precision(120):
        for k, digits in REACHED.items():
            low = largest(k + shift)
            parts[f"reached, k = {k}"] = ball_equal(low + arb(0, LAST_PLACE / 4) - ball(digits), LAST_PLACE)
            parts[f"Cauchy, k = {k}"] = ball_at_most(largest(k) / upper(k), 1)
            parts[f"factor, k = {k}"] = ball_at_most(
                cauchy(k) / largest(k) / ball(Fraction(FACTORS[k - 1]) * share), 1
            )
    return all_of(parts)


EXAMPLES, HIGHEST = 60, 6


@claim.check(
    statement="S3",
    role="sharpens",
    method="property",
    relation="<=",
    states="|D^k f*| <= (k!/2) diam(x) (diam(m)/s^2)^k min tan(r/2)/r^k for k = 1..6, by OptimalDecoder.derivative",
    domain=(
        f"{EXAMPLES} generated data sets on the line, N <= 6, where the weights of two points are largest; float64"
    ),
    hypotheses=(definite_encoder, shared_covariance),
    controls=(
        control(
            "the factor by which Cauchy's constant exceeds what two points reach, and 1 % more", excess=1.01
        ),
        control("without k!/2", refutes="k = [456]", factorial=False),
    ),
)
def generated_data_obey_cauchy(run: Run, *, excess: float = 0.0, factorial: bool = True) -> Verdict:
    """Two points of equal weight, or at the place where sg^(k) is largest, are among the data sets."""
    with working_precision(80):
        upper = {k: float(cauchy(k)) for k in range(1, HIGHEST + 1)}
        lower = {k: float(largest(k)) for k in range(1, HIGHEST + 1)}
    if excess:
        upper = {k: lower[k] / excess for k in upper}
    if not factorial:
        upper = {k: upper[k] * 2 / math.factorial(k) for k in upper}

    def holds(seed: int) -> dict[str, bool]:
        rng = np.random.default_rng(seed)
        points = int(rng.integers(2, 7)) if seed % 2 else 2
        m, x, s = rng.normal(size=(points, 1)), rng.normal(size=(points, 1)), rng.uniform(0.1, 2)
        run.assume(definite_encoder, s)
        run.assume(shared_covariance, [s] * points)
        scale = diameter(m) / s
        z = m.mean() + np.linspace(-8, 8, 801)[:, None] / scale
        decoder = ep.OptimalDecoder(m, x, s)
        return {
            f"k = {k}": bool(
                np.abs(decoder.derivative(z, k)).max() <= bound * diameter(x) * scale**k * (1 + 1e-9)
            )
            for k, bound in upper.items()
        }

    return property_holds(st.integers(0, 2**32 - 1), property=holds, examples=EXAMPLES, seed=run.integer_seed)
