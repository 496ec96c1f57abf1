"""Likelihoods of real data that are not Gaussian: exponential, gamma, Student's t, Laplace, von Mises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import sympy
from sympy import Expr, Rational, Symbol

from elboproof.arguments import suggesting
from elboproof.arrays import FloatArray
from elboproof.model.base_measures import Operations
from elboproof.model.per_output import PerOutput, per_output
from elboproof.model.separable import Separable
from elboproof.model.supports import Entries
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.functions import Log1p, Moment0


@suggesting
@dataclass(frozen=True, repr=False)
class Exponential(Separable):
    """Independent exponential outputs; the decoder gives the LOG RATES.

    At x = 0 the density e^f has no supremum over f: evidences are proved where f grows slowly enough with |z|.
    """

    gives: ClassVar[str] = "log rates"
    data: ClassVar[str] = "numbers of at least 0, the data of an exponential likelihood"

    @staticmethod
    def kernel(f: Expr, x: Expr) -> Expr:
        """Return f - x e^f."""
        return f - x * sympy.exp(f)

    @staticmethod
    def supremum(x: BallArray) -> BallArray:
        """Return -log x - 1, at the log rate -log x; infinite where x may be 0."""
        return -x.log() - 1.0

    @staticmethod
    def entries() -> Entries:
        """Return x >= 0."""
        return Entries(low=0)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return samples."""
        return generator.exponential(np.exp(-f))

    def log_ceiling(self, outputs: Sequence[Expr], x: Sequence[Symbol], values: BallArray) -> Expr:  # noqa: ARG002
        """Return an upper bound of the log density that grows like the outputs: their sum where x is 0."""
        # f - x e^f <= f for every x >= 0; where x > 0, at most -log x - 1, which is rounded up to a rational
        finite = self.supremum(values).upper()
        return sympy.Add(
            *(
                f if not np.isfinite(top) else Rational(top)
                for f, top in zip(outputs, finite.tolist(), strict=True)
            )
        )


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class Gamma(Separable):
    """Independent gamma outputs of known shape; the decoder gives the LOG RATES.

    Parameters
    ----------
    shape
        One positive number, or D of them.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.
    """

    shape: PerOutput
    gives: ClassVar[str] = "log rates"
    data: ClassVar[str] = "positive numbers, the data of a gamma likelihood"

    def __init__(self, shape: object) -> None:
        object.__setattr__(self, "shape", per_output(shape, "shape"))

    @staticmethod
    def kernel(f: Expr, x: Expr, k: Rational) -> Expr:
        """Return k f - x e^f."""
        return k * f - x * sympy.exp(f)

    @staticmethod
    def base(x: Any, numbers: Operations, k: Any) -> Any:
        """Return (k - 1) log x - log Gamma(k)."""
        return (k - 1) * numbers.log(x) - numbers.log_gamma(k)

    @staticmethod
    def supremum(x: BallArray, k: BallArray) -> BallArray:
        """Return k log(k/x) - k, at the log rate log(k/x)."""
        return k * (k.log() - x.log()) - k

    @staticmethod
    def entries(k: Rational) -> Entries:  # noqa: ARG004
        """Return x > 0."""
        return Entries(low=0, above=True)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator, k: float) -> FloatArray:
        """Return samples."""
        return generator.gamma(k, np.exp(-f))


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class StudentT(Separable):
    """Independent outputs with Student's t distribution; the decoder gives the LOCATIONS.

    Parameters
    ----------
    degrees
        Of freedom, one positive number or D of them.
    scale
        s in (x - f)/s, a scale and not a variance; one positive number or D of them.

    Raises
    ------
    TypeError, ValueError
        If one is no such number.
    """

    degrees: PerOutput
    scale: PerOutput
    gives: ClassVar[str] = "locations"
    data: ClassVar[str] = "real numbers"

    def __init__(self, degrees: object, scale: object = 1) -> None:
        object.__setattr__(self, "degrees", per_output(degrees, "degrees"))
        object.__setattr__(self, "scale", per_output(scale, "scale"))

    @staticmethod
    def kernel(f: Expr, x: Expr, n: Rational, s: Rational) -> Expr:
        """Return -(n + 1)/2 log(1 + (x - f)^2 / (n s^2))."""
        return -(n + 1) / 2 * Log1p((x - f) ** 2 / (n * s**2))

    @staticmethod
    def base(x: Any, numbers: Operations, n: Any, s: Any) -> Any:  # noqa: ARG004
        """Return log Gamma((n + 1)/2) - log Gamma(n/2) - log(pi n)/2 - log s."""
        gammas = numbers.log_gamma((n + 1) / 2) - numbers.log_gamma(n / 2)
        return gammas - numbers.log(numbers.pi() * n) / 2 - numbers.log(s)

    @staticmethod
    def supremum(x: BallArray, n: BallArray, s: BallArray) -> BallArray:  # noqa: ARG004
        """Return 0, at f = x."""
        return BallArray(np.zeros(x.shape))

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator, n: float, s: float) -> FloatArray:
        """Return samples."""
        return np.asarray(f + s * generator.standard_t(n, f.shape))

    @staticmethod
    def metric(f: Expr, n: Rational, s: Rational) -> Expr:  # noqa: ARG004
        """Return (n + 1)/((n + 3) s^2), the integral of the squared score."""
        return (n + 1) / ((n + 3) * s**2)


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class Laplace(Separable):
    """Independent Laplace outputs; the decoder gives the LOCATIONS.

    The log density has a kink at x = f: there are evidences and ELBOs, but no second derivatives, and so no stationary
    posteriors, gaps and gap laws.

    Parameters
    ----------
    scale
        b in |x - f|/b, one positive number or D of them.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.
    """

    scale: PerOutput
    gives: ClassVar[str] = "locations"
    data: ClassVar[str] = "real numbers"

    def __init__(self, scale: object) -> None:
        object.__setattr__(self, "scale", per_output(scale, "scale"))

    @staticmethod
    def kernel(f: Expr, x: Expr, b: Rational) -> Expr:
        """Return -|x - f|/b."""
        return -sympy.Abs(x - f) / b

    @staticmethod
    def base(x: Any, numbers: Operations, b: Any) -> Any:  # noqa: ARG004
        """Return -log 2b."""
        return -numbers.log(2 * b)

    @staticmethod
    def supremum(x: BallArray, b: BallArray) -> BallArray:  # noqa: ARG004
        """Return 0, at f = x."""
        return BallArray(np.zeros(x.shape))

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator, b: float) -> FloatArray:
        """Return samples."""
        return generator.laplace(f, b)

    @staticmethod
    def metric(f: Expr, b: Rational) -> Expr:  # noqa: ARG004
        """Return 1/b^2, the mean of the squared score; the second derivative is 0 almost everywhere."""
        return 1 / b**2


@suggesting
@dataclass(frozen=True, init=False, repr=False)
class VonMises(Separable):
    """Independent angles; the decoder gives the MEAN ANGLES in radians, and x is an angle in radians, modulo 2 pi.

    Parameters
    ----------
    concentration
        k in k cos(x - f), one positive number or D of them. The density is with respect to the angle on a circle of
        length 2 pi.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.
    """

    concentration: PerOutput
    gives: ClassVar[str] = "mean angles"
    data: ClassVar[str] = "real numbers"

    def __init__(self, concentration: object) -> None:
        object.__setattr__(self, "concentration", per_output(concentration, "concentration"))

    @staticmethod
    def kernel(f: Expr, x: Expr, k: Rational) -> Expr:
        """Return k cos(x - f)."""
        return k * sympy.cos(x - f)

    @staticmethod
    def base(x: Any, numbers: Operations, k: Any) -> Any:  # noqa: ARG004
        """Return -log(2 pi I_0(k))."""
        return -numbers.log(2 * numbers.pi()) - numbers.log_bessel(k)

    @staticmethod
    def supremum(x: BallArray, k: BallArray) -> BallArray:
        """Return k, at f = x."""
        return BallArray(np.zeros(x.shape)) + k

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator, k: float) -> FloatArray:
        """Return samples."""
        return generator.vonmises(f, k)

    @staticmethod
    def metric(f: Expr, k: Rational) -> Expr:  # noqa: ARG004
        """Return k I_1(k)/I_0(k): the mean of k cos(x - f)."""
        return k * sympy.besseli(1, k) / sympy.besseli(0, k)


@suggesting
@dataclass(frozen=True, repr=False)
class ContinuousBernoulli(Separable):
    """Independent continuous Bernoulli outputs on [0, 1]; the decoder gives the LOGITS.

    The density is e^(x f) / int_0^1 e^(t f) dt (Loaiza-Ganem and Cunningham, NeurIPS 2019): a Bernoulli likelihood of
    numbers between 0 and 1, normalised. At x = 0 and x = 1 it has no supremum over f.
    """

    gives: ClassVar[str] = "logits"
    data: ClassVar[str] = "numbers from 0 to 1, the data of a continuous Bernoulli likelihood"

    @staticmethod
    def kernel(f: Expr, x: Expr) -> Expr:
        """Return x f - log E_0(f), E_0(f) = (e^f - 1)/f."""
        return x * f - sympy.log(Moment0(f))

    @staticmethod
    def supremum(x: BallArray) -> BallArray:
        """Return the greater of -x - log(1 - x) and x - 1 - log x; infinite where x may be 0 or 1."""
        # For f > 0 it is -(1 - x) f + log(f / (1 - e^-f)) <= -(1 - x) f + log(1 + f), largest at f = x/(1 - x); for
        # f < 0 the same with 1 - x for x.
        y = 1 - x
        return (-x - y.log()).max(-y - x.log())

    @staticmethod
    def entries() -> Entries:
        """Return 0 <= x <= 1."""
        return Entries(low=0, high=1)

    @staticmethod
    def draw(f: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return samples: log(1 + u (e^f - 1))/f for uniform u."""
        u, small = generator.random(f.shape), np.abs(f) < 1e-6
        safe = np.where(small, 1.0, f)
        # of f > 0 from the other end, so that nothing overflows
        far = np.log1p(u * np.expm1(-np.abs(safe))) / -np.abs(safe)
        return np.where(small, u, np.where(safe > 0, 1 - far, far))

    def log_ceiling(self, outputs: Sequence[Expr], x: Sequence[Symbol], values: BallArray) -> Expr:  # noqa: ARG002
        """Return an upper bound of the log density that grows like log(1 + |f|) where x is 0 or 1."""
        finite = self.supremum(values).upper()
        return sympy.Add(
            *(
                Log1p(sympy.Abs(f)) if not np.isfinite(top) else Rational(top)
                for f, top in zip(outputs, finite.tolist(), strict=True)
            )
        )
