"""The parts of a check: which control refuted which, and how small an error each would have seen.

A finding holds only if each part of its check is refuted by some control: what no false neighbour can move may as
well be ``x - x = 0``. Names tie the runs together, as a control runs the same code with other arguments.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from elboproof.checking.methods import weakest
from elboproof.checking.repetition import compared, repetition_contradictions
from elboproof.checking.verdict import WHOLE, Part, part_to_json
from elboproof.checking.vocabulary import VERDICTS

POWER = 0.02
"""Share of the quantity that a statistical check, or one about an order, must be able to see."""

Json = dict[str, Any]


def parts_of(answer: Json) -> list[Json]:
    """Return the parts of an answer; a lone statement is one part."""
    if answer.get("parts"):
        return list(answer["parts"])
    lone = Part(answer["status"], answer["reason"], str(answer.get("reached")))
    return [part_to_json(WHOLE, lone)]


def judged(control: Json, answer: Json, names: Sequence[str]) -> Json:
    """Return the record of a control in a finding.

    It is rejected only if its run refuted *each* part that it names: an exception, a time-out or "undecided" says
    nothing about a false statement, and a part that is missing from its run was not looked at.

    Parameters
    ----------
    control
        ``{"name", "refutes"}``.
    answer
        What came of its run.
    names
        The parts of the check.
    """
    # Parts are matched by name, over the parts of the check's own run: what only the control's run has was never
    # established, and refuting it says nothing.
    found = {part["name"]: part["status"] for part in parts_of(answer)}
    record = control | {
        "status": answer["status"],
        "refuted": [name for name in names if found.get(name) == "refuted"],
    }
    lacks = list(_lacks(record, found, names)) if answer["status"] == "refuted" else []
    return record | {
        "rejected": _is_rejected(record, names),
        "reason": "; ".join([f"{answer['status']}: {answer['reason']}", *_few(lacks)]),
    }


def _is_rejected(control: Json, names: Sequence[str]) -> bool:
    # A pattern that fits nothing is a misspelling, and would otherwise be fulfilled by every run.
    wanted = [_fitting(pattern, names) for pattern in control["refutes"]]
    refuted = set(control["refuted"])
    return control["status"] == "refuted" and all(fitting and refuted >= set(fitting) for fitting in wanted)


def _fitting(pattern: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name == pattern or fnmatchcase(name, pattern)]


def _lacks(control: Json, found: dict[str, str], names: Sequence[str]) -> Iterator[str]:
    """Yield in words what `_is_rejected` misses."""
    wanted: dict[str, None] = {}
    for pattern in control["refutes"]:
        fitting = _fitting(pattern, names)
        wanted |= dict.fromkeys(fitting)
        if not fitting:
            yield f"it refutes {pattern!r}, which is no part of the check"
    for name in wanted:
        if name not in found:
            yield f"part {name!r} is missing from its run"
        elif found[name] != "refuted":
            yield f"part {name!r} was {found[name]}"


def contradictions(finding: Json) -> Iterator[str]:
    """Yield where a record of a finding contradicts its own parts: somebody edited it."""
    parts, controls = finding["parts"], finding["controls"]
    names = [part["name"] for part in parts]
    for control in controls:
        if control["rejected"] is not _is_rejected(control, names):
            yield f"control {control['name']!r}: 'rejected' is {str(control['rejected']).lower()}, unlike its parts"
    for part, derived in zip(parts, _marked(parts, controls), strict=True):
        if part["refuted_by"] != derived["refuted_by"]:
            yield f"part {part['name']!r}: 'refuted_by' is {part['refuted_by']}, unlike the controls"
    yield from repetition_contradictions(finding)
    if parts:
        yield from _status_contradictions(finding)
    elif finding["status"] in VERDICTS:
        yield f"'parts' is empty, but a verdict {finding['status']!r} has at least one"


def _status_contradictions(finding: Json) -> Iterator[str]:
    # The rules of `all_of`, applied to what was recorded: status of the worst part, method of the weakest.
    found = {part["status"] for part in finding["parts"]}
    status = next(one for one in ("refuted", "undecided", "established") if one in found)
    weak = weakest(part["method"] for part in finding["parts"])
    if finding["status"] != status:
        yield f"'status' is {finding['status']!r}, but its parts are {status}"
    if finding["reached"] != weak:
        yield f"'reached' is {finding['reached']!r}, but its parts are {weak}"
    if weakest((finding["method"], weak)) != finding["method"]:
        yield f"'method' is {finding['method']!r}, stronger than {weak!r} of its parts"


def guarded(main: Json, controls: Sequence[Json], again: Json | None = None) -> list[Json]:
    """Return the parts of a check's own answer, with the controls whose runs refuted them, and the second run's say."""
    return _marked(compared(parts_of(main), again), controls)


def _marked(parts: Sequence[Json], controls: Sequence[Json]) -> list[Json]:
    return [
        part | {"refuted_by": [one["name"] for one in controls if part["name"] in one["refuted"]]}
        for part in parts
    ]


def part_objections(parts: Sequence[Json]) -> Iterator[str]:
    """Yield why a check does not hold although its parts were established."""
    unguarded = [part["name"] for part in parts if not part["refuted_by"]]
    if unguarded:
        named = ", ".join(_few([repr(name) for name in unguarded], 6))
        yield f"part{'s' * (len(unguarded) > 1)} {named} {_are(unguarded)} refuted by no control"
    yield from _few([text for part in parts for text in _weakness(part)])


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _weakness(part: Json) -> Iterator[str]:
    # `not <=` also catches NaN. A statistical part that says nothing of its power may have none.
    seen, quantity = part.get("smallest_detectable"), part.get("quantity")
    if seen is None:
        if part.get("method") == "statistical":
            yield f"part {part['name']!r} does not say how small an error it would see"
    elif quantity is None:
        yield f"part {part['name']!r} sees errors above {float(seen):.2g}, of a quantity that it does not declare"
    elif not float(seen) <= POWER * float(quantity):
        share = float(seen) / float(quantity)
        yield (
            f"part {part['name']!r} sees only errors above {float(seen):.2g}, {share:.2g} of its quantity "
            f"{float(quantity):.4g}; expected at most {POWER}"
        )


def _few(texts: Sequence[str], most: int = 3) -> list[str]:
    return list(texts) if len(texts) <= most else [*texts[:most], f"and {len(texts) - most} more"]
