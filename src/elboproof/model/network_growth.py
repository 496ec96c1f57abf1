r"""Majorants of a network's log likelihood and of its derivatives, layer by layer.

A layer's units obey |h| <= A + B r with vectors A, B, and their first and second derivatives in z are bounded by
constants, because the activations' own are (`activations.known`). Activations that are not bounded obey
|g(t)| <= c + a |t| (`activations.growth_of`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.activations import growth_of, known
from elboproof.model.blocks import Block, Rule, rule_tape
from elboproof.model.likelihood import Gaussian, Likelihood, above_constant
from elboproof.model.networks import (
    Activation,
    Affine,
    Layer,
    Network,
    Normalisation,
    Plus,
    Scaling,
)
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorant_ranges import NoMajorantError
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.outward import upward


@dataclass(frozen=True)
class _Growth:
    """Bounds of one layer's units: |h| <= offset + slope r, |dh/dz_k| <= first[k], |d2h/dz_k dz_l| <= second[k, l]."""

    offset: FloatArray
    slope: FloatArray
    first: FloatArray
    second: FloatArray


def network_majorants(
    network: Network,
    likelihood: Likelihood,
    x: Sequence[tuple[float, float]],
    latents: Sequence[tuple[float, float]],
    order: int,
) -> list[Majorant]:
    """Return majorants of the distinct derivatives of log p(x|z) - log h(x) of one order, 0 to 2.

    Parameters
    ----------
    x
        Bounds of each x_j.
    latents
        For each z_k bounds (offset, slope) with |z_k| <= offset + slope r.
    """
    growth = _outputs(network, latents, order)
    if not isinstance(likelihood, Gaussian):
        return _by_rules(likelihood.blocks(len(x)), x, growth, order)  # type: ignore[attr-defined]
    # vectors of D outputs. The sums over them have D terms with up to 5 roundings in each, and one of the sum for each
    # term: D + 6 in all
    sizes = np.array([max(abs(low), abs(high)) for low, high in x])
    if order == 0:
        return [_value(likelihood, sizes, growth)]
    w = _weights(likelihood, len(x))
    pairs = _first(w, sizes, growth) if order == 1 else _second(w, sizes, growth)
    return [Majorant.affine(upward(a, len(x) + 6), upward(b, len(x) + 6)) for a, b in pairs]


def output_majorants(network: Network, latents: Sequence[tuple[float, float]]) -> list[Majorant]:
    """Return majorants of the outputs."""
    return _of_outputs(_outputs(network, latents, 0))


def _of_outputs(growth: _Growth) -> list[Majorant]:
    return [Majorant.affine(a, b) for a, b in zip(growth.offset.tolist(), growth.slope.tolist(), strict=True)]


def _by_rules(
    blocks: Sequence[Block], x: Sequence[tuple[float, float]], growth: _Growth, order: int
) -> list[Majorant]:
    """Return majorants of the derivatives of any likelihood: those of its rules, by the chain rule.

    With l_j and l_jm a rule's derivatives in its outputs: d_k l = sum_j l_j f_jk, and
    d_k d_m l = sum_jn l_jn f_jk f_nm + sum_j l_j f_jkm; every factor is replaced by a bound of its size.
    """
    outputs, data = _of_outputs(growth), [Majorant.constant(low, high) for low, high in x]
    d = len(growth.first)
    places = [(), *[(k,) for k in range(d)], *combinations_with_replacement(range(d), 2)]
    totals = {place: Majorant.constant(0.0) for place in places if len(place) == order}
    for block in blocks:
        given = [*(outputs[j] for j in block.outputs), *(data[j] for j in block.entries)]
        for place in totals:
            part = _chained(block, given, growth, place) if place else _plain(block, given)
            totals[place] = totals[place] + part
    return list(totals.values())


@lru_cache(maxsize=256)
def _rule_derivatives(rule: Rule, order: int) -> Compiled:
    """Return (outputs, x) -> majorants of derivatives of one order in the outputs, 0 to 2, all pairs (k <= l) for 2."""
    tape, root = rule_tape(rule)
    roots = [root]
    if order > 0:
        roots = [tape.derivative(root, k) for k in range(rule.outputs)]
    if order == 2:
        roots = [tape.derivative(roots[k], n) for k in range(rule.outputs) for n in range(k, rule.outputs)]
    return compile_tape(tape, roots, MAJORANTS)


def _plain(block: Block, given: Sequence[Majorant]) -> Majorant:
    (value,) = _rule_derivatives(block.rule, 0)(*given)
    majorant: Majorant = value
    return majorant


def _chained(block: Block, given: Sequence[Majorant], growth: _Growth, place: tuple[int, ...]) -> Majorant:
    """Return a majorant of one derivative of one block; sizes of factors, so that its range is not known."""
    first = _rule_derivatives(block.rule, 1)(*given)
    total = Majorant.constant(0.0)
    slopes = growth.first if len(place) == 1 else growth.second[place[0]]
    for j, part in zip(block.outputs, first, strict=True):
        total = total + part.scaled(float(slopes[place[-1], j]))
    if len(place) == 1:
        return total
    k, m = place
    pairs = combinations_with_replacement(block.outputs, 2)
    for (j, n), part in zip(pairs, _rule_derivatives(block.rule, 2)(*given), strict=True):
        # one entry of the symmetric matrix stands for two where j and n differ
        one, other = growth.first[k, j] * growth.first[m, n], growth.first[k, n] * growth.first[m, j]
        total = total + part.scaled(upward(float(one if j == n else one + other), 2))
    return total


def _outputs(network: Network, latents: Sequence[tuple[float, float]], order: int) -> _Growth:
    d = len(latents)
    offset, slope = (np.array(part) for part in zip(*latents, strict=True))
    growth = _Growth(offset, slope, np.eye(d), np.zeros((d, d, d)))
    values = [growth]
    for layer, taken in network.steps():
        values.append(_of_layer(layer, [values[i] for i in taken], order))
    return values[-1]


def _of_layer(layer: Layer, given: Sequence[_Growth], order: int) -> _Growth:
    match layer:
        case Affine():
            return _affine(layer, given[0])
        case Activation():
            return _applied(layer.function, given[0], order)
        case Scaling():
            return _scaled(layer, given[0])
        case Normalisation():
            return _normalised(layer, given[0])
        case Plus():
            return _sum(*given)


def _sum(a: _Growth, b: _Growth) -> _Growth:
    pairs = ((a.offset, b.offset), (a.slope, b.slope), (a.first, b.first), (a.second, b.second))
    return _Growth(*(upward(one + other, 1) for one, other in pairs))


def _scaled(layer: Scaling, h: _Growth) -> _Growth:
    # |(h - mean) s + bias| <= (|h| + |mean|) |s| + |bias|, with s = weight / sqrt(variance + eps) of three roundings
    s = upward(np.abs(layer.weight) / np.sqrt(layer.variance + layer.eps), 3, 1)
    mean, bias, scale = (part[list(layer.channel)] for part in (np.abs(layer.mean), np.abs(layer.bias), s))
    offset = upward((h.offset + mean) * scale + bias, 3)
    return _Growth(offset, *(upward(part * scale, 1) for part in (h.slope, h.first, h.second)))


def _normalised(layer: Normalisation, h: _Growth) -> _Growth:
    """Return bounds of a layer norm: of c = n h - sum of h, r = 1/sqrt(sum of c^2 + spread) and y = sqrt(n) w c r + b.

    |c_j| r <= 1 by its definition. With norms over a group, |sum of c c_k| <= |c_k| / r, so that
    |d_k r| <= r^2 |c_k| and |d_k d_l r| <= 4 r^3 |c_k| |c_l| + r^2 |c_kl|; hence

        |d_k y_j| <= sqrt(n) |w_j| r (|c_kj| + |c_k|),
        |d_k d_l y_j| <= sqrt(n) |w_j| (r |c_klj| + r^2 (|c_kj| |c_l| + |c_lj| |c_k| + 4 |c_k| |c_l|) + r |c_kl|),

    at every z, with r <= 1/sqrt(spread).
    """
    n, c = layer.size, _affine(layer.centring, h)
    weight = upward(np.sqrt(n) * np.abs(layer.weight), 2)
    r = float(upward(1 / np.sqrt(float(layer.spread)), 4))
    first, second = (np.empty_like(part) for part in (c.first, c.second))
    for group in map(list, layer.groups):
        # norms (d,) and (d, d) of n squares, each with room for its underflow; as factors beside (d, units)
        one = _norm(c.first[:, group])[:, None]
        two = _norm(c.second[:, :, group])[:, :, None]
        slopes = c.first[:, group]
        first[:, group] = r * (slopes + one)
        crossed = slopes[:, None] * one[None] + slopes[None] * one[:, None] + 4 * one[:, None] * one[None]
        second[:, :, group] = r * (c.second[:, :, group] + two) + r * r * crossed
    offset = upward(weight + np.abs(layer.bias), 1)
    return _Growth(offset, 0 * h.slope, upward(weight * first, 4, 2), upward(weight * second, 9, 8))


def _norm(parts: FloatArray) -> FloatArray:
    """Return upper bounds of the norms along the last axis."""
    n = parts.shape[-1]
    return np.asarray(upward(np.sqrt((parts**2).sum(-1) + n * 2.0**-1074), n + 3))


def _affine(layer: Affine, h: _Growth) -> _Growth:
    # |W h + b| <= |W| |h| + |b|, and |W| |dh|: (units, inputs) by (inputs,), (d, inputs) and (d, d, inputs). The
    # weights are raised by what a sum of n products rounds, in whatever order the BLAS takes
    weight = upward(np.abs(layer.weight.entries), layer.weight.shape[1] + 1)
    offset = upward(weight @ h.offset + np.abs(layer.bias), 1)
    return _Growth(offset, weight @ h.slope, h.first @ weight.T, h.second @ weight.T)


def _applied(name: str, h: _Growth, order: int) -> _Growth:
    g = known(name)
    if g.slope is None or (order > 1 and g.curve is None):
        raise NoMajorantError(f"derivatives of order {order} of the activation {name}")
    if g.size is not None:
        offset, slope = np.full_like(h.offset, g.size), 0 * h.slope
    else:
        constant, rate = growth_of(name)
        offset, slope = rate * h.offset + constant, upward(rate * h.slope, 1)
    # (g o h)' = g' h' and (g o h)'' = g' h'' + g'' h' h', bounded factor by factor; squares of shape (d, d, units)
    squares = h.first[:, None, :] * h.first[None, :, :]
    second = g.slope * h.second + (g.curve or 0.0) * squares
    return _Growth(upward(offset, 2), slope, upward(g.slope * h.first, 1), upward(second, 3))


def _weights(likelihood: Gaussian, count: int) -> FloatArray:
    given = [float(v) for v in likelihood.variance or ()]
    return upward(1 / np.array(given * (count if len(given) == 1 else 1)), 2)


def _value(likelihood: Gaussian, x: FloatArray, f: _Growth) -> Majorant:
    # the normaliser is the float above the nearest one
    total = Majorant.constant(upward(abs(above_constant(likelihood.log_normaliser(len(x)))), 4, 1))
    for a, b, w in zip(
        (x + f.offset).tolist(), f.slope.tolist(), _weights(likelihood, len(x)).tolist(), strict=True
    ):
        residual = Majorant.affine(upward(a, 1), b)
        total = total + (residual * residual).scaled(w / 2)
    return Majorant(total.terms)


def _first(w: FloatArray, x: FloatArray, f: _Growth) -> list[tuple[float, float]]:
    """Sum w_j |x_j - f_j| |f_jk|."""
    return [(float((w * (x + f.offset) * row).sum()), float((w * f.slope * row).sum())) for row in f.first]


def _second(w: FloatArray, x: FloatArray, f: _Growth) -> list[tuple[float, float]]:
    """Sum w_j (|f_jk| |f_jl| + |x_j - f_j| |f_jkl|)."""
    size = x + f.offset
    return [
        (
            float((w * (f.first[k] * f.first[l] + size * f.second[k, l])).sum()),
            float((w * f.slope * f.second[k, l]).sum()),
        )
        for k, l in combinations_with_replacement(range(len(f.first)), 2)  # noqa: E741
    ]
