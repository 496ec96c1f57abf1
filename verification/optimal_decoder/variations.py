"""S4: at f* the first variation of the ELBO is zero and the second is negative definite."""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, Function, ImmutableMatrix, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_likelihood, finite_moment
from .moments import SymbolicLaw

Vectors = Sequence[ImmutableMatrix]


def weighted_mean(q: Sequence[Expr], x: Vectors) -> ImmutableMatrix:
    """f* = sum_i q_i x_i / sum_i q_i."""
    return sum((w * v for w, v in zip(q, x, strict=True)), sympy.zeros(*x[0].shape)) / sum(q)


def plain_mean(q: Sequence[Expr], x: Vectors) -> ImmutableMatrix:  # noqa: ARG001
    """The prior's average of the data."""
    return sum(x, sympy.zeros(*x[0].shape)) / len(x)


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "d/de ELBO(f* + e h) = 0 and d^2/de^2 ELBO(f* + e h) = -E_q(z) |L'h|^2 with R^-1 = LL', for every h"
    ),
    domain="N = 2, 3, 4 points with positive functions q_i(z), every positive definite R, D = 1, 2",
    hypotheses=(finite_moment, definite_likelihood),
    controls=(
        control("at the prior's average of the data", best=plain_mean),
        control("half the second variation", curvature=sympy.Rational(1, 2)),
    ),
    tier="quick",
)
def first_zero_second_negative(
    run: Run,
    *,
    best: Callable[[Sequence[Expr], Vectors], ImmutableMatrix] = weighted_mean,
    curvature: Expr | int = 1,
) -> Verdict:
    """Under the integral over z. The q_i stand for any encoder's densities; h(z) is any perturbation.

    -sum_i q_i |L'h|^2 is negative unless h = 0, because L is triangular with a positive diagonal.
    """
    parts = {}
    for points, size in ((2, 1), (3, 1), (4, 1), (2, 2), (3, 2)):
        law = SymbolicLaw(size)
        run.assume(definite_likelihood, law.factor)
        run.assume(finite_moment, [*law.x])
        parts[f"N = {points}, D = {size}"] = identity(_variations(law, points, best, curvature))
    return all_of(parts)


def _variations(
    law: SymbolicLaw, points: int, best: Callable[..., ImmutableMatrix], curvature: Expr | int
) -> list[Expr]:
    """Return the first variation, and the second one plus curvature times sum_i q_i |L'h|^2."""
    z, step = Symbol("z", real=True), Symbol("e", real=True)
    q = [Function(f"q{i}", positive=True)(z) for i in range(points)]
    h = ImmutableMatrix([Function(f"h{j}", real=True)(z) for j in range(law.dimension)])
    x = [free_vector(f"x{i}_", law.dimension) for i in range(points)]
    f = best(q, x) + step * h
    residuals = [value - f for value in x]
    integrand = -sum(w * (r.T * law.metric * r)[0] for w, r in zip(q, residuals, strict=True)) / 2
    image = law.factor.T * h
    first = integrand.diff(step).subs(step, 0)
    return [
        _plain(first, [*q, *h]),
        _plain(integrand.diff(step, 2) + curvature * sum(q) * (image.T * image)[0], [*q, *h]),
    ]


def _plain(expression: Expr, functions: Sequence[Expr]) -> Expr:
    """Put symbols for the values of functions at z: nothing is differentiated in z, so the identity is algebraic."""
    names = {g: Symbol(str(g.func), positive=str(g.func).startswith("q"), real=True) for g in functions}
    return expression.xreplace(names)
