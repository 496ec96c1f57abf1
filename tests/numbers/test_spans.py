"""Expressions over half-lines: what is enclosed holds at sampled places, ends are infinite where they must be."""

import numpy as np
import pytest
import sympy
from flint import arb

from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.parser import parse
from elboproof.numbers.spans import SPANS, UNDEFINED, WHOLE, Span
from elboproof.numbers.tape import Tape

Z = sympy.Symbol("z", real=True)
SAMPLES = np.concatenate([np.linspace(2, 20, 181), np.geomspace(20, 600, 30)])
EXPRESSIONS = (
    *("z", "-z", "3 - z", "1/z", "1/(1 + z**2)", "z**3 - 7", "(2 - z)*z", "exp(-z)", "exp(z/2)", "expm1(-z)"),
    *("sinh(z)", "cosh(z)", "tanh(z)", "1 - tanh(z)**2", "asinh(z)", "atan(-z)", "erf(z)", "sigmoid(-z)"),
    *("softplus(z)", "log(z)", "log1p(z)", "sqrt(z)", "sin(z)", "cos(z)/z", "tan(z)", "abs(-z)", "pi*z"),
    *("max(3, z)", "min(z, 5 - z)", "z**pi", "cosh(1 - z)", "sin(1/z)", "(1/z - 3)*(1/z + 2)"),
)


def over(text: str, span: Span) -> Span:
    tape = Tape([Z])
    (value,) = compile_tape(tape, [tape.lower(parse(text, {"z": Z}))], SPANS)(span)
    result: Span = value
    return result


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_every_sampled_value_is_enclosed(text: str) -> None:
    value = over(text, Span(arb(2), arb.pos_inf()))
    tape = Tape([Z])
    function = compile_tape(tape, [tape.lower(parse(text, {"z": Z}))], REAL_BALLS)
    with working_precision(200):
        for z in SAMPLES:
            (at,) = function(arb(float(z)))
            assert not value.low > at
            assert not value.high < at


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1/(1 + z**2)", 0.0, 0.2),
        ("cosh(z)", np.cosh(2), np.inf),
        ("z**3", 8.0, np.inf),
        ("1 - z", -np.inf, -1.0),
        ("tanh(z)", np.tanh(2), 1.0),
        ("sin(z)", -1.0, 1.0),
        ("min(z, 5)", 2.0, 5.0),
        ("1/z", 0.0, 0.5),
        ("exp(-z)", 0.0, np.exp(-2)),
        ("tan(z)", -np.inf, np.inf),
    ],
)
def test_ends_are_sharp(text: str, low: float, high: float) -> None:
    value = over(text, Span(arb(2), arb.pos_inf()))
    assert float(value.low) == pytest.approx(low, rel=1e-12)
    assert float(value.high) == pytest.approx(high, rel=1e-12)


def test_a_quotient_by_both_signs_is_the_whole_line() -> None:
    assert over("1/(z - 3)", Span(arb(2), arb.pos_inf())) == UNDEFINED
    assert over("1/z", Span(arb(-1), arb(2))) == UNDEFINED


def test_zero_times_an_infinite_end_is_zero() -> None:
    value = Span(arb(0), arb(1)) * Span(arb(2), arb.pos_inf())
    assert value.low == 0
    assert value.high == arb.pos_inf()


def test_what_is_not_defined_is_the_whole_line() -> None:
    assert over("log(z)", Span(arb(-1), arb(2))) == UNDEFINED
    assert over("log(z)", Span(arb(0), arb(2))) == UNDEFINED
    assert over("1/z", Span(arb(0), arb(2))) == UNDEFINED
    assert over("sqrt(z)", Span(arb(-1), arb(2))) == UNDEFINED
    assert not over("z**pi", Span(arb(-1), arb(2))).defined


def test_a_pole_is_seen_behind_finite_bounds() -> None:
    squared = over("1 + 1/(z - 9)**2", Span(arb(2), arb.pos_inf()))
    assert not squared.defined
    assert over("1 + 1/(z - 9)**2", Span(arb(10), arb.pos_inf())).defined
    assert not over("atan(1/(z - 9))", Span(arb(2), arb.pos_inf())).defined
    assert over("z**2 - z + tanh(z)", WHOLE).defined


def test_an_infinite_ball_says_nothing() -> None:
    assert Span.of(arb(0, float("inf"))) == UNDEFINED
    assert Span.of(arb.nan()) == UNDEFINED
