"""The convention detector: what the sentence says, to all digits, and what is never said."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from elboproof.audit import Declared
from elboproof.audit.calls import Design
from elboproof.audit.divergences import CLOSED, SLIPS, every_term
from elboproof.audit.formula import KINDS, snapped
from elboproof.audit.parameters import named
from elboproof.audit.reading_drawn import MEANS, _means
from tests.audit.small import LOG_2PI, PIXELS, Drawn, Small, audited, with_methods

D, d = PIXELS, 2


def test_a_plain_loss_is_exact_and_passes_the_strongest_claim() -> None:
    report = audited(Small(), claim="-elbo")
    assert report.status == "passed"
    formula = report.formula
    assert formula is not None
    assert (formula.kind, formula.reduction, formula.divergence) == ("EXACT", "mean", "closed form")
    assert formula.variance == pytest.approx(0.5, rel=1e-12)
    assert formula.parameter == "log variance"
    assert "negative ELBO in nats, mean over the batch" in formula.sentence


def _squares(_: Any, x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    return ((x - out) ** 2).sum(-1)


CONVENTIONS: dict[str, Any] = {
    # methods, kind, scale, variance, nats by which -loss / scale exceeds the bound
    "unit variance, no constant": (
        {"fit": lambda self, x, o: _squares(self, x, o) / 2},
        "UP TO A CONSTANT",
        1,
        1,
        D / 2 * LOG_2PI,
    ),
    "sum of squares": ({"fit": _squares}, "UP TO A CONSTANT", 1, 0.5, D / 2 * math.log(math.pi)),
    "mean of squares, weight 0.00025": (
        {
            "fit": lambda self, x, o: _squares(self, x, o) / D,
            "total": lambda self, f, r: (f + 0.00025 * r).mean(),
        },
        "UP TO SCALE",
        0.00025,
        0.00025 * D / 2,
        D / 2 * math.log(2 * math.pi * 0.00025 * D / 2),
    ),
    "absolutes, three times": (
        {"fit": lambda self, x, o: 3 * (x - o).abs().sum(-1)},
        "UP TO A CONSTANT",
        1,
        1 / 3,
        D * math.log(2 / 3),
    ),
    "per dimension": ({"total": lambda self, f, r: (f + r).mean() / D}, "UP TO SCALE", 1 / D, 0.5, 0.0),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_are_read_to_all_digits(name: str) -> None:
    methods, kind, scale, variance, offset = CONVENTIONS[name]
    report = audited(with_methods(**methods), "formula")
    formula = report.formula
    assert formula is not None
    assert formula.kind == kind
    assert formula.scale == pytest.approx(scale, rel=1e-9)
    assert formula.variance == pytest.approx(variance, rel=1e-9)
    assert formula.offset == pytest.approx(offset, abs=1e-8)
    assert report.ok
    assert not audited(with_methods(**methods), "formula", claim="-elbo").ok


def test_bernoulli_on_grey_data_is_not_normalised() -> None:
    methods: dict[str, Any] = {
        "fit": lambda self, x, o: functional.binary_cross_entropy_with_logits(o, x, reduction="none").sum(-1),
        "total": lambda self, f, r: (f + r).sum(),
    }
    exact, grey = (
        audited(with_methods(**methods), "formula", kind=kind).formula for kind in ("binary", "unit")
    )
    assert exact is not None
    assert grey is not None
    assert (exact.kind, exact.reduction, grey.kind) == ("EXACT", "sum", "UNNORMALISED")


@pytest.mark.parametrize(("weight", "words"), [(4.0, "still a bound"), (0.5, "no bound")])
def test_a_beta_beside_a_bernoulli_is_reported_and_no_failure(weight: float, words: str) -> None:
    methods: dict[str, Any] = {
        "fit": lambda self, x, o: functional.binary_cross_entropy_with_logits(o, x, reduction="none").sum(-1),
        "total": lambda self, f, r: (f + weight * r).mean(),
    }
    report = audited(with_methods(**methods), "formula", kind="binary")
    assert report.ok
    assert report.formula is not None
    assert report.formula.kind == "BETA"
    assert report.formula.beta == pytest.approx(weight)
    assert words in report.formula.sentence


WRONG: dict[str, Any] = {
    "no log variance": (
        {"rate": lambda self, m, s, z: (m**2 + s.exp() - 1).sum(-1) / 2},
        "log variance has weight",
    ),
    "half of the mean lost": (
        {"rate": lambda self, m, s, z: (m**2 + (s.exp() - 1 - s) / 2).sum(-1)},
        "no KL",
    ),
    "sign": ({"total": lambda self, f, r: (f - r).mean()}, "wrong sign"),
    "no divergence": ({"total": lambda self, f, r: f.mean()}, "no divergence"),
    "two readings of s": (
        {"sample": lambda self, m, s: m + torch.randn_like(m) * s.exp()},
        "sampler for a log deviation",
    ),
    "mean, not squared": (
        {"rate": lambda self, m, s, z: (m + s.exp() - 1 - s).sum(-1) / 2},
        "no KL to a normal prior",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_bound_fails_and_says_why(name: str) -> None:
    methods, words = WRONG[name]
    report = audited(with_methods(**methods), "formula")
    assert report.failed == ("formula",)
    assert words in report["formula"].statement
    assert all(hint.startswith(("M", "unknown")) for hint in report["formula"].hints)
    assert report["formula"].hints


def test_a_sum_that_is_taken_once_for_each_datum_is_named() -> None:
    report = audited(with_methods(total=lambda self, f, r: (f[:, None] + r).sum()), "formula")
    assert report.failed == ("formula",)
    assert "the sum over the batch is taken once for each datum" in report["formula"].statement
    assert report["formula"].hints[0].startswith("M42")


def test_reductions_that_differ_are_named() -> None:
    report = audited(with_methods(total=lambda self, f, r: f.mean() + r.sum()), "formula")
    assert report.failed == ("formula",)
    assert report.formula is not None
    assert report.formula.kind == "MIXED REDUCTION"


def test_a_mean_rate_beside_values_per_datum_is_no_mixture() -> None:
    report = audited(with_methods(total=lambda self, f, r: f + r.mean()), "formula", claim="-elbo")
    assert report.ok, str(report)


def test_a_declared_variance_is_compared() -> None:
    good = audited(Small(), "formula", likelihood=Declared("gaussian", variance=lambda: 0.5))
    bad = audited(Small(), "formula", likelihood=Declared("gaussian", variance=0.7))
    assert good.ok
    assert bad.failed == ("formula",)
    assert "declared: 0.7; found: 0.5" in bad["formula"].statement


def test_bits_per_dimension() -> None:
    methods: dict[str, Any] = {"total": lambda self, f, r: (f + r).mean() / (D * math.log(2))}
    assert audited(with_methods(**methods), "formula", claim="bits/dim").ok
    assert not audited(Small(), "formula", claim="bits/dim").ok


def test_a_missing_constant_of_the_divergence_is_no_free_constant() -> None:
    report = audited(with_methods(rate=lambda self, m, s, z: (m**2 + s.exp() - s).sum(-1) / 2), "formula")
    assert report.formula is not None
    assert report.formula.kind == "UP TO A CONSTANT"
    assert report.formula.offset == pytest.approx(-d / 2)


def _shared(closed: float, drawn: float) -> dict[str, Any]:
    """Return a KL of which so much is in closed form, and so much at the draw."""
    return {
        "rate": lambda self, m, s, z: closed * Small.rate(self, m, s, z) + drawn * Drawn.rate(self, m, s, z)
    }


PARTLY: dict[str, Any] = {
    # methods, kind, nats by which -loss / scale exceeds the bound
    "half": (_shared(0.5, 0.5), "EXACT", 0.0),
    "twice less once": (_shared(2.0, -1.0), "EXACT", 0.0),
    "a sum": (_shared(0.5, 0.5) | {"total": lambda self, f, r: (f + r).sum()}, "EXACT", 0.0),
    "a variance at the draw": (
        {"rate": lambda self, m, s, z: (m**2 + (z - m) ** 2 - 1 - s).sum(-1) / 2},
        "EXACT",
        0.0,
    ),
    "without its constant": (
        {"rate": lambda self, m, s, z: (m**2 + (z - m) ** 2 - s).sum(-1) / 2},
        "UP TO A CONSTANT",
        -d / 2,
    ),
    "more than one": (
        _shared(0.5, 0.6),
        "UP TO SCALE",
        D / 2 * (math.log(1.1 * math.pi) - math.log(math.pi) / 1.1),
    ),
}


@pytest.mark.parametrize("name", PARTLY)
def test_a_divergence_partly_at_the_draw_is_the_bound_in_the_mean(name: str) -> None:
    methods, kind, offset = PARTLY[name]
    report = audited(with_methods(**methods), "formula", "gradient", "extremes")
    assert report.ok, str(report)
    assert report.formula is not None
    assert (report.formula.kind, report.formula.divergence) == (kind, "monte carlo")
    assert "KL partly in closed form and partly Monte Carlo" in report.formula.sentence
    assert report.formula.offset == pytest.approx(offset, abs=1e-9)
    assert audited(with_methods(**methods), "formula", claim="-elbo").ok == (kind == "EXACT")


NO_PART: dict[str, Any] = {
    "half of a variance at the draw": {
        "rate": lambda self, m, s, z: (m**2 + (z - m) ** 2 / 2 - 1 - s).sum(-1) / 2
    },
    "a mean beside it": {"rate": lambda self, m, s, z: (m**2 + (z - m) ** 2 - 1 - s + z).sum(-1) / 2},
    "two reductions": _shared(0.5, 0.5) | {"total": lambda self, f, r: f.mean() + r.sum()},
    "the wrong sign": _shared(-0.5, -0.5),
    "a sum beside means": {
        "rate": lambda self, m, s, z: (
            (m**2 + (z - m) ** 2 - 1 - s).sum(-1) / 2 + 0.1 * len(m) * (z**2).sum(-1)
        )
    },
}


@pytest.mark.parametrize("name", NO_PART)
def test_what_is_no_bound_in_the_mean_fails(name: str) -> None:
    report = audited(with_methods(**NO_PART[name]), "formula")
    assert report.failed == ("formula",)
    assert report.formula is not None
    assert report.formula.kind == "NOT AN ELBO"


@pytest.mark.parametrize("seed", range(3))
def test_means_of_terms_at_the_draw_are_those_over_the_noise(seed: int) -> None:
    """Gauss-Hermite quadrature over the noise of one latent; and every term is at the draw, of a KL, or a slip."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    share = weights / weights.sum()
    mean, deviation = np.random.default_rng(seed).uniform(0.5, 2.0, 2)
    z = mean + deviation * nodes
    at_the_draw = {"z^2": z**2, "z": z, "r^2": nodes**2, "(z - mean)^2": (z - mean) ** 2}
    closed = {"mean^2": mean**2, "variance": deviation**2, "mean": mean, "1": 1.0}
    assert set(MEANS) == set(at_the_draw)
    for name, values in at_the_draw.items():
        found = {"1": 0.0} | _means({name: 1.0}, 1)
        assert share @ values == pytest.approx(sum(found[one] * closed[one] for one in found))
    design = Design(
        torch.zeros(1, 1), torch.tensor([[mean]]), torch.tensor([[np.log(deviation**2)]]), (), seed
    )
    call: Any = SimpleNamespace(design=design, z=torch.tensor(z)[None, :, None])
    terms = every_term(call, named("log variance"))
    assert set(terms) == {*CLOSED, *SLIPS, *MEANS}


@pytest.mark.parametrize("seed", range(8))
def test_a_loss_outside_the_dictionary_is_never_exact_nor_accused(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b, c = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    terms: list[Any] = [
        lambda m, s, z: a * torch.sin(b * m).sum(-1),
        lambda m, s, z: a * torch.tanh(z * (1 + c)).sum(-1),
        lambda m, s, z: a * (s.exp() + b).log().sum(-1),
        lambda m, s, z: a * (m * s.flip(-1)).cos().sum(-1),
    ]
    extra, base = terms[seed % 4], Drawn if seed % 2 else Small
    model = with_methods(base, rate=lambda self, m, s, z: base.rate(self, m, s, z) + extra(m, s, z))
    report = audited(model, "formula")
    assert report.formula is not None
    assert report.formula.kind == "NOT RECOGNISED"
    assert report["formula"].outcome == "unknown"


def test_a_term_across_the_batch_is_not_fitted_by_many_columns() -> None:
    """More equations than columns, and all verified: few would explain anything."""
    methods: dict[str, Any] = {"rate": lambda self, m, s, z: (z[:, None] - m).exp().sum(-1).logsumexp(1)}
    report = audited(with_methods(**methods), "formula")
    assert report["formula"].outcome == "unknown"


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "1/4"), (6.0, "6"), (1 / 6, "1/6"), (0.123457, "0.123457")]
)
def test_numbers_are_snapped(value: float, text: str) -> None:
    assert snapped(value, {"D": 12.345678}) == text
    assert snapped(12.345678, {"D": 12.345678}) == "D"
    assert len(set(KINDS)) == len(KINDS)
