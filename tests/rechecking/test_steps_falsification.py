"""Bugs seeded into single steps of the check of certificates: each is caught by a named test."""

from fractions import Fraction

import pytest

from elboproof.rechecking import integration, recheck
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.integral_claims import IntegralClaims
from elboproof.rechecking.recheck import _Checker
from tests.rechecking import test_steps
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _covers() -> None:
    for name in test_steps.COVERS:
        test_steps.test_covers_are_accepted_in_any_order_and_not_without_a_leaf(name)


def _overlaps(*names: str) -> Check:
    def check() -> None:
        for name in names:
            test_steps.test_leaves_that_overlap_are_refused_whatever_their_volumes(name)

    return check


def _undecided(step: str) -> Check:
    def check() -> None:
        for vague in test_steps.VAGUE:
            with pytest.MonkeyPatch.context() as patch:
                test_steps.test_what_is_not_decided_is_refused(step, vague, patch)

    return check


def _line() -> None:
    for q, slope in (("1/3", "0"), ("0", "3/2"), ("2", "-5")):
        test_steps.test_integrals_of_gaussians_on_the_line(q, slope)


def _plane() -> None:
    for q, slope in test_steps.PLANE:
        test_steps.test_integrals_of_gaussians_in_the_plane(q, slope)


def _curvatures() -> None:
    for dense, exceeds in (
        (["3/5", "-2", "4"], False),
        (["1/4"], False),
        (["1/2"], False),
        (["3/5", "0", "1"], True),
    ):
        test_steps.test_curvatures_exceed_a_half_on_the_whole_line_or_not(dense, exceeds)


def _growing() -> None:
    for function in (
        {test_steps.Z**4: Fraction(1)},
        {test_steps.Z**3: Fraction(1)},
        {test_steps.Z**3: Fraction(-1)},
    ):
        test_steps.test_exponents_that_grow_have_no_integral(function)


TESTS: dict[str, Check] = {
    "covers": _covers,
    "overlaps along the first axis": _overlaps("along the first axis", "a leaf twice"),
    "overlaps along the second axis": _overlaps("along the second axis"),
    "overlaps of all pairs": _overlaps("not next to each other in order", "not in order"),
    "undecided claims": _undecided("claims"),
    "undecided upper bounds": _undecided("upper"),
    "undecided lower bounds": _undecided("lower"),
    "lower ends of claims": lambda: test_steps.test_a_claim_is_compared_with_both_ends("lower"),
    "upper ends of claims": lambda: test_steps.test_a_claim_is_compared_with_both_ends("upper"),
    "bounds of leaves": test_steps.test_bounds_of_leaves_are_at_least_those_of_the_statement,
    "divergences": test_steps.test_divergences_of_two_latents_by_hand,
    "integrals on the line": _line,
    "integrals in the plane": _plane,
    "a curved ridge": test_steps.test_a_curved_ridge_in_the_plane_is_integrated_by_hand,
    "curvatures": _curvatures,
    "growing exponents": _growing,
    "radii": test_steps.test_radii_are_where_a_polynomial_is_nonpositive_for_good,
}

BUGS: dict[str, Bug] = {
    "undecided integrals are accepted": Seeded(
        IntegralClaims,
        "require",
        "not (value >= ball_of(low) and value <= ball_of(high))",
        "value < ball_of(low) or value > ball_of(high)",
        "undecided claims",
    ),
    "integrals are compared at their midpoints": Seeded(
        IntegralClaims,
        "require",
        "value = self.value(key) + ball_of(constant)",
        "value = self.value(key).mid() + ball_of(constant)",
        "undecided claims",
    ),
    "lower claims are not compared": Seeded(
        IntegralClaims, "require", "value >= ball_of(low) and ", "", "lower ends of claims"
    ),
    "upper claims are not compared": Seeded(
        IntegralClaims, "require", " and value <= ball_of(high)", "", "upper ends of claims"
    ),
    "undecided upper bounds are accepted": Seeded(
        _Checker,
        "_require_upper",
        "not all(value <= ball_of(leaf.upper) for value in values)",
        "any(value > ball_of(leaf.upper) for value in values)",
        "undecided upper bounds",
    ),
    "undecided lower bounds are accepted": Seeded(
        _Checker,
        "_require_lower",
        "if not body + log_w * self.exponent.data_dim / 2 >= ball_of(leaf.lower)",
        "if body + log_w * self.exponent.data_dim / 2 < ball_of(leaf.lower)",
        "undecided lower bounds",
    ),
    "any upper bound of a leaf": Seeded(
        _Checker,
        "_require_upper",
        "leaf.upper is None or leaf.upper > bound",
        "leaf.upper is None",
        "bounds of leaves",
    ),
    "any lower bound of a leaf": Seeded(
        _Checker,
        "_require_lower",
        "leaf.lower is None or leaf.lower < bound",
        "leaf.lower is None",
        "bounds of leaves",
    ),
    "overlaps: the next leaf only": Seeded(
        recheck, "_require_cover", "ordered[n + 1 :]", "ordered[n + 1 : n + 2]", "overlaps of all pairs"
    ),
    "overlaps: leaves that begin alike only": Seeded(
        recheck,
        "_require_cover",
        "other.box[0][0] >= leaf.box[0][1]",
        "other.box[0][0] > leaf.box[0][0]",
        "overlaps along the first axis",
    ),
    "overlaps: in the middle of both": Seeded(
        recheck,
        "_require_cover",
        "a < d and c < b for",
        "a < (c + d) / 2 < b for",
        ("overlaps along the second axis", "overlaps of all pairs"),
    ),
    "overlaps: leaves inside each other only": Seeded(
        recheck,
        "_require_cover",
        "a < d and c < b for",
        "a <= c and d <= b for",
        ("overlaps along the first axis", "overlaps along the second axis"),
    ),
    "overlaps: leaves in file order": Seeded(
        recheck,
        "_require_cover",
        "sorted(leaves, key=lambda leaf: leaf.box[0])",
        "list(leaves)",
        "overlaps of all pairs",
    ),
    "a part of the box is enough": Seeded(
        recheck, "_require_cover", "if volume != whole:", "if volume > whole:", "covers"
    ),
    "the divergence without its determinant": Seeded(
        recheck, "_divergence", "size - log_det)", "size)", "divergences", (recheck._divergence,)
    ),
    "the divergence without its mean": Seeded(
        recheck,
        "_divergence",
        "sum((m * m for m in q.mean), Fraction(0)) + ",
        "",
        "divergences",
        (recheck._divergence,),
    ),
    "integrals without the prior": Seeded(
        integration, "_interval", "Fraction(-1, 2))])", "Fraction(-1, 4))])", "integrals on the line"
    ),
    "even integrals count once": Seeded(
        integration, "_logarithm", "2 * part.real if even", "part.real if even", "integrals on the line"
    ),
    "odd integrals count as even": Seeded(
        integration,
        "_interval",
        "dense is not None and not any(dense[1::2])",
        "True",
        "integrals on the line",
    ),
    "a piece of the line is lost": Seeded(
        integration, "_logarithm", "pairwise(cuts)", "list(pairwise(cuts))[1:]", "integrals on the line"
    ),
    "the scale is not taken back": Seeded(
        integration, "_logarithm", ".log() + shift", ".log()", "integrals on the line"
    ),
    "alpha is not halved": Seeded(
        integration, "_quadratic", "-2 * number", "-number", "integrals in the plane"
    ),
    "no square root of alpha": Seeded(
        integration,
        "_eliminated",
        "+ ga - al.log(analytic=analytic) / 2",
        "+ ga",
        ("integrals in the plane", "a curved ridge"),
    ),
    "beta is not squared": Seeded(
        integration,
        "_eliminated",
        "return be * be / (2 * al) + ga - al.log",
        "return be / (2 * al) + ga - al.log",
        "integrals in the plane",
    ),
    "the prior of the second latent": Seeded(
        integration,
        "_quadratic",
        "parts[2][2] -= Fraction(1, 2)",
        "parts[2][2] -= Fraction(1, 4)",
        "integrals in the plane",
    ),
    "curvatures at 0 only": Seeded(
        integration,
        "_exceeds",
        'dense[0] > bound and int(sympy.Poly(coefficients, sympy.Dummy("a")).count_roots()) == 0',
        "dense[0] > bound",
        "curvatures",
    ),
    "curvatures anywhere": Seeded(integration, "_exceeds", "dense[0] > bound and ", "", "curvatures"),
    "tails on one side": Seeded(
        integration,
        "_radius_of",
        "max(_radius(side) for side in sides)",
        "_radius(sides[1])",
        "growing exponents",
    ),
    "radii by the leading coefficient": Seeded(
        integration,
        "_radius",
        "any(c > 0 for c in shifted(dense, Fraction(radius)))",
        "dense[-1] > 0",
        "radii",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS, (AssertionError, pytest.fail.Exception, CertificateError))
)
