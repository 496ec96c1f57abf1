"""The parts of proofs over parameter boxes: control points, tails, integrals, moments, the best ELBO."""

import math
import time
from fractions import Fraction
from itertools import product
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import fmpq
from scipy.optimize import minimize
from sympy import Symbol

from elboproof.evidence.evidences import Evidence
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.enclosure import Enclosure
from elboproof.rechecking import best_posterior as recheck_best
from elboproof.rechecking import expectations as recheck_moments
from elboproof.rechecking import integration as recheck_integrals
from elboproof.rechecking.best_posterior import Threshold
from elboproof.rechecking.functions import Exponent
from elboproof.statements import Gap, read_box
from elboproof.theorems import best_elbo, log_partition, polynomials, sufficient_statistics, tails
from elboproof.theorems.best_elbo import BestElbo, ElboBound
from elboproof.theorems.log_partition import Integrals
from elboproof.theorems.natural import Natural, natural

Z = Symbol("z", real=True)
CUBIC = Gap("z", ["z + c*z**3"], "v", ["7/10"])
CUBIC_BOX = {"c": ("0", "0.3"), "v": ("0.1", "1")}
SQUARE = Gap("z", ["z**2"], "sigma**2", ["x"])
SQUARE_BOX = {"sigma": ("0.1", "0.3"), "x": ("0.6", "0.8")}
SINE = Gap("z", ["a*sin(z) + b*z"], "1/w", ["0.5", "1"][:1])
SINE_BOX = {"a": ("0.2", "0.5"), "b": ("0.6", "0.8"), "w": ("1", "8")}
PLANE = Gap(["a", "b"], ["a", "b + c*a**2"], "v", ["0.5", "x"])
PLANE_BOX = {"c": ("0.5", "0.7"), "x": ("0.6", "0.8"), "v": ("0.5", "1")}
CASES = [(CUBIC, CUBIC_BOX), (SQUARE, SQUARE_BOX), (SINE, SINE_BOX), (PLANE, PLANE_BOX)]


def made(
    quantity: Gap, box: dict[str, tuple[str, str]]
) -> tuple[Natural, tuple[tuple[Fraction, Fraction], ...]]:
    names, sides = read_box(box)
    return natural(quantity, names, sides), sides


def exponent(parts: Natural, theta: tuple[fmpq, ...], z: float) -> float:
    """theta . T in floats, for one latent z or with atoms sin(z)."""
    factors = [z, math.sin(z)]
    return sum(
        int(t.p) / int(t.q) * math.prod(f**e for f, e in zip(factors, statistic, strict=False))
        for t, statistic in zip(theta, parts.statistics, strict=True)
    )


@pytest.mark.parametrize(("quantity", "box"), CASES)
def test_control_points_agree_with_blossoms(quantity: Gap, box: dict[str, tuple[str, str]]) -> None:
    parts, sides = made(quantity, box)
    controls = parts.controls(sides)
    assert controls is not None
    ours = {(c.weight, c.constant, tuple(sorted(c.theta))) for c in controls}
    theirs = {
        (
            fmpq(f.weight.numerator, f.weight.denominator),
            polynomials.rational(f.constant),
            tuple(sorted(polynomials.rational(v) for _, v in f.key)),
        )
        for f in Exponent(quantity, list(box)).controls(sides)
    }
    nonzero = {(w, k, tuple(v for v in theta if v != 0)) for w, k, theta in ours}
    assert nonzero == theirs


@pytest.mark.parametrize(("quantity", "box"), CASES)
def test_theta_at_points_lies_between_the_control_points(
    quantity: Gap, box: dict[str, tuple[str, str]]
) -> None:
    parts, sides = made(quantity, box)
    controls = parts.controls(sides)
    assert controls is not None
    rng = np.random.default_rng(1)
    directions = rng.uniform(-1, 1, (20, len(parts.statistics)))
    for _ in range(20):
        point = [low + (high - low) * Fraction(int(rng.integers(65)), 64) for low, high in sides]
        inside = [int(t.p) / int(t.q) for t in parts.at(point).theta]
        for direction in directions:
            values = [np.dot(direction, [int(t.p) / int(t.q) for t in c.theta]) for c in controls]
            assert np.dot(direction, inside) <= max(values) + 1e-9
    corner = parts.at([low for low, _ in sides])
    assert corner.theta in {c.theta for c in controls}  # the corners are control points themselves


def test_a_larger_degree_than_the_polynomials_would_be_wrong() -> None:
    polynomial: polynomials.Polynomial = {(2,): fmpq(1)}
    points = [row[0] for row in polynomials.control_points([polynomial], ((Fraction(0), Fraction(1)),))]
    assert points == [0, 0, 1]  # of degree 2: the middle one is below the curve's 1/4
    assert polynomials.bounds(polynomial, ((Fraction(-1), Fraction(1)),)) == (
        fmpq(-1),
        fmpq(1),
    )  # outward, not [0, 1]


@pytest.mark.parametrize(("quantity", "box"), CASES[:3])
def test_suprema_bound_the_exponent(quantity: Gap, box: dict[str, tuple[str, str]]) -> None:
    parts, sides = made(quantity, box)
    for control in parts.controls(sides) or []:
        bound = tails.supremum(parts, control.theta)
        grid = [exponent(parts, control.theta, z) - 0.375 * z * z for z in np.linspace(-9, 9, 1801)]
        assert bound is not None
        assert max(grid) <= bound <= 5 * (1 + max(grid))  # crude, but not wild


def test_a_growing_exponent_has_no_supremum() -> None:
    parts, sides = made(CUBIC, {"c": ("-1", "1"), "v": ("0.1", "1")})
    growing = [c for c in parts.controls(sides) or [] if c.theta[-1] > 0]
    assert growing  # c1 c2 < 0: the sixth power grows
    assert all(tails.supremum(parts, c.theta) is None for c in growing)


@pytest.mark.parametrize(("quantity", "box"), CASES[:3])
def test_integrals_agree_with_another_quadrature(quantity: Gap, box: dict[str, tuple[str, str]]) -> None:
    parts, sides = made(quantity, box)
    controls = (parts.controls(sides) or [])[:4]
    integrals = Integrals(parts)
    integrals.bounds([(c.theta, tails.supremum(parts, c.theta)) for c in controls], time.monotonic() + 30.0)
    for control in controls:
        low, high = integrals.known[control.theta]

        def integrand(z: mpmath.mpf, theta: tuple[fmpq, ...] = control.theta) -> mpmath.mpf:
            return mpmath.exp(exponent(parts, theta, float(z))) * mpmath.npdf(z)

        truth = float(mpmath.log(mpmath.quad(integrand, np.linspace(-8, 8, 65).tolist())))
        assert high - low < 1e-7
        assert low - 1e-9 <= truth <= high + 1e-9


def test_integrals_of_several_sizes_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of the engine gets what the ones before have left; what is not reached stays unknown."""
    parts, _ = made(CUBIC, CUBIC_BOX)
    now, limits = [100.0], []

    def slow(_integrand: Any, rows: Any, _digits: float, *, seconds: float, most_cells: int) -> Evidence:
        assert most_cells > 0
        limits.append(seconds)
        now[0] += 20.0
        zeros = np.zeros(len(rows))
        return Evidence(Enclosure(zeros, zeros), ("",) * len(rows), 0, 20.0)

    monkeypatch.setattr(log_partition, "prove", slow)
    monkeypatch.setattr(log_partition, "time", SimpleNamespace(monotonic=lambda: now[0]))
    thetas = [(fmpq(k),) * len(parts.statistics) for k in range(3)]
    integrals = Integrals(parts)
    integrals.bounds(list(zip(thetas, (10.0, 100.0, 1000.0), strict=True)), 130.0)
    assert limits == [30.0, 10.0]
    assert list(integrals.known) == thetas[:2]


def test_integrals_of_the_check_agree_in_one_and_two_latents() -> None:
    for quantity, box in (CASES[0], CASES[2], CASES[3]):
        parts, sides = made(quantity, box)
        integrals = Integrals(parts)
        wanted = [(c.theta, tails.supremum(parts, c.theta)) for c in (parts.controls(sides) or [])]
        known = tails.quadratic_suprema(parts, sides)
        integrals.bounds([(t, known.get(t) if m is None else m) for t, m in wanted], time.monotonic() + 30.0)
        functions = Exponent(quantity, list(box)).controls(sides)
        ours = sorted(low for low, _ in integrals.known.values())
        theirs = sorted(
            {float(recheck_integrals.log_integral(dict(f.key), parts.latents)) for f in functions}
        )
        assert len(ours) == len(theirs)
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(("m", "s"), [("0.3", "0.2"), ("-2", "1/100")])
def test_moments_agree_with_closed_forms_and_with_the_check(m: str, s: str) -> None:
    parts, _ = made(SINE, SINE_BOX)
    q = GaussianPosterior(m, s)
    mean, variance = float(q.mean[0]), float(q.covariance[0][0])
    damp = math.exp(-variance / 2)
    closed: dict[tuple[int, ...], float] = {
        (1, 0): mean,
        (2, 0): mean**2 + variance,
        (0, 1): damp * math.sin(mean),
        (0, 2): (1 - damp**4 * math.cos(2 * mean)) / 2,
        (1, 1): damp * (mean * math.sin(mean) + variance * math.cos(mean)),
    }
    values = sufficient_statistics.expectations(parts, q)
    assert [float(v) for v in values] == pytest.approx([closed[s] for s in parts.statistics], rel=1e-12)
    assert all(v.rad() < 1e-12 for v in values)
    for function in Exponent(SINE, list(SINE_BOX)).controls(made(SINE, SINE_BOX)[1])[:3]:
        other = recheck_moments.expectation(dict(function.key), parts.latents, q)
        names = {"z": (1, 0), "z**2": (2, 0), "sin(z)": (0, 1), "sin(z)**2": (0, 2), "z*sin(z)": (1, 1)}
        assert float(other) == pytest.approx(
            sum(float(c) * closed[names[str(t)]] for t, c in function.key), abs=1e-9
        )


def test_moments_of_two_latents_agree_with_quadrature() -> None:
    parts, sides = made(PLANE, PLANE_BOX)
    q = GaussianPosterior(["0.3", "-0.2"], [["0.5", "0.1"], ["0.1", "0.25"]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    lower = np.linalg.cholesky([[0.5, 0.1], [0.1, 0.25]])
    places = [np.array([0.3, -0.2]) + lower @ np.array(e) for e in product(nodes, repeat=2)]
    mass = [u * v / (2 * math.pi) for u, v in product(weights, repeat=2)]
    for value, (i, j) in zip(sufficient_statistics.expectations(parts, q), parts.statistics, strict=True):
        assert float(value) == pytest.approx(
            sum(w * a**i * b**j for w, (a, b) in zip(mass, places, strict=True))
        )
    function = Exponent(PLANE, list(PLANE_BOX)).controls(sides)[1]
    control = next(
        c
        for c in parts.controls(sides) or []
        if {v for v in c.theta if v != 0} == {polynomials.rational(v) for _, v in function.key}
    )
    ours = sum(
        float(e) * int(t.p) / int(t.q)
        for e, t in zip(sufficient_statistics.expectations(parts, q), control.theta, strict=True)
    )
    assert float(recheck_moments.expectation(dict(function.key), parts.latents, q)) == pytest.approx(ours)


def test_growth_that_is_not_known_is_said() -> None:
    parts, _ = made(Gap("z", ["a*exp(sin(z))"], 1, ["x"]), {"a": ("0.1", "0.2"), "x": ("0", "1")})
    with pytest.raises(sufficient_statistics.Unbounded, match="the growth of exp"):
        sufficient_statistics.expectations(parts, GaussianPosterior("0", "1"))


def elbo(theta: dict[int, float], m: float, t: float) -> float:
    """The closed form for powers of z, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    z = m + math.exp(t) * nodes
    body = sum(c * z**k for k, c in theta.items())
    return float(weights @ body / weights.sum()) - (m * m + math.exp(2 * t) - 1) / 2 + t


def best(theta: dict[int, float]) -> float:
    starts = [(m, t) for m in (-1.2, 0.0, 0.7, 1.2) for t in (-2.0, -0.5)]
    found = [minimize(lambda u: -elbo(theta, u[0], u[1]), start, method="Nelder-Mead") for start in starts]
    return max(-float(answer.fun) for answer in found)


@pytest.mark.parametrize(("quantity", "box"), CASES[:2])
def test_the_best_elbo_is_bounded_and_not_below_its_value(
    quantity: Gap, box: dict[str, tuple[str, str]]
) -> None:
    parts, sides = made(quantity, box)
    for control in (parts.controls(sides) or [])[::3]:
        powers = {s[0]: int(t.p) / int(t.q) for s, t in zip(parts.statistics, control.theta, strict=True)}
        top, bound = best(powers), tails.supremum(parts, control.theta)
        assert bound is not None
        claims = [ElboBound(control.theta, bound, top + shift) for shift in (1e-3, -1e-4)]
        assert BestElbo(parts).proved(claims, math.inf) == [True, False]
        exact = {Z**k: Fraction(c) for k, c in powers.items()}
        both = [Threshold(exact, top + shift) for shift in (1e-3, -1e-4)]
        assert recheck_best.bounded(both, Z) == [True, False]


def test_all_branches_of_the_square_count() -> None:
    """At sigma = .3, x = .6 the best Gaussian sits at m = 0, between the two modes."""
    w, x = 1 / 0.09, 0.6
    theta = {2: w * x, 4: -w / 2}
    side = -minimize(lambda u: -elbo(theta, u[0], u[1]), (0.75, -1.5), method="Nelder-Mead").fun
    middle = -minimize(lambda u: -elbo(theta, 0.0, u[0]), (-0.5,), method="Nelder-Mead").fun
    assert middle > side + 0.1
    between = (middle + side) / 2
    parts, _ = made(SQUARE, SQUARE_BOX)
    exact = tuple(fmpq(*theta[s[0]].as_integer_ratio()) for s in parts.statistics)
    bound = tails.supremum(parts, exact)
    assert bound is not None
    claims = [ElboBound(exact, bound, between), ElboBound(exact, bound, middle + 1e-4)]
    assert BestElbo(parts).proved(claims, math.inf) == [False, True]


def test_integrals_of_the_check_are_the_same_for_even_and_shifted_functions() -> None:
    """An even exponent is integrated over one half; a little z makes it odd and takes the other way."""
    even = {Z**2: Fraction(10), Z**4: Fraction(-5)}
    tilted = even | {Z: Fraction(1, 10**9)}
    value, other = (recheck_integrals.log_integral(f, (Z,)) for f in (even, tilted))
    grid = np.linspace(-9, 9, 40001)
    truth = math.log(np.exp(9.5 * grid**2 - 5 * grid**4).sum() * (grid[1] - grid[0]) / math.sqrt(2 * math.pi))
    assert value.rad() < 1e-7
    assert abs(float(value) - truth) < 1e-7
    assert abs(float(other) - truth) < 1e-7


def test_halves_cover_their_cell_down_to_the_narrowest() -> None:
    """Centres and half widths stay exact floats: in rationals, both halves together are the cell."""
    root = best_elbo._root(ElboBound((), 1e5, -3e4))
    assert root is not None
    cells = best_elbo._Cells(np.zeros(1, dtype=int), np.array([root[:2]]), np.array([root[2:]]))
    while cells.half.min() >= best_elbo.NARROWEST:
        both = best_elbo._halved(cells, np.full((1, 2), np.inf))
        low, high, whole = ([Fraction(v) for v in row] for row in (*both.centre, cells.centre[0]))
        halves = [Fraction(v) for v in both.half[0]]
        for k in range(2):
            assert low[k] - halves[k] == whole[k] - Fraction(cells.half[0, k])
            assert high[k] + halves[k] == whole[k] + Fraction(cells.half[0, k])
            assert high[k] - halves[k] <= low[k] + halves[k]
        cells = both.part(slice(1, 2))
    assert cells.half.max() <= 2 * best_elbo.NARROWEST


def test_narrow_cells_prove_nothing() -> None:
    """Below the narrowest width nothing is claimed."""
    parts, sides = made(CUBIC, CUBIC_BOX)
    claims = [
        ElboBound(c.theta, tails.supremum(parts, c.theta) or 0.0, 0.5) for c in parts.controls(sides) or []
    ]
    assert any(BestElbo(parts).proved(claims, math.inf))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(best_elbo, "NARROWEST", 100.0)
        assert not any(BestElbo(parts).proved(claims, math.inf))
