"""Bugs seeded into the quadratures of expectations: each is caught by a named test."""

from collections.abc import Callable

import pytest

from elboproof.expectations import integrands, lattice, plan, rules, sums, suprema
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.lattice import Lattice
from elboproof.quadrature import cells
from tests.expectations import test_bounds, test_coverings, test_lattice, test_plan, test_sums
from tests.seeding import Bug, Check, Seeded, falsification

pytestmark = pytest.mark.slow


def _patched(test: Callable[[pytest.MonkeyPatch], object]) -> Check:
    def check() -> None:
        with pytest.MonkeyPatch.context() as patch:
            test(patch)

    return check


def _stopped(floats: bool) -> Check:
    def check(patch: pytest.MonkeyPatch) -> None:
        for calls in (0, 2, 5):
            with pytest.MonkeyPatch.context() as inner:
                test_sums.test_what_is_left_undone_is_enclosed(1, True, floats, calls, inner)

    return _patched(check)


TESTS: dict[str, Check] = {
    "errors of heights": test_coverings.test_errors_of_a_lattice_are_the_least_of_all_heights_that_are_allowed,
    "allowed heights": test_coverings.test_heights_beyond_the_formula_are_not_used,
    "cells and faces, d = 2": lambda: test_coverings.test_cells_and_faces_have_the_weight_of_the_cube(2),
    "lattice of tanh": _patched(lambda p: test_lattice.test_bound_holds_and_is_of_the_right_size(1e-3, p)),
    "suprema": test_bounds.test_suprema_bound_the_integrands_over_rectangles,
    "densities": test_bounds.test_densities_are_bounded_where_they_are_largest,
    "tall strips": lambda: (
        test_bounds.test_suprema_over_strips_lift_one_axis_and_the_density_where_it_is_meant(True)
    ),
    "faces of strips": lambda: (
        test_bounds.test_suprema_over_strips_lift_one_axis_and_the_density_where_it_is_meant(False)
    ),
    "grids": lambda: test_coverings.test_grids_cover_the_cube_without_overlap(5, 7.3),
    "halves": test_coverings.test_halves_cover_their_cells,
    "factors of ellipses": test_coverings.test_factors_of_ellipses_are_rounded_up,
    "suprema of cells": test_bounds.test_suprema_of_cells_hold_on_every_ellipse,
    "accepted cells": test_bounds.test_accepted_cells_add_the_error_of_every_axis,
    "tails of a radius": test_coverings.test_tails_are_those_of_the_radius_that_is_returned,
    "all errors of a lattice": test_bounds.test_a_lattice_adds_the_errors_of_all_axes_and_the_tails,
    "flat cells": test_coverings.test_flat_cells_add_up,
    "means with kinks": test_plan.test_means_over_cells_with_a_kink_are_enclosed,
    "a limit on cells": test_plan.test_limits_leave_an_enclosure,
    "weights, d = 2": lambda: test_coverings.test_lattices_and_cells_integrate_the_density(2),
    "midpoints": test_coverings.test_nodes_of_a_lattice_are_the_midpoints_of_its_steps,
    "completed": lambda: test_coverings.test_sums_are_completed_by_flat_cells_and_errors((2.0, 0.25)),
    "float balls": test_bounds.test_gaussians_in_floats_hold_those_in_arb,
    "monomials": test_bounds.test_monomials_are_bounded_upwards,
    "stopped sums, floats": _stopped(True),
    "stopped sums, arb": _stopped(False),
    "poles": test_bounds.test_suprema_around_poles_are_infinite,
}

BUGS: dict[str, Bug] = {
    "the strip's factor is halved": Seeded(
        lattice,
        "_errors",
        "upward(2 / BallArray",
        "upward(1 / BallArray",
        ("errors of heights", "allowed heights"),
    ),
    "the faces' factor is halved": Seeded(
        lattice, "_errors", "upward(2 / np.pi", "upward(1 / np.pi", "errors of heights"
    ),
    "faces are no part of the error": Seeded(
        lattice, "_errors", " + outer[..., None] * vertical", "", "errors of heights"
    ),
    "any height is allowed": Seeded(lattice, "_errors", "<= 2 * np.pi", "<= 200 * np.pi", "allowed heights"),
    "twice the exponent": Seeded(
        lattice,
        "_errors",
        "downward(2 * np.pi",
        "downward(4 * np.pi",
        ("errors of heights", "allowed heights"),
    ),
    "one face of two": Seeded(
        lattice,
        "_totals",
        "np.repeat([-1.0, 1.0], low.sum())",
        "np.repeat([1.0, 1.0], low.sum())",
        "cells and faces, d = 2",
    ),
    "faces inside of the cube": Seeded(
        lattice,
        "_totals",
        "(half[0, j] - centre[:, j].min())",
        "(-centre[:, j].min())",
        "cells and faces, d = 2",
    ),
    "faces have the weight of cells": Seeded(
        lattice, "_totals", "volume[low] / (2 * half[low, j])", "volume[low] / 4", "cells and faces, d = 2"
    ),
    "faces are points": Seeded(
        lattice, "_totals", "thin[:, j] = 0.0", "thin[:, :] = 0.0", "cells and faces, d = 2"
    ),
    "the outermost cells only": Seeded(
        lattice, "_totals", "(j, centre, half, True)", "(j, centre, half * 0, True)", "cells and faces, d = 2"
    ),
    "suprema on the real axis": Seeded(
        lattice,
        "_sup",
        "np.array(HEIGHTS)[:, None], 0.0)",
        "0.0 * np.array(HEIGHTS)[:, None], 0.0)",
        ("tall strips", "faces of strips"),
    ),
    "the density stays on the real axis": Seeded(
        lattice, "_sup", "(lifted * tall)", "(lifted * 0)", "tall strips"
    ),
    "no density": Seeded(lattice, "_sup", "bounds * weight", "weight", ("tall strips", "faces of strips")),
    "the tails are not added": Seeded(
        lattice, "lattice", ".sum(1) + tails, d)", ".sum(1), d)", "all errors of a lattice"
    ),
    "the error of one axis": Seeded(
        lattice,
        "lattice",
        "errors[:, np.arange(d), choice].sum(1)",
        "errors[:, np.arange(d), choice].min(1)",
        "all errors of a lattice",
    ),
    "fewer points than proved": Seeded(
        lattice,
        "lattice",
        "tuple(counts[choice].tolist())",
        "tuple((counts[choice] // 3).tolist())",
        "lattice of tanh",
    ),
    "nodes at the ends of steps": Seeded(Lattice, "axis", "+ 1 - count", "- count", ("midpoints",)),
    "half a step's weight": Seeded(
        Lattice, "step", "2 * self.half", "self.half", ("midpoints", "weights, d = 2")
    ),
    "complex boxes are their centres": Seeded(
        suprema, "suprema", "BallArray(m[k], w[k])", "BallArray(m[k])", "suprema"
    ),
    "complex boxes are flat": Seeded(
        suprema,
        "suprema",
        "BallArray(np.zeros_like(i[k]), i[k])",
        "BallArray(np.zeros_like(i[k]))",
        "suprema",
    ),
    "monomials at the centre": Seeded(suprema, "suprema", "np.abs(m) + w + i", "np.abs(m)", "suprema"),
    "densities at the centre": Seeded(
        suprema, "density", "np.abs(middle) - wide", "np.abs(middle)", "densities"
    ),
    "densities without the imaginary part": Seeded(
        suprema, "density", "upward((lifted**2).sum(0), d + 1)", "0", ("densities", "tall strips")
    ),
    "densities are rounded to nearest": Seeded(
        suprema,
        "density",
        "upward(exp_upward(exponent) * np.prod([ROOT] * d), d, 1)",
        "np.exp(exponent) / (2 * np.pi)**(d / 2)",
        "densities",
    ),
    "a cell of a grid is lost": Seeded(plan, "grid", "np.arange(count)", "np.arange(count - 1)", "grids"),
    "grids are rounded down": Seeded(plan, "grid", "np.ceil(", "np.floor(", "grids"),
    "halves are not moved": Seeded(
        cells, "halved", "    low[rows, axis] -= half[rows, axis]\n", "", "halves"
    ),
    "the upper half of an interval is lost": Seeded(
        cells, "halved", "[centre - half, centre + half]", "[centre - half, centre - half]", "halves"
    ),
    "one half is lost": Seeded(
        cells,
        "halved",
        "np.concatenate([low, high]), np.concatenate([half, half])",
        "np.concatenate([high, high]), np.concatenate([half, half])",
        "halves",
    ),
    "factors are rounded to nearest": Seeded(
        plan,
        "_factors",
        "upward(float(error_factor(rho, n)), 1)",
        "float(error_factor(rho, n))",
        "factors of ellipses",
        caches=(plan._factors,),
    ),
    "ellipses are intervals": Seeded(
        plan, "_suprema", "half.T[:, :, None, None] * across", "0.0", "suprema of cells"
    ),
    "ellipses no longer than cells": Seeded(
        plan, "_suprema", "along[None, None, None, :], 1.0)", "1.0, 1.0)", "suprema of cells"
    ),
    "the error of the best axis": Seeded(
        plan, "_accept", ".min(-1).sum(-1)", ".min(-1).min(-1)", "accepted cells"
    ),
    "the error of one cell": Seeded(
        plan, "_accept", "errors.sum(1)", "errors.max(1, initial=0.0)", "accepted cells"
    ),
    "errors replace each other": Seeded(plan, "_accept", "work.error + errors", "errors", "accepted cells"),
    "errors are rounded to nearest": Seeded(
        plan,
        "_accept",
        "upward(work.error + errors.sum(1), len(rows) + half.shape[1] + 2, 1)",
        "work.error + errors.sum(1)",
        "accepted cells",
    ),
    "the choice of all cells": Seeded(
        plan,
        "_accept",
        "np.array(SIZES)[choice[rows]]",
        "np.array(SIZES)[choice[: len(rows)]]",
        "accepted cells",
    ),
    "tails of the next radius": Seeded(
        plan, "reach", "integrands.d, radius)", "integrands.d, radius + 1.0)", "tails of a radius"
    ),
    "tails of no monomial": Seeded(plan, "reach", "tail(m, degree, ", "tail(m, 0, ", "tails of a radius"),
    "flat cells replace each other": Seeded(
        plan, "_keep", "total if work.flat is None else work.flat + total", "total", "flat cells"
    ),
    "what a limit leaves is not kept": Seeded(
        plan,
        "plan",
        "_keep(work, left_undone(integrands, gaussian, centre, half))",
        "pass",
        "a limit on cells",
    ),
    "a mean without the slopes' radii": Seeded(
        Integrands, "means", "middle.rad + reach", "middle.rad", "means with kinks"
    ),
    "half of the mean distance": Seeded(
        Integrands, "means", "half[:, k] / 2", "half[:, k] / 16", "means with kinks"
    ),
    "flat cells are not added": Seeded(rules, "_completed", "total + flat + ", "total + ", "completed"),
    "errors are not added": Seeded(rules, "_completed", " + arb(0, error)", "", "completed"),
    "an infinite error is no error": Seeded(
        rules, "_completed", 'return arb(0, float("inf"))', "return total", "completed"
    ),
    "float balls of points": Seeded(
        integrands, "float_ball", "above(abs(ball - arb(mid)))", "0.0", "float balls"
    ),
    "balls at their centres": Seeded(
        integrands, "float_ball", "abs(ball - arb(mid))", "abs(ball.mid() - arb(mid))", "float balls"
    ),
    "a row's first entry": Seeded(
        EnclosedGaussian, "sizes", "for e in row)) for row", "for e in row[:1])) for row", "float balls"
    ),
    "latents without their mean": Seeded(
        EnclosedGaussian, "latents", "z = m\n", "z = m * 0\n", "float balls"
    ),
    "monomials are rounded to nearest": Seeded(
        Integrands, "monomials", "upward(power, sum(p), sum(p))", "power", "monomials"
    ),
    "a monomial of one factor less": Seeded(
        Integrands, "monomials", "for _ in range(n):", "for _ in range(min(n, 1)):", "monomials"
    ),
    "derivatives that are no numbers are zero": Seeded(
        Integrands,
        "suprema",
        "np.where(np.isfinite(size), size, np.inf)",
        "np.where(np.isfinite(size), size, 0.0)",
        "poles",
    ),
    "cells that are left are counted from the next": Seeded(
        sums,
        "_rest",
        "np.concatenate(work.centres)[done:], np.concatenate(work.halves)[done:]",
        "np.concatenate(work.centres)[done + 1:], np.concatenate(work.halves)[done + 1:]",
        "stopped sums, floats",
    ),
    "cells that arb has no time for are lost": Seeded(
        sums, "arb_sums", "rest = _rest(work, done)", "rest = None", "stopped sums, arb"
    ),
    "weights in arb without their normalisation": Seeded(
        sums, "_nodes", "weight * h * root", "weight * h", "weights, d = 2"
    ),
    "weights in floats without their cell": Seeded(
        sums, "_cell_block", "rule.weights[None, :] * half", "rule.weights[None, :]", "weights, d = 2"
    ),
    "a lattice of weights of one axis": Seeded(
        sums,
        "_lattice_blocks",
        "weight = weight * weights[k]",
        "weight = weight * 1 + 0 * weights[k]",
        "weights, d = 2",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
