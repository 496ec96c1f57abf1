"""What an ELBO is made of: reconstruction, the codes' information, and how far their aggregate is from the prior.

With the aggregate posterior q(z) = (1/N) sum_n q(z|x_n), for any prior p,

    mean_n KL(q(z|x_n) || p) = I(x; z) + KL(q(z) || p),   I(x; z) = mean_n E log q(z|x_n)/q(z)

(Hoffman and Johnson 2016). Only the last term knows the prior: q(z) itself is the best one, and gains exactly that KL.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from elboproof.arguments import suggesting, wrong_type
from elboproof.objectives.tensors import never_nan, require_shape, surely, wide

AT_ONCE = 2**22
"""Of the distances between latents and codes, how many are held at a time."""


class Prior(Protocol):
    """What has a log density: `FlowPrior`, or a law of ``torch.distributions`` over (d,)."""

    def log_prob(self, value: torch.Tensor, /) -> torch.Tensor:
        """Return log p(z) in nats, shape (...), of latents (..., d)."""


@dataclass(frozen=True)
class Surgery:
    """The three terms, scalars in nats per example.

    Attributes
    ----------
    reconstruction
        E log p(x|z), to be maximised.
    information
        I(x; z) of the codes, at most log N; of samples an estimate.
    aggregate_kl
        KL(q(z) || p), which the prior q(z) would gain; of samples an estimate.
    """

    reconstruction: torch.Tensor
    information: torch.Tensor
    aggregate_kl: torch.Tensor

    @property
    def elbo(self) -> torch.Tensor:
        """Return reconstruction - information - aggregate_kl."""
        return self.reconstruction - self.information - self.aggregate_kl


@suggesting
def aggregate_posterior_log_prob(
    z: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor
) -> torch.Tensor:
    """Return log (1/N) sum_n N(z; m_n, diag(exp(2 l_n))) in nats: the law of codes, and the best prior for them.

    Parameters
    ----------
    z
        (..., d): latents.
    means, log_stds
        (N, d): of q(z|x_n) for all N data; logarithms of standard DEVIATIONS, half of those of variances.

    Returns
    -------
    Tensor
        (...), from the full mixture: N d operations for each latent.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, is empty or holds NaN or infinite numbers, or deviations are too
        small for the type.

    Notes
    -----
    It knows the N data that made it: at data that were held out it is no honest prior, see claim learned-prior.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> codes = torch.tensor([[-1.0], [1.0]])
    >>> objectives.aggregate_posterior_log_prob(torch.zeros(1, 1), codes, torch.zeros(2, 1))
    tensor([-1.4189])
    """
    m, log_s = _codes(means, log_stds)
    flat = points(z, "z", m.shape[1])
    rows = max(1, AT_ONCE // len(m))
    parts = [torch.logsumexp(_log_densities(part, m, log_s), 1) for part in _pieces(flat, rows)]
    density = torch.cat(parts) - math.log(len(m))
    given = {"z": z, "means": means, "log_stds": log_stds}
    return never_nan(density, given, ()).reshape(z.shape[:-1])


@suggesting
def elbo_surgery(
    log_likelihood: torch.Tensor,
    means: torch.Tensor,
    log_stds: torch.Tensor,
    z: torch.Tensor,
    prior: Prior,
    *,
    rows: torch.Tensor | None = None,
) -> Surgery:
    """Return the reconstruction, the information and KL(q(z) || p) of an ELBO, from the same samples.

    Parameters
    ----------
    log_likelihood
        (S, B): log p(x_b | z_sb).
    means, log_stds
        (N, d): of q(z|x_n) for ALL N data, as in `aggregate_posterior_log_prob`; a batch's own would make another q(z).
    z
        (S, B, d): samples of q(z|x_b).
    prior
        Has ``log_prob``: (S, B, d) -> (S, B).
    rows
        (B,): which of the N data each of the batch is; their order if None, B = N.

    Returns
    -------
    Surgery
        Its ``elbo`` is the mean of log p(x|z) - log q(z|x) + log p(z) over these samples, to rounding.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or holds NaN or infinite numbers.

    Notes
    -----
    mean_n KL(q(z|x_n) || p) = I(x; z) + KL(q(z) || p), q(z) = (1/N) sum_n q(z|x_n) (Hoffman and Johnson 2016).

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> codes, z = torch.tensor([[-3.0, 0.0], [3.0, 0.0]]), torch.tensor([[[-3.0, 0.0], [3.0, 0.0]]])
    >>> surgery = objectives.elbo_surgery(
    ...     torch.zeros(1, 2), codes, torch.zeros(2, 2), z, objectives.FlowPrior(2)
    ... )
    >>> surgery.information  # codes that are far apart tell log 2
    tensor(0.6931)
    """
    m, log_s = _codes(means, log_stds)
    samples, batch = _batch(log_likelihood, z, m.shape[1])
    index = _rows(rows, batch, len(m))
    own = _log_density(z, m[index], log_s[index])
    aggregate = aggregate_posterior_log_prob(z, means, log_stds)
    log_prior = prior.log_prob(z)
    if tuple(log_prior.shape) != (samples, batch):
        raise ValueError(
            f"prior: got log densities of shape {tuple(log_prior.shape)}; expected {(samples, batch)}"
        )
    given = {
        "log_likelihood": log_likelihood,
        "means": means,
        "log_stds": log_stds,
        "z": z,
        "prior": log_prior,
    }
    terms = log_likelihood.mean(), (own - aggregate).mean(), (aggregate - log_prior).mean()
    return Surgery(*(never_nan(term, given, ()) for term in terms))


def points(value: torch.Tensor, name: str, latents: int) -> torch.Tensor:
    """Return latents of any leading shape as (B, d), float16 and bfloat16 as float32.

    Raises
    ------
    TypeError, ValueError
        If it is no dense floating-point tensor of shape (..., d), is empty, or has entries that are not finite.
    """
    given: object = value
    if not isinstance(given, torch.Tensor):
        raise wrong_type(name, value, "a floating-point tensor")
    if value.ndim == 0 or value.shape[-1] != latents or value.numel() == 0:
        raise ValueError(
            f"{name}: got shape {tuple(value.shape)}; expected (..., {latents}) with no empty axis"
        )
    return _finite(wide(value.reshape(-1, latents), name), name)


def _finite(value: torch.Tensor, name: str) -> torch.Tensor:
    # an infinite deviation would drop its code from the mixture in silence
    if surely(~torch.isfinite(value.detach()).all()):
        raise ValueError(f"{name}: got infinite or NaN entries; expected finite numbers")
    return value


def _codes(means: torch.Tensor, log_stds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    m, log_s = _finite(wide(means, "means"), "means"), _finite(wide(log_stds, "log_stds"), "log_stds")
    require_shape(log_s, "log_stds", tuple(m.shape), "means")
    return m, log_s


def _batch(log_likelihood: torch.Tensor, z: torch.Tensor, latents: int) -> tuple[int, int]:
    samples, batch = _finite(wide(log_likelihood, "log_likelihood"), "log_likelihood").shape
    points(z, "z", latents)
    require_shape(z, "z", (samples, batch, latents), "log_likelihood and means")
    return samples, batch


def _rows(rows: torch.Tensor | None, batch: int, data: int) -> torch.Tensor:
    if rows is None:
        if batch != data:
            raise ValueError(f"rows: got None for {batch} of {data} data; expected which of them these are")
        return torch.arange(data)
    given: object = rows
    if not isinstance(given, torch.Tensor) or rows.dtype != torch.int64:
        raise wrong_type("rows", rows, "a tensor of int64")
    if tuple(rows.shape) != (batch,) or bool(((rows < 0) | (rows >= data)).any()):
        raise ValueError(f"rows: got {rows.tolist()}; expected {batch} numbers from 0 to {data - 1}")
    return rows


def _pieces(z: torch.Tensor, rows: int) -> list[torch.Tensor]:
    return [z[k : k + rows] for k in range(0, len(z), rows)]


def _log_densities(z: torch.Tensor, m: torch.Tensor, log_s: torch.Tensor) -> torch.Tensor:
    """Return log N(z_b; m_n, s_n), (B, N), of latents (B, d) and codes (N, d)."""
    # one latent after the other: (B, N, d) numbers would not fit; and differences, as squares would cancel
    total = -log_s.sum(1) - 0.5 * m.shape[1] * math.log(2 * math.pi)
    rates = (-log_s).exp()
    for k in range(m.shape[1]):
        total = total - 0.5 * ((z[:, k, None] - m[:, k]) * rates[:, k]) ** 2
    return total


def _log_density(z: torch.Tensor, m: torch.Tensor, log_s: torch.Tensor) -> torch.Tensor:
    """Return log N(z_sb; m_b, s_b), (S, B)."""
    square = ((z - m) * (-log_s).exp()) ** 2
    return -(0.5 * square + log_s).sum(-1) - 0.5 * m.shape[1] * math.log(2 * math.pi)
