"""learned-prior: its predicates decide, its bounds hold for whatever is tried, and what is planted in them is seen."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import acb, arb

from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from elboproof.numbers.precision import working_precision

from .seeding import Seeded, falsification

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "learned_prior")
HYPOTHESES = ("positive_variance", "positive_density", "invertible", "a_law", "definite_covariance")
X = np.array([-1.0, 0.0, 2.5])


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


def shared(name: str) -> Any:
    """Return a module that claims share."""
    return sys.modules[f"{CLAIM.__name__.rpartition('.')[0]}._shared.{name}"]


lindsay, encoders = shared("lindsay"), shared("three_encoders")
candidates, reconstruction, unit_prior = part("candidates"), part("reconstruction"), part("unit_prior")


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(part("hypotheses"), name))


def test_weights_must_be_a_law() -> None:
    for atoms, weights in ((["0", "1"], ["1"]), (["0", "1"], ["-1/2"]), (["0"], ["1/2"])):
        with pytest.raises(ValueError, match=r"weights: got .*expected .* positive ones"):
            lindsay.Mixture.of(atoms, weights)


def ratio(atoms: Any, weights: Any, v: float, y: Any) -> Any:
    """Return D(y) in floats."""
    density = (weights * np.exp(-((X[:, None] - atoms) ** 2) / (2 * v))).sum(1)
    return (np.exp(-((X[:, None] - y) ** 2) / (2 * v)) / density[:, None]).mean(0)


def the_maximum_is_enclosed() -> None:
    """On lattices of the whole line, for mixtures that are not the best."""
    rng = np.random.default_rng(4)
    with working_precision(100):
        for _ in range(12):
            v, atoms = float(rng.uniform(0.05, 2)), rng.uniform(-1.5, 3, 3)
            weights = rng.dirichlet(np.ones(3))
            mixture = lindsay.Mixture.of(atoms.tolist(), weights[:2].tolist())
            data = [arb(x) for x in X.tolist()]
            found = lindsay.log_of_largest(data, mixture, arb(v), 1e-7)
            largest = np.log(ratio(atoms, weights, v, np.linspace(-4, 6, 40001)).max())
            assert float(found.lower()) - 1e-9 <= largest + 1e-6
            assert largest <= float(found.upper()) + 1e-12
            assert float(found.rad()) < 1e-6


def the_value_is_the_mean_log_density() -> None:
    with working_precision(100):
        mixture = lindsay.Mixture.of([-0.5, 2.5], [0.625])
        found = lindsay.mean_log_evidence([arb(x) for x in X.tolist()], mixture, arb("0.3"))
        density = [
            (np.array([0.625, 0.375]) * np.exp(-((x - np.array([-0.5, 2.5])) ** 2) / 0.6)).sum() for x in X
        ]
        assert float(found.mid()) == pytest.approx(
            np.log(density).mean() - np.log(0.6 * np.pi) / 2, rel=1e-12
        )


def losses_stay_within_bounds() -> None:
    """Exact posteriors of mixtures near the best one: I, the error and the ELBO in floats."""
    rng = np.random.default_rng(5)
    for variance in reconstruction.ROWS:
        v, row = float(Fraction(variance)), reconstruction.ROWS[variance]
        with working_precision(120):
            least, most = (float(b.mid()) for b in reconstruction.loss_bounds(variance))
            floor = float(candidates.elbo(variance, row.codes).mid()) - 1e-6
        best_atoms, best_weights = map(np.array, candidates.settled(variance))
        tried = 0
        for scale in (0.0, 1e-5, 1e-4, 1e-3, 1e-2):
            for _ in range(40):
                atoms = best_atoms + scale * rng.normal(size=best_atoms.shape)
                weights = best_weights * np.exp(scale * rng.normal(size=best_weights.shape))
                terms = weights / weights.sum() * np.exp(-((X[:, None] - atoms) ** 2) / (2 * v))
                error = (terms / terms.sum(1, keepdims=True) * (X[:, None] - atoms) ** 2).sum(1).mean()
                constant = np.log(2 * np.pi * v) / 2
                if np.log(terms.sum(1)).mean() - constant >= floor:
                    tried += 1
                    assert least - 1e-9 <= error / (2 * v) + constant <= most + 1e-9
        assert tried >= 40


def log_weights_are_those_of_weights() -> None:
    with working_precision(100):
        codes = encoders.Codes((arb(-1), arb("0.2"), arb(1)), (arb("-1.5"), arb(-2), arb(-1)))
        z = acb("0.3", "0.1")
        logs, plain = codes.log_weights()(z, True), codes.weights()(z)
        assert all(abs(a.exp() - b) < arb("1e-20") for a, b in zip(logs, plain, strict=True))
        assert abs(sum(a.exp() for a in logs) - 1) < arb("1e-20")
        # where 1 + p + q may be negative the logarithm may have its cut, and is no number if it is to be analytic
        wide = acb(arb(0), arb(0, 50))
        assert not any(one.is_finite() for one in codes.log_weights()(wide, True))


def terms_are_those_of_a_lattice() -> None:
    found = unit_prior.unit_prior("1")
    m, t = (np.array([float(one.mid()) for one in row]) for row in _codes("1"))
    u = np.linspace(-10, 10, 8001)
    w = np.exp(-(u**2) / 2) / np.exp(-(u**2) / 2).sum()
    z = m[:, None] + np.exp(t / 2)[:, None] * u
    logs = -((z[..., None] - m) ** 2) / (2 * np.exp(t)) - t / 2
    share = np.exp(logs - np.logaddexp.reduce(logs, -1, keepdims=True))
    error = ((X[:, None] - share @ X) ** 2 @ w).mean()
    known = np.mean([np.log(3 * share[n, :, n]) @ w for n in range(3)])
    rate = (m**2 + np.exp(t) - 1 - t).mean() / 2
    assert float(found.reconstruction.mid()) == pytest.approx(-error / 2 - np.log(2 * np.pi) / 2, abs=1e-10)
    assert float(found.information.mid()) == pytest.approx(known, abs=1e-10)
    assert float(found.aggregate_kl.mid()) == pytest.approx(rate - known, abs=1e-10)
    assert float(found.elbo.mid()) == pytest.approx(-error / 2 - np.log(2 * np.pi) / 2 - rate, abs=1e-10)


def _codes(variance: str) -> Any:
    found = encoders.proved(variance, unit_prior.STARTS[variance])
    return found.codes.means, found.codes.logs


CHECKS = {
    "maximum": the_maximum_is_enclosed,
    "value": the_value_is_the_mean_log_density,
    "losses": losses_stay_within_bounds,
    "weights": log_weights_are_those_of_weights,
    "terms": terms_are_those_of_a_lattice,
}
BUGS = {
    "boxes by their centres": Seeded(
        lindsay, "log_of_largest", "bound = value + r * abs(slope) + r * r / 2 * bend", "bound = value", "maximum"
    ),
    "half of the line": Seeded(lindsay, "log_of_largest", "(2 * n + 1) * half", "(n + 1) * half / 2", "maximum"),
    "shares of the wrong size": Seeded(lindsay, "log_of_largest", "* len(data))", "* 2)", "maximum"),
    "a density without weights": Seeded(lindsay, "_shape", "w * (", "(", ("value", "maximum")),
    "no constant": Seeded(
        lindsay, "mean_log_evidence", "(2 * arb.pi() * variance).log() / 2", "0", ("value",)
    ),
    "bounds without slack of beta": Seeded(
        reconstruction, "loss_bounds", "constant(variance) + beta * least", "constant(variance) + large * least",
        "losses",
    ),
    "the other bound": Seeded(
        reconstruction, "loss_bounds", "(threshold - _least(row.above)) / (beta - small)",
        "(threshold - _least(row.above)) / beta", "losses",
    ),
    "log weights without the sum": Seeded(encoders.Codes, "log_weights", "-total,", "-total + 1,", "weights"),
    "a lost factor": Seeded(unit_prior, "mean_kl", "/ 6", "/ 3", "terms", (unit_prior.unit_prior,)),
    "information of two data": Seeded(
        unit_prior, "information", "arb(3)", "arb(2)", "terms", (unit_prior.unit_prior,)
    ),
}  # fmt: skip
test_passes, test_bugs_are_caught, test_no_check_is_idle = falsification(CHECKS, BUGS)


def test_a_wrong_sign_of_the_determinant_has_no_supremum() -> None:
    flow = part("three_flow")
    check = next(c for c in CLAIM.claim.checks if c.name == "a_flow_stays_below_the_supremum")
    verdict = check.function(Run(check.id), **check.controls[0].overrides)
    assert verdict.parts["below the supremum"].status == "refuted"
    assert flow.reached(0, -1.0)[0] > 0


def test_networks_repeat_with_their_seed() -> None:
    networks = part("networks")
    train, test = networks.split(3)
    assert len(train) == 1297
    assert len(test) == 500
    first, second = networks.Network(3), networks.Network(3)
    first.learn(first.loss, first.weights, 3, 1e-2)
    second.learn(second.loss, second.weights, 3, 1e-2)
    assert all((a == b).all() for a, b in zip(first.weights, second.weights, strict=True))
    other = first.continued()
    assert all((a == b).all() for a, b in zip(first.weights, other.weights, strict=True))
    other.learn(other.loss, other.weights, 1, 1e-2)
    assert not all((a == b).all() for a, b in zip(first.weights, other.weights, strict=True))
