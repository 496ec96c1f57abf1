"""The one form of the errors: argument, value, requirement."""

import numpy as np
import pytest

from elboproof.arguments import bad, shown, wrong_type
from elboproof.arrays import finite_array, float_array


def test_message_names_argument_value_and_requirement() -> None:
    assert str(bad("x", 3, "an even number")) == "x: got 3; expected an even number"
    assert str(wrong_type("x", "3", "a number")) == "x: got '3' of type str; expected a number"


def test_long_values_are_cut_and_endless_ones_named() -> None:
    assert len(shown("a" * 1000)) == 63
    assert shown(10**5000) == "a int too long to write"


@pytest.mark.parametrize(
    "value", [[1, 2], np.array([1, 2], dtype=np.int32), np.array([1.0, 2.0])], ids=["list", "int", "float"]
)
def test_real_numbers_become_float64(value: object) -> None:
    array = finite_array(value, "x", ("n",))  # type: ignore[arg-type]
    assert array.dtype == np.float64
    assert array.tolist() == [1.0, 2.0]


def test_float_array_keeps_float32() -> None:
    single = np.ones(2, dtype=np.float32)
    assert float_array(single, "x", (2,)).dtype == np.float32
    assert float_array([1, 2], "x", (2,)).dtype == np.float64
    assert finite_array(single, "x", (2,)).dtype == np.float64


WRONG_TYPE = {
    "text": ["a"],
    "boolean": [True, False],
    "complex": [1j, 2.0],
    "object": [None, 1.0],
    "huge": [10**30],
}
WRONG_VALUE = {
    "ragged": ([[1.0], [1.0, 2.0]], "rectangular"),
    "empty": ([], "no empty axis"),
    "axes": ([[1.0, 2.0]], r"got shape \(1, 2\); expected shape \(2,\)"),
    "length": ([1.0, 2.0, 3.0], r"got shape \(3,\); expected shape \(2,\)"),
    "nan": ([1.0, np.nan], r"x: got nan at x\[1\]; expected finite numbers"),
    "infinity": ([np.inf, 1.0], r"got inf at x\[0\]"),
}


@pytest.mark.parametrize("name", WRONG_TYPE)
def test_entries_that_are_no_real_numbers_are_refused(name: str) -> None:
    for convert in (finite_array, float_array):
        with pytest.raises(TypeError, match=r"x: got .*expected real numbers"):
            convert(WRONG_TYPE[name], "x", ("n",))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WRONG_VALUE)
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    value, text = WRONG_VALUE[name]
    for convert in (finite_array, float_array):
        with pytest.raises(ValueError, match=text):
            convert(value, "x", (2,))  # type: ignore[arg-type]
