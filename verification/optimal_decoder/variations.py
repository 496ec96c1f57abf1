"""S4: at f* the first variation of the ELBO is zero and the second is negative definite."""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, ImmutableMatrix, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_likelihood, finite_moment
from .moments import SymbolicLaw
from .words import listed

Vectors = Sequence[ImmutableMatrix]


def weighted_mean(q: Sequence[Expr], x: Vectors) -> ImmutableMatrix:
    """f* = sum_i q_i x_i / sum_i q_i."""
    return sum((w * v for w, v in zip(q, x, strict=True)), sympy.zeros(*x[0].shape)) / sum(q)


def plain_mean(q: Sequence[Expr], x: Vectors) -> ImmutableMatrix:  # noqa: ARG001
    """The prior's average of the data."""
    return sum(x, sympy.zeros(*x[0].shape)) / len(x)


SHAPES = ((2, 1), (3, 1), (4, 1), (2, 2), (3, 2), (2, 3))
"""(N, D): points and data dimensions."""


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "sum_i q_i log N(x_i; f* + e h, R) has first derivative 0 in e at e = 0 and second derivative -|L'h|^2 sum_i "
        "q_i at every e, with R^-1 = LL', for every h: under the integral over z the variations of the ELBO"
    ),
    domain=f"points with positive functions q_i(z), every positive definite R, (N, D) = {listed(SHAPES)}",
    hypotheses=(finite_moment, definite_likelihood),
    controls=(
        control("at the prior's average of the data", refutes="first*", best=plain_mean),
        control("half the second variation", refutes="second*", curvature=sympy.Rational(1, 2)),
    ),
    tier="quick",
)
def first_zero_second_negative(
    run: Run,
    *,
    best: Callable[[Sequence[Expr], Vectors], ImmutableMatrix] = weighted_mean,
    curvature: Expr | int = 1,
) -> Verdict:
    """The q_i stand for the densities of any encoder at one z, h for the values of any perturbation there.

    -sum_i q_i |L'h|^2 is negative unless h = 0, because L is triangular with a positive diagonal.
    """
    parts = {}
    for points, size in SHAPES:
        law = SymbolicLaw(size)
        run.assume(definite_likelihood, law.factor)
        run.assume(finite_moment, [*law.x])
        first, second = _variations(law, points, best, curvature)
        parts[f"first, N = {points}, D = {size}"] = identity(first)
        parts[f"second, N = {points}, D = {size}"] = identity(second)
    return all_of(parts)


def _variations(
    law: SymbolicLaw, points: int, best: Callable[..., ImmutableMatrix], curvature: Expr | int
) -> tuple[Expr, Expr]:
    """Return the first variation, and the second one plus curvature times |L'h|^2 sum_i q_i.

    Nothing is differentiated in z, so that symbols for the values at z say all.
    """
    step, h = Symbol("e", real=True), free_vector("h", law.dimension)
    q = sympy.symbols(f"q:{points}", positive=True)
    x = [free_vector(f"x{i}_", law.dimension) for i in range(points)]
    f = best(q, x) + step * h
    total = sum(w * law.log_density(value, f) for w, value in zip(q, x, strict=True))
    image = law.factor.T * h
    return total.diff(step).subs(step, 0), total.diff(step, 2) + curvature * sum(q) * (image.T * image)[0]
