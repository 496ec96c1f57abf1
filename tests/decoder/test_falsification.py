"""Bugs seeded into the optimal decoder: each is caught by a named test that the code itself passes."""

from collections.abc import Callable

import pytest

from elboproof.decoder import (
    attention,
    bounds,
    derivatives,
    enclosing,
    gaussians,
    line,
    per_query,
    smoothness,
    streaming,
    two_points,
    unequal,
)
from tests.decoder import (
    test_attention,
    test_bounds,
    test_derivatives,
    test_enclosing,
    test_optimal,
    test_smoothness,
    test_streaming,
)
from tests.decoder.conftest import in_digits, make, mp_average
from tests.seeding import Bug, Seeded, falsification

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
    "general strip": test_smoothness.test_more_codes_than_are_looked_at_have_the_general_bound,
    "modulus": test_smoothness.test_modulus_is_reached_and_bounded,
    "linear modulus": test_smoothness.test_modulus_of_different_variances_is_linear_and_then_the_diameter,
    "supremum of two variances": lambda: test_smoothness.test_two_variances_have_their_supremum(1),
    "nearly on a line": test_smoothness.test_codes_nearly_on_a_line_have_the_general_bound,
    "zeros on a line": test_smoothness.test_winding_counts_zeros_above_the_first,
    "roots of a polynomial": test_smoothness.test_winding_agrees_with_the_roots_of_a_polynomial,
    "three codes": test_smoothness.test_three_codes_have_their_exact_strip,
    "Newton on a line": lambda: test_smoothness.test_first_zero_on_a_line_is_where_newton_finds_it(0),
    "line in space": test_smoothness.test_codes_on_a_line_in_space_have_the_strip_of_the_line,
    "multiplicities": test_smoothness.test_two_points_with_multiplicities,
    "ordered matrices": (test_smoothness.test_two_ordered_matrices_have_their_supremum_and_their_first_pole),
    "unordered covariances": (
        test_smoothness.test_unordered_covariances_of_two_points_have_no_constant_and_no_tube
    ),
    "one wide among copies": test_smoothness.test_a_wide_point_among_copies_needs_the_logarithm,
    "pairs in blocks": test_smoothness.test_blocks_of_pairs_find_the_largest_one,
    "tube of several variances": lambda: test_smoothness.test_tube_of_several_variances_is_free_of_zeros(0),
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

BUGS: dict[str, Bug] = {
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
        smoothness, "lipschitz", "slope_diameter(g) / 4", "slope_diameter(g) / 8", "slope of two points"
    ),
    "codes are not whitened": Seeded(
        bounds, "slope_diameter", "diameter(shifted @ P.T)", "diameter(shifted)", "slope of two points"
    ),
    "a strip twice as wide": Seeded(line, "least_height", "arb.pi() /", "2 * arb.pi() /", "first pole"),
    "the general strip twice as wide": Seeded(
        smoothness, "radius", "math.pi / bounds", "2 * math.pi / bounds", "general strip"
    ),
    "a modulus with half its argument": Seeded(
        smoothness, "modulus", "far * (spread / 4)", "far * (spread / 8)", "modulus"
    ),
    "the data's diameter is left out": Seeded(
        smoothness, "modulus", "np.minimum(size, straight)", "straight", "linear modulus"
    ),
    "every covariance is the first": Seeded(
        smoothness,
        "_merged",
        "(g.covariances == g.covariances[:1]).all()",
        "True",
        "supremum of two variances",
    ),
    "codes on a bent line count as straight": Seeded(
        line, "_places", "return places if straight else None", "return places", "nearly on a line"
    ),
    "the wrong half": Seeded(line, "_halved", "if count else", "if not count else", "three codes"),
    "a winding number without its sides": Seeded(
        line.Terms, "zeros_below", "(sides - gained)", "(-gained)", "zeros on a line"
    ),
    "the ends are too near": Seeded(
        line.Terms,
        "ends",
        "arb(4 * sum(self.counts)).log() / self.stiffness",
        "arb(0)",
        "roots of a polynomial",
    ),
    "every piece counts as free of zeros": Seeded(
        line, "_excludes_zero", "part > 0 or part < 0 for", "True for", "zeros on a line"
    ),
    "a code counts once": Seeded(
        line, "width", "int(n) for n in counts", "1 for n in counts", "Newton on a line"
    ),
    "the direction is not whitened": Seeded(line, "width", "q * found / length", "found", "line in space"),
    "multiplicities are forgotten": Seeded(
        two_points, "pair", "+ (arb(n[0]) / n[1]).log()", "", "multiplicities"
    ),
    "the maximum without its displacement": Seeded(
        two_points, "narrow", "+ form[0, 0]", "", "ordered matrices"
    ),
    "the determinants of a pair": Seeded(
        two_points, "narrow", "two.det() / one.det()", "one.det() / two.det()", "supremum of two variances"
    ),
    "a trace for the largest eigenvalue": Seeded(
        two_points, "_largest", "return bound", "return bound / 2", "ordered matrices"
    ),
    "any pair is ordered": Seeded(
        two_points,
        "narrow",
        "if not_positive(ldl(K.tolist())[1]) is not None:",
        "if False:",
        "unordered covariances",
    ),
    "the slope at equal weights as the supremum": Seeded(
        two_points.Pair, "steepness", "s = _steepest(self.height)", "s = arb(0)", "supremum of two variances"
    ),
    "a pole twice as far": Seeded(
        two_points.Pair, "radius", "square / self.largest", "4 * square / self.largest", "ordered matrices"
    ),
    "no logarithm of the number of points": Seeded(
        unequal, "steepness", "2 * arb(found.rate) * logarithm", "0 * logarithm", "one wide among copies"
    ),
    "pairs without their determinants": Seeded(
        unequal, "_constants", "total = m.shape[1] * change", "total = 0 * change", "pairs in blocks"
    ),
    "the nearest block is enough": Seeded(
        unequal, "_largest_constant", "upward(most, 2 * roundings) < best", "best > 0", "pairs in blocks"
    ),
    "a tube without its angle": Seeded(
        unequal, "_tube", "angle = 2 *", "angle = 20 *", "tube of several variances"
    ),
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


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
