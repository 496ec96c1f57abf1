"""Balls: precision, wide arguments, and the flag ``analytic`` for every function of the table."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from flint import acb, arb, ctx

from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.compiler import Ring, compile_tape
from elboproof.numbers.functions import PRIMITIVES
from elboproof.numbers.tape import Tape
from tests.numbers.agreement import symbols

CUT = [name for name, known in PRIMITIVES.items() if known.cut]
WHOLE = [name for name, known in PRIMITIVES.items() if not known.cut]

Complex = Callable[..., acb]


def function(name: str, ring: Ring = COMPLEX_BALLS) -> Callable[..., Any]:
    """Return one primitive; two-argument ones take 1/2 (max, min) or the exponent 1/3 (pow) second."""
    tape = Tape(tuple(symbols(1).values()))
    second = [tape.constant(1) if name != "pow" else tape.divide(tape.constant(1), tape.constant(3))]
    root = tape.call(name, 0, *(second if PRIMITIVES[name].arity == 2 else []))
    compiled = compile_tape(tape, [root], ring)
    return lambda z, **flag: compiled(z, **flag)[0]


def integral(f: Complex, a: acb | int, b: acb | int, *, flag: bool = True) -> acb:
    return acb.integral(lambda z, analytic: f(z, analytic=analytic and flag), a, b, eval_limit=20_000)


def test_working_precision_is_restored_even_after_an_error() -> None:
    with working_precision(300):
        assert ctx.prec == 300
    assert ctx.prec == 53
    with pytest.raises(ZeroDivisionError), working_precision(300):
        _ = 1 // 0
    assert ctx.prec == 53


def test_integral_of_abs_needs_the_flag() -> None:
    f = function("abs")
    assert integral(f, -1, 1).real.contains(1)
    assert not integral(f, -1, 1, flag=False).real.contains(1)  # 1.1547 +- 6e-16


# ends of a real path across the kink, or of a path across the branch cut, and a primitive function for the truth
CROSSINGS: dict[str, tuple[list[acb], Complex]] = {
    "abs": ([acb(-1), acb(2)], lambda z: z * z.real.sgn() * z / 2),
    "sign": ([acb(-1), acb(2)], lambda z: acb(abs(z.real))),
    "max": ([acb(0), acb(3)], lambda z: z if z.real < 1 else z * z / 2 + acb(arb(1) / 2)),
    "min": ([acb(0), acb(3)], lambda z: z * z / 2 if z.real < 1 else z - acb(arb(1) / 2)),
}
"""Truth along the real line, by an antiderivative."""

POLES_OF_CUT = {
    "log": (acb(-1, -1), acb(-1, 1)),
    "log1p": (acb(-2, -1), acb(-2, 1)),
    "sqrt": (acb(-1, -1), acb(-1, 1)),
    "pow": (acb(-1, -1), acb(-1, 1)),
    "asinh": (acb(-arb(1) / 8, 2), acb(arb(1) / 8, 2)),
    "atan": (acb(-1, 2), acb(1, 2)),
    "softplus": (acb(1, 3), acb(1, arb(33) / 10)),
    "logaddexp": (acb(arb(1) / 2, arb(7) / 2), acb(arb(3) / 2, arb(7) / 2)),
}
"""Ends of a segment that crosses the branch cut."""


def _on_cut(name: str) -> acb:
    """Return a rectangle across the kink or the cut, where the function is bounded."""
    if name in CROSSINGS:
        start, end = CROSSINGS[name][0]
        centre = 1 if name in {"max", "min"} else 0
        assert start.real < centre < end.real
        return acb(arb(centre, 0.25), arb(0, 0.25))
    a, b = POLES_OF_CUT[name]
    middle = (a + b) / 2
    half = (b - a) / 2
    return acb(arb(middle.real.mid(), abs(half.real) + 0.01), arb(middle.imag.mid(), abs(half.imag) + 0.01))


def test_every_cut_function_has_a_crossing_here() -> None:
    assert set(CROSSINGS) | set(POLES_OF_CUT) == set(CUT)


@pytest.mark.parametrize("name", CROSSINGS)
def test_integral_across_a_kink_contains_the_truth(name: str) -> None:
    (a, b), antiderivative = CROSSINGS[name]
    truth = antiderivative(b) - antiderivative(a)
    value = integral(function(name), a, b)
    assert value.real.overlaps(truth.real)
    assert value.real.rad() < 1e-3
    assert not integral(function(name), a, b, flag=False).real.overlaps(truth.real) or name == "sign"


@pytest.mark.parametrize("name", POLES_OF_CUT)
def test_integral_across_a_cut_is_the_sum_of_its_sides(name: str) -> None:
    # the truth: up to the cut and on from it, on paths that only touch it, by a primitive-free route (bisection)
    a, b = POLES_OF_CUT[name]
    value = integral(function(name), a, b)
    pieces, n = acb(0), 2000
    step = (b - a) / n
    f = function(name)
    for k in range(
        n
    ):  # each piece is enclosed by f over its rectangle; without the flag f is bounded on the cut too
        left, right = a + step * k, a + step * (k + 1)
        pieces += f(left.union(right)) * step
    assert value.is_finite()
    assert pieces.is_finite()
    assert value.overlaps(pieces)
    assert not (value + 0.1).overlaps(pieces)
    assert value.real.rad() + value.imag.rad() < 1e-2


@pytest.mark.parametrize("name", CUT)
def test_rectangle_on_the_cut_is_not_analytic(name: str) -> None:
    rectangle = _on_cut(name)
    f = function(name)
    assert not f(rectangle, analytic=True).is_finite()
    assert f(rectangle, analytic=False).is_finite()  # the flag alone makes the difference
    away = acb(arb(3, 0.25), arb(0, 0.25))
    assert f(away, analytic=True).is_finite()


@pytest.mark.parametrize("name", CUT)
def test_template_of_a_cut_function_asks_for_the_flag(name: str) -> None:
    assert "analytic" in COMPLEX_BALLS.templates[name]


@pytest.mark.parametrize("name", WHOLE)
def test_template_of_another_function_does_not(name: str) -> None:
    assert "analytic" not in COMPLEX_BALLS.templates[name]


LOOPS = [(acb(-2, -1), 3), (acb(1, -4), 8), (acb(-5, 2), 2), (acb(-1, -1), 2)]
"""Corner and width of squares; those that meet the branch cuts of asinh, atan or log among them."""


@pytest.mark.parametrize("name", WHOLE)
def test_function_without_cut_integrates_to_zero_round_each_square_where_it_is_finite(name: str) -> None:
    f, seen = function(name), 0
    for corner, width in LOOPS:
        square = corner.union(corner + acb(width, width))
        corners = [corner, corner + width, corner + acb(width, width), corner + acb(0, width), corner]
        if name in {"tan", "tanh", "sigmoid"} and not f(square).is_finite():
            continue  # a pole may be inside
        total = sum((integral(f, a, b) for a, b in pairwise(corners)), acb(0))
        assert total.contains(0)
        assert total.real.rad() + total.imag.rad() < 1e-2 or not total.is_finite()
        seen += 1
    assert seen


def test_loop_round_a_branch_point_is_not_zero() -> None:
    # negative control of the loops: sqrt, whose cut the last square crosses
    corner, width = LOOPS[-1]
    corners = [corner, corner + width, corner + acb(width, width), corner + acb(0, width), corner]
    f = function("sqrt")
    total = sum((integral(f, a, b) for a, b in pairwise(corners)), acb(0))
    assert not total.contains(0)


def test_dropped_flag_is_caught() -> None:
    broken = replace(COMPLEX_BALLS, templates={**COMPLEX_BALLS.templates, "abs": "{0}.real_abs()"})
    assert not integral(function("abs", broken), -1, 1).real.contains(1)


@pytest.mark.parametrize("radius", [1, 30, 1000])
@pytest.mark.parametrize(("name", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1), ("softplus", 0, 1001)])
def test_increasing_functions_take_wide_balls(name: str, low: float, high: float, radius: int) -> None:
    value = function(name, REAL_BALLS)(arb(0, radius))
    for t in (-radius, 0, radius):
        assert value.overlaps(function(name, REAL_BALLS)(arb(t)))
    assert low - 1e-6 * high - 5 <= value.lower()
    assert value.upper() <= high + 5
    if radius == 1000 and name == "tanh":
        assert not arb(0, radius).tanh().is_finite()  # what flint alone answers


def test_power_of_zero_is_zero_and_of_negative_numbers_undefined() -> None:
    f = function("pow", REAL_BALLS)
    assert f(arb(0)) == 0
    assert f(arb(8)).contains(2)
    assert not f(arb(-8)).is_finite()
