"""Bugs seeded into the evidences by cells on pieces: each is caught by a check that the library passes."""

import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit

import elboproof as ep
from elboproof.evidence import (
    piece_cells,
    piece_integrand,
    piece_roots,
    piece_rounds,
    pieces,
    polygons,
    rules,
)
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import evidence_of
from elboproof.model import piecewise
from elboproof.model.data import data_of
from elboproof.numbers import rational_balls
from elboproof.numbers.ball_arrays import BallArray
from elboproof.quadrature import corner_charts
from tests.evidence.cases import Missed
from tests.evidence.piece_cell_cases import require_instance
from tests.evidence.test_piece_cells import require_head
from tests.quadrature import test_corner_charts as charts
from tests.seeding import Bug, Seeded, emptied, falsification

SINGLE = ep.LatentModel("z", ["abs(z) + relu(z)/2 - 1/4", "relu(z) - 1"], ep.Poisson())
PLANE = ep.LatentModel(["a", "b"], ["abs(a - b/2)", "relu(b) - a"], ep.Bernoulli())
SLACK = 1e-10


def _evidence(model: ep.LatentModel, x: object, digits: float, most: int = 10**5) -> Evidence:
    try:
        return evidence_of(model, x, digits, seconds=20.0, most_cells=most)
    except ValueError as error:  # bounds that contradict each other
        raise Missed(str(error)) from error


def _held(model: ep.LatentModel, x: list[object], truth: float, digits: float = 9, most: int = 10**5) -> None:
    found = _evidence(model, x, digits, most)
    _within(found.enclosure.lower[0], found.enclosure.upper[0], truth, found.statuses)


def _within(low: float, high: float, truth: float, what: object = "") -> None:
    if not low - SLACK <= truth <= high + SLACK:
        raise Missed(f"[{low}, {high}] has not {truth}: {what}")


def _placed() -> None:
    """Under a normal prior of independent latents with two outputs: a product of integrals over half-lines."""

    def part(likelihood: Callable[[float], float], mean: float, variance: float) -> float:
        prior = stats.norm(mean, variance**0.5)
        sides = ((-np.inf, 0.0), (0.0, np.inf))
        parts = [quad(lambda z: likelihood(z) * prior.pdf(z), *ends, epsabs=1e-13)[0] for ends in sides]
        return float(sum(parts))

    first = part(lambda u: float(expit(abs(u))), 0.5, 4.0)
    second = part(lambda v: float(expit(-max(v, 0.0))), 0.0, 2.0)
    _held(PLACED, [1, 0], float(np.log(first * second)))


def _few_cells(model: ep.LatentModel, x: list[object]) -> Callable[[], None]:
    """What is left out is bounded, where much is left out."""

    def check() -> None:
        fine = _evidence(model, x, 10).enclosure.midpoint[0]
        for most in (4, 6, 8, 12, 20):
            _held(model, x, float(fine), 10, most)

    return check


def _loose_rules() -> None:
    """Errors of rules are bounded, where they are large: on a line, with rules of three points."""
    fine = _evidence(SINGLE, [3, 0], 10).enclosure.midpoint[0]
    with patch.object(rules, "PART", 1e3), patch.object(piece_rounds, "ROUNDS", 1):
        _held(SINGLE, [3, 0], float(fine), 3)


def _small_box(model: ep.LatentModel, x: list[object]) -> Callable[[], None]:
    """With a box of one deviation nothing is decided, but what is told holds the truth."""

    def check() -> None:
        fine = _evidence(model, x, 9).enclosure.midpoint[0]
        with patch.object(piece_cells, "RADII", (1.0,)):
            found = piece_cells.evidence(model, data_of(model, x), (9.0, False), time.monotonic() + 20, 10**5)
        if found is None:
            raise Missed("no pieces")
        base = fine - _log_integral(model, x)
        _within(found.enclosure.lower[0] + base, found.enclosure.upper[0] + base, float(fine))

    return check


def _log_integral(model: ep.LatentModel, x: list[object]) -> float:
    """Return log p(x) less its base measure."""
    found = piece_cells.evidence(model, data_of(model, x), (9.0, False), time.monotonic() + 20, 10**5)
    if found is None or found.statuses != ("",):
        raise Missed("not decided")
    return float(found.enclosure.midpoint[0])


def _rows() -> None:
    """Rows have the values that they have alone."""
    rows = [[0, 1], [3, 0], [1, 2]]
    found = _evidence(SINGLE, rows, 9).enclosure
    for n, row in enumerate(rows):
        alone = _evidence(SINGLE, row, 9).enclosure.midpoint[0]
        _within(found.lower[n], found.upper[n], float(alone), n)


def _precise() -> None:
    """Twenty digits lie within nine."""
    fine, coarse = (evidence_of(SINGLE, [3, 0], digits, seconds=60.0, most_cells=10**5) for digits in (20, 9))
    if any(fine.statuses):
        raise Missed(f"{fine.statuses}")
    _within(coarse.enclosure.lower[0], coarse.enclosure.upper[0], float(fine.enclosure.midpoint[0]))


PLACED = ep.LatentModel(
    ["u", "v"], ["abs(u)", "relu(v)"], ep.Bernoulli(), prior=ep.Normal(["1/2", 0], [[4, 0], [0, 2]])
)
BOXED = ep.LatentModel("z", ["abs(z)"], ep.Bernoulli(), prior=ep.Uniform(-1, 2))
FLAT = ep.LatentModel("z", ["abs(z)/1000"], ep.Bernoulli())
FLAT_PRIOR = ep.LatentModel("z", ["abs(z)/1000"], ep.Bernoulli(), prior=ep.Normal(0, 9))


def _floor() -> None:
    """What the prior alone says of U is less than U."""
    for model in (
        PLACED,
        BOXED,
        ep.LatentModel("z", ["abs(z)"], ep.Bernoulli(), prior=ep.Normal(0, "1/10000")),
    ):
        rows = piece_cells._Rows(model, data_of(model, [1] * model.data_dim), (6.0, False), np.inf)
        search = piece_rounds._Search(rows._block(np.arange(1)), np.arange(1), 1e-3)
        cells = rows.roots.cells
        for place in np.linspace(-1.0, 1.0, 41).tolist():
            points = [BallArray(np.full(len(cells), place))] * model.latent_dim
            values = search.energy.at(cells.owner, points, cells.chart)
            if (search.energy.least_by_prior(cells) > values.upper()).any():
                raise Missed(f"{model}")


CHECKS: dict[str, Callable[[], None]] = {
    "bernoulli": partial(require_instance, 0, factors=(1,)),
    "binomial": partial(require_instance, 1),
    "categorical": partial(require_instance, 13),
    "few cells": _few_cells(SINGLE, [3, 0]),
    "few cells in the plane": _few_cells(PLANE, [1, 0]),
    "loose rules": _loose_rules,
    "small box": _small_box(FLAT, [1]),
    "small box of a prior": _small_box(FLAT_PRIOR, [1]),
    "placed": _placed,
    "rows": _rows,
    "precise": _precise,
    "floor": _floor,
    "head": lambda: require_head(torch.nn.Sigmoid()),
    "cover": lambda: charts.require_cover(1),
    "map": lambda: charts.require_map(1),
    "place": lambda: charts.require_place(1),
    "bounds of charts": lambda: charts.require_bounds(1),
    "rational balls": charts.require_rational_balls,
}

_C = corner_charts
BUGS: dict[str, Bug] = {
    "a triangle is lost": Seeded(_C, "parts_of", "len(corners) - 1, 2", "len(corners) - 2, 2", "cover"),
    "corners are exchanged": Seeded(_C, "_bilinear", "(1, -1, 1, -1))", "(1, 1, -1, -1))", "map"),
    "the factor's slope has the wrong sign": Seeded(
        _C.Maps, "stretches", "_cross(p, r), _cross(r, q)", "_cross(r, p), _cross(r, q)", "bernoulli"
    ),
    "the mixed term is left out": Seeded(_C.Cornered, "place", "t * (s * r + q)", "t * q", "place"),
    "factors are bounded at the centre": Seeded(
        _C.Cornered,
        "stretch",
        "upward(half[:, k - 1] * reach, 1)",
        "0.0 * half[:, k - 1]",
        "bounds of charts",
    ),
    "factors are bounded on the cell only": Seeded(
        _C.Cornered, "stretch", "half[:, k - 1] * reach", "half[:, k - 1]", "bounds of charts"
    ),
    "the centre is nearest": Seeded(
        _C.Cornered,
        "nearest",
        "BallArray(centre[:, k], half[:, k])",
        "BallArray(centre[:, k])",
        "bounds of charts",
    ),
    "rational numbers are doubles": Seeded(
        rational_balls, "balls_around", "sizes * 2.0**-52", "sizes * 0.0", "rational balls"
    ),
    "subnormal numbers are exact": Seeded(
        rational_balls, "balls_around", " + small * 2.0**-1074", "", "rational balls"
    ),
    "the last bias is left out": Seeded(
        piece_roots.Roots, "coefficients", "_moved(last * row, of_one)", "last * row", "bernoulli"
    ),
    "the exact last bias is left out": Seeded(
        piece_roots, "_moved", "+= bias[j, 0]", "+= 0 * bias[j, 0]", "bernoulli"
    ),
    "pieces of rows are mixed": Seeded(
        piece_roots.Roots,
        "of_rows",
        "np.arange(count)[:, None] * pieces + cells.owner",
        "np.arange(count)[:, None] + cells.owner * count",
        "rows",
    ),
    "data of rows are mixed": Seeded(
        piece_rounds._Search,
        "_data",
        "self.rows[self.owners]",
        "self.rows[np.tile(np.arange(len(self.rows)), self.pieces)]",
        "rows",
    ),
    "the constant of a piece is left out": Seeded(
        piece_integrand, "_affine", ", row[-1])", ")", ("bernoulli", "categorical")
    ),
    "the prior is left out": Seeded(
        piece_integrand,
        "piece_quantities",
        "-model.prior.log_density(model.latents) - density",
        "-density",
        "placed",
    ),
    "the prior's floor is its ceiling": Seeded(
        piece_integrand, "_least_energy", "return -above", "return above", "floor"
    ),
    "the last activation is left out": Seeded(
        piece_integrand, "_head", "known(found.head).symbolic", "(lambda f: f)", "head"
    ),
    "the tail is nothing": Seeded(
        piece_rounds._Search, "_ends", "error + rest + tail", "error + rest", "small box"
    ),
    "the tail of a normal prior is that of a box": Seeded(
        piece_cells._Rows,
        "_log_tail",
        "isinstance(prior, Uniform)",
        "not prior.standard",
        "small box of a prior",
    ),
    "what is left out is nothing": Seeded(
        piece_rounds._Search,
        "_rest",
        "found.discarded + found.unfinished",
        "0.0 * found.discarded",
        ("few cells", "few cells in the plane"),
    ),
    "rules have no error": Seeded(
        piece_rounds._Search,
        "ends",
        "self._of_rows(found.safe(found.rule_error))",
        "self._of_rows(found.safe(0.0 * found.rule_error))",
        "loose rules",
    ),
    "only the first piece is in doubt": Seeded(
        piece_rounds._Search, "_of_rows", ".sum(1)", "[:, 0]", "few cells"
    ),
    "the scale is forgotten": Seeded(
        piece_rounds._Search, "_ends", "(high.log() - shift)", "high.log()", "binomial"
    ),
    "pieces are counted in the wrong rows": Seeded(
        piece_rounds._Search,
        "_in_arb",
        "parts[first : first + self.pieces]",
        "parts[first : first + self.pieces - 1]",
        "precise",
    ),
}

FOUND_BEFORE = (
    piecewise.piecewise,
    piecewise.kinked,
    pieces._pieces,
    polygons._kept,
    piece_roots.roots_of,
    piece_integrand.piece_quantities,
)

test_the_library_passes, test_bugs_are_caught, test_no_check_is_idle = falsification(
    CHECKS, BUGS, around=partial(emptied, FOUND_BEFORE)
)
