"""Each step of the check by itself: the cover, the comparisons of balls, tails and integrals in closed form."""

import math
import time
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb

import elboproof as ep
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.balls import working_precision
from elboproof.numbers.interruption import Interruption
from elboproof.rechecking import best_posterior, functions, integration, recheck, trapezoids
from elboproof.rechecking.document import CertificateError, Document, LeafClaim
from elboproof.rechecking.integral_claims import IntegralClaims
from elboproof.rechecking.integration import Unable, log_integral
from elboproof.rechecking.recheck import _Checker
from tests.rechecking.test_recheck import CUBIC_BOX, certificate

A, B, Z = (sympy.Symbol(name, real=True) for name in "abz")
Side = tuple[Any, Any]

# -- the cover --

WHOLE = ((0, 2), (0, 2))
COVERS: dict[str, list[tuple[Side, Side]]] = {
    "two halves": [((0, 1), (0, 2)), ((1, 2), (0, 2))],
    "a pinwheel": [((0, 1), (0, "3/2")), ((0, "3/2"), ("3/2", 2)), (("3/2", 2), ("1/2", 2)), ((1, 2), (0, "1/2")),
                   ((1, "3/2"), ("1/2", "3/2"))],
}  # fmt: skip
OVERLAPS: dict[str, list[tuple[Side, Side]]] = {
    "along the first axis": [((0, 1), (0, 2)), (("1/2", "3/2"), (0, 2))],
    "along the second axis": [((0, 2), (0, 1)), ((0, 2), ("1/2", "3/2"))],
    "a leaf twice": [((0, 1), (0, 2)), ((0, 1), (0, 2))],
    "not next to each other in order": [
        ((0, 2), (0, 1)), ((0, "1/4"), (1, 2)), (("1/4", "1/2"), (1, 2)), (("1/2", 1), (1, 2)),
        ((1, 2), ("1/2", "3/2")),
    ],
    "not in order": [
        ((0, 1), (0, 1)), ((1, 2), (0, 1)), (("1/2", 1), ("1/2", 1)), ((0, 1), (1, 2)), ((1, "7/4"), (1, 2)),
    ],
    "a small one inside": [((0, 2), (0, "7/4")), (("1/2", "3/2"), ("1/2", 1))],
}  # fmt: skip


def leaves(boxes: list[tuple[Side, Side]]) -> list[LeafClaim]:
    return [
        LeafClaim(f"leaf {n}", tuple((Fraction(a), Fraction(b)) for a, b in box), None, None, None, None)
        for n, box in enumerate(boxes)
    ]


def side(box: Any) -> Any:
    return tuple((Fraction(a), Fraction(b)) for a, b in box)


@pytest.mark.parametrize("name", COVERS)
def test_covers_are_accepted_in_any_order_and_not_without_a_leaf(name: str) -> None:
    boxes = COVERS[name]
    recheck._require_cover(leaves(boxes), side(WHOLE))
    recheck._require_cover(leaves(boxes[::-1]), side(WHOLE))
    for n in range(len(boxes)):
        with pytest.raises(CertificateError, match="of the box; expected all of it"):
            recheck._require_cover(leaves(boxes[:n] + boxes[n + 1 :]), side(WHOLE))


@pytest.mark.parametrize("name", OVERLAPS)
def test_leaves_that_overlap_are_refused_whatever_their_volumes(name: str) -> None:
    for boxes in (OVERLAPS[name], OVERLAPS[name][::-1]):
        with pytest.raises(CertificateError, match=r"leaves: leaf \d and leaf \d overlap"):
            recheck._require_cover(leaves(boxes), side(WHOLE))


# -- comparisons --


@lru_cache
def checker() -> _Checker:
    evidence = ep.LogEvidence("z", ["z + c*z**3"], "v", ["7/10"]).between(-2, 0)
    with working_precision(integration.BITS):
        return _Checker(Document(certificate(evidence, CUBIC_BOX)))


VAGUE = {"wide": arb(0, 100), "not a number": arb("nan"), "the whole line": arb(0, float("inf"))}


@pytest.mark.parametrize("vague", VAGUE)
@pytest.mark.parametrize("step", ["claims", "upper", "lower"])
def test_what_is_not_decided_is_refused(step: str, vague: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = checker()
    leaf, statement = one.document.leaves[0], one.document.statement
    assert statement.upper is not None
    assert statement.lower is not None
    with working_precision(integration.BITS):
        one.integrals.require()
        one._require_upper(leaf, statement.upper)
        one._require_lower(leaf, statement.lower)
        for owner, name in ((IntegralClaims, "value"), (_Checker, "_above"), (_Checker, "_tangent")):
            known = getattr(owner, name)
            monkeypatch.setattr(owner, name, lambda *given, known=known: known(*given) + VAGUE[vague])
        required: dict[str, Callable[[], None]] = {
            "claims": one.integrals.require,
            "upper": partial(one._require_upper, leaf, statement.upper),
            "lower": partial(one._require_lower, leaf, statement.lower),
        }
        with pytest.raises(CertificateError):
            required[step]()


@pytest.mark.parametrize("which", ["lower", "upper"])
def test_a_claim_is_compared_with_both_ends(which: str) -> None:
    one = checker()
    key = next(iter(one.integrals.claimed))
    claim = one.integrals.claimed[key]
    name, constant, low, high = claim
    with working_precision(integration.BITS):
        value = Fraction(
            float((one.integrals.value(key) + arb(constant.numerator) / constant.denominator).mid())
        )
        shift = Fraction(1, 10**6)
        one.integrals.claimed[key] = (
            (name, constant, value + shift, high + 1)
            if which == "lower"
            else (name, constant, low - 1, value - shift)
        )
        try:
            with pytest.raises(CertificateError, match="bounds: got"):
                one.integrals.require()
        finally:
            one.integrals.claimed[key] = claim


def test_bounds_of_leaves_are_at_least_those_of_the_statement() -> None:
    one = checker()
    leaf = one.document.leaves[0]
    assert leaf.upper is not None
    assert leaf.lower is not None
    with working_precision(integration.BITS):
        with pytest.raises(CertificateError, match="expected one up to"):
            one._require_upper(leaf, leaf.upper - Fraction(1, 10**9))
        with pytest.raises(CertificateError, match="expected one from"):
            one._require_lower(leaf, leaf.lower + Fraction(1, 10**9))


def test_divergences_of_two_latents_by_hand() -> None:
    q = GaussianPosterior(["1/2", "-2"], [["2", "1/2"], ["1/2", "1"]])
    covariance = np.array([[2, 0.5], [0.5, 1.0]])
    hand = (0.25 + 4 + 3 - 2 - np.log(np.linalg.det(covariance))) / 2
    assert abs(float(recheck._divergence(q)) - hand) < 1e-12


# -- integrals --


def gaussian(quadratic: list[list[str]], linear: list[str]) -> float:
    """log E[exp(l'z - z'Qz/2)] under N(0, I)."""
    matrix = np.eye(len(linear)) + np.array([[float(Fraction(v)) for v in row] for row in quadratic])
    slope = np.array([float(Fraction(v)) for v in linear])
    return float(slope @ np.linalg.solve(matrix, slope) / 2 - np.log(np.linalg.det(matrix)) / 2)


@pytest.mark.parametrize(
    ("q", "l"), [("1/3", "0"), ("0", "3/2"), ("2", "-5"), ("-1/4", "1/2"), ("1/4", "-1/4")]
)
def test_integrals_of_gaussians_on_the_line(q: str, l: str) -> None:  # noqa: E741
    value = log_integral({Z: Fraction(l), Z**2: -Fraction(q) / 2}, (Z,))
    assert value.overlaps(arb(gaussian([[q]], [l]), 1e-9))
    assert value.rad() < 1e-6


PLANE = [
    ([["1/3", "0"], ["0", "2"]], ["1/2", "-1"]),
    ([["1/3", "1/2"], ["1/2", "1"]], ["0", "0"]),
    ([["1", "-3/4"], ["-3/4", "1/2"]], ["1/2", "1/3"]),
    ([["-1/8", "1/4"], ["1/4", "1/4"]], ["1/4", "-1/2"]),
]


@pytest.mark.parametrize(("q", "l"), PLANE)
def test_integrals_of_gaussians_in_the_plane(q: list[list[str]], l: list[str]) -> None:  # noqa: E741
    function = {
        A: Fraction(l[0]), B: Fraction(l[1]), A**2: -Fraction(q[0][0]) / 2, A * B: -Fraction(q[0][1]),
        B**2: -Fraction(q[1][1]) / 2,
    }  # fmt: skip
    value = log_integral(function, (A, B))
    assert value.overlaps(arb(gaussian(q, l), 1e-9))
    assert value.rad() < 1e-6


def test_a_curved_ridge_in_the_plane_is_integrated_by_hand() -> None:
    """-(b - a^2)^2/2 with b's own prior: over b it leaves exp(-a^4/4)/sqrt 2."""
    function = {B**2: -Fraction(1, 2), A**2 * B: Fraction(1), A**4: -Fraction(1, 2)}
    grid = np.linspace(-8, 8, 200_001)
    left = np.exp(-(grid**4) / 4 - grid**2 / 2).sum() * (grid[1] - grid[0]) / np.sqrt(4 * np.pi)
    assert log_integral(function, (A, B)).overlaps(arb(float(np.log(left)), 1e-9))


@pytest.mark.parametrize(
    ("dense", "exceeds"),
    [(["1"], True), (["1/2"], False), (["1/4"], False), (["3/5", "0", "1"], True), (["3/5", "-2", "4"], False),
     (["1", "0", "-1"], False), (["3/5", "-1/10", "1"], True), (["1/2", "0", "1"], False)],
)  # fmt: skip
def test_curvatures_exceed_a_half_on_the_whole_line_or_not(dense: list[str], exceeds: bool) -> None:
    assert integration._exceeds([Fraction(c) for c in dense], Fraction(1, 2)) == exceeds


@pytest.mark.parametrize(
    "function", [{Z**2: Fraction(2, 5)}, {Z**4: Fraction(1, 10**9)}, {Z**3: Fraction(1, 10)}]
)
def test_exponents_that_grow_have_no_integral(function: Any) -> None:
    with pytest.raises(Unable, match="not seen to be bounded above"):
        log_integral(function, (Z,))


def test_exponents_that_grow_on_one_ray_of_the_plane_have_no_integral() -> None:
    with pytest.raises(Unable):
        log_integral({A * B: Fraction(3, 2), B**2: -Fraction(1, 8)}, (A, B))
    with pytest.raises(Unable):
        log_integral({A**2: Fraction(2, 5), B: Fraction(1)}, (A, B))


def test_radii_are_where_a_polynomial_is_nonpositive_for_good() -> None:
    """-(z - 20)(z - 90)(z + 5) is positive between 20 and 90."""
    dense = [Fraction(c) for c in (-9000, -1250, 105, -1)]
    radius = integration._radius(dense)
    assert radius >= 90
    values = [
        sum(c * Fraction(z) ** k for k, c in enumerate(dense))
        for z in np.linspace(radius, 1000, 500).tolist()
    ]
    assert all(value <= 0 for value in values)


FAR = {1: -Fraction(1, 10), -1: Fraction(1, 10)}
"""Of the cube: the mass is some 30 deviations out, on the left or on the right."""


def by_trapezoids(cube: Fraction) -> float:
    grid = np.linspace(-60, 60, 600_001)
    exponent = float(cube) * grid**3 - 0.002 * grid**4 - grid**2 / 2
    top = exponent.max()
    return float(top + np.log(np.exp(exponent - top).sum() * (grid[1] - grid[0]) / np.sqrt(2 * np.pi)))


@pytest.mark.parametrize("sign", FAR)
def test_mass_far_out_on_either_side_is_integrated(sign: int) -> None:
    fourth = -Fraction(2, 1000)
    truth = by_trapezoids(FAR[sign])
    assert log_integral({Z**3: FAR[sign], Z**4: fourth}, (Z,)).overlaps(arb(truth, 1e-8))
    plane = log_integral({A**3: FAR[sign], A**4: fourth, B: Fraction(1, 2)}, (A, B))
    assert plane.overlaps(arb(truth + 1 / 8, 1e-8))


@pytest.mark.parametrize("pushed", [A, B])
def test_mass_that_a_coupled_latent_drives_out_is_integrated(pushed: Any) -> None:
    """Of a Gaussian of precision [[1, -4/5], [-4/5, 1]] around 23/0.36, from its determinant and its form."""
    found = log_integral({A * B: Fraction(4, 5), pushed: Fraction(23)}, (A, B))
    assert found.overlaps(arb(23) ** 2 * 25 / 18 - (arb(3) / 5).log())
    assert found.rad() < 1e-8


# -- the search for a better Gaussian --


def within(seconds: float) -> Interruption:
    """A limit for what would have no end."""
    return Interruption(time.monotonic() + seconds)


@pytest.mark.parametrize("k", [-3.0, 0.5, 5.0, 60.0, 300.0])
def test_slabs_hold_every_gaussian_that_may_be_better(k: float) -> None:
    """(m^2 + S)/8 - (log S)/2 < K, by steps of a factor 4 in S at most."""
    with within(30.0):
        cells = best_posterior.slabs(k)
    variances = np.exp(np.linspace(-2 * k - 5, 12, 4001))
    room = 8 * (k + np.log(variances) / 2) - variances
    inside = variances[room > 0]
    if len(cells) == 0:
        assert len(inside) == 0
        return
    assert (cells[1:, 2] == cells[:-1, 3]).all()
    assert (cells[:, 3] <= 4 * cells[:, 2]).all()
    if len(inside):
        assert cells[0, 2] <= inside.min()
        assert cells[-1, 3] >= inside.max()
        assert (cells[:, 1] ** 2 >= room.max()).all()
    assert (cells[:, 0] == -cells[:, 1]).all()


def test_suprema_far_out_are_found() -> None:
    """G - 3/8 z^2 = z^3/10 - z^4/500 - 3/8 z^2 is greatest at z = 33.8, beyond the first radius."""
    claim = {Z**3: Fraction(1, 10), Z**4: -Fraction(1, 500)}
    grid = np.linspace(-60, 60, 60_001)
    truth = float((grid**3 / 10 - grid**4 / 500 - 0.375 * grid**2).max())
    with within(60.0):
        found = best_posterior.supremum(claim, Z)
    assert truth <= found <= 1.5 * truth


@pytest.mark.parametrize("root", [9, 10, 11])
def test_greatest_bernstein_coefficients_are_bounded_through_their_rounding(root: int) -> None:
    """Of (z - root)^n and its like, whose powers nearly cancel."""
    ends = 16.0 * (np.arange(best_posterior._SEGMENTS + 1) / best_posterior._SEGMENTS) ** 2
    pieces = list(zip(ends[:-1].tolist(), np.diff(ends).tolist(), strict=True))[-3:]
    for n in (7, 13, 15, 17):
        dense = [Fraction(math.comb(n, k) * (-root) ** (n - k)) for k in range(n + 1)]
        largest = max(c for low, width in pieces for c in bernstein(dense, Fraction(low), Fraction(width)))
        assert largest <= Fraction(best_posterior._largest(dense, 16.0))


def bernstein(dense: list[Fraction], low: Fraction, width: Fraction) -> list[Fraction]:
    n = len(dense) - 1
    taylor = [c * width**k for k, c in enumerate(integration.shifted(dense, low))]
    taylor += [Fraction(0)] * (n + 1 - len(taylor))
    return [
        sum((taylor[j] * math.comb(a, j) / math.comb(n, j) for j in range(a + 1)), Fraction(0))
        for a in range(n + 1)
    ]


def test_strips_leave_arguments_of_atoms_below_their_poles() -> None:
    rule = trapezoids._Expectations([sympy.tanh(3 * Z), sympy.tanh(Z / 2)], Z)
    for widest in (0.125, 1.0, 8.0, 100.0):
        a, h = rule.strip(widest)
        assert 0 < a * rule.steepest * widest <= 1
        assert h > 0
    assert rule.steepest >= 3 / float(sympy.pi / 2) * 0.99


def test_degrees_are_those_of_the_parts_whatever_their_signs() -> None:
    degrees = {
        Z**3 + Z: 3,
        Z * A**2: 3,
        (Z + A) ** 7: 7,
        (1 + Z) ** -50: 50,
        sympy.sin(Z) ** 2: 2,
        sympy.Integer(5): 0,
    }
    assert {e: functions._degree(e) for e in degrees} == degrees
    with pytest.raises(ValueError, match="expected at most"):
        functions._small((1 + Z) ** -(10**6), "e")
