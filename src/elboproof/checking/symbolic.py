"""Verdicts on symbolic identities: proved by two programs where possible, refuted by a certified number.

Neither side guesses. An expression that SymPy reduces to the exact 0 is an identity, and so is one that FLINT's
polynomials reduce to 0 (`elboproof.checking.polynomial`); each starts from the expression as it was stated. One
whose value at a rational point lies in a ball without 0 is none; anything else is undecided, and so is what is not
shown to be defined anywhere (`elboproof.checking.defined`). The verdict says who decided; if the two contradict each
other it is an error.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from elboproof.arguments import bad, shown
from elboproof.checking.verdict import Verdict, reached

if TYPE_CHECKING:
    import sympy

POINTS, FEW = 12, 2
"""Rational points at which an expression is evaluated before it is simplified at length; few where FLINT says zero."""
BOTH = "SymPy and FLINT"


class Contradiction(ArithmeticError):  # noqa: N818  (what happened, not whose fault it is)
    """SymPy and FLINT cannot both be right about an expression."""


def identity(expression: "sympy.Expr | Iterable[sympy.Expr]") -> Verdict:
    """Decide that an expression, or each entry of a list or matrix, is identically zero.

    Established only by exact simplification to 0 of what is defined somewhere. Refuted only by a rational point within
    the symbols' assumptions where ball arithmetic excludes 0 (or exact arithmetic gives a nonzero rational), or by a
    polynomial in the symbols that is not zero. Pass the statement's own expression: what simplifies it beforehand is
    shared by both programs.

    Parameters
    ----------
    expression
        A SymPy expression, or an iterable of them such as a matrix.

    Returns
    -------
    Verdict
        Symbolic; ``decided_by`` names the programs that decided, each on its own.

    Raises
    ------
    ValueError
        If there is no expression.
    Contradiction
        If one program proves what the other refutes.

    Examples
    --------
    >>> import sympy
    >>> from elboproof import checking
    >>> z = sympy.Symbol("z", real=True)
    >>> checking.identity(sympy.cosh(z) ** 2 - sympy.sinh(z) ** 2 - 1).status
    'established'
    """
    entries = _entries(expression)
    if not entries:
        raise bad("expression", expression, "at least one SymPy expression")
    decisions = [_decide(entry) for entry in entries]
    # One refuted entry decides, and one undecided entry leaves all open: the order of entries changes only
    # which one is named. Who decided is the weakest guard of any entry, not of the first.
    for entry, (status, text, by) in zip(entries, decisions, strict=True):
        if status == "refuted":
            return reached("symbolic", "refuted", text, computed=shown(entry, 120), stated=0.0, decided_by=by)
    for status, text, _ in decisions:
        if status == "undecided":
            return reached("symbolic", "undecided", text, stated=0.0)
    many = f"all {len(entries)} expressions simplify" if len(entries) > 1 else "simplifies"
    by, words = _deciders([by for _, _, by in decisions])
    return reached("symbolic", "established", f"{many} to exactly 0, {words}", 0.0, 0.0, decided_by=by)


def _deciders(each: list[str]) -> tuple[str, str]:
    """Return who decided the least guarded entry, and who decided all of them in words."""
    # One entry that only one program could decide makes the whole finding say so.
    alone = {name: each.count(name) for name in ("SymPy", "FLINT") if name in each}
    if not alone:
        return BOTH, f"by {BOTH}"
    if len(each) == 1:
        return each[0], f"only {each[0]} could decide it"
    counts = "; ".join(f"only {name} could decide {count} of them" for name, count in alone.items())
    return next(iter(alone)), counts


def _entries(expression: Any) -> list[Any]:
    import sympy

    if isinstance(expression, sympy.MatrixBase | list | tuple):
        return [entry for part in expression for entry in _entries(part)]
    return [sympy.sympify(expression)]


def _decide(entry: Any) -> tuple[str, str, str]:
    """Return status, reason and who decided it."""
    from elboproof.checking.defined import undefined_part
    from elboproof.checking.polynomial import vanishes

    # Both are asked although one would do: agreement is the point, and a contradiction is an error of a
    # program, never a verdict.
    zero = vanishes(entry)
    status, text = _by_sympy(entry, FEW if zero else POINTS)
    if (status, zero) in (("established", False), ("refuted", True)):
        raise Contradiction(
            f"SymPy and FLINT contradict each other: {status} by the one, zero is {str(zero).lower()} by the other, "
            f"for {shown(entry, 200)}"
        )
    if status == "established" or zero:  # both looked where the expression is defined: is that anywhere?
        missing = undefined_part(entry)
        if missing is not None:
            return "undecided", f"nowhere shown to be defined, for {shown(missing, 120)}", ""
    if status == "undecided" and zero is not None:
        return ("established", "", "FLINT") if zero else ("refuted", "its polynomial is not zero", "FLINT")
    return status, text, "SymPy" if zero is None else BOTH


def _by_sympy(entry: Any, points: int) -> tuple[str, str]:
    # Each route is an exact transformation, so that 0 after it means 0 before it; which one succeeds does not matter.
    cheap, costly = _routes()
    if any(route(entry) == 0 for route in cheap):
        return "established", ""
    # A false neighbour is found out here, before the long simplifications are wasted on it.
    from elboproof.checking.points import nonzero_at

    witness = nonzero_at(entry, islice(_points(entry), points))
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
