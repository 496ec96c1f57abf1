"""Densities of a user's own: their bounds are proofs, and their evidences those of the same densities elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp

import elboproof as ep
from elboproof.model.density import SUPPORTS
from elboproof.numbers.ball_arrays import BallArray

AXIS = np.linspace(-12, 12, 9601)
LOGISTIC = "f1 - x1 - 2*softplus(f1 - x1)"
ONE: dict[str, tuple[str, str, Callable[[float, Any], Any], float]] = {
    "logistic": (LOGISTIC, "real", lambda x, f: stats.logistic.logpdf(x, f), 0.5),
    "gumbel": ("f1 - x1 - exp(f1 - x1)", "real", lambda x, f: stats.gumbel_r.logpdf(x, f), 0.5),
    "cauchy": ("-log(pi) - log(1 + (x1 - f1)**2)", "real", lambda x, f: stats.cauchy.logpdf(x, f), 0.5),
    "lognormal": (
        "-log(x1) - log(2*pi)/2 - (log(x1) - f1)**2/2",
        "positive",
        lambda x, f: stats.lognorm.logpdf(x, 1, scale=np.exp(f)),
        0.5,
    ),
    "geometric": (
        "x1*f1 - (x1 + 1)*softplus(f1)",
        "counts",
        lambda x, f: x * f - (x + 1) * np.logaddexp(0, f),
        3.0,
    ),
    "half normal": (
        "f1 - x1**2*exp(2*f1)/2 + log(2/pi)/2",
        "nonnegative",
        lambda x, f: stats.halfnorm.logpdf(x, 0, np.exp(-f)),
        0.5,
    ),
    "power": ("f1 + (exp(f1) - 1)*log(x1)", "unit", lambda x, f: f + (np.exp(f) - 1) * np.log(x), 0.5),
    "cosine": (
        "log(1 + sin(x1 - f1)/2) - log(2*pi)",
        "real",
        lambda x, f: np.log((1 + np.sin(x - f) / 2) / (2 * np.pi)),
        0.5,
    ),
}


@pytest.mark.parametrize("decoder", ["z", "sin(2*z) + z/2", "z**2/4 - 1"])
@pytest.mark.parametrize("name", ONE)
def test_evidences_of_densities(name: str, decoder: str) -> None:
    text, support, log_density, x = ONE[name]
    model = ep.LatentModel("z", [decoder], ep.Density(text, support))
    found = ep.log_evidence(model, [x], 7)
    f = model.floating.decoder(AXIS[:, None])[:, 0]
    with np.errstate(over="ignore"):
        logs = log_density(x, f) + stats.norm.logpdf(AXIS)
    value = float(logsumexp(logs) + np.log(AXIS[1] - AXIS[0]))
    assert found.lower - 1e-9 <= value <= found.upper + 1e-9
    assert found.upper - found.lower <= 2e-7


@pytest.mark.parametrize("name", ["logistic", "gumbel", "geometric", "half normal", "power"])
def test_bounds_by_tangents_are_above_and_near(name: str) -> None:
    text, support, _, _ = ONE[name]
    density = ep.Density(text, support)
    for x in (0.25, 1.0, 7.0) if name != "power" else (0.25, 0.75):
        (bound,) = density.log_suprema(BallArray(np.array([[x]])))
        f = np.linspace(-30, 30, 60001)[:, None]
        with np.errstate(over="ignore"):
            best = np.max([ONE[name][2](x, part).max() for part in np.array_split(f, 10)])
        assert best <= bound + 1e-9
        assert bound < best + 1e-2


def test_a_density_that_only_grows_slowly_is_bounded_by_growth() -> None:
    model = ep.LatentModel("z", ["2*z"], ep.Density("f1 + x1", normalised=False))
    assert ep.log_evidence(model, [0.5], 8).contains(2.5)  # log E exp(2z + 1/2)
    squares = ep.LatentModel("z", ["z**2/4"], ep.Density("f1 + x1", normalised=False))
    assert ep.log_evidence(squares, [0], 8).contains(np.log(2) / 2)  # E exp(z^2/4) = sqrt 2


def test_two_outputs_for_one_entry_of_x() -> None:
    density = ep.Density("-log(2*pi)/2 - f2/2 - (x1 - f1)**2*exp(-f2)/2")
    model = ep.LatentModel("z", ["z", "-z/2"], density)
    assert model.data_dim == 1
    heads = ep.LatentModel("z", ["z"], ep.Gaussian(variance="exp(-z/2)"))
    mine, theirs = (ep.log_evidence(one, ["0.4"], 9) for one in (model, heads))
    assert abs(mine.midpoint - theirs.midpoint) < 2e-9
    assert model.floating.decoder([0.3]).tolist() == [0.3, -0.15]
    assert model.tensors.energy(torch.tensor([0.3]), torch.tensor([0.4])).item() == pytest.approx(
        heads.floating.energy([0.3], [0.4]), rel=1e-6
    )
    network = ep.LatentModel.from_torch(torch.nn.Linear(1, 2).double(), density)
    assert network.data_dim == 1
    assert ep.log_evidence(network, [0.4], 6).upper < 0


def test_parts_of_a_sum_are_bounded_one_by_one() -> None:
    density = ep.Density(f"{LOGISTIC} + f2 - x2 - 2*softplus(f2 - x2)")
    assert len(density.blocks(2)) == 2
    (bound,) = density.log_suprema(BallArray(np.array([[0.5, 1.5]])))
    assert -2 * np.log(4) <= bound < -2 * np.log(4) + 1e-2
    tied = ep.Density("-(f1 - f2 - x1)**2 - f3**2 + sin(f1) + x2")
    assert [block.outputs for block in tied.blocks(2)] in ([(0, 1), (2,)], [(2,), (0, 1)])


WRONG: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "a name": (("g1 + x1",), ValueError, "log_density: got the name 'g1'"),
    "no x": (
        ("f1",),
        ValueError,
        r"log_density: got 'f1'; expected an expression in the outputs f1, f2, ... and the data",
    ),
    "a slip": (("x1*",), ValueError, "log_density: got the end"),
    "no text": ((3,), ValueError, "log_density: got 3; expected an expression"),
    "a list": ((["x1"],), TypeError, "log_density: got .*; expected a string or a SymPy expression"),
    "support": (("f1 + x1", "nowhere"), ValueError, "support: got 'nowhere'; expected one of real, positive"),
    "normalised": (
        ("f1 + x1", "real", 1),
        TypeError,
        "normalised: got 1 of type int; expected True or False",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_density(name: str) -> None:
    given, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        ep.Density(*given)


def test_densities_that_do_not_fit_or_are_unbounded() -> None:
    with pytest.raises(ValueError, match="log_density: got f3; expected outputs up to f1, the decoder's"):
        ep.LatentModel("z", ["z"], ep.Density("x1 + f3"))
    unbounded = ep.LatentModel("z", ["z"], ep.Density("f1**2 - x1**2"))
    with pytest.raises(
        ValueError, match=r"x\[0\]: got \[0.5\]; expected data for which log p\(x\|z\) is bounded"
    ):
        ep.log_evidence(unbounded, [0.5], 3)


@pytest.mark.parametrize("support", SUPPORTS)
def test_supports_are_held(support: str) -> None:
    model = ep.LatentModel("z", ["z"], ep.Density("-(x1 - f1)**2", support))
    allowed = {"real": 1, "positive": 1, "nonnegative": 0, "unit": 0, "counts": 3, "binary": 1}[support]
    refused = {"real": None, "positive": 0, "nonnegative": -1, "unit": 1.5, "counts": 0.5, "binary": 2}[
        support
    ]
    assert np.isfinite(model.floating.energy([0.0], [allowed]))
    if refused is not None:
        with pytest.raises(ValueError, match=r"x\[0\]: got .*, the support of the density"):
            model.floating.energy([0.0], [refused])
