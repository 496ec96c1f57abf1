"""Ranges over unbounded intervals hold every value, are as sharp as monotony allows, and their bugs are caught."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import sympy
from flint import arb

from elboproof.numbers import half_lines
from elboproof.numbers.balls import working_precision
from elboproof.numbers.functions import Sigmoid, Softplus
from elboproof.numbers.half_lines import LINE, Range, value_range

S, T = sympy.symbols("s t", real=True)
INFINITE = arb("inf")


def ends(low: float, high: float) -> Range:
    """Return an interval of floats."""
    return arb(low), arb(high)


SHARP: list[tuple[Any, Range, tuple[float, float]]] = [
    (T + 1, ends(3, np.inf), (4, np.inf)),
    (-2 * T, ends(3, np.inf), (-np.inf, -6)),
    (1 / T, ends(0, 0.5), (2, np.inf)),
    (1 / T, ends(-0.5, 0), (-np.inf, -2)),
    (1 / T, ends(2, np.inf), (0, 0.5)),
    (1 / T**2, ends(-0.5, 0), (4, np.inf)),
    (T**2, ends(-1, 2), (0, 4)),
    (T**2, ends(-np.inf, -3), (9, np.inf)),
    (T**3, ends(-2, np.inf), (-8, np.inf)),
    (sympy.sqrt(T), ends(4, np.inf), (2, np.inf)),
    (sympy.exp(T), ends(-np.inf, 0), (0, 1)),
    (sympy.exp(-T), ends(0, np.inf), (0, 1)),
    (sympy.tanh(T), ends(-np.inf, np.inf), (-1, 1)),
    (Sigmoid(T), ends(0, np.inf), (0.5, 1)),
    (Softplus(T), ends(-np.inf, 0), (0, np.log(2))),
    (sympy.cosh(T), ends(-np.inf, -1), (np.cosh(1), np.inf)),
    (sympy.cosh(T), ends(-1, 2), (1, np.cosh(2))),
    (sympy.Abs(T), ends(-3, 1), (0, 3)),
    (sympy.sign(T), ends(0, np.inf), (0, 1)),
    (sympy.log(T), ends(0, 1), (-np.inf, 0)),
    (sympy.pi * T, ends(1, 2), (np.pi, 2 * np.pi)),
]


@pytest.mark.parametrize(("expression", "where", "wanted"), SHARP, ids=lambda value: str(value)[:24])
def test_monotone_functions_have_their_ends(
    expression: Any, where: Range, wanted: tuple[float, float]
) -> None:
    low, high = (float(end.mid()) for end in value_range(expression, {T: where}))
    assert np.allclose([low, high], wanted, rtol=1e-12, atol=1e-12)


UNKNOWN: list[tuple[Any, Range]] = [
    (T - S, ends(0, np.inf)),  # inf - inf
    (1 / T, ends(-1, 1)),
    (sympy.log(T), ends(-1, 1)),
    (sympy.sqrt(T), ends(-1, 1)),
    (sympy.sin(T), ends(0, 1)),
    (sympy.gamma(T), ends(1, 2)),
]


@pytest.mark.parametrize(("expression", "where"), UNKNOWN, ids=lambda value: str(value)[:24])
def test_what_is_not_known_is_the_line(expression: Any, where: Range) -> None:
    low, high = value_range(expression, {T: where, S: where})
    assert low == LINE[0]
    assert high == LINE[1]


def _expressions(rng: np.random.Generator) -> sympy.Expr:
    pieces = [
        T, S, 1 / (1 + T), sympy.exp(-T), sympy.exp(S), T**2, sympy.sqrt(S), S / (S + 2), sympy.log(1 + T),
        Softplus(-T), sympy.cosh(T - 3), Sigmoid(S - T), (1 - S) / (1 + S**2), sympy.sinh(T) * S,
    ]  # fmt: skip
    chosen = rng.choice(len(pieces), 3)
    a, b, c = (pieces[k] * int(rng.integers(-3, 4)) for k in chosen)
    return sympy.sympify([a + b, a * b + c, a - b * c, sympy.exp(-(a**2)) + b][int(rng.integers(4))])


@working_precision(150)
def check_honest(count: int = 150) -> None:
    """Raise unless ranges hold the values at points of the intervals."""
    rng = np.random.default_rng(3)
    for _ in range(count):
        e, reach = _expressions(rng), float(rng.uniform(0, 8))
        low, high = value_range(e, {T: (arb(reach), INFINITE), S: (arb(0), arb(0.5))})
        for t in (reach, reach + 0.1, reach + 5, reach + 40):
            for s in (0.0, 0.1, 0.5):
                value = e.subs({T: sympy.Float(t, 50), S: sympy.Float(s, 50)})
                number = arb(
                    str(sympy.N(value.rewrite(sympy.exp) if value.has(Sigmoid, Softplus) else value, 40))
                )
                room = arb("1e-25") * (1 + abs(number))
                assert low <= number + room, (e, t, s)
                assert high >= number - room, (e, t, s)


def test_ranges_hold_all_values() -> None:
    check_honest()


Bug = Callable[[], AbstractContextManager[Any]]


def _function(name: str, value: Any) -> Bug:
    return lambda: patch.object(half_lines, name, value)


BUGS: dict[str, Bug] = {
    "products of the lower ends only": _function("_product", lambda a, b: (a[0] * b[0], a[1] * b[1])),
    "an even power is that of the ends": _function(
        "_power", lambda base, n: (half_lines._raised(base[0], n), half_lines._raised(base[1], n))
    ),
    "0 times infinity is nothing": _function("_greatest", lambda values: values[-1].upper()),
    "cosh increases everywhere": _function("_size", lambda low, high: (low, high)),
}


@pytest.mark.parametrize("bug", BUGS)
def test_each_seeded_bug_is_caught(bug: str) -> None:
    check_honest()
    with BUGS[bug](), pytest.raises((AssertionError, ArithmeticError, ValueError)):
        check_honest()
