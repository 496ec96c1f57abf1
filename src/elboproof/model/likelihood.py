"""Likelihoods p(x|z) as exact expressions of the decoder's outputs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import prod
from sys import float_info, maxsize
from typing import Any, Protocol

import numpy as np
import sympy
from flint import fmpq
from sympy import Expr, Rational, Symbol

from elboproof.arguments import Sealed, bad, shown, suggesting, wrong_type
from elboproof.arrays import FloatArray, unwrapped
from elboproof.model.base_measures import Operations
from elboproof.model.supports import REAL, Support
from elboproof.model.whitening import whitening
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import flint_rational, rational
from elboproof.numbers.nearest import nearest_doubles
from elboproof.numbers.symmetric import ldl, not_positive, require_symmetric
from elboproof.numbers.tape import Tape

_LARGEST = int(float_info.max)
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
"""A name in an expression; the e of 1e-4 is none."""
_NO_NUMBERS = {"nan", "inf", "infinity"}


class Likelihood(Protocol):
    """What a likelihood must offer; a new family needs nothing else.

    log p(x|z) is ``log_density`` plus ``log_base``: the base measure depends on x alone, and is added outside of the
    tape, exactly.
    """

    def require_dimension(self, data_dim: int) -> None:
        """Raise ``ValueError`` if the parameters do not fit ``data_dim`` outputs."""

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """Return log p(x|z) - log h(x) in nats, with the decoder's outputs in place of f(z)."""

    def log_base(self, x: Sequence[Any], numbers: Operations) -> Any:
        """Return the log base measure log h(x) in nats, made of operations of one number system; None for 0."""

    def log_suprema(self, x: BallArray) -> FloatArray:
        """Return upper bounds of ``log_density`` over all outputs, for data (N, D): (N,) floats, infinite if none."""

    @property
    def support(self) -> Support:
        """The rows that x may be."""

    def __hash__(self) -> int:
        """Return a hash: what is derived from a likelihood is kept by it."""


@suggesting
@dataclass(frozen=True, init=False)
class Gaussian(Sealed):
    """N(f(z), C) with an exact covariance C.

    Parameters
    ----------
    variance
        One number (C = variance * I) or D numbers (C diagonal); a VARIANCE, not a standard deviation.
        Strings are exact: ``"1/100"``.
        Expressions of the latents, such as ``"exp(w)"``, make a decoder with two heads.
    covariance
        Alternatively the full D x D matrix, symmetric and positive definite.

    Raises
    ------
    TypeError
        If an entry is no number, or not exactly one of the two is given.
    ValueError
        If a variance is not positive, or the covariance is not symmetric positive definite (decided exactly).

    Examples
    --------
    >>> import elboproof as ep
    >>> ep.Gaussian(variance="1/100"), ep.Gaussian(covariance=[[2, 1], [1, 2]])
    (Gaussian(variance=1/100), Gaussian(covariance=((2, 1), (1, 2))))
    """

    variance: tuple[Rational, ...] | None
    covariance: tuple[tuple[Rational, ...], ...] | None
    scalar: bool
    heads: tuple[str | Expr, ...] = ()

    def __init__(
        self, variance: object = None, *, covariance: Sequence[Sequence[object]] | None = None
    ) -> None:
        if (variance is None) == (covariance is None):
            raise TypeError("Gaussian: got both or neither of variance and covariance; expected exactly one")
        variance, covariance = unwrapped(variance, "variance"), unwrapped(covariance, "covariance")
        scalar = covariance is None and not _is_sequence(variance)
        heads = () if variance is None else _heads(variance, scalar)
        numbers = None if variance is None or heads else _variances(variance, scalar)
        object.__setattr__(self, "heads", heads)
        object.__setattr__(self, "variance", numbers)
        object.__setattr__(self, "covariance", None if covariance is None else _covariance(covariance))
        object.__setattr__(self, "scalar", scalar)

    def __repr__(self) -> str:
        if self.heads:
            return f"Gaussian(variance={list(map(str, self.heads))})"
        name = "covariance" if self.variance is None else "variance"
        value = self.variance[0] if self.scalar and self.variance else getattr(self, name)
        return f"Gaussian({name}={shown(value, maxsize)})"

    @property
    def support(self) -> Support:
        """Every row of real numbers."""
        return REAL

    def require_dimension(self, data_dim: int) -> None:
        """Raise ``ValueError`` unless the covariance is of size ``data_dim``."""
        given = self.variance or self.covariance or self.heads
        if not self.scalar and len(given) != data_dim:
            name = "variance" if self.covariance is None else "covariance"
            raise ValueError(
                f"{name}: got {len(given)} dimensions; expected {data_dim}, one per decoder output"
            )

    def log_base(self, x: Sequence[Any], numbers: Operations) -> None:
        """Return None: the density has no base measure."""

    def log_suprema(self, x: BallArray) -> FloatArray:
        """Return the log normaliser for every row: the quadratic form is nonnegative, and zero at x = f."""
        return np.full(len(x), above_constant(self.log_normaliser(x.shape[1])))

    def log_normaliser(self, data_dim: int) -> Expr:
        """Return -log det(2 pi C) / 2, the log density at x = f."""
        if self.covariance is not None:
            return -_log_normaliser(self.covariance)
        variances = (self.variance or ()) * (data_dim if self.scalar else 1)
        return -sympy.Add(*(sympy.log(2 * sympy.pi * v) / 2 for v in variances))

    def resolved(self, latents: Mapping[str, Symbol], data_dim: int) -> "Likelihood":
        """Return the likelihood of a model with these latents: itself, or one with two heads."""
        if not self.heads:
            return self
        from elboproof.model.two_heads import heteroscedastic

        return heteroscedastic(self.heads, self.scalar, latents, data_dim)

    def log_density(self, outputs: Sequence[Expr], x: Sequence[Symbol]) -> Expr:
        """Return log N(x; f, C) in nats."""
        residual = [datum - output for datum, output in zip(x, outputs, strict=True)]
        if self.covariance is not None:
            return _full_log_density(self.covariance, residual)
        # A scalar variance counts once for each output: C = v I has the determinant v^D.
        variances = (self.variance or ()) * (len(residual) if self.scalar else 1)
        squares = [r**2 / (2 * v) for r, v in zip(residual, variances, strict=True)]
        return -sympy.Add(*squares) - sympy.Add(*(sympy.log(2 * sympy.pi * v) / 2 for v in variances))


def require_likelihood(likelihood: object, data_dim: int) -> None:
    """Raise unless a likelihood was given, an object and no class, for ``data_dim`` outputs."""
    if isinstance(likelihood, type) or not hasattr(likelihood, "log_density"):
        requirement = "a likelihood such as ep.Gaussian(variance=1) or ep.Bernoulli()"
        raise wrong_type("likelihood", likelihood, requirement)
    likelihood.require_dimension(data_dim)  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def above_constant(value: Expr) -> float:
    """Return a double above an exact number: the next one after the nearest one."""
    # The nearest double to an exact number is off by half a unit; the next one is above it.
    tape = Tape(())
    (nearest,) = nearest_doubles(tape, [tape.lower(value)])
    return float(np.nextafter(nearest, np.inf))


def require_floats(likelihood: Likelihood) -> None:
    """Raise ``ValueError`` if float64 cannot hold a Gaussian's precision; exact numbers and balls can."""
    if not isinstance(likelihood, Gaussian):
        return
    # The tape multiplies by 1/v, which is infinite in floats where v is below the inverse of the largest
    # double.
    requirement = "one whose inverse is in the range of float64; exact numbers and balls take any"
    for j, variance in enumerate(likelihood.variance or ()):
        if Fraction(int(variance.p), int(variance.q)) * _LARGEST < 1:
            raise bad("variance" if likelihood.scalar else f"variance[{j}]", variance, requirement)
    # A factor of the sum of squares beyond float64 would become infinite where the tape writes constants as doubles.
    if likelihood.covariance is not None:
        white = whitening(likelihood.covariance)
        factors = [entry for row in white.rows for entry in row] + [1 / pivot for pivot in white.pivots]
        if any(abs(factor) > _LARGEST for factor in factors):
            raise bad("covariance", likelihood.covariance, requirement)


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _heads(value: object, scalar: bool) -> tuple[str | Expr, ...]:
    """Return the variances if one of them is an expression of latents: text with a name in it, or with symbols."""
    entries = [value] if scalar else list(value)  # type: ignore[call-overload]
    if not any(_has_latents(entry) for entry in entries):
        return ()
    return tuple(entry if isinstance(entry, str | Expr) else rational(entry, "variance") for entry in entries)


def _has_latents(entry: object) -> bool:
    if isinstance(entry, Expr):
        return bool(entry.free_symbols)
    return isinstance(entry, str) and bool(_NAME.search(entry)) and entry.strip().lower() not in _NO_NUMBERS


def _variances(value: object, scalar: bool) -> tuple[Rational, ...]:
    entries = [value] if scalar else list(value)  # type: ignore[call-overload]
    if not entries:
        raise bad("variance", value, "at least one variance")
    names = ["variance"] if scalar else [f"variance[{j}]" for j in range(len(entries))]
    variances = tuple(rational(entry, name) for entry, name in zip(entries, names, strict=True))
    for variance, name, entry in zip(variances, names, entries, strict=True):
        if variance <= 0:
            raise bad(name, entry, "a positive variance")
    return variances


def _covariance(value: Sequence[Sequence[object]]) -> tuple[tuple[Rational, ...], ...]:
    if not _is_sequence(value) or not all(_is_sequence(row) for row in value):
        raise wrong_type("covariance", value, "a square matrix of numbers")
    size = len(value)
    if size == 0 or any(len(row) != size for row in value):
        raise bad("covariance", value, "a square matrix of numbers")
    matrix = tuple(
        tuple(rational(entry, f"covariance[{j}][{k}]") for k, entry in enumerate(row))
        for j, row in enumerate(value)
    )
    require_symmetric(matrix, "covariance")
    _require_definite(matrix)
    return matrix


def _require_definite(matrix: tuple[tuple[Rational, ...], ...]) -> None:
    # Exact elimination: positive definite if and only if all pivots are positive, and the pivots up to one
    # multiply to the leading minor, which the error shows.
    pivots = ldl([[Fraction(int(entry.p), int(entry.q)) for entry in row] for row in matrix])[1]
    k = not_positive(pivots)
    if k is not None:
        minor = prod(pivots[: k + 1], start=Fraction(1))
        raise ValueError(
            f"covariance: got {shown(matrix)}, whose leading minor of size {k + 1} is {flint_rational(minor)!s:.60}; "
            "expected a positive definite matrix"
        )


def _full_log_density(covariance: tuple[tuple[Rational, ...], ...], residual: Sequence[Expr]) -> Expr:
    # a sum of squares of combinations of the residuals with exact rationals, which stay exact on the tape; SymPy is
    # kept from multiplying the rationals into the residuals, so that each stands once in a combination
    white = whitening(covariance)
    forms = [
        sympy.Add(
            *(sympy.Mul(_sympy(c), r, evaluate=False) for c, r in zip(row, residual, strict=False) if c != 0)
        )
        for row in white.rows
    ]
    squares = [form**2 / (2 * _sympy(pivot)) for form, pivot in zip(forms, white.pivots, strict=True)]
    return -sympy.Add(*squares) - _log_normaliser(covariance)


def _log_normaliser(covariance: tuple[tuple[Rational, ...], ...]) -> Expr:
    """Return log det(2 pi C) / 2."""
    determinant = _sympy(prod(whitening(covariance).pivots, start=fmpq(1)))
    return sympy.log((2 * sympy.pi) ** len(covariance) * determinant) / 2


def _sympy(number: fmpq) -> Rational:
    return Rational(int(number.p), int(number.q))
