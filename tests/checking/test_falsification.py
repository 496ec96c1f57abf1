"""Bugs seeded into the runner: each is caught by a check that the runner itself passes.

The table says which check catches which bug. Most checks are false or badly guarded claims, run through the worker's
own code in this process; the others compare a rule of the runner with its definition.
"""

import itertools
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

from flint import arb

from elboproof.checking import (
    ball,
    budget,
    enclosed,
    execute,
    floats,
    methods,
    module_copy,
    parts,
    polynomial,
    run,
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
from tests.seeding import Bug, falsification, patched

Json = dict[str, Any]
Body = Callable[..., Verdict]
Change = tuple[tuple[object, str, object], ...]

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


def _rejected_if(rule: Callable[[Json, list[list[str]]], bool]) -> Change:
    """Return the bug of another rule for rejections, which sees a control and the parts that fit each pattern."""

    def wrong(record: Json, names: Sequence[str]) -> bool:
        return rule(record, [parts._fitting(pattern, names) for pattern in record["refutes"]])

    return ((parts, "_is_rejected", wrong),)


def _without_objection(word: str) -> Change:
    def quiet(record: Mapping[str, Any]) -> Iterator[str]:
        return (text for text in _OBJECTIONS(record) if word not in text)

    return (execute, "objections_to", quiet), (seal, "objections_to", quiet)


def _strongest(found: Any) -> str:
    strongest: str = min(found, key=METHODS.index)
    return strongest


def _seal_without(*names: str) -> Change:
    """Return the bug of a digest that leaves fields of a finding out."""

    def digest(content: Any) -> str:
        if isinstance(content, list):
            content = [{k: v for k, v in content[0].items() if k not in names}, *content[1:]]
        return _DIGEST(content)

    return ((seal, "digest", digest),)


def _without_last(conjuncts: Mapping[str, Verdict]) -> Verdict:
    return _ALL_OF(dict(list(conjuncts.items())[: max(1, len(conjuncts) - 1)]))


def _first_undecided(conjuncts: Mapping[str, Verdict]) -> tuple[str, Verdict]:
    """Undecided before refuted."""
    wanted = {"undecided": 0, "refuted": 1, "established": 2}
    return min(conjuncts.items(), key=lambda item: wanted[item[1].status])


def _only_refuted(conjuncts: Mapping[str, Verdict]) -> tuple[str, Verdict]:
    wanted = {"refuted": 0, "established": 1, "undecided": 2}
    return min(conjuncts.items(), key=lambda item: wanted[item[1].status])


def _middle(value: Any, name: str) -> enclosed.Ends:
    ends = _ENDS(value, name)
    centre = value.mid() if isinstance(value, arb) else ends.lower
    return enclosed.Ends(centre, centre, 0.0, ends.text, ends.method)


_ALL_OF, _OBJECTIONS, _DIGEST, _ENDS = verdict.all_of, execute.objections_to, seal.digest, enclosed.ends_of
_ASSUME, _SEED, _WIDTH = Run.assume, run.check_seed, statistics.half_width


def _unrecorded(self: Run, hypothesis: Hypothesis, *given: object) -> None:
    """A violated hypothesis passes."""
    self.exercised.append(hypothesis.name)


BUGS: dict[str, Bug] = {
    "undecided rejects a control": patched(
        *_rejected_if(lambda c, _: c["status"] in ("refuted", "undecided")), by="an undecided control"
    ),
    "an exception rejects a control": patched(
        *_rejected_if(lambda c, _: c["status"] in ("refuted", "error")), by="a control that fails"
    ),
    "every control is rejected": patched(*_rejected_if(lambda *_: True), by="a control that is established"),
    "no control is rejected": patched(*_rejected_if(lambda *_: False), by="a sound check"),
    "one refuted part is enough": patched(
        *_rejected_if(lambda c, wanted: any(set(one) & set(c["refuted"]) for one in wanted)),
        by="a control that refutes one half",
    ),
    "whatever was refuted is enough": patched(
        *_rejected_if(lambda c, _: c["status"] == "refuted"),
        by=("a control that refutes the other half", "a control without the part"),
    ),
    "a pattern that fits nothing is fulfilled": patched(
        *_rejected_if(lambda c, wanted: all(set(c["refuted"]) >= set(one) for one in wanted)),
        by="a control that names no part",
    ),
    "parts need no control": patched(
        (execute, "part_objections", lambda _: iter(())), by="a half without a control"
    ),
    "a part is guarded by what names it": patched(
        *_without_objection("is refuted by no control"), by="a half without a control"
    ),
    "the last part is not looked at": patched(
        (verdict, "all_of", _without_last), by=("conjunctions", "a refuted half")
    ),
    "undecided outweighs refuted": patched((verdict, "_decisive", _first_undecided), by="conjunctions"),
    "undecided does not count": patched((verdict, "_decisive", _only_refuted), by="conjunctions"),
    "a conjunction is as strong as its strongest part": patched(
        (verdict, "weakest", _strongest), by="methods of conjunctions"
    ),
    "a declared method is believed": patched(
        (worker, "require_method", lambda *_: None), by=("an overstated method", "drawn points")
    ),
    "the order of methods is turned around": patched(
        (methods, "weakest", _strongest), by="an overstated method"
    ),
    "drawn points count as given ones": patched(
        (Verdict, "at_drawn_points", lambda self: self), by="drawn points"
    ),
    "hypotheses need not be exercised": patched(
        *_without_objection("never exercised"), by="a forgotten hypothesis"
    ),
    "hypotheses need not be declared": patched(
        *_without_objection("was assumed but not declared"), by="an undeclared hypothesis"
    ),
    "a violated hypothesis passes": patched((Run, "assume", _unrecorded), by="a violated hypothesis"),
    "predicates are not tried": patched((worker, "try_instances", lambda _: None), by="a blunt hypothesis"),
    "what must be rejected is not tried": patched(
        (worker, "try_instances", lambda one: run.try_instances(replace(one, rejects=()))),
        by="a blunt hypothesis",
    ),
    "half of the quantity is power enough": patched((parts, "POWER", 0.5), by="a powerless part"),
    "changed modules are only mentioned": patched(
        *_without_objection("it changed modules"), by="changed modules"
    ),
    "the seal leaves out the controls": patched(*_seal_without("controls"), by="seals"),
    "the seal leaves out the parts": patched(*_seal_without("parts"), by="seals"),
    "the seal leaves out a number": patched(*_seal_without("error"), by="seals"),
    "the seal is not compared": patched((seal, "digest", lambda _: ""), by="seals"),
    "'holds' is believed": patched(
        (seal, "holds", lambda finding: finding["holds"]), by="lies with whole seals"
    ),
    "parts may contradict their finding": patched(
        (seal, "contradictions", lambda _: iter(())), by="lies with whole seals"
    ),
    "all checks draw the same numbers": patched(
        (run, "check_seed", lambda seed, _: _SEED(seed, "")), by="random numbers"
    ),
    "the seed is not used": patched((run, "check_seed", lambda _, name: _SEED(0, name)), by="random numbers"),
    "each test has the whole budget": patched(
        (budget, "share", lambda _: budget.FALSE_ALARM_RATE), by="the budget of false alarms"
    ),
    "NaN is passed over": patched(
        (floats, "_worst", lambda excess: int((excess == excess).argmax())), by="not a number"
    ),
    "balls lose their radii": patched((ball, "ends_of", _middle), by="vague balls"),
    "any width will do": patched((ball, "_like", lambda sample, _: sample), by="vague balls"),
    "pairs of floats are certified": patched(
        (enclosed, "_method", lambda *_: "certified"), by="pairs of floats"
    ),
    "SymPy alone speaks for both": patched(
        (symbolic, "_decide", lambda e: (*symbolic._by_sympy(e), symbolic.BOTH)), by="two programs"
    ),
    "FLINT's answer is turned around": patched(
        (polynomial, "vanishes", lambda e: bool(e.free_symbols) and e != 0), by="two programs"
    ),
    "the interval is a tenth": patched(
        (statistics, "half_width", lambda *given: 0.1 * _WIDTH(*given)), by="the power of samples"
    ),
    "the power is overstated": patched(
        (statistics, "smallest_detectable", lambda n, _, *given: 0.5 * _WIDTH(n, 0.0, *given)),
        by="the power of samples",
    ),
    "constants are no code": patched(
        (syntax, "_IGNORED", syntax._IGNORED | {"value"}),
        by="digests of code",
        caches=(syntax.parsed, syntax.syntax_digest),
    ),
    "lazy names lead nowhere": patched((Graph, "_attribute", lambda *_: iter(())), by="lazy names"),
    "functions changed inside are not seen": patched(
        (module_copy, "_identical", lambda *_: True), by="patches"
    ),
    "nothing counts as changed": patched((state, "_equal", lambda *_: True), by="the state of the process"),
}


test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, (Missed,))
)
