"""Log evidences of every likelihood family against sums over SciPy's densities, on generated models."""

import math

import mpmath
import numpy as np
import pytest

import elboproof as ep
from tests.evidence.family_cases import ACCURATE, FAMILIES, Instance, by_lattice, instances

DIGITS = 6
PLACES = [(name, d) for name in FAMILIES for d in (1, 2) if d == 1 or not FAMILIES[name].kinks]


def decided(case: Instance) -> ep.Enclosure | None:
    try:
        return ep.log_evidence(case.model, case.x, DIGITS, seconds=60.0)
    except ep.Undecided:
        return None


def compare(name: str, count: int, seed: int, d: int) -> int:
    """Return how many of the instances are undecided; fail where an interval misses its value."""
    undecided = 0
    for case in instances(name, count, seed, d):
        found = decided(case)
        if found is None:
            undecided += 1
            continue
        value = by_lattice(case)
        assert found.upper - found.lower <= 2 * 10.0**-DIGITS, case
        assert found.lower - ACCURATE <= value <= found.upper + ACCURATE, (value, found, case)
    return undecided


@pytest.mark.parametrize(("name", "d"), PLACES)
def test_a_few_models_of_each_family(name: str, d: int) -> None:
    assert compare(name, 4, seed=1, d=d) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "d"), PLACES)
def test_many_models_of_each_family(name: str, d: int, record_property: pytest.FixtureRequest) -> None:
    count = 300 if FAMILIES[name].kinks else 200 if d == 1 else 120
    undecided = compare(name, count, seed=2, d=d)
    record_property("undecided", undecided)  # type: ignore[operator]
    print(f"{name}, {d} latents: {undecided} of {count} undecided")
    assert undecided <= count // 20


@pytest.mark.parametrize("name", FAMILIES)
def test_the_comparison_sees_a_wrong_density(name: str) -> None:
    """A normaliser that is off by 1e-6 is seen: the controls of the comparison above."""
    (case,) = instances(name, 1, seed=3, d=1)
    found = decided(case)
    assert found is not None
    for shift in (-3e-6, 3e-6):
        value = by_lattice(case) + shift
        assert not found.lower - ACCURATE <= value <= found.upper + ACCURATE


def test_closed_forms() -> None:
    """By symmetry 1/2 and 1/3; the Laplace likelihood around 0 is e^(a^2/2) Phi(-a)/b."""
    for a in ("1", "3"):
        model = ep.LatentModel("z", [f"{a}*z"], ep.Bernoulli())
        assert ep.log_evidence(model, [1], 12).contains(np.log(0.5))
    root = f"{math.isqrt(3 * 10**40)}/{2 * 10**20}"  # sqrt(3)/2: three corners at 120 degrees
    corners = ["u", f"-u/2 + {root}*v", f"-u/2 - {root}*v"]
    triple = ep.LatentModel(["u", "v"], corners, ep.Categorical())
    for x in np.eye(3).tolist():
        assert ep.log_evidence(triple, x, 8).contains(-np.log(3))
    found = ep.log_evidence(ep.LatentModel("z", ["z"], ep.Laplace(1)), [0], 10)
    assert found.contains(-1.34102164500926350577)


def test_data_without_a_supremum() -> None:
    """At x = 0 an exponential density is its rate: E e^(a z + b) = e^(a^2/2 + b), and E e^(z^2/4) = sqrt 2."""
    for decoder, value in (("z/2 + 1/3", 1 / 8 + 1 / 3), ("2*z", 2.0), ("z**2/4", np.log(2) / 2)):
        model = ep.LatentModel("z", [decoder], ep.Exponential())
        assert ep.log_evidence(model, [0], 10).contains(value)
        batch = ep.log_evidence(model, [[0]] * 9, 6)
        assert (batch.lower <= value).all()
        assert (batch.upper >= value).all()
    plane = ep.LatentModel(["z", "w"], ["z - w/2"], ep.Exponential())
    assert ep.log_evidence(plane, [0], 7).contains(0.625)


@pytest.mark.parametrize("decoder", ["z**2", "exp(z)", "z**2/2"])
def test_data_for_which_nothing_bounds_the_density(decoder: str) -> None:
    model = ep.LatentModel("z", [decoder], ep.Exponential())
    with pytest.raises(
        ValueError, match=r"x\[0\]: got \[0.0\]; expected data for which log p\(x\|z\) is bounded"
    ):
        ep.log_evidence(model, [0], 4)
    assert ep.log_evidence(model, [1], 4).contains(float(ep.log_evidence(model, [1], 8).midpoint))


@pytest.mark.parametrize("copies", [1, 8])
def test_large_base_measures_cancel_in_balls(copies: int) -> None:
    """log C(10^9, 3 10^8) is 6e8: in floats nothing behind the seventh digit of log p(x) would be left."""
    trials, x = 10**9, 3 * 10**8
    with mpmath.workdps(40):
        middle = mpmath.log(mpmath.mpf(x) / (trials - x))
        peak = mpmath.loggamma(trials + 1) - mpmath.loggamma(x + 1) - mpmath.loggamma(trials - x + 1)

        def density(z: mpmath.mpf) -> mpmath.mpf:
            return mpmath.exp(peak + x * z - trials * mpmath.log1p(mpmath.exp(z)) - z * z / 2) / mpmath.sqrt(
                2 * mpmath.pi
            )

        places = [middle + k * mpmath.mpf("1e-4") for k in range(-12, 13)]
        value = float(mpmath.log(mpmath.quad(density, places)))
    found = ep.log_evidence(ep.LatentModel("z", ["z"], ep.Binomial(trials)), [[x]] * copies, 9)
    assert (found.lower <= value + 1e-12).all()
    assert (found.upper >= value - 1e-12).all()
    assert (found.upper - found.lower <= 3e-9).all()
