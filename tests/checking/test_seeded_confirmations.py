"""Bugs seeded into what confirms a finding: a second precision, a second route, and that it is defined at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flint import arb

from elboproof.checking import defined, exact_ends, order, repetition, routes, symbolic
from elboproof.numbers import precision
from tests.checking import test_defined, test_repetition, test_routes
from tests.seeding import Seeded, falsification

QUOTIENT = test_defined.DISGUISED["a quotient in an exponent"]


def _disguised() -> None:
    test_defined.test_nothing_over_zero_in_disguise_is_an_identity(test_defined.ZERO, QUOTIENT)


def _beside() -> None:
    test_defined.test_the_same_over_a_close_neighbour_is_an_identity(QUOTIENT)


def _nowhere_together() -> None:
    x, zero = test_defined.x, test_defined.ZERO
    test_defined.test_poles_that_are_nowhere_left(zero / (abs(x) - x) / (abs(x) + x))


def _routes_apart() -> None:
    for first, second in ((arb(1, 0.25), arb(1.51, 0.25)), (1, arb(1.5, 0.25))):
        test_routes.test_routes_apart_are_refuted_and_wide_ones_undecided(first, second, "refuted")


def _wide_routes() -> None:
    test_routes.test_routes_apart_are_refuted_and_wide_ones_undecided(arb(1, 0.75), arb(1, 0.75), "undecided")


TESTS: dict[str, Callable[[], object]] = {
    "over zero in disguise": _disguised,
    "beside zero": _beside,
    "nowhere together": _nowhere_together,
    "the worst ball": test_repetition.test_the_worst_ball_of_a_part_decides,
    "the limit": test_repetition.test_the_limit_is_compared_too,
    "shared ends": test_repetition.test_balls_that_share_an_end_overlap,
    "exact numbers": test_repetition.test_an_exact_number_is_no_ball,
    "other verdicts": test_repetition.test_another_verdict_is_no_confirmation,
    "small radii": test_repetition.test_a_radius_below_the_rounding_of_the_ends_is_seen,
    "ends of huge numbers": test_repetition.test_long_numbers_do_not_fill_the_memory,
    "what is due": test_repetition.test_only_established_proofs_are_due,
    "objections": test_repetition.test_objections_name_part_and_bits,
    "edits": test_repetition.test_contradictions_of_an_edited_record,
    "multiples": test_repetition.test_every_precision_that_is_asked_for_is_multiplied,
    "what is kept": test_repetition.test_what_encloses_nothing_or_is_made_by_hand_is_not_kept,
    "routes apart": _routes_apart,
    "wide routes": _wide_routes,
    "the weaker route": test_routes.test_the_weaker_enclosure_makes_the_method,
}

SEEDED = {
    "undefined is no objection": Seeded(
        symbolic, "_decide", 'status == "established" or zero', "False", "over zero in disguise"
    ),
    "denominators are not looked at": Seeded(
        defined, "_must_not_vanish", "not node.exp.is_nonnegative", "False", "over zero in disguise"
    ),
    "what cannot be decided is nonzero": Seeded(
        defined, "undefined_part", "is not False]", "is True]", "over zero in disguise"
    ),
    "nothing is ever defined": Seeded(
        defined, "undefined_part", "if all(nonzero_at", "if not all(nonzero_at", "beside zero"
    ),
    "one is enough": Seeded(
        defined, "undefined_part", "if all(nonzero_at", "if any(nonzero_at", "nowhere together"
    ),
    "one common end is enough": Seeded(
        repetition,
        "_of_balls",
        "low <= other_high and other_low <= high",
        "low <= other_high or other_low <= high",
        "shared ends",
    ),
    "touching balls are apart": Seeded(
        repetition, "_of_balls", "low <= other_high", "low < other_high", "shared ends"
    ),
    "a point is a ball": Seeded(
        repetition, "_of_balls", 'return "no radius"', 'return "same"', "the worst ball"
    ),
    "the best ball decides": Seeded(
        repetition,
        "_word",
        '("apart", "no radius", "same", "overlap", "exact")',
        '("exact", "overlap", "same", "no radius", "apart")',
        "the worst ball",
    ),
    "other exact numbers are the same": Seeded(
        repetition, "_of_balls", '"exact" if first == second else "apart"', '"exact"', "exact numbers"
    ),
    "any verdict confirms": Seeded(
        repetition, "_word", 'other["status"] != part["status"]', "False", "other verdicts"
    ),
    "other numbers of balls are compared": Seeded(
        repetition, "_word", 'len(other["enclosed"]) != len(part["enclosed"])', "False", "other verdicts"
    ),
    "disagreement is no objection": Seeded(
        repetition, "repetition_objections", '"apart": "encloses other numbers",', "", "objections"
    ),
    "a radius dropped is no objection": Seeded(
        repetition,
        "repetition_objections",
        'if part["again"] in said',
        'if part["again"] in ("apart", "other verdict")',
        "objections",
    ),
    "numeric checks are due": Seeded(repetition, "is_due", 'declared == "certified" and ', "", "what is due"),
    "a failed run agrees": Seeded(
        repetition, "repetition_contradictions", 'again["status"] != "established"', "False", "edits"
    ),
    "ends are rounded": Seeded(
        exact_ends,
        "texts_of",
        "if ends.ball is not None and ends.ball.is_finite()",
        "if False",
        "small radii",
    ),
    "radii are dropped": Seeded(exact_ends, "texts_of", "middle - radius", "middle", "small radii"),
    "huge ends come from inside": Seeded(
        exact_ends, "_end_text", "numerator * side < 0", "numerator * side > 0", "ends of huge numbers"
    ),
    "words of an author are balls": Seeded(
        exact_ends, "seen", 'ends.by_hand or ends.method != "certified"', "False", "what is kept"
    ),
    "the precision stays": Seeded(
        precision, "working_precision", "ctx.prec = _multiple[0] * bits", "ctx.prec = bits", "multiples"
    ),
    "the multiple is forgotten by nobody": Seeded(
        precision, "reset_precision", "_multiple[0] = 1", "pass", "multiples"
    ),
    "routes that are apart agree": Seeded(
        routes, "_compared", "low > other_high or other_low > high", "low > other_high", "routes apart"
    ),
    "routes may be as wide as they are": Seeded(
        routes, "_compared", "half <= width", "half >= 0", "wide routes"
    ),
    "the stronger route counts": Seeded(
        routes, "routes_agree", "weakest(ends.method for ends in pair)", "pair[0].method", "the weaker route"
    ),
    "a limit is not compared": Seeded(
        order,
        "_by_enclosures",
        "**seen(ends)",
        "**seen(ends[:-1])",
        "the limit",
    ),
}


@contextmanager
def _precision() -> Iterator[None]:
    """Leave the precision as it was found."""
    try:
        yield
    finally:
        precision.reset_precision()


test_the_library_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, SEEDED, (AssertionError, ValueError), around=_precision)
)
