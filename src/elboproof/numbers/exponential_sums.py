r"""Quotients of sums of exponentials, such as softmax averages, in centred form.

In q = sum_i c_i e^(l_i) / sum_j e^(l_j) numerator and denominator vary by the same large factors, which cancel in q and
not in intervals. So sums of exponentials stay unevaluated until they are divided, and then, with the largest logit l_p
at each box's centre,

    q = c_p + sum_i (c_i - c_p) e^(l_i - l_p) / sum_j e^(l_j - l_p)

for coefficients 1 in the denominator (d_j in general: c_p/d_p and c_i - d_i c_p/d_p). Only differences of logits are
left, and terms that hardly count have small factors.

It is what lets the optimal decoder of finite data be a model: the evidence under a softmax average of 50 points takes 1
to 3 s to 10 digits, and is undecided after 40 s (1 digit at sigma^2 = 1/100) with evaluated exponentials.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual
from elboproof.numbers.stacked import column, groups, stacked, summed

_MOST = 1024
"""Terms kept unevaluated."""

Term = tuple[Any, Centred]
"""A coefficient, a number or a real ball, and a logit."""


class ExponentialSum(Centred):
    """sum_i c_i exp(l_i), evaluated when it is needed.

    Parameters
    ----------
    terms
        Coefficients and logits.
    """

    __slots__ = ("_divisor", "_value", "terms")

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = list(terms)
        self._value: Centred | None = None
        self._divisor: _Divisor | None = None

    def evaluated(self) -> Centred:
        """Return the sum as a plain centred form."""
        if self._value is None:
            # evaluated once: value, centre and slopes of a sum are asked for by each property in turn
            parts = [_scaled(logit.exp(), c) for c, logit in self.terms]
            self._value = sum(parts[1:], parts[0])
        return self._value

    @property
    def centre(self) -> Any:
        """The value at the centre."""
        return self.evaluated().centre

    @property
    def dual(self) -> Dual:  # type: ignore[override]
        """The range with its slopes."""
        return self.evaluated().dual

    @property
    def offsets(self) -> Sequence[Any]:  # type: ignore[override]
        """What the slopes are multiplied with."""
        return self.terms[0][1].offsets

    @property
    def tight(self) -> bool:  # type: ignore[override]
        """Whether the range has been compared with the mean-value form."""
        return self.evaluated().tight

    def __add__(self, other: Any) -> Centred:
        if isinstance(other, ExponentialSum) and len(self.terms) + len(other.terms) <= _MOST:
            # concatenation is addition: nothing is computed, so nothing can cancel in intervals
            return ExponentialSum([*self.terms, *other.terms])
        return super().__add__(other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Centred:
        return self + -other if isinstance(other, ExponentialSum) else super().__sub__(other)

    def __neg__(self) -> Centred:
        return ExponentialSum([(-c, logit) for c, logit in self.terms])

    def __mul__(self, other: Any) -> Centred:
        if isinstance(other, Centred | ComplexBallArray):
            return super().__mul__(other)
        return ExponentialSum([(c * other, logit) for c, logit in self.terms])

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Centred:
        if isinstance(other, ExponentialSum) and len(other.terms) > 1:
            return other.divisor().under(self)
        return super().__truediv__(other)

    def divisor(self) -> "_Divisor":
        """Return the sum as a divisor; its parts serve all quotients by it."""
        if self._divisor is None:
            self._divisor = _Divisor(self)
        return self._divisor


def exponential(value: Any) -> Any:
    """Return e^t as compiled tapes write it: a sum with one term where t is a centred form."""
    return ExponentialSum([(1, value)]) if isinstance(value, Centred) else value.exp()


def _scaled(value: Centred, c: Any) -> Centred:
    return value if isinstance(c, int) and c == 1 else value * c


class _Divisor:
    """sum_j d_j e^(l_j - l_p) with the largest logit l_p at each centre."""

    def __init__(self, exponentials: ExponentialSum) -> None:
        # J distinct logits over B boxes, in stacks (n, B) that fit the cache, so that each operation
        # is one on arrays. The pivot differs from box to box, which is sound because any pivot gives
        # the same quotient.
        self.logits = list({id(logit): logit for _, logit in exponentials.terms}.values())
        self.coefficients = _collected(exponentials)
        self.below = self._column(self.coefficients)
        parts = list(groups(self.logits, _boxes(self.logits)))
        self.counts = [len(some) for some in parts]
        stacks = [stacked(some) for some in parts]
        self.largest = _largest(stacks)
        self.pivot = _chosen(stacks, self.largest)
        self.factors = [(stack - self.pivot).exp() for stack in stacks]
        self.total = self._weighted(self.below)

    def factor(self, logit: Centred) -> Centred:
        """Return e^(l - l_p) for a logit that the divisor lacks."""
        return (logit - self.pivot).exp()

    def under(self, top: ExponentialSum) -> Centred:
        """Return the quotient of another sum by this one."""
        # sum c_i e_i / sum d_j e_j = s + sum (c_i - d_i s) e_i / sum d_j e_j for every s; here s =
        # c_p/d_p of the pivot, a ball of shape (B,), so that the pivot's own term has the
        # coefficient 0. Logits that only the numerator has are added with their c_i, their d_i
        # being 0.
        given = _collected(top)
        above = self._column(given)
        share = _picked([above / self.below], self.largest)
        total = self._weighted(above - self.below * share)
        own = {id(logit): logit for _, logit in top.terms if id(logit) not in self.coefficients}
        for key, logit in own.items():
            total = total + self.factor(logit) * _coefficient(given[key])
        return total / self.total + share

    def _column(self, given: Mapping[int, Any]) -> BallArray:
        """Return the coefficients of this divisor's logits, (J, 1) or (J, B); 0 where none is given."""
        return column([_coefficient(given.get(id(logit), 0)) for logit in self.logits])

    def _weighted(self, weights: BallArray) -> Centred:
        """Return the sum of the factors with these weights, (J, 1) or (J, B)."""
        # a stack (n, B) times its n rows of the weights, summed over its first axis
        parts, start = [], 0
        for factor, count in zip(self.factors, self.counts, strict=True):
            parts.append(summed(factor * weights[start : start + count], count))
            start += count
        return sum(parts[1:], parts[0])


def _collected(exponentials: ExponentialSum) -> dict[int, Any]:
    """Return the coefficient of each logit."""
    found: dict[int, Any] = {}
    for c, logit in exponentials.terms:
        found[id(logit)] = found[id(logit)] + c if id(logit) in found else c
    return found


def _coefficient(c: Any) -> BallArray:
    ball = BallArray.coerce(c)
    if ball is None:
        raise TypeError(f"coefficient: got {type(c).__name__}; expected a number or a real ball")
    return ball


def _real(value: Any) -> BallArray:
    return value.real if isinstance(value, ComplexBallArray) else _coefficient(value)


def _boxes(logits: Sequence[Centred]) -> int:
    """Return the number B of boxes."""
    return int(np.broadcast_shapes((1,), *(_real(logit.dual.value).shape for logit in logits))[-1])


def _largest(stacks: Sequence[Centred]) -> Any:
    """Return which logit is largest at each centre, (B,); any choice is sound."""
    # centres that are the same for all boxes are spread over the boxes of the ranges
    boxes = np.broadcast_shapes(*(_real(stack.dual.value).shape[1:] for stack in stacks))
    middles = [_real(stack.centre).mid for stack in stacks]
    shape = np.broadcast_shapes(boxes, *(m.shape[1:] for m in middles))
    return np.concatenate([np.broadcast_to(m, (len(m), *shape)) for m in middles]).argmax(0)


def _picked(stacks: Sequence[BallArray], index: Any) -> BallArray:
    """Return row index[b] of the stacks, counted through all of them, for each box b."""
    # Stacks (n, 1) or (n, B), joined to (J, B) and indexed by (J's choice, box): midpoints and radii
    # are copied, so the picked balls are the given ones.
    every = BallArray.concatenate([stack.broadcast_to((len(stack), len(index))) for stack in stacks])
    return every[index, np.arange(len(index))]


def _picked_in_ring(stacks: Sequence[Any], counts: Sequence[int], index: Any) -> Any:
    """Return the same for ring elements, complex if one of them is; an integer stands for a stack of itself."""
    if all(isinstance(stack, int) for stack in stacks):
        return stacks[0] if len(set(stacks)) == 1 else _picked(_rows(stacks, counts), index)
    real = _picked(_rows([s.real if isinstance(s, ComplexBallArray) else s for s in stacks], counts), index)
    if not any(isinstance(stack, ComplexBallArray) for stack in stacks):
        return real
    imag = [stack.imag if isinstance(stack, ComplexBallArray) else 0 for stack in stacks]
    return ComplexBallArray(real, _picked(_rows(imag, counts), index))


def _rows(stacks: Sequence[Any], counts: Sequence[int]) -> list[BallArray]:
    """Return stacks whose integers, exact, are written out as rows."""
    return [
        BallArray(np.full((count, 1), float(stack))) if isinstance(stack, int) else stack
        for stack, count in zip(stacks, counts, strict=True)
    ]


def _chosen(stacks: Sequence[Centred], index: Any) -> Centred:
    """Return the logit that is largest at each centre."""
    # in each box the parts of the one logit that was chosen there: an enclosure of that logit over that box
    counts = [len(_real(stack.centre).mid) for stack in stacks]
    slopes = zip(*(stack.dual.slopes for stack in stacks), strict=True)
    return Centred(
        _picked_in_ring([stack.centre for stack in stacks], counts, index),
        Dual(
            _picked_in_ring([stack.dual.value for stack in stacks], counts, index),
            [_picked_in_ring(column, counts, index) for column in slopes],
        ),
        stacks[0].offsets,
        tight=True,
    )
