"""The words of ``elboproof init`` on the command line."""

import argparse
from pathlib import Path
from typing import Any

NOTES = """\
The folder has one claim with four checks, its figure and its tests; all of them pass. Then:
  cd FOLDER && elboproof verify && elboproof figures && pytest
Its README.md says what is what; docs/your_own_paper.md of elboproof's sources goes on from there, in 30 minutes.
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to the parser."""
    init = commands.add_parser(
        "init",
        help="start the verification of a paper of one's own",
        description="Write a folder with a claim, its figure and its tests, to be changed into those of a paper.",
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    init.add_argument("folder", type=Path, metavar="FOLDER", help="a new or an empty folder")
