"""Kinds of words on the command line; nothing heavy is imported, so that ``--help`` answers at once."""

import argparse
from collections.abc import Callable

AddPath = Callable[[argparse.ArgumentParser], None]
"""Adds where the claim modules are; several commands share it."""


def at_least(least: int) -> Callable[[str], int]:
    """Return the type of integers of some size."""

    def convert(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"got {value}; expected at least {least}")
        return value

    convert.__name__ = "integer"  # argparse's name for it in "invalid integer value"
    return convert


def positive(text: str) -> float:
    """Return a positive number."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text}; expected a positive number")
    return value


positive.__name__ = "number"
