"""The expected loss of each correct model in closed form or by quadrature: nothing of the model's own code.

Posteriors and decoders are read off the networks' weights; densities are those of ``torch.distributions``. With a
decoder z -> W z + b each output is a Gaussian on the line, so that an expectation over z of a sum over pixels is a sum
of one-dimensional Gauss-Hermite rules. Where the loss is no such sum (weights of several draws, a flow) the rule is
one over the plane, for each draw.
"""

import math

import torch
from torch import Tensor
from torch.distributions import Bernoulli as BernoulliLaw
from torch.distributions import Laplace as LaplaceLaw
from torch.distributions import NegativeBinomial as NegativeBinomialLaw
from torch.distributions import Normal, kl_divergence
from torch.distributions import Poisson as PoissonLaw

from benchmarks.audit import controls, conventions_more, reference_more, thresholds, vae, vae_others
from benchmarks.audit.entries import Convention
from benchmarks.audit.expectations import (
    Expected,
    affine,
    divergence,
    entropy,
    gaussian,
    on_the_line,
    plain,
    plane,
    posterior,
    squares,
)
from benchmarks.audit.vae import PIXELS, SAMPLES, Vae
from elboproof.objectives.contract import log_density


def fixed(model: Vae) -> float:
    """Return the variance of a model's class."""
    return model.variance


def learned(model: Vae) -> Tensor:
    """Return the variance of a learned log deviation."""
    return dict(model.named_parameters())["log_deviation"].mul(2).exp()


def two_heads(model: Vae, x: Tensor) -> Tensor:
    """Of outputs (f, t): E exp(-t) (x - f)^2 by tilting the Gaussian of (f, t): f moves by -Cov(f, t)."""
    q = posterior(model, x)
    outputs, (weight, _) = on_the_line(model, q), affine(model)
    (centre, log_v), (spread, log_spread) = (t.chunk(2, -1) for t in (outputs.mean, outputs.stddev.square()))
    covariance = q.variance @ (weight[:PIXELS] * weight[PIXELS:]).T
    second: Tensor = (-log_v + log_spread / 2).exp() * ((x - centre + covariance) ** 2 + spread)
    return 0.5 * (second + log_v + math.log(2 * math.pi)).sum(-1) + divergence(q)


def importance_weighted(model: Vae, x: Tensor) -> Tensor:
    """-E log mean_k w_k, each draw on a grid over the plane."""
    q, (weight, bias) = posterior(model, x), affine(model)
    points, weights = plane()
    z = q.mean + q.stddev * points[:, None]
    log_p = log_density(Normal(z @ weight.T + bias, math.sqrt(model.variance)), x).sum(-1)
    log_w = log_p + (log_density(Normal(0.0, 1.0), z) - log_density(q, z)).sum(-1)
    pairs = torch.logaddexp(log_w[:, None], log_w[None])
    total = torch.logaddexp(pairs[:, :, None], log_w[None, None]) - math.log(SAMPLES)
    return -torch.einsum("i,j,k,ijkb->b", weights, weights, weights, total)


def several(model: Vae, x: Tensor) -> Tensor:
    """Return the plain bound."""
    return gaussian(fixed)(model, x)


def flow(model: Vae, x: Tensor) -> Tensor:
    """Put the base draw on a grid over the plane, pushed through the coupling."""
    q, (weight, bias) = posterior(model, x), affine(model)
    a, b = dict(model.named_parameters())["coupling"]
    points, weights = plane(40)
    first, second = (q.mean + q.stddev * points[:, None]).unbind(-1)
    scale = torch.exp(a * torch.tanh(first + 1))
    z = torch.stack([first, second * scale + b * first], -1)
    log_p = log_density(Normal(z @ weight.T + bias, math.sqrt(model.variance)), x).sum(-1)
    log_prior = log_density(Normal(0.0, 1.0), z).sum(-1)
    return -weights @ (log_p + log_prior + scale.log()) - entropy(q)


def categorical(model: Vae, x: Tensor) -> Tensor:
    """-log p(x) + KL(q || p(c|x)): the bound from the evidence's side."""
    log_q: Tensor = model.encoder(x).log_softmax(-1)
    weight, bias = affine(model)
    log_joint = log_density(Normal(weight.T + bias, math.sqrt(model.variance)), x[:, None]).sum(-1)
    log_joint = log_joint - math.log(len(weight.T))
    evidence = log_joint.logsumexp(-1)
    return (log_q.exp() * (log_q - log_joint + evidence[:, None])).sum(-1) - evidence


def learned_prior(model: Vae, x: Tensor) -> Tensor:
    """Return the bound with the KL to a Gaussian of learned mean and width."""
    parameters, q = dict(model.named_parameters()), posterior(model, x)
    prior = Normal(parameters["centre"], parameters["log_width"].exp())
    return squares(model, x, model.variance, q) + kl_divergence(q, prior).sum(-1)


def free_bits(model: Vae, x: Tensor) -> Tensor:
    """Return the bound with each latent's KL, or 1/4."""
    q = posterior(model, x)
    kl = kl_divergence(q, Normal(0.0, 1.0))
    return squares(model, x, model.variance, q) + torch.maximum(kl, torch.tensor(0.25)).sum(-1)


def free_bits_of_batch(model: Vae, x: Tensor) -> Tensor:
    """Return the bound with the batch's mean of each latent's KL, or 1/2."""
    q = posterior(model, x)
    kl = kl_divergence(q, Normal(0.0, 1.0)).mean(0)
    return squares(model, x, model.variance, q) + torch.maximum(kl, torch.tensor(0.5)).sum(-1)


def capacity(model: Vae, x: Tensor) -> Tensor:
    """Return the likelihood's part, and ten times the distance of the batch's mean KL from 2."""
    q = posterior(model, x)
    return squares(model, x, model.variance, q) + 10 * (divergence(q).mean() - 2).abs()


def beta(model: Vae, x: Tensor) -> Tensor:
    """Return the bound with four times the KL."""
    return gaussian(fixed)(model, x) + 3 * divergence(posterior(model, x))


def bin_mass(model: Vae, output: Tensor, x: Tensor) -> Tensor:  # noqa: ARG001 - one signature for all
    """Return the logarithm of the mass of a logistic law of scale 1/2 between x - 1/2 and x + 1/2."""
    away = 2 * (x - output).abs()  # in the lower tail, where the difference of the two keeps its digits
    return torch.log(torch.sigmoid(1 - away) - torch.sigmoid(-1 - away))


def counts(model: Vae, output: Tensor, x: Tensor) -> Tensor:  # noqa: ARG001 - one signature for all
    """Return the log mass of a negative binomial law of dispersion 2 with mean exp(output)."""
    law = NegativeBinomialLaw(torch.tensor(2.0, dtype=x.dtype), logits=output - math.log(2))
    return log_density(law, x)


def absolute(scale: float, kind: str = "log variance") -> Expected:
    """Return the negative ELBO of a Laplace likelihood: E |x - f| of a Gaussian f is that of a folded normal."""

    def expected(model: Vae, x: Tensor) -> Tensor:
        q = posterior(model, x, kind)
        outputs = on_the_line(model, q)
        off, s = x - outputs.mean, outputs.stddev
        tail = off * torch.erf(off / (s * math.sqrt(2)))
        folded = s * math.sqrt(2 / math.pi) * (-(off**2) / (2 * s**2)).exp() + tail
        peak = log_density(LaplaceLaw(0.0, scale), torch.tensor(0.0, dtype=x.dtype))
        return (folded / scale - peak).sum(-1) + divergence(q)

    return expected


def bound_of(entry: Convention, variance: float) -> Expected:
    """Return the negative ELBO, constants included, of the model that a convention's loss is a bound of."""
    kinds: dict[type[Vae], str] = {controls.LogDeviation: "log deviation", controls.Distributions: "softplus"}
    kinds[conventions_more.SoftplusMonteCarlo] = "softplus"
    kind = next((name for base, name in kinds.items() if issubclass(entry.model, base)), "log variance")
    inside = torch.sigmoid if issubclass(entry.model, conventions_more.SigmoidInside) else lambda out: out
    densities: dict[str, Expected] = {
        "gaussian": plain(lambda _, out, x: log_density(Normal(inside(out), math.sqrt(variance)), x), kind),
        "bernoulli": plain(lambda _, out, x: -cross_entropy(out, x), kind),
        "laplace": absolute(variance, kind),
    }
    return densities[entry.likelihood]


def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
    """Return -x log p - (1 - x) log(1 - p), which is a law's for binary x alone."""
    p = torch.sigmoid(logits)
    return -(x * p.log() + (1 - x) * (1 - p).log())


def batch_rate(model: Vae, x: Tensor) -> Tensor:
    """Return the likelihood of posteriors of variance 1, less the rate of the batch."""
    q = posterior(model, x, "one")
    return squares(model, x, model.variance, q) + 0.5 * torch.log1p((q.mean**2).mean(0)).sum()


EXPECTED: dict[type[Vae], Expected] = {
    vae.Gaussian: gaussian(fixed),
    vae.MonteCarlo: gaussian(fixed),
    vae.ImportanceWeighted: importance_weighted,
    vae.LearnedVariance: gaussian(learned),
    vae.TwoHeads: two_heads,
    vae.Bernoulli: plain(lambda _, out, x: log_density(BernoulliLaw(logits=out), x)),
    vae_others.Flow: flow,
    vae_others.Categorical: categorical,
    controls.SquaredError: lambda model, x: (
        gaussian(lambda _: 1.0)(model, x) - PIXELS * math.log(2 * math.pi) / 2
    ),
    controls.MeanOfAll: lambda model, x: gaussian(fixed)(model, x) / PIXELS,
    controls.LogDeviation: gaussian(fixed, "log deviation"),
    controls.Distributions: gaussian(fixed, "softplus"),
    controls.SeveralDraws: several,
    controls.Beta: beta,
    controls.FreeBits: free_bits,
    thresholds.FreeBitsOfBatch: free_bits_of_batch,
    thresholds.CapacityOfBatch: capacity,
    controls.LearnedPrior: learned_prior,
    controls.Laplace: absolute(1 / 3),
    controls.Poisson: plain(lambda _, out, x: log_density(PoissonLaw(out.exp()), x)),
    controls.NegativeBinomial: plain(counts),
    controls.DiscretisedLogistic: plain(bin_mass),
    controls.OurBilbo: batch_rate,
    **reference_more.EXPECTED,
}
"""A class that is not here has the expected loss of its nearest base."""


def expected_loss(model_class: type[Vae]) -> Expected:
    """Return the expected loss of each datum by the nearest base that has one.

    Raises
    ------
    KeyError
        If none has.
    """
    for base in model_class.__mro__:
        if base in EXPECTED:
            return EXPECTED[base]
    raise KeyError(f"model_class: got {model_class.__name__}; expected one with a reference")
