"""The JSON schema of audits' reports, which is shipped beside this module."""

import json
from importlib.resources import files
from typing import Any

FILE = "report.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of what ``elboproof audit --json`` writes: a list of reports.

    One report, as `Report.to_json` returns it, is its ``$defs/report``.

    Returns
    -------
    dict
        The schema, for a validator such as that of the package jsonschema.
    """
    content = files("elboproof.audit").joinpath(FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(content)
    return found
