"""The record: its table, its JSON, its picture; and errors of arguments."""

import json
import math
import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from elboproof import networks
from elboproof.diagnostics import Diagnostic, Diagnostics, Fitted, trained
from elboproof.diagnostics.diagnostic import KINDS, jackknife, mean_and_error, proved
from elboproof.diagnostics.picture import STYLES
from elboproof.diagnostics.text import number
from elboproof.numbers.enclosure import Enclosure
from tests.diagnostics.known import data, exact, found, linear, posterior, weights

GAUSSIAN = networks.GaussianLikelihood(0.3)


def test_every_item_has_a_name_of_its_own_and_a_kind() -> None:
    names = [one.name for one in found().items]
    assert len(set(names)) == len(names) >= 25
    for one in found().items:
        assert one.kind in KINDS
        assert math.isfinite(one.value) == (one.kind != "none") or one.kind == "indicator"
        assert one.kind != "proved" or one.error >= 0
        assert one.kind != "exact" or one.error == 0
        assert one.kind != "none" or one.status


def test_the_table_has_eighty_columns() -> None:
    lines = str(found()).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "model: trained on N = 60 of D = 4, d = 2; nats per example unless said"
    for one in found().items:
        assert any(line.startswith(f"  {one.name}") for line in lines), one.name
    assert lines[-3].split() == ["latent", "KL", "var", "of", "means", "E", "m^2+v", "mean", "gain"]


def test_many_latents_are_cut() -> None:
    x = torch.randn(30, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wide = trained(Fitted(x, x.expand(30, 25), torch.zeros(30, 25)), rows=2)
    assert str(wide).endswith("  ... and 5 more latents")
    assert "no decoder and likelihood were given" in str(wide)
    assert wide["ELBO"].kind == "none"
    assert wide.plot().axes[0].patches


def test_an_item_that_there_is_none_of_is_named() -> None:
    with pytest.raises(KeyError, match=r"'evidenc'; there are ELBO, .*evidence"):
        found()["evidenc"]


def test_json_holds_all_of_it() -> None:
    record = json.loads(json.dumps(found().to_json(), allow_nan=False))
    assert record["schema"] == 1
    assert record["sizes"] == {"N": 60, "D": 4, "d": 2}
    assert [set(one) for one in record["items"]] == [{field.name for field in fields(Diagnostic)}] * len(
        found().items
    )
    rows = found().rows
    assert rows is not None
    assert record["rows"] == rows.tolist()
    assert record["latents"]["kl"] == found().latents.kl.tolist()
    none = replace(found(), items=(Diagnostic("x", math.nan, math.nan, "none", "why"),)).to_json()
    assert none["items"][0]["value"] is None


def test_the_picture_has_four_panels() -> None:
    figure = found().plot()
    assert isinstance(figure, Figure)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [
        "KL of each latent; grey: not active",
        "where nats are",
        "sigma of each pixel",
        "gaps and tails of the rows",
    ]
    own = Figure()
    assert found().plot(own) is own
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert "<= approximation gap" in labels
    assert ">= amortisation gap" in labels
    with pytest.raises(
        TypeError, match=r"figure: got 'trained.png' of type str; expected a matplotlib Figure"
    ):
        found().plot("trained.png")  # type: ignore[arg-type]


def test_kinds_of_numbers_are_told_by_more_than_colour() -> None:
    axes = found().plot().axes[1]
    names = [label.get_text().removeprefix("<= ").removeprefix(">= ") for label in axes.get_yticklabels()]
    hatches = {found()[name].kind: bar.get_hatch() for name, bar in zip(names, axes.patches, strict=True)}
    assert {"exact", "estimate"} <= set(hatches)
    assert len(set(hatches.values())) == len(hatches)
    legend = axes.get_legend()
    assert legend is not None
    drawn = zip(legend.get_texts(), legend.get_patches(), strict=True)
    assert {text.get_text(): patch.get_hatch() for text, patch in drawn} == hatches
    assert len({hatch for _, hatch in STYLES.values()}) == len(STYLES)


def test_the_picture_leaves_pyplot_alone() -> None:
    before = "matplotlib.pyplot" in sys.modules
    found().plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23456, 0.0123, "1.235 +- 0.013"),
        (-1.23456, 0.5, "-1.23 +- 0.51"),
        (123.4, 17.0, "123 +- 18"),
        (2.0, 0.0, "2"),
        (math.inf, 0.0, "inf"),
    ],
)
def test_numbers_have_the_places_of_their_errors(value: float, error: float, text: str) -> None:
    assert number(Diagnostic("x", value, error, "estimate")) == text


def test_what_is_shown_of_a_proof_holds_the_proof() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        middle, half = rng.normal() * 10, 10 ** rng.uniform(-8, 1)
        one = proved("x", Enclosure(middle - half, middle + half))
        assert one.value - one.error <= middle - half
        assert middle + half <= one.value + one.error
        value, _, error = number(one).partition(" +- ")
        assert float(value) - float(error) <= middle - half + 1e-12
        assert middle + half - 1e-12 <= float(value) + float(error)


def test_errors_from_draws_are_those_of_textbooks() -> None:
    draws = np.random.default_rng(1).normal(size=(40, 3))
    mean, error = mean_and_error(draws[:, 0].tolist())
    assert mean == pytest.approx(draws[:, 0].mean(), abs=1e-15)
    assert error == pytest.approx(draws[:, 0].std(ddof=1) / math.sqrt(40), rel=1e-12)
    # of a linear function the jackknife is exact
    assert jackknife(lambda m: float(m @ [1.0, 2.0, -1.0]), draws) == pytest.approx(
        mean_and_error((draws @ [1.0, 2.0, -1.0]).tolist()), rel=1e-9
    )


def test_equal_seeds_give_equal_numbers() -> None:
    one, other, third = (trained(exact(), rows=3, draws=4, seed=seed) for seed in (1, 1, 2))
    assert one.to_json() == other.to_json()
    assert one["ELBO"].value != third["ELBO"].value


def test_weights_that_are_equal_have_no_tail() -> None:
    assert found()["Pareto k, median"].value == -math.inf
    k = found().pareto_k
    assert k is not None
    assert k.tolist() == [-math.inf] * 12
    assert found().to_json()["pareto_k"] == [None] * 12


def test_arviz_can_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz_stats.base", None)
    one = trained(exact(narrowed=0.5), rows=2, draws=4)
    assert one["Pareto k, median"].status == 'arviz-stats is missing: pip install "arviz-stats>=0.8"'
    assert one.pareto_k is None
    assert one.plot().axes[3].patches  # a histogram in the place of tails


def _fitted(**changes: Any) -> Fitted:
    means, variances = posterior(data())
    given: dict[str, Any] = {"x": data(), "means": means, "log_variances": variances.log()}
    given |= {"decode": linear(*weights()), "likelihood": GAUSSIAN}
    return Fitted(**{**given, **changes})


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one row": ({"x": data()[:1]}, ValueError, "x: got 1 rows; expected at least 2"),
    "other means": ({"means": torch.zeros(3, 2)}, ValueError, r"means: got shape \(3, 2\)"),
    "NaN": ({"log_variances": torch.full((60, 2), math.nan)}, ValueError, "log_variances: .*expected finite"),
    "no function": ({"decode": 3}, TypeError, "decode: got 3 of type int; expected a function, or None"),
    "half a model": ({"likelihood": None}, TypeError, "likelihood: .*expected one beside a decoder"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_model_is_refused(name: str) -> None:
    changes, error, words = BAD[name]
    with pytest.raises(error, match=words):
        _fitted(**changes)


OPTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "rows": ({"rows": 1}, ValueError, "rows: got 1; expected an integer, at least 2"),
    "draws": ({"draws": 2.0}, TypeError, "draws: got 2.0 of type float; expected an integer"),
    "simulated": ({"simulated": -1}, ValueError, "simulated: got -1; expected an integer, at least 0"),
    "seconds": ({"seconds": 0}, ValueError, "seconds: got 0; expected a positive number"),
    "scale": ({"scale": math.nan}, ValueError, "scale: got nan; expected a positive number"),
    "seed": ({"seed": -1}, ValueError, "seed: got -1; expected an integer from 0"),
    "data twice": ({"x": data()}, TypeError, "x: .*expected nothing beside a Fitted"),
    "misspelt": ({"row": 3}, TypeError, "got an argument 'row'; expected .*did you mean rows?"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_wrong_options_are_refused(name: str) -> None:
    changes, error, words = OPTIONS[name]
    call: Any = trained
    with pytest.raises(error, match=words):
        call(exact(), **changes)


def test_no_model_and_no_data_are_refused() -> None:
    with pytest.raises(
        TypeError, match=r"model: got 3 of type int; expected a Fitted, or what networks.train"
    ):
        trained(3)  # type: ignore[arg-type]
    wrong = _fitted(decode=torch.nn.Linear(2, 3))
    with pytest.raises(ValueError, match="decode: got 3 outputs; expected 4, as x has"):
        trained(wrong, rows=2)
    one = _fitted(decode=torch.nn.Linear(2, 1))
    with pytest.raises(ValueError, match="decode: got 1 outputs; expected 4, as x has"):
        trained(one, rows=2)
    single = _fitted(decode=lambda z: z.float() @ torch.ones(2, 4))
    with pytest.raises(TypeError, match=r"decode: got outputs of torch.float32; expected float64"):
        trained(single, rows=2)


def test_digits_from_training_to_picture() -> None:
    """A small network on digits, and what must hold of any model."""
    digits = networks.digits()
    net = networks.train(digits, variant="sigma-vae", latents=2, hidden=(16,), steps=150)
    with pytest.raises(TypeError, match=r"x: got None of type NoneType; expected the data \(N, D\)"):
        trained(net)
    one = trained(net, digits.train, rows=4, seconds=40.0)
    assert isinstance(one, Diagnostics)
    assert one.sizes == (1197, 64, 2)
    terms = net.terms["train"]
    assert abs(one["rate"].value - terms.rate) <= 1e-9
    assert (
        abs(one["reconstruction"].value - terms.likelihood) <= 1.0
    )  # at the best variance of the split, one draw
    both = one["information"].value + one["aggregate KL"].value
    assert abs(both - terms.rate) <= 4.5 * (one["information"].error + one["aggregate KL"].error)
    assert one["information"].value <= math.log(1197)
    assert one["evidence"].kind == "proved"
    assert one.evidences is not None
    assert one.elbos is not None
    assert (one.evidences >= one.elbos - 0.5).all()
    assert one["gain of pixel variances"].value > 10
    assert one["decoder gap"].value > 1
    assert max(map(len, str(one).splitlines())) <= 80
    assert len(one.plot().axes) == 5  # four panels and the colours of the sigmas
