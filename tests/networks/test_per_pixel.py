"""Decoders that give a variance for each pixel: their loss, their floor, their units, and what is asked of them."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import roots_hermitenorm
from torch.distributions import Normal, kl_divergence

import elboproof as ep
from elboproof import cli, networks
from elboproof.diagnostics.fitted import Fitted
from elboproof.networks import autoencoder, rescaled
from elboproof.networks.run import Run
from elboproof.networks.settings import Request, settings_of
from elboproof.networks.variants import FLOOR, VARIANTS, Variant

CLOSE = 1e-12
"""Of sums of some hundred numbers in float64."""
NAME = "vae-per-pixel"
DIGITS = networks.digits()
X = DIGITS.test[:5]
Z = np.random.default_rng(0).standard_normal((50, 2))


def run_of(architecture: Any = "mlp", variant: str | Variant = NAME) -> Run:
    request = Request(variant, 2, (16,), "tanh", architecture, 10, 64, 1e-3, 0, 5, None)
    return Run(settings_of(DIGITS, request, 0), DIGITS)


def short(data: networks.Splits = DIGITS, **options: Any) -> networks.Trained:
    words: dict[str, Any] = {"latents": 2, "hidden": (16,), "steps": 80, "every": 40, "learning_rate": 1e-2}
    return networks.train(data, **{"variant": NAME, **words, **options})


def own_log_variance(net: networks.Autoencoder, z: torch.Tensor) -> torch.Tensor:
    """Return log(floor + exp h) of the head's h, from the layers themselves."""
    assert net.likelihood_head is not None
    hidden = net.decoder[: -1 if len(net.likelihood_head) == 1 else -2](z)
    return torch.log(net.variant.floor + torch.exp(net.likelihood_head(hidden)))


def loss_is_the_elbo() -> None:
    """Value and gradient of a step's loss against torch.distributions at the same z."""
    run = run_of()
    net, y = run.networks.double(), run.train[:64]
    run._variance = run._variance.double()
    given = run._forward(y)
    net.zero_grad()
    log_p, divergence = run._terms(given)
    (divergence - log_p).backward()  # type: ignore[no-untyped-call]
    found = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    mean, log_s = net.encode(y)
    assert log_s is not None
    z = mean + (given.sampled_latent - given.encoder_mean).detach() * torch.exp(
        0.5 * (log_s - log_s.detach())
    )
    likelihood: Any = Normal(net.decode(z), own_log_variance(net, z).exp().sqrt())
    q: Any = Normal(mean, (0.5 * log_s).exp())
    kl: Any = kl_divergence(q, Normal(torch.zeros_like(mean), torch.ones_like(mean)))
    wanted = likelihood.log_prob(y).sum(1).mean() - kl.sum(1).mean()
    assert float((log_p - divergence).detach()) == pytest.approx(float(wanted.detach()), rel=CLOSE)
    slopes = torch.autograd.grad(-wanted, list(net.parameters()))
    assert len(found) == len(slopes)
    for a, b in zip(found, slopes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def the_floor_holds() -> None:
    """The variance is floor + exp(output): nearly the floor far below it, never less, and so in units of the data."""
    h = torch.tensor([-50.0, math.log(0.2), 3.0], dtype=torch.float64)
    found = autoencoder.floored(h, 0.2).exp().tolist()
    assert found == pytest.approx([0.2, 0.4, 0.2 + math.exp(3)], rel=1e-9)
    run = run_of(variant=replace(VARIANTS[NAME], floor=0.05))
    net, z = run.networks.double(), torch.from_numpy(Z)
    assert net.likelihood_head is not None
    with torch.no_grad():
        net.likelihood_head[0].get_parameter("bias").fill_(-100.0)
        logs = net.decode_both(z)[1]
        _, moved = rescaled.two_heads(net, run.constants)(z)
    assert logs is not None
    assert logs.exp().numpy() == pytest.approx(0.05, rel=1e-9)
    assert moved.exp().numpy() == pytest.approx(0.05 * run.constants.scale**2, rel=1e-9)


def heads_are_those_of_the_networks(architecture: Any = "mlp") -> None:
    """Means and log variances in units of the data, against the float32 networks in normalised units."""
    trained = short(architecture=architecture)
    c = trained.constants
    with torch.no_grad():
        means, _ = trained.networks.decode_both(torch.from_numpy(Z).float())
        logs = own_log_variance(trained.networks, torch.from_numpy(Z).float())
        both = trained.heads(torch.from_numpy(Z)).numpy()
    assert both.shape == (50, 128)
    assert both[:, :64] == pytest.approx(c.centre + c.scale * means.numpy(), abs=1e-5)
    assert both[:, 64:] == pytest.approx(logs.numpy() + 2 * math.log(c.scale), abs=1e-5)
    assert np.array_equal(both[:, :64], trained.decode(Z))
    assert np.array_equal(both[:, 64:], trained.decode_log_variances(Z))


def the_factor_is_that_of_held_out_residuals() -> None:
    """The mean of (x - f)^2 / v over the validation split, against twenty draws for each image."""
    trained = short(steps=240, latents=4, hidden=(32,))
    means, log_s = trained.encode(DIGITS.validation)
    noise = np.random.default_rng(1).standard_normal((20, *means.shape))
    z = means + np.exp(log_s / 2) * noise
    residual = DIGITS.validation - np.stack([trained.decode(one) for one in z])
    variances = np.exp(np.stack([trained.decode_log_variances(one) for one in z]))
    assert trained.variance_factor == pytest.approx(float((residual**2 / variances).mean()), rel=0.05)
    assert trained.variance == pytest.approx(float((residual**2).mean()), rel=0.05)
    assert networks.train(DIGITS, latents=2, hidden=(8,), steps=2).variance_factor == 1


def the_model_has_both_heads() -> None:
    """A proved log evidence, against a product rule with the heads of the record and its factor."""
    data = networks.curve(["z", "z**2"], 0.1).draw(400)[1]
    trained = networks.train(
        data, variant=NAME, latents=1, hidden=(4,), activation="tanh", steps=200, learning_rate=1e-2
    )
    trained = replace(trained, variance_factor=1.3)
    found = ep.log_evidence(trained.latent_model(), data[:2], digits=6)
    nodes, weights = roots_hermitenorm(400)
    means = trained.decode(nodes[:, None])
    variances = 1.3 * np.exp(trained.decode_log_variances(nodes[:, None]))
    for row, value in zip(data[:2], np.asarray(found.midpoint), strict=True):
        log_p = -0.5 * ((row - means) ** 2 / variances + np.log(2 * math.pi * variances)).sum(1)
        rule = math.log(float((weights * np.exp(log_p)).sum() / math.sqrt(2 * math.pi)))
        assert value == pytest.approx(rule, abs=1e-5)
    # a variance that is given is that of an isotropic likelihood around the same means
    isotropic = trained.latent_model("1/4").likelihood
    assert isotropic == ep.Gaussian(variance="1/4")


def test_the_loss_is_the_elbo() -> None:
    loss_is_the_elbo()


def test_the_floor_holds() -> None:
    the_floor_holds()


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_heads_are_those_of_the_networks(architecture: str) -> None:
    heads_are_those_of_the_networks(architecture)


def test_the_factor_is_that_of_held_out_residuals() -> None:
    the_factor_is_that_of_held_out_residuals()


def test_the_model_has_both_heads() -> None:
    the_model_has_both_heads()


def test_the_heads_share_all_hidden_layers() -> None:
    for architecture, shape in (("mlp", (64, 16)), ("conv", (16, 1, 3, 3))):
        net, plain = (run_of(architecture, name).networks for name in (NAME, "vae-learned"))
        assert net.likelihood_head is not None
        more = {name: tuple(p.shape) for name, p in net.named_parameters() if name.startswith("likelihood")}
        assert more.pop("likelihood_head.0.weight") == shape
        assert list(more) == ["likelihood_head.0.bias"]
        extra = sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in plain.parameters())
        # the other one has a number for the likelihood's variance
        assert extra == sum(p.numel() for p in net.likelihood_head.parameters()) - 1


@pytest.mark.parametrize("scale", [2.0**-10, 2.0**10])
def test_a_scale_of_two_changes_units_and_nothing_else(scale: float) -> None:
    one, other = short(), short(DIGITS.scaled(scale))
    assert other.variance_factor == one.variance_factor
    assert other.variance == one.variance * scale**2
    moved = other.decode_log_variances(Z) - one.decode_log_variances(Z)
    assert moved == pytest.approx(2 * math.log(scale), abs=1e-12)
    volume = 64 * math.log(scale)
    for name in ("train", "validation"):
        assert other.terms[name].objective == pytest.approx(one.terms[name].objective - volume, abs=1e-9)


def test_a_record_is_kept_with_its_factor(tmp_path: Path) -> None:
    trained = short(variant=replace(VARIANTS[NAME], floor=0.02))
    networks.save(trained, tmp_path / "networks.pt")
    found = networks.load(tmp_path / "networks.pt")
    assert found.variance_factor == trained.variance_factor != 1
    assert found.settings.variant.floor == 0.02
    assert np.array_equal(found.decode_log_variances(Z), trained.decode_log_variances(Z))


def test_the_command_trains_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--hidden", "16", "--latents", "2", "--steps", "20", "--every", "10"]
    assert cli.main(["train", "digits", "--out", str(tmp_path), "--variant", NAME, *sizes]) == 0
    assert "all 20 steps were made" in capsys.readouterr().out
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["settings"]["variant"]["floor"] == FLOOR
    assert summary["variance_factor"] == networks.load(tmp_path / "networks.pt").variance_factor


def test_a_log_variance_that_is_not_finite_is_told() -> None:
    run = run_of()
    head = run.networks.likelihood_head
    assert head is not None
    with torch.no_grad():
        head[0].get_parameter("bias").fill_(math.nan)
    with pytest.raises(networks.TrainingError, match="step 1: the decoder log variance is not finite"):
        run.advance()


def test_what_variances_of_each_pixel_have_not_is_refused() -> None:
    trained = short(steps=2)
    with pytest.raises(
        ValueError, match=r"variance: got 0.25; expected none: vae-per-pixel has a variance for"
    ):
        trained.with_variance(0.25)
    whole = networks.train(DIGITS, variant="sigma-vae", latents=2, hidden=(8,), steps=2)
    for ask in (lambda: whole.heads, lambda: whole.decode_log_variances(Z)):
        with pytest.raises(ValueError, match="variant: got 'sigma-vae'; expected one whose decoder gives"):
            ask()
    with pytest.raises(ValueError, match="architecture: got 'conv'; expected 'mlp'"):
        short(steps=2, architecture="conv").latent_model()


def test_diagnostics_say_what_they_do_not_know() -> None:
    found = Fitted.of(short(steps=2), DIGITS.train)
    assert found.family == "unknown"
    with pytest.raises(ValueError, match="decode: the likelihood of vae-per-pixel has variances that depend"):
        found.joint  # noqa: B018


@pytest.mark.parametrize("floor", [0.0, -1.0, 2.0, math.nan, True, "1", 1e-40])
def test_a_floor_is_a_share(floor: Any) -> None:
    with pytest.raises(
        ValueError, match=r"floor: got .*; expected a share of the data's variance, between 1e-30"
    ):
        Variant("mine", "learned", "standard", "per-pixel", floor=floor)
