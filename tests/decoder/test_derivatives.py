import itertools
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

import elboproof as ep
from elboproof.decoder import derivatives

# worst measured 3e-14 at order 6, relative to the largest entry; the recursion adds about 30 products
CLOSE = 1e-12
JIT = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def relative_error(found: Any, expected: Any) -> Any:
    return np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_matches_a_taylor_series_in_fifty_digits(encoder: Any, mp_value: Any, kind: Any, order: Any) -> None:
    # along a line z + t v the derivative of order k is the tensor contracted k times with v
    instance = encoder(kind, points=4, outputs=1)
    z, v = np.array([0.3, -0.4]), np.array([0.75, -0.5])
    found = instance.decoder.derivative(z, order)
    for _ in range(order):
        found = found @ v
    with mpmath.workdps(50):
        line = mpmath.taylor(lambda t: mp_value(instance, [z[0] + t * v[0], z[1] + t * v[1]])[0], 0, order)
        expected = float(line[order] * mpmath.factorial(order))
    assert abs(found[0] - expected) < CLOSE * np.abs(instance.decoder.derivative(z, order)).max()


@JIT
def test_matches_nested_forward_differentiation(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    z = torch.tensor([0.2, 0.5], dtype=torch.float64)
    nested = instance.decoder
    for order in range(1, 3):
        nested = torch.func.jacfwd(nested)
        found = instance.decoder.derivative(z.numpy(), order)
        assert found.shape == (3,) + (2,) * order
        assert relative_error(found, nested(z).numpy()) < CLOSE
        assert relative_error(instance.decoder.derivative(z, order), found) < CLOSE


@pytest.mark.parametrize("kind", ["scalar", "shared"])
def test_shared_covariance_gives_joint_cumulants(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    z = np.array([0.1, -0.3])
    S = instance.matrices()[0]
    slopes = instance.codes @ np.linalg.inv(S)
    weights = instance.decoder.weights(z)
    x, p = instance.data - weights @ instance.data, slopes - weights @ slopes
    second = np.einsum("n,nx,nj->xj", weights, x, p)
    third = np.einsum("n,nx,nj,nk->xjk", weights, x, p, p)
    moment = np.einsum("n,nx,nj,nk,nl->xjkl", weights, x, p, p, p)
    pairs = np.einsum("xj,kl->xjkl", second, np.einsum("n,nj,nk->jk", weights, p, p))
    fourth = moment - pairs - pairs.transpose(0, 2, 1, 3) - pairs.transpose(0, 3, 2, 1)
    assert relative_error(instance.decoder.jacobian(z), second) < CLOSE
    assert relative_error(instance.decoder.derivative(z, 2), third) < CLOSE
    assert relative_error(instance.decoder.derivative(z, 3), fourth) < CLOSE
    assert relative_error(instance.decoder.derivative(z, 3), moment) > 1e-2
    assert relative_error(instance.decoder.jacobian(z), second @ S) > 1e-2 or kind == "scalar"


def test_jacobian_is_a_covariance_with_the_score(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    z, weights = np.array([0.7, 0.4]), instance.decoder.weights([0.7, 0.4])
    score = np.einsum("njk,nk->nj", np.linalg.inv(instance.matrices()), instance.codes - z)
    x = instance.data - weights @ instance.data
    assert relative_error(instance.decoder.jacobian(z), np.einsum("n,nx,nj->xj", weights, x, score)) < CLOSE


def test_symmetric_in_the_directions(encoder: Any, kind: Any) -> None:
    found = encoder(kind, d=3).decoder.derivative(np.array([0.1, 0.2, 0.3]), 3)
    for order in itertools.permutations((1, 2, 3)):
        assert np.array_equal(found, found.transpose(0, *order))


def test_offset_of_data_and_distance_do_not_cancel(encoder: Any, kind: Any) -> None:
    # the slopes S^-1 (m - z) are near 1e14 here; without the centring the differences would be lost
    instance = encoder(kind, deviation=1e-3)
    z = 0.5 * (instance.codes[0] + instance.codes[1]) + 1e-9
    plain = instance.decoder.derivative(z, 2)
    moved = type(instance)(instance.codes, instance.data + 1e3, instance.covariances)
    scale = np.abs(plain).max()
    assert np.abs(moved.decoder.derivative(z, 2) - plain).max() < 1e-9 * scale + 1e-12


def test_far_tail_derivatives_are_finite_and_vanish(encoder: Any, kind: Any) -> None:
    far = encoder(kind, deviation=0.1).decoder.derivative(np.array([3e5, -1e5]), 4)
    assert np.isfinite(far).all()
    assert np.abs(far).max() < 1e-6


@pytest.mark.parametrize(("far", "dtype"), [(1e60, "float64"), (1e10, "float32")])
def test_slopes_whose_powers_overflow_give_no_nan(encoder: Any, kind: Any, far: float, dtype: str) -> None:
    """A point of weight 0 whose slope to the 6th power is infinite must not contribute 0 times infinity."""
    decoder = encoder(kind).decoder
    z = torch.tensor([far, -far], dtype=getattr(torch, dtype))
    assert decoder.derivative(z, 6).isfinite().all()
    assert np.isfinite(decoder.derivative(np.array([far, -far]), 6)).all()


def test_a_derivative_out_of_range_is_an_error() -> None:
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [1.0]], 1e-100)
    assert decoder.derivative([0.5], 1)[0, 0] == pytest.approx(2.5e99)
    with pytest.raises(OverflowError, match="z: got points where numbers exceed the range of float64"):
        decoder.derivative([0.5], 4)


def test_batches_and_order_zero(encoder: Any, kind: Any) -> None:
    decoder = encoder(kind).decoder
    z = np.random.default_rng(0).normal(size=(2, 3, 2))
    assert np.array_equal(decoder.derivative(z, 0), decoder(z))
    assert np.array_equal(decoder.derivative(z, np.int64(2)), decoder.derivative(z, 2))
    assert decoder.derivative(z, 2).shape == (2, 3, 3, 2, 2)
    assert relative_error(decoder.derivative(z, 2)[1, 2], decoder.derivative(z[1, 2], 2)) < CLOSE


def test_multi_indices_are_counted() -> None:
    assert len(derivatives.indices(2, 6)) == 28
    assert derivatives.indices(2, 2) == [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    assert len(set(derivatives.indices(3, 4))) == 35
