"""Piecewise linear decoders: their affine functions on pieces are the decoder, exactly."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from flint import fmpq, fmpq_mat

import elboproof as ep
from elboproof.evidence.pieces import pieces_of
from elboproof.model.piecewise import piecewise

UNIT = ep.Gaussian("1")


class Residual(torch.nn.Module):
    """A sum of a layer and what goes around it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 3)
        self.act = torch.nn.ReLU()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.second(z + self.act(self.first(z)))
        return found


def network(*modules: torch.nn.Module) -> ep.LatentModel:
    """Return the model of layers."""
    return ep.LatentModel.from_torch(torch.nn.Sequential(*modules), UNIT)


def _tape(latents: list[str], decoder: list[str]) -> Callable[[], ep.LatentModel]:
    return lambda: ep.LatentModel(latents, decoder, UNIT)


MODELS: dict[str, Callable[[], ep.LatentModel]] = {
    "abs": _tape(["z"], ["abs(z - 1/3) + z/2"]),
    "max and min": _tape(["a", "b"], ["max(max(a, b), 1/2) - 2*min(a + b, 1)", "b"]),
    "hard tanh": _tape(["a", "b"], ["max(-1, min(1, a - 2*b))", "relu(a)"]),
    "nested": _tape(["a", "b"], ["abs(abs(a) - abs(b) + 1/4) - relu(a - abs(b))"]),
    "relu network": lambda: network(torch.nn.Linear(2, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)),
    "wide to narrow": lambda: network(torch.nn.Linear(2, 6), torch.nn.LeakyReLU(0.1), torch.nn.Linear(6, 2)),
    "two layers": lambda: network(
        torch.nn.Linear(2, 4),
        torch.nn.LeakyReLU(0.3),
        torch.nn.Linear(4, 4),
        torch.nn.ReLU(),
        torch.nn.Linear(4, 3),
    ),
    "an activation last": lambda: network(torch.nn.Linear(1, 4), torch.nn.ReLU()),
    "two affine layers at the end": lambda: network(
        torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 3), torch.nn.Linear(3, 2)
    ),
    "residual": lambda: ep.LatentModel.from_torch(Residual(), UNIT),
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(3)


@pytest.mark.parametrize("name", MODELS)
def test_the_affine_functions_are_the_decoder_on_each_piece(name: str) -> None:
    model = MODELS[name]()
    function = piecewise(model)
    assert function is not None
    box = ((fmpq(-3), fmpq(3)),) * model.latent_dim
    pieces = pieces_of(model, box, float("inf"))
    assert len(pieces) > 1
    rng = np.random.default_rng(0)
    for one in pieces:
        rows = one.units(function)
        if function.weight is not None and function.bias is not None:
            last = fmpq_mat([[0] * model.latent_dim + [1]])
            rows = function.weight * rows + function.bias * last
        corners = one.piece.floats[:, :-1]
        for _ in range(3):
            share = rng.dirichlet(np.ones(len(corners)))
            z = share @ corners
            affine = np.array([[float(int(e.p)) / float(int(e.q)) for e in row] for row in rows.table()])
            assert np.allclose(affine @ np.append(z, 1.0), model.floating.decoder(z), atol=1e-12)


OTHERS: dict[str, Callable[[], ep.LatentModel]] = {
    "smooth": _tape(["z"], ["sin(z)"]),
    "affine": _tape(["z"], ["2*z + 1"]),
    "a product": _tape(["a", "b"], ["abs(a)*b"]),
    "a curved kink": _tape(["a", "b"], ["abs(a**2 - b)"]),
    "an irrational slope": _tape(["z"], ["abs(z*pi)"]),
    "an irrational factor": _tape(["z"], ["abs(z)/exp(1)"]),
    "elu": lambda: network(torch.nn.Linear(2, 3), torch.nn.ELU(), torch.nn.Linear(3, 2)),
    "tanh at the end": lambda: network(
        torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2), torch.nn.Tanh()
    ),
    "an affine network": lambda: network(torch.nn.Linear(2, 3), torch.nn.Linear(3, 2)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_piecewise_linear_with_kinks_and_rational_is_none(name: str) -> None:
    assert piecewise(OTHERS[name]()) is None
