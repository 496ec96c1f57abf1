"""What one shared posterior covariance costs, proved: the constant-variance penalty of precision matrices.

In the local quadratic model data point n has the precision A_n, and its best Gaussian the covariance A_n^-1. One shared
S costs (1/2) E_n[tr(S A_n) - log|S A_n| - d] nats, which is P* + KL(N(0, S) || N(0, S*)) with S* = (E A)^-1 and
P* = (1/2) (log|E A| - E log|A|), as E tr(S A_n) = tr(S E A). A congruence A_n -> R A_n R' changes no P(R^-T S R^-1):
all is computed where E A is about the identity (`precision_stacks`).
"""

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat

from elboproof.arguments import suggesting
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.outward import above, below
from elboproof.numbers.precision import working_precision
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.loewner import bracket, loewner_ratio
from elboproof.posterior.precision_input import (
    exact_rows,
    positive_pivots,
    read_precisions,
    read_weights,
)
from elboproof.posterior.precision_stacks import (
    ExactStack,
    FloatStack,
    NotSurelyDefinite,
    PrecisionStack,
)
from elboproof.posterior.specht import share, specht_bound

PRECISIONS = (256, 1024, 4096, 16384)
"""Bits of FLINT's balls, tried in turn."""
FEW = 20_000
"""N d^3 up to which doubles go to FLINT's balls: a tenth of a second, and as many digits as a float has."""


@dataclass(frozen=True)
class ConstantVariancePenalty:
    """What one covariance for all data points costs, in nats, in the local quadratic model; every number is proved.

    Attributes
    ----------
    penalty : Enclosure
        P* = (1/2) (log|E A| - E log|A|), of the best full covariance.
    covariance : Enclosure (d, d)
        That covariance, S* = (E A)^-1.
    diagonal_penalty : Enclosure
        Of the best diagonal covariance; at least P*, by Hadamard's inequality.
    diagonal_variances : Enclosure (d,)
        That covariance, 1 / (E A)_jj.
    ratio : float
        h, rounded up: B <= A_n <= h B in Loewner's order for every n. The least h may be smaller: some B are tried.
    reference : Enclosure (d, d)
        Encloses such a B.
    specht_bound : float
        (d/2) log Specht(h), rounded up: an upper bound of P* for every law with this h, and the best such one.
    second_order : Enclosure
        Q = (1/4) E tr X^2 with X = (E A)^-1 (A - E A), the leading term of P*.
    spectrum : Enclosure
        An interval [al, be] with every eigenvalue of every (E A)^-1 A_n in it.
    sandwich : Enclosure
        [C(be) Q, C(al) Q], C(t) = 2 (t - 1 - log t) / (t - 1)^2: it contains P*, however large X is.
    """

    penalty: Enclosure
    covariance: Enclosure
    diagonal_penalty: Enclosure
    diagonal_variances: Enclosure
    ratio: float
    reference: Enclosure
    specht_bound: float
    second_order: Enclosure
    spectrum: Enclosure
    sandwich: Enclosure


@suggesting
def constant_variance_penalty(precisions: Any, *, weights: Any = None) -> ConstantVariancePenalty:
    """Return what it costs, in nats, to give one posterior covariance to data points of different precisions.

    Parameters
    ----------
    precisions
        The A_n, shape (N, d, d), symmetric positive definite: Hessians of -log p(x_n, z) at the modes, or inverses of
        the covariances of Gaussian posteriors. An array of floats, which are the doubles that they are, or nested
        sequences of exact numbers ("1/3", Fractions), or SymPy matrices.
    weights
        Shape (N,), positive numbers, of any sum; equal ones if not given.

    Returns
    -------
    ConstantVariancePenalty
        The penalty P* in nats, its covariance S* = (E A)^-1, and what bounds it.

    Raises
    ------
    TypeError, ValueError
        If there are no such numbers, or a matrix is not symmetric or not positive definite (decided exactly).
    Undecided
        If a matrix is positive definite, but nearer to a singular one than 16,384 bits tell.

    Notes
    -----
    It is the true loss of ELBO where the posteriors are Gaussians of the precisions A_n. For a curved decoder it is the
    limit as the likelihood's variance goes to zero, if each data point has one preimage and its precision grows like
    1 / sigma^2; a decoder that is refitted to the shared covariance loses less.

    Specht's ratio bounds P* by Kantorovich's kind of argument (W. Specht 1960); the proofs are beside the code. Many
    matrices are worked on in float64 balls: the digits of a penalty near 0 come from the sandwich then.

    Examples
    --------
    >>> import elboproof as ep
    >>> found = ep.constant_variance_penalty([[["1"]], [["2"]], [["3/2"]]])
    >>> print(f"{found.penalty.midpoint:.10f} nats, at most {found.specht_bound:.10f}")
    0.0196305059 nats, at most 0.0298300506
    >>> found = ep.constant_variance_penalty([[[2, 1], [1, 2]], [[1, 0], [0, 3]]])
    >>> print(f"full {found.penalty.midpoint:.6f}, diagonal {found.diagonal_penalty.midpoint:.6f}")
    full 0.077075, diagonal 0.111572
    """
    given = read_precisions(precisions)
    shares = read_weights(weights, len(given))
    count, d, _ = given.shape
    if given.dtype == np.float64 and count * d**3 > FEW:
        with suppress(NotSurelyDefinite), working_precision(PRECISIONS[0]):
            return _found(FloatStack.weighted(given, shares))
    return _exactly(exact_rows(given), shares or [Fraction(1, count)] * count)


def _exactly(rows: list[list[list[Fraction]]], shares: list[Fraction]) -> ConstantVariancePenalty:
    """Return the record by FLINT's balls, of more bits where matrices are near to singular ones."""
    for n, matrix in enumerate(rows):
        positive_pivots(matrix, n)
    for bits in PRECISIONS:
        with suppress(NotSurelyDefinite), working_precision(bits):
            return _found(ExactStack(rows, shares))
    reason = f"the matrices are nearer to singular ones than {PRECISIONS[-1]} bits tell"
    raise Undecided(Enclosure([0.0], [np.inf]), (reason,), "penalties", "precisions")


def _found(stack: PrecisionStack) -> ConstantVariancePenalty:
    """Return the record."""
    mean, back = stack.mean(), stack.back()
    spread = (mean - _identity(mean.nrows())).entries()
    size = _positive(sum((x * x for x in spread), arb(0)))  # ||E A' - I||^2, and its root bounds the norm
    tilt = below(1 - size.upper().sqrt()), above(1 + size.upper().sqrt())
    if not tilt[0] > 0.5:
        raise NotSurelyDefinite
    determinant = mean.det().log()
    direct = (determinant - stack.mean_log_determinant()) / 2
    # X = (E A)^-1 (A - E A) has the trace of its square in these coordinates too; there it is the Frobenius norm of
    # M^-1/2 (A' - M) M^-1/2, M = E A', whose eigenvalues lie in tilt: a factor of at most their squares
    lowest, highest = (1 / arb(t) ** 2 for t in reversed(tilt))
    second = _positive(stack.square() - size) * lowest.union(highest) / 4
    spectrum, bounds = _sandwich(stack, second, tilt)
    penalty = _common((direct, direct), bounds)
    inverse = back.transpose() * mean.inv() * back
    diagonal = stack.diagonal()
    full = determinant - 2 * back.det().log()  # log|E A|
    extra = _positive(sum((entry.log() for entry in diagonal), arb(0)) - full) / 2
    ratio, reference = loewner_ratio(stack, back)
    return ConstantVariancePenalty(
        _between(penalty),
        _matrix(inverse),
        _between((penalty[0] + extra, penalty[1] + extra)),
        Enclosure.from_balls([1 / entry for entry in diagonal]),
        ratio,
        _matrix(reference),
        specht_bound(ratio, mean.nrows()),
        _between((second, second)),
        spectrum,
        _between(bounds),
    )


Bounds = tuple[arb, arb]
"""Of one number: the lower end of the first ball and the upper end of the second."""


def _between(bounds: Bounds) -> Enclosure:
    """Return the enclosure of a number that is not negative."""
    return Enclosure.between_balls([bounds])[0].at_least(0)


def _common(first: Bounds, second: Bounds) -> Bounds:
    """Return what two pairs of bounds of one number have in common; a ball that is not finite bounds nothing."""
    lower = [ball.lower() for ball, _ in (first, second) if ball.is_finite()]
    upper = [ball.upper() for _, ball in (first, second) if ball.is_finite()]
    return max(lower, default=-arb("inf")), min(upper, default=arb("inf"))


def _identity(size: int) -> arb_mat:
    return arb_mat([[arb(int(i == j)) for j in range(size)] for i in range(size)])


def _positive(ball: arb) -> arb:
    """Return the part of a ball that is not negative, for a number that is known not to be."""
    return ball if ball >= 0 else arb(0).union(ball.upper().max(arb(0)))


def _matrix(balls: arb_mat) -> Enclosure:
    return Enclosure.from_balls(balls.entries()).reshape(balls.nrows(), balls.ncols())


def _sandwich(stack: PrecisionStack, second: arb, tilt: tuple[float, float]) -> tuple[Enclosure, Bounds]:
    """Return bounds of the eigenvalues of (E A)^-1 A_n, and of P* by them."""
    # between multiples of I is between multiples of E A', whose eigenvalues lie in tilt
    found = bracket(stack, np.eye(len(stack.floats()[0])))
    low = below(arb(found[0]) / arb(tilt[1]))
    high = above(arb(found[1]) / arb(tilt[0]))
    low, high = min(low, 1.0), max(high, 1.0)  # the mean of the eigenvalues is 1
    return Enclosure(low, high), (share(high) * second, share(low) * second)
