"""Derivatives of the decoder and the energy up to order four, against SymPy's own, in every number system."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from flint import acb, arb, fmpq
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import elboproof as ep
from elboproof.model.likelihood import Likelihood
from elboproof.numbers.balls import working_precision
from elboproof.strategies import NAMES, expressions

# relative to the largest entry of its order; float64 with cancellation in fourth derivatives, worst seen 4e-13
FLOAT_ERROR = 1e-10

FULL = [["2", "1/3", 0], ["1/3", 1, "1/5"], [0, "1/5", "1/2"]]
LIKELIHOODS: dict[str, Likelihood] = {
    "scalar": ep.Gaussian("1/3"),
    "diagonal": ep.Gaussian(["1/3", 2, "0.1"]),
    "full": ep.Gaussian(covariance=FULL),
    "Bernoulli": ep.Bernoulli(),
}
DECODERS = {
    1: ["sinh(u)/3", "gelu(u) + 1/7", "tanh(2*u)*sigmoid(u)"],
    2: ["u + v**2", "sin(u*v)/3", "softplus(u - v)"],
    3: ["tanh(u + v*w)", "exp(u/3)*w", "atan(v)**2 + erf(w)"],
}
POINT = [Fraction(1, 3), Fraction(-2, 5), Fraction(3, 4)]
X = [1, 0, 1]


def model_of(d: int, likelihood: str, decoder: Sequence[str] | None = None) -> ep.LatentModel:
    return ep.LatentModel(list(NAMES[:d]), decoder or DECODERS[d], LIKELIHOODS[likelihood])


def truth(model: ep.LatentModel, point: Sequence[Fraction], order: int) -> Any:
    """Differentiate the normalised density, written here once more, by sympy.diff, and evaluate to 40 digits."""
    energy = _density(model)
    values = {
        z: sympy.Rational(p.numerator, p.denominator) for z, p in zip(model.latents, point, strict=True)
    }
    entries = np.empty((model.latent_dim,) * order, dtype=object)
    for place in product(range(model.latent_dim), repeat=order):
        if tuple(sorted(place)) == place:  # mixed derivatives commute
            directions = [model.latents[k] for k in place]
            value = (sympy.diff(energy, *directions) if order else energy).subs(values).evalf(40)
            for twin in set(permutations(place)):
                entries[twin] = value
    return entries


def _density(model: ep.LatentModel) -> sympy.Expr:
    f, prior = model.decoder, sum(z**2 + sympy.log(2 * sympy.pi) for z in model.latents) / 2
    if isinstance(model.likelihood, ep.Bernoulli):
        return prior + sum(sympy.log(1 + sympy.exp(-t if x else t)) for t, x in zip(f, X, strict=True))
    given: Any = model.likelihood
    if given.covariance is not None:
        C = sympy.Matrix(given.covariance)
    else:
        C = sympy.diag(*(given.variance * 3 if given.scalar else given.variance))
    r = sympy.Matrix([x - t for x, t in zip(X, f, strict=True)])
    return prior + (r.T * C.inv() * r)[0] / 2 + sympy.log((2 * sympy.pi) ** 3 * C.det()) / 2


def require_derivatives(model: ep.LatentModel, point: Sequence[Fraction], order: int) -> None:
    true, doubles = truth(model, point, order), [float(p) for p in point]
    floats = np.array(true, dtype=np.float64)
    scale = FLOAT_ERROR * max(1.0, float(np.abs(floats).max()))
    np.testing.assert_allclose(model.floating.energy(doubles, X, order), floats, rtol=0, atol=scale)
    x, z = torch.tensor(X, dtype=torch.float64), torch.tensor(doubles, dtype=torch.float64)
    np.testing.assert_allclose(model.tensors.energy(z, x, order).numpy(), floats, rtol=0, atol=scale)
    exact = np.asarray(model.exact.energy(point, X, order))
    real = np.asarray(model.balls.energy(point, X, order))
    with working_precision(200):
        wide = model.balls.energy([acb(fmpq(p.numerator, p.denominator)) for p in point], X, order)
        for place in product(range(model.latent_dim), repeat=order):
            number = arb(str(true[place]))
            slack = arb(0, 1e-30 * max(1.0, abs(floats[place])))
            assert abs(arb(str(exact[place].evalf(40))) - number) <= 1e-30 * max(1.0, abs(floats[place]))
            assert real[place].overlaps(number + slack)
            assert np.asarray(wide)[place].real.overlaps(number + slack)
            assert np.asarray(wide)[place].rad() < 1e-40 * max(1.0, abs(floats[place]))


CASES = [(d, likelihood, order) for d in (1, 2, 3) for likelihood in LIKELIHOODS for order in range(5)]
QUICK = [case for case in CASES if case[0] < 3 or case[2] < 2]


@pytest.mark.parametrize(("d", "likelihood", "order"), [case for case in QUICK if case[2] < 3])
def test_energy_derivatives_are_sympys(d: int, likelihood: str, order: int) -> None:
    require_derivatives(model_of(d, likelihood), POINT[:d], order)


@pytest.mark.parametrize("order", [3, 4])
def test_high_derivatives_of_a_network_are_sympys(order: int) -> None:
    require_derivatives(model_of(1, "full", ["tanh(2*u)", "sin(u)**2", "u**5/3"]), POINT[:1], order)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "likelihood", "order"), CASES)
def test_energy_derivatives_are_sympys_up_to_three_latents(d: int, likelihood: str, order: int) -> None:
    require_derivatives(model_of(d, likelihood), POINT[:d], order)


def test_wrong_derivative_is_caught() -> None:
    model, neighbour = (
        model_of(1, "scalar"),
        model_of(1, "scalar", ["sinh(u)/3", "gelu(u) + 1/7", "tanh(2*u)"]),
    )
    right = np.array(truth(model, POINT[:1], 2), dtype=np.float64)
    assert np.abs(neighbour.floating.energy([1 / 3], X, 2) - right).max() > 0.01


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_derivative_tensors_are_symmetric(d: int, order: int) -> None:
    model, point = model_of(d, "full"), [float(p) for p in POINT[:d]]
    energy = model.floating.energy(point, X, order)
    decoder = model.floating.decoder(point, order)
    assert energy.shape == (d,) * order
    assert decoder.shape == (3,) + (d,) * order
    for axes in permutations(range(order)):
        np.testing.assert_array_equal(energy, energy.transpose(axes))
        np.testing.assert_array_equal(decoder, decoder.transpose(0, *(1 + a for a in axes)))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_decoder_derivatives_keep_outputs_apart(order: int) -> None:
    model, point = model_of(2, "scalar"), POINT[:2]
    u, v = model.latents
    value = model.floating.decoder([float(p) for p in point], order)
    tensor = model.tensors.decoder(
        torch.tensor([float(p) for p in point], dtype=torch.float64), order
    ).numpy()
    balls = model.balls.decoder(point, order)
    at = {u: sympy.Rational(1, 3), v: sympy.Rational(-2, 5)}
    for j, f in enumerate(model.decoder):
        for place in product((0, 1), repeat=order):
            true = float(sympy.diff(f, *(model.latents[k] for k in place)).subs(at))
            assert value[(j, *place)] == pytest.approx(true, abs=1e-12)
            assert tensor[(j, *place)] == pytest.approx(true, abs=1e-12)
            assert float(balls[(j, *place)]) == pytest.approx(true, abs=1e-12)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(expressions(2, depth=2, smooth=True), st.sampled_from(("scalar", "Bernoulli")), st.integers(1, 2))
def test_generated_decoders_differentiate_as_sympy_does(text: str, likelihood: str, order: int) -> None:
    try:
        model = model_of(2, likelihood, [text, "u", "v/3"])
    except ValueError:
        assume(False)
    z = model.latents
    at = dict(zip(z, (sympy.Rational(1, 3), sympy.Rational(-2, 5)), strict=True))
    balls = model.balls.decoder([arb(fmpq(1, 3)), arb(fmpq(-2, 5))], order)
    for place in product((0, 1), repeat=order):
        ball = balls[(0, *place)]
        if ball.is_finite() and abs(ball) < 1e6:
            true = sympy.diff(model.decoder[0], *(z[k] for k in place)).subs(at).evalf(30)
            assert ball.overlaps(arb(str(true)) * arb(1, 1e-20) + arb(0, 1e-20)), (text, place)


def test_torch_gradient_is_the_first_derivative() -> None:
    model = model_of(3, "full")
    z = torch.tensor([[0.3, -0.4, 0.7], [1.0, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor(X, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(model.tensors.energy(z, x).sum(), z)
    torch.testing.assert_close(gradient, model.tensors.energy(z.detach(), x, 1), rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda t: model.tensors.energy(t, x), (z,))
    assert not torch.allclose(
        gradient, model.tensors.log_likelihood(z.detach(), x, 1)
    )  # sign and prior matter
