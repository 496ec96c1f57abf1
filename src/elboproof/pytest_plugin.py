"""The pytest plugin, loaded in each run where elboproof is installed: it imports nothing until it is used."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

MARK = (
    "elboproof(claim, seed, alpha, draws, strict): how the tests of an elboproof.audit.Suite audit; goes before the "
    "options"
)


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options."""
    group = parser.getgroup("elboproof", "elboproof")
    _add_claims(group)
    _add_audit(group)


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


def _add_audit(group: "pytest.OptionGroup") -> None:
    group.addoption(
        "--elboproof-strict",
        action="store_true",
        default=None,
        help="tests of an audit.Suite fail where a check could not tell",
    )
    group.addoption(
        "--elboproof-seed", type=int, metavar="N", help="of audits: of all that is drawn (default: 0)"
    )
    group.addoption(
        "--elboproof-alpha", type=float, metavar="A", help="of audits: the false-alarm rate (default: 1e-6)"
    )
    group.addoption(
        "--elboproof-draws", type=int, metavar="N", help="of audits: calls of the noise check (default: 700)"
    )


def pytest_configure(config: "pytest.Config") -> None:
    """Declare the mark, and have the folder of the claims collected."""
    config.addinivalue_line("markers", MARK)
    if config.getoption("elboproof_verify"):
        from elboproof.checking.pytest_collect import add_folder

        add_folder(config)


def pytest_collect_directory(path: Path, parent: "pytest.Collector") -> "pytest.Collector | None":
    """Collect the folder of the claims by its checks, and not by its files."""
    if not parent.config.getoption("elboproof_verify"):
        return None
    from elboproof.checking.pytest_collect import claims_of_folder

    return claims_of_folder(path, parent)
