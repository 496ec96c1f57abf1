"""Majorants: they bound what they claim to bound, their tails too, and they refuse the rest."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
import torch

import elboproof as ep
from elboproof.model.latent_model import NetworkModel
from elboproof.model.network_growth import _affine, _applied, _Growth, network_majorants
from elboproof.model.networks import Affine
from elboproof.numbers import majorant_ranges
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.functions import WRITABLE, Gelu, Silu, Softplus
from elboproof.numbers.growth import MAJORANTS, tail
from elboproof.numbers.majorant_ranges import NoMajorantError, Terms
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.parser import parse
from elboproof.numbers.tape import Tape

MEAN, SLOPE = -0.7, 0.9
"""z = MEAN + SLOPE eps."""
EPS = np.concatenate([np.linspace(-30, 30, 4001), [0.0, 1e-8, -1e-8]])
ROUNDING = 1e-9

BOUNDED_BY = [
    "3*z**3 - z/7 + 1", "tanh(z)*z", "sin(z)**2 + cos(2*z)", "exp(z)", "exp(-3*z)*z**2", "sinh(z) - cosh(2*z)",
    "expm1(z/2)", "softplus(z) - softplus(-z)", "gelu(z)*silu(z)", "sigmoid(z)", "erf(z) + atan(z)", "asinh(z)",
    "abs(z - 1)", "relu(z)*z", "max(z, z**2)", "min(z, sin(z))", "sqrt(1 + z**2)", "sqrt(z**2 + z**4)",
    "log(1 + z**2)", "log1p(exp(z))", "1/(1 + z**2)", "z/(2 + sin(z))", "exp(tanh(z)*3)", "exp(sqrt(1 + z**2))",
    "(1 + z**2)**(1/3)", "log(2 + z**4*exp(z))", "pi*z - 1/3", "exp(exp(sin(z)))", "1/(-1 - z**4)",
    "log(softplus(z))", "exp(z - z**2)", "log(sigmoid(2*z))", "1/softplus(-z)", "log((1 + z**2)*exp(z)*sigmoid(z))",
    "exp(3 - z - z**4)", "exp(-softplus(z)*2 - z**2/3)", "log(exp(z) + exp(-z))", "1/(exp(z) + exp(2*z))",
    "exp(-max(z, z**2))", "log(exp(z - z**2/2))", "softplus(z - z**4)", "max(log(softplus(z)), -z)",
]  # fmt: skip


def evaluated(text: str, order: int = 0) -> tuple[Majorant, np.ndarray]:
    """Return the majorant of an expression (or of its derivative in z) and its values at EPS."""
    z = sympy.Symbol("z", real=True)
    tape = Tape([z])
    root = tape.lower(parse(text, {"z": z}, "g"))
    for _ in range(order):
        root = tape.derivative(root, 0)
    (majorant,) = compile_tape(tape, [root], MAJORANTS)(Majorant.affine(abs(MEAN), SLOPE))
    with np.errstate(all="ignore"):
        (values,) = compile_tape(tape, [root], FLOATING)(MEAN + SLOPE * EPS)
    return majorant, np.broadcast_to(values, EPS.shape)


def bound(majorant: Majorant, r: np.ndarray) -> np.ndarray:
    return summed(majorant.terms, r)


def summed(terms: Terms, r: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return sum((c * r**n * np.exp(a * r) for (n, a), c in terms.items()), np.zeros_like(r))


SMOOTH = [
    t
    for t in BOUNDED_BY
    if not any(word in t for word in ("abs", "relu", "max", "min", "sqrt(z", "log(exp(z - z"))
]
"""With two derivatives whose majorants exist: no kinks, and nothing like 1/|z| from the root of a square."""
CASES = [(text, 0) for text in BOUNDED_BY] + [(text, order) for text in SMOOTH for order in (1, 2)]


@pytest.mark.parametrize(("text", "order"), CASES)
def test_majorant_bounds_the_values(text: str, order: int) -> None:
    majorant, values = evaluated(text, order)
    finite = np.isfinite(values)
    assert finite.sum() > 2000
    assert (np.abs(values) <= bound(majorant, np.abs(EPS)) * (1 + ROUNDING) + ROUNDING)[finite].all()
    assert (values >= majorant.low - ROUNDING * (1 + abs(values)))[finite].all()
    assert (values <= majorant.high + ROUNDING * (1 + abs(values)))[finite].all()


@pytest.mark.parametrize(("text", "order"), CASES)
def test_one_sided_bounds_hold(text: str, order: int) -> None:
    majorant, values = evaluated(text, order)
    finite, r = np.isfinite(values), np.abs(EPS)
    room = ROUNDING * (1 + abs(values))
    assert (values <= summed(majorant.rising, r) + room)[finite].all()
    assert (-values <= summed(majorant.falling, r) + room)[finite].all()
    if majorant.decaying is not None:
        usual = finite & (values > 1e-300)
        assert (
            -np.log(values[usual]) <= summed(majorant.decaying, r)[usual] * (1 + ROUNDING) + ROUNDING
        ).all()
        assert (values[finite] >= 0).all()


def test_one_sided_bounds_are_not_vacuous() -> None:
    assert max(a for _, a in evaluated("exp(z - z**2)")[0].terms) == pytest.approx(SLOPE)
    assert evaluated("z - z**2")[0].quadratic() is not None
    assert evaluated("z - z**2")[0].rising.keys() == {(0.0, 0.0), (1.0, 0.0)}
    assert evaluated("log(softplus(z))")[0].falling.keys() == {(0.0, 0.0), (1.0, 0.0)}
    assert evaluated("z**2")[0].quadratic() is None
    assert evaluated("tanh(z)*z**2/4 - z**4")[0].quadratic() is not None


def test_majorants_are_not_vacuous() -> None:
    """Of tanh the bound is 1, of a polynomial it has its degree, of an exponential its rate."""
    assert max(evaluated("tanh(z)")[0].terms.values()) < 1.001
    assert max(n for n, _ in evaluated("3*z**3 - z/7 + 1")[0].terms) == 3
    assert max(a for _, a in evaluated("exp(z)")[0].terms) == pytest.approx(SLOPE)
    assert evaluated("1/(2 + sin(z))")[0].high == pytest.approx(1)
    assert evaluated("z**2 + 1")[0].low == pytest.approx(1)


REFUSED = {
    "exp(z**2)": "faster than linearly",
    "sinh(z*tanh(z)*z)": "faster than linearly",
    "1/z": "division",
    "log(z**2 + sin(z))": "logarithm",
    "tan(z)": "tangent",
    "sqrt(z**4 - z + 3)": "square root",
    "exp(exp(z))": "faster than linearly",
}


@pytest.mark.parametrize("text", REFUSED)
def test_unknown_growth_is_refused(text: str) -> None:
    with pytest.raises(NoMajorantError, match=REFUSED[text]):
        evaluated(text)


def test_overflow_bounds_nothing() -> None:
    big = Majorant.constant(1e200)
    assert (big * big * big).high == math.inf
    assert tail(big * big, 0, 1, 5.0) == math.inf


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize(("n", "a", "degree"), [(0.0, 0.0, 0), (2.0, 0.0, 2), (3.0, 1.5, 0), (0.5, 0.25, 1)])
def test_tail_is_above_the_integral_and_not_far(d: int, n: float, a: float, degree: int) -> None:
    radius = 6.0
    surface = 2 * mpmath.pi ** (d / 2) / mpmath.gamma(d / 2) * (2 * mpmath.pi) ** (-d / 2)
    truth = (
        3
        * surface
        * mpmath.quad(
            lambda r: r ** (n + degree + d - 1) * mpmath.exp(a * r - r * r / 2), [radius, 8, 12, 20]
        )
    )
    proved = tail(Majorant({(n, a): 3.0}), degree, d, radius)
    assert truth <= proved <= 1.2 * truth
    assert tail(Majorant({(n, a): 3.0}), degree, d, 0.5 + a) == math.inf or n + degree + d == 1


def test_range_rules_at_the_ends() -> None:
    half_line = Majorant({(1.0, 0.0): 1.0}, 0.0, math.inf)
    assert (half_line * half_line).low <= 0.0
    assert (half_line - half_line).low == -math.inf
    assert (half_line + half_line).low == 0.0
    assert Majorant.between(-2.0, -1.0).square().low == pytest.approx(1)
    assert Majorant.between(-2.0, -1.0).inverse().low == pytest.approx(-1)


SHAPES: dict[str, Callable[..., sympy.Expr]] = {
    "tanh": sympy.tanh,
    "sigmoid": lambda t: 1 / (1 + sympy.exp(-t)),
    "sin": sympy.sin,
    "softplus": Softplus,
    "gelu": Gelu,
    "silu": Silu,
}


@pytest.mark.parametrize("name", SHAPES)
def test_constants_of_activations_are_bounds_and_sharp(name: str) -> None:
    t = sympy.Symbol("t", real=True)
    points = np.linspace(-12, 12, 24001)
    tape = Tape([t])
    root = tape.lower(SHAPES[name](t))
    known = WRITABLE[name]
    for constant in (known.size, known.slope, known.curve):
        (values,) = compile_tape(tape, [root], FLOATING)(points)
        greatest = np.abs(values).max()
        assert greatest > 10 if constant is None else 0.99 * constant - 0.02 < greatest <= constant + 1e-12
        root = tape.derivative(root, 0)
    assert (known.size is not None) == (name in {"tanh", "sigmoid", "sin"})


@pytest.mark.parametrize("name", sorted(name for name, known in WRITABLE.items() if known.size is not None))
def test_sizes_of_functions_are_bounds_and_sharp(name: str) -> None:
    t = sympy.Symbol("t", real=True)
    tape = Tape([t])
    function = compile_tape(tape, [tape.lower(WRITABLE[name].symbolic(t))], FLOATING)
    (values,) = function(np.linspace(-1e3, 1e3, 200_001))
    size = WRITABLE[name].size or 0.0
    assert 0.99 * size < np.abs(values).max() <= size


LIKELIHOODS: list[tuple[Any, list[float]]] = [
    (ep.Bernoulli(), [1.0, 0.0, 1.0]),
    (ep.Gaussian(["1/10", "1/5", "1"]), [1.0, 0.0, 1.0]),
    (ep.Binomial([3, 5, 1]), [2.0, 0.0, 1.0]),
    (ep.Categorical(), [0.0, 1.0, 0.0]),
    (ep.Poisson(), [2.0, 0.0, 7.0]),
    (ep.NegativeBinomial(["1/2", 3, 8]), [2.0, 0.0, 7.0]),
    (ep.Exponential(), [0.5, 0.0, 3.0]),
    (ep.Gamma("5/2"), [0.5, 0.25, 3.0]),
    (ep.StudentT(3, "1/4"), [0.5, -0.25, 3.0]),
    (ep.VonMises(["1/2", 3, 8]), [0.5, -0.25, 3.0]),
    (ep.ContinuousBernoulli(), [0.5, 0.0, 1.0]),
]


@pytest.mark.parametrize(("likelihood", "x"), LIKELIHOODS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("activation", [torch.nn.Tanh(), torch.nn.Softplus(), torch.nn.GELU()])
def test_network_majorants_bound_the_values(
    likelihood: Any, x: list[float], activation: torch.nn.Module
) -> None:
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Linear(2, 5), activation, torch.nn.Linear(5, 3)).double()
    model = ep.LatentModel.from_torch(module, likelihood)
    assert isinstance(model, NetworkModel)
    rng = np.random.default_rng(0)
    eps = rng.normal(size=(2, 400)) * rng.choice([0.1, 1.0, 10.0], 400)
    factor = np.array([[0.5, 0.0], [0.25, 0.75]])
    z = np.array([[0.3], [-0.8]]) + factor @ eps
    sizes = [(0.3, 0.5), (0.8, float(np.hypot(0.25, 0.75)))]
    for order in (0, 1, 2):
        function = model.quantities.compiled("log_likelihood", order, FLOATING)
        values = function(*z, *(np.full(400, value) for value in x))
        ends = [(value, value) for value in x]
        majorants = network_majorants(model.network, model.likelihood, ends, sizes, order)
        assert len(values) == len(majorants) == order + 1
        for value, majorant in zip(values, majorants, strict=True):
            assert (np.abs(value) <= bound(majorant, np.linalg.norm(eps, axis=0)) * (1 + ROUNDING)).all()


@pytest.mark.parametrize("power", range(1, 60))
def test_logarithms_keep_powers_without_rounding(power: int) -> None:
    """A power of r that were rounded down would be no bound far out, whatever its coefficient."""
    grown = Majorant({(0.0, 0.0): 1.0, (float(power), 0.0): 1.0}, low=1.0).log()
    shares = {Fraction(n) / power for n, _ in grown.terms if n not in (0.0, 1.0)} or {Fraction(1, power)}
    for share in shares:
        assert share.numerator == 1
        assert share.denominator.bit_count() == 1
        assert share * power <= 1
        assert max(c for (n, _), c in grown.terms.items() if n) >= 1 / share


def test_ends_of_logarithms_are_bounds() -> None:
    for low, high in ((0.1, 0.3), (1.0, 1.0), (1e-300, 1e300), (0.9999999999999999, 1.0000000000000002)):
        value = Majorant.between(low, high).log()
        with mpmath.workdps(40):
            assert value.low <= mpmath.log(mpmath.mpf(low))
            assert mpmath.log(mpmath.mpf(high)) <= value.high
        assert value.high - value.low <= math.log(high) - math.log(low) + 1e-12


def test_exponentials_of_many_terms_count_every_rounding() -> None:
    """1 + eps over many small terms: summed in floats from the large one on, all of them are lost."""
    terms = {(0.0, 0.0): 1.0} | {(2.0**-k, 0.0): 2.0**-53 for k in range(1, 40)}
    ((_, slope), c) = next(iter(Majorant(terms).exp().terms.items()))
    assert Fraction(slope) >= 39 * Fraction(1, 2**53)
    with mpmath.workdps(40):
        assert mpmath.log(mpmath.mpf(c)) >= mpmath.mpf(1) + 39 * mpmath.mpf(2) ** -53


def test_ends_of_sums_and_products_are_rounded_outward() -> None:
    rng = np.random.default_rng(6)
    for _ in range(300):
        (a, b), (c, e) = (np.sort(rng.normal(size=2)).tolist() for _ in range(2))
        s, t = Majorant.between(a, b), Majorant.between(c, e)
        products = [Fraction(x) * Fraction(y) for x in (a, b) for y in (c, e)]
        for found, low, high in (
            (s + t, Fraction(a) + Fraction(c), Fraction(b) + Fraction(e)),
            (s - t, Fraction(a) - Fraction(e), Fraction(b) - Fraction(c)),
            (s * t, min(products), max(products)),
        ):
            assert float(low) - 1e-14 <= found.low <= low
            assert high <= found.high <= float(high) + 1e-14
            assert max(found.terms.values()) >= max(abs(low), abs(high))


def test_rates_and_coefficients_of_products_are_rounded_up() -> None:
    rng = np.random.default_rng(7)
    for _ in range(300):
        a, b, c, e = rng.uniform(0, 1, 4).tolist()
        (((n, rate), found),) = (Majorant({(1.0, a): c}) * Majorant({(2.0, b): e})).terms.items()
        assert n == 3
        assert Fraction(a) + Fraction(b) <= Fraction(rate)
        assert Fraction(c) * Fraction(e) <= Fraction(found)
        (total,) = (Majorant({(1.0, a): c}) + Majorant({(1.0, a): e})).terms.values()
        assert (
            Fraction(c) + Fraction(e)
            <= Fraction(total)
            <= (Fraction(c) + Fraction(e)) * (1 + Fraction(1, 10**12))
        )


def test_products_of_half_lines_keep_their_finite_end() -> None:
    two = Majorant.between(1.0, 2.0)
    below, above = Majorant({(1.0, 0.0): 1.0}, -math.inf, -1.0), Majorant({(1.0, 0.0): 1.0}, 1.0, math.inf)
    for found, low, high in (
        (below * two, -math.inf, -1.0),
        (two * below, -math.inf, -1.0),
        (above * two, 1.0, math.inf),
        (below * above, -math.inf, -1.0),
        (below * below, 1.0, math.inf),
    ):
        assert found.low == pytest.approx(low)
        assert found.high == pytest.approx(high)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 2.0), (-2.0, 0.0), (-math.inf, math.inf)])
def test_what_may_be_zero_has_no_inverse(low: float, high: float) -> None:
    with pytest.raises(NoMajorantError, match="not bounded away from 0"):
        Majorant.between(low, high).inverse()


RADII = np.linspace(0, 40, 2001)


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_exponentials_of_roots_are_bounded_at_every_distance(power: float) -> None:
    grown = Majorant({(power, 0.0): 3.0, (0.0, 0.0): 0.5}).exp()
    assert (np.exp(3 * RADII**power + 0.5) <= bound(grown, RADII) * (1 + ROUNDING)).all()


def test_softplus_is_bounded_at_zero_too() -> None:
    grown = Majorant.affine(0.0, 1.0).softplus()
    assert (np.log1p(np.exp(RADII)) <= bound(grown, RADII)).all()
    assert grown.low == 0.0


def test_growth_of_a_layer_is_bounded_exactly() -> None:
    """|W h + b|, its derivatives, and those of tanh after it, in exact numbers."""
    rng = np.random.default_rng(8)
    weight, bias = rng.normal(size=(3, 4)), rng.normal(size=3)
    given = _Growth(*(rng.uniform(0, 1, shape) for shape in ((4,), (4,), (2, 4), (2, 2, 4))))
    affine = _affine(Affine(ExactMatrix(weight), bias, "layer"), given)
    applied = _applied("tanh", affine, 2)
    known = WRITABLE["tanh"]
    assert known.slope is not None
    assert known.curve is not None
    slope, curve = Fraction(known.slope), Fraction(known.curve)

    def sized(row: np.ndarray, values: np.ndarray) -> Fraction:
        pairs = zip(row.tolist(), values.tolist(), strict=True)
        return sum((abs(Fraction(w)) * Fraction(v) for w, v in pairs), Fraction(0))

    def is_bound(found: float, exact: Fraction) -> None:
        assert exact <= Fraction(float(found)) <= exact * (1 + Fraction(1, 10**12))

    for j in range(3):
        is_bound(affine.offset[j], sized(weight[j], given.offset) + abs(Fraction(float(bias[j]))))
        is_bound(affine.slope[j], sized(weight[j], given.slope))
        for k, l in product(range(2), repeat=2):  # noqa: E741
            is_bound(affine.first[k, j], sized(weight[j], given.first[k]))
            is_bound(affine.second[k, l, j], sized(weight[j], given.second[k, l]))
            first = Fraction(float(affine.first[k, j])), Fraction(float(affine.first[l, j]))
            is_bound(applied.first[k, j], slope * first[0])
            exact = slope * Fraction(float(affine.second[k, l, j])) + curve * first[0] * first[1]
            is_bound(applied.second[k, l, j], exact)


def test_ranges_of_roots_and_of_logarithms_of_sums_are_those_of_their_ends() -> None:
    root = Majorant.between(1.0, 4.0).sqrt()
    assert 1.0 - 1e-15 <= root.low <= 1.0
    assert 2.0 <= root.high <= 2.0 + 1e-15
    both = Majorant.between(0.0, 1.0).logaddexp(Majorant.between(5.0, 6.0))
    assert both.low <= np.logaddexp(0.0, 5.0)
    assert np.logaddexp(1.0, 6.0) <= both.high <= 6.7 + 1e-12


def test_what_underflowed_is_rounded_up_too() -> None:
    assert majorant_ranges.up(1e-200 * 1e-200) > 0
