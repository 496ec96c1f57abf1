"""The command ``elboproof evidence`` with likelihoods that are neither Gaussian nor Bernoulli."""

import json
from dataclasses import replace

import pytest

import elboproof as ep
from elboproof.commands.evidence import run
from elboproof.commands.evidence_input import build_model
from tests.commands.test_evidence import LINE

FAMILY_WORDS = [
    ("poisson", "3", "Poisson with log rates (z)", {}),
    ("binomial:10", "3", "Binomial with logits (z) and trials 10", {"trials": ["10"]}),
    (
        "Student-T:3:1/2",
        "0.5",
        "StudentT with locations (z) and degrees 3 and scale 1/2",
        {"degrees": ["3"], "scale": ["1/2"]},
    ),
]


@pytest.mark.parametrize(("word", "x", "shown", "parameters"), FAMILY_WORDS)
def test_other_families(
    word: str, x: str, shown: str, parameters: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = replace(LINE, variance=None, likelihood=word, x=[x])
    assert run(asked) == 0
    assert shown in capsys.readouterr().out
    assert run(replace(asked, as_json=True)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["likelihood"] == word.split(":")[0].lower()
    assert document["parameters"] == parameters
    model = build_model(["z"], None, None, bernoulli=False, likelihood=word)
    assert abs(document["rows"][0]["lower"] - float(ep.log_evidence(model, [x], 9).lower)) < 1e-8


WRONG_WORDS = [
    ("cauchy", "likelihood: got 'cauchy'; expected one of exponential, gamma, student-t"),
    ("gamma", "likelihood: got 'gamma'; expected gamma:SHAPE, all parameters in their order"),
    ("poisson:3", "likelihood: got 'poisson:3'; expected poisson, all parameters in their order"),
    ("binomial:x", "trials: got 'x'; expected an exact real number"),
    (
        "categorical:x",
        "likelihood: got 'categorical:x'; expected categorical:K1,K2,..., the numbers of classes",
    ),
]


@pytest.mark.parametrize(("word", "message"), WRONG_WORDS)
def test_words_that_are_no_family(word: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replace(LINE, variance=None, likelihood=word)) == 4
    assert message in capsys.readouterr().err


def test_groups_of_classes() -> None:
    model = build_model(["z", "0", "z", "-z", "1"], "z", None, bernoulli=False, likelihood="categorical:2,3")
    assert model.likelihood == ep.Categorical([2, 3])
