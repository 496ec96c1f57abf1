"""The words of ``elboproof verify`` that choose among checks and say how much is shown."""

import argparse

from elboproof.commands.words import at_least


def add_choice(verify: argparse.ArgumentParser) -> None:
    """Add what narrows the selection, with pytest's names."""
    verify.add_argument(
        "-k",
        dest="keyword",
        metavar="WORDS",
        help="only checks with these words in their name, role or method: 'median and not laplace'",
    )
    verify.add_argument(
        "--lf",
        "--last-failed",
        dest="last_failed",
        action="store_true",
        help="only checks that did not hold when they ran last",
    )
    verify.add_argument(
        "-x",
        "--exitfirst",
        dest="exit_first",
        action="store_true",
        help="stop at the first check that does not hold",
    )


def add_output(verify: argparse.ArgumentParser) -> None:
    """Add how much is shown."""
    amount = verify.add_mutually_exclusive_group()
    amount.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="a line for each check, and all limits as whole sentences",
    )
    amount.add_argument("-q", "--quiet", action="store_true", help="only what does not hold, and the counts")
    verify.add_argument(
        "--durations",
        type=at_least(0),
        nargs="?",
        const=10,
        metavar="N",
        help="show the N slowest checks (default: %(const)s; 0: all)",
    )
