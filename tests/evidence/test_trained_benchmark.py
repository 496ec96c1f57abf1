"""The benchmark of trained decoders runs, its rivals are right where they must be, and contradictions are an error."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from benchmarks import trained_decoders as bench
from elboproof.numbers.enclosure import Enclosure

CASE = bench.Case("Tanh", "Bernoulli", 64, 2)


def test_a_small_run_shows_rows_and_rivals() -> None:
    with patch.multiple(bench, HIDDEN=4, STEPS=5, SAMPLES=2000):
        text = bench.report(1, small=True)
    line = text.splitlines()[-1].split("|")
    assert line[1].strip() == "Tanh 2-4-64 Bernoulli"
    assert line[3].strip() == "0"
    assert float(line[7]) <= 2e-4
    assert float(line[9]) < 0.1
    assert float(line[11]) < 1e-3


def test_contradictions_are_an_error() -> None:
    with patch.multiple(bench, HIDDEN=4, STEPS=1):
        x, test = bench.images(CASE)
        _, model = bench.trained(CASE, x, 1)
        _, found = bench.proved(model, test)
    upper = np.asarray(found.enclosure.upper)
    other = replace(found, enclosure=Enclosure(upper + 1, upper + 2))
    with pytest.raises(ValueError, match="expected intervals that overlap"):
        bench.require_agreement(found, [other])
