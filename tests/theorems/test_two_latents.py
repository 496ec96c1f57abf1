"""Statements about decoders with functions of two latents: proved, verified, and compared with quadrature at points."""

import math
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import sympy
from flint import arb

import elboproof as ep
from elboproof.arrays import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.functions import Sigmoid
from elboproof.numbers.undecided import Undecided
from elboproof.statements import Quantity, read_box
from elboproof.theorems import polynomials, sufficient_statistics, tails
from elboproof.theorems.natural import Natural, natural
from elboproof.theorems.steering import Steering

NAMES = ("u", "w")
TEMPLATES: list[tuple[list[str], list[str]]] = [
    (["sin({c}*u) + a*w", "tanh(w + {d}*u)"], ["1/5", "b"]),
    (["{c}*tanh({d}*u + {e}*w) + a*u", "w - a*cos({c}*u)"], ["b", "-1/4"]),
    (["sigmoid({c}*u - {d}*w) + a*tanh(w)"], ["b"]),
    (["u + a*tanh({c}*w + u)", "w"], ["1/2", "b"]),
    (["a + {c}*tanh({d}*u + {e}*w) - {e}*tanh({c}*u - {d}*w + {e})", "tanh({e}*u + {c})"], ["b", "1/3"]),
    (["{c}*u*tanh(w) + a*sin(u + w)"], ["b"]),
]
Q = GaussianPosterior(["1/5", "-1/10"], [["1/2", "1/5"], ["1/5", "2/5"]])
CASES = [
    (t, seed, kind)
    for t in range(len(TEMPLATES))
    for seed in range(3)
    for kind in ("gap", "evidence", "elbo")
]
FAST = [case for case in CASES if case[1] == 0 and case[0] < 2]


def generated(template: int, seed: int, kind: str) -> tuple[Quantity, dict[str, tuple[str, str]]]:
    """A quantity with parameters a, b and v, and a box of them."""
    rng = np.random.default_rng([template, seed])
    numbers = {k: str(Fraction(int(rng.integers(3, 13)), 8)) for k in "cde"}
    decoder, x = TEMPLATES[template]
    v, a = (Fraction(int(rng.integers(low, high)), 16) for low, high in ((4, 12), (2, 12)))
    box = {"a": (a, a + Fraction(1, 8)), "b": (Fraction(1, 4), Fraction(3, 8)), "v": (v, v * Fraction(5, 4))}
    outputs = [one.format(**numbers) for one in decoder]
    parts: Any = {"latent": list(NAMES), "decoder": outputs, "variance": "v", "x": x}
    whole = {k: (str(low), str(high)) for k, (low, high) in box.items()}
    if kind == "elbo":
        return ep.Elbo(**parts, q=Q), whole
    return (ep.Gap(**parts) if kind == "gap" else ep.LogEvidence(**parts)), whole


def smooth(t: Any) -> Any:
    """sigmoid(t), as NumPy knows it."""
    return (1 + sympy.tanh(t / 2)) / 2


def log_joint(quantity: Quantity, point: dict[str, float], z: FloatArray) -> FloatArray:
    """log p(x, z) in floats, z (..., 2)."""
    names = sympy.symbols((*NAMES, *point), real=True)
    known = {str(name): name for name in names}
    values = (z[..., 0], z[..., 1], *point.values())

    def at(text: str) -> Any:
        e = sympy.sympify(text, known).replace(sympy.Function("sigmoid"), smooth)
        return sympy.lambdify(names, e, "numpy")(*values)

    v = at(quantity.variance)
    squares = sum((at(x) - at(f)) ** 2 for x, f in zip(quantity.x, quantity.decoder, strict=True))
    count = len(quantity.x)
    result: FloatArray = -squares / (2 * v) - count * math.log(2 * math.pi * v) / 2 - (z**2).sum(-1) / 2
    return result - math.log(2 * math.pi)


def log_evidence(quantity: Quantity, point: dict[str, float]) -> float:
    axis, h = np.linspace(-8, 8, 321), 0.05
    z = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    return float(np.log(np.exp(log_joint(quantity, point, z)).sum() * h * h))


def samples(q: GaussianPosterior, count: int = 48) -> tuple[FloatArray, FloatArray]:
    """Places (K, 2) and weights (K,) of Gauss-Hermite quadrature under q."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    lower = np.linalg.cholesky([[float(s) for s in row] for row in q.covariance])
    e = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    mass = np.outer(weights, weights).reshape(-1)
    return np.array([float(m) for m in q.mean]) + e @ lower.T, mass / mass.sum()


def elbo(quantity: Quantity, point: dict[str, float], q: GaussianPosterior) -> float:
    z, mass = samples(q)
    return float(mass @ log_joint(quantity, point, z)) + float(q.entropy())


def value(quantity: Quantity, point: dict[str, float], parts: Natural) -> float:
    """The quantity; a gap from the best Gaussian that the floats of the search find."""
    if isinstance(quantity, ep.Elbo):
        return elbo(quantity, point, Q)
    if isinstance(quantity, ep.LogEvidence):
        return log_evidence(quantity, point)
    exact = parts.at([Fraction(number) for number in point.values()])
    best = Steering(parts).best(np.array([[float(Fraction(str(t))) for t in exact.theta]]))
    covariance = best.covariance[0].tolist()
    covariance[0][1] = covariance[1][0]
    return log_evidence(quantity, point) - elbo(
        quantity, point, GaussianPosterior(best.mean[0].tolist(), covariance)
    )


def compared(case: tuple[int, int, str], folder: Path) -> None:
    """A statement 1/4 nat beyond what some points have is proved and verified, and its leaves hold at the points."""
    quantity, box = generated(*case)
    names, sides = read_box(box)
    parts = natural(quantity, names, sides)
    rng = np.random.default_rng(case[:2])
    places = [[rng.uniform(float(low), float(high)) for low, high in sides] for _ in range(4)]
    places += [[float(number) for number in corner] for corner in product(*sides)]
    points = [dict(zip(names, place, strict=True)) for place in places]
    values = [value(quantity, point, parts) for point in points]
    low, high = Fraction(min(values)) - Fraction(1, 4), Fraction(max(values)) + Fraction(1, 4)
    claim = quantity <= high if isinstance(quantity, ep.Gap) else quantity.between(low, high)
    proof = ep.for_all(claim, box)
    assert isinstance(proof, ep.Proof), proof
    for point, truth in zip(points, values, strict=True):
        seen = 0
        for leaf in proof.certificate.content["leaves"]:
            inside = all(
                Fraction(a) <= number <= Fraction(b)
                for (a, b), number in zip(leaf["box"], point.values(), strict=True)
            )
            seen += inside
            if inside:
                below, above = (None if bound is None else float(Fraction(bound)) for bound in leaf["bounds"])
                assert below is None or below <= truth + 1e-9
                assert above is None or truth <= above + (1e-4 if case[2] == "gap" else 1e-9)
        assert seen
    assert (proof.unverifiable == "") == (case[0] < 5 or case[2] == "elbo")
    proof.certificate.save(folder / "proof.json")
    if not proof.unverifiable:
        assert ep.recheck(folder / "proof.json") == claim
    false = quantity <= Fraction(max(values)) - Fraction(1, 1000)
    assert not isinstance(ep.for_all(false, box, seconds=3, leaves=8), ep.Proof)


@pytest.mark.parametrize("case", FAST)
def test_some_statements_hold_at_points(case: tuple[int, int, str], tmp_path: Path) -> None:
    compared(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in FAST])
def test_statements_hold_at_points(case: tuple[int, int, str], tmp_path: Path) -> None:
    compared(case, tmp_path)


def of_template(template: int, kind: str = "gap") -> tuple[Natural, Any]:
    quantity, box = generated(template, 0, kind)
    names, sides = read_box(box)
    return natural(quantity, names, sides), sides


def products(parts: Natural, z: FloatArray) -> list[FloatArray]:
    """The statistics at places (..., 2)."""
    factors = (*parts.latents, *parts.atoms)
    return [
        sympy.lambdify(
            parts.latents, sympy.Mul(*map(sympy.Pow, factors, s)).replace(Sigmoid, smooth), "numpy"
        )(z[..., 0], z[..., 1])
        for s in parts.statistics
    ]


def test_expectations_under_two_latents_agree_with_quadrature() -> None:
    for template in (0, 1, 5):
        parts, _ = of_template(template)
        z, mass = samples(Q)
        for ball, values in zip(
            sufficient_statistics.expectations(parts, Q), products(parts, z), strict=True
        ):
            assert ball.overlaps(arb(float(np.real(mass @ values)), 1e-8))
            assert ball.rad() < 1e-8


def test_suprema_of_two_latents_bound_the_exponents() -> None:
    """At control points, also where their quadratic form is indefinite, and where the tangents are taken from."""
    axis = np.linspace(-7, 7, 141)
    z = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    for template in (0, 1, 4):
        parts, sides = of_template(template)
        statistics = np.stack([np.real(s) + 0 * z[..., 0] for s in products(parts, z)], -1)
        centre = [(low + high) / 2 for low, high in sides]
        found = tails.quadratic_suprema(parts, sides, centre)
        assert len(found) > len({control.theta for control in parts.controls(sides) or []})
        for theta, bound in found.items():
            assert bound is not None
            exponent = statistics @ [float(Fraction(str(t))) for t in theta] - 0.375 * (z**2).sum(-1)
            assert exponent.max() <= bound


def test_what_is_late_is_not_known() -> None:
    parts, _ = of_template(0)
    for statistic, ball in zip(
        parts.statistics, sufficient_statistics.expectations(parts, Q, -math.inf), strict=True
    ):
        assert ball.is_finite() == (not any(statistic[2:]))


def test_lower_bounds_of_the_gap_say_what_they_need() -> None:
    quantity, box = generated(0, 0, "gap")
    answer = ep.for_all(quantity >= "1/1000", box)
    assert isinstance(answer, ep.Unproved)
    assert "lower bounds of the gap need one latent" in answer.why


def test_expectations_that_are_undecided_count_with_both_ends() -> None:
    parts, _ = of_template(1)
    z, mass = samples(Q)
    truths = [float(np.real(mass @ values)) for values in products(parts, z)]

    def crude(g: list[Any], *_: Any, **__: Any) -> Enclosure:
        curved = [t for t, s in zip(truths, parts.statistics, strict=True) if any(s[2:])]
        enclosure = Enclosure(np.array(curved) - 0.3, np.array(curved) + 0.1)
        raise Undecided(enclosure, ("the time limit",) * len(g), "expectations", "g")

    with patch.object(sufficient_statistics, "expectation", crude):
        for ball, truth in zip(sufficient_statistics.expectations(parts, Q), truths, strict=True):
            assert ball.overlaps(arb(truth, 1e-9))


def test_squares_of_bounded_products_count_with_what_they_add() -> None:
    """x sin(u) - (w/2) M sin(u)^2 with M < 0 at most as a control point has it: the greatest value is at the crest."""
    parts, _ = of_template(0)
    one = (0, 0, *(int(atom.func is sympy.sin) for atom in parts.atoms))
    g = [(0,) * len(one), one, *(tuple(int(k == i) for k in range(len(one))) for i in range(2))]
    for pull, curvature in ((1, -1), (3, -4), (-2, Fraction(-1, 8))):
        values = {
            (0, 1): polynomials.rational(Fraction(-pull)),
            (1, 1): polynomials.rational(Fraction(curvature)),
        }
        whole = tails._with_squares(parts, g, values)
        assert whole is not None
        assert float(whole.p) / float(whole.q) >= abs(pull) - curvature / 2


def test_a_form_that_no_square_of_a_bounded_product_mends_has_no_bound() -> None:
    parts, _ = of_template(0)
    g = [(0,) * 4, (0, 1, 1, 0)]
    assert tails._with_squares(parts, g, {(1, 1): polynomials.rational(Fraction(-1))}) is None
