"""The exact number system: SymPy numbers, nothing rounded."""

from collections.abc import Mapping
from typing import Any

from elboproof.numbers.compiler import Ring
from elboproof.numbers.functions import PRIMITIVES


def _names() -> Mapping[str, Any]:
    import sympy

    return {name: known.symbolic for name, known in PRIMITIVES.items()} | {
        "Rational": sympy.Rational,
        "pi": sympy.pi,
    }


EXACT = Ring(
    name="exact",
    templates={
        "add": "{0} + {1}",
        "sub": "{0} - {1}",
        "mul": "{0} * {1}",
        "div": "{0} / {1}",
        "neg": "-{0}",
        "square": "{0} ** 2",
        "pi": "pi",
    }
    | {name: f"{name}({{0}})" for name, known in PRIMITIVES.items() if known.arity == 1}
    | {name: f"{name}({{0}}, {{1}})" for name, known in PRIMITIVES.items() if known.arity == 2},
    namespace=_names,
    fixed="inline",
    constant="Rational({p}, {q})",
)
"""SymPy: arguments and values are SymPy expressions."""
