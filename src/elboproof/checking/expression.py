"""Selections by words, as of pytest's ``-k``: ``"median and not laplace"``."""

import re
from collections.abc import Callable

from elboproof.checking.collect import UsageError

Predicate = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|(?P<word>[^\s()]+))")
_OPERATORS = ("and", "or", "not")


def matcher(expression: str) -> Predicate:
    """Return the predicate of an expression: words that stand in a text, with ``and``, ``or``, ``not`` and brackets.

    Capitals do not count.

    Raises
    ------
    UsageError
        If it is no such expression.
    """
    tokens = [match["sign"] or match["word"] for match in _TOKEN.finditer(expression)]
    parser = _Parser(tokens, expression)
    predicate = parser.disjunction()
    if parser.tokens:
        raise parser.error(f"{parser.tokens[0]!r} after the end")
    return predicate


class _Parser:
    def __init__(self, tokens: list[str], expression: str) -> None:
        self.tokens, self._expression = tokens, expression

    def error(self, what: str) -> UsageError:
        return UsageError(
            f"-k: got {self._expression!r} with {what}; expected words joined by and, or, not and brackets"
        )

    def disjunction(self) -> Predicate:
        parts = [self._conjunction()]
        while self._took("or"):
            parts.append(self._conjunction())
        return lambda text: any(part(text) for part in parts)

    def _conjunction(self) -> Predicate:
        parts = [self._negation()]
        while self._took("and"):
            parts.append(self._negation())
        return lambda text: all(part(text) for part in parts)

    def _negation(self) -> Predicate:
        if self._took("not"):
            inner = self._negation()
            return lambda text: not inner(text)
        if self._took("("):
            inner = self.disjunction()
            if not self._took(")"):
                raise self.error("an open bracket")
            return inner
        return self._word()

    def _word(self) -> Predicate:
        if not self.tokens or self.tokens[0] in (*_OPERATORS, ")"):
            raise self.error("no word " + (f"before {self.tokens[0]!r}" if self.tokens else "at the end"))
        word = self.tokens.pop(0).lower()
        return lambda text: word in text.lower()

    def _took(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True
