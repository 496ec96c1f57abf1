"""Bugs seeded into the gap law: its diagrams, series, modes and hypotheses. Each is caught by a named test."""

import mpmath as mp
import pytest

from elboproof.expansion import asymptotics, gap_law, hypotheses, misfit, modes, preimages, wick
from elboproof.expansion.asymptotics import Expansion
from elboproof.expansion.gap_law import GapLaw
from elboproof.expansion.misfit import Misfit
from elboproof.expansion.wick import Series
from elboproof.numbers import symmetric
from tests.expansion import test_gap_law, test_gap_law_limits, test_modes, test_series
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow

CACHES = (wick.diagrams, misfit._exact_decoder)


def _curve(name: str) -> Check:
    def check() -> None:
        with mp.workdps(test_gap_law.DIGITS):
            test_gap_law.test_error_of_the_law_has_the_next_order(name)

    return check


def _affine() -> None:
    for entries, linear in (
        (["2*a - b", "b/3 + 1"], True),
        (["a*b", "b"], False),
        (["a + (b - 1/3)**3", "b"], False),
    ):
        test_modes.test_only_affine_decoders_are_affine(entries, linear)


TESTS: dict[str, Check] = {
    "brute force": test_series.test_diagrams_agree_with_brute_force_for_symbols,
    "cumulants": test_series.test_weights_of_diagrams_are_cumulants_of_hermite_polynomials,
    "arithmetic": test_series.test_arithmetic_of_series,
    "degrees of diagrams": lambda: test_series.test_diagrams_have_their_degrees_and_no_line_within_a_vertex(
        (3, 3, 4)
    ),
    "vertices": test_series.test_vertices_are_taylor_series_in_the_mean_and_the_spread,
    "undecided zeros": test_series.test_zeros_that_nobody_can_decide_drop_no_vertex,
    "masses": test_modes.test_masses_have_the_metric_and_the_curvature,
    "heat equation": test_gap_law.test_sinh_follows_the_heat_equation,
    "parabola": _curve("parabola"),
    "saddle": lambda: test_gap_law.test_surfaces("off the saddle"),
    "covariance": test_gap_law.test_covariance_is_whitening,
    "affine decoders": _affine,
    "metrics": test_modes.test_metrics_are_inverse_covariances,
    "several modes": test_modes.test_several_preimages_have_a_law_each,
    "unequal modes": test_modes.test_unequal_preimages_share_the_mass_by_prior_and_slope,
    "one place in floats": test_modes.test_modes_that_floats_cannot_tell_apart_are_both_counted,
    "shared coordinates": test_modes.test_modes_that_share_a_coordinate_are_two,
    "far modes": lambda: test_modes.test_modes_beyond_sixty_deviations_are_none("-"),
    "flat tails": test_modes.test_a_minimum_at_infinity_is_no_mode_where_floats_see_no_slope,
    "saddle of the misfit": test_modes.test_a_mode_that_is_next_to_a_saddle_is_not_one,
    "exact points": test_modes.test_points_are_stationary_by_exact_arithmetic_only,
    "proved modes": test_modes.test_proved_modes_lie_in_their_boxes,
    "inverse functions": test_modes.test_inverse_functions_of_exact_points_are_balls_around_them,
    "derivatives over boxes": test_modes.test_derivatives_over_a_box_hold_those_at_its_points,
    "open order": test_gap_law_limits.test_open_order_is_undecided,
    "bad variances": test_gap_law_limits.test_value_needs_a_positive_variance,
    "nearest points": lambda: test_gap_law_limits.test_bad_data(
        ("z", ["z", "z**2"]), ["1", "2"], r"x: got \[1.0, 2.0\], at distance 0.38.*nearest=True"
    ),
    "status": test_modes.test_status_tells_how_the_mode_is_known,
}

BUGS: dict[str, Bug] = {
    "series: a product of leading terms": Seeded(
        Series, "__mul__", "for i in range(n + 1)", "for i in (0, n)", ("brute force",)
    ),
    "series: integers add to all": Seeded(
        Series,
        "__add__",
        "(self.coefficients[0] + other, *self.coefficients[1:])",
        "tuple(a + other for a in self.coefficients)",
        "arithmetic",
    ),
    "diagrams: the sign of an odd number": Seeded(
        wick, "diagrams", "sign = (-1) ** len(degrees)", "sign = 1", ("cumulants", "brute force"), CACHES
    ),
    "diagrams: orders of equal degrees": Seeded(
        wick, "diagrams", "sign, repeats * prod", "sign, prod", ("cumulants", "brute force"), CACHES
    ),
    "diagrams: multiple lines": Seeded(
        wick,
        "diagrams",
        "repeats * prod(factorial(n) for n in counts.values())",
        "repeats",
        ("cumulants", "brute force"),
        CACHES,
    ),
    "diagrams: vacuum parts": Seeded(
        wick,
        "diagrams",
        "if _connected(counts, len(degrees)):",
        "if True:",
        ("cumulants", "brute force"),
        CACHES,
    ),
    "diagrams: labels are one orbit": Seeded(
        wick,
        "_canonical",
        "all(degrees[p[v]] == degrees[v] for v in names)",
        "True",
        "degrees of diagrams",
        CACHES,
    ),
    "vertex sets: odd degrees": Seeded(
        wick, "vertex_sets", "k + 1 + 2 * extra", "k + 2 + 2 * extra", ("cumulants", "brute force")
    ),
    "vertex sets: late vertices": Seeded(wick, "vertex_sets", "2 * extra", "4 * extra", "cumulants"),
    "contractions: lines without S": Seeded(
        wick,
        "value",
        "raised[degree, start] if start else vertices[degree]",
        "vertices[degree]",
        "brute force",
    ),
    "contractions: kept letters": Seeded(
        wick,
        "_contract",
        "if (c in name) != (c in other_name)",
        "if (c in name) and not (c in other_name)",
        "saddle",
    ),
    "the prior's gradient is lost": Seeded(
        Expansion,
        "_potential",
        "prior = self.mode.prior_derivative(rank)",
        "prior = None if rank == 1 else self.mode.prior_derivative(rank)",
        ("brute force", "heat equation"),
    ),
    "the prior's curvature is lost": Seeded(
        Expansion,
        "_potential",
        "prior = self.mode.prior_derivative(rank)",
        "prior = None if rank == 2 else self.mode.prior_derivative(rank)",
        "brute force",
    ),
    "pairs bring no v": Seeded(
        Expansion,
        "_vertex",
        '_times_v(np.einsum("...ab,ab->...", term, spread))',
        'np.einsum("...ab,ab->...", term, spread)',
        "vertices",
    ),
    "Taylor without factorials": Seeded(
        Expansion,
        "_vertex",
        "(factorial(a) * factorial(pairs) * 2**pairs)",
        "(2**pairs)",
        "vertices",
    ),
    "the heat equation without its half": Seeded(Expansion, "_vertex", " * 2**pairs)", ")", "brute force"),
    "one round too few": Seeded(
        Expansion, "stationary", "range(self.orders - 1)", "range(self.orders - 2)", ("brute force",)
    ),
    "Newton's inverse stops early": Seeded(
        Expansion, "_inverse", "range(self.orders.bit_length())", "range(0)", ("brute force",)
    ),
    "the gap's powers are shifted": Seeded(Expansion, "gap", "// 2 - 1\n", "// 2\n", ("brute force",)),
    "the weights of diagrams": Seeded(
        Expansion, "gap", " * diagram.weight.numerator /", " * 1 /", ("brute force",)
    ),
    "what is not decided is zero": Seeded(
        Expansion, "_valuation", "is not True for", "is False for", "undecided zeros"
    ),
    "the correction's quartic": Seeded(
        Expansion, "correction", "+ _number(quartic)", "", ("heat equation", "brute force")
    ),
    "the correction's cubic": Seeded(
        Expansion, "correction", "twice + _number(cubic)", "twice", ("heat equation", "brute force")
    ),
    "the correction's trace": Seeded(
        Expansion, "correction", " + np.trace(V2.dot(S0))", "", ("heat equation", "brute force")
    ),
    "Leibniz: half of the splits": Seeded(
        asymptotics,
        "misfit_derivatives",
        "if subset[-1]:\n            continue",
        "if subset[-1] or sum(subset) > 1:\n            continue",
        ("derivatives over boxes", "saddle"),
    ),
    "Leibniz: indices are not put back": Seeded(
        asymptotics,
        "misfit_derivatives",
        "np.transpose(term, np.argsort(left + right))",
        "term",
        "derivatives over boxes",
    ),
    "the metric is the identity": Seeded(
        asymptotics,
        "misfit_derivatives",
        "np.tensordot(metric, part, axes=([1], [0]))",
        "part",
        ("derivatives over boxes", "covariance"),
    ),
    "the residual's sign": Seeded(
        asymptotics,
        "misfit_derivatives",
        "j: -decoder[j] for j",
        "j: decoder[j] for j",
        "derivatives over boxes",
    ),
    "balls of derivatives at midpoints": Seeded(
        misfit,
        "ball_decoder",
        "(*point, *[None] * D)",
        "(*[p.mid() for p in point], *[None] * D)",
        "derivatives over boxes",
    ),
    "arcsines without their half": Seeded(
        misfit, "_asin", "2 * sympy.atan", "sympy.atan", "inverse functions"
    ),
    "arccosines from the other end": Seeded(
        misfit, "ball", "sympy.pi / 2 - _asin(c)", "sympy.pi / 2 + _asin(c)", "inverse functions"
    ),
    "area tangents without their half": Seeded(misfit, "_atanh", " / 2", "", "inverse functions"),
    "log masses without the metric": Seeded(
        Misfit, "log_mass", "(ball(self.metric.det()).log() - hessian.log())", "(-hessian.log())", "masses"
    ),
    "log masses without the prior": Seeded(
        Misfit, "log_mass", " - float(energy.mid())", "", ("heat equation", "unequal modes")
    ),
    "the Hessian is not looked at": Seeded(
        preimages,
        "_checked",
        "not_positive(ldl(potential.ball_derivative(2, balls).tolist())[1]) is not None",
        "False",
        "saddle of the misfit",
    ),
    "pivots that may be zero": Seeded(
        symmetric, "not_positive", "if not pivot > 0", "if pivot < 0", "saddle of the misfit"
    ),
    "a place is the guess": Seeded(
        preimages,
        "_proved",
        "a + b for a, b in zip(system.point, zero.place, strict=True)",
        "a for a, b in zip(system.point, zero.place, strict=True)",
        "proved modes",
    ),
    "balls that contain zero affirm": Seeded(
        preimages,
        "_stationary",
        "sympy.sympify(entry).equals(0) for entry",
        "True for entry",
        "exact points",
    ),
    "balls refute nothing": Seeded(
        preimages,
        "_stationary",
        "not all(entry.contains(0) for entry in slope)",
        "all(entry.contains(0) for entry in slope)",
        "exact points",
    ),
    "overlapping modes are one": Seeded(
        preimages,
        "_recognised",
        "if not any(all(a.overlaps(b)",
        "if not any(not all(a.overlaps(b) and False",
        "one place in floats",
    ),
    "modes are told apart by their nearest coordinate": Seeded(
        preimages, "_distinct", "np.abs(z - other).max()", "np.abs(z - other).min()", "shared coordinates"
    ),
    "ends at minus infinity": Seeded(
        preimages, "_float_minima", "np.abs(whitened).max(1)", "whitened.max(1)", "far modes"
    ),
    "every x is on the image": Seeded(
        preimages, "_found", "not on_image and not nearest", "False", "nearest points"
    ),
    "the greatest distance": Seeded(
        preimages, "_found", "levels.argmin()", "levels.argmax()", "nearest points"
    ),
    "minima at infinity are called degenerate": Seeded(
        preimages, "_found", "any(_runs(potential, z) for z in near)", "False", "flat tails"
    ),
    "undecided coefficients are zero": Seeded(
        modes, "leading", "if zero is None:", "if False:", "open order"
    ),
    "the next coefficient": Seeded(
        modes,
        "leading",
        "order, coefficient, Expansion(mode, order + 1).gap[order]",
        "order, coefficient, coefficient",
        ("parabola",),
    ),
    "balls that contain zero are not zero": Seeded(
        modes, "ball_mode", "(None if arb(number).contains(0) else False)", "False", "open order"
    ),
    "a place affirms": Seeded(
        hypotheses,
        "affine",
        "all(sympy.simplify(f.diff(a, b)) == 0 for a, b in pairs for f in model.decoder)",
        "True",
        "affine decoders",
    ),
    "the covariance for its inverse": Seeded(
        hypotheses,
        "metric_of",
        "sympy.ImmutableMatrix(likelihood.covariance).inv()",
        "sympy.ImmutableMatrix(likelihood.covariance)",
        ("metrics", "covariance"),
    ),
    "the variances for their inverses": Seeded(hypotheses, "metric_of", "1 / v for v", "v for v", "metrics"),
    "shares of modes: the best alone": Seeded(
        gap_law,
        "_several",
        "for law in ordered))",
        "for law in ordered[:1]))",
        ("several modes", "unequal modes"),
    ),
    "shares of modes: the lightest": Seeded(
        gap_law, "_several", "-law.log_mass[0])", "law.log_mass[0])", "unequal modes"
    ),
    "values without shares": Seeded(
        GapLaw, "_at", "math.log(math.fsum(masses)) if masses else 0.0", "0.0", "several modes"
    ),
    "values: one power too many": Seeded(
        GapLaw, "_at", "v**self.order + ", "v**(self.order + 1) + ", "several modes"
    ),
    "any variance": Seeded(GapLaw, "as_float", "if not given > 0:", "if given < -1:", "bad variances"),
    "what was not proved is called exact": Seeded(
        gap_law, "_settled", 'at.exact is not None else "proved', 'True else "proved', "status"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
