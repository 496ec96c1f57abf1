"""Linear latents under a normal prior are integrated out exactly too: closed forms, substitution by hand, the cells."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import arb, arb_mat

import elboproof as ep
from elboproof.evidence import elimination
from elboproof.evidence import selection as selections
from elboproof.evidence.elimination import latents_left
from elboproof.evidence.log_evidence import evidence_of, prove
from elboproof.evidence.observations import Observations
from elboproof.evidence.selection import selection
from elboproof.model import independence
from elboproof.numbers.balls import working_precision
from tests.evidence.test_elimination import holds
from tests.seeding import Bug, Seeded, falsification

Rows = list[list[Fraction]]


def _tenths(rng: np.random.Generator, *shape: int) -> Rows:
    return [[Fraction(int(k), 10) for k in row] for row in rng.integers(-20, 21, shape)]


def _factor(rng: np.random.Generator, d: int) -> Rows:
    """Return a lower triangular matrix with a positive diagonal."""
    return [
        [
            Fraction(int(rng.integers(-4, 5)), 4) if k < j else Fraction(int(k == j), 1 + j % 3)
            for k in range(d)
        ]
        for j in range(d)
    ]


def _product(a: Rows, b: Rows) -> Rows:
    """Return a b'."""
    return [[sum((x * y for x, y in zip(p, q, strict=True)), Fraction(0)) for q in b] for p in a]


def _log_density(x: list[Fraction], mean: list[Fraction], covariance: Rows) -> arb:
    """Return log N(x; mean, covariance) in a ball far narrower than a double."""
    with working_precision(300):
        matrix = arb_mat([[arb(c.numerator) / c.denominator for c in row] for row in covariance])
        rest = [(a - b) for a, b in zip(x, mean, strict=True)]
        residual = arb_mat([[arb(r.numerator) / r.denominator] for r in rest])
        form = (residual.transpose() * matrix.solve(residual))[0, 0]
        return -(form + matrix.det().log() + len(x) * (2 * arb.pi()).log()) / 2


@pytest.mark.parametrize(
    ("latents", "outputs", "seed"), [(1, 1, 0), (2, 3, 1), (3, 1, 2), (5, 2, 3), (9, 9, 4), (30, 4, 5)]
)
def test_linear_models_under_a_normal_prior_have_a_closed_form(latents: int, outputs: int, seed: int) -> None:
    _linear(latents, outputs, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300))
def test_many_linear_models_under_a_normal_prior(seed: int) -> None:
    rng = np.random.default_rng(seed + 1000)
    _linear(int(rng.integers(1, 9)), int(rng.integers(1, 6)), seed)


def _linear(latents: int, outputs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, (offset,), (mean,), (x,) = (
        _tenths(rng, *shape) for shape in ((outputs, latents), (1, outputs), (1, latents), (1, outputs))
    )
    factor = _factor(rng, latents)
    prior = ep.Normal(mean, _product(factor, factor))
    decoder = [
        " + ".join([f"({c})", *(f"({w})*z{k}" for k, w in enumerate(row))])
        for row, c in zip(rows, offset, strict=True)
    ]
    names = [f"z{k}" for k in range(latents)]
    model = ep.LatentModel(names, decoder, ep.Gaussian("1/7"), prior=prior)
    found = ep.log_evidence(model, x, 10)
    columns = _product(rows, [list(column) for column in zip(*factor, strict=True)])
    covariance = _product(columns, columns)
    for j in range(outputs):
        covariance[j][j] += Fraction(1, 7)
    centre = [c + m for c, (m,) in zip(offset, _product(rows, [mean]), strict=True)]
    assert holds(found, _log_density(x, centre, covariance))
    assert found.width <= 2e-10


DECODERS: dict[str, tuple[list[str], list[str], int]] = {
    "the bent one last": (["a", "b", "c"], ["a + b", "b*sin(c) + c", "a - c"], 1),
    "the bent one first": (["c", "a", "b"], ["a + b", "b*sin(c) + c", "a - c"], 1),
    "the bent one between": (["a", "c", "b"], ["a*c + b", "b/(1 + c**2)", "tanh(c)"], 1),
    "two bend": (["a", "b", "c"], ["a**2 + b", "b*sin(c)", "a*c"], 2),
    "expanded": (["a", "b", "c"], ["(a + b)**2 - a**2", "a + c", "c"], 1),
}
"""Latents, decoder, and how many are left."""


def _case(name: str, seed: int = 7) -> tuple[ep.LatentModel, ep.LatentModel, list[str]]:
    """Return a model under N(m, F F'), and the same in independent latents t, put in by hand: z = m + F t."""
    latents, decoder, _ = DECODERS[name]
    rng = np.random.default_rng(seed)
    factor, (mean,) = _factor(rng, 3), _tenths(rng, 1, 3)
    symbols = [sympy.Symbol(z, real=True) for z in latents]
    t = sympy.symbols("t0:3", real=True)
    place = [
        sympy.Rational(str(m)) + sum(sympy.Rational(str(c)) * u for c, u in zip(row, t, strict=True))
        for m, row in zip(mean, factor, strict=True)
    ]
    known = {str(z): z for z in symbols}
    put = [
        str(sympy.sympify(f, locals=known).xreplace(dict(zip(symbols, place, strict=True)))) for f in decoder
    ]
    noise = ep.Gaussian(["1/4", "1/5", "1/3"][: len(decoder)])
    placed = ep.LatentModel(latents, decoder, noise, prior=ep.Normal(mean, _product(factor, factor)))
    return placed, ep.LatentModel(["t0", "t1", "t2"], put, noise), ["0.3", "-0.2", "0.5"]


@pytest.mark.parametrize("name", DECODERS)
def test_latents_that_bend_are_left(name: str) -> None:
    placed, by_hand, x = _case(name)
    assert latents_left(placed) == DECODERS[name][2]
    mine = evidence_of(placed, x, 6, seconds=30.0, most_cells=10**6)
    other = prove(by_hand, x, 3, seconds=60.0, most_cells=10**6)  # cells over all three latents
    assert mine.statuses == ("",)
    assert mine.enclosure.width <= 2e-6
    assert other.enclosure.width <= 1e-2
    assert other.enclosure.lower <= mine.enclosure.upper
    assert mine.enclosure.lower <= other.enclosure.upper


def _agrees_with_substitution() -> None:
    """Latents that bend come last, so that an order that is not kept, a mean or a variance that is lost shows."""
    placed, by_hand, x = _case("the bent one last")
    mine, other = (evidence_of(m, x, 8, seconds=20.0, most_cells=10**6).enclosure for m in (placed, by_hand))
    assert other.lower <= mine.upper
    assert mine.lower <= other.upper


def test_evidence_agrees_with_substitution_to_all_digits() -> None:
    _agrees_with_substitution()


def test_other_likelihoods_under_a_normal_prior_are_left_to_the_engine() -> None:
    normal = ep.Normal([1, 0], [["2", "1/2"], ["1/2", "1"]])
    assert selection(ep.LatentModel(["y", "z"], ["3*z"], ep.Bernoulli(), prior=normal)) is None


def test_other_priors_are_left_to_the_engine() -> None:
    assert selection(ep.LatentModel(["y", "z"], ["3*z + y"], ep.Gaussian(1), prior=ep.Uniform(0, 1))) is None


def test_an_affine_network_under_a_normal_prior_is_a_linear_model() -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Linear(2, 1).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[1.0, 0.5]]))
        network.bias.fill_(0.25)
    prior = ep.Normal([1, 2], [["2", "1/2"], ["1/2", "1"]])
    model = ep.LatentModel.from_torch(network, ep.Gaussian("1/4"), prior=prior)
    # variance 2 + .25 + 2 * .5 * .5 + .25, mean 1 + 1 + .25
    value = _log_density([Fraction(1, 2)], [Fraction(9, 4)], [[Fraction(3)]])
    assert holds(ep.log_evidence(model, ["1/2"], 12), value)


CHECKS = {
    "substitution": _agrees_with_substitution,
    "closed form": lambda: _linear(3, 2, 1),
}
CACHES = (selections.selection, elimination.reduced)
BUGS: dict[str, Bug] = {
    "the mean is lost": Seeded(
        independence, "independent", "tape.constant(mean[k])", "tape.constant(0)", "closed form", CACHES
    ),
    "the correlations are lost": Seeded(
        independence, "independent", "unit[i][: i + 1]", "[*([0] * i), 1]", "closed form", CACHES
    ),
    "the latents that are left keep the variance 1": Seeded(
        independence, "independent", "pivots[:units]", "pivots[:0]", "substitution", CACHES
    ),
    "the linear latents keep the variance 1": Seeded(
        Observations, "integrate", "self._latent_variances.pop(k)", "Fraction(1)", "substitution", CACHES
    ),
    "variances of other latents": Seeded(
        Observations,
        "integrate",
        "self._latent_variances.pop(k)",
        "self._latent_variances.pop()",
        "substitution",
        CACHES,
    ),
    "linear latents first": Seeded(
        selections, "selection", "[*rest, *chosen]", "[*chosen, *rest]", "substitution", CACHES
    ),
}
test_no_bug, test_bug, test_text = falsification(CHECKS, BUGS)
