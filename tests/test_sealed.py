"""Objects that proofs read by their fields: no subclass and no look-alike is taken for one of them."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from scipy.integrate import quad

import elboproof as ep
from elboproof.arguments import Sealed
from elboproof.arrays import FloatArray
from elboproof.model.latent_model import NetworkModel
from elboproof.model.supports import REAL
from elboproof.numbers.ball_arrays import BallArray

QUADRATURE = 1e-6
"""Of 6 certified digits; SciPy's quad is asked for 1e-10."""


@pytest.mark.parametrize(
    "kind", [ep.Gaussian, ep.Bernoulli, ep.LatentModel, ep.GaussianPosterior, NetworkModel, ep.Gap]
)
def test_a_subclass_is_refused(kind: type) -> None:
    with pytest.raises(
        TypeError, match=f"Mine: got a subclass of {kind.__name__}; expected none: proofs read"
    ):
        type("Mine", (kind,), {"log_density": lambda *_: sympy.Integer(0)})


def test_a_record_of_its_own_may_be_sealed() -> None:
    mine = type("Mine", (Sealed,), {"__module__": "elsewhere"})
    inside = type("Inside", (ep.Gaussian,), {"__module__": "elboproof.elsewhere"})
    assert issubclass(mine, Sealed)
    assert issubclass(inside, ep.Gaussian)
    with pytest.raises(TypeError, match="Outside: got a subclass of Inside"):
        type("Outside", (inside,), {"__module__": "elboproofs"})


class Laplace:
    """log p(x|f) = -|x - f| - log 2: a likelihood of the user's own."""

    support = REAL

    def require_dimension(self, data_dim: int) -> None:
        """Any number of outputs fits."""

    def log_density(self, outputs: Sequence[sympy.Expr], x: Sequence[sympy.Symbol]) -> sympy.Expr:
        return sympy.Add(*(-sympy.Abs(a - f) - sympy.log(2) for a, f in zip(x, outputs, strict=True)))

    def log_base(self, x: Sequence[Any], numbers: Any) -> None:
        """The density has no base measure."""

    def log_suprema(self, x: BallArray) -> FloatArray:
        return np.full(len(x), -0.6 * x.shape[1])  # log 2 > 0.6


def test_a_likelihood_of_ones_own_is_what_it_says() -> None:
    def density(z: float) -> float:
        return float(np.exp(-abs(0.5 - z) - z**2 / 2) / np.sqrt(8 * np.pi))

    model = ep.LatentModel("z", ["z"], Laplace())
    evidence = ep.log_evidence(model, [0.5], digits=6)
    value = np.log(quad(density, -40, 40, points=[0.5], epsabs=1e-14, epsrel=1e-10)[0])
    assert evidence.lower - QUADRATURE <= value <= evidence.upper + QUADRATURE
    gaussian = ep.log_evidence(ep.LatentModel("z", ["z"], ep.Gaussian(1)), [0.5], digits=6)
    assert not gaussian.lower - QUADRATURE <= value <= gaussian.upper + QUADRATURE
    with pytest.raises(TypeError, match=r"likelihood: got .*Laplace.*; expected ep.Gaussian.*for a network"):
        ep.LatentModel.from_torch(torch.nn.Linear(1, 1), Laplace())


MODEL = ep.LatentModel("z", ["z"], ep.Gaussian(1))
LOOK_ALIKE: Any = SimpleNamespace(
    quantities=MODEL.quantities, likelihood=MODEL.likelihood, latent_dim=1, data_dim=1, decoder=MODEL.decoder
)
Q: Any = SimpleNamespace(mean=(0,), covariance=((1,),), latent_dim=1)
ASKED: dict[str, tuple[Callable[[], object], str]] = {
    "log_evidence": (lambda: ep.log_evidence(LOOK_ALIKE, [0]), "model: got .*expected an ep.LatentModel"),
    "elbo": (
        lambda: ep.elbo(LOOK_ALIKE, [0], ep.GaussianPosterior(0, 1)),
        "model: got .*expected an ep.LatentModel",
    ),
    "gap": (lambda: ep.gap(LOOK_ALIKE, [0]), "model: got .*expected an ep.LatentModel"),
    "gap law": (lambda: ep.gap_law(LOOK_ALIKE, [0]), "model: got .*expected an ep.LatentModel"),
    "stationary": (
        lambda: ep.stationary_posterior(LOOK_ALIKE, [0]),
        "model: got .*expected an ep.LatentModel",
    ),
    "q": (lambda: ep.elbo(MODEL, [0], Q), "q: got .*expected an ep.GaussianPosterior"),
    "q of a statement": (lambda: ep.Elbo("z", "z", 1, 0, Q), "q: got .*expected an ep.GaussianPosterior"),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_look_alike_is_refused(name: str) -> None:
    ask, message = ASKED[name]
    with pytest.raises(TypeError, match=message):
        ask()


def test_the_symbols_of_a_decoder_stand_for_every_real_number() -> None:
    z = sympy.Symbol("z", real=True)
    assert ep.LatentModel("z", [sympy.sqrt(z**2)], ep.Gaussian(1)).floating.decoder([-0.5])[0] == 0.5
    assert ep.LatentModel("z", [sympy.Symbol("z") ** 3], ep.Gaussian(1)).floating.decoder([-0.5])[0] == -0.125


PLANE = ep.LatentModel(["u", "v"], ["u", "2*v"], ep.Gaussian(1))
NO_ROWS: dict[str, Any] = {
    "set": {0.5, 0.25},
    "mapping": {0: 0.5, 1: 0.25},
    "values": {0: 0.5, 1: 0.25}.values(),
    "text": "12",
    "bytes": b"12",
    "array of bytes": bytearray(b"12"),
}
READERS: dict[str, tuple[Callable[[Any], object], str]] = {
    "balls, z": (PLANE.balls.decoder, "z: got .*expected a sequence of 2 numbers"),
    "balls, x": (lambda x: PLANE.balls.energy([0, 0], x), "x: got .*expected a sequence of 2 numbers"),
    "exact, z": (lambda z: PLANE.exact.energy(z, [0, 0]), "z: got .*expected a sequence of 2 numbers"),
    "gap law": (lambda x: ep.gap_law(PLANE, x), "x: got .*expected a sequence of 2 numbers"),
    "mean": (lambda m: ep.GaussianPosterior(m, [1, 1]), "(mean|covariance): got .*expected"),
    "statement": (lambda x: ep.Gap(["u", "v"], ["u", "v"], 1, x), "x: got .*expected"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", NO_ROWS)
def test_what_has_no_order_is_no_row(name: str, reader: str) -> None:
    read, message = READERS[reader]
    with pytest.raises((TypeError, ValueError), match=message):
        read(NO_ROWS[name])


def test_rows_of_every_kind_are_read_alike() -> None:
    rows: list[Any] = [
        [1, 2],
        (1, 2),
        range(1, 3),
        np.array([1, 2]),
        np.array(["1", "2"]),
        sympy.Matrix([1, 2]),
    ]
    values = [PLANE.exact.energy(row, [0, 0]) for row in rows]
    assert set(values) == {values[0]}
    assert values[0] != PLANE.exact.energy([2, 1], [0, 0])
