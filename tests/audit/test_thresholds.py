"""Free bits and capacities: their thresholds to all digits, of what they are taken, and what is none of them."""

from typing import Any

import pytest
import torch
from torch import Tensor

from elboproof.audit import Declared, Formula
from tests.audit.beyond_rates import Capacity, CapacityDrawn, FreeBits, FreeBitsDrawn
from tests.audit.small import Drawn, Small, audited, with_methods


def each(mean: Tensor, s: Tensor) -> Tensor:
    """Return KL(q | N(0, 1)) of each datum and latent."""
    return (mean**2 + s.exp() - 1 - s) / 2


def _rate(of: Any) -> dict[str, Any]:
    return {"rate": lambda self, m, s, z: of(each(m, s))}


def _total(of: Any) -> dict[str, Any]:
    return {"total": lambda self, f, r: of(f, r)}


def formula(methods: dict[str, Any], base: type[Small] = Small, *checks: str, **options: Any) -> Formula:
    """Return what an audit says the loss is, of one that no check fails on."""
    report = audited(with_methods(base, **methods), "formula", *checks, **options)
    assert report.failed == (), str(report)
    assert report.formula is not None
    return report.formula


FREE_BITS: dict[str, tuple[Any, str]] = {
    "latents of data": (
        _rate(lambda kl: kl.clamp_min(0.25).sum(1)),
        "the KL of each latent of each datum counts at least 1/4 nats",
    ),
    "data": (_rate(lambda kl: kl.sum(1).clamp_min(3)), "the KL of each datum counts at least 3 nats"),
    "latents of the batch": (
        _rate(lambda kl: kl.mean(0).clamp_min(1.5).sum()),
        "the mean over the batch of each latent's KL counts at least 3/2 nats",
    ),
    "the batch": (
        _rate(lambda kl: kl.sum(1).mean().clamp_min(2)),
        "the mean KL of the batch counts at least 2 nats",
    ),
    "a sum over the batch": (
        _rate(lambda kl: kl.sum(1)) | _total(lambda f, r: f.sum() + r.sum().clamp_min(20)),
        "the KL summed over the batch counts at least 20 nats (of a batch: of a datum it depends on the batch size)",
    ),
    "beyond a threshold": (
        _rate(lambda kl: (kl - 0.5).relu().sum(1)),
        "the KL of each latent of each datum counts beyond 1/2 nats",
    ),
    "latents of the batch, below all plain designs": (
        _rate(lambda kl: kl.mean(0).clamp_min(0.5).sum()),
        "the mean over the batch of each latent's KL counts at least 1/2 nats",
    ),
    "one that designs near the prior cross": (
        _rate(lambda kl: kl.clamp_min(0.01).sum(1)),
        "the KL of each latent of each datum counts at least 0.01 nats",
    ),
    "one that no design of a plain formula crosses": (
        _rate(lambda kl: kl.sum(1).clamp_min(40)),
        "the KL of each datum counts at least 40 nats",
    ),
}


@pytest.mark.parametrize("name", FREE_BITS)
def test_free_bits_are_read_with_their_threshold(name: str) -> None:
    methods, words = FREE_BITS[name]
    found = formula(methods)
    assert found.kind == "FREE BITS"
    assert words in found.sentence
    assert "-loss" not in found.sentence  # no constant is left over
    assert found.variance == pytest.approx(0.5, rel=1e-9)


CAPACITIES: dict[str, tuple[Any, str]] = {
    "data": (_total(lambda f, r: (f + 3 * (r - 0.5).abs()).mean()), "3 x |R - 1/2|, mean"),
    "the batch": (_total(lambda f, r: f.mean() + 1000 * (r.mean() - 2).abs()), "1000 x |R - 2|, mean"),
    "one that no design of a plain formula reaches": (
        _total(lambda f, r: f.mean() + 5 * (r.mean() - 25).abs()),
        "5 x |R - 25|, mean",
    ),
    "one below all plain designs": (
        _total(lambda f, r: f.mean() + 5 * (r.mean() - 0.1).abs()),
        "5 x |R - 1/10|, mean",
    ),
    "squared": (_total(lambda f, r: f.mean() + 3 * (r.mean() - 0.5) ** 2), "3 x (R - 1/2)^2, mean"),
    "latents": (
        _rate(lambda kl: 2 * (kl - 0.5).abs().sum(1)),
        "2 x |R - 1/2|, summed over the latents, mean",
    ),
    "a value per datum": (_total(lambda f, r: f + 3 * (r - 0.5).abs()), "3 x |R - 1/2|, one value per datum"),
    "a sum over the batch": (
        _total(lambda f, r: f.sum() + 3 * (r.sum() - 20).abs()),
        "3 x |R - 20|, sum over the batch",
    ),
}


@pytest.mark.parametrize("name", CAPACITIES)
def test_capacities_are_read_with_weight_and_threshold(name: str) -> None:
    methods, words = CAPACITIES[name]
    found = formula(methods)
    assert found.kind == "CAPACITY"
    assert f"a negative log likelihood plus {words}" in found.sentence


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        (FreeBitsDrawn, "FREE BITS", "Monte Carlo KL; the KL of each datum counts at least 1/2 nats"),
        (CapacityDrawn, "CAPACITY", "R is the KL of each datum, Monte Carlo KL"),
        (FreeBits, "FREE BITS", "the mean over the batch of each latent's KL counts at least 1 nats"),
        (Capacity, "CAPACITY", "R is the mean KL of the batch, closed-form KL"),
    ],
)
def test_a_threshold_passes_as_a_loss_and_as_no_bound(model: type[Small], kind: str, words: str) -> None:
    torch.manual_seed(0)
    report = audited(model())
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == kind
    assert words in report.formula.sentence
    assert "exact" in report["gradient"].statement
    for claim in ("-elbo", "bits/dim"):
        assert audited(model(), "formula", claim=claim).failed == ("formula",)


def test_a_mean_over_the_latents_is_another_weight_and_variance() -> None:
    found = formula(_rate(lambda kl: kl.clamp_min(0.5).mean(1)))
    assert found.kind == "FREE BITS"
    assert found.scale == pytest.approx(0.5)
    assert found.variance == pytest.approx(0.25)


def test_a_weight_beside_a_bernoulli_is_named() -> None:
    fit = torch.nn.functional.binary_cross_entropy_with_logits
    methods = _rate(lambda kl: 4 * kl.clamp_min(0.5).sum(1))
    methods["fit"] = lambda self, x, o: fit(o, x, reduction="none").sum(-1)
    found = formula(methods, kind="binary")
    assert found.kind == "FREE BITS"
    assert "KL weight 4" in found.sentence


def test_a_sum_beside_a_mean_depends_on_the_batch() -> None:
    for methods in (
        _total(lambda f, r: f.mean() + 3 * (r - 2).abs().sum()),
        _total(lambda f, r: f.mean() + 3 * (r.sum() - 20).abs()),
        _rate(lambda kl: kl.clamp_min(0.5).sum(1)) | _total(lambda f, r: f.mean() + r.sum()),
    ):
        report = audited(with_methods(**methods), "formula")
        assert report.formula is not None
        assert report.formula.kind == "MIXED REDUCTION"
        assert "the weight of the KL depends on the batch size" in report.formula.sentence


WRONG: dict[str, tuple[Any, str]] = {
    "a minimum": (
        _rate(lambda kl: kl.clamp_max(1.0).sum(1)),
        "the KL of each latent of each datum counts at most 1 nats",
    ),
    "a reward": (_total(lambda f, r: (f - 3 * (r - 2).abs()).mean()), "the divergence has the wrong sign"),
    "a plain reward": (_total(lambda f, r: (f - r).mean()), "the divergence has the wrong sign"),
    "nothing": (_total(lambda f, r: f.mean()), "there is no divergence from the prior"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_convention_fails(name: str) -> None:
    methods, words = WRONG[name]
    report = audited(with_methods(**methods), "formula")
    assert report.failed == ("formula",)
    assert words in report["formula"].statement


UNKNOWN: dict[str, Any] = {
    "two slopes": _rate(lambda kl: (kl + 2 * (kl - 1).relu()).sum(1)),
    "two thresholds": _rate(lambda kl: kl.clamp_min(0.3).clamp_max(3).sum(1)),
    "a smooth bend": _rate(lambda kl: torch.nn.functional.softplus(kl - 1).sum(1)),
    "a threshold for each latent": _rate(
        lambda kl: kl.maximum(torch.tensor([0.3, 0.6], dtype=kl.dtype)).sum(1)
    ),
    "another KL": {"rate": lambda self, m, s, z: (each(m, s) + 0.1 * m).clamp_min(0.5).sum(1)},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_bends_otherwise_is_not_recognised(name: str) -> None:
    assert formula(UNKNOWN[name]).kind == "NOT RECOGNISED"


def test_a_threshold_below_all_designs_shows_near_the_prior() -> None:
    tiny = with_methods(rate=lambda self, m, s, z: each(m, s).sum(1).mean().clamp_min(0.0002))
    report = audited(tiny, claim="-elbo")
    assert report.failed == ("extremes",), str(report)
    assert "does not hold at the prior, almost" in report["extremes"].statement


def test_bugs_beside_free_bits_are_seen() -> None:
    bits = _rate(lambda kl: kl.clamp_min(0.25).sum(1))
    cut = {"sample": lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach()}
    assert audited(with_methods(**bits, **cut)).failed == ("gradient",)
    wide = {"sample": lambda self, m, s: m + 1.5 * torch.randn_like(m) * (s / 2).exp()}
    assert audited(with_methods(**bits, **wide), draws=200).failed == ("noise",)


def test_a_declared_variance_is_compared_beside_free_bits() -> None:
    methods = _rate(lambda kl: kl.clamp_min(0.25).sum(1))
    assert formula(methods, likelihood=Declared("gaussian", variance=0.5)).kind == "FREE BITS"
    other = audited(with_methods(**methods), "formula", likelihood=Declared("gaussian", variance=0.3))
    assert other.failed == ("formula",)


AGGREGATES: dict[str, Any] = {
    "codes": lambda m, s, z: (z.mean(0), z.var(0, correction=0)),
    "codes, unbiased": lambda m, s, z: (z.mean(0), z.var(0)),
    "posteriors": lambda m, s, z: (m.mean(0), s.exp().mean(0) + m.var(0, correction=0)),
}


@pytest.mark.parametrize("name", AGGREGATES)
def test_a_kl_of_the_batch_passes_as_a_loss_and_as_no_bound(name: str) -> None:
    def rate(self: Small, m: Tensor, s: Tensor, z: Tensor) -> Tensor:
        mean, variance = AGGREGATES[name](m, s, z)
        value: Tensor = (mean**2 + variance - 1 - variance.log()).sum() / 2
        return value

    found = formula({"rate": rate}, Drawn)
    assert found.kind == "AGGREGATE"
    assert f"a Gaussian fitted to the {name.split(',')[0]} of the batch" in found.sentence
    assert ("unbiased" in found.sentence) == ("unbiased" in name)
    assert audited(with_methods(rate=rate), "formula", claim="-elbo").failed == ("formula",)


def test_an_autoencoder_with_a_kl_of_the_batch_is_not_accused_of_having_no_noise() -> None:
    def rate(self: Small, m: Tensor, s: Tensor, z: Tensor) -> Tensor:
        mean, variance = AGGREGATES["codes"](m, s, z)
        value: Tensor = (mean**2 + variance - 1 - variance.log()).sum() / 2
        return value

    report = audited(with_methods(rate=rate, sample=lambda self, m, s: m + 0.1 * torch.randn_like(m)))
    assert report.failed == (), str(report)
