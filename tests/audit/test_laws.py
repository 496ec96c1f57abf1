"""A q whose noise is not normal: recognised where its terms or its noise say so, and not accused where they do not."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Laplace, TransformedDistribution, Uniform
from torch.distributions.transforms import AffineTransform, SigmoidTransform

from elboproof.audit import Report, Reported
from elboproof.audit.laws import LAPLACE, LAWS, LOGISTIC, NORMAL, UNIFORM, USUAL, NoiseLaw
from tests.audit.beyond_posteriors import LaplaceCode
from tests.audit.small import LATENTS, LOG_2PI, Small, audited, with_methods

DRAWS = 200


def _draw(law: NoiseLaw, width: float = 1.0) -> Any:
    """Return a sampler whose noise is of this law, times a width."""

    def sample(self: Small, mean: Tensor, s: Tensor) -> Tensor:
        u = torch.rand_like(mean)
        noise = {
            "normal": lambda: torch.randn_like(mean),
            "Laplace": lambda: -torch.sign(u - 0.5) * torch.log1p(-2 * (u - 0.5).abs()),
            "logistic": lambda: torch.logit(u),
            "uniform": lambda: 2 * u - 1,
        }[law.name]()
        return mean + width * s.exp() * noise

    return sample


def _drawn_prior(entropy: float) -> Any:
    """Return log q - log p with a drawn prior, and an entropy in closed form of deviation exp(s)."""
    return lambda self, m, s, z: (z**2 / 2 + LOG_2PI / 2 - s - entropy).sum(-1)


def _closed(law: NoiseLaw, width: float = 1.0) -> Any:
    """Return the KL of noise of a law and a width to N(0, 1), in closed form."""
    variance, entropy = width**2 * law.variance, law.entropy + math.log(width)
    return lambda self, m, s, z: ((m**2 + variance * (2 * s).exp() + LOG_2PI) / 2 - s - entropy).sum(-1)


def _heard(sample: Any, rate: Any, *checks: str, claim: str = "-elbo", draws: int = DRAWS) -> Report:
    return audited(with_methods(sample=sample, rate=rate), *checks, claim=claim, draws=draws)


@pytest.mark.parametrize("law", LAWS[1:], ids=lambda one: one.name)
@pytest.mark.parametrize("form", ["entropy", "closed form"])
def test_a_correct_bound_of_another_q_passes_the_strongest_claim(law: NoiseLaw, form: str) -> None:
    rate = _drawn_prior(law.entropy) if form == "entropy" else _closed(law)
    report = _heard(_draw(law), rate)
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert (report.formula.kind, report.formula.noise) == ("EXACT", law.name)
    assert f"q of {law.name} noise" in report.formula.sentence
    assert f"{law.name} noise about the mean" in report["noise"].statement


@pytest.mark.parametrize("law", [NORMAL, LAPLACE], ids=lambda one: one.name)
@pytest.mark.parametrize("form", ["entropy", "closed form"])
def test_noise_of_another_width_passes_too(law: NoiseLaw, form: str) -> None:
    rate = _drawn_prior(law.entropy + math.log(0.3)) if form == "entropy" else _closed(law, 0.3)
    report = _heard(_draw(law, 0.3), rate, "formula", "noise")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.noise == f"{law.name} (x 0.3)"


def test_a_laplace_density_at_the_draw_is_exact() -> None:
    report = audited(LaplaceCode(), claim="-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert (report.formula.kind, report.formula.noise) == ("EXACT", "Laplace")
    normal = audited(with_methods(LaplaceCode, sample=_draw(NORMAL)), "noise", draws=DRAWS)
    assert normal.failed == ("noise",)
    assert "the noise is not Laplace" in normal["noise"].statement


def test_an_entropy_without_its_constant_is_one_up_to_a_constant() -> None:
    report = _heard(_draw(LAPLACE), _drawn_prior(0.25), claim="loss")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert (report.formula.kind, report.formula.noise) == ("UP TO A CONSTANT", "Laplace")
    assert report.formula.offset == pytest.approx(LATENTS * (0.25 - LAPLACE.entropy))
    assert _heard(_draw(LAPLACE), _drawn_prior(0.25), "formula").failed == ("formula",)


def test_the_entropy_of_a_gaussian_means_a_gaussian() -> None:
    for rate in (_drawn_prior(NORMAL.entropy), _closed(NORMAL)):
        report = _heard(_draw(LAPLACE), rate, claim="loss")
        assert report.failed == ("noise",), str(report)
        assert "the noise is not standard normal" in report["noise"].statement


def _skewed(self: Small, mean: Tensor, s: Tensor) -> Tensor:
    return mean + s.exp() * torch.rand_like(mean)


def test_noise_of_no_law_known_is_not_accused_beside_an_entropy() -> None:
    for claim in ("loss", "-elbo"):
        report = _heard(_skewed, _drawn_prior(0.0), claim=claim)
        assert report.failed == (), str(report)
        assert report.unknown == ("formula",)
        assert report["noise"].outcome == "note"
        assert "whose law is not known here" in report["formula"].statement


def test_one_draw_for_all_is_wrong_under_any_law() -> None:
    def shared(self: Small, mean: Tensor, s: Tensor) -> Tensor:
        return mean + s.exp() * torch.rand_like(mean[:1])

    assert _heard(shared, _drawn_prior(0.0), "noise", claim="loss").failed == ("noise",)
    one_for_the_latents = lambda self, m, s: m + s.exp() * torch.rand_like(m[:, :1])  # noqa: E731
    assert _heard(one_for_the_latents, _drawn_prior(0.0), "noise", claim="loss").failed == ("noise",)


def test_weights_of_a_kl_that_the_noise_contradicts_are_none() -> None:
    half = lambda self, m, s, z: (m**2 / 2 + (2 * s).exp() - 0.5 - s).sum(-1)  # noqa: E731  (V = 2, as of Laplace)
    report = _heard(_draw(NORMAL), half, "formula", claim="loss")
    assert report.failed == ("formula",)
    assert "variance has weight 1 where 0.5 is expected" in report["formula"].statement


def test_a_width_too_near_to_one_is_not_told_from_it() -> None:
    report = _heard(_draw(NORMAL, 1.01), _closed(NORMAL, 1.01), "formula", claim="loss")
    assert report.unknown == ("formula",)
    assert "another width" in report["formula"].statement


def _of_torch(law: NoiseLaw) -> Distribution:
    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    if law is LAPLACE:
        return Laplace(zero, one)
    if law is UNIFORM:
        return Uniform(-one, one)
    unit = Uniform(zero, one)
    return TransformedDistribution(unit, [SigmoidTransform().inv, AffineTransform(zero, one)])


@pytest.mark.parametrize("law", [LAPLACE, LOGISTIC, UNIFORM], ids=lambda one: one.name)
def test_the_laws_are_those_of_torch(law: NoiseLaw) -> None:
    other: Any = _of_torch(law)
    r = torch.linspace(-0.95, 0.95, 21, dtype=torch.float64)
    torch.testing.assert_close(law.log_density(r), other.log_prob(r))
    torch.testing.assert_close(law.cdf(r), other.cdf(r))


@pytest.mark.parametrize("law", USUAL, ids=lambda one: one.name)
def test_a_law_has_the_variance_and_the_entropy_that_it_says(law: NoiseLaw) -> None:
    """By the midpoint rule, on a line beyond which every one has less than 1e-12."""
    edge = 60.0
    r = (torch.arange(2_000_000, dtype=torch.float64) + 0.5) * (2 * edge / 2_000_000) - edge
    log_density = law.log_density(r)
    weights = log_density.exp() * (2 * edge / 2_000_000)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-4)
    assert float((weights * r**2).sum()) == pytest.approx(law.variance, rel=1e-4)
    assert -float((weights * log_density.clamp(min=-1e3)).sum()) == pytest.approx(law.entropy, abs=1e-4)
    assert float(law.cdf(torch.tensor(0.0, dtype=torch.float64))) == pytest.approx(0.5)
    assert law.scaled(2.0).entropy == pytest.approx(law.entropy + math.log(2))


def test_a_reported_number_of_another_q_is_not_judged_by_a_gaussian() -> None:
    """It has the KL of a Gaussian of deviation exp(s), which the q of the loss is not."""
    model = with_methods(sample=_draw(LAPLACE), rate=_drawn_prior(LAPLACE.entropy))

    def of_a_gaussian(x: Tensor) -> Any:
        mean, s = model.encode(x)
        z = model.sample(mean, s)
        rate = ((mean**2 + (2 * s).exp() - 1) / 2 - s).sum(-1)
        return model.total(model.fit(x, model.decode(z)), rate)

    report = audited(model, "report", report=Reported(of_a_gaussian, "-elbo"), draws=DRAWS)
    assert report["report"].outcome == "unknown", str(report)
