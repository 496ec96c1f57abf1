"""The command as a user runs it: in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

HEAVY = ("numpy", "sympy", "torch", "flint", "matplotlib", "rich", "scipy")

SECTIONS = ("Claim", "Hypotheses", "Relation", "Method", "Trusted base", "What this does not show")
DOCSTRING = '"""' + "\n\n".join(f"{title}\n-----\ntext" for title in SECTIONS) + '\n"""\n'

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def check(name: str, body: str, **fields: str) -> str:
    extra = "".join(f", {key}={value}" for key, value in fields.items())
    return (
        "@claim.check(statement='S1', role='confirms', method='numeric', relation='=', states='a statement',\n"
        f"             domain='one', hypotheses='none', controls=(control('other', k=1),){extra})\n"
        f"def {name}(run, *, k=0):\n    {body}\n\n"
    )


GOOD = check("good", "return equal(k, 0, 0)") + check("long", "return equal(k, 0, 0)", tier="'full'")
BAD = check("bad", "return equal(1, 0, 0)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder whose ``verification`` has the claims ``good-claim`` and ``bad-claim``."""
    directory = tmp_path / "verification"
    directory.mkdir()
    for label, body in (("good-claim", GOOD), ("bad-claim", BAD)):
        head = f"import time\nfrom elboproof.checking import Claim, control, equal\nclaim = Claim('{label}', 'title')\n"
        (directory / f"{label.replace('-', '_')}.py").write_text(DOCSTRING + head + body, encoding="utf-8")
    return tmp_path


@pytest.fixture
def elboproof(folder: Path) -> Command:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "elboproof.cli", *words]
        environment = os.environ | {"COLUMNS": "100"}
        return subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, check=False, env=environment, timeout=60
        )

    return run


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom elboproof import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert "exit codes:" in done.stdout
    assert done.stdout.rstrip().endswith("HEAVY []")


def test_all_hold(elboproof: Command) -> None:
    done = elboproof("verify", "good-claim")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 check hold (1 established); 1 of 1 control rejected; seed 0" in done.stdout
    assert "1 check of tier full not run: use --full" in done.stdout
    assert done.stderr == ""


def test_something_does_not_hold(elboproof: Command) -> None:
    done = elboproof("verify")
    assert done.returncode == 1
    assert "bad-claim/S1/bad: refuted" in done.stdout
    assert "1 of 2 checks hold" in done.stdout


def test_a_check_named_in_full_runs_in_any_tier(elboproof: Command) -> None:
    assert "1 of 1 check hold" in elboproof("verify", "good-claim/S1/long").stdout


def test_reports_are_written(elboproof: Command, folder: Path) -> None:
    done = elboproof("verify", "--full", "--json", "out.json", "--junit", "out.xml", "--seed", "5")
    assert done.returncode == 1
    content = json.loads((folder / "out.json").read_text())
    assert (content["schema"], content["seed"], len(content["findings"])) == (3, 5, 3)
    root = ET.parse(folder / "out.xml").getroot()  # noqa: S314
    assert (root.attrib["tests"], root.attrib["failures"]) == ("3", "1")
    assert elboproof("report", "--json", "out.json").returncode == 0
    assert (folder / "paper_checks.md").read_text().startswith("# What was checked")
    assert elboproof("report", "--json", "out.json", "--check").returncode == 0


def test_json_on_the_standard_output_is_alone_there(elboproof: Command) -> None:
    done = elboproof("verify", "good-claim", "--json", "-")
    assert json.loads(done.stdout)["findings"][0]["holds"] is True
    assert "1 of 1 check hold" in done.stderr


def test_list_runs_nothing(elboproof: Command, folder: Path) -> None:
    done = elboproof("verify", "--list")
    assert done.returncode == 0
    assert "good-claim/S1/good [confirms, numeric, default] a statement" in done.stdout
    assert not (folder / ".elboproof").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["frobnicate"], 4, "invalid choice: 'frobnicate'"),
        ([], 4, "the following arguments are required: COMMAND"),
        (["verify", "--workers", "0"], 4, "argument --workers: got 0; expected at least 1"),
        (["verify", "--workers", "x"], 4, "invalid integer value: 'x'"),
        (["verify", "--seed", "-1"], 4, "argument --seed: got -1; expected at least 0"),
        (["verify", "--method", "magic"], 4, "invalid choice: 'magic'"),
        (["verify", "--quick", "--full"], 4, "not allowed with argument"),
        (["verify", "god-claim"], 4, "no check fits 'god-claim'; did you mean good-claim"),
        (["verify", "--path", "nowhere"], 4, "expected a directory with claim modules"),
        (["verify", "--json", "nowhere/x.json"], 4, "cannot write 'nowhere/x.json'"),
        (["verify", "--json", "-", "--junit", "-"], 4, "only one of --json and --junit"),
        (["verify", "--resume", "--scheduler", "bogus://x"], 4, "no Dask scheduler answers at 'bogus://x'"),
        (["verify", "--scheduler", ""], 4, "no Dask scheduler answers at ''"),
        (["verify", "--json", "x", "--junit", "./x"], 4, "got './x' twice; expected two files"),
        (["report"], 4, "cannot read 'paper_checks.json'"),
        (["report", "--output", "nowhere/x.md"], 4, "cannot write 'nowhere/x.md'"),
        (["figures"], 4, "there are no scripts figures/NAME.py here"),
        (["verify", "--method", "symbolic"], 5, "nothing to run: no check of method symbolic"),
    ],
)
def test_exit_codes_of_wrong_use(
    words: list[str],
    code: int,
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Run in this process, as there are many; the other tests see that the process ends with the code."""
    from elboproof import cli

    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    try:
        ended = cli.main(words)
    except SystemExit as end:
        ended = int(end.code or 0)
    shown = "".join(capsys.readouterr())
    assert ended == code, shown
    assert message in shown
    assert "Traceback" not in shown


def test_an_empty_directory_is_nothing_collected(elboproof: Command, folder: Path) -> None:
    (folder / "empty").mkdir()
    assert elboproof("verify", "--path", "empty").returncode == 5


def test_mistakes_in_claim_modules_exit_with_4_and_run_nothing(elboproof: Command, folder: Path) -> None:
    (folder / "verification" / "bad_claim.py").write_text("1/0\n", encoding="utf-8")
    done = elboproof("verify", "good-claim")
    assert done.returncode == 4
    assert "verification/bad_claim.py:1: import failed: ZeroDivisionError" in done.stderr
    assert done.stdout == ""


def test_resume_with_another_seed_names_both(elboproof: Command) -> None:
    elboproof("verify", "good-claim", "--seed", "3")
    done = elboproof("verify", "good-claim", "--resume")
    assert done.returncode == 4
    assert "was made with seed 3, this run has seed 0" in done.stderr


def test_resume_runs_the_rest(elboproof: Command) -> None:
    elboproof("verify", "good-claim")
    done = elboproof("verify", "--resume")
    assert "1 check already in .elboproof/run.jsonl, 1 to run" in done.stdout
    assert "1 of 2 checks hold" in done.stdout
    assert "[2/" not in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_shows_what_was_done_and_leaves_no_process(number: int, folder: Path) -> None:
    with (folder / "verification" / "good_claim.py").open("a", encoding="utf-8") as file:
        file.write(check("endless", "time.sleep(1000)", time_limit="1"))
        file.write(
            check(
                "endless_too",
                "open('pid', 'w').write(str(__import__('os').getpid())); time.sleep(1000)",
                time_limit="900",
            )
        )
    command = [sys.executable, "-m", "elboproof.cli", "verify", "good-claim", "--workers", "2"]
    # a shell that runs its tests in the background lets them ignore interrupts, and children inherit that
    before = signal.signal(number, signal.default_int_handler)
    try:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(number, before)
    pid, record = folder / "pid", folder / ".elboproof" / "run.jsonl"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if pid.exists() and pid.read_text() and len(record.read_text().splitlines()) > 2:
            break
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 2, err
    assert "interrupted: 1 check not finished; --resume goes on" in out
    assert "1 of 2 checks hold" in out
    assert not Path(f"/proc/{pid.read_text()}").exists()


def test_figures_are_dispatched(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    from elboproof import cli

    seen: list[object] = []

    def draw(names: list[str], check: bool) -> int:
        seen.append((names, check))
        return 1

    module = types.ModuleType("elboproof.commands.figures")
    monkeypatch.setattr(module, "main", draw, raising=False)
    monkeypatch.setitem(sys.modules, "elboproof.commands.figures", module)
    assert cli.main(["figures", "one", "two", "--check"]) == 1
    assert seen == [(["one", "two"], True)]


def test_an_internal_error_exits_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import elboproof.commands.verify as verify_module
    from elboproof import cli

    def broken(options: object) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr(verify_module, "verify", broken)
    assert cli.main(["verify"]) == 3
    assert "RuntimeError: a defect" in capsys.readouterr().err


def test_the_methods_of_the_command_line_are_those_of_claims() -> None:
    from elboproof import cli
    from elboproof.checking.vocabulary import METHODS

    for method in METHODS:
        assert cli.parser().parse_args(["verify", "--method", method]).method == method


def test_evidence_is_proved_in_a_process_of_its_own(elboproof: Command) -> None:
    done = elboproof("evidence", "-z", "--x", "-0.7", "--variance", "0.01", "--digits", "8", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["decoder"], document["rows"][0]["x"]) == (["-z"], ["-0.7"])
    assert document["rows"][0]["digits"] >= 8
    assert done.stderr == ""


EVIDENCE = ["evidence", "z", "--x", "0.7"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evidence", "z", "--variance", "1"], "the following arguments are required: --x"),
        (EVIDENCE, "expected one of --variance, --bernoulli and --likelihood"),
        ([*EVIDENCE, "--variance", "1", "--bernoulli"], "not allowed with argument"),
        (
            [*EVIDENCE, "--variance", "1", "--digits", "0"],
            "argument --digits: got 0; expected a positive number",
        ),
        (
            [*EVIDENCE, "--variance", "1", "--seconds", "nan"],
            "argument --seconds: got nan; expected a positive",
        ),
        ([*EVIDENCE, "--variance", "1", "--digits", "x"], "argument --digits: invalid number value: 'x'"),
        ([*EVIDENCE, "--variance", "-1"], "variance: got '-1'; expected a positive variance"),
        (["evidence", "w + z(", "--x", "1", "--variance", "1"], "expected the functions exp"),
    ],
)
def test_wrong_use_of_evidence(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    from elboproof import cli

    try:
        ended = cli.main(words)
    except SystemExit as end:
        ended = int(end.code or 0)
    shown = "".join(capsys.readouterr())
    assert ended == 4, shown
    assert message in shown
    assert "Traceback" not in shown


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    points = tmp_path / "x.csv"
    points.write_text("\n".join(str(n / 400) for n in range(400)))
    command = [sys.executable, "-m", "elboproof.cli", "evidence", "z", "--x", str(points), "--variance", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 2
