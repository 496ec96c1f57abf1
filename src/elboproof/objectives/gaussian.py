"""The evidence lower bound of a Gaussian VAE, and its form for a constant posterior variance, BILBO."""

import math

import torch

from elboproof.arguments import suggesting
from elboproof.objectives.tensors import Variance, never_nan, require_batch, require_shape, variance_of, wide


@suggesting
def elbo(
    x: torch.Tensor,
    mean_x: torch.Tensor,
    mean: torch.Tensor,
    log_variance: torch.Tensor,
    *,
    variance: Variance = 1.0,
) -> torch.Tensor:
    """Return log p(x|z) - KL(q(z|x) || N(0, I)) of each example, in nats, to be maximised.

    Parameters
    ----------
    x, mean_x
        (B, D): the data, and the decoder's output at one z ~ q(z|x) for each.
    mean, log_variance
        (B, d): q(z|x) = N(mean, diag(exp(log_variance))); the logarithm of a VARIANCE.
    variance
        Of the likelihood N(x; mean_x, variance): a positive number, or a tensor of shape (), (D,), (B, 1) or (B, D).

    Returns
    -------
    Tensor
        (B,), an unbiased estimate of the ELBO of each example over the draw of z, constants included. Of float16 and
        bfloat16 tensors in float32. -inf where a square or exp(log_variance) overflows.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or holds NaN. Inside ``torch.compile`` and ``torch.func.vmap``
        numbers are not looked at.

    Notes
    -----
    log p(x|z) = -1/2 sum_j [(x_j - mean_x_j)^2 / v_j + log(2 pi v_j)],
    KL = 1/2 sum_k [exp(l_k) + m_k^2 - 1 - l_k] (Kingma and Welling 2014, appendix B). A mean over a minibatch is an
    unbiased estimate of the mean over the data.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> x, mean, log_variance = torch.zeros(2, 3), torch.zeros(2, 1), torch.zeros(2, 1)
    >>> objectives.elbo(x, x, mean, log_variance)
    tensor([-2.7568, -2.7568])
    """
    likelihood = _log_likelihood(x, mean_x, variance)
    m, log_s = wide(mean, "mean"), wide(log_variance, "log_variance")
    require_batch(m, "mean", x, "x")
    require_shape(log_s, "log_variance", tuple(m.shape), "mean")
    # expm1(l) - l, and not exp(l) - 1 - l: near l = 0 the difference of nearly equal numbers would be all rounding
    divergence = 0.5 * (torch.expm1(log_s) - log_s + m**2).sum(1)
    given = {"x": x, "mean_x": mean_x, "mean": mean, "log_variance": log_variance, "variance": variance}
    return never_nan(likelihood - divergence, given, ("variance",))


@suggesting
def bilbo(
    x: torch.Tensor,
    mean_x: torch.Tensor,
    mean: torch.Tensor,
    *,
    posterior_variance: Variance = 1.0,
    variance: Variance = 1.0,
) -> torch.Tensor:
    """Return log p(x|z) - 1/2 sum_k log(1 + E m_k^2 / s_k) of each example, in nats, to be maximised.

    Parameters
    ----------
    x, mean_x
        (B, D): the data, and the decoder's output at one z ~ N(mean, diag(s)) for each.
    mean
        (B, d): the posterior means; E is the mean over this batch.
    posterior_variance
        s, the same for all x: a positive number or a tensor of shape (), (d,).
    variance
        Of the likelihood, as in `elbo`.

    Returns
    -------
    Tensor
        (B,): each example's log likelihood, less the rate of the batch.

    Raises
    ------
    TypeError, ValueError
        As `elbo`.

    Notes
    -----
    The rate is the mean KL(N(m, s) || N(0, v)) at the best prior of this form, v = E m^2 + s: that prior is fitted. For
    the whole data set the mean of the result is a lower bound of the mean log evidence under the fitted prior. On
    minibatches of B it is optimistic: the rate is too small by Var(m_k^2) / (4 B (s_k + E m_k^2)^2) to leading order in
    each latent, (v/(v + s))^2 / (2 B) for Gaussian codes of variance v, and by at most 1/(2 B) + 1/(6 B^2) + ... there.
    The formula is that of the public reference implementation, for one posterior variance.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> x, mean = torch.zeros(2, 3), torch.tensor([[-1.0], [1.0]])
    >>> objectives.bilbo(x, x, mean)  # -3/2 log 2 pi - 1/2 log 2
    tensor([-3.1034, -3.1034])
    """
    likelihood = _log_likelihood(x, mean_x, variance)
    m = wide(mean, "mean")
    require_batch(m, "mean", x, "x")
    rate = batch_rate(m, posterior_variance)
    given = {
        "x": x,
        "mean_x": mean_x,
        "mean": mean,
        "posterior_variance": posterior_variance,
        "variance": variance,
    }
    return never_nan(likelihood - rate, given, ("posterior_variance", "variance"))


def batch_rate(mean: torch.Tensor, posterior_variance: Variance) -> torch.Tensor:
    """Return 1/2 sum_k log(1 + E m_k^2 / s_k) of a batch of means (B, d), in nats per example."""
    s = variance_of(posterior_variance, "posterior_variance", mean)
    if s.ndim == 2:
        raise ValueError(
            f"posterior_variance: got shape {tuple(s.shape)}; expected one variance for each latent, the same for all x"
        )
    return 0.5 * torch.log1p((mean**2).mean(0) / s).expand(mean.shape[1]).sum()


def _log_likelihood(x: torch.Tensor, mean_x: torch.Tensor, variance: Variance) -> torch.Tensor:
    data, centre = wide(x, "x"), wide(mean_x, "mean_x")
    require_shape(centre, "mean_x", tuple(data.shape), "x")
    residual = data - centre
    v = variance_of(variance, "variance", residual)
    # one variance for all is taken out of the sum: its logarithm counts D times
    if v.ndim == 0:
        return -0.5 * ((residual**2).sum(1) / v + residual.shape[1] * torch.log(2 * math.pi * v))
    return -0.5 * (residual**2 / v + torch.log(2 * math.pi * v)).sum(1)
