"""Certificates of evidences: which models they are written for, and what they hold."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elboproof as ep
from elboproof.evidence import certificates
from elboproof.evidence.tiles import Tile, tiled
from elboproof.model.data import data_of
from elboproof.model.latent_model import NetworkModel
from elboproof.model.networks import Affine, Network, Plus
from elboproof.numbers.ball_matrices import ExactMatrix
from tests.rechecking.test_evidence import network_of

NORMAL = ep.Gaussian(variance=1)


def of(decoder: list[str], likelihood: Any = NORMAL, latent: Any = "z", **more: Any) -> ep.LatentModel:
    return ep.LatentModel(latent, decoder, likelihood, **more)


SUM = Network((Affine(ExactMatrix([[1.0]]), np.zeros(1), "a"), Plus()), ((0,), (0, 1)))
RESIDUAL = NetworkModel(SUM, NORMAL)
BETA = ep.PriorDensity("log(30) + log(z) + 4*log(1 - z)", (0, 1))
WITHOUT: dict[str, tuple[ep.LatentModel, list[Any], str]] = {
    "three latents": (of(["u*v*w"], latent=["u", "v", "w"]), [1], "3 latents, of which there may be 2"),
    "another density": (of(["z"], prior=BETA), [1], "a PriorDensity prior"),
    "a mixture": (
        of(["z"], prior=ep.Mixture([ep.Normal(0, 1), ep.Normal(1, 1)], ["1/2", "1/2"])),
        [1],
        "a Mixture prior",
    ),
    "another family": (of(["z"], ep.Laplace(1)), [1], "a Laplace likelihood"),
    "two heads": (of(["z"], ep.Gaussian(variance="exp(z/9)")), [1], "a HeteroscedasticGaussian likelihood"),
    "kinks of a network of two": (
        network_of([2, 2, 1], "relu", NORMAL),
        [1],
        "the activation relu with two latents",
    ),
    "another activation": (network_of([1, 2, 1], "gelu_tanh", NORMAL), [1], "the activation gelu_tanh"),
    "a residual network": (RESIDUAL, [1], "a network whose layers do not take one value each"),
    "kinks of two": (of(["abs(u) + v"], latent=["u", "v"]), [1], r"kinks with two latents, as of abs\(u\)"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_models_without_a_method_are_refused_by_name(name: str, tmp_path: Path) -> None:
    model, x, reason = WITHOUT[name]
    message = f"certificate: got a model with {reason}.*; expected one that ep.recheck has methods for"
    with pytest.raises(ValueError, match=message):
        ep.log_evidence(model, x, 4, certificate=tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


def test_batches_have_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"certificate: got .*; expected x of shape \(1,\): a certificate is of one"
    ):
        ep.log_evidence(of(["z"]), [[1], [2]], 4, certificate=tmp_path / "c.json")


def test_a_certificate_is_a_path() -> None:
    with pytest.raises(TypeError, match="certificate: got 3 of type int; expected the path of a file"):
        ep.log_evidence(of(["z"]), [1], 4, certificate=3)  # type: ignore[arg-type]


def test_what_is_undecided_has_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(ep.Undecided):
        ep.log_evidence(of(["sin(9*z)"]), [1], 10, most_cells=3, certificate=tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


@pytest.mark.parametrize(("seconds", "most"), [(60.0, 3), (0.0, 10**6)])
def test_a_search_that_is_stopped_writes_no_certificate(seconds: float, most: int, tmp_path: Path) -> None:
    model, proved = of(["sin(9*z)"]), ep.Enclosure(-2.0, -1.0)
    with pytest.raises(ep.Undecided, match="the cells of a certificate were not found within the limits"):
        certificates.save(tmp_path / "c.json", model, data_of(model, [1]), 6.0, proved, seconds, most)
    assert not (tmp_path / "c.json").exists()


def test_a_certificate_changes_nothing_of_the_answer(tmp_path: Path) -> None:
    model = of(["sinh(z)"])
    plain = ep.log_evidence(model, ["0.7"], 8)
    with_it = ep.log_evidence(model, ["0.7"], 8, certificate=tmp_path / "c.json")
    assert (plain.lower, plain.upper) == (with_it.lower, with_it.upper)


def test_what_a_certificate_holds(tmp_path: Path) -> None:
    ep.log_evidence(
        of(["z**2 + 1/3"], ep.Gaussian(variance="1/100")), ["0.7"], 6, certificate=tmp_path / "c.json"
    )
    content = json.loads((tmp_path / "c.json").read_text())
    assert list(content) == ["schema", "version", "model", "x", "bounds", "frame", "box", "cells"]
    assert content["schema"] == "elboproof.log_evidence/1"
    assert content["model"] == {
        "latent": ["z"],
        "decoder": ["z**2 + 1/3"],
        "likelihood": {"family": "gaussian", "variance": "1/100"},
        "prior": {},
    }
    assert content["x"] == ["7/10"]
    assert {cell["nodes"] is None for cell in content["cells"]} == {True, False}


DESCRIBED: list[tuple[ep.LatentModel, dict[str, Any]]] = [
    (
        of(["z", "z"], ep.Gaussian(variance=["1/2", 3])),
        {"likelihood": {"family": "gaussian", "variance": ["1/2", "3"]}},
    ),
    (
        of(["z", "z"], ep.Gaussian(covariance=[[1, "1/2"], ["1/2", 1]])),
        {"likelihood": {"family": "gaussian", "covariance": [["1", "1/2"], ["1/2", "1"]]}},
    ),
    (of(["z"], ep.Binomial(7)), {"likelihood": {"family": "binomial", "trials": "7"}}),
    (
        of(["z", "z"], ep.NegativeBinomial([1, "3/2"])),
        {"likelihood": {"family": "negative-binomial", "dispersion": ["1", "3/2"]}},
    ),
    (of(["z", "0"], ep.Categorical()), {"likelihood": {"family": "categorical"}}),
    (of(["z", "0"], ep.Categorical([2])), {"likelihood": {"family": "categorical", "groups": ["2"]}}),
    (of(["z"], prior=ep.Normal("1/3", 2)), {"prior": {"mean": ["1/3"], "covariance": [["2"]]}}),
    (of(["z"], prior=ep.Uniform("1/3", 2)), {"prior": {"low": "1/3", "high": "2"}}),
    (of(["z"], prior=ep.Uniform(["1/3"], [2])), {"prior": {"low": ["1/3"], "high": ["2"]}}),
]


@pytest.mark.parametrize(("model", "expected"), DESCRIBED, ids=[str(n) for n in range(len(DESCRIBED))])
def test_models_are_described_exactly(model: ep.LatentModel, expected: dict[str, Any]) -> None:
    found = certificates.described(model)
    assert {name: found[name] for name in expected} == expected


def box(*sides: tuple[int, int]) -> tuple[tuple[Fraction, Fraction], ...]:
    return tuple((Fraction(a), Fraction(b)) for a, b in sides)


def test_tiles_fill_what_rules_leave_open() -> None:
    root = box((0, 8), (0, 8))
    rules = [Tile(box((0, 4), (0, 4)), (5, 6)), Tile(box((4, 6), (4, 8)), (7, 8))]
    found = tiled(root, rules)
    assert [tile for tile in found if tile.nodes] == rules
    assert [tile.box for tile in found if tile.nodes is None] == [
        box((0, 4), (4, 8)),
        box((4, 6), (0, 4)),
        box((6, 8), (0, 8)),
    ]
    assert tiled(root, []) == [Tile(root, None)]


def test_cells_that_come_from_no_halving_have_no_tiles() -> None:
    with pytest.raises(ValueError, match="rules: got cells that do not come from halving"):
        tiled(box((0, 8)), [Tile(box((1, 5)), (3,))])
