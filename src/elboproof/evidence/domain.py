r"""The part of the latent space that is searched, and a bound of the rest.

p(x|z) <= e^c for all z, so the integral over |z| > R is at most e^c P(|z| > R). The frame's box |u_k| <= r contains
the ball |z| <= R: with A'A = I + E, |A u|^2 = |u|^2 + u'E u >= (1 - ||E||) |u|^2, so |z| <= R gives
|u_k| <= |u| <= R / sqrt(1 - ||E||). In the same way | log|det A| | <= (d/2) max |log(1 +- ||E||)| <= d ||E|| for
||E|| <= 1/2. ||E|| is bounded by the Frobenius norm of the float product plus the rounding of its entries.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from flint import arb

from elboproof.arguments import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.model.supremum import log_supremum
from elboproof.numbers.balls import working_precision
from elboproof.shapes import Float64

_LOOSEST = 1e-6


@dataclass(frozen=True)
class Domain:
    """Root boxes and tails of N data points.

    Attributes
    ----------
    half : (N,)
        The root boxes' half width in u.
    log_tail : (N,)
        Upper bounds of the log of the integral outside.
    log_volume : (N,)
        Bounds of | log|det A| |.
    log_supremum : float
        Upper bound of log p(x), any x.
    """

    half: Float64[FloatArray, "N"]
    log_tail: Float64[FloatArray, "N"]
    log_volume: Float64[FloatArray, "N"]
    log_supremum: float


def domain(
    model: LatentModel,
    frames: Float64[FloatArray, "N d d"],
    log_mass: Float64[FloatArray, "N"],
    digits: float,
) -> Domain:
    """Return root boxes outside of which less than 10^-digits of the estimated mass can lie."""
    supremum = log_supremum(model)
    deficit = np.clip(supremum - log_mass, 0.0, 1e100)  # any radius is sound; a larger one would overflow
    wanted = deficit + (digits + 3) * np.log(10.0)
    radius = np.sqrt(2 * wanted) + 2.0
    excess = frame_excess(frames)
    half = rounded_up(radius * (1 + excess) * (1 + 1e-12))
    inner = half / (1 + excess) * (1 - 1e-12)  # the ball that is sure to lie in the box
    tails = np.array([log_tail(model.latent_dim, r) for r in inner]) + supremum
    return Domain(half, tails + 1e-9, excess * model.latent_dim, supremum)


def frame_excess(frames: Float64[FloatArray, "N d d"]) -> Float64[FloatArray, "N"]:
    """Return upper bounds of ||A'A - I||, at most 1e-6, shape (N,).

    Raises
    ------
    ValueError
        If a matrix is not nearly orthogonal.
    """
    d = frames.shape[-1]
    product = np.swapaxes(frames, -1, -2) @ frames
    norm = np.sqrt(((product - np.eye(d)) ** 2).sum((-1, -2)))
    plain = (frames == np.eye(d)).all((-1, -2))
    # entries are sums of d products of numbers below 1.1: each is off by less than d * 2^-52 * 1.3
    bound = np.where(plain, 0.0, norm * (1 + 1e-12) + d * d * 3e-16)
    if not (bound <= _LOOSEST).all():
        raise ValueError(
            f"frames: got a deviation of {bound.max()} from orthogonality; expected at most {_LOOSEST}"
        )
    return bound


def rounded_up(radius: Float64[FloatArray, "N"]) -> Float64[FloatArray, "N"]:
    """Round up to numbers of 6 bits, so that 47 halvings of a box stay exact."""
    exponent = np.floor(np.log2(radius)) - 5
    shift = exponent.astype(int)
    return np.asarray(np.ldexp(np.ceil(np.ldexp(radius, -shift)), shift))


@lru_cache(maxsize=4096)
def log_tail(d: int, radius: float) -> float:
    """Return an upper bound of log P(|z| > R) for z ~ N(0, I_d): the regularised upper incomplete gamma function."""
    with working_precision(64):
        half_square = arb(radius) * arb(radius) / 2
        tail = half_square.gamma_upper(arb(d) / 2, regularized=1)
        return float(tail.log().upper()) + 1e-12 * abs(float(half_square))
