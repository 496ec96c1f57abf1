"""Each rule by which bounds of units pass through a layer, against its formula in 60 digits: never below."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

import elboproof as ep
from elboproof.model import network_growth
from elboproof.model.activations import growth_of, known
from elboproof.model.network_growth import _Growth, network_majorants
from elboproof.model.networks import Affine, Normalisation, Plus, Scaling
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.majorants import Majorant
from tests.numbers.test_majorants import bound

D, UNITS = 2, 6
CLOSE = 1 + 1e-13
SEEDS = range(12)
"""Each draw has some hundred bounds: one that is rounded to nearest lies below its formula in about half of them."""


def exact(array: Any) -> Any:
    """The same numbers as floats of 60 digits."""
    return np.vectorize(mpmath.mpf, otypes=[object])(array)


def root(array: Any) -> Any:
    return np.vectorize(mpmath.sqrt, otypes=[object])(array)


def signed(rng: np.random.Generator, *shape: int) -> Any:
    """Numbers of both signs and of sizes that differ by far, so that a small one is lost in a sum."""
    return rng.normal(size=shape) * 10.0 ** rng.uniform(-9, 1, size=shape)


def growth(rng: np.random.Generator, units: int = UNITS) -> _Growth:
    shapes = ((units,), (units,), (D, units), (D, D, units))
    offset, slope, first, second = (np.abs(signed(rng, *shape)) for shape in shapes)
    return _Growth(offset, slope, first, np.maximum(second, second.swapaxes(0, 1)))


def of(g: _Growth) -> list[Any]:
    return [exact(part) for part in (g.offset, g.slope, g.first, g.second)]


def compare(found: _Growth | Sequence[Any], formulas: Sequence[Any], close: float = CLOSE) -> None:
    parts = (
        [found.offset, found.slope, found.first, found.second] if isinstance(found, _Growth) else list(found)
    )
    for part, formula in zip(parts, formulas, strict=True):
        assert part.shape == formula.shape
        assert (exact(part) >= formula).all()
        assert (exact(part) <= formula * close).all()


@pytest.fixture(autouse=True)
def sixty_digits() -> Any:
    with mpmath.workdps(60):
        yield


@pytest.mark.parametrize("seed", SEEDS)
def test_affine_layers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    h, weight, bias = growth(rng), signed(rng, 5, UNITS), signed(rng, 5)
    offset, slope, first, second = of(h)
    size = np.abs(exact(weight))
    formulas = (size @ offset + np.abs(exact(bias)), size @ slope, first @ size.T, second @ size.T)
    compare(network_growth._affine(Affine(ExactMatrix(weight), bias, "layer"), h), formulas)


@pytest.mark.parametrize("seed", SEEDS)
def test_sums_of_layers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = growth(rng), growth(rng)
    compare(
        network_growth._of_layer(Plus(), [one, other], 2),
        [a + b for a, b in zip(of(one), of(other), strict=True)],
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_batch_norms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    h, channel, eps = growth(rng), (0, 0, 1, 1, 2, 2), 1e-5
    mean, weight, bias = signed(rng, 3), signed(rng, 3), signed(rng, 3)
    variance = np.abs(signed(rng, 3))
    scale = (np.abs(exact(weight)) / root(exact(variance) + mpmath.mpf(eps)))[list(channel)]
    offset, slope, first, second = of(h)
    mean_size, bias_size = (np.abs(exact(part))[list(channel)] for part in (mean, bias))
    formulas = ((offset + mean_size) * scale + bias_size, slope * scale, first * scale, second * scale)
    compare(network_growth._scaled(Scaling(mean, variance, weight, bias, channel, eps), h), formulas)


@pytest.mark.parametrize("seed", SEEDS)
def test_layer_norms(seed: int) -> None:
    """The rule's own formula, from the bounds of the centring, which `test_affine_layers` shows."""
    rng = np.random.default_rng(seed)
    h, weight, bias = growth(rng), signed(rng, UNITS), signed(rng, UNITS)
    layer = Normalisation.of(((0, 2, 4), (1, 3, 5)), weight, bias, 1e-3)
    c, n = network_growth._affine(layer.centring, h), 3
    r = 1 / mpmath.sqrt(mpmath.mpf(1e-3) * n**3)
    _, _, first, second = of(c)
    slopes, curves = first.copy(), second.copy()
    for group in map(list, layer.groups):
        one = root((first[:, group] ** 2).sum(-1))
        two = root((second[:, :, group] ** 2).sum(-1))
        for j in group:
            for k in range(D):
                slopes[k, j] = r * (first[k, j] + one[k])
                for m in range(D):
                    crossed = first[k, j] * one[m] + first[m, j] * one[k] + 4 * one[k] * one[m]
                    curves[k, m, j] = r * (second[k, m, j] + two[k, m]) + r**2 * crossed
    scale = mpmath.sqrt(n) * np.abs(exact(weight))
    compare(
        network_growth._normalised(layer, h),
        (scale + np.abs(exact(bias)), 0 * scale, scale * slopes, scale * curves),
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["tanh", "softplus", "sin", "silu"])
def test_activations(name: str, seed: int) -> None:
    h, given = growth(np.random.default_rng(seed)), known(name)
    assert given.slope is not None
    assert given.curve is not None
    offset, slope, first, second = of(h)
    if given.size is None:
        constant, rate = map(mpmath.mpf, growth_of(name))
        sizes = [rate * offset + constant, rate * slope]
    else:
        sizes = [0 * offset + mpmath.mpf(given.size), 0 * slope]
    g1, g2 = mpmath.mpf(given.slope), mpmath.mpf(given.curve)
    squares = first[:, None, :] * first[None, :, :]
    compare(network_growth._applied(name, h, 2), (*sizes, g1 * first, g1 * second + g2 * squares))


@pytest.mark.parametrize("seed", SEEDS)
def test_gaussian_log_likelihoods(seed: int) -> None:
    """Values: sum w (x + |f|)^2 / 2 and the normaliser. Derivatives: the sums of `_first` and `_second`."""
    rng = np.random.default_rng(seed)
    f, x = growth(rng), np.abs(signed(rng, UNITS))
    variances = [float(v) for v in np.abs(signed(rng, UNITS)) + 1e-3]
    likelihood = ep.Gaussian(variance=variances)
    w = 1 / exact(variances)
    compare([network_growth._weights(likelihood, UNITS)], [w])
    offset, slope, first, second = of(f)
    size = exact(x) + offset
    normaliser = sum(mpmath.log(2 * mpmath.pi * mpmath.mpf(v)) for v in variances) / 2
    value = network_growth._value(likelihood, x, f)
    for r in (0.0, 1.0, 1e3):
        formula = abs(normaliser) + (w * (size + slope * r) ** 2 / 2).sum()
        found = mpmath.mpf(float(bound(value, np.array([r]))[0]))
        assert formula <= found * (1 + mpmath.mpf(2) ** -50)  # of the test's own sum
        assert found <= formula * CLOSE
    pairs = [(k, m) for k in range(D) for m in range(k, D)]
    # sums of D terms, whose roundings `network_majorants` adds
    firsts = np.array(network_growth._first(network_growth._weights(likelihood, UNITS), x, f))
    seconds = np.array(network_growth._second(network_growth._weights(likelihood, UNITS), x, f))
    above = 1 + (UNITS + 8) * 2.0**-52
    compare([(firsts * above)[:, 0]], [(w * size * first).sum(-1)])
    compare([(firsts * above)[:, 1]], [(w * slope * first).sum(-1)])
    curves = [(w * (first[k] * first[m] + size * second[k, m])).sum() for k, m in pairs]
    compare([(seconds * above)[:, 0]], [np.array(curves)])
    compare([(seconds * above)[:, 1]], [np.array([(w * slope * second[k, m]).sum() for k, m in pairs])])


def test_gaussians_take_the_larger_end_of_each_datum() -> None:
    rng = np.random.default_rng(5)
    module = torch.nn.Linear(D, 3).double()
    module.weight.data, module.bias.data = (torch.tensor(signed(rng, *shape)) for shape in ((3, D), (3,)))
    model: Any = ep.LatentModel.from_torch(module, ep.Gaussian(variance=0.3))
    x = [(-3.0, 1.0), (0.5, 2.0), (-0.1, 0.3)]
    latents = [(0.3, 0.7), (1.1, 0.2)]
    offset, slope, first, second = of(network_growth._outputs(model.network, latents, 2))
    w, size = 1 / mpmath.mpf(0.3), exact([3.0, 2.0, 0.3]) + offset
    found = [network_majorants(model.network, model.likelihood, x, latents, order) for order in (1, 2)]
    pairs = [(k, m) for k in range(D) for m in range(k, D)]
    constants = (
        [(w * size * first[k]).sum() for k in range(D)],
        [(w * (first[k] * first[m] + size * second[k, m])).sum() for k, m in pairs],
    )
    slopes = (
        [(w * slope * first[k]).sum() for k in range(D)],
        [(w * slope * second[k, m]).sum() for k, m in pairs],
    )
    for majorants, constant, rise in zip(found, constants, slopes, strict=True):
        for power, formulas in ((0, constant), (1, rise)):
            terms = [np.array([m.terms.get((power, 0.0), 0.0) for m in majorants])]
            compare(terms, [np.array(formulas)])
    (value,) = network_majorants(model.network, model.likelihood, x, latents, 0)
    truth = abs(3 * mpmath.log(2 * mpmath.pi * mpmath.mpf(0.3)) / 2) + (w * size**2 / 2).sum()
    assert truth <= value.terms[0, 0.0] <= truth * CLOSE


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("likelihood", "outputs"), [(ep.Bernoulli(), 1), (ep.Categorical(), 3)])
def test_derivatives_of_other_likelihoods_follow_the_chain_rule(
    likelihood: Any, outputs: int, seed: int
) -> None:
    """Each bound of a rule's derivative times those of the outputs', term by term; off the diagonal twice."""
    rng = np.random.default_rng(seed)
    growing, data = growth(rng, 3), [Majorant.constant(0.0, 1.0)] * 3
    assert all(len(block.outputs) == outputs for block in likelihood.blocks(3))
    block = likelihood.blocks(3)[-1]
    given = [*(Majorant.affine(1.0, 2.0) for _ in block.outputs), *(data[j] for j in block.entries)]
    one, two = (network_growth._rule_derivatives(block.rule, order)(*given) for order in (1, 2))
    _, _, first, second = of(growing)
    places: list[tuple[int, ...]] = [(0,), (1,), (0, 0), (0, 1), (1, 1)]
    for place in places:
        factors = first if len(place) == 1 else second[place[0]]
        parts = [(part, factors[place[-1], j]) for j, part in zip(block.outputs, one, strict=True)]
        if len(place) == 2:
            k, m = place
            both = combinations_with_replacement(block.outputs, 2)
            for (j, n), part in zip(both, two, strict=True):
                crossed = first[k, j] * first[m, n] + (0 if j == n else first[k, n] * first[m, j])
                parts.append((part, crossed))
        found = network_growth._chained(block, given, growing, place).terms
        for key in {key for part, _ in parts for key in part.terms}:
            formula = sum(
                (mpmath.mpf(part.terms.get(key, 0.0)) * factor for part, factor in parts), mpmath.mpf(0)
            )
            assert formula <= found[key] <= formula * CLOSE


def test_blocks_add_up() -> None:
    """Three outputs alike: three times the majorant of one."""
    h = growth(np.random.default_rng(1), 1)
    three = _Growth(*(np.repeat(part, 3, axis=-1) for part in (h.offset, h.slope, h.first, h.second)))
    for order, count in ((0, 1), (1, D), (2, 3)):
        one, all_ = (
            network_growth._by_rules(ep.Bernoulli().blocks(n), [(0.0, 1.0)] * n, g, order)
            for n, g in ((1, h), (3, three))
        )
        assert len(one) == len(all_) == count
        for single, total in zip(one, all_, strict=True):
            for key, value in single.terms.items():
                assert 3 * mpmath.mpf(value) <= total.terms[key] <= 3 * mpmath.mpf(value) * CLOSE


@pytest.mark.parametrize(("order", "sums"), [(1, "_first"), (2, "_second")])
def test_sums_over_outputs_are_rounded_up_with_their_terms(
    order: int, sums: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five roundings in each of D terms, and D of their sum: both coefficients move by more than that."""
    monkeypatch.setattr(network_growth, sums, lambda *_: [(1.0, 1.0)])
    outputs = 30
    linear = torch.nn.Linear(1, outputs, dtype=torch.float64)
    model: Any = ep.LatentModel.from_torch(linear, ep.Gaussian(1))
    (found,) = network_majorants(model.network, model.likelihood, [(0.0, 1.0)] * outputs, [(0.0, 1.0)], order)
    assert sorted(found.terms) == [(0, 0), (1, 0)]
    assert all(c >= 1 + (outputs + 5) * 2.0**-53 for c in found.terms.values())
