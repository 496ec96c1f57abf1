"""More digits than float64 holds, and kinks in one dimension."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from flint import acb, arb

import elboproof as ep
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import prove
from elboproof.numbers.balls import COMPLEX_BALLS, working_precision

PROBLEMS = {
    "sinh": ("sinh(z)", "0.01", ["0.7"]),
    "two modes": ("z**2", "0.04", ["0.7"]),
    "needle": ("sinh(z)", "1e-8", ["0.7"]),
}


def proved(model: ep.LatentModel, x: Sequence[object], digits: float) -> Evidence:
    """Prove within limits that are far away."""
    return prove(model, x, digits, seconds=60.0, most_cells=1_000_000)


def by_integration(model: ep.LatentModel, x: list[str], bits: int = 160) -> arb:
    """log p(x) from acb.integral between the prior's quantiles at exp(-200); the rest is below 1e-80."""
    function = model.quantities.compiled("energy", 0, COMPLEX_BALLS)
    with working_precision(bits):
        data = [acb(value) for value in x]
        cuts = [arb(k) / 10 for k in range(-200, 201)]
        parts = [
            acb.integral(lambda z, a: (-function(z, *data, analytic=a)[0]).exp(), low, high).real
            for low, high in pairwise(cuts)
        ]
        return sum(parts, arb(0)).log()


@pytest.mark.parametrize("name", PROBLEMS)
def test_25_digits_hold_the_truth_and_are_reached(name: str) -> None:
    decoder, variance, x = PROBLEMS[name]
    model = ep.LatentModel("z", [decoder], ep.Gaussian(variance))
    evidence = proved(model, x, 25)
    assert evidence.statuses == ("",)
    ((lower, upper),) = evidence.balls
    with working_precision(160):
        truth = by_integration(model, x)
        assert lower <= truth <= upper
        assert upper - lower <= 2 * arb(10) ** -25
        assert not lower + arb(10) ** -24 <= truth, "the control: a shifted bound is noticed"


def test_closed_form_in_two_dimensions_at_20_digits() -> None:
    """f = (a + b, b - a/2) is linear: C = W W' + I/4 by hand."""
    model = ep.LatentModel(["a", "b"], ["a + b", "b - a/2"], ep.Gaussian("1/4"))
    evidence = proved(model, ["0.3", "-0.2"], 20)
    ((lower, upper),) = evidence.balls
    with working_precision(120):
        c00, c01, c11 = arb(2) + arb("0.25"), arb("0.5"), arb("1.25") + arb("0.25")
        det = c00 * c11 - c01 * c01
        x, y = arb("0.3"), arb("-0.2")
        form = (c11 * x * x - 2 * c01 * x * y + c00 * y * y) / det
        truth = -form / 2 - det.log() / 2 - (2 * arb.pi()).log()
        assert lower <= truth <= upper
        assert upper - lower <= 2 * arb(10) ** -20


def test_a_string_is_exact_where_a_float_is_not() -> None:
    """0.7 and its nearest double differ by 2e-17; at 25 digits their evidences are apart."""
    model = ep.LatentModel("z", ["z"], ep.Gaussian("1e-4"))
    (exact,), (rounded,) = (proved(model, x, 25).balls for x in (["0.7"], [0.7]))
    with working_precision(160):
        assert exact[1] < rounded[0] or rounded[1] < exact[0]


@pytest.mark.parametrize("decoder", ["abs(z)", "relu(z)", "max(z, 1/2)", "relu(z) - relu(1 - 2*z)"])
def test_kinks_on_the_line_are_proved(decoder: str) -> None:
    model = ep.LatentModel("z", [decoder], ep.Gaussian("1/4"))
    evidence = proved(model, ["0.3"], 8)
    assert evidence.statuses == ("",)
    truth = by_integration(model, ["0.3"], 80)
    assert arb(float(evidence.enclosure.lower[0])) <= truth <= arb(float(evidence.enclosure.upper[0]))


def test_a_relu_network_is_proved() -> None:
    """The same function as a network and as a string."""
    import torch

    network = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1)).double()
    values = ([[1.0], [-2.0]], [0.0, 1.0], [[1.0, -1.0]], [0.0])
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))
    models = (
        ep.LatentModel.from_torch(network, likelihood=ep.Gaussian("1/4")),
        ep.LatentModel("z", ["relu(z) - relu(1 - 2*z)"], ep.Gaussian("1/4")),
    )
    first, second = (ep.log_evidence(model, [0.5], digits=8) for model in models)
    assert first.lower <= second.upper
    assert second.lower <= first.upper
    assert first.width <= 2e-8


@pytest.mark.parametrize(
    ("decoder", "x", "straight", "moved"),
    [
        (["relu(a - b/2) + b"], ["3/10"], ["relu(a*sqrt(5)/2) + (2*b - a)/sqrt(5)"], 9),
        (["abs(a + 2*b)", "a"], ["2/5", "1/5"], ["abs(sqrt(5)*a)", "(a + 2*b)/sqrt(5)"], 9),
        (["max(a, b)"], ["3/10"], ["b/sqrt(2) + abs(a)/sqrt(2)"], 9),
    ],
)
def test_oblique_kinks_of_one_direction_are_proved(
    decoder: list[str], x: list[str], straight: list[str], moved: int
) -> None:
    """The same law with latents turned so that the kink is at a = 0, and an integral by FLINT over b agree."""
    found = ep.log_evidence(ep.LatentModel(["a", "b"], decoder, ep.Gaussian("1/100")), x, moved, seconds=30.0)
    turned = ep.log_evidence(
        ep.LatentModel(["a", "b"], straight, ep.Gaussian("1/100")), x, moved, seconds=30.0
    )
    assert found.width <= 2.1 * 10.0**-moved
    assert found.lower <= turned.upper
    assert turned.lower <= found.upper
