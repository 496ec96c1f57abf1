"""Adversarial models: each ends within its limits with a proof, or with an enclosure that holds the truth."""

import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flint import acb, arb

import elboproof as ep
from elboproof.evidence import search, steps
from elboproof.evidence.energy import BLOCK, Energy
from elboproof.evidence.log_evidence import prove
from elboproof.evidence.pace import FEW, FIRST, RULES, Pace, _Measured, block
from elboproof.evidence.rounds import Rounds
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.quadrature.cells import Cells
from elboproof.running.rows import NOT_BEGUN
from tests.evidence import truth

SECONDS = 2.0
BUSY = 1.5
"""Seconds beyond the limit and its tenth that a clock on the wall may show: one step that is not interrupted, on a core
that others keep busy. Alone, 0.2 s were measured at most."""
HUNDREDTH = "1/100"
Case = tuple[ep.LatentModel, Any, float]


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
    assert time.monotonic() - began < 1.1 * SECONDS + BUSY
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


def _shell(digits: float) -> Case:
    return ep.LatentModel(["a", "b", "c"], ["a**2+b**2+c**2"], ep.Gaussian("1/1000000")), ["2"], digits


def _many_rows() -> Case:
    model = ep.LatentModel(["a", "b", "c"], ["a", "sin(b)+a**2", "sin(c)+a*b"], ep.Gaussian(HUNDREDTH))
    return model, np.random.default_rng(0).normal(size=(2000, 3)), 6


def _rows_on_the_line() -> Case:
    x = np.random.default_rng(0).normal(size=(2000, 1))
    return ep.LatentModel("z", ["sin(300*z)"], ep.Gaussian("1/10000")), x, 14


def _network(rows: int) -> Case:
    import torch

    torch.manual_seed(0)
    parts = torch.nn.Linear(2, 128), torch.nn.Tanh(), torch.nn.Linear(128, 784)
    model = ep.LatentModel.from_torch(torch.nn.Sequential(*parts).double(), ep.Gaussian(HUNDREDTH))
    return model, np.random.default_rng(0).normal(size=(rows, 784)), 6


def _kinks() -> Case:
    decoder = ["abs(a*b - 1/3) + max(a, b)", "min(a, b**2)"]
    return ep.LatentModel(["a", "b"], decoder, ep.Gaussian(HUNDREDTH)), ["1/2", "1/3"], 8


def _outputs_with_kinks() -> Case:
    """Fifty outputs with a full covariance: a second for the bounds of a single cell."""
    decoder = [
        f"{('max(z, 1/3)', 'abs(z - 1/7)', 'sin(5*z)', 'gelu(2*z)')[j % 4]} + z/{j + 1}" for j in range(50)
    ]
    covariance = [[Fraction(int(j == k)) + Fraction(1, 60) for k in range(50)] for j in range(50)]
    return ep.LatentModel("z", decoder, ep.Gaussian(covariance=covariance)), ["1/2"] * 50, 9


def _thousand_digits() -> Case:
    return ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(HUNDREDTH)), ["0.7"], 1000


def _forty_digits() -> Case:
    return (
        ep.LatentModel(["a", "b"], ["sin(3*a)", "sinh(b)+a**2"], ep.Gaussian(HUNDREDTH)),
        ["0.7", "0.3"],
        40,
    )


HARD: dict[str, Callable[[], Case]] = {
    "a thin surface in 3-D": lambda: _shell(6),
    "its sums in arb": lambda: _shell(20),
    "many rows in 3-D": _many_rows,
    "many rows on the line": _rows_on_the_line,
    "a network": lambda: _network(1),
    "a network, many rows": lambda: _network(200),
    "kinks that are curved": _kinks,
    "many outputs with kinks": _outputs_with_kinks,
    "a thousand digits": _thousand_digits,
    "forty digits in 2-D": _forty_digits,
}


@pytest.mark.parametrize("name", HARD)
def test_the_time_limit_holds_for_all_of_it(name: str) -> None:
    """Each would run far longer; the functions are compiled before, which is said to be exempt."""
    model, x, digits = HARD[name]()
    with suppress(ep.Undecided):
        ep.log_evidence(
            model, np.ravel(np.array(x, dtype=object))[: model.data_dim].tolist(), 1, seconds=0.01
        )
    began = time.monotonic()
    with pytest.raises(ep.Undecided, match=r"stopped by the (total )?time limit") as caught:
        ep.log_evidence(model, x, digits, seconds=SECONDS, total_seconds=SECONDS)
    assert time.monotonic() - began < 1.1 * SECONDS + BUSY
    begun = np.array([status != NOT_BEGUN for status in caught.value.statuses])
    assert (np.atleast_1d(caught.value.enclosure.upper)[begun] < np.inf).all()
    assert begun.any()


def test_no_step_begins_that_would_end_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.0, 3.5, 4.5])
    monkeypatch.setattr(steps, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    timed = steps.Steps(5.5)
    assert [timed.another() for _ in range(5)] == [True, True, True, True, True]
    late = steps.Steps(0.5)
    monkeypatch.setattr(steps, "time", SimpleNamespace(monotonic=lambda: 1.0))
    assert not late.another()


def test_blocks_are_cut_to_what_is_left_of_the_time() -> None:
    pace = Pace(time.monotonic() + 100.0)
    assert pace.block() == BLOCK  # a long limit
    assert Pace(time.monotonic() + 1.0).block() == FIRST
    pace.blocks["bounds"] = _Measured((256, 1.0), (1024, 40.0))
    assert pace.seconds("bounds", 100) == 1.0
    assert pace.seconds("bounds", 2048) == 80.0
    assert pace.seconds("rules", 2048, 2) == RULES * 2 * 80.0
    assert pace.affordable("bounds", 1024, 0.0, 1) == 1024
    assert pace.affordable("bounds", 1024, 90.0, 1) == 256
    assert pace.affordable("bounds", 1024, 99.9, 1) == 0


def test_rounds_share_one_limit_on_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a round looked at is no longer there for the next, and all are counted."""
    given: list[int] = []

    def one(_: Rounds, which: Any, share: float, deadline: float, most: int) -> Any:
        given.append(most)
        return Enclosure(np.array([-1.0]), np.array([1.0])), SimpleNamespace(visited=40, stopped="")

    monkeypatch.setattr(Rounds, "_round", one)
    monkeypatch.setattr(Rounds, "_rescale", lambda *_: None)
    integrand: Any = SimpleNamespace(latent_dim=1)
    nothing: Any = None
    scales = (np.zeros(1), np.zeros(1))
    rounds = Rounds(integrand, nothing, [0], np.eye(1)[None], False, *scales, digits=6, precise=False)  # type: ignore[arg-type]
    _, (why,), cells = rounds.run(np.inf, 1000)
    assert why
    assert len(given) > 1
    assert given == [1000 - 40 * n for n in range(len(given))]
    assert cells == 40 * len(given)
