"""The number systems agree on generated expressions, and a broken one is caught."""

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.special
from flint import arb, fmpq
from hypothesis import HealthCheck, Phase, example, find, given, settings
from hypothesis import strategies as st
from sympy import Rational, Symbol, lambdify

from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.compiler import Ring
from elboproof.numbers.floating import FLOATING, TENSORS
from elboproof.numbers.functions import WRITABLE
from elboproof.numbers.symbols import EXACT
from elboproof.strategies import expressions, points
from tests.numbers.agreement import WIDENED, Systems, balls, compiled, require_agreement, require_exact

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
THIRD = Fraction(1, 3)


def _agree_on(data: st.DataObject) -> None:
    latents = data.draw(st.integers(1, 3))
    text, point = data.draw(expressions(latents)), data.draw(points(latents))
    try:
        require_agreement(text, point)
    except ValueError as error:  # the limits of the parser on numbers, reached by nested powers
        assert re.search("overflows|root of a large|combine to a huge", str(error)), error  # noqa: PT017


@settings(max_examples=60, suppress_health_check=QUIET)
@given(st.data())
def test_number_systems_agree(data: st.DataObject) -> None:
    _agree_on(data)


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=QUIET)
@given(st.data())
def test_number_systems_agree_on_many(data: st.DataObject) -> None:
    _agree_on(data)


@pytest.mark.parametrize("name", WRITABLE)
def test_each_function_agrees_at_points_with_and_without_doubles(name: str) -> None:
    argument = "u + 2, v" if WRITABLE[name].arity == 2 else "u + 2"
    for point in ([THIRD, Fraction(3)], [Fraction(5, 4), Fraction(-1, 2)], [Fraction(40), Fraction(41)]):
        assert require_agreement(f"{name}({argument})", point)
        require_exact(f"{name}({argument})", point)


@pytest.mark.parametrize("name", WRITABLE)
def test_generator_reaches_every_function(name: str) -> None:
    # found is enough: to shrink what was found can take minutes
    once = settings(max_examples=20_000, database=None, phases=(Phase.generate,))
    find(expressions(1), lambda text: f"{name}(" in text, settings=once)


@settings(max_examples=200, suppress_health_check=QUIET)
@given(expressions(2), expressions(1, smooth=True))
def test_generator_never_leaves_the_table(text: str, smooth: str) -> None:
    assert set(re.findall(r"[a-z]\w*", text)) <= set(WRITABLE) | {"u", "v"}
    assert not set(re.findall(r"[a-z]\w*", smooth)) & {"v", "abs", "relu", "max", "min"}
    assert max(_depths(text)) <= 4 * 5  # a level opens at most five parentheses
    assert "w" not in re.findall(r"\b\w+\b", text)


def _depths(text: str) -> list[int]:
    return [text[:k].count("(") - text[:k].count(")") for k in range(len(text) + 1)]


# -- negative controls: broken printers --


def _broken(ring: Ring, **templates: str) -> Ring:
    return replace(ring, templates={**ring.templates, **templates})


def _with_names(ring: Ring, **names: Any) -> Ring:
    return replace(ring, namespace=lambda: {**ring.namespace(), **names})


BROKEN = {
    "subtraction swapped in floats": (Systems(floating=_broken(FLOATING, sub="{1} - {0}")), "1 - sin(u)"),
    "subtraction swapped in balls": (Systems(balls=_broken(REAL_BALLS, sub="{1} - {0}")), "1 - sin(u)"),
    "subtraction swapped in tensors": (Systems(tensors=_broken(TENSORS, sub="{1} - {0}")), "1 - sin(u)"),
    "sine for cosine, complex": (
        Systems(complex_balls=_broken(COMPLEX_BALLS, sin="{0}.cos()")),
        "sin(u)",
    ),
    "sine for cosine, exact": (Systems(exact=_broken(EXACT, sin="cos({0})")), "sin(u)"),
    "constant rounded to a double before the balls": (
        Systems(balls=replace(REAL_BALLS, constant="arb({p} / {q})")),
        "u + 1/3",
    ),
    "constant rounded before the complex balls": (
        Systems(complex_balls=replace(COMPLEX_BALLS, constant="acb({p} / {q})")),
        "u + 1/3",
    ),
    "sign lost": (Systems(balls=_broken(REAL_BALLS, neg="{0}")), "-exp(u)"),
    "square is the identity": (Systems(floating=_broken(FLOATING, square="{0}")), "u**2"),
    "logarithm to base two": (Systems(floating=_with_names(FLOATING, log=np.log2)), "log(u)"),
    "softplus by log(1 + exp)": (
        Systems(floating=_with_names(FLOATING, softplus=lambda t: np.log(1 + np.exp(t)))),
        "softplus(-30*u)",
    ),
    "torch's own softplus": (
        Systems(tensors=_broken(TENSORS, softplus="({0} if {0} > 20 else log1p(exp({0})))")),
        "softplus(66*u)",
    ),
    "expm1 by exp - 1": (Systems(floating=_broken(FLOATING, expm1="exp({0}) - 1.0")), "expm1(u*1e-9)"),
    "power with swapped arguments": (
        Systems(floating=_broken(FLOATING, pow="pow({1}, {0})")),
        "(u + 1)**(1/3)",
    ),
    "power with swapped arguments, balls": (
        Systems(balls=_broken(REAL_BALLS, pow="power({1}, {0})")),
        "(u + 1)**(1/3)",
    ),
    "maximum is minimum": (Systems(exact=_broken(EXACT, max="min({0}, {1})")), "max(u, 1)"),
    "erf is erfc": (Systems(floating=_with_names(FLOATING, erf=scipy.special.erfc)), "erf(u)"),
    "pi is 22/7": (Systems(balls=_broken(REAL_BALLS, pi="arb(fmpq(22, 7))")), "pi*u"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_system_is_caught(name: str) -> None:
    systems, text = BROKEN[name]
    assert require_agreement(text, [THIRD])
    with pytest.raises(AssertionError):
        require_agreement(text, [THIRD], systems)


def test_radius_at_47_bits_is_no_bound_of_float_rounding() -> None:
    # why WIDENED exists: 1 - 9.2e-17 has the ball 1 +- 9.2e-17 at 47 bits, while a double rounds it to 1 - 1.1e-16
    ring, failures = REAL_BALLS, 0
    function, array = compiled("erf(u)", 1, ring), compiled("erf(u)", 1, FLOATING)
    widened = compiled("erf(u)", 1, WIDENED)
    for k in range(1, 3000):
        z = 5.6 + k / 9999
        with working_precision(47):
            failures += not function(arb(z))[0].contains(arb(float(array(z)[0])))
        assert widened(arb(z))[0].contains(arb(float(array(z)[0])))
    assert failures > 0


# -- constants --


@example(1, 3)
@given(st.integers(1, 10**6), st.integers(1, 10**6))
@settings(max_examples=100)
def test_rational_times_its_inverse_is_contained_exactly(p: int, q: int) -> None:
    value = balls(f"{p}/{q}*u", [Fraction(q)], 53, REAL_BALLS)
    assert value.contains(arb(p))
    square = balls(f"u**2*{p}/{q}", [Fraction(1)], 256, REAL_BALLS)
    with working_precision(256):
        assert (square * q).contains(p)


def test_lambdify_is_the_neighbour_that_rounds_the_constant() -> None:
    z = Symbol("z")
    with working_precision(128):
        value = lambdify(z, Rational(1, 3) * z, modules=[{}])(arb(3))
    assert not value.contains(arb(1))
    assert balls("1/3*u", [Fraction(3)], 128, REAL_BALLS).contains(arb(1))


@pytest.mark.parametrize("text", ["sqrt(2)*u", "log(3)*u", "gelu(u)", "abs(2 - pi)*u", "3**(1/3)*u"])
def test_constants_through_cut_functions_reach_complex_balls(text: str) -> None:
    assert require_agreement(text, [THIRD])


def test_constants_follow_the_precision_of_the_call() -> None:
    function = compiled("u/3 + pi", 1, REAL_BALLS)
    wide = function(arb(1))[0]
    with working_precision(256):
        sharp = function(arb(1))[0]
        assert sharp.rad() < 2.0**-250
        assert sharp.overlaps(arb(fmpq(1, 3)) + arb.pi())
    assert wide.overlaps(sharp)
    assert function(arb(1))[0].rad() == wide.rad()
