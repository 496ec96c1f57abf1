import pytest

from elboproof.checking.remaining import Remaining

THREE = {"a": 100.0, "b": 30.0, "c": 10.0}


def test_the_rest_is_shared_among_workers_and_never_shorter_than_its_longest() -> None:
    remaining = Remaining(THREE, list(THREE), 2)
    assert remaining.seconds([], 0.0) == 100.0
    for name in ("b", "c"):
        remaining.finished(name)
    assert remaining.seconds([("a", 40.0)], 40.0) == pytest.approx((2 * 40 + 10) / (80 + 10) * 100 - 40)


def test_a_check_that_nobody_timed_counts_as_the_mean() -> None:
    assert Remaining({"a": 10.0, "b": 20.0}, ["a", "b", "new"], 1).seconds([], 0.0) == pytest.approx(45.0)
    assert Remaining({"other": 10.0}, ["new"], 1).seconds([], 0.0) is None


@pytest.mark.parametrize(("went_by", "speed"), [(290.0, 3.0), (90.0, 1.0), (40.0, 0.5)])
def test_another_machine_is_noticed(went_by: float, speed: float) -> None:
    remaining = Remaining({"a": 90.0, "b": 100.0}, ["a", "b"], 1)
    remaining.finished("a")
    assert remaining.seconds([], went_by) == pytest.approx(100.0 * speed)
    remaining.finished("b")
    assert remaining.seconds([], went_by) == 0.0


def test_a_check_that_is_late_shows_how_slow_all_are() -> None:
    remaining = Remaining({"a": 20.0, "b": 20.0}, ["a", "b"], 1)
    left = remaining.seconds(
        [("a", 80.0)], 80.0
    )  # 80 s for work of 20 s: three times as slow, by 10 s of trust
    assert left == pytest.approx(3.0 * 20.0)


def test_without_a_number_of_workers_the_pace_so_far_decides() -> None:
    remaining = Remaining({"a": 60.0, "b": 60.0, "c": 60.0}, ["a", "b", "c"], None)
    assert remaining.seconds([], 5.0) is None
    remaining.finished("a")
    assert remaining.seconds([], 20.0) == pytest.approx(40.0)
