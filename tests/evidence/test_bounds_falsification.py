"""Bugs seeded into the bounds of which an evidence is made: sums, tails, frames, cells; each is caught by a check.

The table says which check catches which bug; the checks are tests of one bound each.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from elboproof.evidence import domain as domains
from elboproof.evidence import found as founds
from elboproof.evidence import precise, rounds, rules, summation
from elboproof.evidence.energy import Energy
from tests.evidence import test_bounds
from tests.seeding import Bug, Check, Seeded, falsification


def _parts(kind: str, frame: Any) -> Check:
    def check() -> None:
        for changed in (None, "rule_error", "discarded", "unfinished", "tail"):
            test_bounds.test_log_evidence_counts_every_part(kind, frame, changed)

    return check


CHECKS: dict[str, Callable[[], object]] = {
    "sums of cells": test_bounds.test_sums_by_owner_enclose_the_exact_sums,
    "sums of radii": test_bounds.test_radii_by_owner_are_added_upwards,
    "running sums": test_bounds.test_running_sums_are_safe,
    "parts, floats": _parts("floats", np.eye(2)),
    "parts, floats, long": _parts("floats", test_bounds.TURNED * (1 + 3e-8)),
    "parts, arb": _parts("arb", np.eye(2)),
    "parts, arb, long": _parts("arb", test_bounds.TURNED * (1 + 3e-8)),
    "parts, arb, mirrored": _parts("arb", test_bounds.TURNED[::-1]),
    "no bounds, arb": lambda: (
        test_bounds.test_nothing_is_known_below_a_sum_that_may_vanish_nor_above_an_infinite_one("arb")
    ),
    "balls in boxes": test_bounds.test_the_ball_whose_tail_is_bounded_lies_in_the_box,
    "rounded frames": test_bounds.test_frames_of_rounded_entries_have_an_excess,
    "tails": test_bounds.test_tails_of_balls_are_probabilities,
    "prior, short frame": lambda: test_bounds.test_the_prior_bounds_the_energy_where_the_likelihood_is_flat(
        test_bounds.TURNED * (1 - 3e-7)
    ),
    "bounds over cells": test_bounds.test_bounds_over_cells_are_below_the_energy,
    "ellipses": lambda: test_bounds.test_errors_of_rules_cover_the_ellipse_and_its_stretch(test_bounds.PLAIN),
    "ellipses between lines": lambda: test_bounds.test_errors_of_rules_cover_the_ellipse_and_its_stretch(
        test_bounds.NEAR
    ),
    "masses": test_bounds.test_masses_of_cells_are_upper_bounds,
}

BUGS: dict[str, Bug] = {
    "the rounding of cells' sums is forgotten": Seeded(
        summation, "_by_owner", " + count * 2.0**-52 * magnitude", "", "sums of cells"
    ),
    "the rounding of a sum is that of its result": Seeded(
        summation,
        "_by_owner",
        "count * 2.0**-52 * magnitude",
        "count * 2.0**-52 * np.abs(mid)",
        "sums of cells",
    ),
    "radii of cells are added to nearest": Seeded(
        summation,
        "_by_owner",
        "upward(radius + count * 2.0**-52 * magnitude, len(values) + 3)",
        "radius + count * 2.0**-52 * magnitude",
        "sums of radii",
    ),
    "radii of cells are forgotten": Seeded(
        summation, "_by_owner", "radius + count", "count", "sums of radii"
    ),
    "running sums are rounded to nearest": Seeded(
        founds.Found, "safe", "upward(sums, self.terms + 1)", "sums", "running sums"
    ),
    "many terms count as one": Seeded(
        founds.Found, "add", "self.terms += len(owner)", "self.terms = -2", "running sums"
    ),
    "floats: the rules' errors are subtracted": Seeded(
        rounds,
        "log_ends",
        "(total + BallArray(error) + BallArray(rest))",
        "(total - BallArray(error) + BallArray(rest))",
        "parts, floats",
    ),
    "floats: discarded cells enlarge the lower bound": Seeded(
        rounds,
        "log_ends",
        "(total - BallArray(error)).lower()",
        "(total - BallArray(error) + BallArray(rest)).lower()",
        "parts, floats",
    ),
    "floats: the tail is not scaled": Seeded(
        rounds, "_log_bounds", " + BallArray(shift)).exp()", ").exp()", "parts, floats"
    ),
    "floats: the determinant is 1": Seeded(
        rounds,
        "log_ends",
        "BallArray(np.zeros(len(shift)), where.log_volume) - ",
        "BallArray(np.zeros(len(shift))) - ",
        "parts, floats, long",
    ),
    "arb: the rules' errors": Seeded(precise, "_one", "(total - error)", "total", "parts, arb"),
    "arb: the sum's radius": Seeded(
        precise,
        "_one",
        "((total - error) * volume).lower()",
        "((total - error) * volume).mid()",
        "parts, arb",
    ),
    "arb: what was left out": Seeded(precise, "_one", "+ error + inside)", "+ error)", "parts, arb"),
    "arb: unfinished cells": Seeded(
        precise, "_one", "found.discarded + found.unfinished", "found.discarded", "parts, arb"
    ),
    "arb: the tail": Seeded(precise, "_one", " * volume + tail)", " * volume)", "parts, arb"),
    "arb: the determinant": Seeded(
        precise, "_one", "((total - error) * volume)", "(total - error)", "parts, arb, long"
    ),
    "arb: the determinant's sign": Seeded(
        precise, "_one", "volume = abs(", "volume = (", "parts, arb, mirrored"
    ),
    "arb: sums that may vanish": Seeded(
        precise, "_one", "if low > 0 else arb.neg_inf()", "if low > 0 else arb(-100)", "no bounds, arb"
    ),
    "the box is smaller than the ball": Seeded(
        domains, "_ball", "downward(half / (1 + excess), 2)", "half", "balls in boxes"
    ),
    "the excess of frames is not rounded": Seeded(
        domains, "frame_excess", "upward(norm + d * (d + 1) * 2.0**-52, 1)", "norm", "rounded frames"
    ),
    "the tail of a chi": Seeded(
        domains, "log_tail", "arb(d) / 2", "(arb(d) + 1) / 2", "tails", caches=(domains.log_tail,)
    ),
    "the prior of a unit frame": Seeded(
        Energy, "least_by_prior", " * self._shrinking[cells.owner]", "", "prior, short frame"
    ),
    "faces: the loss of other axes": Seeded(Energy, "_least_by_slopes", " - loss", "", "bounds over cells"),
    "faces: any sign will do": Seeded(
        Energy, "_least_by_slopes", "slope.upper() < 0.0", "slope.mid < 0.0", "bounds over cells"
    ),
    "the stretch of the cell for that of the ellipse": Seeded(
        rules,
        "_scales",
        "cells.volume(reach=ALONG + ACROSS)",
        "cells.volume()",
        "ellipses between lines",
    ),
    "the supremum in the cell": Seeded(
        rules,
        "_supremum",
        "u[j] = ComplexBallArray(BallArray(cells.centre[:, j], along)",
        "u[j] = ComplexBallArray(BallArray(cells.centre[:, j])",
        "ellipses",
    ),
    "masses are rounded to nearest": Seeded(
        founds,
        "mass_bound",
        "upward(cells.volume() * exp_upward(exponent.upper()), 1, underflows=1)",
        "(np.prod(2 * cells.half, axis=1) * np.exp(exponent.mid))",
        "masses",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)
