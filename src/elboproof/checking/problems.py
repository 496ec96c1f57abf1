"""What can be wrong with a claim module, as sentences: nothing is run before this list is empty."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from elboproof.arguments import shown
from elboproof.checking.claim import Check, Claim, Control, Hypothesis
from elboproof.checking.vocabulary import METHODS, RELATIONS, ROLES, TIERS

SECTIONS = ("Claim", "Hypotheses", "Relation", "Method", "Trusted base", "What this does not show")
"""Sections of a claim module's docstring, all required, in this order."""

OPTIONAL = ("Reconstruction", "Not obtainable")
"""Sections that may stand after the claim: what was built anew, and what could not be had, of what the paper has."""

LONGEST = 7 * 24 * 3600
"""Seconds: a week. A timer of the operating system ends what runs much longer than a check's time limit."""

_HEADING = re.compile(r"^(?P<title>\S.*)\n-{3,}[ \t]*$", re.MULTILINE)


def sections(docstring: str | None) -> dict[str, str]:
    """Return the text under each underlined heading of a docstring."""
    text = inspect.cleandoc(docstring or "")
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)][: len(headings)]
    return {
        heading["title"].strip(): text[heading.end() : end].strip()
        for heading, end in zip(headings, ends, strict=True)
    }


def docstring_problems(docstring: str | None) -> Iterator[str]:
    """Yield what the docstring of a claim module lacks."""
    # These sections are printed in the report: an empty one would say that nothing is assumed or left out.
    found = sections(docstring)
    missing = [title for title in SECTIONS if title not in found]
    if missing == list(SECTIONS):
        yield f"docstring: got no sections; expected {', '.join(SECTIONS)}, each title with a line of --- below it"
        return
    for title in missing:
        yield f"docstring: section {title!r} is missing"
    for title in (*SECTIONS, *OPTIONAL):
        if found.get(title) == "":
            yield f"docstring: section {title!r} is empty"
    ordered = (SECTIONS[0], *OPTIONAL, *SECTIONS[1:])
    known = [title for title in found if title in ordered]
    expected = [title for title in ordered if title in found]
    if set(SECTIONS) <= set(known) and known != expected:
        yield f"docstring: sections are in the order {', '.join(known)}; expected {', '.join(expected)}"
    for title in found.keys() - set(ordered):
        yield f"docstring: unknown section {title!r}; expected {', '.join(ordered)}"


def claim_problems(claim: Claim, file: Path) -> Iterator[str]:
    """Yield what is wrong with a claim and its checks; each text starts with the file."""
    if not _is_text(claim.title):
        yield f"{file}: title is empty; expected the claim as a short sentence"
    if not claim.checks:
        yield f"{file}: claim {claim.label!r} has no checks; expected functions below @claim.check(...)"
    seen: Counter[tuple[str, str]] = Counter()
    for check in claim.checks:
        seen[check.statement, check.name] += 1
        for problem in check_problems(check):
            yield f"{check.place}: {check.name}: {problem}"
        if seen[check.statement, check.name] == 2:
            yield f"{check.place}: {check.name}: statement {check.statement} has this check twice"


def check_problems(check: Check) -> Iterator[str]:
    """Yield what is wrong with one check."""
    if not (_is_text(check.statement) and re.fullmatch(r"S[0-9]+[a-z]?", check.statement)):
        yield f"statement: got {check.statement!r}; expected S1, S2, ..."
    for name, allowed in (("role", ROLES), ("method", METHODS), ("relation", RELATIONS), ("tier", TIERS)):
        if getattr(check, name) not in allowed:
            yield f"{name}: got {getattr(check, name)!r}; expected one of {', '.join(allowed)}"
    for name in ("states", "domain"):
        if not _is_text(getattr(check, name)):
            yield f"{name} is empty or no text: got {shown(getattr(check, name))}; expected a sentence"
    if not isinstance(check.needs, str):
        yield f"needs: got {shown(check.needs)}; expected a sentence, empty if nothing is lacking"
    yield from _number_problems(check)
    yield from _function_problems(check.function)
    yield from _hypothesis_problems(check)
    yield from _control_problems(check)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _number_problems(check: Check) -> Iterator[str]:
    if not _is_number(check.time_limit, (int, float)) or not 0 < check.time_limit <= LONGEST:
        yield f"time_limit: got {shown(check.time_limit)}; expected a positive number of seconds, at most {LONGEST}"
    if not _is_number(check.tests, int) or check.tests < 1:
        yield f"tests: got {shown(check.tests)}; expected a positive number of statistical tests"
    elif check.tests > 1 and check.method != "statistical":
        yield f"tests: got {check.tests} with method {check.method!r}; expected method 'statistical'"


def _is_number(value: object, types: type | tuple[type, ...]) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)


def _function_problems(function: Callable[..., object]) -> Iterator[str]:
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        yield "expected a plain function, not a coroutine or generator"
    # Keyword-only parameters with defaults: a control overrides them by name, and the check itself runs without any.
    parameters = list(inspect.signature(function).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in positional:
        yield "expected the run as first argument"
    for parameter in parameters[1:]:
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.default is parameter.empty:
            yield f"parameter {parameter.name!r}: expected a keyword-only parameter with a default value"


def _hypothesis_problems(check: Check) -> Iterator[str]:
    if not check.hypotheses and not check.none_on_purpose:
        yield 'hypotheses: got none; expected Hypothesis objects, or hypotheses="none" on purpose'
    proper = [one for one in check.hypotheses if _is_hypothesis(one)]
    for one in check.hypotheses:
        if not _is_hypothesis(one):
            yield f"hypotheses: got {shown(one)}; expected Hypothesis objects"
    for hypothesis in proper:
        if not callable(hypothesis.predicate):
            yield f"hypothesis {hypothesis.name!r}: the predicate is not callable"
        if not _is_text(hypothesis.name) or not _is_text(hypothesis.text):
            yield f"hypothesis {hypothesis.name!r}: expected a name and a sentence"
        yield from _instance_problems(hypothesis)
    for name in _repeated([hypothesis.name for hypothesis in proper]):
        yield f"hypothesis {name!r} is declared twice"


def _instance_problems(hypothesis: Hypothesis) -> Iterator[str]:
    for name in ("accepts", "rejects"):
        instances = getattr(hypothesis, name)
        if not isinstance(instances, list | tuple) or not instances:
            yield (
                f"hypothesis {hypothesis.name!r}: {name}: got {shown(instances)}; expected at least one instance "
                f"that the predicate {name}"
            )
            continue
        for one in instances:
            if not isinstance(one, tuple) and not callable(one):
                yield (
                    f"hypothesis {hypothesis.name!r}: {name}: got {shown(one)}; expected a tuple of arguments or "
                    "a function that makes one"
                )


def _is_hypothesis(value: object) -> bool:
    return isinstance(value, Hypothesis)


def _control_problems(check: Check) -> Iterator[str]:
    # A control that is its check in disguise would survive and be noticed in the run; it is found here because a run
    # may take hours. Values that cannot be compared count as different: the run decides then.
    if not check.controls:
        yield "has no control; expected at least one false neighbour that must be refuted"
    parameters = inspect.signature(check.function).parameters
    keywords = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    for one in check.controls:
        if not isinstance(one, Control):
            yield f"controls: got {shown(one)}; expected control(...) objects"
    for one in _proper_controls(check):
        if not _is_text(one.name):
            yield f"control {one.name!r}: expected a name that says what is false"
        if not one.refutes or not all(_is_text(pattern) for pattern in one.refutes):
            yield f"control {one.name!r}: refutes: got {shown(one.refutes)}; expected patterns of names of parts"
        if not one.overrides:
            yield f"control {one.name!r} overrides nothing: it would be the check itself"
        elif all(
            name in keywords and _same(v, parameters[name].default) for name, v in one.overrides.items()
        ):
            values = ", ".join(f"{name} = {shown(value)}" for name, value in one.overrides.items())
            yield f"control {one.name!r}: got the default {values}; expected another value, as this is the check itself"
        for name in one.overrides:
            if name not in keywords:
                expected = ", ".join(keywords) or "none, as the function has none"
                yield f"control {one.name!r}: {name!r} is no keyword-only parameter (expected {expected})"
        for hypothesis in one.drops:
            if hypothesis not in check.hypotheses:
                named = hypothesis.name if _is_hypothesis(hypothesis) else hypothesis
                yield f"control {one.name!r} drops the undeclared hypothesis {named!r}"
    for name in _repeated([one.name for one in _proper_controls(check)]):
        yield f"control {name!r} is declared twice"


def _same(value: object, default: object) -> bool:
    """Return whether two values are surely equal; arrays and tensors if all their entries are."""
    try:
        equal: Any = value == default
        # Identity first, as NaN and tensors do not equal themselves in one truth value.
        return value is default or bool(equal.all() if hasattr(equal, "all") else equal)
    except Exception:  # noqa: BLE001  (a value that cannot be compared, or shapes that do not fit)
        return False


def _proper_controls(check: Check) -> list[Control]:
    controls: tuple[object, ...] = check.controls
    return [one for one in controls if isinstance(one, Control)]


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
