"""Hypothesis strategies for property-based tests: expressions, models, posteriors and data, all in exact numbers.

What is drawn is accepted by the package as it is: nothing is filtered out, and a counterexample shrinks to the smallest
model that is one.
"""

from elboproof.strategies.families import FAMILIES as FAMILIES
from elboproof.strategies.families import data as data
from elboproof.strategies.families import likelihoods as likelihoods
from elboproof.strategies.gaussians import posterior_batches as posterior_batches
from elboproof.strategies.gaussians import posteriors as posteriors
from elboproof.strategies.latent_models import decoders as decoders
from elboproof.strategies.latent_models import models as models
from elboproof.strategies.laws import KINDS as KINDS
from elboproof.strategies.laws import codes as codes
from elboproof.strategies.laws import priors as priors
from elboproof.strategies.texts import NAMES as NAMES
from elboproof.strategies.texts import expressions as expressions
from elboproof.strategies.texts import numbers as numbers
from elboproof.strategies.texts import points as points

__all__ = [
    "FAMILIES",
    "KINDS",
    "NAMES",
    "codes",
    "data",
    "decoders",
    "expressions",
    "likelihoods",
    "models",
    "numbers",
    "points",
    "posterior_batches",
    "posteriors",
    "priors",
]
