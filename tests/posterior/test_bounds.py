"""What is claimed of a stationary point, from places where each part counts: boxes, turns, remainders, differences."""

import time
from fractions import Fraction
from itertools import product as pairs
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.expectations.integrands import EnclosedGaussian
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.krawczyk import zero_near
from elboproof.posterior import certification, equations, gap, shared, whitened
from elboproof.posterior.ascent import Guess
from elboproof.posterior.certification import _Stationarity, certify, place_of
from elboproof.posterior.elbo import elbo_ball, one_elbo, prior_and_entropy
from elboproof.posterior.equations import Equations, Reference, unknowns
from elboproof.posterior.shared import _Shared
from elboproof.posterior.stationary_search import _with_elbo, sharpened
from elboproof.running.request import requested
from tests.evidence.truth import linear

# -- whitened coordinates --


def test_boxes_hold_the_images_of_cubes_and_no_more() -> None:
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(4, 4))
    box = whitened.box_over(whitened.balls_of(matrix), 0.5)
    reach = np.zeros(4)
    for corner in pairs((-0.5, 0.5), repeat=4):
        image = matrix @ np.array(corner)
        reach = np.maximum(reach, np.abs(image))
        assert all(
            b.contains(v) or abs(abs(v) - float(b.rad())) < 1e-12
            for b, v in zip(box, image.tolist(), strict=True)
        )
    assert np.abs(reach - [float(b.rad()) for b in box]).max() < 1e-7
    assert all(b.mid() == 0 for b in box)


def test_gradients_and_hessians_are_turned_by_the_chain_rule() -> None:
    rng = np.random.default_rng(4)
    turn, hessian, gradient = rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)
    hessian = hessian + hessian.T
    value, curve = whitened.whitened(
        [arb(v, 1e-3) for v in gradient.tolist()], whitened.balls_of(hessian), whitened.balls_of(turn)
    )
    for a in range(3):
        assert abs(float(value[a].mid()) - (turn.T @ gradient)[a]) < 1e-12
        assert abs(float(value[a].rad()) - 1e-3 * np.abs(turn[:, a]).sum()) < 1e-9
        for b in range(3):
            assert abs(float(curve[a][b]) - (turn.T @ hessian @ turn)[a, b]) < 1e-12


@pytest.mark.parametrize(
    ("diagonal", "kind"),
    [
        ((1, 2), "minimum"),
        ((-1, -2), "maximum"),
        ((1, -2), "saddle"),
        ((-1, 2), "saddle"),
        ((-1, 0), "undecided"),
    ],
)
def test_kinds_are_those_of_every_hessian_of_the_box(diagonal: tuple[int, int], kind: str) -> None:
    matrix = [[arb(diagonal[0], 0.1), arb(0, 0.1)], [arb(0, 0.1), arb(diagonal[1], 0.1)]]
    assert whitened.kind_of(matrix) == kind


def test_a_whitening_moves_the_factor_by_the_factor() -> None:
    """To first order L + dL = L (1 + Lambda) with a lower triangular Lambda of the unknowns."""
    rng = np.random.default_rng(4)
    factor, wanted = np.array([[0.5, 0.0, 0.0], [0.25, 2.0, 0.0], [-1.0, 0.125, 3.0]]), unknowns(3, "full")
    turn = whitened.whitening(wanted, factor)
    w = rng.normal(size=len(wanted)) * 1e-6
    step = turn @ w
    mean = factor @ w[:3]
    assert np.abs(step[:3] - mean).max() < 1e-18
    small = np.zeros((3, 3))
    for value, u in zip(w[3:].tolist(), wanted[3:], strict=True):
        small[u.row, u.column or 0] = value
    moved = whitened.moved_factor(wanted[3:], factor, step[3:])
    assert np.abs(moved - factor @ (np.eye(3) + small)).max() < 1e-11


# -- points whose guess is far away --

X, V = Fraction(1, 2), Fraction(1, 10)
ALONE = requested(60.0, None, 1, None, None)
AFFINE = ep.LatentModel("z", ["z"], ep.Gaussian(V))
"""Its posterior is N(x / (1 + v), v / (1 + v)), at which the ELBO is log p(x)."""
MEAN, VARIANCE = X / (1 + V), V / (1 + V)
FAR = 0.01
"""The box in whitened coordinates: the guess is half of it away."""


def far_guess() -> Guess:
    deviation = float(VARIANCE) ** 0.5
    return Guess(np.array([float(MEAN) + FAR / 2 * deviation]), np.array([[deviation * np.exp(FAR / 3)]]))


def exact(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator


def test_a_point_far_from_its_guess_has_its_own_elbo_and_place() -> None:
    with patch.object(certification, "RADII", (FAR,)), patch.object(certification, "REFINEMENTS", 1):
        point = certify(AFFINE, [X], "full", None, far_guess(), np.inf)
    assert point is not None
    with working_precision(120):
        mean, variance = place_of(point)
        assert mean.contains(exact(MEAN))
        assert variance.contains(exact(VARIANCE))
        assert not mean.contains(exact(point.posterior.mean[0]))
        assert not variance.contains(exact(point.posterior.covariance[0][0]))
    found = _with_elbo(AFFINE, [X], point, 10, np.inf)
    (truth,) = linear([["1"]], ["0"], V, [[X]])
    assert found.ball.overlaps(truth)
    own = ep.elbo(AFFINE, [X], point.posterior, 12)
    assert float(found.ball.rad()) < 0.3 * (float(truth) - own.midpoint)  # what is left out would be seen
    assert found.kind == "maximum"
    assert found.box == FAR
    assert "not known well enough" in found.status


def test_a_shared_point_far_from_its_guess_has_its_own_elbo_and_places() -> None:
    rows = [[X], [Fraction(-1, 3)]]
    problem = _Shared(AFFINE, rows, "full", np.inf, ALONE)
    deviation = float(VARIANCE) ** 0.5
    problem.means = np.array(
        [[float(x / (1 + V)) + s * FAR / 3 * deviation] for (x,), s in zip(rows, (1, -1), strict=True)]
    )
    problem.factor = np.array([[deviation * np.exp(FAR / 3)]])
    with working_precision(160):
        zero = zero_near(problem, (FAR,), 1)
        assert zero is not None
        found = problem._point(zero, 3)
        truths = linear([["1"]], ["0"], V, rows)
        truth = (truths[0] + truths[1]) / 2
        assert found.ball.overlaps(truth)
        own = (
            sum(
                float(ep.elbo(AFFINE, row, q, 12).midpoint)
                for row, q in zip(rows, found.posteriors, strict=True)
            )
            / 2
        )
        assert float(found.ball.rad()) < 0.3 * (float(truth) - own)
        for n, (x,) in enumerate(rows):
            assert found.means.lower[n, 0] <= x / (1 + V) <= found.means.upper[n, 0]
            assert not found.means.lower[n, 0] <= problem.means[n, 0] <= found.means.upper[n, 0]
        assert found.covariance.lower[0, 0] <= VARIANCE <= found.covariance.upper[0, 0]


def test_two_shared_means_do_not_meet() -> None:
    rows = [[X], [Fraction(-1, 3)]]
    problem = _Shared(AFFINE, rows, "full", np.inf, ALONE)
    problem.means, problem.factor = np.array([[0.25], [-0.5]]), np.array([[0.5]])
    with working_precision(160):
        gradient, hessian = problem.enclosed(1e-6)
    l, v = 0.5, float(V)  # noqa: E741
    for n, (x,) in enumerate(rows):
        slope = (float(x) - problem.means[n, 0]) / v - problem.means[n, 0]
        assert abs(float(gradient[n]) - l * slope) < 1e-9
        assert abs(float(hessian[n][n].mid()) + l * l * (1 + 1 / v)) < 1e-4
    assert hessian[0][1] == 0
    assert hessian[1][0] == 0
    # d/dt of -(1 + 1/v) L^2 / 2 + log L, for each x
    assert abs(float(gradient[2]) - 2 * (1 - l * l * (1 + 1 / v))) < 1e-9
    assert abs(float(hessian[2][2].mid()) + 2 * 2 * l * l * (1 + 1 / v)) < 1e-4


def stationarity(model: ep.LatentModel) -> _Stationarity:
    one = _Stationarity(model, [X], "full", None, Guess(np.array([0.25]), np.array([[0.5]])), np.inf)
    with working_precision(100):
        one.enclosed(1e-6)
    return one


def test_long_steps_are_given_up_in_either_direction() -> None:
    for step, taken in (
        ([0.4, -0.4], True),
        ([0.6, 0.0], False),
        ([-0.6, 0.0], False),
        ([0.0, np.nan], False),
    ):
        assert stationarity(AFFINE).move(np.array(step)) == taken


def test_long_shared_steps_are_cut_in_either_direction() -> None:
    for sign in (1, -1):
        problem = _Shared(AFFINE, [[X]], "full", np.inf, ALONE)
        problem.means, problem.factor = np.array([[0.25]]), np.array([[0.5]])
        assert problem.move(np.array([sign * 4.0, 0.0]))
        assert problem.means[0, 0] == 0.25 + sign * 0.5 * whitened.LARGEST_STEP


def test_elbos_of_a_shared_point_leave_room_for_the_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def recorded(model: Any, x: Any, q: Any, digits: float, deadline: float) -> tuple[arb, str]:
        asked.append(digits)
        return one_elbo(model, x, q, digits, deadline)

    monkeypatch.setattr(shared, "one_elbo", recorded)
    shared.shared_stationary_posterior(AFFINE, [["1/2"], ["-1/3"]], digits=6)
    assert len(asked) == 2
    assert all(10.0**-digits <= 10.0**-6 / 3 for digits in asked)


# -- ELBOs and gaps --


def test_elbos_have_more_digits_than_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    asked: list[tuple[str, float]] = []
    of_evidence = gap._evidence

    def evidence_of(model: Any, x: Any, point: Any, digits: float, deadline: float) -> Any:
        asked.append(("evidence", digits))
        return of_evidence(model, x, point, digits, deadline)

    def sharp(model: Any, x: Any, point: Any, digits: float, deadline: float) -> Any:
        asked.append(("ELBO", digits))
        return sharpened(model, x, point, digits, deadline)

    monkeypatch.setattr(gap, "_evidence", evidence_of)
    x = [Fraction(7, 10)]
    ball, status = gap.below_evidence(
        model, x, ep.stationary_posterior(model, x), 3, time.monotonic() + 60.0, sharp
    )
    assert ball > 0
    assert status == ""
    assert len(asked) >= 2
    for (kind, first), (other, second) in zip(asked[::2], asked[1::2], strict=True):
        assert (kind, other) == ("evidence", "ELBO")
        assert second > first


def test_prior_and_entropy_by_hand() -> None:
    """E log p(z) + H(q) = (d - |m|^2 - tr S + log det S)/2 of a full covariance."""
    factor = np.array([[0.5, 0, 0], [0.25, 2.0, 0], [-1.0, 0.125, 3.0]])
    mean = np.array([0.5, -0.25, 2.0])
    rows = [[arb(v) for v in row[: i + 1]] for i, row in enumerate(factor.tolist())]
    found = prior_and_entropy(EnclosedGaussian([arb(v) for v in mean.tolist()], rows))
    covariance = factor @ factor.T
    hand = (3 - mean @ mean - np.trace(covariance) + np.linalg.slogdet(covariance)[1]) / 2
    assert abs(float(found) - hand) < 1e-12


def test_elbos_of_wide_balls_hold_those_of_all_members() -> None:
    """At m = 0 the prior's part hardly moves: the width is that of the likelihood's expectation."""
    model, x, factor = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10")), [arb("0.5")], [[arb("0.3")]]
    wide = elbo_ball(model, x, [arb(0, 2.0**-6)], factor, 100)
    members = [elbo_ball(model, x, [arb(m)], factor, 100) for m in (-(2.0**-6), 0.0, 2.0**-6)]
    assert all(wide.contains(member.mid()) for member in members)
    assert float(wide.rad()) < 1
    assert float(members[2] - members[0]) > 0.05
    wide = elbo_ball(model, x, [arb(0)], [[arb("0.3", 2.0**-6)]], 100)
    for factor_ in (0.3 - 2.0**-6, 0.3 + 2.0**-6):
        assert wide.contains(elbo_ball(model, x, [arb(0)], [[arb(factor_)]], 100).mid())


@pytest.mark.parametrize("closed", [True, False])
def test_hessians_over_boxes_hold_those_at_all_places(closed: bool) -> None:
    model = ep.LatentModel("z", ["z + z**2/4"], ep.Gaussian("1/10"))
    x, radius = [Fraction(1, 2)], Fraction(1, 64)

    def at(mean: Fraction, factor: float, box: float) -> Any:
        place = Reference([mean], lambda: [[arb(factor)]])
        given = Equations(model, x, "full", place, np.inf)
        return given.at([arb(0, box)] * 2, (1e-9, 1e-6))

    with patch.object(equations, "closed_forms", equations.closed_forms if closed else lambda *_: None):
        gradient, wide = at(Fraction(1, 4), 0.5, float(radius))
        for shift, turn in pairs((-1, 1), repeat=2):
            _, member = at(Fraction(1, 4) + shift * radius, 0.5 * float(np.exp(turn * float(radius))), 0.0)
            assert all(wide[a][b].contains(member[a][b].mid()) for a, b in pairs(range(2), repeat=2))
        assert abs(float(member[0][0] - wide[0][0].mid())) > 0.1
        assert all(float(entry.rad()) < 1e-6 for entry in gradient)  # at the point


def evidence(lower: float, upper: float, *balls: tuple[float, float]) -> Any:
    enclosure = Enclosure(np.array([lower]), np.array([upper]))
    return SimpleNamespace(enclosure=enclosure, balls=[(arb(a), arb(b)) for a, b in balls])


def test_a_gap_spans_all_evidences_and_elbos() -> None:
    elbo = arb(-2, 0.125)
    wide = gap._difference(evidence(-1.0, -0.5), elbo)
    assert wide.contains(arb(0.875))
    assert wide.contains(arb(1.625))
    assert float(wide.rad()) < 0.38
    narrow = gap._difference(evidence(-1.0, -0.5, (-0.75, -0.625)), elbo)
    assert narrow.contains(arb(1.125))
    assert narrow.contains(arb(1.5))
    assert not narrow.contains(arb(1.6))
    assert gap._difference(evidence(-1.0, -0.5, (-3.0, 4.0)), elbo).overlaps(wide)
    assert float(gap._difference(evidence(-1.0, -0.5, (-3.0, 4.0)), elbo).rad()) < 0.38
    assert not gap._difference(evidence(-np.inf, -0.5), elbo).is_finite()
    assert not gap._difference(evidence(-1.0, np.inf), elbo).is_finite()


@pytest.mark.parametrize(
    ("latent", "decoder", "gaussian"),
    [("z", ["2*z - 1"], True), ("z", ["z**2"], False), ("z", ["exp(z)"], False), ("z", ["sin(z)"], False),
     ("ab", ["a + 2*b", "b"], True), ("ab", ["a*b"], False)],
)  # fmt: skip
def test_only_affine_decoders_have_gaussian_posteriors(
    latent: str, decoder: list[str], gaussian: bool
) -> None:
    model = ep.LatentModel(list(latent), decoder, ep.Gaussian("1/10"))
    assert gap.has_gaussian_posterior(model) == gaussian


def test_a_point_is_sharpened_where_it_has_not_the_digits_and_left_where_it_has() -> None:
    model, x = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10")), [Fraction(1, 2)]
    coarse = ep.stationary_posterior(model, x, digits=3)
    assert sharpened(model, x, coarse, 2, np.inf) is coarse
    fine = sharpened(model, x, coarse, 9, np.inf)
    assert fine.ball.rad() <= 1e-9 < coarse.ball.rad()
    assert fine.ball.overlaps(coarse.ball)
    assert fine.posterior == coarse.posterior
    assert fine.status == ""
