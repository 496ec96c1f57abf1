"""The numbers of the ELBO, latents and residuals against another way to each: closed forms, torch; with bugs."""

import math
from typing import Any

import numpy as np
import torch

from elboproof.diagnostics import (
    Fitted,
    diagnose,
    latents,
    residuals,
    trained,
)
from elboproof.networks import GaussianLikelihood, elbo_estimate
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
    fresh,
    generator,
    grid,
    linear,
    log_evidence,
    near,
    of_three,
    posterior,
    scaled,
    weights,
)
from tests.seeding import Seeded, falsification


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


CHECKS = {check.__name__: check for check in (
    elbo_is_the_evidence_of_the_exact_posterior, units_follow_the_data, rescaling_gains_what_is_promised,
    a_gaussian_prior_gains_what_is_promised, active_latents_are_counted, variances_gain_what_is_promised,
    pixels_that_hardly_move_are_floored, entropies_are_those_of_torch,
    entropies_of_bernoulli_are_those_of_torch,
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
}  # fmt: skip

test_the_numbers_are_right, test_a_bug_is_caught, test_every_check_catches_a_bug = falsification(
    CHECKS, BUGS, around=fresh
)
