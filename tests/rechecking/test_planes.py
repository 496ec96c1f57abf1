"""The check's rule over the plane: its sums, its envelopes and what it misses, against quadrature and samples."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import sympy
from flint import arb
from sympy import Expr

from elboproof.arrays import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.functions import Sigmoid
from elboproof.rechecking import envelopes, planes
from elboproof.rechecking.envelopes import Frame
from elboproof.rechecking.functions import Terms
from elboproof.rechecking.integration import Unable

U, W = LATENTS = sympy.symbols("u w", real=True)
Q = GaussianPosterior(["3/10", "-1/5"], [["1/2", "3/10"], ["3/10", "2/5"]])
MONOMIALS: list[Expr] = [
    sympy.tanh(U - W),
    sympy.tanh(U) * sympy.tanh(2 * W - U),
    sympy.sin(2 * U + W) * W,
    sympy.cos(U) ** 2 * sympy.sin(W),
    U**2 * sympy.tanh(U + W / 2) ** 2,
    Sigmoid(U + 1) * Sigmoid(-2 * W) * U * W,
    sympy.sqrt(2) * U * sympy.tanh(W),
]
FUNCTIONS: list[Terms] = [
    {U: Fraction(1, 2), W**2: Fraction(-2), W: Fraction(1), sympy.tanh(U + W): Fraction(2)},
    {
        sympy.tanh(U) ** 2: Fraction(-3),
        sympy.tanh(U) * sympy.tanh(W): Fraction(2),
        sympy.tanh(W) ** 2: Fraction(-3),
    },
    {
        U * W: Fraction(-1),
        U**2: Fraction(-1),
        W**2: Fraction(-1),
        W * sympy.sin(U): Fraction(1),
        U: Fraction(2),
    },
    {W * sympy.sin(U): Fraction(4), sympy.tanh(U): Fraction(1)},
    {Sigmoid(3 * U - W): Fraction(4), sympy.cos(U + W): Fraction(-2), U: Fraction(-1)},
    {sympy.tanh(W): Fraction(1), sympy.sqrt(2): Fraction(1, 3), sympy.sqrt(2) * U: Fraction(1)},
]


def numeric(e: Expr, *z: Any) -> Any:
    smooth = e.replace(Sigmoid, lambda t: (1 + sympy.tanh(t / 2)) / 2)
    return sympy.lambdify(LATENTS, smooth, "numpy")(*z) + 0 * z[0]


def exponent(function: Terms, *z: Any) -> Any:
    return sum(float(c) * numeric(m, *z) for m, c in function.items()) - (z[0] ** 2 + z[1] ** 2) / 2


def expected(e: Expr, q: GaussianPosterior) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    lower = np.linalg.cholesky([[float(s) for s in row] for row in q.covariance])
    at = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1) @ lower.T + [float(m) for m in q.mean]
    mass = np.outer(weights, weights)
    return float((mass * numeric(e, at[..., 0], at[..., 1])).sum() / mass.sum())


def logarithm(function: Terms) -> float:
    axis = np.linspace(-12, 12, 1201)
    values = exponent(function, *np.meshgrid(axis, axis, indexing="ij"))
    return float(np.log(np.exp(values).sum() * 0.02**2 / (2 * math.pi)))


def test_expectations_agree_with_quadrature() -> None:
    found = planes.expectations(MONOMIALS, LATENTS, Q)
    for e in MONOMIALS:
        assert found[e].overlaps(arb(expected(e, Q), 1e-10)), e
        assert found[e].rad() < 1e-10


def test_integrals_agree_with_quadrature() -> None:
    for function, found in zip(FUNCTIONS, planes.log_integrals(FUNCTIONS, LATENTS), strict=True):
        assert found.overlaps(arb(logarithm(function), 1e-9))
        assert found.rad() < 1e-9


def test_a_short_lattice_still_encloses() -> None:
    """Few nats: what the rule misses is no formality, neither between its nodes nor beyond them."""
    truths = [expected(e, Q) for e in MONOMIALS]
    masses = [math.exp(logarithm(function)) for function in FUNCTIONS]
    for nats in (0.5, 1.5, 3.0, 5.0):
        with patch.object(planes, "NATS", nats):
            found = planes.expectations(MONOMIALS, LATENTS, Q)
            for e, truth in zip(MONOMIALS, truths, strict=True):
                assert found[e].overlaps(arb(truth, 1e-10)), e
            for function, mass in zip(FUNCTIONS, masses, strict=True):
                (ball,) = planes.log_integrals([function], LATENTS)
                assert not ball.is_finite() or ball.exp().overlaps(arb(mass, 1e-9))


def coarse(step: float, reach: float, one: planes._Bounds, values: FloatArray, axis: FloatArray) -> None:
    """The sum of F(x)/(2 pi) over a lattice of such a step and reach misses no more than is said."""
    stride, count = round(step / 0.02), round(reach / step)
    middle = len(axis) // 2
    places = middle + stride * np.arange(-count, count + 1)
    rule = values[np.ix_(places, places)].sum() * step**2 / (2 * math.pi)
    truth = values.sum() * 0.02**2 / (2 * math.pi)
    lattice = planes._Lattice((step, step), (count, count))
    assert abs(rule - truth) <= one.missing(lattice)


@pytest.mark.parametrize(("step", "reach"), [(1.6, 11.2), (1.2, 10.8), (0.8, 2.4), (0.4, 1.2), (1.2, 2.4)])
def test_what_a_lattice_misses_is_bounded(step: float, reach: float) -> None:
    axis = np.linspace(-12, 12, 1201)
    x = np.meshgrid(axis, axis, indexing="ij")
    for function in FUNCTIONS:
        widest = [envelopes.widest_strip(list(function), LATENTS, UNIT, k) for k in (0, 1)]
        one = planes._of_exponential(function, LATENTS, widest)
        coarse(step, reach, one, np.exp(exponent(function, *x)), axis)


UNIT = Frame((0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)))
OBLIQUE = Frame((0.3, -0.2), ((0.7, 0.0), (0.43, 0.46)))


def moved(k: int, y: float) -> list[Any]:
    """Places of the plane, coordinate k moved off the real line by y."""
    axis = np.linspace(-9, 9, 121)
    x: list[Any] = list(np.meshgrid(axis, axis, indexing="ij"))
    x[k] = x[k] + 1j * y
    return x


def envelopes_hold(sides: Sequence[int] = (0, 1)) -> None:
    """|F| in the strips is below its envelope, for monomials under q and for exponentials."""
    square = moved(0, 0)[0] ** 2 + moved(0, 0)[1] ** 2
    for k in sides:
        for e in MONOMIALS:
            a = envelopes.widest_strip([e], LATENTS, OBLIQUE, k)
            bound = envelopes.of_monomial(e, LATENTS, OBLIQUE, k, a)
            for y in (0.0, 0.5 * a, a, -a):
                x = moved(k, y)
                z = [
                    m + row[0] * x[0] + row[1] * x[1]
                    for m, row in zip(OBLIQUE.mean, OBLIQUE.factor, strict=True)
                ]
                value = np.abs(numeric(e, *z) * np.exp(-(x[0] ** 2 + x[1] ** 2) / 2))
                assert (np.log(value + 1e-300) <= bound.nats - bound.rate * square + 1e-9).all(), e
        for function in FUNCTIONS:
            widest = envelopes.widest_strip(list(function), LATENTS, UNIT, k)
            for a in (widest, widest / 3, 0.0):
                bound = envelopes.of_exponential(function, LATENTS, k, a, 0.9)
                for y in (0.0, a, -a):
                    value = np.real(exponent(function, *moved(k, y)))
                    assert (value <= bound.nats - bound.rate * square + 1e-9).all(), function


def test_envelopes_bound_the_integrands() -> None:
    envelopes_hold()


def test_strips_end_before_the_poles() -> None:
    """tanh(b.z) has a pole where Im b.z = pi/2; up to pi/4 it is at most 1."""
    for k, slope in ((0, 0.7 * 3 - 0.43), (1, -0.46)):
        a = envelopes.widest_strip([sympy.tanh(3 * U - W)], LATENTS, OBLIQUE, k)
        assert a == pytest.approx(min(2.0, math.pi / 4 / abs(slope)), rel=2e-3)
        assert abs(slope) * a < math.pi / 4 or a == 2.0
    assert envelopes.widest_strip([sympy.sin(3 * U)], LATENTS, UNIT, 0) == 2.0


def test_sums_of_floats_hold_their_exact_values() -> None:
    rng = np.random.default_rng(7)
    mid, numbers = rng.normal(size=(5, 40)) * 10.0 ** rng.integers(-6, 7, 40), rng.normal(size=(40, 3))
    numbers[20:], mid[:, 20:] = numbers[:20], -mid[:, :20]  # what nearly cancels
    values = BallArray(mid, rng.uniform(0, 1e-6, (5, 40)))
    found = planes._combined(values, numbers)
    for k in range(5):
        for n in range(3):
            pairs = list(
                zip(values.mid[k].tolist(), values.rad[k].tolist(), numbers[:, n].tolist(), strict=True)
            )
            exact = sum((Fraction(m) * Fraction(c) for m, _, c in pairs), Fraction(0))
            spread = sum((Fraction(r) * abs(Fraction(c)) for _, r, c in pairs), Fraction(0))
            off = abs(exact - Fraction(float(found.mid[k, n]))) + spread
            assert off <= Fraction(float(found.rad[k, n]))


def test_sums_of_radii_alone_are_rounded_up() -> None:
    """Beside a 1 thousands of small radii are lost one by one; around zeros no sum of midpoints leaves room."""
    rng = np.random.default_rng(8)
    rad, numbers = rng.uniform(0, 2.0**-53, (3, 4000)), rng.choice([-1.0, 1.0], (4000, 2))
    rad[:, 0] = 1.0
    found = planes._combined(BallArray(np.zeros_like(rad), rad), numbers)
    for k, row in enumerate(rad.tolist()):
        exact = sum(map(Fraction, row), Fraction(0))
        assert all(exact <= Fraction(r) <= exact * (1 + Fraction(1, 10**11)) for r in found.rad[k].tolist())


@pytest.mark.parametrize("sign", [-1, 1])
def test_balls_of_more_digits_lie_in_those_of_floats(sign: int) -> None:
    """Thirds are above their nearest floats, or below them: either way the distance is in the radius."""
    for n in range(1, 50):
        with working_precision(200):
            ball = planes._ball(sign * arb(n) / 3)
        off = abs(Fraction(sign * n, 3) - Fraction(float(ball.mid[0])))
        assert off <= Fraction(float(ball.rad[0])) <= off + Fraction(n, 10**17)


REFUSED: list[tuple[Terms, str]] = [
    ({sympy.tanh(U * W): Fraction(1)}, r"tanh\(u\*w\) under two latents; known are"),
    ({sympy.exp(U): Fraction(1)}, r"exp\(u\) under two latents"),
    ({U**3: Fraction(-1), sympy.tanh(W): Fraction(1)}, r"an exponent with u\*\*3"),
    ({U * W * sympy.tanh(W): Fraction(1)}, r"an exponent with u\*w\*tanh\(w\)"),
    ({U**2: Fraction(1, 2), sympy.tanh(W): Fraction(1)}, "not seen to fall in all directions"),
    ({U * W: Fraction(1), sympy.tanh(W): Fraction(1)}, "not seen to fall in all directions"),
    (
        {sympy.sqrt(2) * U**2: Fraction(10**12), U**2: Fraction(-1414213562374), sympy.tanh(W): Fraction(1)},
        "not seen to fall in all directions",
    ),
    ({1 / sympy.sin(U): Fraction(1)}, r"1/sin\(u\) under two latents"),
    ({sympy.tanh(10**4 * U): Fraction(1)}, "more than"),
]


@pytest.mark.parametrize(("function", "message"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_has_no_method_is_refused(function: Terms, message: str) -> None:
    with pytest.raises(Unable, match=message):
        planes.log_integrals([function], LATENTS)
