"""A certified check once more, at twice the precision: the same verdict, by balls that overlap.

Both balls enclose the same number, if they enclose anything: balls that are apart show an error of the check or of the
library, and so does a verdict that another precision changes. A ball without radius encloses only itself: at 53 and at
106 bits alike it may be a float whose radius was dropped, so exact numbers are to be given as int or Fraction.

What is compared is recorded for each part. "overlap": the balls overlap and differ. "same": they do not depend on the
precision, as what was left out, or float64, decides their radius. "exact": nothing is rounded.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elboproof.checking.exact_ends import interval_of

MULTIPLE = 2
"""Of each precision that the check asks for."""
PATIENCE = 4
"""Times the check's time limit: products of twice the bits take two to four times as long."""
CONFIRMS = ("overlap", "same", "exact")

Json = dict[str, Any]


def is_due(declared: str, answer: Mapping[str, Any]) -> bool:
    """Return whether a check with this declared method and answer runs again: if it proved by enclosures."""
    established = declared == "certified" and answer["status"] == "established"
    return established and any(part["enclosed"] for part in answer.get("parts", ()))


def compared(parts: Sequence[Json], answer: Mapping[str, Any] | None) -> list[Json]:
    """Return the parts of a check with what a second run made of them, None for those that were not compared.

    Parameters
    ----------
    parts
        Of the check's own answer.
    answer
        Of the second run; None if there was none.
    """
    others = {part["name"]: part for part in (answer or {}).get("parts", ())}
    return [_compared(part, answer is not None, others.get(part["name"])) for part in parts]


def _compared(part: Json, repeated: bool, other: Json | None) -> Json:
    kept = {key: value for key, value in part.items() if key != "enclosed"}
    again = _word(part, other) if repeated and part["enclosed"] else None
    bits = [part["bits"], other["bits"]] if again and other and other["bits"] else None
    return kept | {"again": again, "bits": bits}


def _word(part: Json, other: Json | None) -> str:
    if other is None or other["status"] != part["status"] or len(other["enclosed"]) != len(part["enclosed"]):
        return "other verdict"
    pairs = list(zip(part["enclosed"], other["enclosed"], strict=True))
    # Of several balls the worst decides; one that did not move is no second opinion, whatever the others did.
    words = [_of_balls(first, second) for first, second in pairs]
    return next(word for word in ("apart", "no radius", "same", "overlap", "exact") if word in words)


def _of_balls(first: Sequence[str], second: Sequence[str]) -> str:
    if len(first) == 1 and len(second) == 1:
        return "exact" if first == second else "apart"
    (low, high), (other_low, other_high) = interval_of(first), interval_of(second)
    if not (low <= other_high and other_low <= high):
        return "apart"
    if low == high and other_low == other_high:
        return "no radius"
    return "same" if (low, high) == (other_low, other_high) else "overlap"


def repetition_of(answer: Mapping[str, Any] | None) -> Json | None:
    """Return the record of a second run in a finding."""
    if answer is None:
        return None
    return {
        "multiple": MULTIPLE,
        "status": answer["status"],
        "reason": answer["reason"],
        "seconds": answer.get("seconds", 0.0),
    }


def repetition_objections(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a finding does not hold by what its second run found."""
    said = {
        "apart": "encloses other numbers",
        "no radius": "has a ball without radius, which encloses only itself: give exact numbers as int or Fraction",
        "other verdict": "was not decided the same",
    }
    again = record["repetition"]
    for part in record["parts"]:
        if part["again"] in said:
            bits = (
                f"at {' and '.join(map(str, part['bits']))} bits"
                if part["bits"]
                else "at twice the precision"
            )
            why = f" ({again['status']}: {again['reason']})" if part["again"] == "other verdict" else ""
            yield f"part {part['name']!r} {said[part['again']]} {bits}{why}"


def repetition_contradictions(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield where what is recorded of a second run contradicts itself: somebody edited it."""
    again, parts = record["repetition"], record["parts"]
    if again is None:
        yield from (f"part {p['name']!r}: 'again' is {p['again']!r}, of no run" for p in parts if p["again"])
    elif not any(part["again"] for part in parts):
        yield "'repetition' compared nothing"
    elif again["status"] != "established" and all(part["again"] in (None, *CONFIRMS) for part in parts):
        yield f"'repetition' is {again['status']!r}, unlike its parts"
