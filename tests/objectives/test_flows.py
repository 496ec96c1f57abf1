"""The limit of vanishing variances against densities in closed form, and arguments that do not fit."""

import math
from collections.abc import Callable

import pytest
import torch

from elboproof import objectives


def test_one_latent_is_the_density_of_the_output() -> None:
    z0 = torch.tensor([[-1.0], [0.3], [2.0]], dtype=torch.float64)
    x = torch.exp(z0)  # log normal
    found = objectives.flow_limit_log_prob(torch.exp, x, z0)
    wanted = torch.distributions.LogNormal(torch.tensor(0.0, dtype=torch.float64), 1.0).log_prob(x)[:, 0]  # type: ignore[no-untyped-call]
    assert torch.allclose(found, wanted, rtol=1e-13)


def test_a_reflection_has_no_sign() -> None:
    z0 = torch.tensor([[0.5, -0.2]], dtype=torch.float64)
    flip = torch.tensor([[0.0, 2.0], [3.0, 0.0]], dtype=torch.float64)  # of determinant -6
    found = objectives.flow_limit_log_prob(lambda z: z @ flip, z0 @ flip, z0)
    assert float(found) == pytest.approx(-0.145 - math.log(2 * math.pi) - math.log(6), rel=1e-13)


def test_a_surface_has_the_root_of_its_gram_determinant() -> None:
    z0 = torch.tensor([[0.7]], dtype=torch.float64)
    found = objectives.flow_limit_log_prob(
        lambda z: torch.cat([z, z**2], 1), torch.tensor([[0.7, 0.49]], dtype=torch.float64), z0
    )
    wanted = -0.245 - math.log(2 * math.pi) / 2 - math.log(1 + 4 * 0.49) / 2
    assert float(found) == pytest.approx(wanted, rel=1e-13)


def test_float32_keeps_its_digits_where_the_gram_matrix_would_lose_them() -> None:
    z0 = torch.tensor([[0.5, -0.2]])
    thin = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0 + 2e-4, 1e-4]])
    found = objectives.flow_limit_log_prob(lambda z: z @ thin, z0 @ thin, z0)
    exact = thin.double()
    wanted = -0.145 - math.log(2 * math.pi) - 0.5 * float(torch.linalg.slogdet(exact @ exact.T).logabsdet)
    assert float(found) == pytest.approx(wanted, abs=2e-3)
    gram = -0.145 - math.log(2 * math.pi) - 0.5 * float(torch.linalg.slogdet(thin @ thin.T).logabsdet)
    assert not abs(gram - wanted) <= 2e-3


def test_it_is_differentiable() -> None:
    z0 = torch.tensor([[0.4]], dtype=torch.float64)
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    found = objectives.flow_limit_log_prob(lambda z: scale * z, (2 * z0).detach(), z0)
    (slope,) = torch.autograd.grad(found.sum(), scale)
    assert float(slope) == pytest.approx(-0.5)


Z, X = torch.zeros(3, 2), torch.zeros(3, 2)
BAD: dict[str, tuple[Callable[[], torch.Tensor], str]] = {
    "more latents": (
        lambda: objectives.flow_limit_log_prob(lambda z: z[:, :1], X[:, :1], Z),
        "z0: got 2 latents; expected at most 1",
    ),
    "rows": (lambda: objectives.flow_limit_log_prob(torch.tanh, X, Z[:2]), "z0: got shape .*expected 3 rows"),
    "shape": (
        lambda: objectives.flow_limit_log_prob(lambda z: z[:, :1], X, Z),
        "decoder: got outputs of shape",
    ),
    "not met": (
        lambda: objectives.flow_limit_log_prob(torch.tanh, X + 1, Z),
        r"x: got data that are off decoder\(z0\) by 1",
    ),
    "rank": (
        lambda: objectives.flow_limit_log_prob(lambda z: z**2, X, Z),
        "decoder: got a Jacobian without full rank",
    ),
    "nan": (lambda: objectives.flow_limit_log_prob(torch.tanh, X, Z * math.nan), "z0: got infinite or NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
