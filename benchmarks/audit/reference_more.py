"""The expected losses of the models of `more`."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Laplace as LaplaceLaw
from torch.distributions import NegativeBinomial as NegativeBinomialLaw
from torch.distributions import Normal
from torch.nn import functional

from benchmarks.audit import more
from benchmarks.audit.expectations import (
    Expected,
    affine,
    divergence,
    entropy,
    on_the_plane,
    posterior,
    squares,
)
from benchmarks.audit.vae import LATENTS, PIXELS, Vae
from elboproof.objectives.contract import log_density


def dispersed(outputs: Tensor, x: Tensor) -> Tensor:
    """Of mean m and total r: r failures, and success of log odds log(m / r)."""
    mean, log_r = outputs.chunk(2, -1)
    law = NegativeBinomialLaw(log_r.exp(), logits=functional.softplus(mean).log() - log_r)
    return log_density(law, x)


def zero_inflated(outputs: Tensor, x: Tensor) -> Tensor:
    """Return the log of a mixture of zero, of this probability, and of counts."""
    first, logits = outputs[..., : 2 * PIXELS], outputs[..., 2 * PIXELS :]
    parts = torch.stack([functional.logsigmoid(logits), functional.logsigmoid(-logits) + dispersed(first, x)])
    return torch.where(x == 0, parts.logsumexp(0), parts[1])


def grey_bins(outputs: Tensor, x: Tensor) -> Tensor:
    """Return the log of a difference of a logistic distribution function, far out too."""
    centre, log_scale = outputs.chunk(2, -1)
    upper, lower = ((x - centre + half) / log_scale.exp() for half in (0.5 / 255, -0.5 / 255))
    inside = torch.log(-torch.expm1(-1 / 255 / log_scale.exp()))
    return inside - functional.softplus(-upper) - functional.softplus(lower)


def conditional(model: Vae, x: Tensor) -> Tensor:
    """Shift each output by the condition's part."""
    q, (weight, bias) = posterior(model, x), affine(model)
    centre = q.mean @ weight[:, :LATENTS].T + x[:, :1] @ weight[:, LATENTS:].T + bias
    second = (x - centre) ** 2 + q.variance @ (weight[:, :LATENTS] ** 2).T
    return 0.5 * (second / model.variance + math.log(2 * math.pi * model.variance)).sum(-1) + divergence(q)


def auxiliary(model: Vae, x: Tensor) -> Tensor:
    """Of z = mean + a / 2 + deviation eps: all terms are quadratic in a and eps."""
    q = posterior(model, x)
    mixed = Normal(q.mean, (q.variance + 0.25).sqrt())
    unit = Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))
    prior = 0.5 * (q.mean**2 + mixed.variance + math.log(2 * math.pi)).sum(-1)
    missed = 0.75**2 + (q.mean**2 + q.variance) / 4  # E (a - z / 2)^2
    reverse = 0.5 * (missed / 0.75 + math.log(2 * math.pi * 0.75)).sum(-1)
    return squares(model, x, model.variance, mixed) + prior + reverse - entropy(q) - entropy(unit)


def laplace_posterior(model: Vae, x: Tensor) -> Tensor:
    """Return the bound of a Laplace posterior: its moments, and its entropy by torch."""
    mean, s = model.encoder(x).split(LATENTS, dim=-1)
    law = LaplaceLaw(mean, s.exp())
    of_torch: Callable[[], Tensor] = law.entropy
    prior = 0.5 * (mean**2 + law.variance + math.log(2 * math.pi)).sum(-1)
    likelihood = squares(model, x, model.variance, Normal(mean, law.variance.sqrt()))
    value: Tensor = likelihood + prior - of_torch().sum(-1)
    return value


EXPECTED: dict[type[Vae], Expected] = {
    more.Dispersed: on_the_plane(dispersed),
    more.ZeroInflated: on_the_plane(zero_inflated),
    more.Binned: on_the_plane(grey_bins),
    more.Conditional: conditional,
    more.Auxiliary: auxiliary,
    more.LaplacePosterior: laplace_posterior,
}
