"""The words of ``elboproof verify``."""

import argparse
from typing import Any

from elboproof.checking.vocabulary import METHODS
from elboproof.commands.words import AddPath, at_least


def add(commands: "argparse._SubParsersAction[Any]", add_path: AddPath, exit_codes: str) -> None:
    """Add the command to a parser's commands."""
    verify = commands.add_parser(
        "verify",
        help="run the checks of the claim modules",
        description="Run the checks of the claim modules and show what holds.",
        epilog=exit_codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument(
        "labels",
        nargs="*",
        metavar="LABEL",
        help="claim, claim/S2 or claim/S2/check; a check named in full is run in any tier",
    )
    add_path(verify)
    verify.add_argument(
        "--method", choices=METHODS, metavar="M", help=f"only checks of this method: {', '.join(METHODS)}"
    )
    _add_tiers(verify)
    verify.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N", help="seed of the random numbers (default: 0)"
    )
    verify.add_argument("--list", dest="list_only", action="store_true", help="list the checks, run nothing")
    _add_choice(verify)
    _add_output(verify)
    _add_means(verify)


def _add_tiers(verify: argparse.ArgumentParser) -> None:
    tier = verify.add_mutually_exclusive_group()
    tier.add_argument(
        "--quick", dest="tier", action="store_const", const="quick", help="only the quick checks"
    )
    tier.add_argument("--full", dest="tier", action="store_const", const="full", help="the long checks too")
    verify.set_defaults(tier="default")


def _add_means(verify: argparse.ArgumentParser) -> None:
    """Add where the checks run and where their findings go."""
    # 0 stands for "as many as cores", which only the process that runs them knows.
    verify.add_argument(
        "--workers", type=at_least(1), default=0, metavar="N", help="processes (default: one per core)"
    )
    verify.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask cluster")
    verify.add_argument(
        "--resume",
        action="store_true",
        help="do not run again what the records in .elboproof have of this code and seed",
    )
    verify.add_argument(
        "--stale",
        nargs="?",
        const="paper_checks.json",
        metavar="F",
        help="only checks whose findings in F are missing or older than the code; --json writes all of F and these "
        "(default: %(const)s)",
    )
    verify.add_argument(
        "--json",
        metavar="F",
        help="write the findings as JSON (- for the standard output); F keeps what it has of other checks",
    )
    verify.add_argument(
        "--junit", metavar="F", help="write the findings as JUnit XML (- for the standard output)"
    )


def _add_choice(verify: argparse.ArgumentParser) -> None:
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


def _add_output(verify: argparse.ArgumentParser) -> None:
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
        help="show the N slowest checks (%(const)s if N is not given, all if it is 0)",
    )
