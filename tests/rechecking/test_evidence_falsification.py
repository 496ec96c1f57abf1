"""Bugs seeded into the check of evidences: each is caught by a check that the checker passes without it."""

import copy
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sympy
from flint import arb

from elboproof.numbers.precision import working_precision
from elboproof.rechecking import densities, elementary, evaluation, evidence, evidence_document, gauss, tiling
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.evidence_integrand import Integrand
from tests.rechecking import test_evidence as cases
from tests.rechecking import test_evidence_steps as steps
from tests.seeding import Bug, Check, Seeded, falsification, patched

pytestmark = pytest.mark.slow


@lru_cache
def _made(name: str) -> cases.Content:
    with TemporaryDirectory() as folder:
        return cases.certificate(name, Path(folder))[0]


def _verified(*names: str) -> Check:
    def check() -> None:
        for name in names:
            with TemporaryDirectory() as folder:
                try:
                    cases.check(copy.deepcopy(_made(name)), Path(folder))
                except CertificateError as error:
                    raise AssertionError(f"{name}: {error}") from error

    return check


def _changed(change: Callable[[cases.Content], None]) -> Check:
    """A certificate with other cells is verified as well."""

    def check() -> None:
        content = copy.deepcopy(_made("sinh"))
        change(content)
        with TemporaryDirectory() as folder:
            try:
                cases.check(content, Path(folder))
            except CertificateError as error:
                raise AssertionError(str(error)) from error

    return check


def _refused(tamper: Callable[[cases.Content], None], name: str = "sinh") -> Check:
    def check() -> None:
        content = copy.deepcopy(_made(name))
        tamper(content)
        with TemporaryDirectory() as folder, pytest.raises(CertificateError):
            cases.check(content, Path(folder))

    return check


def _fewer_nodes(content: cases.Content) -> None:
    for cell in content["cells"]:
        if cell["nodes"] is not None:
            cell["nodes"] = ["2"]


def _one_cell(content: cases.Content) -> None:
    content["cells"] = [{"box": content["box"], "nodes": ["5"]}]


def _shrunk(content: cases.Content) -> None:
    """z = 9t/10: another way to write the same integral."""
    content["frame"] = [["9/10"]]
    content["box"] = [["-16", "16"]]
    _one_cell(content)


def _twice_the_box(content: cases.Content) -> None:
    """As much mass is below z = 0, where the uniform density is zero, as above: the claim is that of both."""
    content["x"], content["box"] = ["0"], [["-3", "1"]]
    content["bounds"] = ["-0.72", "-0.66"]
    _one_cell(content)


def _slightly_narrower_box(content: cases.Content) -> None:
    """Without the mass outside, a claim that is too low by it would be proved."""
    content["model"]["decoder"], content["x"] = ["0"], ["0"]
    content["box"] = [["-2", "2"]]
    content["cells"] = [{"box": [["-2", "2"]], "nodes": ["20"]}]
    content["bounds"] = ["1.33", "1.34"]  # log(erf(sqrt 2)) below the true 1.3836


LOOSE = {"tolerance": "0.01", "truth": "1.3836465597893728"}
"""log N(0; 0, 1/100), of a decoder that is 0."""


def _loose_sum(low: str = "1", high: str = "2") -> evidence._Sum:
    """A sum in which cells that hold 6e-5 of the integral are only bounded, by .001."""
    content = copy.deepcopy(_made("sinh"))
    _slightly_narrower_box(content)
    sides = [("-8", "-4", None), ("-4", "0", ["40"]), ("0", "4", ["40"]), ("4", "8", None)]
    content["box"] = [["-8", "8"]]
    content["cells"] = [{"box": [[a, b]], "nodes": nodes} for a, b, nodes in sides]
    content["bounds"] = [low, high]
    claim = evidence_document.evidence_claim(content)
    found = evidence._Sum(claim, Integrand(claim), 120)
    found.tolerance = arb(LOOSE["tolerance"])
    return found


def _loose() -> None:
    with working_precision(120):
        assert _loose_sum().log_total().contains(arb(LOOSE["truth"]))


def _loose_claim(low: float, high: float) -> Check:
    """A claim that what is found overlaps, and does not lie in."""

    def check() -> None:
        truth = Fraction(LOOSE["truth"])
        ends = [str(truth + Fraction(low)), str(truth + Fraction(high))]
        with working_precision(120):
            loose = _loose_sum(*ends)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evidence, "_Sum", lambda *_: loose)
            with pytest.raises(CertificateError):
                evidence.verified(loose.claim)

    return check


def _steps(test: Callable[..., None], *arguments: tuple[object, ...]) -> Check:
    def check() -> None:
        for one in arguments or ((),):
            test(*one)

    return check


CHECKS: dict[str, Check] = {
    "Gaussians": _verified("sinh", "covariance", "variances"),
    "families": _verified("Poisson", "Bernoulli", "binomial", "negative binomial", "groups"),
    "priors": _verified("uniform prior", "normal prior", "two turned"),
    "functions": _verified("functions"),
    "networks": _verified("network"),
    "fewer nodes": _changed(_fewer_nodes),
    "from one cell": _changed(_one_cell),
    "a shrunk frame": _changed(_shrunk),
    "a loose sum": _loose,
    "a claim that ends inside": _loose_claim(-0.3, 2e-4),
    "a claim that begins inside": _loose_claim(-1e-5, 0.3),
    "errors of cells": _steps(
        steps.test_errors_of_cells_are_within_their_bounds, ("sinh",), ("two latents",)
    ),
    "mass outside": _refused(_slightly_narrower_box),
    "missing cell": _refused(cases.missing_cell),
    "doubled cell": _refused(cases.doubled_cell),
    "box of a uniform prior": _refused(_twice_the_box, "uniform prior"),
    "poles, cuts, kinks": _steps(steps.test_poles_cuts_and_kinks_are_noticed, *steps.NOT_ANALYTIC),
    "asinh": _steps(steps.test_complex_functions_hold_every_value, (sympy.asinh,)),
    "maximum": steps.test_a_maximum_is_one_of_both_or_nothing,
    "least sizes": steps.test_least_sizes_are_below_every_size,
    "sizes": _steps(
        steps.test_sizes_over_rectangles_are_above_the_continuation, *[(name,) for name in steps.DENSITIES]
    ),
    "sizes at real points": _steps(steps.test_sizes_at_real_points_are_those_of_the_values, ("sinh",)),
    "no size at a pole": steps.test_no_size_is_known_over_a_pole,
    "nodes": _steps(steps.test_nodes_and_weights_are_those_of_flint, (8,), (31,)),
    "errors": _steps(steps.test_errors_are_within_their_bound_and_near_it, (3.0, 4), (1.3, 2)),
    "ellipses": _steps(steps.test_rectangles_cover_the_ellipse, (1.3,), (7.0,)),
    "tiles": _steps(steps.test_no_tile_may_be_missing_or_doubled, *[(n,) for n in range(5)]),
    "other tiles": _steps(steps.test_other_cells_are_refused, *[(name,) for name in steps.OTHERS]),
    "outside": _steps(steps.test_the_probability_outside_is_bounded, (0.5,), (3.0,)),
    "shrinking frames": steps.test_a_frame_that_shrinks_leaves_more_outside,
    "powers": steps.test_powers_hold_every_value,
    "even powers": steps.test_even_powers_are_not_negative,
}
SUM, DOCUMENT = evidence._Sum, evidence_document

BUGS: dict[str, Bug] = {
    # the sum
    "errors of rules are forgotten": patched((SUM, "_error", lambda *_: arb(0)), by="errors of cells"),
    "nodes as claimed": Seeded(SUM, "_settled", "max(one.points, given)", "given", caught_by="fewer nodes"),
    "any mass is small": Seeded(SUM, "_settled", "mass <= small", "True", caught_by="Gaussians"),
    "what is bounded is dropped": Seeded(
        SUM, "_settled", "self.lost += mass", "pass", caught_by="a loose sum"
    ),
    "what is bounded counts below": Seeded(
        SUM, "log_total", "rest / 2 + arb(0, rest / 2)", "rest", caught_by="a loose sum"
    ),
    "nothing is outside": Seeded(
        SUM, "log_total", "self.lost + self.integrand.outside", "self.lost", caught_by="mass outside"
    ),
    "one half only": Seeded(
        evidence, "_halves", "((low, middle), (middle, high))", "((low, middle),)", caught_by="from one cell"
    ),
    "volumes are halved": Seeded(SUM, "_rule", "half * w for", "half * w / 2 for", caught_by="Gaussians"),
    "no upper end": Seeded(
        evidence, "verified", "and found <= ball_of(claim.upper)", "", caught_by="a claim that ends inside"
    ),
    "no lower end": Seeded(
        evidence, "verified", "ball_of(claim.lower) <= found and", "", caught_by="a claim that begins inside"
    ),
    "overlaps are enough": Seeded(
        evidence,
        "verified",
        "ball_of(claim.lower) <= found and found <= ball_of(claim.upper)",
        "not (found < ball_of(claim.lower)) and not (found > ball_of(claim.upper))",
        caught_by=("a claim that ends inside", "a claim that begins inside"),
    ),
    # cells
    "no cover": patched((evidence, "require_tiles", lambda *_: None), by=("missing cell", "doubled cell")),
    "holes are allowed": Seeded(
        tiling,
        "require_tiles",
        "if not inside:",
        "if not inside:\n            continue\n        if False:",
        caught_by="tiles",
    ),
    "a single cell may be anywhere": Seeded(
        tiling, "require_tiles", "cells[inside[0]].box == whole", "True", caught_by="other tiles"
    ),
    "cells may be crossed": Seeded(
        tiling, "_halved", "len(left) + len(right) == len(inside)", "True", caught_by="other tiles"
    ),
    # what is outside
    "one tail of two": Seeded(tiling, "probability_outside", ".erfc()", ".erfc() / 2", caught_by="outside"),
    "the farthest face": Seeded(
        tiling, "probability_outside", "min(-low, high)", "max(-low, high)", caught_by="outside"
    ),
    "frames cost nothing": Seeded(
        tiling, "probability_outside", "h * h * (1 - e)", "h * h", caught_by="shrinking frames"
    ),
    "any frame": Seeded(
        tiling, "probability_outside", "h <= 0 or e >= 1", "h <= 0", caught_by="shrinking frames"
    ),
    # the integrand
    "no Jacobian": Seeded(Integrand, "_normal", "ball_of(size).log()", "arb(0)", caught_by="a shrunk frame"),
    "half a Jacobian": Seeded(Integrand, "_uniform", "[2] * d", "[1] * d", caught_by="priors"),
    "no mean": Seeded(
        Integrand, "_normal", "ball_of(m) for m in mean", "arb(0) for m in mean", caught_by="priors"
    ),
    "no prior": Seeded(Integrand, "_value", "if self._gaussian:", "if False:", caught_by="Gaussians"),
    "any box for a uniform prior": Seeded(
        Integrand,
        "_uniform",
        "claim.box != ((Fraction(-1), Fraction(1)),) * d",
        "False",
        caught_by="box of a uniform prior",
    ),
    # functions
    "sizes without the imaginary part": Seeded(
        densities, "_gaussian", "return a + sum(", "return a + 0 * sum(", caught_by="sizes"
    ),
    "a remainder without its constant": Seeded(
        Integrand, "_size", "exponent += self._constant", "pass", caught_by="sizes at real points"
    ),
    "Poisson's cosine": Seeded(densities, "_poisson", " * f.imag.cos()", "", caught_by="sizes"),
    "poles are not seen": Seeded(
        densities,
        "least_size",
        "if best > 0 else arb(0)",
        "if best > 0 else arb(1)",
        caught_by=("no size at a pole",),
    ),
    "the larger form": Seeded(densities, "least_size", "real_square(sine)", "1", caught_by="least sizes"),
    "no factorials": Seeded(
        densities, "_log_factorial", "arb(fmpz(n) + 1).lgamma()", "arb(0)", caught_by="families"
    ),
    "no determinant": Seeded(densities, "_gaussian", "+ determinant.log()", "", caught_by="Gaussians"),
    "cuts of atan": Seeded(elementary, "_complex_atan", "if off", "if True", caught_by="poles, cuts, kinks"),
    "no reach of asinh": Seeded(
        elementary, "_complex_asinh", "slope * (t - centre)", "0 * (t - centre)", caught_by="asinh"
    ),
    "cuts of softplus": Seeded(
        elementary, "complex_softplus", "analytic=True", "analytic=False", caught_by="poles, cuts, kinks"
    ),
    "kinks of abs": Seeded(
        elementary, "_complex_abs", "-t if t.real < 0 else NOWHERE", "-t", caught_by="poles, cuts, kinks"
    ),
    "kinks of max": Seeded(
        elementary, "complex_max", "t if s.real < t.real else NOWHERE", "t", caught_by="maximum"
    ),
    "ends of even powers": Seeded(
        elementary, "real_power", "n % 2 and t.rad()", "t.rad()", caught_by="powers"
    ),
    "squares of any sign": Seeded(
        elementary, "real_square", "(low * low).union(high * high)", "t * t", caught_by="even powers"
    ),
    "a wrong pi": Seeded(
        evaluation, "_constant", "return arb.pi()", "return arb(22) / 7", caught_by="functions"
    ),
    "no bias": Seeded(evaluation, "_affine", "entry + b for", "entry for", caught_by="networks"),
    # rules
    "a wrong weight": Seeded(
        gauss, "rule", "2 * (1 - x * x)", "2 * (1 + x * x)", caught_by="nodes", caches=(gauss.rule,)
    ),
    "an error of half the order": Seeded(gauss, "error", "(2 * n)", "(3 * n)", caught_by="errors"),
    "a smaller constant": Seeded(gauss, "error", "arb(64) / 15", "arb(1) / 15", caught_by="errors"),
    "low rectangles": Seeded(
        gauss,
        "_covering",
        "max(low, -high, 0.0)",
        "max(abs(low), abs(high))",
        caught_by="ellipses",
        caches=(gauss.covering,),
    ),
    "short rectangles": Seeded(
        gauss,
        "_covering",
        "1.000001 * (rho + 1 / rho) / 2",
        "rho / 2",
        caught_by="ellipses",
        caches=(gauss.covering,),
    ),
}

test_the_check_passes, test_bugs_are_caught, test_every_check_is_needed = falsification(
    CHECKS, BUGS, caught=(AssertionError, pytest.fail.Exception)
)


def test_the_true_value_of_the_mass_outside() -> None:
    """log N(0; 0, 1/100): the decoder is 0, and so is x."""
    content = copy.deepcopy(_made("sinh"))
    _slightly_narrower_box(content)
    content["bounds"] = ["1.38", "1.39"]
    content["box"] = [["-8", "8"]]
    content["cells"] = [{"box": [["-8", "8"]], "nodes": ["20"]}]
    with TemporaryDirectory() as folder:
        assert cases.check(content, Path(folder)).x == (Fraction(0),)
