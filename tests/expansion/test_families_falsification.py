"""Bugs seeded into the gap law of families and into the search that misses no mode; each is caught by a named test."""

from collections.abc import Callable

import pytest

from elboproof.expansion import exhaustion, gap_law, preimages, replicates
from elboproof.expansion.exhaustion import _Search
from elboproof.expansion.replicates import NegativeLogLikelihood
from tests.expansion import test_exhaustion as cells
from tests.expansion import test_gap_law_families as families
from tests.seeding import CAUGHT, Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _in_all(test: Callable[[str], None]) -> Check:
    def check() -> None:
        for name in cells.WITH_MODES:
            test(name)

    return check


def _refused(number: int) -> Check:
    return lambda: families.test_refusals_are_named(*families.REFUSED[number])


def _rising() -> None:
    for case in cells.RISES:
        cells.test_beyond_the_box_w_rises(*case)


def _stated() -> None:
    for case in families.FAMILIES:
        families.test_exact_modes_have_the_stated_law(*case)


def _one_start() -> None:
    with pytest.MonkeyPatch.context() as patch:
        cells.test_one_start_is_enough(patch)


def _not_looked_for() -> None:
    with pytest.MonkeyPatch.context() as patch:
        cells.test_hidden_modes_that_are_not_looked_for_leave_it_open(patch)


TESTS: dict[str, Check] = {
    "modes are kept": _in_all(cells.test_cells_with_a_mode_are_not_left_behind),
    "small cells": _in_all(cells.test_cells_without_a_mode_are_left_behind_once_they_are_small),
    "convex boxes": _in_all(cells.test_convex_boxes_hold_one_mode),
    "convex boxes of their mode": cells.test_convex_boxes_hold_the_mode_that_they_are_for,
    "upper bounds at modes": cells.test_the_value_at_a_mode_is_an_upper_bound,
    "parts": cells.test_parts_cover_their_cell,
    "beyond the box": _rising,
    "each latent rises": cells.test_two_latents_must_rise_each,
    "hidden modes": cells.test_hidden_modes_are_found_from_the_cells_left_over,
    "hidden modes left open": _not_looked_for,
    "one start": _one_start,
    "no time": cells.test_no_time_is_no_proof,
    "four latents": cells.test_modes_of_four_latents_are_searched_for_only,
    "stated laws": _stated,
    "even odds": families.test_logits_at_even_odds_have_the_next_order,
    "Poisson": lambda: families.test_proved_gaps_of_replicates_follow_the_law("Poisson"),
    "plane": lambda: families.test_proved_gaps_of_replicates_follow_the_law("Poisson in the plane"),
    "categorical": lambda: families.test_proved_gaps_of_replicates_follow_the_law(
        "categorical, off the image"
    ),
    "two heads": lambda: families.test_proved_gaps_of_replicates_follow_the_law("two heads"),
    "two preimages": families.test_two_preimages_share_the_mass,
    "angles": families.test_angles_are_modulo_a_turn,
    "masses": families.test_log_masses_are_those_of_the_tilted_prior,
    "networks": families.test_networks_have_the_law_of_their_expressions,
    "kinks": _refused(0),
    "means": _refused(3),
    "runs to infinity": _refused(8),
    "off the image": _refused(10),
    "degenerate": _refused(12),
    "higher minima": families.test_higher_minima_are_no_modes,
    "boundary": families.test_boundary_data_whose_best_output_is_within_reach_have_a_law,
    "growth": families.test_rates_that_grow_too_fast_are_said_not_to_be_proved,
}

BUGS: dict[str, Bug] = {
    "cells: a curvature that may be negative": Seeded(
        _Search, "_left_behind", "over[k, k].upper() < 0", "over[k, k].lower() < 0", "modes are kept"
    ),
    "cells: a slope that may be positive": Seeded(
        _Search, "_left_behind", "(slope.lower() > 0)", "(slope.upper() > 0)", "modes are kept"
    ),
    "cells: a slope that may be negative": Seeded(
        _Search, "_left_behind", "(slope.upper() < 0)", "(slope.lower() < 0)", "modes are kept"
    ),
    "cells: the slope at the middle": Seeded(
        _Search, "_left_behind", "slope = slope + over[min(k, m), max(k, m)] * u[m]", "pass", "modes are kept"
    ),
    "cells: the level at the middle": Seeded(
        _Search, "_left_behind", "level + at[k,] * u[k] +", "level +", "modes are kept"
    ),
    "cells: levels without curvature": Seeded(
        _Search, "_left_behind", "over[k, k].min(0.0) * (BallArray(half[:, k]).square() * 0.5)", "0.0 * u[k]",
        "modes are kept",
    ),
    "cells: curvature that may be positive": Seeded(
        _Search, "_left_behind", "over[k, k].min(0.0)", "over[k, k].max(0.0)", "modes are kept"
    ),
    "cells: levels without mixed curvature": Seeded(
        _Search, "_left_behind", "level = level + over[k, m] * u[k] * u[m]", "pass", "modes are kept"
    ),
    "cells: a level that may be higher": Seeded(
        _Search, "_left_behind", "(level.lower() > top)", "(level.upper() > top)", "modes are kept"
    ),
    "cells: nothing is left behind": Seeded(
        _Search, "_left_behind", "return behind | (level.lower() > top)", "return behind & False", "small cells"
    ),
    "cells: derivatives at the middle": Seeded(
        _Search, "_left_behind", "self._jet(mid, half, 2)", "self._jet(mid, np.zeros_like(half), 2)", "modes are kept"
    ),
    "cells: the sign of the log likelihood": Seeded(
        _Search, "_jet", "BallArray(zero) - value", "BallArray(zero) + value", ("modes are kept", "hidden modes")
    ),
    "the least value at a mode": Seeded(
        _Search, "_above", ".upper()[0]", ".lower()[0]", "upper bounds at modes"
    ),
    "convex: not looked at": Seeded(
        _Search, "_convex", "not_positive(ldl(hessian)[1]) is None", "True", "convex boxes"
    ),
    "convex: at the middle": Seeded(
        _Search, "_convex", "arb(a) + arb(0, b) for a, b in zip(z.tolist(), half.tolist(), strict=True)",
        "arb(a) for a in z.tolist()", "convex boxes",
    ),
    "convex: of another mode": Seeded(
        _Search, "_convex", "if not all(", "if False and not all(", "convex boxes of their mode"
    ),
    "parts: rounded middles": Seeded(
        exhaustion, "_split", "upward(wide + np.abs(parts) * 2.0**-52, 2)", "wide", "parts"
    ),
    "parts: halves of halves": Seeded(
        exhaustion, "_split", "np.repeat(half / 2, len(signs), 0)", "np.repeat(half / 4, len(signs), 0)", "parts"
    ),
    "parts: one of two": Seeded(
        exhaustion, "_split", "product((-1.0, 1.0), repeat=d)", "product((-1.0, -1.0), repeat=d)", "parts"
    ),
    "beyond: either sign": Seeded(
        _Search, "rises_outside", "slope.high < 0 if sign > 0 else slope.low > 0", "slope.high < 0 or slope.low > 0",
        "beyond the box",
    ),
    "beyond: falls count": Seeded(
        _Search, "rises_outside", "slope.high < 0 if sign > 0 else slope.low > 0",
        "slope.low > 0 if sign > 0 else slope.high < 0", "beyond the box",
    ),
    "beyond: one latent": Seeded(
        _Search, "rises_outside", "product(range(len(self.half)), (1, -1))", "product(range(1), (1, -1))",
        "each latent rises",
    ),
    "beyond: not looked at": Seeded(
        exhaustion, "no_others", "if search.rises_outside() else", "if True else", "hidden modes"
    ),
    "cells left over are none": Seeded(
        exhaustion, "no_others", "if len(left):", "if False:", ("hidden modes left open", "no time")
    ),
    "cells: time is not looked at": Seeded(
        _Search, "left_over", "or time.monotonic() > until", "", "no time"
    ),
    "four latents are three": Seeded(
        exhaustion, "no_others", "if d > MOST_LATENTS:", "if d > 4:", "four latents"
    ),
    "the search does not start again": Seeded(
        preimages, "preimages", "range(SEARCHES)", "range(0)", ("hidden modes", "one start")
    ),
    "minima at infinity are degenerate": Seeded(
        preimages, "_runs", "return not lengths[-1] < lengths[0] / 2", "return False", "runs to infinity"
    ),
    "every minimum runs": Seeded(
        preimages, "_runs", "return not lengths[-1] < lengths[0] / 2", "return True", "degenerate"
    ),
    "the likelihood for its inverse": Seeded(
        NegativeLogLikelihood, "ball_derivative", "-arb(value)", "arb(value)",
        ("Poisson", "two preimages", "categorical"),
    ),
    "one place of each direction": Seeded(
        NegativeLogLikelihood, "ball_derivative", "multiset_permutations(list(direction)) if direction else [()]",
        "[direction]", "plane",
    ),
    "exact: not brought into place": Seeded(
        NegativeLogLikelihood, "exact_derivative", "slope.subs(values, simultaneous=True)", "slope", "stated laws"
    ),
    "exact: the first derivative": Seeded(
        NegativeLogLikelihood, "exact_derivative", "(latents[a] for a in direction)",
        "(latents[a] for a in direction[:3])", ("stated laws", "even odds"),
    ),
    "masses: the curvature twice": Seeded(
        NegativeLogLikelihood, "log_mass", "/ 2 - float(energy.mid())", "- float(energy.mid())", "masses"
    ),
    "masses: without the prior": Seeded(
        NegativeLogLikelihood, "log_mass", " - float(energy.mid())", "", "masses"
    ),
    "scores: of one output": Seeded(
        NegativeLogLikelihood, "distance", "for s in map(arb, scores)", "for s in [arb(0)]",
        ("off the image", "boundary"),
    ),
    "heads are no outputs": Seeded(
        NegativeLogLikelihood, "_decoded", '"outputs" if self.model.decoder else "decoder"', '"decoder"', "two heads"
    ),
    "networks have outputs": Seeded(
        NegativeLogLikelihood, "_decoded", '"outputs" if self.model.decoder else "decoder"', '"outputs"', "networks"
    ),
    "as near: all": Seeded(
        NegativeLogLikelihood, "as_near", "levels <= lowest +", "levels <= lowest + 10 +", "higher minima"
    ),
    "best outputs: logs of negative numbers": Seeded(
        replicates, "_best_outputs", "x + 2 * sympy.pi * turn for turn in TURNS", "x", "angles"
    ),
    "best outputs: the root itself": Seeded(
        replicates, "_best_outputs", "[sympy.log(root)] if", "[root] if", ("stated laws", "two preimages")
    ),
    "means: data themselves": Seeded(
        replicates, "means", "replace(one, whole=False)", "one", ("stated laws", "even odds")
    ),
    "means: not looked at": Seeded(
        replicates, "require_replicates", 'means(likelihood, model).require_row([ball(x) for x in data], "x")', "None",
        "means",
    ),
    "kinks: not looked at": Seeded(
        replicates, "require_replicates", 'model.quantities.compiled("log_likelihood", 2, REAL_BALLS)(',
        "(lambda *_: None)(", "kinks",
    ),
    "growth is taken for granted": Seeded(
        gap_law, "_integrable", "is not None", "is not None or True", "growth"
    ),
}  # fmt: skip

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS, caught=(*CAUGHT, ValueError, ArithmeticError, TypeError))
)
