"""How smooth f* is: a bound of its slope, a tube of analyticity around R^d, a modulus of continuity.

For one shared covariance S, with p_i = S^-1 m_i:

- J(z) = Cov_w(x, p), so for unit vectors a, b: a.J b = Cov_w(a.x, b.p) <= range(a.x) range(b.p) / 4, by
  Cauchy-Schwarz and Popoviciu's inequality. Hence ||J(z)||_2 <= diam(x) diam(p) / 4; two points reach it where
  their weights are equal.
- At z + iy the weights are w_i(z) exp(i y.p_i) up to a common factor. If |y| diam(p) < pi, all these phases lie in an
  open half-circle and the denominator cannot vanish. Hence f* is analytic for |Im z| < pi / diam(p); for two points
  the denominator vanishes at distance pi / diam(p) itself. Codes on one line have a wider tube (`line`).
- log w_i(z') / w_i(z) = (z' - z).p_i + constant has a range R <= |z' - z| diam(p) over i. With a <= b the masses of
  the points whose weight falls and w, w' the two laws, the total variation is at most max over a of
  (e^R - 1)(1 - a) a / (1 + a (e^R - 1)) = tanh(R / 4). Hence |f*(z') - f*(z)| <= diam(x) tanh(diam(p) |z' - z| / 4).

For S = s^2 I, diam(p) = diam(m) / s^2. Different covariances: `unequal`. All numbers are rounded to the safe side.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad
from elboproof.decoder import bounds, enclosing, gaussians, line, tensors, unequal
from elboproof.decoder.gaussians import Gaussians
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import downward, upward
from elboproof.shapes import Float, Float64

Floats = NDArray[np.floating[Any]]

SATURATED = 32.0
"""tanh of more is 1 in float64."""


def lipschitz(g: Gaussians, data: Float[Floats, "N D"]) -> float:
    """Return a bound of ||J(z)||_2 for all z, rounded up; infinite where none is known."""
    g = _merged(g)
    size = bounds.diameter(data)
    if size == 0.0:
        return 0.0
    if g.shared:
        return upward(size * bounds.slope_diameter(g) / 4, roundings=2)  # a product; the quarter is exact
    return upward(size * unequal.steepness(g, data), roundings=1)


def radius(g: Gaussians, data: Float[Floats, "N D"]) -> float:
    """Return a width of a tube |Im z| < width in which f* is analytic, rounded down; infinite for a constant f*."""
    g = _merged(g)
    if (data == data[0]).all():
        return math.inf
    if not g.shared:
        return unequal.radius(g, data)
    if (g.means == g.means[0]).all():
        return math.inf
    exact = line.width(enclosing.exact(g, g.means[:0]), g.means)
    if exact is not None:
        return exact
    return downward(math.pi / bounds.slope_diameter(g), roundings=2)  # the float pi is below pi


def modulus(g: Gaussians, data: Float[Floats, "N D"], distance: Any) -> Any:
    """Return bounds of |f*(z) - f*(z')| for |z - z'| = ``distance``, of its shape, rounded up."""
    g, far = _merged(g), _distances(distance)
    size = bounds.diameter(data)
    if size == 0.0:
        return 0.0 * np.minimum(far, 1.0)[()]
    if g.shared:
        spread = bounds.slope_diameter(g)
        # a power of 2 is exact; the product of a zero and an infinity is no number, and means equal codes or places
        with np.errstate(invalid="ignore", over="ignore"):
            angle = np.nan_to_num(upward(far * (spread / 4), roundings=1), nan=0.0, posinf=SATURATED)
        share = BallArray(np.minimum(angle, SATURATED)).tanh().upper()
        return upward(size * np.where(angle > 0, share, 0.0), roundings=1)[()]
    slope = lipschitz(g, data)
    with np.errstate(invalid="ignore", over="ignore"):
        straight = np.where(far > 0, upward(far * slope, roundings=1), 0.0)
    return np.minimum(size, straight)[()]


def _merged(g: Gaussians) -> Gaussians:
    """Return the Gaussians with one shared covariance if all are equal: a tensor that is differentiated keeps N."""
    same = g.shared or (g.covariances == g.covariances[:1]).all()
    return (
        replace(g, covariances=g.covariances[:1], precisions=g.precisions[:1], log_norms=g.log_norms[:1])
        if same
        else g
    )


def _distances(distance: Any) -> Float64[NDArray[np.float64], "..."]:
    requirement = "a number of at least 0, or an array of them"
    far = tensors.plain(gaussians.real_table(distance, "distance", requirement), "distance").astype(
        np.float64
    )
    if not (far >= 0).all():
        raise bad("distance", distance, requirement)
    return far
