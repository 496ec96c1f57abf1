"""False claims of each kind that once passed, each run for real: none of them may hold."""

from collections.abc import Callable

import pytest

from elboproof.checking.finding import Finding

Run = Callable[..., Finding]

OVERSTATED = {
    "certified, but floats are compared": (
        "certified",
        "return all_of({'ball': ball_equal(arb(k), 1), 'X': equal(k, 0, 0)})",
        "declared certified, but part 'X' compares floats (numeric)",
    ),
    "certified, but a pair of floats is no enclosure": (
        "certified",
        "return ball_equal((k - 1e-3, k + 1e-3), 1e-2)",
        "declared certified, but part 'statement' compares floats (numeric)",
    ),
    "certified, but a ball lost its radius": (
        "certified",
        "return equal(float(arb(k, 1)), 0, 1e-9)",
        "declared certified, but part 'statement' compares floats (numeric)",
    ),
    "symbolic, but a ball was evaluated": (
        "symbolic",
        "return all_of({'a': identity(sympy.Symbol('x') * k), 'b/c': all_of({'d': ball_equal(arb(k), 1)})})",
        "declared symbolic, but part 'b/c/d' compares enclosures (certified)",
    ),
    "certified, but by hand only numeric": (
        "certified",
        "return by_hand('numeric', 'refuted' if k else 'established', 'looked at')",
        "declared certified, but part 'statement' compares floats (numeric, by hand)",
    ),
    "numeric, but instances are generated": (
        "numeric",
        "return property_holds(st.integers(), property=lambda n: (n * n >= n) != bool(k))",
        "declared numeric, but part 'statement' tries generated or drawn instances (property)",
    ),
    "numeric, but at points that were drawn": (
        "numeric",
        "return equal(0 * run.rng.normal() + k, 0, 1e-9)",
        "declared numeric, but part 'statement' tries generated or drawn instances (property)",
    ),
    "numeric, but the floats come from a sample": (
        "numeric",
        "return equal(k, 0, 0).weakened('statistical')",
        "declared numeric, but part 'statement' tests a sample (statistical)",
    ),
}


@pytest.mark.parametrize("name", OVERSTATED)
def test_a_method_is_what_was_done(name: str, run_one: Run) -> None:
    method, body, message = OVERSTATED[name]
    finding = run_one(body, method=repr(method))
    assert (finding.status, finding.holds) == ("error", False)
    assert message in finding.reason


def test_the_weakest_part_is_the_method_reached(run_one: Run) -> None:
    finding = run_one("return all_of({'a': ball_equal(arb(k), 0.5), 'b': equal(k, 0, 0)})")
    assert (finding.holds, finding.method, finding.reached) == (True, "numeric", "numeric")
    assert [(part["name"], part["method"], part["refuted_by"]) for part in finding.parts] == [
        ("a", "certified", ["other"]),
        ("b", "numeric", ["other"]),
    ]


def test_what_is_made_by_hand_is_seen_as_such(run_one: Run) -> None:
    finding = run_one(
        "return by_hand('certified', 'refuted' if k else 'established', 'the certificate says so')",
        method="'certified'",
    )
    assert finding.holds
    assert finding.parts[0]["by_hand"]


UNGUARDED = {
    "x - x in place of a part": (
        "x = sympy.Symbol('x')\nreturn all_of({'half': identity(x - x), 'rest': identity(k * x)})",
        "part 'half' is refuted by no control",
    ),
    "an unconditional verdict": (
        "done = by_hand('numeric', 'established', 'recorded').with_data(a=[1.0])\n"
        "return all_of({'recorded': done, 'rest': equal(k, 0, 0)})",
        "part 'recorded' is refuted by no control",
    ),
    "several parts, one within another": (
        "inner = all_of({'a': equal(0, 0, 0), 'b': equal(k, 0, 0)})\n"
        "return all_of({'in': inner, 'c': equal(1, 1, 0), 'd': equal(k, 0, 0)})",
        "parts 'in/a', 'c' are refuted by no control",
    ),
    "a conjunct within a property": (
        "return property_holds(st.integers(), property=lambda n: {'square': (n * n >= 0) != bool(k), 'self': n == n})",
        "part 'self' is refuted by no control",
    ),
}


@pytest.mark.parametrize("name", UNGUARDED)
@pytest.mark.parametrize("refutes", ["('*',)", "('rest', 'in/b', 'd', 'square')"])
def test_a_part_that_no_control_refutes_is_a_mistake(name: str, refutes: str, run_one: Run) -> None:
    body, message = UNGUARDED[name]
    finding = run_one(body, method="'property'", controls=f"(control('other', refutes={refutes}, k=1),)")
    assert (finding.status, finding.holds) == ("established", False)
    assert message in finding.reason


def test_controls_may_share_the_parts_among_them(run_one: Run) -> None:
    body = "return all_of({'a': equal(k % 2, 0, 0), 'b': equal(k // 2, 0, 0)})"
    shared = "(control('one', refutes='a', k=1), control('two', refutes=['b'], k=2))"
    finding = run_one(body, controls=shared)
    assert finding.holds
    assert [part["refuted_by"] for part in finding.parts] == [["one"], ["two"]]
    assert [one["refuted"] for one in finding.controls] == [["a"], ["b"]]
    swapped = run_one(body, controls="(control('one', refutes='b', k=1), control('two', refutes='a', k=2))")
    assert (
        "control 'one' was not rejected (refuted: a: 1 is not equal to 0 within 0; part 'b' was established)"
        in (swapped.reason)
    )


SURVIVORS = {
    "an exception": ("if k: raise ValueError('boom')", "(error: ValueError: boom"),
    "undecided": ("if k: return equal(float('nan'), 0, 0)", "(undecided"),
    "another part's refutation": (
        "if k: return all_of({'elsewhere': equal(1, 0, 0)})",
        "part 'statement' is missing from its run",
    ),
    "weaker evidence than the check's": (
        "if k: return equal(1, 0, 0).weakened('experiment')",
        "(error: MethodOverstated: declared numeric, but part 'statement' looks at a training run",
    ),
}


@pytest.mark.parametrize("name", SURVIVORS)
def test_what_does_not_refute_the_part_rejects_no_control(name: str, run_one: Run) -> None:
    line, message = SURVIVORS[name]
    finding = run_one(f"{line}\nreturn equal(0, 0, 0)")
    assert (finding.status, finding.holds) == ("established", False)
    assert message in finding.reason
    assert "part 'statement' is refuted by no control" in finding.reason


def test_a_pattern_that_fits_no_part_is_a_mistake(run_one: Run) -> None:
    finding = run_one("return equal(k, 0, 0)", controls="(control('other', refutes=('*', 'misspelt'), k=1),)")
    assert not finding.holds
    assert "it refutes 'misspelt', which is no part of the check" in finding.reason


def test_names_with_brackets_name_themselves(run_one: Run) -> None:
    body = "return all_of({'E[z^2]': equal(k, 0, 0)})"
    assert run_one(body, controls="(control('other', refutes='E[z^2]', k=1),)").holds


BLUNT = {
    "always true": (
        "lambda k: True",
        "HypothesisBlunt: hypothesis 'blunt' accepts (-1,); expected an instance that",
    ),
    "always false": (
        "lambda k: False",
        "HypothesisBlunt: hypothesis 'blunt' rejects (1,); expected an instance that",
    ),
    "the wrong way round": ("lambda k: k < 0", "hypothesis 'blunt' rejects (1,)"),
    "without an answer": ("lambda k: None", "predicate of hypothesis 'blunt': got None"),
    "stopped by an exception": ("lambda k: 1 / (k + 1)", "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", BLUNT)
def test_a_predicate_must_be_able_to_fail(name: str, run_one: Run) -> None:
    predicate, message = BLUNT[name]
    before = f"BLUNT = Hypothesis('blunt', 'k > 0', {predicate}, accepts=[(1,)], rejects=[lambda: (-1,)])\n"
    finding = run_one("run.assume(BLUNT, 1)\nreturn equal(k, 0, 0)", before, hypotheses="(BLUNT,)")
    assert (finding.status, finding.holds) == ("error", False)
    assert message in finding.reason


POWERLESS = {
    "a sample that is too small": (
        "statistical",
        "return mean_at_most(run.rng.uniform(size=1000) + k, 0.9, (0, 2), run.false_alarm)",
        "of its quantity 0.9; expected at most 0.02",
    ),
    "a stated zero without a quantity": (
        "statistical",
        "return mean_equals(run.rng.choice([-1.0, 1.0], 10**6) * (1 - k) + k, 0, (-1, 1), run.false_alarm)",
        "of a quantity that it does not declare",
    ),
    "a slope that n^-0.4 would have": (
        "numeric",
        "n = np.arange(1.0, 9.0)\nreturn slope_equals(n, n ** (k - 0.5), -0.5, 0.1)",
        "part 'statement' sees only errors above 0.1, 0.2 of its quantity 0.5; expected at most 0.02",
    ),
    "floats of a sample": (
        "statistical",
        "return equal(run.rng.uniform(size=100).mean() + k, 0.5, 0.2).weakened('statistical')",
        "part 'statement' does not say how small an error it would see",
    ),
}


@pytest.mark.parametrize("name", POWERLESS)
def test_a_check_must_see_small_errors(name: str, run_one: Run) -> None:
    method, body, message = POWERLESS[name]
    finding = run_one(body, method=repr(method))
    assert (finding.status, finding.holds) == ("established", False)
    assert message in finding.reason


def test_a_check_that_sees_small_errors_holds(run_one: Run) -> None:
    body = "x = run.rng.uniform(size=10**6) + k\nreturn mean_equals(x, 0.5, (0, 2), run.false_alarm)"
    finding = run_one(body, method="'statistical'")
    assert finding.holds, finding.reason
    assert finding.quantity == 0.5
