"""Integrals that are cut off at |z| = R: where a leading coefficient vanishes in the box, and what bounds the rest."""

import math
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb, fmpq
from scipy import integrate
from scipy.optimize import minimize

import elboproof as ep
from elboproof.model.placement import Placement
from elboproof.numbers.exact import rational
from elboproof.statements import Statement
from elboproof.theorems import best_elbo, log_partition, tails, truncation
from elboproof.theorems.best_elbo import BestElbo, ElboBound
from elboproof.theorems.leaf import Leaf
from elboproof.theorems.leaf_bounds import Judge
from elboproof.theorems.log_partition import Integrals
from tests.seeding import CAUGHT, Bug, falsification, patched
from tests.theorems import test_parts as parts

Box = dict[str, tuple[str, str]]
BENT = ep.Gap("z", ["z + c*z**2"], "v", ["1/2"])
POSTERIOR = ep.GaussianPosterior("1/3", "1/3")


def bent(kind: type, x: str = "1/2", **more: Any) -> Any:
    return kind("z", ["z + c*z**2"], "v", [x], **more)


PROVED: dict[str, tuple[Statement, Box]] = {
    "from 0": (BENT <= "1/10", {"c": ("0", "1/10"), "v": ("1/4", "1")}),
    "both signs": (BENT <= "1/10", {"c": ("-1/10", "1/10"), "v": ("1/4", "1")}),
    "small variances": (BENT <= "1/10", {"c": ("0", "1/10"), "v": ("1/100", "1")}),
    "data far out": (bent(ep.Gap, "x") <= "1/4", {"c": ("0", "1/20"), "v": ("1/4", "1"), "x": ("2", "3")}),
    "two data dimensions": (
        ep.Gap("z", ["z + c*z**2", "z/2 + 2*c*z**2"], "v", ["1/2", "1/3"]) <= "1/4",
        {"c": ("-1/20", "1/20"), "v": ("1/2", "1")},
    ),
    "a function": (
        ep.Gap("z", ["sin(z)/4 + z + c*z**2"], "v", ["1/2"]) <= "1/10",
        {"c": ("0", "1/10"), "v": ("1/2", "1")},
    ),
    "evidence": (bent(ep.LogEvidence).between(-2, 0), {"c": ("-1/10", "1/10"), "v": ("1/100", "1")}),
    "evidence from below": (bent(ep.LogEvidence) >= "-3/2", {"c": ("0", "1/10"), "v": ("1/100", "1")}),
    "gap from below": (
        ep.Gap("z", ["z**2 + c*z**3"], "v", ["1/2"]).between("1/100", "1/2"),
        {"c": ("-1/20", "1/20"), "v": ("1/4", "1/2")},
    ),
    "gap from below, nearly straight": (
        ep.Gap("z", ["z + z**2/2 + c*z**3"], "v", ["1/2"]) >= "1/1000",
        {"c": ("0", "1/20"), "v": ("1/2", "1")},
    ),
    "ELBO": (bent(ep.Elbo, q=POSTERIOR).between(-4, -1), {"c": ("0", "1/10"), "v": ("1/10", "1")}),
}  # fmt: skip
CUT_OFF = [name for name in PROVED if name != "ELBO"]
"""An ELBO needs no integral."""


def points(box: Box, count: int) -> list[dict[str, float]]:
    """Random parameters of a box, the first at its lower corner."""
    rng = np.random.default_rng(7)
    ends = {name: (float(Fraction(low)), float(Fraction(high))) for name, (low, high) in box.items()}
    corner = {name: low for name, (low, _) in ends.items()}
    return [corner, *({k: rng.uniform(*side) for k, side in ends.items()} for _ in range(count))]


def value_at(quantity: Any, point: dict[str, float]) -> float:
    """The quantity at a point by SciPy's quadrature and Nelder-Mead: no code of the library."""
    f = [sympy.lambdify([*point, "z"], text, "numpy") for text in quantity.decoder]
    x, (v,) = (
        [float(sympy.sympify(text).subs(point)) for text in texts]
        for texts in (quantity.x, [quantity.variance])
    )

    def body(z: Any) -> Any:
        squares = sum((b - g(*point.values(), z)) ** 2 for b, g in zip(x, f, strict=True))
        return -squares / (2 * v) - len(x) / 2 * math.log(2 * math.pi * v)

    def joint(z: float) -> float:
        return math.exp(body(z) - z * z / 2) / math.sqrt(2 * math.pi)

    whole = integrate.quad(joint, -12, 12, points=np.linspace(-3, 3, 13).tolist(), limit=400)[0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def elbo(u: Any) -> float:
        m, s = u[0], math.exp(u[1])
        mean = weights @ body(m + s * nodes) / weights.sum()
        return float(mean - (m * m + s * s - 1) / 2 + u[1])

    if isinstance(quantity, ep.Elbo):
        return elbo((float(quantity.q.mean[0]), math.log(float(quantity.q.covariance[0][0])) / 2))
    if isinstance(quantity, ep.LogEvidence):
        return float(math.log(whole))
    starts = [(m, t) for m in (-1.0, 0.3, 1.5) for t in (-2.0, -0.5)]
    options = {"xatol": 1e-8, "fatol": 1e-10}
    found = [minimize(lambda u: -elbo(u), s, method="Nelder-Mead", options=options) for s in starts]
    return float(math.log(whole)) - max(-float(one.fun) for one in found)


@pytest.mark.parametrize("name", PROVED)
def test_statements_where_a_leading_coefficient_vanishes_are_proved_and_verified(
    name: str, tmp_path: Path
) -> None:
    statement, box = PROVED[name]
    answer = ep.for_all(statement, box)
    assert isinstance(answer, ep.Proof), str(answer)
    assert answer.leaves <= 100
    leaves = answer.certificate.content["leaves"]
    assert any("radius" in leaf for leaf in leaves) == (name in CUT_OFF)
    answer.certificate.save(tmp_path / "proof.json")
    assert ep.recheck(tmp_path / "proof.json") == statement
    for point in points(box, 6):
        true = value_at(statement.quantity, point)
        assert statement.lower is None or true >= float(statement.lower), point
        assert statement.upper is None or true <= float(statement.upper), point


def test_a_false_statement_beside_the_place_is_refuted() -> None:
    answer = ep.for_all(BENT <= "1/1000", {"c": ("0", "1/10"), "v": ("1/4", "1")})
    assert isinstance(answer, ep.Counterexample)
    true = value_at(BENT, {name: float(value) for name, value in answer.point.items()})
    assert answer.enclosure.lower <= true <= answer.enclosure.upper
    assert true > 1 / 1000


def test_lower_bounds_of_the_gap_with_functions_stay_open_there_at_once_and_are_named() -> None:
    """The best ELBO at a control point that keeps z^3 and loses z^4 is infinite on every leaf at c = 0."""
    gap = ep.Gap("z", ["sin(2*z) + z + c*z**2"], "v", ["1/2"])
    answer = ep.for_all(gap >= "1/1000", {"c": ("0", "1/20"), "v": ("1/4", "1/2")})
    assert isinstance(answer, ep.Unproved)
    assert answer.why.startswith("control points at which the best ELBO over all Gaussians is not seen to be")
    assert answer.sub_box["c"][0] == 0


def test_two_latents_stay_open_and_are_named() -> None:
    gap = ep.Gap(["a", "b"], ["a + c*b**2"], "v", ["1/2"])
    answer = ep.for_all(gap <= "1/10", {"c": ("0", "1/20"), "v": ("1/4", "1")}, leaves=20)
    assert isinstance(answer, ep.Unproved)
    assert answer.why.endswith("at a control point the exponent is not seen to be bounded above")


def test_a_false_lower_bound_of_the_gap_beside_the_place_is_refuted() -> None:
    gap = ep.Gap("z", ["z**2 + c*z**3"], "v", ["1/2"])
    answer = ep.for_all(gap >= "1/2", {"c": ("0", "1/20"), "v": ("1/4", "1/2")})
    assert isinstance(answer, ep.Counterexample)
    assert value_at(gap, {name: float(value) for name, value in answer.point.items()}) < 1 / 2


def test_what_was_proved_without_is_proved_without() -> None:
    """A cut of the box comes first where a parameter changes its sign; finite integrals are taken whole."""
    for decoder, box in (
        ("z + c*z**3", {"c": ("0", "0.3"), "v": ("0.1", "1")}),
        ("z + c**2*z**3", {"c": ("-0.3", "0.4"), "v": ("0.1", "1")}),
        ("z + c*z**2", {"c": ("0.05", "0.1"), "v": ("0.5", "1")}),
    ):
        answer = ep.for_all(ep.Gap("z", [decoder], "v", ["1/2"]) <= "0.1", box)
        assert isinstance(answer, ep.Proof)
        content = answer.certificate.content
        assert not any("radius" in record for record in (*content["leaves"], *content["integrals"]))


def test_a_stopped_proof_goes_on_with_the_same_certificate(tmp_path: Path) -> None:
    statement, box = PROVED["both signs"]
    one = ep.for_all(statement, box)
    assert isinstance(one, ep.Proof)
    path = tmp_path / "proof.jsonl"
    for _ in range(2):
        again = ep.for_all(statement, box, resume=path)
        assert isinstance(again, ep.Proof)
        assert again.certificate.to_json() == one.certificate.to_json()
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))


def test_what_is_known_of_an_exponent_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another leaf may know what one did not; a bound that one method found survives that the other finds none."""
    made, sides = parts.made(BENT, {"c": ("0", "1/10"), "v": ("1/4", "1")})
    judge = Judge(BENT <= "1/10", made)
    first, second = (judge.leaf(((sides[0][0], end), sides[1])) for end in (Fraction(1, 10), Fraction(1, 20)))
    lost, kept = (fmpq(1),) * 4, (fmpq(0), fmpq(0), fmpq(0), fmpq(-1))
    tables = {first.box: {lost: None, kept: None}, second.box: {lost: 3.0}}
    monkeypatch.setattr(tails, "quadratic_suprema", lambda _, box, __: tables[box])
    bound = judge.supremum(first, kept)
    assert bound is not None
    assert judge.supremum(first, lost) is None
    assert judge.supremum(first, kept) == bound
    assert judge.supremum(second, lost) == 3.0
    assert judge.supremum(first, lost) == 3.0


# -- steps and seeded bugs --


def _judged(quantity: Any, box: Any, radius: Fraction) -> Leaf:
    """One leaf over a whole box, cut off at a radius at which the tail counts."""
    made, sides = parts.made(quantity, box)
    judge = Judge(quantity.between(-50, 50), made)
    leaf = judge.leaf(sides)
    judge.estimates.estimate([leaf], math.inf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truncation, "radius", lambda *_: radius)
        judge.prove([leaf], time.monotonic() + 60.0)
    assert leaf.radius == radius
    return leaf


def _bounds(x: str, v: tuple[str, str], close: float) -> None:
    """Both bounds of an evidence that is cut off at 1, at the parameters of a small box."""
    quantity, box = bent(ep.LogEvidence, x), {"c": ("0", "1/1000"), "v": v}
    leaf = _judged(quantity, box, Fraction(1))
    true = [value_at(quantity, point) for point in points(box, 3)]
    assert leaf.lower <= min(true)
    assert max(true) <= leaf.upper <= max(true) + close


def _integrals() -> None:
    """Over |z| <= R, at thetas whose whole integral is infinite to the left or to the right."""
    made, _ = parts.made(BENT, {"c": ("0", "1/10"), "v": ("1/4", "1")})
    for sign in (1, -1):
        theta = (fmpq(1), fmpq(-1, 2), fmpq(sign, 8), fmpq(0))
        radius = Fraction(9, 2)
        integrals = Integrals(made, radius)
        integrals.bounds([(theta, truncation.supremum(made, theta, radius))], time.monotonic() + 30.0)
        low, high = integrals.known[theta]

        def density(z: float, theta: Any = theta) -> float:
            return math.exp(parts.exponent(made, theta, z) - z * z / 2) / math.sqrt(2 * math.pi)

        truth = math.log(integrate.quad(density, -4.5, 4.5, limit=400, epsabs=0, epsrel=1e-12)[0])
        assert high - low < 1e-7
        assert low - 1e-9 <= truth <= high + 1e-9


def _suprema_within() -> None:
    made, sides = parts.made(
        ep.Gap("z", ["c*sin(z) + z**2"], "v", ["7/10"]), {"c": ("1/5", "1/2"), "v": ("1/5", "1")}
    )
    for theta in (c.theta for c in made.controls(sides) or []):
        for signed in (theta, tuple(-t for t in theta)):
            grid = [parts.exponent(made, signed, z) for z in np.linspace(-3, 3, 601)]
            assert max(grid) <= truncation.supremum(made, signed, Fraction(3))


def _within_a_divergence() -> None:
    """ELBO(q) = 5 m - KL is greatest at the edge of KL < K: 5 m - K with m = sqrt(2 K) and variance 1."""
    made, _ = parts.made(BENT, {"c": ("0", "1/10"), "v": ("1/4", "1")})
    theta = (fmpq(5), fmpq(0), fmpq(0), fmpq(0))
    for within, top in ((8.0, 12.0), (1.0, 5 * math.sqrt(2) - 1)):
        claims = [ElboBound(theta, 0.0, top + shift, within) for shift in (0.2, -0.2)]
        assert BestElbo(made).proved(claims, math.inf) == [True, False]


def _of_another_divergence() -> None:
    """The lower threshold holds within 1 nat; the higher one does not within 8."""
    made, _ = parts.made(BENT, {"c": ("0", "1/10"), "v": ("1/4", "1")})
    theta = (fmpq(5), fmpq(0), fmpq(0), fmpq(0))
    claims = [ElboBound(theta, 0.0, 6.2, 1.0), ElboBound(theta, 0.0, 7.0, 8.0)]
    assert BestElbo(made).proved(claims, math.inf) == [True, False]


def _false_lower_bound() -> None:
    """The gap is some 0.1, the true bound is found and the false one is not."""
    quantity = ep.Gap("z", ["z**2 + c*z**3"], "v", ["1/2"])
    made, sides = parts.made(quantity, {"c": ("0", "1/100"), "v": ("2/5", "1/2")})
    for bound, holds in (("1/20", True), ("1/2", False)):
        judge = Judge(quantity >= bound, made)
        leaf = judge.leaf(sides)
        judge.estimates.estimate([leaf], math.inf)
        judge.prove([leaf], time.monotonic() + 60.0)
        assert leaf.radius is not None
        assert leaf.above == holds


CHECKS: dict[str, Callable[[], None]] = {
    "integrals": _integrals,
    "suprema within": _suprema_within,
    "a flat likelihood": partial(_bounds, "1/2", ("100", "101"), 0.02),
    "data beyond R": partial(_bounds, "3", ("4", "401/100"), 0.7),
    "a sharp likelihood": partial(_bounds, "1/2", ("1/4", "26/100"), 0.9),
    "within a divergence": _within_a_divergence,
    "of another divergence": _of_another_divergence,
    "a false lower bound": _false_lower_bound,
}

_PLACES = best_elbo._places
_TAIL, _WITH, _MASS, _SUPREMUM = truncation.tail, truncation.with_tail, Judge._mass, truncation.supremum


def _tails_below(self: Any, theta: Any, radius: Any = None) -> tuple[arb, arb]:
    """The tail counts for the lower end, too."""
    low, high = _MASS(self, theta, radius)
    return (low if radius is None else (low.exp() + _TAIL(radius)).log()), high


BUGS: dict[str, Bug] = {
    "the tail is dropped": patched((truncation, "tail", lambda _: arb(0)), by="a flat likelihood"),
    "the tail of one side": patched((truncation, "tail", lambda r: _TAIL(r) / 2), by="a flat likelihood"),
    "the tail of a larger radius": patched(
        (truncation, "tail", lambda r: _TAIL(r + 1)), by=("a flat likelihood", "data beyond R")
    ),
    "the exponent's constant is forgotten": patched(
        (truncation, "with_tail", lambda m, c, r: _WITH(m, 0 * c, r)), by="data beyond R"
    ),
    "the constant has the other sign": patched(
        (truncation, "with_tail", lambda m, c, r: _WITH(m, -c, r)), by="data beyond R"
    ),
    "the tail is taken off": patched(
        (truncation, "with_tail", lambda m, c, r: 2 * m - _WITH(m, c, r)),
        by=("a flat likelihood", "data beyond R"),
    ),
    "lower bounds have the tail": patched((Judge, "_mass", _tails_below), by="a sharp likelihood"),
    "another radius is integrated": patched(
        (
            log_partition.Exponent,
            "scale",
            property(lambda self: rational(self.radius + 1, "R")),
        ),
        by="integrals",
    ),
    "one side is integrated": patched(
        (
            log_partition,
            "Placement",
            lambda z, place, energy, _: Placement(z, place, energy, ((0.0, 1.0),)),
        ),
        by="integrals",
    ),
    "odd powers are taken at one end": patched(
        (
            truncation,
            "supremum",
            lambda n, t, r: _SUPREMUM(n, tuple(min(v, fmpq(0)) for v in t), r),
        ),
        by="suprema within",
    ),
    "slopes decide at the edge": patched(
        (best_elbo, "_places", lambda c, w: (np.ones(len(w), dtype=bool), _PLACES(c, w)[1])),
        by="within a divergence",
    ),
    "Gaussians beyond count": patched(
        (best_elbo, "_places", lambda c, w: (_PLACES(c, w)[0], np.zeros(len(w), dtype=bool))),
        by="within a divergence",
    ),
    "cells at the edge are done": patched(
        (best_elbo, "_places", lambda c, w: ((p := _PLACES(c, w)[0]), ~p)), by="within a divergence"
    ),
    "the outer box is too small": patched((best_elbo, "_margin", lambda _: 0.2), by="within a divergence"),
    "one divergence stands for all": patched(
        (best_elbo, "_key", lambda claim: claim.theta), by="of another divergence"
    ),
    "few Gaussians are compared": patched(
        (truncation, "divergence", lambda *_: 0.01), by="a false lower bound"
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(CHECKS, BUGS, CAUGHT)
)


def test_exponents_that_are_large_at_parameters_too_are_taken_whole() -> None:
    """At sigma = 1/100 the exponent rises to 2450 nats, as do the parameters' own."""
    gap = ep.Gap("z", ["z**2"], "s**2", ["7/10"])
    answer = ep.for_all(gap.between("69/100", "71/100"), {"s": ("1/100", "1/20")}, leaves=60)
    assert isinstance(answer, ep.Proof)
