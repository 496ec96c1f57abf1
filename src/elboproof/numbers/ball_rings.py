"""The number system of ball arrays: a tape evaluated on arrays of float64 balls.

The arguments are of one kind: ``BallArray``, ``ComplexBallArray``, ``Dual`` or ``Centred`` forms of either. No
``analytic`` flag is needed: a complex rectangle that touches a cut or a kink gets an infinite radius always.
"""

from collections.abc import Mapping
from typing import Any

from elboproof.numbers.compiler import INFIX, Ring
from elboproof.numbers.functions import MOMENTS, PRIMITIVES

# t.square() is nonnegative, which t * t of the other rings would not be
_OPERATORS = INFIX | {"square": "{0}.square()", "pi": "BallArray.pi()"}
_METHODS = {
    name: "{0}." + name + ("()" if known.arity == 1 else "({1})") for name, known in PRIMITIVES.items()
}


def _names() -> Mapping[str, Any]:
    from elboproof.numbers.ball_arrays import BallArray
    from elboproof.numbers.exponential_sums import exponential
    from elboproof.numbers.log_add_exp import log_add_exp
    from elboproof.numbers.moments import moment_of_arrays

    # "precision" never changes: constants are made once
    return {
        "BallArray": BallArray,
        "precision": lambda: 53,
        "exponential": exponential,
        "log_add_exp": log_add_exp,
        "moment": moment_of_arrays,
    }


BALL_ARRAYS = Ring(
    name="ball arrays",
    templates=_OPERATORS
    | _METHODS
    | {"exp": "exponential({0})", "logaddexp": "log_add_exp({0}, {1})"}
    | {f"moment{n}": f"moment({{0}}, {n})" for n in MOMENTS},
    namespace=_names,
    fixed="renewed",
    constant="BallArray.from_fraction({p}, {q})",
)
"""Constants are real balls of shape (); a value that depends on no argument is one, too."""
