import pytest
from hypothesis import strategies as st

from elboproof.checking import property_holds


def test_a_true_property_is_established_and_a_false_one_refuted() -> None:
    assert property_holds(st.integers(), property=lambda n: n * n >= n).status == "established"
    verdict = property_holds(st.integers(), property=lambda n: n * n > n)
    assert verdict.status == "refuted"
    assert verdict.reason in ("false for (0,)", "false for (1,)")


def test_the_counterexample_is_minimal() -> None:
    verdict = property_holds(st.integers(min_value=0), property=lambda n: n < 100)
    assert verdict.computed == "(100,)"


def test_as_many_instances_as_asked_reach_the_property() -> None:
    seen: list[int] = []

    def record(n: int) -> bool:
        seen.append(n)
        return True

    verdict = property_holds(st.integers(), property=record, examples=150)
    assert verdict.computed == len(seen) == 150
    assert len(set(seen)) > 75


def test_too_few_instances_establish_nothing() -> None:
    assert property_holds(st.booleans(), property=lambda _: True).status == "undecided"
    assert property_holds(st.booleans(), property=lambda _: True, at_least=2).status == "established"
    assert property_holds(st.booleans(), property=lambda b: not b, at_least=2).status == "refuted"


def test_the_instances_are_a_function_of_the_seed() -> None:
    def drawn(seed: int) -> list[float]:
        seen: list[float] = []

        def record(x: float) -> bool:
            seen.append(x)
            return True

        property_holds(st.floats(0, 1), property=record, seed=seed)
        return seen

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_an_exception_is_no_counterexample() -> None:
    with pytest.raises(ZeroDivisionError):
        property_holds(st.integers(), property=lambda n: 1 / (n - n) > 0)


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match=r"property: got None .*expected true or false"):
        property_holds(st.integers(), property=lambda _: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="at least one Hypothesis strategy"):
        property_holds(property=lambda: True)
    with pytest.raises(ValueError, match="examples: got 0"):
        property_holds(st.integers(), property=lambda _: True, examples=0)
    with pytest.raises(ValueError, match="at_least: got 0"):
        property_holds(st.integers(), property=lambda _: True, at_least=0)


def test_named_truths_are_parts() -> None:
    verdict = property_holds(
        st.integers(), property=lambda n: {"even square": n * n % 2 == n % 2, "small": n < 7}
    )
    assert verdict.status == "refuted"
    assert {name: part.status for name, part in verdict.parts.items()} == {
        "even square": "established",
        "small": "refuted",
    }
    assert {part.method for part in verdict.parts.values()} == {"property"}
    assert "200 generated instances" in verdict.parts["even square"].reason


def test_a_part_that_few_instances_have_is_not_established() -> None:
    def answer(n: int) -> dict[str, bool]:
        return {"all": True} | ({"rare": True} if n > 10**6 else {})

    parts = property_holds(st.integers(), property=answer).parts
    assert (parts["all"].status, parts["rare"].status) == ("established", "undecided")


def test_a_property_must_name_something() -> None:
    with pytest.raises(ValueError, match="at least one named truth value"):
        property_holds(st.integers(), property=lambda _: {})
    with pytest.raises(TypeError, match="property: got 1"):
        property_holds(st.integers(), property=lambda _: {"a": 1})  # type: ignore[dict-item]
