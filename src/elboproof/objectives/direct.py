"""Gradients through an arg max: direct optimisation of discrete latents (Lorberbom, Gane, Jaakkola and Hazan 2019).

With independent standard Gumbels g_k, z(t) = argmax_k (a_k + t f_k + g_k) is a sample of softmax(a + t f). The
difference of two such samples that share their Gumbels, divided by the distance of their t, is an estimate of the
gradient of E f(z(0)) in the logits a: its mean is exactly (softmax(a + eps f) - softmax(a)) / eps, or (softmax(a + eps
f) - softmax(a - eps f)) / (2 eps) with two sides, whose limit as eps -> 0 is s_k (f_k - E f).
"""

import torch

from elboproof.arguments import bad, require_positive, suggesting, wrong_type
from elboproof.arrays import require_dense
from elboproof.objectives.tensors import require_shape, surely


@suggesting
def direct_gradient(
    logits: torch.Tensor,
    values: torch.Tensor,
    eps: float,
    gumbels: torch.Tensor,
    two_sided: bool = True,
) -> torch.Tensor:
    """Return an estimate of the gradient of E f(z) in the logits of categorical latents z, f to be maximised.

    Parameters
    ----------
    logits
        (B, N, K): of N independent latents with K >= 2 categories for each of B examples.
    values
        (B, N, K): f(x; z with latent n set to k) in nats, z the sample argmax(logits + gumbels).
    eps
        Positive: the size of the step. Bias grows with it, variance with its inverse.
    gumbels
        (B, N, K): independent standard Gumbel variables, -log of standard exponential ones.
    two_sided
        Whether to step in both directions, which makes the bias of order eps^2, or forward only, as in the paper.

    Returns
    -------
    Tensor
        (B, N, K), without a graph; of float16 and bfloat16 logits in float32. Each latent's row sums to 0 and has at
        most two entries that are not: (e_j - e_i) / eps, or / (2 eps) with two sides. With g the result,
        ``(logits * g).sum()`` is to be maximised; a divergence from the prior has a gradient of its own.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, holds numbers that are not finite, or eps is so small or large that
        1 / eps or logits + eps * values is not finite. Inside ``torch.compile`` and ``torch.func.vmap`` numbers are not
        looked at.

    Notes
    -----
    Lorberbom, Gane, Jaakkola and Hazan (2019).

    ||bias||_1 <= eps (max f - min f)^2 / 4 for each latent, whatever eps. Constants added to f change nothing.
    Sums are in float64, in which eps * values is not lost beside the Gumbels. Of equal sums, which have probability 0
    but for rounding, the first category is taken, in all maxima alike. Values of the other latents are held fixed: of
    latents that are coupled by one common arg max this is no gradient.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> logits, values = torch.zeros(1, 1, 3), torch.tensor([[[0.0, 1.0, 3.0]]])
    >>> gumbels = torch.tensor([[[0.5, 0.2, 0.1]]])
    >>> objectives.direct_gradient(logits, values, 0.5, gumbels, two_sided=False)
    tensor([[[-2.,  0.,  2.]]])
    """
    given = {"logits": logits, "values": values, "gumbels": gumbels}
    for name, tensor in given.items():
        _require_latents(tensor, name)
        require_shape(tensor, name, tuple(logits.shape), "logits")
    require_positive(eps=eps)
    if not isinstance(two_sided, bool):
        raise wrong_type("two_sided", two_sided, "True or False")
    a, f, noise = (tensor.detach().double() for tensor in given.values())
    _require_finite({**given, "eps": a + eps * f.abs() + noise}, eps)
    ahead = _one_hot(a + eps * f + noise)
    behind = _one_hot(a - eps * f + noise) if two_sided else _one_hot(a + noise)
    wide = logits.dtype if logits.element_size() > 2 else torch.float32
    result = ((ahead - behind) / (2 * eps if two_sided else eps)).to(wide)
    if surely(~torch.isfinite(result).all()):
        raise bad("eps", eps, f"a step whose inverse is finite in {wide}")
    return result


def _one_hot(sums: torch.Tensor) -> torch.Tensor:
    """Return 1 at the first maximum of the last axis of (B, N, K), else 0."""
    categories = torch.arange(sums.shape[-1], device=sums.device)
    return (sums.argmax(-1, keepdim=True) == categories).double()


def _require_latents(value: torch.Tensor, name: str) -> None:
    given: object = value
    if not isinstance(given, torch.Tensor) or not value.is_floating_point() or value.element_size() < 2:
        raise wrong_type(name, value, "a floating-point tensor")
    if not torch.compiler.is_compiling():  # torch.compile does not look into torch.masked
        require_dense(value, name)
    if value.ndim != 3 or 0 in value.shape or value.shape[2] < 2:
        raise ValueError(
            f"{name}: got shape {tuple(value.shape)}; expected three axes, (batch, latents, categories), none of them "
            "empty, and at least two categories"
        )


def _require_finite(numbers: dict[str, torch.Tensor], eps: float) -> None:
    for name, tensor in numbers.items():
        if surely(~torch.isfinite(tensor).all()):
            if name == "eps":
                raise bad("eps", eps, "a step with finite logits + eps * values + gumbels")
            raise ValueError(f"{name}: got infinite or NaN entries; expected finite numbers")
