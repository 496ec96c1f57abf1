"""constant-variance-penalty: its predicates decide exactly, and what is planted in its checks is seen."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import acb, arb

from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from elboproof.numbers.precision import working_precision

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "constant_variance_penalty")
HYPOTHESES = (
    "definite_precisions",
    "loewner_ratio",
    "equal_weights",
    "mean_preserving",
    "unit_spectrum",
    "one_preimage",
)


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


starts, laws = part("encoder_starts"), part("laws")
system = sys.modules[f"{CLAIM.__name__.rpartition('.')[0]}._shared.three_encoders"]


def refuted(verdict: Any) -> set[str]:
    """Return the names of the parts that were refuted."""
    return {name for name, one in verdict.parts.items() if one.status == "refuted"}


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


def test_semidefinite_is_decided_by_all_principal_minors() -> None:
    semidefinite = CLAIM.hypotheses.semidefinite
    assert semidefinite(sympy.ImmutableMatrix([[1, 1], [1, 1]]))
    assert semidefinite(sympy.ImmutableMatrix.zeros(2))
    assert not semidefinite(sympy.ImmutableMatrix([[0, 0], [0, -1]]))  # its leading minors are 0
    assert not semidefinite(sympy.ImmutableMatrix([[1, 2], [2, 1]]))
    assert not semidefinite(sympy.ImmutableMatrix([[1, 1], [0, 1]]))


@pytest.mark.parametrize("name", ["LINES", "DIAGONALS", "PLANES"])
def test_projections_are_projections_and_spread_evenly(name: str) -> None:
    projections = getattr(laws, name)
    d, rank = projections[0].rows, projections[0].trace()
    assert all(sympy.simplify(P * P - P) == sympy.zeros(d) for P in projections)
    mean = sympy.simplify(sum(projections, sympy.zeros(d)) / len(projections))
    assert mean == sympy.eye(d) * rank / d


def test_extremal_laws_are_laws() -> None:
    for case in laws.EXTREMAL.values():
        law = case.law(laws.theta(case.h))
        assert sympy.simplify(sum(law.weights)) == 1
        assert all(float(w) > 0 for w in law.weights)


@pytest.mark.parametrize(
    ("variance", "kind"), [("1", "free"), ("1/10", "free"), ("1/10", "one s"), ("1/10", "kept")]
)
def test_gradient_and_hessian_are_those_of_the_elbo(variance: str, kind: str) -> None:
    """Torch differentiates sums over a lattice; the balls come from formulas for the derivatives."""
    calculus = sys.modules[f"{CLAIM.__name__.rpartition('.')[0]}._shared.torch_calculus"]
    tables = {"free": starts.STARTS, "one s": starts.SHARED_STARTS, "kept": starts.FIXED_STARTS}
    place = np.array(tables[kind][variance]) + 0.03
    keys = np.array(starts.STARTS[variance]) if kind == "kept" else None
    with working_precision(system.BITS):
        balls = system.System(variance, place, None if keys is None else system.Codes.of(keys))
        gradient, hessian = balls.enclosed(1e-9)
        value = balls.elbo()
    elbo = part("refitted_by_torch").elbo_function(variance, keys)
    found, slope = calculus.value_and_slope(elbo, place)
    assert float(value.mid()) == pytest.approx(found, abs=1e-12)
    assert [float(one.mid()) for one in gradient] == pytest.approx((3 * slope).tolist(), abs=1e-10)
    step = 1e-5 * np.eye(len(place))
    bend = np.array(
        [
            calculus.value_and_slope(elbo, place + e)[1] - calculus.value_and_slope(elbo, place - e)[1]
            for e in step
        ]
    ) * (3 / 2e-5)
    for row, other in zip(hessian, bend.tolist(), strict=True):
        assert all(one.overlaps(arb(b, 1e-4)) and one.rad() < 1e-2 for one, b in zip(row, other, strict=True))


def test_a_place_is_proved_only_where_there_is_one() -> None:
    """Far from stationary Newton's method may lead anywhere; a box of no zero is refused."""
    with working_precision(system.BITS):
        balls = system.System("1/10", np.array(starts.STARTS["1/10"]) + 1e-6)
        balls.move = lambda _: False
        assert system.zero_near(balls, system.RADII, 3) is None


def test_integrands_stay_below_their_growth() -> None:
    """GROWTH (1 + u^4) bounds what is left out beyond CUTOFF; the largest seen is 1e4 times smaller."""
    codes = system.Codes.of(np.array(starts.STARTS["1/100"]))
    weights = codes.weights()
    worst = 0.0
    for n, k in ((0, 0), (0, 1), (2, 1), (1, 2)):
        product = system._product(weights, n, k)
        scale, rate = (codes.logs[n] / 2).exp(), (-codes.logs[n] / 2).exp()
        other = (-codes.logs[k] / 2).exp()
        for step in range(-240, 241):
            u = arb(step) / 8
            z = acb(codes.means[n] + scale * u)
            there = (z - codes.means[k]) * other
            scores = [
                s(acb(u), acb(rate)) * t(there, acb(other)) for s in system.SCORES for t in system.SCORES
            ]
            terms = [2 * product(z) * score for score in scores]
            terms += [product(z) * bend(acb(u), acb(rate)) for bend in system.BENDS.values()]
            worst = max(worst, *(float(abs(term).upper()) / (1 + (step / 8) ** 4) for term in terms))
    assert worst < system.GROWTH / 1e4


def test_codes_beyond_the_growth_are_refused() -> None:
    wide = system.Codes.of(np.array([0.0, 0.0, 0.0, 0.1, 0.1, 0.1]))
    far = system.Codes.of(np.array([3.5, 0.0, 0.0, -1, -1, -1]))
    narrow = system.Codes.of(np.array([0.0, 0.0, 0.0, -5, -1, -1]))
    for codes in (wide, far, narrow):
        with pytest.raises(ArithmeticError, match=r"codes: got .*expected \|m\| < 3"):
            system._require(codes)


def test_definite_is_the_least_pivot_of_the_negative() -> None:
    assert system.definite([[arb(-2), arb(1)], [arb(1), arb(-2)]]) == arb(3) / 2
    assert not system.definite([[arb(-1), arb(2)], [arb(2), arb(-1)]]) > 0
    assert not system.definite([[arb(0, 1), arb(0)], [arb(0), arb(-1)]]) > 0


def test_a_penalty_that_is_off_by_1e_minus_19_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("refitted")
    stated = dict(module.STATED)
    free, shared, penalty = stated["1"]
    monkeypatch.setitem(module.STATED, "1", (free, shared, str(Fraction(penalty) + Fraction(1, 10**19))))
    monkeypatch.setattr(module, "STATED", {"1": module.STATED["1"]})
    monkeypatch.setattr(module, "FALLING", ("1", "1"))
    assert "sigma^2 = 1: refitted" in refuted(module.three_penalties(Run("x")))


def test_a_law_beyond_h_is_no_instance() -> None:
    module = part("equality_laws")
    run = Run("x")
    case = laws.EXTREMAL["three lines, h = 2"]
    law = case.law(laws.theta(case.h))
    with pytest.raises(Exception, match="ratio at most h"):
        run.assume(CLAIM.hypotheses.loewner_ratio, law.matrices, sympy.eye(2), sympy.Rational(19, 10))
    assert module.equality_laws(Run("x")).status == "established"


def test_more_is_lost_by_matrices_than_a_bound_for_numbers_says() -> None:
    """The three lines by hand: (1/2) log(9/4) - (1/2) log 2 against 2 (1/2) (log(4/3) - log(2) / 3)."""
    lines = (np.log(9 / 4) - np.log(2)) / 2
    numbers = np.log(4 / 3) - np.log(2) / 3
    assert lines - numbers == pytest.approx(0.0022585, abs=1e-6)
    with working_precision(100):
        assert float(part("few_points").three_lines(sympy.Integer(2)).penalty().mid()) == pytest.approx(lines)
