"""An audit as pytest's tests: a class with an adapter has one test for each check."""

from collections.abc import Callable
from typing import Any, ClassVar

from elboproof.arguments import wrong_type
from elboproof.audit.adapter import Adapter
from elboproof.audit.explained import CHECKED
from elboproof.audit.report import Report
from elboproof.audit.result import Result
from elboproof.audit.run import audit
from elboproof.audit.settings import Settings, settings_of
from elboproof.audit.text import lines_of
from elboproof.checking.collect import UsageError


class Suite:
    """The checks of `audit`, each a test; the audit runs once for a class and its settings.

    Attributes
    ----------
    adapter : Adapter, or a function without arguments that returns one
        Set by the subclass, whose name begins with Test: ``class TestMyVAE(audit.Suite): adapter = my_adapter``.

    Raises
    ------
    TypeError
        When a test runs, if the adapter is none.

    Notes
    -----
    A check that fails or could not run is a failed test, with its statement and the places to look at. One that
    cannot tell is skipped, and fails with ``--elboproof-strict``. ``@pytest.mark.elboproof(claim="-elbo")`` on the
    class says what the number is claimed to be; ``seed``, ``alpha``, ``draws`` and ``strict`` stand there too, and
    go before the options ``--elboproof-seed`` and so on.
    """

    adapter: ClassVar[Any] = None
    _audited: ClassVar[dict[Any, Report | Exception]]

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        cls._audited = {}

    @classmethod
    def report(cls, settings: Settings = Settings()) -> Report:  # noqa: B008  (frozen)
        """Return the report of the class's adapter, made at the first call.

        Raises
        ------
        TypeError
            If the adapter is none.
        UsageError
            As `audit` does.
        """
        if settings.of_audit not in cls._audited:
            cls._audited[settings.of_audit] = _attempt(cls, settings)
        found = cls._audited[settings.of_audit]
        if isinstance(found, Exception):
            raise found
        return found


def _attempt(suite: type[Suite], settings: Settings) -> Report | Exception:
    """Return a report, or the error that all tests of the class shall raise."""
    try:
        return audit(
            settings.claimed(_adapter(suite)),
            seed=settings.seed,
            alpha=settings.alpha,
            draws=settings.draws,
        )
    except Exception as error:  # noqa: BLE001  (raised by each test)
        return error


def _adapter(suite: type[Suite]) -> Adapter:
    found = suite.adapter() if callable(suite.adapter) else suite.adapter
    if not isinstance(found, Adapter):
        raise wrong_type(
            f"{suite.__name__}.adapter", found, "an audit.Adapter, or a function that returns one"
        )
    return found


def _test(name: str) -> Callable[[Any, Any], None]:
    def test(self: Suite, request: Any) -> None:
        _test_of(type(self), name, request)

    test.__doc__ = f"{CHECKED[name]}."
    test.__name__ = f"test_{name}"
    test.__qualname__ = f"Suite.{test.__name__}"
    return test


def _test_of(suite: type[Suite], name: str, request: Any) -> None:
    import pytest

    settings = settings_of(request)
    try:
        report = suite.report(settings)
    except UsageError as error:
        pytest.fail(f"{suite.__name__}.adapter: {error}", pytrace=False)
    if name not in [one.id for one in report.results]:  # nothing runs where the loss itself cannot
        pytest.skip(f"not run: {report.results[0].id} {report.status}")
    _judged(report[name], request.node, strict=settings.strict)


def _judged(one: Result, node: Any, *, strict: bool) -> None:
    """Pass, skip or fail; the sentence goes into the reports of the run in any case."""
    import pytest

    words = "\n".join(lines_of(one))
    node.user_properties.append(("elboproof", one.statement))
    node.add_report_section("call", "elboproof", words)
    if one.outcome in ("fails", "could not run") or (one.outcome == "unknown" and strict):
        pytest.fail(words, pytrace=False)
    if one.outcome == "unknown":
        pytest.skip(f"cannot tell: {one.statement}")


for _name in CHECKED:
    setattr(Suite, f"test_{_name}", _test(_name))
