"""One benchmark's section of benchmarks/README.md: what stands between its two marks; everything else stays."""

import argparse
import subprocess
from collections.abc import Callable
from pathlib import Path

README = Path(__file__).with_name("README.md")


def write(name: str, text: str, readme: Path | None = None) -> None:
    """Replace what stands between ``<!-- name:begin -->`` and ``<!-- name:end -->``.

    Raises
    ------
    ValueError
        If the two marks do not stand in the README once each, in this order.
    """
    path = README if readme is None else readme
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    old = path.read_text(encoding="utf-8")
    if not (old.count(begin) == old.count(end) == 1 and old.index(begin) < old.index(end)):
        raise ValueError(
            f"readme: got {path} with the wrong marks; expected {begin} and then {end}, once each"
        )
    head, tail = old.split(begin)[0], old.split(end)[1]
    path.write_text(f"{head}{begin}\n{text}\n\n{_measured()}\n{end}{tail}", encoding="utf-8")


def command(
    name: str,
    description: str | None,
    report: Callable[[int, bool], str],
    rounds: int,
    arguments: list[str] | None = None,
) -> None:
    """Print what a benchmark reports, a function of (rounds, small), and put it into its section if that is asked."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace the section in benchmarks/README.md")
    parser.add_argument("--small", action="store_true", help="the first two rows: a smoke test")
    parser.add_argument("--rounds", type=int, default=rounds, help="runs of each row (default %(default)s)")
    options = parser.parse_args(arguments)
    text = report(options.rounds, options.small)
    print(text)
    if options.write:
        write(name, text)


def _measured() -> str:
    """Return which commit of the sources was measured."""
    commit, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "src")
    return f"Measured at commit {commit or 'unknown'}{', with changes in src' if changes else ''}."


def _git(*words: str) -> str:
    """Return what git says about this folder's repository, nothing where there is none."""
    command = ["git", "-C", str(README.parents[1]), *words]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return found.stdout.strip()
