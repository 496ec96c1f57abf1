from fractions import Fraction

import numpy as np
import pytest

from elboproof.checking import Verdict, all_of, at_least, at_most, by_hand, equal

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("computed", "stated", "tolerance", "status"),
    [
        (1.0, 1.0, 0.0, "established"),
        (1.0, 1.5, 0.5, "established"),  # the boundary belongs to the tolerance
        (1.0, 1.5, 0.499, "refuted"),
        (Fraction(1, 4), 0.25, 0.0, "established"),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0]), 0.0, "established"),
        (np.array([1.0, 2.0]), 1.0, 0.5, "refuted"),
        (NAN, 1.0, 1.0, "undecided"),
        (1.0, NAN, 1.0, "undecided"),
        (INF, INF, 1.0, "undecided"),
        (INF, 1.0, 1.0, "refuted"),
        (np.array([100.0, NAN]), 1.0, 1.0, "undecided"),  # no comparison may hide the NaN
    ],
)
def test_equal_has_three_outcomes(computed: object, stated: object, tolerance: float, status: str) -> None:
    assert equal(computed, stated, tolerance).status == status  # type: ignore[arg-type]


def test_equal_reports_the_worst_entry() -> None:
    verdict = equal([1.0, 2.0, 3.0], [1.0, 2.5, 3.1], 1.0)
    assert (verdict.computed, verdict.stated, verdict.error) == (2.0, 2.5, 0.5)


@pytest.mark.parametrize(
    ("value", "bound", "tolerance", "most", "least"),
    [
        (1.0, 1.0, 0.0, "established", "established"),
        (1.0, 2.0, 0.0, "established", "refuted"),
        (2.0, 1.0, 0.0, "refuted", "established"),
        (2.0, 1.0, 1.0, "established", "established"),
        (NAN, 1.0, 0.0, "undecided", "undecided"),
        (INF, 1.0, 0.0, "refuted", "established"),
        (-INF, 1.0, 0.0, "established", "refuted"),
    ],
)
def test_at_most_and_at_least(value: float, bound: float, tolerance: float, most: str, least: str) -> None:
    assert at_most(value, bound, tolerance=tolerance).status == most
    assert at_least(value, bound, tolerance=tolerance).status == least


@pytest.mark.parametrize("tolerance", [-1e-300, NAN, INF])
def test_a_tolerance_that_accepts_everything_is_an_error(tolerance: float) -> None:
    with pytest.raises(ValueError, match=r"tolerance: got .*; expected a finite number >= 0"):
        equal(1.0, 1.0, tolerance)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"stated: got shape \(3,\); expected a number or shape \(2,\)"):
        equal([1.0, 2.0], [1.0, 2.0, 3.0], 0.0)
    with pytest.raises(TypeError, match="computed: got 'one'"):
        equal("one", 1.0, 0.0)
    with pytest.raises(TypeError, match="non-empty"):
        at_most([], 1.0)


def test_all_of_is_a_three_valued_conjunction() -> None:
    yes, no, open_ = equal(1, 1, 0), equal(1, 2, 0), equal(NAN, 1, 0)
    assert all_of({"a": yes, "b": yes}).status == "established"
    assert all_of({"a": yes, "b": open_}).status == "undecided"
    assert all_of({"a": open_, "b": no}).status == "refuted"
    assert all_of({"a": open_, "b": no}).reason.startswith("b: 1 is not equal to 2")
    with pytest.raises(ValueError, match="at least one verdict"):
        all_of({})
    with pytest.raises(TypeError, match=r"parts\['a'\]: got True"):
        all_of({"a": True})  # type: ignore[dict-item]


def test_all_of_keeps_series_and_the_weakest_power() -> None:
    first = by_hand("numeric", "established", "x", smallest_detectable=0.1, data={"n": [1, 2]})
    second = by_hand("numeric", "established", "y", smallest_detectable=0.2)
    both = all_of({"a": first, "b": second})
    assert both.smallest_detectable == 0.2
    assert both.data == {"a/n": [1.0, 2.0]}


def test_a_verdict_is_no_truth_value() -> None:
    with pytest.raises(TypeError, match="three values"):
        bool(equal(1, 1, 0))


def test_numbers_of_libraries_become_plain() -> None:
    import sympy
    from flint import arb

    third = by_hand(
        "numeric", "established", "x", computed=arb(1) / 3, stated=np.float32(2.0), error=Fraction(1, 3)
    )
    assert third.computed == "[0.333333333333333 +/- 3.71e-16]"
    assert isinstance(third.stated, float)
    assert third.error == "1/3"
    assert by_hand("numeric", "established", "x", computed=sympy.Rational(1, 3)).computed == "1/3"
    assert by_hand("numeric", "established", "x", computed=2**60 + 1).computed == str(
        2**60 + 1
    )  # no float equals it
    assert by_hand("numeric", "established", "x", computed=np.array(1.5)).computed == 1.5
    assert by_hand("numeric", "established", "x", computed=np.bool_(True)).computed == "true"


def test_malformed_verdicts_are_errors() -> None:
    with pytest.raises(ValueError, match="status: got 'true'"):
        by_hand("numeric", "true", "x")
    with pytest.raises(ValueError, match="reason: got ' '"):
        by_hand("numeric", "refuted", " ")
    with pytest.raises(ValueError, match="one-dimensional sequence"):
        by_hand("numeric", "refuted", "x", data={"a": [[1.0]]})
    assert by_hand("numeric", "refuted", "x").with_data(a=np.arange(2)).data == {"a": [0.0, 1.0]}


def test_a_conjunction_keeps_its_parts_and_is_as_strong_as_the_weakest() -> None:
    inner = all_of({"x": equal(1, 1, 0), "y": by_hand("certified", "established", "seen")})
    outer = all_of({"in": inner, "z": by_hand("symbolic", "refuted", "left")})
    assert {name: (part.status, part.method, part.by_hand) for name, part in outer.parts.items()} == {
        "in/x": ("established", "numeric", False),
        "in/y": ("established", "certified", True),
        "z": ("refuted", "symbolic", True),
    }
    assert (outer.status, outer.method, outer.by_hand) == ("refuted", "numeric", True)
    assert outer.with_data(a=[1.0]).parts == outer.parts
    assert list(equal(1, 1, 0).parts) == ["statement"]
    with pytest.raises(ValueError, match="names that differ"):
        all_of({"in": inner, "in/x": equal(1, 1, 0)})


def test_a_method_can_be_weakened_and_never_strengthened() -> None:
    weak = all_of({"a": equal(1, 1, 0), "b": by_hand("experiment", "established", "x")}).weakened(
        "experiment"
    )
    assert [part.method for part in weak.parts.values()] == ["experiment", "experiment"]
    assert equal(1, 1, 0).weakened("numeric").method == "numeric"
    for method in ("certified", "guessed"):
        with pytest.raises(
            ValueError, match=f"method: got '{method}'; expected a method that is not stronger"
        ):
            equal(1, 1, 0).weakened(method)


def test_floats_at_drawn_points_are_a_property() -> None:
    proved = by_hand("certified", "established", "x")
    both = all_of({"a": equal(1, 1, 0), "b": proved}).at_drawn_points()
    assert (both.method, [part.method for part in both.parts.values()]) == (
        "property",
        ["property", "certified"],
    )
    assert equal(1, 1, 0).at_drawn_points().method == "property"
    assert list(equal(1, 1, 0).at_drawn_points().parts) == ["statement"]


def test_a_verdict_names_its_method() -> None:
    with pytest.raises(ValueError, match=r"method: got ''; expected one of symbolic, .*by_hand"):
        Verdict("established", "x")
    assert Verdict("established", "x", method="certified").by_hand
    with pytest.raises(TypeError, match="by_hand"):
        Verdict("established", "x", method="certified", by_hand=False)  # type: ignore[call-arg]
