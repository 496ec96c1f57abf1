"""Suites of claim modules that installed packages bring along, by the names of their entry points.

A package that has one lists it in the group ``elboproof.suites``: the name is what ``--suite`` takes, the value the
dotted path of the folder that holds the claim modules. Nothing is imported to find it.
"""

import json
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from elboproof.arguments import bad, meant
from elboproof.checking.collect import UsageError

GROUP = "elboproof.suites"


def suite_names() -> list[str]:
    """Return the names of the installed suites."""
    return sorted({one.name for one in entry_points(group=GROUP)})


def suite_folder(name: str) -> Path:
    """Return the folder of the claim modules of an installed suite.

    Raises
    ------
    UsageError
        If no installed package brings a suite of that name, several do, or its folder is not there.
    """
    folders = list(_folders(_point(name)))
    for folder in folders:
        if folder.is_dir():
            return folder
    places = " or ".join(map(str, folders)) or "nowhere, as its package is unknown"
    raise UsageError(str(bad("suite", name, f"a folder with claim modules; looked for {places}")))


def _point(name: str) -> EntryPoint:
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        known = suite_names()
        listed = f"one of those installed: {', '.join(known) or 'none'}"
        raise UsageError(f"{bad('suite', name, listed)}{meant(name, known)}")
    if len(found) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else "unknown" for point in found))
        raise UsageError(str(bad("suite", name, f"one of one package; {packages} bring it")))
    return found[0]


def _folders(point: EntryPoint) -> Iterator[Path]:
    """Yield where the folder may be, the likelier first."""
    # What an editable installation copied is older than the sources after the first edit: these come first.
    if point.dist is None:
        return
    root = _edited_sources(point.dist)
    if root is not None:
        yield root / point.value.rpartition(".")[2]
    yield Path(str(point.dist.locate_file(point.value.replace(".", "/"))))


def _edited_sources(distribution: Distribution) -> Path | None:
    """Return the sources of an editable installation (PEP 610); None of any other."""
    content = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not content.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(content["url"]).path))
