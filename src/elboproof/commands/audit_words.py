"""The words of ``elboproof audit``."""

import argparse
from typing import Any

from elboproof.commands.words import at_least, positive

NOTES = """\
The file defines an adapter (or several; FILE:NAME takes one):

  import elboproof.audit as audit
  adapter = audit.Adapter(
      loss, data=x, encode=(model, "encode"), decode=(model, "decode")
  )

Its top level runs, and nothing else is imported by the audit. The model is
bitwise unchanged afterwards.

exit codes:
  0  nothing failed
  1  a check failed; with --strict, or could not tell
  2  interrupted
  3  internal error
  4  wrong use, a tap that never fired, or an error of the file's own code, which
     is shown
"""

REPORTS = {
    "--json": "JSON, whose schema is elboproof.audit.schema()",
    "--junit": "JUnit XML",
    "--sarif": "SARIF 2.1.0, for code hosts",
    "--html": "one HTML page",
}


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to the parser."""
    audit = commands.add_parser(
        "audit",
        help="say what the number is that your own VAE trains on or reports",
        description="Say what a loss is, and whether its noise, gradient, extremes,\nstate and mode are sound.",
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit.add_argument("file", metavar="FILE[:NAME]", help="a Python file with adapters")
    audit.add_argument(
        "--check",
        action="append",
        metavar="C",
        help="report this check alone: batch, state, mode, formula, samples, noise, gradient, extremes, evidence or "
        "report; may be repeated (default: all)",
    )
    audit.add_argument(
        "--claim",
        choices=("loss", "-elbo", "-iwae", "bits/dim"),
        metavar="C",
        help="what the number is said to be, in place of the adapter's own: loss, -elbo, -iwae or bits/dim; write "
        "--claim=-elbo",
    )
    audit.add_argument(
        "--alpha",
        type=positive,
        default=1e-6,
        metavar="A",
        help="false-alarm rate of an audit (default: 1e-6)",
    )
    audit.add_argument(
        "--draws",
        type=at_least(10),
        default=700,
        metavar="N",
        help="calls of the noise check (default: %(default)s)",
    )
    audit.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N", help="of all that is drawn (default: 0)"
    )
    _add_trained(audit)
    audit.add_argument("--strict", action="store_true", help="exit with 1 also where a check could not tell")
    for flag, what in REPORTS.items():
        audit.add_argument(flag, metavar="F", help=f"write the reports as {what} (- for the standard output)")


def _add_trained(audit: argparse.ArgumentParser) -> None:
    audit.add_argument(
        "--trained",
        action="store_true",
        help="say what the nats of the trained networks are made of, too; the adapter's data are the training set",
    )
    audit.add_argument("--picture", metavar="F", help="with --trained: draw it (.png, .pdf, .svg)")
