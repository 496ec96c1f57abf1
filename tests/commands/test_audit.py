"""The command: exit codes, what it prints, JSON and JUnit; the user's file is imported once and shown as it is."""

import json
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
    assert "look at M38" in out


def test_a_bug_fails_and_the_reports_say_so(file: Path, tmp_path: Path) -> None:
    file.write_text(BAD, encoding="utf-8")
    target, junit = tmp_path / "out.json", tmp_path / "out.xml"
    assert cli.main(["audit", str(file), "--draws", "60", "--json", str(target), "--junit", str(junit)]) == 1
    (report,) = json.loads(target.read_text())
    assert (report["schema"], report["status"], report["formula"]["kind"]) == (1, "failed", "NOT AN ELBO")
    keys = {
        "id",
        "outcome",
        "verdict",
        "method",
        "statement",
        "statistic",
        "threshold",
        "n",
        "smallest_detectable",
        "hints",
    }
    assert all(set(one) == keys for one in report["checks"])
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
