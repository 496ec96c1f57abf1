"""Several samples of a datum, and flows: recognised exactly, with the slips named."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.audit.audited import adapter_of
from benchmarks.audit.instances import build
from benchmarks.audit.more import Auxiliary
from elboproof.audit import audit
from tests.audit.small import DRAWS, LOG_2PI, Drawn, Small, Weighted, audited, with_methods


def test_the_importance_weighted_bound_is_exact() -> None:
    report = audited(Weighted(), claim="-iwae")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == "EXACT"
    assert report.formula.variance == pytest.approx(0.5)
    assert report["gradient"].statistic < 1e-10


def _losses(value: Any) -> Any:
    return {"total": lambda self, f, r: value(f + r)}


SLIPS: dict[str, Any] = {
    "log K lost": (lambda v: -(-v).logsumexp(0).mean(), "log 4"),
    "over the data": (lambda v: (math.log(v.shape[1]) - (-v).logsumexp(1)).mean(), "over the data"),
    "the best": (lambda v: v.amin(0).mean(), "best sample"),
    "worst first": (lambda v: (v.softmax(0) * v).sum(0).mean(), "worst sample"),
    "other sign": (lambda v: (v.logsumexp(0) - math.log(4)).mean(), "sign inside"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_slips_in_the_combination_fail(name: str) -> None:
    value, words = SLIPS[name]
    report = audited(with_methods(Weighted, **_losses(value)), "samples")
    assert report.failed == ("samples",)
    assert words in report["samples"].statement


def test_a_surrogate_passes_as_a_loss_and_fails_as_a_bound() -> None:
    model = with_methods(Weighted, **_losses(lambda v: ((-v).softmax(0).detach() * v).sum(0).mean()))
    report = audited(model, "samples", "gradient")
    assert report.ok, str(report)
    assert report.formula is not None
    assert report.formula.kind == "GRADIENT SURROGATE"
    assert audited(model, "samples", claim="-iwae").failed == ("samples",)


def test_a_surrogate_whose_weights_are_not_detached_has_another_gradient() -> None:
    model = with_methods(Weighted, **_losses(lambda v: ((-v).softmax(0) * v).sum(0).mean()))
    assert audited(model, "gradient").failed == ("gradient",)


def test_a_closed_form_in_the_weights_is_named() -> None:
    model = with_methods(Weighted, rate=lambda self, m, s, z: Small.rate(self, m, s, z))
    report = audited(model, "samples")
    assert report.failed == ("samples",)
    assert report["samples"].hints[0].startswith("M46")


class BatchFirst(Weighted):
    """Samples flat, beside each other for a datum."""

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        mean, s, x = (one.repeat_interleave(4, 0) for one in (mean, s, x))
        z = mean + torch.randn_like(mean) * (s / 2).exp()
        losses = self.fit(x, self.decode(z)) + self.rate(mean, s, z)
        return (math.log(4) - (-losses.reshape(-1, 4)).logsumexp(1)).mean()


class Tiled(Weighted):
    """Samples flat, the batch repeated before the encoder."""

    def loss(self, x: Tensor) -> Any:
        x = x.repeat(4, 1)
        mean, s = self.encode(x)
        z = mean + torch.randn_like(mean) * (s / 2).exp()
        losses = self.fit(x, self.decode(z)) + self.rate(mean, s, z)
        return (math.log(4) - (-losses.reshape(4, -1)).logsumexp(0)).mean()


class OneByOne(Weighted):
    """The decoder is called once for each sample."""

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        losses = []
        for _ in range(4):
            z = mean + torch.randn_like(mean) * (s / 2).exp()
            losses.append(self.fit(x, self.decode(z)) + self.rate(mean, s, z))
        return (math.log(4) - (-torch.stack(losses)).logsumexp(0)).mean()


@pytest.mark.parametrize("model", [BatchFirst, Tiled, OneByOne])
def test_samples_are_found_in_any_order_of_axes(model: type[Small]) -> None:
    report = audited(model(), "samples", "noise", claim="-iwae")
    assert report.status == "passed", str(report)


class Flow(Drawn):
    """A coupling flow behind the draw."""

    sign, summed = -1.0, False

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        base = self.sample(mean, s)
        scale = 0.5 * torch.tanh(base[:, 0])
        z = torch.stack([base[:, 0], base[:, 1] * scale.exp() + 0.3 * base[:, 0]], 1)
        log_q = -((base - mean) ** 2 / s.exp() + s + LOG_2PI).sum(1) / 2
        log_q = log_q + self.sign * (scale.sum() if self.summed else scale)
        return self.total(self.fit(x, self.decode(z)), log_q + (z**2 + LOG_2PI).sum(1) / 2)


def test_a_flow_is_exact() -> None:
    report = audited(Flow(), claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == "EXACT"


def test_slips_of_a_flow_are_named() -> None:
    wrong = audited(type("Wrong", (Flow,), {"sign": 1.0})(), "formula")
    assert "log determinant has weight 1 where -1 is expected" in wrong["formula"].statement
    mixed = audited(type("Mixed", (Flow,), {"summed": True})(), "formula")
    assert mixed.formula is not None
    assert mixed.formula.kind == "MIXED REDUCTION"


class Odd(Drawn):
    """A divergence outside the dictionary that is a normalised q: z = mean + deviation (eps + eps^3 / 9)."""

    extra = 0.0

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        eps = torch.randn_like(mean)
        z = mean + (s / 2).exp() * (eps + eps**3 / 9)
        log_q = (-(eps**2) / 2 - s / 2 - LOG_2PI / 2 - (1 + eps**2 / 3).log()).sum(1)
        rate = log_q + (z**2 + LOG_2PI).sum(1) / 2
        return self.total(self.fit(x, self.decode(z)), rate + self.extra)


def test_the_evidence_of_a_normalised_q_outside_the_dictionary() -> None:
    report = audited(Odd(), "formula", "evidence", claim="-elbo")
    assert report["formula"].outcome == "unknown"
    assert report["evidence"].outcome == "ok", str(report)
    wrong = audited(type("Wrong", (Odd,), {"extra": 0.5})(), "evidence", claim="-elbo")
    assert wrong["evidence"].outcome == "fails", str(wrong)
    assert "constant" in wrong["evidence"].statement


def test_the_evidence_of_auxiliary_variables_is_that_of_a_standard_prior() -> None:
    report = audit(adapter_of(build(Auxiliary), "-elbo"), draws=DRAWS, checks=["formula", "evidence"])
    assert report.failed == ()
    assert report["formula"].outcome == "unknown"
    assert report["evidence"].outcome == "ok", str(report)
    assert "over p(x) of a standard normal prior" in report["evidence"].statement
