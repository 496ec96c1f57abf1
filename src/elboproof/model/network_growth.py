r"""Majorants of a network's log likelihood and of its derivatives, layer by layer.

A layer's units obey |h| <= A + B r with vectors A, B, and their first and second derivatives in z are bounded by
constants, because the activations' own are (`numbers.functions`). Activations that are not bounded obey |g(t)| <= |t|,
softplus log 2 + |t|.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.latent_model import NetworkModel
from elboproof.model.likelihood import Gaussian, above_constant
from elboproof.model.networks import Affine, Network
from elboproof.numbers.functions import WRITABLE
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorants import AT_MOST_LINEAR, Majorant, NoMajorantError
from elboproof.numbers.outward import upward


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
    """Return majorants of the distinct derivatives of the tilted log p(x|z) of one order, 0 to 2.

    Parameters
    ----------
    x
        Upper bounds of |x_j|.
    latents
        For each z_k bounds (offset, slope) with |z_k| <= offset + slope r.
    """
    # vectors of D outputs. The sums over them have D terms with up to 5 roundings in each, and one of the sum for each
    # term: D + 6 in all
    growth = _outputs(model.network, latents, order)
    if order == 0:
        found = [_value(model, np.asarray(x), growth)]
    else:
        pairs = _first(model, np.asarray(x), growth) if order == 1 else _second(model, np.asarray(x), growth)
        found = [Majorant.affine(upward(a, len(x) + 6), upward(b, len(x) + 6)) for a, b in pairs]
    prior = model.quantities.prior
    if prior is None:
        return found
    # |s + t| <= |s| + |t|: the prior's tilt has majorants of its own, in the same order of derivatives.
    tilts = prior.compiled("tilted", order, MAJORANTS)(*(Majorant.affine(a, b) for a, b in latents))
    return [one + other for one, other in zip(found, tilts, strict=True)]


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
    # |W h + b| <= |W| |h| + |b|, and |W| |dh|: (units, inputs) by (inputs,), (d, inputs) and (d, d, inputs). The
    # weights are raised by what a sum of n products rounds, in whatever order the BLAS takes
    weight = upward(np.abs(layer.weight.entries), layer.weight.shape[1] + 1)
    offset = upward(weight @ h.offset + np.abs(layer.bias), 1)
    return _Growth(offset, weight @ h.slope, h.first @ weight.T, h.second @ weight.T)


def _applied(name: str, h: _Growth, order: int) -> _Growth:
    g = WRITABLE[name]
    if g.slope is None or (order > 1 and g.curve is None):
        raise NoMajorantError(f"derivatives of order {order} of the activation {name}")
    offset = np.full_like(h.offset, g.size) if g.size is not None else h.offset + AT_MOST_LINEAR[name]
    slope = h.slope if g.size is None else 0 * h.slope
    # (g o h)' = g' h' and (g o h)'' = g' h'' + g'' h' h', bounded factor by factor; squares of shape (d, d, units)
    squares = h.first[:, None, :] * h.first[None, :, :]
    second = g.slope * h.second + (g.curve or 0.0) * squares
    return _Growth(upward(offset, 1), slope, upward(g.slope * h.first, 1), upward(second, 3))


def _weights(model: NetworkModel, count: int) -> FloatArray:
    given = [float(v) for v in model.likelihood.variance]  # type: ignore[attr-defined]
    return upward(1 / np.array(given * (count if len(given) == 1 else 1)), 2)


def _normaliser(model: NetworkModel) -> float:
    if not isinstance(model.likelihood, Gaussian):
        return 0.0
    return above_constant(model.likelihood.log_normaliser(model.data_dim))


def _value(model: NetworkModel, x: FloatArray, f: _Growth) -> Majorant:
    constant = upward(abs(_normaliser(model)), 4, 1)  # it is the float above the nearest one
    if not isinstance(model.likelihood, Gaussian):  # |x f - softplus(f)| = softplus(+-f) <= log 2 + |f|
        return Majorant.affine(
            upward(float(f.offset.sum()) + 0.7 * len(x) + constant, len(x) + 3),
            upward(float(f.slope.sum()), len(x)),
        )
    total = Majorant.constant(constant)
    for a, b, w in zip(
        (np.abs(x) + f.offset).tolist(), f.slope.tolist(), _weights(model, len(x)).tolist(), strict=True
    ):
        residual = Majorant.affine(upward(a, 1), b)
        total = total + (residual * residual).scaled(w / 2)
    return Majorant(total.terms)


def _first(model: NetworkModel, x: FloatArray, f: _Growth) -> list[tuple[float, float]]:
    """Sum w_j |x_j - f_j| |f_jk|; for binary data |x_j - sigmoid(f_j)| <= 1 stands for the residual."""
    if not isinstance(model.likelihood, Gaussian):
        return [(float(row.sum()), 0.0) for row in f.first]
    w = _weights(model, len(x))
    return [
        (float((w * (np.abs(x) + f.offset) * row).sum()), float((w * f.slope * row).sum())) for row in f.first
    ]


def _second(model: NetworkModel, x: FloatArray, f: _Growth) -> list[tuple[float, float]]:
    """Sum w_j (|f_jk| |f_jl| + |x_j - f_j| |f_jkl|); for binary data sigmoid' <= 1/4."""
    places = [(k, l) for k in range(len(f.first)) for l in range(k, len(f.first))]  # noqa: E741
    if not isinstance(model.likelihood, Gaussian):
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
