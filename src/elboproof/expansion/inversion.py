"""Exact solutions of f(z) = x by inverting one entry of a decoder after the other, where elementary inverses do.

What it is for: coefficients as exact numbers, 3675/22201 for sinh(z) at 0.7 or 9/64 on the sphere. Without it, modes
that are no small ratio of 1 or pi have proved bounds only, in a tenth of the time (0.03 s for 0.3 s).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sympy
from sympy import Expr, Symbol


def exact_solutions(
    latents: Sequence[Symbol], equations: Sequence[tuple[Expr, Expr]]
) -> list[tuple[Expr, ...]]:
    """Return solutions of f_j(z) = x_j that come out by inverting one entry after the other, where that works."""
    # one latent for each round, from any entry that has no other left in it. The branches multiply (+- roots, periods);
    # a branch that no entry extends is dropped. What comes out solves the entries that were used, not all D of them:
    # each is tested as a zero of grad W before it counts as a mode
    partial: list[dict[Symbol, Expr]] = [{}]
    for _ in latents:
        partial = [more for known in partial for more in _extended(equations, known)]
    return [tuple(known[z] for z in latents) for known in partial]


def _extended(
    equations: Sequence[tuple[Expr, Expr]], known: dict[Symbol, Expr]
) -> Iterator[dict[Symbol, Expr]]:
    # the first entry that gives solutions is enough: by others the same z would come again, in another spelling
    for f, value in equations:
        rest = f.subs(known)
        if len(rest.free_symbols) == 1:
            (z,) = rest.free_symbols
            solutions = list(_inverted(rest, z, value))
            if solutions:
                yield from ({**known, z: solution} for solution in solutions)
                return


TURNS = range(-2, 3)
"""Periods in which inverses of sin and cos are looked for: they cover the float search."""
_PERIODIC: dict[Any, Callable[[Expr], list[Expr]]] = {
    sympy.cos: lambda c: [sign * sympy.acos(c) for sign in (1, -1)],
    sympy.sin: lambda c: [sympy.asin(c), sympy.pi - sympy.asin(c)],
}
_INVERSES = {
    sympy.sinh: sympy.asinh,
    sympy.asinh: sympy.sinh,
    sympy.tanh: sympy.atanh,
    sympy.atan: sympy.tan,
    sympy.exp: sympy.log,
    sympy.log: sympy.exp,
}


def _inverted(expression: Expr, z: Symbol, value: Expr) -> Iterator[Expr]:
    """Yield the real solutions of expression = value that elementary inverses give."""
    # outermost operation first, so that z ends up alone; every step is an equivalence over the reals, up to periods
    # beyond TURNS. What no step fits yields nothing: the caller tests each solution exactly
    if expression == z:
        yield value
    elif expression.is_Add or expression.is_Mul:
        constant, varying = expression.as_independent(z)
        if varying.is_Add and expression.is_Add and len(varying.args) > 1:
            yield from _quadratic(expression - value, z)
        elif varying != expression:  # a product of several factors with z has no elementary inverse here
            yield from _inverted(varying, z, value - constant if expression.is_Add else value / constant)
    elif expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        power = expression.exp
        if power % 2 == 1:
            yield from _inverted(expression.base, z, sympy.real_root(value, power))
        elif value.is_nonnegative:
            root = value ** (1 / power)
            for signed in {root, -root}:
                yield from _inverted(expression.base, z, signed)
    elif type(expression) in _INVERSES:
        inverse = _INVERSES[type(expression)](value)
        if inverse.is_real:
            yield from _inverted(expression.args[0], z, inverse)
    elif type(expression) in _PERIODIC and (1 - value**2).is_nonnegative:
        for angle in _PERIODIC[type(expression)](value):
            for turn in TURNS:
                yield from _inverted(expression.args[0], z, angle + 2 * sympy.pi * turn)


def _quadratic(expression: Expr, z: Symbol) -> Iterator[Expr]:
    # of higher degrees the roots are long or none; those modes are proved in balls
    if expression.is_polynomial(z) and sympy.degree(expression, z) == 2:
        yield from (root for root in sympy.roots(sympy.Poly(expression, z)) if root.is_real)
