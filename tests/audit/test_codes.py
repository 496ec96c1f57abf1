"""Codes that are summed over, and what E exp(-loss) is at most: exact where known, refuted where wrong."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.audit.audited import adapter_of as catalogued
from benchmarks.audit.instances import build
from benchmarks.audit.more import Auxiliary, ReverseLost
from elboproof.audit import Adapter, Report, audit
from elboproof.audit.ceiling import lower_end
from tests.audit.small import DRAWS, PIXELS, Small, data, with_methods

VALUES = 4


class Summed(Small):
    """Probabilities and their logarithms; the code is summed over, its prior uniform."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(PIXELS, VALUES), nn.Linear(VALUES, PIXELS)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_q = self.encoder(x).log_softmax(-1)
        return log_q.exp(), log_q

    def codes(self, x: Tensor) -> Tensor:
        return torch.eye(VALUES, dtype=x.dtype)[:, None].expand(-1, len(x), -1)

    def fits(self, x: Tensor) -> Tensor:
        """Return the likelihood's part of each value, (B, K)."""
        return self.fit(x, self.decode(self.codes(x))).T

    def log_prior(self, like: Tensor) -> Tensor:
        return torch.full((VALUES,), -math.log(VALUES), dtype=like.dtype)

    def pair(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one, other = self.encode(x)
        return one, other

    def loss(self, x: Tensor) -> Any:
        q, log_q = self.pair(x)
        return self.total((q * self.fits(x)).sum(-1), (q * (log_q - self.log_prior(q))).sum(-1))


class Tiled(Summed):
    """The codes of all data in one axis, value by value."""

    def fits(self, x: Tensor) -> Tensor:
        out = self.decode(self.codes(x).reshape(-1, VALUES))
        return self.fit(x.repeat(VALUES, 1), out).reshape(VALUES, -1).T


class OneByOne(Summed):
    """A call of the decoder for each value."""

    def fits(self, x: Tensor) -> Tensor:
        return torch.stack([self.fit(x, self.decode(one)) for one in self.codes(x)], 1)


class Swapped(Summed):
    """The logarithms first."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        q, log_q = super().encode(x)
        return log_q, q

    def pair(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_q, q = self.encode(x)
        return q, log_q


class OwnPrior(Summed):
    """A prior of its own for each value."""

    def log_prior(self, like: Tensor) -> Tensor:
        return torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=like.dtype).log()


class ByLaw(Summed):
    """The divergence by a law of torch, which refuses what is no probability."""

    def loss(self, x: Tensor) -> Any:
        q, _ = self.pair(x)
        law = torch.distributions.Categorical(probs=q, validate_args=True)
        rate = math.log(VALUES) - law.entropy()  # type: ignore[no-untyped-call]
        return self.total((law.probs * self.fits(x)).sum(-1), rate)


def heard(model: Small, claim: str = "-elbo", **options: Any) -> Report:
    adapter = Adapter(model.loss, data(), (model, "encode"), (model, "decode"), claim=claim, **options)
    return audit(adapter, draws=DRAWS)


@pytest.mark.parametrize("model", [Summed, Tiled, OneByOne, Swapped, OwnPrior])
def test_a_code_that_is_summed_over_is_exact(model: type[Small]) -> None:
    report = heard(model())
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == "EXACT"
    prior = "a prior of its own for each" if model is OwnPrior else "a uniform prior"
    assert f"a code of {VALUES} values that are summed over, KL to {prior}" in report.formula.sentence
    assert report.formula.variance == pytest.approx(0.5, rel=1e-9)
    assert report["samples"].statement == f"all {VALUES} values of the code are summed over"


def test_a_law_that_wants_probabilities_gets_them() -> None:
    report = heard(ByLaw())
    assert report["formula"].outcome == "ok", str(report)
    assert report.failed == ()


def test_logits_are_read_where_they_are_given_back() -> None:
    class Logits(Summed):
        def encode(self, x: Tensor) -> Any:
            return self.encoder(x)

        def pair(self, x: Tensor) -> tuple[Tensor, Tensor]:
            logits: Any = self.encode(x)
            return logits.softmax(-1), logits.log_softmax(-1)

    report = heard(Logits(), read_q=lambda out: (out, out), write_q=lambda _, mean, __: mean)
    assert report.formula is not None
    assert report.formula.kind == "EXACT", str(report)


def _prior(*masses: float) -> dict[str, Any]:
    return {"log_prior": lambda self, like: torch.tensor(masses, dtype=like.dtype).log()}


@pytest.mark.parametrize(
    ("methods", "kind", "offset"),
    [
        (_prior(1, 1, 1, 1), "UP TO A CONSTANT", math.log(VALUES)),
        (_prior(0.1, 0.2, 0.3, 0.2), "UP TO A CONSTANT", math.log(0.8)),
        ({"total": lambda self, f, r: (f + r).sum() / PIXELS}, "UP TO SCALE", 0.0),
        (
            {"fit": lambda self, x, o: ((x - o) ** 2).sum(-1)},
            "UP TO A CONSTANT",
            PIXELS / 2 * math.log(math.pi),
        ),
    ],
    ids=["no prior", "a prior of mass 0.8", "per dimension", "no constant"],
)
def test_a_code_without_its_prior_is_one_up_to_a_constant(
    methods: dict[str, Any], kind: str, offset: float
) -> None:
    model = with_methods(Summed, **methods)
    report = heard(model, "loss")
    assert report.failed == (), str(report)
    assert report.formula is not None
    assert report.formula.kind == kind
    assert report.formula.offset == pytest.approx(offset, abs=1e-8)
    assert heard(model).failed == ("formula",)


@pytest.mark.parametrize(
    "methods",
    [
        {"total": lambda self, f, r: (f - r).mean()},
        {"total": lambda self, f, r: f.mean()},
        {"total": lambda self, f, r: (f + (r - 1).abs()).mean()},
    ],
    ids=["rewarded", "no divergence", "capacity"],
)
def test_other_sums_over_a_code_are_not_recognised(methods: dict[str, Any]) -> None:
    report = heard(with_methods(Summed, **methods))
    assert report.failed == (), str(report)
    assert report.formula is not None
    assert report.formula.kind == "NOT RECOGNISED"


def test_a_density_that_counts_once_exceeds_what_any_prior_allows() -> None:
    for model, failed in ((Auxiliary, ()), (ReverseLost, ("evidence",))):
        for seed in (0, 1):
            adapter = catalogued(build(model, seed), "-elbo", examples_seed=seed)
            report = audit(adapter, draws=DRAWS, checks=["formula", "evidence"], seed=seed)
            assert report.failed == failed, str(report)
            assert report["formula"].outcome == "unknown"
    assert "it is at most p(x) with any prior and any q" in report["evidence"].statement
    alone = audit(catalogued(build(ReverseLost)), draws=DRAWS, checks=["formula", "evidence"])
    assert alone.failed == ()  # a loss that nobody claims to be a bound


def test_a_lower_end_is_one() -> None:
    """At a rate of 5 %, of weights of mean 1, bounded or of infinite variance; and near to a mean that is far out."""
    generator = np.random.default_rng(5)
    bounded = [lower_end(2 * generator.random(400), 2.0, 0.05) > 1 for _ in range(400)]
    heavy = [lower_end(generator.pareto(1.5, 400) / 2, 5.0, 0.05) > 1 for _ in range(400)]
    assert max(sum(bounded), sum(heavy)) <= 0.05 * 400
    far = lower_end(4 + generator.random(600), 5.0, 1e-7)
    assert 3.5 < far < 4.5
