"""One coordinate with the posterior N(m, 1/L) and q0 = N(mu, s0^2), in any numbers: symbols, balls or floats.

In y = sqrt(L) (z - m) and rho a leapfrog step of size h = e sqrt(L) is a matrix, and second moments of the start are
diag(V, T_0^2), V = L (s0^2 + (m - mu)^2).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

Number: TypeAlias = Any
"""A SymPy expression, a ball or a float."""
Matrix: TypeAlias = tuple[Number, Number, Number, Number]
"""Rows (a, b), (c, d)."""
IDENTITY: Matrix = (1, 0, 0, 1)


def schedule(temperature: Number, steps: int, power: int = 2) -> list[Number]:
    """Return T_0, ..., T_K with T_k = 1 + (T_0 - 1)(1 - k^2/K^2)."""
    whole = temperature / temperature  # 1 in the numbers of the temperature
    return [1 + (temperature - 1) * (1 - whole * k**power / steps**power) for k in range(steps + 1)]


def cooling(temperature: Number, steps: int, power: int = 2) -> list[Number]:
    """Return the factors T_k/T_(k-1)."""
    return [after / before for before, after in pairwise(schedule(temperature, steps, power))]


def leapfrog(h: Number, factors: Sequence[Number]) -> Matrix:
    """Return the matrix of steps of size h with these cooling factors, on (y, rho)."""
    a, b, c, d = IDENTITY
    turn, back = 1 - h * h / 2, -h * (1 - h * h / 4)
    for factor in factors:
        a, b, c, d = (
            turn * a + h * c,
            turn * b + h * d,
            factor * (back * a + turn * c),
            factor * (back * b + turn * d),
        )
    return a, b, c, d


def moments(matrix: Matrix, V: Number, square: Number) -> tuple[Number, Number, Number]:
    """Return M = E (y, rho)(y, rho)' at the end, its entries 11, 12 and 22; ``square`` is T_0^2."""
    a, b, c, d = matrix
    return a * a * V + b * b * square, a * c * V + b * d * square, c * c * V + d * d * square


def trace(h: Number, factors: Sequence[Number], V: Number, square: Number) -> Number:
    """Return tr M of a path."""
    first, _, last = moments(leapfrog(h, factors), V, square)
    return first + last


def untempered_trace(V: Number) -> Number:
    """Return the least tr M of one step without cooling: V + 1 - (16/27)(V - 1)^3/V^2, at h^2 = 8 (V - 1)/(3 V)."""
    return V + 1 - (V - 1) ** 3 / V**2 * 16 / 27
