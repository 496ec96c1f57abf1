"""The side conditions of the claim, as predicates."""

from collections.abc import Sequence

import numpy as np

from elboproof.checking import Hypothesis

SMOOTH = ("tanh", "silu", "gelu", "softplus")
FEWEST_SEEDS = 5


def _power_of_two(scale: float) -> bool:
    return bool(scale > 0 and np.frexp(scale)[0] == 0.5)


def _different(seeds: Sequence[int]) -> bool:
    return len(set(seeds)) == len(seeds) >= FEWEST_SEEDS


powers_of_two = Hypothesis(
    "powers of two",
    "the factor between two scales of the data is a power of two, so that a product with it is not rounded",
    _power_of_two,
    accepts=[(2.0**-10,), (1.0,), (1024.0,)],
    rejects=[(1e3,), (1e-3,), (-2.0,), (0.0,)],
)
several_seeds = Hypothesis(
    "several seeds",
    f"networks were trained with at least {FEWEST_SEEDS} seeds, no two the same",
    _different,
    accepts=[((0, 1, 2, 3, 4),)],
    rejects=[((0, 1, 2, 3),), ((0, 1, 2, 3, 3),)],
)
smooth_networks = Hypothesis(
    "smooth networks",
    "the decoder's activation is analytic on the real line, so that evidences and stationary Gaussians can be proved",
    lambda activation: activation in SMOOTH,
    accepts=[("tanh",), ("silu",)],
    rejects=[("relu",)],
)
