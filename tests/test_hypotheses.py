"""The predicates of optimal-decoder accept what meets a hypothesis and reject what does not."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from elboproof.checking.sources import import_claim

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "optimal_decoder")
NAMED = CLAIM.hypotheses

FINITE = ([1, 2.5], np.ones((3, 2)), [sympy.Symbol("x", real=True), sympy.Rational(1, 3)], [[0.0], [1.0]])
NOT_FINITE = (
    [1, math.inf],
    [math.nan],
    np.array([[1.0, np.inf]]),
    [sympy.oo],
    [sympy.Symbol("x")],
    [sympy.I],
)
DEFINITE = (
    np.eye(2),
    np.stack([np.eye(2), 2 * np.eye(2)]),
    [[0.5]],
    sympy.ImmutableMatrix([[sympy.sqrt(2)]]),
)
NOT_DEFINITE = (
    -np.eye(2),
    np.zeros((2, 2)),
    [[1.0, 2.0], [2.0, 1.0]],
    [[1.0, 0.5], [0.0, 1.0]],
    np.stack([np.eye(2), [[1.0, 3.0], [3.0, 1.0]]]),
    sympy.ImmutableMatrix([[sympy.Symbol("s", real=True)]]),
    sympy.ImmutableMatrix([[1, 1], [0, 1]]),
)
LAST_DIGIT = 0.05 * (1 + 2**-52)
SAME = ([0.5, 0.5], np.stack([np.eye(2)] * 3), [sympy.eye(2), sympy.eye(2)])
NOT_SAME = (
    [0.05, LAST_DIGIT],
    0.05 * np.stack([np.eye(2), np.diag([1, 1 + 2**-52])]),
    [sympy.eye(2), 2 * sympy.eye(2)],
)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("finite_moment", FINITE, NOT_FINITE),
        ("definite_encoder", DEFINITE, NOT_DEFINITE),
        ("definite_likelihood", DEFINITE, NOT_DEFINITE),
        ("shared_covariance", SAME, NOT_SAME),
    ],
)
def test_a_predicate_accepts_and_rejects(name: str, good: Any, bad: Any) -> None:
    predicate = getattr(NAMED, name).predicate
    assert [predicate(instance) for instance in good] == [True] * len(good)
    assert [predicate(instance) for instance in bad] == [False] * len(bad)
