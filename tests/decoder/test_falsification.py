"""Bugs seeded into the optimal decoder: each is caught by a named test that the code itself passes."""

from collections.abc import Callable

import pytest

from elboproof.decoder import attention, bounds, derivatives, enclosing, gaussians, per_query, streaming
from tests.decoder import (
    test_attention,
    test_bounds,
    test_derivatives,
    test_enclosing,
    test_optimal,
    test_streaming,
)
from tests.decoder.conftest import in_digits, make, mp_average
from tests.seeding import Seeded, seeded

pytestmark = pytest.mark.slow


def _in_many_digits(kind: str) -> Callable[[], object]:
    return lambda: test_enclosing.test_encloses_the_value_in_many_digits(make, mp_average, kind, 1.0, 15)


def _two_points() -> None:
    for seed in range(4):
        test_bounds.test_two_points_reach_the_lipschitz_bound_at_the_midpoint(seed)


def _raised_shifts() -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_streaming.test_bad_first_shifts_are_raised(make, "scalar", 0.5, patch)


def _skipped_blocks() -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_streaming.test_skipping_neglects_less_than_promised(make, patch)


TESTS: dict[str, Callable[[], object]] = {
    "values, shared": _in_many_digits("shared"),
    "values, variances": _in_many_digits("variances"),
    "wide balls, shared": lambda: test_enclosing.test_wide_balls_contain_the_exact_values_at_their_ends(
        make, "shared", 1e-2
    ),
    "wide balls, matrices": lambda: test_enclosing.test_wide_balls_contain_the_exact_values_at_their_ends(
        make, "matrices", 1e-2
    ),
    "cancelling energies": test_enclosing.test_digits_are_reached_where_large_energies_cancel,
    "complex rectangles": lambda: (
        test_enclosing.test_complex_rectangles_contain_the_exact_values_at_their_corners(make, "shared")
    ),
    "complex values": lambda: test_enclosing.test_complex_values_agree_with_many_digits(
        make, "matrices", mp_average
    ),
    "zero by symmetry": (
        test_enclosing.test_a_zero_by_symmetry_is_accepted_and_floats_are_their_exact_binary_numbers
    ),
    "slope of two points": _two_points,
    "first pole": lambda: test_bounds.test_first_pole_of_two_points_lies_on_the_strip(1),
    "wide blocks": test_bounds.test_diameter_is_found_between_blocks_that_are_wide_themselves,
    "exact distances": test_bounds.test_diameter_is_above_the_exact_distance,
    "largest distance": lambda: test_bounds.test_diameter_is_the_largest_distance_rounded_up(3000, 2, 0),
    "ill-conditioned covariance": test_bounds.test_hopelessly_conditioned_covariance_is_refused,
    "Taylor series": lambda: test_derivatives.test_matches_a_taylor_series_in_fifty_digits(
        make, mp_average, "matrices", 4
    ),
    "fifty digits": lambda: test_optimal.test_agrees_with_fifty_digits_between_the_codes(
        make, in_digits, "matrices", 1.0
    ),
    "densities": lambda: test_optimal.test_weights_and_log_density_match_scipy(make, "variances"),
    "softmax attention": lambda: test_attention.test_reproduced_by_scaled_dot_product_attention(
        make, "shared", as_tensors=False
    ),
    "upper bounds of blocks": lambda: test_streaming.test_upper_bounds_hold(make, "variances"),
    "rounding of products": lambda: test_streaming.test_rounding_bound_is_honest_and_needed(make, "matrices"),
    "raised shifts": _raised_shifts,
    "skipped blocks": _skipped_blocks,
    "order of points": test_streaming.test_order_is_a_permutation_into_small_boxes,
    "blocks": lambda: test_streaming.test_blocks_give_the_weighted_average(make, "matrices", 3, 1.0),
}

BUGS = {
    "the determinants are left out": Seeded(
        enclosing, "_values", "logs[0 if shared else i] - _dot", "-_dot", "values, variances"
    ),
    "the determinants are not rooted": Seeded(
        enclosing, "_invert", "-wrapped.det().log() / 2", "-wrapped.det().log()", "complex values"
    ),
    "the energy is not halved": Seeded(
        enclosing, "_values", "_dot(away, slopes[-1]) / 2", "_dot(away, slopes[-1])", "values, shared"
    ),
    "digits are not waited for": Seeded(
        enclosing,
        "_reached",
        "ball.rad() <= wanted * abs(ball.mid())",
        "ball.rad() <= 1",
        "cancelling energies",
    ),
    "a zero is accepted at once": Seeded(
        enclosing, "_reached", "ball.rad() <= floor", "ball.rad() <= size", "zero by symmetry"
    ),
    "the linear term is halved": Seeded(
        enclosing, "_values", "+ linear - bent", "+ linear / 2 - bent", "wide balls, shared"
    ),
    "the width is lost": Seeded(enclosing, "_values", "+ linear - bent", "", "wide balls, shared"),
    "the quadratic term is lost": Seeded(
        enclosing, "_values", "+ linear - bent", "+ linear", "wide balls, matrices"
    ),
    "the quadratic term is halved": Seeded(
        enclosing, "_bend", "_times(change, width)) / 2", "_times(change, width)) / 4", "wide balls, matrices"
    ),
    "the width of imaginary parts is lost": Seeded(
        enclosing, "_values", "component - centre for", "(component - centre).real for", "complex rectangles"
    ),
    "an eighth for a quarter": Seeded(
        bounds, "lipschitz", "slope_diameter(g) / 4", "slope_diameter(g) / 8", "slope of two points"
    ),
    "codes are not whitened": Seeded(
        bounds, "slope_diameter", "diameter(shifted @ P.T)", "diameter(shifted)", "slope of two points"
    ),
    "a strip twice as wide": Seeded(bounds, "radius", "math.pi / slope", "2 * math.pi / slope", "first pole"),
    "a diameter compared without its square": Seeded(
        bounds, "diameter", "reach * reach < best", "reach < best", "wide blocks"
    ),
    "no margin for a diameter's roundings": Seeded(
        bounds,
        "diameter",
        "upward(math.sqrt(best + 2 * rounding) + 4 * EPS * largest, roundings=3)",
        "math.sqrt(best)",
        "exact distances",
    ),
    "blocks are compared with themselves only": Seeded(
        bounds, "diameter", "points[order[second]] - centre", "rows", "wide blocks"
    ),
    "the nearest points come first": Seeded(
        bounds, "diameter", "np.argsort(-radii)", "np.argsort(radii)", "largest distance"
    ),
    "any inverse is good enough": Seeded(
        bounds, "slope_diameter", "defect < 0.5", "defect < math.inf", "ill-conditioned covariance"
    ),
    "Leibniz without binomials": Seeded(derivatives, "quotient", "ways * ", "", "Taylor series"),
    "the Hessian counts once": Seeded(derivatives, "polynomials", "below[other] * ", "", "Taylor series"),
    "the difference of covariances is not turned": Seeded(
        gaussians,
        "relative",
        "scores - 0.5 * _sum([u[k] * turned",
        "scores - _sum([u[k] * turned",
        "fifty digits",
    ),
    "the norms of the densities": Seeded(
        gaussians, "relative", "(g.log_norms - g.log_norms[reference][:, None])", "0", "densities"
    ),
    "the number of points": Seeded(per_query, "log_density", "- math.log(len(g.means))", "", "densities"),
    "a bias without its half": Seeded(
        attention, "attention", "-0.5 * scale", "-1.0 * scale", "softmax attention"
    ),
    "a block's least constant": Seeded(
        streaming,
        "_upper_bounds",
        "whole.top[block].max()",
        "whole.top[block].min()",
        "upper bounds of blocks",
    ),
    "a block's largest stiffness": Seeded(
        streaming,
        "_upper_bounds",
        "whole.stiffness[block].min()",
        "whole.stiffness[block].max()",
        "upper bounds of blocks",
    ),
    "products round less than they do": Seeded(
        streaming.Terms, "rounding", "2 * self.features.shape[1]", "1e-3", "rounding of products"
    ),
    "what was summed is not rescaled": Seeded(
        streaming._Pass, "_raise_shift", "self.total[queries] *= factor", "pass", "raised shifts"
    ),
    "weights of a tenth are negligible": Seeded(
        streaming._Pass, "seen", "math.log(4 * len(self.codes) / eps)", "math.log(10.0)", "skipped blocks"
    ),
    "a part of the points is lost": Seeded(
        streaming, "spatial_order", "split[:cut]", "split[-cut:]", "order of points"
    ),
    "off-diagonal entries count once": Seeded(
        streaming, "_separate", "np.where(row == column, 0.5, 1.0)", "0.5", "blocks"
    ),
}


@pytest.mark.parametrize("name", TESTS)
def test_the_code_passes_every_test_of_the_table(name: str) -> None:
    TESTS[name]()


@pytest.mark.parametrize("bug", BUGS)
def test_each_seeded_bug_is_caught(bug: str) -> None:
    with seeded(BUGS[bug]), pytest.raises((AssertionError, pytest.fail.Exception)):
        TESTS[BUGS[bug].caught_by]()


def test_every_test_of_the_table_catches_a_bug() -> None:
    assert {bug.caught_by for bug in BUGS.values()} == set(TESTS)
