"""Encoders that sample inside: their heads are found by how z moves with them, or asked for."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from elboproof.audit import Adapter, UsageError, audit
from tests.audit.small import DRAWS, LATENTS, PIXELS, Small, data


class SamplesInside(Small):
    """An encoder that returns its draw and the KL, and neither mean nor s."""

    factor = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(PIXELS, LATENTS)  # as wide as z, and no head
        self.s, self.mean = nn.Linear(LATENTS, LATENTS), nn.Linear(LATENTS, LATENTS)

    def encode(self, x: Tensor) -> Any:
        h = self.trunk(x).tanh()
        s, mean = self.s(h), self.mean(h)
        z = mean + torch.randn_like(mean) * (self.factor * s).exp()
        return self.returned(z, mean, s)

    def returned(self, z: Tensor, mean: Tensor, s: Tensor) -> Any:
        return z, self.rate(mean, s, z)

    def loss(self, x: Tensor) -> Any:
        z, rate = self.encode(x)
        return self.total(self.fit(x, self.decode(z)), rate)


class Three(SamplesInside):
    """The usual triple."""

    def returned(self, z: Tensor, mean: Tensor, s: Tensor) -> Any:
        return z, mean, s

    def loss(self, x: Tensor) -> Any:
        z, mean, s = self.encode(x)
        return self.total(self.fit(x, self.decode(z)), self.rate(mean, s, z))


class OneHead(SamplesInside):
    """Mean and s are halves of what one module returns; z alone comes out, the rest is kept aside."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Linear(PIXELS, 2 * LATENTS)

    def encode(self, x: Tensor) -> Any:
        mean, s = self.both(x).chunk(2, -1)
        self.kept = mean, s
        return mean + torch.randn_like(mean) * (self.factor * s).exp()

    def loss(self, x: Tensor) -> Any:
        z = self.encode(x)
        return self.total(self.fit(x, self.decode(z)), self.rate(*self.kept, z))


class Softplus(SamplesInside):
    """The deviation leaves a Sequential that ends in a softplus."""

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Sequential(nn.Linear(LATENTS, LATENTS), nn.Softplus())  # type: ignore[assignment]

    def encode(self, x: Tensor) -> Any:
        h = self.trunk(x).tanh()
        s, mean = self.s(h), self.mean(h)
        return self.returned(mean + torch.randn_like(mean) * s ** (2 * self.factor), mean, s)

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return super().rate(mean, 2 * s.log(), z)


HEADS = {SamplesInside: ["mean", "s"], Three: ["mean", "s"], OneHead: ["both"], Softplus: ["mean", "s"]}


@pytest.mark.parametrize("model_class", HEADS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_the_heads_are_found_and_the_draw_stays_the_users(model_class: type[Any], factor: float) -> None:
    torch.manual_seed(0)
    model = model_class()
    model.factor = factor
    hooks = [dict(one._forward_hooks) for one in model.modules()]
    report = audit(Adapter(model.loss, data(), (model, "encode"), (model, "decode")), draws=DRAWS)
    assert report.sizes.get("heads") == HEADS[model_class]
    assert f"tapped at its modules {', '.join(HEADS[model_class])}" in str(report)
    assert [dict(one._forward_hooks) for one in model.modules()] == hooks
    assert report.formula is not None
    assert (report.formula.kind == "EXACT" and not report.failed) == (factor == 0.5), str(report)
    assert factor == 0.5 or set(report.failed) & {"formula", "noise"}


def test_the_heads_that_are_found_are_those_that_one_would_name() -> None:
    torch.manual_seed(0)
    model = SamplesInside()
    named = Adapter(model.loss, data(), [model.mean, model.s], (model, "decode"))
    found = audit(Adapter(model.loss, data(), (model, "encode"), (model, "decode")), checks=["formula"])
    assert audit(named, checks=["formula"]).formula == found.formula
    assert "heads" not in audit(named, checks=["state"]).sizes


class Inline(Three):
    """s is no module's output, and z moves with what the trunk returns, of the same shape."""

    def encode(self, x: Tensor) -> Any:
        h = self.trunk(x)
        s, mean = h @ torch.ones(LATENTS, LATENTS, dtype=h.dtype), self.mean(h)
        return mean + torch.randn_like(mean) * (s / 2).exp(), mean, s


class WithoutGradient(Three):
    """The draw has no gradient, so that nothing says what it was drawn of."""

    def encode(self, x: Tensor) -> Any:
        z, mean, s = super().encode(x)
        return z.detach(), mean, s


@pytest.mark.parametrize("model_class", [Inline, WithoutGradient])
def test_what_is_not_found_is_asked_for(model_class: type[Any]) -> None:
    model = model_class()
    with pytest.raises(UsageError, match=r"seems to sample inside.*tap what computes them"):
        audit(Adapter(model.loss, data(), (model, "encode"), (model, "decode")))


def test_an_encoder_that_is_no_part_of_a_module_is_asked_for_its_mean_and_s() -> None:
    model = Three()

    class Plain:
        encode = staticmethod(model.encode)

    space = Plain()

    def loss(x: Tensor) -> Any:
        z, mean, s = space.encode(x)
        return model.total(model.fit(x, model.decode(z)), model.rate(mean, s, z))

    with pytest.raises(UsageError, match=r"encode: its output holds tensors .* expected mean and s"):
        audit(Adapter(loss, data(), (space, "encode"), (model, "decode")))
