"""The pytest plugin, loaded in each run where elboproof is installed: it imports nothing until it is used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

MARK = (
    "elboproof(claim, seed, alpha, draws, strict): how the tests of an elboproof.audit.Suite audit; goes before the "
    "options"
)


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options."""
    _add_audit(parser.getgroup("elboproof", "elboproof"))


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
    """Declare the marks."""
    config.addinivalue_line("markers", MARK)
