"""Laws of precisions with finitely many values, in exact numbers: their penalty, and those with equality in S2."""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy
from flint import arb, arb_mat
from sympy import Expr, ImmutableMatrix, Rational

from .._shared.balls import constant


@dataclass(frozen=True)
class Law:
    """A_n = matrices[n] with the probability weights[n]; SymPy's exact numbers."""

    weights: tuple[Expr, ...]
    matrices: tuple[ImmutableMatrix, ...]

    def penalty(self) -> arb:
        """Return P* = (1/2) (log|E A| - E log|A|) in nats, at the precision in force."""
        weights = [constant(sympy.sympify(w)) for w in self.weights]
        matrices = [ball_matrix(A) for A in self.matrices]
        mean = matrices[0] * weights[0]
        for w, A in zip(weights[1:], matrices[1:], strict=True):
            mean = mean + A * w
        logs = sum((w * A.det().log() for w, A in zip(weights, matrices, strict=True)), arb(0))
        return (mean.det().log() - logs) / 2

    def floats(self) -> list[list[list[float]]]:
        """Return the matrices as doubles next to them."""
        return [[[float(entry) for entry in row] for row in A.tolist()] for A in self.matrices]


def ball_matrix(matrix: ImmutableMatrix) -> arb_mat:
    """Return a matrix of SymPy's constants in balls."""
    return arb_mat([[constant(entry) for entry in row] for row in matrix.tolist()])


def mixture(projections: Sequence[ImmutableMatrix], mass: Expr, h: Expr, turn: ImmutableMatrix) -> Law:
    """Return A = C'(I + (h - 1) Pi) C, Pi one of the projections with the mass shared equally, else 0."""
    count, d = len(projections), turn.rows
    raised = [ImmutableMatrix(turn.T * (sympy.eye(d) + (h - 1) * P) * turn) for P in projections]
    weights = (*[mass / count] * count, 1 - mass)
    return Law(weights, (*raised, ImmutableMatrix(turn.T * turn)))


def _line(*direction: Expr | int) -> ImmutableMatrix:
    v = ImmutableMatrix(direction)
    return v * v.T / (v.T * v)[0]


ROOT3 = sympy.sqrt(3)
LINES = (_line(1, 0), _line(1, ROOT3), _line(-1, ROOT3))
"""At 0, 60 and 120 degrees: their mean is I / 2, and no two of them commute."""
DIAGONALS = (_line(1, 1, 1), _line(1, -1, -1), _line(-1, 1, -1), _line(-1, -1, 1))
"""Of a cube: their mean is I / 3."""
PLANES = tuple(ImmutableMatrix(sympy.eye(3) - P) for P in DIAGONALS)
"""Their mean is 2 I / 3."""


def theta(h: Expr) -> Expr:
    """1/log h - 1/(h - 1): E Pi = theta I is the share of raised precisions in the extremal law."""
    return 1 / sympy.log(h) - 1 / (h - 1)


@dataclass(frozen=True)
class Extremal:
    """A law of S2's equality case: projections of one rank, turned by C."""

    projections: tuple[ImmutableMatrix, ...]
    h: Expr
    turn: ImmutableMatrix

    @property
    def dimension(self) -> int:
        """The latent dimension d."""
        return int(self.turn.rows)

    def law(self, share: Expr) -> Law:
        """Return the law with E Pi = share I."""
        rank = self.projections[0].trace()
        return mixture(self.projections, share * self.dimension / rank, self.h, self.turn)


def _whole(d: int) -> tuple[ImmutableMatrix, ...]:
    return (ImmutableMatrix.eye(d),)


SHEAR = ImmutableMatrix([[1, 1], [0, 2]])
EXTREMAL = {
    "numbers, h = 2": Extremal(_whole(1), Rational(2), ImmutableMatrix([[3]])),
    "numbers, h = 100": Extremal(_whole(1), Rational(100), ImmutableMatrix([[1]])),
    "multiples of C'C, h = 2": Extremal(_whole(2), Rational(2), SHEAR),
    "multiples of I, h = 30": Extremal(_whole(2), Rational(30), ImmutableMatrix.eye(2)),
    "three lines, h = 2": Extremal(LINES, Rational(2), ImmutableMatrix.eye(2)),
    "three lines, turned, h = 2": Extremal(LINES, Rational(2), SHEAR),
    "three lines, h = 4": Extremal(LINES, Rational(4), SHEAR),
    "four planes, h = 2": Extremal(PLANES, Rational(2), ImmutableMatrix.eye(3)),
    "four diagonals, h = 10": Extremal(DIAGONALS, Rational(10), ImmutableMatrix.eye(3)),
    "four diagonals, h = 30": Extremal(DIAGONALS, Rational(30), ImmutableMatrix.eye(3)),
}
"""All but the first four do not commute."""
