"""The command ``elboproof``.

Built on argparse, which is in the standard library and loads in milliseconds: ``--help`` answers before NumPy
could be imported, and a wrong option can exit with 4, as pytest does.
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from elboproof import __version__
from elboproof.commands import (
    audit_words,
    completion_words,
    init_words,
    show_words,
    train_words,
    verify_words,
)
from elboproof.commands.words import at_least, positive
from elboproof.files import NotWrittenError

INTERRUPTED, INTERNAL, USAGE = 2, 3, 4
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What the system says of a standard output that goes to a file on a full or broken disk."""

EXIT_CODES = """\
exit codes:
  0  everything holds            3  internal error
  1  something does not          4  wrong use, or mistakes in the claim modules
  2  interrupted, by you or by   5  nothing collected
     a file that cannot be written
"""

EVIDENCE_NOTES = """\
examples:
  elboproof evidence "sinh(z)" --x 0.7 --variance 0.01 --digits 12
  elboproof evidence u "v + u**2" --x 0.7,0.2 --variance 1/100
  elboproof evidence "3*z" "-z" --x points.csv --bernoulli --json
  elboproof evidence my_model.py:model --x X.npy --resume rows.jsonl --workers 2

exit codes:
  0  proved to the digits asked
  1  at least one point undecided; the best enclosure is printed with the reason
  2  interrupted
  3  internal error
  4  wrong use
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main_parser = _Parser(
        prog="elboproof",
        description="Decide what is claimed about variational auto-encoders.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    main_parser.add_argument("--version", action="version", version=f"elboproof {__version__}")
    commands = main_parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Parser
    )
    init_words.add(commands)
    # Handlers are found by the command's name when it runs: a parser that imported them would load NumPy for --help.
    verify_words.add(commands, _add_path, EXIT_CODES)
    show_words.add(commands, _add_path)
    for add in (_add_report, _add_figures, _add_evidence, train_words.add, audit_words.add):
        add(commands)
    completion_words.add(commands, _add_path)
    return main_parser


def _add_report(commands: "argparse._SubParsersAction[_Parser]") -> None:
    # The defaults are the files of this repository, so that plain `report --check` looks at what is committed.
    report = commands.add_parser(
        "report",
        help="write the findings as Markdown",
        description="Write the findings of a run as Markdown.",
    )
    report.add_argument(
        "--json", default="paper_checks.json", metavar="F", help="findings (default: %(default)s)"
    )
    report.add_argument(
        "--output", default="paper_checks.md", metavar="F", help="Markdown file (default: %(default)s)"
    )
    _add_path(report)
    report.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if the file is out of date, a finding was edited, or one of the quick or "
        "default tier is older than the code",
    )
    report.add_argument(
        "--strict", action="store_true", help="with --check, for findings of the full tier too"
    )


def _add_figures(commands: "argparse._SubParsersAction[_Parser]") -> None:
    figures = commands.add_parser("figures", help="draw the figures", description="Draw the figures.")
    figures.add_argument("names", nargs="*", metavar="NAME", help="figures to draw (default: all)")
    figures.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a file is out of date"
    )


def _add_evidence(commands: "argparse._SubParsersAction[_Parser]") -> None:
    # Points are texts here: their decimals are exact, and argparse's float would round them.
    evidence = commands.add_parser(
        "evidence",
        help="prove the log evidence of data under a decoder",
        description="Prove log p(x) in nats for z ~ N(0, I) and x given z around a decoder f(z).",
        epilog=EVIDENCE_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    evidence.add_argument(
        "decoder",
        nargs="+",
        metavar="DECODER",
        help="one expression per data dimension, such as 'sinh(z)'; or "
        "FILE.py:NAME, an ep.LatentModel in a file whose code is run",
    )
    evidence.add_argument(
        "--x",
        action="append",
        required=True,
        metavar="X",
        help="a data point such as 0.7 or 0.7,0.2 (exact decimals or ratios), or a .csv or .npy file with a point "
        "a row; may be repeated",
    )
    _add_likelihood(evidence)
    evidence.add_argument(
        "--latent", metavar="NAMES", help="latents such as u,v (default: the decoder's free names)"
    )
    evidence.add_argument(
        "--digits", type=positive, default=10.0, metavar="N", help="decimals to prove (default: 10)"
    )
    evidence.add_argument(
        "--seconds",
        type=positive,
        default=60.0,
        metavar="S",
        help="time limit of a data point (default: 60)",
    )
    evidence.add_argument(
        "--total-seconds", type=positive, metavar="S", help="time limit of all data points together"
    )
    evidence.add_argument(
        "--workers", type=at_least(1), default=1, metavar="N", help="processes (default: 1)"
    )
    evidence.add_argument(
        "--resume", metavar="FILE", help="write each row to a file when it is known, and go on with that file"
    )
    evidence.add_argument(
        "--json", dest="as_json", action="store_true", help="print one JSON object instead of text"
    )


def _add_likelihood(evidence: argparse.ArgumentParser) -> None:
    likelihood = evidence.add_mutually_exclusive_group()
    likelihood.add_argument("--variance", metavar="V", help="of Gaussian x: one exact number, or D: 0.01,1/4")
    likelihood.add_argument("--bernoulli", action="store_true", help="x are bits; the decoder gives logits")
    likelihood.add_argument("--likelihood", metavar="F", help="poisson, binomial:TRIALS, gamma:SHAPE, ...")


def _add_path(command: argparse.ArgumentParser) -> None:
    place = command.add_mutually_exclusive_group()
    place.add_argument(
        "--path",
        type=Path,
        default=Path("verification"),
        metavar="DIR",
        help="the claim modules (default: %(default)s)",
    )
    place.add_argument(
        "--suite",
        metavar="NAME",
        help="the claim modules that an installed package brings, such as fyffe2019",
    )


def _run(command: str, words: dict[str, Any]) -> int:
    """Run the module that a command is named after; only that one is imported."""
    suite = words.pop("suite", None)
    if suite is not None:
        from elboproof.checking.suites import suite_folder

        words["path"] = suite_folder(suite)
    module = import_module(f"elboproof.commands.{command}")
    if command == "evidence":
        return int(module.run(module.Options(**words)))
    if command == "completion":
        words["options"] = module.options_of(parser())
    return int(module.main(**words) or 0)


def _shielded(words: Sequence[str]) -> list[str]:
    """Put a space before the words of ``evidence`` that begin with a minus and are no options, such as -z or -0.7,1.

    argparse would take them for options; the space is skipped where they are read.
    """
    if not words or words[0] != "evidence":
        return list(words)
    return [f" {word}" if word[:1] == "-" and word[1:2] != "-" and word != "-h" else word for word in words]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments
        Words after ``elboproof``; those of the process if not given.

    Raises
    ------
    SystemExit
        With 4 for wrong options, with 0 after ``--help`` and ``--version``.
    """
    # Exit codes are promised for every end, the unexpected included; argparse's own exits pass, as they have
    # their code.
    words = sys.argv[1:] if arguments is None else arguments
    parsed = vars(parser().parse_args(_shielded(words)))
    try:
        code = _run(parsed.pop("command"), parsed)
        sys.stdout.flush()  # here, and not at exit: what cannot be written is no success
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except NotWrittenError as error:
        print(f"elboproof: interrupted: {error}", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        print("elboproof: interrupted: the memory was not enough", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output, `head` say, has enough
        return _silenced()
    except Exception as error:  # noqa: BLE001  (the last stop: every error has an exit code)
        if isinstance(error, OSError) and error.errno in FULL and error.filename is None:
            print(f"elboproof: interrupted: could not write the output: {error.strerror}", file=sys.stderr)
            return _silenced()
        return _failed(error)


def _silenced() -> int:
    """Give up the standard output, which Python would write once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return INTERRUPTED


def _failed(error: Exception) -> int:
    import traceback

    from elboproof.checking.collect import UsageError

    if isinstance(error, UsageError):
        print(f"elboproof: error: {error}", file=sys.stderr)
        return USAGE
    traceback.print_exception(error)
    print("elboproof: internal error, please report it", file=sys.stderr)
    return INTERNAL


if __name__ == "__main__":
    sys.exit(main())
