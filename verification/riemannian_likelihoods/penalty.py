"""S3: what one covariance for all x costs, beside the penalty of the precisions."""

from fractions import Fraction
from functools import lru_cache

import numpy as np
from flint import arb

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, control

from .._shared.balls import ball, spanned, working_precision
from . import claim
from .evidences import LINES, PLANES, Instance, logits
from .hypotheses import positive_parameters

BITS = 120
SETS: dict[str, tuple[Instance, list[list[int]]]] = {
    "Poisson, z, x = 0, 1, 2, 5": (LINES["Poisson, z"], [[0], [1], [2], [5]]),
    "Bernoulli, 2 z + 2": (logits(ep.Bernoulli(), (1,), "2*z + 2"), [[0], [1]]),
    "three classes, (a, b, 0)": (
        logits(ep.Categorical(), (1, 0, 0), "a", "b", "0"),
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    ),
    "Poisson, (a + b, a - b)": (PLANES["Poisson, (a + b, a - b)"], [[0, 1], [2, 1], [4, 0]]),
}
TENTH = Fraction(1, 10)


@lru_cache
def _penalty(name: str) -> tuple[arb, arb]:
    """Return what one covariance costs, and P* of the own best Gaussians' precisions."""
    one, data = SETS[name]
    own = [ep.stationary_posterior(one.model, x) for x in data]
    shared = ep.shared_stationary_posterior(one.model, data)
    cost = sum((point.ball for point in own), arb(0)) / len(own) - shared.ball
    precisions = [np.linalg.inv(np.asarray(point.covariance.midpoint)) for point in own]
    symmetric = np.array([(A + A.T) / 2 for A in precisions])
    return cost, spanned(ep.constant_variance_penalty(symmetric).penalty)


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="<=",
    states=(
        "what one covariance for all x costs in mean ELBO, each mean moving with it, is positive and within a tenth of "
        "P* = (1/2) (log det E A - E log det A), A the precisions of the own best Gaussians"
    ),
    domain=f"{'; '.join(SETS)}, each x once",
    hypotheses=(positive_parameters,),
    controls=(
        control("P* without its 1/2", refutes="near*", factor=2),
        control("0.85 P*", refutes="near*", factor=Fraction(85, 100)),
        control("it gains", refutes="positive*", sign=-1),
    ),
)
def one_covariance_costs_the_penalty(run: Run, *, factor: Fraction | int = 1, sign: int = 1) -> Verdict:
    """Claim constant-variance-penalty with J'GJ for J'J/sigma^2: P* is the leading term, not the cost itself."""
    parts = {}
    with working_precision(BITS):
        for name in SETS:
            cost, penalty = _penalty(name)
            run.assume(positive_parameters, penalty)
            parts[f"positive, {name}"] = ball_positive(sign * cost)
            parts[f"near, {name}"] = ball_at_most(abs(cost / (ball(factor) * penalty) - 1), TENTH)
        return all_of(parts)
