"""What claims share, in verification/_shared: certified expectations, verdicts made by hand, torch calculus."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb

import elboproof as ep

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that imports a module of verification/_shared; its modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(ROOT))
    yield lambda name: import_module(f"verification._shared.{name}")
    for name in [one for one in sys.modules if one.partition(".")[0] == "verification"]:
        del sys.modules[name]


@pytest.mark.parametrize("pieces", [1, 7, 56])
def test_expectations_in_pieces_enclose_the_moment(tools: Any, pieces: int) -> None:
    balls = tools("balls")
    with balls.working_precision(90):
        line = balls.Line(Fraction(1, 2), Fraction(1, 4))
        fourth = line.expectation(lambda z: z**4, growth=1000, pieces=pieces)
        # m^4 + 6 m^2 s + 3 s^2
        assert fourth.contains(balls.ball("5/8"))
        assert fourth.rad() < 1e-20


def test_pieces_integrate_beside_poles(tools: Any) -> None:
    balls = tools("balls")
    with balls.working_precision(53):
        near = balls.Line(Fraction(0), Fraction(1)).expectation(
            lambda z: 1 / (1 + 10**6 * z * z), growth=1, pieces=56
        )
        eps = balls.ball("1/1000")
        # E[1 / (1 + z^2 / eps^2)] = sqrt(pi / 2) eps exp(eps^2 / 2) erfc(eps / sqrt 2)
        stated = (arb.pi() / 2).sqrt() * eps * (eps**2 / 2).exp() * (eps / arb(2).sqrt()).erfc()
        assert (near - stated).contains(0)
        assert near.rad() < 1e-9


def test_constants_and_spans_are_enclosed(tools: Any) -> None:
    balls = tools("balls")
    with balls.working_precision(200):
        root = balls.constant(sympy.sqrt(149) * sympy.asinh(sympy.Rational(7, 10)))
        assert (root.cosh() - root.cosh()).contains(0)
        assert (
            abs(root - balls.ball(str(sympy.N(sympy.sqrt(149) * sympy.asinh(sympy.Rational(7, 10)), 40))))
            < 1e-37
        )
        span = balls.constant(ep.Enclosure(0.25, 0.5))
        assert span.contains(balls.ball("1/4"))
        assert span.contains(balls.ball("1/2"))


def test_answers_and_certificates_become_verdicts(tools: Any) -> None:
    verdicts = tools("verdicts")
    gap, box = ep.Gap("z", ["z**2"], "s**2", ["7/10"]), {"s": ("1/100", "1/50")}
    proof = ep.for_all(gap.between("0.6", "0.8"), box)
    wrong = ep.for_all(gap <= "0.1", box)
    assert verdicts.answered(proof).status == "established"
    assert verdicts.answered(wrong).status == "refuted"
    assert verdicts.rechecked(proof).status == "established"
    assert verdicts.rechecked(proof, {"upper": "1/2"}).status == "refuted"
    assert verdicts.rechecked(wrong).status == "undecided"
    assert verdicts.proved_twice(wrong).status == "refuted"
    assert verdicts.proved_twice(proof, {"decoder": ["z**2/2"]}).status == "refuted"


def test_words_are_compared_in_order(tools: Any) -> None:
    verdicts = tools("verdicts")
    A, B = sympy.symbols("A B", commutative=False)
    square = (A + B) ** 2 - A**2 - A * B - B * A - B**2
    assert verdicts.words_equal(square).status == "established"
    assert verdicts.words_equal(square, A * B - B * A).status == "refuted"


@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script`:DeprecationWarning"
)  # torch's own, on import of torch.func
def test_torch_calculus_of_a_known_function(tools: Any) -> None:
    calculus = tools("torch_calculus")

    def function(vector: Any) -> Any:
        """-x^2 - 2 y^2 + x y^3, flat in the third entry."""
        return -(vector[0] ** 2) - 2 * vector[1] ** 2 + vector[0] * vector[1] ** 3 + 0 * vector[2]

    value, slope = calculus.value_and_slope(function, np.array([1.0, 2.0, 3.0]))
    assert value == -1 - 8 + 8
    np.testing.assert_array_equal(slope, [-2 + 8, -8 + 12, 0])
    np.testing.assert_array_equal(
        calculus.hessian(function, np.array([1.0, 2.0, 3.0])), [[-2, 12, 0], [12, 8, 0], [0, 0, 0]]
    )
    assert calculus.steepest_way(function, np.zeros(3)) == 0.0
    found = calculus.newton(function, calculus.climbed(function, np.array([0.3, 0.2, 5.0])), 5)
    np.testing.assert_allclose(found, [0.0, 0.0, 5.0], atol=1e-12)
