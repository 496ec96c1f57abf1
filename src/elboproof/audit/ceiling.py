"""What E exp(-loss) of a negative bound is at most, whatever its prior, its q and its auxiliary variables are.

Where the decoder's outputs o do not move with z, p(x) = p(x|o), and E exp(-loss) is p(x); if part of the loss is an
expectation in closed form, it is at most that (Jensen). So the mean of W = exp(-loss) / p(x|o) is at most 1. As W >=
min(W, c), a lower end for the mean of min(W, c), which is bounded, is one for that of W: the empirical Bernstein
inequality (Maurer and Pontil 2009, Theorem 4), with c from other draws. Mean and s are those of the user's own encoder,
so that no q is asked for that it could not return.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from elboproof.audit.detector import likelihood_terms
from elboproof.audit.differences import WeightedLikelihood, density
from elboproof.audit.session import Session

Weights: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
DRAWS, PILOT = 600, 100
QUANTILES = (0.5, 0.7, 0.9, 0.97, 1.0)
"""Of the pilot's weights: where they may be cut off."""


@dataclass(frozen=True)
class Floor:
    """A lower end for the mean of W, and the number of draws."""

    low: float
    draws: int


def floor_of(session: Session, law: WeightedLikelihood) -> Floor | None:
    """Return a lower end for the mean of exp(-loss) / p(x|o), false with probability at most this check's share.

    None if the user's encoder returned no mean and s that can be given back, or a weight is not finite.
    """
    real = session.bench.shapes.real_q
    if real is None:
        return None
    mean, s = (one.to(session.designer.dtype).clone() for one in real)
    pilot, found = (_weights(session, law, mean, s, n, count) for n, count in enumerate((PILOT, DRAWS)))
    if not (np.isfinite(pilot).all() and np.isfinite(found).all()):
        return None
    at = max((lower_end(pilot, cut, session.share), cut) for cut in np.quantile(pilot, QUANTILES) if cut > 0)[
        1
    ]
    return Floor(lower_end(found, float(at), session.share), DRAWS)


def lower_end(weights: Weights, cut: float, false_alarm: float) -> float:
    """Return a lower end for the mean of weights >= 0, from those that are cut off at a number chosen beforehand."""
    kept, level = np.minimum(weights, cut), math.log(2 / false_alarm)
    spread = math.sqrt(2 * float(kept.var(ddof=1)) * level / len(kept))
    return float(kept.mean()) - spread - 7 * cut * level / (3 * (len(kept) - 1))


def _weights(
    session: Session, law: WeightedLikelihood, mean: torch.Tensor, s: torch.Tensor, n: int, count: int
) -> Weights:
    design = session.designer.around("ceiling", mean.clone(), s.clone(), slope=0.0)
    first = 40_000 + n * PILOT
    weights, constant = density(law, 1.0, session.bench.shapes.data)
    found = []
    for m in range(count):
        call = session.bench.call(design, session.seed(first + m))
        terms = likelihood_terms(call, law.likelihood)
        log_p = (
            -sum(float(weight * terms[name].detach().sum()) for name, weight in weights.items()) - constant
        )
        found.append(-float(call.loss.detach().sum()) - log_p)
    return np.asarray(np.exp(found))
