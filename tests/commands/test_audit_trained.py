"""``elboproof audit FILE --trained``: the table below the report, the picture, and wrong use."""

import json
from pathlib import Path

import jsonschema
import pytest

from elboproof import cli
from elboproof.audit import schema
from tests.commands.test_audit import GOOD

WORDS = ["--check", "formula", "--trained"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a good adapter."""
    path = tmp_path / "my_adapter.py"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_the_table_stands_below_the_report(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, json_file = file.parent / "trained.png", file.parent / "a.json"
    words = ["--picture", str(picture), "--json", str(json_file)]
    assert cli.main(["audit", str(file), *WORDS, *words]) == 0
    report, _, table = capsys.readouterr().out.partition("adapter: trained on N = 12 of D = 6, d = 2")
    assert report.splitlines()[-1].startswith("passed (")
    for name in ("ELBO", "evidence", "approximation gap", "gain of pixel variances"):
        assert f"  {name}" in table
    assert picture.read_bytes().startswith(b"\x89PNG")
    (content,) = json.loads(json_file.read_text(encoding="utf-8"))
    jsonschema.validate([content], schema())
    items = {one["name"]: one for one in content["diagnostics"]["items"]}
    assert f"{items['ELBO']['value']:.2f}"[:5] in table
    content["diagnostics"]["items"][0]["kind"] = "sure"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([content], schema())


def test_nothing_is_diagnosed_unless_asked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(file), "--check", "formula"]) == 0
    assert "trained on" not in capsys.readouterr().out


def test_a_model_of_no_gaussian_encoder_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace(
        "z = mean + torch.randn_like(mean) * (s / 2).exp()", "z = mean * torch.rand_like(mean)"
    )
    file.write_text(text.replace("(mean**2 + s.exp() - 1 - s)", "(mean**4 + s**4)"), encoding="utf-8")
    json_file = file.parent / "a.json"
    assert cli.main(["audit", str(file), *WORDS, "--json", str(json_file)]) == 0
    out = capsys.readouterr().out
    (content,) = json.loads(json_file.read_text(encoding="utf-8"))
    assert content["diagnostics"] is None
    jsonschema.validate([content], schema())
    assert (
        "adapter: no diagnostics: trained: what s is cannot be told from the loss; expected a Gaussian sample"
        in out
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--picture", "x.png"], "--picture: expected --trained beside it"),
        (["--trained", "--picture", "x.txt"], "x.txt: expected a .png, .pdf or .svg file"),
        (
            ["--trained", "--picture", "none/x.png"],
            "expected a .png, .pdf or .svg file in a folder that exists",
        ),
    ],
)
def test_wrong_use_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert cli.main(["audit", str(file), *words]) == 4
    assert message in capsys.readouterr().err


def test_a_picture_is_of_one_adapter(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{GOOD}other = adapter\n", encoding="utf-8")
    assert cli.main(["audit", str(file), *WORDS, "--picture", str(file.parent / "x.png")]) == 4
    assert "--picture: expected one adapter; FILE:NAME takes one" in capsys.readouterr().err
