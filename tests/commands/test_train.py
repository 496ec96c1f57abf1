"""The command that trains, in this process."""

import csv
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from elboproof import cli, networks

SHORT = ["--hidden", "16", "--latents", "2", "--steps", "20", "--every", "10"]


def test_networks_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a" / "b"
    words = ["train", "digits", "--out", str(out), *SHORT, "--variant", "bilbo-clamp", "--bits", "3"]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "step 10/20: objective" in printed
    assert "all 20 steps were made; parameters of step 20" in printed
    trained = networks.load(out / "networks.pt")
    assert trained.settings.variant.bits == 3
    summary = json.loads((out / "summary.json").read_text())
    assert summary["terms"]["validation"]["objective"] == trained.terms["validation"].objective
    assert summary["settings"]["variant"]["name"] == "bilbo-clamp"
    with (out / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 10, 20]
    assert float(rows[2]["objective"]) == trained.curve[2].terms.objective
    assert cli.main(words) == 0  # the checkpoint is that of the end
    assert "step " not in capsys.readouterr().out.split(";")[0]


def test_the_command_is_the_function(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((200, 3)) @ np.diag([1.0, 2.0, 3.0])
    np.save(tmp_path / "x.npy", rows)
    np.savetxt(tmp_path / "x.csv", rows, delimiter=",", fmt="%.17g")
    wanted = networks.train(rows, latents=2, hidden=(16,), steps=20, every=10, patience=None, seed=5)
    for name in ("x.npy", "x.csv"):
        out = tmp_path / name.replace(".", "-")
        words = ["train", str(tmp_path / name), "--out", str(out), *SHORT, "--seed", "5", "--patience", "0"]
        assert cli.main(words) == 0
        assert dict(networks.load(out / "networks.pt").terms) == dict(wanted.terms)


def test_the_command_has_the_defaults_of_the_function() -> None:
    words = vars(cli.parser().parse_args(["train", "digits", "--out", "x"]))
    defaults = {name: one.default for name, one in inspect.signature(networks.train).parameters.items()}
    assert words.pop("hidden") == ",".join(map(str, defaults["hidden"]))
    for name in ("command", "data", "out", "bits"):
        del words[name]
    assert words == {name: defaults[name] for name in words}
    assert set(defaults) - set(words) == {"data", "hidden", "checkpoint", "progress"}


WRONG = {
    "no file": (["nothing.npy"], "nothing.npy"),
    "kind": (["x.txt"], "data: got 'x.txt'; expected digits, mnist"),
    "mnist": (["mnist:/nowhere"], "path: got /nowhere; expected a folder with MNIST's IDX files"),
    "variant": (["digits", "--variant", "x"], "variant: got 'x'; expected one of vae"),
    "hidden": (["digits", "--hidden", "8,x"], "hidden: got '8,x'; expected sizes such as 128,64"),
    "bits": (
        ["digits", "--variant", "vae", "--bits", "2"],
        "bits: got 2.0; expected none: vae has no bounded",
    ),
    "batch": (["digits", "--batch", "9999"], "batch: got 9999; expected at most 1197"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_words_are_told(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, message = WRONG[name]
    assert cli.main(["train", *words, "--out", str(tmp_path / "out")]) == 4
    assert message in capsys.readouterr().err


def test_a_pickle_in_a_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert cli.main(["train", str(tmp_path / "x.npy"), "--out", str(tmp_path / "out")]) == 4
    assert "without pickled objects" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.csv", "", "data: got shape (0, 1)"),
        ("x.csv", "1,2\n3\n", "expected rows of as many numbers each"),
        ("x.csv", "a,b\n1,2\n", "expected rows of as many numbers each"),
        ("x.npy", "", "expected a NumPy array of numbers"),
        ("x.npy", "xx", "expected a NumPy array of numbers"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(
    name: str, text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert cli.main(["train", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 4
    assert message in capsys.readouterr().err


def test_a_table_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", str(tmp_path / "x.csv"), "--out", str(tmp_path / "out")]) == 4
    assert "expected a file; there is none of that name" in capsys.readouterr().err


def test_numbers_that_are_not_finite_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "digits", "--out", str(tmp_path), *SHORT, "--learning-rate", "1e35"]
    assert cli.main(words) == 1
    assert "step 2: the encoder mean is not finite" in capsys.readouterr().err
    assert not (tmp_path / "networks.pt").exists()


def test_wrong_numbers_are_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as found:
        cli.main(["train", "digits", "--out", str(tmp_path), "--steps", "0"])
    assert found.value.code == 4
