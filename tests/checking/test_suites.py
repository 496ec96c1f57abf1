"""Suites of installed packages: found by their entry points, without an import."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof import cli
from elboproof.checking.collect import UsageError
from elboproof.checking.environment import commit
from elboproof.checking.suites import GROUP, suite_folder, suite_names

Write = Callable[..., Path]
Install = Callable[..., Path]

ROOT = Path(__file__).parents[2]


def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a package with the suite ``others`` on the path, and returns its site folder."""

    def installed(name: str = "one", value: str = "a_package.claims", *, sources: Path | None = None) -> Path:
        site = tmp_path / name
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nothers = {value}\n")
        if sources is not None:
            link = {"url": sources.as_uri(), "dir_info": {"editable": True}}
            (info / "direct_url.json").write_text(json.dumps(link))
        monkeypatch.syspath_prepend(str(site))
        return site

    return installed


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return installer(tmp_path, monkeypatch)


def _claims(folder: Path) -> Path:
    """Make a folder, and return it; a package whose import fails lies around it."""
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    return folder


def test_a_suite_is_found_without_an_import(install: Install) -> None:
    folder = _claims(install() / "a_package" / "claims")
    assert suite_folder("others") == folder
    assert "others" in suite_names()
    assert "a_package" not in sys.modules


def test_the_sources_of_an_editable_installation_come_before_its_copy(
    install: Install, tmp_path: Path
) -> None:
    copied = _claims(install(sources=tmp_path / "my sources") / "a_package" / "claims")
    assert suite_folder("others") == copied  # there are no sources any more
    assert suite_folder("others") != _claims(tmp_path / "my sources" / "claims")
    assert suite_folder("others") == tmp_path / "my sources" / "claims"


def test_an_unknown_suite_is_answered_with_those_that_there_are(install: Install) -> None:
    _claims(install() / "a_package" / "claims")
    with pytest.raises(UsageError, match=r"suite: got 'other'; .*installed: .*others.*did you mean others\?"):
        suite_folder("other")


def test_two_packages_with_one_name_are_refused(install: Install) -> None:
    _claims(install("one") / "a_package" / "claims")
    _claims(install("two", "b_package.claims") / "b_package" / "claims")
    with pytest.raises(
        UsageError, match="suite: got 'others'; expected one of one package; one, two bring it"
    ):
        suite_folder("others")


def test_a_suite_without_its_folder_is_refused(install: Install) -> None:
    site = install()
    with pytest.raises(
        UsageError, match="suite: got 'others'; expected a folder with claim modules"
    ) as error:
        suite_folder("others")
    assert str(site / "a_package" / "claims") in str(error.value)


def test_the_command_runs_a_suite(
    install: Install, write_claim: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (install() / "a_package").mkdir()
    written = write_claim()
    written.rename(tmp_path / "one" / "a_package" / "claims")
    assert cli.main(["verify", "--suite", "others", "first-claim", "--json", "found.json"]) == 0
    [finding] = json.loads((tmp_path / "found.json").read_text())["findings"]
    assert finding["check"] == "sum_is_four"
    assert finding["holds"]
    assert cli.main(["report", "--suite", "others", "--json", "found.json", "--output", "found.md"]) == 0
    assert cli.main(["verify", "--suite", "nobody"]) == 4


def test_a_suite_is_a_path_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["verify", "--suite", "others", "--path", "verification"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_the_wheel_brings_the_folder_that_the_entry_point_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    points = project["project"]["entry-points"][GROUP]
    folders = {source: place for source, place in included.items() if (ROOT / source).is_dir()}
    assert {place.replace("/", ".") for place in folders.values()} == set(points.values())
    (folder,) = folders.values()
    record = {"paper_checks.json": f"{Path(folder).parent.as_posix()}/paper_checks.json"}  # beside the folder
    assert included == folders | record
    for source, place in included.items():
        assert (ROOT / source).exists()
        assert Path(place).name == source  # digests have the folder's name in them
    assert set(points) == {"fyffe2019"}


def test_the_commit_is_that_of_the_repository_that_has_the_files(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603, S607

    for name in ("tracked", "installed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("")
    git("init")
    git("add", "tracked")
    git("commit", "-m", "One file")
    assert commit(tmp_path / "tracked") is not None
    assert commit(tmp_path / "installed") is None
