"""Integrals of p(z) p(x|z) over a part of the latent space, with a factor: posterior quantities are their ratios.

A region is a box in which some latents may be held at a number. The factor is exp(tilt), positive; the engine sees it
as a part of the prior's density, in charts of the box.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy import Expr, Symbol

from elboproof.arguments import bad
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import CELLS, prove
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.networks import Affine, Network
from elboproof.model.placed_model import PlacedModel
from elboproof.model.placement import Placement
from elboproof.model.prior_density import PriorDensity
from elboproof.model.quantities import Interval
from elboproof.numbers.ball_matrices import ExactMatrix

LEAST_TIME = 1e-3


@dataclass(frozen=True, eq=False)
class Region(PlacedModel):
    """The integrand exp(tilt) p(z) p(x|z) over the free latents, those of the placement."""

    @property
    def latent_dim(self) -> int:
        """The number of free latents."""
        return len(self.placement.symbols)


def region(model: LatentModel, box: Sequence[Interval], tilt: Expr, held: Mapping[int, Fraction]) -> Region:
    """Return the integrand on a box.

    Parameters
    ----------
    box
        (low, high) for each latent, infinite ends allowed; of a latent that is held nothing is used.
    tilt
        An expression in the latents.
    held
        Exact numbers of latents by their places; at least one latent must be free. Of a network: doubles.
    """
    numbers = {model.latents[k]: _rational(value) for k, value in held.items()}
    free = [k for k in range(model.latent_dim) if k not in held]
    names = [model.latents[k] for k in free]
    density = (model.prior.log_density(model.latents) + tilt).xreplace(numbers)
    if held and isinstance(model, NetworkModel):
        # a network has its numbers from a first layer, and its own names for what is left
        model = NetworkModel(_with_numbers(model.network, free, held), model.likelihood)
        density = density.xreplace(dict(zip(names, model.latents, strict=True)))
        names, numbers = list(model.latents), {}
        free = list(range(len(names)))
        box = [interval for k, interval in enumerate(box) if k not in held]
    prior = PriorDensity(density, [box[k] for k in free], normalised=False)
    return Region(model, _filled(prior.placement(names), free, numbers, model.latents))


def _with_numbers(network: Network, free: Sequence[int], held: Mapping[int, Fraction]) -> Network:
    """Return the network of the free inputs: z = E z_free + b, with b the numbers held, which are doubles."""
    places = np.eye(network.inputs)[:, list(free)]
    bias = np.zeros(network.inputs)
    for k, value in held.items():
        bias[k] = float(value)
        if Fraction(bias[k]) != value:
            raise bad("at", str(value), "a number that float64 holds exactly, for a network")
    return Network((Affine(ExactMatrix(places), bias, "at"), *network.layers))


def _filled(
    placed: Placement, free: Sequence[int], held: Mapping[Symbol, Expr], latents: Sequence[Symbol]
) -> Placement:
    """Return a placement of the free latents with the held ones among them."""
    found = {latents[k]: place for k, place in zip(free, placed.place, strict=True)} | dict(held)
    return Placement(placed.symbols, tuple(found[z] for z in latents), placed.energy, placed.ends)


def _rational(value: Fraction) -> Expr:
    return sympy.Rational(value.numerator, value.denominator)


@dataclass(frozen=True)
class LogMass:
    """Bounds of the logarithm of an integral, ends of balls, and what stopped its proof."""

    lower: Any
    upper: Any
    status: str

    def ratio(self, whole: "LogMass") -> arb:
        """Return a ball around exp(self - whole), at the precision in force."""
        # both logarithms hold at once: the ratio is least where this one is low and the whole is high
        low = (self.lower - whole.upper).exp() if self.lower.is_finite() else arb(0)
        high = (self.upper - whole.lower).exp()
        if not (low.is_finite() and high.is_finite()):
            return arb(0, float("inf"))
        ball: arb = low.lower().union(high.upper())
        return ball


def log_mass(integrand: Region, data: Data, digits: float, deadline: float) -> LogMass:
    """Return the log of the integral to 10^-digits, or what is known of it at the deadline."""
    left = max(deadline - time.monotonic(), LEAST_TIME)
    return told(prove(integrand, data, digits, seconds=left, most_cells=CELLS))


def told(evidence: Evidence) -> LogMass:
    """Return the bounds of one data point, with all digits that were proved."""
    low, high = float(evidence.enclosure.lower[0]), float(evidence.enclosure.upper[0])
    lower, upper = arb(low) if low > -np.inf else arb.neg_inf(), arb(high) if high < np.inf else arb.pos_inf()
    # the sums in arb and those in floats are both proofs: the narrower one counts
    for below, above in evidence.balls:
        if below.is_finite() and above.is_finite() and not (above - below > upper - lower):
            lower, upper = below, above
    return LogMass(lower, upper, evidence.statuses[0])
