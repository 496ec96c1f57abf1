"""S7, S8: mixtures that certify the supremum over all priors, decoders and encoders, and encoders that come near it."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from flint import arb

from .._shared.balls import ball
from .._shared.kept import kept
from .._shared.lindsay import Mixture, log_of_largest, mean_log_evidence
from .._shared.three_data import DATA

SPLIT = Fraction(1, 4)
"""The variance of the pair -1, 0: for smaller sigma^2 the best mixture has an atom for each."""
ROUNDS, SETTLED = 100_000, 1e-15
TOLERANCE = 1e-9
"""Of the certificate."""


@kept
def settled(variance: str) -> tuple[list[float], list[float]]:
    """Return atoms and weights where expectation and maximisation settles: Blahut's and Arimoto's step, atoms move."""
    x = np.array([float(Fraction(datum)) for datum in DATA])
    v = float(Fraction(variance))
    atoms = x.copy() if Fraction(variance) < SPLIT else np.array([x[:2].mean(), x[2]])
    weights = np.full(len(atoms), 1 / len(atoms))
    for _ in range(ROUNDS):
        share = weights * np.exp(-((x[:, None] - atoms) ** 2) / (2 * v))
        share /= share.sum(1, keepdims=True)
        moved = share.T @ x / share.sum(0) - atoms
        atoms, weights = atoms + moved, share.mean(0)
        if np.abs(moved).max() < SETTLED:
            break
    return atoms.tolist(), weights.tolist()


def best_mixture(variance: str) -> Mixture:
    """Return the mixture that steers: the certificate holds for any, and is tight for the best one."""
    atoms, weights = settled(variance)
    return Mixture.of(atoms, weights[:-1])


def two_atoms() -> Mixture:
    """Return the values of a decoder that tells the pair -1, 0 from 5/2, and no more."""
    return Mixture.of(["-1/2", "5/2"], ["2/3"])


def enclosed(variance: str, mixture: Callable[[str], Mixture] = best_mixture) -> tuple[arb, arb]:
    """Return E log p_mu, which some decoder and prior reach, and log max D: their sum is an upper bound for all."""
    data, v = [ball(datum) for datum in DATA], ball(variance)
    found = mixture(variance)
    return mean_log_evidence(data, found, v), log_of_largest(data, found, v, TOLERANCE)


def supremum(variance: str) -> arb:
    """Return the largest ELBO over all priors, decoders and encoders."""
    value, excess = enclosed(variance)
    return value.union(value + excess)


def constant(variance: str) -> arb:
    """Return log sqrt(2 pi sigma^2)."""
    return (2 * arb.pi() * ball(variance)).log() / 2


def separate(variance: str) -> tuple[arb, arb]:  # noqa: ARG001
    """Return I and the mean squared error of three codes far apart: log 3 and 0."""
    return arb(3).log(), arb(0)


def merged(variance: str) -> tuple[arb, arb]:  # noqa: ARG001
    """Return I and the mean squared error of one code for -1 and 0, and another far away: log 3 - 2/3 log 2 and 1/6."""
    return arb(3).log() - 2 * arb(2).log() / 3, arb(1) / 6


Configuration = Callable[[str], tuple[arb, arb]]


def elbo(variance: str, configuration: Configuration) -> arb:
    """Return the ELBO, under the prior q(z), that Gaussian encoders come arbitrarily near to as codes move apart."""
    known, error = configuration(variance)
    return -known - error / (2 * ball(variance)) - constant(variance)
