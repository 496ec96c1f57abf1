"""The words of ``elboproof show``."""

import argparse
from typing import Any

from elboproof.commands.words import AddPath


def add(commands: "argparse._SubParsersAction[Any]", add_path: AddPath) -> None:
    """Add the command to a parser's commands."""
    show = commands.add_parser(
        "show",
        help="show a claim, a statement or a check with what was found last",
        description="Show a claim, a statement or a check: sentence, domain, hypotheses, controls, numbers, file and "
        "line. Of .elboproof and a JSON document the newest finding is shown, and whether the code is still the same.",
    )
    show.add_argument("labels", nargs="+", metavar="LABEL", help="claim, claim/S2 or claim/S2/check")
    add_path(show)
    show.add_argument(
        "--json",
        metavar="F",
        help="findings beside those of runs here (default: paper_checks.json, here or beside the claim modules)",
    )
