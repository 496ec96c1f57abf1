"""The benchmark of true boxes runs, and refuses evidences that contradict each other."""

from dataclasses import replace

import pytest

from benchmarks import priors


def test_a_small_run_shows_both_formulations() -> None:
    text = priors.report(1, small=True)
    assert "| line | 1 | 8 |" in text
    assert "| parabola | 2 | 6 |" in text


def test_contradictions_are_an_error() -> None:
    case = priors.CASES[0]
    one, two = priors.timed(case.box(), case)[1], priors.timed(replace(case, high="4").pushed(), case)[1]
    with pytest.raises(ValueError, match="expected intervals that overlap"):
        priors._require_agreement(one, two)
