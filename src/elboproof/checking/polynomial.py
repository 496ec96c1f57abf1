r"""Whether an expression is zero as a rational function, decided by FLINT: a second opinion on SymPy's.

The expression's tree is read as it stands; nothing of SymPy's simplification is used. Sums, products and integer powers
become fractions of FLINT's multivariate polynomials. What else occurs becomes a *generator*, treated as one more
independent symbol:

- exp(u) with u = sum of c_k m_k, m_k monomials, is the product of exp(m_k / L)^(L c_k), L the common denominator; the
  same for a^u with another base a, as a^u = exp(u log a) for the principal logarithm; sinh, cosh, tanh through exp;
- u^(p/q) is r^p with r = u^(1/q), and r^q = u holds for principal values; I^2 = -1; sin^2 = 1 - cos^2;
- any other function of equal arguments is the same generator.

Each of these relations is true wherever both sides are defined. So a numerator that vanishes as a polynomial shows an
expression that is zero wherever it is defined: *zero* is sound with any generators, and whether the expression is
defined anywhere is the question of `elboproof.checking.defined`. *Nonzero* is sound only without them, as other
relations may hold; then a polynomial that is not zero has points in every infinite product of sets where it differs
from 0.
"""

from math import lcm
from typing import Any, TypeAlias

from elboproof.checking.polynomial_fractions import (
    Beyond,
    RationalFunction,
    RationalReader,
    context_of,
    has_plain_arguments,
    nodes_of,
    power,
    product_of,
    total_of,
)

GeneratorKey: TypeAlias = tuple[Any, ...]


def vanishes(expression: Any) -> bool | None:
    """Return whether a SymPy expression is zero wherever it is defined, None if FLINT's polynomials cannot tell."""
    try:
        return _answer(expression)
    except Beyond:
        return None


def _answer(expression: Any) -> bool | None:
    # Two contexts, because FLINT's cannot grow: the first has one generator for each node and serves to see which
    # nodes are the same; the second has one for each that is left. A numerator that vanishes there shows an
    # expression that is zero wherever it is defined; one that does not shows nothing if generators are left.
    nodes = nodes_of(expression)
    plain = [node for node in nodes if node.is_Symbol]
    first = context_of(len(nodes))
    raw = dict(zip(nodes, first.gens(), strict=False))
    reader = RationalReader(first, lambda node: (raw[node], first.constant(1)))
    table = _Table()
    for node in nodes:
        if not node.is_Symbol:
            table.read(node, reader)
    ring = _Ring(plain, table)
    numerator, denominator = ring.reader.read(expression)
    numerator, denominator = ring.reduced(numerator), ring.reduced(denominator)
    if denominator.is_zero():
        raise Beyond
    if numerator.is_zero():
        return True
    return False if not table.keys else None


class _Table:
    """The generators that the nodes need, by what they are; equal ones are one."""

    def __init__(self) -> None:
        self.keys: dict[GeneratorKey, None] = {}
        self.uses: dict[Any, tuple[str, Any]] = {}
        self._denominators: dict[GeneratorKey, int] = {}
        self.radicands: dict[GeneratorKey, Any] = {}

    def read(self, node: Any, reader: RationalReader) -> None:
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

    def _root(self, node: Any, root: tuple[Any, int, int], reader: RationalReader) -> None:
        # The radicand enters by its text in lowest terms: equal ones share a generator however they are written.
        radicand, degree, exponent = root
        key = ("root", *_text(reader.read(radicand)), degree)
        self.keys[key] = None
        self.radicands[key] = radicand
        self.uses[node] = ("root", (key, exponent))

    def _power(self, node: Any, base: GeneratorKey, exponent: Any, reader: RationalReader) -> None:
        # exp(c m) for all c that occur with one m is a power of one generator exp(m / L), L the common
        # denominator of the c: only so does exp(u/2)^2 = exp(u) become visible to polynomials.
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

    def _opaque(self, node: Any, reader: RationalReader) -> None:
        import sympy as sp

        key: GeneratorKey = ("node", node)
        if has_plain_arguments(node):
            texts = [text for argument in node.args for text in _text(reader.read(argument))]
            key = (str(node.func), *texts)
        if isinstance(node, sp.sin | sp.cos):
            for name in ("cos", "sin"):  # each pair is complete, for sin^2 = 1 - cos^2
                self.keys[(name, *key[1:])] = None
        self.keys[key] = None
        self.uses[node] = ("opaque", key)

    def exponent(self, key: GeneratorKey, coefficient: Any) -> int:
        """Return the power of the generator of a term that stands for it."""
        whole = coefficient * self._denominators[key]
        return int(whole.p)


def _text(fraction: RationalFunction) -> tuple[str, str]:
    return str(fraction[0]), str(fraction[1])


class _Ring:
    """The second context, with the symbols and the generators, and the relations between these."""

    def __init__(self, symbols: list[Any], table: _Table) -> None:
        self.context = context_of(len(symbols) + len(table.keys))
        gens = self.context.gens()
        self._one = self.context.constant(1)
        self._symbols = dict(zip(symbols, gens, strict=False))
        self._places = {key: len(symbols) + i for i, key in enumerate(table.keys)}
        self._gens, self._table = gens, table
        self.reader = RationalReader(self.context, self._atom)

    def _atom(self, node: Any) -> RationalFunction:
        import sympy as sp

        # Each kind of node becomes the power product of generators that `_Table` found for it. What is
        # multiplied here uses only exp(a + b) = exp(a) exp(b) and r^q = u, which hold for principal values.
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
            product = product_of(product, power(base, self._table.exponent(key, coefficient)))
        if isinstance(node, sp.sinh | sp.cosh | sp.tanh):
            return _hyperbolic(type(node).__name__, product)
        return product

    def _generator(self, key: GeneratorKey) -> Any:
        return self._gens[self._places[key]]

    def reduced(self, polynomial: Any) -> Any:
        """Return the polynomial, up to a nonzero factor, with the relations applied; outer generators first."""
        # Outer generators first: lowering one brings in its radicand, which holds inner generators only.
        for key in reversed(self._places):
            if key[0] == "root":
                polynomial = self._lowered(
                    polynomial, key, int(key[-1]), self.reader.read(self._table.radicands[key])
                )
            elif key[0] == "sin":
                cosine = self._generator(("cos", *key[1:]))
                polynomial = self._lowered(polynomial, key, 2, (1 - cosine**2, self._one))
        return polynomial

    def _lowered(self, polynomial: Any, key: GeneratorKey, degree: int, value: RationalFunction) -> Any:
        """Replace generator^degree by its value throughout."""
        # The denominators are cleared by value[1]^top, a factor that is not zero where the expression is defined,
        # so that the polynomial vanishes before if and only if it does after.
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


def _hyperbolic(name: str, exponential: RationalFunction) -> RationalFunction:
    one = (exponential[1].context().constant(1),) * 2
    double, half = power(exponential, 2), (one[0] * 1, one[0] * 2)
    minus = total_of(double, (-one[0], one[0]))
    plus = total_of(double, one)
    if name == "tanh":
        return product_of(minus, power(plus, -1))
    return product_of(product_of(minus if name == "sinh" else plus, power(exponential, -1)), half)
