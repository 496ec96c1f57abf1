"""What each field of a finding in a file must be: a file may be edited by hand, or come from anywhere."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from elboproof.arguments import bad, wrong_type
from elboproof.checking.vocabulary import AGAIN, METHODS, NOT_RUN, OUTCOMES, RELATIONS, ROLES, TIERS, VERDICTS

Demand = Callable[[str, Any], None]
"""Called with the name of a field and its value; raises TypeError or ValueError if the value is no such thing."""


def _of(kind: type | tuple[type, ...], words: str) -> Demand:
    def demand(name: str, value: Any) -> None:
        # JSON has one kind of numbers: 1 is accepted where 1.0 was written, and `Finding.from_json` makes it a float.
        # But true and false are integers to Python, and numbers to nobody who reads a record.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise wrong_type(name, value, words)
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            raise bad(name, value, "a number in the range of float64")

    return demand


_text = _of(str, "a text")
_truth = _of(bool, "true or false")
_plain = _of((int, float, str, type(None)), "a number, a text or null")
_list = _of(list, "a list")
_object = _of(dict, "an object")


def _one_of(*words: str) -> Demand:
    def demand(name: str, value: Any) -> None:
        _text(name, value)
        if value not in words:
            raise bad(name, value, f"one of {', '.join(words)}")

    return demand


def _number(name: str, value: Any) -> None:
    # These three words are `to_json`'s; any other text, "1e9999" for one, is no number.
    if value not in ("nan", "inf", "-inf"):  # JSON has no word for them
        _of((int, float), "a number")(name, value)


def _seconds(name: str, value: Any) -> None:
    _of((int, float), "a number")(name, value)
    if not 0.0 <= value < float("inf"):
        raise bad(name, value, "a number of seconds")


def _or_null(demand: Demand) -> Demand:
    return lambda name, value: None if value is None else demand(name, value)


def _each(demand: Demand) -> Demand:
    def demand_all(name: str, value: Any) -> None:
        _list(name, value)
        for k, one in enumerate(value):
            demand(f"{name}[{k}]", one)

    return demand_all


def _named(demand: Demand, *keys: str) -> Demand:
    """Demand an object whose values are alike, with any keys or some of the given ones."""

    def demand_all(name: str, value: Any) -> None:
        _object(name, value)
        for key, one in value.items():
            if keys and key not in keys:
                raise bad(name, key, f"only {' and '.join(keys)}")
            demand(f"{name}[{key!r}]", one)

    return demand_all


@dataclass(frozen=True)
class _Fields:
    """Demands an object with exactly these fields."""

    demands: Mapping[str, Demand]

    def __call__(self, name: str, value: Any) -> None:
        _object(name, value)
        if set(value) != set(self.demands):
            wrong = sorted(set(value) ^ set(self.demands))
            # Unknown fields are refused like missing ones: what no version of this reader knows may matter to
            # the verdict.
            raise ValueError(f"{name}: fields {wrong} are missing or unknown")
        for key, demand in self.demands.items():
            demand(key if name == FINDING else f"{name}.{key}", value[key])


_HYPOTHESIS = _Fields({"name": _text, "text": _text})
_CONTROL = _Fields(
    {
        "name": _text,
        "refutes": _each(_text),
        "status": _one_of(*OUTCOMES, NOT_RUN),
        "refuted": _each(_text),
        "rejected": _truth,
        "reason": _text,
    }
)
_PART = _Fields(
    {
        "name": _text,
        "status": _one_of(*VERDICTS),
        "reason": _text,
        "method": _one_of(*METHODS),
        "by_hand": _truth,
        "smallest_detectable": _or_null(_number),
        "quantity": _or_null(_number),
        "decided_by": _or_null(_text),
        "second_route": _or_null(_text),
        "again": _or_null(_one_of(*AGAIN)),
        "bits": _or_null(_each(_of(int, "a number of bits"))),
        "refuted_by": _each(_text),
    }
)

_REPETITION = _Fields(
    {
        "multiple": _of(int, "a whole number"),
        "status": _one_of(*OUTCOMES),
        "reason": _text,
        "seconds": _seconds,
    }
)

FINDING = "finding"
require_finding = _Fields(
    dict.fromkeys(("claim", "statement", "check", "states", "domain", "reason"), _text)
    | {
        "role": _one_of(*ROLES),
        "method": _one_of(*METHODS),
        "relation": _one_of(*RELATIONS),
        "tier": _one_of(*TIERS),
        "status": _one_of(*OUTCOMES),
        "holds": _truth,
        "computed": _plain,
        "stated": _plain,
        "error": _plain,
        "smallest_detectable": _or_null(_number),
        "quantity": _or_null(_number),
        "reached": _or_null(_one_of(*METHODS)),
        "hypotheses": _each(_HYPOTHESIS),
        "controls": _each(_CONTROL),
        "parts": _each(_PART),
        "seconds": _seconds,
        "data": _or_null(_named(_each(_number))),
        "exercised": _each(_text),
        "repetition": _or_null(_REPETITION),
        "side_effects": _named(_each(_text), "modules", "process"),
    }
)
"""Require that a record has all fields of a finding, each of the right kind; called with `FINDING` and the record.

Raises TypeError or ValueError with the name of the first wrong field, such as ``parts[0].method``.
"""
