"""Modes of the gap law: which are found, that each is counted, and how it is known."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from flint import arb

import elboproof as ep
from elboproof.expansion.gap_law import gap_law
from elboproof.expansion.hypotheses import affine, metric_of
from elboproof.expansion.misfit import BITS, Misfit, ball
from elboproof.expansion.preimages import _checked, _proved, _stationary
from elboproof.numbers.balls import working_precision
from elboproof.numbers.interruption import Interruption
from tests.expansion.test_gap_law import model


@pytest.mark.slow  # sixteen preimages, 7 s
def test_sphere_is_exact() -> None:
    """Polar angles: on the sphere the gap depends on the colatitude only."""
    law = gap_law(model(["a", "b"], ["sin(a)*cos(b)", "sin(a)*sin(b)", "cos(a)"]), ["0.48", "0.64", "0.6"])
    assert law.leading == sp.Rational(9, 64)
    assert law.preimage == (sp.acos(sp.Rational(3, 5)), sp.acos(sp.Rational(3, 5)))


def test_several_preimages_have_a_law_each() -> None:
    law = gap_law(model("z", ["z**2"]), ["0.7"])
    assert law.limit == pytest.approx(float(np.log(2)), rel=1e-14)
    assert [branch.order for branch in law.branches] == [1, 1]
    assert "2 modes are equally near" in law.status
    assert law.as_float("1e-6") == pytest.approx(
        float(np.log(2)) + float(law.branches[0].leading) * 1e-6, rel=1e-9
    )


def test_unequal_preimages_share_the_mass_by_prior_and_slope() -> None:
    law = gap_law(model("z", ["z + z**2"]), ["3/4"])
    weights = np.exp([-(0.5**2) / 2, -(1.5**2) / 2]) / 2  # |f'| = 2 at 1/2 and at -3/2
    assert law.preimage == (sp.Rational(1, 2),)
    assert law.limit == pytest.approx(-np.log(weights[0] / weights.sum()), rel=1e-12)


def test_status_tells_how_the_mode_is_known() -> None:
    exact = gap_law(model("z", ["z", "z**2"]), ["0.7", "0.49"])
    assert exact.status.startswith("x = f(z0); mode known exactly")
    floats = gap_law(model("z", ["z", "z**2"]), [0.7, 0.49])  # the doubles are not quite on the parabola
    assert floats.status.startswith(
        "x = f(z0) to within 3e-17; mode proved to exist in its bounds (Krawczyk)"
    )
    assert isinstance(floats.leading, ep.Enclosure)
    assert floats.leading.midpoint == pytest.approx(float(exact.leading), rel=1e-15)
    off = gap_law(model("z", ["z", "z**2"]), ["1", "2"], nearest=True)
    assert off.status.startswith("z0 is the nearest point, at distance 0.389774")


def test_modes_that_floats_cannot_tell_apart_are_both_counted() -> None:
    """The two roots of z^2 = 1e-100 are one place for the search in floats."""
    law = gap_law(model("z", ["z**2"]), ["1e-100"])
    assert sorted(branch.preimage[0] for branch in law.branches) == [
        -sp.Rational(1, 10**50),
        sp.Rational(1, 10**50),
    ]
    assert law.limit == pytest.approx(float(np.log(2)))


def test_numbers_that_sympy_cannot_factor_are_proved_in_balls() -> None:
    """The discriminant 1 + 4e-100 ends SymPy's search for factors in an error of its own."""
    law = gap_law(model("z", ["z + z**2"]), ["1e-100"])
    # near 0 the law is that of x = 0, 3 v for f' = 1 and f'' = 2; -1 is as near, with e^(-1/2) of the mass
    assert law.order == 1
    assert isinstance(law.leading, ep.Enclosure)
    assert law.leading.lower < 3 < law.leading.upper
    assert law.limit == pytest.approx(float(np.log1p(np.exp(-0.5))))


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_minimum_at_infinity_is_no_mode_on_either_side(sign: str) -> None:
    """|x - exp(z)| falls for ever as exp(z) falls to 0, for x < 0."""
    with pytest.raises(ValueError, match="no nearest point was found"):
        gap_law(model("z", [f"exp({sign}z)"]), ["-1/10"], nearest=True)


@pytest.mark.parametrize("sign", ["", "-"])
def test_modes_beyond_sixty_deviations_are_none(sign: str) -> None:
    with pytest.raises(ValueError, match="no nearest point was found"):
        gap_law(model("z", [f"{sign}sinh(z/100)"]), ["6/5"], nearest=True)


def test_a_minimum_at_infinity_is_no_mode_where_floats_see_no_slope() -> None:
    """At z = 37 sigmoid(z) is 1 in float64."""
    with pytest.raises(ValueError, match="no nearest point was found"):
        gap_law(model("z", ["exp(z)/(1 + exp(z))"]), [1], nearest=True)


def test_products_without_an_elementary_inverse_are_proved_in_balls() -> None:
    """At f = s(z) = 1/3 with f' = s(1 - s) and f'' = s(1 - s)(1 - 2s): 3/4 f''^2 / f'^4."""
    law = gap_law(model("z", ["exp(z)/(1 + exp(z))"]), ["1/3"])
    slope, bend = sp.Rational(2, 9), sp.Rational(2, 27)
    assert isinstance(law.leading, ep.Enclosure)
    assert law.leading.midpoint == pytest.approx(float(sp.Rational(3, 4) * bend**2 / slope**4), rel=1e-14)


def test_modes_that_share_a_coordinate_are_two() -> None:
    law = gap_law(model(["a", "b"], ["a", "b**2"]), ["1/2", "0.7"])
    assert len(law.branches) == 2
    assert law.limit == pytest.approx(float(np.log(2)), rel=1e-12)
    places = {tuple(float(p) for p in branch.preimage) for branch in law.branches}
    assert {place[0] for place in places} == {0.5}
    assert {round(place[1] ** 2, 12) for place in places} == {0.7}


def test_a_mode_that_is_next_to_a_saddle_is_not_one() -> None:
    """At z = 0 of z^2 - 1/2 the slope of |x - f|^2 vanishes, and its curvature is negative."""
    misfit = Misfit(model("z", ["z**2"]), (sp.Rational(1, 2),), sp.ImmutableMatrix(sp.eye(1)))
    flat = Misfit(model("z", ["z**2"]), (sp.Integer(0),), sp.ImmutableMatrix(sp.eye(1)))
    for one, balls in product((misfit, flat), ((arb(0),), (arb(0, 1e-3),))):
        with pytest.raises(ValueError, match="degenerate"):
            _checked(one, np.zeros(1), None, balls, True)
    assert _checked(misfit, np.array([0.7]), None, (arb(0.5).sqrt(),), True).distance < 1e-12


def test_points_are_stationary_by_exact_arithmetic_only() -> None:
    misfit = Misfit(model("z", ["z + z**2"]), (sp.Rational(3, 4),), sp.ImmutableMatrix(sp.eye(1)))
    assert _stationary(misfit, (sp.Rational(1, 2),))
    assert not _stationary(misfit, (sp.Rational(1, 2) + sp.Rational(1, 10**120),))
    assert not _stationary(misfit, (sp.Rational(1, 2) + sp.Rational(1, 10**12),))


def test_proved_modes_lie_in_their_boxes() -> None:
    """Found from floats, against the root of a cubic in many digits."""
    misfit = Misfit(model("z", ["z + z**3"]), (sp.Rational(1, 3),), sp.ImmutableMatrix(sp.eye(1)))
    with working_precision(BITS):
        (place,) = _proved(misfit, np.array([0.3]))
        assert abs(place + place**3 - arb(1) / 3) < 1e-60
        assert (place + place**3).contains(arb(1) / 3)
        assert place.rad() < 1e-50


def test_inverse_functions_of_exact_points_are_balls_around_them() -> None:
    with working_precision(200):
        for c in ("-3/5", "1/7", "0", "9/10"):
            number = sp.Rational(c)
            exact = arb(int(number.p)) / int(number.q)
            assert ball(sp.asin(number)).sin().overlaps(exact)
            assert ball(sp.acos(number)).cos().overlaps(exact)
            assert ball(sp.atanh(number)).tanh().overlaps(exact)
            assert ball(sp.acos(number)).overlaps(arb.pi() / 2 - ball(sp.asin(number)))
        assert all(ball(f(sp.Rational(1, 7))).rad() < 1e-50 for f in (sp.asin, sp.acos, sp.atanh))


def test_derivatives_over_a_box_hold_those_at_its_points() -> None:
    entries, point = ["sin(a)*b + a**2", "b + a*b**2"], (sp.Rational(1, 3), sp.Rational(-1, 2))
    metric = sp.ImmutableMatrix([[2, 1], [1, 3]])
    misfit = Misfit(model(["a", "b"], entries), (sp.Rational(1, 5), sp.Rational(2, 5)), metric)
    a, b = misfit.model.latents
    residual = sp.Matrix([sp.Rational(1, 5) - sp.sin(a) * b - a**2, sp.Rational(2, 5) - b - a * b**2])
    energy = (residual.T * metric * residual)[0] / 2
    with working_precision(120):
        at, corner = (tuple(ball(p) + r for p in point) for r in (0, arb(1) / 128))
        over = tuple(a + arb(0, 1 / 128) for a in at)
        for order in (1, 2, 3):
            found: list[Any] = [misfit.ball_derivative(order, where) for where in (at, over, corner)]
            exact, wide, edge = found
            symbolic = misfit.exact_derivative(order, point)
            for index in np.ndindex(exact.shape):
                by_hand = ball(energy.diff(*((a, b)[k] for k in index)).subs({a: point[0], b: point[1]}))
                assert exact[index].overlaps(by_hand)
                assert exact[index].rad() < 1e-25
                assert wide[index].contains(exact[index])
                assert wide[index].contains(edge[index].mid())
                assert ball(symbolic[index]).overlaps(by_hand)


def test_masses_have_the_metric_and_the_curvature() -> None:
    """N(z0; 0, I) sqrt(det P / det Hess W), for f(z) = (a + b, 2 b)."""
    metric = sp.ImmutableMatrix([[2, 1], [1, 3]])
    misfit = Misfit(model(["a", "b"], ["a + b", "2*b"]), (sp.Integer(1), sp.Integer(2)), metric)
    J, P = np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([[2.0, 1.0], [1.0, 3.0]])
    hand = -(0.25 + 1) / 2 - np.log(2 * np.pi) + np.log(np.linalg.det(P) / np.linalg.det(J.T @ P @ J)) / 2
    assert misfit.log_mass((arb(0.5), arb(1))) == pytest.approx(hand, rel=1e-13)


@pytest.mark.parametrize(
    ("entries", "linear"),
    [(["2*a - b", "b/3 + 1"], True), (["a + b**2", "b"], False), (["a*b", "b"], False), (["a", "sin(b)"], False),
     (["(a + 1)**2 - a**2 - 1", "b"], True), (["a + (b - 1/3)**3", "b"], False)],
)  # fmt: skip
def test_only_affine_decoders_are_affine(entries: list[str], linear: bool) -> None:
    """f'' of the last one vanishes at the place that is looked at first, and nowhere else."""
    assert affine(model(["a", "b"], entries), Interruption(np.inf)) == linear


def test_metrics_are_inverse_covariances() -> None:
    matrix = sp.Matrix([[1, sp.Rational(1, 2)], [sp.Rational(1, 2), 2]])
    assert metric_of(ep.Gaussian(covariance=[[1, "1/2"], ["1/2", 2]]), 2) * matrix == sp.eye(2)
    assert metric_of(ep.Gaussian(["1/3", 2]), 2) == sp.diag(3, sp.Rational(1, 2))
    assert metric_of(ep.Gaussian("1/7"), 2) == sp.eye(2)
