"""An expression as the parser reads it."""

import sympy
from sympy import Expr
from sympy.printing.str import StrPrinter

from elboproof.numbers.functions import NAME_OF_CLASS


class _Spelling(StrPrinter):  # type: ignore[misc]
    """Prints functions by the names that the parser knows."""

    def _print(self, e: Expr, **settings: object) -> str:
        if isinstance(e, sympy.Function | sympy.Max | sympy.Min):
            name = NAME_OF_CLASS.get(e.func, e.func.__name__.lower())
            return f"{name}({', '.join(self._print(argument) for argument in e.args)})"
        return "exp(1)" if e is sympy.E else str(super()._print(e, **settings))


def spelling(e: Expr) -> str:
    """Return an expression as the parser reads it."""
    return str(_Spelling().doprint(e))
