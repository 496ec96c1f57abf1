"""Decoder strings to SymPy expressions, by a whitelist: nothing is ever evaluated as Python.

A precedence parser over its own tokens. Depth, length and the size of numbers are limited, and ``building.py`` keeps
SymPy from simplifying what could take it long, so that hostile text is refused or built quickly.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from elboproof.arguments import shown, wrong_type
from elboproof.numbers.building import Builder, size
from elboproof.numbers.exact import rational
from elboproof.numbers.functions import CONSTANTS, WRITABLE, allowed

LONGEST = (
    10_000  # characters of one decoder entry; SymPy needs some milliseconds for each function call in it
)
DEEPEST = 60  # nested parentheses, calls, signs and powers; SymPy recurses several frames a level
LARGEST_EXPONENT = 1000
LARGEST_BITS = 10_000  # of a number that a power makes
LARGEST_ROOT_BITS = 500  # of a number under a root or a real power, which SymPy factorises
LARGEST_COMBINED_BITS = 50_000  # of a common denominator or a product; decimals share theirs

_TOKEN = re.compile(
    r"\s*(?:([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|([^\W\d]\w*)|(\*\*|[-+*/(),])|(\S))"
)

_UNREAL = {"infinite": (sympy.zoo, sympy.oo, -sympy.oo), "undefined": (sympy.nan,), "complex": (sympy.I,)}


class UnknownNameError(ValueError):
    """A name that is neither a symbol nor a constant; ``unknown`` holds it."""

    def __init__(self, message: str, unknown: str) -> None:
        self.unknown = unknown
        super().__init__(message)


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, sign, end
    text: str
    at: int


def parse(text: str, symbols: Mapping[str, Symbol], name: str = "decoder") -> Expr:
    """Return the SymPy expression that ``text`` spells.

    Parameters
    ----------
    text
        Numbers (decimals stay exact), ``+ - * / **``, parentheses, names of ``symbols``, ``pi`` and the functions of
        ``elboproof.numbers.functions.WRITABLE``.
    symbols
        The latents by name.
    name
        The argument's name in error messages.

    Raises
    ------
    TypeError
        If ``text`` is not a string.
    ValueError
        If it is not such an expression, is too long, too deep, makes numbers that are too large, or is not a finite
        real number where it is a constant. The message names the offending part and what is allowed.
    """
    # refused in order of cost: type, length, names, and then token by token; nothing is evaluated
    # before it was read
    if not isinstance(text, str):
        raise wrong_type(name, text, "a string")
    if len(text) > LONGEST:
        raise ValueError(f"{name}: got a string of {len(text)} characters; expected at most {LONGEST}")
    clash = sorted(set(symbols) & (set(WRITABLE) | set(CONSTANTS)))
    if clash:
        raise ValueError(
            f"latent: got the name {clash[0]!r}; expected a name that is no function or constant"
        )
    return _Parser(text, symbols, name).whole()


def require_real(expression: Expr, name: str, text: object) -> Expr:
    """Return ``expression`` unless a part of it is infinite, undefined or complex for every argument."""
    for word, wrong in _UNREAL.items():
        if expression.has(*wrong):
            raise ValueError(
                f"{name}: got {shown(text)}, a part of which is {word}; expected a finite real expression"
            )
    return expression


def require_moderate(expression: Expr, name: str) -> Expr:
    """Return a SymPy expression unless it holds numbers or powers beyond what strings may hold.

    Strings nest powers: ((z + 1)**1000)**1000 is the largest of one base.
    """
    # over all rationals and powers of the expression, wherever they stand; only rational exponents
    # make numbers
    if any(
        max(int(number.p).bit_length(), int(number.q).bit_length()) > LARGEST_COMBINED_BITS
        for number in expression.atoms(sympy.Rational)
    ):
        raise ValueError(
            f"{name}: got a number that is too long; expected at most {LARGEST_COMBINED_BITS} bits"
        )
    for power in expression.atoms(sympy.Pow):
        base, exponent = power.args
        if not exponent.is_Rational:
            continue
        over = abs(exponent) > LARGEST_EXPONENT**2
        if over or (base.is_Rational and size(base).bit_length() * abs(exponent) > LARGEST_COMBINED_BITS):
            raise ValueError(
                f"{name}: got a power that overflows, with exponent {shown(exponent)}; expected an exponent of at most "
                f"{LARGEST_EXPONENT**2} and numbers of at most {LARGEST_COMBINED_BITS} bits"
            )
    return expression


class _Parser:
    """State of one parse: the tokens, the place, the depth."""

    def __init__(self, text: str, symbols: Mapping[str, Symbol], name: str) -> None:
        self.text, self.symbols, self.name = text, symbols, name
        self.tokens = self._scan()
        self.token = next(self.tokens)
        self.depth = 0
        self.build = Builder()

    def whole(self) -> Expr:
        if self.token.kind == "end":
            raise self.error("nothing", "an expression")
        result = self.sum()
        if self.token.kind != "end":
            raise self.error(repr(self.token.text), "an operator or the end")
        return result

    def sum(self) -> Expr:
        # every level of parentheses and calls passes here, so this is where depth is counted
        self.deeper()
        terms = [self.product()]
        while self.token.text in {"+", "-"}:
            minus = self.take() == "-"
            term = self.product()
            terms.append(self.build.product([sympy.Integer(-1), term]) if minus else term)
        self.depth -= 1
        self.require_short({int(term.as_coeff_Mul()[0].q) for term in terms if len(terms) > 1})
        return self.real(self.build.sum(terms))

    def product(self) -> Expr:
        factors = [self.signed()]
        while self.token.text in {"*", "/"}:
            over = self.take() == "/"
            factor = self.signed()
            factors.append(self.inverse(factor) if over else factor)
        self.require_short([size(factor.as_coeff_Mul()[0]) for factor in factors if len(factors) > 1])
        return self.real(self.build.product(factors))

    def inverse(self, factor: Expr) -> Expr:
        return self.real(self.build.power(factor, sympy.Integer(-1)))

    def signed(self) -> Expr:
        # signs bind weaker than powers, as in Python: -z**2 is -(z**2)
        negative = False
        while self.token.text in {"+", "-"}:
            negative ^= self.take() == "-"
        result = self.power()
        return self.build.product([sympy.Integer(-1), result]) if negative else result

    def power(self) -> Expr:
        # right to left: the exponent is parsed by `signed`, which takes the next power with it
        base = self.atom()
        if self.token.text != "**":
            return base
        self.deeper()
        at = self.token.at
        self.take()
        exponent = self.signed()
        self.depth -= 1
        self.require_small(base, exponent, at)
        return self.real(self.build.power(base, exponent))

    def atom(self) -> Expr:
        token = self.token
        self.advance()
        if token.kind == "number":
            return rational(token.text, self.name)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            result = self.sum()
            self.expect(")")
            return result
        raise self.error(
            "the end" if token.kind == "end" else repr(token.text),
            "a number, a latent or a function",
            token.at,
        )

    def named(self, token: _Token) -> Expr:
        if self.token.text == "(":
            return self.call(token)
        if token.text in self.symbols:
            return self.symbols[token.text]
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        latents = ", ".join(self.symbols)
        error = self.error(f"the name {token.text!r}", f"one of the latents {latents}, {allowed()}", token.at)
        raise UnknownNameError(str(error), token.text)

    def call(self, token: _Token) -> Expr:
        if token.text not in WRITABLE:
            raise self.error(f"the function {token.text!r}", allowed(), token.at)
        known = WRITABLE[token.text]
        self.expect("(")
        arguments = [self.sum()]
        while self.token.text == ",":
            self.advance()
            arguments.append(self.sum())
        self.expect(")")
        if len(arguments) != known.arity:
            raise self.error(f"{token.text} with {len(arguments)} arguments", f"{known.arity}", token.at)
        if token.text == "sqrt":
            self.require_small(arguments[0], sympy.Rational(1, 2), token.at)
        return self.real(self.build.call(known, arguments))

    def real(self, expression: Expr) -> Expr:
        """Return the expression; what was built without evaluation has no part that is not real yet."""
        if self.build.is_literal(expression):
            return expression
        return require_real(expression, self.name, self.text)

    def require_small(self, base: Expr, exponent: Expr, at: int) -> None:
        # the number that a power would make has about bits * exponent bits: refused before SymPy computes it
        bits = self.build.bits(base)
        if not exponent.is_Integer and base.is_Rational and bits > LARGEST_ROOT_BITS:
            raise self.error("a root of a large number", f"at most {LARGEST_ROOT_BITS} bits", at)
        if not exponent.is_Rational:
            return
        times = abs(int(exponent)) + (not exponent.is_Integer)
        if times > LARGEST_EXPONENT or bits * times > LARGEST_BITS:
            limit = f"an exponent of at most {LARGEST_EXPONENT} and numbers of at most {LARGEST_BITS} bits"
            raise self.error("a power that overflows", limit, at)

    def require_short(self, integers: Collection[int]) -> None:
        """Refuse a sum or product whose numbers would combine to a huge one (1/3 + 1/5 + 1/7 + ...)."""
        if sum(integer.bit_length() for integer in integers) > LARGEST_COMBINED_BITS:
            raise self.error("numbers that combine to a huge one", f"at most {LARGEST_COMBINED_BITS} bits")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error("an expression nested too deeply", f"at most {DEEPEST} levels")

    def take(self) -> str:
        text = self.token.text
        self.advance()
        return text

    def advance(self) -> None:
        if self.token.kind != "end":
            self.token = next(self.tokens)

    def expect(self, text: str) -> None:
        if self.token.text != text:
            raise self.error("the end" if self.token.kind == "end" else repr(self.token.text), repr(text))
        self.advance()

    def _scan(self) -> Iterator[_Token]:
        # tokens are made when they are asked for, so an error is that of the first bad place
        for match in _TOKEN.finditer(self.text):
            number, word, sign, other = match.groups()
            at = match.start(match.lastindex or 0)
            if other is not None:
                hint = "; powers are written **" if other == "^" else ""
                raise self.error(repr(other) + hint, allowed(), at)
            kind = "number" if number else "name" if word else "sign"
            yield _Token(kind, number or word or sign, at)
        yield _Token("end", "", len(self.text))

    def error(self, got: str, expected: str, at: int | None = None) -> ValueError:
        place = self.token.at if at is None else at
        return ValueError(
            f"{self.name}: got {got} at character {place + 1} of {shown(self.text)}; expected {expected}"
        )
