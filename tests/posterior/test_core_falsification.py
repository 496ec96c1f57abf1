"""Bugs seeded into the evidence from a lattice around q: each is caught by a named test."""

from collections.abc import Callable

import numpy as np
import pytest

from elboproof.posterior import core, outside
from elboproof.posterior.core import Tilted
from elboproof.posterior.outside import CoreBox
from tests.posterior import test_core
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _patched(test: Callable[[pytest.MonkeyPatch], object]) -> Check:
    def check() -> None:
        with pytest.MonkeyPatch.context() as patch:
            test(patch)

    return check


def _outside() -> None:
    for box, radius, half in test_core.BOXES:
        test_core.test_cells_outside_cover_the_rest_and_are_disjoint(box, radius, half)


def _parts(patch: pytest.MonkeyPatch) -> None:
    for frame in (test_core.TURNED[::-1], test_core.TURNED * (1 + 3e-8)):
        for changed in (None, *test_core.PARTS):
            test_core.test_all_parts_of_the_evidence_count(frame, changed, patch)


TESTS: dict[str, Check] = {
    "cells outside": _outside,
    "finest cells": lambda: test_core.test_cells_keep_exact_edges_down_to_the_finest(*test_core.LONG),
    "boxes that do not fit": test_core.test_box_too_far_out_or_too_thin_does_not_fit,
    "suprema of F": test_core.test_suprema_over_narrow_rectangles_are_close,
    "sum inside": lambda: test_core.test_the_sum_inside_is_the_integral_in_u_with_the_lattices_error(
        np.eye(2)
    ),
    "parts of the evidence": _patched(_parts),
    "endless rest": _patched(test_core.test_nothing_is_known_where_the_sum_may_vanish_or_the_rest_is_endless),
}

BUGS: dict[str, Bug] = {
    "one side of the box": Seeded(CoreBox, "outside", "(-1.0, 1.0)", "(1.0, 1.0)", "cells outside"),
    "cells beside the box as thin as it": Seeded(
        CoreBox,
        "outside",
        "centre[:k], size[:k] = self.centre[:k], core[:k]",
        "centre[:], size[:] = self.centre, core",
        "cells outside",
    ),
    "cells that leave a gap": Seeded(
        CoreBox, "outside", "edge + 2 * width, 2 * width", "edge + 3 * width, 2 * width", "cells outside"
    ),
    "the domain's edge": Seeded(
        CoreBox, "outside", "while edge < half:", "while edge + width < half:", "cells outside"
    ),
    "edges of one bit more": Seeded(
        outside, "finest_half", "2.0**EDGE_BITS", "2.0**(EDGE_BITS - 8)", "finest cells"
    ),
    "boxes may leave the domain": Seeded(
        CoreBox, "fits", "(far <= REACH * half).all() and ", "", "boxes that do not fit"
    ),
    "F without its Gaussian": Seeded(
        Tilted, "_least", "value - axis.square() * 0.5", "value - axis.square() * 0.25", "suprema of F"
    ),
    "F: slopes of one axis": Seeded(
        Tilted, "_latent", "total = e * slope + total", "total = e * slope * 0.5 + total", "suprema of F"
    ),
    "F: its lower bound": Seeded(
        Tilted,
        "suprema",
        "* -1.0 + self.shift).upper()",
        "* -1.0 + self.shift).lower() - 1e-6",
        "suprema of F",
    ),
    "F: lines without their width": Seeded(
        Tilted, "on_lines", "BallArray(m, w), BallArray(i)", "BallArray(m), BallArray(i)", "suprema of F"
    ),
    "F: offsets are lost": Seeded(
        Tilted,
        "_least",
        "[e - c for e, c in zip(eps, centres, strict=True)]",
        "[(e - c) * 0.0 for e, c in zip(eps, centres, strict=True)]",
        "suprema of F",
    ),
    "the lattice's error is lost": Seeded(
        core, "_sum", "scale * arb(0, float(inside.error[0]))", "0", "sum inside"
    ),
    "the error in units of eps": Seeded(
        core, "_sum", "        scale *= arb(s)\n", "        pass\n", "sum inside"
    ),
    "half of a step": Seeded(core, "_sum", "weight *= 2 * step", "weight *= step", "sum inside"),
    "midpoints beside the centre": Seeded(core, "_sum", "(2 * i + 1 - count)", "(2 * i + 1)", "sum inside"),
    "errors of rules": Seeded(
        core._Work, "_ends", "inside + outside - error", "inside + outside", "parts of the evidence"
    ),
    "cells outside are not added": Seeded(
        core._Work, "_ends", "inside + outside + error", "inside + error", "parts of the evidence"
    ),
    "what was left out": Seeded(core._Work, "_ends", "+ error + rest)", "+ error)", "parts of the evidence"),
    "the prior's tail": Seeded(core._Work, "_ends", "* volume + tail)", "* volume)", "parts of the evidence"),
    "the determinant": Seeded(
        core._Work,
        "_ends",
        "(inside + outside - error) * volume",
        "(inside + outside - error)",
        "parts of the evidence",
    ),
    "the determinant's sign": Seeded(
        core._Work, "_ends", "volume = abs(", "volume = (", "parts of the evidence"
    ),
    "sums that may vanish": Seeded(
        core._Work, "_ends", "not (low > 0 and high.is_finite())", "False", "endless rest"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
