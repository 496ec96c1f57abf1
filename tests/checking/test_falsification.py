"""Bugs seeded into the runner: each is caught by a check that the runner itself passes.

The table says which check catches which bug. The checks are in ``soundness``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

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
from elboproof.checking.claim import Hypothesis
from elboproof.checking.imports import Graph
from elboproof.checking.run import Run
from elboproof.checking.verdict import Verdict
from elboproof.checking.vocabulary import METHODS
from tests.checking.soundness import CHECKS, Missed
from tests.seeding import Bug, falsification, patched

Json = dict[str, Any]
Change = tuple[tuple[object, str, object], ...]


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
        (symbolic, "_decide", lambda e: (*symbolic._by_sympy(e, symbolic.FEW), symbolic.BOTH)),
        by="two programs",
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
