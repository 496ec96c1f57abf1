"""The data of a domain, as words of its sentence."""

from collections.abc import Iterable


def listed(values: Iterable[object]) -> str:
    """Return "1, 2, 3" for a table that a check reads."""
    return ", ".join(str(value) for value in values)
