"""The side conditions of the claim, as predicates."""

from typing import Any

import sympy
from sympy import Symbol

from elboproof.checking import Hypothesis

from .._shared.predicates import DEFINITE, INDEFINITE, definite, positive

P, Q, R = Symbol("p", positive=True), Symbol("q", positive=True), Symbol("r", real=True)


def _same(covariances: Any) -> bool:
    """A list of numbers, symbols or nested lists."""
    return all(one == covariances[0] for one in covariances)


def _two_pairs(data: Any) -> bool:
    """Codes and data: exactly two distinct pairs, in whatever multiplicities, with distinct codes and distinct data."""
    codes, values = data
    pairs = {(_key(m), _key(x)) for m, x in zip(codes, values, strict=True)}
    return len(pairs) == 2 and len({m for m, _ in pairs}) == 2 and len({x for _, x in pairs}) == 2


def _key(value: Any) -> Any:
    return tuple(_key(one) for one in value) if isinstance(value, list | tuple) else value


def _equilateral(codes: Any) -> bool:
    """Squared distances of exact or symbolic points: all equal and positive."""
    squares = {
        sympy.nsimplify(
            sum((sympy.sympify(a) - sympy.sympify(b)) ** 2 for a, b in zip(one, two, strict=True))
        )
        for k, one in enumerate(codes)
        for two in codes[:k]
    }
    return len(squares) == 1 and all(square.is_positive for square in squares)


definite_encoder = Hypothesis(
    "positive definite encoder covariances",
    "every encoder covariance S_i is positive definite",
    definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
finite_data = Hypothesis(
    "finite data",
    "the data set is finite",
    lambda points: 0 < len(points) < float("inf"),
    accepts=[([1.0, 2.0],)],
    rejects=[([],)],
)
shared_covariance = Hypothesis(
    "one shared encoder covariance",
    "all encoder covariances are the same",
    _same,
    accepts=[([P, P, P],), ([0.5, 0.5],), ([[[1, 0], [0, 2]], [[1, 0], [0, 2]]],)],
    rejects=[([P, R],), ([0.5, 0.25],), ([[[1, 0], [0, 2]], [[1, 0], [0, 1]]],)],
)
bounded_below = Hypothesis(
    "covariances bounded below",
    "S(x) >= c I with one c > 0 for all x",
    lambda c, excesses: positive(c) and all(positive(one) or one == 0 for one in excesses),
    accepts=[(P, [Q, 0]), (0.5, [0.0, 1.0])],
    rejects=[(R, [Q]), (0.0, [1.0]), (P, [R])],
)
two_pairs = Hypothesis(
    "two distinct pairs",
    "the data are two distinct pairs (m, x), in any multiplicities",
    _two_pairs,
    accepts=[(([0, 1], [2, 3]),), (([0, 1, 1], [2, 3, 3]),), (([(0, 1), (1, 1)], [(2,), (3,)]),)],
    rejects=[(([0, 1, 2], [2, 3, 4]),), (([0, 0], [2, 3]),), (([0, 1], [2, 2]),)],
)
heavy_weight = Hypothesis(
    "one weight of at least one half",
    "one point has a weight p >= 1/2",
    lambda p: bool(p >= 0.5),
    accepts=[(0.5,), (0.75,)],
    rejects=[(0.25,), (float("nan"),)],
)
equilateral = Hypothesis(
    "equilateral codes",
    "all distances of two codes are equal",
    _equilateral,
    accepts=[([(0, 0), (1, 0), (sympy.Rational(1, 2), sympy.sqrt(3) / 2)],)],
    rejects=[([(0, 0), (1, 0), (2, 0)],)],
)
isotropic = Hypothesis(
    "isotropic covariances",
    "every S_i is a positive multiple of the identity",
    lambda variances: all(positive(one) for one in variances),
    accepts=[([P, Q],), ([0.5, 2.0],)],
    rejects=[([P, R],), ([0.5, 0.0],)],
)
