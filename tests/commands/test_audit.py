"""The command: exit codes, what it prints, JSON and JUnit; the user's file is imported once and shown as it is."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from elboproof import cli
from elboproof.checking.finding import Finding

HEAD = """\
import torch
from torch import nn
import elboproof.audit as audit

torch.manual_seed(0)
encoder, decoder = nn.Linear(6, 4), nn.Linear(2, 6)

def loss(x):
    mean, s = encoder(x).chunk(2, 1)
    z = mean + torch.randn_like(mean) * {deviation}
    squares = ((x - decoder(z)) ** 2).sum() / 2
    return squares + (mean**2 + s.exp() - 1 - s).sum() / 2

adapter = audit.Adapter(loss, torch.randn(12, 6), encoder, decoder)
"""
GOOD, BAD = HEAD.format(deviation="(s / 2).exp()"), HEAD.format(deviation="s.exp()")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a good adapter."""
    path = tmp_path / "my_adapter.py"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_good_adapter_passes_with_its_sentence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(file), "--draws", "60"]) == 0
    out = capsys.readouterr().out
    assert "negative ELBO in nats, sum over the batch" in out
    assert "ELBO +5.51363 nats" in out
    assert out.splitlines()[-1].startswith("passed (")


def test_a_claim_that_is_not_kept_fails(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audit", f"{file}:adapter", "--claim=-elbo", "--check", "formula"]
    assert cli.main(words) == 1
    out = capsys.readouterr().out
    assert "FAILS" in out
    assert "claimed: -elbo; found: UP TO A CONSTANT" in " ".join(out.split())
    assert "(as M38 of the" in out


def test_a_bug_fails_and_the_reports_say_so(file: Path, tmp_path: Path) -> None:
    file.write_text(BAD, encoding="utf-8")
    target, junit = tmp_path / "out.json", tmp_path / "out.xml"
    assert cli.main(["audit", str(file), "--draws", "60", "--json", str(target), "--junit", str(junit)]) == 1
    (report,) = json.loads(target.read_text())
    assert (report["schema"], report["status"], report["formula"]["kind"]) == (1, "failed", "NOT AN ELBO")
    assert [one["id"] for one in report["checks"] if one["outcome"] == "fails"] == ["formula"]
    assert report["sizes"] == {
        "D": 6,
        "d": 2,
        "K": 1,
        "support": "real",
        "ranges": ["real"],
        "dtype": "float64",
    }
    suite = ET.parse(junit).getroot()  # noqa: S314
    assert suite.get("tests") == str(len(report["checks"]))
    assert suite.get("failures") == str(sum(one["outcome"] == "fails" for one in report["checks"]))


def test_all_reports_are_written(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD + "other = adapter\n", encoding="utf-8")
    words = [
        word for kind in ("json", "junit", "sarif", "html") for word in (f"--{kind}", str(tmp_path / kind))
    ]
    assert cli.main(["audit", str(file), "--check", "state", *words]) == 0
    assert [one["adapter"] for one in json.loads((tmp_path / "json").read_text())] == ["adapter", "other"]
    assert len(ET.parse(tmp_path / "junit").getroot()) == 2  # noqa: S314
    (run,) = json.loads((tmp_path / "sarif").read_text())["runs"]
    places = [one["locations"][0]["physicalLocation"] for one in run["results"]]
    assert [one["artifactLocation"]["uri"].rpartition("/")[2] for one in places] == ["my_adapter.py"] * 2
    assert (tmp_path / "html").read_text().startswith("<!DOCTYPE html>")
    assert capsys.readouterr().out.count("passed (") == 2


def test_a_report_stands_alone_on_the_standard_output(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("print('loading')\n" + GOOD.replace("    mean, s =", "    print(3)\n    mean, s ="))
    assert cli.main(["audit", str(file), "--check", "state", "--sarif", "-"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("loading\n3\n")
    assert json.loads(shown.out)["version"] == "2.1.0"
    assert "passed (" in shown.err
    assert cli.main(["audit", str(file), "--sarif", "-", "--html", "-"]) == 4
    assert "only one of --json, --junit, --sarif and --html" in capsys.readouterr().err
    assert cli.main(["audit", str(file), "--html", str(file.parent / "none" / "page.html")]) == 4
    assert "cannot write" in capsys.readouterr().err


def test_the_seed_is_that_of_all_that_is_drawn(file: Path, tmp_path: Path) -> None:
    found = []
    for seed in ("1", "1", "2"):
        words = ["audit", str(file), "--draws", "60", "--seed", seed, "--json", str(tmp_path / "json")]
        assert cli.main(words) == 0
        (report,) = json.loads((tmp_path / "json").read_text())
        (noise,) = [one for one in report["checks"] if one["id"] == "noise"]
        found.append((report["seed"], noise["statistic"]))
    assert found[0] == found[1]
    assert found[0][1] != found[2][1]


def test_the_named_file_alone_is_imported(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("conftest", "setup", "other_model", "__init__", "__main__", "sitecustomize"):
        (file.parent / f"{name}.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    for name in ("x.pt", "model.ckpt", "data.pkl"):
        (file.parent / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")

    def refused(*arguments: object, **words: object) -> None:
        raise AssertionError("something was unpickled")

    for place in ("pickle.load", "pickle.loads", "torch.load"):
        monkeypatch.setattr(place, refused)
    before = set(sys.modules)
    assert cli.main(["audit", str(file), "--draws", "60"]) == 0
    beside = [
        name
        for name in set(sys.modules) - before
        if str(file.parent) in str(getattr(sys.modules[name], "__file__", ""))
    ]
    assert beside in ([], ["elboproof_audited"])
    capsys.readouterr()


def test_what_lies_beside_the_file_can_be_imported_while_the_loss_runs(file: Path) -> None:
    (file.parent / "late_helper.py").write_text("half = 2\n", encoding="utf-8")
    inside = "    from late_helper import half\n    mean, s ="
    file.write_text(GOOD.replace("    mean, s =", inside), encoding="utf-8")
    path = list(sys.path)
    assert cli.main(["audit", str(file), "--check", "formula"]) == 0
    assert sys.path == path
    sys.modules.pop("late_helper")


def test_a_file_that_ends_its_process_or_reads_options_is_no_success(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD.replace("    mean, s =", "    raise SystemExit(0)\n    mean, s ="), encoding="utf-8")
    assert cli.main(["audit", str(file)]) == 4
    file.write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    assert cli.main(["audit", str(file)]) == 4
    assert "could not run" in capsys.readouterr().err
    words = list(sys.argv)
    options = "import argparse\nargparse.ArgumentParser().parse_args()\n"
    file.write_text(options + GOOD, encoding="utf-8")
    assert cli.main(["audit", str(file), "--check", "state"]) == 0
    assert sys.argv == words


def test_a_traceback_begins_in_the_users_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("def f():\n    return 1 / 0\n\nf()\n", encoding="utf-8")
    assert cli.main(["audit", str(file)]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert f'File "{file}", line 4' in lines[1]
    assert "ZeroDivisionError" in lines[-1]


def test_findings_are_those_of_the_package(file: Path) -> None:
    from elboproof.audit import audit
    from elboproof.audit.loading import adapters

    (adapter,) = adapters(str(file))
    for finding in audit(adapter, draws=60).findings:
        assert Finding.from_json(json.loads(json.dumps(finding.to_json(), allow_nan=False))) == finding


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("x = 1\n", "", "no audit.Adapter in it"),
        (GOOD, ":other", "no audit.Adapter called 'other'; it has adapter"),
        (GOOD.replace("encoder, decoder)", "nn.Linear(6, 4), decoder)"), "", "encode: the tap never fired"),
    ],
)
def test_wrong_use_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], text: str, place: str, words: str
) -> None:
    file.write_text(text, encoding="utf-8")
    assert cli.main(["audit", f"{file}{place}"]) == 4
    assert words in capsys.readouterr().err


def test_no_file_and_no_such_check(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(file.parent / "none.py")]) == 4
    assert "no such file" in capsys.readouterr().err
    assert cli.main(["audit", str(file), "--check", "gradients"]) == 4
    assert "checks: got 'gradients'" in capsys.readouterr().err


def test_errors_of_the_file_are_shown_as_its_own(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("import numpy\nnumpy.product([1])\n", encoding="utf-8")
    assert cli.main(["audit", str(file)]) == 4
    err = capsys.readouterr().err
    assert "AttributeError" in err
    assert "could not run" in err
    assert "internal error" not in err
    file.write_text(GOOD.replace("squares +", "squares.cuda_please +"), encoding="utf-8")
    assert cli.main(["audit", str(file)]) == 4
    out = capsys.readouterr().out
    assert "could not run: AttributeError" in out
    assert "cuda_please" in out


def test_strict_makes_unknown_a_failure(file: Path) -> None:
    file.write_text(GOOD.replace("** 2).sum() / 2", "** 4).sum()"), encoding="utf-8")
    words = ["audit", str(file), "--check", "formula"]
    assert cli.main(words) == 0
    assert cli.main([*words, "--strict"]) == 1
