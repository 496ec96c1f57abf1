"""From a float guess to a certificate: refined by Newton's method, proved by Krawczyk's test in whitened coordinates.

theta = T w with T from L0, so that the Hessian in w is about -I however thin and oblique q is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.arguments import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import working_precision
from elboproof.numbers.krawczyk import Certificate, certified, dot, float_inverse, inertia
from elboproof.posterior.ascent import Guess, whitening
from elboproof.posterior.equations import Equations, Matrix, Reference

RADII = (1e-6, 1e-9)
"""Of the box in whitened coordinates, where the Hessian is about -I; the second where the first is too large."""
LARGEST_STEP = 0.5
"""In whitened coordinates: a guess whose Newton step is longer is given up."""
REFINEMENTS = 6
BITS = 160
LOOSE = 1e-4
"""Tolerance of the Hessian in whitened coordinates: its error is multiplied by the box only."""
SHARP = {1: 1e-13, 2: 1e-11, 3: 1e-8}
"""Tolerance of the gradient in whitened coordinates. The ELBO feels its square."""


@dataclass(frozen=True)
class ProvedPoint:
    """A certificate around a float q.

    Attributes
    ----------
    zero, hessian
        The place of the true point and the Hessian over the box, in whitened coordinates w.
    turn : (n, n)
        theta = turn w.
    """

    posterior: GaussianPosterior
    zero: list[arb]
    hessian: list[list[arb]]
    turn: list[list[arb]]
    box: float
    equations: Equations


def certify(
    model: LatentModel,
    x: Sequence[Fraction],
    family: str,
    q: GaussianPosterior | None,
    guess: Guess,
    deadline: float,
) -> ProvedPoint | None:
    """Refine a guess and certify it."""
    radii = iter(RADII)
    radius = next(radii)
    with working_precision(BITS):
        for _ in range(REFINEMENTS):
            equations = Equations(model, x, family, _reference(guess, q), deadline)
            matrix = whitening(equations.wanted, guess.factor)
            turn = [[arb(entry) for entry in row] for row in matrix.tolist()]
            tried = _tried(equations, turn, radius, _tolerances(guess))
            if tried is None:
                return None
            test, hessian, step = tried
            if test.proved:
                return ProvedPoint(_posterior(guess, q), test.zero, hessian, turn, radius, equations)
            if np.abs(step).max() < radius / 10:  # the point is good: the box is too large, if anything
                radius = next(radii, 0.0)
            if not radius:
                return None
            guess = _moved(guess, equations, matrix @ step)
    return None


def _tried(
    equations: Equations, turn: Matrix, radius: float, tolerance: tuple[float, float]
) -> tuple[Certificate, Matrix, FloatArray] | None:
    """Return the test, the Hessian over the box and Newton's step, all whitened; None if the step is long."""
    size = len(turn)
    box = [sum((abs(entry) for entry in row), arb(0)) * arb(0, radius) for row in turn]
    value, hessian = equations.at(box, tolerance)
    columns = [[turn[a][b] for a in range(size)] for b in range(size)]
    gradient = [dot(column, value) for column in columns]
    half = [[dot(column, row) for column in columns] for row in hessian]
    whitened = [[dot(column, [row[b] for row in half]) for b in range(size)] for column in columns]
    inverse = float_inverse(whitened)
    if inverse is None:
        return None
    step = -inverse @ np.array([float(v.mid()) for v in gradient])
    if not (np.abs(step) < LARGEST_STEP).all():
        return None
    return certified(gradient, whitened, inverse, [radius] * size), whitened, step


def _tolerances(guess: Guess) -> tuple[float, float]:
    unit = float(np.linalg.norm(guess.factor, axis=1).max())
    return SHARP[len(guess.mean)] / unit, LOOSE / unit**2


def _reference(guess: Guess, q: GaussianPosterior | None) -> Reference:
    mean = [Fraction(value) for value in guess.mean.tolist()]
    rows = guess.factor.tolist()
    if q is not None:
        return Reference(mean, q.cholesky)
    return Reference(mean, lambda: [[arb(entry) for entry in row] for row in rows])


def _posterior(guess: Guess, q: GaussianPosterior | None) -> GaussianPosterior:
    mean = [Fraction(value) for value in guess.mean.tolist()]
    if q is not None:
        return GaussianPosterior(mean, q.covariance)
    rows = [[Fraction(entry) for entry in row] for row in guess.factor.tolist()]
    product = [[sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0)) for v in rows] for u in rows]
    return GaussianPosterior(mean, product)


def _moved(guess: Guess, equations: Equations, step: FloatArray) -> Guess:
    mean, factor = guess.mean.copy(), guess.factor.copy()
    for u, delta in zip(equations.wanted, step.tolist(), strict=True):
        if u.column is None:
            mean[u.row] += delta
        elif u.diagonal:
            factor[u.row, u.row] *= np.exp(delta)
        else:
            factor[u.row, u.column] += delta
    return Guess(mean, factor)


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
    offset = [dot(row, point.zero) for row in point.turn]
    q = point.equations.reference.point(point.equations.wanted, offset)
    d = q.d
    covariance = [
        sum((q.factor[i][k] * q.factor[j][k] for k in range(min(i, j) + 1)), arb(0))
        for i in range(d)
        for j in range(d)
    ]
    return [*q.mean, *covariance]


def kind_of(point: ProvedPoint) -> str:
    """Name the definiteness that every Hessian over the box has."""
    with working_precision(BITS):
        signs = inertia(point.hessian)
    if signs is None:
        return "undecided"
    return {len(point.hessian): "minimum", 0: "maximum"}.get(signs[0], "saddle")
