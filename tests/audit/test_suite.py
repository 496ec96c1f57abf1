"""The class of tests, and the plugin: one test a check, options and marks, and next to no time where it is unused."""

import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from elboproof import pytest_plugin
from elboproof.audit import Suite
from elboproof.audit.run import CHECKS
from elboproof.audit.settings import Settings
from tests.audit.plugin import SOURCE, declared, pytest_run
from tests.audit.small import Small, adapter_of

FILE = """\
import pytest
import torch
import elboproof.audit as audit
from tests.audit.small import Small, adapter_of, with_methods

cut = with_methods(sample=lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach())
strange = with_methods(fit=lambda self, x, o: ((x - o) ** 4).sum(-1))
broken = with_methods(fit=lambda self, x, o: x.cuda_please())


class TestGood(audit.Suite):
    adapter = adapter_of(Small())


class TestCut(audit.Suite):
    def adapter():
        return adapter_of(cut)


@pytest.mark.elboproof(claim="-iwae")
class TestClaimed(audit.Suite):
    adapter = adapter_of(Small())


class TestStrange(audit.Suite):
    adapter = adapter_of(strange)


class TestBroken(audit.Suite):
    adapter = adapter_of(broken)


class TestNone(audit.Suite):
    pass


class TestTap(audit.Suite):
    adapter = audit.Adapter(cut.loss, adapter_of(cut).data, (Small(), "encode"), (cut, "decode"))
"""


def _pytest(file: Path, *words: str) -> str:
    return pytest_run(
        file.parent, "-rA", str(file), *words, ini="filterwarnings = error\nstrict_markers = true\n"
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what a run of `FILE` shows."""
    file = tmp_path_factory.mktemp("suite") / "test_mine.py"
    file.write_text(FILE, encoding="utf-8")
    return _pytest(file, "--elboproof-draws", "60")


def _outcomes(shown: str, suite: str) -> dict[str, str]:
    """Return the outcome of each test of a class, by the short summary of pytest; of those that are skipped none."""
    found = {}
    for line in shown.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("PASSED", "FAILED") and f"::{suite}::test_" in rest:
            found[rest.partition("::test_")[2].partition(" ")[0]] = word
    return found


def test_each_check_is_a_test(shown: str) -> None:
    assert _outcomes(shown, "TestGood") == dict.fromkeys(CHECKS, "PASSED")


def test_a_bug_fails_its_own_test_alone_with_its_message(shown: str) -> None:
    outcomes = _outcomes(shown, "TestCut")
    assert [name for name, word in outcomes.items() if word == "FAILED"] == ["gradient"]
    assert len(outcomes) == len(CHECKS)
    assert "hint: look for detach()" in shown
    assert "FAILS  d/ds" in shown


def test_a_mark_says_what_is_claimed(shown: str) -> None:
    assert [name for name, word in _outcomes(shown, "TestClaimed").items() if word == "FAILED"] == ["formula"]


def test_what_cannot_tell_is_skipped(shown: str) -> None:
    outcomes = _outcomes(shown, "TestStrange")
    assert "FAILED" not in outcomes.values()
    assert "formula" not in outcomes
    assert "cannot tell: the loss is none of the formulas known here" in shown


def test_what_could_not_run_fails_once_with_its_traceback(shown: str) -> None:
    assert _outcomes(shown, "TestBroken") == {"formula": "FAILED"}
    assert "cuda_please" in shown
    assert "not run: formula could not run" in shown


def test_wrong_use_is_said_in_each_test(shown: str) -> None:
    assert _outcomes(shown, "TestNone") == dict.fromkeys(CHECKS, "FAILED")
    assert "TestNone.adapter: got None of type NoneType; expected an audit.Adapter" in shown
    assert _outcomes(shown, "TestTap") == dict.fromkeys(CHECKS, "FAILED")
    assert "TestTap.adapter: encode: the tap never fired" in shown


def test_strict_fails_what_cannot_tell(tmp_path: Path) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text(FILE, encoding="utf-8")
    shown = _pytest(file, "--elboproof-strict", "--elboproof-draws", "60", "-k", "TestStrange")
    assert _outcomes(shown, "TestStrange")["formula"] == "FAILED"
    wrong = FILE.replace('claim="-iwae"', 'claims="-iwae"')
    file.write_text(wrong, encoding="utf-8")
    shown = _pytest(file, "-k", "TestClaimed and state")
    assert "pytest.mark.elboproof: got 'claims'; expected arguments among claim, seed" in shown


def test_a_report_is_made_once_for_its_settings() -> None:
    calls = []

    class Mine(Suite):
        @staticmethod
        def adapter() -> object:
            calls.append(1)
            return adapter_of(Small())

    settings = Settings(draws=60)
    assert Mine.report(settings) is Mine.report(Settings(draws=60, strict=True))
    assert len(calls) == 1
    assert Mine.report(Settings(draws=60, seed=1)).seed == 1
    assert Mine.report(Settings(draws=60, claim="-elbo")).claim == "-elbo"
    assert Suite.__dict__.get("_audited") is None  # nothing is shared between classes


def test_the_plugin_imports_nothing_and_costs_nothing() -> None:
    code = (
        "import pytest, sys, time; before = set(sys.modules); began = time.process_time(); "
        "import elboproof.pytest_plugin; print(time.process_time() - began); "
        "print(*sorted({one.partition('.')[0] for one in set(sys.modules) - before}))"
    )
    seconds, loaded = [], set()
    for _ in range(3):
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": SOURCE, "PATH": ""},
        )
        first, second = run.stdout.splitlines()
        seconds.append(float(first))
        loaded |= set(second.split())
    assert not loaded & {"torch", "numpy", "scipy", "sympy", "flint", "hypothesis", "rich", "matplotlib"}
    assert statistics.median(seconds) < 0.05


def test_the_plugin_is_declared() -> None:
    assert declared() == {"elboproof": pytest_plugin.__name__}


def test_a_run_that_does_not_use_the_plugin_does_not_load_the_library(tmp_path: Path) -> None:
    file = tmp_path / "test_other.py"
    file.write_text(
        "import sys\n\n\ndef test_other(request):\n"
        "    assert request.config.pluginmanager.has_plugin('elboproof')\n"
        "    own = {name for name in sys.modules if name.startswith('elboproof')}\n"
        "    assert own == {'elboproof', 'elboproof.lazy', 'elboproof.pytest_plugin'}\n",
        encoding="utf-8",
    )
    shown = _pytest(file)
    assert "1 passed" in shown, shown
    assert "--elboproof-strict" in pytest_run(tmp_path, "--help")
    assert "elboproof(claim, seed" in pytest_run(tmp_path, "--markers")
