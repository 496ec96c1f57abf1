"""The terms of an ELBO against torch.distributions and exact entropies, and arguments that do not fit."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from elboproof import objectives
from elboproof.objectives import surgery as module

S, N, D = 6, 5, 3
GENERATOR = torch.Generator().manual_seed(3)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


MEANS, LOG_STDS = 1.3 * normal(N, D), 0.6 * normal(N, D) - 0.5
NOISE, FIT = normal(S, N, D), normal(S, N) - 3
Z = MEANS + LOG_STDS.exp() * NOISE
UNIT: Any = MultivariateNormal(torch.zeros(D, dtype=torch.float64), torch.eye(D, dtype=torch.float64))


def reference(z: torch.Tensor) -> torch.Tensor:
    """Return log q(z) by torch.distributions."""
    parts = Independent(Normal(MEANS, LOG_STDS.exp()), 1)
    law = MixtureSameFamily(Categorical(torch.ones(N, dtype=torch.float64)), parts)
    value: torch.Tensor = law.log_prob(z)  # type: ignore[no-untyped-call]
    return value


def test_the_aggregate_is_the_mixture() -> None:
    found = objectives.aggregate_posterior_log_prob(Z, MEANS, LOG_STDS)
    assert torch.allclose(found, reference(Z), atol=1e-12)
    one = objectives.aggregate_posterior_log_prob(Z[2, 1], MEANS, LOG_STDS)
    assert one.shape == ()
    assert float(one) == pytest.approx(float(found[2, 1]), abs=1e-13)


def test_latents_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = objectives.aggregate_posterior_log_prob(Z, MEANS, LOG_STDS)
    monkeypatch.setattr(module, "AT_ONCE", 2 * N + 1)
    assert torch.equal(objectives.aggregate_posterior_log_prob(Z, MEANS, LOG_STDS), whole)


def test_far_codes_do_not_underflow() -> None:
    codes = torch.tensor([[0.0], [1e3]], dtype=torch.float64)
    found = objectives.aggregate_posterior_log_prob(codes, codes, torch.full_like(codes, -3.0))
    wanted = 3 - math.log(2 * math.pi) / 2 - math.log(2)
    assert found.tolist() == pytest.approx([wanted, wanted], rel=1e-14)


def test_the_terms_are_those_of_the_same_samples() -> None:
    found = objectives.elbo_surgery(FIT, MEANS, LOG_STDS, Z, UNIT)
    own = Independent(Normal(MEANS, LOG_STDS.exp()), 1).log_prob(Z)  # type: ignore[no-untyped-call]
    assert float(found.reconstruction) == pytest.approx(float(FIT.mean()), abs=1e-13)
    assert float(found.information) == pytest.approx(float((own - reference(Z)).mean()), abs=1e-12)
    assert float(found.aggregate_kl) == pytest.approx(
        float((reference(Z) - UNIT.log_prob(Z)).mean()), abs=1e-12
    )
    assert float(found.elbo) == pytest.approx(float((FIT - own + UNIT.log_prob(Z)).mean()), abs=1e-12)


def test_a_batch_is_compared_with_all_codes() -> None:
    rows = torch.tensor([3, 0])
    found = objectives.elbo_surgery(FIT[:, rows], MEANS, LOG_STDS, Z[:, rows], UNIT, rows=rows)
    own = Independent(Normal(MEANS[rows], LOG_STDS[rows].exp()), 1).log_prob(Z[:, rows])  # type: ignore[no-untyped-call]
    assert float(found.information) == pytest.approx(float((own - reference(Z[:, rows])).mean()), abs=1e-12)


def test_equal_codes_tell_nothing_and_distant_ones_everything() -> None:
    still = torch.zeros(4, 2, dtype=torch.float64)
    z = still + normal(7, 4, 2)
    prior = objectives.FlowPrior(2).double()
    fit = torch.zeros(7, 4, dtype=torch.float64)
    assert float(objectives.elbo_surgery(fit, still, still, z, prior).information) == pytest.approx(
        0, abs=1e-14
    )
    apart = still + 100 * torch.arange(4, dtype=torch.float64)[:, None]
    far = objectives.elbo_surgery(fit, apart, still, z + apart, prior)
    assert float(far.information) == pytest.approx(math.log(4), abs=1e-13)


def test_gradients_reach_codes_and_prior() -> None:
    means, prior = MEANS.clone().requires_grad_(), objectives.FlowPrior(D).double()
    terms = objectives.elbo_surgery(FIT, means, LOG_STDS, means + LOG_STDS.exp() * NOISE, prior)
    terms.elbo.backward()  # type: ignore[no-untyped-call]
    assert means.grad is not None
    assert float(means.grad.abs().min()) > 0
    outer = dict(prior.named_parameters())["layers.0.outer"].grad
    assert outer is not None
    assert float(outer.abs().max()) > 0


class Wrong:
    """A prior that sums over its batch."""

    def log_prob(self, value: torch.Tensor, /) -> torch.Tensor:
        return value.sum(-1).sum(-1)


class NoNumber:
    """A prior whose densities are no numbers."""

    def log_prob(self, value: torch.Tensor, /) -> torch.Tensor:
        return value.sum(-1) * math.nan


def _aggregate(**changes: Any) -> Callable[[], object]:
    return lambda: objectives.aggregate_posterior_log_prob(
        **({"z": Z, "means": MEANS, "log_stds": LOG_STDS} | changes)
    )


def _surgery(**changes: Any) -> Callable[[], object]:
    given = {"log_likelihood": FIT, "means": MEANS, "log_stds": LOG_STDS, "z": Z, "prior": UNIT}
    return lambda: objectives.elbo_surgery(**(given | changes))


BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "columns": (_aggregate(z=Z[..., :2]), ValueError, r"z: got shape \(6, 5, 2\); expected \(\.\.\., 3\)"),
    "deviations": (_aggregate(log_stds=LOG_STDS[:2]), ValueError, r"log_stds: got shape \(2, 3\)"),
    "means": (_aggregate(means=MEANS[0]), ValueError, r"means: got shape \(3,\)"),
    "no codes": (_aggregate(means=MEANS[:0]), ValueError, r"means: got shape \(0, 3\)"),
    "zero deviation": (_aggregate(log_stds=LOG_STDS - math.inf), ValueError, "log_stds: got infinite or NaN"),
    "infinite deviation": (_aggregate(log_stds=LOG_STDS + math.inf), ValueError, "log_stds: got infinite"),
    "tiny deviation": (
        _aggregate(z=MEANS, log_stds=LOG_STDS - 1e3),
        ValueError,
        "got numbers too large for torch.float64",
    ),
    "nan": (_aggregate(z=Z * math.nan), ValueError, "z: got infinite or NaN"),
    "infinite means": (_aggregate(means=MEANS + math.inf), ValueError, "means: got infinite or NaN"),
    "integers": (_aggregate(z=Z.long()), TypeError, "z: got .*expected a floating-point tensor"),
    "samples": (_surgery(z=Z[:2]), ValueError, r"z: got shape \(2, 5, 3\); expected \(6, 5, 3\)"),
    "flat": (_surgery(log_likelihood=FIT[0]), ValueError, r"log_likelihood: got shape \(5,\)"),
    "nan fit": (_surgery(log_likelihood=FIT * math.nan), ValueError, "log_likelihood: got infinite or NaN"),
    "no rows": (
        _surgery(log_likelihood=FIT[:, :2], z=Z[:, :2]),
        ValueError,
        "rows: got None for 2 of 5 data",
    ),
    "far rows": (_surgery(rows=torch.arange(1, 6)), ValueError, "rows: got .*expected 5 numbers from 0 to 4"),
    "float rows": (_surgery(rows=torch.ones(5)), TypeError, "rows: got .*expected a tensor of int64"),
    "prior": (_surgery(prior=Wrong()), ValueError, r"prior: got log densities of shape \(6,\)"),
    "nan prior": (_surgery(prior=NoNumber()), ValueError, "prior: got infinite or NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()
