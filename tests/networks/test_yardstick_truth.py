"""The yardsticks against exact evidence, and seeded bugs that these comparisons see."""

import math

import pytest
import torch

from elboproof.networks import (
    annealed,
    annealed_hmc,
    importance,
    yardstick,
    yardstick_model,
    yardstick_posteriors,
    yardstick_prior,
)
from elboproof.networks.annealed import annealed_sandwich
from elboproof.networks.annealed_hmc import Path, State, transition
from elboproof.networks.importance import importance_evidence, log_mean
from elboproof.networks.yardstick import elbo_estimate, fitted_variance
from elboproof.networks.yardstick_model import GaussianLikelihood, HeteroscedasticLikelihood, Joint
from elboproof.networks.yardstick_posteriors import Posteriors
from elboproof.networks.yardstick_prior import refitted_prior
from tests.networks.yardstick_problems import (
    PROBLEMS,
    VARIANCE,
    Problem,
    generator,
    linear,
    linear_best_diagonal,
    loadings,
    normal_log_density,
    tanh_bernoulli,
    tanh_gaussian,
    two_heads,
)
from tests.seeding import Seeded, falsification

ERRORS = 4.5
"""Standard errors that an estimate may be off: 1e-5 of all seeds, and the seeds are fixed."""


def _near(found: float, error: float, truth: float, most_error: float) -> None:
    assert error <= most_error
    assert abs(found - truth) <= ERRORS * error


def elbo_is_exact() -> None:
    best = linear_best_diagonal()
    found = elbo_estimate(linear().model, linear().x, linear().refined, draws=2000, generator=generator(5))
    _near(found.mean, found.error, float(best.mean()), 0.005)
    assert bool((found.values <= linear().truth).all())


def _importance(problem: Problem) -> None:
    found = importance_evidence(
        problem.model, problem.x, problem.refined, draws=4000, stretch=1.3, generator=generator(6)
    )
    scores = (found.values - problem.truth) / found.errors
    assert found.error <= 0.01
    assert abs(found.mean - float(problem.truth.mean())) <= ERRORS * found.error
    assert 0.5 <= float(scores.square().mean().sqrt()) <= 1.5


def importance_is_exact() -> None:
    for problem in PROBLEMS.values():
        _importance(problem())


def _sandwich(problem: Problem) -> None:
    found = annealed_sandwich(
        problem.model,
        problem.x,
        problem.z,
        problem.refined,
        temperatures=60,
        chains=32,
        generator=generator(8),
    )
    truth = problem.truth
    for side in (found.lower, found.upper):
        _near(side.mean, side.error, float(truth.mean()), 0.04)
        assert 0.5 <= float(side.acceptance.min()) <= float(side.acceptance.max()) <= 0.95
    low, high = found.interval()
    assert low <= float(truth.mean()) <= high
    each_low, each_high = found.intervals(0.99)
    assert bool(((each_low <= truth) & (truth <= each_high)).all())


def the_sandwich_is_around() -> None:
    for problem in (linear(), tanh_gaussian(), tanh_bernoulli(), two_heads()):
        _sandwich(problem)


def short_chains_bracket() -> None:
    """Five temperatures from the prior: far from converged, below and above all the same."""
    problem = linear()
    found = annealed_sandwich(
        problem.model, problem.x, problem.z, problem.start, temperatures=5, generator=generator(9)
    )
    truth = float(problem.truth.mean())
    assert found.lower.mean < truth - 1
    assert found.upper.mean > truth + 1


def weights_are_unbiased() -> None:
    """Three temperatures, one x: the mean of w over many chains is p(x), that of 1/w over exact draws is 1/p(x)."""
    exact = _linear_posterior(torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)).rows(
        0, 1
    )
    count, g = 6000, generator(15)
    z = exact.at(torch.randn(count, 1, 3, generator=g, dtype=torch.float64))[:, 0]
    start = Posteriors((exact.means + 0.1).expand(count, 3), (1.3 * exact.factors).expand(count, 3, 3))
    x = linear().x[:1].expand(count, -1)
    found = annealed_sandwich(linear().model, x, z, start, chains=2, temperatures=3, leapfrogs=2, generator=g)
    torch.testing.assert_close(found.upper.values, -log_mean(-found.upper.log_weights)[0])
    # the chains of one exact draw depend on each other: one number for each draw
    for logs in (found.lower.log_weights, -found.upper.log_weights):
        weights = logs.logsumexp(0) - math.log(2)
        sign = 1.0 if logs is found.lower.log_weights else -1.0
        mean, error = log_mean(weights[:, None])
        assert float(weights.std()) > 0.1
        _near(sign * float(mean), float(error), float(linear().truth[0]), 0.02)


def chains_stay_in_the_posterior() -> None:
    """Exact draws remain exact: the first two moments after transitions with a step that rejects often."""
    W, _ = loadings()
    problem = linear()
    precision = torch.eye(3, dtype=torch.float64) + W.T @ W / VARIANCE
    factor = torch.linalg.cholesky(torch.linalg.inv(precision))
    mean = (problem.x[:1] - loadings()[1]) @ W @ torch.linalg.inv(precision) / VARIANCE
    path = Path(
        problem.model, problem.x[:1], Posteriors(mean, torch.diag(torch.full((3,), 0.3).double())[None])
    )
    g = generator(10)
    z = mean + torch.randn(20_000, 1, 3, generator=g, dtype=torch.float64) @ factor.T
    state = State.at(path, path.posteriors.whitened(z))
    chances = []
    for _ in range(6):
        state, chance = transition(path, state, 1.0, torch.tensor([0.55], dtype=torch.float64), 3, g)
        chances.append(chance.mean())
    assert 0.3 < float(torch.stack(chances).mean()) < 0.8
    drawn = torch.linalg.solve_triangular(factor, (path.posteriors.at(state.u) - mean)[:, 0].T, upper=False)
    moments = drawn @ drawn.T / drawn.shape[1] - torch.eye(3, dtype=torch.float64)
    # 20,000 draws: the standard errors are 0.007 of a mean and 0.01 of a variance
    assert float(drawn.mean(1).abs().max()) < ERRORS * 0.0071
    assert float(moments.abs().max()) < ERRORS * 0.0101


def the_variance_is_the_best() -> None:
    """At the fitted variance the mean ELBO has slope 0: -D/2 log v - E r^2 / (2 v); a linear q gives E r^2 exactly."""
    problem, (W, b) = linear(), loadings()
    q = problem.refined
    squares = ((problem.x - q.means @ W.T - b) ** 2).sum(1) + ((W @ q.factors) ** 2).sum((1, 2))
    exact = float(squares.mean()) / problem.x.shape[1]
    found = fitted_variance(problem.model, problem.x, q, draws=2000, generator=generator(11))
    assert abs(float(found) - exact) <= 0.005 * exact


def the_factor_is_the_best() -> None:
    """Of a linear model with log variances that depend on z, the factor at which the mean ELBO has slope 0."""
    problem, q = linear(), linear().refined
    model = Joint(_with_log_variances, HeteroscedasticLikelihood(1.0))
    found = float(fitted_variance(model, problem.x, q, draws=2000, generator=generator(21)))

    def bound(factor: float) -> float:
        judged = Joint(_with_log_variances, HeteroscedasticLikelihood(factor))
        return elbo_estimate(judged, problem.x, q, draws=2000, generator=generator(22)).mean

    # d/df of -D/2 (log f + s/f) vanishes at f = s: the values on both sides, of the same draws, are equal up to e^3
    assert abs(bound(found * 1.1) - bound(found / 1.1)) < 0.01
    assert bound(found) > bound(found * 1.1) + 0.005


def _with_log_variances(z: torch.Tensor) -> torch.Tensor:
    W, b = loadings()
    return torch.cat([z @ W.T + b, torch.tanh(z @ W.T) - 1], -1)


def samples_have_their_variances() -> None:
    """Second moments of 40,000 samples at one z; their standard errors are 0.7 % of a variance."""
    outputs = torch.tensor([[1.0, -2.0, 0.5, -1.5]], dtype=torch.float64).expand(40_000, 4)
    x = HeteroscedasticLikelihood(3.0).sample(outputs, generator(23))
    found = ((x - outputs[:, :2]) ** 2).mean(0) / (3 * outputs[0, 2:].exp())
    assert bool((found - 1).abs().max() < ERRORS * 0.0071)


def the_prior_is_absorbed() -> None:
    """Evidence and ELBO are as under N(mu, Sigma), known in closed form, and no other Gaussian prior is nearer."""
    W, b = loadings()
    means, logs = linear().refined.means * 1.4 + 0.8, torch.full((40, 3), -2.0).double()
    prior = refitted_prior(means, logs)
    covariance = prior.factor @ prior.factor.T
    marginal = W @ covariance @ W.T + VARIANCE * torch.eye(6, dtype=torch.float64)
    truth = normal_log_density(linear().x, W @ prior.mean + b, marginal)
    q = Posteriors.diagonal(means, logs)
    moved = prior.posteriors(q)
    model = Joint(prior.decoder(linear().model.decode), linear().model.log_likelihood)
    u = torch.randn(5, 40, 3, generator=generator(12), dtype=torch.float64)
    torch.testing.assert_close(prior.draws(moved.at(u)), q.at(u))
    torch.testing.assert_close(moved.whitened(moved.at(u)), u)
    tight = _linear_posterior(prior.mean, covariance)
    exact = importance_evidence(model, linear().x, prior.posteriors(tight), draws=2, generator=generator(13))
    torch.testing.assert_close(exact.values, truth)  # at q = p(z|x) all weights are p(x)
    best = moved.divergences().mean()
    assert best < q.divergences().mean() - 0.1
    for shift, scale in ((0.05, 1.0), (0.0, 1.05), (0.0, 0.95)):
        other = Posteriors((moved.means - shift) / scale, moved.factors / scale)
        assert best < other.divergences().mean()


def _linear_posterior(mean: torch.Tensor, covariance: torch.Tensor) -> Posteriors:
    W, b = loadings()
    inverse = torch.linalg.inv(covariance)
    S = torch.linalg.inv(inverse + W.T @ W / VARIANCE)
    means = ((linear().x - b) @ W / VARIANCE + inverse @ mean) @ S
    return Posteriors(means, torch.linalg.cholesky(S).expand(40, 3, 3).contiguous())


CHECKS = {
    "elbo": elbo_is_exact,
    "importance": importance_is_exact,
    "sandwich": the_sandwich_is_around,
    "short": short_chains_bracket,
    "unbiased": weights_are_unbiased,
    "invariance": chains_stay_in_the_posterior,
    "variance": the_variance_is_the_best,
    "factor": the_factor_is_the_best,
    "sampled": samples_have_their_variances,
    "prior": the_prior_is_absorbed,
}
RUN = annealed._Run
BUGS = {
    "variance taken for a deviation": Seeded(
        GaussianLikelihood, "__call__", "** 2 / variance", "** 2 / variance**2", ("importance", "elbo")
    ),
    "no half before the square": Seeded(
        GaussianLikelihood,
        "__call__",
        "((x - outputs) ** 2 /",
        "(2 * (x - outputs) ** 2 /",
        ("importance", "elbo"),
    ),
    "log variance 2 % off": Seeded(
        GaussianLikelihood,
        "__call__",
        "torch.log(variance)",
        "torch.log(1.02 * variance)",
        ("importance", "elbo"),
    ),
    "no 2 pi": Seeded(GaussianLikelihood, "__call__", " + LOG_TWO_PI", "", ("importance", "elbo")),
    "a pixel's log variance taken for that of a deviation": Seeded(
        HeteroscedasticLikelihood, "__call__", "torch.exp(-whole)", "torch.exp(-2 * whole)", "importance"
    ),
    "a pixel's log variance not paid for": Seeded(
        HeteroscedasticLikelihood, "__call__", " + whole + LOG_TWO_PI", " + LOG_TWO_PI", "importance"
    ),
    "no factor": Seeded(
        HeteroscedasticLikelihood,
        "__call__",
        " + torch.as_tensor(self.factor, dtype=x.dtype).log()",
        "",
        "importance",
    ),
    "samples with the variance for the deviation": Seeded(
        HeteroscedasticLikelihood, "sample", "variance.sqrt()", "variance", "sampled"
    ),
    "squares that are not divided": Seeded(Joint, "squares", " * torch.exp(-log_variance)", "", "factor"),
    "squares divided by deviations": Seeded(
        Joint, "squares", "torch.exp(-log_variance)", "torch.exp(-0.5 * log_variance)", "factor"
    ),
    "mean over pixels": Seeded(
        yardstick_model.BernoulliLikelihood, "__call__", ".sum(-1)", ".mean(-1)", "importance"
    ),
    "no density of q": Seeded(
        importance, "importance_evidence", " - proposals.log_density(u)", "", "importance"
    ),
    "density of the narrow q": Seeded(
        importance, "importance_evidence", "- proposals.log", "- posteriors.log", "importance"
    ),
    "determinant with the wrong sign": Seeded(
        Posteriors, "log_density", ") - self.log_d", ") + self.log_d", ("importance", "prior")
    ),
    "sum of weights": Seeded(importance, "log_mean", " - math.log(count)", "", ("importance", "sandwich")),
    "error of one draw": Seeded(importance, "log_mean", " / (count - 1)", "", "importance"),
    "no prior": Seeded(Joint, "log_joint", "0.5 * ((z**2).sum(-1) +", "0.5 * (", ("importance", "sandwich")),
    "divergence without its half": Seeded(Posteriors, "divergences", "0.5 * (", "1.0 * (", "elbo"),
    "divergence without log det": Seeded(
        Posteriors, "divergences", " - self.log_determinants()", "", ("elbo", "prior")
    ),
    "ELBO with the wrong sign of the divergence": Seeded(
        yardstick, "elbo_estimate", "found.mean(0) -", "found.mean(0) +", "elbo"
    ),
    "backwards without transitions": Seeded(
        RUN,
        "backwards",
        "state, chance = self._transition(state, t)",
        "chance = self._transition(state, t)[1]",
        ("unbiased", "sandwich"),
    ),
    "transitions at the next temperature": Seeded(
        RUN, "_transition", "self.betas[t], self", "self.betas[t - 1], self", "unbiased"
    ),
    "sides exchanged": Seeded(
        annealed,
        "annealed_sandwich",
        "(run.forwards(), run.backwards(exact))",
        "(run.backwards(exact), run.forwards())",
        "short",
    ),
    "upper side with the sign of the lower": Seeded(
        RUN, "backwards", "-values, errors, weights", "values, errors, weights", ("unbiased", "sandwich")
    ),
    "mean of w instead of 1/w": Seeded(
        RUN,
        "backwards",
        "values, errors = log_mean(-weights)",
        "values, errors = log_mean(weights); values = -values",
        "unbiased",
    ),
    "a temperature left out": Seeded(
        RUN,
        "forwards",
        "for t in range(1, len(self.betas)):",
        "for t in range(2, len(self.betas)):",
        "unbiased",
    ),
    "every proposal taken": Seeded(
        annealed_hmc, "transition", "taken = uniform < chance", "taken = uniform < 2", "invariance"
    ),
    "no kinetic energy": Seeded(
        annealed_hmc,
        "transition",
        "(momentum**2).sum(-1) - (turned**2).sum(-1)",
        "0 * momentum.sum(-1)",
        "invariance",
    ),
    "whole first kick": Seeded(
        annealed_hmc,
        "transition",
        "turned = turned + 0.5 * width * moved.force(b)\n        moved",
        "turned = turned + width * moved.force(b)\n        moved",
        "invariance",
    ),
    "gradient of the base forgotten": Seeded(
        State, "log_density", "(1 - b) * self.base() + ", "", "sandwich"
    ),
    "variance 1 % off": Seeded(
        yardstick, "fitted_variance", "one = total.mean()", "one = 1.01 * total.mean()", "variance"
    ),
    "residual of the mean code": Seeded(
        yardstick,
        "fitted_variance",
        "posteriors.at(normal(generator, 1, *posteriors.means.shape))",
        "posteriors.means[None]",
        "variance",
    ),
    "prior without the posteriors' variances": Seeded(
        yardstick_prior, "refitted_prior", " + torch.diag(log_variances.detach().exp().mean(0))", "", "prior"
    ),
    "prior without its mean": Seeded(
        yardstick_prior, "refitted_prior", "AffinePrior(centre,", "AffinePrior(0 * centre,", "prior"
    ),
    "decoder without the shift": Seeded(
        yardstick_prior.AffinePrior, "decoder", "self.mean + e", "e", "prior"
    ),
}
test_passes, test_catches, test_is_needed = falsification(CHECKS, BUGS)


def test_the_bug_table_touches_what_is_imported() -> None:
    assert yardstick_posteriors.Posteriors is Posteriors
    assert math.isclose(
        float(linear().truth.mean()), float(linear_best_diagonal().mean()) + 0.284, abs_tol=0.01
    )


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_the_refined_elbo_lies_between_the_first_one_and_the_evidence(problem: object) -> None:
    one = problem()  # type: ignore[operator]
    first = elbo_estimate(one.model, one.x, one.start, draws=500, generator=generator(14))
    later = elbo_estimate(one.model, one.x, one.refined, draws=4000, generator=generator(14))
    assert bool((later.values <= one.truth + ERRORS * later.errors).all())
    assert later.mean > first.mean + 1
