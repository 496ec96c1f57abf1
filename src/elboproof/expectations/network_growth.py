r"""Majorants of a network's log likelihood and of its derivatives, layer by layer.

A layer's units obey |h| <= A + B r with vectors A, B, and their first and second derivatives in z are bounded by
constants, because the activations' own are (`numbers.functions`). Activations that are not bounded obey |g(t)| <= |t|,
softplus log 2 + |t|.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elboproof.arguments import FloatArray
from elboproof.expectations.majorants import Majorant, NoMajorantError
from elboproof.model.latent_model import NetworkModel
from elboproof.model.networks import Affine, Network
from elboproof.numbers.functions import WRITABLE


@dataclass(frozen=True)
class _Growth:
    """Bounds of one layer's units: |h| <= offset + slope r, |dh/dz_k| <= first[k], |d2h/dz_k dz_l| <= second[k, l]."""

    offset: FloatArray
    slope: FloatArray
    first: FloatArray
    second: FloatArray


def network_majorants(
    model: NetworkModel, x: Sequence[float], latents: Sequence[tuple[float, float]], order: int
) -> list[Majorant]:
    """Return majorants of the distinct derivatives of log p(x|z) of one order, 0 to 2.

    Parameters
    ----------
    x
        Upper bounds of |x_j|.
    latents
        For each z_k bounds (offset, slope) with |z_k| <= offset + slope r.
    """
    growth = _outputs(model.network, latents, order)
    factor = 1 + 1e-10  # for the rounding of at most some thousand additions here
    if order == 0:
        return [_value(model, np.asarray(x), growth)]
    pairs = _first(model, np.asarray(x), growth) if order == 1 else _second(model, np.asarray(x), growth)
    return [Majorant.affine(float(a) * factor, float(b) * factor) for a, b in pairs]


def _outputs(network: Network, latents: Sequence[tuple[float, float]], order: int) -> _Growth:
    d = len(latents)
    offset, slope = (np.array(part) for part in zip(*latents, strict=True))
    growth = _Growth(offset, slope, np.eye(d), np.zeros((d, d, d)))
    for layer in network.layers:
        growth = (
            _affine(layer, growth) if isinstance(layer, Affine) else _applied(layer.function, growth, order)
        )
    return growth


def _affine(layer: Affine, h: _Growth) -> _Growth:
    weight = np.abs(layer.weight.entries) * (1 + weight_slack(layer))
    offset = (weight @ h.offset + np.abs(layer.bias)) * (1 + 1e-15)
    return _Growth(offset, weight @ h.slope, h.first @ weight.T, h.second @ weight.T)


def weight_slack(layer: Affine) -> float:
    """Return what the rounding of a sum of n products needs, relatively: n 2^-53 and more."""
    return (layer.weight.shape[1] + 4) * 2.0**-51


def _applied(name: str, h: _Growth, order: int) -> _Growth:
    g = WRITABLE[name]
    if g.slope is None or (order > 1 and g.curve is None):
        raise NoMajorantError(f"derivatives of order {order} of the activation {name}")
    grown = h.offset + (0.7 if name == "softplus" else 0.0)
    offset, slope = (grown, h.slope) if g.size is None else (np.full_like(grown, g.size), 0 * h.slope)
    squares = h.first[:, None, :] * h.first[None, :, :]
    second = g.slope * h.second + (g.curve or 0.0) * squares
    return _Growth(offset * (1 + 1e-15), slope, g.slope * h.first * (1 + 1e-15), second * (1 + 1e-15))


def _weights(model: NetworkModel, count: int) -> FloatArray:
    given = [float(v) for v in model.likelihood.variance]  # type: ignore[attr-defined]
    return (1 + 1e-14) / np.array(given * (count if len(given) == 1 else 1))


def _value(model: NetworkModel, x: FloatArray, f: _Growth) -> Majorant:
    constant = abs(model.supremum) * (1 + 1e-14) + 1e-300
    if model.likelihood.binary:  # |x f - softplus(f)| = softplus(+-f) <= log 2 + |f|
        return Majorant.affine(
            (float(f.offset.sum()) + 0.7 * len(x) + constant) * (1 + 1e-10),
            float(f.slope.sum()) * (1 + 1e-10),
        )
    total = Majorant.constant(constant)
    for a, b, w in zip(
        (np.abs(x) + f.offset).tolist(), f.slope.tolist(), _weights(model, len(x)).tolist(), strict=True
    ):
        residual = Majorant.affine(a * (1 + 1e-14), b)
        total = total + (residual * residual).scaled(w / 2)
    return Majorant(total.terms)


def _first(model: NetworkModel, x: FloatArray, f: _Growth) -> list[tuple[float, float]]:
    """Sum w_j |x_j - f_j| |f_jk|; for binary data |x_j - sigmoid(f_j)| <= 1 stands for the residual."""
    if model.likelihood.binary:
        return [(float(row.sum()), 0.0) for row in f.first]
    w = _weights(model, len(x))
    return [
        (float((w * (np.abs(x) + f.offset) * row).sum()), float((w * f.slope * row).sum())) for row in f.first
    ]


def _second(model: NetworkModel, x: FloatArray, f: _Growth) -> list[tuple[float, float]]:
    """Sum w_j (|f_jk| |f_jl| + |x_j - f_j| |f_jkl|); for binary data sigmoid' <= 1/4."""
    places = [(k, l) for k in range(len(f.first)) for l in range(k, len(f.first))]  # noqa: E741
    if model.likelihood.binary:
        return [(float((f.first[k] * f.first[l] / 4 + f.second[k, l]).sum()), 0.0) for k, l in places]  # noqa: E741
    w = _weights(model, len(x))
    size = np.abs(x) + f.offset
    return [
        (
            float((w * (f.first[k] * f.first[l] + size * f.second[k, l])).sum()),
            float((w * f.slope * f.second[k, l]).sum()),
        )
        for k, l in places  # noqa: E741
    ]
