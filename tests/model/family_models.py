"""One model of every likelihood family, with data drawn from it and SciPy's densities."""

from typing import Any

import numpy as np

import elboproof as ep
from elboproof.arrays import FloatArray
from tests.evidence.family_cases import FAMILIES

POINTS = 40
GIVEN: dict[str, tuple[Any, tuple[float, ...]]] = {
    "Gaussian": (ep.Gaussian("1/4"), (0.25,)),
    "Bernoulli": (ep.Bernoulli(), ()),
    "Binomial": (ep.Binomial(7), (7.0,)),
    "Categorical": (ep.Categorical(), ()),
    "Poisson": (ep.Poisson(), ()),
    "NegativeBinomial": (ep.NegativeBinomial("5/2"), (2.5,)),
    "Exponential": (ep.Exponential(), ()),
    "Gamma": (ep.Gamma("5/2"), (2.5,)),
    "StudentT": (ep.StudentT("5/2", "1/2"), (2.5, 0.5)),
    "Laplace": (ep.Laplace("1/2"), (0.5,)),
    "VonMises": (ep.VonMises("5/2"), (2.5,)),
    "ContinuousBernoulli": (ep.ContinuousBernoulli(), ()),
}
ONE_OUTPUT = [name for name in GIVEN if name != "Categorical"]
COUNTS = {"Bernoulli": 2, "Binomial": 8, "Poisson": 200, "NegativeBinomial": 2000}
"""Values 0, 1, ... that a sum over x takes, where f is at most 2."""


def model_of(name: str) -> ep.LatentModel:
    return ep.LatentModel(["u", "v", "w"], ["u", "v", "w"], GIVEN[name][0])


def data(name: str) -> tuple[FloatArray, FloatArray]:
    """Return outputs and data drawn for them, (POINTS, 3)."""
    generator = np.random.default_rng(5)
    f = generator.normal(size=(POINTS, 3)) * 1.5
    likelihood = GIVEN[name][0]
    if name == "Gaussian":
        return f, generator.normal(f, 0.5)
    return f, likelihood.sample(f, generator)


def expected(name: str, f: FloatArray, x: FloatArray) -> FloatArray:
    return FAMILIES[name].log_density(x, f, *GIVEN[name][1])
