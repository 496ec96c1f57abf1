"""Adversarial models: each ends within its limits with a proof, or with an enclosure that holds the truth."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from flint import acb, arb

import elboproof as ep
from elboproof.evidence import search
from elboproof.evidence.energy import BLOCK, Energy
from elboproof.evidence.log_evidence import prove
from elboproof.evidence.pace import FEW, Pace, block
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.quadrature.cells import Cells
from tests.evidence import truth

SECONDS = 2.0
OVERTIME = 8.0
"""The sum over accepted cells comes after the search: 2 s measured at most on a busy core, fourfold for slower ones."""
HUNDREDTH = "1/100"


def _fast_sine() -> arb:
    """Return log p for sin(10^6 z) at 0.7 with sigma 1/10: the phase is uniform.

    E g(sin(w z)) = sum_k c_k E e^(i k w z), and E e^(i k w z) = e^(-k^2 w^2/2) < e^(-10^11) for k != 0.
    """

    def density(phase: acb, _: bool) -> acb:
        return (-((acb(7) / 10 - phase.sin()) ** 2) * 50).exp()

    pi = arb.pi()
    mean = acb.integral(density, acb(-pi), acb(pi)).real / (2 * pi)
    value: arb = (mean + arb(0, 1e-30)).log() - (2 * pi / 100).log() / 2
    return value


def _needle() -> arb:
    """Return log p for tanh(10^9 z) at 0.7: a mixture of f = -1 and f = 1 but for |z| < 2e-8, of probability 2e-8."""
    one, other = (-((arb(7) / 10 - sign) ** 2) * 50 for sign in (1, -1))
    value: arb = ((one.exp() + other.exp()) / 2 + arb(0, 2e-8)).log() - (2 * arb.pi() / 100).log() / 2
    return value


def _positive_part() -> arb:
    """Return log p for relu(z) at 0.7: half the mass at f = 0, the rest a truncated Gaussian integral."""
    x, v = arb(7) / 10, arb(1) / 100
    spread = (v / (1 + v)).sqrt()
    above = (-x * x / (2 * (1 + v))).exp() / (1 + v).sqrt() * _normal(x / (1 + v) / spread)
    below = (-x * x / (2 * v)).exp() / v.sqrt() / 2
    value: arb = (above + below).log() - (2 * arb.pi()).log() / 2
    return value


def _absolute() -> arb:
    """Return log p for |z| at 0.7."""
    x, v = arb(7) / 10, arb(1) / 100
    spread = (v / (1 + v)).sqrt()
    half = (-x * x / (2 * (1 + v))).exp() / (1 + v).sqrt() * _normal(x / (1 + v) / spread)
    value: arb = (2 * half).log() - (2 * arb.pi()).log() / 2
    return value


def _normal(t: arb) -> arb:
    value: arb = (-t / arb(2).sqrt()).erfc() / 2
    return value


def _far_circle() -> arb:
    decoder = lambda z: [z.cos(), z.sin()]  # noqa: E731 - read beside its use
    return truth.integrated(decoder, HUNDREDTH, [30, 40], reach=16, distance=49)


def _far_sine() -> arb:
    return truth.integrated(
        lambda z: [(3 * z).sin()], "1/100000000", ["3/2"], reach=10, distance="1/2", bits=160
    )


def _tower() -> arb:
    """Return log p for a tower of width 1e-9 at z = 1/3, in whose stretched coordinate nothing is narrow.

    Beyond 8 of its widths the decoder is below e^-64, and p(x|z) below e^-4990.
    """

    def density(s: acb, _: bool) -> acb:
        z, f = acb(1) / 3 + s * arb("1e-9"), (-s * s).exp()
        return (-z * z / 2 - (1 - f) ** 2 * 5000).exp()

    with working_precision(200):
        mass = acb.integral(density, acb(-8), acb(8)).real * arb("1e-9") + arb(0, arb(-4900).exp())
        value: arb = mass.log() - (2 * arb.pi()).log() - (arb(1) / 10000).log() / 2
    return value


def _far_line() -> arb:
    return truth.linear([["1"]], ["0"], "1/100000000", [["5000"]])[0]


ADVERSARIES: dict[str, tuple[str, str, str, Callable[[], arb] | None]] = {
    "fast sine": ("sin(1000000*z)", HUNDREDTH, "7/10", _fast_sine),
    "needle": ("tanh(1000000000*z)", HUNDREDTH, "7/10", _needle),
    "tower": ("exp(-(z - 1/3)**2*10**18)", "1/10000", "1", _tower),
    "double exponential": ("exp(exp(z))", HUNDREDTH, "37/10", None),
    "pole": ("1/(z - 1/3)", HUNDREDTH, "7/10", None),
    "half a line": ("sqrt(z + 4)", HUNDREDTH, "1", None),
    "far line": ("z", "1/100000000", "5000", _far_line),
    "far sine": ("sin(3*z)", "1/100000000", "3/2", _far_sine),
    "overflow": ("sinh(z)", HUNDREDTH, "1e200", None),
}
KINKS = {
    "relu": ("relu(z)", _positive_part),
    "abs": ("abs(z)", _absolute),
    "max": ("max(z, 0)", _positive_part),
}


def _bounded(decoder: str, variance: str, x: str, digits: float = 10) -> ep.Enclosure:
    """Return what is proved, and fail if it took too long or gave no reason."""
    model = ep.LatentModel("z", [decoder], ep.Gaussian(variance))
    began = time.monotonic()
    found = prove(model, [x], digits, seconds=SECONDS, most_cells=2_000_000)
    assert time.monotonic() - began < SECONDS + OVERTIME
    coarse = 4 * np.spacing(np.abs(found.enclosure.upper[0]))  # bounds as floats are no finer than this
    reached = float(found.enclosure.width[0]) <= 2 * 10.0**-digits + coarse
    assert reached or found.statuses[0] != ""
    return found.enclosure


@pytest.mark.parametrize("name", ADVERSARIES)
def test_adversaries_end_with_the_truth_inside(name: str) -> None:
    decoder, variance, x, exact = ADVERSARIES[name]
    found = _bounded(decoder, variance, x)
    assert found.upper[0] < float("inf")
    if exact is not None:
        assert truth.hull(found.lower[0], found.upper[0]).overlaps(exact())


@pytest.mark.parametrize("name", KINKS)
def test_kinks_end_with_the_truth_inside(name: str) -> None:
    decoder, exact = KINKS[name]
    found = _bounded(decoder, HUNDREDTH, "7/10", 6)
    with working_precision(truth.BITS):
        assert truth.misses(found.lower, found.upper, [exact()]) == []
        assert truth.misses(found.lower, found.upper, [exact() + 1]) == [0]


def test_a_reflected_pole_is_a_twin() -> None:
    """No truth is at hand for a pole: both writings hold it, so they overlap; the lower bound is no trivial one."""
    one, other = _bounded("1/(z - 1/3)", HUNDREDTH, "7/10"), _bounded("1/(-z - 1/3)", HUNDREDTH, "7/10")
    assert one.lower[0] <= other.upper[0]
    assert other.lower[0] <= one.upper[0]
    assert one.lower[0] > -3


def test_log_evidence_of_minus_a_hundred_thousand() -> None:
    model = ep.LatentModel("z", ["cos(z)", "sin(z)"], ep.Gaussian(HUNDREDTH))
    found = ep.log_evidence(model, [30, 40], 8)
    exact = _far_circle()
    assert exact < -100_000
    assert truth.misses(found.lower, found.upper, [exact]) == []
    assert not found.contains(found.midpoint + 1e-7)


def test_a_batch_of_easy_and_hopeless_points() -> None:
    """The hopeless one costs the others nothing but time."""
    model = ep.LatentModel("z", ["1/(z - 1/3)"], ep.Gaussian(HUNDREDTH))
    found = prove(model, [["7/10"], ["-1"]], 6, seconds=SECONDS, most_cells=200_000)
    single = prove(model, [["-1"]], 6, seconds=SECONDS, most_cells=200_000)
    assert found.enclosure.lower[1] <= single.enclosure.upper[0]
    assert single.enclosure.lower[0] <= found.enclosure.upper[1]


@pytest.mark.parametrize(
    ("latent", "decoder", "variance", "x"),
    [
        (["a"], ["1/sqrt(a**4)"], "1/10000", ["3"]),
        (["a", "b"], ["a + exp(a)", "1/b**3"], "1/10000", ["3", "0"]),
        (["a"], ["cosh(a)", "sin(expm1(a) - 343/8)"], "1/10000", ["1e5", "1e5"]),
        (["a"], ["erf(a)", "exp(abs(a))"], "1e-30", ["3", "0"]),
    ],
)
@pytest.mark.parametrize("copies", [1, 8])
def test_floats_that_overflow_are_no_warning(
    latent: list[str], decoder: list[str], variance: str, x: list[str], copies: int
) -> None:
    """They only steer, and a warning would be an error here."""
    model = ep.LatentModel(latent, decoder, ep.Gaussian(variance))
    found = prove(model, [x] * copies, 10, seconds=0.3, most_cells=100_000)
    assert (found.enclosure.lower <= found.enclosure.upper).all()


def test_the_pace_measures_sums_and_keeps_blocks_within_a_slice() -> None:
    model = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian(HUNDREDTH))
    pace, energy = Pace(), Energy(model, BallArray(np.array([[0.7, 0.3]])), np.eye(2)[None])
    cells, sizes = (
        [Cells(np.array([0]), np.array([[0.7, -0.2]]), np.array([[0.1, 0.1]]))],
        [np.array([[6, 6]])],
    )
    assert pace.summing(energy, [], [], 0, np.zeros(1)) == 0.0
    one = pace.summing(energy, cells, sizes, 36, np.zeros(1))
    assert one > 0.0
    assert pace.timed == 36
    assert pace.summing(energy, cells * 2, sizes * 2, 72, np.zeros(1)) == pytest.approx(2 * one)
    pace.summing(energy, cells * 4, sizes * 4, 144, np.zeros(1))
    assert pace.timed == 144  # timed anew: there are more points than before, and fewer than a block has
    assert block(10.0, 1.0, 50_000) == BLOCK
    assert block(10.0, 1.0, 4_000) == 2000
    assert block(10.0, 1.0, 10) == FEW


def test_sums_that_would_outlast_the_limit_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EARLY", 0.0)
    monkeypatch.setattr(Pace, "summing", lambda *_: np.inf)
    model = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian(HUNDREDTH))
    found = prove(model, ["0.7", "0.3"], 10, seconds=60.0, most_cells=10**6)
    assert "stopped by the time limit" in found.statuses[0]
    monkeypatch.undo()
    truth_inside = ep.log_evidence(model, ["0.7", "0.3"], 10)
    assert found.enclosure.lower[0] <= truth_inside.lower
    assert found.enclosure.upper[0] >= truth_inside.upper
