"""Bugs seeded into the constant-variance penalty: each is caught by a named test that the code itself passes."""

from collections.abc import Callable

import pytest

from elboproof.posterior import constant_variance, loewner, precision_input, precision_stacks, specht
from tests.posterior import test_constant_variance as honest
from tests.seeding import CAUGHT, Bug, Seeded, falsification


def _patched(test: Callable[..., None], *given: object) -> Callable[[], None]:
    def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            test(*given, patch)

    return run


TESTS: dict[str, Callable[[], None]] = {
    "two matrices": honest.test_two_matrices_that_do_not_commute,
    "sharp": honest.test_a_law_at_which_specht_is_sharp,
    "both, weighted": _patched(honest.test_both_kinds_of_balls_enclose_the_truth, 2, True),
    "both": _patched(honest.test_both_kinds_of_balls_enclose_the_truth, 4, False),
    "small": _patched(honest.test_the_digits_of_a_small_penalty_come_from_the_sandwich),
    "between": _patched(honest.test_the_reference_is_between_all_precisions, 1),
    "singular": _patched(honest.test_nearly_singular_matrices_are_decided_exactly),
    "shares": honest.test_shares_are_enclosed,
    "turned": honest.test_turned_matrices_are_enclosed,
    "no logarithm": honest.test_a_matrix_that_may_be_singular_has_no_logarithm,
    "wrong estimates": _patched(honest.test_estimates_that_are_wrong_are_not_believed),
    "order, floats": lambda: honest.test_an_order_is_proved_only_where_it_holds("floats"),
    "order, exact": lambda: honest.test_an_order_is_proved_only_where_it_holds("exact"),
    "rounded up": lambda: honest.test_specht_is_rounded_up(1 + 1e-8),
    "falling share": lambda: honest.test_shares_of_the_second_order_fall(3.0),
    "uneven": lambda: honest.test_bad_precisions_are_named("uneven"),
    "any coordinates": lambda: honest.test_any_coordinates_will_do(3),
    "one matrix": honest.test_one_matrix_costs_nothing,
}

FLOATS, EXACT = precision_stacks.FloatStack, precision_stacks.ExactStack
FOUND, PIVOTS = "_found", "log_determinants"
SANDWICH = "share(high) * second, share(low) * second"
BUGS: dict[str, Bug] = {
    "the Schur complement is not taken": Seeded(
        precision_stacks, PIVOTS, " - share.reshape(count, k, 1) * below.reshape(count, 1, k)", "", "both"
    ),
    "the last pivot is left out": Seeded(
        precision_stacks, PIVOTS, "while rows.shape[1]:", "while rows.shape[1] > 1:", "no logarithm"
    ),
    "shares without a radius": Seeded(FLOATS, "weighted", "np.spacing(share)", "0.0 * share", "shares"),
    "equal shares for all": Seeded(FLOATS, "weighted", "if weights is None", "if True", "both, weighted"),
    "turned once": Seeded(
        precision_stacks,
        "turned",
        "both = turn @ BallArray(mid, rad)",
        "both = BallArray(mid, rad)",
        "turned",
    ),
    "the radius of the first turn is lost": Seeded(
        precision_stacks,
        "turned",
        "both = turn @ BallArray(mid, rad)",
        "both = turn @ BallArray(mid)",
        "turned",
    ),
    "logarithms that are not finite are left out": Seeded(
        FLOATS, "mean_log_determinant", "np.flatnonzero(~sure)", "np.flatnonzero(sure[:0])", "singular"
    ),
    "an exact determinant that is not turned": Seeded(
        FLOATS, "mean_log_determinant", " + self._turn", "", "singular"
    ),
    "only the lower side, floats": Seeded(
        FLOATS, "between", "(block - B * low, B * high - block)", "(block - B * low,)", "order, floats"
    ),
    "only the lower side, exact": Seeded(
        EXACT, "between", "(A - B * arb(low), B * arb(high) - A)", "(A - B * arb(low),)", "order, exact"
    ),
    "pivots of either sign": Seeded(
        EXACT, "between", "not_positive(ldl(side)[1]) is None", "len(ldl(side)[1]) > 0", "order, exact"
    ),
    "the order is not asked": Seeded(
        loewner, "bracket", " and stack.between(reference, *bounds)", "", "wrong estimates"
    ),
    "h without its lower end": Seeded(
        loewner, "loewner_ratio", "upward(high / low,", "upward(high,", "between"
    ),
    "B without its scale": Seeded(
        loewner, "loewner_ratio", "arb(low) if low > 0 else arb(1)", "arb(1)", "between"
    ),
    "the penalty without its half": Seeded(
        constant_variance,
        FOUND,
        "stack.mean_log_determinant()) / 2",
        "stack.mean_log_determinant())",
        "two matrices",
    ),
    "the second order of the identity": Seeded(
        constant_variance, FOUND, "_positive(stack.square() - size)", "stack.square() * 2", "two matrices"
    ),
    "coordinates are taken for exact": Seeded(
        constant_variance, FOUND, " * lowest.union(highest)", "", "any coordinates"
    ),
    "the spectrum of the identity": Seeded(
        constant_variance, "_sandwich", "below(arb(found[0]) / arb(tilt[1]))", "found[0]", "any coordinates"
    ),
    "1/2 for 1/4": Seeded(
        constant_variance,
        FOUND,
        "lowest.union(highest) / 4",
        "lowest.union(highest) / 2",
        ("two matrices", "small"),
    ),
    "the diagonal's excess without its half": Seeded(
        constant_variance, FOUND, "arb(0)) - full) / 2", "arb(0)) - full)", "one matrix"
    ),
    "C(al) and C(be) exchanged": Seeded(
        constant_variance, "_sandwich", SANDWICH, "share(low) * second, share(high) * second", "both"
    ),
    "Specht's bound rounded down": Seeded(
        specht, "specht_bound", "return above(d", "return (1 - 2.0**-52) * above(d", "rounded up"
    ),
    "the root of Kantorovich's constant": Seeded(
        specht, "log_specht", "c - 1 - c.log()", "((1 + h) / (2 * h.sqrt())).log()", "sharp"
    ),
    "C without its 2": Seeded(specht, "share", "2 * (x - 1", "(x - 1", "falling share"),
    "symmetry is not asked": Seeded(
        precision_input, "read_precisions", "if len(uneven):", "if False:", "uneven"
    ),
    "definiteness is not asked": Seeded(
        precision_input, "positive_pivots", "if k is not None:", "if False:", "singular"
    ),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS, (*CAUGHT, ValueError, ArithmeticError))
)
