"""The functions that base measures are made of, in each number system: they depend on x alone, never on z.

A family writes its log base measure once, for any `Operations`. It is added outside of the tape, so that no cell
evaluates it, and with as many digits as are asked.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import sympy
from sympy import Expr

if TYPE_CHECKING:
    import torch
    from flint import arb

    from elboproof.model.likelihood import Likelihood


class Operations(Protocol):
    """A number system: numbers with + - * /, and these functions. All but ``number`` take such numbers."""

    def number(self, value: Fraction) -> Any:
        """Return an exact rational."""

    def log(self, value: Any) -> Any:
        """Return the natural logarithm."""

    def log_gamma(self, value: Any) -> Any:
        """Return log Gamma, of a positive number."""

    def log_bessel(self, value: Any) -> Any:
        """Return log I_0, the modified Bessel function's, of a positive number."""

    def pi(self) -> Any:
        """Return pi."""


class _Symbols:
    """SymPy."""

    def number(self, value: Fraction) -> Expr:
        return sympy.Rational(value.numerator, value.denominator)

    def log(self, value: Expr) -> Expr:
        return sympy.log(value)

    def log_gamma(self, value: Expr) -> Expr:
        return sympy.loggamma(value)

    def log_bessel(self, value: Expr) -> Expr:
        return sympy.log(sympy.besseli(0, value))

    def pi(self) -> Expr:
        return sympy.pi


class _Balls:
    """python-flint's real balls at the precision in force; FLINT bounds the errors of all functions."""

    def number(self, value: Fraction) -> "arb":
        from elboproof.numbers.exact import ball_of

        return ball_of(value)

    def log(self, value: "arb") -> "arb":
        return value.log()

    def log_gamma(self, value: "arb") -> "arb":
        return value.lgamma()

    def log_bessel(self, value: "arb") -> "arb":
        # the scaled function e^-k I_0(k) neither overflows nor vanishes
        from flint import arb

        return value + value.bessel_i(arb(0), scaled=True).log()

    def pi(self) -> "arb":
        from flint import arb

        return arb.pi()


class _Floats:
    """NumPy's arrays and SciPy's functions."""

    def number(self, value: Fraction) -> float:
        return float(value)

    def log(self, value: Any) -> Any:
        import numpy as np

        return np.log(value)

    def log_gamma(self, value: Any) -> Any:
        from scipy.special import gammaln

        return gammaln(value)

    def log_bessel(self, value: Any) -> Any:
        import numpy as np
        from scipy.special import ive

        return value + np.log(ive(0, value))

    def pi(self) -> float:
        import math

        return math.pi


class _Tensors:
    """torch; numbers that depend on no tensor are Python's own."""

    def number(self, value: Fraction) -> float:
        return float(value)

    def log(self, value: "torch.Tensor | float") -> "torch.Tensor | float":
        import torch

        return value.log() if isinstance(value, torch.Tensor) else float(FLOATS.log(value))

    def log_gamma(self, value: "torch.Tensor | float") -> "torch.Tensor | float":
        import torch

        if not isinstance(value, torch.Tensor):
            return float(FLOATS.log_gamma(value))
        # torch has no half-precision lgamma on every device: in float32 there, and rounded afterwards
        result: torch.Tensor = torch.lgamma(value if value.element_size() > 2 else value.float()).to(
            value.dtype
        )
        return result

    def log_bessel(self, value: float) -> float:
        return float(FLOATS.log_bessel(value))  # of a parameter, never of x

    def pi(self) -> float:
        return FLOATS.pi()


SYMBOLS, BALLS, FLOATS, TENSORS = _Symbols(), _Balls(), _Floats(), _Tensors()


def with_base(likelihood: "Likelihood", density: Expr, x: Sequence[Expr]) -> Expr:
    """Return log p(x|z) as an expression: the density on the tape and the base measure of x."""
    base = likelihood.log_base(x, SYMBOLS)
    return density if base is None else density + base
