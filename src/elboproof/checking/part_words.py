"""The parts of findings in words: by which method each was reached, what confirms it, and which controls refuted it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from elboproof.checking.finding import Finding
from elboproof.checking.repetition import CONFIRMS
from elboproof.checking.words import plural

SHOWN = 4
"""Names of parts that are written out where more were reached and refuted alike."""


def method_words(finding: Finding) -> str:
    """Return the declared method, and how many parts were decided by hand."""
    hand = sum(bool(part["by_hand"]) for part in finding.parts)
    return (
        f"{finding.method} ({hand} of {plural(len(finding.parts), 'part')} by hand)"
        if hand
        else finding.method
    )


def part_summary(findings: Sequence[Finding]) -> str:
    """Return how many parts the checks have, how many a control refuted, and who decided the identities."""
    parts = [part for finding in findings for part in finding.parts]
    guarded = sum(bool(part["refuted_by"]) for part in parts)
    text = f"The checks have {plural(len(parts), 'part')}; {guarded} of them were refuted by a control"
    hand = sum(bool(part["by_hand"]) for part in parts)
    if hand:
        text += f"; {hand} were decided by hand, without a relation of the library"
    decided = [part["decided_by"] for part in parts if part.get("decided_by")]
    if decided:
        both = sum(" and " in one for one in decided)
        text += (
            f"; {both} of {len(decided)} symbolic ones were decided by SymPy and by FLINT, each on its own"
        )
    return " ".join([f"{text}.", *_confirmations(parts)])


def _confirmations(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how many of the certified parts a second precision or a second route confirms."""
    proved = [part for part in parts if part["method"] == "certified"]
    if not proved:
        return []
    again = Counter(part["again"] for part in proved)
    routes = sum(bool(part["second_route"]) for part in proved)
    alone = sum(not part["second_route"] and part["again"] not in CONFIRMS for part in proved)
    held = again["overlap"] + again["same"]
    return [
        f"Of {plural(len(proved), 'certified part')} {held} were decided again at twice the precision, by balls that "
        f"overlap ({again['same']} of them by the same balls: float64, or what was left out, decides their radii); "
        f"{again['exact']} compare exact numbers; {routes} have a second route; {alone} have neither."
    ]


def part_lines(finding: Finding) -> list[str]:
    """Return one line for all parts that were reached, and refuted by controls, alike."""
    # A check with sixty entries of a matrix gets a line, not sixty: parts that share all that is said share the line.
    groups: dict[str, list[str]] = {}
    for part in finding.parts:
        groups.setdefault(_told(part), []).append(part["name"])
    return [f"{_names(names)}: {told}" for told, names in groups.items()]


def _told(part: Mapping[str, Any]) -> str:
    by = f" by {part['decided_by']}" if part.get("decided_by") else ""
    hand = ", by hand" if part["by_hand"] else ""
    by += _confirmed(part)
    controls = ", ".join(f'"{name}"' for name in part["refuted_by"])
    return f"{part['method']}{by}{hand}; refuted by {controls or 'NO control'}"


def _confirmed(part: Mapping[str, Any]) -> str:
    if part["method"] != "certified":
        return ""
    bits = " and ".join(map(str, part["bits"] or ("twice the",)))
    said = {
        "overlap": f"confirmed at {bits} bits",
        "same": f"the same balls at {bits} bits",
        "exact": "exact numbers",
    }
    found = [said.get(part["again"], part["again"])] if part["again"] else []
    routes = [f"second route: {part['second_route']}"] if part["second_route"] else []
    return f", {', '.join([*found, *routes]) or 'decided once'}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN + 1 else ""
    return ", ".join(names[: SHOWN if more else None]) + more
