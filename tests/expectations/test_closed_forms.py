"""Closed forms of Gaussian expectations: against mpmath, and which decoders have one."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from numpy.polynomial.hermite_e import hermegauss
from sympy import Expr, Symbol

import elboproof as ep
from elboproof.expectations import exponential
from elboproof.expectations.closed_forms import GaussianMoments, closed_form, compiled_expectation, multiplied
from elboproof.expectations.exponential import (
    HIGHEST_DEGREE,
    MOST_TERMS,
    ExponentialReader,
    OutsideTheClassError,
)
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.tape import Tape

BITS = 140
Z, U, V = (Symbol(name, real=True) for name in "zuv")


def expectation(
    g: Expr, latents: list[Symbol], mean: list[str], factor: list[list[str]], order: int = 0
) -> arb:
    """Return E[g] (or its derivative in the first mean) by the tape."""
    d = len(latents)
    symbols = [Symbol(f"s_{k}", real=True) for k in range(d + d * (d + 1) // 2)]
    tape = Tape(symbols)
    entries = [tape.lower(s) for s in symbols]
    rows = [[entries[d + i * (i + 1) // 2 + j] for j in range(i + 1)] for i in range(d)]
    root = GaussianMoments(tape, entries[:d], multiplied(tape, rows)).expectation(
        ExponentialReader(latents).read(g)
    )
    for _ in range(order):
        root = tape.derivative(root, 0)
    (value,) = compile_tape(tape, [root], REAL_BALLS)(
        *map(arb, mean), *(arb(e) for row in factor for e in row)
    )
    assert isinstance(value, arb)
    return value


ONE: list[tuple[Expr, Callable[[mpmath.mpf], mpmath.mpf]]] = [
    (Z**7 - 3 * Z**2 + sympy.Rational(1, 3), lambda z: z**7 - 3 * z**2 + mpmath.mpf(1) / 3),
    (sympy.sinh(2 * Z - 1) ** 3, lambda z: mpmath.sinh(2 * z - 1) ** 3),
    (sympy.cos(3 * Z + 1) ** 2 * sympy.sin(Z), lambda z: mpmath.cos(3 * z + 1) ** 2 * mpmath.sin(z)),
    (Z**2 * sympy.exp(-Z / 3) * sympy.sin(2 * Z), lambda z: z**2 * mpmath.exp(-z / 3) * mpmath.sin(2 * z)),
    (Z * sympy.sqrt(2) * sympy.sin(Z * sympy.pi), lambda z: z * mpmath.sqrt(2) * mpmath.sinpi(z)),
]  # fmt: skip


@pytest.mark.parametrize(("g", "function"), ONE, ids=[str(g) for g, _ in ONE])
def test_one_latent_agrees_with_mpmath(g: Expr, function: Callable[[mpmath.mpf], mpmath.mpf]) -> None:
    with working_precision(BITS), mpmath.workdps(35):
        value = expectation(g, [Z], ["0.3"], [["0.7"]])
        m, s = mpmath.mpf("0.3"), mpmath.mpf("0.7")
        truth = mpmath.quad(lambda e: mpmath.npdf(e) * function(m + s * e), mpmath.linspace(-16, 16, 33))
        assert (value / arb(mpmath.nstr(truth, 32))).overlaps(arb(1, "1e-28"))
        assert value.rel_accuracy_bits() > 120


def test_two_latents_agree_with_gauss_hermite() -> None:
    g = U**2 * V * sympy.exp(U - V / 2) + sympy.cos(U + 2 * V) * U
    value = expectation(g, [U, V], ["0.25", "-0.125"], [["0.5"], ["0.25", "0.375"]])
    nodes, weights = hermegauss(50)
    first, second = np.meshgrid(nodes, nodes, indexing="ij")
    u, v = 0.25 + first / 2, -0.125 + first / 4 + 0.375 * second
    values = u**2 * v * np.exp(u - v / 2) + np.cos(u + 2 * v) * u
    truth = (weights[:, None] * weights * values).sum() / (2 * np.pi)
    assert value.overlaps(arb(float(truth), 1e-13))
    assert value.rad() < 1e-14


def test_derivative_in_the_mean_is_the_expectation_of_the_derivative() -> None:
    """Bonnet: both sides are closed forms of different functions."""
    g = Z**3 * sympy.sin(2 * Z) * sympy.exp(Z)
    with working_precision(BITS):
        left = expectation(g, [Z], ["0.3"], [["0.7"]], order=1)
        right = expectation(g.diff(Z), [Z], ["0.3"], [["0.7"]])
        assert left.overlaps(right)
        assert not left.overlaps(expectation(g, [Z], ["0.3"], [["0.7"]]))


OUTSIDE = ["tanh(z)", "exp(z**2)", "1/(2 + sin(z))", "sqrt(1 + z**2)", "z**41", "abs(z)", "softplus(z)"]


@pytest.mark.parametrize("decoder", OUTSIDE)
def test_other_decoders_have_no_closed_form(decoder: str) -> None:
    model = ep.LatentModel("z", [decoder], ep.Gaussian(1))
    assert compiled_expectation(model) is None
    assert closed_form(model, [arb(0)], [arb(0)], [[arb(1)]]) is None


def test_logits_have_no_closed_form() -> None:
    assert compiled_expectation(ep.LatentModel("z", ["z"], ep.Bernoulli())) is None


def test_too_many_terms_are_refused_at_once() -> None:
    latents = [Symbol(f"z_{k}", real=True) for k in range(6)]
    with pytest.raises(OutsideTheClassError):
        ExponentialReader(latents).read(sum(sympy.exp(z) + z for z in latents) ** 12)
    kept = ExponentialReader(latents[:1]).read((1 + latents[0]) ** 30)
    assert len(kept.terms) == 31 <= MOST_TERMS


@pytest.mark.parametrize(
    ("terms", "degree", "accepted"),
    [
        (MOST_TERMS, 0, True),
        (MOST_TERMS + 1, 0, False),
        (1, HIGHEST_DEGREE, True),
        (1, HIGHEST_DEGREE + 1, False),
    ],
)
def test_too_many_terms_or_too_high_a_degree_are_refused_each_by_itself(
    terms: int, degree: int, accepted: bool
) -> None:
    given: dict[exponential.Key, exponential.Coefficient] = {
        ((degree,), (sympy.Integer(n),), (sympy.Integer(0),)): (sympy.Integer(1), sympy.Integer(0))
        for n in range(terms)
    }
    if accepted:
        assert exponential._required_small(given) == given
    else:
        with pytest.raises(OutsideTheClassError):
            exponential._required_small(given)


@pytest.mark.parametrize(("factors", "begun"), [(40, True), (41, False)])
def test_products_are_begun_up_to_twenty_times_as_many_terms_as_are_kept(factors: int, begun: bool) -> None:
    """200 exponentials times some whose rates repeat: what is kept is the convolution of their coefficients."""
    one, other = np.arange(1, 201), np.arange(1, factors + 1) ** 2
    assert (len(one) * len(other) <= 20 * MOST_TERMS) is begun

    def exponentials(coefficients: np.ndarray) -> exponential.ExponentialPolynomial:
        return exponential.ExponentialPolynomial(
            {
                ((0,), (sympy.Integer(n),), (sympy.Integer(0),)): (sympy.Integer(int(c)), sympy.Integer(0))
                for n, c in enumerate(coefficients)
            }
        )

    if not begun:
        with pytest.raises(OutsideTheClassError):
            exponentials(one) * exponentials(other)
        return
    assert exponentials(one) * exponentials(other) == exponentials(np.convolve(one, other))


def test_full_covariance_of_the_likelihood() -> None:
    """The diagonal one written as a matrix is the same; with correlation it is another number."""
    decoder, point = ["sinh(z)", "z**2"], ([arb("0.3")], [[arb("0.4")]])
    x = [arb("0.5"), arb("0.25")]
    plain = closed_form(ep.LatentModel("z", decoder, ep.Gaussian(["1/10", "1/5"])), x, *point)
    matrix = [["1/10", 0], [0, "1/5"]]
    full = closed_form(ep.LatentModel("z", decoder, ep.Gaussian(covariance=matrix)), x, *point)
    oblique = [["1/10", "1/20"], ["1/20", "1/5"]]
    other = closed_form(ep.LatentModel("z", decoder, ep.Gaussian(covariance=oblique)), x, *point)
    assert plain is not None
    assert full is not None
    assert other is not None
    assert plain.overlaps(full)
    assert not plain.overlaps(other)


def test_equal_models_share_their_closed_form() -> None:
    """Each instance has its own symbols of x; what is cached for equal models must not depend on them."""
    one, other = (ep.LatentModel("z", ["z**2 + 1/7"], ep.Gaussian("1/3")) for _ in range(2))
    assert one == other
    assert ep.elbo(one, ["0.3"], ep.GaussianPosterior(0, 1)).lower < 0
    compiled_expectation.cache_clear()
    assert ep.elbo(other, ["0.3"], ep.GaussianPosterior(0, 1)).lower < 0
