import pytest
import sympy as sp

from elboproof.checking import identity, polynomial, symbolic
from elboproof.checking.symbolic import Contradiction

x, y, z = sp.symbols("x y z")
p = sp.Symbol("p", positive=True)
f = sp.Function("f")
root = sp.sqrt(x**2 + y)

ZERO = [
    (x + y) ** 3 - x**3 - 3 * x**2 * y - 3 * x * y**2 - y**3,
    1 / (x - y) - (x + y) / (x**2 - y**2),
    (root + 1) ** 2 - x**2 - y - 2 * root - 1,
    (1 / root + root) * root - 1 - x**2 - y,
    sp.Pow(x / y, sp.Rational(1, 3)) ** 5 * y - x * sp.Pow(x / y, sp.Rational(2, 3)),
    (sp.exp(x / 2) + sp.exp(x / 3)) ** 2 - sp.exp(x) - sp.exp(2 * x / 3) - 2 * sp.exp(5 * x / 6),
    sp.exp(x * (x + y)) / sp.exp(x**2) - sp.exp(x * y),
    (sp.exp(1 / (x + 1)) + 1) ** 2 - sp.exp(2 / (x + 1)) - 2 * sp.exp(1 / (x + 1)) - 1,
    2**x * 2**y - 2 ** (x + y),
    sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
    sp.tanh(x) * (sp.exp(2 * x) + 1) - sp.exp(2 * x) + 1,
    sp.sin(x * y) ** 4 - (1 - sp.cos(x * y) ** 2) ** 2,
    (x + sp.I * y) * (x - sp.I * y) - x**2 - y**2,
    sp.log((x + 1) ** 2) - sp.log(x**2 + 2 * x + 1),
    f((x**2 - 1) / (x - 1)) - f(x + 1),
    sp.exp(1) * sp.exp(x) - sp.exp(x + 1),
]
NOT_ZERO = [
    (x + y) ** 2 - x**2 - y**2,
    1 / (x - y) - 1 / (x + y),
    sp.Rational(1, 10**40),
    p**2 - p,
]
OPEN = [
    sp.sqrt(x**2) - x,  # one branch of the root
    sp.log(x * y) - sp.log(x) - sp.log(y),  # another branch of the logarithm for some
    sp.gamma(x + 1) - x * sp.gamma(x),
    sp.sin(2 * x) - 2 * sp.sin(x) * sp.cos(x),
    sp.Float("0.5") * x - y,
    1 / (sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1),
    x / (sp.log(x * y) - sp.log(x) - sp.log(y)),
    (x + y) ** 1000 - x,
    sp.oo * x,
    sp.Symbol("A", commutative=False) * x,
    sp.Piecewise((x, x > 0), (-x, True)) - sp.Abs(x),
    sp.Integral(f(x), (x, 0, 1)) - sp.Integral(f(y), (y, 0, 1)),
]


@pytest.mark.parametrize("expression", ZERO, ids=str)
def test_zero(expression: sp.Expr) -> None:
    assert polynomial.vanishes(expression) is True


@pytest.mark.parametrize("expression", ZERO, ids=str)
def test_false_neighbours_of_zero_are_not_zero(expression: sp.Expr) -> None:
    for neighbour in (expression + 1, expression + z / 1000, expression * 2 - x):
        assert polynomial.vanishes(neighbour) is not True


@pytest.mark.parametrize("expression", NOT_ZERO, ids=str)
def test_not_zero(expression: sp.Expr) -> None:
    assert polynomial.vanishes(expression) is False


@pytest.mark.parametrize("expression", OPEN, ids=str)
def test_what_polynomials_cannot_tell(expression: sp.Expr) -> None:
    assert polynomial.vanishes(expression) is None


def test_an_identity_says_who_decided_it() -> None:
    both = identity([ZERO[0], ZERO[1]])
    assert (both.reason, both.decided_by) == (
        "all 2 expressions simplify to exactly 0, by SymPy and FLINT",
        "SymPy and FLINT",
    )
    n = sp.Symbol("n", integer=True, positive=True)
    alone = sp.gamma(n + 1) - n * sp.gamma(n)
    assert identity(alone).reason == "simplifies to exactly 0, only SymPy could decide it"
    mixed = identity([ZERO[0], alone])
    assert mixed.reason == "all 2 expressions simplify to exactly 0, only SymPy could decide 1 of them"
    assert mixed.decided_by == "SymPy"


def test_flint_alone_may_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "_by_sympy", lambda *_: ("undecided", "gave up"))
    assert identity(ZERO[0]).reason == "simplifies to exactly 0, only FLINT could decide it"
    assert identity(NOT_ZERO[0]).status == "refuted"
    assert identity(OPEN[0]).status == "undecided"


@pytest.mark.parametrize(("expression", "wrong"), [(ZERO[0], "refuted"), (NOT_ZERO[0], "established")])
def test_a_contradiction_is_an_error(
    expression: sp.Expr, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(symbolic, "_by_sympy", lambda *_: (wrong, "so it says"))
    with pytest.raises(Contradiction, match=f"contradict each other: {wrong} by the one"):
        identity(expression)
