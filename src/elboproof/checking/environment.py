"""In what a run was made: versions, platform, commit, date, seed, and the digests of all the code it used."""

import datetime as dt
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "sympy", "python-flint", "torch", "hypothesis", "scikit-learn")
"""Packages whose version can change a finding."""


def now() -> str:
    """Return the date and time, to the second, in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def environment(
    directory: Path, *, version: str, seed: int, false_alarm: float | None, modules: Mapping[str, str]
) -> dict[str, Any]:
    """Return the description of a run, as JSON.

    Parameters
    ----------
    directory
        The claim modules; the commit is that of the repository they lie in.
    version
        Of elboproof.
    seed, false_alarm
        Of the run.
    modules
        Digest of each module, see `elboproof.checking.code`.
    """
    # Only what can change a finding, and nothing of the machine that could not be published: no host, user or path.
    return {
        "version": version,
        "seed": seed,
        "false_alarm": false_alarm,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "flint": _flint(),
        "platform": " ".join((platform.system(), platform.machine(), *platform.libc_ver())),
        "commit": commit(directory),
        "date": now(),
        "modules": dict(sorted(modules.items())),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _flint() -> str | None:
    """Return the version of the C library, which is another one than that of its Python package."""
    try:
        import flint
    except ImportError:
        return None
    return str(getattr(flint, "__FLINT_VERSION__", None))


def commit(directory: Path) -> str | None:
    """Return the commit of the repository around a directory, with a word if files differ from it.

    None if the repository has no file of the directory: an installed suite may lie below any.
    """
    # Of Python files only: records and pages, which runs write, mostly differ from the commit.
    head = _git(directory, "rev-parse", "HEAD") if _git(directory, "ls-files") else None
    if head is None:
        return None
    changes = _git(directory, "status", "--porcelain", "--untracked-files=no", "--", ":(top)*.py")
    return f"{head} and changes" if changes else head


def _git(directory: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *words],  # noqa: S607  (the user's git)
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
