"""Whether the number systems agree on an expression at a point: raises AssertionError where they do not.

The float must lie in a ball that carries float64's roundings. The ball at 47 bits does *not* do: where FLINT's value
at 47 bits happens to be almost exact (erf near 1, a rounding that is exact by chance) its radius is smaller than the
last place of a double; `test_systems_agree.py` keeps such a case. So `WIDENED` adds to the result of every operation a
relative 2**-48 (2**5 units of rounding of float64, while NumPy, SciPy and torch were seen to err by at most 2.8) and an
absolute 2**-1070 (rounding of subnormals). By induction over the tape the float lies in the ball, unless an operation
overflows; points where a float is not finite are left out of this comparison.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
import torch
from flint import acb, arb, fmpq
from sympy import Symbol

from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.floating import FLOATING, TENSORS
from elboproof.numbers.parser import parse
from elboproof.numbers.symbols import EXACT
from elboproof.numbers.tape import Tape

PRECISIONS = (53, 128, 256)
DIGITS = 100
# SymPy computes with 100 digits, the balls with 77, so that the radius of a ball bounds what cancellation costs SymPy;
# this is added for the roundings of a value that the balls know exactly
SYMPY_ERROR = 1e-70
LARGEST_FOR_SYMPY = 1e9  # of any step: mpmath needs as many bits as the argument of exp or sin is large


class _TooLargeError(Exception):
    """A step is too large for SymPy."""


def _small(ball: arb) -> arb:
    if not abs(ball) < LARGEST_FOR_SYMPY:
        raise _TooLargeError
    return ball


def _around(ring: Ring, name: str, function: Callable[[arb], arb]) -> Ring:
    """Return a ring that passes every result through a function."""
    return replace(
        ring,
        name=name,
        templates={key: f"around({text})" for key, text in ring.templates.items()},
        constant=f"around({ring.constant})",
        namespace=lambda: {**ring.namespace(), "around": function},
    )


def _widened(ball: arb) -> arb:
    return ball * arb(1, 2.0**-48) + arb(0, 2.0**-1070)


WIDENED = _around(REAL_BALLS, "widened balls", _widened)
WATCHED = _around(REAL_BALLS, "watched balls", _small)


@dataclass(frozen=True)
class Systems:
    """The rings to compare; a test puts a broken one in the place of one of them."""

    exact: Ring = EXACT
    floating: Ring = FLOATING
    tensors: Ring = TENSORS
    balls: Ring = REAL_BALLS
    complex_balls: Ring = COMPLEX_BALLS


def symbols(latents: int) -> dict[str, Symbol]:
    return {name: Symbol(name, real=True) for name in ("u", "v", "w")[:latents]}


def compiled(text: str, latents: int, ring: Ring) -> Compiled:
    names = symbols(latents)
    tape = Tape(tuple(names.values()))
    return compile_tape(tape, [tape.lower(parse(text, names))], ring)


def balls(text: str, point: Sequence[Fraction], bits: int, ring: Ring) -> Any:
    kind = acb if ring.name.startswith("complex") else arb
    with working_precision(bits):
        arguments = [kind(fmpq(z.numerator, z.denominator)) for z in point]
        return compiled(text, len(point), ring)(*arguments)[0]


def require_agreement(text: str, point: Sequence[Fraction], systems: Systems | None = None) -> bool:
    """Return whether there was a finite value to compare."""
    systems = systems or Systems()
    nested = [balls(text, point, bits, systems.balls) for bits in PRECISIONS]
    sharpest = nested[-1]
    if not sharpest.is_finite():
        return False
    for ball in nested:
        assert not ball.is_finite() or ball.overlaps(sharpest), (text, nested)
    # a saturated tanh is 1 within exp(-t), far less than a unit in the last place; rounded to more bits it may be the
    # number below, within one of their units
    unit = abs(sharpest.mid()) * arb(2) ** (1 - PRECISIONS[-1])
    assert not nested[1].is_finite() or sharpest.rad() <= nested[1].rad() + unit, (text, nested)
    _require_complex(text, point, systems, sharpest)
    _require_exact(text, point, systems, sharpest)
    _require_floats(text, point, systems)
    return True


def _require_complex(text: str, point: Sequence[Fraction], systems: Systems, sharpest: arb) -> None:
    for bits in PRECISIONS:
        value = balls(text, point, bits, systems.complex_balls)
        if value.is_finite():
            assert value.real.overlaps(sharpest), (text, value, sharpest)
            assert value.imag.contains(0), (text, value)


def _in_digits(exact: Ring) -> Ring:
    """Return the exact ring with 100-digit numbers: rational powers of rationals would take SymPy for ever."""
    return replace(
        exact,
        constant=f"Float({exact.constant}, {DIGITS})",
        templates={**exact.templates, "pi": f"pi.evalf({DIGITS})"},
        namespace=lambda: {**exact.namespace(), "Float": sympy.Float},
    )


def _require_exact(text: str, point: Sequence[Fraction], systems: Systems, sharpest: arb) -> None:
    try:
        balls(text, point, 256, WATCHED)
    except _TooLargeError:
        return
    numbers = [sympy.Float(sympy.Rational(z.numerator, z.denominator), DIGITS) for z in point]
    _require_same(compiled(text, len(point), _in_digits(systems.exact))(*numbers)[0], sharpest, text)


def require_exact(text: str, point: Sequence[Fraction]) -> None:
    """Compare SymPy's exact value of a simple expression, then evaluated, with the ball."""
    rationals = [sympy.Rational(z.numerator, z.denominator) for z in point]
    number = compiled(text, len(point), EXACT)(*rationals)[0]
    assert not number.has(sympy.Float)
    _require_same(number, balls(text, point, 256, REAL_BALLS), text)


def _require_same(number: sympy.Expr, ball: arb, text: str) -> None:
    value = number.evalf(DIGITS, maxn=2000)
    assert value.is_Float or value.is_Rational, (text, number)
    with working_precision(400):
        exact = arb(str(value))
        assert abs(exact - ball.mid()) <= SYMPY_ERROR * (1 + abs(exact)) + 2 * ball.rad(), (text, value, ball)


def _require_floats(text: str, point: Sequence[Fraction], systems: Systems) -> None:
    doubles = [float(z) for z in point]
    ball = compiled(text, len(point), WIDENED)(*map(arb, doubles))[0]
    try:
        function = compiled(text, len(point), systems.floating)
    except ValueError as error:  # exp(exp(exp(2))) is no double
        assert "in the range of float64" in str(error)  # noqa: PT017 - other errors must not pass
        return
    with np.errstate(all="ignore"):
        array = function(*map(np.float64, doubles))[0]
    tensors = [torch.tensor(z, dtype=torch.float64) for z in doubles]
    for value in (float(array), float(compiled(text, len(point), systems.tensors)(*tensors)[0])):
        if np.isfinite(value) and ball.is_finite():
            assert ball.contains(arb(value)), (text, value, ball)
