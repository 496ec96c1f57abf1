"""Scalar linear-Gaussian state spaces, z' = A z + N(0, Q), x = z + N(0, R), in any numbers: exact, balls or symbols.

Only variances are needed: a posterior variance does not depend on what was observed. All filters are in their steady
state: P = Var(z_t | x_1, ..., x_t) no longer changes.
"""

from dataclasses import dataclass
from typing import Any

from flint import arb, arb_mat

from .._shared.balls import ball


@dataclass(frozen=True)
class Space:
    """The state space, and the variance P of its belief.

    Attributes
    ----------
    a, q, r : Any
        A, Q and R: Fractions, balls, floats or symbols.
    belief : Any
        P, as a ball or float from `steady`, or a symbol.
    """

    a: Any
    q: Any
    r: Any
    belief: Any

    @property
    def stationary(self) -> Any:
        """Return V = Q/(1 - A^2)."""
        return self.q / (1 - self.a**2)

    def noise(self, jump: int) -> Any:
        """Return Q_Delta = Var(z_{t + Delta} | z_t)."""
        return self.q * sum(self.a ** (2 * k) for k in range(jump))

    def pushed(self, jump: int) -> Any:
        """Return Var(z_{t + Delta} | x_1, ..., x_t) = A^2Delta P + Q_Delta."""
        return self.a ** (2 * jump) * self.belief + self.noise(jump)

    def updated(self, variance: Any) -> Any:
        """Return the variance of a state of this variance once it was observed."""
        return variance * self.r / (variance + self.r)

    def smooth(self, jump: int, inner: bool = False) -> Any:
        """Return Var(z_t1 | z_t2, x_1, ..., x_t1), with ``inner`` given the observations between as well."""
        if not inner:
            return self.belief * self.noise(jump) / self.pushed(jump)
        # what z_t2 and the observations after t say of z_t, as a precision, one step back at a time
        told = self.a**2 / self.q
        for _ in range(jump - 1):
            told = self.a**2 / (self.q + 1 / (told + 1 / self.r))
        return 1 / (1 / self.belief + told)


def steady(a: Any, q: Any, r: Any) -> Space:
    """Return the space with P, the positive root of A^2 P^2 + (Q + R (1 - A^2)) P - Q R = 0; balls."""
    a, q, r = (ball(one) for one in (a, q, r))
    b = q + r * (1 - a * a)
    return Space(a, q, r, ((b * b + 4 * a * a * q * r).sqrt() - b) / (2 * a * a))


A, Q, R = "9/10", "1/2", "2/5"
INSTANCE = f"A = {A}, Q = {Q}, R = {R}"


def joint(space: Space, jump: int) -> arb_mat:
    """Return the covariance of (z_t1, ..., z_t2, x_{t1 + 1}, ..., x_t2) given x_1, ..., x_t1, entry by entry.

    A second route to every variance that is conditional on some of them: no recursion, no steady state but in P.
    """
    size = jump + 1
    spread = [space.a ** (2 * k) * space.belief + space.noise(k) for k in range(size)]
    states = [[space.a ** abs(i - j) * spread[min(i, j)] for j in range(size)] for i in range(size)]
    rows = [states[i] + states[i][1:] for i in range(size)]
    rows += [
        states[i] + [states[i][j] + (space.r if i == j else arb(0)) for j in range(1, size)]
        for i in range(1, size)
    ]
    return arb_mat(rows)


def log_det(matrix: arb_mat, rows: list[int]) -> arb:
    """Return the logarithm of the determinant of some rows and the same columns; 0 for none."""
    if not rows:
        return arb(0)
    return arb_mat([[matrix[i, j] for j in rows] for i in rows]).det().log()


def log_conditional(matrix: arb_mat, of: list[int], given: list[int]) -> arb:
    """Return log det of the covariance of some variables given others."""
    return log_det(matrix, of + given) - log_det(matrix, given)
