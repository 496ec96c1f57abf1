"""Hypothesis strategies for property-based tests: expressions, models, posteriors and data, all in exact numbers.

What is drawn is accepted by the package as it is: nothing is filtered out, and a counterexample shrinks to the smallest
model that is one.
"""

from elboproof.strategies.expressions import NAMES as NAMES
from elboproof.strategies.expressions import expressions as expressions
from elboproof.strategies.expressions import numbers as numbers
from elboproof.strategies.expressions import points as points
from elboproof.strategies.likelihoods import FAMILIES as FAMILIES
from elboproof.strategies.likelihoods import data as data
from elboproof.strategies.likelihoods import likelihoods as likelihoods
from elboproof.strategies.models import decoders as decoders
from elboproof.strategies.models import models as models
from elboproof.strategies.posteriors import posterior_batches as posterior_batches
from elboproof.strategies.posteriors import posteriors as posteriors
from elboproof.strategies.priors import KINDS as KINDS
from elboproof.strategies.priors import codes as codes
from elboproof.strategies.priors import priors as priors

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
