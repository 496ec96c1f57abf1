r"""Whether an expression is zero as a rational function, decided by FLINT: a second opinion on SymPy's.

The expression's tree is read as it stands; nothing of SymPy's simplification is used. Sums, products and integer powers
become fractions of FLINT's multivariate polynomials. What else occurs becomes a *generator*, treated as one more
independent symbol:

- exp(u) with u = sum of c_k m_k, m_k monomials, is the product of exp(m_k / L)^(L c_k), L the common denominator; the
  same for a^u with another base a, as a^u = exp(u log a) for the principal logarithm; sinh, cosh, tanh through exp;
- u^(p/q) is r^p with r = u^(1/q), and r^q = u holds for principal values; I^2 = -1; sin^2 = 1 - cos^2;
- any other function of equal arguments is the same generator.

Each of these relations is true wherever both sides are defined. So a numerator that vanishes as a polynomial shows an
expression that is zero wherever it is defined: *zero* is sound with any generators. *Nonzero* is sound only without
them, as other relations may hold; then a polynomial that is not zero has points in every infinite product of sets
where it differs from 0. A denominator that could vanish identically through such relations is not accepted.
"""

from collections.abc import Callable
from math import lcm
from typing import Any, TypeAlias

LARGEST_POWER = 64
MOST_TERMS = 50_000
"""Beyond these the expansion is left to SymPy alone."""

Fraction: TypeAlias = tuple[Any, Any]
"""Numerator and denominator, polynomials of one FLINT context; the denominator is not the zero polynomial."""

Key: TypeAlias = tuple[Any, ...]


class Beyond(Exception):  # noqa: N818  (a signal within this module)
    """The expression is no rational function of generators that FLINT can decide here."""


def vanishes(expression: Any) -> bool | None:
    """Return whether a SymPy expression is identically zero, None if FLINT's polynomials cannot tell."""
    try:
        return _answer(expression)
    except Beyond:
        return None


def _answer(expression: Any) -> bool | None:
    nodes = _nodes(expression)
    plain = [node for node in nodes if node.is_Symbol]
    first = _context(len(nodes))
    raw = dict(zip(nodes, first.gens(), strict=False))
    reader = _Reader(first, lambda node: (raw[node], first.constant(1)))
    table = _Table()
    for node in nodes:
        if not node.is_Symbol:
            table.read(node, reader)
    ring = _Ring(plain, table)
    numerator, denominator = ring.reader.read(expression)
    numerator, denominator = ring.reduced(numerator), ring.reduced(denominator)
    if denominator.is_zero() or not ring.surely_nonzero(denominator):
        raise Beyond
    if numerator.is_zero():
        return True
    return False if not table.keys else None


def _context(size: int) -> Any:
    from flint import Ordering, fmpq_mpoly_ctx

    return fmpq_mpoly_ctx.get([f"g{i}" for i in range(max(size, 1))], Ordering.lex)


def _is_integer_power(node: Any) -> bool:
    return bool(node.is_Pow and node.exp.is_Integer)


def _nodes(expression: Any) -> list[Any]:
    """Return what is no sum, product, integer power or rational number, inner ones before outer ones."""
    import sympy as sp

    found: dict[Any, None] = {}

    def walk(node: Any) -> None:
        if not isinstance(node, sp.Expr) or not node.is_commutative or node.is_Float:
            raise Beyond
        if node in (sp.oo, -sp.oo, sp.zoo, sp.nan):
            raise Beyond
        if node.is_Rational or node in found:
            return
        if node.is_Add or node.is_Mul or _is_integer_power(node) or _has_plain_arguments(node):
            for argument in node.args[: 1 if _is_integer_power(node) else None]:
                walk(argument)
        if not (node.is_Add or node.is_Mul or _is_integer_power(node)):
            found[node] = None

    walk(expression)
    return list(found)


def _has_plain_arguments(node: Any) -> bool:
    """Return whether equal arguments make the node equal: so for functions, not where variables are bound."""
    import sympy as sp

    function = isinstance(node, sp.Function) or node.is_Pow
    return function and all(isinstance(argument, sp.Expr) for argument in node.args)


class _Reader:
    """Reads expressions as fractions in one context; ``atom`` gives those of the nodes."""

    def __init__(self, context: Any, atom: Callable[[Any], Fraction]) -> None:
        self.context, self._atom = context, atom
        self._seen: dict[Any, Fraction] = {}

    def read(self, node: Any) -> Fraction:
        if node not in self._seen:
            self._seen[node] = self._read(node)
        return self._seen[node]

    def _read(self, node: Any) -> Fraction:
        from flint import fmpq

        one = self.context.constant(1)
        if node.is_Rational:
            return self.context.constant(fmpq(int(node.p), int(node.q))), one
        if node.is_Add:
            total = (self.context.constant(0), one)
            for argument in node.args:
                total = _sum(total, self.read(argument))
            return total
        if node.is_Mul:
            product = (one, one)
            for argument in node.args:
                product = _product(product, self.read(argument))
            return product
        if _is_integer_power(node):
            return power(self.read(node.base), int(node.exp))
        return self._atom(node)


def _sum(a: Fraction, b: Fraction) -> Fraction:
    if a[1] == b[1]:
        return _lowest(a[0] + b[0], a[1])
    return _lowest(a[0] * b[1] + b[0] * a[1], a[1] * b[1])


def _product(a: Fraction, b: Fraction) -> Fraction:
    return _lowest(a[0] * b[0], a[1] * b[1])


def power(base: Fraction, exponent: int) -> Fraction:
    """Return an integer power of a fraction."""
    if abs(exponent) > LARGEST_POWER:
        raise Beyond
    numerator, denominator = base if exponent >= 0 else base[::-1]
    if denominator.is_zero():
        raise Beyond
    return _lowest(numerator ** abs(exponent), denominator ** abs(exponent))


def _lowest(numerator: Any, denominator: Any) -> Fraction:
    if max(len(numerator), len(denominator)) > MOST_TERMS:
        raise Beyond
    if denominator.is_constant():
        return numerator * (1 / denominator.leading_coefficient()), denominator.context().constant(1)
    common = numerator.gcd(denominator)
    numerator, denominator = numerator / common, denominator / common
    scale = 1 / denominator.leading_coefficient()
    return numerator * scale, denominator * scale


class _Table:
    """The generators that the nodes need, by what they are; equal ones are one."""

    def __init__(self) -> None:
        self.keys: dict[Key, None] = {}
        self.uses: dict[Any, tuple[str, Any]] = {}
        self._denominators: dict[Key, int] = {}
        self.radicands: dict[Key, Any] = {}

    def read(self, node: Any, reader: _Reader) -> None:
        """Register the generators of a node, whose arguments the reader reads in the first context."""
        import sympy as sp

        if node is sp.I:
            self._root(node, (sp.Integer(-1), 2, 1), reader)
        elif node is sp.E:
            self._power(node, ("E",), sp.Integer(1), reader)
        elif isinstance(node, sp.exp | sp.sinh | sp.cosh | sp.tanh):
            self._power(node, ("E",), node.args[0], reader)
        elif node.is_Pow and node.exp.is_Rational:
            self._root(node, (node.base, int(node.exp.q), int(node.exp.p)), reader)
        elif node.is_Pow:
            self._power(node, ("base", *_text(reader.read(node.base))), node.exp, reader)
        else:
            self._opaque(node, reader)

    def _root(self, node: Any, root: tuple[Any, int, int], reader: _Reader) -> None:
        radicand, degree, exponent = root
        key = ("root", *_text(reader.read(radicand)), degree)
        self.keys[key] = None
        self.radicands[key] = radicand
        self.uses[node] = ("root", (key, exponent))

    def _power(self, node: Any, base: Key, exponent: Any, reader: _Reader) -> None:
        numerator, denominator = reader.read(exponent)
        terms = []
        if denominator.is_constant():
            terms = [((*base, *map(int, k)), c) for k, c in numerator.to_dict().items()]
        elif not numerator.is_zero():
            scale = numerator.leading_coefficient()
            terms = [((*base, *_text((numerator * (1 / scale), denominator))), scale)]
        for key, coefficient in terms:
            self.keys[("power", *key)] = None
            before = self._denominators.get(key, 1)
            self._denominators[key] = lcm(before, int(coefficient.q))
        self.uses[node] = ("power", terms)

    def _opaque(self, node: Any, reader: _Reader) -> None:
        import sympy as sp

        key: Key = ("node", node)
        if _has_plain_arguments(node):
            texts = [text for argument in node.args for text in _text(reader.read(argument))]
            key = (str(node.func), *texts)
        if isinstance(node, sp.sin | sp.cos):
            for name in ("cos", "sin"):  # each pair is complete, for sin^2 = 1 - cos^2
                self.keys[(name, *key[1:])] = None
        self.keys[key] = None
        self.uses[node] = ("opaque", key)

    def exponent(self, key: Key, coefficient: Any) -> int:
        """Return the power of the generator of a term that stands for it."""
        whole = coefficient * self._denominators[key]
        return int(whole.p)


def _text(fraction: Fraction) -> tuple[str, str]:
    return str(fraction[0]), str(fraction[1])


class _Ring:
    """The second context, with the symbols and the generators, and the relations between these."""

    def __init__(self, symbols: list[Any], table: _Table) -> None:
        self.context = _context(len(symbols) + len(table.keys))
        gens = self.context.gens()
        self._one = self.context.constant(1)
        self._symbols = dict(zip(symbols, gens, strict=False))
        self._places = {key: len(symbols) + i for i, key in enumerate(table.keys)}
        self._gens, self._table = gens, table
        self.reader = _Reader(self.context, self._atom)

    def _atom(self, node: Any) -> Fraction:
        import sympy as sp

        if node in self._symbols:
            return self._symbols[node], self._one
        kind, use = self._table.uses[node]
        if kind == "opaque":
            return self._generator(use), self._one
        if kind == "root":
            key, exponent = use
            return power((self._generator(key), self._one), exponent)
        product = (self._one, self._one)
        for key, coefficient in use:
            base = (self._generator(("power", *key)), self._one)
            product = _product(product, power(base, self._table.exponent(key, coefficient)))
        if isinstance(node, sp.sinh | sp.cosh | sp.tanh):
            return _hyperbolic(type(node).__name__, product)
        return product

    def _generator(self, key: Key) -> Any:
        return self._gens[self._places[key]]

    def reduced(self, polynomial: Any) -> Any:
        """Return the polynomial, up to a nonzero factor, with the relations applied; outer generators first."""
        for key in reversed(self._places):
            if key[0] == "root":
                polynomial = self._lowered(
                    polynomial, key, int(key[-1]), self.reader.read(self._table.radicands[key])
                )
            elif key[0] == "sin":
                cosine = self._generator(("cos", *key[1:]))
                polynomial = self._lowered(polynomial, key, 2, (1 - cosine**2, self._one))
        return polynomial

    def _lowered(self, polynomial: Any, key: Key, degree: int, value: Fraction) -> Any:
        """Replace generator^degree by its value throughout."""
        place = self._places[key]
        levels: dict[int, dict[tuple[int, ...], Any]] = {}
        for powers, coefficient in polynomial.to_dict().items():
            level, rest = divmod(int(powers[place]), degree)
            left = tuple(rest if i == place else int(p) for i, p in enumerate(powers))
            levels.setdefault(level, {})[left] = coefficient
        top = max(levels, default=0)
        total = self.context.constant(0)
        for level, terms in levels.items():
            total += self.context.from_dict(terms) * value[0] ** level * value[1] ** (top - level)
        return total

    def surely_nonzero(self, denominator: Any) -> bool:
        """Return whether no relation between generators can make it zero: a single term, or symbols and exp only."""
        return len(denominator) == 1 or all(key[:2] == ("power", "E") for key in self._places)


def _hyperbolic(name: str, exponential: Fraction) -> Fraction:
    one = (exponential[1].context().constant(1),) * 2
    double, half = power(exponential, 2), (one[0] * 1, one[0] * 2)
    minus = _sum(double, (-one[0], one[0]))
    plus = _sum(double, one)
    if name == "tanh":
        return _product(minus, power(plus, -1))
    return _product(_product(minus if name == "sinh" else plus, power(exponential, -1)), half)
