"""What can be asked of trained networks, against the float32 networks themselves."""

import math

import numpy as np
import pytest
import torch
from scipy.special import roots_hermitenorm

import elboproof as ep
from elboproof import networks

DIGITS = networks.digits()
X = DIGITS.test[:5]


def trained_with(variant: str, architecture: str = "mlp") -> networks.Trained:
    return networks.train(
        DIGITS,
        variant=variant,
        latents=2,
        hidden=(16,),
        steps=150,
        learning_rate=1e-2,
        architecture=architecture,  # type: ignore[arg-type]
    )


TRAINED = {name: trained_with(name) for name in ("bilbo-baggins", "sigma-vae", "sigma-vae-shared")}


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_codes_are_those_of_the_networks(name: str) -> None:
    trained = TRAINED[name]
    y = torch.from_numpy((X - trained.constants.centre) / trained.constants.scale).float()
    with torch.no_grad():
        mean, log_variance = trained.networks.encode(y)
    means, log_variances = trained.encode(X)
    assert means.dtype == log_variances.dtype == np.float64
    assert means == pytest.approx(mean.numpy(), abs=1e-5)
    wanted = (
        np.zeros((5, 2)) if log_variance is None else np.broadcast_to(log_variance.detach().numpy(), (5, 2))
    )
    assert log_variances == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_decoded_means_are_those_of_the_networks(architecture: str) -> None:
    trained = trained_with("bilbo-baggins", architecture)
    z = np.random.default_rng(0).standard_normal((5000, 2))
    with torch.no_grad():
        y = trained.networks.decode(torch.from_numpy(z).float()).numpy()
    assert trained.decode(z) == pytest.approx(
        trained.constants.centre + trained.constants.scale * y, abs=1e-5
    )


def test_the_variance_is_that_of_held_out_residuals() -> None:
    for trained in TRAINED.values():
        means, log_variances = trained.encode(DIGITS.validation)
        noise = np.random.default_rng(1).standard_normal((20, *means.shape))
        z = means + np.exp(log_variances / 2) * noise
        residual = DIGITS.validation - np.stack([trained.decode(one) for one in z])
        # one draw for each of 300 images, against twenty
        assert trained.variance == pytest.approx(float((residual**2).mean()), rel=0.05)
    assert TRAINED["sigma-vae"].with_variance(0.25).variance == 0.25
    with pytest.raises(ValueError, match="variance: got 0; expected a positive number"):
        TRAINED["sigma-vae"].with_variance(0)


def test_the_floating_prior_is_that_of_the_training_set() -> None:
    trained = TRAINED["bilbo-baggins"]
    means = trained.encode(DIGITS.train)[0]
    assert trained.prior_variance == pytest.approx((means**2).mean(0) + 1, rel=1e-12)
    assert np.array_equal(TRAINED["sigma-vae"].prior_variance, [1.0, 1.0])
    rate = 0.5 * np.log(trained.prior_variance).sum()
    assert trained.terms["train"].rate == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_the_model_is_the_decoder_with_prior_and_variance(name: str) -> None:
    trained = TRAINED[name]
    proved = ep.log_evidence(trained.latent_model(), X[:2], digits=5)
    # a product rule around the origin: 200 nodes for each latent resolve a posterior of deviation 0.1
    nodes, weights = roots_hermitenorm(200)
    z = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    w = np.outer(weights, weights).ravel() / (2 * math.pi)
    means = trained.decode(z * np.sqrt(trained.prior_variance))
    for row, found in zip(X[:2], np.asarray(proved.midpoint), strict=True):
        squares = ((row - means) ** 2).sum(1) / trained.variance
        log_p = -0.5 * squares - 32 * math.log(2 * math.pi * trained.variance)
        top = log_p.max()
        assert found == pytest.approx(top + math.log((w * np.exp(log_p - top)).sum()), abs=1e-2)


def test_variance_and_prior_of_the_model_can_be_given() -> None:
    trained = TRAINED["bilbo-baggins"]
    model = trained.latent_model("1/16", prior=ep.Normal())
    assert model.likelihood == ep.Gaussian(variance="1/16")
    assert model.prior.standard
    assert not trained.latent_model().prior.standard
    assert TRAINED["sigma-vae"].latent_model().prior.standard


def test_a_convolutional_decoder_has_no_model() -> None:
    with pytest.raises(ValueError, match="architecture: got 'conv'; expected 'mlp'"):
        trained_with("sigma-vae", "conv").latent_model()


def test_rows_of_another_size_are_refused() -> None:
    trained = TRAINED["sigma-vae"]
    with pytest.raises(ValueError, match=r"x: got shape \(2, 63\); expected shape \(N, 64\)"):
        trained.encode(np.zeros((2, 63)))
    with pytest.raises(ValueError, match=r"z: got shape \(2, 3\); expected shape \(N, 2\)"):
        trained.decode(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"x: got nan at x\[0\]\[3\]"):
        trained.objective(np.where(np.arange(64) == 3, np.nan, np.zeros((2, 64))))
