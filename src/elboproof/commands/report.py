"""``elboproof report``: write the page of the findings, or compare it with the checks, the code and the file."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from elboproof.checking.collect import collect
from elboproof.checking.document import mismatches, read_document
from elboproof.checking.markdown import page
from elboproof.checking.report_files import require_writable, write
from elboproof.checking.seal import file_edits
from elboproof.checking.stale import Stale, stale
from elboproof.checking.words import plural


def main(*, json: str, output: str, path: Path, check: bool, strict: bool) -> int:
    """Run the command with what its options say."""
    return report(Path(json), Path(output), path, check=check, strict=strict)


def report(source: Path, output: Path, directory: Path, *, check: bool, strict: bool = False) -> int:
    """Write the page, or compare it with the file on disk; return the exit code.

    Parameters
    ----------
    source
        JSON document of a complete run.
    output
        The Markdown file.
    directory
        The claim modules.
    check
        Write nothing; 1 if the file differs from what would be written, or a finding of the quick or the default
        tier is older than the code.
    strict
        With ``check``: 1 for findings of the slow tier too.

    Returns
    -------
    int
        0, or 1 if a file is out of date, the findings do not belong to the checks, or were edited. The difference
        goes to the standard output, the mismatches to the standard error.

    Raises
    ------
    UsageError
        If the JSON file cannot be read, or the page not be written.
    """
    if not check:
        require_writable(str(output))
    # First whether the findings are those of the checks and unedited, then whether they are old: a page is never made
    # of findings that a run did not write, but one of stale findings is, and says so.
    collection = collect(directory)
    content, findings = read_document(source)
    wrong = [*mismatches(collection, findings), *file_edits(content)]
    if wrong:
        print(f"{source} does not belong to the checks in {directory}:", *wrong, sep="\n  ", file=sys.stderr)
        print(f"make it anew: elboproof verify --full --json {source}", file=sys.stderr)
        return 1
    old = list(stale(content, collection))
    _show_stale(old, source)
    text = page(collection, findings, source.name, content)
    if not check:
        write(str(output), text)
        return 0
    before = output.read_text(encoding="utf-8") if output.is_file() else ""
    lines = (before.splitlines(keepends=True), text.splitlines(keepends=True))
    sys.stdout.writelines(difflib.unified_diff(*lines, str(output), f"{output} (from {source})"))
    return int(before != text or any(strict or not one.slow for one in old))


def _show_stale(old: Sequence[Stale], source: Path) -> None:
    # The command to mend it is printed as it must be typed: --full only where a slow finding is among them.
    if old:
        full = " --full" if any(one.slow for one in old) else ""
        print(f"{plural(len(old), 'finding')} of {source}:", *old, sep="\n  ", file=sys.stderr)
        print(f"run these anew: elboproof verify{full} --stale {source} --json {source}", file=sys.stderr)
