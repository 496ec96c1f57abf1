"""The sampler and the gradient: what must be seen, and what must pass."""

from typing import Any

import pytest
import torch

from elboproof.audit.scores import bernstein, legendre, scores, smallest_variance
from tests.audit.small import Drawn, Small, audited, with_methods

WRONG_NOISE: dict[str, Any] = {
    "no noise": lambda self, m, s: m,
    "uniform": lambda self, m, s: m + torch.rand_like(m) * (s / 2).exp(),
    "shared by the latents": lambda self, m, s: m + torch.randn_like(m[:, :1]) * (s / 2).exp(),
    "shared by the data": lambda self, m, s: m + torch.randn_like(m[:1]) * (s / 2).exp(),
    "variance 1.5": lambda self, m, s: m + 1.5**0.5 * torch.randn_like(m) * (s / 2).exp(),
    "seeded in each call": lambda self, m, s: (torch.manual_seed(0), m + torch.randn_like(m) * (s / 2).exp())[
        1
    ],
    "half of it copied": lambda self, m, s: m + _copied(torch.randn_like(m)) * (s / 2).exp(),
}


def _copied(noise: torch.Tensor) -> torch.Tensor:
    half = len(noise) // 2
    noise[half : 2 * half] = noise[:half]
    return noise


@pytest.mark.parametrize("name", WRONG_NOISE)
def test_wrong_noise_is_seen(name: str) -> None:
    report = audited(with_methods(sample=WRONG_NOISE[name]), "noise", draws=300)
    assert "noise" in report.failed
    assert report["noise"].hints[0].startswith("M")
    assert report["noise"].verdict.method == "statistical"


def test_right_noise_passes_with_what_it_would_have_seen() -> None:
    result = audited(Small(), "noise", draws=300)["noise"]
    assert result.outcome == "ok"
    assert result.smallest_detectable is not None
    assert 0.05 < result.smallest_detectable < 0.5
    assert f"variance x {1 + result.smallest_detectable:.2f}" in result.statement


def test_what_is_said_to_be_detectable_is() -> None:
    limit = bernstein(20_000, 5**0.5, 1e-8)
    extra = smallest_variance(limit)
    r = (1 + extra) ** 0.5 * torch.randn(
        20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    assert float(legendre(r)["P2"].mean()) > limit


def test_false_alarms_stay_below_their_rate() -> None:
    generator = torch.Generator().manual_seed(1)
    alarms = 0
    for _ in range(200):
        found = list(scores(torch.randn(40, 9, 1, 3, generator=generator, dtype=torch.float64)))
        each = 0.05 / sum(one.means.numel() for one in found)
        alarms += any(float(one.means.abs().max()) > one.threshold(each) for one in found)
    assert alarms <= 0.06 * 200


def test_scores_are_orthonormal_and_bounded() -> None:
    u = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    found = legendre(torch.special.ndtri(u))
    for name, one in found.items():
        assert float(one.mean()) == pytest.approx(0, abs=1e-8), name
        assert float((one**2).mean()) == pytest.approx(1, abs=1e-4)
        assert float(one.abs().max()) <= {"P1": 3**0.5, "P2": 5**0.5, "P4": 3.0}[name]
    assert float(legendre(torch.tensor([float("nan")]))["P1"]) == pytest.approx(3**0.5)


WRONG_GRADIENT: dict[str, Any] = {
    "deviation detached": {"sample": lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach()},
    "draw detached": {"sample": lambda self, m, s: Small.sample(self, m, s).detach()},
    "rate detached": {"rate": lambda self, m, s, z: Small.rate(self, m, s, z).detach()},
    "output detached": {"fit": lambda self, x, o: Small.fit(self, x, o.detach())},
}


@pytest.mark.parametrize("name", WRONG_GRADIENT)
def test_a_path_that_is_cut_is_seen(name: str) -> None:
    report = audited(with_methods(**WRONG_GRADIENT[name]), "formula", "gradient")
    assert report["gradient"].outcome == "fails", str(report)
    assert report["formula"].outcome == "ok"


def test_sticking_the_landing_is_unbiased() -> None:
    methods = {"rate": lambda self, m, s, z: Drawn.rate(self, m.detach(), s.detach(), z)}
    result = audited(with_methods(Drawn, **methods), "gradient")["gradient"]
    assert result.outcome == "ok"
    assert "another estimator" in result.statement


def test_an_exact_gradient_is_called_exact() -> None:
    result = audited(Drawn(), "gradient")["gradient"]
    assert result.statement.endswith("exact")
    assert result.statistic < 1e-12


def test_a_number_without_a_gradient_is_a_report() -> None:
    report = audited(with_methods(total=lambda self, f, r: (f + r).mean().item()), claim="-elbo")
    assert report.ok, str(report)
    assert report["gradient"].outcome == "note"
