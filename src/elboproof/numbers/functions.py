"""The functions a decoder may use: the one table that the parser and every number system read.

The tape (``tape.py``) knows each function by its name here; a number system says how it computes it
(its ring's templates). Derivatives come from SymPy's rules for ``symbolic``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import sympy
from mpmath.libmp import prec_to_dps
from sympy import Expr, Function, Integer, Rational


def _evaluated(expression: Expr, prec: int) -> Expr:
    """Return the number at ``prec`` bits; ``evalf`` as a whole, because part by part it leaves imaginary dust."""
    return expression.evalf(prec_to_dps(prec) + 2)


class _OfExp(Function):  # type: ignore[misc]
    """A function of one real argument with real values, whose rewriting by exp defines it."""

    nargs = 1

    def _eval_evalf(self, prec: int) -> Expr:
        return _evaluated(self.rewrite(sympy.exp, deep=False), prec)

    def _eval_is_real(self) -> bool | None:
        return True if self.args[0].is_real else None


class _PositiveOfExp(_OfExp):
    """Such a function with positive values."""

    def _eval_is_positive(self) -> bool | None:
        return True if self.args[0].is_extended_real else None


class Sigmoid(_PositiveOfExp):
    """1 / (1 + exp(-t)), kept whole so that each number system can compute it without overflow."""

    @classmethod
    def eval(cls, t: Expr) -> Expr | None:
        return Rational(1, 2) if t == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        return self * (1 - self)  # in terms of the value: the tape computes no second exponential

    def _eval_rewrite_as_exp(self, t: Expr, **_: object) -> Expr:
        return 1 / (1 + sympy.exp(-t))


class Softplus(_PositiveOfExp):
    """log(1 + exp(t)), kept whole for the same reason."""

    @classmethod
    def eval(cls, t: Expr) -> Expr | None:
        return sympy.log(2) if t == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        return Sigmoid(self.args[0])

    def _eval_rewrite_as_exp(self, t: Expr, **_: object) -> Expr:
        return sympy.log(1 + sympy.exp(t))


class Expm1(_OfExp):
    """exp(t) - 1 without cancellation near 0."""

    @classmethod
    def eval(cls, t: Expr) -> Expr | None:
        return Integer(0) if t == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        return sympy.exp(self.args[0])

    def _eval_rewrite_as_exp(self, t: Expr, **_: object) -> Expr:
        return sympy.exp(t) - 1


class Log1p(Function):  # type: ignore[misc]
    """log(1 + t) without cancellation near 0."""

    nargs = 1

    @classmethod
    def eval(cls, t: Expr) -> Expr | None:
        return Integer(0) if t == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        return 1 / (1 + self.args[0])

    def _eval_rewrite_as_log(self, t: Expr, **_: object) -> Expr:
        return sympy.log(1 + t)

    def _eval_evalf(self, prec: int) -> Expr:
        return _evaluated(self.rewrite(sympy.log, deep=False), prec)

    def _eval_is_real(self) -> bool | None:
        return True if (self.args[0] + 1).is_positive else None


class LogAddExp(Function):  # type: ignore[misc]
    """log(exp(s) + exp(t)), kept whole: neither exponential is formed."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Expr:
        s, t = self.args
        return Sigmoid(s - t) if argindex == 1 else Sigmoid(t - s)

    def _eval_rewrite_as_exp(self, s: Expr, t: Expr, **_: object) -> Expr:
        return sympy.log(sympy.exp(s) + sympy.exp(t))

    def _eval_evalf(self, prec: int) -> Expr:
        return _evaluated(self.rewrite(sympy.exp, deep=False), prec)

    def _eval_is_real(self) -> bool | None:
        return True if all(argument.is_real for argument in self.args) else None


class _Moment(_PositiveOfExp):
    """E_n(t) = int_0^1 s^n e^(t s) ds, an entire function; E_0 = (e^t - 1)/t."""

    order = 0

    @classmethod
    def eval(cls, t: Expr) -> Expr | None:
        return Rational(1, cls.order + 1) if t == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        return _MOMENTS[self.order + 1](self.args[0])

    def _eval_evalf(self, prec: int) -> Expr:
        # e^t cancels near 0, where the hypergeometric series does not
        with mpmath.workprec(prec + 20):
            value = mpmath.hyp1f1(self.order + 1, self.order + 2, self.args[0]._to_mpmath(prec + 20))
            return Expr._from_mpmath(value / (self.order + 1), prec)

    def _eval_rewrite_as_exp(self, t: Expr, **_: object) -> Expr:
        before = 1 if self.order == 0 else self.order * _MOMENTS[self.order - 1](t).rewrite(sympy.exp)
        return (sympy.exp(t) - before) / t


class Moment0(_Moment):
    """(e^t - 1)/t."""


class Moment1(_Moment):
    """The derivative of `Moment0`."""

    order = 1


class Moment2(_Moment):
    """Its second derivative."""

    order = 2


class Moment3(_Moment):
    """Its third derivative."""

    order = 3


class Moment4(_Moment):
    """Its fourth derivative."""

    order = 4


class Moment5(_Moment):
    """Its fifth derivative."""

    order = 5


_MOMENTS = (Moment0, Moment1, Moment2, Moment3, Moment4, Moment5)


class Composite(Function):  # type: ignore[misc]
    """A function written in others. Kept whole: nested, its expansion would double at every level."""

    nargs = 1

    @classmethod
    def eval(cls, t: Expr) -> Expr | None:
        return Integer(0) if t == 0 else None

    @staticmethod
    def definition(t: Expr) -> Expr:
        """Return the function in terms of others: the identity, unless a subclass says otherwise."""
        return t

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        # of the definition with a dummy, and the argument put in afterwards: SymPy differentiates
        # one level only
        t = sympy.Dummy("t", real=True)
        return self.definition(t).diff(t).xreplace({t: self.args[0]})

    def _eval_rewrite_as_exp(self, t: Expr, **_: object) -> Expr:
        return self.definition(t)

    def _eval_evalf(self, prec: int) -> Expr:
        return _evaluated(self.definition(self.args[0]), prec)

    def _eval_is_real(self) -> bool | None:
        return True if self.args[0].is_real else None


class Gelu(Composite):
    """t (1 + erf(t / sqrt 2)) / 2."""

    @staticmethod
    def definition(t: Expr) -> Expr:
        return t * (1 + sympy.erf(t / sympy.sqrt(2))) / 2


class Silu(Composite):
    """t sigmoid(t)."""

    @staticmethod
    def definition(t: Expr) -> Expr:
        return t * Sigmoid(t)


def _relu(t: Expr, *, evaluate: bool = True) -> Expr:
    return sympy.Max(0, t, evaluate=evaluate)


class ExpressionError(ValueError):
    """An expression that cannot be computed; ``problem`` says what it got and what was expected."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"expression: {problem}")


class JumpError(ValueError):
    """A derivative was asked across a jump: those of abs, max, min and relu jump at their kinks."""


@dataclass(frozen=True)
class Known:
    """One function: its SymPy form, where it is not analytic, and what bounds it on the real line.

    Attributes
    ----------
    size, slope, curve : float, optional
        Upper bounds of |g|, |g'| and |g''|, as floats that are exact or have room.
    """

    name: str
    symbolic: Callable[..., Expr]
    arity: int = 1
    cut: bool = False  # has a branch cut or a kink: complex balls must be told to look for it
    size: float | None = None
    slope: float | None = None
    curve: float | None = None


_PRIMITIVES = (
    Known("exp", sympy.exp),
    Known("expm1", Expm1),
    Known("log", sympy.log, cut=True),
    Known("log1p", Log1p, cut=True),
    Known("sqrt", sympy.sqrt, cut=True),
    Known("sin", sympy.sin, size=1.0, slope=1.0, curve=1.0),
    Known("cos", sympy.cos, size=1.0, slope=1.0, curve=1.0),
    Known("tan", sympy.tan),
    Known("sinh", sympy.sinh),
    Known("cosh", sympy.cosh),
    Known("tanh", sympy.tanh, size=1.0, slope=1.0, curve=0.77),  # 4 / (3 sqrt 3)
    Known("asinh", sympy.asinh, cut=True),
    Known("atan", sympy.atan, cut=True, size=1.5708),  # pi / 2
    Known("erf", sympy.erf, size=1.0),
    Known("sigmoid", Sigmoid, size=1.0, slope=0.25, curve=0.0963),  # 1 / (6 sqrt 3)
    Known("softplus", Softplus, cut=True, slope=1.0, curve=0.25),
    Known("abs", sympy.Abs, cut=True),
    Known("max", sympy.Max, arity=2, cut=True),
    Known("min", sympy.Min, arity=2, cut=True),
)
_DERIVED = {  # written in the functions above
    "relu": Known("relu", _relu, cut=True, slope=1.0),
    "gelu": Known("gelu", Gelu, slope=1.13, curve=0.8),  # 1.1290, and 2 / sqrt(2 pi)
    "silu": Known("silu", Silu, slope=1.1, curve=0.5),  # 1.0999, and 1/2
}
_INTERNAL = (  # arise from derivatives, powers and logarithms of sums; users do not write them
    Known("sign", sympy.sign, cut=True, size=1.0),
    Known("logaddexp", LogAddExp, arity=2, cut=True),
    *(Known(f"moment{kind.order}", kind) for kind in _MOMENTS),
    Known("pow", sympy.Pow, arity=2, cut=True),
)

PRIMITIVES = {known.name: known for known in (*_PRIMITIVES, *_INTERNAL)}
"""Every function that a number system must compute, by name."""

WRITABLE = {known.name: known for known in _PRIMITIVES} | _DERIVED
"""Every function that a decoder string may call, by name."""

MOMENTS = tuple(kind.order for kind in _MOMENTS)
"""The orders of the functions moment0, moment1, ..."""

CONSTANTS = {"pi": sympy.pi}
"""Named constants of decoder strings."""

NAME_OF_CLASS: dict[type, str] = {
    known.symbolic: known.name
    for known in PRIMITIVES.values()
    if isinstance(known.symbolic, type) and known.name not in {"pow", "sqrt"}
}
"""The function's name for a SymPy class."""


def allowed() -> str:
    """Return the sentence that error messages end with."""
    return f"the functions {', '.join(WRITABLE)}, the constant pi, numbers, + - * / ** and parentheses"
