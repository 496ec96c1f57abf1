import decimal

import flint
import numpy as np
import pytest

from elboproof.checking import Hypothesis, Run
from elboproof.checking.ambient import settle
from elboproof.checking.run import HypothesisBlunt, HypothesisViolated, try_instances

small = Hypothesis("small", "the number is below 10", lambda n: n < 10)


def test_random_numbers_depend_on_seed_and_check_only() -> None:
    draws = [
        Run(name, seed=seed).rng.random()
        for name, seed in [("a/S1/x", 0), ("a/S1/x", 0), ("a/S1/y", 0), ("a/S1/x", 1)]
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_the_generator_is_one_stream() -> None:
    run = Run("a/S1/x")
    assert run.rng.random() != run.rng.random()


def test_numbers_are_pinned() -> None:
    """A change of the seeding would silently change every published statistical number."""
    assert Run("a/S1/x", seed=7).rng.integers(1000, size=3).tolist() == PINNED


PINNED = [885, 75, 47]


def test_assume_records_what_it_tests() -> None:
    run = Run("a/S1/x")
    run.assume(small, 3)
    run.assume(small, 4)
    assert run.exercised == ["small"]
    with pytest.raises(
        HypothesisViolated, match=r"hypothesis 'small' is not met: the number is below 10 \(got 30\)"
    ):
        run.assume(small, 30)


def test_a_control_may_drop_a_hypothesis_and_must_violate_it() -> None:
    run = Run("a/S1/x", drops=(small,))
    run.assume(small, 30)
    with pytest.raises(HypothesisViolated, match="is met although this control drops it"):
        run.assume(small, 3)


def test_a_predicate_without_answer_is_an_error() -> None:
    silent = Hypothesis("silent", "says nothing", lambda: None)
    with pytest.raises(TypeError, match="predicate of hypothesis 'silent': got None"):
        Run("a/S1/x").assume(silent)


def test_instances_must_be_tuples() -> None:
    loose = Hypothesis("loose", "says little", bool, accepts=[lambda: 1], rejects=[(0,)])  # type: ignore[list-item,return-value]
    with pytest.raises(
        TypeError, match="hypothesis 'loose': accepts: got 1 of type int; expected a tuple of arguments"
    ):
        try_instances(loose)


def test_instances_are_tried() -> None:
    sharp = Hypothesis("sharp", "k < 10", lambda k: k < 10, accepts=[(9,), lambda: (-1,)], rejects=[(10,)])
    try_instances(sharp)
    with pytest.raises(
        HypothesisBlunt, match=r"'blunt' accepts \(9,\); expected an instance that it rejects"
    ):
        try_instances(Hypothesis("blunt", "k < 10", lambda k: k < 10, accepts=[(9,)], rejects=[(9,)]))


def test_only_statistical_checks_have_a_share() -> None:
    assert Run("a/S1/x", false_alarm=1e-8).false_alarm == 1e-8
    with pytest.raises(ValueError, match="method='statistical'"):
        _ = Run("a/S1/x").false_alarm


def test_settle_undoes_what_an_earlier_check_left_behind() -> None:
    settle("a/S1/x", 0)
    first = np.random.random()  # noqa: NPY002
    flint.ctx.prec = 333
    decimal.getcontext().prec = 5
    with np.errstate(all="raise"):
        settle("a/S1/x", 0)
        assert np.geterr()["divide"] == "warn"
    assert flint.ctx.prec == 53
    assert decimal.getcontext().prec == 28
    assert np.random.random() == first  # noqa: NPY002
