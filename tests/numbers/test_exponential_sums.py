"""Quotients of sums of exponentials: they contain their members, and are sharper than plain quotients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import acb, arb

from elboproof.numbers import exponential_sums, stacked
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual

RNG = np.random.default_rng(7)
SLOPES, SHIFTS = RNG.normal(size=(6, 2)) * 4, RNG.normal(size=6)
TOPS = RNG.normal(size=6)
CENTRES = RNG.normal(size=(40, 2))


def latents(centres: Any, half: float, complex_first: bool) -> list[Centred]:
    boxes: list[Any] = [BallArray(c, np.full(len(c), half)) for c in centres.T]
    if complex_first:
        boxes[0] = ComplexBallArray(boxes[0], BallArray(np.zeros(len(centres)), np.full(len(centres), half)))
    points = [BallArray(c) for c in centres.T]
    offsets = [box - point for box, point in zip(boxes, points, strict=True)]
    return [
        Centred(points[j], Dual(boxes[j], [int(j == k) for k in range(2)]), offsets, tight=True)
        for j in range(2)
    ]


def average(z: list[Any], exponential: Callable[[Any], Any] = exponential_sums.exponential) -> Any:
    """A quotient of sums with one logit in the numerator only."""
    powers = [
        exponential(z[0] * float(p) + z[1] * float(q) + float(c))
        for (p, q), c in zip(SLOPES, SHIFTS, strict=True)
    ]
    top = powers[0] * float(TOPS[0])
    for power, c in zip(powers[1:], TOPS[1:], strict=True):
        top = top + power * float(c)
    bottom = powers[0] * 2
    for power in powers[1:5]:
        bottom = bottom + power
    return top / bottom


def ranges(
    half: float, complex_first: bool, exponential: Callable[[Any], Any] = exponential_sums.exponential
) -> Any:
    return average(latents(CENTRES, half, complex_first), exponential).range()


@pytest.mark.parametrize("complex_first", [False, True])
def test_members_are_inside(complex_first: bool) -> None:
    half = 0.03
    found = ranges(half, complex_first)
    real = found.real if complex_first else found
    assert np.isfinite(real.rad).all()
    for _ in range(20):
        moved = half * RNG.uniform(-1, 1, (40, 3))
        for b in range(40):
            first = acb(CENTRES[b, 0] + moved[b, 0], moved[b, 2] if complex_first else 0.0)
            value = average([first, acb(CENTRES[b, 1] + moved[b, 1])])
            assert abs(value.real - arb(real.mid[b])) <= arb(real.rad[b])
            if complex_first:
                assert abs(value.imag - arb(found.imag.mid[b])) <= arb(found.imag.rad[b])


@pytest.mark.parametrize("complex_first", [False, True])
@pytest.mark.parametrize("logits", [1, 2])
def test_several_stacks_give_what_one_gives(complex_first: bool, logits: int) -> None:
    """Five logits in stacks of one or two: the pivot is found and each weight meets its own factor in all of them."""
    whole = ranges(0.03, complex_first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacked, "MOST", logits * len(CENTRES))
        test_members_are_inside(complex_first)
        parts = ranges(0.03, complex_first)
    for ours, theirs in (
        [(parts.real, whole.real), (parts.imag, whole.imag)] if complex_first else [(parts, whole)]
    ):
        assert (ours.rad <= theirs.rad * (1 + 1e-9)).all()
        assert (ours.rad >= theirs.rad * (1 - 1e-9)).all()


def test_a_logit_without_its_pivot_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numerator's own logit must be taken relative to the denominator's largest, too."""
    factor = exponential_sums._Divisor.factor

    def wrong(divisor: Any, logit: Centred) -> Centred:
        return factor(divisor, logit) if logit in divisor.logits else logit.exp()

    monkeypatch.setattr(exponential_sums._Divisor, "factor", wrong)
    with pytest.raises(AssertionError):
        test_members_are_inside(complex_first=False)


@pytest.mark.parametrize("complex_first", [False, True])
def test_they_are_sharper_than_plain_quotients(complex_first: bool) -> None:
    sharp = ranges(0.1, complex_first)
    plain = ranges(0.1, complex_first, Centred.exp)
    narrower = (sharp.real.rad / plain.real.rad) if complex_first else sharp.rad / plain.rad
    assert np.median(narrower) < 0.5


def test_other_uses_are_plain_exponentials() -> None:
    exponential = exponential_sums.exponential
    z = latents(CENTRES, 0.1, complex_first=False)
    sums = exponential(z[0]) + exponential(z[1]) * 2 - 1.0
    plain = z[0].exp() + z[1].exp() * 2 - 1.0
    for ours, theirs in (
        (sums.range(), plain.range()),
        ((exponential(z[0]) * exponential(z[1])).range(), (z[0].exp() * z[1].exp()).range()),
        ((1 / exponential(z[0])).range(), (1 / z[0].exp()).range()),
        (
            ((exponential(z[0]) - exponential(z[1])).square()).range(),
            ((z[0].exp() - z[1].exp()).square()).range(),
        ),
    ):
        assert (ours.lower() <= theirs.upper()).all()
        assert (theirs.lower() <= ours.upper()).all()
        assert (ours.rad <= theirs.rad * (1 + 1e-9)).all()
