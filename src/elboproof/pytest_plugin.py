"""The pytest plugin, loaded in each run where elboproof is installed: it imports nothing until it is used."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options."""
    _add_claims(parser.getgroup("elboproof", "elboproof"))


def _add_claims(group: "pytest.OptionGroup") -> None:
    group.addoption(
        "--elboproof-verify", action="store_true", help="collect the checks of the claim modules as tests"
    )
    group.addoption(
        "--elboproof-path",
        default="verification",
        metavar="DIR",
        help="the claim modules (default: %(default)s)",
    )
    group.addoption(
        "--elboproof-tier",
        choices=("quick", "default", "full"),
        default="default",
        help="the slowest checks that are collected (default: %(default)s)",
    )


def pytest_configure(config: "pytest.Config") -> None:
    """Have the folder of the claims collected."""
    if config.getoption("elboproof_verify"):
        from elboproof.checking.pytest_collect import add_folder

        add_folder(config)


def pytest_collect_directory(path: Path, parent: "pytest.Collector") -> "pytest.Collector | None":
    """Collect the folder of the claims by its checks, and not by its files."""
    if not parent.config.getoption("elboproof_verify"):
        return None
    from elboproof.checking.pytest_collect import claims_of_folder

    return claims_of_folder(path, parent)
