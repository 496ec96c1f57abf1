"""Bugs seeded into the search for places up to where a formula holds, and for thresholds of each latent."""

import pytest

from elboproof.audit import bench, bent_each, extremes, far, far_lines, far_words, formulas
from tests.audit import test_far
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _guard(name: str) -> Check:
    return lambda: test_far.test_a_guard_is_said_with_its_place_and_is_not_accused(name)


def _exact(name: str) -> Check:
    return lambda: test_far.test_what_holds_everywhere_has_no_place(name)


def _of_each(name: str) -> Check:
    return lambda: test_far.test_thresholds_of_a_batch_may_differ_between_latents(name)


TESTS: dict[str, Check] = {
    "logits": _guard("logits"),
    "one side": _guard("logits on one side"),
    "epsilon": _guard("an epsilon"),
    "rates": _guard("an epsilon beside a rate"),
    "residuals": _guard("residuals"),
    "heads": _guard("the decoder's log variances"),
    "q": _guard("log variances of q"),
    "a loss": _guard("a loss"),
    "weights": _guard("weights above one"),
    "Huber": lambda: test_far.test_another_tail_is_a_note_of_a_loss_and_fails_as_a_bound("Huber"),
    "measured": test_far.test_a_place_is_measured_to_four_digits,
    "not finite": test_far.test_what_is_not_finite_is_told_apart_from_a_clamp,
    "raises": test_far.test_a_law_that_raises_far_out_is_not_accused,
    "drawn": test_far.test_noise_of_another_q_far_out_is_a_note,
    "squares": _exact("squares"),
    "of weights": _exact("weights"),
    "single": _exact("single precision"),
    "each": _of_each("a mean"),
    "each of a sum": _of_each("a mean in a sum"),
    "near": test_far.test_what_else_happens_next_to_the_prior_is_said_in_the_sentence,
}

BUGS: dict[str, Bug] = {
    "outputs are not moved": Seeded(
        bench.Bench, "_output", "if design.outputs:", "if False:", ("logits", "heads", "Huber")
    ),
    "nothing is far": Seeded(far, "limits_of", "tuple(_limits(session))", "()", ("logits", "not finite")),
    "only up": Seeded(far._Search, "of_part", "(UP, DOWN)", "(UP,)", ("one side", "rates")),
    "residuals are no place": Seeded(
        far._Search, "of_part", "if part.of_residuals(law) and", "if False and", ("residuals", "Huber")
    ),
    "a place is where a difference is seen": Seeded(
        far._Search, "_kink", "abs(began - seen) <= ALONE * seen", "False", "measured"
    ),
    "a square grows as a line": Seeded(far._Search, "_kink", "size ** (1 / power)", "size", "measured"),
    "a level falls": Seeded(far._Search, "_level", ") == rising", ") != rising", ("logits", "epsilon")),
    "all is a tail": Seeded(far._Search, "_limit", "if not level and", "if True or", ("logits", "epsilon")),
    "all is level": Seeded(far._Search, "_limit", "if not level and", "if False and", "Huber"),
    "an epsilon is a clamp": Seeded(
        far._Search, "_limit", "if self.holds(line, (1 - SAME) * place)", "if True", "epsilon"
    ),
    "a datum is its outputs": Seeded(
        far._Search, "_of_datum", "abs(alone() - limit.place) <=", "0 * alone() <=", "a loss"
    ),
    "what is not finite is a clamp": Seeded(
        far._Search, "limits", "if self.apart(line, far) is None:", "if False:", ("not finite", "raises")
    ),
    "an error is raised again": Seeded(far._Search, "call", "return None", "raise", "raises"),
    "ends are not looked at": Seeded(far._Search, "ends", "is None:", "is None and False:", "not finite"),
    "q is not moved": Seeded(
        far_lines,
        "of_log_variance",
        "parameter, sign * u, spread",
        "parameter, 0 * u, spread",
        ("q", "drawn"),
    ),
    "noise may be any": Seeded(far._Search, "drawn_otherwise", "if not same(", "if False and same(", "drawn"),
    "weights stay small": Seeded(
        far_lines, "of_weight", "wide = u if drawn", "wide = 0.0 if drawn", "weights"
    ),
    "closer than rounding": Seeded(
        far._Search, "__init__", "CLOSE if session.close < SINGLE else OF_SINGLE", "1e-9", "single"
    ),
    "what is near is not taken off": Seeded(
        far._Search, "apart", "loss - wanted - self.near", "loss - wanted + 1", ("squares", "of weights")
    ),
    "the sentence says nothing": Seeded(
        far_words, "restricted", "formula.sentence + sentence", "formula.sentence", ("logits", "near")
    ),
    "a tail passes as a bound": Seeded(extremes, "_far_out", "if fails:", "if False:", "Huber"),
    "a guard fails": Seeded(far_words, "is_another", 'one.beyond == "other" and', "", "logits"),
    "next to the prior nothing is said": Seeded(
        formulas, "_read", "session.kept[NOT_NEAR] = not near", "session.kept[NOT_NEAR] = False", "near"
    ),
    "a threshold for all": Seeded(bent_each, "_raised", "[:, latent] = 0.0", "[:, 0] = 0.0", "each"),
    "a mean is a sum": Seeded(bent_each, "_possible", "one / times if", "one if", "each of a sum"),
    "thresholds are not verified": Seeded(bent_each, "find_each", "<= close", "<= 1e9", "near"),
}


test_each_test_passes, test_each_bug_is_caught, test_no_test_is_idle = falsification(TESTS, BUGS)
