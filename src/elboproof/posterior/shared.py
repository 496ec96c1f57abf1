"""Stationary Gaussian posteriors of several x that share one covariance, proved by Krawczyk's test.

The unknowns are the means m_1, ..., m_N and one factor L of the shared covariance; the objective is the sum of the
ELBOs. Its Hessian is an arrow: a block for each mean, and a border for L to which every x contributes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from elboproof.arguments import FloatArray, bad, require_positive, wrong_type
from elboproof.model.data import exact_rows
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.krawczyk import certified, dot, float_inverse, form, inertia
from elboproof.posterior.ascent import whitening
from elboproof.posterior.certification import BITS, LOOSE, RADII, SHARP
from elboproof.posterior.elbo import one_elbo, undecided
from elboproof.posterior.equations import Equations, Matrix, Reference, unknowns
from elboproof.posterior.stationary import stationary_posterior

MOST_UNKNOWNS = 200
"""Means' coordinates and covariance's parameters together: the test multiplies dense matrices of balls."""
STEPS = 30
LARGEST_STEP = 0.5
"""In whitened coordinates; longer Newton steps are cut."""
SHARED_FAMILIES = ("full", "diagonal")


@dataclass(frozen=True)
class SharedStationaryPoint:
    """Gaussians N(m_n, S), one for each x, at which the sum of the ELBOs is stationary: the only such ones in a box.

    Attributes
    ----------
    means : Enclosure (N, d)
    covariance : Enclosure (d, d)
        Of the true stationary point.
    posteriors : tuple of GaussianPosterior
        Float ones next to it, exact, one for each x; they share their covariance.
    elbo : Enclosure
        The mean of the N ELBOs at the true point, in nats for each x.
    box : float
        The half width of the box of uniqueness, in units of S's deviations.
    kind : str
        "maximum", "minimum" or "saddle" of the sum, or "undecided".
    ball : arb
        The mean ELBO with all its digits.
    """

    means: Enclosure
    covariance: Enclosure
    posteriors: tuple[GaussianPosterior, ...]
    elbo: Enclosure
    box: float
    kind: str
    ball: Any = field(repr=False, compare=False)


def shared_stationary_posterior(
    model: LatentModel, x: Any, *, family: str = "full", digits: float = 10, seconds: float = 60.0
) -> SharedStationaryPoint:
    """Return the stationary q_n = N(m_n, S) of N data points next to their own best q, proved.

    Parameters
    ----------
    model
        With 1 to 3 latents and two derivatives.
    x
        Shape (N, D); exact as for ``ep.elbo``.
    family
        S is any covariance ("full") or a diagonal one ("diagonal").
    digits
        Half width 10^-digits of the mean ELBO.
    seconds
        Limit in all.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or there are too many unknowns.
    Undecided
        If no point could be proved, or not the digits.

    Notes
    -----
    The search starts at each x's own best stationary mean, and S at the inverse of their mean precision, which is the
    best shared one to leading order. That no other stationary point has a higher sum is not shown.
    """
    if not isinstance(model, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    if family not in SHARED_FAMILIES:
        raise bad("family", family, f"one of {', '.join(map(repr, SHARED_FAMILIES))}")
    require_positive(digits=digits, seconds=seconds)
    rows, batch = exact_rows(model, x)
    if not batch:
        raise bad("x", x, f"several data points, shape (N, {model.data_dim})")
    size = len(rows) * model.latent_dim + len(unknowns(model.latent_dim, family)) - model.latent_dim
    if size > MOST_UNKNOWNS:
        raise bad("x", f"{len(rows)} data points", f"at most {MOST_UNKNOWNS} unknowns, not {size}")
    problem = _Shared(model, rows, family, time.monotonic() + seconds)
    return problem.solved(digits)


@dataclass
class _Place:
    """Means (N, d) and the factor (d, d), floats."""

    means: FloatArray
    factor: FloatArray

    def covariance(self) -> list[list[Fraction]]:
        rows = [[Fraction(entry) for entry in row] for row in self.factor.tolist()]
        return [[sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0)) for v in rows] for u in rows]


@dataclass
class _Shared:
    """The stationarity of the summed ELBO."""

    model: LatentModel
    rows: list[list[Fraction]]
    family: str
    deadline: float

    def solved(self, digits: float) -> SharedStationaryPoint:
        place, radii = self._start(), iter(RADII)
        radius: float = next(radii)
        with working_precision(BITS):
            for _ in range(STEPS):
                gradient, hessian, turn = self._system(place, radius)
                inverse = float_inverse(hessian)
                if inverse is None or time.monotonic() > self.deadline:
                    break
                step = -inverse @ np.array([float(v.mid()) for v in gradient])
                test = certified(gradient, hessian, inverse, [radius] * len(gradient))
                if test.proved:
                    return self._point(place, turn, test.zero, hessian, radius, digits)
                if np.abs(step).max() < radius / 10:  # the point is good: the box is too large, if anything
                    radius = next(radii, 0.0)
                    if not radius:
                        break
                place = self._moved(place, turn, step)
        reason = "no shared stationary point proved: Newton's method found none that Krawczyk's test accepts"
        raise undecided("stationary points", Enclosure([-np.inf], [np.inf]), (reason,))

    def _start(self) -> _Place:
        own = []
        for row in self.rows:
            left = max(self.deadline - time.monotonic(), 1e-3)
            own.append(
                stationary_posterior(self.model, row, family=self.family, digits=2, seconds=left).posterior
            )
        means = np.array([[float(m) for m in q.mean] for q in own])
        covariances = np.array([[[float(entry) for entry in r] for r in q.covariance] for q in own])
        shared = np.linalg.inv(np.linalg.inv(covariances).mean(0))
        return _Place(means, np.asarray(np.linalg.cholesky((shared + shared.T) / 2), dtype=np.float64))

    def _system(self, place: _Place, radius: float) -> tuple[list[arb], Matrix, Matrix]:
        """Return the gradient at a place, the Hessian over the box around it, both whitened, and the whitening."""
        d, count = self.model.latent_dim, len(self.rows)
        wanted = unknowns(d, self.family)
        turn = [[arb(entry) for entry in row] for row in whitening(wanted, place.factor).tolist()]
        box = [sum((abs(entry) for entry in row), arb(0)) * arb(0, radius) for row in turn]
        size = count * d + len(wanted) - d
        gradient = [arb(0)] * size
        hessian: Matrix = [[arb(0)] * size for _ in range(size)]
        for n in range(count):
            value, curve = self._equations(place, n).at(box, self._tolerances(place))
            rows = [*range(n * d, n * d + d), *range(count * d, size)]
            _add(gradient, hessian, rows, *_whitened(value, curve, turn))
        return gradient, hessian, turn

    def _equations(self, place: _Place, n: int) -> Equations:
        mean = [Fraction(value) for value in place.means[n].tolist()]
        factor = place.factor.tolist()
        reference = Reference(mean, lambda: [[arb(entry) for entry in row] for row in factor])
        return Equations(self.model, self.rows[n], self.family, reference, self.deadline)

    def _tolerances(self, place: _Place) -> tuple[float, float]:
        unit = float(np.linalg.norm(place.factor, axis=1).max())
        return SHARP[self.model.latent_dim] / unit, LOOSE / unit**2

    def _moved(self, place: _Place, turn: Matrix, step: FloatArray) -> _Place:
        d, count = self.model.latent_dim, len(self.rows)
        step = step / max(1.0, float(np.abs(step).max()) / LARGEST_STEP)
        matrix = np.array([[float(entry.mid()) for entry in row] for row in turn])
        means = place.means + step[: count * d].reshape(count, d) @ matrix[:d, :d].T
        factor = place.factor.copy()
        change = matrix[d:, d:] @ step[count * d :]
        for u, delta in zip(unknowns(d, self.family)[d:], change.tolist(), strict=True):
            if u.diagonal:
                factor[u.row, u.row] *= np.exp(delta)
            else:
                factor[u.row, u.column] += delta
        return _Place(means, factor)

    def _point(
        self, place: _Place, turn: Matrix, zero: list[arb], hessian: Matrix, radius: float, digits: float
    ) -> SharedStationaryPoint:
        count = len(self.rows)
        posteriors = tuple(GaussianPosterior(mean, place.covariance()) for mean in place.means.tolist())
        balls, statuses = [], []
        for row, q in zip(self.rows, posteriors, strict=True):
            ball, status = one_elbo(self.model, row, q, digits + 0.5, self.deadline)
            balls.append(ball)
            statuses.append(status)
        total = (sum(balls, arb(0)) - form(hessian, zero) / 2) / count
        if any(statuses) or not total.rad() <= 10.0**-digits:
            status = next(filter(None, statuses), "the point is not known well enough for the digits")
            raise undecided("stationary points", Enclosure.from_balls([total]), (status,))
        signs = inertia(hessian)
        kind = "undecided"
        if signs is not None:
            kind = {len(hessian): "minimum", 0: "maximum"}.get(signs[0], "saddle")
        means, covariance = self._enclosed(place, turn, zero)
        return SharedStationaryPoint(
            means, covariance, posteriors, Enclosure.from_balls(total), radius, kind, total
        )

    def _enclosed(self, place: _Place, turn: Matrix, zero: list[arb]) -> tuple[Enclosure, Enclosure]:
        d, count = self.model.latent_dim, len(self.rows)
        found: list[arb] = []
        for n in range(count):
            offset = [dot(row, [*zero[n * d : n * d + d], *zero[count * d :]]) for row in turn]
            equations = self._equations(place, n)
            q = equations.reference.point(equations.wanted, offset)
            found += q.mean
        factor = q.factor
        entries = [
            sum((factor[i][k] * factor[j][k] for k in range(min(i, j) + 1)), arb(0))
            for i in range(d)
            for j in range(d)
        ]
        return _shaped(found, (count, d)), _shaped(entries, (d, d))


def _whitened(value: Sequence[arb], hessian: Matrix, turn: Matrix) -> tuple[list[arb], Matrix]:
    """Return T'g and T'HT."""
    size = len(turn)
    columns = [[turn[a][b] for a in range(size)] for b in range(size)]
    half = [[dot(column, row) for column in columns] for row in hessian]
    turned = [[dot(column, [row[b] for row in half]) for b in range(size)] for column in columns]
    return [dot(column, value) for column in columns], turned


def _add(gradient: list[arb], hessian: Matrix, rows: Sequence[int], value: list[arb], curve: Matrix) -> None:
    for a, i in enumerate(rows):
        gradient[i] += value[a]
        for b, j in enumerate(rows):
            hessian[i][j] += curve[a][b]


def _shaped(balls: list[arb], shape: tuple[int, int]) -> Enclosure:
    flat = Enclosure.from_balls(balls)
    return Enclosure(flat.lower.reshape(shape), flat.upper.reshape(shape))
