"""Errors about files."""

from os import PathLike


def bad_file(name: str, path: "str | PathLike[str]", requirement: str) -> ValueError:
    """Return the error for a file, whose path is told whole."""
    return ValueError(f"{name}: got {path}; expected {requirement}")
