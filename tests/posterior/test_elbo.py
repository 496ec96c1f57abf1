"""ep.elbo: every number by two routes, honest where it ends, and below the log evidence."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from flint import arb

import elboproof as ep
from elboproof.expectations import plan as cells
from elboproof.expectations import rising_precision, sums
from elboproof.expectations import rules as expectations
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import working_precision
from elboproof.posterior import elbo as elbo_module
from elboproof.posterior.elbo import elbo_ball
from elboproof.running.rows import NOT_BEGUN
from tests.posterior.routes import by_hermite, by_mpmath, by_relu_moments, gaussian_joint, number
from tests.timing import kept, started

HERMITE_ERROR = 1e-10
"""Of the Gauss-Hermite sums in float64: their rounding is some 1e-13 of terms of size 100."""


@pytest.fixture
def no_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every ELBO take the quadrature."""
    monkeypatch.setattr(elbo_module, "closed_form", lambda *_: None)


def assert_encloses(enclosure: ep.Enclosure, truth: mpmath.mpf, digits: float) -> None:
    assert mpmath.mpf(float(enclosure.lower)) <= truth <= mpmath.mpf(float(enclosure.upper))
    assert float(enclosure.width) <= 2 * 10.0**-digits


CLOSED: list[tuple[Sequence[str], Sequence[str], Sequence[object], Any, str]] = [
    ("z", ["sinh(z)"], ["0.65"], "0.0067", "1/100"),
    ("z", ["sinh(z)"], ["0.65"], "0.5", "1"),
    ("z", ["sinh(z)"], ["0.652666566"], "6.7e-9", "1/100000000"),
    ("z", ["z", "z**2"], ["0.7"], "1/300", "1/100"),
    ("z", ["sin(3*z)"], ["0.3"], "1/100", "1/10"),
    ("z", ["z*exp(-z)*cos(2*z) + expm1(z/3)"], ["0.3"], "1/10", "1/10"),
    (["a", "b"], ["a", "b + a**2"], ["0.7", "0"], [["1/300", "1/500"], ["1/500", "1/50"]], "1/100"),
    (["a", "b"], ["sin(a) + b", "a*b"], ["0.1", "0.4"], ["1/10", "1/3"], "1/10"),
]


@pytest.mark.parametrize(("latent", "decoder", "mean", "covariance", "variance"), CLOSED)
def test_closed_form_and_quadrature_agree(
    latent: Any,
    decoder: list[str],
    mean: list[object],
    covariance: Any,
    variance: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = ep.LatentModel(latent, decoder, ep.Gaussian(variance))
    q, x = ep.GaussianPosterior(mean, covariance), ["0.7", "0.2"][: len(decoder)]
    closed = ep.elbo(model, x, q, digits=14)
    monkeypatch.setattr(elbo_module, "closed_form", lambda *_: None)
    summed = ep.elbo(model, x, q, digits=10)
    assert summed.lower <= closed.midpoint <= summed.upper
    assert float(closed.width) < 2e-14 < float(summed.width) <= 2e-10


ONE_LATENT = {
    "tanh(z)": mpmath.tanh,
    "sqrt(1 + z**2)": lambda z: mpmath.sqrt(1 + z * z),
    "z*sigmoid(2*z) + 1": lambda z: z / (1 + mpmath.exp(-2 * z)) + 1,
    "1/(1 + z**2)": lambda z: 1 / (1 + z * z),
    "exp(sin(z) + z)": lambda z: mpmath.exp(mpmath.sin(z) + z),
}


@pytest.mark.parametrize("decoder", ONE_LATENT)
def test_quadrature_agrees_with_mpmath(decoder: str) -> None:
    model = ep.LatentModel("z", [decoder], ep.Gaussian("1/10"))
    joint = gaussian_joint(lambda z: [ONE_LATENT[decoder](z)], ["0.5"], "1/10")
    truth = by_mpmath(joint, "0.4", "0.08")
    assert_encloses(ep.elbo(model, ["0.5"], ep.GaussianPosterior("0.4", "0.08"), 13), truth, 13)


@pytest.mark.parametrize("sigma", ["1", "0.1", "0.01", "0.001", "0.0001"])
def test_small_noise_keeps_its_digits(sigma: str) -> None:
    variance = Fraction(sigma) ** 2
    model = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian(variance))
    q = ep.GaussianPosterior("0.5493", variance / (variance + Fraction(9, 16)))
    truth = by_mpmath(
        gaussian_joint(lambda z: [mpmath.tanh(z)], ["0.5"], variance), q.mean[0], q.covariance[0][0]
    )
    assert_encloses(ep.elbo(model, ["0.5"], q, 12), truth, 12)


def test_balls_have_more_digits_than_floats() -> None:
    variance = Fraction(1, 10**8)
    model = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian(variance))
    q = ep.GaussianPosterior("0.5493", "1.7e-8")
    truth = by_mpmath(gaussian_joint(lambda z: [mpmath.tanh(z)], ["0.5"], variance), "0.5493", "1.7e-8")
    with working_precision(170):
        ball = elbo_ball(model, [arb("0.5")], q.mean_balls(), q.cholesky(), 150)
        assert ball.overlaps(arb(mpmath.nstr(truth, 25), "1e-22"))
        assert ball.rad() < 1e-20


def test_bernoulli_agrees_with_mpmath() -> None:
    model = ep.LatentModel("z", ["3*z", "z**2 - 1", "sinh(z)"], ep.Bernoulli())

    def joint(z: mpmath.mpf) -> mpmath.mpf:
        logits = [3 * z, z * z - 1, mpmath.sinh(z)]
        terms = [a * f - mpmath.log1p(mpmath.exp(f)) for a, f in zip((1, 0, 1), logits, strict=True)]
        return sum(terms) - z * z / 2 - mpmath.log(2 * mpmath.pi) / 2

    q = ep.GaussianPosterior("0.4", "0.5")
    assert_encloses(ep.elbo(model, [1, 0, 1], q, 10), by_mpmath(joint, "0.4", "0.5"), 10)


@pytest.mark.parametrize(("decoder", "kink"), [("abs(z)", 0), ("relu(z - 1/3) + z/5", "1/3")])
def test_kinks_on_the_line_keep_all_digits(decoder: str, kink: object) -> None:
    model = ep.LatentModel("z", [decoder], ep.Gaussian("1/10"))

    def f(z: mpmath.mpf) -> list[mpmath.mpf]:
        return [abs(z)] if kink == 0 else [max(z - number("1/3"), mpmath.mpf(0)) + z / 5]

    truth = by_mpmath(gaussian_joint(f, ["0.5"], "1/10"), "0.4", "0.08", kink)
    assert_encloses(ep.elbo(model, ["0.5"], ep.GaussianPosterior("0.4", "0.08"), 10), truth, 10)


def network(inputs: int, activation: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(inputs, 4), activation, torch.nn.Linear(4, 6)]
    return torch.nn.Sequential(*layers).double()


def _network_joint(module: torch.nn.Module, x: Sequence[float], variance: float) -> Any:
    def joint(z: Any) -> Any:
        with torch.no_grad():
            f = module(torch.as_tensor(z)).numpy()
        data = ((np.array(x) - f) ** 2).sum(1) / (2 * variance) + len(x) / 2 * np.log(2 * np.pi * variance)
        return -data - (z**2).sum(1) / 2 - z.shape[1] / 2 * np.log(2 * np.pi)

    return joint


X = [0.1, 0.2, -0.3, 0.4, -0.1, 0.2]


@pytest.mark.parametrize(
    ("inputs", "activation", "digits"),
    [(2, torch.nn.Tanh(), 10), (2, torch.nn.SiLU(), 8), (2, torch.nn.GELU(), 8), (3, torch.nn.Tanh(), 6)],
)
def test_networks_agree_with_gauss_hermite(inputs: int, activation: torch.nn.Module, digits: int) -> None:
    module = network(inputs, activation)
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1/100"))
    mean, variances = [0.125, 0.25, 0.0][:inputs], [0.0625, 0.03125, 0.125][:inputs]
    proved = ep.elbo(model, X, ep.GaussianPosterior(mean, variances), digits)
    summed = by_hermite(_network_joint(module, X, 0.01), mean, variances, 24)
    assert proved.lower - HERMITE_ERROR <= summed <= proved.upper + HERMITE_ERROR
    assert float(proved.width) <= 2 * 10.0**-digits


RELU_MEAN, RELU_VARIANCES = [0.125, 0.25], [0.0625, 0.03125]
RELU_Q = ep.GaussianPosterior(RELU_MEAN, RELU_VARIANCES)


@pytest.fixture(scope="module")
def relu() -> tuple[LatentModel, mpmath.mpf]:
    """Return a network with kinks in the plane and its ELBO at RELU_Q."""
    module = network(2, torch.nn.ReLU())
    truth = by_relu_moments(module, X, 0.1, RELU_MEAN, RELU_VARIANCES)
    return ep.LatentModel.from_torch(module, ep.Gaussian(0.1)), truth


def test_kink_in_the_plane_has_few_digits_and_they_are_right(relu: tuple[LatentModel, mpmath.mpf]) -> None:
    assert_encloses(ep.elbo(relu[0], X, RELU_Q, 3), relu[1], 3)


def test_moments_of_relus_agree_with_gauss_hermite(relu: tuple[LatentModel, mpmath.mpf]) -> None:
    """The rule converges slowly over kinks, but to the same number."""
    joint = _network_joint(network(2, torch.nn.ReLU()), X, 0.1)
    errors = [abs(by_hermite(joint, RELU_MEAN, RELU_VARIANCES, n) - relu[1]) for n in (20, 160)]
    assert errors[1] < min(2e-3, errors[0])


def test_a_batch_is_its_rows_and_elbos_are_below_the_evidence() -> None:
    model = ep.LatentModel("z", ["tanh(z)", "z"], ep.Gaussian("1/10"))
    x = np.array([[0.5, 0.25], [-0.125, 0.0], [2.0, 1.0]])
    q = ep.GaussianPosterior("0.2", "0.1")
    batch, evidence = ep.elbo(model, x, q), ep.log_evidence(model, x)
    assert batch.lower.shape == (3,)
    assert batch < evidence
    for n, row in enumerate(x):
        one = ep.elbo(model, row, q)
        assert one.lower.shape == ()
        assert (one.lower, one.upper) == (batch.lower[n], batch.upper[n])


def _linear_posterior(w: list[list[int]], x: list[Fraction], variance: Fraction) -> ep.GaussianPosterior:
    """Return p(z|x) of x = W z + noise, d = 2, exactly."""
    a, b, c = (
        sum((Fraction(row[i] * row[j]) for row in w), Fraction(0)) / variance + (i == j)
        for i, j in ((0, 0), (0, 1), (1, 1))
    )
    s = [[c / (a * c - b * b), -b / (a * c - b * b)], [-b / (a * c - b * b), a / (a * c - b * b)]]
    r = [
        sum((row[i] * value for row, value in zip(w, x, strict=True)), Fraction(0)) / variance for i in (0, 1)
    ]
    return ep.GaussianPosterior([s[i][0] * r[0] + s[i][1] * r[1] for i in (0, 1)], s)


@pytest.mark.parametrize("variance", ["1", "1/100", "1/1000000"])
def test_affine_decoder_with_its_posterior_reaches_the_evidence(variance: str) -> None:
    model = ep.LatentModel(["u", "v"], ["u + 2*v", "3*u - v", "v"], ep.Gaussian(variance))
    x = [Fraction(1, 2), Fraction(1, 3), Fraction(-1, 5)]
    q = _linear_posterior([[1, 2], [3, -1], [0, 1]], x, Fraction(variance))
    reached, evidence = ep.elbo(model, x, q, 12), ep.log_evidence(model, x, 10)
    assert abs(reached.midpoint - evidence.midpoint) < 2e-10
    moved = ep.GaussianPosterior([q.mean[0] + Fraction(1, 1000), q.mean[1]], q.covariance)
    assert ep.elbo(model, x, moved, 12) < reached  # the check can see a q that is not the posterior


def test_exchanging_latents_exchanges_q() -> None:
    q = ep.GaussianPosterior(["0.1", "0.3"], [["0.2", "0.05"], ["0.05", "0.1"]])
    p = ep.GaussianPosterior(["0.3", "0.1"], [["0.1", "0.05"], ["0.05", "0.2"]])
    first = ep.LatentModel(["a", "b"], ["tanh(a + b)", "a - b**2"], ep.Gaussian("1/10"))
    second = ep.LatentModel(["b", "a"], ["tanh(a + b)", "a - b**2"], ep.Gaussian("1/10"))
    one, other = ep.elbo(first, ["0.5", "0.2"], q), ep.elbo(second, ["0.5", "0.2"], p)
    assert max(one.lower, other.lower) <= min(one.upper, other.upper)


@pytest.mark.usefixtures("no_closed_form")
def test_float_and_arb_sums_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel(["a", "b"], ["tanh(a)", "b + a**2"], ep.Gaussian("1/100"))
    q = ep.GaussianPosterior(["0.7", "0"], ["1/300", "1/50"])
    fast = ep.elbo(model, ["0.7", "0.5"], q, 10)
    monkeypatch.setattr(rising_precision, "FLOAT_DIGITS", 0)
    slow = ep.elbo(model, ["0.7", "0.5"], q, 10)
    assert abs(fast.midpoint - slow.midpoint) < 1e-12
    assert max(fast.lower, slow.lower) <= min(fast.upper, slow.upper)


@pytest.mark.parametrize("decoder", ["sinh(z)", "tanh(z)"])
def test_wide_balls_hold_for_all_members(decoder: str) -> None:
    model = ep.LatentModel("z", [decoder], ep.Gaussian("1/10"))
    with working_precision(120):
        mean, deviation = arb("0.4", "0.001"), arb("0.28", "0.001")
        wide = elbo_ball(model, [arb("0.5")], [mean], [[deviation]], 120)
        for m in ("0.399", "0.4", "0.401"):
            for s in ("0.279", "0.281"):
                assert wide.contains(elbo_ball(model, [arb("0.5")], [arb(m)], [[arb(s)]], 120))
        assert not wide.contains(elbo_ball(model, [arb("0.5")], [arb("0.6")], [[arb("0.28")]], 120))


MUTANTS = ["cells", "density"]


@pytest.mark.usefixtures("no_closed_form")
@pytest.mark.parametrize("mutant", MUTANTS)
def test_agreement_sees_a_wrong_quadrature(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/10"))
    q, plan, nodes = ep.GaussianPosterior("0.4", "0.08"), cells.plan, sums._nodes

    def without_a_cell(*arguments: Any) -> cells.Plan:
        work = plan(*arguments)
        work.centres[0], work.halves[0], work.sizes[0] = (
            work.centres[0][1:],
            work.halves[0][1:],
            work.sizes[0][1:],
        )
        return work

    def with_a_heavier_density(*arguments: Any) -> Any:
        return tuple((u, w * (1 + arb("1e-9"))) for u, w in nodes(*arguments))

    monkeypatch.setattr(expectations, "lattice", lambda *_: None)
    if mutant == "cells":
        monkeypatch.setattr(expectations, "plan", without_a_cell)
    else:
        monkeypatch.setattr(sums, "_nodes", with_a_heavier_density)
    truth = by_mpmath(gaussian_joint(lambda z: [mpmath.sinh(z)], ["0.5"], "1/10"), "0.4", "0.08")
    enclosure = ep.elbo(model, ["0.5"], q, 12)
    assert not enclosure.lower <= float(truth) <= enclosure.upper


UNBOUNDED = [
    ("exp(z**2/8)", "faster than linearly"),
    ("tan(tanh(z))", "a tangent"),
    ("1/(z**4 - z**2 + 1)", "0"),
]


@pytest.mark.parametrize(("decoder", "reason"), UNBOUNDED)
def test_unknown_tails_are_undecided(decoder: str, reason: str) -> None:
    model = ep.LatentModel("z", [decoder], ep.Gaussian("1/10"))
    with pytest.raises(
        ep.Undecided, match=f"1 of 1 ELBOs undecided.*tails cannot be bounded.*{reason}"
    ) as caught:
        ep.elbo(model, ["0.5"], ep.GaussianPosterior("0.4", "0.08"))
    assert caught.value.enclosure.lower == -np.inf


@pytest.mark.parametrize("seconds", [0.1, 0.4, 1.0])
def test_no_time_is_undecided_and_what_is_left_undone_is_enclosed(
    seconds: float, relu: tuple[LatentModel, mpmath.mpf]
) -> None:
    with pytest.raises(ep.Undecided, match=r"of 10 digits proved; stopped by the (time )?limit") as caught:
        ep.elbo(relu[0], X, RELU_Q, 10, seconds=seconds)
    enclosure = caught.value.enclosure
    assert enclosure.width[0] < 10
    assert enclosure.lower[0] <= relu[1] <= enclosure.upper[0]


def test_the_best_of_several_passes_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = iter([(arb(1, 1e-5), ""), (arb(1, 1e3), "the time limit")])
    monkeypatch.setattr(elbo_module, "_evaluated", lambda *_: next(passes))
    model = ep.LatentModel(["a", "b"], ["tanh(a)", "b"], ep.Gaussian("1/10"))
    with pytest.raises(ep.Undecided, match=r"5\.0 of 10 digits proved; stopped by the time limit") as caught:
        ep.elbo(model, [0, 0], ep.GaussianPosterior([0, 0], [1, 1]))
    assert float(caught.value.enclosure.width[0]) == pytest.approx(2e-5)


MODEL = ep.LatentModel("z", ["tanh(z)", "z"], ep.Gaussian("1/10"))
Q = ep.GaussianPosterior(0, 1)
BAD: list[tuple[Any, Any, Any, dict[str, Any], type[Exception], str]] = [
    ("model", [1, 2], Q, {}, TypeError, "model: got 'model' of type str; expected an ep.LatentModel"),
    (MODEL, [1, 2], (0, 1), {}, TypeError, r"q\[0\]: got 0 .* expected an ep.GaussianPosterior"),
    (MODEL, [1, 2], "q", {}, TypeError, "q: got 'q' .* expected an ep.GaussianPosterior, a list"),
    (MODEL, [1, 2], ep.GaussianPosterior([0, 0], [1, 1]), {}, ValueError, "q: got 2 dimensions; expected 1"),
    (MODEL, [1], Q, {}, ValueError, r"x: got shape \(1,\); expected \(2,\) or \(N, 2\)"),
    (MODEL, 1.0, Q, {}, ValueError, r"x: got shape \(\)"),
    (MODEL, [], Q, {}, ValueError, r"x: got shape \(0,\)"),
    (MODEL, [[1, 2], [3]], Q, {}, ValueError, "x: got .* rectangular array"),
    (MODEL, [1, float("nan")], Q, {}, ValueError, r"x: got nan at x\[1\]; expected finite numbers"),
    (MODEL, [[1, 2], [None, 2]], Q, {}, TypeError, r"x\[1\]\[0\]: got None"),
    (MODEL, [1, 2], Q, {"digits": 0}, ValueError, "digits: got 0; expected a positive number"),
    (MODEL, [1, 2], Q, {"digits": True}, ValueError, "digits: got True"),
    (MODEL, [1, 2], Q, {"seconds": -1.0}, ValueError, "seconds: got -1.0; expected a positive number"),
    (ep.LatentModel("z", ["z"], ep.Bernoulli()), ["0.5"], Q, {}, ValueError, r"x\[0\]: .*zeros and ones"),
]


@pytest.mark.parametrize(("model", "x", "q", "options", "error", "message"), BAD)
def test_what_cannot_be_used_is_named(
    model: LatentModel, x: Any, q: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ep.elbo(model, x, q, **options)


def test_four_latents_need_a_closed_form() -> None:
    names, q = ["a", "b", "c", "e"], ep.GaussianPosterior([0] * 4, [1] * 4)
    closed = ep.LatentModel(names, ["a*b + c*e"], ep.Gaussian(1))
    assert ep.elbo(closed, [0], q).midpoint == pytest.approx(-1 - np.log(2 * np.pi) / 2, abs=1e-10)
    with pytest.raises(ValueError, match=r"model: .*at most 3 latents"):
        ep.elbo(ep.LatentModel(names, ["tanh(a*b + c*e)"], ep.Gaussian(1)), [0], q)


@pytest.mark.parametrize("covariance", [10**300, 10**100])
def test_posteriors_as_wide_as_float64_warn_of_nothing(covariance: int) -> None:
    model = ep.LatentModel("z", ["relu(z)"], ep.Gaussian("1/4"))
    q = ep.GaussianPosterior("1/3", covariance)
    try:
        bounds = ep.elbo(model, ["0.5"], q, seconds=5)
    except ep.Undecided as undecided:
        bounds = undecided.enclosure
    assert np.all(bounds.lower <= -float(covariance))  # -E[(x - relu(z))^2] / 2v + ..., of the order of -S


@pytest.mark.parametrize("seconds", [2.0, 3.0])
def test_the_limit_holds_for_all_rows_together(seconds: float) -> None:
    model = ep.LatentModel(["a", "b", "c"], ["abs(a) + b", "abs(b*c)"], ep.Gaussian("1/100"))
    q = ep.GaussianPosterior([0, 0, 0], [1, 1, 1])
    start = started()
    with pytest.raises(ep.Undecided, match=r"3 of 3 ELBOs undecided.*stopped by the time limit") as caught:
        ep.elbo(model, [[1, 1]] * 3, q, 10, total_seconds=seconds)
    assert kept(seconds, start)
    assert np.isfinite(caught.value.enclosure.upper[0])
    assert caught.value.statuses[2] == NOT_BEGUN
    assert caught.value.enclosure.upper[2] == np.inf
