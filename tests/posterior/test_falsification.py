"""Bugs seeded into stationary posteriors, their ELBOs and gaps, and Krawczyk's test: each is caught by a named test."""

from collections.abc import Callable

import pytest

from elboproof.numbers import krawczyk, symmetric
from elboproof.posterior import (
    certification,
    elbo,
    equations,
    gap,
    shared,
    stationary_search,
    whitened,
)
from elboproof.posterior.equations import Equations, Reference
from elboproof.posterior.shared import _Shared
from tests.numbers import test_krawczyk
from tests.posterior import test_bounds, test_gap, test_stationary
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _patched(test: Callable[[pytest.MonkeyPatch], object]) -> Check:
    def check() -> None:
        with pytest.MonkeyPatch.context() as patch:
            test(patch)

    return check


def _rows() -> None:
    for place in (0, 1):
        for sign in (1, -1):
            test_krawczyk.test_every_row_must_lie_inside_of_its_own_side(place, sign)


def _entries() -> None:
    for row in (0, 1):
        test_krawczyk.test_every_entry_of_the_jacobian_counts(row)


def _kinds() -> None:
    for diagonal, kind in (
        ((1, 2), "minimum"),
        ((1, -2), "saddle"),
        ((-1, 2), "saddle"),
        ((-1, 0), "undecided"),
    ):
        test_bounds.test_kinds_are_those_of_every_hessian_of_the_box(diagonal, kind)


def _gaussian() -> None:
    for latent, decoder, found in (
        ("z", ["z**2"], False),
        ("z", ["exp(z)"], False),
        ("z", ["sin(z)"], False),
    ):
        test_bounds.test_only_affine_decoders_have_gaussian_posteriors(latent, decoder, found)


TESTS: dict[str, Check] = {
    "rows of the box": _rows,
    "entries of the Jacobian": _entries,
    "all members": test_krawczyk.test_zeros_of_all_members_lie_in_the_box_that_is_returned,
    "zeros beside the box": (
        test_krawczyk.test_a_zero_beside_the_box_that_the_jacobian_was_enclosed_over_is_not_proved_there
    ),
    "unknown values": test_krawczyk.test_unknown_values_are_not_certified,
    "boxes of images": test_bounds.test_boxes_hold_the_images_of_cubes_and_no_more,
    "chain rule": test_bounds.test_gradients_and_hessians_are_turned_by_the_chain_rule,
    "whitening": test_bounds.test_a_whitening_moves_the_factor_by_the_factor,
    "kinds": _kinds,
    "far guess": test_bounds.test_a_point_far_from_its_guess_has_its_own_elbo_and_place,
    "shared, far guess": test_bounds.test_a_shared_point_far_from_its_guess_has_its_own_elbo_and_places,
    "arrow": test_bounds.test_two_shared_means_do_not_meet,
    "prior and entropy": test_bounds.test_prior_and_entropy_by_hand,
    "differences": test_bounds.test_a_gap_spans_all_evidences_and_elbos,
    "Gaussian posteriors": _gaussian,
    "Hessians over boxes": lambda: test_bounds.test_hessians_over_boxes_hold_those_at_all_places(True),
    "Hessians over boxes, summed": lambda: test_bounds.test_hessians_over_boxes_hold_those_at_all_places(
        False
    ),
    "both routes": lambda: test_stationary.test_gradient_and_hessian_by_tape_and_by_quadrature_agree("full"),
    "difference quotients": test_stationary.test_gradient_is_the_difference_quotient_of_the_elbo,
    "not stationary": _patched(test_stationary.test_a_guess_that_is_not_stationary_is_not_proved),
    "too many digits": test_gap.test_too_many_digits_of_a_gap_are_undecided,
    "wide balls": test_bounds.test_elbos_of_wide_balls_hold_those_of_all_members,
}

BUGS: dict[str, Bug] = {
    "the box of the first row": Seeded(
        krawczyk,
        "certified",
        "all(_in_interior(part, r) for part, r in zip(zero, radii, strict=True))",
        "_in_interior(zero[0], radii[0])",
        "rows of the box",
    ),
    "the first row's radius": Seeded(
        krawczyk, "certified", "_in_interior(part, r)", "_in_interior(part, radii[0])", "rows of the box"
    ),
    "one row is built from the diagonal": Seeded(
        krawczyk, "certified", "for k in range(size):", "for k in (i,):", "entries of the Jacobian"
    ),
    "the identity is lost": Seeded(
        krawczyk,
        "certified",
        "(int(i == k) - dot(y[i], column))",
        "(-dot(y[i], column))",
        "entries of the Jacobian",
    ),
    "columns are rows": Seeded(
        krawczyk, "certified", "jacobian[j][k] for j", "jacobian[k][j] for j", "all members"
    ),
    "midpoints of the Jacobian": Seeded(
        krawczyk,
        "certified",
        "jacobian[j][k] for j",
        "jacobian[j][k].mid() for j",
        ("entries of the Jacobian", "all members"),
    ),
    "the sign of the step": Seeded(
        krawczyk, "certified", "total = -dot(", "total = dot(", ("rows of the box", "all members")
    ),
    "values are points": Seeded(
        krawczyk, "certified", "-dot(y[i], value)", "-dot(y[i], [v.mid() for v in value])", "all members"
    ),
    "a touch of the face": Seeded(
        krawczyk,
        "_in_interior",
        "part > -arb(radius) and part < arb(radius)",
        "part >= -arb(radius) and part <= arb(radius)",
        "rows of the box",
    ),
    "one side of the interior": Seeded(
        krawczyk, "_in_interior", "part > -arb(radius) and ", "", "rows of the box"
    ),
    "overlap is enough": Seeded(
        krawczyk,
        "_in_interior",
        "part > -arb(radius) and part < arb(radius)",
        "not (part <= -arb(radius) or part >= arb(radius))",
        "rows of the box",
    ),
    "a box that the Jacobian does not cover": Seeded(
        krawczyk, "zero_near", "[radius] * len(value)", "[2 * radius] * len(value)", "zeros beside the box"
    ),
    "infinite balls are inside": Seeded(
        krawczyk,
        "_in_interior",
        "part.is_finite() and part > -arb(radius) and part < arb(radius)",
        "not part.is_finite() or part > -arb(radius) and part < arb(radius)",
        "unknown values",
    ),
    "boxes with signs": Seeded(
        whitened, "box_over", "(abs(entry) for entry in row)", "(entry for entry in row)", "boxes of images"
    ),
    "boxes of one direction": Seeded(
        whitened,
        "box_over",
        "for entry in row), arb(0))",
        "for entry in row[:1]), arb(0))",
        "boxes of images",
    ),
    "gradients are not turned": Seeded(
        whitened, "whitened", "[dot(column, gradient) for column in columns]", "list(gradient)", "chain rule"
    ),
    "Hessians are turned once": Seeded(whitened, "whitened", ", turned\n", ", half\n", "chain rule"),
    "the whitening of a diagonal factor": Seeded(
        whitened, "whitening", "v.row <= u.row", "v.row == u.row", "whitening"
    ),
    "t is multiplied by the factor": Seeded(
        whitened, "moved_factor", "*= np.exp(delta)", "+= delta", "whitening"
    ),
    "undecided kinds are saddles": Seeded(
        whitened, "kind_of", 'return "undecided"', 'return "saddle"', "kinds"
    ),
    "positive and negative change places": Seeded(
        symmetric,
        "inertia",
        "(signs.count(1), signs.count(-1))",
        "(signs.count(-1), signs.count(1))",
        "kinds",
    ),
    "pivots at their midpoints": Seeded(
        symmetric,
        "inertia",
        "1 if pivot > 0 else -1 if pivot < 0 else 0",
        "1 if pivot.mid() > 0 else -1",
        "kinds",
    ),
    "the place is the guess": Seeded(
        certification, "place_of", "dot(row, point.zero.place)", "dot(row, point.zero.place) * 0", "far guess"
    ),
    "the place is not turned": Seeded(
        certification,
        "place_of",
        "[dot(row, point.zero.place) for row in point.turn]",
        "list(point.zero.place)",
        "far guess",
    ),
    "the remainder is lost": Seeded(
        stationary_search, "_elbo_fields", "ball - correction", "ball", "far guess"
    ),
    "the remainder's sign": Seeded(
        stationary_search, "_elbo_fields", "ball - correction", "ball + correction", "far guess"
    ),
    "the remainder is not halved": Seeded(
        stationary_search,
        "_with_elbo",
        "form(point.zero.jacobian, point.zero.place) / 2",
        "form(point.zero.jacobian, point.zero.place)",
        "far guess",
    ),
    "the width of the remainder": Seeded(
        stationary_search,
        "_elbo_fields",
        "not status and not total.rad() <= 10.0**-digits",
        "False",
        "far guess",
    ),
    "the test is skipped": Seeded(
        certification,
        "certify",
        "return None if zero is None else system.proved(zero)",
        "from elboproof.numbers.krawczyk import Zero\n        system.enclosed(1e-6)\n"
        "        return system.proved(zero or Zero([system.equations.data()[0] * 0] * 2, [[0, 0], [0, 0]], 1e-6))",
        "not stationary",
    ),
    "shared: the remainder is lost": Seeded(
        shared._Shared, "_point", " - form(zero.jacobian, zero.place) / 2)", ")", "shared, far guess"
    ),
    "shared: one remainder for each": Seeded(
        shared._Shared,
        "_point",
        "form(zero.jacobian, zero.place) / 2)",
        "form(zero.jacobian, zero.place) * len(pairs) / 2)",
        "shared, far guess",
    ),
    "shared: means without their step": Seeded(
        _Shared, "_enclosed", "zero[n * d : n * d + d]", "zero[:d]", "shared, far guess"
    ),
    "shared: blocks meet": Seeded(
        _Shared,
        "enclosed",
        "[*range(n * d, n * d + d), *range(count * d, size)]",
        "[*range(d), *range(count * d, size)]",
        "arrow",
    ),
    "shared: the border of the last x": Seeded(
        shared, "_add", "hessian[i][j] += curve[a][b]", "hessian[i][j] = curve[a][b]", "arrow"
    ),
    "entropy of the squares": Seeded(
        elbo, "prior_and_entropy", "range(i + 1)", "range(i, i + 1)", "prior and entropy"
    ),
    "entropy of twice the logs": Seeded(
        elbo, "prior_and_entropy", "+ row[i].log()", "+ 2 * row[i].log()", "prior and entropy"
    ),
    "the mean's square": Seeded(
        elbo, "prior_and_entropy", "1 - m * m - variance", "1 - variance", "prior and entropy"
    ),
    "gaps of lower bounds": Seeded(gap, "_difference", "lower.union(upper)", "lower", "differences"),
    "gaps of midpoints": Seeded(
        gap, "_difference", "evidence_ball - ball", "evidence_ball - ball.mid()", "differences"
    ),
    "wider pairs count": Seeded(
        gap, "_difference", "high - low < upper - lower", "high - low > upper - lower", "differences"
    ),
    "growth is quadratic": Seeded(gap, "_is_quadratic", " and not any(growth)", "", "Gaussian posteriors"),
    "waves are quadratic": Seeded(gap, "_is_quadratic", " and not any(turn)", "", "Gaussian posteriors"),
    "fourth powers are quadratic": Seeded(
        gap, "_is_quadratic", "sum(k) <= 2", "sum(k) <= 4", "Gaussian posteriors"
    ),
    "digits are not waited for": Seeded(
        gap,
        "below_evidence",
        "best.rad() <= size * arb(10) ** -arb(digits)",
        "best.is_finite()",
        "too many digits",
    ),
    "no 1 of the entropy": Seeded(equations, "gradient_of", "slope * own + 1", "slope * own", "both routes"),
    "the prior's own slope": Seeded(equations, "gradient_of", " - own\n", "\n", "both routes"),
    "the Hessian of the likelihood": Seeded(equations, "hessian_of", " - int(u == v)", "", "both routes"),
    "no second derivative of exp": Seeded(
        equations, "hessian_of", "value = value + own * (", "value = value + 0 * own * (", "both routes"
    ),
    "one factor for two t": Seeded(
        equations, "hessian_of", "for w in (u, v):", "for w in (u,):", "both routes"
    ),
    "tape: log L": Seeded(
        equations,
        "_elbo_entry",
        "tape.add(root, logs)",
        "root",
        ("both routes", "difference quotients"),
        caches=(equations.closed_forms,),
    ),
    "tape: the prior": Seeded(
        equations,
        "_elbo_entry",
        "Fraction(-1, 2)",
        "Fraction(-1, 4)",
        ("both routes", "difference quotients"),
        caches=(equations.closed_forms,),
    ),
    "the Hessian at the point": Seeded(
        Equations,
        "at",
        "forms[1](*self._inputs(box))",
        "forms[1](*self._inputs([arb(0)] * len(box)))",
        "Hessians over boxes",
    ),
    "rules for the point": Seeded(
        Equations,
        "at",
        "rules = self._rules(wide,",
        "rules = self._rules(sharp,",
        "Hessians over boxes, summed",
    ),
    "sums over the point": Seeded(
        Equations,
        "at",
        "rules.sums(sharp), rules.sums()",
        "rules.sums(sharp), rules.sums(sharp)",
        "Hessians over boxes, summed",
    ),
    "boxes of the mean": Seeded(
        Reference, "point", "mean[u.row] += delta", "mean[u.row] += delta.mid()", "far guess"
    ),
    "wide ELBOs of points": Seeded(
        elbo,
        "_evaluated",
        "ProvedRules(model, x, point,",
        "ProvedRules(model, x, EnclosedGaussian([m.mid() for m in point.mean], point.factor),",
        "wide balls",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
