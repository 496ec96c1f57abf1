"""The likelihood of a loss from differences: pairs of calls that differ in the decoder's outputs alone.

What else the loss holds cancels, whatever it is, so that the likelihood is known where the divergence is not.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from elboproof.audit.detector import likelihood_terms, split
from elboproof.audit.fitting import Equations, columns_of, reductions
from elboproof.audit.likelihoods import Likelihood, candidates
from elboproof.audit.session import Session

PAIRS = 24


@dataclass(frozen=True)
class WeightedLikelihood:
    """A likelihood known by differences, with the weights of its terms in the loss, and its reduction."""

    likelihood: Likelihood
    weights: Mapping[str, float]
    reduction: str


def likelihood_of(session: Session) -> WeightedLikelihood | None:
    """Return the likelihood of a session's loss, looked for once; None if it is none that is known."""
    if "likelihood" not in session.kept:
        session.kept["likelihood"] = _looked_for(session)
    found: WeightedLikelihood | None = session.kept["likelihood"]
    return found


def _looked_for(session: Session) -> WeightedLikelihood | None:
    first, second = [], []
    for n, design in enumerate(session.designer.designs("pairs", PAIRS)):
        first.append(session.bench.call(design, session.seed(n)))
        second.append(session.bench.call(replace(design, seed=design.seed + 1), session.seed(n)))
    apart = [
        replace(one, loss=one.loss.detach() - two.loss.detach())
        for one, two in zip(first, second, strict=True)
    ]
    equations = Equations(apart)
    x = first[0].design.x.reshape(first[0].batch, -1)
    for law in candidates(
        split(first[0].outputs, x.shape[1]), x, session.bench.shapes.ranges, session.designer.support
    ):
        for how in reductions(first[0]):
            terms = partial(likelihood_terms, likelihood=law)
            ours, others = (columns_of(calls, terms, how) for calls in (first, second))
            # what depends on the data alone, such as log x!, is the same in both
            columns = {name: ours[name] - others[name] for name in ours if np.any(ours[name] != others[name])}
            fit = equations.solve(columns)
            if fit is not None and fit.residual <= session.close:
                return WeightedLikelihood(law, fit.weights, how)
    return None


def density(law: WeightedLikelihood, scale: float, D: int) -> tuple[dict[str, float], float]:
    """Return the weights and the constant of minus a log density, for a loss that is ``scale`` times one."""
    found = {name: value / scale for name, value in law.weights.items()}
    likelihood, first = law.likelihood, next(iter(law.weights))
    if likelihood.expected:
        # what differences of outputs cannot see, a term of the data alone, belongs to the density
        return {**likelihood.expected, **found}, likelihood.constant(D)
    a = found[first]
    width = math.log(math.pi / a) / 2 if likelihood.family == "gaussian" else math.log(2 / a)
    return found, D * width + likelihood.constant(D)
