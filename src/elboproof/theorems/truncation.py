r"""Integrals cut off at |z| = R, for leaves at whose control points the whole integral is infinite or too large.

One latent. A control point b need not be the theta of any parameters, and exp(theta_b . T) may grow without limit. At
the points p of the box, however, the exponent is at most 0,

    theta(p) . T(z) + constant(p) = -(w/2) |x - f(z)|^2 <= 0,

so that what lies beyond R is at most eps = P(|Z| > R) = erfc(R / sqrt 2), Z ~ N(0, 1), whatever p:

    A_R(theta) <= A(theta) <= log(exp(A_R(theta) + constant) + eps) - constant        at the points of the box.

A_R is finite everywhere and convex, as a logarithm of an integral of exponentials. So is the right side plus the
constant, in (theta, constant): eps is one more exponential in the sum. Upper bounds take the right side, tangents A_R.

For the gap from below, ELBO(q) = theta . E_q T - KL(q || prior) may not exceed an affine tau at the points. As
theta . E_q T + constant <= 0 there, ELBO(q) <= -constant - KL: no q with KL >= K exceeds it, K being the greatest
-constant - tau over the control points, since constant and tau are affine. For the other q, ELBO(q) is affine in theta,
and ELBO(q) <= tau at the control points is what is left to prove.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np
from flint import arb

from elboproof.numbers.outward import above
from elboproof.statements import Box
from elboproof.theorems import tails
from elboproof.theorems.leaf import Leaf
from elboproof.theorems.natural import ControlPoint, Natural, Theta
from elboproof.theorems.polynomials import rational
from elboproof.theorems.steering import Steering, floats

SHARE = 1e-7
"""Of the integral: how much the tail may be, about; estimates have ten times that to spare."""
RADII = [Fraction(k, 2) for k in range(8, 61)]
LARGEST_WHOLE = 1e3
"""Nats of an exponent's supremum up to which integrals are taken whole: beyond, the bulk may lie far out."""
SPARE = 1.0
"""Nats of divergence beyond what is needed."""
CORNER = Fraction(1, 2**20)
"""Of a leaf's sides: how large the boxes at its corners are that stand for all smaller ones."""


def possible(natural: Natural) -> bool:
    """Whether leaves may be cut off: one latent, atoms that are bounded."""
    return len(natural.latents) == 1 and all(tails.magnitude(atom) is not None for atom in natural.atoms)


def radius(steering: Steering, controls: Sequence[ControlPoint]) -> Fraction | None:
    """Return the least R whose tail is small beside the integrals at the control points; None if none is."""
    # Floats steer: every R > 0 is sound. The exponents at points of the box lie between those of the control points.
    thetas = floats([control.theta for control in controls], len(steering.natural.statistics))
    constants = np.array([float(arb(control.constant)) for control in controls])
    least = float((steering.integrals(thetas) + constants).min())
    wanted = SHARE * math.exp(least) if least < 0 else SHARE
    return next((r for r in RADII if math.erfc(float(r) / math.sqrt(2)) <= wanted), None)


def tail(radius: Fraction) -> arb:
    """Return P(|Z| > R)."""
    return (arb(rational(radius)) / arb(2).sqrt()).erfc()


def with_tail(log_mass: arb, constant: arb, radius: Fraction) -> arb:
    """Return log(exp(A_R + constant) + eps) - constant, from A_R."""
    return (tail(radius) * (-(log_mass + constant)).exp()).log1p() + log_mass


def divergence(leaf: Leaf, thresholds: Sequence[arb]) -> float:
    """Return K + `SPARE` or more, rounded up to an integer, for thresholds tau at the control points.

    Infinite where the leaf is not cut off, or a threshold is not finite.
    """
    # More is true for less: at the control points the exponent may be above 0 a little, and then q's near K would
    # exceed the threshold there.
    controls = leaf.controls or []
    if leaf.radius is None or not all(threshold.is_finite() for threshold in thresholds):
        return math.inf
    values = [-arb(one.constant) - tau for one, tau in zip(controls, thresholds, strict=True)]
    return float(math.ceil(max(above(value) for value in values) + SPARE))


def supremum(natural: Natural, theta: Theta, radius: Fraction) -> float:
    """Return an upper bound of theta . T(z) over |z| <= R: each product at its largest.

    Raises
    ------
    ValueError
        If an atom is not known to be bounded.
    """
    # A power of z with a negative factor is at most 0 where it is even; what holds atoms counts with its size.
    r, total = rational(radius), arb(0)
    for value, (power, *exponents) in zip(theta, natural.statistics, strict=True):
        size = abs(value) * r**power
        for atom, exponent in zip(natural.atoms, exponents, strict=True):
            bound = tails.magnitude(atom)
            if bound is None:
                raise ValueError(f"no bound of {atom} is known")
            size *= bound**exponent
        if value > 0 or power % 2 or any(exponents):
            total += arb(size)
    return above(total)


def stays_unbounded(natural: Natural, box: Box) -> bool:
    """Whether a control point's exponent is unbounded on every box at a corner, however small.

    So it is where a leading coefficient vanishes at the corner, as that of z + c z^2 at c = 0.
    """
    for corner in product((0, 1), repeat=len(box)):
        small = tuple(
            (low, low + (high - low) * CORNER) if side == 0 else (high - (high - low) * CORNER, high)
            for (low, high), side in zip(box, corner, strict=True)
        )
        known = tails.quadratic_suprema(natural, small)
        for control in natural.controls(small) or []:
            if tails.supremum(natural, control.theta) is None and known.get(control.theta) is None:
                return True
    return False
