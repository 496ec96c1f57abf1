"""What is replaced is put back; what keeps a state, samples in eval or needs the batch is said."""

import copy
import math
import types
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from elboproof.audit import Adapter, Declared, UsageError, audit
from elboproof.objectives.contract import log_density
from tests.audit.small import DRAWS, LATENTS, PIXELS, Drawn, Small, adapter_of, audited, data, with_methods


class Stateful(Small):
    """Counts its calls, warms its divergence up, and draws from a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.history = 0, [1.0]
        self.own = torch.Generator().manual_seed(5)
        self.norm = nn.BatchNorm1d(PIXELS)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return super().encode(self.norm(x))

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        noise = torch.randn(mean.shape, generator=self.own, dtype=mean.dtype)
        return mean + noise * (s / 2).exp()

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        self.calls += 1
        self.history.append(float(self.calls))
        return (fit + min(1.0, self.calls / 50) * rate).mean()


def _everything(model: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {name: value.clone() for name, value in model.state_dict().items()}
    plain = {
        name: copy.copy(value) for name, value in vars(model).items() if isinstance(value, int | float | list)
    }
    return found | plain | {"keys": sorted(vars(model)), "modules": [one.training for one in model.modules()]}


def test_the_model_is_bitwise_unchanged() -> None:
    torch.manual_seed(0)
    model = Stateful()
    model.decoder.eval()
    model.encoder.weight.grad = torch.ones_like(model.encoder.weight)
    before, pointers = _everything(model), {name: one.data_ptr() for name, one in model.named_parameters()}
    generators = torch.get_rng_state(), model.own.get_state()
    report = audit(adapter_of(model), draws=DRAWS)
    after = _everything(model)
    assert before.keys() == after.keys()
    for name, value in before.items():
        same = torch.equal(value, after[name]) if isinstance(value, Tensor) else value == after[name]
        assert same, name
    assert {name: one.data_ptr() for name, one in model.named_parameters()} == pointers
    assert model.encoder.weight.grad.dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert torch.equal(model.own.get_state(), generators[1])
    assert torch.get_default_dtype() == torch.float32
    assert report.ok, str(report)


def test_a_counter_is_named_and_put_back() -> None:
    report = audited(Stateful(), "state", "formula", "batch")
    assert report["state"].outcome == "note"
    assert "Stateful.calls" in report["state"].statement
    assert report["formula"].outcome == "ok"
    assert report["batch"].outcome == "note"  # statistics of the batch, in train()


def test_a_state_in_a_closure_is_put_back() -> None:
    model, calls = Small(), [0]

    def loss(x: Tensor) -> Any:
        calls[0] += 1
        return model.loss(x) * (1 + calls[0] / 100)

    adapter = Adapter(loss, data(), (model, "encode"), (model, "decode"))
    report = audit(adapter, draws=DRAWS, checks=["state", "formula"])
    assert report["state"].outcome == "note"
    assert report.formula is not None
    assert report.formula.kind == "UP TO SCALE"
    assert calls == [0]


def test_no_noise_in_eval_fails() -> None:
    def sample(self: Small, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (s / 2).exp() if self.training else mean

    model = with_methods(sample=sample)
    report = audited(model, "mode")
    assert report.failed == ("mode",)
    assert report["mode"].hints[0].startswith("M12")
    assert model.training
    assert audited(Small(), "mode")["mode"].outcome == "ok"


def test_a_batch_that_stays_coupled_in_eval_fails() -> None:
    model = with_methods(encode=lambda self, x: Small.encode(self, x - x.mean(0)))
    assert audited(model, "batch").failed == ("batch",)


def test_an_encoder_that_draws_is_not_accused_of_mixing_its_batch() -> None:
    """A denoising encoder adds noise to each datum: in batches of two sizes it is other noise."""
    model = with_methods(encode=lambda self, x: Small.encode(self, x + 0.1 * torch.randn_like(x)))
    report = audited(model)
    assert report.failed == (), str(report)
    assert report["batch"].outcome == "unknown"
    assert "changes from call to call" in report["batch"].statement


class Clamped(Small):
    """The draw's log variance is clamped, that of the divergence is not."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return super().sample(mean, s.clamp(-10, 5))


def test_a_clamp_shows_at_the_extremes() -> None:
    report = audited(Clamped(), "formula", "extremes")
    assert report["formula"].outcome == "ok"
    assert report.failed == ("extremes",)
    model = with_methods(rate=lambda self, m, s, z: (m**2 + s.exp() - 1 - (s.exp() + 1e-8).log()).sum(-1) / 2)
    near = audited(model, "formula", "extremes")  # below what a formula must agree to, but for tiny variances
    assert near["formula"].outcome == "ok"
    assert near["extremes"].outcome == "note"
    assert audited(model, "extremes", claim="-elbo").failed == ("extremes",)
    assert audited(Small(), "extremes")["extremes"].outcome == "ok"


def test_a_tap_that_never_fires_is_wrong_use() -> None:
    model, other = Small(), Small()
    with pytest.raises(UsageError, match="encode: the tap never fired"):
        audit(Adapter(model.loss, data(), (other, "encode"), (model, "decode")))
    with pytest.raises(UsageError, match="decode: the tap never fired"):
        audit(Adapter(model.loss, data(), (model, "encode"), other.decoder))
    assert "encode" not in vars(other)
    assert "forward" not in vars(other.decoder)


def test_an_error_of_the_users_code_is_shown_and_is_no_verdict() -> None:
    model = with_methods(fit=lambda self, x, o: x.cuda_please())
    report = audited(model)
    assert report.status == "could not run"
    assert "cuda_please" in report.results[0].trace
    assert report.results[0].verdict.status == "undecided"
    assert not report.ok


class Inline(nn.Module):
    """No methods: an encoder of two modules and a law, in the loss itself."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(PIXELS, 5)
        self.mean, self.raw = nn.Linear(5, LATENTS), nn.Linear(5, LATENTS)
        self.decoder = nn.Sequential(nn.Linear(LATENTS, PIXELS), nn.Sigmoid())

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = self.trunk(x).tanh()
        q = Independent(Normal(self.mean(h), nn.functional.softplus(self.raw(h))), 1)
        z = q.rsample()
        p = Independent(Normal(self.decoder(z), 0.3), 1)
        prior = Independent(Normal(torch.zeros(LATENTS), torch.ones(LATENTS)), 1)
        return {"other": z.sum(), "loss": (kl_divergence(q, prior) - log_density(p, x)).mean()}


def test_inline_encoders_modules_and_dictionaries() -> None:
    model = Inline()
    adapter = Adapter(model, data("unit"), [model.mean, model.raw], model.decoder, claim="-elbo")
    report = audit(adapter, draws=DRAWS)
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.parameter == "softplus deviation"
    assert report.formula.variance == pytest.approx(0.09)
    assert report.sizes["ranges"] == ["unit"]


def test_laws_as_outputs_and_functions_of_a_space() -> None:
    space = types.SimpleNamespace()
    weight = torch.randn(PIXELS, LATENTS, generator=torch.Generator().manual_seed(0))
    space.encode = lambda x: Normal(x @ weight.to(x), (x @ weight.to(x)).exp())
    space.decode = lambda z: Normal(z @ weight.T.to(z), torch.full((PIXELS,), 0.7, dtype=z.dtype))

    def loss(x: Tensor) -> Tensor:
        q = space.encode(x)
        z = q.rsample()
        prior = Normal(torch.zeros_like(z), torch.ones_like(z))
        rate = log_density(q, z) - log_density(prior, z)
        return rate.sum(1) - log_density(space.decode(z), x).sum(1)

    report = audit(Adapter(loss, data(), (space, "encode"), (space, "decode"), claim="-elbo"), draws=DRAWS)
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert (report.formula.parameter, report.formula.reduction) == ("deviation", "per datum")


class Conv(nn.Module):
    """Images, latents of several axes, one output of the encoder that holds both halves."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(1, 4, 2, 2), nn.ConvTranspose2d(2, 1, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        mean, s = self.encoder(x).chunk(2, 1)
        out = self.decoder(mean + torch.randn_like(mean) * (s / 2).exp())
        rate = (mean**2 + s.exp() - 1 - s).sum() / 2
        value: Tensor = ((x - out) ** 2).sum() / 2 + rate + len(x) * 8 * math.log(2 * math.pi)
        return value


def test_images_and_latents_with_axes() -> None:
    model = Conv()
    x = torch.randn(12, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    report = audit(Adapter(model, x, model.encoder, model.decoder, claim="-elbo"), draws=DRAWS)
    assert report.status == "passed", str(report)
    assert (report.sizes["D"], report.sizes["d"], report.sizes["K"]) == (16, 8, 1)


def test_conditions_travel_with_the_data() -> None:
    model = Small()
    model.decoder = nn.Linear(LATENTS + 1, PIXELS)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        mean, s = model.encode(x)
        z = model.sample(mean, s)
        out = model.decode(torch.cat([z, y[:, None]], 1))
        return model.total(model.fit(x, out), model.rate(mean, s, z))

    adapter = Adapter(loss, (data(), torch.arange(12.0)), (model, "encode"), (model, "decode"), claim="-elbo")
    assert audit(adapter, draws=DRAWS).status == "passed"


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"loss": 3}, TypeError, "loss: got 3"),
        ({"data": torch.zeros(4)}, ValueError, "data: .*N >= 2"),
        ({"data": torch.full((4, 2), float("nan"))}, ValueError, "data: .*finite"),
        ({"data": [1, 2]}, TypeError, "data: got 1"),
        ({"encode": 3}, TypeError, "encode: got 3"),
        ({"encode": (Small(), "nothing")}, ValueError, "encode: got 'nothing'"),
        ({"decode": [nn.Linear(1, 1), nn.Linear(1, 1)]}, TypeError, "decode: got"),
        ({"claim": "elbo"}, ValueError, "claim: got 'elbo'"),
        ({"data_support": "integers"}, ValueError, "data_support: got"),
        ({"likelihood": "gaussian"}, TypeError, "likelihood: got"),
    ],
)
def test_wrong_adapters_are_refused(changes: dict[str, Any], error: type[Exception], match: str) -> None:
    model = Small()
    given: dict[str, Any] = {
        "loss": model.loss,
        "data": data(),
        "encode": (model, "encode"),
        "decode": (model, "decode"),
    } | changes
    with pytest.raises(error, match=match):
        Adapter(**given)


def test_wrong_declarations_and_options_are_refused() -> None:
    with pytest.raises(ValueError, match="family: got 'cauchy'"):
        Declared("cauchy")
    with pytest.raises(ValueError, match="variance: got 1"):
        Declared("bernoulli", variance=1)
    with pytest.raises(ValueError, match="variance: got -1"):
        Declared("gaussian", variance=-1.0).spread()
    with pytest.raises(TypeError, match="adapter: got 3"):
        audit(3)  # type: ignore[arg-type]
    for name, value in {"seed": -1, "alpha": 2.0, "draws": 1, "checks": ["gradients"]}.items():
        with pytest.raises(ValueError, match=f"{name}: got"):
            audit(adapter_of(Small()), **{name: value})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected a scalar or one value each"):
        audited(with_methods(total=lambda self, f, r: (f + r)[:, None].expand(-1, 3)))


def test_losses_that_differentiate_inside() -> None:
    def loss(self: Small, x: Tensor) -> Tensor:
        mean, s = self.encode(x)
        z = self.sample(mean, s)
        out = self.decode(z)
        slope = torch.autograd.grad(out.sum(), z, create_graph=True)[0]
        return self.total(self.fit(x, out) + 0 * slope.sum(1), self.rate(mean, s, z))

    assert audited(with_methods(Drawn, loss=loss), claim="-elbo").status == "passed"


class Single(Small):
    """Casts to float32, whatever comes in."""

    def loss(self, x: Tensor) -> Any:
        mean, s = (one.float() for one in self.encode(x))
        z = self.sample(mean, s)
        return self.total(self.fit(x.float(), self.decode(z).float()), self.rate(mean, s, z))


def test_single_precision_inside_is_allowed_for() -> None:
    report = audited(Single(), claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == "EXACT"
    assert 1e-8 < report.formula.residual < 1e-5


def test_bugs_show_in_single_precision() -> None:
    wrong = type("Wrong", (Single,), {"rate": lambda self, m, s, z: (m**2 + s.exp() - 1).sum(-1) / 2})
    assert audited(wrong(), "formula").failed == ("formula",)
    cut = type(
        "Cut", (Single,), {"sample": lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach()}
    )
    assert audited(cut(), "gradient").failed == ("gradient",)
