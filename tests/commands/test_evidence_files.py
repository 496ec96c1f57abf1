"""``elboproof evidence`` with a model in a file, a file of rows, and limits: what is kept, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from elboproof.commands.evidence import Options, run

MODEL = """
import elboproof as ep
model = ep.LatentModel(["u", "v"], ["u", "v + u**2"], ep.Gaussian(covariance=[["1", "1/2"], ["1/2", "1"]]))
number = 3
"""
NETWORK = """
import torch
import elboproof as ep
torch.manual_seed(0)
model = ep.LatentModel.from_torch(torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)),
                                  ep.Bernoulli())
"""
BASE = Options(
    decoder=["model.py:model"],
    x=["x.npy"],
    variance=None,
    latent=None,
    bernoulli=False,
    digits=5.0,
    seconds=20.0,
    as_json=True,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL, encoding="utf-8")
    np.save("x.npy", np.random.default_rng(0).normal(size=(9, 2)))


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_model_in_a_file_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(BASE) == 0
    found = document(capsys)
    assert found["decoder"] == ["u", "u**2 + v"]
    assert len(found["rows"]) == 9  # type: ignore[arg-type]
    assert run(replace(BASE, as_json=False)) == 0
    assert "covariance=((1, 1/2), (1/2, 1))" in capsys.readouterr().out


def test_a_network_in_a_file_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.py").write_text(NETWORK, encoding="utf-8")
    assert run(replace(BASE, decoder=["net.py:model"], x=["0,1"])) == 0
    assert document(capsys)["decoder"] == ["Network(1-3, tanh, 3-2)"]


def test_rows_are_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replace(BASE, resume="rows.jsonl", total_seconds=1e-3)) == 1
    first = document(capsys)
    assert not first["proved"]
    assert run(replace(BASE, resume="rows.jsonl")) == 0
    assert document(capsys)["proved"]
    lines = Path("rows.jsonl").read_text(encoding="utf-8").count("\n")
    assert run(replace(BASE, resume="rows.jsonl", as_json=False)) == 0
    text = capsys.readouterr().out
    assert "9 of 9 proved" in text
    assert [int(line.split()[0]) for line in text.splitlines() if line.endswith("  proved")] == list(
        range(1, 10)
    )
    assert Path("rows.jsonl").read_text(encoding="utf-8").count("\n") == lines


BAD = [
    ({"decoder": ["none.py:model"]}, "none.py:model'; expected a file; there is none"),
    ({"decoder": ["model.py:other"]}, "expected a name that model.py has"),
    ({"decoder": ["model.py:number"]}, "got 3 of type int; expected an ep.LatentModel"),
    ({"variance": "1"}, "expected no likelihood or latents beside a file"),
    ({"latent": "u,v"}, "expected no likelihood or latents beside a file"),
    ({"decoder": ["z", "z"]}, "likelihood: got none; expected one of --variance"),
    ({"decoder": ["broken.py:model"]}, "broken.py: could not run"),
    ({"resume": "model.py"}, "resume: got 'model.py'; expected a file of rows"),
    ({"resume": "."}, "directory"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[str(changes) for changes, _ in BAD])
def test_wrong_words(changes: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.py").write_text("raise RuntimeError('here')", encoding="utf-8")
    assert run(replace(BASE, **changes)) == 4  # type: ignore[arg-type]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert ("RuntimeError: here" in shown.err) == ("could not run" in message)
