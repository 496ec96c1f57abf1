"""Many centred forms as one, along an additional first axis: one operation on arrays then serves them all."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual

MOST = 2**15
"""Elements of a stack's arrays: they stay in cache."""


def groups(forms: Sequence[Centred], boxes: int) -> Iterator[Sequence[Centred]]:
    """Yield forms over so many boxes in groups that are small enough to be stacked."""
    size = max(1, MOST // max(boxes, 1))
    return (forms[start : start + size] for start in range(0, len(forms), size))


def stacked(forms: Sequence[Centred]) -> Centred:
    """Return forms of shape (B,) as one of shape (n, B)."""
    # n forms over the same B boxes become rows of (n, B) arrays. The offsets, of shape (B,), are
    # shared and broadcast. The mean-value form acts on each entry by itself, so that it is made once,
    # of the stack.
    slopes = [_stack(column) for column in zip(*(form.dual.slopes for form in forms), strict=True)]
    value = Dual(_stack([form.dual.value for form in forms]), slopes)
    tight = all(form.tight for form in forms)
    return Centred(_stack([form.centre for form in forms]), value, forms[0].offsets, tight).tightened()


def summed(form: Centred, count: int) -> Centred:
    """Return the sum of ``count`` stacked forms."""
    # a sum of enclosures encloses the sum, for value, centre and slopes alike
    slopes = [_sum(slope, count) for slope in form.dual.slopes]
    return Centred(_sum(form.centre, count), Dual(_sum(form.dual.value, count), slopes), form.offsets)


def column(balls: Sequence[BallArray], least: tuple[int, ...] = ()) -> BallArray:
    """Return balls of shapes () or (B,) as one array of shape (n, 1) or (n, B), a factor for stacked forms."""
    shape = np.broadcast_shapes((1,), least, *(ball.shape for ball in balls))
    return BallArray.concatenate([ball.broadcast_to(shape).reshape(1, *shape) for ball in balls])


def _stack(values: Sequence[Any]) -> Any:
    """Stack ring elements, the integers 0 and 1 among them; complex if one of them is."""
    if all(isinstance(value, int) and value == 0 for value in values):
        return 0
    if not any(isinstance(value, ComplexBallArray) for value in values):
        return column([_ball(value) for value in values])
    # a real row among complex ones has the exact imaginary part 0
    pairs = [
        (v.real, v.imag) if isinstance(v, ComplexBallArray) else (_ball(v), BallArray(0.0)) for v in values
    ]
    shape = np.broadcast_shapes(*(real.shape for real, _ in pairs))
    reals, imags = zip(*pairs, strict=True)
    return ComplexBallArray(column(reals, shape), column(imags, shape))


def _ball(value: Any) -> BallArray:
    return value if isinstance(value, BallArray) else BallArray(float(value))  # 0 or 1


def _sum(values: Any, count: int) -> Any:
    """Return the sum over the first axis, of which ``values`` may have none if they are all the same."""
    if isinstance(values, int):
        return values * count
    return values.sum(0) if values.ndim > 1 else values * count
