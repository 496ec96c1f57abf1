"""The table of trained decoders: what its file holds, and that its first evidences are proved and right."""

import json
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import logsumexp

from benchmarks import small_decoders
from benchmarks.small_decoders import KINDS, Trained, stored


def test_the_file_holds_the_decoders_that_the_table_names() -> None:
    found = json.loads(small_decoders.FILE.read_text(encoding="utf-8"))["decoders"]
    assert [one["name"] for one in found] == [kind.name for kind in KINDS]
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 12
    for one in stored():
        assert len(one.rows) == small_decoders.ROWS
        if one.kind.binary:
            assert {v for row in one.rows for v in row} == {"0", "1"}
        else:
            assert all(0 <= Fraction(v) <= 1 for row in one.rows for v in row)
            assert 0 < Fraction(one.variance) < 1


ALL = {one.kind.name: one for one in stored()}
LAST_PLACE = 1.5e-9
"""Of what stands in the file: half of its last place, and one for the rounding of the midpoint."""


@pytest.mark.parametrize("name", ALL)
def test_the_evidences_of_the_file_are_those_that_are_proved(name: str) -> None:
    one = ALL[name]
    assert len(one.evidences) == small_decoders.ROWS
    _, found = small_decoders.proved(one, one.rows[0])
    assert found.statuses == ("",)
    stands = float(one.evidences[0])
    assert found.enclosure.lower[0] - LAST_PLACE <= stands <= found.enclosure.upper[0] + LAST_PLACE


@pytest.mark.parametrize("name", ALL)
def test_the_evidences_of_the_file_agree_with_sums(name: str) -> None:
    """Trapezoidal rules in floats: beyond all orders for smooth decoders, of second order in the step at kinks."""
    one = ALL[name]
    smooth = one.kind.activation in ("tanh", "silu", "gelu")
    for row, stands in zip(one.rows, one.evidences, strict=True):
        assert abs(_sum(one, row) - float(stands)) < (LAST_PLACE if smooth else 1e-4)


def _sum(one: Trained, row: list[str]) -> float:
    axis = np.linspace(-9, 9, 40001 if one.kind.latents == 1 else 801)
    x = np.array([float(Fraction(v)) for v in row])
    energy = one.model().floating.energy
    others = [[]] if one.kind.latents == 1 else [[a] for a in axis.tolist()]
    lines = [np.column_stack([np.tile(other, (len(axis), 1)), axis]) for other in others]
    sums = [logsumexp(-energy(line, x)) for line in lines]
    return float(logsumexp(sums) + one.kind.latents * np.log(axis[1] - axis[0]))


def test_a_small_report_has_two_rows() -> None:
    text = small_decoders.report(1, small=True)
    rows = [line for line in text.splitlines() if line.startswith(("| tanh", "| relu"))]
    assert len(rows) == 2
    assert all("2 of 2" in row for row in rows)
