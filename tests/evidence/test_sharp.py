"""Sharp: the width asked for is reached, on easy and on hard problems; and the limits are where they are said to be."""

import numpy as np
import pytest

import elboproof as ep
from tests.evidence import cases

SIGMAS = {"1": "1", "1e-1": "1/100", "1e-2": "1/10000", "1e-3": "1/1000000", "1e-4": "1/100000000"}
CEILING = {"1": 12.0, "1e-1": 12.0, "1e-2": 12.0, "1e-3": 12.0, "1e-4": 10.0}
"""Digits of float64 sums: rounding leaves about 1e-15/sigma, 1.4e-11 at 1e-4 when measured."""


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("digits", [4, 8, 10, 12])
def test_sinh(sigma: str, digits: float) -> None:
    cases.check_sharp(cases.sinh(SIGMAS[sigma]), min(digits, CEILING[sigma]))


@pytest.mark.parametrize("sigma", ["1", "1e-1", "1e-2", "1e-3"])
@pytest.mark.parametrize("digits", [4, 10])
def test_banana(sigma: str, digits: float) -> None:
    cases.check_sharp(cases.banana(SIGMAS[sigma]), digits)


@pytest.mark.parametrize(
    "case", [cases.PRODUCT, cases.RIDGE, cases.SQUARE, cases.SINE, cases.HELIX, cases.SLAB]
)
def test_hard_shapes(case: cases.Case) -> None:
    cases.check_sharp(case, 9)


def test_a_wide_answer_is_rejected_by_the_check() -> None:
    with pytest.raises(cases.Missed, match="expected 10 digits"):
        cases.check_sharp(cases.SINE, 10, most_cells=60)


def test_more_digits_are_narrower() -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    widths = [float(ep.log_evidence(model, ["0.7"], digits).width) for digits in (3, 6, 9, 12)]
    assert all(np.diff(np.log10(widths)) < -1)
