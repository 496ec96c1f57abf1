r"""Quotients of sums of exponentials, such as softmax averages, in centred form.

In q = sum_i c_i e^(l_i) / sum_j e^(l_j) numerator and denominator vary by the same large factors, which cancel in q and
not in intervals. So sums of exponentials stay unevaluated until they are divided, and then, with the largest logit l_p
at each box's centre,

    q = c_p + sum_i (c_i - c_p) e^(l_i - l_p) / sum_j e^(l_j - l_p)

for coefficients 1 in the denominator (d_j in general: c_p/d_p and c_i - d_i c_p/d_p). Only differences of logits are
left, and terms that hardly count have small factors.

It is what lets the optimal decoder of finite data be a model: the evidence under a softmax average of 50 points takes 3
to 6 s to 8 digits, and is undecided after 40 s (1 digit at sigma^2 = 1/100) with evaluated exponentials.
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
        # J logits over B boxes. e^(l_j - l_p) is computed once for each distinct logit, in stacks
        # (n, B) that fit the cache; the pivot differs from box to box, which is sound because any
        # pivot gives the same quotient.
        self.logits = [logit for _, logit in exponentials.terms]
        self.coefficients = _collected(exponentials)
        self.largest = _largest(self.logits)
        self.pivot = _chosen(self.logits, self.largest)
        distinct = list({id(logit): logit for logit in self.logits}.values())
        self.factors = [
            ([id(logit) for logit in some], (stacked(some) - self.pivot).exp())
            for some in groups(distinct, self.largest.size)
        ]
        self.total = self._weighted(self.coefficients)

    def factor(self, logit: Centred) -> Centred:
        """Return e^(l - l_p) for a logit that the divisor lacks."""
        return (logit - self.pivot).exp()

    def under(self, top: ExponentialSum) -> Centred:
        """Return the quotient of another sum by this one."""
        # sum c_i e_i / sum d_j e_j = s + sum (c_i - d_i s) e_i / sum d_j e_j for every s; here s =
        # c_p/d_p of the pivot, a ball of shape (B,), so that the pivot's own term has the
        # coefficient 0. Logits that only the numerator has are added with their c_i, their d_i
        # being 0.
        above, below = _collected(top), self.coefficients
        at_pivot = [_coefficient(above.get(id(logit), 0)) / below[id(logit)] for logit in self.logits]
        share = _picked(at_pivot, self.largest)
        rest = {key: _coefficient(above.get(key, 0)) - _coefficient(d) * share for key, d in below.items()}
        total = self._weighted(rest)
        for key, logit in {id(logit): logit for _, logit in top.terms if id(logit) not in below}.items():
            total = total + self.factor(logit) * _coefficient(above[key])
        return total / self.total + share

    def _weighted(self, weights: Mapping[int, Any]) -> Centred:
        """Return the sum of the factors with these weights."""
        # a stack (n, B) times a column (n, 1) or (n, B) of coefficients, summed over its first axis
        parts = [
            summed(factor * column([_coefficient(weights[key]) for key in keys]), len(keys))
            for keys, factor in self.factors
        ]
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


def _largest(logits: Sequence[Centred]) -> Any:
    """Return which logit is largest at each centre, (B,); any choice is sound."""
    middles = [_real(logit.centre).mid for logit in logits]
    boxes = [_real(logit.dual.value).shape for logit in logits]
    shape = np.broadcast_shapes((1,), *boxes, *(m.shape for m in middles))
    return np.stack([np.broadcast_to(m, shape) for m in middles]).argmax(0)


def _picked(values: Sequence[Any], index: Any) -> BallArray:
    """Return values[index[b]] for each box b."""
    # J values of shape () or (B,), broadcast to (J, B) and indexed by (J's choice, box): midpoints
    # and radii are copied, so the picked balls are the given ones
    balls = [_coefficient(value) for value in values]
    mid = np.stack([np.broadcast_to(ball.mid, index.shape) for ball in balls])
    rad = np.stack([np.broadcast_to(ball.rad, index.shape) for ball in balls])
    rows = np.arange(len(index))
    return BallArray(mid[index, rows], rad[index, rows])


def _picked_in_ring(values: Sequence[Any], index: Any) -> Any:
    """Return values[index[b]] for ring elements, complex if one of them is."""
    real = _picked([_real(value) for value in values], index)
    if not any(isinstance(value, ComplexBallArray) for value in values):
        return real
    imag = [value.imag if isinstance(value, ComplexBallArray) else 0 for value in values]
    return ComplexBallArray(real, _picked(imag, index))


def _chosen(logits: Sequence[Centred], index: Any) -> Centred:
    """Return the logit that is largest at each centre."""
    # in each box the parts of the one logit that was chosen there: an enclosure of that logit over that box
    tight = [logit.tightened() for logit in logits]
    slopes = zip(*(logit.dual.slopes for logit in tight), strict=True)
    return Centred(
        _picked_in_ring([logit.centre for logit in tight], index),
        Dual(
            _picked_in_ring([logit.dual.value for logit in tight], index),
            [_picked_in_ring(column, index) for column in slopes],
        ),
        logits[0].offsets,
        tight=True,
    )
