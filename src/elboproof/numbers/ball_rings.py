"""The number system of ball arrays: a tape evaluated on arrays of float64 balls, real or complex.

The complex ring needs no ``analytic`` flag: a rectangle that touches a cut or a kink gets an infinite radius always.
"""

from collections.abc import Mapping
from typing import Any

from elboproof.numbers.compiler import Ring
from elboproof.numbers.functions import PRIMITIVES

_OPERATORS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "square": "{0}.square()",
    "pi": "BallArray.pi()",
}
_METHODS = {
    name: "{0}." + name + ("()" if known.arity == 1 else "({1})") for name, known in PRIMITIVES.items()
}


def _names() -> Mapping[str, Any]:
    from elboproof.numbers.ball_arrays import BallArray

    # "precision" never changes: constants are made once
    return {"BallArray": BallArray, "precision": lambda: 53}


def _complex_names() -> Mapping[str, Any]:
    from elboproof.numbers.ball_complex import ComplexBallArray

    return {**_names(), "ComplexBallArray": ComplexBallArray}


BALL_ARRAYS = Ring(
    name="ball arrays",
    templates=_OPERATORS | _METHODS,
    namespace=_names,
    fixed="renewed",
    constant="BallArray.from_fraction({p}, {q})",
)
"""Real: arguments and values are ``BallArray`` of shapes that broadcast."""

COMPLEX_BALL_ARRAYS = Ring(
    name="complex ball arrays",
    templates=_OPERATORS
    | _METHODS
    | {name: "ComplexBallArray.coerce({0})." + f"{name}({{1}})" for name in ("max", "min", "pow")},
    namespace=_complex_names,
    fixed="renewed",
    constant="BallArray.from_fraction({p}, {q})",
)
"""Complex: arguments are ``ComplexBallArray``; constants stay real until they meet one."""
