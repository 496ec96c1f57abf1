"""The change of variables: what the log evidence and the ELBO tend to as the likelihood variance vanishes."""

import math
from collections.abc import Callable

import torch

from elboproof.arguments import suggesting
from elboproof.objectives.tensors import never_nan, require_batch, surely, wide

FIT = 1e-4
"""Largest distance of decoder(z0) from x that counts as met, relative to 1 and the size of x; float32 has 1e-7."""


@suggesting
def flow_limit_log_prob(
    decoder: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, z0: torch.Tensor
) -> torch.Tensor:
    """Return log N(z0; 0, I) - 1/2 log det J'J of each example, in nats, J the decoder's Jacobian at z0.

    Parameters
    ----------
    decoder
        From (d,) to (D,), or from (B, d) to (B, D), with D >= d; every operation differentiable by ``torch.func``.
    x
        (B, D): the data, decoder(z0) = x.
    z0
        (B, d): the preimages.

    Returns
    -------
    Tensor
        (B,). For d = D the log density of decoder(z) under z ~ N(0, I), log N(z0) - log |det J|: the limit of log p(x)
        as the likelihood variance v vanishes. For d < D the limit of log p(x) + (D - d)/2 log(2 pi v), where the
        decoder is an embedding at x.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, decoder(z0) is not x, or J has not full rank.

    Notes
    -----
    The derivation, and where the limit is none, stand in the claim flow-limit.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> z0 = torch.tensor([[0.5]])
    >>> objectives.flow_limit_log_prob(torch.sinh, torch.sinh(z0), z0)
    tensor([-1.1641])
    """
    data, latent = wide(x, "x"), wide(z0, "z0")
    require_batch(latent, "z0", x, "x")
    outputs = data.shape[1]
    if latent.shape[1] > outputs:
        raise ValueError(f"z0: got {latent.shape[1]} latents; expected at most {outputs}, the outputs")
    _require_met(decoder(latent), data)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda z: decoder(z[None])[0]))(latent)
    # the determinant's sign does not matter, but a lost one would: sum of log |R_ii|, J = QR. J'J would square its
    # condition, which costs half of the digits. Gradients need Q, too
    volume = torch.linalg.qr(jacobian).R.diagonal(dim1=-2, dim2=-1).abs()
    if surely((volume == 0).any()):
        raise ValueError("decoder: got a Jacobian without full rank at z0; expected a regular point")
    prior = -0.5 * (latent**2).sum(1) - 0.5 * latent.shape[1] * math.log(2 * math.pi)
    return never_nan(prior - volume.log().sum(1), {"x": x, "z0": z0}, ())


def _require_met(found: torch.Tensor, x: torch.Tensor) -> None:
    if tuple(found.shape) != tuple(x.shape):
        raise ValueError(
            f"decoder: got outputs of shape {tuple(found.shape)}; expected {tuple(x.shape)}, that of x"
        )
    off = (found - x).abs()
    if surely((off > FIT * (1 + x.abs())).any()):
        raise ValueError(
            f"x: got data that are off decoder(z0) by {float(off.max()):.3g}; expected decoder(z0)"
        )
