from itertools import islice

import pytest
import sympy as sp
from flint import ctx

from elboproof.checking import identity
from elboproof.checking.points import enclosure, nonzero_at, rational_points

x, y = sp.symbols("x y")
p, q = sp.symbols("p q", positive=True)
n = sp.symbols("n", integer=True, positive=True)

TRUE = [
    (x + y) ** 2 - x**2 - 2 * x * y - y**2,
    sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1,
    sp.sinh(2 * x) - 2 * sp.sinh(x) * sp.cosh(x),
    sp.tanh(x) - (sp.exp(2 * x) - 1) / (sp.exp(2 * x) + 1),
    sp.log(p * q) - sp.log(p) - sp.log(q),
    sp.sqrt(p**2) - p,
    sp.gamma(n + 1) - n * sp.gamma(n),
    sp.integrate(sp.exp(-p * x**2), (x, -sp.oo, sp.oo)) - sp.sqrt(sp.pi / p),
]
FALSE = [
    (x + y) ** 2 - x**2 - 3 * x * y - y**2,
    sp.sin(x) ** 2 - sp.cos(x) ** 2 - 1,
    sp.sinh(2 * x) - sp.sinh(x) * sp.cosh(x),
    sp.tanh(x) - (sp.exp(x) - 1) / (sp.exp(x) + 1),
    sp.log(p * q) - sp.log(p) + sp.log(q),
    sp.sqrt(x**2) - x,  # true for positive x only
    sp.gamma(n + 1) - n * sp.gamma(n) * sp.Rational(1001, 1000),
    sp.Rational(1, 10**60),
    sp.pi - sp.Rational(355, 113),
]


@pytest.mark.parametrize("expression", TRUE, ids=range(len(TRUE)))
def test_identities_are_established(expression: sp.Expr) -> None:
    assert identity(expression).status == "established"


@pytest.mark.parametrize("expression", FALSE, ids=range(len(FALSE)))
def test_false_neighbours_are_refuted_by_a_certified_number(expression: sp.Expr) -> None:
    assert identity(expression).status == "refuted"


def test_what_cannot_be_enclosed_is_undecided() -> None:
    assert identity(sp.Function("f")(x)).status == "undecided"


def test_a_zero_that_resists_simplification_is_never_refuted() -> None:
    """Denesting of radicals: the value is 0 in every ball, so no precision may refute it."""
    zero = sp.sqrt(sp.sqrt(5) + 2 * sp.sqrt(6) - sp.sqrt(5)) - sp.sqrt(2 * sp.sqrt(6))
    nested = sp.cbrt(sp.cbrt(2) - 1) - sp.cbrt(sp.Rational(1, 9)) * (1 - sp.cbrt(2) + sp.cbrt(4))
    assert identity(zero).status != "refuted"
    assert identity(nested).status != "refuted"


def test_lists_and_matrices_ask_for_every_entry() -> None:
    good = sp.Matrix([[sp.exp(x) * sp.exp(-x) - 1, 0]])
    assert identity(good).status == "established"
    assert identity([TRUE[0], FALSE[0]]).status == "refuted"
    assert identity([TRUE[0], sp.Function("f")(x)]).status == "undecided"
    with pytest.raises(ValueError, match="at least one SymPy expression"):
        identity([])


def test_points_respect_assumptions() -> None:
    negative = sp.Symbol("m", negative=True)
    even = sp.Symbol("e", even=True)
    nonzero = sp.Symbol("u", nonzero=True)
    for point in islice(rational_points([p, n, negative, even, nonzero]), 40):
        assert point[p] > 0
        assert point[n] > 0
        assert point[n].is_Integer
        assert point[negative] < 0
        assert point[even] % 2 == 0
        assert point[nonzero] != 0
    assert list(rational_points([sp.Symbol("i", imaginary=True)])) == []


def test_points_are_not_all_of_one_kind() -> None:
    values = [point[x] for point in islice(rational_points([x]), 40)]
    assert any(value < 0 for value in values)
    assert any(value > 0 for value in values)
    assert any(not value.is_Integer for value in values)


def test_undefined_points_are_passed_over() -> None:
    assert nonzero_at(1 / x, [{x: sp.Integer(0)}]) is None
    assert nonzero_at(1 / x, [{x: sp.Integer(0)}, {x: sp.Integer(2)}]) == "equals 1/2 at x = 2"


ENCLOSED = [
    sp.exp(sp.Rational(1, 3)),
    sp.sqrt(-2),
    sp.log(-3),
    sp.Rational(-7, 5) ** sp.Rational(1, 3),
    sp.atan(5) + sp.asinh(-2),
    sp.erf(sp.Rational(1, 7)) * sp.gamma(sp.Rational(-5, 2)),
    sp.Abs(sp.Integer(3) - sp.pi) + sp.E + sp.EulerGamma,
    sp.tan(2) / sp.cosh(1) + sp.I * sp.sec(1) + sp.cot(3),
]


@pytest.mark.parametrize("value", ENCLOSED, ids=str)
def test_balls_agree_with_sympy_to_25_digits(value: sp.Expr) -> None:
    """The two have no code in common, so a wrong branch or a wrong function shows."""
    with ctx.workprec(200):
        ball = enclosure(value)
        real, imaginary = sp.N(value, 40).as_real_imag()
        assert abs(sp.Float(ball.real.str(40, radius=False), 40) - real) < 1e-25
        assert abs(sp.Float(ball.imag.str(40, radius=False), 40) - imaginary) < 1e-25


def test_functions_with_cuts_off_the_real_line_are_not_enclosed() -> None:
    with pytest.raises(ValueError, match=r"atan: got .*; expected a real argument"):
        enclosure(sp.atan(2 * sp.I + 1, evaluate=False))
    with pytest.raises(ValueError, match="expected functions of"):
        enclosure(sp.acos(sp.Rational(1, 3), evaluate=False))
