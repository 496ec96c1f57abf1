"""decoder-smoothness: its predicates decide, its tools agree with others, and what is planted in its checks is seen."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import acb, arb

import elboproof as ep
from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "decoder_smoothness")
HYPOTHESES = (
    "definite_encoder",
    "finite_data",
    "shared_covariance",
    "bounded_below",
    "two_pairs",
    "heavy_weight",
    "equilateral",
    "isotropic",
)


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


def test_partitions_are_counted_by_bell() -> None:
    found = [len(list(part("partitions").partitions(range(k)))) for k in range(7)]
    assert found == [1, 1, 2, 5, 15, 52, 203]
    assert len(set(map(frozenset, part("partitions").partitions(range(4))))) == 15


def test_cumulants_of_a_coin() -> None:
    """Of X with P(X = 1) = p: p, pq, pq(q-p), pq(1-6pq)."""
    p = Fraction(1, 3)
    q = 1 - p
    kappa = part("partitions").cumulant
    found = [kappa([p, q], [[1, 0]] * k) for k in range(1, 5)]
    assert found == [p, p * q, p * q * (q - p), p * q * (1 - 6 * p * q)]
    assert part("partitions").central_moment([p, q], [[1, 0]] * 4) == p * q * (q**3 + p**3)


@pytest.mark.parametrize(
    ("low", "high", "count"),
    [((-1, -1), (1, 1), 0), ((-1, 2), (1, 4), 1), ((-1, -4), (1, 4), 2), ((-1, 2), (1, 10), 2)],
)
def test_winding_counts_the_zeros_of_cosh(low: Any, high: Any, count: int) -> None:
    """Of cosh(z/2), at i pi (2 n + 1)."""
    found = part("winding").zeros_inside(lambda z: (z / 2).cosh(), acb(*low), acb(*high))
    assert (found - count).contains(0)
    assert found.rad() < 1e-9


def test_winding_through_a_zero_is_no_number() -> None:
    module = part("winding")
    module.MOST_PIECES, kept = 500, module.MOST_PIECES
    try:
        assert module.zeros_inside(lambda z: z, acb(-1, 0), acb(1, 1)).is_nan()
    finally:
        module.MOST_PIECES = kept


def test_taylor_coefficients_are_those_of_mpmath() -> None:
    points = part("cumulants_on_instances").OWN
    with mpmath.workdps(40):
        x, m, s = ([mpmath.mpf(Fraction(one).numerator) / Fraction(one).denominator for one in column]
                   for column in (points.data, points.codes, points.variances))  # fmt: skip

        def decode(z: Any) -> Any:
            w = [mpmath.exp(-((z - a) ** 2) / (2 * b)) / mpmath.sqrt(b) for a, b in zip(m, s, strict=True)]
            return mpmath.fsum(p * q for p, q in zip(w, x, strict=True)) / mpmath.fsum(w)

        stated = mpmath.taylor(decode, mpmath.mpf(1) / 3, 4)
    found = points.taylor(arb(1) / 3, 4)
    assert [float(one.mid()) for one in found] == pytest.approx([float(one) for one in stated], rel=1e-12)


def test_moments_of_the_exponential_law_agree_with_quadrature() -> None:
    moment = part("kink").moment
    for z in (0.0, 0.25, 1.0):
        for power in (0, 1):

            def integrand(v: Any, power: int = power, z: float = z) -> Any:
                return v**power * mpmath.exp(-v / 2 - z * z / (2 * v)) / 2 / mpmath.sqrt(2 * mpmath.pi * v)

            stated = mpmath.quad(integrand, [0, 0.01, 0.1, 1, 10, mpmath.inf])
            assert float(moment(arb(1), arb(z), power).mid()) == pytest.approx(float(stated), rel=1e-6)


def test_largest_derivatives_of_the_logistic_function() -> None:
    """On a grid of p, by the recursion in floats."""
    p = np.linspace(0, 1, 200001)
    for k in range(1, 9):
        polynomial = np.polynomial.Polynomial([0, 1])
        for _ in range(k):
            polynomial = polynomial.deriv() * np.polynomial.Polynomial([0, 1, -1])
        grid = np.abs(polynomial(p)).max()
        assert float(part("orders").largest(k).mid()) == pytest.approx(grid, rel=1e-8)


def refuted(verdict: Any) -> set[str]:
    return {name for name, one in verdict.parts.items() if one.status == "refuted"}


def test_a_wrong_jacobian_is_seen_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("sharpness")
    kept = module.Cloud.jacobian
    monkeypatch.setattr(module.Cloud, "jacobian", lambda cloud, z: kept(cloud, z) * (arb(101) / 100))
    found = refuted(module.two_points_reach_every_form(Run("x")))
    assert {"hyperplane", "Mahalanobis", "eigenvector"} <= found
    assert not any(name.startswith("(b)") for name in found)
    assert module.simplices_reach_the_nuclear_norm(Run("x")).status == "refuted"


def test_a_tube_of_the_package_that_is_too_wide_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ep.OptimalDecoder.analytic_radius
    monkeypatch.setattr(ep.OptimalDecoder, "analytic_radius", lambda decoder: kept(decoder) * (1 + 1e-12))
    for module, check in (
        ("strips", "poles_of_two_codes"),
        ("strips", "exact_strip_of_three_codes"),
        ("unequal_pair", "poles_in_the_average_tube"),
        ("triangle", "poles_above_a_triangle"),
    ):
        found = refuted(getattr(part(module), check)(Run("x")))
        assert found, check
        assert all("at most" in name for name in found)


def test_a_bound_of_the_package_that_is_too_small_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ep.OptimalDecoder.lipschitz_bound
    monkeypatch.setattr(ep.OptimalDecoder, "lipschitz_bound", lambda decoder: kept(decoder) * (1 - 1e-9))
    found = refuted(part("unequal_pair").slopes_without_a_bound(Run("x")))
    assert {name for name in found if name.startswith("bound")}


def test_a_wrong_derivative_of_the_package_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ep.OptimalDecoder.derivative
    monkeypatch.setattr(
        ep.OptimalDecoder, "derivative", lambda decoder, z, k: kept(decoder, z, k) * (1 + 1e-8 * (k == 3))
    )
    found = refuted(part("cumulants_on_instances").package_derivatives_are_cumulants(Run("x")))
    assert found == {name for name in found if name.endswith("k = 3")}
    assert len(found) == 4


def test_steepest_wall_of_the_digits_is_approached() -> None:
    module = part("digits")
    codes, images = module.data()
    corners = module.hull()
    assert len(corners) >= 5
    assert module.steepest_wall(1.0) < module.search(1.0).bound
    assert codes.shape == (1797, 2)
    assert images.shape == (1797, 64)
