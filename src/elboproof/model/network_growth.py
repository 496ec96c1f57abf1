r"""Majorants of a network's log likelihood and of its derivatives, layer by layer.

A layer's units obey |h| <= A + B r with vectors A, B, and their first and second derivatives in z are bounded by
constants, because the activations' own are (`numbers.functions`). Activations that are not bounded obey |g(t)| <= |t|,
softplus log 2 + |t|.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.blocks import Block, Rule, rule_tape
from elboproof.model.likelihood import Gaussian, Likelihood, above_constant
from elboproof.model.networks import Affine, Network
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.functions import WRITABLE
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorant_ranges import AT_MOST_LINEAR, NoMajorantError
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
