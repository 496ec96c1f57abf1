"""S2 on generated models with full R, in float64: nothing is whitened."""

import numpy as np
from hypothesis import strategies as st

from elboproof.checking import Run, Verdict, control, property_holds

from . import claim
from .hypotheses import definite

EXAMPLES, LARGEST = 100, 6
RELATIVE = 1e-9
"""Condition numbers reach 1e4 and cost that factor of 2^-52; worst seen 4e-13."""


def gaussian_elbo(m: np.ndarray, S: np.ndarray, W: np.ndarray, y: np.ndarray, R: np.ndarray) -> float:
    """The ELBO of N(m, S), y = x - b, from expectations of quadratics."""
    P = np.linalg.inv(R)
    r = y - W @ m
    fit = r @ P @ r + np.trace(W.T @ P @ W @ S) + np.linalg.slogdet(2 * np.pi * R)[1]
    prior = m @ m + np.trace(S) + len(m) * np.log(2 * np.pi)
    entropy = np.linalg.slogdet(2 * np.pi * np.e * S)[1]
    return float(entropy - fit - prior) / 2


@claim.check(
    statement="S2",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "the ELBO at S = (I + W'R^-1 W)^-1, m = S W'R^-1 (x - b) is scipy's log N(x; b, R + WW') within 1e-9, "
        "relatively, and it is less at m shifted by about 0.01 and at 1.1 S"
    ),
    domain=f"{EXAMPLES} generated models with full R, d and D up to {LARGEST}, in float64",
    hypotheses=(definite,),
    controls=(
        control("S without the prior's I", refutes=("log evidence", "less at another mean"), prior=0.0),
        control("S half as large", scale=0.5),
    ),
)
def generated_models_agree(run: Run, *, prior: float = 1.0, scale: float = 1.0) -> Verdict:
    """Where the prior is forgotten and d > D, 1e-9 keeps the inverse finite."""
    from scipy.stats import multivariate_normal

    def agrees(d: int, D: int, seed: int) -> dict[str, bool]:
        rng = np.random.default_rng(seed)
        W, y, root = rng.normal(size=(D, d)), rng.normal(size=D), rng.normal(size=(D, D))
        R = root @ root.T + 0.1 * np.eye(D)
        run.assume(definite, R)
        P = np.linalg.inv(R)
        S = scale * np.linalg.inv(prior * np.eye(d) + W.T @ P @ W + 1e-9 * np.eye(d) * (prior == 0))
        m = S @ W.T @ P @ y
        found = gaussian_elbo(m, S, W, y, R)
        stated = float(multivariate_normal(np.zeros(D), R + W @ W.T).logpdf(y))
        shift = 1e-2 * rng.normal(size=d)
        return {
            "log evidence": bool(abs(found - stated) <= RELATIVE * (1 + abs(stated))),
            "less at another mean": bool(gaussian_elbo(m + shift, S, W, y, R) < found),
            "less at another covariance": bool(gaussian_elbo(m, 1.1 * S, W, y, R) < found),
        }

    sizes, seeds = st.integers(1, LARGEST), st.integers(0, 2**32 - 1)
    return property_holds(sizes, sizes, seeds, property=agrees, examples=EXAMPLES, seed=run.integer_seed)
