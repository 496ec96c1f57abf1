"""Whether an expression is defined anywhere: an identity over 1/0 in disguise is none.

Programs that simplify do so wherever both sides are defined. A denominator such as exp((x+1)/x) - e exp(1/x) is zero
everywhere, and whatever stands over it "simplifies to 0". So what must not vanish is collected from the expression's
own tree: bases of powers that may be negative, arguments of logarithms, cos(u) for tan(u), and so on. An expression is
shown to be defined if all of it is nonzero at one and the same point: by SymPy's assumptions everywhere, as polynomials
in free symbols (which have common points where none of them is 0), or in balls at a rational point.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

POINTS = 12
"""Rational points that are tried."""


def undefined_part(expression: Any) -> Any | None:
    """Return what is not shown to be defined, and nonzero where it must be; None if the expression is somewhere.

    Functions without a definition count as defined, and so do integrals, sums and derivatives whose terms are.
    """
    from elboproof.checking.points import finite_at, nonzero_at, rational_points
    from elboproof.checking.polynomial import vanishes

    # One point for all: |x| - x and |x| + x are both nonzero somewhere, but nowhere together. Polynomials need no
    # point, as a product of nonzero ones is not zero; once a point is needed, it must do for them too.
    nonzero = dict.fromkeys(one for one in _must_not_vanish(expression) if one.is_zero is not False)
    hard = [one for one in nonzero if one.is_zero or vanishes(one) is not False]
    finite = list(dict.fromkeys(_must_be_finite(expression)))
    if not hard and not finite:
        return None
    symbols = sorted(expression.free_symbols, key=str)
    for point in islice(rational_points(symbols), POINTS):
        if all(nonzero_at(one, [point]) for one in nonzero) and all(finite_at(one, point) for one in finite):
            return None
    return next(iter((*hard, *finite)))


def _must_not_vanish(expression: Any) -> Iterator[Any]:
    import sympy as sp

    singular = _singular()
    for node in sp.preorder_traversal(expression):
        if isinstance(node, sp.Pow) and not node.exp.is_nonnegative and not _is_free(node.base):
            yield node.base
        elif type(node) in singular:
            yield singular[type(node)](*node.args)


def _must_be_finite(expression: Any) -> Iterator[Any]:
    """Yield functions whose poles are not listed here, and infinite numbers."""
    import sympy as sp

    known = {*_singular(), *_entire()}
    for node in sp.preorder_traversal(expression):
        other = isinstance(node, sp.Function) and type(node) not in known and not _is_free(node)
        if other or node in (sp.oo, -sp.oo, sp.zoo, sp.nan):
            yield node


def _is_free(node: Any) -> bool:
    """Return whether the node is a function without a definition, or a derivative of one."""
    from sympy.core.function import AppliedUndef, Derivative

    return isinstance(node.expr if isinstance(node, Derivative) else node, AppliedUndef)


def _entire() -> tuple[Any, ...]:
    """Return the functions that are defined for all arguments."""
    import sympy as sp

    analytic = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.erf, sp.erfc, sp.asinh)
    return (*analytic, sp.Abs, sp.sign, sp.re, sp.im, sp.conjugate, sp.Max, sp.Min, sp.Piecewise)


def _singular() -> dict[Any, Callable[..., Any]]:
    """Return what must not vanish, by function, of its arguments."""
    import sympy as sp

    trigonometric = {sp.tan: sp.cos, sp.sec: sp.cos, sp.cot: sp.sin, sp.csc: sp.sin}
    hyperbolic = {sp.tanh: sp.cosh, sp.sech: sp.cosh, sp.coth: sp.sinh, sp.csch: sp.sinh}
    others = {sp.log: lambda u, *_: u, sp.atan: lambda u: 1 + u**2}
    return {**trigonometric, **hyperbolic, **others}
