"""Bounds of all pieces at once: they hold the integrals, in both ways to get their energies."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.evidence import piece_rounds, piece_sums, pieces, polygons
from elboproof.evidence.piece_arrays import Energies, KeptEnergies, OneLayerEnergies, one_layer
from elboproof.evidence.piece_bounds import Places, balls_of, sum_of
from elboproof.evidence.piece_forms import DataForms
from elboproof.evidence.piece_sums import Level, Pieces
from elboproof.evidence.pieces import pieces_of
from elboproof.model.data import data_of
from elboproof.model.piecewise import piecewise
from elboproof.numbers.precision import working_precision
from elboproof.quadrature.gaussian_pieces import whitened
from tests.evidence.cases import Missed
from tests.evidence.piecewise_cases import instance, model_of
from tests.evidence.piecewise_truth import Floats, Layers

BITS = 100
LOOSE = 12.0
"""Nats by which the median bound may be above its integral: areas stand for integrals of functions that fall off."""


def network(seed: int, widths: tuple[int, ...], below: float) -> tuple[ep.LatentModel, Floats]:
    """Return a network without degeneracies, and data."""
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    weights, biases = [rng.normal(size=pair) for pair in pairs], [rng.normal(size=m) / 2 for m, _ in pairs]
    layers = Layers(weights, biases, below, 1.0)
    variances = 10.0 ** rng.uniform(-2, 0, widths[-1])
    mean = layers.preactivations(rng.normal(size=(widths[0], 1)))[-1][:, 0]
    return model_of(layers, variances), mean + rng.normal(size=widths[-1]) * np.sqrt(variances)


NETWORKS = {
    "kept last layer": (0, (2, 6, 8), 0.0),
    "fewer outputs": (1, (2, 8, 3), 0.0),
    "leaky": (2, (2, 6, 7), 0.25),
    "on a line": (3, (1, 9, 9), 0.25),
}


def energies_of(model: ep.LatentModel, pieces: Pieces, level: Level, arrays: bool) -> Energies:
    """Return the energies, by arrays of one layer or by forms of FLINT."""
    if arrays:
        simple = one_layer(pieces.function)
        assert simple is not None
        return OneLayerEnergies(simple, level.forms, pieces.pieces)
    placed = [level.placed(one) for one in pieces.pieces]
    return KeptEnergies([one.turned.tolist() for one in placed], [one.form.tolist() for one in placed])


def laid_out(name: str) -> tuple[ep.LatentModel, Pieces, Level, DataForms]:
    """Return a network, its pieces, their forms at the precision in force, and those of one x."""
    model, x = network(*NETWORKS[name])
    function = piecewise(model)
    assert function is not None
    pieces = Pieces(model, function, pieces_of(model, polygons.box_of(model, 8.0), float("inf")))
    level = pieces.level(BITS)
    return model, pieces, level, level.forms.of_data(data_of(model, x.tolist()).row(0))


def require_bounds(name: str, arrays: bool) -> None:
    """Raise unless each bound is above its piece's integral, and most are near."""
    with working_precision(BITS):
        model, pieces, level, data = laid_out(name)
        energies = energies_of(model, pieces, level, arrays)
        bounds = Places.of([one.piece for one in pieces.pieces]).log_bounds(energies.of(data))
        above = []
        for one, bound in zip(pieces.pieces, bounds.tolist(), strict=True):
            placed = level.placed(one)
            exact = whitened(placed.corners, level.forms.joined(placed.turned, placed.form, data))
            value = exact.integral(arb(-bound), -40.0)
            if not value < 1 + 1e-12:
                raise Missed(f"{name}: {value} is above its bound")
            if value > 0:
                above.append(-float(value.log()))
    if not np.median(above) < LOOSE:
        raise Missed(f"{name}: bounds are loose by {np.median(above)}")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("arrays", [False, True], ids=["forms", "arrays"])
def test_bounds_are_above_the_integrals_and_near(name: str, arrays: bool) -> None:
    require_bounds(name, arrays)


def require_same(name: str) -> None:
    """Raise unless both ways enclose the same energies, the one layer's with radii that are small."""
    with working_precision(BITS):
        model, pieces, level, data = laid_out(name)
        first, second = (energies_of(model, pieces, level, arrays).of(data) for arrays in (False, True))
    for one, other in zip(
        [*sum(first.hessian, ()), *first.slopes, first.constant],
        [*sum(second.hessian, ()), *second.slopes, second.constant],
        strict=True,
    ):
        gap = np.abs(one.mid - other.mid)
        if not (gap <= one.rad + other.rad).all():
            raise Missed(f"{name}: {gap.max()} apart")
        assert (other.rad < 1e-9 * (1 + np.abs(other.mid).max())).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_both_ways_enclose_the_same_energies(name: str) -> None:
    require_same(name)


@contextmanager
def by_arrays() -> Iterator[None]:
    """Have arrays choose among any number of pieces."""
    polygons._kept.cache_clear()
    with patch.object(piece_sums, "FEW", 1), patch.object(piece_sums, "MANY", 1):
        yield
    polygons._kept.cache_clear()


@pytest.mark.parametrize("seed", [8, 18, 22, 26, 29])
def test_evidences_are_the_same_with_and_without_arrays(seed: int) -> None:
    layers, variances, x = instance(seed)
    model = model_of(layers, variances)
    plain = ep.log_evidence(model, x.tolist(), 10)
    with by_arrays():
        chosen = ep.log_evidence(model, x.tolist(), 10)
    assert chosen.lower <= plain.upper
    assert plain.lower <= chosen.upper
    assert chosen.width <= 2e-10


def require_rest() -> None:
    """Raise unless pieces that are left out at once are bounded: with a large share nearly all are left out."""
    model, x = network(*NETWORKS["leaky"])
    fine = ep.log_evidence(model, x.tolist(), 10).midpoint
    with by_arrays(), patch.object(piece_sums, "MARGIN", -16.0):
        for digits in (1.0, 3.0, 6.0):
            found = polygons.evidence(model, data_of(model, x.tolist()), digits, float("inf"), 10**6)
            assert found is not None
            if not found.enclosure.lower[0] <= fine <= found.enclosure.upper[0]:
                raise Missed(f"{found.enclosure} has not {fine}")


def test_what_is_left_out_is_bounded() -> None:
    require_rest()


def require_balls() -> None:
    """Raise unless balls of FLINT become balls of floats that hold them, whatever their size."""
    with working_precision(120):
        given = [
            arb(1) / 3,
            arb("1e-310") / 7,
            arb(10) ** 300 / 3,
            arb(0, 1),
            arb("1e400"),
            arb.nan(),
            -arb(2).sqrt(),
        ]
        found = balls_of(given)
        for value, mid, rad in zip(given, found.mid.tolist(), found.rad.tolist(), strict=True):
            if not (rad == np.inf or arb(mid, rad).contains(value)):
                raise Missed(f"{value} is not in {mid} +- {rad}")
    assert np.isfinite(found.rad[[0, 1, 2, 3, 6]]).all()


def test_balls_of_flint_are_held() -> None:
    require_balls()


def test_sums_of_bounds_are_above() -> None:
    bounds = np.array([0.0, -1.0, -0.5, -800.0])
    total = sum(((arb(v)).exp() for v in bounds.tolist()), arb(0))
    assert sum_of(bounds, 0.0) >= total
    assert sum_of(bounds, 0.0) < total * (1 + arb(1e-12))


@pytest.mark.parametrize(("d", "bends", "parts"), [(1, 4, 5), (2, 1, 2), (2, 2, 4), (2, 3, 7), (2, 4, 11)])
def test_the_time_that_is_expected_counts_the_parts_of_general_position(
    d: int, bends: int, parts: int
) -> None:
    function: Any = SimpleNamespace(bends=bends)
    each = pieces.SECONDS + pieces.SECONDS_OF_KINK * bends
    assert pieces._expected(function, d) == pytest.approx(parts * each, rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_bounds_of_a_row_are_summed_upward(seed: int) -> None:
    bounds = np.random.default_rng(seed).uniform(size=7 * 31)
    search = object.__new__(piece_rounds._Search)
    search.pieces = 31
    sums = search._of_rows(bounds)
    for row, total in zip(bounds.reshape(7, 31).tolist(), sums, strict=True):
        exact = sum(Fraction(one) for one in row)
        assert exact <= Fraction(total) <= exact * (1 + Fraction(1, 10**13))
