"""What bounds a likelihood where no cell was looked at: suprema, growth with |z|, tails; and bugs seeded into them."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import elboproof as ep
from elboproof.evidence import bases
from elboproof.model import ceilings
from elboproof.model.ceilings import Ceiling, log_growing_tail
from elboproof.model.continuous import Exponential
from elboproof.model.discrete import Poisson
from elboproof.numbers.majorants import Majorant
from tests.seeding import Seeded, falsification

GROWTHS = [(0.0, 0.0), (1.5, 0.0), (0.0, 0.25), (2.0, 0.4)]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize(("linear", "square"), GROWTHS)
def test_tails_are_above_the_integral_and_not_far(d: int, linear: float, square: float) -> None:
    radius = 25.0
    with mpmath.workdps(30):
        surface = 2 * mpmath.pi ** (mpmath.mpf(d) / 2) / mpmath.gamma(mpmath.mpf(d) / 2)
        value = mpmath.log(
            surface
            * (2 * mpmath.pi) ** (-mpmath.mpf(d) / 2)
            * mpmath.quad(
                lambda r: r ** (d - 1) * mpmath.exp(linear * r - (mpmath.mpf(0.5) - square) * r * r),
                [radius, radius + 2, radius + 10, radius + 60],
            )
        )
    bound = log_growing_tail(d, radius, linear, square)
    assert float(value) <= bound < float(value) + 0.2


def test_tails_fail_where_the_integrand_rises() -> None:
    assert log_growing_tail(1, 1.0, 2.0, 0.0) == np.inf
    assert log_growing_tail(1, 0.0, 0.0, 0.0) == np.inf
    assert log_growing_tail(2, 10.0, 0.0, 0.499) == np.inf


@pytest.mark.parametrize(("linear", "square"), GROWTHS)
def test_least_energies_are_bounds_and_attained(linear: float, square: float) -> None:
    ceiling = Ceiling(np.full(7, 0.25), np.full(7, linear), np.full(7, square))
    starts = np.array([0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0])
    least = ceiling.least_energy(starts**2)
    for start, bound in zip(starts, least, strict=True):
        r = np.linspace(start, start + 60, 200001)
        energies = r * r / 2 - (0.25 + linear * r + square * r * r)
        assert bound <= energies.min() + 1e-9
        assert energies.min() - bound < 1e-3


def test_radii_hold_what_is_left_out() -> None:
    ceiling = Ceiling(np.zeros(4), np.array([a for a, _ in GROWTHS]), np.array([b for _, b in GROWTHS]))
    radii = ceiling.steering_radius(np.zeros(4), 8)
    for radius, (a, b) in zip(radii, GROWTHS, strict=True):
        assert log_growing_tail(1, float(radius), a, b) < -8 * np.log(10)


def _rate(decoder: str, value: float, digits: float = 8) -> None:
    """An exponential density at 0 is its rate."""
    model = ep.LatentModel("z", [decoder], ep.Exponential())
    for x in ([0], [[0]] * 9):
        found = ep.log_evidence(model, x, digits)
        assert (found.lower <= value).all()
        assert (found.upper >= value).all()


def test_a_steep_rate_has_its_mass_far_out() -> None:
    """The mass lies at z = 6, where the prior has little: a tail that forgets the growth leaves it out."""
    _rate("6*z", 18.0)


def test_mixed_growth_is_bounded() -> None:
    _rate("z + z**2/4", float(mpmath.log(mpmath.sqrt(2) * mpmath.e)))


def _counts() -> None:
    model = ep.LatentModel("z", ["z/2"], ep.Poisson())
    with mpmath.workdps(20):
        value = float(
            mpmath.log(
                mpmath.quad(
                    lambda z: mpmath.exp(9 * z / 2 - mpmath.exp(z / 2)) * mpmath.npdf(z),
                    [-12, -4, 0, 2, 4, 6, 8, 12],
                )
                / mpmath.factorial(9)
            )
        )
    for x in ([9], [[9]] * 9):
        found = ep.log_evidence(model, x, 8)
        assert (found.lower <= value + 1e-12).all()
        assert (found.upper >= value - 1e-12).all()


def _ceilings_of_counts() -> None:
    rates = np.linspace(-4, 6, 2001)
    model = ep.LatentModel("z", ["z"], ep.Poisson())
    (top,) = model.ceiling(_balls([[9.0]])).suprema
    assert (9 * rates - np.exp(rates) <= top + 1e-12).all()


def _ceilings_of_rates() -> None:
    model = ep.LatentModel("z", ["z"], ep.Exponential())
    for x in (0.25, 1.0, 3.0):
        (top,) = model.ceiling(_balls([[x]])).suprema
        rates = np.linspace(-8, 8, 4001)
        assert (rates - x * np.exp(rates) <= top + 1e-12).all()


def _growth_is_above() -> None:
    model = ep.LatentModel(["z", "w"], ["z - w/2", "z**2/8 + w"], ep.Exponential())
    ceiling = model.ceiling(_balls([[0.0, 0.0]]))
    z = np.random.default_rng(0).normal(size=(5000, 2)) * 4
    r = np.linalg.norm(z, axis=1)
    logs = model.floating.decoder(z).sum(-1)
    assert (logs <= ceiling.constant + ceiling.linear * r + ceiling.square * r * r + 1e-9).all()


def _balls(x: list[list[float]]) -> Any:
    from elboproof.numbers.ball_arrays import BallArray

    return BallArray(np.array(x))


CHECKS: dict[str, Callable[[], None]] = {
    "counts": _counts,
    "ceilings of counts": _ceilings_of_counts,
    "ceilings of rates": _ceilings_of_rates,
    "growth is above": _growth_is_above,
    "least energies": lambda: test_least_energies_are_bounds_and_attained(2.0, 0.4),
    "tails": lambda: test_tails_are_above_the_integral_and_not_far(3, 1.5, 0.0),
}
BUGS = {
    "a supremum without its last term": Seeded(
        Poisson, "supremum", "entropy_term(x) - x", "entropy_term(x) - x - 1.0", "ceilings of counts"
    ),
    "a supremum of the wrong sign": Seeded(
        Exponential, "supremum", "-x.log() - 1.0", "x.log() - 1.0", "ceilings of rates"
    ),
    "a base measure that is dropped": Seeded(
        bases, "with_bases", "if bases is None", "if bases is not None", "counts"
    ),
    "a tail without the sphere": Seeded(
        ceilings, "log_growing_tail", "k * big.log()", "0 * big.log()", "tails"
    ),
    "a tail without growth": Seeded(ceilings, "log_growing_tail", "+ a * big", "- a * big", "tails"),
    "the least energy at the given radius": Seeded(
        Ceiling, "least_energy", "BallArray.where(rises, there, bottom)", "there", "least energies"
    ),
    "growth of one power is left out": Seeded(
        Majorant,
        "quadratic",
        "for place in {math.floor(n), math.ceil(n)}",
        "for place in {0}",
        "growth is above",
    ),
}


test_the_library_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (AssertionError, ValueError, AttributeError))
)
