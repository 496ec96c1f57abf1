"""The optimal decoder as softmax attention, for one shared covariance."""

from dataclasses import dataclass
from typing import Any

from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.tensors import Table
from elboproof.shapes import Float


@dataclass(frozen=True, eq=False)
class Attention:
    """The decoder as softmax attention: f*(z) = softmax(scale z.keys^T + bias) values.

    Attributes
    ----------
    keys : (N, d)
        m_i if S = s^2 I, otherwise S^-1 m_i.
    values : (N, D)
        x_i.
    bias : (N,)
        -m_i.S^-1 m_i / 2, in nats.
    scale : float
        1 / s^2 if S = s^2 I, otherwise 1. A scalar tensor if ``data`` is a tensor.
    """

    keys: Float[Table, "N d"]
    values: Float[Table, "N D"]
    bias: Float[Table, "N"]
    scale: Any


def attention(g: Gaussians, values: Float[Table, "N D"]) -> Attention:
    """Return the attention form of a decoder with one shared covariance, as arrays of the kind of ``values``.

    The logits are log densities without -z.S^-1 z / 2, which all points share.

    Raises
    ------
    ValueError
        If the covariances differ: the logits are quadratic in z then.
    """
    if not g.shared:
        raise ValueError("attention: the covariances differ; expected one shared covariance")
    # z.S^-1 m_i - m_i.S^-1 m_i / 2: with keys (N, d) and bias (N,) the logits (Q, N) differ from
    # the log densities by a term of z alone, which softmax cancels. For S = s^2 I the factor 1/s^2
    # stays in `scale`, so the keys are the codes.
    keys = g.means if g.isotropic else g.means @ g.precisions[0]
    scale = g.precisions[0] if g.isotropic else 1.0
    bias = -0.5 * scale * (keys * g.means).sum(-1)
    if hasattr(values, "requires_grad"):
        return Attention(keys, values, bias, scale)
    return Attention(keys.astype(values.dtype), values, bias.astype(values.dtype), float(scale))
