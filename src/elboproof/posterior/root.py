r"""The box in which posterior quantities are integrated, and a proved bound of what lies outside of it.

Where the prior is a mixture of Gaussians N(m_c, C_c), the box has m_ck +- r sqrt(C_ckk) in it, so that the prior's mass
outside is at most d erfc(r / sqrt 2). With p(x|z) <= e^s everywhere,

    int_outside p(z) p(x|z) dz <= e^s d erfc(r / sqrt 2),
    int_outside |g| p(z) p(x|z) dz <= e^s sqrt(E_prior[g^2] d erfc(r / sqrt 2))           (Cauchy and Schwarz).

Other priors are integrated over their own domain, and nothing lies outside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb
from sympy import Expr

from elboproof.arguments import bad
from elboproof.expectations.expectation import expectation
from elboproof.model.data import Data
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.model.mixture import Mixture
from elboproof.model.priors import Normal, Prior
from elboproof.model.quantities import Interval
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of

BITS = 128
SPARE = 4.0
"""Digits more than asked: of what may lie outside."""
MOST_DEFICIT = 1e5
"""Nats from the likelihood's supremum to the evidence, up to which the radius follows."""


@dataclass(frozen=True)
class Root:
    """Where one posterior is integrated.

    Attributes
    ----------
    box : tuple of (low, high)
        For each latent; infinite only for a prior that is a density of its own on an unbounded domain.
    log_supremum : arb
        s.
    outside : arb
        The prior's mass outside, an upper bound; 0 where the box is the prior's domain.
    parts : tuple of (weight, GaussianPosterior)
        The prior; empty where it is no mixture of Gaussians.
    """

    box: tuple[Interval, ...]
    log_supremum: arb
    outside: arb
    parts: tuple[tuple[Fraction, GaussianPosterior], ...]

    def mass(self) -> arb:
        """Return an upper bound of the integral of p(z) p(x|z) outside."""
        return (self.log_supremum.exp() * self.outside).upper()

    def moment(self, square: arb) -> arb:
        """Return an upper bound of the integral of |g| p(z) p(x|z) outside, given one of E_prior[g^2]."""
        return (self.log_supremum.exp() * (square * self.outside).sqrt()).upper()


def prior_square(model: LatentModel, g: Expr, seconds: float) -> arb:
    """Return an upper bound of E[g^2] under a prior of Gaussians; 0 for others, where nothing lies outside.

    Raises
    ------
    Undecided
        If it could not be proved: g may grow too fast.
    """
    total, names = arb(0), [str(z) for z in model.latents]
    for weight, q in gaussians(model.prior, model.latent_dim):
        square = expectation(g**2, q, 2, latent=names, seconds=seconds)
        with working_precision(BITS):
            total += ball_of(weight) * arb(float(square.upper))
    return total.upper()


def gaussians(prior: Prior, d: int) -> tuple[tuple[Fraction, GaussianPosterior], ...]:
    """Return a prior's weights and Gaussian components, none if it has others."""
    if isinstance(prior, Mixture):
        parts = [gaussians(part, d) for part in prior.components]
        if not all(parts):
            return ()
        return tuple((weight, part[0][1]) for weight, part in zip(prior.weights, parts, strict=True))
    if not isinstance(prior, Normal):
        return ()
    mean = [0] * d if prior.mean is None else prior.mean
    covariance = [1] * d if prior.covariance is None else prior.covariance
    return ((Fraction(1), GaussianPosterior(mean, covariance)),)


def root_of(model: LatentModel, data: Data, log_evidence: float, digits: float, square: arb) -> Root:
    """Return the box for a log evidence, a float that only steers, and a bound of E_prior[g^2].

    Raises
    ------
    ValueError
        If the likelihood may grow with |z|: nothing then bounds what lies outside.
    """
    d, parts = model.latent_dim, gaussians(model.prior, model.latent_dim)
    with working_precision(BITS):
        if not parts:
            return Root(tuple(model.prior.domain(d)), arb(0), arb(0), ())
        supremum = _log_supremum(model, data)
        deficit = min(max(float(supremum.mid()) - log_evidence, 0.0), MOST_DEFICIT)
        # erfc(r / sqrt 2) < exp(-r^2 / 2): a square root of it must beat the deficit and the digits
        growth = max(float(square.log().mid()), 0.0) / 2 if square > 0 else 0.0
        radius = math.ceil(2 * math.sqrt(deficit + growth + math.log(10.0) * (digits + SPARE))) + 1
        outside = (d * (arb(radius) / arb(2).sqrt()).erfc()).upper()
        return Root(_box(parts, d, radius), supremum, outside, parts)


def _box(parts: Sequence[tuple[Fraction, GaussianPosterior]], d: int, radius: int) -> tuple[Interval, ...]:
    """Return integers below all m - r s and above all m + r s; the deviations are rounded up."""
    box = []
    for k in range(d):
        reach = [
            (
                q.mean[k],
                radius * Fraction(float(np.nextafter(np.sqrt(float(q.covariance[k][k])), np.inf) * 1.001)),
            )
            for _, q in parts
        ]
        low, high = min(m - r for m, r in reach), max(m + r for m, r in reach)
        box.append((Fraction(low.__floor__()), Fraction(high.__ceil__())))
    return tuple(box)


def _log_supremum(model: LatentModel, data: Data) -> arb:
    ceiling = model.ceiling(data.balls)
    if ceiling.grows.any():
        raise bad("model", model, "a likelihood that is bounded over z")
    base = model.log_base(data.rows[0])
    return arb(float(ceiling.constant[0])) + (arb(0) if base is None else base)
