"""The series of the gap law against one that knows nothing of diagrams: brute force on a line."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from elboproof.expansion.asymptotics import Expansion, Mode
from elboproof.expansion.modes import parts
from elboproof.expansion.wick import Series, diagrams, vertex_sets

# Brute force on a line: expand exp(-perturbation) in powers of e = sqrt(v), no diagrams, no Wick powers.

e, y, z0 = sp.symbols("e y z0")
W = {k: sp.Symbol(f"W{k}", positive=(k == 2)) for k in range(2, 7)}


def truncated(expression: sp.Expr, order: int) -> sp.Expr:
    polynomial = sp.Poly(sp.expand(expression), e)
    return sum(c * e ** k[0] for k, c in polynomial.terms() if k[0] <= order)


def moment(power: int, variance: sp.Expr) -> sp.Expr:
    return sp.factorial2(power - 1) * variance ** (power // 2) if power % 2 == 0 else sp.Integer(0)


def expectation(expression: sp.Expr, variance: sp.Expr) -> sp.Expr:
    return sum(c * moment(k[0], variance) for k, c in sp.Poly(sp.expand(expression), y).terms())


def perturbation() -> sp.Expr:
    """U in z = z0 + e y without its constant and without W2 y^2 / 2, to e^4."""
    return (
        sum(e ** (k - 2) * W[k] * y**k / sp.factorial(k) for k in range(3, 7)) + e * z0 * y + e**2 * y**2 / 2
    )


def brute_log_mass() -> sp.Expr:
    powers, total = sp.Integer(1), sp.Integer(0)
    for n in range(1, 5):
        powers = truncated(-powers * perturbation() / n, 4)
        total += powers
    moments = truncated(expectation(total, 1 / W[2]), 4)
    return truncated(moments - moments**2 / 2, 4)


def brute_free_energy() -> sp.Expr:
    """Minimise E_q[U] - H[q] over m = e a, s = 1/W2 + e^2 b: further terms of m and s do not matter to e^4."""
    a, b = sp.symbols("a b")
    s = 1 / W[2] + e**2 * b
    whole = (W[2] * y**2 / 2 + perturbation()).subs(y, e * a + y)
    energy = truncated(expectation(whole, s), 4) - sp.Rational(1, 2)
    entropy = truncated(sp.series(sp.log(1 + e**2 * b * W[2]), e, 0, 5).removeO() / 2, 4)
    total = sp.expand(energy - entropy)
    best = {a: sp.solve(total.coeff(e, 2).diff(a), a)[0]}
    fourth = sp.expand(total.coeff(e, 4).subs(best))
    best[b] = sp.solve(fourth.diff(b), b)[0]
    return sp.expand(total.coeff(e, 2).subs(best)) * e**2 + fourth.subs(b, best[b]) * e**4


def symbolic_mode() -> Mode:
    def derivative(k: int) -> Any:
        tensor = np.empty((1,) * k, dtype=object)
        tensor[...] = W[k] if k > 1 else sp.Integer(0)
        return tensor

    return Mode(
        derivative,
        np.array([z0], dtype=object),
        lambda number: bool(sp.expand(number) == 0),
        lambda matrix: np.array([[1 / matrix[0, 0]]], dtype=object),
        sp.Integer(1),
        sp.expand,
    )


def test_diagrams_agree_with_brute_force_for_symbols() -> None:
    log_mass = brute_log_mass()
    brute = sp.expand(log_mass + brute_free_energy())
    expansion = Expansion(symbolic_mode(), 2)
    assert sp.expand(expansion.gap[0] - brute.coeff(e, 2)) == 0
    assert sp.expand(expansion.gap[1] - brute.coeff(e, 4)) == 0
    assert sp.expand(expansion.correction - log_mass.coeff(e, 2)) == 0


def test_weights_of_diagrams_are_cumulants_of_hermite_polynomials() -> None:
    hermite = {3: y**3 - 3 * y, 4: y**4 - 6 * y**2 + 3, 5: y**5 - 10 * y**3 + 15 * y}
    scaled = {k: h / sp.factorial(k) for k, h in hermite.items()}

    def mean(*degrees: int) -> sp.Expr:
        return expectation(sp.prod(scaled[k] for k in degrees), sp.Integer(1))

    def weight(*degrees: int) -> sp.Expr:
        return sum(sp.Rational(d.weight.numerator, d.weight.denominator) for d in diagrams(degrees))

    assert weight(3, 3) == mean(3, 3) / 2
    assert weight(3, 3, 4) == -mean(3, 3, 4) / 2
    assert weight(3, 3, 3, 3) == (mean(3, 3, 3, 3) - 3 * mean(3, 3) ** 2) / 24
    assert weight(3, 4, 5) == -mean(3, 4, 5)
    assert weight(3, 3, 5, 5) == (mean(3, 3, 5, 5) - mean(3, 3) * mean(5, 5)) / 4 - mean(3, 5) ** 2 / 2
    assert set(vertex_sets(4, [0, 0, 0])) == {(3, 3), (3, 5), (4, 4), (3, 3, 4), (3, 3, 3, 3)}
    assert diagrams((3, 5)) == ()
    assert set(vertex_sets(6, [1, 0, 0])) == {(3, 3), (3, 5), (4, 4), (4, 4, 4), (5, 5)}


@pytest.mark.parametrize(
    "number",
    [
        "-3/7",
        "1/x",
        "-1/x",
        "-x",
        "x - y - 1/z",
        "1/sqrt(x)",
        "-(x - 2/3)**(-5/2)",
        "-exp(-x/2)/y",
        "3",
        "sin(-1/x)",
    ],
)
def test_sympy_counts_at_most_two_operations_for_a_part(number: str) -> None:
    expression = sp.sympify(number)
    assert parts(expression) == sum(1 for _ in sp.preorder_traversal(expression))
    assert expression.count_ops() <= 2 * parts(expression)


def test_arithmetic_of_series() -> None:
    one, other = Series((1, 2, 3)), Series((5, 7, 11))
    assert (one + other).coefficients == (6, 9, 14)
    assert (one + 5).coefficients == (5 + one).coefficients == (6, 2, 3)
    assert (other - one).coefficients == (4, 5, 8)
    assert (one * other).coefficients == (5, 17, 11 + 14 + 15)
    assert (one * 3).coefficients == (3, 6, 9)
    assert (-one).coefficients == (-1, -2, -3)
    assert (Series((sp.Integer(1), 0)) / 4).coefficients == (sp.Rational(1, 4), 0)


@pytest.mark.parametrize("degrees", [(3, 3), (3, 5), (3, 3, 4), (3, 4, 5), (3, 3, 3, 3), (3, 3, 4, 4)])
def test_diagrams_have_their_degrees_and_no_line_within_a_vertex(degrees: tuple[int, ...]) -> None:
    for diagram in diagrams(degrees):
        ends = [vertex for line in diagram.lines for vertex in line]
        assert tuple(ends.count(vertex) for vertex in range(len(degrees))) == degrees
        assert all(i != j for i, j in diagram.lines)
    names = [diagram.lines for diagram in diagrams(degrees)]
    assert len(set(names)) == len(names)


def test_zeros_that_nobody_can_decide_drop_no_vertex() -> None:
    decided = symbolic_mode()
    open_ = replace(decided, zero=lambda _: None)
    for one, other in zip(Expansion(decided, 2).gap, Expansion(open_, 2).gap, strict=True):
        assert sp.expand(one - other) == 0


def test_vertices_are_taylor_series_in_the_mean_and_the_spread() -> None:
    """W = W2 z^2/2 + W4 z^4/24 and q = N(mu v, sigma v): E[W'] + v E[z] by the moments of a Gaussian."""
    mu, sigma = sp.symbols("mu sigma")

    def derivative(k: int) -> Any:
        tensor = np.empty((1,) * k, dtype=object)
        tensor[...] = W[k] if k in (2, 4) else sp.Integer(0)
        return tensor

    mode = replace(symbolic_mode(), derivative=derivative, point=np.array([sp.Integer(0)], dtype=object))
    mean, spread = np.empty(1, dtype=object), np.empty((1, 1), dtype=object)
    mean[0], spread[0, 0] = Series((0, mu, 0, 0)), Series((sigma, 0, 0, 0))
    found = Expansion(mode, 4)._vertex(1, mean, spread)[0].coefficients
    hand = (0, W[2] * mu, mu + W[4] * mu * sigma / 2, W[4] * mu**3 / 6)
    assert [sp.expand(a - b) for a, b in zip(found, hand, strict=True)] == [0, 0, 0, 0]
