"""``elboproof audit FILE --trained``: the diagnostics of each adapter's trained networks, below its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from elboproof.audit import Adapter, Diagnostics, UsageError, trained


def require_fitting(picture: str | None, *, wanted: bool) -> None:
    """Raise ``UsageError`` if a picture cannot be drawn."""
    if picture is None:
        return
    if not wanted:
        raise UsageError("--picture: expected --trained beside it")
    folder = Path(picture).parent
    if Path(picture).suffix not in (".png", ".pdf", ".svg") or not folder.is_dir():
        raise UsageError(f"--picture {picture}: expected a .png, .pdf or .svg file in a folder that exists")


def diagnose(
    adapters: Sequence[Adapter], *, seed: int, picture: str | None, text: TextIO
) -> list[Diagnostics | None]:
    """Print the diagnostics of each adapter, draw the picture, and return them, None where there are none."""
    if picture is not None and len(adapters) > 1:
        raise UsageError("--picture: expected one adapter; FILE:NAME takes one")
    return [_diagnosed(one, seed, picture, text) for one in adapters]


def _diagnosed(adapter: Adapter, seed: int, picture: str | None, text: TextIO) -> Diagnostics | None:
    try:
        found = trained(adapter, seed=seed)
    except UsageError as error:
        print(f"{adapter.name}: no diagnostics: {error}", file=text)
        return None
    print(found, file=text)
    if picture is not None:
        found.plot().savefig(picture, dpi=150)
    return found
