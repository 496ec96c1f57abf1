"""Statements about models and networks: written out with their exact weights, proved and verified."""

from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import elboproof as ep
from elboproof.model.latent_model import NetworkModel
from elboproof.model.networks import Affine, Network, Plus
from elboproof.model.written import written
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.parser import LONGEST

BOX: dict[str, Any] = {"a": ("0.1", "0.2"), "v": ("0.5", "0.6")}


def network(*widths: int, activation: type[nn.Module] = nn.Tanh) -> NetworkModel:
    torch.manual_seed(5)
    layers: list[nn.Module] = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), activation()]
    return ep.LatentModel.from_torch(nn.Sequential(*layers[:-1]), ep.Gaussian("1/2"))


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid, nn.Softplus, nn.SiLU, nn.GELU, nn.ReLU])
@pytest.mark.parametrize("widths", [(1, 3, 2), (2, 2, 3, 2)])
def test_networks_are_written_exactly(activation: type[nn.Module], widths: tuple[int, ...]) -> None:
    model = network(*widths, activation=activation)
    names, outputs = written(model)
    again = ep.LatentModel(names, outputs, ep.Gaussian("1/2"))
    places = np.array(list(product((-1.7, 0.3, 2.0), repeat=widths[0])))
    np.testing.assert_allclose(
        again.floating.decoder(places), model.floating.decoder(places), rtol=0, atol=1e-14
    )
    first = model.network.affine[0].weight.entries[0, 0]
    assert f"({Fraction(float(first))})*" in outputs[0]


def test_expressions_are_written_as_they_are_read() -> None:
    model = ep.LatentModel(["u", "v"], ["softplus(u) + max(u, v)/3", "exp(1)*v"], ep.Gaussian(1))
    assert ep.LatentModel(*written(model), ep.Gaussian(1)) == model


@pytest.mark.parametrize("kind", ["gap", "evidence", "elbo"])
def test_statements_about_a_network_are_proved_and_verified(kind: str, tmp_path: Path) -> None:
    model, x = network(1, 4, 2), ["a", "1/10"]
    statement = {
        "gap": lambda: ep.Gap(model=model, x=x, variance="v") <= "1/2",
        "evidence": lambda: ep.LogEvidence(model=model, x=x, variance="v").between(-3, 0),
        "elbo": lambda: ep.Elbo(model=model, x=x, variance="v", q=ep.GaussianPosterior(0, 1)) >= -9,
    }[kind]()
    proof = ep.for_all(statement, BOX)
    assert isinstance(proof, ep.Proof)
    assert not proof.unverifiable
    proof.certificate.save(tmp_path / "proof.json")
    assert ep.recheck(tmp_path / "proof.json") == statement


def test_what_is_proved_of_a_network_holds_at_points() -> None:
    """The evidence of the network itself, by the engine, which does not write it out."""
    model = network(1, 4, 2)
    proof = ep.for_all(
        ep.LogEvidence(model=model, x=["a", "1/10"], variance="v").between("-1.3", "-0.9"), BOX
    )
    values = [
        ep.log_evidence(NetworkModel(model.network, ep.Gaussian(v)), [a, "1/10"], 6).midpoint
        for a in BOX["a"]
        for v in BOX["v"]
    ]
    assert isinstance(proof, ep.Proof) == all(-1.3 <= value <= -0.9 for value in values)


def test_the_variance_is_the_models_where_none_is_given() -> None:
    model = network(1, 2, 1)
    assert ep.Gap(model=model, x=["a"]) == ep.Gap(model=model, x=["a"], variance="1/2")
    assert ep.Gap(model=model, x=["a"]) != ep.Gap(model=model, x=["a"], variance="1/3")


WIDE = NetworkModel(
    Network((*network(1, 40, 40).network.layers, *network(40, 40, 1).network.layers)), ep.Gaussian(1)
)
RESIDUAL = Network((Affine(ExactMatrix([[1.0]]), np.zeros(1), "a"), Plus()), ((0,), (0, 1)))
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"model": 3}, TypeError, "model: got 3"),
    ({"model": network(1, 2, 1), "latent": "z"}, TypeError, "model: got latent or decoder as well"),
    ({"model": network(1, 2, 1), "decoder": ["z"]}, TypeError, "model: got latent or decoder as well"),
    (
        {"model": ep.LatentModel("z", ["z"], ep.Gaussian(1), prior=ep.Normal(0, 2))},
        ValueError,
        r"model: got Normal\(.*expected the prior ep.Normal\(\)",
    ),
    (
        {"model": ep.LatentModel("z", ["z"], ep.Bernoulli())},
        ValueError,
        r"model: got Bernoulli\(\); expected a Gaussian likelihood with one variance",
    ),
    (
        {"model": ep.LatentModel("z", ["z"], ep.Gaussian([1]))},
        ValueError,
        "model: got Gaussian.*; expected a Gaussian likelihood with one variance",
    ),
    (
        {"model": network(1, 2, 1, activation=nn.ELU)},
        ValueError,
        r"model: got 'elu\(1.0\)'; expected affine layers",
    ),
    (
        {"model": WIDE},
        ValueError,
        f"model: got Network.*; expected one whose outputs are written in at most {LONGEST}",
    ),
    (
        {"model": NetworkModel(RESIDUAL, ep.Gaussian(1))},
        ValueError,
        "model: got Network.*; expected a network whose layers take one value each",
    ),
    ({}, TypeError, "latent: got None of type NoneType"),
]


@pytest.mark.parametrize(("given", "kind", "message"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_wrong_models_are_refused_by_name(given: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        ep.Gap(x=["a"], **given)


@pytest.mark.parametrize(
    "claim",
    [
        lambda **parts: ep.Gap(**parts) <= "1/2",
        lambda **parts: ep.LogEvidence(**parts).between(-9, 1),
        lambda **parts: ep.Elbo(**parts, q=ep.GaussianPosterior([0, 0], [1, 1])).between(-9, 1),
    ],
    ids=["gap", "evidence", "elbo"],
)
def test_statements_about_a_network_of_two_latents_are_proved(claim: Any, tmp_path: Path) -> None:
    statement = claim(model=network(2, 4, 2), x=["a", "1/10"], variance="v")
    proof = ep.for_all(statement, BOX)
    assert isinstance(proof, ep.Proof)
    assert not proof.unverifiable
    proof.certificate.save(tmp_path / "proof.json")
    assert ep.recheck(tmp_path / "proof.json") == statement
