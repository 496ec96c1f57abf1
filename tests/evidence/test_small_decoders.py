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


@pytest.mark.parametrize("name", ["relu 1-16-16, Gaussian", "relu 1-16-16-16, Bernoulli"])
def test_evidences_of_one_latent_agree_with_a_sum(name: str) -> None:
    """A trapezoidal rule in floats, whose error at kinks is of second order in the step."""
    (one,) = (one for one in stored() if one.kind.name == name)
    _, found = small_decoders.proved(one, one.rows[0])
    assert found.statuses == ("",)
    assert abs(found.enclosure.midpoint[0] - _sum(one)) < 1e-5


def _sum(one: Trained) -> float:
    axis = np.linspace(-9, 9, 40001)
    x = np.array([float(Fraction(v)) for v in one.rows[0]])
    energy = one.model().floating.energy(axis[:, None], x)
    return float(logsumexp(-energy) + np.log(axis[1] - axis[0]))


def test_a_small_report_has_two_rows() -> None:
    text = small_decoders.report(1, small=True)
    rows = [line for line in text.splitlines() if line.startswith(("| tanh", "| relu"))]
    assert len(rows) == 2
    assert all("2 of 2" in row for row in rows)
