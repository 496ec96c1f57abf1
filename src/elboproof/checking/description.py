"""Claims as JSON: what is known of them in a process that does not import their modules."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn, TypeVar

from elboproof.arguments import shown
from elboproof.checking.claim import Check, Claim, Control, Hypothesis

Kind = TypeVar("Kind", Check, Control, Hypothesis)


def described(value: object) -> Any:
    """Return a claim, or anything in it, as JSON; functions and other objects as texts."""
    # Overrides of controls and instances of hypotheses may be anything; for reports their texts are enough.
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [described(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): described(one) for key, one in value.items()}
    if isinstance(value, Claim | Check | Control | Hypothesis) and is_dataclass(value):
        return {one.name: described(getattr(value, one.name)) for one in fields(value)}
    return shown(value)


def rebuilt(claim: Mapping[str, Any]) -> Claim:
    """Return the claim that `described` put into JSON; its functions cannot be called."""
    return Claim(claim["label"], claim["title"], [_check(one) for one in claim["checks"]])


def _check(content: Mapping[str, Any]) -> Check:
    return _filled(
        Check,
        content,
        function=_elsewhere,
        hypotheses=tuple(_filled(Hypothesis, one, predicate=_elsewhere) for one in content["hypotheses"]),
        controls=tuple(_control(one) for one in content["controls"]),
    )


def _control(content: Mapping[str, Any]) -> Control:
    drops = tuple(_filled(Hypothesis, one, predicate=_elsewhere) for one in content["drops"])
    return _filled(Control, content, drops=drops)


def _filled(kind: Callable[..., Kind], content: Mapping[str, Any], **special: object) -> Kind:
    # JSON has lists only; the frozen records have tuples, which can be compared and hashed.
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    return kind(**(values | special))


def _elsewhere(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("functions of claims run in the processes of checks")
