"""What lies beyond Gaussian codes is recognised, or answered "not recognised", and never accused."""

import math

import pytest
import torch

from elboproof.audit import Adapter, Report, audit
from elboproof.audit.masses import FLOORS, log_bin, log_negative_binomial, with_zeros
from tests.audit import beyond_codes, beyond_counts, beyond_posteriors, beyond_rates
from tests.audit.small import DRAWS, Small, audited, data

MODELS = {
    name: one
    for module in (beyond_codes, beyond_counts, beyond_posteriors, beyond_rates)
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, Small)
}
COUNTED = {"Counted", "CountedByLaw", "ZeroInflated", "MassLost", "DispersionOfItsOwn"}
QUICK = {"RelaxedBlocks", "Quantised", "Categories"}
"""Once accused, or nearest to it; the others are slow, as all that is not recognised is."""
UNKNOWN = (
    *(
        "MassLost",
        "DispersionOfItsOwn",
        "Categories",
    ),
    *("Relaxed", "StraightThrough", "RelaxedBlocks", "Bits", "Quantised", "GumbelCode", "Contractive"),
    *("NeverBelowOne", "NeverBelowOneSoft"),
)


def heard(name: str, claim: str, *checks: str) -> Report:
    torch.manual_seed(0)
    model: Small = MODELS[name]()
    x = beyond_counts.counts() if name in COUNTED else data("unit" if name == "Binned" else "real")
    adapter = Adapter(model.loss, x, (model, "encode"), (model, "decode"), claim=claim)
    return audit(adapter, draws=DRAWS, checks=checks or None)


@pytest.mark.parametrize("name", ["Counted", "CountedByLaw", "ZeroInflated"])
def test_counts_are_exact(name: str) -> None:
    report = heard(name, "-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.kind == "EXACT"
    assert "negative binomial" in report.formula.likelihood
    assert ("zero-inflated" in report.formula.likelihood) == (name == "ZeroInflated")


def test_bins_are_exact_but_at_the_edges() -> None:
    report = heard("Binned", "-elbo")
    assert report.status == "passed", str(report)
    assert report.formula is not None
    assert report.formula.likelihood.startswith(
        "discretised logistic, bins of 1/255 around the data at least 1e-7"
    )
    assert "the bins at the edges are not looked at" in report.formula.sentence


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in UNKNOWN]
)
def test_what_is_not_known_is_not_accused(name: str) -> None:
    report = heard(name, "-elbo")
    assert report.failed == (), str(report)
    assert report.status == "unknown"
    assert report.formula is not None
    assert report.formula.kind == "NOT RECOGNISED"


def test_the_noise_of_another_law_is_a_note() -> None:
    found = heard("GumbelCode", "-elbo", "noise")["noise"]
    assert found.outcome == "note"
    assert "it may be the law of this noise" in found.statement


@pytest.mark.parametrize("name", ["Quantised", "NeverBelowOneSoft"])
def test_what_is_no_flow_is_not_taken_for_one(name: str) -> None:
    """A z that does not move with s, or moves with it as behind a flow, and is none of a Gaussian draw."""
    found = heard(name, "-elbo", "noise")["noise"]
    assert found.outcome == "note"
    assert found.statement.startswith("z is no Gaussian sample of the tapped q")


def test_a_small_term_is_not_overlooked() -> None:
    methods = {"rate": lambda self, m, s, z: Small.rate(self, m, s, z) + 1e-5 * torch.sin(m).sum(-1)}
    report = audited(type("Near", (Small,), methods)(), "formula")
    assert report["formula"].outcome == "unknown"
    assert "it equals a formula with a Gaussian likelihood up to" in report["formula"].statement


def test_a_closed_form_is_no_drawn_density() -> None:
    """E exp(-loss) is p(x) only where log q is drawn."""

    class Entropy(beyond_posteriors.GumbelCode):
        def rate(self, mean: torch.Tensor, s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
            # a term of s alone keeps the formula from being read as that of a Gaussian
            return (z**2 / 2 - s - 1 + torch.cos(s)).sum(-1)

    report = audited(Entropy(), "evidence", claim="-elbo")
    assert report["evidence"].outcome == "note"
    assert "does not draw log q" in report["evidence"].statement


def test_the_axis_of_the_weights_is_named() -> None:
    for name, axis, count, others in (("TwoAxes", 2, 4, 3), ("FirstAxis", 1, 3, 4)):
        report = heard(name, "-iwae", "samples")
        assert report.ok, str(report)
        statement = report["samples"].statement
        assert (
            f"a mean over {others} samples of the importance-weighted bound, along axis {axis} of 2,"
            in statement
        )
        assert f"of {count} samples;" in statement


def test_the_count_of_another_axis_is_no_bound_as_claimed() -> None:
    report = heard("OtherCount", "-iwae", "samples")
    assert report.failed == ("samples",)
    assert report.formula is not None
    assert report.formula.offset == pytest.approx(math.log(4 / 3))


def test_values_per_datum_of_several_samples() -> None:
    bound = heard("BoundOfEach", "-iwae", "samples", "gradient")
    assert bound.status == "passed", str(bound)
    mean = heard("MeanOfEach", "-elbo", "formula", "gradient")
    assert mean.status == "passed", str(mean)


def test_a_prior_of_a_condition_is_not_accused() -> None:
    torch.manual_seed(0)
    model = beyond_rates.ConditionalPrior()
    given = (data(), torch.eye(3)[torch.arange(12) % 3])
    report = audit(
        Adapter(model.given, given, (model, "encode"), (model, "decode"), claim="-elbo"), draws=DRAWS
    )
    assert report.failed == (), str(report)
    assert report.unknown == ("formula",)
    assert report.sizes["dtype"] == "float64"


def test_a_loss_that_is_not_finite_is_said_to_be_so() -> None:
    methods = {"rate": lambda self, m, s, z: m.log().sum(-1)}
    report = audited(type("Roots", (Small,), methods)(), "state")
    assert report["state"].outcome == "unknown"
    assert "not finite" in report["state"].statement


def test_masses_sum_to_one() -> None:
    x = torch.arange(400, dtype=torch.float64)
    total, logits = torch.tensor(1.7, dtype=torch.float64), torch.tensor(0.4, dtype=torch.float64)
    mass = log_negative_binomial(x, total, logits) - torch.lgamma(x + 1)
    assert float(mass.exp().sum()) == pytest.approx(1, abs=1e-12)
    more = with_zeros(mass, x, torch.tensor(-0.3, dtype=torch.float64))
    assert float(more.exp().sum()) == pytest.approx(1, abs=1e-12)
    zero = torch.sigmoid(torch.tensor(-0.3, dtype=torch.float64))
    assert float(more[0].exp()) == pytest.approx(float(zero + (1 - zero) * mass[0].exp()), rel=1e-12)
    edges = torch.arange(-4000, 4000, dtype=torch.float64) / 100
    bins = log_bin(
        edges, 0.01, torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.2, dtype=torch.float64)
    )
    assert float(bins.exp().sum()) == pytest.approx(1, abs=1e-12)


def test_floors_change_what_is_below_them_alone() -> None:
    low, high = torch.tensor([-40.0], dtype=torch.float64), torch.tensor([-0.5], dtype=torch.float64)
    assert float(FLOORS[" at least 1e-7"](low)) == pytest.approx(math.log(1e-7))
    assert float(FLOORS[" at least 1e-12"](low)) == pytest.approx(math.log(1e-12))
    assert float(FLOORS[" plus 1e-7"](low)) == pytest.approx(math.log(1e-7 + math.exp(-40)))
    for name, floor in FLOORS.items():
        assert float(floor(high)) == pytest.approx(-0.5, abs=2e-7 if "plus" in name else 0)
