"""Every likelihood family under every kind of prior: generated models against SciPy's densities and quantiles."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

import elboproof as ep
from elboproof.evidence.log_evidence import prove
from tests.evidence import prior_routes
from tests.evidence.family_cases import FAMILIES, Floats, drawn
from tests.evidence.prior_routes import KINDS, Quantiles

ROUTE = 1e-8
"""To which the two rules of the route must agree."""
HALF_WIDTH = 1e-6
ROWS = 4
PAIRS = [(family, kind) for family in FAMILIES for kind in KINDS]


@dataclass(frozen=True)
class Instance:
    """A model, rows of data (N, D), and the functions of the route."""

    model: ep.LatentModel
    rows: Floats
    quantiles: Quantiles
    outputs: Callable[[Floats], Floats]
    log_density: Callable[..., Floats]

    def truth(self, panels: int = prior_routes.PANELS) -> Floats:
        """Return log p(x) for each row: the integral of p(x | f(Q(u))) over u in (0, 1), from both ends."""
        u, weights = prior_routes.rule(panels)
        parts = []
        for share, law in self.quantiles:
            for quantile in (law.ppf, law.isf):
                f = self.outputs(quantile(u))
                logs = np.stack([self.log_density(x, f) for x in self.rows])
                parts.append(logsumexp(logs + np.log(weights), axis=1) + np.log(share))
        total: Floats = logsumexp(np.stack(parts), axis=0)
        return total


def _decoders(generator: np.random.Generator, count: int) -> tuple[list[str], Callable[[Floats], Floats]]:
    """Return bounded outputs: under a Pareto prior no other likelihood of a count has an evidence in range."""
    made = []
    for _ in range(count):
        a, b = (round(float(generator.uniform(-w, w)), 3) for w in (1.5, 1.0))
        made.append(
            [
                (f"2*tanh(({a})*z + ({b}))", lambda z, a=a, b=b: 2 * np.tanh(a * z + b)),
                (f"atan(({a})*z) + ({b})", lambda z, a=a, b=b: np.arctan(a * z) + b),
                (f"3*z/(1 + z**2) + ({b})", lambda z, b=b: 3 * z / (1 + z * z) + b),
            ][int(generator.integers(3))]
        )
    functions: list[Any] = [function for _, function in made]

    def outputs(z: Floats) -> Floats:
        # an infinite z is of no weight, and z/(1 + z^2) is 0 there
        with np.errstate(over="ignore", invalid="ignore"):
            f: Floats = np.nan_to_num(np.stack([function(z) for function in functions], -1))
        return f

    return [text for text, _ in made], outputs


def instance(name: str, kind: str, seed: int) -> Instance:
    """Return a generated model with data drawn from it."""
    generator = np.random.default_rng([seed, *name.encode(), *kind.encode()])
    family = FAMILIES[name]
    likelihood, parameters = family.likelihood(generator)
    size = {"Categorical": 3, "Density": 2}.get(name, 1)
    texts, outputs = _decoders(generator, size)
    prior, quantiles = KINDS[kind](generator)
    picked = generator.choice(len(quantiles), ROWS, p=[share for share, _ in quantiles])
    z = np.array([float(quantiles[k][1].ppf(generator.uniform(0.02, 0.98))) for k in picked])
    rows = [drawn(likelihood, f, generator) for f in outputs(z)]
    model = ep.LatentModel("z", texts, likelihood, prior=prior)
    return Instance(
        model, np.array(rows), quantiles, outputs, lambda x, f: family.log_density(x, f, *parameters)
    )


def compare(name: str, kind: str, models: int, first: int = 0) -> int:
    """Return how many rows are undecided; fail where an interval misses, or the route does not know."""
    undecided = 0
    for seed in range(first, first + models):
        one = instance(name, kind, seed)
        found = prove(one.model, one.rows, 6, seconds=30, most_cells=10**6)
        panels = prior_routes.PANELS * (20 if FAMILIES[name].kinks else 1)  # a kink lies within a panel
        truth = one.truth(2 * panels)
        assert np.abs(truth - one.truth(panels)).max() < ROUTE, seed
        decided = np.array([not status for status in found.statuses])
        assert (found.enclosure.width[decided] <= 2 * HALF_WIDTH).all()
        assert (found.enclosure.lower - ROUTE <= truth).all(), (seed, found.enclosure, truth)
        assert (truth <= found.enclosure.upper + ROUTE).all(), (seed, found.enclosure, truth)
        undecided += int((~decided).sum())
    return undecided


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_model_of_each_pair(name: str, kind: str) -> None:
    assert compare(name, kind, 1) == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Error in function boost:RuntimeWarning")
@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_many_models_of_each_pair(name: str, kind: str) -> None:
    # SciPy warns of quantiles that it ends early; whether the route knows is decided by twice as many panels
    models = 25
    undecided = compare(name, kind, models, first=100)
    print(f"{name} under {kind}: {undecided} of {models * ROWS} undecided")
    assert undecided <= models * ROWS // 50


@pytest.mark.parametrize("kind", KINDS)
def test_the_comparison_sees_a_wrong_density(kind: str) -> None:
    one = instance("Poisson", kind, 0)
    found = prove(one.model, one.rows, 6, seconds=30, most_cells=10**6).enclosure
    for shift in (-3e-6, 3e-6):
        moved = one.truth() + shift
        assert not ((found.lower - ROUTE <= moved) & (moved <= found.upper + ROUTE)).any()
