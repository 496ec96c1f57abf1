"""Layers of torch as layers of a network: torch's own values and derivatives, in every number system."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import acb, arb, fmpq
from torch import nn

import elboproof as ep
from elboproof.model.activations import compiled_activation, growth_of, known
from elboproof.model.latent_model import NetworkModel
from elboproof.model.network_growth import _outputs, network_majorants
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.floating import FLOATING
from tests.model.layer_problems import KINKED, MAKERS, made
from tests.numbers.test_majorants import bound

ROUNDING = 1e-11
"""Relative, of torch's second derivatives against ours; the worst seen was 2e-14."""
Z = np.random.default_rng(1).normal(size=(6, 2))


def model_of(module: nn.Module, variance: str = "1/4") -> NetworkModel:
    model = ep.LatentModel.from_torch(module, ep.Gaussian(variance))
    assert isinstance(model, NetworkModel)
    return model


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a), np.asarray(b), rtol=ROUNDING, atol=ROUNDING))


def by_torch(module: nn.Module, z: np.ndarray, order: int) -> np.ndarray:
    """Return f or its derivatives, (P, D) + (d,) * order."""

    def one(t: torch.Tensor) -> torch.Tensor:
        flat: torch.Tensor = module(t[None]).reshape(-1)
        return flat

    function: Callable[[torch.Tensor], torch.Tensor] = one
    for _ in range(order):
        function = torch.func.jacrev(function)
    return np.array([function(t).detach().numpy() for t in torch.tensor(z)])


def same_values(kind: str) -> None:
    module = made(kind, 2)
    model = model_of(module)
    for order in range(2 if kind in KINKED else 3):
        assert close(model.floating.decoder(Z, order), by_torch(module, Z, order))
    z = torch.tensor(Z, requires_grad=True)
    flow = torch.autograd.grad(model.tensors.decoder(z).sum(), z)[0].numpy()
    assert close(flow, by_torch(module, Z, 1).sum(1))


@pytest.mark.parametrize("kind", MAKERS)
def test_values_and_derivatives_are_those_of_torch(kind: str) -> None:
    same_values(kind)


def points_agree(kind: str) -> None:
    module = made(kind, 2)
    model = model_of(module)
    with working_precision(200):
        for z in Z:
            balls = model.balls.decoder(z.tolist())
            assert all(ball.rad() < 1e-50 for ball in balls)
            assert close([float(ball.mid()) for ball in balls], by_torch(module, z[None], 0)[0])


@pytest.mark.parametrize("kind", MAKERS)
def test_balls_at_points_are_narrow_and_torch_is_near(kind: str) -> None:
    points_agree(kind)


def boxes_contain(kind: str) -> None:
    module, rng = made(kind, 2), np.random.default_rng(2)
    model, half = model_of(module), np.exp2(rng.uniform(-12, 2, (40, 2)))
    centre = rng.normal(size=(40, 2))
    box = [BallArray(centre[:, k], half[:, k]) for k in (0, 1)]
    values = model.quantities.compiled("decoder", 0, BALL_ARRAYS)(*box)
    slopes = model.quantities.compiled("decoder", 1, BALL_ARRAYS)(*box)
    moved = 0.0
    for _ in range(20):
        z = centre + half * rng.uniform(-1, 1, (40, 2))
        f, g = by_torch(module, z, 0), by_torch(module, z, 1)
        for j, value in enumerate(values):
            room = ROUNDING * (1 + np.abs(f[:, j]))
            assert (value.lower() <= f[:, j] + room).all()
            assert (f[:, j] - room <= value.upper()).all()
            moved = max(moved, np.abs(f[:, j] - value.mid).max())
        for n, slope in enumerate(slopes):  # direction by direction, entry by entry
            k, j = divmod(n, len(values))
            room = ROUNDING * (1 + np.abs(g[:, j, k]))
            assert (slope.lower() <= g[:, j, k] + room).all()
            assert (g[:, j, k] - room <= slope.upper()).all()
    assert moved > 1e-2  # control: the centres alone are no bounds


@pytest.mark.parametrize("kind", MAKERS)
def test_ball_arrays_contain_what_torch_gives_in_their_boxes(kind: str) -> None:
    boxes_contain(kind)


@pytest.mark.parametrize("kind", sorted(set(MAKERS) - KINKED))
def test_complex_rectangles_contain_the_balls_of_their_members(kind: str) -> None:
    model, rng = model_of(made(kind, 2)), np.random.default_rng(3)
    parts = [BallArray(rng.normal(size=30), 0.01 * rng.random(30)) for _ in range(2)]
    boxes = [ComplexBallArray(part, BallArray(np.zeros(30), 0.02)) for part in parts]
    x = [0.0] * model.data_dim
    (value,) = model.quantities.compiled("energy", 0, BALL_ARRAYS)(*boxes, *(BallArray(t) for t in x))
    inside = 0
    for i in range(30):
        z = [acb(p.mid[i] + p.rad[i] * rng.uniform(-1, 1), 0.02 * rng.uniform(-1, 1)) for p in parts]
        if np.isfinite(value.real.rad[i]):
            exact = model.balls.energy(z, x, analytic=True)
            inside += 1
            assert value.real.lower()[i] <= float(exact.real.upper())
            assert float(exact.real.lower()) <= value.real.upper()[i]
            assert value.imag.lower()[i] <= float(exact.imag.upper())
            assert float(exact.imag.lower()) <= value.imag.upper()[i]
    assert inside >= 10


def norms_are_exact() -> None:
    """Layers with a single unit or two, written out in balls from the exact numbers."""
    linear, norm = nn.Linear(1, 2).double(), nn.BatchNorm1d(2, eps=0.001).double().eval()
    norm.running_var, norm.running_mean = (
        torch.tensor([2.0, 3.0]).double(),
        torch.tensor([0.5, 0.25]).double(),
    )
    nn.init.constant_(norm.weight, 1.5)
    batch, layer = model_of(nn.Sequential(linear, norm)), nn.LayerNorm(2, eps=0.01).double()
    whole = model_of(nn.Sequential(linear, layer))
    with working_precision(300):
        w, b = ([arb(float(t)) for t in p.detach().flatten()] for p in (linear.weight, linear.bias))
        h = [w[k] * arb("0.7") + b[k] for k in (0, 1)]
        eps = arb(0.001)
        wanted = [
            (h[k] - float(norm.running_mean[k])) * arb("1.5") / (float(norm.running_var[k]) + eps).sqrt()
            for k in (0, 1)
        ]
        for got, want in zip(batch.balls.decoder(["0.7"]), wanted, strict=True):
            assert got.overlaps(want)
            assert not got.overlaps(want * (1 + arb("1e-40")))
        deviation = (((h[0] - h[1]) / 2) ** 2 + arb(0.01)).sqrt()
        for got, sign in zip(whole.balls.decoder(["0.7"]), (1, -1), strict=True):
            assert got.overlaps(sign * (h[0] - h[1]) / 2 / deviation)
            assert not got.overlaps(sign * (h[0] - h[1]) / 2 / deviation * (1 + arb("1e-40")))


def test_norms_are_those_of_the_exact_numbers() -> None:
    norms_are_exact()


def wide_boxes_are_cut() -> None:
    """A layer norm of n units is at most sqrt(n - 1) in size, over any box: the enclosure says sqrt(n) at most."""
    model = model_of(nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4)).double())
    for half in (1.0, 1e3, 1e150):
        values = model.quantities.compiled("decoder", 0, BALL_ARRAYS)(*[BallArray(np.zeros(1), half)] * 2)
        assert all(value.mag()[0] <= 2.000001 for value in values)
    assert all(abs(value) <= 2.000001 for value in model.balls.decoder([arb(0, 1e3), arb(0, 1e3)]))


def test_layer_norms_are_bounded_over_wide_boxes() -> None:
    wide_boxes_are_cut()


def growth_bounds(kind: str) -> None:
    module, rng = made(kind, 2), np.random.default_rng(4)
    model = model_of(module)
    x = [0.25] * model.data_dim
    eps = rng.normal(size=(2, 60)) * rng.choice([0.1, 1.0, 10.0], 60)
    z = np.array([[0.3], [-0.8]]) + np.array([[0.5, 0.0], [0.25, 0.75]]) @ eps
    sizes = [(0.3, 0.5), (0.8, float(np.hypot(0.25, 0.75)))]
    for order in range(2 if kind in KINKED else 3):
        majorants = network_majorants(model.network, model.likelihood, [(t, t) for t in x], sizes, order)
        values = model.quantities.compiled("log_likelihood", order, FLOATING)(
            *z, *(np.full(60, t) for t in x)
        )
        for value, majorant in zip(values, majorants, strict=True):
            assert (np.abs(value) <= bound(majorant, np.linalg.norm(eps, axis=0)) * (1 + 1e-9)).all()


@pytest.mark.parametrize("kind", MAKERS)
def test_growth_bounds_the_values(kind: str) -> None:
    growth_bounds(kind)


def growth_is_near() -> None:
    """One latent z, |z| <= r: bounds of a batch norm are reached, those of a layer norm within their constants."""
    linear, batch = nn.Linear(1, 2).double(), nn.BatchNorm1d(2, eps=0.25).double().eval()
    linear.weight.data, linear.bias.data = torch.tensor([[0.5], [-0.5]]).double(), torch.zeros(2).double()
    batch.running_mean, batch.running_var = (
        torch.tensor([5.0, -3.0]).double(),
        torch.tensor([2.0, 6.0]).double(),
    )
    grown = _outputs(model_of(nn.Sequential(linear, batch)).network, [(0.0, 1.0)], 2)
    assert np.allclose(grown.offset, [5 / 1.5, 3 / 2.5], rtol=1e-14)
    assert (grown.offset >= [5 / 1.5, 3 / 2.5]).all()
    assert np.allclose([grown.slope, grown.first[0]], [[0.5 / 1.5, 0.5 / 2.5]] * 2, rtol=1e-14)
    module = nn.Sequential(linear, nn.LayerNorm(2, eps=0.01).double())
    grown = _outputs(model_of(module).network, [(0.0, 1.0)], 2)
    z = np.linspace(-1, 1, 2001)[:, None]
    first, second = (np.abs(by_torch(module, z, order)).max(0) for order in (1, 2))
    for most, reached, factor in (
        (grown.offset, np.abs(by_torch(module, z, 0)).max(0), 1.5),  # sqrt(n) for sqrt(n - 1)
        (grown.first[0], first.ravel(), 2.5),  # 1 + sqrt(n)
        (grown.second[0, 0], second.ravel(), 13.0),  # (2 sqrt(n) + 4 n) / 0.859
    ):
        assert (reached <= most).all()
        assert (most <= factor * reached).all()


def test_growth_bounds_of_norms_are_near_what_is_reached() -> None:
    growth_is_near()


@pytest.mark.parametrize(
    "name", ["gelu_tanh", "elu(1.25)", "elu(-2.0)", "leaky_relu(0.3)", "leaky_relu(-3.0)"]
)
def test_bounds_of_activations_hold_everywhere(name: str) -> None:
    """In balls over cells of [-12, 12]; beyond, gelu's slopes are 1 or 0 up to 1e-20, and the others are linear."""
    given, order = known(name), 1 if known(name).curve is None else 2
    taylor = compiled_activation(name, order, REAL_BALLS)
    constant, rate = growth_of(name)
    for k in range(-6000, 6000):
        if k in (-1, 0) and given.cut:
            continue  # at the kink itself the derivative is between those of both sides
        _, *derivatives = taylor(arb(fmpq(2 * k + 1, 1000), fmpq(1, 1000)))
        assert given.slope is not None
        assert abs(derivatives[0]) <= given.slope
        if order == 2:
            assert given.curve is not None
            assert abs(derivatives[1] * 2) <= given.curve
        t = arb(fmpq(2 * k + 1, 1000))
        assert abs(taylor(t)[0]) <= constant + rate * abs(t) * (1 + arb("1e-12"))


def convolutions_are_matrices() -> None:
    """Against torch on unit images, whose outputs are the entries themselves."""
    cases: list[tuple[nn.Module, tuple[int, int, int]]] = [
        (nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), (2, 5, 4)),
        (nn.Conv2d(2, 3, 4, padding="same", dilation=(2, 1), bias=False), (2, 4, 5)),
        (nn.Conv2d(1, 2, 2, padding="valid"), (1, 3, 3)),
        (
            nn.ConvTranspose2d(4, 2, (3, 2), stride=(2, 3), padding=(1, 0), output_padding=(1, 0), groups=2),
            (4, 2, 3),
        ),
        (nn.ConvTranspose2d(1, 3, 3, dilation=(2, 1), bias=False), (1, 3, 2)),
    ]
    for module, shape in cases:
        size = int(np.prod(shape))
        network = model_of(nn.Sequential(nn.Unflatten(1, shape), module).double().eval()).network
        (layer,) = network.affine
        weights = module.state_dict()["weight"].numpy()
        with torch.no_grad():
            images = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
            got = module(images).reshape(size, -1).numpy()
            bias = module(0 * images[:1]).reshape(-1).numpy()
        assert (layer.bias == bias).all()
        assert close(layer.weight.entries.T + bias, got)
        assert set(np.unique(layer.weight.entries)) <= {0.0, *weights.ravel().tolist()}


def test_convolutions_are_matrices_of_their_weights() -> None:
    convolutions_are_matrices()


def sums_are_affine() -> None:
    """A residual sum of affine maps is affine, exactly: W = I + W2 W1, whose gap is 0."""

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            moved: torch.Tensor = z + self.second(self.first(z))
            return moved

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = model_of(Sum())
    first, second = (
        [[Fraction(w) for w in row] for row in layer.weight.entries.tolist()]
        for layer in model.network.affine
    )
    rows = [[(j == k) + sum(second[j][i] * first[i][k] for i in (0, 1)) for k in (0, 1)] for j in (0, 1)]
    shift = [float(t) for t in model.floating.decoder([0.0, 0.0])]
    written = ep.LatentModel(
        ["u", "v"],
        [f"({a})*u + ({b})*v + ({Fraction(c)})" for (a, b), c in zip(rows, shift, strict=True)],
        ep.Gaussian("1/4"),
    )
    ours, other = ep.log_evidence(model, [0.5, 0.25], 10), ep.log_evidence(written, [0.5, 0.25], 10)
    assert abs(ours.midpoint - other.midpoint) < 1e-9
    gap = ep.gap(model, [0.5, 0.25], 6)
    assert gap.lower == gap.upper == 0


def test_residual_sums_of_affine_maps_are_affine() -> None:
    sums_are_affine()
