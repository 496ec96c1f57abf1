"""From a float guess to a proved point: Newton's method, then Krawczyk's test in whitened coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import working_precision
from elboproof.numbers.krawczyk import Zero, dot, zero_near
from elboproof.posterior.ascent import Guess
from elboproof.posterior.equations import Equations, Matrix, Reference
from elboproof.posterior.whitened import (
    BITS,
    LARGEST_STEP,
    RADII,
    balls_of,
    box_over,
    moved_factor,
    product,
    tolerances,
    whitened,
    whitening,
)

REFINEMENTS = 6


@dataclass(frozen=True)
class ProvedPoint:
    """A zero of the gradient, proved around a float q.

    Attributes
    ----------
    zero
        In whitened coordinates w; its Jacobian is the Hessian over the box.
    turn : (n, n)
        theta = turn w.
    """

    posterior: GaussianPosterior
    zero: Zero
    turn: Matrix
    equations: Equations


@dataclass
class _Stationarity:
    """grad ELBO = 0 of one x around a guess; of the family "fixed" if ``q`` gives the covariance."""

    model: LatentModel
    x: Sequence[Fraction]
    family: str
    q: GaussianPosterior | None
    guess: Guess
    deadline: float
    equations: Equations = field(init=False)
    turn: FloatArray = field(init=False)

    def enclosed(self, radius: float) -> tuple[list[arb], Matrix]:
        """Return the whitened gradient at the guess and Hessian over the box."""
        self.equations = Equations(self.model, self.x, self.family, self._reference(), self.deadline)
        self.turn = whitening(self.equations.wanted, self.guess.factor)
        turn = balls_of(self.turn)
        value, hessian = self.equations.at(box_over(turn, radius), tolerances(self.guess.factor))
        return whitened(value, hessian, turn)

    def move(self, step: FloatArray) -> bool:
        """Take the step; a guess whose step is long is given up."""
        if not (np.abs(step) < LARGEST_STEP).all():
            return False
        step, d = self.turn @ step, len(self.guess.mean)
        factor = moved_factor(self.equations.wanted[d:], self.guess.factor, step[d:])
        self.guess = Guess(self.guess.mean + step[:d], factor)
        return True

    def proved(self, zero: Zero) -> ProvedPoint:
        """Return the point that was found at the guess."""
        mean = [Fraction(value) for value in self.guess.mean.tolist()]
        rows = [[Fraction(entry) for entry in row] for row in self.guess.factor.tolist()]
        covariance = product(rows) if self.q is None else self.q.covariance
        return ProvedPoint(GaussianPosterior(mean, covariance), zero, balls_of(self.turn), self.equations)

    def _reference(self) -> Reference:
        mean = [Fraction(value) for value in self.guess.mean.tolist()]
        factor = self.guess.factor
        return Reference(mean, (lambda: balls_of(factor)) if self.q is None else self.q.cholesky)


def certify(
    model: LatentModel,
    x: Sequence[Fraction],
    family: str,
    q: GaussianPosterior | None,
    guess: Guess,
    deadline: float,
) -> ProvedPoint | None:
    """Refine a guess and prove it."""
    system = _Stationarity(model, x, family, q, guess, deadline)
    with working_precision(BITS):
        zero = zero_near(system, RADII, REFINEMENTS)
        return None if zero is None else system.proved(zero)


def without_repetitions(found: Sequence[ProvedPoint | None]) -> list[ProvedPoint]:
    """Leave out what lies in a box that is already taken: it is the same point."""
    kept: list[ProvedPoint] = []
    for point in found:
        if point is not None and not any(_same(point, other) for other in kept):
            kept.append(point)
    return kept


def _same(first: ProvedPoint, second: ProvedPoint) -> bool:
    with working_precision(BITS):
        one, other = place_of(first), place_of(second)
        return all(a.overlaps(b) for a, b in zip(one, other, strict=True))


def place_of(point: ProvedPoint) -> list[arb]:
    """Return mean and covariance of the true stationary q, balls."""
    offset = [dot(row, point.zero.place) for row in point.turn]
    q = point.equations.reference.point(point.equations.wanted, offset)
    return [*q.mean, *(entry for row in product(q.factor) for entry in row)]
