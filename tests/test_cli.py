"""The command as a user runs it: in a process of its own."""

import json
import os
import re
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

HEAD_WITHOUT_BRACKETS = (
    "from elboproof.checking import Claim\nclaim = Claim('bad-claim', 'title')\n\n\n"
    "@claim.check\ndef f(run):\n    pass\n"
)  # fmt: skip

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
        command = [sys.executable, "-m", "elboproof", *words]
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


def test_one_statement_is_checked_while_a_long_run_goes_on(elboproof: Command, folder: Path) -> None:
    with (folder / "verification" / "bad_claim.py").open("a", encoding="utf-8") as file:
        file.write(check("endless", "time.sleep(1000)", time_limit="900"))
    command = [sys.executable, "-m", "elboproof", "verify", "--workers", "2"]
    record = folder / ".elboproof" / "run.jsonl"
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as long:  # noqa: S603
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (record.exists() and record.read_text().count("\n") > 2):
            time.sleep(0.05)
        small = elboproof("verify", "good-claim/S1/good")
        refused = elboproof("verify", "--resume")
        long.send_signal(signal.SIGTERM)
        out, _ = long.communicate(timeout=20)
    assert small.returncode == 0, small.stderr
    assert f"another run (process {long.pid}) writes to .elboproof/run.jsonl; this one to" in small.stdout
    assert "1 of 1 check hold" in small.stdout
    assert refused.returncode == 4
    assert f"--resume: another run (process {long.pid}) is writing to" in refused.stderr
    assert "2 of 3" not in out
    assert "interrupted: 1 check not finished" in out


def test_a_small_run_keeps_what_a_long_one_found(elboproof: Command, folder: Path) -> None:
    elboproof("verify", "--full", "--json", "out.json")
    before = json.loads((folder / "out.json").read_text())
    done = elboproof("verify", "good-claim/S1/good", "--json", "out.json")
    after = json.loads((folder / "out.json").read_text())
    assert (
        "findings: out.json, with others that it had (3 before); elboproof report --json out.json"
        in done.stdout
    )
    assert [one["check"] for one in after["findings"]] == [one["check"] for one in before["findings"]]
    made = {one["check"]: one["seal"]["made"] for one in before["findings"]}
    again = {one["check"]: one["seal"]["made"] for one in after["findings"]}
    assert (again["bad"], again["long"]) == (made["bad"], made["long"])
    assert elboproof("report", "--json", "out.json").returncode == 0  # every seal is whole
    rest = elboproof("verify", "--full", "--resume")
    assert "3 checks already in .elboproof/run.jsonl, 0 to run" in rest.stdout


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        ("text", "is no JSON document of findings: .*; and it would be lost: name another file"),
        ("seed", "has findings of seed 0, this run seed 3; and it would be lost"),
        ("edited", "and it would be lost"),
        ("other", "has findings of other claims, such as other-claim/S1/good; and it would be lost"),
    ],
)
def test_a_document_that_cannot_be_kept_is_not_overwritten(
    prepare: str, message: str, elboproof: Command, folder: Path
) -> None:
    path, seed = folder / "out.json", "0"
    if prepare == "text":
        path.write_text("my own notes")
    else:
        elboproof("verify", "--full", "--json", "out.json")
    text = path.read_text()
    if prepare == "seed":
        seed = "3"
    elif prepare == "edited":
        path.write_text(text.replace("a statement", "another statement", 1))
    elif prepare == "other":
        (folder / "others").mkdir()
        source = (folder / "verification" / "good_claim.py").read_text().replace("good-claim", "other-claim")
        (folder / "others" / "other_claim.py").write_text(source)
        path.unlink()
        elboproof("verify", "--path", "others", "--json", "out.json")
    text = path.read_text()
    done = elboproof("verify", "good-claim/S1/good", "--json", "out.json", "--seed", seed)
    assert done.returncode == 4
    assert re.search(message, done.stderr)
    assert path.read_text() == text


def test_a_run_of_all_checks_overwrites_its_document(elboproof: Command, folder: Path) -> None:
    elboproof("verify", "good-claim", "--json", "out.json")
    done = elboproof("verify", "good-claim", "--json", "out.json", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "out.json").read_text())["seed"] == 3


def test_last_failed_runs_what_failed(elboproof: Command, folder: Path) -> None:
    assert elboproof("verify", "--lf").returncode == 5
    elboproof("verify")
    done = elboproof("verify", "--lf")
    assert "0 of 1 check hold" in done.stdout
    file = folder / "verification" / "bad_claim.py"
    file.write_text(file.read_text().replace("equal(1, 0, 0)", "equal(k, 0, 0)"))
    assert elboproof("verify", "--last-failed").returncode == 0
    done = elboproof("verify", "--lf")
    assert done.returncode == 5
    assert "none is known to fail; run them without --lf" in done.stdout


def test_words_select_by_name_role_and_method(elboproof: Command) -> None:
    assert elboproof("verify", "--list", "-k", "good and not long").stdout.splitlines()[-1] == "1 check"
    assert "bad-claim/S1/bad" in elboproof("verify", "--list", "-k", "numeric", "--full").stdout
    done = elboproof("verify", "-k", "certified")
    assert done.returncode == 5
    assert "no check with 'certified' in its name, role or method selected" in done.stdout
    assert "-k: got 'a and' with no word at the end" in elboproof("verify", "-k", "a and").stderr


def test_a_run_stops_at_the_first_that_does_not_hold(elboproof: Command, folder: Path) -> None:
    with (folder / "verification" / "bad_claim.py").open("a", encoding="utf-8") as file:
        file.write(check("later", "time.sleep(60); return equal(k, 0, 0)", time_limit="59"))
    done = elboproof("verify", "-x", "bad-claim", "--workers", "2")
    assert done.returncode == 1
    assert "stopped at the first check that does not hold: 1 check not finished" in done.stdout
    assert "0 of 1 check hold" in done.stdout


def test_a_quiet_run_shows_what_fails_and_the_counts(elboproof: Command) -> None:
    lines = elboproof("verify", "-q").stdout.strip().splitlines()
    assert lines[0].startswith("bad-claim/S1/bad: refuted: ")
    assert lines[2] == "1 of 2 claims decided, 1 open"
    assert [line.split()[0] for line in lines[3:]] == [
        "1",
        "refuted",
        "1",
    ]  # checks in two lines, the full tier


def test_a_verbose_run_has_a_line_for_each_check(elboproof: Command) -> None:
    done = elboproof("verify", "-v", "good-claim", "--durations", "1")
    assert "[1/1] holds     good-claim/S1/good" in done.stdout
    assert "      confirms, numeric; holds; 1/1 controls rejected; 0; error 0" in done.stdout
    assert "slowest 1 check, controls and second runs included" in done.stdout


def test_the_default_says_what_it_leaves_out_and_full_what_it_adds(elboproof: Command) -> None:
    done = elboproof("verify", "--full", "good-claim")
    assert "1 of them only with --full: good-claim (1)" in done.stdout
    again = elboproof("verify", "good-claim")
    assert "1 check of tier full not run: use --full; good-claim (1); about 0 s of work" in again.stdout
    assert "1 check on 1 worker, the longest first; about 0 s" in again.stdout  # seconds are remembered


def test_a_check_that_needs_what_is_not_here_is_left_out_and_its_finding_kept(
    elboproof: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that has the data records it; without them nobody asks for it, and what was found stays."""
    (folder / "verification" / "bad_claim.py").unlink()
    more = check(
        "of_data", "return equal(k, 0, 0)", needs="'' if os.environ.get('SOME_DATA') else 'data: x.org'"
    )
    with (folder / "verification" / "good_claim.py").open("a", encoding="utf-8") as file:
        file.write(f"import os\n{more}")
    lacking = elboproof("verify", "--full", "--json", "out.json")
    assert "2 of 2 checks hold" in lacking.stdout
    assert "good-claim/S1/of_data not run: it needs data: x.org" in lacking.stdout
    assert (
        elboproof("verify", "good-claim/S1/of_data").returncode
        == elboproof("verify", "-k", "none").returncode
    )
    assert "it needs data: x.org" in elboproof("show", "good-claim/S1").stdout
    assert elboproof("report", "--json", "out.json").returncode == 0
    monkeypatch.setenv("SOME_DATA", "here")
    assert "3 of 3 checks hold" in elboproof("verify", "--full", "--json", "out.json").stdout
    monkeypatch.delenv("SOME_DATA")
    assert elboproof("report", "--json", "out.json").returncode == 0
    assert elboproof("report", "--json", "out.json", "--check").returncode == 0
    assert "of_data" in (folder / "paper_checks.md").read_text()
    for words in (("--stale", "out.json"), ()):
        assert elboproof("verify", "--full", *words, "--json", "out.json").returncode == 0
        assert "of_data" in (folder / "out.json").read_text()


def test_a_check_that_raises_is_shown_with_its_traceback(elboproof: Command, folder: Path) -> None:
    with (folder / "verification" / "bad_claim.py").open("a", encoding="utf-8") as file:
        file.write("def helper():\n    raise ValueError('boom')\n\n" + check("raises", "helper()"))
    done = elboproof("verify", "bad-claim/S1/raises")
    assert done.returncode == 1
    assert "ValueError: boom (verification/bad_claim.py:" in done.stdout
    # Python 3.13 underlines the call in a line of its own
    calls = r'File ".*bad_claim.py", line \d+, in raises\n\s+helper\(\)\n(\s+[~^]+\n)?.*in helper\n'
    assert re.search(calls, done.stdout)
    assert "worker.py" not in done.stdout


def test_the_next_step_is_said(elboproof: Command, folder: Path, tmp_path: Path) -> None:
    inside = folder / "verification"
    environment = os.environ | {"COLUMNS": "100"}
    command = [sys.executable, "-m", "elboproof", "verify"]
    done = subprocess.run(  # noqa: S603
        command, cwd=inside, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 4
    assert f"run this in {folder.resolve()}, which has one" in done.stderr
    assert (
        "name one by --path DIR, or start with one: elboproof init FOLDER"
        in elboproof("verify", "--path", "nowhere").stderr
    )
    assert "(elboproof verify --list shows all)" in elboproof("verify", "god-claim").stderr
    (inside / "bad_claim.py").write_text(DOCSTRING + HEAD_WITHOUT_BRACKETS, encoding="utf-8")
    done = elboproof("verify")
    assert "got the function 'f' itself; expected brackets: @claim.check(statement=" in done.stderr


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_finding_is_written_shows_that_finding(
    number: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from elboproof import cli

    flush, times = os.fsync, iter(range(100))

    def interrupted(descriptor: int) -> None:
        flush(descriptor)
        record = folder / ".elboproof" / "run.jsonl"
        written = record.exists() and os.path.samestat(os.fstat(descriptor), record.stat())
        if written and next(times) == 0:
            os.kill(os.getpid(), number)

    with (folder / "verification" / "good_claim.py").open("a", encoding="utf-8") as file:
        file.write(check("endless", "time.sleep(1000)", time_limit="1"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "fsync", interrupted)
    before = signal.getsignal(number)
    assert cli.main(["verify", "good-claim", "--workers", "1"]) == 2
    assert signal.getsignal(number) is before
    out = capsys.readouterr().out
    assert len((folder / ".elboproof" / "run.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert "1 of 1 check hold" in out
    assert "interrupted: 1 check not finished; --resume goes on" in out


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
