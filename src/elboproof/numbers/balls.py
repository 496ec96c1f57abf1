"""The number system of balls: python-flint's arb and acb, rigorous at any precision.

Complex balls carry the flag ``analytic``: with it, every function that has a branch cut or a kink answers with a
non-finite ball unless it is analytic on the whole argument. Integration needs this: without the flag the integral of
abs(z) over [-1, 1] comes out as 1.1547 +- 6e-16.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flint import acb, arb, fmpq

from elboproof.numbers.compiler import INFIX, Ring
from elboproof.numbers.functions import MOMENTS
from elboproof.numbers.precision import current_bits
from elboproof.numbers.precision import working_precision as working_precision

_MEROMORPHIC = ("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")
_METHODS = {name: f"{{0}}.{name}()" for name in _MEROMORPHIC}


def _increasing(function: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """Return an increasing function that takes a ball so wide that the formula fails by its end points."""

    def enclosed(t: arb) -> arb:
        # an increasing function maps a ball onto the ball between its ends; only where the formula
        # gave nothing
        value = function(t)
        if value.is_finite() or not t.is_finite():
            return value
        return function(t.lower()).union(function(t.upper()))

    return enclosed


def _softplus(t: arb) -> arb:
    """log(1 + exp t); the form for t > 0 keeps the digits that exp(t) would push out."""
    return t + (-t).exp().log1p() if t > 0 else t.exp().log1p()


_THIN = arb(2) ** -20
"""Balls of smaller radii lose little to the formula."""


def _log_add_exp(s: arb, t: arb) -> arb:
    """Return log(e^s + e^t), the larger one plus a softplus; of wide balls by their ends, as it increases in both."""
    if s.rad() + t.rad() < _THIN or not (s.is_finite() and t.is_finite()):
        larger, smaller = (s, t) if s.mid() > t.mid() else (t, s)
        return larger + _softplus(smaller - larger)
    return _log_add_exp(s.lower(), t.lower()).union(_log_add_exp(s.upper(), t.upper()))


def _moment(t: arb, n: int) -> arb:
    from elboproof.numbers.moments import moment_of_ball

    return moment_of_ball(t, n)


def _power(base: arb, exponent: arb) -> arb:
    """Return base ** exponent for base >= 0; a power of zero is zero, which the logarithm cannot say."""
    if base == 0 and exponent > 0:
        return arb(0)
    return (base.log() * exponent).exp()


REAL_BALLS = Ring(
    name="balls",
    templates=INFIX
    | _METHODS
    | {name: f"{{0}}.{name}()" for name in ("log", "log1p", "sqrt", "asinh", "atan")}
    | {
        "pi": "arb.pi()",
        "sigmoid": "sigmoid({0})",
        "softplus": "softplus({0})",
        "tanh": "tanh({0})",
        "abs": "abs({0})",
        "max": "{0}.max({1})",
        "min": "{0}.min({1})",
        "sign": "{0}.sgn()",
        "pow": "power({0}, {1})",
        "logaddexp": "logaddexp({0}, {1})",
    }
    | {f"moment{n}": f"moment({{0}}, {n})" for n in MOMENTS},
    namespace=lambda: {
        "moment": _moment,
        "logaddexp": _log_add_exp,
        "arb": arb,
        "fmpq": fmpq,
        "precision": current_bits,
        "power": _power,
        "sigmoid": _increasing(lambda t: 1 / (1 + (-t).exp())),
        "softplus": _increasing(_softplus),
        "tanh": _increasing(arb.tanh),
    },
    fixed="renewed",
    constant="arb(fmpq({p}, {q}))",
)
"""Real balls: arguments and values are ``flint.arb``."""

_NOT_ANALYTIC = acb(arb.nan(), arb.nan())


def _log1p(t: acb, analytic: bool) -> acb:
    # python-flint's log1p has no flag: log(1 + t) is asked whether 1 + t meets the cut
    if not analytic:
        return t.log1p()
    return t.log1p() if (1 + t).log(analytic=True).is_finite() else _NOT_ANALYTIC


def _off_imaginary_cut(t: acb) -> bool:
    """Whether a rectangle misses the cuts {iy: |y| >= 1} of asinh and atan."""
    return not t.real.contains(0) or bool(abs(t.imag) < 1)


def _complex_log_add_exp(s: acb, t: acb, analytic: bool) -> acb:
    """Return s + log(1 + e^(t - s)) where Re s > Re t, else with both exchanged: the cuts are where Re s = Re t."""
    # both forms are equal and analytic for |Im(s - t)| < pi, so that any rectangle may take either there, and each is
    # analytic on its own side; beyond on both sides they do not fit together, and a rectangle gets their union
    ahead, behind = s.real > t.real, s.real < t.real
    inside = bool(abs((s - t).imag) < arb.pi())
    if analytic and not (inside or ahead or behind):
        return _NOT_ANALYTIC
    first, second = s + (t - s).exp().log1p(), t + (s - t).exp().log1p()
    if not (inside or ahead or behind):
        return first.union(second)
    return first if s.real.mid() > t.real.mid() else second


def _asinh(t: acb, analytic: bool) -> acb:
    """Return log(t + sqrt(t^2 + 1)), for Re t > 0, where nothing cancels; acb.asinh is nan for 3 +- 0.25."""
    # asinh is odd, so Re t >= 0 may be assumed where its sign is known; then t + sqrt(1 + t^2) does
    # not cancel. log1p of t + t^2/(1 + root), the same number less 1, keeps the digits near 0, and
    # the logarithm is taken where that fails.
    if analytic and not _off_imaginary_cut(t):
        return _NOT_ANALYTIC
    if t.real < 0:
        return -_asinh(-t, analytic)
    square = t * t
    root = (1 + square).sqrt()
    near_zero = (t + square / (1 + root)).log1p()
    return near_zero if near_zero.is_finite() else (t + root).log()


def _atan(t: acb, analytic: bool) -> acb:
    return t.atan() if not analytic or _off_imaginary_cut(t) else _NOT_ANALYTIC


def _complex_names() -> Mapping[str, Any]:
    from elboproof.numbers.moments import moment_of_complex_ball

    helpers: dict[str, Any] = {"log1p": _log1p, "asinh": _asinh, "atan": _atan}
    helpers |= {"logaddexp": _complex_log_add_exp, "moment": moment_of_complex_ball}
    return {"acb": acb, "arb": arb, "fmpq": fmpq, "one": acb(1), "precision": current_bits} | helpers


COMPLEX_BALLS = Ring(
    name="complex balls",
    templates=INFIX
    | _METHODS
    | {
        "pi": "acb(arb.pi())",
        "log": "{0}.log(analytic=analytic)",
        "log1p": "log1p({0}, analytic)",
        "sqrt": "{0}.sqrt(analytic=analytic)",
        "asinh": "asinh({0}, analytic)",
        "atan": "atan({0}, analytic)",
        "sigmoid": "one / (one + (-{0}).exp())",
        "softplus": "log1p({0}.exp(), analytic)",
        "abs": "{0}.real_abs(analytic=analytic)",
        "max": "{0}.real_max({1}, analytic=analytic)",
        "min": "{0}.real_min({1}, analytic=analytic)",
        "sign": "{0}.real_sgn(analytic=analytic)",
        "pow": "({0}.log(analytic=analytic) * {1}).exp()",
        "logaddexp": "logaddexp({0}, {1}, analytic)",
    }
    | {f"moment{n}": f"moment({{0}}, {n})" for n in MOMENTS},
    namespace=_complex_names,
    fixed="renewed",
    constant="acb(fmpq({p}, {q}))",
    parameters=", analytic=False",
)
"""Complex balls: arguments and values are ``flint.acb``; the last argument is the flag ``analytic``."""
