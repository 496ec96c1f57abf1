"""The benchmark of ReLU decoders runs, and refuses evidences that contradict each other."""

from dataclasses import replace
from unittest.mock import patch

import pytest

from benchmarks import relu
from elboproof.numbers.enclosure import Enclosure


def test_a_small_run_shows_pieces_and_cells() -> None:
    with patch.object(relu, "LIMIT", 2.0):
        text = relu.report(1, small=True)
    assert "| 8 | 1/100 | " in text
    (row,) = (
        line for line in text.partition("a Bernoulli likelihood")[2].splitlines() if line.startswith("| 8 |")
    )
    assert float(row.split("|")[5]) <= 2e-10


def test_contradictions_are_an_error() -> None:
    case = relu.CASES[0]
    model = case.model()
    _, found = relu.by_pieces(model, relu.rows_of(model, 0.01, 1))
    other = replace(found, enclosure=Enclosure(found.enclosure.upper + 1, found.enclosure.upper + 2))
    with pytest.raises(ValueError, match="expected intervals that overlap"):
        relu.require_agreement(found, other)


def test_a_decoder_is_trained() -> None:
    images = relu._images("digits")
    assert images is not None
    _, before = relu.trained(images[0][:100], 8, 1)
    _, after = relu.trained(images[0][:100], 8, 60)
    assert after < 0.7 * before
