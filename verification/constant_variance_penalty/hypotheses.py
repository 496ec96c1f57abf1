"""The side conditions of the claim, as predicates that decide exactly."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Hypothesis

from .._shared.predicates import DEFINITE, INDEFINITE, definite

definite_precisions = Hypothesis(
    "positive definite precisions",
    "every A_n is symmetric and positive definite",
    definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)


def semidefinite(matrix: sympy.MatrixBase) -> bool:
    """Return whether a symmetric matrix of exact numbers is positive semidefinite: no principal minor is negative."""
    size = range(matrix.rows)
    chosen = (places for k in range(1, matrix.rows + 1) for places in combinations(size, k))
    minors = (sympy.simplify(matrix.extract(list(places), list(places)).det()) for places in chosen)
    return matrix == matrix.T and all(minor.is_nonnegative for minor in minors)


def _within(matrices: Sequence[sympy.MatrixBase], reference: sympy.MatrixBase, h: Expr | int) -> bool:
    """B is positive definite, and A_n - B and h B - A_n are semidefinite."""
    sides = [side for A in matrices for side in (A - reference, h * reference - A)]
    return definite(reference) and all(semidefinite(side) for side in sides)


I2 = ImmutableMatrix.eye(2)
SHEAR = ImmutableMatrix([[1, 1], [0, 2]])
TURNED = SHEAR.T * sympy.diag(1, 2) * SHEAR

loewner_ratio = Hypothesis(
    "ratio at most h",
    "B <= A_n <= h B in Loewner's order for one positive definite B",
    _within,
    accepts=[([I2, 2 * I2], I2, 2), ([SHEAR.T * SHEAR, ImmutableMatrix(TURNED)], SHEAR.T * SHEAR, 2)],
    rejects=[
        ([I2, 2 * I2], I2, Rational(199, 100)),
        ([ImmutableMatrix([[1, 1], [1, 2]])], I2, 2),  # its diagonal alone would pass
        ([I2], -I2, 2),
    ],
)

equal_weights = Hypothesis(
    "equal weights",
    "the data points have the same weight",
    lambda weights: len(set(weights)) == 1,
    accepts=[([Rational(1, 3)] * 3,)],
    rejects=[([Rational(1, 3), Rational(2, 3)],)],
)


def _unbiased(groups: Sequence[tuple[Any, Sequence[tuple[Any, Any]]]]) -> bool:
    """Pairs (A, [(weight, B), ...]): the weights add up to 1 and the mean of the B is A, exactly."""
    for centre, spread in groups:
        total = sum(weight for weight, _ in spread)
        mean = sum(weight * value for weight, value in spread)
        if total != 1 or mean != centre:
            return False
    return True


mean_preserving = Hypothesis(
    "mean-preserving spread",
    "E[B | A] = A",
    _unbiased,
    accepts=[([(Fraction(1), [(Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 2), Fraction(3, 2))])],)],
    rejects=[
        ([(Fraction(1), [(Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 2), Fraction(2))])],),
        ([(Fraction(1), [(Fraction(1, 2), Fraction(1)), (Fraction(1, 3), Fraction(1))])],),
    ],
)

unit_spectrum = Hypothesis(
    "deviations below 1",
    "every eigenvalue of X = (E A)^-1 (A - E A) is less than 1 in size",
    lambda sizes: all(bool(abs(size) < 1) for size in sizes),
    accepts=[([Fraction(1, 2), Fraction(-1, 3)],)],
    rejects=[([Fraction(1)],), ([Fraction(1, 2), Fraction(-3, 2)],)],
)


def _one_to_one(data: tuple[Sequence[Expr], Sequence[Symbol], Sequence[Expr]]) -> bool:
    """Decoder, latents, inverse: the inverse of the outputs is the latents, identically, so that f is injective."""
    decoder, latents, inverse = data
    names = sympy.symbols(f"x:{len(decoder)}", real=True)
    back = [entry.subs(dict(zip(names, decoder, strict=True)), simultaneous=True) for entry in inverse]
    return all(
        sympy.simplify(one.rewrite(sympy.log) - latent) == 0
        for one, latent in zip(back, latents, strict=True)
    )


U, V = sympy.symbols("u v", real=True)
X0, X1 = sympy.symbols("x0 x1", real=True)

one_preimage = Hypothesis(
    "one preimage",
    "the decoder has a left inverse, which is given, so that every x = f(z) has one preimage",
    _one_to_one,
    accepts=[(([sympy.sinh(U)], [U], [sympy.asinh(X0)]),), (([U, V + U**2], [U, V], [X0, X1 - X0**2]),)],
    rejects=[(([U**2], [U], [sympy.sqrt(X0)]),)],
)
