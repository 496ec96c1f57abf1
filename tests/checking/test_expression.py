import pytest

from elboproof.checking.collect import UsageError
from elboproof.checking.expression import matcher


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("median", {"heavy_median", "median_laplace"}),
        ("MEDIAN and not laplace", {"heavy_median"}),
        ("not median", {"mean_laplace", "other"}),
        ("mean or other", {"mean_laplace", "other"}),
        ("not (median or mean)", {"other"}),
        ("median or mean and laplace", {"heavy_median", "median_laplace", "mean_laplace"}),
        ("(median or mean) and laplace", {"median_laplace", "mean_laplace"}),
        ("not not other", {"other"}),
    ],
)
def test_words_are_joined(expression: str, expected: set[str]) -> None:
    names = {"heavy_median", "median_laplace", "mean_laplace", "other"}
    assert {name for name in names if matcher(expression)(name)} == expected


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("", "no word at the end"),
        ("a and", "no word at the end"),
        ("or b", "no word before 'or'"),
        ("(a", "an open bracket"),
        ("a)", r"'\)' after the end"),
        ("a b", "'b' after the end"),
        ("()", r"no word before '\)'"),
    ],
)
def test_what_is_no_expression_is_named(expression: str, what: str) -> None:
    with pytest.raises(UsageError, match=f"-k: got .* with {what}; expected words joined by and"):
        matcher(expression)
