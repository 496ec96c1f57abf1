"""A mode's derivatives in SymPy numbers or in balls, and the first power of v at which its gap does not vanish."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import sympy
from flint import arb, arb_mat
from sympy import Basic, Expr

from elboproof.expansion.asymptotics import HIGHEST_ORDER, Expansion, Mode
from elboproof.expansion.potential import Potential
from elboproof.expansion.prior_terms import ball_prior, exact_prior
from elboproof.expansion.wick import Tensor
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.interruption import require_time
from elboproof.numbers.undecided import Undecided

MOST_OPERATIONS = 300
"""Of an expression that SymPy is asked to simplify: those of useful laws have some 60, of others over 1000, and take
minutes."""


class Curved(Protocol):
    """What exact laws ask of W: its derivatives at an exact point, and the model whose prior is the other part."""

    @property
    def model(self) -> LatentModel:
        """Return the model."""

    def exact_derivative(self, order: int, point: tuple[Expr, ...]) -> Tensor:
        """Return D^k W at an exact point, shape (d,) * k."""


class UnwieldyError(ArithmeticError):
    """The exact numbers have grown beyond what SymPy simplifies in useful time."""


def leading(mode: Mode) -> tuple[int, Any, Any]:
    """Return the first power whose coefficient is not zero, its coefficient and the next one.

    Raises
    ------
    Undecided
        If a coefficient's bounds contain zero, or all coefficients carried are zero.
    """
    # an expansion to v^n costs far more than one to v^(n-1): the next order is computed once the first is known
    for order in range(1, HIGHEST_ORDER):
        coefficient = Expansion(mode, order).gap[order - 1]
        zero = mode.zero(coefficient)
        if zero is None:
            raise Undecided(
                Enclosure.from_balls(coefficient)
                if isinstance(coefficient, arb)
                else Enclosure(-np.inf, np.inf),
                (f"whether the coefficient of v^{order} vanishes is open, so the order of the gap is",),
                "gap laws",
            )
        if not zero:
            return order, coefficient, Expansion(mode, order + 1).gap[order]
    raise Undecided(
        Enclosure(0.0, np.inf),
        (f"the gap vanishes to order v^{HIGHEST_ORDER - 1}; higher orders are not carried",),
        "gap laws",
    )


def exact_mode(misfit: Curved, point: Sequence[Expr], most: float = math.inf) -> Mode:
    """Return the derivatives at a point of SymPy numbers, or of the latents' symbols.

    Its functions raise `UnwieldyError` instead of labouring at numbers of more than ``most`` operations.
    """

    # functions of SymPy on exact numbers: each returns an equal number or raises. Simplification is a matter of length:
    # `zero` decides exactly or says None, and no float takes part
    def wieldy(number: Any) -> Expr:
        expression = sympy.sympify(number)
        # SymPy counts at most two operations for a part, but takes some thirty times as long as it takes to count parts
        if 2 * parts(expression) > most and expression.count_ops() > most:
            raise UnwieldyError
        return expression

    return Mode(
        derivative=lambda k: misfit.exact_derivative(k, tuple(point)),
        point=np.array(list(point), dtype=object),
        zero=lambda number: _is_zero(wieldy(number)),
        invert=lambda matrix: np.array(
            sympy.Matrix(matrix).inv().applyfunc(sympy.simplify).tolist(), dtype=object
        ),
        one=sympy.Integer(1),
        tidy=lambda number: sympy.simplify(wieldy(number)),
        checked=wieldy,
        exact=True,
        prior=lambda k: exact_prior(misfit.model, k, tuple(point)),
    )


def parts(expression: Basic) -> int:
    """Return how many subexpressions there are, each as often as it stands, itself among them."""
    count, left = 0, [expression]
    while left:
        part = left.pop()
        count += 1
        left.extend(part.args)
    return count


def _is_zero(expression: Expr) -> bool | None:
    """Decide by structure, then by value, then by simplification."""
    # `equals` evaluates to many digits first, which refutes, and affirms only by simplification to 0 or a minimal
    # polynomial: an answer is a proof, else it is None
    if expression.is_zero is not None:
        return bool(expression.is_zero)
    answer = expression.equals(0)
    return None if answer is None else bool(answer)


def ball_mode(misfit: Potential, point: Sequence[arb]) -> Mode:
    """Return enclosures of the derivatives over a box, at the working precision."""
    return Mode(
        # the box of the mode is put in once, as a ball for each latent, and every operation encloses: the coefficients
        # hold those at the true minimum, which lies in it. arb_mat.inv encloses the inverse of every member or raises
        # ZeroDivisionError where one may be singular; the Hessian was proved definite before
        derivative=lambda k: misfit.ball_derivative(k, tuple(point)),
        point=np.array(list(point), dtype=object),
        zero=lambda number: True if number == 0 else (None if arb(number).contains(0) else False),
        invert=lambda matrix: np.array(arb_mat(matrix.tolist()).inv().tolist(), dtype=object),
        one=arb(1),
        checked=lambda _: require_time(misfit.deadline),
        prior=lambda k: ball_prior(misfit.model, k, tuple(point)),
    )
