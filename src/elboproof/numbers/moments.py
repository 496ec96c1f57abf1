r"""The functions E_n(t) = int_0^1 s^n e^(t s) ds in every number system: a continuous Bernoulli's log partition.

E_0 = (e^t - 1)/t with the hole at 0 filled. All E_n are entire, positive and increasing for real t, and E_n' = E_(n+1),
so that tapes differentiate them by names alone. Near 0 (|t| <= `NEAR`) the series

    E_n(t) = sum_k t^k / (k! (n + 1 + k)),   of which what follows K terms is at most
    |t|^K / (K! (n + 1 + K)) / (1 - |t|/K)   for K > |t|, as each term is at most |t|/K of the one before,

and beyond the recursion E_n = (e^t - n E_(n-1))/t, which follows by parts.
"""

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rounding import from_bounds
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual

if TYPE_CHECKING:
    import torch
    from flint import acb, arb

NEAR = 1.0
TERMS = 22
"""1/22! is 1e-21."""
FLOAT_TERMS = 24
"""2^24 / 24! is 3e-17: floats and tensors change over at 2."""
FLOAT_NEAR = 2.0


def moment_of_arrays(t: Any, n: int) -> Any:
    """Return E_n of a ball array, a rectangle array, a dual or a centred form."""
    if isinstance(t, Centred):
        tight = t.tightened()
        return Centred(moment_of_arrays(tight.centre, n), moment_of_arrays(tight.dual, n), t.offsets)
    if isinstance(t, Dual):
        return t._chain(moment_of_arrays(t.value, n), moment_of_arrays(t.value, n + 1))
    if isinstance(t, ComplexBallArray):
        return _by_cases(t, t.abs_upper(), n)
    # E_n increases: the image of a ball lies between those of its ends
    low, high = (_by_cases(BallArray(end), np.abs(end), n) for end in (t.lower(), t.upper()))
    return BallArray._of(from_bounds(np.maximum(low.lower(), 0.0), high.upper()))


def _by_cases(t: Any, size: Any, n: int) -> Any:
    """Return E_n element by element: the series where |t| <= size is near 0, the recursion elsewhere."""
    # (B,) balls; where a case does not apply it is given a harmless argument. NaN counts as far. A rectangle that
    # reaches from 0 beyond NEAR is divided by, and gets an infinite radius: it is to be halved.
    near = size <= NEAR
    if np.all(near):
        return _series(t, size, n)
    zero, one = t * 0.0, t * 0.0 + NEAR
    far = _recursion(type(t).where(near, one, t), n)
    if not np.any(near):
        return far
    return type(t).where(near, _series(type(t).where(near, t, zero), np.where(near, size, 0.0), n), far)


def _series(t: Any, size: Any, n: int) -> Any:
    # Horner from the last term: c_k = c_(k-1)-like factors are exact ratios as balls
    total = t * 0.0 + _coefficient(TERMS - 1, n)
    for k in range(TERMS - 2, -1, -1):
        total = total * t + _coefficient(k, n)
    bound = (
        BallArray(np.asarray(size)) ** TERMS
        * _coefficient(TERMS, n)
        / (1 - BallArray(np.asarray(size)) / TERMS)
    )
    rest = BallArray(np.zeros(np.shape(size)), bound.upper())
    return total + (ComplexBallArray(rest, rest) if isinstance(t, ComplexBallArray) else rest)


def _coefficient(k: int, n: int) -> BallArray:
    return BallArray.from_fraction(1, math.factorial(k) * (n + 1 + k))


def _recursion(t: Any, n: int) -> Any:
    power = t.exp()
    value = (power - 1) / t
    for k in range(1, n + 1):
        value = (power - value * k) / t
    return value


def moment_of_ball(t: "arb", n: int) -> "arb":
    """Return E_n of a real ball, by its ends: the confluent hypergeometric function 1F1(n + 1; n + 2; t)/(n + 1)."""
    if t.is_exact():
        return _hypergeometric(t, n)
    return _hypergeometric(t.lower(), n).union(_hypergeometric(t.upper(), n))


def moment_of_complex_ball(t: "acb", n: int) -> "acb":
    """Return E_n of a complex ball."""
    value: acb = t.hypgeom_1f1(n + 1, n + 2) / (n + 1)
    return value


def _hypergeometric(t: "arb", n: int) -> "arb":
    value: arb = t.hypgeom_1f1(n + 1, n + 2) / (n + 1)
    return value


def moment_of_floats(t: Any, n: int) -> Any:
    """Return E_n of NumPy arrays or Python floats, to some units in the last place."""
    t = np.asarray(t, dtype=np.float64)
    near = np.abs(t) <= FLOAT_NEAR
    small, large = np.where(near, t, 0.0), np.where(near, FLOAT_NEAR, t)
    with np.errstate(all="ignore"):
        return np.where(
            near, _plain_series(small, n), _plain_recursion(large, np.exp(large), np.expm1(large), n)
        )


def moment_of_scalar(t: float, n: int) -> float:
    """Return E_n of a Python float."""
    if abs(t) <= FLOAT_NEAR:
        return float(_plain_series(t, n))
    return float(_plain_recursion(t, math.exp(t), math.expm1(t), n))


def moment_of_tensors(t: "torch.Tensor", n: int) -> "torch.Tensor":
    """Return E_n of tensors, differentiable; half precision by way of float32."""
    import torch

    wide = t if t.element_size() > 2 else t.float()
    near = wide.abs() <= FLOAT_NEAR
    # the branch that is not taken gets an argument at which its slope is finite
    small, large = (
        torch.where(near, wide, torch.zeros_like(wide)),
        torch.where(near, torch.ones_like(wide), wide),
    )
    far = _plain_recursion(large, large.exp(), torch.expm1(large), n)
    return torch.where(near, _plain_series(small, n), far).to(t.dtype)


def _plain_series(t: Any, n: int) -> Any:
    total = 0.0 * t + 1.0 / (math.factorial(FLOAT_TERMS) * (n + 1 + FLOAT_TERMS))
    for k in range(FLOAT_TERMS - 1, -1, -1):
        total = total * t + float(Fraction(1, math.factorial(k) * (n + 1 + k)))
    return total


def _plain_recursion(t: Any, power: Any, less_one: Any, n: int) -> Any:
    value = less_one / t
    for k in range(1, n + 1):
        value = (power - k * value) / t
    return value
