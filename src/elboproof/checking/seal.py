"""Digests that bind a finding in a file to its parts, to its run and to its code.

They have no key: who edits a number can also compute its digest. What they show is an edit by hand or by a tool
that knows nothing of them, and a finding that was made from other code than there is now.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elboproof.checking.code import combined
from elboproof.checking.execute import objections_to
from elboproof.checking.finding import SCHEMA, SEAL
from elboproof.checking.parts import contradictions
from elboproof.checking.vocabulary import VERDICTS

Json = Mapping[str, Any]
Environments = Sequence[Json] | Mapping[int, Json]
"""Those of a file, or those that are asked for, by their place."""

DIGEST = "digest"


def digest(content: object) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def with_digest(content: Json) -> dict[str, Any]:
    """Return an object with the digest of all its other fields."""
    return {**content, DIGEST: digest({**content})}


def has_its_digest(content: object) -> bool:
    """Return whether a JSON value is what `with_digest` made."""
    if not isinstance(content, Mapping):
        return False
    rest = {key: value for key, value in content.items() if key != DIGEST}
    try:
        return bool(content.get(DIGEST) == digest(rest))
    except (ValueError, RecursionError):  # of numbers that JSON has not, and of depth
        return False


def sealed(finding: Json, code: Mapping[str, str], environments: Sequence[Json], made: str) -> dict[str, Any]:
    """Return a finding, as JSON, with its seal.

    Parameters
    ----------
    finding
        From `Finding.to_json`.
    code
        Digest of each module that it rests on.
    environments
        Those of the file, each with its digest; the finding was made in the last one.
    made
        Date.
    """
    # The place of the environment in the file is part of the seal, and the environment's digest of the finding's: a
    # finding cannot be moved to another run's list.
    seal = {
        "made": made,
        "environment": len(environments) - 1,
        **combined_by_side(code),
    }
    return bound({**finding, SEAL: seal}, environments)


def combined_by_side(code: Mapping[str, str]) -> dict[str, str]:
    """Return one digest of the modules of the claim, and one of those of the library."""
    library = __name__.partition(".")[0]
    sides = {"claim": False, "library": True}
    return {
        side: combined({name: d for name, d in code.items() if (name.partition(".")[0] == library) is inside})
        for side, inside in sides.items()
    }


def bound(finding: Json, environments: Environments) -> dict[str, Any]:
    """Return a finding whose seal has the digest of everything else, and of the finding's environment."""
    # The digest of the environment stands for all that the finding was made in, versions, seed and date included.
    seal = {key: value for key, value in finding[SEAL].items() if key != DIGEST}
    content = {**finding, SEAL: seal}
    run = environments[seal["environment"]][DIGEST]
    return {**content, SEAL: {**seal, DIGEST: digest([content, run])}}


def edits(finding: Json, environments: Environments) -> Iterator[str]:
    """Yield why a finding is not what a run wrote, or contradicts itself."""
    try:
        whole = bound(finding, environments)[SEAL][DIGEST] == finding[SEAL][DIGEST]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        yield "has no digest of a run"
        return
    if not whole:
        yield "was edited: it does not have its digest"
    if finding["holds"] is not holds(finding):
        yield f"'holds' is {str(finding['holds']).lower()}, but its parts say {str(holds(finding)).lower()}"
    yield from contradictions(dict(finding))


def holds(finding: Json) -> bool:
    """Return whether a finding holds, from its parts: status, controls, hypotheses, changed modules."""
    # Nothing is read from 'holds' itself, so that it can be compared with what is computed here.
    lying = any(contradictions(dict(finding)))
    objections = list(objections_to(finding)) if finding["status"] in VERDICTS else []
    return finding["status"] == "established" and not objections and not lying


def file_edits(content: Json) -> Iterator[str]:
    """Yield what shows that a JSON document was edited, finding by finding."""
    # Each finding first, then the whole: the first message names what was edited, the last one what was taken out.
    environments = content.get("environment")
    if not isinstance(environments, list) or DIGEST not in content:
        yield "it has no digests: it was made by another version of elboproof, or edited"
        return
    for k, environment in enumerate(environments):
        if not has_its_digest(environment):
            yield f"environment {k} was edited: it does not have its digest"
    for finding in content["findings"]:
        name = f"{finding['claim']}/{finding['statement']}/{finding['check']}"
        yield from (f"{name}: {why}" for why in edits(finding, environments))
    if not has_its_digest(content):
        yield "its digest is another one: a finding was added, deleted or edited"


def sealed_document(
    findings: Sequence[Json], environments: Sequence[Json], *, version: str, seed: int
) -> dict[str, Any]:
    """Return the JSON document of sealed findings."""
    return with_digest(
        {
            "schema": SCHEMA,
            "version": version,
            "seed": seed,
            "environment": list(environments),
            "findings": list(findings),
        }
    )
