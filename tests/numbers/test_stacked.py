"""Stacked centred forms give what the forms give one by one."""

from typing import Any

import pytest

from elboproof.numbers import stacked
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.centred import Centred
from tests.numbers.test_exponential_sums import CENTRES, latents

WEIGHTS = [1.0, -0.5, 2.0]


def forms(complex_first: bool) -> list[Centred]:
    """Forms with and without a slope along the first latent, one of them not yet tightened."""
    z = latents(CENTRES, 0.1, complex_first)
    return [z[0] * 2.0 + z[1], z[1] * 3.0, z[0] * z[1]]


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, ComplexBallArray):
        assert_same(ours.real, theirs.real)
        assert_same(ours.imag, theirs.imag)
        return
    assert (ours.lower() <= theirs.upper()).all()
    assert (theirs.lower() <= ours.upper()).all()
    assert (ours.rad <= theirs.rad * (1 + 1e-9)).all()  # a sum of many rounds less than many sums of two
    assert (ours.rad >= theirs.rad * (1 - 1e-9) - 1e-12).all()


def weighted(complex_first: bool) -> Centred:
    stack = stacked.stacked(forms(complex_first)).exp()
    return stacked.summed(stack * stacked.column([BallArray(w) for w in WEIGHTS]), len(WEIGHTS))


@pytest.mark.parametrize("complex_first", [False, True])
def test_sums_of_a_stack_are_those_of_its_forms(complex_first: bool) -> None:
    parts = [form.exp() * w for form, w in zip(forms(complex_first), WEIGHTS, strict=True)]
    expected = parts[0] + parts[1] + parts[2]
    found = weighted(complex_first)
    assert_same(found.range(), expected.range())
    assert_same(found.centre, expected.centre)
    for ours, theirs in zip(found.dual.slopes, expected.dual.slopes, strict=True):
        assert_same(ours, theirs)


def test_a_lost_form_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked, "_sum", lambda values, _: values[1:].sum(0))
    with pytest.raises(AssertionError):
        test_sums_of_a_stack_are_those_of_its_forms(complex_first=False)


@pytest.mark.parametrize(("count", "boxes"), [(1, 1), (50, 300), (50, 8192), (3, 10**6), (7, 0)])
def test_groups_hold_all_forms_and_stay_small(count: int, boxes: int) -> None:
    every = forms(complex_first=False)[:1] * count
    found = list(stacked.groups(every, boxes))
    assert sum(map(len, found)) == count
    assert all(len(some) == 1 or len(some) * boxes <= stacked.MOST for some in found)
