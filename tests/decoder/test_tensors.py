from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep

JIT = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
CLOSE = 1e-14  # the same formulas in another library; worst measured 4e-16


def leaves(instance: Any, **keywords: Any) -> Any:
    options: dict[str, Any] = {"dtype": torch.float64, "requires_grad": True} | keywords
    return [torch.tensor(a, **options) for a in (instance.codes, instance.data, instance.covariances)]


def test_tensors_give_the_same_numbers(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    z = np.random.default_rng(0).normal(size=(3, 4, 2))
    decoder, tensor = instance.decoder, torch.tensor(z)
    for method in ("__call__", "weights", "log_density", "jacobian"):
        expected = getattr(decoder, method)(z)
        found = getattr(decoder, method)(tensor)
        assert isinstance(found, torch.Tensor)
        assert found.shape == expected.shape
        assert np.abs(found.numpy() - expected).max() < CLOSE * max(1, np.abs(expected).max())


def test_gradients_in_every_argument_are_right(encoder: Any, kind: Any) -> None:
    instance = encoder(kind, points=3)
    z = torch.tensor([[0.1, 0.4], [-1.0, 0.3]], dtype=torch.float64, requires_grad=True)

    def values(codes: Any, data: Any, covariances: Any, z: Any) -> Any:
        if covariances.ndim > 1:  # a numerical difference in one entry would not be symmetric
            covariances = 0.5 * (covariances + covariances.mT)
        decoder = ep.OptimalDecoder(codes, data, covariances)
        return decoder(z), decoder.log_density(z), decoder.derivative(z, 2)

    assert torch.autograd.gradcheck(values, (*leaves(instance), z))


def test_second_derivatives_are_differentiable(encoder: Any) -> None:
    z = torch.tensor([0.3, 0.1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(encoder("matrices").decoder, (z,))


def test_only_what_was_given_as_a_tensor_gets_a_gradient(encoder: Any) -> None:
    instance = encoder("scalar")
    codes, _, _ = leaves(instance)
    z = torch.tensor([0.3, 0.1], dtype=torch.float64)
    ep.OptimalDecoder(codes, instance.data, 1.0)(z).sum().backward()
    assert codes.grad is not None
    assert codes.grad.abs().max() > 1e-3
    assert not instance.decoder(z).requires_grad
    assert not ep.OptimalDecoder(codes.detach(), instance.data, 1.0)(z).requires_grad


def test_equal_learnable_variances_stay_apart(encoder: Any) -> None:
    instance = encoder("scalar")
    variances = torch.ones(6, dtype=torch.float64, requires_grad=True)
    decoder = ep.OptimalDecoder(instance.codes, instance.data, variances)
    decoder(torch.tensor([0.3, 0.1], dtype=torch.float64)).sum().backward()
    assert variances.grad is not None
    assert bool(variances.grad.abs().min() > 0)
    assert np.abs(decoder(np.array([0.3, 0.1])) - instance.decoder([0.3, 0.1])).max() < CLOSE


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [(torch.float64, 1e-14), (torch.float32, 2e-6), (torch.bfloat16, 0.03), (torch.half, 4e-3)],
)
def test_precision_of_z_is_that_of_the_result(
    encoder: Any, kind: Any, precision: Any, tolerance: Any
) -> None:
    # tolerance: a few spacings of the precision, for values up to 3
    decoder = encoder(kind).decoder
    z = torch.tensor([0.25, -0.5], dtype=precision)
    assert decoder(z).dtype == decoder.jacobian(z).dtype == precision
    assert np.abs(decoder(z).double().numpy() - decoder([0.25, -0.5])).max() < tolerance


def test_numpy_query_of_a_tensor_decoder_gives_numpy(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    found = ep.OptimalDecoder(*leaves(instance))(np.array([0.1, 0.2]))
    assert isinstance(found, np.ndarray)
    assert np.array_equal(found, instance.decoder([0.1, 0.2]))


@JIT
def test_works_under_vmap_and_transforms(encoder: Any, kind: Any) -> None:
    decoder = encoder(kind).decoder
    z = torch.tensor(np.random.default_rng(0).normal(size=(5, 2)))
    assert torch.equal(torch.func.vmap(decoder)(z), decoder(z))
    jacobians = torch.func.vmap(torch.func.jacrev(decoder))(z)
    assert (jacobians - decoder.jacobian(z)).abs().max() < 1e-13


def test_far_tail_gradients_are_finite(encoder: Any, kind: Any) -> None:
    z = torch.tensor([1e6, -1e6], requires_grad=True)  # float32
    value = encoder(kind, deviation=1e-2).decoder(z)
    value.sum().backward()
    assert value.isfinite().all()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_parts_do_not_change_the_result(encoder: Any, kind: Any, monkeypatch: Any) -> None:
    decoder = encoder(kind).decoder
    z = torch.tensor(np.random.default_rng(0).normal(size=(9, 2)))
    whole = decoder(z), decoder.derivative(z, 2)
    monkeypatch.setattr("elboproof.decoder.per_query.PAIRS", 13)
    assert (decoder(z) - whole[0]).abs().max() < CLOSE
    assert (decoder.derivative(z, 2) - whole[1]).abs().max() < 1e-12
