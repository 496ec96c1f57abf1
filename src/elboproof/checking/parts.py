"""The parts of a check: which control refuted which, and how small an error each would have seen.

A finding holds only if each part of its check is refuted by some control: what no false neighbour can move may as
well be ``x - x = 0``. Names tie the runs together, as a control runs the same code with other arguments.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from elboproof.checking.verdict import WHOLE, Part, part_to_json

POWER = 0.02
"""Share of the quantity that a statistical check, or one about an order, must be able to see."""

Record = dict[str, Any]


def parts_of(answer: Record) -> list[Record]:
    """Return the parts of an answer; a lone statement is one part."""
    if answer.get("parts"):
        return list(answer["parts"])
    lone = Part(answer["status"], answer["reason"], str(answer.get("reached")))
    return [part_to_json(WHOLE, lone)]


def judged(control: Record, answer: Record, names: Sequence[str]) -> Record:
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
    found = {part["name"]: part["status"] for part in parts_of(answer)}
    lacks = list(_lacks(control["refutes"], found, names)) if answer["status"] == "refuted" else []
    return {
        "name": control["name"],
        "refutes": control["refutes"],
        "rejected": answer["status"] == "refuted" and not lacks,
        "refuted": [name for name in names if found.get(name) == "refuted"],
        "reason": "; ".join([f"{answer['status']}: {answer['reason']}", *_few(lacks)]),
    }


def _lacks(patterns: Sequence[str], found: dict[str, str], names: Sequence[str]) -> Iterator[str]:
    wanted: dict[str, None] = {}
    for pattern in patterns:
        fitting = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
        wanted |= dict.fromkeys(fitting)
        if not fitting:
            yield f"it refutes {pattern!r}, which is no part of the check"
    for name in wanted:
        if name not in found:
            yield f"part {name!r} is missing from its run"
        elif found[name] != "refuted":
            yield f"part {name!r} was {found[name]}"


def guarded(main: Record, controls: Sequence[Record]) -> list[Record]:
    """Return the parts of a check's own answer, each with the controls whose runs refuted it."""
    return [
        part | {"refuted_by": [one["name"] for one in controls if part["name"] in one["refuted"]]}
        for part in parts_of(main)
    ]


def part_objections(parts: Sequence[Record]) -> Iterator[str]:
    """Yield why a check does not hold although its parts were established."""
    unguarded = [part["name"] for part in parts if not part["refuted_by"]]
    if unguarded:
        named = ", ".join(_few([repr(name) for name in unguarded], 6))
        yield f"part{'s' * (len(unguarded) > 1)} {named} {_are(unguarded)} refuted by no control"
    yield from _few([text for part in parts for text in _weakness(part)])


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _weakness(part: Record) -> Iterator[str]:
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
