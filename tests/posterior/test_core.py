"""The evidence from a lattice around q: agrees with cells and with closed forms, and leaves nothing out."""

import time
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, fmpq

import elboproof as ep
from elboproof.evidence.domain import Domain
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.found import Found
from elboproof.evidence.pace import Pace
from elboproof.expectations.lattice import Lattice, lattice
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.balls import working_precision
from elboproof.posterior import core
from elboproof.posterior.core import core_evidence
from elboproof.posterior.outside import CoreBox, ExactEnergy, TooFineError, finest_half
from elboproof.quadrature.cells import Cells
from tests.evidence.truth import linear


def evidence(model: Any, x: list[str], digits: float, seconds: float = 60.0) -> Evidence | None:
    exact = [Fraction(value) for value in x]
    point = ep.stationary_posterior(model, exact)
    deadline = time.monotonic() + seconds
    return core_evidence(model, exact, point.posterior, float(point.elbo.midpoint), digits, deadline)


def ends(found: Evidence | None) -> tuple[arb, arb]:
    assert found is not None
    (pair,) = found.balls
    return pair


BANANA = ["a", "b + a**2"]
CASES = [
    ("ab", BANANA, ["0.7", "0.5"], "1/1000000", 11),
    ("ab", ["tanh(a) + b/3", "sin(b)", "a*b"], ["0.3", "0.1", "0"], "1/10000", 10),
    ("ab", ["a**2", "b"], ["0.7", "0.2"], "1/10000", 10),  # half of the mass is elsewhere
    ("abc", ["a", "b + a**2", "c + a*b"], ["0.7", "0.5", "0.3"], "1/1000000", 10),
]


@pytest.mark.parametrize(("latent", "decoder", "x", "variance", "digits"), CASES)
def test_lattice_and_cells_agree(
    latent: str, decoder: list[str], x: list[str], variance: str, digits: int
) -> None:
    model = ep.LatentModel(list(latent), decoder, ep.Gaussian(variance))
    low, high = ends(evidence(model, x, digits))
    cells = ep.log_evidence(model, x, 9)
    assert float(low) <= cells.upper
    assert float(high) >= cells.lower
    assert high - low <= 2 * arb(10) ** -digits


W = [[1, 2, 0], [0, 1, -1], [1, 0, 1], [2, 1, 1]]


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("variance", ["1/100", "1/100000000"])
def test_linear_models_have_their_closed_form(d: int, variance: str) -> None:
    names, v, x = ["a", "b", "c"][:d], Fraction(variance), ["0.5", "-0.25", "0.125", "0.3"]
    decoder = [" + ".join(f"({row[k]})*{name}" for k, name in enumerate(names)) for row in W]
    low, high = ends(evidence(ep.LatentModel(names, decoder, ep.Gaussian(v)), x, 15))
    with working_precision(200):
        covariance = [[Fraction(sum(a * b for a, b in zip(p[:d], q[:d], strict=True))) for q in W] for p in W]
        matrix = arb_mat(
            [
                [_arb(value + (v if i == j else 0)) for j, value in enumerate(row)]
                for i, row in enumerate(covariance)
            ]
        )
        data = arb_mat([[_arb(Fraction(value))] for value in x])
        square = (data.transpose() * matrix.solve(data))[0, 0]
        truth = -(square + matrix.det().log() + 4 * (2 * arb.pi()).log()) / 2
        assert low <= truth
        assert truth <= high


def _arb(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


BOXES = [
    (CoreBox(np.array([0.5, -1.25]), np.array([2.0**-10, 33 * 2.0**-12])), 8.0625, 7.5),
    (CoreBox(np.array([0.0, 0.0, 3.0]), np.array([0.25, 0.5, 63 * 2.0**-9])), 8.5, 12.0),
    (CoreBox(np.array([0.0, 9.0]), np.array([0.25, 0.5])), 8.0, 3.0),  # the box leaves the domain
]


def _edges(centre: np.ndarray[Any, Any], half: np.ndarray[Any, Any]) -> list[tuple[Fraction, Fraction]]:
    pairs = zip(centre.tolist(), half.tolist(), strict=True)
    return [(Fraction(c) - Fraction(h), Fraction(c) + Fraction(h)) for c, h in pairs]


@pytest.mark.parametrize(("box", "radius", "half"), BOXES)
def test_cells_outside_cover_the_rest_and_are_disjoint(box: CoreBox, radius: float, half: float) -> None:
    cells = box.outside(radius, half)
    boxes = [_edges(c, h) for c, h in zip(cells.centre, cells.half, strict=True)]
    boxes.append(_edges(box.centre, box.scale * radius))
    for n, one in enumerate(boxes):
        for other in boxes[:n]:
            assert any(a[1] <= b[0] or b[1] <= a[0] for a, b in zip(one, other, strict=True))
    for corner in product(
        *([-half, *np.random.default_rng(0).uniform(-half, half, 6), half] for _ in box.centre)
    ):
        assert any(all(a <= Fraction(u) <= b for u, (a, b) in zip(corner, one, strict=True)) for one in boxes)
    edges = np.concatenate([cells.centre - cells.half, cells.centre + cells.half])
    exact = [[float(e) for pair in one for e in pair] for one in boxes[:-1]]
    assert sorted(edges.ravel().tolist()) == sorted(e for row in exact for e in row)


LONG = (CoreBox(np.array([0.5, -1.25]), np.array([63 * 2.0**-9, 63 * 2.0**-11])), 1025 / 128, 7.5)
"""With as many bits as there may be: 6 of a scale, 11 of the lattice's cube."""


@pytest.mark.parametrize(("box", "radius", "half"), [BOXES[0], LONG])
def test_cells_keep_exact_edges_down_to_the_finest(box: CoreBox, radius: float, half: float) -> None:
    cells = box.outside(radius, half)
    size = cells.half.min()
    while size / 2 >= finest_half(half):
        size /= 2
    for centre in cells.centre.ravel().tolist():
        for sign in (-1, 1):
            assert Fraction(centre + sign * size) == Fraction(centre) + sign * Fraction(size)


def test_box_too_far_out_or_too_thin_does_not_fit() -> None:
    box, radius, half = BOXES[0]
    assert box.fits(radius, half)
    assert not CoreBox(box.centre * 10, box.scale).fits(radius, half)
    assert not CoreBox(box.centre, box.scale * 2.0**-30).fits(radius, half)


def test_search_that_goes_too_deep_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel(["a", "b"], BANANA, ep.Gaussian("1/1000000"))
    assert evidence(model, ["0.7", "0.5"], 11) is not None
    monkeypatch.setattr(ExactEnergy, "_check", _raise)
    assert evidence(model, ["0.7", "0.5"], 11) is None


def _raise(*_: object) -> None:
    raise TooFineError


def test_no_time_is_no_evidence() -> None:
    model = ep.LatentModel(["a", "b"], BANANA, ep.Gaussian("1/1000000"))
    assert evidence(model, ["0.7", "0.5"], 11, seconds=-1) is None


@pytest.mark.parametrize("mutant", ["outside", "points", "volume"])
def test_agreement_sees_what_is_left_out(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel(["a", "b"], ["a**2", "b"], ep.Gaussian("1/10000"))
    cells = ep.log_evidence(model, ["0.7", "0.2"], 9)
    if mutant == "outside":
        outside = CoreBox.outside
        monkeypatch.setattr(CoreBox, "outside", lambda *a: outside(*a)[-2:])  # the second axis only
    elif mutant == "points":
        monkeypatch.setattr(core, "lattice", lambda *a: _coarser(lattice(*a)))
    else:
        monkeypatch.setattr(core, "_sum", _heavier(core._sum))
    low, high = ends(evidence(model, ["0.7", "0.2"], 9.5))
    assert float(low) > cells.upper or float(high) < cells.lower


def _coarser(found: Any) -> Any:
    return type(found)(found.half, tuple(count // 8 for count in found.counts), found.error)


def _heavier(function: Any) -> Any:
    return lambda *a: function(*a) * arb("1.00001")


def test_suprema_on_lines_and_over_strips_bound_the_integrand() -> None:
    model = ep.LatentModel(["a", "b"], BANANA, ep.Gaussian("1/100"))
    x, frame = np.array([0.75, 0.5]), np.array([[0.8, -0.6], [0.6, 0.8]])
    energy = ExactEnergy(model, BallArray(x[None]), frame[None])
    box, rng = CoreBox(np.array([0.5, -0.25]), np.array([0.125, 0.0625])), np.random.default_rng(1)
    tilted = core.Tilted(energy, box, 3.0)
    middle, wide, lifted = rng.normal(size=(2, 1)), np.array([[0.3], [0.2]]), np.array([[0.5], [0.0]])
    rectangle = [
        ComplexBallArray(BallArray(m, w), BallArray(0 * i, i))
        for m, w, i in zip(middle, wide, lifted, strict=True)
    ]
    over, line = tilted.suprema(None, rectangle)[0, 0], tilted.on_lines(middle, wide, lifted)[0, 0]
    assert line <= over < np.inf
    largest = 0.0
    for _ in range(300):
        real = middle[:, 0] + wide[:, 0] * rng.uniform(-1, 1, 2)
        for imag in (lifted[:, 0], lifted[:, 0] * rng.uniform(-1, 1)):
            eps = real + 1j * imag
            a, b = frame @ (box.centre + box.scale * eps)
            misfit = ((x - np.array([a, b + a**2])) ** 2).sum() / 0.02 + np.log(2 * np.pi * 0.01)
            value = abs(np.exp(3.0 - misfit - (a**2 + b**2) / 2 - np.log(2 * np.pi) + (eps**2).sum() / 2))
            assert value <= (line if imag is lifted[:, 0] else over) * (1 + 1e-9)
            largest = max(largest, value)
    assert over < 100 * largest


def test_suprema_over_narrow_rectangles_are_close() -> None:
    model = ep.LatentModel(["a", "b"], BANANA, ep.Gaussian("1/100"))
    x, rng = np.array([0.75, 0.5]), np.random.default_rng(2)
    box = CoreBox(np.array([0.5, -0.25]), np.array([0.125, 0.0625]))
    tilted = core.Tilted(_energy(model, [Fraction(3, 4), Fraction(1, 2)], TURNED), box, 3.0)
    middle, lifted = rng.normal(size=(2, 40)) * 2, np.where(np.arange(40) % 2 == [[0], [1]], 0.5, 0.0)
    for wide in (np.full((2, 40), 1e-9), np.full((2, 40), 0.03)):
        corners = [middle + np.array([[s], [t]]) * wide + 1j * lifted for s, t in product((-1, 1), repeat=2)]
        sizes = []
        for eps in corners:
            a, b = TURNED @ (box.centre[:, None] + box.scale[:, None] * eps)
            misfit = ((x[0] - a) ** 2 + (x[1] - b - a**2) ** 2) / 0.02 + np.log(2 * np.pi * 0.01)
            energy = misfit + (a**2 + b**2) / 2 + np.log(2 * np.pi)
            sizes.append(np.abs(np.exp(3.0 - energy + (eps**2).sum(0) / 2)))
        exact, line = np.max(sizes, axis=0), tilted.on_lines(middle, wide, lifted)[0]
        rectangle = [
            ComplexBallArray(BallArray(m, w), BallArray(0 * i, i))
            for m, w, i in zip(middle, wide, lifted, strict=True)
        ]
        whole = tilted.suprema(None, rectangle)[0]
        assert (exact * (1 - 1e-9) <= line).all()
        assert (line <= exact * (1 + 4 * wide[0])).mean() > 0.5
        assert (line <= whole * (1 + 1e-9)).all()


def test_exponentials_of_suprema_are_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    least = np.random.default_rng(3).uniform(-600, 600, 200)
    least[0] = -np.inf
    monkeypatch.setattr(core.Tilted, "_least", lambda *_: least)
    model = ep.LatentModel(["a", "b"], BANANA, ep.Gaussian("1/100"))
    tilted = core.Tilted(_energy(model, [Fraction(3, 4), Fraction(1, 2)], TURNED), BOXES[0][0], 3.3)
    eps = [ComplexBallArray(BallArray(np.zeros(200)), BallArray(np.zeros(200))) for _ in range(2)]
    found = tilted.suprema(None, eps)[0]
    assert found[0] == np.inf
    with working_precision(120):
        for value, bound in zip(least[1:].tolist(), found[1:].tolist(), strict=True):
            exact = (arb(3.3) - arb(value)).exp()
            assert exact <= bound <= exact * arb(1 + 1e-11)


AFFINE = ep.LatentModel(["a", "b"], ["a + b/2", "b"], ep.Gaussian("1/10"))
DATA = [Fraction(1, 2), Fraction(-1, 4)]
TURNED = np.array([[0.6, -0.8], [0.8, 0.6]])


def _energy(model: ep.LatentModel, x: list[Fraction], frame: np.ndarray[Any, Any]) -> ExactEnergy:
    balls = [BallArray.from_fraction(v.numerator, v.denominator).reshape(1) for v in x]
    return ExactEnergy(model, BallArray.concatenate(balls).reshape(1, -1), frame[None])


@pytest.mark.parametrize("frame", [np.eye(2), TURNED], ids=["plain", "turned"])
def test_the_sum_inside_is_the_integral_in_u_with_the_lattices_error(frame: np.ndarray[Any, Any]) -> None:
    """The box holds all of the mass but 1e-12 of an affine model, whose p(x) is known."""
    covariance = np.linalg.inv(np.eye(2) + 10 * np.array([[1, 0.5], [0.5, 1.25]]))
    mean = covariance @ (10 * np.array([[1, 0], [0.5, 1]]) @ np.array([0.5, -0.25]))
    deviation = np.sqrt(np.diag(frame.T @ covariance @ frame))
    box = CoreBox(np.round(frame.T @ mean * 64) / 64, np.ceil(deviation * 64) / 64 * np.array([1.0, 1.25]))
    error, shift = 1e-6, 1.5
    with working_precision(120):
        found = core._sum(
            _energy(AFFINE, DATA, frame), DATA, box, Lattice(8.0, (48, 60), np.array([error])), shift, np.inf
        )
        assert found is not None
        (truth,) = linear([["1", "1/2"], ["0", "1"]], ["0", "0"], "1/10", [DATA])
        exact = (truth + shift).exp() / abs(arb(np.linalg.det(frame)))
        weight = 2 * np.pi * float(np.prod(box.scale)) * error
        assert abs(float(found.mid()) / float(exact) - 1) < 1e-9
        assert weight <= float(found.rad()) <= weight * (1 + 1e-6)
    assert (
        core._sum(_energy(AFFINE, DATA, frame), DATA, box, Lattice(8.0, (4, 4), np.zeros(1)), 0.0, -np.inf)
        is None
    )


PARTS = {
    "inside": 1.0,
    "outside": 0.5,
    "rule_error": 0.03,
    "discarded": 0.05,
    "unfinished": 0.07,
    "tail": 0.11,
}


def _log(value: float) -> float:
    return float(np.log(value)) if value else -np.inf


def _ends(
    parts: dict[str, float], frame: np.ndarray[Any, Any], monkeypatch: pytest.MonkeyPatch, bits: int = 120
) -> tuple[arb, arb] | None:
    work = core._Work(_energy(AFFINE, DATA, frame), DATA, BOXES[0][0], 20, np.inf)
    tail = np.array([_log(parts["tail"])])
    where = Domain(np.zeros((1, 2)), np.full((1, 2), 8.0), tail, np.zeros(1), np.array([5.0]))
    found = Found.nothing(1, Pace())
    for name in ("rule_error", "discarded", "unfinished"):
        found.add(getattr(found, name), np.zeros(1, int), np.array([parts[name]]))
    found.accept(
        Cells(np.zeros(1, int), np.zeros((1, 2)), np.ones((1, 2))), np.ones((1, 2), int), np.zeros(1)
    )
    monkeypatch.setattr(core, "sum_rules_in_arb", lambda *_: ([arb(parts["outside"], 2.0**-12)], 1))
    with working_precision(bits):
        return work._ends(where, found, arb(parts["inside"], 2.0**-10), 0.4)


def _exact_ends(parts: dict[str, float], frame: np.ndarray[Any, Any]) -> tuple[arb, arb]:
    with working_precision(120):
        volume = abs(arb_mat([[arb(v) for v in row] for row in frame.tolist()]).det())
        middle, radius = arb(parts["inside"]) + arb(parts["outside"]), arb(2) ** -10 + arb(2) ** -12
        radius += arb(parts["rule_error"])
        rest = arb(parts["discarded"]) + arb(parts["unfinished"])
        tail = (arb(_log(parts["tail"])) + arb(0.4)).exp()
        least = ((middle - radius) * volume).log() - arb(0.4)
        return least, ((middle + radius + rest) * volume + tail).log() - arb(0.4)


@pytest.mark.parametrize("frame", [TURNED[::-1], TURNED * (1 + 3e-8)], ids=["mirrored", "long"])
@pytest.mark.parametrize("changed", [None, *PARTS])
def test_all_parts_of_the_evidence_count(
    frame: np.ndarray[Any, Any], changed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = PARTS | ({changed: 0.3} if changed else {})
    found, (least, most) = _ends(parts, frame, monkeypatch), _exact_ends(parts, frame)
    assert found is not None
    with working_precision(120):
        assert least - 1e-10 <= found[0] <= least + 1e-30
        assert most - 1e-30 <= found[1] <= most + 1e-10


def test_the_evidence_is_rounded_outward_at_any_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 12 bits, of which the parts need no more: only the logarithm is rounded."""
    for k in range(20):
        parts = {
            "inside": 1 + k / 64,
            "outside": 0.5,
            "rule_error": 0.0,
            "discarded": 2.0**-8,
            "unfinished": 2.0**-7,
            "tail": 0.0,
        }
        found, (least, most) = _ends(parts, np.eye(2), monkeypatch, 12), _exact_ends(parts, np.eye(2))
        assert found is not None
        with working_precision(120):
            assert found[0] <= least
            assert most <= found[1]


def test_nothing_is_known_where_the_sum_may_vanish_or_the_rest_is_endless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _ends(PARTS | {"rule_error": 2.0}, np.eye(2), monkeypatch) is None
    assert _ends(PARTS | {"discarded": np.inf}, np.eye(2), monkeypatch) is None
