"""Bounds of single cells on the line: above the integral, alike on both sides, no wider than the prior's; factors."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.evidence import line, line_judge
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.found import Found
from elboproof.evidence.line_judge import BOUND_BITS, Judge
from elboproof.evidence.line_point import LinePoint, line_functions
from elboproof.evidence.pace import Pace
from elboproof.evidence.rounds import Rounds
from elboproof.model.data import data_of
from elboproof.numbers.balls import working_precision
from elboproof.quadrature.gauss_legendre import RHO, SIZES, error_factor

CELLS = [(c, h) for h in (0.03125, 0.25, 1.0) for c in (-6.0, -2.5, -0.75, 0.0, 0.75, 2.5, 6.0)]


def judge(decoder: str, x: str) -> Judge:
    model = ep.LatentModel("z", [decoder], ep.Gaussian("1/10"))
    functions = line_functions(model.integrand)
    assert functions is not None
    ceiling = model.integrand.ceiling(data_of(model, [x]).balls)
    point = LinePoint(functions, [Fraction(x)], ceiling, 10)
    found = line._Found((0.0, 8.0), 0.0, 0.0, math.inf)
    with working_precision(BOUND_BITS):
        return Judge(point, 1e-12, 1e-10, found)


def energy(decoder: str, x: str, z: np.ndarray) -> np.ndarray:
    f = {"z": z, "sinh(z)": np.sinh(z), "z**2": z * z}[decoder]
    v = 0.1
    return np.asarray(z * z / 2 + (float(x) - f) ** 2 / (2 * v) + np.log(2 * np.pi) + np.log(v) / 2)


@pytest.mark.parametrize(("decoder", "x"), [("z", "0.7"), ("sinh(z)", "-0.5"), ("z**2", "0.7")])
def test_masses_of_cells_are_above_their_integrals(decoder: str, x: str) -> None:
    one, close = judge(decoder, x), 0
    with working_precision(BOUND_BITS):
        for c, h in CELLS:
            z = np.linspace(c - h, c + h, 2001)
            values = np.exp(one.point.shift - energy(decoder, x, z))
            integral = float((values[1:] + values[:-1]).sum() * h / 2000)
            bound = float(one.mass(c, h))
            assert bound >= integral * (1 - 1e-6)
            assert bound <= 2 * h * values.max() * 1e3 + 1e-290 or h == 1.0
            close += bound <= 2 * h * values.max() * (1 + 1e-9)
    assert close > len(CELLS) / 3


def test_mirror_images_have_the_same_masses() -> None:
    """At x = 0 the energy of f(z) = z is even: where its slope falls is as sharp as where it rises."""
    one = judge("z", "0")
    with working_precision(BOUND_BITS):
        for c, h in CELLS:
            left, right = float(one.mass(-c, h)), float(one.mass(c, h))
            assert left == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("decoder", ["z", "z**2", "sin(50*z)"])
def test_no_mass_is_above_the_priors(decoder: str) -> None:
    one = judge(decoder, "0.7")
    with working_precision(BOUND_BITS):
        for c, h in CELLS:
            assert float(one.mass(c, h)) <= float(one.point.prior_mass(c, h)) * (1 + 1e-12)


def test_factors_of_rules_are_upper_ends() -> None:
    for n in (*SIZES, 60, 100):
        exact = error_factor(RHO, n)
        found = line_judge._factor(n)
        with working_precision(400):
            truth = arb(exact.numerator) / exact.denominator
            assert truth <= found <= truth * (1 + arb(2) ** -50)


def test_forecasts_of_mirror_images_are_the_same() -> None:
    one = judge("z", "0")
    for c, h in CELLS:
        found = []
        for sign in (1, -1):
            value, slope, curve = one.point.floats(sign * c)
            found.append(one._forecast(sign * c, h, value, slope, abs(curve) * h * h))
        assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_the_first_estimate_of_an_affine_model_is_its_evidence() -> None:
    """Laplace's approximation is exact there, but for where Newton stops."""
    for x in ("0", "7/10", "-2"):
        hand = -(float(Fraction(x)) ** 2) / 2.2 - math.log(2 * math.pi * 1.1) / 2
        assert judge("z", x).point.log_mass == pytest.approx(hand, abs=1e-4)


def test_scales_follow_a_deeper_mode() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian("1/10"))
    one = Rounds(model, FloatEnergy(model), data_of(model, ["0.5"]), np.eye(1)[None], False, np.zeros(1),
                 np.full(1, -50.0), 10, False)  # fmt: skip
    found = Found.nothing(1, Pace())
    found.lowest[:] = -5.0
    one._rescale(np.arange(1), found, np.full(1, -np.inf), deeper=True)
    assert one.shift[0] == -5.0
    assert one.log_mass[0] == -5.0  # ten nats below the least energy, at least
    one._rescale(np.arange(1), found, np.full(1, -1.5), deeper=False)
    assert one.log_mass[0] == -1.5


@pytest.mark.parametrize(("linear", "square"), [(0.0, 0.0), (0.7, 0.0), (2.5, 0.0), (0.7, 0.2), (2.5, 0.45)])
def test_the_prior_alone_bounds_where_the_ceiling_grows(linear: float, square: float) -> None:
    """z^2/2 + log(2 pi)/2 - (constant + linear |z| + square z^2), least over a cell."""
    growing = SimpleNamespace(tails=None, constant=0.3, linear=linear, square=square)
    with working_precision(BOUND_BITS):
        for c, h in CELLS:
            z = np.abs(np.linspace(c - h, c + h, 20001))
            least = float((z * z / 2 + np.log(2 * np.pi) / 2 - 0.3 - linear * z - square * z * z).min())
            bound = float(LinePoint.least_by_prior(growing, c, h).lower())  # type: ignore[arg-type]
            outside = linear > 0 and abs(c) - h <= linear / (
                1 - 2 * square
            )  # the least of all z stands for the cell's
            assert bound <= least + 1e-12
            if not outside:
                assert bound >= least - 1e-12
            elif abs(c) + h >= linear / (1 - 2 * square):
                assert bound >= least - 1e-6  # it is inside
