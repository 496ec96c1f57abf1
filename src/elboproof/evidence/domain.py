r"""The part of the latent space that is searched, and a bound of the rest.

p(x|z) <= e^c for all z, so the integral over |z| > R is at most e^c P(|z| > R); where the likelihood may grow with |z|,
the tail is that of `elboproof.model.ceilings`. The frame's box |u_k| <= r contains
the ball |z| <= R: with A'A = I + E, |A u|^2 = |u|^2 + u'E u >= (1 - ||E||) |u|^2, so |z| <= R gives
|u_k| <= |u| <= R / sqrt(1 - ||E||). In the same way | log|det A| | <= (d/2) max |log(1 +- ||E||)| <= d ||E|| for
||E|| <= 1/2. ||E|| is bounded by the Frobenius norm of the float product plus the rounding of its entries.

A prior that lives on a box of its placement's coordinates is searched on that very box, in a plain frame; one that
reaches to infinity there, on a box beyond which its own density bounds it (`prior_tails`).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.prior_tails import PriorTails
from elboproof.model.ceilings import Ceiling, log_growing_tail
from elboproof.model.placement import Placement
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.outward import above, downward, upward
from elboproof.quadrature.cells import root_half
from elboproof.shapes import Float64

_LOOSEST = 1e-6


@dataclass(frozen=True)
class Domain:
    """Root boxes and tails of N data points.

    Attributes
    ----------
    centre, half : (N, d)
        The root boxes in u, floats of few bits.
    log_tail : (N,)
        Upper bounds of the log of the integral outside.
    log_volume : (N,)
        Bounds of | log|det A| |.
    log_supremum : (N,)
        Upper bounds of log p(x).
    """

    centre: Float64[FloatArray, "N d"]
    half: Float64[FloatArray, "N d"]
    log_tail: Float64[FloatArray, "N"]
    log_volume: Float64[FloatArray, "N"]
    log_supremum: Float64[FloatArray, "N"]


def domain(
    integrand: Integrand,
    ceiling: Ceiling,
    frames: Float64[FloatArray, "N d d"],
    log_mass: Float64[FloatArray, "N"],
    digits: float,
) -> Domain:
    """Return root boxes outside of which less than 10^-digits of the estimated mass can lie."""
    tails = tails_of(integrand.placement)
    if tails is None:
        return _ball(integrand.latent_dim, ceiling, frames, log_mass, digits)
    if not (frames == np.eye(integrand.latent_dim)).all():
        raise ValueError("frames: got a frame that is turned; expected plain ones, for a prior on a box")
    # Every bound of a box holds for all data points; the farthest out serves all.
    deficit = np.clip((ceiling.suprema - log_mass).max(), 0.0, 1e4)
    ends, tail = tails.box(int(np.ceil(digits + 3 + deficit / np.log(10.0))))
    centre, half = ends.mean(1), (ends[:, 1] - ends[:, 0]) / 2
    points = len(log_mass)
    # Balls know no -inf and no infinity; a tail of exp(-1e300) is none.
    outside = np.full(points, np.inf)
    if tail < np.inf:
        outside = (BallArray(np.array([max(tail, -1e300)])) + ceiling.suprema).upper()
    return Domain(
        np.tile(centre, (points, 1)),
        np.tile(half, (points, 1)),
        outside,
        np.zeros(points),
        np.full(points, np.inf),
    )


def _ball(
    d: int,
    ceiling: Ceiling,
    frames: Float64[FloatArray, "N d d"],
    log_mass: Float64[FloatArray, "N"],
    digits: float,
) -> Domain:
    """Return the same for N(0, I).

    The radii only steer; tails are bounded for balls |z| <= R that lie in the boxes for sure, since sqrt(1 - e) is at
    least 1/(1 + e) for 0 <= e <= 1e-6.
    """
    # Frames (N, d, d), masses (N,). The estimated radius only steers. What is proved is the tail of the ball
    # |z| <= R with R = half / (1 + e), which the box |u_k| <= half holds: |u| <= R / sqrt(1 - e), and sqrt(1 -
    # e) >= 1 / (1 + e) for 0 <= e <= 1e-6. The quotient is rounded down, the log tails and the suprema are
    # added as balls.
    radius = ceiling.steering_radius(log_mass, digits)
    excess = frame_excess(frames)
    half = root_half(radius * (1 + excess))
    inner = downward(half / (1 + excess), 2)
    tails = BallArray(log_tails(d, inner, ceiling)) + BallArray(ceiling.constant)
    box = np.repeat(half[:, None], d, 1)
    return Domain(np.zeros_like(box), box, tails.upper(), upward(excess * d, 1), ceiling.suprema)


def tails_of(placement: Placement | None) -> PriorTails | None:
    """Return what bounds a prior in its own coordinates; None where those are N(0, I)."""
    return None if placement is None or placement.ends is None else _tails(placement)


@lru_cache(maxsize=64)
def _tails(placement: Placement) -> PriorTails:
    return PriorTails(placement)


def log_tails(d: int, radius: Float64[FloatArray, "N"], ceiling: Ceiling) -> Float64[FloatArray, "N"]:
    """Return upper bounds of log E[exp(ceiling - its constant); |z| > R] for z ~ N(0, I_d), one for each radius."""
    rows = zip(radius.tolist(), ceiling.linear.tolist(), ceiling.square.tolist(), strict=True)
    return np.array([log_growing_tail(d, r, a, b) if a or b else log_tail(d, r) for r, a, b in rows])


def frame_excess(frames: Float64[FloatArray, "N d d"]) -> Float64[FloatArray, "N"]:
    """Return upper bounds of ||A'A - I||, at most 1e-6, shape (N,).

    Raises
    ------
    ValueError
        If a matrix is not nearly orthogonal.
    """
    d = frames.shape[-1]
    difference = np.swapaxes(frames, -1, -2) @ frames - np.eye(d)
    plain = (frames == np.eye(d)).all((-1, -2))
    # An entry is a sum of d products a b with sum |a b| <= 1.1 by Cauchy and Schwarz, less 0 or 1: it is off by at most
    # (d + 1) 2^-53 1.2. The Frobenius norm is at most that of the computed entries plus d times this. The norm itself
    # is a root of d^2 squares.
    norm = upward(np.sqrt((difference**2).sum((-1, -2))), d * d + 1)
    bound = np.where(plain, 0.0, upward(norm + d * (d + 1) * 2.0**-52, 1))
    if not (bound <= _LOOSEST).all():
        raise ValueError(
            f"frames: got a deviation of {bound.max()} from orthogonality; expected at most {_LOOSEST}"
        )
    return bound


@lru_cache(maxsize=4096)
def log_tail(d: int, radius: float) -> float:
    """Return an upper bound of log P(|z| > R) for z ~ N(0, I_d): the regularised upper incomplete gamma function."""
    # An arb bounds the tail whatever its precision; where it is too coarse for a logarithm, a probability is
    # still at most 1.
    with working_precision(64):
        half_square = arb(radius) * arb(radius) / 2
        return min(above(half_square.gamma_upper(arb(d) / 2, regularized=1).log()), 0.0)
