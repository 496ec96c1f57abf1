"""The yardsticks' arguments, seeds, units and errors."""

import math
import sys
from collections.abc import Callable

import pytest
import torch

from elboproof.networks import (
    BernoulliLikelihood,
    GaussianLikelihood,
    HeteroscedasticLikelihood,
    Joint,
    Posteriors,
    annealed_evidence,
    annealed_sandwich,
    bits_per_dimension,
    elbo_estimate,
    fitted_variance,
    importance_evidence,
    paired_difference,
    refined,
    refitted_prior,
    simulated,
)
from elboproof.networks.importance import ImportanceEvidence
from tests.networks.yardstick_problems import generator, linear, standard

Value = Callable[..., object]
X, Q, MODEL = (
    torch.zeros(4, 6).double(),
    standard(4, 3),
    Joint(lambda z: z.repeat(1, 2), GaussianLikelihood(1.0)),
)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda g: elbo_estimate(MODEL, X.float(), Q, generator=g), TypeError, "x: got .*expected a float64"),
        (
            lambda g: elbo_estimate(MODEL, X[:3], Q, generator=g),
            ValueError,
            r"x: got shape \(3, 6\); expected \(4",
        ),
        (
            lambda g: elbo_estimate(MODEL, X[:, :5], Q, generator=g),
            ValueError,
            "decode: got 6 outputs; expected 5",
        ),
        (lambda g: elbo_estimate(MODEL, X / 0, Q, generator=g), ValueError, r"x: got nan at x\[0\]\[0\]"),
        (
            lambda g: elbo_estimate(MODEL, X, Q, draws=1, generator=g),
            ValueError,
            "draws: got 1; expected an integer, at least 2",
        ),
        (lambda g: elbo_estimate(print, X, Q, generator=g), TypeError, "model: got .*expected a Joint"),  # type: ignore[arg-type]
        (lambda _: elbo_estimate(MODEL, X, Q, generator=3), TypeError, "generator: got 3"),  # type: ignore[arg-type]
        (
            lambda g: refined(MODEL, X, Q, learning_rate=0.0, generator=g),
            ValueError,
            "learning_rate: got 0.0",
        ),
        (lambda g: refined(MODEL, X, Q, steps=0, generator=g), ValueError, "steps: got 0"),
        (lambda g: importance_evidence(MODEL, X, Q, stretch=-1, generator=g), ValueError, "stretch: got -1"),
        (lambda g: annealed_evidence(MODEL, X, Q, chains=1, generator=g), ValueError, "chains: got 1"),
        (
            lambda g: annealed_evidence(MODEL, X, Q, temperatures=True, generator=g),
            TypeError,
            "temperatures: got True of type bool",
        ),
        (
            lambda g: annealed_sandwich(MODEL, X, X, Q, generator=g),
            ValueError,
            r"z: got shape \(4, 6\); expected",
        ),
        (lambda g: simulated(Joint(MODEL.decode, lambda x, _: x), 3, 3, g), TypeError, "model: got .*sample"),
        (lambda g: fitted_variance(MODEL, X, Q, floor=0.0, generator=g), ValueError, "floor: got 0.0"),
        (lambda _: GaussianLikelihood(0.0), ValueError, "variance: got 0.0"),
        (lambda _: HeteroscedasticLikelihood(0.0), ValueError, "factor: got 0.0"),
        (
            lambda _: HeteroscedasticLikelihood(torch.tensor([1.0, -1.0])),
            ValueError,
            "factor: got .*positive factors",
        ),
        (
            lambda g: elbo_estimate(Joint(MODEL.decode, HeteroscedasticLikelihood()), X, Q, generator=g),
            ValueError,
            "decode: got 6 outputs; expected 12, a mean and a log variance for each of x",
        ),
        (
            lambda g: fitted_variance(Joint(MODEL.decode, HeteroscedasticLikelihood()), X, Q, generator=g),
            ValueError,
            "decode: got 6 outputs; expected 12",
        ),
        (
            lambda g: simulated(Joint(lambda z: z, HeteroscedasticLikelihood()), 3, 3, g),
            ValueError,
            "outputs: got 3; expected as many log variances as means",
        ),
        (
            lambda _: GaussianLikelihood(torch.tensor([1.0, -1.0])),
            ValueError,
            "variance: got .*positive variances",
        ),
        (lambda _: Posteriors(Q.means, Q.means), ValueError, r"factors: got shape \(4, 3\)"),
        (lambda _: Posteriors(Q.means, -Q.factors), ValueError, "factors: got .*positive diagonals"),
        (
            lambda _: Posteriors(Q.means, torch.ones(4, 3, 3).double()),
            ValueError,
            "factors: .*lower triangles",
        ),
        (
            lambda _: Posteriors.diagonal(Q.means, Q.means[:2]),
            ValueError,
            r"log_variances: got shape \(2, 3\)",
        ),
        (lambda _: refitted_prior(Q.means[0], Q.means[0]), ValueError, r"means: got shape \(3,\)"),
        (lambda _: paired_difference(X[0], X[0, :3]), ValueError, "second: got 3 scores for 6"),
        (lambda _: paired_difference(X, X), TypeError, "first: got"),
        (lambda _: paired_difference(X[0], X[0], confidence=95), ValueError, "confidence: got 95"),
        (lambda _: bits_per_dimension(-3.0, 6, 0.0), ValueError, "scale: got 0.0"),
        (lambda _: bits_per_dimension(math.nan, 6, 1.0), ValueError, "nats: got nan"),
    ],
)
def test_bad_arguments_are_named(call: Value, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call(generator())


@pytest.mark.parametrize(
    ("decode", "error", "match"),
    [
        (
            lambda z: z.float().repeat(1, 2),
            TypeError,
            "decode: got outputs of torch.float32; expected float64",
        ),
        (
            lambda z: z.repeat(1, 2)[1:],
            ValueError,
            r"decode: got outputs of shape \(255, 6\); expected \(256, D\)",
        ),
        (lambda z: z.repeat(1, 2) * math.nan, ValueError, r"decode: got NaN in the log likelihood of x\[0\]"),
        (lambda z: [z], TypeError, "decode: got outputs of list"),
    ],
)
def test_bad_decoders_are_named(decode: Value, error: type[Exception], match: str) -> None:
    model = Joint(decode, GaussianLikelihood(1.0))  # type: ignore[arg-type]
    with pytest.raises(error, match=match):
        elbo_estimate(model, X, Q, generator=generator())


def test_grey_pixels_have_no_bernoulli_probability() -> None:
    model = Joint(MODEL.decode, BernoulliLikelihood())
    with pytest.raises(ValueError, match=r"x: got 0.5; expected pixels 0 and 1"):
        elbo_estimate(model, X + 0.5, Q, generator=generator())


def test_a_refinement_that_leaves_the_numbers_says_where() -> None:
    model = Joint(lambda z: z.repeat(1, 2) * math.inf, GaussianLikelihood(1.0))
    with pytest.raises(ValueError, match="in step 0; expected finite"):
        refined(model, X, Q, generator=generator())


def test_one_generator_decides_everything_and_nothing_else_is_touched() -> None:
    problem, before = linear(), torch.random.get_rng_state()

    def run(seed: int) -> list[torch.Tensor]:
        g = generator(seed)
        q = refined(problem.model, problem.x, problem.start, steps=3, generator=g)
        return [
            q.means,
            importance_evidence(problem.model, problem.x, q, draws=5, generator=g).values,
            annealed_evidence(problem.model, problem.x, q, temperatures=2, generator=g).values,
        ]

    first, again, other = run(1), run(1), run(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_draws_in_blocks_are_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = importance_evidence(linear().model, linear().x, linear().start, draws=50, generator=generator())
    monkeypatch.setattr("elboproof.networks.yardstick_model.MOST_ROWS", 97)
    parts = importance_evidence(linear().model, linear().x, linear().start, draws=50, generator=generator())
    torch.testing.assert_close(whole.values, parts.values, rtol=1e-13, atol=0)


def test_a_finite_decoder_far_away_rejects_and_goes_on() -> None:
    """Where the decoder overflows, trajectories are rejected; the bound remains a number."""
    model = Joint(lambda z: torch.exp(z**2 * 40).repeat(1, 2), GaussianLikelihood(1.0))
    found = annealed_evidence(model, X, Posteriors.diagonal(Q.means, Q.means - 6), generator=generator())
    assert bool(found.values.isfinite().all())


@pytest.mark.parametrize("k", [0.2, 0.5, 1.0])
def test_the_tail_of_pareto_weights_is_found(k: float) -> None:
    """w = U^-k has the tail index k; its inverse, which a wrong sign would look at, is bounded: about -1."""
    logs = -k * torch.rand(4000, 20, generator=generator(), dtype=torch.float64).log()
    found = ImportanceEvidence(logs[0], logs[0], logs).pareto_k()
    assert found.shape == (20,)
    # the tail has 3 sqrt 4000 draws: a standard error of (1 + k)/sqrt(190) each; its prior pulls towards 1/2 by 0.03
    assert abs(float(found.mean()) - k) < 4 * (1 + k) / math.sqrt(20 * 190) + 0.03


def test_the_effective_number_of_draws() -> None:
    logs = torch.tensor([[0.0, 0.0], [0.0, -800.0], [0.0, -800.0]]).double()
    torch.testing.assert_close(
        ImportanceEvidence(logs[0], logs[0], logs).effective(), torch.tensor([3.0, 1.0]).double()
    )


def test_a_missing_package_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz_stats.base", None)
    found = importance_evidence(MODEL, X, Q, draws=20, generator=generator())
    with pytest.raises(ModuleNotFoundError, match=r'pip install "arviz-stats>=0.8"'):
        found.pareto_k()


def test_variances_for_each_pixel_have_a_floor() -> None:
    x = torch.zeros(50, 3).double()
    x[:, 0] = torch.linspace(-3, 3, 50)
    model = Joint(lambda z: 0 * z, GaussianLikelihood(1.0))
    squares = (x**2).mean(0)
    found = fitted_variance(model, x, standard(50, 3), per_pixel=True, generator=generator())
    floor = 0.01 * squares.mean()
    torch.testing.assert_close(found, torch.stack([squares[0], floor, floor]))
    with pytest.raises(ValueError, match=r"x: got 0\.0; expected a positive mean square"):
        fitted_variance(model, 0 * x, standard(50, 3), generator=generator())


def test_a_paired_interval_covers_as_often_as_it_says() -> None:
    """2000 samples of 8 pairs with a large common spread: 90 % intervals miss between 8.0 % and 12.0 % (3 sd)."""
    g = generator(20)
    common = 30 * torch.randn(2000, 8, generator=g, dtype=torch.float64)
    noise = 0.5 + torch.randn(2000, 8, generator=g, dtype=torch.float64)
    intervals = [paired_difference(a + b, a, confidence=0.9) for a, b in zip(common, noise, strict=True)]
    missed = sum(not one.lower <= 0.5 <= one.upper for one in intervals)
    assert 160 <= missed <= 240
    assert all(one.upper - one.lower < 6 for one in intervals)


def test_bits_are_the_same_in_every_unit() -> None:
    """-log2 of N(0, 1) at 0 is 1.3257; in units of 1/255 the log density is larger by log 255."""
    nats = -0.5 * math.log(2 * math.pi)
    assert bits_per_dimension(7 * nats, 7, 1.0) == pytest.approx(1.3257480647361593)
    moved = bits_per_dimension(7 * (nats - math.log(255)), 7, 255.0)
    assert moved == pytest.approx(bits_per_dimension(7 * nats, 7, 1.0))


def test_equal_weights_have_no_tail() -> None:
    """A proposal that is the posterior: k is -inf, without a warning, and the other rows are what they are alone."""
    equal = torch.full((400, 1), -7.3, dtype=torch.float64)
    drawn = torch.randn(400, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    logs = torch.cat([equal + 1e-14 * drawn[:, :1], drawn], 1)
    found = ImportanceEvidence(logs[0], logs[0], logs).pareto_k()
    assert found[0] == -math.inf
    assert torch.equal(found[1:], ImportanceEvidence(drawn[0], drawn[0], drawn).pareto_k())
    assert bool(found[1:].isfinite().all())
