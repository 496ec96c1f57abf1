"""Fractions of FLINT's multivariate polynomials, read off the tree of a SymPy expression as it stands."""

from collections.abc import Callable
from typing import Any, TypeAlias

LARGEST_POWER = 64
MOST_TERMS = 50_000
"""Beyond these the expansion is left to SymPy alone."""

RationalFunction: TypeAlias = tuple[Any, Any]
"""Numerator and denominator, polynomials of one FLINT context; the denominator is not the zero polynomial."""


class Beyond(Exception):  # noqa: N818  (a signal within this module)
    """The expression is no rational function of generators that FLINT can decide here."""


def context_of(size: int) -> Any:
    """Return a FLINT context of polynomials in so many generators."""
    from flint import Ordering, fmpq_mpoly_ctx

    return fmpq_mpoly_ctx.get([f"g{i}" for i in range(max(size, 1))], Ordering.lex)


def _is_integer_power(node: Any) -> bool:
    return bool(node.is_Pow and node.exp.is_Integer)


def nodes_of(expression: Any) -> list[Any]:
    """Return what is no sum, product, integer power or rational number, inner ones before outer ones."""
    import sympy as sp

    # Inner nodes come first, since a generator may be read only after those that its arguments need. Floats are
    # refused: they are not the numbers that were meant, and an identity in them is none.
    found: dict[Any, None] = {}

    def walk(node: Any) -> None:
        if not isinstance(node, sp.Expr) or not node.is_commutative or node.is_Float:
            raise Beyond
        if node in (sp.oo, -sp.oo, sp.zoo, sp.nan):
            raise Beyond
        if node.is_Rational or node in found:
            return
        if node.is_Add or node.is_Mul or _is_integer_power(node) or has_plain_arguments(node):
            for argument in node.args[: 1 if _is_integer_power(node) else None]:
                walk(argument)
        if not (node.is_Add or node.is_Mul or _is_integer_power(node)):
            found[node] = None

    walk(expression)
    return list(found)


def has_plain_arguments(node: Any) -> bool:
    """Return whether equal arguments make the node equal: so for functions, not where variables are bound."""
    import sympy as sp

    function = isinstance(node, sp.Function) or node.is_Pow
    return function and all(isinstance(argument, sp.Expr) for argument in node.args)


class RationalReader:
    """Reads expressions as fractions in one context; ``atom`` gives those of the nodes."""

    def __init__(self, context: Any, atom: Callable[[Any], RationalFunction]) -> None:
        self.context, self._atom = context, atom
        self._seen: dict[Any, RationalFunction] = {}

    def read(self, node: Any) -> RationalFunction:
        """Return the fraction of an expression; each subexpression is read once."""
        if node not in self._seen:
            self._seen[node] = self._read(node)
        return self._seen[node]

    def _read(self, node: Any) -> RationalFunction:
        from flint import fmpq

        # Only field operations: whatever else a node is, it goes to the atom. So the fraction equals the expression
        # wherever both are defined.
        one = self.context.constant(1)
        if node.is_Rational:
            return self.context.constant(fmpq(int(node.p), int(node.q))), one
        if node.is_Add:
            total = (self.context.constant(0), one)
            for argument in node.args:
                total = total_of(total, self.read(argument))
            return total
        if node.is_Mul:
            product = (one, one)
            for argument in node.args:
                product = product_of(product, self.read(argument))
            return product
        if _is_integer_power(node):
            return power(self.read(node.base), int(node.exp))
        return self._atom(node)


def total_of(a: RationalFunction, b: RationalFunction) -> RationalFunction:
    """Return the sum of two fractions in lowest terms."""
    if a[1] == b[1]:
        return _lowest(a[0] + b[0], a[1])
    return _lowest(a[0] * b[1] + b[0] * a[1], a[1] * b[1])


def product_of(a: RationalFunction, b: RationalFunction) -> RationalFunction:
    """Return the product of two fractions in lowest terms."""
    return _lowest(a[0] * b[0], a[1] * b[1])


def power(base: RationalFunction, exponent: int) -> RationalFunction:
    """Return an integer power of a fraction."""
    if abs(exponent) > LARGEST_POWER:
        raise Beyond
    numerator, denominator = base if exponent >= 0 else base[::-1]
    if denominator.is_zero():
        raise Beyond
    return _lowest(numerator ** abs(exponent), denominator ** abs(exponent))


def _lowest(numerator: Any, denominator: Any) -> RationalFunction:
    if max(len(numerator), len(denominator)) > MOST_TERMS:
        raise Beyond
    # Lowest terms with a leading coefficient of 1 below: equal fractions are then equal as polynomials, which makes
    # texts of them usable as keys.
    if denominator.is_constant():
        return numerator * (1 / denominator.leading_coefficient()), denominator.context().constant(1)
    common = numerator.gcd(denominator)
    numerator, denominator = numerator / common, denominator / common
    scale = 1 / denominator.leading_coefficient()
    return numerator * scale, denominator * scale
