"""The side conditions of the claim, as predicates."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb

from elboproof.checking import Hypothesis

from .._shared.predicates import positive

PLACES = np.linspace(-60.0, 60.0, 241)


def _everywhere(log_density: Callable[[Any], Any]) -> bool:
    """Whether a log density on the line is finite at each of some places, far ones too."""
    return bool(np.isfinite(log_density(PLACES)).all())


def _continuous(slope: Callable[[Any], Any]) -> bool:
    """Whether a slope has no jump: halving the mesh halves its largest step, on [-2, 2]."""
    steps = [float(np.abs(np.diff(slope(np.linspace(-2.0, 2.0, n)))).max()) for n in (2001, 4001)]
    return steps[1] <= 0.6 * steps[0]


def _uniform(z: Any) -> Any:
    return np.where(np.abs(z) < 1, -np.log(2), -np.inf)


everywhere_positive = Hypothesis(
    "a start that goes everywhere",
    "q0(z) > 0 for every z",
    _everywhere,
    accepts=[(lambda z: -(z**2) / 2,), (lambda z: -np.abs(z),)],
    rejects=[(_uniform,)],
)
continuous_field = Hypothesis(
    "a continuous field",
    "the kicks are by a continuous field, so that each is a shear",
    _continuous,
    accepts=[(np.tanh,), (lambda z: z**3,)],
    rejects=[(np.sign,), (np.floor,)],
)
tempered = Hypothesis(
    "an inverse temperature of at most 1",
    "0 < beta_0 <= 1, that is T_0 >= 1: momenta cool down",
    lambda beta: positive(beta) and not positive(beta - 1),
    accepts=[(1,), (Fraction(1, 2),), (arb(1) / 3,), (0.2,)],
    rejects=[(0,), (Fraction(3, 2),), (-1.0,)],
)
positive_precision = Hypothesis(
    "a Gaussian posterior",
    "the posterior of each coordinate is N(m, 1/L), L > 0",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(sympy.Symbol("L", positive=True),), (arb(1) / 3,), (2.0, 3.0)],
    rejects=[(sympy.Symbol("L", real=True),), (0.0,), (-1.0, 1.0), (arb(0, 1),), ()],
)
at_least_four = Hypothesis(
    "V >= 4",
    "V = L (s0^2 + (m - mu)^2) >= 4, so that beta_0 = 2/sqrt(V) <= 1",
    lambda *given: all(not positive(4 - one) for one in given),
    accepts=[(4,), (5.0,), (arb(10),)],
    rejects=[(Fraction(39, 10),), (arb(2),)],
)


def _between(number: Any) -> bool:
    if isinstance(number, sympy.Expr) and not number.is_number:
        return False
    return positive(number - 1) and positive(4 - number)


below_four = Hypothesis(
    "1 < V < 4",
    "V is between 1 and 4, where beta_0 = 2/sqrt(V) would exceed 1",
    _between,
    accepts=[(2,), (Fraction(6, 5),), (arb(3),)],
    rejects=[(1,), (4,), (0.5,), (sympy.Symbol("V", positive=True),)],
)


def _continuous_kernel(forward: Sequence[Any], reverse: Sequence[Any]) -> bool:
    return all(r == 0 for q, r in zip(forward, reverse, strict=True) if q == 0)


reachable = Hypothesis(
    "a reverse kernel on the paths",
    "r(rho|z) = 0 wherever the path has probability 0",
    _continuous_kernel,
    accepts=[((1, 0), (1, 0)), ((0.3, 0.7), (0.0, 1.0)), ((sympy.Symbol("q"),), (sympy.Symbol("r"),))],
    rejects=[((1, 0), (1, 1)), ((0, 0.7), (0.1, 0.9))],
)
