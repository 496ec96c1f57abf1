"""Digests of records: the same in another process, and another for whatever differs."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import elboproof as ep
from elboproof.model.latent_model import LatentModel
from elboproof.running.fingerprint import fingerprint

MODEL = """ep.LatentModel(
    ["u", "v"],
    ["sin(u) + v**2", "u*v"],
    ep.Gaussian("1/10"),
    prior=ep.Mixture([ep.Normal(), ep.Uniform(0, 1)], ["1/2", "1/2"]),
)"""
SCRIPT = f"""
import elboproof as ep
from elboproof.running.fingerprint import fingerprint
m = {MODEL}
print(fingerprint(m.latents, m.decoder, m.likelihood, m.prior))
"""


def of(model: LatentModel) -> str:
    return fingerprint(model.latents, model.decoder, model.likelihood, model.prior)


def test_another_process_finds_the_same() -> None:
    found = {
        subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    model = eval(MODEL)  # noqa: S307 - our own words
    assert found == {of(model) + "\n"}


def test_whatever_differs_shows() -> None:
    models = [
        ep.LatentModel("z", ["z"], ep.Gaussian(1)),
        ep.LatentModel("u", ["u"], ep.Gaussian(1)),
        ep.LatentModel("z", ["z + 1"], ep.Gaussian(1)),
        ep.LatentModel("z", ["z", "z"], ep.Gaussian(1)),
        ep.LatentModel("z", ["z"], ep.Gaussian([1])),
        ep.LatentModel("z", ["z"], ep.Gaussian("1/2")),
        ep.LatentModel("z", ["z"], ep.StudentT(3, 1)),
        ep.LatentModel("z", ["z"], ep.StudentT(1, 3)),
        ep.LatentModel("z", ["z"], ep.Gaussian(1), prior=ep.Normal(0, 1)),
        ep.LatentModel("z", ["z"], ep.Gaussian(1), prior=ep.Normal(0, 2)),
        ep.LatentModel("z", ["z"], ep.Gaussian(1), prior=ep.Uniform(0, 2)),
        ep.LatentModel(
            "z", ["z"], ep.Gaussian(1), prior=ep.PriorDensity("-z**2/2 - log(2*pi)/2", ("-inf", "inf"))
        ),
    ]
    assert len({of(model) for model in models}) == len(models)


def test_parts_do_not_run_together() -> None:
    different = [
        ("ab", "c"),
        ("a", "bc"),
        (("a",), "bc"),
        ("a", ("bc",)),
        (1,),
        ("1",),
        (True,),
        (1.0,),
        (Fraction(1),),
        (None,),
        (np.array([1.0]),),
        (np.array([[1.0]]),),
        (np.array([1.0], dtype=np.float32),),
        (),
    ]
    assert len({fingerprint(*parts) for parts in different}) == len(different)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(TypeError, match="fingerprint: got object"):
        fingerprint(object())
