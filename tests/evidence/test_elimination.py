"""Latents that enter linearly are integrated out exactly: against closed forms, FLINT's integrator, and the cells."""

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from flint import acb, acb_mat, arb
from scipy.stats import multivariate_normal

import elboproof as ep
from elboproof.evidence.elimination import latents_left, reduced
from elboproof.evidence.log_evidence import evidence_of, prove
from elboproof.evidence.selection import selection
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.floating import FLOATING
from tests.evidence import truth

CHAIN = ["a", "b + a**2", "c + a*b"]
HARD = Fraction(1, 10**8)
Functions = Sequence[Callable[[acb], acb]]


def by_flint(
    offsets: Functions,
    slopes: Sequence[Functions],
    covariance: Sequence[Sequence[Fraction]],
    x: list[Fraction],
) -> arb:
    """Return log int N(z; 0, 1) N(x; f(z), C + B(z) B(z)') dz by FLINT's integrator, with determinants."""
    noise = acb_mat([[acb(arb(c.numerator) / c.denominator) for c in row] for row in covariance])
    data = [acb(arb(value.numerator) / value.denominator) for value in x]

    def integrand(z: acb, _: object) -> acb:
        columns = acb_mat([[slope(z) for slope in row] for row in slopes])
        full = noise + columns * columns.transpose()
        residual = acb_mat([[value - f(z)] for value, f in zip(data, offsets, strict=True)])
        # by cofactors: elimination would divide by rectangles with 0 in them
        determinant = full.det()
        form = (residual.transpose() * _adjugate(full) * residual)[0, 0] / determinant
        return (-(form + z * z) / 2).exp() / determinant.sqrt(analytic=True)

    with working_precision(100):
        tolerance = arb(10) ** -11

        def over(low: acb, high: acb) -> acb:
            return acb.integral(integrand, low, high, rel_tol=tolerance, abs_tol=tolerance**2)

        total = arb(0)  # beyond 9 lie less than 3e-19 of the prior
        for k in range(-9, 9):
            piece = over(acb(k), acb(k + 1))
            if not piece.is_finite():  # rectangles around a unit may hold zeros of the determinant
                quarters = [acb(4 * k + n) / 4 for n in range(5)]
                piece = sum((over(low, high) for low, high in pairwise(quarters)), acb(0))
            total += piece.real
        return total.log() - (len(x) + 1) * (2 * arb.pi()).log() / 2


def _adjugate(matrix: acb_mat) -> acb_mat:
    """Return det M times the inverse of M."""
    size, rows = matrix.nrows(), matrix.tolist()

    def minor(i: int, j: int) -> acb:
        return acb_mat(
            [[c for k, c in enumerate(row) if k != j] for n, row in enumerate(rows) if n != i]
        ).det()

    if size == 1:
        return acb_mat([[1]])
    return acb_mat([[(-1) ** (i + j) * minor(j, i) for j in range(size)] for i in range(size)])


COEFFICIENTS: dict[str, Callable[[acb], acb]] = {
    "0": lambda _: acb(0),
    "1": lambda _: acb(1),
    "-2": lambda _: acb(-2),
    "z": lambda z: z,
    "z**2/3": lambda z: z * z / 3,
    "sin(z)": lambda z: z.sin(),
    "1 + tanh(z)": lambda z: 1 + z.tanh(),
    "exp(z/3)": lambda z: (z / 3).exp(),
}
"""Coefficients B and offsets f_0, and the same by hand."""


def _instance(seed: int, largest: int) -> tuple[ep.LatentModel, list[Fraction], arb]:
    """Return a model with one latent that stays and one to three that go, data, and the truth."""
    rng = np.random.default_rng(seed)
    size, linear = int(rng.integers(1, largest + 1)), int(rng.integers(1, 4))
    names = list(COEFFICIENTS)
    slopes = [[names[k] for k in rng.integers(0, len(names), linear)] for _ in range(size)]
    offsets = [names[k] for k in rng.integers(3, len(names), size)]
    factor = [[Fraction(int(k), 4) for k in row] for row in rng.integers(-3, 4, (size, size))]
    covariance = [
        [
            sum((a * b for a, b in zip(p, q, strict=True)), Fraction(int(i == j), 8))
            for j, q in enumerate(factor)
        ]
        for i, p in enumerate(factor)
    ]
    diagonal = bool(rng.integers(0, 2))
    if diagonal:
        covariance = [
            [c if i == j else Fraction(0) for j, c in enumerate(row)] for i, row in enumerate(covariance)
        ]
    x = [Fraction(int(k), 10) for k in rng.integers(-20, 21, size)]
    likelihood = (
        ep.Gaussian([covariance[k][k] for k in range(size)])
        if diagonal
        else ep.Gaussian(covariance=covariance)
    )
    # what the sines and offsets are of is nonlinear in z, so that z stays
    decoder = [
        f"({offset}) + " + " + ".join(f"({slope})*y{k}" for k, slope in enumerate(row))
        for offset, row in zip(offsets, slopes, strict=True)
    ]
    decoder[0] += " + sin(z)"
    by_hand = [COEFFICIENTS[offset] for offset in offsets]
    first = by_hand[0]
    by_hand[0] = lambda z: first(z) + z.sin()
    rows = [[COEFFICIENTS[slope] for slope in row] for row in slopes]
    model = ep.LatentModel(["z", *(f"y{k}" for k in range(linear))], decoder, likelihood)
    return model, x, by_flint(by_hand, rows, covariance, x)


def holds(enclosure: ep.Enclosure, value: arb) -> bool:
    """Whether an enclosure holds a ball that is far narrower."""
    low, high = arb(float(np.ravel(enclosure.lower)[0])), arb(float(np.ravel(enclosure.upper)[0]))
    return bool(low <= value.upper() and value.lower() <= high)


@pytest.mark.parametrize("seed", range(20))
def test_generated_models_agree_with_flint(seed: int) -> None:
    _agrees(seed, 2)


def _agrees(seed: int, largest: int) -> None:
    model, x, value = _instance(seed, largest)
    assert value.rad() < 1e-9
    assert latents_left(model) == 1
    found = evidence_of(model, x, 8, seconds=20.0, most_cells=10**6)
    assert found.statuses == ("",)
    assert holds(found.enclosure, value)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 320))
def test_many_generated_models_agree_with_flint(seed: int) -> None:
    _agrees(seed, 3)


MODELS: dict[str, tuple[list[str], list[str], ep.Gaussian, list[str], int]] = {
    "chain": (["a", "b", "c"], CHAIN, ep.Gaussian("1/100"), ["0.3", "0.2", "0.1"], 1),
    "chain, sigma = 1e-4": (["a", "b", "c"], CHAIN, ep.Gaussian(HARD), ["0.3", "0.2", "0.1"], 1),
    "product": (["u", "v"], ["u*v", "u", "sin(u)*v + 1"], ep.Gaussian("1/100"), ["0.3", "0.2", "0.1"], 1),
    "two columns that vary": (
        ["a", "b", "c"],
        ["a*b + c", "b*(1 + a**2) - c*a", "tanh(a)*b + 2*c", "sin(a)"],
        ep.Gaussian(["1/10", "1/20", "1/5", "1/3"]),
        ["0.3", "0.2", "0.1", "0.2"],
        1,
    ),
    "two are left": (["a", "b", "c"], ["a*b*c", "sin(a) + b**2"], ep.Gaussian("1/4"), ["1", "1/2"], 2),
    "expanded": (["y", "z"], ["(y + z)**2 - y**2"], ep.Gaussian("1/10"), ["0.3"], 1),
    "two modes": (["z", "y"], ["z**2", "y + z"], ep.Gaussian("1/100"), ["1", "0"], 1),
    "a kink": (["z", "y"], ["abs(z)", "y*max(z, 1/3)"], ep.Gaussian("1/10"), ["1", "1/2"], 1),
    "correlated": (
        ["a", "b", "c"],
        ["a*b + c", "b - c*a", "sin(a) + 2*c"],
        ep.Gaussian(covariance=[["1", "1/2", "0"], ["1/2", "1", "1/3"], ["0", "1/3", "1"]]),
        ["0.3", "0.2", "0.1"],
        1,
    ),
}
"""Latents, decoder, likelihood, data and how many latents are left."""


@pytest.mark.parametrize("name", MODELS)
def test_cells_over_all_latents_give_the_same(name: str) -> None:
    latents, decoder, likelihood, x, left = MODELS[name]
    model = ep.LatentModel(latents, decoder, likelihood)
    assert latents_left(model) == left
    mine = evidence_of(model, x, 5, seconds=30.0, most_cells=10**6)
    whole = prove(model, x, 4, seconds=60.0, most_cells=2 * 10**6)
    assert mine.statuses == ("",)
    assert whole.enclosure.lower <= mine.enclosure.upper
    assert mine.enclosure.lower <= whole.enclosure.upper
    assert mine.enclosure.width <= 2e-5
    assert whole.enclosure.width < 1e-2


def test_many_digits_of_a_chain() -> None:
    model = ep.LatentModel(["a", "b", "c"], CHAIN, ep.Gaussian(HARD))
    wide = ep.log_evidence(model, ["0.3", "0.2", "0.1"], 10)
    sharp = ep.log_evidence(model, ["0.3", "0.2", "0.1"], 30)
    assert sharp.exact is not None
    assert sharp.exact[1] - sharp.exact[0] <= Fraction(2, 10**30)
    assert wide.lower <= sharp.upper
    assert sharp.lower <= wide.upper


def test_batches_are_reduced_too() -> None:
    model = ep.LatentModel(["a", "b"], ["sin(a)", "b + a**2"], ep.Gaussian("1/10"))
    x = np.random.default_rng(0).normal(size=(20, 2))
    together = ep.log_evidence(model, x, 8)
    for n in (0, 7, 19):
        alone = ep.log_evidence(model, x[n], 8)
        assert together.lower[n] <= alone.upper
        assert alone.lower <= together.upper[n]


@pytest.mark.parametrize(("latents", "outputs"), list(itertools.product((1, 2, 5), (1, 2, 5))))
def test_linear_models_against_exact_rationals(latents: int, outputs: int) -> None:
    rng = np.random.default_rng(10 * latents + outputs)
    rows = [[str(Fraction(int(k), 10)) for k in row] for row in rng.integers(-20, 21, (outputs, latents))]
    offset = [str(Fraction(int(k), 10)) for k in rng.integers(-20, 21, outputs)]
    x = [[str(Fraction(int(k), 10)) for k in row] for row in rng.integers(-20, 21, (3, outputs))]
    names = [f"z{k}" for k in range(latents)]
    decoder = [
        "+".join(f"({w})*{name}" for w, name in zip(row, names, strict=True)) + f"+({c})"
        for row, c in zip(rows, offset, strict=True)
    ]
    for variance in ("1/7", "1e-8"):
        model = ep.LatentModel(names, decoder, ep.Gaussian(variance))
        found = ep.log_evidence(model, x, 10)
        assert not truth.misses(found.lower, found.upper, truth.linear(rows, offset, variance, x))
        assert (found.width <= 2e-10).all()


@pytest.mark.parametrize(("latents", "outputs"), [(50, 50), (50, 2), (2, 50)])
def test_linear_models_of_any_dimension_against_scipy(latents: int, outputs: int) -> None:
    rng = np.random.default_rng(3)
    rows, offset = np.round(rng.normal(size=(outputs, latents)), 2), np.round(rng.normal(size=outputs), 2)
    names = [f"z{k}" for k in range(latents)]
    decoder = [
        "+".join(f"({w})*{name}" for w, name in zip(row, names, strict=True)) + f"+({c})"
        for row, c in zip(rows, offset, strict=True)
    ]
    model = ep.LatentModel(names, decoder, ep.Gaussian("1/2"))
    x = np.round(rng.normal(size=(4, outputs)), 2)
    found = ep.log_evidence(model, x, 10)
    expected = multivariate_normal(offset, rows @ rows.T + 0.5 * np.eye(outputs)).logpdf(x)
    assert np.abs(found.midpoint - expected).max() < 1e-9 * np.abs(expected).max()
    assert (found.width <= 2e-10).all()
    assert ep.gap(model, x[0]).upper == 0.0


def test_linear_models_with_a_full_covariance_and_numbers_that_are_no_rationals() -> None:
    covariance = [["1", "9/10"], ["9/10", "1"]]
    model = ep.LatentModel(["u", "v"], ["pi*u + 1", "sqrt(2)*v - u"], ep.Gaussian(covariance=covariance))
    found = ep.log_evidence(model, [0.5, 0.25], 20)
    rows = np.array([[np.pi, 0.0], [-1.0, np.sqrt(2)]])
    noise = np.array([[1.0, 0.9], [0.9, 1.0]])
    expected = multivariate_normal([1.0, 0.0], rows @ rows.T + noise).logpdf([0.5, 0.25])
    assert abs(found.midpoint - expected) < 1e-13


def test_an_affine_network_is_a_linear_model() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Identity(), torch.nn.Linear(4, 2)).double()
    model = ep.LatentModel.from_torch(network, ep.Gaussian("1/4"))
    w = network[2].weight @ network[0].weight
    c = network[2].weight @ network[0].bias + network[2].bias
    found = ep.log_evidence(model, [0.1, 0.2])
    expected = multivariate_normal(c.detach().numpy(), (w @ w.T).detach().numpy() + np.eye(2) / 4)
    assert abs(found.midpoint - expected.logpdf([0.1, 0.2])) < 1e-12
    assert ep.gap(model, [0.1, 0.2]).upper == 0.0
    assert ep.gap_law(model, [0.1, 0.2], nearest=True).status.startswith("exact: the decoder is affine")
    bent = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    assert selection(ep.LatentModel.from_torch(bent, ep.Gaussian("1/4"))) is None


def test_five_latents_of_which_four_are_linear() -> None:
    names = ["z", *(f"y{k}" for k in range(8))]
    decoder = [f"sin(z) + {'+'.join(f'{k + j + 1}*y{k}' for k in range(8))}" for j in range(3)]
    model = ep.LatentModel(names, decoder, ep.Gaussian("1/10"))
    assert latents_left(model) == 1
    rows = [[Fraction(k + j + 1) for k in range(8)] for j in range(3)]
    noise = [
        [sum((a * b for a, b in zip(p, q, strict=True)), Fraction(int(p is q), 10)) for q in rows]
        for p in rows
    ]
    value = by_flint([lambda z: z.sin()] * 3, [[lambda _: acb(0)]] * 3, noise, [Fraction(1, 2)] * 3)
    assert holds(ep.log_evidence(model, ["1/2"] * 3, 9), value)


def test_five_that_bend_are_refused() -> None:
    names = ["a", "b", "c", "d", "e"]
    model = ep.LatentModel(names, ["+".join(f"{name}**2" for name in names)], ep.Gaussian(1))
    with pytest.raises(ValueError, match="expected at most 4 latents, not counting those that enter"):
        ep.log_evidence(model, [0.5])


def test_other_likelihoods_lose_only_latents_that_are_not_used() -> None:
    model = ep.LatentModel(["y", "z"], ["3*z"], ep.Bernoulli())
    alone = ep.LatentModel("z", ["3*z"], ep.Bernoulli())
    assert latents_left(model) == 1
    two, one = ep.log_evidence(model, [1], 9), ep.log_evidence(alone, [1], 9)
    assert two.lower <= one.upper
    assert one.lower <= two.upper
    assert latents_left(ep.LatentModel(["y", "z"], ["3*z + y"], ep.Bernoulli())) == 2
    assert latents_left(ep.LatentModel(["y", "z"], ["1"], ep.Bernoulli())) == 1


def test_the_supremum_bounds_the_reduced_likelihood() -> None:
    model = ep.LatentModel(["a", "b", "c"], CHAIN, ep.Gaussian("1/100"))
    integrand = reduced(model)
    assert integrand is not None
    data = BallArray(np.zeros((1, 3)))
    (supremum,) = integrand.ceiling(data).suprema
    energy = integrand.quantities.compiled("energy", 0, FLOATING)
    z = np.linspace(-4, 4, 201)
    for x in ([0.0, 0.0, 0.0], [0.3, 0.09, 0.0], [1.0, 1.0, 0.0]):
        (values,) = energy(z, *x)
        likelihood = -values + z**2 / 2 + np.log(2 * np.pi) / 2
        assert likelihood.max() <= supremum + 1e-12  # the roundings of plain floats
    assert supremum < model.ceiling(data).suprema[0]  # sharper than that of p(x|z)


def test_a_number_that_is_out_of_reach_is_undecided() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(1))
    with pytest.raises(ep.Undecided, match="stopped by the range of float64") as caught:
        ep.log_evidence(model, ["1e200"])
    assert caught.value.enclosure.upper < -1e308


def test_the_gap_of_a_chain_uses_the_line() -> None:
    model = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian("1/100"))
    found = ep.gap(model, ["0.3", "0.2"], 4)
    evidence = ep.log_evidence(model, ["0.3", "0.2"], 12)
    point = ep.stationary_posterior(model, ["0.3", "0.2"])
    assert found.lower > 0
    assert abs(found.midpoint - (evidence.midpoint - point.elbo.midpoint)) < 1e-8


def test_variances_that_depend_on_latents_are_left_to_the_engine() -> None:
    two_heads = ep.LatentModel(["z", "w"], ["z"], ep.Gaussian(variance="exp(w/2)"))
    assert selection(two_heads) is None
    unused = ep.LatentModel(["z", "w", "y"], ["z"], ep.Gaussian(variance="exp(w/2)"))
    assert latents_left(unused) == 2


def test_doubles_of_a_linear_model_are_the_numbers_that_they_are() -> None:
    model = ep.LatentModel("z", ["z/3", "2*z"], ep.Gaussian("1/100"))
    x = np.array([[0.1, 1e-3], [-7.3, 2.0**60]])
    doubles = ep.log_evidence(model, x, 40)
    exact = ep.log_evidence(model, [[Fraction(v) for v in row] for row in x.tolist()], 40)
    spelled = ep.log_evidence(model, [["0.1", "0.001"]], 40)  # the control: 0.1 is another number
    assert doubles.exact is not None
    assert exact.exact is not None
    assert spelled.exact is not None
    for one, other in zip(doubles.exact[0], exact.exact[1], strict=True):
        assert 0 <= other - one <= Fraction(1, 10**39)
    assert abs(spelled.exact[0][0] - doubles.exact[0][0]) > Fraction(1, 10**20)
