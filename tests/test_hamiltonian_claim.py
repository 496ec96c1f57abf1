"""hamiltonian-vae: its formulas against others, and what is planted in the library is seen by its checks."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb

from elboproof.checking import Run
from elboproof.checking.claim import Hypothesis
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from elboproof.numbers.precision import working_precision
from elboproof.objectives import hamiltonian

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "hamiltonian_vae")


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


gaussian, toy, fields, unbiased = part("gaussian"), part("toy"), part("fields"), part("unbiased")


def decide(check: Any, **overrides: Any) -> Any:
    """Return the verdict of a check."""
    return check(Run("test"), **overrides)


def refuted(verdict: Any) -> set[str]:
    """Return the names of the parts that were refuted."""
    return {name for name, one in verdict.parts.items() if one.status == "refuted"}


HYPOTHESES = sorted(name for name, one in vars(CLAIM.hypotheses).items() if isinstance(one, Hypothesis))


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


def test_the_matrix_of_a_path_is_its_steps_product() -> None:
    h, factors = 0.7, [0.9, 0.8]
    kick, drift = np.array([[1, 0], [-h / 2, 1]]), np.array([[1, h], [0, 1]])
    wanted = np.eye(2)
    for factor in factors:
        wanted = np.diag([1, factor]) @ kick @ drift @ kick @ wanted
    assert np.allclose(np.array(gaussian.leapfrog(h, factors)).reshape(2, 2), wanted, rtol=1e-14)


def test_the_least_trace_without_cooling_is_a_least_one() -> None:
    for V in (1.3, 5.0, 700.0):
        sizes = np.sqrt(np.linspace(0.01, 3.5, 20001))
        found = min(gaussian.trace(h, [1.0], V, 1.0) for h in sizes)
        assert found == pytest.approx(gaussian.untempered_trace(V), rel=1e-6)
        assert found >= gaussian.untempered_trace(V) * (1 - 1e-12)


def test_a_schedule_cools_from_the_first_temperature_to_one() -> None:
    T = sympy.Symbol("T", positive=True)
    temperatures = gaussian.schedule(T, 3)
    assert [sympy.expand(one) for one in temperatures] == [
        T,
        sympy.expand((8 * T + 1) / 9),
        sympy.expand((5 * T + 4) / 9),
        1,
    ]
    assert [float(f) for f in gaussian.cooling(2.0, 2)] == [
        float(one) for one in hamiltonian.cooling(*_torch(2.0), 2)
    ]


def _torch(value: float) -> tuple[Any]:
    import torch

    return (torch.tensor(value, dtype=torch.float64),)


def test_the_evidences_variance_solves_its_equation() -> None:
    with working_precision(200):
        count, squares = 50, arb(70)
        s = toy.best_variance("evidence", count, squares, arb("1e-25"))
        left = s * (count - 1 + s / (s + count)) - squares
        assert left.contains(0)
        assert float(left.rad()) < 1e-20


def test_a_maximum_that_is_not_shown_is_no_ball(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "slope", lambda *_: arb(0, 1))
    assert not toy.best_variance("evidence", 50, arb(70), arb("1e-3")).is_finite()


def test_the_gradient_by_hand_is_that_of_the_log_joint() -> None:
    import torch

    z = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None, None].requires_grad_()
    (slope,) = torch.autograd.grad(fields.log_joint(z).sum(), z)
    assert torch.allclose(slope, fields.slope(z), rtol=1e-13)


def test_an_inverted_schedule_in_the_library_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = hamiltonian.cooling
    monkeypatch.setattr(hamiltonian, "cooling", lambda *given: [1 / one for one in right(*given)])
    verdict = decide(unbiased.any_field_gives_the_evidence)
    assert refuted(verdict) == set(verdict.parts)
    assert refuted(decide(part("gradients").gradients_are_those_of_the_elbo))


def test_a_forgotten_half_kick_in_the_library_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unbiased still: only the energy and the closed forms see it."""

    def leapfrog(force: Any, z: Any, rho: Any, step: Any, factors: Any) -> Any:
        value, slope = force(z)
        for factor in factors:
            rho = rho + 0.5 * step * slope
            z = z + step * rho
            value, slope = force(z)
            rho = factor * rho
        return value, z, rho

    monkeypatch.setattr(hamiltonian, "leapfrog", leapfrog)
    assert not refuted(decide(unbiased.any_field_gives_the_evidence))
    assert refuted(decide(part("energy").gain_without_cooling_is_error))
    assert refuted(decide(part("energy").log_weight_by_energies))
    assert refuted(decide(part("gradients").gradients_are_those_of_the_elbo))


def test_a_missing_half_of_a_density_in_the_library_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = hamiltonian.leapfrog

    def leapfrog(*given: Any) -> Any:
        value, z, rho = right(*given)
        return value - 0.5 * (rho**2).sum(-1), z, rho

    monkeypatch.setattr(hamiltonian, "leapfrog", leapfrog)
    assert refuted(decide(unbiased.any_field_gives_the_evidence))
    assert refuted(decide(part("energy").log_weight_by_energies))
