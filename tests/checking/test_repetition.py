"""Certified checks at a second precision: planted faults, run for real, and the rules by themselves."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flint import arb

from elboproof.checking import Between, ball_at_most, ball_equal, ball_positive, ball_slope, tends_to
from elboproof.checking.ambient import forget, settle
from elboproof.checking.enclosed import ends_of
from elboproof.checking.exact_ends import LARGEST, interval_of, number_of, seen, texts_of
from elboproof.checking.finding import Finding
from elboproof.checking.repetition import compared, is_due, repetition_contradictions, repetition_objections
from elboproof.checking.verdict import Verdict, part_to_json
from elboproof.numbers.precision import current_bits, reset_precision, sharpen, working_precision

Run = Callable[..., Finding]
Json = dict[str, Any]

HOLD = {
    "balls with their radii": ("return ball_equal(arb(1) / 3 * 3 - 1 + k, 1e-9)", "overlap", [53, 106]),
    "at a precision of its own": (
        "with working_precision(100):\n    return ball_positive(arb.pi() - 3 - k)",
        "overlap",
        [100, 200],
    ),
    "a radius that is not of rounding": (
        "return ball_at_most(arb(k, 1e-3), 1e-2)",
        "same",
        [53, 106],
    ),
    "exact numbers": ("return ball_positive(Fraction(1, 3) - k)", "exact", [53, 106]),
}


@pytest.mark.parametrize("name", HOLD)
def test_sound_checks_are_confirmed(name: str, run_one: Run) -> None:
    body, again, bits = HOLD[name]
    finding = run_one(body, method="'certified'")
    assert finding.holds, finding.reason
    assert [(part["again"], part["bits"]) for part in finding.parts] == [(again, bits)]
    assert finding.repetition is not None
    assert (finding.repetition["multiple"], finding.repetition["status"]) == (2, "established")
    assert 0.0 < finding.repetition["seconds"] < finding.seconds


CAUGHT = {
    "a midpoint for the ball": (
        "return ball_positive((arb(1) / 3).mid() - k)",
        "apart",
        "encloses other numbers at 53 and 106 bits",
    ),
    "a radius that is too small": (
        "return ball_positive(arb((arb(1) / 3).mid(), 1e-20) - k)",
        "apart",
        "encloses other numbers at 53 and 106 bits",
    ),
    "a float for the ball": (
        "with working_precision(90):\n    root = float(arb(2).sqrt())\nreturn ball_positive(arb(root) - 2 * k)",
        "no radius",
        "has a ball without radius, which encloses only itself",
    ),
    "the difference of two floats": (
        "with working_precision(90):\n    root = float(arb(2).sqrt())\n"
        "return ball_equal(arb(root - 2 ** 0.5 + k), 1e-9)",
        "no radius",
        "has a ball without radius, which encloses only itself",
    ),
    "an exact number from a midpoint": (
        "man, exp = (arb(1) / 3).mid().man_exp()\n"
        "return ball_positive(Fraction(int(man)) * Fraction(2) ** int(exp) - k)",
        "apart",
        "encloses other numbers at 53 and 106 bits",
    ),
    "a verdict that the precision changes": (
        "return ball_positive(arb(60 - ctx.prec, 1) - 100 * k)",
        "other verdict",
        "was not decided the same at 53 and 106 bits (refuted: ",
    ),
    "an error at another precision": (
        "if ctx.prec > 100:\n    raise ValueError('too many bits')\nreturn ball_positive(arb.pi() - 4 * k)",
        "other verdict",
        "was not decided the same at twice the precision (error: ValueError: too many bits",
    ),
    "a part that is gone": (
        "return all_of({'a' if ctx.prec < 100 else 'b': ball_positive(arb.pi() - 4 * k)})",
        "other verdict",
        "was not decided the same at twice the precision (established: ",
    ),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_planted_faults_are_caught(name: str, run_one: Run) -> None:
    body, again, message = CAUGHT[name]
    finding = run_one(body, method="'certified'")
    assert (finding.status, finding.holds) == ("established", False)
    assert [part["again"] for part in finding.parts] == [again]
    assert message in finding.reason


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("numeric", "return all_of({'a': ball_equal(arb(k), 0.5), 'b': equal(k, 0, 0)})"),
        ("certified", "return by_hand('certified', 'refuted' if k else 'established', 'so it says')"),
        ("certified", "return ball_equal(Between(k - 0.1, k + 0.1, 'hand'), 1)"),
        ("certified", "return ball_positive(arb.pi() - 4 + k)"),
    ],
)
def test_what_is_no_proof_by_balls_runs_once(method: str, body: str, run_one: Run) -> None:
    finding = run_one(body, method=repr(method))
    assert finding.repetition is None
    assert [(part["again"], part["bits"]) for part in finding.parts] == [(None, None)] * len(finding.parts)


def test_what_the_first_run_kept_is_not_read_again(run_one: Run) -> None:
    before = "@functools.lru_cache\ndef third():\n    return arb(1) / 3\n\n\n"
    finding = run_one("return ball_positive(third() - k)", before, method="'certified'")
    assert [part["again"] for part in finding.parts] == ["overlap"]


def test_more_digits_are_asked_of_what_computes_in_floats(run_one: Run) -> None:
    body = "digits = run.digits(6)\nreturn ball_at_most(arb(k, 10.0 ** -digits), 1e-5)"
    finding = run_one(body, method="'certified'")
    assert [part["again"] for part in finding.parts] == ["overlap"]


def _part(verdict: Verdict, name: str = "statement") -> Json:
    return part_to_json(name, verdict.parts["statement"])


def _again(first: Verdict, second: Verdict) -> str:
    [part] = compared([_part(first)], {"status": "established", "parts": [_part(second)]})
    return str(part["again"])


def test_the_worst_ball_of_a_part_decides() -> None:
    def slopes(*radii: float) -> Verdict:
        return ball_slope(
            (1, "1/2", "1/4"), [arb(v, r) for v, r in zip((4, 2, 1), radii, strict=True)], 1, 0.1
        )

    base = slopes(1e-9, 1e-9, 1e-9)
    assert _again(base, slopes(1e-8, 1e-8, 1e-8)) == "overlap"
    assert _again(base, slopes(1e-8, 1e-9, 1e-8)) == "same"
    assert _again(slopes(0, 1e-9, 1e-9), slopes(0, 1e-8, 1e-8)) == "no radius"
    assert _again(base, slopes(0, 0, 0)) == "overlap"


def test_another_verdict_is_no_confirmation() -> None:
    positive, slope = (
        ball_positive(arb(1, 1e-9)),
        ball_slope((1, "1/2"), [arb(2, 1e-9), arb(1, 1e-9)], 1, 0.1),
    )
    assert _again(positive, ball_positive(arb(1, 2))) == "other verdict"
    assert _again(positive, slope) == "other verdict"
    assert _again(slope, positive) == "other verdict"


def test_a_radius_below_the_rounding_of_the_ends_is_seen() -> None:
    third = (arb(1) / 3).mid()
    first, second = ball_positive(arb(third, 1e-20)), ball_positive(arb(third, 1e-25) + arb(2) ** -53)
    assert _again(first, second) == "apart"
    assert _again(first, ball_positive(arb(third, 1e-25))) == "overlap"
    lower, upper = interval_of(texts_of(ends_of(arb(3, 1), "number")))
    assert 2 - Fraction(1, 2**20) < lower <= 2
    assert 4 <= upper < 4 + Fraction(1, 2**20)


def test_the_limit_is_compared_too() -> None:
    def limit(value: arb, to: arb) -> Verdict:
        return tends_to((1, "1/2"), [value, value], to, order=1, factor=1)

    first = limit(arb(2, 1e-3), arb(2, 1e-3))
    assert _again(first, limit(arb(2, 1e-4), arb(2, 1e-4))) == "overlap"
    assert _again(first, limit(arb(2, 1e-4), arb(2.01, 1e-4))) == "apart"
    assert len(first.parts["statement"].enclosed) == 3


@pytest.mark.parametrize("stated", [0.5, Fraction(1, 2), arb(0.5)])
def test_a_limit_that_is_stated_needs_no_radius(stated: Any) -> None:
    first, second = (
        tends_to((1, "1/2"), [arb(0.5, r), arb(0.5, r)], stated, order=1, factor=1) for r in (1e-3, 1e-4)
    )
    assert first.method == "certified"
    assert first.parts["statement"].enclosed[-1] == ("1/2",)
    assert _again(first, second) == "overlap"
    computed = tends_to((1, "1/2"), [arb(0.5), arb(0.5)], stated, order=1, factor=1)
    assert _again(computed, computed) == "no radius"


def test_balls_that_share_an_end_overlap() -> None:
    first, inside, beside = (
        ball_at_most(ends, 9) for ends in ((Fraction(1), Fraction(2)), (Fraction(2), Fraction(3)), (3, 4))
    )
    assert [_again(first, inside), _again(inside, first)] == ["overlap", "overlap"]
    assert _again(first, beside) == "apart"
    assert _again(beside, first) == "apart"


def test_an_exact_number_is_no_ball() -> None:
    assert _again(ball_at_most(1, 9), ball_at_most(Fraction(1), 9)) == "exact"
    assert _again(ball_at_most(1, 9), ball_at_most(2, 9)) == "apart"
    assert _again(ball_at_most(1, 9), ball_at_most(arb(1, 1e-9), 9)) == "overlap"


@pytest.mark.parametrize(
    "number",
    [
        arb(0),
        arb(3, 1),
        -arb.pi(),
        arb(10) ** 400,
        arb(2) ** (LARGEST + 5),
        -(arb(2) ** (LARGEST + 5)),
        arb(2) ** (-LARGEST - 5),
        -(arb(2) ** (-LARGEST - 5)),
        arb(0, 1e-300),
        arb(1, 1e-300),
        arb(0, float("inf")),
        arb(-1000000).exp(),
        (Fraction(1, 3), Fraction(2, 3)),
        (arb(1) / 3, math.inf),
        (0.1, 0.3),
    ],
    ids=str,
)
def test_texts_of_ends_are_exact_or_outward(number: Any) -> None:
    ends = ends_of(number, "number")
    lower, upper = (number_of(text) for text in texts_of(ends))
    for end, text, inner in ((ends.lower, lower, max), (ends.upper, upper, min)):
        held = arb(end) if not isinstance(end, Fraction) else arb(end.numerator) / end.denominator
        shown = arb(text) if isinstance(text, float) else arb(text.numerator) / arb(text.denominator)
        size = abs(held.mid()) if held.is_finite() else arb(0)
        if arb(2) ** -LARGEST < size < arb(2) ** LARGEST or size == 0:
            assert shown.overlaps(held)
        assert inner(0, 1) in (0, 1)
        assert not (shown > held if end is ends.lower else shown < held)


def test_long_numbers_do_not_fill_the_memory() -> None:
    texts = texts_of(ends_of(arb(10**12).exp(), "number"))
    assert texts[1] == "inf"
    assert number_of(texts[0]) == 0
    with working_precision(20_000):
        assert len(texts_of(ends_of(arb.pi(), "number"))[0]) > 5000


def test_what_encloses_nothing_or_is_made_by_hand_is_not_kept() -> None:
    assert texts_of(ends_of(arb("nan"), "number")) == ()
    assert seen([ends_of(Between(0.0, 1.0, "hand"), "number")]) == {}
    assert seen([ends_of((0.0, 1.0), "number")]) == {}
    assert ball_positive((0.5, 1.0)).parts["statement"].enclosed == ()
    assert ball_equal(arb(0, 1e-9), 1).parts["statement"].bits == current_bits()


def test_only_established_proofs_are_due() -> None:
    part = _part(ball_positive(arb.pi()))
    assert is_due("certified", {"status": "established", "parts": [part]})
    assert not is_due("numeric", {"status": "established", "parts": [part]})
    assert not is_due("certified", {"status": "undecided", "parts": [part]})
    assert not is_due("certified", {"status": "established", "parts": [part | {"enclosed": ()}]})
    assert not is_due("certified", {"status": "established"})


def _record(*words: str | None, status: str | None = "established") -> Json:
    parts = [{"name": str(k), "again": word, "bits": [53, 106]} for k, word in enumerate(words)]
    again = None if status is None else {"status": status, "reason": "so"}
    return {"repetition": again, "parts": parts}


def test_objections_name_part_and_bits() -> None:
    record = _record(
        "overlap", "apart", "no radius", "other verdict", None, "same", "exact", status="refuted"
    )
    assert [text.split(" ")[1] for text in repetition_objections(record)] == ["'1'", "'2'", "'3'"]
    assert list(repetition_objections(_record("overlap", "same", "exact", None))) == []


def test_contradictions_of_an_edited_record() -> None:
    assert list(repetition_contradictions(_record("overlap", None))) == []
    assert list(repetition_contradictions(_record(None, status=None))) == []
    assert list(repetition_contradictions(_record("other verdict", status="error"))) == []
    assert list(repetition_contradictions(_record("overlap", status=None))) == [
        "part '0': 'again' is 'overlap', of no run"
    ]
    assert list(repetition_contradictions(_record(None))) == ["'repetition' compared nothing"]
    assert list(repetition_contradictions(_record("overlap", status="refuted"))) == [
        "'repetition' is 'refuted', unlike its parts"
    ]


def test_every_precision_that_is_asked_for_is_multiplied() -> None:
    try:
        sharpen(2)
        assert current_bits() == 106
        with working_precision(100):
            assert current_bits() == 200
            with working_precision(53):
                assert current_bits() == 106
            assert current_bits() == 200
        sharpen(3)
        assert current_bits() == 159
        reset_precision()
        assert current_bits() == 53
        with working_precision(100):
            assert current_bits() == 100
        settle("a/S1/b", 0, 2)
        assert current_bits() == 106
        settle("a/S1/b", 0)
        assert current_bits() == 53
    finally:
        reset_precision()


@pytest.mark.parametrize("multiple", [0, -1, 2.0, True, "2"])
def test_a_multiple_that_is_none_is_refused(multiple: Any) -> None:
    with pytest.raises(ValueError, match=r"multiple: got .*; expected a positive int"):
        sharpen(multiple)


def test_forgetting_clears_the_caches_of_some_modules() -> None:
    from elboproof.expansion import wick
    from elboproof.expectations import plan

    plan._factors()
    wick_before = {
        name: v.cache_info().currsize for name, v in vars(wick).items() if hasattr(v, "cache_info")
    }
    forget("elboproof.expectations.")
    assert plan._factors.cache_info().currsize == 0
    assert wick_before == {
        name: v.cache_info().currsize for name, v in vars(wick).items() if hasattr(v, "cache_info")
    }
