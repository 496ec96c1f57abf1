"""Verdicts on symbolic identities: proved by simplification, refuted by a certified number.

Neither side guesses. An expression that SymPy reduces to the exact 0 is an identity; one whose value at a
rational point lies in a ball without 0 is none; anything else is undecided.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from elboproof.arguments import bad, shown
from elboproof.checking.verdict import Verdict, reached

if TYPE_CHECKING:
    import sympy

POINTS = 12
"""Rational points at which an expression is evaluated before it is simplified at length."""


def identity(expression: "sympy.Expr | Iterable[sympy.Expr]") -> Verdict:
    """Decide that an expression, or each entry of a list or matrix, is identically zero.

    Established only by exact simplification to 0. Refuted only by a rational point within the symbols'
    assumptions where ball arithmetic excludes 0 (or exact arithmetic gives a nonzero rational).

    Raises
    ------
    ValueError
        If there is no expression.
    """
    entries = _entries(expression)
    if not entries:
        raise bad("expression", expression, "at least one SymPy expression")
    open_entries = []
    for entry in entries:
        status, text = _decide(entry)
        if status == "refuted":
            return reached("symbolic", "refuted", text, computed=shown(entry, 120), stated=0.0)
        if status == "undecided":
            open_entries.append(text)
    if open_entries:
        return reached("symbolic", "undecided", open_entries[0], stated=0.0)
    many = f"all {len(entries)} expressions simplify" if len(entries) > 1 else "simplifies"
    return reached("symbolic", "established", f"{many} to exactly 0", computed=0.0, stated=0.0)


def _entries(expression: Any) -> list[Any]:
    import sympy

    if isinstance(expression, sympy.MatrixBase | list | tuple):
        return [entry for part in expression for entry in _entries(part)]
    return [sympy.sympify(expression)]


def _decide(entry: Any) -> tuple[str, str]:
    cheap, costly = _routes()
    if any(route(entry) == 0 for route in cheap):
        return "established", ""
    # A false neighbour is found out here, before the long simplifications are wasted on it.
    from elboproof.checking.points import nonzero_at

    witness = nonzero_at(entry, islice(_points(entry), POINTS))
    if witness is not None:
        return "refuted", witness
    if any(route(entry) == 0 for route in costly):
        return "established", ""
    return "undecided", f"neither simplifies to 0 nor is certified nonzero: {shown(entry, 120)}"


def _routes() -> tuple[list[Callable[[Any], Any]], list[Callable[[Any], Any]]]:
    import sympy as sp

    cheap = [lambda e: e, sp.expand]
    costly = [
        lambda e: sp.cancel(sp.together(e)),
        lambda e: sp.cancel(sp.together(sp.expand(e.doit(), log=True, force=False))),
        lambda e: sp.expand(sp.expand(sp.cancel(sp.together(e.rewrite(sp.exp)))), power_exp=True),
        sp.simplify,
        lambda e: sp.simplify(e.rewrite(sp.exp)),
    ]
    return cheap, costly


def _points(entry: Any) -> Iterator[dict[Any, Any]]:
    from elboproof.checking.points import rational_points

    return rational_points(sorted(entry.free_symbols, key=str))
