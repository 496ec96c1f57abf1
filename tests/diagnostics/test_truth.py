"""Each number against another way to it: closed forms of linear Gaussians, quadrature, other likelihoods; with bugs."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from elboproof.decoder.optimal import OptimalDecoder
from elboproof.diagnostics import (
    Diagnostic,
    Fitted,
    aggregate,
    diagnose,
    fitted,
    gaps,
    latents,
    optimum,
    proofs,
    residuals,
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
    OFFSETS,
    SLOPES,
    VARIANCE,
    data,
    exact,
    found,
    generator,
    grid,
    linear,
    log_evidence,
    narrow,
    of_three,
    posterior,
    scaled,
    three,
    weights,
)
from tests.seeding import Seeded, falsification

ERRORS = 4.5
"""Standard errors that an estimate may be off: 1e-5 of all seeds, and the seeds are fixed."""


def near(one: Diagnostic, truth: float, most: float) -> None:
    assert one.kind == "estimate"
    assert 0 < one.error <= most
    assert abs(one.value - truth) <= ERRORS * one.error, (one, truth)


def elbo_is_the_evidence_of_the_exact_posterior() -> None:
    truth = float(log_evidence(data()).mean())
    near(found()["ELBO"], truth, 0.05)
    m, s = posterior(data())
    rate = float(0.5 * (m**2 + s - 1 - s.log()).sum(1).mean())
    assert abs(found()["rate"].value - rate) <= 1e-12
    near(found()["reconstruction"], truth + rate, 0.05)


def units_follow_the_data() -> None:
    ten = Fitted(
        10 * data(), *posterior(data())[:1], posterior(data())[1].log(),
        linear(10 * weights()[0], 10 * weights()[1]), GaussianLikelihood(100 * VARIANCE),
    )  # fmt: skip
    one, other = trained(exact(), rows=2, draws=4), trained(ten, rows=2, draws=4, scale=10.0)
    assert abs(one["ELBO"].value - other["ELBO"].value - 4 * math.log(10)) <= 1e-9
    for name in ("negative, in bits",):
        assert abs(one[name].value - other[name].value) <= 1e-9
    assert abs(one[name].value + one["ELBO"].value / (4 * math.log(2))) <= 1e-12
    assert abs(one[name].error - one["ELBO"].error / (4 * math.log(2))) <= 1e-12
    assert abs(one["ELBO per dimension"].value - one["ELBO"].value / 4) <= 1e-12


def rescaling_gains_what_is_promised() -> None:
    """The model whose aggregate is standard, and the same one scaled and shifted: the rates differ by the gain."""
    m, s = posterior(data())
    a = (m.var(0, correction=0) + s.mean(0)).sqrt()
    decode = exact().joint.decode
    centre = m.mean(0)
    standard = Fitted(
        data(),
        (m - centre) / a,
        (s / a**2).log(),
        lambda e: decode(centre + a * e),
        GaussianLikelihood(VARIANCE),
    )
    best, moved = trained(standard, rows=2, draws=4), trained(scaled(standard, 1.7, 0.4), rows=2, draws=4)
    assert abs(best["gain of rescaling"].value) <= 1e-12
    assert best["second moment off 1"].value <= 1e-12
    assert best["mean off 0"].value <= 1e-12
    gain = moved["rate"].value - best["rate"].value
    assert gain > 0.5
    assert abs(moved["gain of rescaling"].value - gain) <= 1e-12
    assert abs(moved["second moment off 1"].value - (1.7**2 + 0.4**2 - 1)) <= 1e-12
    assert abs(moved["mean off 0"].value - 0.4) <= 1e-12
    assert abs(moved["reconstruction"].value - best["reconstruction"].value) <= 1e-9


def a_gaussian_prior_gains_what_is_promised() -> None:
    """KL to N(0, I) less KL to the prior with the aggregate's moments, by torch's own divergences."""
    m, s = posterior(data())
    centre = m.mean(0)
    covariance = torch.cov(m.T, correction=0) + torch.diag(s.mean(0))
    law = torch.distributions.MultivariateNormal
    q = law(m, torch.diag_embed(s))
    kl = torch.distributions.kl_divergence
    eye = torch.eye(2, dtype=torch.float64)
    gain = kl(q, law(torch.zeros(2).double(), eye)).mean() - kl(q, law(centre, covariance)).mean()
    assert float(gain) > 0
    assert abs(found()["gain of a Gaussian prior"].value - float(gain)) <= 1e-12


def active_latents_are_counted() -> None:
    """One latent that moves and tells, one that moves and tells nothing, one that tells by its variance alone."""
    base = torch.randn(50, 1, generator=generator(2), dtype=torch.float64)
    means = torch.cat([2 * base, 0.2 * base, 0 * base], 1)
    logs = torch.tensor([-1.0, 0.0, -3.0]).double().expand(50, 3)
    counted = trained(Fitted(base, means, logs), rows=2)
    assert counted["active by variance"].value == 2
    assert counted["active by KL"].value == 2
    assert counted.latents.active.tolist() == [True, True, False]
    assert (counted.latents.kl > 0.1).tolist() == [True, False, True]


def _with(model: Fitted, variance: object) -> float:
    law = GaussianLikelihood(variance)  # type: ignore[arg-type]
    changed = Fitted(model.x, model.means, model.log_variances, model.decode, law)
    return elbo_estimate(changed.joint, model.x, changed.posteriors, draws=4000, generator=generator(7)).mean


def variances_gain_what_is_promised() -> None:
    """Of a model whose variance is three times too large: the ELBO at the best one, and at those of the pixels."""
    model = exact(likelihood=GaussianLikelihood(3 * VARIANCE))
    wide = trained(model, rows=2, draws=200)
    draws = model.posteriors.at(torch.randn(4000, 60, 2, generator=generator(8), dtype=torch.float64))
    squares = ((model.x - model.joint.outputs(draws)) ** 2).mean((0, 1)).detach()
    near(wide["noise ratio"], float(squares.mean()) / (3 * VARIANCE), 0.01)
    common = _with(model, float(squares.mean()))
    assert abs(wide["gain of the variance"].value - (common - _with(model, 3 * VARIANCE))) <= 0.02
    assert wide["gain of the variance"].value > 0.5
    assert abs(wide["gain of pixel variances"].value - (_with(model, squares) - common)) <= 0.005
    assert wide["gain of pixel variances"].value > 0.005
    assert wide.pixels is not None
    assert float(np.abs(wide.pixels**2 - squares.numpy()).max()) <= 0.01


def pixels_that_hardly_move_are_floored() -> None:
    x = data().clone()
    x[:, 0] = 1e-6 * x[:, 0]
    model = Fitted(x, *posterior(data())[:1], posterior(data())[1].log(),
                   linear(torch.cat([torch.zeros(1, 2).double(), weights()[0][1:]]), torch.zeros(4).double()),
                   GaussianLikelihood(VARIANCE))  # fmt: skip
    squares = trained(model, rows=2, draws=100)
    assert squares.pixels is not None
    r = squares.pixels**2
    floored = np.maximum(r, 0.01 * r.mean())
    by_hand = 0.5 * (np.log(r.mean() / floored) - r / floored).sum() + 2.0
    assert abs(squares["gain of pixel variances"].value - by_hand) <= 0.01
    assert by_hand < 0.5 * np.log(r.mean() / r).sum() - 1


def entropies_are_those_of_torch() -> None:
    """ELBO less H[q] - H[prior] - H[p(x|z)], each by torch.distributions."""
    model = exact(likelihood=GaussianLikelihood(1.4 * VARIANCE))
    one = trained(model, rows=2, draws=400)
    normal: Any = torch.distributions.Normal
    inner = normal(model.means, (0.5 * model.log_variances).exp()).entropy().sum(1).mean()
    outer = 4 * normal(0.0, math.sqrt(1.4 * VARIANCE)).entropy() + 2 * normal(0.0, 1.0).entropy()
    elbo = elbo_estimate(model.joint, model.x, model.posteriors, draws=4000, generator=generator(9)).mean
    near(one["ELBO - sum of entropies"], elbo - float(inner - outer), 0.02)
    assert abs(one["ELBO - sum of entropies"].value) > 0.2


def entropies_of_bernoulli_are_those_of_torch() -> None:
    z, weight = grid()
    logits = z @ SLOPES.T + OFFSETS
    p: Any = torch.distributions.Bernoulli(logits=logits)
    log_p = torch.stack([p.log_prob(BITS[n]).sum(1) for n in range(3)], 1)
    reconstruction = (log_p * weight).sum() / 3
    normal: Any = torch.distributions.Normal
    rate = torch.distributions.kl_divergence(normal(CODES, CODE_VARIANCES.sqrt()), normal(0.0, 1.0)).mean()
    inner = normal(CODES, CODE_VARIANCES.sqrt()).entropy().mean() - normal(0.0, 1.0).entropy()
    outer = (p.entropy().sum(1) * weight.mean(1)).sum()
    truth = float(reconstruction - rate - (inner - outer))
    near(of_three("bernoulli")["ELBO - sum of entropies"], truth, 0.05)


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


@contextmanager
def _fresh() -> Iterator[None]:
    """Compute the shared diagnostics anew."""
    for cached in (found, narrow, of_three, three):
        cached.cache_clear()
    yield


CHECKS = {check.__name__: check for check in (
    elbo_is_the_evidence_of_the_exact_posterior, units_follow_the_data, rescaling_gains_what_is_promised,
    a_gaussian_prior_gains_what_is_promised, active_latents_are_counted, variances_gain_what_is_promised,
    pixels_that_hardly_move_are_floored, entropies_are_those_of_torch, entropies_of_bernoulli_are_those_of_torch,
    information_and_aggregate_are_those_of_quadrature, information_near_the_most_is_told,
    decoder_gap_is_that_of_quadrature, decoder_gap_is_what_the_optimum_gains, one_covariance_costs_the_closed_form,
    evidence_is_proved_and_exact, a_narrow_encoder_is_seen, what_cannot_be_proved_is_estimated,
    heavy_tails_are_annealed, simulated_data_are_held_from_both_sides, floating_priors_become_standard,
)}  # fmt: skip

BUGS = {
    "an ELBO without its rate": Seeded(
        diagnose, "_elbo", "found.mean + rate", "found.mean", "elbo_is_the_evidence_of_the_exact_posterior"
    ),
    "bits without D": Seeded(diagnose, "_elbo", "(D * math.log(2))", "math.log(2)", "units_follow_the_data"),
    "a gain that knows no shift": Seeded(
        latents.Latents, "of", "(spread + s.mean(0)).log()", "second.log()", "rescaling_gains_what_is_promised"
    ),
    "a prior without the variances": Seeded(
        latents, "prior_gain", "+ torch.diag(fitted.log_variances.exp().mean(0))", "",
        "a_gaussian_prior_gains_what_is_promised",
    ),
    "deviations for variances": Seeded(
        latents, "of_latents", "latents.kl > ACTIVE_KL", "latents.spread > ACTIVE_KL", "active_latents_are_counted"
    ),
    "half of the gain": Seeded(
        residuals.Residuals, "gain", "len(w) / 2", "len(w)", "variances_gain_what_is_promised"
    ),
    "pixels without a floor": Seeded(
        residuals, "_own_gain", "np.maximum(w, FLOOR)", "w", "pixels_that_hardly_move_are_floored"
    ),
    "entropies with the other sign of the moments": Seeded(
        residuals, "of_residuals", "(one - 1) - moments / 2", "(one - 1) + moments / 2", "entropies_are_those_of_torch"
    ),
    "entropies of Bernoulli without the moments": Seeded(
        residuals, "_entropies_of_others", "one - moments / 2", "one", "entropies_of_bernoulli_are_those_of_torch"
    ),
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
    CHECKS, BUGS, around=_fresh
)
