from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import elboproof as ep

# float64 weights of at most 6 points with logits known to about 1e-15 each; worst measured 1.6e-15, room for
# other BLAS libraries
CLOSE = 2e-14
# Queries a million away: z itself rounds by 1e-10, which moves logits of slope 1 by 1e-10 and f* as much; in these
# instances one code dominates and the worst measured error is 0
FAR = 1e-12
# z - m rounds by 1e-16, and 2e-16 / s^2 = 2e-8 nats move f* by 5e-9; measured 1.4e-9
TIE = 2e-8


@pytest.mark.parametrize("deviation", [1.0, 1e-3, 1e-4])
def test_agrees_with_fifty_digits_between_the_codes(
    encoder: Any, many_digits: Any, kind: Any, deviation: Any
) -> None:
    instance = encoder(kind, deviation=deviation)
    rng = np.random.default_rng(1)
    middles = 0.5 * (instance.codes[:-1] + instance.codes[1:])
    z = np.concatenate([rng.normal(size=(4, 2)), middles + 1e-9 * rng.normal(size=middles.shape)])
    assert np.abs(instance.decoder(z) - many_digits(instance, z)).max() < CLOSE / deviation**2 * 1e-2 + CLOSE


@pytest.mark.parametrize("deviation", [1.0, 1e-4])
def test_far_tail_is_the_nearest_code_not_nan(
    encoder: Any, many_digits: Any, kind: Any, deviation: Any
) -> None:
    instance = encoder(kind, deviation=deviation)
    z = 1e6 * np.random.default_rng(2).normal(size=(8, 2))
    assert np.abs(instance.decoder(z) - many_digits(instance, z, 80)).max() < FAR


def test_equal_variances_far_away_still_share(many_digits: Any, encoder: Any) -> None:
    # two codes tie to 1e-12 at a distance of 1e6: subtracting log densities near -5e19 would decide by noise
    instance = encoder("scalar").__class__(
        np.array([[-1.0, 0], [1, 0], [0, 0]]), np.eye(3), np.array([1e-8, 1e-8, 5e-9])
    )
    z = np.array([[1e-9, 1e6], [0.0, -1e6]])
    found = instance.decoder(z)
    assert np.abs(found - many_digits(instance, z, 60)).max() < TIE
    naive = -0.5 * ((z[:, None] - instance.codes) ** 2).sum(-1) / 1e-8
    assert np.abs(np.exp(naive - logsumexp(naive, axis=1)[:, None]) @ instance.data - found).max() > 0.01


def test_determinant_factor_is_needed(encoder: Any, many_digits: Any, kind: Any) -> None:
    instance = encoder(kind)
    z = np.random.default_rng(3).normal(size=(4, 2))
    error = np.abs(instance.decoder(z) - many_digits(instance, z, determinant=False)).max()
    assert (error < CLOSE) if kind in ("scalar", "shared") else (error > 1e-3)


def test_two_points_are_a_hyperbolic_tangent() -> None:
    mu, variance = np.array([0.6, -1.1]), 0.3
    a, b = np.array([1.0, 2, 3]), np.array([0.5, 0, -4])
    decoder = ep.OptimalDecoder([-mu / 2, mu / 2], [a - b / 2, a + b / 2], variance)
    z = np.random.default_rng(4).normal(size=(5, 2))
    assert np.abs(decoder(z) - (a + b / 2 * np.tanh(z @ mu / (2 * variance))[:, None])).max() < CLOSE
    assert np.abs(decoder(z) - (a + b / 2 * np.tanh(z @ mu / variance)[:, None])).max() > 0.1


def test_weights_and_log_density_match_scipy(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    z = np.random.default_rng(5).normal(size=(3, 4, 2))
    logs = np.stack(
        [
            multivariate_normal(m, S).logpdf(z)
            for m, S in zip(instance.codes, instance.matrices(), strict=True)
        ],
        -1,
    )
    weights = instance.decoder.weights(z)
    assert weights.shape == (3, 4, 6)
    assert np.abs(weights.sum(-1) - 1).max() < CLOSE
    assert np.abs(weights - np.exp(logs - logsumexp(logs, axis=-1, keepdims=True))).max() < CLOSE
    expected = logsumexp(logs, axis=-1) - np.log(6)
    assert np.abs(instance.decoder.log_density(z) - expected).max() < CLOSE
    assert np.abs(instance.decoder.log_density(z) - logsumexp(logs, axis=-1)).max() > 1


def test_one_point_has_one_log_density(encoder: Any, kind: Any) -> None:
    decoder, z = encoder(kind).decoder, np.array([0.3, -0.2])
    assert decoder.log_density(z) == decoder.log_density(z[None])[0]
    assert decoder.log_density(torch.tensor(z)) == decoder.log_density(torch.tensor(z[None]))[0]


def test_log_density_integrates_to_one(encoder: Any) -> None:
    instance = encoder("variances", d=1)
    grid = np.linspace(-15, 15, 4001)
    assert (
        abs(np.exp(instance.decoder.log_density(grid[:, None])).sum() * (grid[1] - grid[0]) - 1) < 1e-12
    )  # 4,001 terms


def test_moving_and_permuting_everything_changes_nothing(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    z, shift, order = np.array([[0.3, -0.2]]), np.array([0.5, 0.25]), np.random.default_rng(6).permutation(6)
    stack = np.asarray(instance.covariances)
    own = stack[order] if kind in ("variances", "matrices") else stack
    twin = ep.OptimalDecoder(instance.codes[order] + shift, instance.data[order], own)
    assert np.abs(twin(z + shift) - instance.decoder(z)).max() < CLOSE
    assert np.abs(twin(z) - instance.decoder(z)).max() > 1e-3


def test_any_other_decoder_has_a_larger_mean_squared_error(encoder: Any, kind: Any) -> None:
    # the definition of optimality, by quadrature over q(z): the ELBO's reconstruction term is -1/2 of this
    instance = encoder(kind, d=1)
    grid = np.linspace(-12, 12, 3001)[:, None]
    densities = np.stack(
        [
            multivariate_normal(m, S).pdf(grid)
            for m, S in zip(instance.codes, instance.matrices(), strict=True)
        ],
        -1,
    )
    best = instance.decoder(grid)

    def loss(f: Any) -> Any:
        return (
            (densities[..., None] * (f[:, None] - instance.data) ** 2).sum() * (grid[1, 0] - grid[0, 0]) / 6
        )

    bump = 0.1 * np.cos(grid)
    gain = (densities.mean(1)[:, None] * bump**2).sum() * 3 * (grid[1, 0] - grid[0, 0])
    assert loss(best + bump) - loss(best) == pytest.approx(gain, rel=1e-10)
    assert loss(best - bump) > loss(best) < loss(0 * best)


def test_shapes_and_precisions(encoder: Any) -> None:
    instance = encoder("scalar")
    half = ep.OptimalDecoder(instance.codes.astype("f"), instance.data.astype("f"), 1.0)
    assert half.codes.dtype == half.data.dtype == np.float32
    assert (
        half(np.zeros((2, 5, 2))).dtype
        == half.weights([0, 0]).dtype
        == half.jacobian([0, 0]).dtype
        == np.float32
    )
    assert half(np.zeros((2, 5, 2))).shape == (2, 5, 3)
    assert instance.decoder([0, 0]).shape == (3,)
    assert instance.decoder([0, 0]).dtype == np.float64
    assert instance.decoder(np.zeros((0, 2))).shape == (0, 3)
    assert instance.decoder.derivative(np.zeros((0, 2)), 2).shape == (0, 3, 2, 2)
    assert half.data.base is None or half.data is not instance.data
    assert "N=6, d=2, D=3, one shared covariance" in repr(half)


def test_overflowing_log_densities_are_an_error_or_right(encoder: Any, kind: Any) -> None:
    instance = encoder(kind, points=600)
    z = np.full((1000, 2), 1e200)
    if kind in ("scalar", "shared"):
        code = (instance.codes @ np.linalg.inv(instance.matrices()[0]) @ np.ones(2)).argmax()
        assert np.array_equal(instance.decoder(z[0]), instance.data[code])
        return
    for far in (z, z[0]):
        with pytest.raises(OverflowError, match="z: got a point so far away"):
            instance.decoder(far)


def test_one_point_is_constant() -> None:
    decoder = ep.OptimalDecoder([[0.0, 1.0]], [[5.0]], 1e-4)
    assert decoder([1e9, -3]) == 5.0
    assert not decoder.jacobian([0.2, 0.1]).any()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)])
def test_single_code_in_one_dimension_takes_every_shape(shape: Any) -> None:
    assert ep.OptimalDecoder([[0.5]], [[2.0]], np.full(shape, 0.1))([3.0]) == 2.0
