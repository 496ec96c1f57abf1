"""The side conditions of the claim, as predicates."""

from fractions import Fraction
from itertools import product

import sympy
from flint import arb

from elboproof.checking import Hypothesis

from .._shared.predicates import DEFINITE, INDEFINITE, definite, positive
from .tables import Joint, chain

positive_variances = Hypothesis(
    "positive variances",
    "every variance is positive",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(0.5, 1.0), (sympy.Symbol("v", positive=True),), (arb(1) / 3,)],
    rejects=[(0.0,), (0.5, -1.0), (sympy.Symbol("v", real=True),), ()],
)
positive_probabilities = Hypothesis(
    "positive probabilities",
    "every weight of the tables is positive",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(Fraction(1, 3), Fraction(2, 3)), (sympy.Symbol("w", positive=True),)],
    rejects=[(Fraction(0),), (sympy.Symbol("w", real=True),), ()],
)
definite_covariance = Hypothesis(
    "positive definite covariance",
    "the covariance within a class is symmetric and positive definite",
    definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)


def _is_chain(joint: Joint) -> bool:
    """Return whether p(y, x, z, u) = p(y, x) p(z|x) p(u|z), exactly."""

    def marginal(axes: str) -> Joint:
        found: Joint = {}
        for key, mass in joint.items():
            short = tuple(key["yxzu".index(axis)] for axis in axes)
            found[short] = found.get(short, Fraction(0)) + mass
        return found

    x, z, yx, xz, zu = map(marginal, ("x", "z", "yx", "xz", "zu"))
    values = [sorted({key[axis] for key in joint}) for axis in range(4)]
    return all(
        joint.get((a, b, c, d), Fraction(0)) * x[(b,)] * z[(c,)] == yx[(a, b)] * xz[(b, c)] * zu[(c, d)]
        for a, b, c, d in product(*values)
        if (a, b) in yx and (b, c) in xz and (c, d) in zu
    )


_EVEN = [[Fraction(1, 2), Fraction(1, 2)]] * 2
_COPY = [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]]
markov_chain = Hypothesis(
    "a chain",
    "given x the code z knows nothing of y, and given z the second code u knows nothing of x and y",
    _is_chain,
    accepts=[(chain(_COPY, _EVEN, _COPY),), (chain(_EVEN, _COPY, _EVEN),)],
    rejects=[({(0, 0, 0, 0): Fraction(1, 2), (1, 0, 0, 1): Fraction(1, 2)},)],
)
