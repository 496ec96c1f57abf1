"""Certificates of evidences: what the engine proves is verified, and nothing stronger or of another model."""

import copy
import json
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb

import elboproof as ep
from elboproof.evidence import certificates
from elboproof.model.latent_model import NetworkModel
from elboproof.model.networks import Activation, Affine, Layer, Network
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.rechecking import evaluation, gauss
from elboproof.rechecking import evidence as checker
from elboproof.rechecking.densities import FAMILIES
from elboproof.rechecking.elementary import FUNCTIONS
from elboproof.rechecking.evidence_document import MOST_CELLS
from elboproof.rechecking.integration import Unable

Content = dict[str, Any]
COUNTS = ["z", "1 - z/2"]
TURNED = ep.Normal(["1/3", "0"], [["2", "1/2"], ["1/2", "1"]])


def network_of(widths: list[int], activation: str, likelihood: Any) -> NetworkModel:
    """A network with weights of a fixed seed."""
    draw = np.random.default_rng(3).standard_normal
    layers: list[Layer] = []
    for k, (n, m) in enumerate(pairwise(widths)):
        layers += [
            Affine(ExactMatrix(draw((m, n)) / np.sqrt(n)), draw(m) / 3, f"layer {k}"),
            Activation(activation),
        ]
    return NetworkModel(Network(tuple(layers[:-1])), likelihood)


def of_two(decoder: list[str], likelihood: Any, **more: Any) -> ep.LatentModel:
    return ep.LatentModel(["u", "v"], decoder, likelihood, **more)


CASES: dict[str, tuple[ep.LatentModel, list[Any], float]] = {
    "sinh": (ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100")), ["0.7"], 10),
    "linear": (ep.LatentModel("z", ["2*z"], ep.Gaussian(variance="1/3")), ["0.7"], 10),
    "covariance": (
        ep.LatentModel("z", ["z", "z**3"], ep.Gaussian(covariance=[[1, "1/2"], ["1/2", 1]])),
        ["0.5", "0.3"],
        10,
    ),
    "variances": (ep.LatentModel("z", ["z", "z**2"], ep.Gaussian(variance=["1/9", 2])), ["0.5", 0.3], 10),
    "a needle": (ep.LatentModel("z", ["z + z**3"], ep.Gaussian(variance="1e-10")), ["0.7"], 10),
    "many digits": (ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100")), ["0.7"], 30),
    "kinks": (ep.LatentModel("z", ["abs(z) + relu(z - 1/3)"], ep.Gaussian(variance="1/10")), ["0.5"], 8),
    "functions": (
        ep.LatentModel(
            "z",
            [
                *(
                    "log(1 + z**2)",
                    "sqrt(1 + z**2)",
                    "atan(z)",
                    "asinh(z)",
                    "softplus(z)",
                    "gelu(z)",
                    "silu(z)",
                ),
                *("erf(z)", "2**(z/3)", "expm1(z/2)", "log1p(z**2)", "tan(atan(z)/2)", "cosh(z/3) + cos(z)"),
                *("exp(1)*sin(z) + pi", "sigmoid(z)/(1 + z**2)"),
            ],
            ep.Gaussian(variance="1/2"),
        ),
        ["0.7"] * 15,
        8,
    ),
    "Poisson": (ep.LatentModel("z", COUNTS, ep.Poisson()), [2, 3], 10),
    "Bernoulli": (ep.LatentModel("z", ["z", "3*z", "tanh(z)"], ep.Bernoulli()), [1, 0, 1], 10),
    "binomial": (ep.LatentModel("z", COUNTS, ep.Binomial([10, 3])), [3, 3], 10),
    "negative binomial": (ep.LatentModel("z", COUNTS, ep.NegativeBinomial("5/2")), [2, 3], 10),
    "classes": (ep.LatentModel("z", ["z", "sin(z)", "0"], ep.Categorical()), [0, 1, 0], 10),
    "groups": (ep.LatentModel("z", ["z", "0", "1", "z"], ep.Categorical([2, 2])), [0, 1, 1, 0], 10),
    "uniform prior": (
        ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"), prior=ep.Uniform("0", "2")),
        ["0.7"],
        10,
    ),
    "normal prior": (
        ep.LatentModel("z", ["z**2"], ep.Gaussian(variance=1), prior=ep.Normal(1, 3)),
        ["0.7"],
        10,
    ),
    "two latents": (of_two(["sin(u) + v", "u*v"], ep.Gaussian(variance="1/10")), ["0.5", "0.3"], 7),
    "two turned": (
        of_two(["sin(u) + v", "u*v"], ep.Gaussian(variance="1/4"), prior=TURNED),
        ["0.5", "0.3"],
        6,
    ),
    "two, uniform": (of_two(["u*v"], ep.Bernoulli(), prior=ep.Uniform(["-1", "0"], ["1", "3"])), [1], 8),
    "two, counts": (of_two(["u + v", "u"], ep.Poisson()), [1, 0], 5),
    "network": (network_of([1, 6, 3], "tanh", ep.Gaussian(variance="1/10")), ["0.1", 0.2, "1/3"], 8),
    "network of two": (network_of([2, 4, 2], "silu", ep.Bernoulli()), [1, 0], 5),
    "leaky": (network_of([1, 3, 2], "leaky_relu(0.01)", ep.Gaussian(variance="1/10")), ["0.1", 0.2], 6),
    "elu": (network_of([1, 3, 2], "elu(1.5)", ep.Poisson()), [1, 0], 6),
    "relu": (network_of([1, 4, 2], "relu", ep.Gaussian(variance="1/10")), ["0.1", 0.2], 6),
}


def certificate(name: str, folder: Path) -> tuple[Content, ep.Enclosure]:
    model, x, digits = CASES[name]
    found = ep.log_evidence(model, x, digits, certificate=folder / "c.json")
    return json.loads((folder / "c.json").read_text()), found


def check(content: Content, folder: Path) -> ep.ProvedEvidence:
    (folder / "c.json").write_text(json.dumps(content))
    found = ep.recheck(folder / "c.json")
    assert isinstance(found, ep.ProvedEvidence)
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_proved_is_verified(name: str, tmp_path: Path) -> None:
    model, x, digits = CASES[name]
    content, proved = certificate(name, tmp_path)
    found = check(content, tmp_path)
    assert found.x == tuple(Fraction(value) for value in x)
    assert isinstance(model, NetworkModel) or found.model == model
    ends = [Fraction(end) for end in content["bounds"]]
    low, high = (Fraction(float(end)) for end in (proved.lower, proved.upper))
    if proved.exact is not None:
        low, high = (Fraction(end.item()) for end in proved.exact)
    assert ends[0] <= low <= high <= ends[1], "the claim holds what the engine proved"
    assert ends[1] - ends[0] <= Fraction(31, 10) / 10 ** int(digits)
    assert found.enclosure.lower <= proved.midpoint <= found.enclosure.upper


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, _ = certificate("two latents", tmp_path)
    again, _ = certificate("two latents", tmp_path)
    assert first == again


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    content, _ = certificate("network", tmp_path)
    model, found = CASES["network"][0], check(content, tmp_path).model
    assert isinstance(model, NetworkModel)
    assert isinstance(found, NetworkModel)
    for given, read in zip(model.network.layers, found.network.layers, strict=True):
        if isinstance(given, Affine):
            assert isinstance(read, Affine)
            assert (given.weight.entries == read.weight.entries).all()
            assert (given.bias == read.bias).all()
        else:
            assert given == read


def test_what_is_verified_is_shown(tmp_path: Path) -> None:
    content, _ = certificate("sinh", tmp_path)
    found = check(content, tmp_path)
    assert str(found) == "log p(x) = -1.32967657575(6) for x = (0.7), latents z"
    assert repr(found).startswith("ProvedEvidence(model=LatentModel(")


def test_the_writer_knows_what_the_check_has_methods_for() -> None:
    """They share no code: what one lists the other has, no more and no less."""
    assert set(certificates._SMOOTH) | {sympy.Abs} == set(FUNCTIONS)
    assert {ep.Gaussian, *certificates._FAMILIES} == set(FAMILIES.values())
    assert (certificates.MOST_TILES, certificates.MOST_NODES) == (MOST_CELLS, gauss.MOST)
    for name in (*certificates._ACTIVATIONS, "relu", "leaky_relu(0.01)", "elu(1.0)"):
        assert evaluation.activation(name)
    for name in ("gelu_tanh", "softsign", "elu", "elu(1)(2)"):
        with pytest.raises(Unable, match=f"a network with the activation {re.escape(name)}"):
            evaluation.activation(name)


def shifted(content: Content, units: float) -> None:
    ends = [Fraction(end) for end in content["bounds"]]
    content["bounds"] = [str(end + Fraction(units) * (ends[1] - ends[0])) for end in ends]


def higher(content: Content) -> None:
    shifted(content, 1.5)


def lower(content: Content) -> None:
    shifted(content, -1.5)


def narrower(content: Content) -> None:
    low, high = (Fraction(end) for end in content["bounds"])
    middle = (low + high) / 2
    content["bounds"] = [str(middle), str(middle + (high - low) / 10**8)]


def no_cells(content: Content) -> None:
    content["cells"] = []


def missing_cell(content: Content) -> None:
    del content["cells"][1]


def doubled_cell(content: Content) -> None:
    content["cells"].insert(1, content["cells"][1])


def moved_side(content: Content) -> None:
    low, high = (Fraction(end) for end in content["cells"][1]["box"][0])
    content["cells"][1]["box"][0] = [str(low), str((low + high) / 2)]


def narrower_box(content: Content) -> None:
    """Cells that tile a box of half the width: what is outside of it is far too much."""
    content["box"] = [["-1/2", "1/2"]]
    content["cells"] = [{"box": [["-1/2", "1/2"]], "nodes": ["20"]}]


def box_beside(content: Content) -> None:
    content["box"] = [["1/4", "8"]]
    content["cells"] = [{"box": [["1/4", "8"]], "nodes": ["20"]}]


def larger_frame(content: Content) -> None:
    content["frame"] = [["2"]]


def no_frame(content: Content) -> None:
    content["frame"] = [["0"]]


def other_data(content: Content) -> None:
    content["x"] = ["0.71"]


def other_decoder(content: Content) -> None:
    content["model"]["decoder"] = ["sinh(z) + z/1000"]


def other_variance(content: Content) -> None:
    content["model"]["likelihood"]["variance"] = "1/101"


def other_prior(content: Content) -> None:
    content["model"]["prior"] = {"mean": ["0"], "covariance": [["1001/1000"]]}


def uniform(content: Content) -> None:
    content["model"]["prior"] = {"low": ["-9"], "high": ["9"]}


def of_three(content: Content) -> None:
    content["model"]["latent"] = ["a", "b", "c"]


def no_such_family(content: Content) -> None:
    content["model"]["likelihood"] = {"family": "laplace", "scale": "1"}


def too_many_nodes(content: Content) -> None:
    content["cells"][1]["nodes"] = ["1000"]


def nodes_that_are_no_number(content: Content) -> None:
    content["cells"][1]["nodes"] = ["-20"]


def nodes_without_quotes(content: Content) -> None:
    content["cells"][1]["nodes"] = [20]


def no_such_function(content: Content) -> None:
    content["model"]["decoder"] = ["moment0(z)"]


TAMPERED: list[tuple[Any, str]] = [
    (higher, r"bounds: got .*; the cells prove no more than \[-1.3296765757"),
    (
        lower,
        r"bounds: got some that are too low for a part of the cells|bounds: got .*; the cells prove no more",
    ),
    (
        narrower,
        "bounds: got .*; the cells prove no more than|bounds: got some that are too low .*, or too narrow",
    ),
    (no_cells, r"cells: got none at \[-10.25, 10.25\]; expected cells that cover the box"),
    (missing_cell, r"cells: got none at .*; expected cells that cover"),
    (doubled_cell, r"cells\[\d+\].box: got one that is no part of halving"),
    (moved_side, r"cells: got none at|cells\[\d+\].box: got one that is no part of halving"),
    (narrower_box, r"bounds: got .*; the cells prove no more than"),
    (box_beside, r"box: got one without the origin inside"),
    (larger_frame, r"box: got one without the origin inside, or a frame that is no rotation"),
    (no_frame, r"frame: got a singular matrix|box: got one without the origin inside, or a frame"),
    (other_data, r"bounds: got .* cells prove no more than"),
    (other_decoder, r"bounds: got .* cells prove no more than"),
    (other_variance, r"bounds: got .* cells prove no more than"),
    (other_prior, r"bounds: got .* cells prove no more than"),
    (uniform, r"box: got another one; expected \[-1, 1\] for each latent"),
    (of_three, r"model.latent: got .*; expected one or 2 names"),
    (no_such_family, r"model.likelihood: got the family 'laplace'; expected one of gaussian, bernoulli"),
    (too_many_nodes, r"cells\[1\].nodes: got \['1000'\]; expected 2 to 48"),
    (nodes_that_are_no_number, r"cells\[1\].nodes: got '-20'; expected a whole number as a string"),
    (nodes_without_quotes, r"cells\[1\].nodes: got 20; expected a whole number as a string"),
    (no_such_function, r"model: decoder\[0\]: got the function 'moment0'"),
]


@pytest.fixture(scope="module")
def of_sinh(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return certificate("sinh", tmp_path_factory.mktemp("sinh"))[0]


@pytest.mark.parametrize(("tamper", "message"), TAMPERED, ids=[tamper.__name__ for tamper, _ in TAMPERED])
def test_what_is_changed_is_refused(
    tamper: Callable[[Content], None], message: str, of_sinh: Content, tmp_path: Path
) -> None:
    content = copy.deepcopy(of_sinh)
    tamper(content)
    with pytest.raises(ep.CertificateError, match=message):
        check(content, tmp_path)


def test_the_closed_form_of_a_linear_model(tmp_path: Path) -> None:
    """x ~ N(0, 4 + 1/3), with log pi from Python."""
    from math import log, pi

    content, _ = certificate("linear", tmp_path)
    found = check(content, tmp_path).enclosure
    exact = -(0.49 / (13 / 3) + log(2 * pi * 13 / 3)) / 2
    assert found.lower - 1e-14 <= exact <= found.upper + 1e-14


def test_what_cannot_be_verified_within_the_limit_ends(
    of_sinh: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "MOST_POINTS", 10)
    monkeypatch.setattr(checker, "MOST_EACH", 1)
    with pytest.raises(ep.CertificateError, match="cells: got some that cannot be verified with 24 values"):
        check(copy.deepcopy(of_sinh), tmp_path)


def test_cells_of_which_nothing_is_known_are_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a function has a pole in the enclosure over a coarse cell, and none over its halves."""
    content, _ = certificate("sinh", tmp_path)
    mass, seen = checker._Sum._mass, []

    def known(self: checker._Sum, cell: Any, volume: Fraction) -> arb:
        if volume <= self.volume / 64:
            return mass(self, cell, volume)
        seen.append(volume)
        return arb("inf")

    monkeypatch.setattr(checker._Sum, "_mass", known)
    check(content, tmp_path)
    assert seen
