"""Diagnostics of an adapter: those of the same model written down by hand, and nothing where nothing is known."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from elboproof.audit import (
    Adapter,
    Declared,
    Diagnostics,
    Fitted,
    UsageError,
    trained,
    trained_law,
    trained_run,
)
from elboproof.audit.logits import without_sigmoid
from elboproof.networks import BernoulliLikelihood, GaussianLikelihood
from tests.audit.small import LATENTS, LOG_2PI, PIXELS, Small, Weighted, adapter_of, data, with_methods
from tests.seeding import Seeded, falsification

OPTIONS: dict[str, Any] = {"rows": 3, "draws": 4, "seconds": 20.0}


class Bits(Small):
    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(out, x, reduction="none").sum(-1)


class Probabilities(Small):
    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))

    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        return binary_cross_entropy(out, x, reduction="none").sum(-1)


class Sigmoids(Small):
    """A Gaussian around the sigmoid of the outputs."""

    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        return super().fit(x, torch.sigmoid(out))


class Learned(Small):
    """One variance for each pixel, a parameter of the decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.linspace(-1, 1, PIXELS))

    def decode(self, z: Tensor) -> Any:
        return self.decoder(z), self.spread.expand(len(z), PIXELS)

    def fit(self, x: Tensor, out: Any) -> Tensor:
        mean, s = out
        total: Tensor = ((x - mean) ** 2 / s.exp() + s + LOG_2PI).sum(-1) / 2
        return total


class Deviations(Small):
    """s is a log deviation."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * s.exp()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return (mean**2 + (2 * s).exp() - 1 - 2 * s).sum(-1) / 2


class Laplace(Small):
    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        return ((x - out).abs() / 0.7).sum(-1) + PIXELS * math.log(1.4)


def _by_hand(model: Small, kind: str, decode: Any, likelihood: Any, factor: float = 1.0) -> Diagnostics:
    x = data(kind).double()
    double = {name: value.double() for name, value in model.state_dict().items()}
    mean, s = (x @ double["encoder.weight"].T + double["encoder.bias"]).chunk(2, -1)

    def decoded(z: Tensor) -> Tensor:
        out: Tensor = decode(z @ double["decoder.weight"].T + double["decoder.bias"])
        return out

    return trained(Fitted(x, mean, factor * s, decoded, likelihood), **OPTIONS)


def _law_of_laplace(x: Tensor, out: Tensor) -> Tensor:
    law: Any = torch.distributions.Laplace(out, torch.tensor(0.7, dtype=torch.float64))
    total: Tensor = law.log_prob(x.expand(out.shape)).sum(-1)
    return total


def identity(value: Tensor) -> Tensor:
    return value


SPREAD = torch.linspace(-1, 1, PIXELS).double().exp()
MODELS: dict[str, tuple[type[Small], str, Any, Any, float]] = {
    "Gaussian": (Small, "real", identity, GaussianLikelihood(0.5), 1.0),
    "Bernoulli of logits": (Bits, "binary", identity, BernoulliLikelihood(), 1.0),
    "Bernoulli": (Probabilities, "binary", identity, BernoulliLikelihood(), 1.0),
    "a sigmoid in the loss": (Sigmoids, "unit", torch.sigmoid, GaussianLikelihood(0.5), 1.0),
    "learned variances": (Learned, "real", identity, GaussianLikelihood(SPREAD), 1.0),
    "log deviations": (Deviations, "real", identity, GaussianLikelihood(0.5), 2.0),
    "Laplace": (Laplace, "real", identity, _law_of_laplace, 1.0),
    "importance weighted": (Weighted, "real", identity, GaussianLikelihood(0.5), 1.0),
}
"""Class, data, what is taken of the linear decoder's outputs, likelihood, and log variance over s."""
PROVED = {
    "Gaussian",
    "Bernoulli of logits",
    "Bernoulli",
    "a sigmoid in the loss",
    "log deviations",
    "importance weighted",
}


def _agrees(name: str) -> None:
    """Assert that the diagnostics of an adapter are those of the same model written down by hand."""
    kind, support, decode, law, factor = MODELS[name]
    model = with_methods(kind)
    found, truth = (
        trained(adapter_of(model, support), **OPTIONS),
        _by_hand(model, support, decode, law, factor),
    )
    assert found.sizes == (12, PIXELS, LATENTS)
    for one in truth.items:
        other = found[one.name]
        if one.kind == "estimate" and other.kind == "proved":
            assert other.value == pytest.approx(one.value, abs=other.error + 6 * one.error + 0.01), one.name
        elif one.kind == "none":
            assert (other.kind, other.status) == (one.kind, one.status)
        else:
            assert other.value == pytest.approx(one.value, rel=1e-6, abs=1e-6), one.name
    assert (found["evidence"].kind == "proved") == (name in PROVED)


def _state(model: nn.Module) -> dict[str, Any]:
    return {
        name: (value.data_ptr(), value.dtype, value.clone()) for name, value in model.state_dict().items()
    }


def test_the_model_is_bitwise_what_it_was() -> None:
    model = with_methods()
    model.train()
    torch.manual_seed(5)
    before, state = _state(model), torch.get_rng_state()
    attributes = {name: id(value) for name, value in vars(model).items()}
    trained(adapter_of(model), **OPTIONS)
    after = _state(model)
    for name, (place, dtype, value) in before.items():
        assert after[name][:2] == (place, dtype)
        assert torch.equal(after[name][2], value)
    assert all(part.training for part in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert {name: id(value) for name, value in vars(model).items()} == attributes
    assert all(parameter.grad is None for parameter in model.parameters())


def dropout_is_looked_at_in_evaluation() -> None:
    model = with_methods()
    plain = trained(adapter_of(model), **OPTIONS)
    model.encoder = nn.Sequential(model.encoder, nn.Dropout(0.5))  # type: ignore[assignment]
    found = trained(adapter_of(model), **OPTIONS)
    assert found["rate"].value == plain["rate"].value
    assert model.encoder.training


def test_a_module_can_be_the_tap_and_its_images_are_flattened() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 2 * LATENTS))
    decoder = nn.Sequential(nn.Linear(LATENTS, PIXELS), nn.Unflatten(1, (1, 2, 3)))

    def loss(x: Tensor) -> Tensor:
        mean, s = encoder(x).chunk(2, 1)
        out = decoder(mean + torch.randn_like(mean) * (s / 2).exp())
        total: Tensor = ((x - out) ** 2).sum() + (mean**2 + s.exp() - 1 - s).sum() / 2
        return total

    found = trained(Adapter(loss, data().reshape(-1, 1, 2, 3), encoder, decoder), **OPTIONS)
    assert found.sizes == (12, PIXELS, LATENTS)
    assert found["evidence"].kind in ("proved", "estimate")
    assert found["reconstruction"].kind == "estimate"


class Conditional(Small):
    """The decoder knows x, too."""

    def loss(self, x: Tensor) -> Tensor:
        mean, s = self.encode(x)
        out = self.joined(self.sample(mean, s), x)
        return self.total(self.fit(x, out), self.rate(mean, s, mean))

    def joined(self, z: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.decoder(z) + 0.1 * x.flip(0)
        return out


class Coupled(Small):
    """The decoder looks at the whole batch."""

    def decode(self, z: Tensor) -> Tensor:
        out: Tensor = self.decoder(z) + self.offset
        self.offset = self.offset + 1.0
        return out

    offset = 0.0


class Odd(Small):
    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        return ((x - out) ** 4).sum(-1)


def _of(model: Small, tap: str = "decode", kind: str = "real", **options: Any) -> Adapter:
    return Adapter(model.loss, data(kind), (model, "encode"), (model, tap), **options)


UNKNOWN: dict[str, tuple[Adapter, str]] = {
    "conditional": (_of(with_methods(Conditional), "joined"), "the decoder is called with more than z"),
    "stateful": (_of(with_methods(Coupled)), "the decoder's outputs depend on more than z"),
    "no law": (_of(with_methods(Odd)), r"NOT RECOGNISED: no likelihood is known; .*audit.Declared"),
    "grey": (_of(with_methods(Bits), kind="unit"), "a Bernoulli likelihood of grey values is no density"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_said_and_the_posteriors_are_looked_at(name: str) -> None:
    import re

    adapter, words = UNKNOWN[name]
    found = trained(adapter, **OPTIONS)
    assert found["ELBO"].kind == "none"
    assert re.search(words, found["ELBO"].status)
    assert found["rate"].value > 0
    assert found["information"].kind == "estimate"
    with pytest.raises(KeyError, match="'evidence'"):
        found["evidence"]


def test_a_declared_likelihood_takes_the_place_of_an_unknown_one() -> None:
    model = with_methods(Odd)
    found = trained(adapter_of(model, likelihood=Declared("gaussian", variance=0.5)), **OPTIONS)
    truth = _by_hand(model, "real", identity, GaussianLikelihood(0.5))
    assert found["ELBO"].value == pytest.approx(truth["ELBO"].value, rel=1e-9)
    free = trained(adapter_of(model, likelihood=Declared("gaussian")), **OPTIONS)
    assert free["noise ratio"].value == pytest.approx(1.0, abs=0.2)


class Flow(Small):
    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        z = super().sample(mean, s)
        return z + torch.tanh(z)


class Noiseless(Small):
    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean * torch.rand_like(mean)

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return (mean**4).sum(-1)


@pytest.mark.parametrize(
    ("adapter", "words"),
    [
        (_of(with_methods(Flow)), "a flow stands between the draw and the decoder; expected a Gaussian q"),
        (_of(with_methods(Noiseless)), "what s is cannot be told from the loss"),
        (
            Adapter(with_methods().loss, data(), nn.Linear(6, 4), nn.Linear(2, 6)),
            "encode: the tap never fired",
        ),
    ],
    ids=["flow", "no sample", "dead tap"],
)
def test_what_is_no_gaussian_encoder_is_refused(adapter: Adapter, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        trained(adapter, **OPTIONS)


def test_data_beside_an_adapter_are_refused() -> None:
    with pytest.raises(TypeError, match=r"x: .*expected nothing beside an adapter, which has its data"):
        trained(adapter_of(with_methods()), data())
    call: Any = trained
    with pytest.raises(TypeError, match=r"got an argument 'draw'; expected .*did you mean draws?"):
        call(adapter_of(with_methods()), draw=3)


Z = torch.linspace(-3, 3, 8)[:, None]


class Late(nn.Module):
    """Something happens after the sigmoid."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z) * 0.5


class Twice(nn.Module):
    """The probabilities are used twice."""

    def forward(self, z: Tensor) -> Tensor:
        p = torch.sigmoid(z)
        return p + 0 * p


ENDINGS: dict[str, tuple[nn.Module, bool]] = {
    "a layer": (nn.Sequential(nn.Linear(1, 3), nn.Sigmoid()), True),
    "flattened": (nn.Sequential(nn.Linear(1, 4), nn.Unflatten(1, (2, 2)), nn.Sigmoid(), nn.Flatten()), True),
    "no sigmoid": (nn.Linear(1, 3), False),
    "late": (Late(), False),
    "twice": (Twice(), False),
    "a sigmoid inside": (nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 2)), False),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_last_sigmoid_is_taken_away_and_no_other(name: str) -> None:
    module, taken = ENDINGS[name]
    logits = without_sigmoid(module)
    assert (logits is not None) == taken
    if logits is not None:
        torch.testing.assert_close(torch.sigmoid(logits(Z)), module(Z))


CHECKS: dict[str, Callable[[], object]] = {
    **{name: partial(_agrees, name) for name in MODELS},
    "dropout": dropout_is_looked_at_in_evaluation,
}
BUGS = {
    "a variance that is not read": Seeded(
        trained_law, "_recognised", "GaussianLikelihood(spread), mean)", "GaussianLikelihood(1.0), mean)",
        ("Gaussian", "importance weighted"),
    ),
    "a mean without its sigmoid": Seeded(
        trained_law, "_recognised", "mean = MEANS[name]()", "mean = torch.nn.Identity()", "a sigmoid in the loss"
    ),
    "probabilities for logits": Seeded(trained_law, "_logits", "torch.logit(", "torch.as_tensor(", "Bernoulli"),
    "logits of logits": Seeded(
        trained_law, "_recognised", "return _first(BernoulliLikelihood())",
        "return DecoderLaw(lambda out: torch.sigmoid(out[0]), BernoulliLikelihood())", "Bernoulli of logits",
    ),
    "deviations for variances": Seeded(
        trained_law, "_learned", "variance[0].clone()", "variance[0].sqrt()", "learned variances"
    ),
    "a scale without its 2": Seeded(trained_law, "_general", "math.log(2 * spread)", "math.log(spread)", "Laplace"),
    "s for its log variance": Seeded(
        trained_run, "_fitted", "parameter.variance(s).log()", "s", "log deviations"
    ),
    "modules in training": Seeded(trained_run, "_fitted", "module.training = False", "pass", "dropout"),
}  # fmt: skip

test_an_adapter_is_the_model_that_it_is, test_a_bug_is_seen, test_every_check_sees_a_bug = falsification(
    CHECKS, BUGS
)
