"""Bugs seeded into what collects, finds and runs claims: each is caught by a named test that the code itself passes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import elboproof as ep
from elboproof.checking import collect as collecting
from elboproof.checking import environment, pytest_collect, sources, suites, verification
from elboproof.checking.collect import CollectionError, UsageError, collect
from elboproof.checking.lane import close_lanes
from elboproof.commands import figures, init
from tests.checking import conftest, test_suites
from tests.commands import test_figures
from tests.seeding import Bug, Check, Seeded, falsification

Test = Callable[[Path, pytest.MonkeyPatch], object]


def _claims(folder: Path, body: str = conftest.GOOD, name: str = "first_claim.py") -> Path:
    directory = folder / "verification"
    directory.mkdir(exist_ok=True)
    claim = 'claim = Claim("first-claim", title="Two and two are four")\n'
    file = directory / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(conftest.DOCSTRING + conftest.HEAD + claim + body, encoding="utf-8")
    return directory


def _a_test_fails_unless_its_finding_holds(folder: Path, patch: pytest.MonkeyPatch) -> None:
    # In this process, so that a seeded bug is seen; its own options, so that those of this run are not.
    # The control of the check is not refuted: it is established, and yet it does not hold.
    body = conftest.GOOD.replace("addend, 4, 0.0", "addend, 4, 1e-9").replace("addend=3", "addend=2 + 1e-12")
    _claims(folder, body)
    (folder / "pytest.toml").write_text("[pytest]\n")
    patch.chdir(folder)
    patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    words = ("-q", "-p", "elboproof.pytest_plugin", "-p", "no:cacheprovider", "--elboproof-verify")
    code = pytest.main([*words, "verification"])
    close_lanes()
    assert code == pytest.ExitCode.TESTS_FAILED


def _the_tier_selects(folder: Path, patch: pytest.MonkeyPatch) -> None:
    slow = conftest.check("return equal(k, 0, 0)", tier="'full'")
    directory = _claims(folder, conftest.GOOD + slow)
    assert len(ep.verify(path=directory)) == 1
    with pytest.raises(UsageError, match="nothing is selected"):
        ep.verify(path=directory, method="symbolic")


def _every_check_has_a_finding(folder: Path, patch: pytest.MonkeyPatch) -> None:
    directory = _claims(folder, conftest.GOOD + conftest.check("os._exit(3)"))
    assert [one.holds for one in ep.verify(path=directory)] == [True, False]


def _a_module_is_there_once(folder: Path, patch: pytest.MonkeyPatch) -> None:
    _claims(folder)
    directory = _claims(folder, name="first_claim/__init__.py")
    with pytest.raises(CollectionError, match="expected one module of this name"):
        collect(directory)


def _a_label_is_listed_once(folder: Path, patch: pytest.MonkeyPatch) -> None:
    directory = _claims(folder)
    (directory / "labels.txt").write_text("first-claim\nfirst-claim\n")
    with pytest.raises(CollectionError, match="listed twice"):
        collect(directory)


def _the_commit_is_of_the_files(folder: Path, patch: pytest.MonkeyPatch) -> None:
    test_suites.test_the_commit_is_that_of_the_repository_that_has_the_files(folder)


def _suites(test: Callable[..., object]) -> Test:
    def run(folder: Path, patch: pytest.MonkeyPatch) -> None:
        test(test_suites.installer(folder, patch), folder)

    return run


def _others_are_left_alone(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="this one has files"):
        init.start_paper(folder)
    assert (folder / "README.md").read_text() == "mine"


TESTS: dict[str, Test] = {
    "a test fails": _a_test_fails_unless_its_finding_holds,
    "tier": _the_tier_selects,
    "all findings": _every_check_has_a_finding,
    "one module": _a_module_is_there_once,
    "one label": _a_label_is_listed_once,
    "commit": _the_commit_is_of_the_files,
    "editable": _suites(test_suites.test_the_sources_of_an_editable_installation_come_before_its_copy),
    "one suite": _suites(lambda install, _: test_suites.test_two_packages_with_one_name_are_refused(install)),
    "last run": test_figures.test_without_a_record_the_last_run_is_drawn,
    "nothing lost": _others_are_left_alone,
}


def _alone(test: Test) -> Check:
    def run() -> None:
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            test(Path(name).resolve(), patch)

    return run


CHECKS: dict[str, Check] = {name: _alone(test) for name, test in TESTS.items()}

BUGS: dict[str, Bug] = {
    "a test passes where a control survived": Seeded(
        pytest_collect.CheckItem,
        "runtest",
        "not finding.holds",
        "finding.status != 'established'",
        "a test fails",
    ),
    "all tiers run": Seeded(verification, "verify", "tier=tier", "tier='full'", "tier"),
    "only what holds is returned": Seeded(
        verification,
        "findings_of",
        "found[check.id] for check in checks)",
        "one for one in found.values() if one.holds)",
        "all findings",
    ),
    "a folder hides a file": Seeded(sources, "name_problems", "file.exists() and", "False and", "one module"),
    "a label that is listed twice": Seeded(
        collecting, "_order", "if label in places:", "if False:", "one label"
    ),
    "the commit of another repository": Seeded(
        environment, "commit", 'if _git(directory, "ls-files") else', "if True else", "commit"
    ),
    "the copy of an editable installation": Seeded(
        suites, "_folders", "if root is not None:", "if False:", "editable"
    ),
    "the first of two packages": Seeded(suites, "_point", "len(found) > 1", "len(found) > 2", "one suite"),
    "the last run before the record": Seeded(
        figures, "_known_findings", "not RECORDS.exists() and last_run()", "last_run()", "last run"
    ),
    "no run at all": Seeded(figures, "last_run", "known_findings(FOLDER_OF_RUNS).items()", "()", "last run"),
    "a folder that is not empty": Seeded(
        init, "start_paper", "any(folder.iterdir())", "False", "nothing lost"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS)
)
