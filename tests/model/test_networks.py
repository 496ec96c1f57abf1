"""Torch networks as models: equal to the same network written as strings, and to torch itself."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from flint import acb, arb
from torch import nn

import elboproof as ep
from elboproof.evidence.energy import Energy
from elboproof.model.likelihood import Likelihood
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import working_precision
from elboproof.numbers.floating import FLOATING
from elboproof.quadrature.cells import Cells

ROUNDING = 1e-12
"""Relative error of float64 values against each other; the worst seen was 3e-14, for second derivatives."""


class Sin(nn.Module):
    def forward(self, t: torch.Tensor) -> torch.Tensor:
        return torch.sin(t)


LAYERS: dict[str, nn.Module] = {
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "softplus": nn.Softplus(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "sin": Sin(),
    "relu": nn.ReLU(),
}
LIKELIHOODS: dict[str, tuple[Likelihood, list[float]]] = {
    "scalar": (ep.Gaussian("1/10"), [0.5, -0.25, 1.0]),
    "diagonal": (ep.Gaussian(["1/10", "1/3", 2]), [0.5, -0.25, 1.0]),
    "bernoulli": (ep.Bernoulli(), [1.0, 0.0, 1.0]),
}
SMOOTH = sorted(set(LAYERS) - {"relu"})
Z = np.array([[0.3, -0.7], [1.25, 0.5], [-2.0, 0.1]])


def network(seed: int, *activations: str, widths: tuple[int, ...] = (2, 4, 3)) -> nn.Sequential:
    """Return a nested network whose weights are multiples of 1/64."""
    generator = torch.Generator().manual_seed(seed)
    parts: list[nn.Module] = []
    for n, (inputs, outputs) in enumerate(pairwise(widths)):
        linear = nn.Linear(inputs, outputs)
        for parameter in linear.parameters():
            parameter.data = torch.round(64 * torch.randn(parameter.shape, generator=generator)) / 64
        tail = [LAYERS[activations[n]]] if n < len(activations) else [nn.Identity()]
        parts.append(nn.Sequential(linear, *tail))
    return nn.Sequential(*parts, nn.Flatten(), nn.Dropout(0.5)).eval()


def written(module: nn.Sequential, *activations: str) -> list[str]:
    """Return the same network as decoder strings with exact fractions, read from the weights alone."""
    linears = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    units = ["u", "v"]
    for n, linear in enumerate(linears):
        weights, biases = linear.weight.tolist(), linear.bias.tolist()
        sums = [
            "+".join(
                [f"({Fraction(b)})", *(f"({Fraction(w)})*{unit}" for w, unit in zip(row, units, strict=True))]
            )
            for row, b in zip(weights, biases, strict=True)
        ]
        units = [f"{activations[n]}({s})" if n < len(activations) else f"({s})" for s in sums]
    return units


def pair(seed: int, activation: str, likelihood: str) -> tuple[ep.LatentModel, ep.LatentModel, list[float]]:
    module = network(seed, activation)
    known, x = LIKELIHOODS[likelihood]
    return (
        ep.LatentModel.from_torch(module, known),
        ep.LatentModel(["u", "v"], written(module, activation), known),
        x,
    )


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, rtol=ROUNDING, atol=ROUNDING))


@pytest.mark.parametrize("likelihood", sorted(LIKELIHOODS))
@pytest.mark.parametrize("activation", SMOOTH)
def test_floats_tensors_and_balls_agree_with_the_written_network(activation: str, likelihood: str) -> None:
    ours, twin, x = pair(3, activation, likelihood)
    z, data = torch.tensor(Z), torch.tensor(x, dtype=torch.float64)
    for order in (0, 1, 2):
        assert close(ours.floating.energy(Z, x, order), twin.floating.energy(Z, x, order))
        assert close(ours.floating.decoder(Z, order), twin.floating.decoder(Z, order))
        assert close(ours.floating.log_likelihood(Z, x, order), twin.floating.log_likelihood(Z, x, order))
        assert close(ours.tensors.energy(z, data, order).numpy(), twin.floating.energy(Z, x, order))
        with working_precision(200):
            mine = np.ravel(ours.balls.energy(Z[0].tolist(), x, order))
            other = np.ravel(twin.balls.energy(Z[0].tolist(), x, order))
            for a, b in zip(mine, other, strict=True):
                assert a.overlaps(b)
                assert a.rad() < 1e-50
                assert not a.overlaps(b + arb("1e-45"))


def test_balls_notice_a_weight_that_is_off_by_one_bit() -> None:
    module = network(5, "tanh")
    twin = ep.LatentModel(["u", "v"], written(module, "tanh"), ep.Gaussian(1))
    linear = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        linear.weight[0, 0] += 2.0**-18
    ours = ep.LatentModel.from_torch(module, ep.Gaussian(1))
    a, b = (m.balls.energy([0.5, 0.25], [0.0, 0.0, 0.0]) for m in (ours, twin))
    assert not a.overlaps(b)


@pytest.mark.parametrize("activation", sorted(LAYERS))
def test_gradients_and_hessians_agree_with_autograd_through_the_module(activation: str) -> None:
    module = network(7, activation, "tanh", widths=(2, 5, 4, 3)).double()
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1/10"))
    x = torch.tensor([0.5, -0.25, 1.0], dtype=torch.float64)

    def energy(z: torch.Tensor) -> torch.Tensor:
        misfit: torch.Tensor = ((x - module(z[None])[0]) ** 2).sum() * 5
        value: torch.Tensor = misfit + (z**2).sum() / 2 + 2.5 * np.log(2 * np.pi) + 1.5 * np.log(0.1)
        return value

    for point in torch.tensor(Z):
        values = [model.floating.energy(point.numpy(), x.numpy(), n) for n in range(2)]
        assert close(values[0], energy(point).detach().numpy())
        assert close(values[1], torch.func.jacrev(energy)(point).detach().numpy())
        assert not close(values[1], 1.0001 * values[1])
        if activation != "relu":
            hessian = torch.func.jacrev(torch.func.jacrev(energy))(point).detach().numpy()
            assert close(model.floating.energy(point.numpy(), x.numpy(), 2), hessian)
    z = torch.tensor(Z, requires_grad=True)
    (flow,) = torch.autograd.grad(model.tensors.energy(z, x).sum(), z)
    assert close(flow.numpy(), model.floating.energy(Z, x.numpy(), 1))


def columns(x: list[float]) -> list[BallArray]:
    return [BallArray(value) for value in x]


def boxes(rng: np.random.Generator, count: int, width: float) -> list[BallArray]:
    return [BallArray(rng.normal(size=count), width * rng.random(count)) for _ in range(2)]


@pytest.mark.parametrize("likelihood", sorted(LIKELIHOODS))
@pytest.mark.parametrize("activation", sorted(LAYERS))
def test_ball_arrays_contain_the_energies_of_their_members(activation: str, likelihood: str) -> None:
    ours, twin, x = pair(11, activation, likelihood)
    rng = np.random.default_rng(12)
    cells = Cells(np.zeros(40, dtype=int), rng.normal(size=(40, 2)), np.exp2(rng.uniform(-12, 0, (40, 2))))
    turn = np.array([[[0.8, -0.6], [0.6, 0.8]]])
    energy = Energy(ours, BallArray(np.array([x])), turn)
    bounds = energy.over(cells)
    (value,) = ours.quantities.compiled("energy", 0, BALL_ARRAYS)(*cells.box(), *columns(x))
    slopes = ours.quantities.compiled("energy", 1, BALL_ARRAYS)(*cells.box(), *columns(x))
    escaped = 0
    for _ in range(5):
        u = cells.centre + cells.half * rng.uniform(-1, 1, (40, 2))
        for i in range(40):
            exact = twin.balls.energy([arb(t) for t in u[i]], x)
            assert float(exact.upper()) >= value.lower()[i]
            assert float(exact.lower()) <= value.upper()[i]
            turned = twin.balls.energy([arb(t) for t in turn[0] @ u[i]], x)
            assert float(turned.upper()) >= bounds.least[i]
            escaped += float(turned.upper()) < bounds.central.upper()[i]
        gradient = twin.floating.energy(u, x, 1)
        for k, slope in enumerate(slopes):
            assert (gradient[:, k] >= slope.lower() - 1e-9).all()
            assert (gradient[:, k] <= slope.upper() + 1e-9).all()
    assert escaped > 20  # control: the centre's value alone is no bound
    assert np.isfinite(bounds.least).all()


@pytest.mark.parametrize("likelihood", sorted(LIKELIHOODS))
@pytest.mark.parametrize("activation", SMOOTH)
def test_complex_rectangles_contain_the_energies_of_their_members(activation: str, likelihood: str) -> None:
    ours, twin, x = pair(13, activation, likelihood)
    rng = np.random.default_rng(14)
    parts = boxes(rng, 30, 0.1)
    (value,) = ours.quantities.compiled("energy", 0, BALL_ARRAYS)(
        *(ComplexBallArray(box, BallArray(np.zeros(30), 0.2)) for box in parts),
        *columns(x),
    )
    inside = 0
    for i in range(30):
        z = [acb(box.mid[i] + box.rad[i] * rng.uniform(-1, 1), 0.2 * rng.uniform(-1, 1)) for box in parts]
        exact, again = (m.balls.energy(z, x, analytic=True) for m in (twin, ours))
        assert exact.overlaps(again)
        if not np.isfinite(value.real.rad[i]):
            continue
        inside += 1
        assert value.real.lower()[i] <= float(exact.real.upper())
        assert float(exact.real.lower()) <= value.real.upper()[i]
        assert value.imag.lower()[i] <= float(exact.imag.upper())
        assert float(exact.imag.lower()) <= value.imag.upper()[i]
    assert inside >= 10


def test_a_kink_is_not_called_analytic() -> None:
    ours, _, x = pair(11, "relu", "scalar")
    wide = [ComplexBallArray(BallArray(np.zeros(2), 3.0), BallArray(np.zeros(2), 0.1)) for _ in range(2)]
    (value,) = ours.quantities.compiled("energy", 0, BALL_ARRAYS)(*wide, *columns(x))
    assert np.isinf(value.real.rad).all()
    with pytest.raises(ValueError, match="order: got a derivative across the jump of sign"):
        ours.floating.energy(Z, x, 2)


def test_blocks_give_what_single_points_give() -> None:
    ours, _, x = pair(3, "tanh", "scalar")
    many = np.random.default_rng(0).normal(size=(3, 20_000, 2))
    data = np.array([x, [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])[:, None, :]
    values = ours.floating.energy(many, data)
    assert values.shape == (3, 20_000)
    for place in ((0, 0), (1, 9_999), (2, 19_999)):
        assert close(values[place], ours.floating.energy(many[place], data[place[0], 0]))
    assert not close(values[0], values[1])


def test_evidence_of_a_network_is_that_of_the_written_network() -> None:
    ours, twin, x = pair(3, "tanh", "scalar")
    a, b = (ep.log_evidence(model, x, digits=8) for model in (ours, twin))
    assert a.lower <= b.upper
    assert b.lower <= a.upper
    assert a.upper - a.lower <= 2e-8
    other = ep.log_evidence(twin, [0.5, -0.25, 1.001], digits=8)
    assert other.upper < a.lower or a.upper < other.lower


def test_no_points_give_as_many_values_as_one() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 4)).double()
    quantities = ep.LatentModel.from_torch(module, ep.Gaussian("1/10")).quantities
    x = [np.float64(0.5)] * 4
    for quantity, order in (("energy", 0), ("energy", 2), ("log_likelihood", 1)):
        function = quantities.compiled(quantity, order, FLOATING)
        one, none = (function(np.zeros(n), np.zeros(n), *x) for n in (1, 0))
        assert [np.shape(value) for value in none] == [(0,)] * len(one)
