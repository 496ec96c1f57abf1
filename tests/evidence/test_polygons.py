"""Evidences of piecewise linear decoders by pieces: generated networks, closed forms, twins and limits."""

import time
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb

import elboproof as ep
from elboproof.evidence import polygons
from elboproof.evidence.log_evidence import evidence_of, prove
from elboproof.model.data import data_of
from elboproof.numbers.exact import ball_of
from elboproof.numbers.precision import working_precision
from tests.evidence.piecewise_cases import by_pieces, instance, model_of, require_instance
from tests.evidence.piecewise_truth import Layers, log_evidence

QUICK = range(30)
SEED_OF_TWO = 26
"""An instance with two latents."""


@pytest.mark.parametrize("seed", QUICK)
def test_generated_networks(seed: int) -> None:
    require_instance(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(len(QUICK), 330))
def test_more_generated_networks(seed: int) -> None:
    require_instance(seed)


def _log_relu(x: str, variance: str, digits: int) -> arb:
    """Return log p of relu(z): half the mass at 0, and a truncated Gaussian integral."""
    with working_precision(int(4 * digits) + 100):
        t, v = arb(x), arb(1) / arb(variance)
        root = arb(2).sqrt()
        below = (-t * t / (2 * v)).exp() / v.sqrt() / 2
        place = t / (1 + v) / (v / (1 + v)).sqrt()
        above = (-t * t / (2 * (1 + v))).exp() / (1 + v).sqrt() * (-place / root).erfc() / 2
        return (below + above).log() - (2 * arb.pi()).log() / 2


@pytest.mark.parametrize("digits", [5, 10, 50, 200])
@pytest.mark.parametrize("x", ["0.7", "-3", "12"])
def test_closed_form_of_one_latent(x: str, digits: int) -> None:
    model = ep.LatentModel("z", ["relu(z)"], ep.Gaussian("1/100"))
    found = ep.log_evidence(model, [x], digits)
    truth = _log_relu(x, "100", digits)
    if found.exact is None:
        assert found.contains(float(truth))
        assert found.width <= 2 * 10.0**-digits
        return
    with working_precision(int(4 * digits) + 100):
        low, high = (ball_of(end.item()) for end in found.exact)
        assert low <= truth <= high
        assert high - low <= 2 * arb(10) ** -digits


def test_two_latents_in_closed_form() -> None:
    # a and b do not meet: the evidence is a product
    model = ep.LatentModel(["a", "b"], ["relu(a)", "2*relu(b)"], ep.Gaussian(["1/100", "4/25"]))
    found = ep.log_evidence(model, ["0.7", "1"], 12)
    truth = _log_relu("0.7", "100", 12) + _log_relu("0.5", "25", 12) - arb(2).log()
    assert found.lower <= float(truth) <= found.upper
    assert found.width < 2e-12


DEGENERATE = {
    "dead units": (["relu(a) - relu(-2 - abs(b))", "b + relu(0*a - 1)"], ["0.3", "0.1"]),
    "equal units": (["relu(a + b) + relu(a + b) - relu(2*a + 2*b)/2", "a"], ["0.3", "0.1"]),
    "parallel lines": (["relu(a) + relu(a - 1) + relu(1 - a) + abs(a + 1/3)", "b"], ["0.3", "0.1"]),
    "all lines through a corner": (
        ["relu(a) + relu(b) + relu(a + b) + abs(a - b) + relu(2*a - b)", "b"],
        ["1", "0"],
    ),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_decoders_agree_with_cells(name: str) -> None:
    decoder, x = DEGENERATE[name]
    model = ep.LatentModel(["a", "b"], decoder, ep.Gaussian("1/4"))
    found = by_pieces(model, x)
    assert found.statuses == ("",)
    cells = prove(model, x, 2, seconds=20.0, most_cells=200_000)
    assert cells.enclosure.lower[0] <= found.enclosure.midpoint[0] <= cells.enclosure.upper[0]
    assert cells.enclosure.width[0] < 0.1


TWICE = {
    "max by abs": (["max(a, b)", "abs(a - b)"], ["(a + b + abs(a - b))/2", "2*max(a, b) - a - b"]),
    "zero on a region": (
        ["abs(relu(a) - max(a, 0)) + relu(relu(-a) - relu(a)) + b", "abs(relu(a))"],
        ["relu(-a) + b", "relu(a)"],
    ),
    "hard tanh by relu": (["max(-1, min(1, a))", "b"], ["relu(a + 1) - relu(a - 1) - 1", "b"]),
}


@pytest.mark.parametrize("name", TWICE)
def test_the_same_decoder_written_twice(name: str) -> None:
    models = [ep.LatentModel(["a", "b"], decoder, ep.Gaussian("1/10")) for decoder in TWICE[name]]
    first, second = (ep.log_evidence(model, ["0.3", "0.8"], 12) for model in models)
    assert abs(first.midpoint - second.midpoint) < 3e-12


def test_a_normal_prior_is_a_change_of_the_first_layer() -> None:
    layers, variances, x = instance(SEED_OF_TWO)
    model = model_of(layers, variances)
    assert model.latent_dim == 2
    factor, mean = np.array([[2.0, 0.0], [-1.0, 0.5]]), np.array([0.5, -0.25])
    covariance = (factor @ factor.T).tolist()
    placed = ep.LatentModel.from_torch(
        _network(layers), ep.Gaussian(variances.tolist()), prior=ep.Normal(mean.tolist(), covariance)
    )
    first = layers.weights[0]
    changed = Layers(
        [first @ factor, *layers.weights[1:]], [layers.biases[0] + first @ mean, *layers.biases[1:]], 0.0, 1.0
    )
    changed = Layers(changed.weights, changed.biases, layers.below, layers.above)
    found = by_pieces(placed, x.tolist())
    other = by_pieces(model_of(changed, variances), x.tolist())
    assert found.statuses == other.statuses == ("",)
    assert abs(found.enclosure.midpoint[0] - other.enclosure.midpoint[0]) < 1e-9
    assert abs(found.enclosure.midpoint[0] - log_evidence(changed, variances, x)) < 1e-4


def _network(layers: Layers) -> torch.nn.Sequential:
    from tests.evidence.piecewise_cases import module

    return module(layers)


def test_a_mixture_is_proved_component_by_component() -> None:
    parts = [ep.Normal([0, 0], [[1, 0], [0, 1]]), ep.Normal(["1/2", -1], [[2, "1/2"], ["1/2", 1]])]
    decoder, likelihood, x = ["abs(a)", "relu(b) - a"], ep.Gaussian("1/9"), ["1/3", "1"]
    model = ep.LatentModel(["a", "b"], decoder, likelihood, prior=ep.Mixture(parts, ["1/4", "3/4"]))
    found = ep.log_evidence(model, x, 10)
    logs = [
        float(ep.log_evidence(ep.LatentModel(["a", "b"], decoder, likelihood, prior=part), x, 11).midpoint)
        for part in parts
    ]
    assert abs(found.midpoint - np.logaddexp(logs[0] + np.log(0.25), logs[1] + np.log(0.75))) < 1e-9
    assert found.width <= 2e-10


def test_a_full_covariance_is_a_change_of_the_outputs() -> None:
    # y = T x, T unit lower triangular: the same density
    plain = ep.LatentModel(["a", "b"], ["abs(a)", "relu(b) - a"], ep.Gaussian(["1/4", "1/9"]))
    turned = ep.LatentModel(
        ["a", "b"],
        ["abs(a)", "abs(a)/2 + relu(b) - a"],
        ep.Gaussian(covariance=[["1/4", "1/8"], ["1/8", "25/144"]]),
    )
    first = ep.log_evidence(plain, ["1/3", "1"], 12)
    second = ep.log_evidence(turned, ["1/3", "7/6"], 12)
    assert abs(first.midpoint - second.midpoint) < 3e-12


def test_rows_are_proved_as_if_alone() -> None:
    layers, variances, x = instance(8)
    model = model_of(layers, variances)
    rows = np.stack([x + shift for shift in (-0.5, 0.0, 2.0, 30.0)])
    together = ep.log_evidence(model, rows, 10)
    for row, low, high in zip(rows, together.lower, together.upper, strict=True):
        alone = ep.log_evidence(model, row, 10)
        assert low <= alone.upper
        assert alone.lower <= high
        assert high - low <= 2e-10


def test_data_far_from_all_outputs_widen_the_box() -> None:
    model = ep.LatentModel(["a", "b"], ["relu(a)", "relu(b)/8"], ep.Gaussian("1/100"))
    found = by_pieces(model, ["40", "30"])
    assert found.statuses == ("",)
    truth = _log_relu("40", "100", 12) + _log_relu("240", "25/16", 12) + arb(8).log()
    assert found.enclosure.lower[0] <= float(truth) + 1e-9
    assert float(truth) - 1e-9 <= found.enclosure.upper[0]


@pytest.mark.parametrize("variance", ["1e-12", "1e-30", "1e12"])
def test_variances_far_from_1(variance: str) -> None:
    model = ep.LatentModel(["a", "b"], ["relu(a)", "2*relu(b)"], ep.Gaussian([variance, "1/100"]))
    found = by_pieces(model, ["0.7", "1"])
    assert found.statuses == ("",)
    inverse = str(1 / Fraction(variance))
    truth = _log_relu("0.7", inverse, 12) + _log_relu("0.5", "400", 12) - arb(2).log()
    assert abs(found.enclosure.midpoint[0] - float(truth)) < 1e-9


def test_more_digits_lie_within_fewer() -> None:
    layers, variances, x = instance(2)
    model = model_of(layers, variances)
    few, many = ep.log_evidence(model, x, 6), ep.log_evidence(model, x, 40)
    assert few.lower <= many.midpoint <= few.upper
    assert many.exact is not None
    assert float(many.exact[1][()] - many.exact[0][()]) <= 2e-40


def test_pieces_that_would_take_too_long_are_left_to_cells() -> None:
    model = ep.LatentModel.from_torch(
        torch.nn.Sequential(torch.nn.Linear(2, 3000), torch.nn.ReLU(), torch.nn.Linear(3000, 1)),
        ep.Gaussian("1"),
    )
    began = time.monotonic()
    assert polygons.evidence(model, data_of(model, [0.0]), 4, began + 5.0, 10**6) is None
    assert time.monotonic() - began < 5.0


def test_more_pieces_than_cells_are_left_to_cells() -> None:
    model = ep.LatentModel(["a", "b"], ["relu(a)", "relu(b)"], ep.Gaussian("1"))
    assert polygons.evidence(model, data_of(model, [1, 1]), 4, time.monotonic() + 5.0, 3) is None
    found = evidence_of(model, [1, 1], 2, seconds=20.0, most_cells=3)
    assert found.enclosure.lower[0] <= found.enclosure.upper[0] < np.inf


def test_without_time_bounds_are_true() -> None:
    model = ep.LatentModel(["a", "b"], ["relu(a)", "relu(b)"], ep.Gaussian("1"))
    whole = by_pieces(model, [1, 1])
    found = evidence_of(model, [1, 1], 10, seconds=1e-9, most_cells=10**6)
    assert found.statuses[0]
    assert found.enclosure.lower[0] <= whole.enclosure.lower[0]
    assert whole.enclosure.upper[0] <= found.enclosure.upper[0]


@pytest.mark.parametrize(
    "model",
    [
        ep.LatentModel("z", ["relu(z)"], ep.Bernoulli()),
        ep.LatentModel("z", ["relu(z)"], ep.Gaussian("1"), prior=ep.Uniform(0, 1)),
        ep.LatentModel(["a", "b", "c"], ["relu(a)", "abs(b)", "max(c, 0)"], ep.Gaussian("1")),
        ep.LatentModel("z", ["relu(z)"], ep.Gaussian("exp(z)")),
        ep.LatentModel("z", ["sin(z)"], ep.Gaussian("1")),
        ep.LatentModel("z", ["z"], ep.Gaussian("1")),
    ],
    ids=["bernoulli", "uniform", "three latents", "two heads", "smooth", "affine"],
)
def test_other_models_are_left_to_others(model: ep.LatentModel) -> None:
    assert not polygons.applies(model)
