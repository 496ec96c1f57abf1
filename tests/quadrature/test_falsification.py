"""Bugs seeded into cells, charts and rules: each is caught by a named test that the code itself passes."""

import pytest

from elboproof.quadrature import cells, gauss_legendre
from elboproof.quadrature.cells import Cells
from elboproof.quadrature.charts import STRAIGHT, BetweenLines, Straight
from tests.quadrature import test_cells, test_rules
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow

TESTS: dict[str, Check] = {
    "roots": test_cells.test_roots_have_few_bits_and_reach_beyond_their_radius,
    "halving": test_cells.test_halving_is_exact_as_deep_as_it_is_allowed,
    "nearest, straight": test_cells.test_nearest_places_of_straight_cells_are_bounds,
    "bounds between lines": test_cells.test_bounds_between_lines_hold_at_corners,
    "volumes": lambda: test_cells.test_volumes_are_bounds_and_sharp(STRAIGHT),
    "volumes between lines": lambda: test_cells.test_volumes_are_bounds_and_sharp(
        BetweenLines(test_cells.LINES)
    ),
    "stretch of discs": lambda: test_cells.test_stretch_between_lines_bounds_the_slope_on_complex_discs(
        test_cells.WIDE
    ),
    "charts agree": test_cells.test_balls_floats_and_derivatives_of_a_chart_agree,
    "error factors": test_rules.test_error_factors_are_rounded_up,
    "semi-axes": test_rules.test_semi_axes_are_rounded_up,
    "series": lambda: test_rules.test_error_factor_sums_the_bounds_of_all_coefficients(gauss_legendre.RHO, 3),
    "nodes and weights": test_rules.test_nodes_and_weights_enclose_those_of_four_times_the_precision,
    "Chebyshev polynomials": test_rules.test_remainders_cover_the_errors_on_chebyshev_polynomials,
}

_RULES = (gauss_legendre.gauss_legendre, gauss_legendre.factors)


BUGS: dict[str, Bug] = {
    "roots are rounded down": Seeded(cells, "root_half", "np.ceil", "np.floor", "roots"),
    "roots of a bit more": Seeded(cells, "root_half", "(ROOT_BITS - 1)", "ROOT_BITS", "roots"),
    "one half of an interval twice": Seeded(
        cells, "halves", "(centre + half / 2, half / 2)", "(centre - half / 2, half / 2)", "halving"
    ),
    "halves are not moved apart": Seeded(
        cells, "halved", "    high[rows, axis] += half[rows, axis]\n", "", "halving"
    ),
    "halves keep their width": Seeded(cells, "halved", "    half[rows, axis] /= 2\n", "", "halving"),
    "volumes are rounded to nearest": Seeded(
        Cells,
        "volume",
        "upward(np.prod(2 * self.half, axis=1) * stretch, self.half.shape[1])",
        "(np.prod(2 * self.half, axis=1) * stretch)",
        "volumes",
    ),
    "a volume without its stretch": Seeded(Cells, "volume", " * stretch", "", "volumes between lines"),
    "the stretch of the cell for that of the ellipse": Seeded(
        Cells, "volume", "self.half, reach)", "self.half, 1.0)", "stretch of discs"
    ),
    "the reach is not used": Seeded(
        BetweenLines, "stretch", "half[:, 0] * reach", "half[:, 0]", "stretch of discs"
    ),
    "the stretch at the centre": Seeded(
        BetweenLines,
        "stretch",
        "BallArray(centre[:, 0], upward(half[:, 0] * reach, 1))",
        "BallArray(centre[:, 0])",
        ("bounds between lines", "stretch of discs"),
    ),
    "the stretch of one line": Seeded(
        BetweenLines,
        "stretch",
        "disc * (q1 - p1)",
        "disc * q1",
        ("volumes between lines", "stretch of discs"),
    ),
    "the nearest place is rounded to nearest": Seeded(
        Straight,
        "nearest",
        "downward(np.maximum(np.abs(centre) - half, 0.0), 1)",
        "(np.maximum(np.abs(centre) - half, 0.0))",
        "nearest, straight",
    ),
    "the centre is the nearest place": Seeded(
        Straight, "nearest", "np.abs(centre) - half", "np.abs(centre)", "nearest, straight"
    ),
    "one side of each cell between lines": Seeded(
        BetweenLines, "nearest", "for side in (-1.0, 1.0)", "for side in (1.0,)", "bounds between lines"
    ),
    "the upper line only": Seeded(
        BetweenLines, "nearest", "for top in (-1.0, 1.0)", "for top in (1.0,)", "bounds between lines"
    ),
    "the far corner": Seeded(
        BetweenLines, "nearest", "np.maximum(low, -high)", "np.maximum(high, -low)", "bounds between lines"
    ),
    "corners are not rounded": Seeded(
        BetweenLines, "nearest", " - rounding(sizes, 10)", "", "bounds between lines"
    ),
    "the balls' place is on the lower line": Seeded(
        BetweenLines, "place", "v[0] * p1 + p0 + v[1] * slope", "v[0] * p1 + p0 + v[1] * 0", "charts agree"
    ),
    "a series is its first term": Seeded(
        gauss_legendre, "error_factor", " / (1 - 1 / rho**2)", "", "series", caches=_RULES
    ),
    "one point more than there is": Seeded(
        gauss_legendre,
        "error_factor",
        "rho ** (2 * n)",
        "rho ** (2 * n + 2)",
        ("series", "Chebyshev polynomials"),
        caches=_RULES,
    ),
    "weights add up to 1": Seeded(
        gauss_legendre, "error_factor", "Fraction(32, 15)", "Fraction(17, 15)", "series", caches=_RULES
    ),
    "factors are rounded to nearest": Seeded(
        gauss_legendre,
        "factors",
        "upward(float(error_factor(rho or RHO, n)), 1)",
        "float(error_factor(rho or RHO, n))",
        "error factors",
    ),
    "semi-axes are rounded to nearest": Seeded(
        gauss_legendre,
        "semi_axes",
        "upward(float(along), 1), upward(float(across), 1)",
        "float(along), float(across)",
        "semi-axes",
    ),
    "the semi-axes change places": Seeded(
        gauss_legendre,
        "semi_axes",
        "(rho + 1 / rho) / 2, (rho - 1 / rho) / 2",
        "(rho - 1 / rho) / 2, (rho + 1 / rho) / 2",
        "semi-axes",
    ),
    "radii of nodes are rounded to nearest": Seeded(
        gauss_legendre,
        "_balls",
        "np.nextafter(away, np.inf)",
        "np.array(away)",
        "nodes and weights",
        caches=_RULES,
    ),
    "nodes are floats": Seeded(
        gauss_legendre,
        "_balls",
        "BallArray(mids, np.nextafter(away, np.inf))",
        "BallArray(mids)",
        "nodes and weights",
        caches=_RULES,
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
