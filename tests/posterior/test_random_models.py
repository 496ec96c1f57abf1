"""Random models whose ELBO has a closed form: no quadrature may ever leave it out, by lattice or by cells."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq_mat

import elboproof as ep
from elboproof.expectations import closed_forms as moments
from elboproof.expectations import rules as expectations
from elboproof.model.data import data_of
from elboproof.posterior import elbo as elbo_module
from tests.evidence.truth import linear, rational

PIECES = ["{0}*{z}", "{0}*{z}**2", "{0}*{z}**3/4", "sin({0}*{z})", "cos({0}*{z} + {1})", "exp({0}*{z}/2)"]
MIXED = ["{0}*u*v", "sin({0}*u + {1}*v)", "exp({0}*u/3)*v", "u**2*v*{0}"]
FAST, MANY = 12, 150
SHARPNESS = 0.5
"""At least this share of the errors is to be above 1e-7 of the radius: balls far too wide would prove nothing."""


def fraction(rng: np.random.Generator) -> Fraction:
    return Fraction(int(rng.integers(-12, 13)), int(rng.integers(5, 12)))


def decoder(rng: np.random.Generator, names: list[str]) -> list[str]:
    outputs = []
    for _ in range(rng.integers(1, 4)):
        choices = [piece.replace("{z}", str(rng.choice(names))) for piece in PIECES]
        choices += MIXED if len(names) == 2 else []
        terms = rng.choice(choices, size=2, replace=False)
        outputs.append(" + ".join(str(t).format(f"({fraction(rng)})", f"({fraction(rng)})") for t in terms))
    return outputs


def problems(seed: int, count: int) -> Iterator[tuple[ep.LatentModel, list[Fraction], ep.GaussianPosterior]]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        names = ["u", "v"][: rng.integers(1, 3)]
        outputs = decoder(rng, names)
        variance = Fraction(int(rng.integers(1, 10)), 10 ** int(rng.integers(0, 5)))
        model = ep.LatentModel(names, outputs, ep.Gaussian(variance))
        factor = np.tril(rng.normal(size=(len(names), len(names)))) * float(variance) ** 0.5 / 2
        rows = [[Fraction(float(e)) for e in row] for row in factor]
        tiny = variance / 100
        covariance = [
            [sum((a * b for a, b in zip(r, s, strict=True)), tiny * (i == j)) for j, s in enumerate(rows)]
            for i, r in enumerate(rows)
        ]
        q = ep.GaussianPosterior([fraction(rng) for _ in names], covariance)
        yield model, [fraction(rng) for _ in outputs], q


def ratios(seed: int, count: int, monkeypatch: pytest.MonkeyPatch, *, lattice: bool) -> list[float]:
    """Return |error| / radius of every quadrature."""
    closed_form = moments.closed_form
    found = []
    if not lattice:
        monkeypatch.setattr(expectations, "lattice", lambda *_: None)
    for model, x, q in problems(seed, count):
        monkeypatch.setattr(elbo_module, "closed_form", closed_form)
        truth = ep.elbo(model, x, q, 16)
        monkeypatch.setattr(elbo_module, "closed_form", lambda *_: None)
        summed = ep.elbo(model, x, q, 7)
        error = max(0.0, float(abs(summed.midpoint - truth.midpoint) - truth.width))
        found.append(error / (float(summed.width) / 2))
    return found


@pytest.mark.parametrize("lattice", [True, False])
def test_no_quadrature_leaves_the_truth_out(lattice: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ratios(1, FAST, monkeypatch, lattice=lattice)
    assert max(found) <= 1
    assert np.mean(np.array(found) > 1e-7) > SHARPNESS


@pytest.mark.slow
@pytest.mark.parametrize("lattice", [True, False])
def test_no_quadrature_of_many_leaves_the_truth_out(lattice: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(ratios(2, MANY, monkeypatch, lattice=lattice)) <= 1


def linear_problem(
    rng: np.random.Generator,
) -> tuple[ep.LatentModel, list[Fraction], ep.GaussianPosterior, arb]:
    """Return an affine model, x, its exact posterior and log p(x), all but the logarithm rational."""
    d, outputs = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    w = [[fraction(rng) for _ in range(d)] for _ in range(outputs)]
    b, x = [fraction(rng) for _ in w], [fraction(rng) for _ in w]
    variance = Fraction(int(rng.integers(1, 10)), 10 ** int(rng.integers(0, 6)))
    names = ["u", "v", "t"][:d]
    text = [
        " + ".join([f"({a})*{n}" for a, n in zip(row, names, strict=True)] + [f"({c})"])
        for row, c in zip(w, b, strict=True)
    ]
    precision = fmpq_mat(
        [
            [rational(sum((r[i] * r[j] for r in w), Fraction(0)) / variance + (i == j)) for j in range(d)]
            for i in range(d)
        ]
    )
    covariance = precision.inv()
    pull = fmpq_mat(
        [
            [rational(sum((r[i] * (a - c) for r, a, c in zip(w, x, b, strict=True)), Fraction(0)) / variance)]
            for i in range(d)
        ]
    )
    mean = covariance * pull
    exact = [[Fraction(int(covariance[i, j].p), int(covariance[i, j].q)) for j in range(d)] for i in range(d)]
    q = ep.GaussianPosterior([Fraction(int(mean[i, 0].p), int(mean[i, 0].q)) for i in range(d)], exact)
    return ep.LatentModel(names, text, ep.Gaussian(variance)), x, q, linear(w, b, variance, [x])[0]


def test_exact_posteriors_of_random_affine_models_reach_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    for number in range(60):
        model, x, q, truth = linear_problem(rng)
        if number % 2:
            monkeypatch.setattr(elbo_module, "closed_form", lambda *_: None)
        reached = ep.elbo(model, x, q, 7)
        monkeypatch.undo()
        assert reached.lower <= float(truth) <= reached.upper


def test_stationary_points_of_random_affine_models_are_the_posterior() -> None:
    rng = np.random.default_rng(4)
    for _ in range(15):
        model, x, q, truth = linear_problem(rng)
        (point,) = ep.stationary_posteriors(model, x)
        assert point.kind == "maximum"
        for bounds, exact in ((point.mean, q.mean), (point.covariance, q.covariance)):
            numbers = np.array(exact, dtype=object)
            low, high = bounds.lower, bounds.upper
            assert all(
                Fraction(a) <= e <= Fraction(b)
                for a, e, b in zip(low.flat, numbers.flat, high.flat, strict=True)
            )
        assert point.elbo.lower <= float(truth) <= point.elbo.upper


def test_random_elbos_are_below_the_evidence() -> None:
    for model, x, q in problems(5, 8):
        if model.integrand.ceiling(data_of(model, x).balls).suprema[0] > 3:
            continue  # small noise makes these wild decoders' evidences slow
        assert ep.elbo(model, x, q, 6) < ep.log_evidence(model, x, 4)
