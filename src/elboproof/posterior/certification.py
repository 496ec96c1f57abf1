"""From a float guess to a proved point: Newton's method, then Krawczyk's test in whitened coordinates."""

import time
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
        # w = T^-1 (theta - p), n unknowns: by the chain rule the gradient in w is T'g and the Hessian T'HT, both in
        # balls, and the box |w_k| <= radius is mapped into one of theta that holds it. T is any regular matrix of exact
        # floats; that it whitens only keeps the box of a useful size
        self.equations = Equations(self.model, self.x, self.family, self._reference(), self.deadline)
        self.turn = whitening(self.equations.wanted, self.guess.factor)
        turn = balls_of(self.turn)
        value, hessian = self.equations.at(box_over(turn, radius), tolerances(self.guess.factor))
        return whitened(value, hessian, turn)

    def move(self, step: FloatArray) -> bool:
        """Take the step; a guess whose step is long, or that the deadline has overtaken, is given up."""
        if time.monotonic() > self.deadline:
            return False
        # false for NaN as well. The step is taken in floats: the new place is exact whatever it is, and the test is
        # about that place
        if not (np.abs(step) < LARGEST_STEP).all():
            return False
        step, d = self.turn @ step, len(self.guess.mean)
        factor = moved_factor(self.equations.wanted[d:], self.guess.factor, step[d:])
        self.guess = Guess(self.guess.mean + step[:d], factor)
        return True

    def proved(self, zero: Zero) -> ProvedPoint:
        """Return the point that was found at the guess."""
        mean = [Fraction(value) for value in self.guess.mean.tolist()]
        # the covariance is the exact product of the float factor, so that the record is the place of the test and no
        # neighbour of it; for the family "fixed" it is what was given
        rows = [[Fraction(entry) for entry in row] for row in self.guess.factor.tolist()]
        covariance = product(rows) if self.q is None else self.q.covariance
        return ProvedPoint(GaussianPosterior(mean, covariance), zero, balls_of(self.turn), self.equations)

    def _reference(self) -> Reference:
        mean = [Fraction(value) for value in self.guess.mean.tolist()]
        factor = self.guess.factor
        # a function, because a given covariance has a root that is to be taken at the precision then in force
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
    # a quadrature that fails, or that the deadline stops, is an infinite ball: the test then fails, and nothing is
    # claimed
    system = _Stationarity(model, x, family, q, guess, deadline)
    with working_precision(BITS):
        zero = zero_near(system, RADII, REFINEMENTS)
        return None if zero is None else system.proved(zero)


def without_repetitions(found: Sequence[ProvedPoint | None]) -> list[ProvedPoint]:
    """Leave out what lies in a box that is already taken: it is the same point."""
    # enclosures of two different points are disjoint, or too wide to tell: overlapping ones are taken for one point,
    # which may lose a point and never counts one twice
    kept: list[ProvedPoint] = []
    for point in found:
        if point is not None and not any(_same(point, other) for other in kept):
            kept.append(point)
    return kept


def _same(first: ProvedPoint, second: ProvedPoint) -> bool:
    with working_precision(BITS):
        # mean and covariance, not theta: those of two boxes refer to different places
        one, other = place_of(first), place_of(second)
        return all(a.overlaps(b) for a, b in zip(one, other, strict=True))


def place_of(point: ProvedPoint) -> list[arb]:
    """Return mean and covariance of the true stationary q, balls."""
    # theta - p = T w in balls, then q by the exponentials and products of `Reference.point`: each operation encloses,
    # so the true q lies in what is returned
    offset = [dot(row, point.zero.place) for row in point.turn]
    q = point.equations.reference.point(point.equations.wanted, offset)
    return [*q.mean, *(entry for row in product(q.factor) for entry in row)]
