"""The last section of the page: in what, when and from which code each finding was made."""

from typing import Any

from elboproof.checking.finding import SEAL
from elboproof.checking.markup import escaped, table

SHOWN = 12
"""Digits of a digest that are printed; the JSON document has all of them."""

Json = dict[str, Any]

EXPLANATION = (
    "Digests are of syntax trees: comments, docstrings and layout do not change them. They cover the check's claim "
    "and what it imports, however indirectly, and bind each finding to its run. They have no key, so they show edits "
    "by hand and findings that are older than the code, not forgery. `elboproof report --check` compares them with "
    "the sources."
)


def provenance(content: Json) -> str:
    """Return the section for a JSON document with seals."""
    parts = ["## How it was made", EXPLANATION]
    parts += [_environment(k, one) for k, one in enumerate(content["environment"])]
    header = ("check", "run", "made", "claim's code", "library's code", "finding")
    parts.append(table(header, [_row(finding) for finding in content["findings"]]))
    return "\n\n".join(parts)


def _environment(number: int, environment: Json) -> str:
    packages = ", ".join(f"{name} {v}" for name, v in environment["packages"].items() if v is not None)
    commit, python = environment["commit"] or "unknown", environment["python"]
    lines = (
        f"- Run {number}: {environment['date']}, commit {commit}, seed {environment['seed']}",
        f"- elboproof {environment['version']}, Python {python}, {packages}, FLINT {environment['flint']}",
        f"- {escaped(environment['platform'])}",
    )
    return "\n".join(lines)


def _row(finding: Json) -> list[str]:
    # Shortened for the page only; what is compared are the whole digests of the document.
    seal = finding[SEAL]
    name = f"`{finding['claim']}/{finding['statement']}/{finding['check']}`"
    digests = [seal[key][:SHOWN] for key in ("claim", "library", "digest")]
    return [name, str(seal["environment"]), seal["made"][:10], *digests]
