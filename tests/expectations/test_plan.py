"""Gauss-Legendre on cells, and cells with a kink: their bounds hold and are needed."""

import mpmath
import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.plan import SIZES, Plan, plan
from elboproof.expectations.sums import arb_sums
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.majorant_ranges import NoMajorantError

POINT = EnclosedGaussian([arb("0.4")], [[arb("0.3")]])
DATA = [arb("0.5")]
SMOOTH = Integrands(ep.LatentModel("z", ["tanh(2*z)"], ep.Gaussian("1/10")), DATA, [(0, 0)])
KINKED = Integrands(ep.LatentModel("z", ["abs(z) + z/3"], ep.Gaussian("1/10")), DATA, [(0, 0)])
KINK = -mpmath.mpf("0.4") / mpmath.mpf("0.3")


def integrand(e: mpmath.mpf, kinked: bool) -> mpmath.mpf:
    z = mpmath.mpf("0.4") + mpmath.mpf("0.3") * e
    f = abs(z) + z / 3 if kinked else mpmath.tanh(2 * z)
    return mpmath.npdf(e) * (-5 * (mpmath.mpf("0.5") - f) ** 2 - mpmath.log(2 * mpmath.pi / 10) / 2)


def total(work: Plan, integrands: Integrands) -> float:
    sums, rest = arb_sums(integrands, POINT, work, np.inf)
    assert rest is None
    return float(sums[0].mid()) + (0.0 if work.flat is None else float(work.flat.mid[0]))


def cube(work: Plan) -> float:
    return float(max((c + h).max() for c, h in zip(work.centres, work.halves, strict=True)))


@pytest.mark.parametrize("tolerance", [1e-1, 1e-4, 1e-8, 1e-11])
@pytest.mark.parametrize("kinked", [False, True])
def test_rules_keep_their_bound(tolerance: float, kinked: bool) -> None:
    integrands = KINKED if kinked else SMOOTH
    work = plan(integrands, POINT, np.array([tolerance]))
    with mpmath.workdps(25):
        points = sorted([*mpmath.linspace(-cube(work), cube(work), 17), KINK])
        truth = mpmath.quad(lambda e: integrand(e, kinked), points)
    spread = 0.0 if work.flat is None else float(work.flat.rad[0])
    assert (work.flat is not None) == kinked
    assert not work.stopped
    assert work.visited < 1000
    assert abs(total(work, integrands) - float(truth)) <= work.error[0] + spread + 1e-15
    assert work.error[0] + spread <= tolerance


def test_fewer_points_than_proved_break_the_bound() -> None:
    work = plan(SMOOTH, POINT, np.array([1e-8]))
    with mpmath.workdps(25):
        truth = mpmath.quad(lambda e: integrand(e, False), mpmath.linspace(-cube(work), cube(work), 17))
    work.sizes = [np.maximum(n // 3, SIZES[0]) for n in work.sizes]
    assert abs(total(work, SMOOTH) - float(truth)) > work.error[0]


def _means(count: int) -> tuple[BallArray, list[mpmath.mpf]]:
    """Return enclosures of the means over random cells, half of them on the kink, and the truth."""
    rng = np.random.default_rng(2)
    centre = np.where(
        np.arange(count) % 2, rng.uniform(-4, 4, count), float(KINK) + rng.normal(size=count) / 50
    )
    half = rng.choice([0.5, 0.125, 0.03125], count)
    (found,) = KINKED.means(POINT, centre[:, None], half[:, None])
    truth = []
    with mpmath.workdps(25):
        for c, h in zip(centre.tolist(), half.tolist(), strict=True):
            inside = [KINK] if c - h < KINK < c + h else []
            pieces = [mpmath.mpf(c) - h, *inside, mpmath.mpf(c) + h]
            truth.append(mpmath.quad(lambda e: integrand(e, True), pieces) / (2 * mpmath.mpf(h)))
    return found, truth


def _misses(found: BallArray, truth: list[mpmath.mpf], share: float) -> int:
    pairs = zip(found.mid.tolist(), found.rad.tolist(), truth, strict=True)
    return sum(abs(mpmath.mpf(m) - t) > share * r for m, r, t in pairs)


def test_means_over_cells_with_a_kink_are_enclosed() -> None:
    found, truth = _means(60)
    assert _misses(found, truth, 1.0) == 0
    assert _misses(found, truth, 0.05) > 0  # the radii are not far too wide


def test_limits_leave_an_enclosure() -> None:
    work = plan(KINKED, POINT, np.array([1e-12]), most_cells=6)
    assert work.stopped == "the limit on cells"
    assert work.flat is not None
    assert np.isfinite(work.flat.rad).all()
    with mpmath.workdps(25):
        truth = mpmath.quad(lambda e: integrand(e, True), [-10, -4, -2, KINK, 0, 2, 4, 10])
    assert abs(total(work, KINKED) - float(truth)) <= work.error[0] + work.flat.rad[0]


def test_unreachable_tails_are_refused() -> None:
    wide = EnclosedGaussian([arb(0)], [[arb(100)]])
    heavy = Integrands(ep.LatentModel("z", ["exp(tanh(z) + z)"], ep.Gaussian("1/10")), DATA, [(0, 0)])
    with pytest.raises(NoMajorantError, match="too heavy at a distance of 64"):
        plan(heavy, wide, np.array([1e-3]))
