import pytest

from elboproof.checking.remaining import Remaining


def test_the_rest_is_shared_among_workers_and_never_shorter_than_its_longest() -> None:
    remaining = Remaining({"a": 100.0, "b": 30.0, "c": 10.0}, ["a", "b", "c"], 2)
    assert remaining.seconds([], 0.0) == 100.0
    assert remaining.seconds([("a", 80.0)], 80.0) == pytest.approx(30.0)
    assert remaining.seconds([("a", 300.0), ("b", 10.0)], 300.0) == pytest.approx(
        20.0
    )  # one that is late counts 0


def test_a_check_that_nobody_timed_counts_as_the_mean() -> None:
    assert Remaining({"a": 10.0, "b": 20.0}, ["a", "b", "new"], 1).seconds([], 0.0) == pytest.approx(45.0)
    assert Remaining({"other": 10.0}, ["new"], 1).seconds([], 0.0) is None


def test_a_slow_machine_is_noticed() -> None:
    remaining = Remaining({"a": 90.0, "b": 100.0}, ["a", "b"], 1)
    remaining.finished("a", 290.0)
    assert remaining.seconds([], 290.0) == pytest.approx(300.0)  # three times as slow
    remaining.finished("b", 1.0)
    assert remaining.seconds([], 291.0) == 0.0


def test_without_a_number_of_workers_the_pace_so_far_decides() -> None:
    remaining = Remaining({"a": 60.0, "b": 60.0, "c": 60.0}, ["a", "b", "c"], None)
    assert remaining.seconds([], 5.0) is None
    remaining.finished("a", 60.0)
    assert remaining.seconds([], 20.0) == pytest.approx(40.0)
