"""hessian-estimator: its predicates decide exactly, and what is planted in its checks is seen."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import acb, arb, arb_mat

from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "hessian_estimator")
HYPOTHESES = ("definite_covariance", "slow_growth", "smooth_decoder", "constant_variance", "fresh_noise")


def part(name: str) -> Any:
    """Return a module of the claim, or of what claims share."""
    package = CLAIM.__name__ if not name.startswith("_shared") else CLAIM.__name__.rpartition(".")[0]
    return sys.modules[f"{package}.{name}"]


predicates, symbols = part("_shared.predicates"), part("_shared.symbols")


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_symbols_that_stand_for_definite_matrices_are_definite(d: int) -> None:
    factor = symbols.triangular("l", d)
    assert predicates.definite_factor(factor)
    assert predicates.definite(factor * factor.T)
    assert predicates.definite(symbols.covariance("s", d))
    assert not predicates.definite(symbols.symmetric("s", d))
    assert not predicates.definite(-symbols.covariance("s", d))
    assert d == 1 or not predicates.definite_factor(factor.T)


def test_doubles_are_decided_exactly() -> None:
    last = np.nextafter(1.0, 2.0)
    assert predicates.definite([[1.0, 1.0], [1.0, last]])
    assert not predicates.definite([[1.0, 1.0], [1.0, 1.0]])
    assert not predicates.definite([[1.0, np.nan], [np.nan, 1.0]])


def test_balls_must_be_surely_definite() -> None:
    sure, open_ = arb(1), arb(1, 2)
    assert predicates.definite(sure)
    assert not predicates.definite(open_)
    assert predicates.definite(arb_mat([[arb(2), sure], [sure, arb(2)]]))
    assert not predicates.definite(arb_mat([[sure, open_], [open_, sure]]))


def test_growth_like_a_slow_square_is_no_slow_growth() -> None:
    slow = CLAIM.hypotheses.slow_growth.predicate
    assert slow(lambda z: (z / 10).exp() * z**6)
    assert not slow(lambda z: (z * z / 20_000).exp())


def test_a_remainder_that_is_lost_in_its_radius_has_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("stationarity")
    kept = module._remainder
    check = module.remainder_has_second_order
    assert check(Run("x")).status == "established"
    monkeypatch.setattr(module, "_remainder", lambda *given: kept(*given) + arb(0, 1))
    assert check(Run("x")).status == "undecided"


def test_a_wrong_slope_in_m_is_seen_in_every_part_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("bonnet_price")
    kept = module.Line.mean_slope
    monkeypatch.setattr(module.Line, "mean_slope", lambda self, g: 2 * kept(self, g))
    verdict = module.saturating_functions(Run("x"))
    assert {name for name, one in verdict.parts.items() if one.status == "refuted"} == {
        name for name in verdict.parts if name.startswith("m: ")
    }


@pytest.mark.parametrize("shared", [Fraction(1, 1000), Fraction(1)])
def test_errors_that_fall_slower_are_refuted(shared: Fraction) -> None:
    run = Run("x", drops=(CLAIM.hypotheses.fresh_noise,))
    assert part("convergence").errors_fall_like_the_root(run, shared=shared).status == "refuted"


def test_the_diagonal_has_its_own_variance() -> None:
    """One entry by hand: d = 1, g = eps^2, X = (eps^2 - 1) eps^2, E X = 2, E X^2 = 105 - 2 15 + 3 = 78."""
    C = sympy.ImmutableMatrix([[2]])
    assert part("quadratics").entry_variance(sympy.Integer(0), [0], C, 1, 0, 0) == 78 - 4


def test_curves_are_bounded_as_expectations_assume() -> None:
    """`Line.expectation` takes 1000 (1 + u^4) for a bound; each curve stays below 12 with its derivatives."""
    for made in part("integrals").CURVES.values():
        curve = made()
        for g in (curve.value, curve.slope, curve.bend):
            assert all(abs(g(acb(arb(k) / 16))) < 12 for k in range(-320, 321))
