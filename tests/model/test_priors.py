"""Priors: what they accept, what they are as records, and their densities in every number system."""

import copy
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from scipy import stats

import elboproof as ep
from elboproof.model.prior_functions import prior_functions
from elboproof.numbers.floating import FLOATING

ONE = ep.Gaussian(variance=1)
CLOSE = 1e-12
"""Of densities in float64, relative to their sizes of at most 30 nats."""
COVARIANCE = [["2", "1.9"], ["1.9", "2"]]
BETA = "log(30) + log(z) + 4*log(1 - z)"


def latents(*names: str) -> tuple[sympy.Symbol, ...]:
    """Return real symbols."""
    return tuple(sympy.Symbol(name, real=True) for name in names)


LAWS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "standard": (ep.Normal(), lambda z: stats.norm.logpdf(z).sum(-1), ("u", "v")),
    "normal": (
        ep.Normal([1, "-1/2"], COVARIANCE),
        stats.multivariate_normal([1, -0.5], [[2, 1.9], [1.9, 2]]).logpdf,
        ("u", "v"),
    ),
    "diagonal": (
        ep.Normal([1, 2], ["1/4", 9]),
        stats.multivariate_normal([1, 2], np.diag([0.25, 9])).logpdf,
        ("u", "v"),
    ),
    "uniform": (ep.Uniform([0, -1], [3, "1/2"]), lambda z: np.full(len(z), -np.log(4.5)), ("u", "v")),
    "alike": (ep.Uniform(-6, 6), lambda z: np.full(len(z), -3 * np.log(12.0)), ("u", "v", "w")),
    "beta": (ep.PriorDensity(BETA, (0, 1)), lambda z: stats.beta.logpdf(z[:, 0], 2, 5), ("z",)),
    "mixture": (
        ep.Mixture([ep.Normal(0, 1), ep.Normal(3, "1/4"), ep.Normal(-2, 4)], ["1/2", "3/8", "1/8"]),
        lambda z: np.logaddexp.reduce(
            [
                np.log(w) + stats.norm.logpdf(z[:, 0], m, s)
                for w, m, s in ((0.5, 0, 1), (0.375, 3, 0.5), (0.125, -2, 2))
            ]
        ),
        ("z",),
    ),
}


def points(prior: Any, d: int) -> np.ndarray[Any, Any]:
    """Return points of the domain."""
    u = np.random.default_rng(5).uniform(0.02, 0.98, (40, d))
    ends = np.array(prior.domain(d), dtype=float)
    wide = np.where(np.isfinite(ends), ends, np.sign(ends) * 4.0)
    return np.asarray(wide[:, 0] + u * (wide[:, 1] - wide[:, 0]))


@pytest.mark.parametrize("name", LAWS)
def test_densities_are_those_of_scipy(name: str) -> None:
    prior, law, names = LAWS[name]
    z = points(prior, len(names))
    functions = prior_functions(prior, latents(*names))
    (energy,) = functions.compiled("energy", 0, FLOATING)(*z.T)
    assert np.abs(-energy - law(z)).max() < CLOSE * 30
    (tilt,) = functions.compiled("tilted", 0, FLOATING)(*z.T)
    assert np.abs(tilt - (law(z) - stats.norm.logpdf(z).sum(-1))).max() < CLOSE * 100


@pytest.mark.parametrize("name", LAWS)
def test_models_add_the_density_in_every_number_system(name: str) -> None:
    prior, law, names = LAWS[name]
    model = ep.LatentModel(list(names), [names[0]], ONE, prior=prior)
    z = points(prior, len(names))
    x = np.array([[0.3]])
    value = -law(z) - stats.norm.logpdf(0.3 - z[:, 0])
    assert np.abs(model.floating.energy(z, x) - value).max() < CLOSE * 30
    tensor = model.tensors.energy(torch.tensor(z), torch.tensor(x))
    assert np.abs(tensor.numpy() - value).max() < CLOSE * 30
    for n in range(3):
        ball = model.balls.energy(z[n].tolist(), [0.3])
        assert abs(float(ball.mid()) - value[n]) < CLOSE * 30
        assert abs(float(sympy.N(model.exact.energy(z[n].tolist(), [0.3]), 20)) - value[n]) < CLOSE * 30


@pytest.mark.parametrize("name", LAWS)
def test_networks_have_the_prior_with_its_derivatives(name: str) -> None:
    prior, _, names = LAWS[name]
    if name == "beta":
        names = ("z",)
    d = len(names)
    torch.manual_seed(d)
    layer = torch.nn.Linear(d, 2).double()
    model = ep.LatentModel.from_torch(layer, ONE, prior=prior)
    own = ["z"] if d == 1 else [f"z_{k}" for k in range(d)]
    rows = [
        " + ".join([repr(b), *(f"({w!r})*{z}" for w, z in zip(row, own, strict=True))])
        for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    ]
    written = ep.LatentModel(own, rows, ONE, prior=prior)
    z, x = points(prior, d), np.array([[0.3, -0.4]])
    for order in (0, 1, 2, 3):
        a, b = (one.floating.energy(z, x, order) for one in (model, written))
        assert np.abs(a - b).max() <= 1e-9 * (1 + np.abs(b).max())
    ball, other = (one.balls.energy(z[0].tolist(), [0.3, -0.4], 3) for one in (model, written))
    assert all(p.overlaps(q) for p, q in zip(ball.flat, other.flat, strict=True))


def test_energies_outside_the_domain_are_refused() -> None:
    model = ep.LatentModel("z", ["z"], ONE, prior=ep.Uniform(0, 1))
    message = r"z\[0\]: got .*; expected points of the prior's domain, from 0 to 1"
    for ask in (
        lambda: model.floating.energy([[0.5], [1.5]], [[0.0]]),
        lambda: model.tensors.energy(torch.tensor([-0.5]), torch.tensor([0.0])),
        lambda: model.balls.energy(["-1/1000"], [0]),
        lambda: model.exact.energy(["1001/1000"], [0]),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
    assert model.floating.energy([[0.0], [1.0]], [[0.0]]).shape == (2,)
    assert np.isfinite(model.floating.log_likelihood([[1.5]], [[0.0]])).all()


def test_a_decoder_need_be_real_in_the_domain_only() -> None:
    ep.LatentModel("z", ["log(z)"], ONE, prior=ep.Uniform(1, 2))
    ep.LatentModel("z", ["sqrt(z)"], ONE, prior=ep.PriorDensity("-z", (0, "inf")))
    with pytest.raises(ValueError, match=r"decoder\[0\]: got 'log\(z\)', which is not real at z = "):
        ep.LatentModel("z", ["log(z)"], ONE, prior=ep.Uniform(-1, 2))


@pytest.mark.parametrize("name", LAWS)
def test_records(name: str) -> None:
    prior, _, names = LAWS[name]
    for same in (pickle.loads(pickle.dumps(prior)), copy.deepcopy(prior)):  # noqa: S301
        assert same == prior
        assert hash(same) == hash(prior)
        assert repr(same) == repr(prior)
    others = [other for key, (other, _, _) in LAWS.items() if key != name]
    assert all(prior != other for other in others)
    model = ep.LatentModel(list(names), [names[0]], ONE, prior=prior)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    assert again == model
    assert again.prior == prior
    plain = ep.LatentModel(list(names), [names[0]], ONE)
    assert (model == plain) == (name == "standard")
    assert model.with_prior(ep.Normal()) == plain
    assert type(prior).__name__ in repr(model)


def test_exact_numbers_stay_exact() -> None:
    assert ep.Normal("1/3", "0.1").covariance == ((Fraction(1, 10),),)
    assert ep.Uniform(0.1, "0.3").low == (Fraction(0.1),)
    assert ep.Mixture([ep.Normal()] * 3, ["1/3"] * 3).weights == (Fraction(1, 3),) * 3


CLASS: Any = ep.Normal
FLAG: Any = 1
WRONG: Any = "N"
OTHER: Any = torch.distributions.Normal(0.0, 1.0)
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "half of a normal": (lambda: ep.Normal(1), TypeError, "Normal: got one of mean and covariance"),
    "negative variance": (lambda: ep.Normal(0, -1), ValueError, "covariance: got .*positive definite"),
    "asymmetric": (lambda: ep.Normal([0, 0], [[1, 0.5], [0, 1]]), ValueError, "expected a symmetric matrix"),
    "empty box": (lambda: ep.Uniform(1, 1), ValueError, "high: got '1'; expected more than low = 1"),
    "box with a flat side": (
        lambda: ep.Uniform([0, 1], [1, 0]),
        ValueError,
        r"high\[1\]: got '0'; expected more than low = 1",
    ),
    "ends of two lengths": (
        lambda: ep.Uniform([0, 1], [1]),
        ValueError,
        "high: got .*as many numbers as low",
    ),
    "infinite box": (lambda: ep.Uniform(0, float("inf")), ValueError, "high: got inf"),
    "weights of floats": (
        lambda: ep.Mixture([ep.Normal()] * 3, [0.1, 0.2, 0.7]),
        ValueError,
        "weights: got .*sum is exactly 1.*strings are exact",
    ),
    "a weight of zero": (
        lambda: ep.Mixture([ep.Normal()] * 2, [0, 1]),
        ValueError,
        r"weights\[0\]: got 0; expected a positive weight",
    ),
    "too few weights": (lambda: ep.Mixture([ep.Normal()] * 2, [1]), ValueError, "weights: got .*2 numbers"),
    "no components": (lambda: ep.Mixture([], []), TypeError, "components: got .*at least one"),
    "a class": (
        lambda: ep.Mixture([CLASS], [1]),
        TypeError,
        r"components\[0\]: got .*expected ep.Normal",
    ),
    "a mixture in a mixture": (
        lambda: ep.Mixture([ep.Mixture([ep.Normal()], [1])], [1]),
        TypeError,
        r"components\[0\]: got Mixture",
    ),
    "an integral in a mixture": (
        lambda: ep.Mixture([ep.PriorDensity("-z", (0, 1), normalised=False)], [1]),
        ValueError,
        r"components\[0\]: got .*a normalised density",
    ),
    "components of two sizes": (
        lambda: ep.Mixture([ep.Normal(0, 1), ep.Uniform([0, 0], [1, 1])], ["1/2", "1/2"]),
        ValueError,
        "components: got .*same number of latents",
    ),
    "no expression": (lambda: ep.PriorDensity(3, (0, 1)), TypeError, "log_density: got 3 of type int"),
    "no domain": (lambda: ep.PriorDensity("-z", "R"), TypeError, "domain: got 'R'"),
    "three ends": (lambda: ep.PriorDensity("-z", (0, 1, 2)), ValueError, "domain: got .*one .low, high."),
    "ends in the wrong order": (
        lambda: ep.PriorDensity("-z", [(0, 1), ("inf", 0)]),
        ValueError,
        r"domain\[1\]: got .*a low below its high",
    ),
    "an end that is no number": (
        lambda: ep.PriorDensity("-z", (0, "x")),
        ValueError,
        r"domain\[1\]: got 'x'",
    ),
    "a flag": (lambda: ep.PriorDensity("-z", (0, 1), FLAG), TypeError, "normalised: got 1"),
    "an unknown name": (
        lambda: ep.LatentModel("z", ["z"], ONE, prior=ep.PriorDensity("-y", (0, 1))),
        ValueError,
        "log_density: got .*'y'",
    ),
    "another dimension": (
        lambda: ep.LatentModel(["u", "v"], ["u"], ONE, prior=ep.Normal(0, 1)),
        ValueError,
        "prior: got Normal.*as many latents as there are, 2",
    ),
    "another dimension of a network": (
        lambda: ep.LatentModel.from_torch(torch.nn.Linear(2, 1), ONE, prior=ep.Uniform([0], [1])),
        ValueError,
        "prior: got Uniform.*as many latents as there are, 2",
    ),
    "no prior": (
        lambda: ep.LatentModel("z", ["z"], ONE, prior=WRONG),
        TypeError,
        "prior: got 'N'.*a prior such",
    ),
    "a distribution of torch": (
        lambda: ep.LatentModel("z", ["z"], ONE, prior=OTHER),
        TypeError,
        "prior: got Normal.*a prior such",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    make, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        make()


def test_a_mixture_of_different_domains_has_no_one_expression() -> None:
    model = ep.LatentModel("z", ["z"], ONE, prior=ep.Mixture([ep.Normal(), ep.Uniform(0, 1)], ["1/2", "1/2"]))
    with pytest.raises(ValueError, match=r"prior: got Mixture.*components with the same domain"):
        model.floating.energy([0.5], [0.0])
    assert np.isfinite(model.floating.log_likelihood([0.5], [0.0]))


def test_a_mixture_does_not_underflow() -> None:
    far = ep.Mixture([ep.Normal(-1000, 1), ep.Normal(1000, "1/4")], ["1/2", "1/2"])
    model = ep.LatentModel("z", ["z"], ONE, prior=far)
    value = model.floating.energy([[0.0]], [[0.0]])[0]
    assert abs(value - (np.log(2) + 500_000 + np.log(2 * np.pi))) < 1e-9


@pytest.mark.parametrize("d", [1, 2, 3])
def test_coordinates_of_a_normal_are_whitened(d: int) -> None:
    """|w|^2 is the quadratic form of z, and z(w) has the covariance as the product of its slopes."""
    rng = np.random.default_rng(d)
    factor = [[Fraction(int(n), 4) for n in row] for row in rng.integers(-4, 5, (d, d))]
    covariance = [
        [sum((a * b for a, b in zip(p, q, strict=True)), Fraction(i == j)) for j, q in enumerate(factor)]
        for i, p in enumerate(factor)
    ]
    names = latents(*(f"z_{k}" for k in range(d)))
    placement = ep.Normal(list(range(d)), covariance).placement(names)
    assert placement is not None
    slopes = sympy.Matrix([[z.diff(w) for w in placement.symbols] for z in placement.place])
    product = (slopes * slopes.T).applyfunc(sympy.simplify)
    assert product == sympy.Matrix(
        [[sympy.Rational(e.numerator, e.denominator) for e in row] for row in covariance]
    )
    assert [z.subs(dict.fromkeys(placement.symbols, 0)) for z in placement.place] == list(range(d))
