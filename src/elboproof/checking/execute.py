"""One job: a check with its controls, run in this thread's lane, composed into a finding."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection
from elboproof.checking.finding import metadata
from elboproof.checking.lane import Lane
from elboproof.checking.parts import guarded, judged, part_objections, parts_of
from elboproof.checking.repetition import MULTIPLE, PATIENCE, is_due, repetition_objections, repetition_of
from elboproof.checking.sources import library_digest
from elboproof.checking.vocabulary import NOT_RUN, VERDICTS

_local = threading.local()

_UNASKED = {"status": NOT_RUN, "reason": "the check itself gave no verdict"}
_NUMBERS = ("computed", "stated", "error", "smallest_detectable", "quantity", "data", "reached")


def job_of(check: Check, collection: Collection, seed: int) -> dict[str, Any]:
    """Return what `run_check` needs, as JSON: it may run in a process on another machine."""
    statistical = check.method == "statistical"
    [sources] = (module.digest for module in collection.claims if module.claim.label == check.claim)
    return {
        "directory": str(collection.directory.resolve()),
        "claim": check.claim,
        "sources": sources,
        "library": library_digest(),
        "check": check.id,
        "seed": seed,
        "false_alarm": collection.false_alarm if statistical else None,
        "time_limit": check.time_limit,
        "metadata": metadata(check),
    }


def run_check(job: dict[str, Any]) -> dict[str, Any]:
    """Run a check and its controls in this thread's lane; return the finding as JSON.

    A plain function of plain data, so that any `concurrent.futures.Executor` can run it. The check and each
    control have the time limit separately. If the check gave no verdict its controls are not run: what
    stopped it would mostly stop them too. A check that compared balls runs once more, last, at another precision.

    Raises
    ------
    LaneClosed
        If the run was interrupted.
    """
    finding: dict[str, Any] = run_traced(job)["finding"]
    return finding


def run_traced(job: dict[str, Any]) -> dict[str, Any]:
    """Return the finding of `run_check` under "finding", and under "trace" where it raised, if it did.

    Tracebacks hold paths of the machine and are no part of a finding.
    """
    # The check and its controls run one after another in one lane, hence in one process as long as it stays clean:
    # a control must differ from its check in the overridden arguments and in nothing else.
    lane = _lane()
    main = lane.call({**job, "control": None})
    names = [one["name"] for one in job["metadata"]["controls"]]
    if main["status"] in VERDICTS:
        answers = [lane.call({**job, "control": name}) for name in names]
    else:
        answers = [_UNASKED for _ in names]
    again = _again(lane, job, main)
    finding = compose(job["metadata"], main, answers, again)
    runs = (("", main), *zip((f"control {name!r}" for name in names), answers, strict=True))
    return {"finding": finding, "trace": _trace([*runs, ("the second run", again or {})])}


def _trace(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> str | None:
    """Return the first traceback of some runs, with the name of the run."""
    for name, answer in runs:
        if answer.get("trace"):
            return f"{name}:\n{answer['trace']}" if name else str(answer["trace"])
    return None


def _again(lane: Lane, job: dict[str, Any], main: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer of a second run at another precision, None where that is not due."""
    if not is_due(job["metadata"]["method"], main):
        return None
    limit = PATIENCE * job["time_limit"]
    return lane.call({**job, "control": None, "precision": MULTIPLE, "time_limit": limit})


def _lane() -> Lane:
    # One lane for each thread: a lane answers one question at a time, and an executor's threads live as long as
    # it does.
    lane: Lane | None = getattr(_local, "lane", None)
    if lane is None or lane.closed:
        lane = _local.lane = Lane()
    return lane


def compose(
    meta: dict[str, Any],
    main: dict[str, Any],
    answers: list[dict[str, Any]],
    again: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the finding made from the answers for a check and for its controls, in order, and of a second run.

    The statement holds if it was established, every control was rejected (`elboproof.checking.parts.judged`), each
    part was refuted by some control, a second run contradicts nothing (`elboproof.checking.repetition`), and the
    hypotheses were those declared.
    """
    # The finding is computed from the answers alone, and `elboproof.checking.seal.holds` computes `holds` again from
    # the parts that are kept here: a record cannot say more than its parts.
    decided = main["status"] in VERDICTS
    names = [part["name"] for part in parts_of(main)]
    controls = [judged(one, a, names) for one, a in zip(meta["controls"], answers, strict=True)]
    record = {
        **meta,
        **{name: main.get(name) for name in _NUMBERS},
        "status": main["status"],
        "exercised": main.get("exercised", []),
        "controls": controls,
        "parts": guarded(main, controls, again) if decided else [],
        "repetition": repetition_of(again),
        "side_effects": _side_effects(main, controls, answers, again),
        "seconds": main["seconds"] + sum(a.get("seconds", 0.0) for a in (*answers, again or {})),
    }
    objections = list(objections_to(record)) if decided else []
    return record | {
        "holds": main["status"] == "established" and not objections,
        "reason": "; ".join([main["reason"], *objections]),
    }


def _side_effects(
    main: dict[str, Any],
    controls: Sequence[dict[str, Any]],
    answers: Sequence[dict[str, Any]],
    again: dict[str, Any] | None,
) -> dict[str, list[str]]:
    """Return what the check, its controls and its second run left behind."""
    found = {kind: list(sentences) for kind, sentences in main.get("side_effects", {}).items()}
    names = [f"control {one['name']!r}" for one in controls]
    for name, answer in zip((*names, "second run"), (*answers, again or {}), strict=True):
        # What the import of a claim did is told by every run in that process: once is enough.
        for kind, sentences in answer.get("side_effects", {}).items():
            new = [one for one in sentences if one not in found.get(kind, ())]
            found.setdefault(kind, []).extend(f"{name}: {one}" for one in new)
    return found


def objections_to(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a statement that was established does not hold as a finding, from the finding's parts alone.

    A check that changed modules does not hold: its own answer may rest on what it changed.
    """
    # Each objection is one way in which "established" can be worth nothing: a hypothesis that was never used may be
    # false, a control that survived shows a check that cannot fail.
    declared = [one["name"] for one in record["hypotheses"]]
    exercised = record["exercised"]
    for name in declared:
        if name not in exercised:
            yield f"hypothesis {name!r} was declared but never exercised"
    for name in exercised:
        if name not in declared:
            yield f"hypothesis {name!r} was assumed but not declared"
    for control in record["controls"]:
        if not control["rejected"]:
            yield f"control {control['name']!r} was not rejected ({control['reason']})"
    yield from part_objections(record["parts"])
    yield from repetition_objections(record)
    changed = record["side_effects"].get("modules", ())
    if changed:
        yield f"it changed modules, on which its answer may rest: {'; '.join(changed)}"


def failed(meta: dict[str, Any], status: str, reason: str) -> dict[str, Any]:
    """Return the finding, as JSON, of a check that was lost before it could answer."""
    answers = [_UNASKED for _ in meta["controls"]]
    return compose(meta, {"status": status, "reason": reason, "seconds": 0.0}, answers)
