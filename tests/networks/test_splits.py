"""What a user's data may be, and how they are split."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from elboproof.networks.constants import constants_of
from elboproof.networks.splits import Splits, split

ROWS = np.arange(60.0).reshape(20, 3)


def test_every_example_is_in_one_split() -> None:
    parts = split(ROWS, validation=0.2, test=0.1)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [14, 4, 2]
    whole = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(whole[whole[:, 0].argsort()], ROWS)
    assert not np.array_equal(whole, ROWS)


def test_a_seed_is_a_split() -> None:
    first, again, other = (split(ROWS, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


class Items(Dataset[Any]):
    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, k: int) -> Any:
        return self._items[k]


SAME: dict[str, Any] = {
    "list": ROWS.tolist(),
    "integers": ROWS.astype(np.int64),
    "tensor": torch.tensor(ROWS, requires_grad=True),
    "half": torch.tensor(ROWS).half(),
    "rows with labels": TensorDataset(torch.tensor(ROWS), torch.arange(20)),
    "rows": Items(list(torch.tensor(ROWS))),
    "arrays": Items(list(ROWS)),
}


@pytest.mark.parametrize("name", sorted(SAME))
def test_the_same_numbers_are_the_same_data(name: str) -> None:
    assert np.array_equal(split(SAME[name]).train, split(ROWS).train)


def test_images_keep_their_shape() -> None:
    assert split(ROWS.reshape(20, 1, 3)).image == (1, 1, 3)
    assert split(np.zeros((9, 2, 3, 4)) + ROWS[0, 0]).image == (2, 3, 4)
    assert split(ROWS, image=(3, 1, 1)).image == (3, 1, 1)
    assert split(ROWS).image is None
    with pytest.raises(ValueError, match=r"image: got \(1, 2, 2\); expected .* of 3 numbers"):
        split(ROWS, image=(1, 2, 2))


def test_splits_stay_as_they_are() -> None:
    parts = split(ROWS)
    assert split(parts, seed=9) is parts


def holed(value: float) -> np.ndarray[Any, Any]:
    rows = ROWS.copy()
    rows[7, 2] = value
    return rows


WRONG: dict[str, tuple[Any, str]] = {
    "nan": (holed(np.nan), "data: got nan in row 7, column 2; expected finite numbers"),
    "infinite": (holed(-np.inf), "data: got -inf in row 7, column 2; expected finite numbers"),
    "one axis": (ROWS[:, 0], r"data: got shape \(20,\); expected \(examples, dimensions\)"),
    "five axes": (np.zeros((2, 2, 2, 2, 2)), r"data: got shape \(2, 2, 2, 2, 2\); expected"),
    "no examples": (ROWS[:0], r"data: got shape \(0, 3\)"),
    "no dimensions": (ROWS[:, :0], r"data: got shape \(20, 0\)"),
    "few": (ROWS[:5], "shares that leave 2 of 5 examples to train with"),
    "ragged": (Items([torch.zeros(2), torch.zeros(3)]), r"data: got examples of shapes \[\(2,\), \(3,\)\]"),
    "empty": (Items([]), "data: got .*; expected some examples"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_data_that_are_none_are_refused(name: str) -> None:
    data, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        split(data)


@pytest.mark.parametrize("data", [[["a"] * 3] * 20, ROWS > 3, ROWS + 1j, None, {1: 2}])
def test_data_of_other_types_are_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="data: got "):
        split(data)


def test_a_dataset_needs_a_length() -> None:
    class Endless(Dataset[Any]):
        def __getitem__(self, k: int) -> Any:
            return torch.zeros(2)

    with pytest.raises(TypeError, match="expected a Dataset with a length"):
        split(Endless())


@pytest.mark.parametrize(("name", "share"), [("validation", -0.1), ("test", 1.0), ("validation", True)])
def test_shares_are_shares(name: str, share: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: got {share}; expected a share"):
        split(ROWS, **{name: share})


def test_constants_scale_with_the_data_exactly() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 5)) + 3
    rows[:, 2] = 0.1  # whose float64 mean over 100 is not 0.1
    one = constants_of(rows)
    assert one.kept == 4
    assert one.variance[2] == 0
    assert one.centre[2] == 0.1
    for power in (-10, 10, 200):
        other = constants_of(rows * 2.0**power)
        assert other.scale == one.scale * 2.0**power
        assert np.array_equal(other.variance, one.variance * 4.0**power)
        assert np.array_equal(other.normalised(rows * 2.0**power), one.normalised(rows))
        assert np.array_equal(other.relative_variance, one.relative_variance)
    assert not np.array_equal(constants_of(rows * 3).normalised(rows * 3), one.normalised(rows))
    assert one.normalised(rows).var(0).mean() * 5 / 4 == pytest.approx(1, rel=1e-12)


def test_constant_columns_change_nothing_of_the_others() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 3))
    padded = np.concatenate([rows, np.full((100, 4), 0.3)], axis=1)
    assert constants_of(padded).scale == constants_of(rows).scale


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((5, 2)), "examples that differ: the training set is constant"),
        (ROWS * 1e-300, "a standard deviation between 1e-140 and 1e140"),
        (ROWS * 1e300, "a standard deviation between 1e-140 and 1e140"),
    ],
)
def test_constants_that_cannot_be_are_refused(rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        constants_of(rows)


def test_splits_are_multiplied() -> None:
    parts = split(ROWS)
    assert isinstance(parts, Splits)
    assert np.array_equal(parts.scaled(8.0).test, parts.test * 8)


BY_HAND: dict[str, tuple[tuple[Any, ...], str]] = {
    "a hole": ((ROWS, holed(np.nan), ROWS), "validation: got nan in row 7, column 2"),
    "an axis": ((ROWS[0], ROWS, ROWS), r"train: got shape \(3,\)"),
    "no examples": ((ROWS[:0], ROWS, ROWS), r"train: got shape \(0, 3\); expected some"),
    "other columns": ((ROWS, ROWS, ROWS[:, :2]), r"test: got shape \(20, 2\); expected 3 columns"),
    "no image": ((ROWS, ROWS, ROWS, (1, 3)), r"image: got \(1, 3\); expected \(channels, height, width\)"),
}


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_splits_made_by_hand_are_looked_at(name: str) -> None:
    parts, message = BY_HAND[name]
    with pytest.raises(ValueError, match=message):
        Splits("data", *parts)
    assert Splits("data", ROWS.tolist(), ROWS[:0], ROWS[:0]).train.dtype == np.float64  # type: ignore[arg-type]
