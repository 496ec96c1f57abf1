"""The numbers of codes, evidences and gaps against another way to each: quadrature, closed forms; with bugs."""

import math
from unittest.mock import patch

import numpy as np
import torch

from elboproof.decoder.optimal import OptimalDecoder
from elboproof.diagnostics import (
    Fitted,
    aggregate,
    fitted,
    gaps,
    optimum,
    proofs,
    simulation,
    trained,
)
from elboproof.diagnostics.plan import Plan
from elboproof.networks import GaussianLikelihood, elbo_estimate, importance_evidence, refined, simulated
from elboproof.networks.synthetic import linear_gaussian
from tests.diagnostics.known import (
    BITS,
    CODE_VARIANCES,
    CODES,
    ERRORS,
    OFFSETS,
    SLOPES,
    data,
    exact,
    found,
    fresh,
    generator,
    grid,
    linear,
    log_evidence,
    narrow,
    near,
    of_three,
    three,
    weights,
)
from tests.seeding import Seeded, falsification


def information_and_aggregate_are_those_of_quadrature() -> None:
    z, weight = grid()
    step = float(z[1, 0] - z[0, 0])
    q = weight.mean(1) / step
    log_prior = -0.5 * (z[:, 0] ** 2 + math.log(2 * math.pi))
    kl = float((q * (q.clamp_min(1e-300).log() - log_prior)).sum() * step)
    one = of_three("bernoulli")
    near(one["aggregate KL"], kl, 0.03)
    near(one["information"], one["rate"].value - kl, 0.03)
    both, error = one["information"], math.hypot(one["information"].error, one["aggregate KL"].error)
    assert abs(both.value + one["aggregate KL"].value - one["rate"].value) <= ERRORS * error


def information_near_the_most_is_told() -> None:
    far = Fitted(BITS, 50 * CODES, CODE_VARIANCES.log())
    one = trained(far, rows=2)["information"]
    assert abs(one.value - math.log(3)) <= 1e-9
    assert "cannot exceed" in one.status
    wide = Fitted(torch.zeros(30, 1), torch.zeros(30, 1), torch.zeros(30, 1))
    none = trained(wide, rows=2)["information"]
    assert abs(none.value) <= 1e-12
    assert "cannot exceed" not in none.status


def decoder_gap_is_that_of_quadrature() -> None:
    """The optimum by its definition, a mean of three data, on a grid."""
    z, weight = grid()
    best = (weight / weight.sum(1, keepdim=True).clamp_min(1e-300)) @ BITS
    given = z @ SLOPES.T + OFFSETS
    share = weight.mean(1)
    v = torch.tensor([0.2, 0.5]).double()
    gap = float((((given - best) ** 2 / (2 * v)).sum(1) * share).sum())
    one = trained(three("gaussian"), rows=2)
    near(one["decoder gap"], gap, 0.6)
    law = torch.distributions.Bernoulli
    kl = torch.distributions.kl_divergence(law(probs=best.clamp(1e-12, 1 - 1e-12)), law(logits=given)).sum(1)
    near(trained(three("bernoulli"), rows=2)["decoder gap"], float((kl * share).sum()), 0.2)


def decoder_gap_is_what_the_optimum_gains() -> None:
    """The reconstruction at the closed form less that of the decoder, by the yardstick; at the best variances too."""
    model = exact(decode=linear(0.6 * weights()[0], weights()[1]))
    one = trained(model, rows=2)
    optimal = OptimalDecoder(
        model.means.numpy(), model.x.numpy(), variances=model.log_variances.exp().numpy()
    )
    best = Fitted(
        model.x,
        model.means,
        model.log_variances,
        lambda z: torch.from_numpy(optimal(z.detach().numpy())),
        model.likelihood,
    )

    def elbo(given: Fitted) -> float:
        return elbo_estimate(given.joint, given.x, given.posteriors, draws=300, generator=generator(3)).mean

    near(one["decoder gap"], elbo(best) - elbo(model), 0.1)
    ratio = [trained(each, rows=2, draws=100)["noise ratio"].value for each in (model, best)]
    near(one["decoder gap, best variances"], 2 * math.log(ratio[0] / ratio[1]), 0.3)
    none = trained(best, rows=2)["decoder gap"]
    assert abs(none.value) <= 1e-12


def one_covariance_costs_the_closed_form() -> None:
    one = trained(three("gaussian"), rows=2)["cost of one covariance"]
    truth = 0.5 * float((1 / CODE_VARIANCES).mean().log() + CODE_VARIANCES.log().mean())
    assert one.kind == "proved"
    assert abs(one.value - truth) <= one.error + 1e-14
    assert one.error <= 1e-9
    with patch.object(optimum, "MOST_PRECISIONS", 2):
        some = optimum.of_precisions(Plan(three("gaussian"), 2, 2, 0, 1.0, 1.0, 0))
    assert some.status == "for 2 of the data, drawn"
    assert some.value != one.value


def evidence_is_proved_and_exact() -> None:
    rows = found().rows
    assert rows is not None
    truth = log_evidence(data())[rows]
    one = found()["evidence"]
    assert (one.kind, found()["approximation gap"].kind, found()["amortisation gap"].kind) == ("proved",) * 3
    assert abs(one.value - float(truth.mean())) <= one.error <= 0.02
    assert found().evidences is not None
    assert float(np.abs(found().evidences - truth).max()) <= 0.02
    for name in ("approximation gap", "amortisation gap"):
        assert -1e-9 <= found()[name].value + found()[name].error <= 0.05


def a_narrow_encoder_is_seen() -> None:
    """Variances of a tenth: KL(q || posterior) is all amortisation, and Pareto's k is 1 - 1/10."""
    gap = 2 * 0.5 * (0.1 - 1 - math.log(0.1))
    one = narrow()["amortisation gap"]
    assert one.kind == "proved"
    assert one.bound == "at least"
    assert abs(one.value - gap) <= one.error + 1e-9
    assert narrow()["approximation gap"].value <= 0.02
    assert narrow()["approximation gap"].bound == "at most"
    k = narrow()["Pareto k, median"]
    assert 0.7 < k.value < 1.2
    assert narrow()["Pareto k > 0.7"].value > 0.7
    assert found()["Pareto k > 0.7"].value == 0.0


def _as_function(**changes: float) -> Fitted:
    layer = linear(*weights())
    return exact(decode=lambda z: layer(z), **changes)


def what_cannot_be_proved_is_estimated() -> None:
    """A function in the place of the module: the same numbers, with standard errors."""
    one = trained(_as_function(narrowed=math.sqrt(0.5)), rows=12)
    assert one.rows is not None
    near(one["evidence"], float(log_evidence(data())[one.rows].mean()), 0.05)
    assert "no proof: the decoder is no module" in one["evidence"].status
    gap = 0.5 - 1 - math.log(0.5)
    near(one["amortisation gap"], gap, 0.05)
    near(one["approximation gap"], 0.0, 0.05)


def _on_a_grid(model: Fitted) -> float:
    """Return log p of the first datum by a sum over a grid."""
    line = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    z = torch.cartesian_prod(line, line)[:, None]
    logs = model.joint.in_blocks(model.x[:1], z)
    return float(logs.logsumexp(0)) + 2 * math.log(float(line[1] - line[0]))


def heavy_tails_are_annealed() -> None:
    """A bent posterior: the weights of a Gaussian have a heavy tail, and Pareto's k tells."""
    x, means = torch.zeros(2, 2).double(), torch.full((2, 2), 0.1).double()

    def decode(z: torch.Tensor) -> torch.Tensor:
        return torch.stack([0.3 * z[:, 0], z[:, 1] - 3 * z[:, 0] ** 2], 1)

    model = Fitted(x, means, torch.full((2, 2), -3.0).double(), decode, GaussianLikelihood(0.02))
    plan = Plan(model, 2, 4, 0, 1.0, 1.0, 0)
    inner = gaps.sampled(plan)
    assert inner.refined_k is not None
    assert bool((inner.refined_k > 0.7).all())
    assert inner.annealed == 2
    assert abs(inner.evidence.mean - _on_a_grid(model)) <= 0.3
    q = refined(model.joint, x, model.posteriors, steps=gaps.STEPS, generator=plan.generator("refined"))
    plain = importance_evidence(
        model.joint, x, q, draws=gaps.WEIGHTS, stretch=gaps.STRETCH, generator=plan.generator("weights")
    )
    assert bool((plain.values != inner.evidence.values).all())


def simulated_data_are_held_from_both_sides() -> None:
    plan = Plan(exact(), 12, 64, 3, 60.0, 1.0, 0)
    x, _ = simulated(exact().joint, 3, 2, plan.generator("simulated"))
    truth = float(log_evidence(x).mean())
    low, high, both = (
        found()[name] for name in ("simulated, from below", "simulated, from above", "simulated, interval")
    )
    assert abs(low.value - truth) <= ERRORS * low.error + 0.02
    assert abs(high.value - truth) <= ERRORS * high.error + 0.02
    assert (low.bound, high.bound) == ("at least", "at most")
    assert abs(both.value - truth) <= both.error
    # by Markov, log(2 / 0.05) / 3 nats on either side
    assert abs(both.value - both.error - (low.value - math.log(40) / 3)) <= 1e-9


def floating_priors_become_standard() -> None:
    """A prior N(0, diag v) of networks: ELBO and evidence are those in its own coordinates."""
    from elboproof import networks

    x = linear_gaussian([[1.0], [0.5]], 0.2).draw(80, seed=3)[1]
    net = networks.train(x, variant="sigma-vae-floating", latents=1, hidden=(4,), steps=20, batch=20)
    assert abs(float(net.prior_variance[0]) - 1) > 0.02
    model = Fitted.of(net, x)
    assert model.model is not None
    one = trained(net, x, rows=3, draws=200)
    rows = one.rows
    assert rows is not None
    from elboproof import log_evidence as proved

    truth = proved(net.latent_model(), x[rows], digits=4).midpoint
    assert abs(one["evidence"].value - float(np.mean(truth))) <= one["evidence"].error
    means, logs = net.encode(x)
    rate = 0.5 * ((means**2 + np.exp(logs)) / net.prior_variance - 1 - logs + np.log(net.prior_variance))
    assert abs(one["rate"].value - rate.sum(1).mean()) <= 1e-9


CHECKS = {check.__name__: check for check in (
    information_and_aggregate_are_those_of_quadrature, information_near_the_most_is_told,
    decoder_gap_is_that_of_quadrature, decoder_gap_is_what_the_optimum_gains,
    one_covariance_costs_the_closed_form, evidence_is_proved_and_exact, a_narrow_encoder_is_seen,
    what_cannot_be_proved_is_estimated, heavy_tails_are_annealed, simulated_data_are_held_from_both_sides,
    floating_priors_become_standard,
)}  # fmt: skip

BUGS = {
    "log variances for log deviations": Seeded(
        aggregate, "_drawn", "0.5 * fitted.log_variances", "fitted.log_variances",
        "information_and_aggregate_are_those_of_quadrature",
    ),
    "a most of log d": Seeded(
        aggregate, "of_aggregate", "if found.value > math.log(len(fitted.x)) - NEAR:", "if False:",
        "information_near_the_most_is_told",
    ),
    "a gap of deviations": Seeded(
        optimum, "_drawn", "(2 * v)", "(2 * v.sqrt())",
        ("decoder_gap_is_that_of_quadrature",),
    ),
    "a divergence the other way": Seeded(
        optimum, "_divergence", "softplus(logits)", "softplus(-logits)", "decoder_gap_is_that_of_quadrature"
    ),
    "a ratio upside down": Seeded(
        optimum, "_at_best", "pair[0] / pair[1]", "pair[1] / pair[0]", "decoder_gap_is_what_the_optimum_gains"
    ),
    "variances for precisions": Seeded(
        optimum, "of_precisions", "(-logs).exp()", "(2 * logs).exp()", "one_covariance_costs_the_closed_form"
    ),
    "an evidence of other rows": Seeded(
        proofs, "_decomposed", "x.numpy()", "plan.fitted.x[: len(x)].numpy()", "evidence_is_proved_and_exact"
    ),
    "deviations for the encoder's variances": Seeded(
        proofs, "_decomposed", "log_variances[rows].exp()", "log_variances[rows].mul(0.5).exp()",
        "a_narrow_encoder_is_seen",
    ),
    "Pareto's k of the refined q": Seeded(
        gaps, "sampled", "Sampled(encoder, best, evidence, _pareto(own), k, heavy)",
        "Sampled(encoder, best, evidence, k, k, heavy)", "a_narrow_encoder_is_seen",
    ),
    "gaps exchanged": Seeded(
        gaps.Gaps, "_amortisation", "self.sampled.best, self.sampled.encoder",
        "self.sampled.evidence, self.sampled.best", "what_cannot_be_proved_is_estimated",
    ),
    "annealed values that are not kept": Seeded(
        gaps, "_annealed", "return Estimate(values, errors), int(heavy.sum())", "return weighted, int(heavy.sum())",
        "heavy_tails_are_annealed",
    ),
    "below and above exchanged": Seeded(
        simulation, "of_simulation", "low, high = found.interval(CONFIDENCE)",
        "low, high = found.lower.mean, found.upper.mean", "simulated_data_are_held_from_both_sides",
    ),
    "a prior's deviations that are variances": Seeded(
        fitted.Fitted, "of", "_scaling(variances.sqrt())", "_scaling(variances)", "floating_priors_become_standard"
    ),
}  # fmt: skip

test_the_numbers_are_right, test_a_bug_is_caught, test_every_check_catches_a_bug = falsification(
    CHECKS, BUGS, around=fresh
)
