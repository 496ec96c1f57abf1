"""Bugs seeded into the number systems: each is caught by a named test that the code itself passes.

`TESTS` are the tests of this folder, called as pytest calls them. Bugs of constants and whole functions stand in
``test_ball_honesty`` and ``test_ball_complex``; here one step of a derivation is lost or turned at a time.
"""

from collections.abc import Callable

import pytest

from elboproof.numbers import (
    ball_arithmetic,
    ball_atan,
    ball_complex_functions,
    ball_erf,
    ball_lift,
    ball_log,
    ball_rectangles,
    ball_rounding,
    ball_waves,
    centred,
    enclosure_ends,
    exponential_sums,
    outward,
    stacked,
)
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.balls import working_precision
from elboproof.numbers.duals import Dual
from tests.numbers import (
    test_ball_complex,
    test_ball_honesty,
    test_ball_matrices,
    test_ball_storage,
    test_centred,
    test_duals,
    test_enclosure,
    test_exponential_sums,
    test_outward,
    test_stacked,
)
from tests.seeding import Bug, Seeded, falsification

pytestmark = pytest.mark.slow


def _real(name: str) -> Callable[[], object]:
    return lambda: test_ball_honesty.test_balls_of_functions_contain_the_truth(name)


def _operation(name: str) -> Callable[[], object]:
    return lambda: test_ball_honesty.test_balls_of_operations_contain_the_truth(name)


def _complex(name: str) -> Callable[[], object]:
    return lambda: test_ball_complex.test_rectangles_contain_the_truth(name)


def _slope(name: str) -> Callable[[], object]:
    return lambda: test_duals.test_real_derivatives_contain_the_truth(name, 0.04)


def _roots_near_zero() -> None:
    for where in test_ball_complex.NEAR_ZERO:
        test_ball_complex.test_roots_of_rectangles_that_reach_almost_to_zero_contain_the_truth(where)


def _cut_beside_the_midpoint() -> None:
    test_ball_complex.test_radii_are_infinite_exactly_where_a_singularity_is_touched(
        "sqrt", (-1.0, 0.05), analytic=False
    )


def _extremes() -> None:
    for name in test_enclosure.EXTREMES:
        test_enclosure.test_extremes(name)


TESTS: dict[str, Callable[[], object]] = {
    **{
        f"balls of {name}": _real(name)
        for name in (
            "square",
            "cube",
            "sqrt",
            "cosh",
            "sin",
            "tan",
            "log",
            "log1p",
            "asinh",
            "atan",
            "erf",
        )
    },
    **{f"balls: {name}": _operation(name) for name in ("multiply", "divide", "maximum")},
    "squares of narrow balls": (
        test_ball_honesty.test_squares_of_narrow_balls_are_those_beside_wide_ones_and_contain_the_truth
    ),
    "sums": test_ball_honesty.test_sums_contain_the_truth,
    "bounds": test_ball_honesty.test_bounds_are_outward,
    "containment": test_ball_storage.test_containment_is_decided_exactly,
    **{f"rectangles of {name}": _complex(name) for name in ("tanh", "erf", "atan", "square", "softplus")},
    "rectangles: operations": test_ball_complex.test_operations_contain_the_truth,
    "roots near zero": _roots_near_zero,
    "a cut beside the midpoint": _cut_beside_the_midpoint,
    "modulus": test_ball_complex.test_modulus_is_an_upper_bound_and_does_not_overflow,
    "composites": test_duals.test_composites_in_two_variables,
    "kinks": test_duals.test_kinks_give_generalised_gradients,
    "slope of tanh": _slope("tanh"),
    "slope of sigmoid": _slope("sigmoid"),
    "centred ranges": lambda: test_centred.test_range_and_centre_contain_the_images(
        test_centred.TEXTS[0], 0.5
    ),
    "unknown ranges": test_centred.test_the_form_is_not_used_where_the_plain_range_is_unknown,
    "matrix products": test_ball_matrices.test_products_contain_the_exact_products,
    "softmax averages": lambda: test_exponential_sums.test_members_are_inside(complex_first=False),
    "softmax averages in several stacks": lambda: (
        test_exponential_sums.test_several_stacks_give_what_one_gives(complex_first=False, logits=2)
    ),
    "stacks": lambda: test_stacked.test_sums_of_a_stack_are_those_of_its_forms(complex_first=False),
    "float ends of balls": _extremes,
    "outward sums": lambda: test_outward.test_sums_and_products_are_bounded_from_both_sides(17),
    "outward ends": test_outward.test_ends_of_balls_are_outside,
    "outward exponentials": test_outward.test_exponentials_are_upper_bounds_and_infinite_where_unknown,
}

_C, _A = ball_complex_functions, ball_arithmetic
BUGS: dict[str, Bug] = {
    "quotient: the divisor's radius is lost": Seeded(
        _A, "divide", "rad *= rb", "rad *= 0.0 * b", "balls: divide"
    ),
    "quotient: the divisor is not made smaller": Seeded(
        _A, "divide", "np.abs(b) - rb", "np.abs(b)", "balls: divide"
    ),
    "product: no term of both radii": Seeded(
        _A, "multiply", "(np.abs(b) + rb)", "np.abs(b)", "balls: multiply"
    ),
    "square: no excess over the midpoint": Seeded(
        _A, "square", "    spread += excess\n", "", "balls of square"
    ),
    "square of a narrow ball: half of the linear term": Seeded(
        _A, "_square_of_narrow", "    spread += spread\n", "", "squares of narrow balls"
    ),
    "square of a narrow ball: the midpoint's rounding": Seeded(
        _A, "_square_of_narrow", "ROUND * middle", "0.0 * middle", "squares of narrow balls"
    ),
    "square of a narrow ball: an underflow": Seeded(
        _A, "_square_of_narrow", "    spread += TINY\n", "", "squares of narrow balls"
    ),
    "square: a ball that may hold 0 is taken for narrow": Seeded(
        _A, "square", "(4 * rad <= m).all()", "(rad <= m).any()", "balls of square"
    ),
    "square: half of the linear term": Seeded(_A, "square", "    spread += spread\n", "", "balls of square"),
    "maximum: the lesser upper bound": Seeded(
        _A, "maximum", "np.maximum(high_a, high_b)", "np.minimum(high_a, high_b)", "balls: maximum"
    ),
    "power: the powers of the ends are exact": Seeded(_A, "power", "(n + 2) * ROUND", "0.0", "balls of cube"),
    "sum: what the levels lose is dropped": Seeded(_A, "total", "s[0] + e[0]", "s[0]", "sums"),
    "sum: radii are not added": Seeded(_A, "total", "rad.sum(axis=0)", "rad[0]", "sums"),
    "containment: the last digit is ignored": Seeded(
        _A, "contains", "(s == t) & (e <= f)", "(s == t)", "containment"
    ),
    "lower bound: not rounded": Seeded(ball_rounding, "lower_bound", "    d -= step\n", "", "bounds"),
    "root: a point is exact": Seeded(ball_lift, "_narrow_sqrt", "    e += y * ROUND\n", "", "balls of sqrt"),
    "root: not rounded outwards": Seeded(
        ball_lift, "_wide_sqrt", "    high *= RAISED\n", "", "balls of sqrt"
    ),
    "cosh: no quadratic term": Seeded(
        ball_lift, "_narrow_cosh", "    step += rad * y * 0.51\n", "", "balls of cosh"
    ),
    "wave: troughs are where peaks are": Seeded(
        ball_waves, "_wave_range", "peak + math.pi,", "peak,", "balls of sin"
    ),
    "tangent: the cosine does not fall": Seeded(
        ball_waves, "_narrow_tan", "lower_bound(c, rad)", "c", "balls of tan"
    ),
    "logarithm: subnormals are not scaled back": Seeded(
        ball_log, "_log_normal", "    k += shift\n", "", "balls of log"
    ),
    "log1p: what 1 + x loses, counted though x is used": Seeded(
        ball_log, "log1p_value", "    c[near] = 0.0\n", "", "balls of log1p"
    ),
    "asinh: no ln 2 for large arguments": Seeded(
        ball_log, "asinh", "log_value(a[far]) + (LN2_HIGH + LN2_LOW)", "log_value(a[far])", "balls of asinh"
    ),
    "atan: the sign of the correction beyond 1": Seeded(
        ball_atan, "atan", "    np.negative(y, out=y, where=inverted)\n", "", "balls of atan"
    ),
    "erf: 1 from 5 on": Seeded(ball_erf, "erf", "np.minimum(h, 6.0", "np.minimum(h, 5.0", "balls of erf"),
    "rectangles: the product loses a sign": Seeded(
        ball_rectangles, "multiply", "a * c - b * d", "a * c + b * d", "rectangles: operations"
    ),
    "rectangles: square loses a factor": Seeded(
        ball_rectangles, "square", "2 * (a * b)", "a * b", "rectangles of square"
    ),
    "rectangles: the quotient's radius of the divisor": Seeded(
        _C, "divide", "numerator / below", "BallArray(dz) / below", "rectangles: operations"
    ),
    "rectangles: the modulus is the larger part": Seeded(
        ball_rectangles, "modulus_upper", "np.sqrt(p * p + q * q)", "np.maximum(p, q)", "modulus"
    ),
    "rectangles: the root's radius from the midpoint": Seeded(
        _C, "sqrt", "(least + modulus)", "(modulus + modulus)", "roots near zero"
    ),
    "rectangles: the root's radius is halved": Seeded(
        _C, "sqrt", "BallArray(radius) /", "BallArray(0.5 * radius) /", "roots near zero"
    ),
    "rectangles: the cut is looked for at the midpoint": Seeded(
        _C,
        "_off_cut",
        "(a.lower() > 0.0) | (b.lower() > 0.0) | (b.upper() < 0.0)",
        "(a.mid > 0.0) | (b.mid > 0.0) | (b.mid < 0.0)",
        "a cut beside the midpoint",
    ),
    "rectangles: atan's slope at the far side": Seeded(
        _C, "_distances_to_i", "z[0].mig_ball()", "BallArray(z[0].mag())", "rectangles of atan"
    ),
    "rectangles: erf's path starts beside the rectangle": Seeded(
        _C, "erf", "modulus_upper(a.rad, b.mag())", "modulus_upper(a.rad, b.rad)", "rectangles of erf"
    ),
    "rectangles: softplus of the wrong side": Seeded(
        _C, "softplus", "where(left, value, add(z, value))", "value", "rectangles of softplus"
    ),
    "rectangles: tanh's imaginary part": Seeded(
        _C, "tanh", "q * s * c * inverse", "q * s * inverse", "rectangles of tanh"
    ),
    "duals: half of the product rule": Seeded(
        Dual, "__mul__", "_plus(_times(p, w), _times(v, q))", "_times(p, w)", "composites"
    ),
    "duals: the greater's slope is the other's": Seeded(
        Dual, "max", "(1 + (self.value", "(1 - (self.value", "kinks"
    ),
    "duals: tanh's slope": Seeded(Dual, "tanh", "1 - y.square()", "1 - y", "slope of tanh"),
    "duals: sigmoid's slope": Seeded(Dual, "sigmoid", "0.25 * (1", "0.2 * (1", "slope of sigmoid"),
    "duals: a mean value without its slope": Seeded(
        Dual, "mean_value", "_times(p, offset)", "_times(0, offset)", "centred ranges"
    ),
    "centred: analyticity is forgotten": Seeded(
        centred, "_narrower", "allowed & (form.rad < value.rad)", "form.rad < value.rad", "unknown ranges"
    ),
    "matrices: radii are lost": Seeded(ExactMatrix, "_balls", "    spread += rad\n", "", "matrix products"),
    "matrices: the midpoint's rounding": Seeded(
        ExactMatrix, "_balls", "spread *= (n + 2) * ROUND", "spread *= 0.0", "matrix products"
    ),
    "averages: the pivot's share": Seeded(
        exponential_sums._Divisor,
        "under",
        "total / self.total + share",
        "total / self.total",
        "softmax averages",
    ),
    "averages: every stack takes the first weights": Seeded(
        exponential_sums._Divisor,
        "_weighted",
        "start += count",
        "start += 0",
        "softmax averages in several stacks",
    ),
    "stacks: centres in another order": Seeded(
        stacked,
        "stacked",
        "form.centre for form in forms",
        "form.centre for form in forms[::-1]",
        "stacks",
    ),
    "stacks: one form counts twice": Seeded(
        stacked, "_sum", "values.sum(0)", "values.sum(0) + values[0]", "stacks"
    ),
    "enclosures: rounded inwards": Seeded(
        enclosure_ends, "_double_bounds", "exact_high > high", "exact_high < high", "float ends of balls"
    ),
    "outward: one rounding fewer than there are": Seeded(
        outward, "upward", "(roundings + 2) * 2.0**-52", "0.0", "outward sums"
    ),
    "outward: to nearest": Seeded(
        outward, "_moved", "number if arb(number) >= exact else", "number if True else", "outward ends"
    ),
    "outward: exp without its error": Seeded(
        outward, "exp_upward", ".exp().upper()", ".exp().mid", "outward exponentials"
    ),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS, around=lambda: working_precision(240))
)
