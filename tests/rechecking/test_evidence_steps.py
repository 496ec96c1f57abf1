"""The parts of the check of evidences, each against another route."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import scipy.stats
import sympy
from flint import acb, arb
from hypothesis import given
from hypothesis import strategies as st

import elboproof as ep
from elboproof.model.networks import Affine, Network, Plus
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.exact import ball_of
from elboproof.numbers.functions import Log1p, Sigmoid, Silu, Softplus
from elboproof.numbers.parser import parse
from elboproof.numbers.precision import working_precision
from elboproof.rechecking import elementary, evaluation, evidence, gauss, tiling
from elboproof.rechecking.densities import density, least_size
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.elementary import FUNCTIONS
from elboproof.rechecking.evidence_document import Box, Cell, evidence_claim
from elboproof.rechecking.evidence_integrand import Integrand
from elboproof.rechecking.integration import Unable
from tests.rechecking.test_evidence import certificate, network_of

BITS = 120
T = sympy.Symbol("t", real=True)
NAMES = {kind: kind.__name__ for kind in FUNCTIONS}


def claimed(name: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        return certificate(name, Path(folder))[0]


def rectangle(centre: complex, across: float, up: float) -> acb:
    return acb(arb(centre.real, across), arb(centre.imag, up))


def points_of(centre: complex, across: float, up: float) -> list[complex]:
    steps = np.linspace(-1, 1, 5)
    return [centre + a * across + 1j * b * up for a, b in product(steps, steps)]


# -- elementary functions --


@pytest.mark.parametrize("kind", FUNCTIONS, ids=NAMES.values())
@pytest.mark.parametrize("centre", [0.7, 1.9])
@pytest.mark.parametrize("reach", [2.0**-40, 0.2, 0.6])
def test_real_functions_hold_every_value(kind: Any, centre: float, reach: float) -> None:
    """Values at points by SymPy, which evaluates them on its own."""
    value = FUNCTIONS[kind][0](arb(centre, reach))
    for step in (-1.0, -0.3, 0.0, 0.8, 1.0):
        at = sympy.Float(centre, 40) + sympy.Float(reach, 40) * sympy.Rational(str(step))
        assert value.overlaps(arb(float(kind(at).evalf(30)), 1e-12)), (centre, reach, step)


@pytest.mark.parametrize("kind", FUNCTIONS, ids=NAMES.values())
def test_complex_functions_hold_every_value(kind: Any) -> None:
    for centre, across, up in [(0.9 + 0.4j, 0.1, 0.1), (0.8 + 0.1j, 0.5, 0.3), (1.1 - 0.5j, 1e-12, 1e-12)]:
        value = FUNCTIONS[kind][1](rectangle(centre, across, up))
        assert value.is_finite()
        for place in points_of(centre, across, up):
            exact = complex(place if kind is sympy.Abs else kind(T).rewrite(sympy.exp).subs(T, place).evalf())
            assert value.real.overlaps(arb(exact.real, 1e-9))
            assert value.imag.overlaps(arb(exact.imag, 1e-9))


NOT_ANALYTIC: list[tuple[Any, complex, float, float]] = [
    (sympy.log, 0.0, 0.1, 0.1),
    (sympy.log, -1.0, 0.1, 0.1),
    (sympy.tan, math.pi / 2, 0.1, 0.1),
    (sympy.tanh, 1j * math.pi / 2, 0.1, 0.1),
    (sympy.tanh, 0.3, 0.5, 2.0),
    (Sigmoid, 1j * math.pi, 0.1, 0.1),
    (Silu, 1j * math.pi, 0.1, 0.1),
    (Softplus, 1j * math.pi, 0.1, 0.1),
    (Softplus, 1.0 + 1j * math.pi, 0.1, 0.1),
    (Log1p, -1.5, 0.1, 0.1),
    (sympy.atan, 1j, 0.1, 0.1),
    (sympy.atan, 2j, 0.1, 0.1),
    (sympy.asinh, 2j, 0.1, 0.1),
    (sympy.Abs, 0.0, 0.1, 0.1),
]


@pytest.mark.parametrize(
    ("kind", "centre", "across", "up"), NOT_ANALYTIC, ids=[f"{k.__name__} {c}" for k, c, *_ in NOT_ANALYTIC]
)
def test_poles_cuts_and_kinks_are_noticed(kind: Any, centre: complex, across: float, up: float) -> None:
    assert not FUNCTIONS[kind][1](rectangle(complex(centre), across, up)).is_finite()


def test_a_maximum_is_one_of_both_or_nothing() -> None:
    s, t = rectangle(1.0, 0.1, 5.0), rectangle(0.5, 0.1, 0.1)
    assert elementary.complex_max(s, t) is s
    assert elementary.complex_max(t, s) is s
    assert not elementary.complex_max(s, rectangle(1.1, 0.1, 0.1)).is_finite()


@given(st.floats(-3, 3), st.floats(0, 3), st.integers(-5, 7))
def test_powers_hold_every_value(centre: float, reach: float, n: int) -> None:
    value = elementary.real_power(arb(centre, reach), n)
    for step in (-1.0, -0.4, 0.0, 1.0):
        at = centre + step * reach
        if value.is_finite() and abs(at) > 1e-3:
            assert value.overlaps(arb(at) ** n * arb(1, 1e-9))


def test_even_powers_are_not_negative() -> None:
    assert elementary.real_power(arb(0.5, 1), 4) >= -(arb(2) ** -20)
    assert elementary.real_power(arb(0.5, 1), 3) < 3.4


@given(st.floats(-4, 4), st.floats(-7, 7), st.floats(0, 1), st.floats(0, 1))
def test_least_sizes_are_below_every_size(a: float, b: float, across: float, up: float) -> None:
    bound = float(least_size(rectangle(complex(a, b), across, up)))
    sizes = [abs(1 + np.exp(place)) for place in points_of(complex(a, b), across, up)]
    assert bound <= min(sizes) * (1 + 1e-9) + 1e-12
    if max(across, up) < 1e-6 < min(sizes):
        assert bound > min(sizes) * 0.9 - 1e-4


# -- rules --


@pytest.mark.parametrize("n", [2, 3, 8, 31, 48])
def test_nodes_and_weights_are_those_of_flint(n: int) -> None:
    with working_precision(2 * BITS):
        pairs = gauss.rule(n, BITS)
        for k, (node, weight) in enumerate(pairs):
            x, w = arb.legendre_p_root(n, k, weight=True)
            assert node.overlaps(x)
            assert weight.overlaps(w)
            assert weight.rad() < 1e-30


@pytest.mark.parametrize("n", [2, 5, 12])
def test_rules_are_exact_below_2n_and_not_at_2n(n: int) -> None:
    with working_precision(BITS):
        for k in range(2 * n + 1):
            value = sum((w * x**k for x, w in gauss.rule(n, BITS)), arb(0))
            exact = arb(2) / (k + 1) if k % 2 == 0 else arb(0)
            assert value.overlaps(exact) == (k < 2 * n)


@pytest.mark.parametrize("rho", [1.3, 3.0, 7.0])
@pytest.mark.parametrize("n", [2, 4, 9])
def test_errors_are_within_their_bound_and_near_it(rho: float, n: int) -> None:
    """1/(a - x) has its pole at the end of a slightly larger ellipse, and the bound is nearly reached."""
    a = (1.05 * rho + 1 / (1.05 * rho)) / 2
    largest = 1 / (a - (rho + 1 / rho) / 2)
    with working_precision(BITS):
        value = sum((w / (arb(a) - x) for x, w in gauss.rule(n, BITS)), arb(0))
        off = abs(value - ((arb(a) + 1) / (arb(a) - 1)).log())
        bound = gauss.error(arb(largest), rho, n)
        assert off < bound
        assert off * 10_000 > bound


def test_as_many_points_as_are_needed() -> None:
    for log_largest, rho, wanted in [(0.0, 3.0, -20.0), (9.0, 1.3, -30.0), (-5.0, 7.0, -8.0)]:
        n = gauss.points(log_largest, rho, wanted)
        enough = [
            float(gauss.error(arb(log_largest).exp(), rho, k)) <= math.exp(wanted) * 1.0001
            for k in (n, n - 1)
        ]
        assert enough[0]
        assert n == gauss.FEWEST or not enough[1]
    assert gauss.points(1e9, 3.0, 0.0) > gauss.MOST


@pytest.mark.parametrize("name", ["sinh", "two latents"])
def test_errors_of_cells_are_within_their_bounds(name: str) -> None:
    """Rules of few nodes against those of many; the bounds are above the errors, by not more than by 10^6."""
    content = claimed(name)
    content["cells"] = [cell for cell in content["cells"] if cell["nodes"] is not None]
    claim = evidence_claim(content)
    with working_precision(BITS):
        whole = evidence._Sum(claim, Integrand(claim), BITS)
        for cell in claim.cells[:: max(1, len(claim.cells) // 4)]:
            known = [whole._ellipse(cell, k) for k in range(len(cell.box))]
            few = [4] * len(cell.box)
            off, bound = (
                abs(whole._rule(cell, few) - whole._rule(cell, [32] * len(few))),
                whole._error(cell, few, known),
            )
            assert off < bound
            assert off * 10**6 > bound


@pytest.mark.parametrize("name", ["sinh", "two latents"])
def test_sizes_at_real_points_are_those_of_the_values(name: str) -> None:
    """The bounds of the remainder hold every factor of the integrand, constants too."""
    claim = evidence_claim(claimed(name))
    with working_precision(BITS):
        integrand = Integrand(claim)
        points = [
            [ball_of(low + (high - low) * Fraction(k, 7)) for low, high in claim.box] for k in range(1, 7)
        ]
        sizes = integrand.sizes([[acb(t) for t in point] for point in points])
        for size, value in zip(sizes, integrand.values(points), strict=True):
            assert size >= abs(value)
            assert size <= abs(value) * (1 + 1e-9)


@pytest.mark.parametrize("rho", [1.3, 2.2, 7.0])
def test_rectangles_cover_the_ellipse(rho: float) -> None:
    angles = np.linspace(0, math.pi, 2001)
    for scale in (1.0, 0.999, 0.5, 0.0):
        for x, y in zip(
            (rho + 1 / rho) / 2 * np.cos(angles) * scale,
            (rho - 1 / rho) / 2 * np.sin(angles) * scale,
            strict=True,
        ):
            inside = [a <= x <= b and c <= y <= d for (a, b), (c, d) in gauss.covering(rho)]
            assert any(inside), (x, y)


# -- what cells cover --


def cells(*boxes: list[tuple[float, float]]) -> list[Cell]:
    return [Cell(tuple((Fraction(a), Fraction(b)) for a, b in box), None) for box in boxes]


SQUARE: Box = ((Fraction(0), Fraction(4)), (Fraction(0), Fraction(4)))
TILES = cells([(0, 2), (0, 4)], [(2, 4), (0, 1)], [(2, 4), (1, 2)], [(2, 3), (2, 4)], [(3, 4), (2, 4)])


def test_tiles_are_accepted_in_any_order() -> None:
    tiling.require_tiles(TILES, SQUARE)
    tiling.require_tiles(TILES[::-1], SQUARE)


@pytest.mark.parametrize("n", range(5))
def test_no_tile_may_be_missing_or_doubled(n: int) -> None:
    with pytest.raises(CertificateError, match="cells"):
        tiling.require_tiles(TILES[:n] + TILES[n + 1 :], SQUARE)
    with pytest.raises(CertificateError, match="cells"):
        tiling.require_tiles([*TILES, TILES[n]], SQUARE)


OTHERS = {
    "one that sticks out": [*cells([(0, 2), (0, 5)]), *TILES[1:]],
    "one that is too small": [*cells([(0, 2), (0, 3.5)]), *TILES[1:]],
    "thirds": cells([(0, 1.5), (0, 4)], [(1.5, 4), (0, 4)]),
    "an overlap of the same area": cells([(0, 2), (0, 4)], [(1, 3), (0, 4)]),
    "one too many": cells([(0, 2), (0, 4)], [(2, 4), (0, 4)], [(1, 3), (0, 4)]),
    "one outside": cells([(0, 4), (4, 8)]),
    "another box": cells([(0, 8), (0, 2)]),
    "none": [],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_cells_are_refused(name: str) -> None:
    with pytest.raises(CertificateError, match="cells"):
        tiling.require_tiles(OTHERS[name], SQUARE)


def turned(angle: float, factor: float = 1.0) -> list[list[Fraction]]:
    c, s = math.cos(angle) * factor, math.sin(angle) * factor
    return [[Fraction(c), Fraction(-s)], [Fraction(s), Fraction(c)]]


@pytest.mark.parametrize("reach", [0.5, 3.0, 7.0])
def test_the_probability_outside_is_bounded(reach: float) -> None:
    """In two dimensions that beyond the circle in the box; a frame costs next to nothing."""
    side = (Fraction(-reach), Fraction(reach) + 1)
    one = float(tiling.probability_outside([[Fraction(1)]], (side,)))
    assert 2 * scipy.stats.norm.sf(reach) * (1 - 1e-9) <= one <= 2 * scipy.stats.norm.sf(reach) * (1 + 1e-9)
    two = float(tiling.probability_outside(turned(0.7), (side, side)))
    assert math.exp(-(reach**2) / 2) * (1 - 1e-12) <= two <= math.exp(-(reach**2) / 2) * (1 + 1e-4)


def test_a_frame_that_shrinks_leaves_more_outside() -> None:
    side = (Fraction(-3), Fraction(3))
    plain = float(tiling.probability_outside(turned(0.0), (side, side)))
    shrunk = float(tiling.probability_outside(turned(0.3, 0.9), (side, side)))
    assert shrunk > math.exp(-((3 * 0.9) ** 2) / 2) > plain
    with pytest.raises(CertificateError, match="or a frame that is no rotation"):
        tiling.probability_outside(turned(0.3, 0.1), (side, side))


def test_determinants() -> None:
    assert tiling.determinant([[Fraction(3)]]) == 3
    assert tiling.determinant([[Fraction(1), Fraction(2)], [Fraction(3), Fraction(4)]]) == -2


# -- densities and decoders --

DENSITIES: dict[str, tuple[Any, list[Fraction]]] = {
    "Gaussian": (ep.Gaussian(variance=["1/3", 2]), [Fraction(1, 3), Fraction(2)]),
    "covariance": (ep.Gaussian(covariance=[[1, "1/2"], ["1/2", 2]]), [Fraction(1, 3), Fraction(2)]),
    "Bernoulli": (ep.Bernoulli(), [Fraction(1), Fraction(0)]),
    "binomial": (ep.Binomial([3, 7]), [Fraction(3), Fraction(2)]),
    "Poisson": (ep.Poisson(), [Fraction(4), Fraction(0)]),
    "negative binomial": (ep.NegativeBinomial(["3/2", 2]), [Fraction(4), Fraction(0)]),
    "categorical": (ep.Categorical(), [Fraction(0), Fraction(1)]),
}
OUTPUTS = [(0.3, -0.8), (-2.0, 1.5), (3.0, 2.5)]


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_are_those_of_the_model(name: str) -> None:
    likelihood, x = DENSITIES[name]
    model = ep.LatentModel(["f", "g"], ["f", "g"], likelihood)
    with working_precision(BITS):
        found = density(likelihood, x, 2)
        for f in OUTPUTS:
            exponent, factor = found.parts([arb(value) for value in f])
            log = found.constant + exponent + factor.log()
            assert log.overlaps(
                arb(float(model.floating.log_likelihood(list(f), [float(v) for v in x])), 1e-11)
            )
            assert log < found.log_supremum + arb(1e-20)


@pytest.mark.parametrize("name", DENSITIES)
def test_sizes_over_rectangles_are_above_the_continuation(name: str) -> None:
    """The continuation by SymPy, at points of rectangles; at real points it is the density itself."""
    likelihood, x = DENSITIES[name]
    symbols = sympy.symbols("f g")
    written = sympy.lambdify(
        symbols, likelihood.log_density(symbols, [sympy.Rational(v) for v in x]).rewrite(sympy.exp)
    )
    base = ep.LatentModel(["f", "g"], ["f", "g"], likelihood)
    with working_precision(BITS):
        found = density(likelihood, x, 2)
        for f, g in OUTPUTS:
            across, up = 0.2, 0.3
            exponent, factor = found.sizes(
                [rectangle(complex(f, 0.4), across, up), rectangle(complex(g), across, up)]
            )
            largest = float((found.constant + exponent).exp().upper() * factor.upper())
            zero = (
                float(base.floating.log_likelihood([f, g], [float(v) for v in x]))
                - written(f + 0j, g + 0j).real
            )
            sizes = [
                abs(np.exp(zero + written(a, b)))
                for a, b in zip(
                    points_of(complex(f, 0.4), across, up), points_of(complex(g), across, up), strict=True
                )
            ]
            assert largest >= max(sizes) * (1 - 1e-9)
            assert largest <= max(sizes) * 40, "the points do not meet the worst corners of both rectangles"


def test_no_size_is_known_over_a_pole() -> None:
    for name in ("Bernoulli", "binomial", "negative binomial", "categorical"):
        likelihood, x = DENSITIES[name]
        found = density(likelihood, x, 2)
        at = complex(math.log(1.5) if name == "negative binomial" else 0.0, math.pi)
        exponent, factor = found.sizes([rectangle(at, 0.1, 0.1), rectangle(0j, 0.1, 0.1)])
        assert not (exponent.is_finite() and factor.is_finite())


def test_other_families_have_no_method() -> None:
    with pytest.raises(Unable, match="a Laplace likelihood"):
        density(ep.Laplace(1), [Fraction(0)], 1)


EXPRESSIONS = [
    "z*w - w**3/2 + 1/3",
    "exp(z)*sin(w)",
    "sqrt(1 + z**2)/(2 + cos(w))",
    "max(z, w) + min(z, 2)",
    "2**z + pi",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_what_the_model_evaluates(text: str) -> None:
    model = ep.LatentModel(["z", "w"], [text], ep.Gaussian(variance=1))
    run = evaluation.Expressions(model.decoder, model.latents)
    for z in [(0.3, -0.8), (1.5, 2.0)]:
        exact = float(model.floating.decoder(list(z))[0])
        ((real,),) = run([[arb(value) for value in z]], real=True)
        ((wide,),) = run([[arb(value, 0.1) for value in z]], real=True)
        ((value,),) = run([[acb(value) for value in z]], real=False)
        assert real.overlaps(arb(exact, 1e-12))
        assert wide.contains(arb(exact))
        assert value.real.overlaps(arb(exact, 1e-12))


HIDDEN = ["sin(log(z))", "tanh(1/(z - 2))", "erf(sqrt(z))", "atan(tan(z))", "exp(-1/z**2)*0 + sin(asinh(z))"]


@pytest.mark.parametrize("text", HIDDEN)
def test_what_is_not_analytic_inside_a_bounded_function_is_not_hidden(text: str) -> None:
    z = sympy.Symbol("z", real=True)
    run = evaluation.Expressions([parse(text, {"z": z})], [z])
    for place in (0.0, 2.0, math.pi / 2, 1j):
        ((value,),) = run([[rectangle(complex(place), 0.5, 0.5)]], real=False)
        ((alone,),) = run([[rectangle(complex(place) + 0.7 - 0.3j, 1e-9, 1e-9)]], real=False)
        assert alone.is_finite()
        if not value.is_finite():
            break
    else:
        pytest.fail("every rectangle was taken to be free of poles and cuts")


def test_functions_without_a_method_are_named() -> None:
    z = sympy.Symbol("z", real=True)
    with pytest.raises(Unable, match="the function sign"):
        evaluation.Expressions([sympy.sign(z)], [z])


@pytest.mark.parametrize(
    "activation",
    ["tanh", "sigmoid", "softplus", "silu", "gelu", "sin", "relu", "elu(1.5)", "leaky_relu(0.1)"],
)
def test_networks_are_what_the_model_evaluates(activation: str) -> None:
    model = network_of([2, 5, 3], activation, ep.Gaussian(variance=1))
    run = evaluation.Layers(model.network)
    places = [(0.3, -0.8), (1.5, 2.0)]
    exact = model.floating.decoder(np.array(places))
    nowhere = run([[elementary.NOWHERE, acb(0)]], real=False)
    assert not any(value.is_finite() for value in nowhere[0])
    numbers: list[tuple[Callable[[float], Any], bool]] = [(arb, True), (acb, False)]
    for number, real in numbers:
        found = run([[number(value) for value in z] for z in places], real=real)
        for row, values in zip(found, exact.tolist(), strict=True):
            for one, value in zip(row, values, strict=True):
                assert acb(one).real.overlaps(arb(value, 1e-12))


def test_other_layers_have_no_method() -> None:
    affine = Affine(ExactMatrix([[1.0]]), np.zeros(1), "a")
    with pytest.raises(Unable, match="do not take one value each"):
        evaluation.Layers(Network((affine, Plus()), ((0,), (0, 1))))
    with pytest.raises(Unable, match="a network with the activation gelu_tanh"):
        evaluation.activation("gelu_tanh")
