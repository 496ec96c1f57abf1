"""The side conditions of the claim, as predicates."""

import numpy as np
import sympy
from flint import arb

from elboproof.checking import Hypothesis

from .._shared.predicates import DEFINITE, INDEFINITE, definite, positive

positive_variances = Hypothesis(
    "positive posterior variances",
    "every posterior variance is positive",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(0.5, 1.0), (sympy.Symbol("s", positive=True),), (arb(1) / 3,)],
    rejects=[(0.0,), (0.5, -1.0), (sympy.Symbol("s", real=True),), (arb(0, 1),), ()],
)
definite_covariance = Hypothesis(
    "positive definite posterior covariance",
    "the covariance S of the posteriors is positive definite",
    definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
second_moments = Hypothesis(
    "codes with second moments",
    "there are finitely many codes, all finite",
    lambda codes: len(codes) > 0 and bool(np.isfinite(np.asarray(codes, dtype=float)).all()),
    accepts=[([0.0, 1.0],), (np.ones((3, 2)),)],
    rejects=[([],), ([0.0, np.inf],), ([np.nan],)],
)
