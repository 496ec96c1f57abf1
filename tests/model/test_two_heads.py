"""Gaussians whose variances depend on the latents: written as expressions, and read from torch."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp
from torch import nn

import elboproof as ep

ROUTE = 1e-9
VARIANCES: dict[str, Callable[[Any], Any]] = {
    "exp(z)": np.exp,
    "exp(1 - 2*z)": lambda z: np.exp(1 - 2 * z),
    "1/10 + z**2": lambda z: 0.1 + z**2,
    "(1/10 + z**2)*exp(z)": lambda z: (0.1 + z**2) * np.exp(z),
    "softplus(z)": lambda z: np.logaddexp(0, z),
    "sigmoid(2*z)/4": lambda z: 0.25 / (1 + np.exp(-2 * z)),
}
AXIS = np.linspace(-14, 14, 5601)


def by_sum(x: float, variance: Callable[[Any], Any]) -> float:
    logs = stats.norm.logpdf(x, np.sin(AXIS), np.sqrt(variance(AXIS))) + stats.norm.logpdf(AXIS)
    return float(logsumexp(logs) + np.log(AXIS[1] - AXIS[0]))


@pytest.mark.parametrize("text", VARIANCES)
def test_evidences_and_elbos(text: str) -> None:
    model = ep.LatentModel("z", ["sin(z)"], ep.Gaussian(variance=[text]))
    for x in (0.4, -1.5):
        found, value = ep.log_evidence(model, [x], 7), by_sum(x, VARIANCES[text])
        assert found.lower - ROUTE <= value <= found.upper + ROUTE
        assert found.upper - found.lower <= 2e-7
    weights = stats.norm.pdf(AXIS, 0.25, 0.5) * (AXIS[1] - AXIS[0])
    logs = stats.norm.logpdf(0.4, np.sin(AXIS), np.sqrt(VARIANCES[text](AXIS))) + stats.norm.logpdf(AXIS)
    value = float((weights * (logs - stats.norm.logpdf(AXIS, 0.25, 0.5))).sum())
    elbo = ep.elbo(model, [0.4], ep.GaussianPosterior("1/4", "1/4"), 7)
    assert elbo.lower - ROUTE <= value <= elbo.upper + ROUTE


def test_gap_and_shared_variance() -> None:
    model = ep.LatentModel(["z", "w"], ["z", "z + w"], ep.Gaussian(variance="exp(w)"))
    gap = ep.gap(model, [0.5, 0.2], 3)
    assert 0.0856 < gap.lower < gap.upper < 0.0858
    assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301
    two = ep.LatentModel(["z", "w"], ["z", "z + w"], ep.Gaussian(variance=["exp(w)", "exp(w)"]))
    assert two == model
    law = ep.gap_law(model, [0.5, 0.2], nearest=True)  # of replicates, all equal to this x
    z, w = (float(entry.midpoint) for entry in law.preimage if isinstance(entry, ep.Enclosure))
    first, second = 0.5 - z, 0.2 - z - w
    slopes = (first + second) * np.exp(-w), second * np.exp(-w) + (first**2 + second**2) * np.exp(-w) / 2 - 1
    assert np.allclose(slopes, 0, atol=1e-12)
    assert law.complete


def of_variance(text: str) -> ep.LatentModel:
    return ep.LatentModel("z", ["z"], ep.Gaussian(variance=text))


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a name": (
        lambda: of_variance("exp(q)"),
        ValueError,
        "variance: got the name 'q'",
    ),
    "a slip": (
        lambda: of_variance("z*"),
        ValueError,
        "variance: got the end",
    ),
    "negative": (
        lambda: of_variance("-1 - z**2"),
        ValueError,
        "variance: got .* expected a positive variance",
    ),
    "sometimes negative": (
        lambda: of_variance("z"),
        ValueError,
        "log variance: got .*not real",
    ),
    "sizes": (
        lambda: ep.LatentModel("z", ["z"], ep.Gaussian(variance=["exp(z)", "1"])),
        ValueError,
        "variance: got 2 dimensions; expected 1",
    ),
    "vanishing": (
        lambda: ep.log_evidence(ep.LatentModel("z", ["z"], ep.Gaussian(variance="exp(-z**2)")), [0.5], 3),
        ValueError,
        r"x\[0\]: got \[0.5\]; expected data for which log p\(x\|z\) is bounded",
    ),
    "not a number": (
        lambda: ep.Gaussian(variance="nan"),
        ValueError,
        "variance: got 'nan'; expected an exact real",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_variance(name: str) -> None:
    make, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        make()


class Heads(nn.Module):
    """A trunk with two heads, of one layer or of three."""

    def __init__(self, deep: bool) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(2, 5), nn.Tanh())
        self.mean, self.log_variance = (self._head(deep) for _ in range(2))

    def _head(self, deep: bool) -> nn.Module:
        return nn.Sequential(nn.Linear(5, 4), nn.SiLU(), nn.Linear(4, 3)) if deep else nn.Linear(5, 3)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.trunk(z)
        return self.mean(h), self.log_variance(h)


@pytest.mark.parametrize("deep", [False, True])
def test_a_module_with_two_heads(deep: bool) -> None:
    torch.manual_seed(4)
    module = Heads(deep).double()
    model, x = ep.LatentModel.from_torch(module), np.array([0.1, 0.2, -0.3])
    assert model.data_dim == 3
    side = np.linspace(-9, 9, 361)
    z = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    with torch.no_grad():
        mean, log_variance = (part.numpy() for part in module(torch.tensor(z)))
    logs = stats.norm.logpdf(x, mean, np.exp(log_variance / 2)).sum(-1) + stats.norm.logpdf(z).sum(-1)
    value = float(logsumexp(logs) + 2 * np.log(side[1] - side[0]))
    found = ep.log_evidence(model, x, 6)
    assert found.lower - ROUTE <= value <= found.upper + ROUTE
    assert np.allclose(model.floating.decoder(z), np.concatenate([mean, log_variance], 1), atol=1e-12)
    energies = model.tensors.energy(torch.tensor(z[:50]), torch.tensor(x)).numpy()
    assert np.allclose(energies, -logs[:50], atol=1e-10)
    assert model.balls.energy(z[0].tolist(), x.tolist()).contains(float(-logs[0])) or abs(
        float(model.balls.energy(z[0].tolist(), x.tolist()).mid()) + logs[0]
    ) < 1e-9 * abs(logs[0])
    assert ep.gap(model, x, 2).lower > 0


class Unlike(Heads):
    """Heads of different kinds."""

    def __init__(self) -> None:
        super().__init__(False)
        self.mean = nn.Sequential(nn.Linear(5, 3), nn.Tanh())


class Scaled(Heads):
    """Computes on what its layers give."""

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.trunk(z)
        return self.mean(h), 2 * self.log_variance(h)


class Single(Heads):
    """Returns the mean alone."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        mean: torch.Tensor = self.mean(self.trunk(z))
        return mean


class Added(Unlike):
    """Heads that rest on sums, one of them on the other."""

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = super().forward(z)
        return mean, torch.tanh(mean) + log_variance


class Uneven(Heads):
    """Heads of different sizes."""

    def __init__(self) -> None:
        super().__init__(False)
        self.mean = nn.Linear(5, 2)


class Branching(Heads):
    """Looks at numbers, so that its forward cannot be recorded."""

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return super().forward(z) if z.sum() > 0 else super().forward(-z)


@pytest.mark.parametrize("kind", [Unlike, Added])
def test_heads_of_any_kinds_are_taken(kind: type[Heads]) -> None:
    torch.manual_seed(5)
    module = kind().double()  # type: ignore[call-arg]
    model = ep.LatentModel.from_torch(module)
    z = np.random.default_rng(0).normal(size=(20, 2))
    with torch.no_grad():
        mean, log_variance = (part.numpy() for part in module(torch.tensor(z)))
    assert np.allclose(model.floating.decoder(z), np.concatenate([mean, log_variance], 1), atol=1e-12)
    logs = stats.norm.logpdf(0.25, mean[0], np.exp(log_variance[0] / 2)).sum() + stats.norm.logpdf(z[0]).sum()
    assert abs(float(model.balls.energy(z[0].tolist(), [0.25] * 3).mid()) + logs) < 1e-9 * abs(logs)


def test_heads_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="module: got a mean of 2 and a log variance of 3 entries; expected"):
        ep.LatentModel.from_torch(Uneven())


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "scaled": (
        lambda: Scaled(False),
        r"module\.mul: got mul in its forward; expected only calls of its layers, sums",
    ),
    "single": (lambda: Single(False), "module: got a forward that returns mean"),
    "branching": (lambda: Branching(False), "module: got a forward that cannot be recorded"),
    "no module": (lambda: "net", "module: got 'net' of type str; expected a torch.nn.Module"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_modules_that_are_refused(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(TypeError, match=message):
        ep.LatentModel.from_torch(make())
