"""What the runner is held to: false or badly guarded claims, run through the worker's own code in this process.

Some checks compare a rule of the runner with its definition instead.
"""

import itertools
import json
import math
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any
from unittest.mock import patch

from flint import arb

from elboproof.checking import (
    ball,
    budget,
    execute,
    floats,
    module_copy,
    seal,
    state,
    statistics,
    symbolic,
    syntax,
    verdict,
    worker,
)
from elboproof.checking.claim import Claim, Control, Hypothesis, control
from elboproof.checking.finding import metadata
from elboproof.checking.imports import Graph
from elboproof.checking.run import Run
from elboproof.checking.verdict import Verdict
from elboproof.checking.vocabulary import METHODS

Json = dict[str, Any]
Body = Callable[..., Verdict]

SMALL = Hypothesis("small", "k < 10", lambda k: k < 10, accepts=[(9,)], rejects=[(10,)])
OTHER = (control("other", k=1),)


class Missed(AssertionError):  # noqa: N818  (what happened to the check)
    """The runner is not what it should be."""


def _demand(truth: object, *seen: object) -> None:
    if not truth:
        raise Missed(*seen)


def _found(body: Body, controls: Sequence[Control] = OTHER, **fields: Any) -> Json:
    """Return the finding of a check, by the worker's code and the composition of its answers."""
    claim = Claim("a-claim", "title")
    declared = {"method": "numeric", "hypotheses": ()} | fields
    claim.check(
        statement="S1",
        role="confirms",
        relation="=",
        states="a statement",
        domain="one",
        controls=controls,
        **declared,
    )(body)
    [check] = claim.checks
    answers = []
    for name in (None, *(one.name for one in check.controls)):
        job = {"control": name, "seed": 0, "false_alarm": None, "directory": "."}
        try:
            if name is None:
                for hypothesis in check.hypotheses:
                    vars(worker)["try_instances"](hypothesis)
            answer = worker._answer(check, job)
        except Exception as error:  # noqa: BLE001  (as the worker does)
            answer = worker._failure(error, job)
        answers.append(answer | {"seconds": 0.0})
    return execute.compose(metadata(check), answers[0], answers[1:])


def _true(run: Run, *, k: int = 0) -> Verdict:
    return floats.equal(k, 0, 0)


def _sound_check_holds() -> None:
    finding = _found(_true)
    _demand(finding["holds"] and finding["controls"][0]["rejected"], finding)


def _is_no_rejection(body: Body, **fields: Any) -> Callable[[], None]:
    """Return the check that a control which refutes nothing, or not what it names, is not taken for rejected."""

    def missed() -> None:
        finding = _found(body, **fields)
        _demand(finding["status"] == "established" and not finding["holds"], finding)
        _demand(not finding["controls"][0]["rejected"], finding["controls"])

    return missed


def _does_not_hold(body: Body, status: str = "established", **fields: Any) -> Callable[[], None]:
    """Return the check that a badly guarded claim does not hold."""

    def missed() -> None:
        finding = _found(body, **fields)
        _demand(finding["status"] == status and not finding["holds"], finding)

    return missed


def _undecided_control(run: Run, *, k: int = 0) -> Verdict:
    return floats.equal(math.nan if k else 0, 0, 0)


def _failing_control(run: Run, *, k: int = 0) -> Verdict:
    return floats.equal(1 // (1 - k) - 1, 0, 0)


def _halves(run: Run, *, k: int = 0) -> Verdict:
    return verdict.all_of({"a": floats.equal(k, 0, 0), "b": floats.equal(0, 0, 0)})


def _careless(run: Run, *, k: int = 0) -> Verdict:
    return floats.equal(k - k, 0, 0)


def _false_half(run: Run, *, k: int = 0) -> Verdict:
    return verdict.all_of({"a": floats.equal(k, 0, 0), "b": floats.equal(1, 0, 0)})


def _missing_part(run: Run, *, k: int = 0) -> Verdict:
    return verdict.all_of({"other" if k else "a": floats.equal(k, 0, 0)})


def _forgetful(run: Run, *, k: int = 0) -> Verdict:
    return floats.equal(k, 0, 0)


def _undeclared(run: Run, *, k: int = 0) -> Verdict:
    run.assume(SMALL, 3)
    return floats.equal(k, 0, 0)


def _powerless(run: Run, *, k: int = 0) -> Verdict:
    return verdict.reached(
        "numeric", "refuted" if k else "established", "x", smallest_detectable=0.1, quantity=1
    )


def _drawn(run: Run, *, k: int = 0) -> Verdict:
    return floats.equal(0 * run.rng.normal() + k, 0, 0)


def _violated(run: Run, *, k: int = 0) -> Verdict:
    run.assume(SMALL, 11)
    return floats.equal(k, 0, 0)


def _spoiled() -> None:
    """A check that changed modules does not hold."""
    record = {**_found(_true), "side_effects": {"modules": ["math.exp was bound anew"]}}
    _demand(not seal.holds(record), record)


def _conjunctions_follow_the_table() -> None:
    """A conjunction is refuted if any part is, else undecided if any is, else established; it is no stronger."""
    made = {status: verdict.reached("numeric", status, status) for status in METHODS_TABLE}
    for statuses in itertools.product(METHODS_TABLE, repeat=3):
        whole = verdict.all_of({str(i): made[one] for i, one in enumerate(statuses)})
        want = next(one for one in ("refuted", "undecided", "established") if one in statuses)
        _demand(whole.status == want, statuses, whole)
        _demand([part.status for part in whole.parts.values()] == list(statuses), whole.parts)


METHODS_TABLE = ("established", "undecided", "refuted")


def _the_weakest_method_counts() -> None:
    """The order is written down here again: a proof is no stronger than its weakest step."""
    order = ["symbolic", "certified", "numeric", "property", "statistical", "experiment"]
    _demand(list(METHODS) == order, METHODS)
    for a, b in itertools.product(order, repeat=2):
        made = {
            "a": verdict.reached(a, "established", "x"),
            "b": verdict.reached(b, "established", "x"),
        }
        _demand(verdict.all_of(made).method == order[max(order.index(a), order.index(b))], a, b)


def _sealed() -> tuple[Json, list[Json]]:
    environments = [seal.with_digest({"seed": 0})]
    finding = _found(_true) | {"holds": True}
    return seal.sealed(json.loads(json.dumps(finding)), {"m": "0"}, environments, "now"), environments


def _edits_of(record: Json, environments: list[Json]) -> list[str]:
    return list(seal.edits(record, environments))


def _each_field_is_sealed() -> None:
    """Whatever field is edited, its digest says so."""
    record, environments = _sealed()
    _demand(_edits_of(record, environments) == [], record)
    for field in record.keys() - {"seal"}:
        edited = {**record, field: [record[field]]}
        whole = seal.bound(edited, environments)["seal"]["digest"] == record["seal"]["digest"]
        _demand(not whole, field)


def _resealed(**changes: Any) -> list[str]:
    """Return what is noticed of an edit whose digests were computed anew."""
    record, environments = _sealed()
    return _edits_of(seal.bound(record | changes, environments), environments)


def _resealed_lies_are_noticed() -> None:
    record, _ = _sealed()
    [part] = record["parts"]
    _demand(_resealed(exercised=["small"]), "an undeclared hypothesis")
    _demand(_resealed(parts=[part, part | {"name": "half"}]), "a part that no control refuted")
    _demand(_resealed(parts=[part | {"method": "experiment"}]), "a weaker part")


def _another_check_draws_other_numbers() -> None:
    first = [Run(name, seed=seed).rng.random() for name in ("a", "b") for seed in (0, 1)]
    _demand(len(set(first)) == 4, first)
    _demand(Run("a").rng.random() == Run("a").rng.random(), "the same check draws the same numbers")


def _budget_is_kept() -> None:
    for tests in (1, 7, 300):
        _demand(tests * budget.share(tests) <= budget.FALSE_ALARM_RATE * (1 + 1e-12), tests)


def _nan_decides_nothing() -> None:
    found = [relation([0.0, math.nan], 0.0, tolerance=0.0) for relation in (floats.equal, floats.at_most)]
    _demand([one.status for one in found] == ["undecided", "undecided"], found)


def _vague_balls_establish_nothing() -> None:
    _demand(ball.ball_equal(arb(0, 1), 0.5).status == "undecided", "wider than asked")
    _demand(ball.ball_at_most(arb(0, 1), 0.5).status == "undecided", "reaches beyond the bound")
    _demand(ball.ball_positive(arb(0.5, 1)).status == "undecided", "reaches 0")


def _floats_are_no_enclosures() -> None:
    found = ball.ball_equal((-1e-3, 1e-3), 1e-2)
    _demand((found.method, found.by_hand) == ("numeric", False), found)


def _two_programs_decide() -> None:
    import sympy

    x = sympy.Symbol("x", positive=True)
    both = symbolic.identity((x + 1) ** 2 - x**2 - 2 * x - 1)
    one = symbolic.identity(sympy.log(x**2) - 2 * sympy.log(x))
    try:
        wrong = symbolic.identity(x**2 - x)
    except symbolic.Contradiction as error:
        raise Missed from error
    _demand([both.decided_by, one.decided_by, wrong.status] == [symbolic.BOTH, "SymPy", "refuted"], both, one)


def _power_is_that_of_the_interval() -> None:
    """An error of the size that is declared detectable is refuted; the interval covers the mean."""
    import numpy as np

    rng = np.random.default_rng(0)
    for _ in range(200):
        samples = rng.choice([0.0, 1.0], 400)
        found = statistics.mean_equals(samples, 0.5, (0, 1), 0.05)
        _demand(found.status == "established", found)
        _demand(found.smallest_detectable is not None, found)
        off = 0.5 + float(found.smallest_detectable or 0.0)
        _demand(statistics.mean_equals(samples, off, (0, 1), 0.05).status == "refuted", found)


def _constants_are_code() -> None:
    texts = (b"X = 1\n", b"X = 2\n", b'X = 1\n"""text"""\n', b"def f():\n    return 1\n")
    one, two, documented, other = (syntax.syntax_digest(text) for text in texts)
    _demand(one == documented and len({one, two, other}) == 3, "digests of syntax trees")


TEXTS = {
    "package": b"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.home import name\n"
    b"def __getattr__(name):\n    ...\n",
    "package.home": b"from package import deep\n",
    "package.deep": b"X = 1\n",
    "claim": b"from package import name\n",
}


def _lazy_names_lead_to_their_modules() -> None:
    found = Graph(TEXTS, frozenset({"package"})).closure(frozenset({"claim"}))
    _demand(found == set(TEXTS), found)


def _patches_are_seen() -> None:
    module = ModuleType("elboproof_made")
    exec("X = 1\ndef f():\n    return 1\nclass C:\n    def g(self):\n        return 1\n", vars(module))  # noqa: S102
    for text in ("X = 2", "f.__code__ = (lambda: 2).__code__", "C.g = lambda self: 2", "del C"):
        copy = module_copy.ModuleCopy(module.__name__, module, own=True)
        _demand(copy.same() and not list(copy.changes("m")), "nothing changed")
        exec(text, vars(module))  # noqa: S102
        _demand(not copy.same() and list(copy.changes("m")), text)


def _state_is_compared() -> None:
    before, limit = state.state(), sys.getrecursionlimit()
    with patch.dict("os.environ", {"ELBOPROOF_PLANTED": "1"}):
        _demand(state.changed(before, state.state()), "a variable of the environment")
    try:
        sys.setrecursionlimit(limit + 1)
        _demand(state.changed(before, state.state()), "the recursion limit")
    finally:
        sys.setrecursionlimit(limit)


CHECKS: dict[str, Callable[[], None]] = {
    "a sound check": _sound_check_holds,
    "an undecided control": _is_no_rejection(_undecided_control),
    "a control that fails": _is_no_rejection(_failing_control),
    "a control that is established": _is_no_rejection(_careless),
    "a control that refutes one half": _is_no_rejection(_halves),
    "a control that refutes the other half": _is_no_rejection(
        _halves, controls=(control("o", refutes="b", k=1),)
    ),
    "a control that names no part": _is_no_rejection(
        _true, controls=(control("o", refutes=("*", "misspelt"), k=1),)
    ),
    "a control without the part": _is_no_rejection(_missing_part),
    "a half without a control": _does_not_hold(_halves, controls=(control("o", refutes="a", k=1),)),
    "a refuted half": _does_not_hold(
        _false_half,
        status="refuted",
    ),
    "a forgotten hypothesis": _does_not_hold(_forgetful, hypotheses=(SMALL,)),
    "an undeclared hypothesis": _does_not_hold(_undeclared),
    "a violated hypothesis": _does_not_hold(_violated, status="error", hypotheses=(SMALL,)),
    "a blunt hypothesis": _does_not_hold(
        _undeclared,
        status="error",
        hypotheses=(Hypothesis("small", "x", bool, accepts=[(1,)], rejects=[(2,)]),),
    ),
    "an overstated method": _does_not_hold(_true, status="error", method="certified"),
    "drawn points": _does_not_hold(_drawn, status="error"),
    "a powerless part": _does_not_hold(_powerless),
    "changed modules": _spoiled,
    "conjunctions": _conjunctions_follow_the_table,
    "methods of conjunctions": _the_weakest_method_counts,
    "seals": _each_field_is_sealed,
    "lies with whole seals": _resealed_lies_are_noticed,
    "random numbers": _another_check_draws_other_numbers,
    "the budget of false alarms": _budget_is_kept,
    "not a number": _nan_decides_nothing,
    "vague balls": _vague_balls_establish_nothing,
    "pairs of floats": _floats_are_no_enclosures,
    "two programs": _two_programs_decide,
    "the power of samples": _power_is_that_of_the_interval,
    "digests of code": _constants_are_code,
    "lazy names": _lazy_names_lead_to_their_modules,
    "patches": _patches_are_seen,
    "the state of the process": _state_is_compared,
}
