"""Stationary Gaussian posteriors of several x that share one covariance, proved by Krawczyk's test.

The unknowns are the means m_1, ..., m_N and one factor L of the shared covariance; the objective is the sum of the
ELBOs. Its Hessian is an arrow: a block for each mean, and a border for L to which every x contributes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from elboproof.arguments import bad, require_positive, suggesting
from elboproof.arrays import FloatArray
from elboproof.model.data import exact_rows
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.krawczyk import Zero, dot, form, zero_near
from elboproof.posterior.elbo import one_elbo, require_positive_prior, undecided
from elboproof.posterior.equations import Equations, Matrix, Reference, Unknown, unknowns
from elboproof.posterior.stationary import stationary_posterior
from elboproof.posterior.whitened import (
    BITS,
    LARGEST_STEP,
    RADII,
    balls_of,
    box_over,
    kind_of,
    moved_factor,
    product,
    tolerances,
    whitened,
    whitening,
)
from elboproof.running.progress import Listener
from elboproof.running.request import LEAST, Request, Resumed, requested

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_UNKNOWNS = 200
"""Means' coordinates and covariance's parameters together: the test multiplies dense matrices of balls."""
STEPS = 30
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


@suggesting
def shared_stationary_posterior(
    model: LatentModel,
    x: Any,
    *,
    family: str = "full",
    digits: float = 10,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: Resumed = None,
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
        Limit in all: the x are one problem.
    total_seconds
        Another such limit; the smaller counts.
    workers, progress, resume
        As for ``ep.log_evidence``, of the search's first part, in which a row is one x with its own best q; the proof
        of all together comes after it, in this process.

    Returns
    -------
    SharedStationaryPoint
        ``means`` (N, d), ``covariance`` (d, d) and the mean ``elbo`` in nats, proved, and the Gaussians next to them.

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

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> found = ep.shared_stationary_posterior(model, [["0.7"], ["-0.2"]])
    >>> print(f"{found.elbo.midpoint:.6f}, {found.kind}")
    -1.156260, maximum
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    if family not in SHARED_FAMILIES:
        raise bad("family", family, f"one of {', '.join(map(repr, SHARED_FAMILIES))}")
    (digits,) = require_positive(digits=digits)
    request = requested(seconds, total_seconds, workers, progress, resume)
    # N d means' coordinates and one factor
    rows, batch = exact_rows(model, x)
    if not batch:
        raise bad("x", x, f"several data points, shape (N, {model.data_dim})")
    size = len(rows) * model.latent_dim + len(unknowns(model.latent_dim, family)) - model.latent_dim
    if size > MOST_UNKNOWNS:
        raise bad("x", f"{len(rows)} data points", f"at most {MOST_UNKNOWNS} unknowns, not {size}")
    deadline = time.monotonic() + request.limit
    require_positive_prior(model, deadline)
    problem = _Shared(model, rows, family, deadline, request)
    return problem.solved(digits)


@dataclass
class _Shared:
    """The stationarity of the summed ELBO around means (N, d) and one factor (d, d), floats."""

    model: LatentModel
    rows: list[list[Fraction]]
    family: str
    deadline: float
    request: Request
    means: FloatArray = field(init=False)
    factor: FloatArray = field(init=False)

    def solved(self, digits: float) -> SharedStationaryPoint:
        """Return the point that Newton's method leads to."""
        self._start()
        with working_precision(BITS):
            zero = zero_near(self, RADII, STEPS)
            if zero is not None:
                return self._point(zero, digits)
        reason = "the time limit" if self._late else "Newton's method found none that Krawczyk's test accepts"
        reason = f"no shared stationary point proved: {reason}"
        raise undecided("stationary points", Enclosure([-np.inf], [np.inf]), (reason,))

    @property
    def _late(self) -> bool:
        return time.monotonic() > self.deadline

    def _start(self) -> None:
        asked, left = self.request, max(self.deadline - time.monotonic(), LEAST)
        workers: Any = asked.workers
        points = stationary_posterior(
            self.model,
            self.rows,
            family=self.family,
            digits=2,
            seconds=left,
            total_seconds=left,
            workers=workers,
            progress=asked.progress,
            resume=asked.resume,
        )
        own = [point.posterior for point in points]
        self.means = np.array([[float(m) for m in q.mean] for q in own])
        # floats (N, d), (N, d, d): where Newton's method starts
        covariances = np.array([[[float(entry) for entry in r] for r in q.covariance] for q in own])
        shared = np.linalg.inv(np.linalg.inv(covariances).mean(0))
        self.factor = np.asarray(np.linalg.cholesky((shared + shared.T) / 2), dtype=np.float64)

    @property
    def _wanted(self) -> list[Unknown]:
        """The unknowns of one x."""
        return unknowns(self.model.latent_dim, self.family)

    @property
    def _turn(self) -> FloatArray:
        return whitening(self._wanted, self.factor)

    def enclosed(self, radius: float) -> tuple[list[arb], Matrix]:
        """Return the whitened gradient and the whitened Hessian over the box."""
        d, count, turn = self.model.latent_dim, len(self.rows), balls_of(self._turn)
        size = count * d + len(turn) - d
        gradient = [arb(0)] * size
        hessian: Matrix = [[arb(0)] * size for _ in range(size)]
        # each x adds to the block of its mean and to the border that all share; a late one makes them infinite
        for n in range(count):
            if self._late:
                return [arb(0, np.inf)] * size, hessian
            # the sum of ELBOs is a sum of functions of (m_n, L): gradients and Hessians add up in the rows of m_n and
            # of L, and no two means meet. Unknowns in order: N d of the means, then L. Every x has the same T, as it
            # depends on L alone: its block for means stands N times
            value, curve = self._equations(n).at(box_over(turn, radius), tolerances(self.factor))
            rows = [*range(n * d, n * d + d), *range(count * d, size)]
            _add(gradient, hessian, rows, *whitened(value, curve, turn))
        return gradient, hessian

    def _equations(self, n: int) -> Equations:
        mean = [Fraction(value) for value in self.means[n].tolist()]
        reference = Reference(mean, lambda: balls_of(self.factor))
        return Equations(self.model, self.rows[n], self.family, reference, self.deadline)

    def move(self, step: FloatArray) -> bool:
        """Take the step, cut where it is long."""
        d, count, turn = self.model.latent_dim, len(self.rows), self._turn
        # the steps of whitened unknowns are turned as `enclosed` turns them: T is block diagonal in mean and factor
        step = step / max(1.0, float(np.abs(step).max()) / LARGEST_STEP)
        self.means = self.means + step[: count * d].reshape(count, d) @ turn[:d, :d].T
        self.factor = moved_factor(self._wanted[d:], self.factor, turn[d:, d:] @ step[count * d :])
        return not self._late

    def _point(self, zero: Zero, digits: float) -> SharedStationaryPoint:
        """Return the record; with J over the box, sum ELBO(z*) = sum ELBO(p) - w'J w / 2 by Taylor's theorem at z*."""
        rows = [[Fraction(entry) for entry in row] for row in self.factor.tolist()]
        # N ELBOs at the exact float place p, and one correction for their sum: with the gradient zero at z*, Taylor's
        # theorem leaves w'J w / 2 for a J of the box, which every Hessian between p and z* is a member of
        posteriors = tuple(GaussianPosterior(mean, product(rows)) for mean in self.means.tolist())
        pairs = [
            one_elbo(self.model, row, q, digits + 0.5, self.deadline)
            for row, q in zip(self.rows, posteriors, strict=True)
        ]
        total = (sum((ball for ball, _ in pairs), arb(0)) - form(zero.jacobian, zero.place) / 2) / len(pairs)
        reason = next((status for _, status in pairs if status), "")
        if reason or not total.rad() <= 10.0**-digits:
            reason = reason or "the point is not known well enough for the digits"
            raise undecided("stationary points", Enclosure.from_balls([total]), (reason,))
        means, covariance = self._enclosed(zero.place)
        kind, elbo = kind_of(zero.jacobian), Enclosure.from_balls(total)
        return SharedStationaryPoint(means, covariance, posteriors, elbo, zero.radius, kind, total)

    def _enclosed(self, zero: list[arb]) -> tuple[Enclosure, Enclosure]:
        """Return the true means (N, d) and covariance (d, d)."""
        d, count, turn = self.model.latent_dim, len(self.rows), balls_of(self._turn)
        means: list[arb] = []
        for n in range(count):
            # T times the part of w that x_n has: its own mean's coordinates and all of L's. The covariance is that of
            # any n
            offset = [dot(row, [*zero[n * d : n * d + d], *zero[count * d :]]) for row in turn]
            q = self._equations(n).reference.point(self._wanted, offset)
            means += q.mean
        return _shaped(means, (count, d)), _shaped([e for row in product(q.factor) for e in row], (d, d))


def _add(gradient: list[arb], hessian: Matrix, rows: Sequence[int], value: list[arb], curve: Matrix) -> None:
    # row a of one x's (n,) gradient and (n, n) Hessian is row ``rows[a]`` of all
    for a, i in enumerate(rows):
        gradient[i] += value[a]
        for b, j in enumerate(rows):
            hessian[i][j] += curve[a][b]


def _shaped(balls: list[arb], shape: tuple[int, int]) -> Enclosure:
    return Enclosure.from_balls(balls).reshape(*shape)
