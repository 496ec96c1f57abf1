"""Each step of the proofs over boxes by itself: roundings, roots of the search, cuts, tails, work limits."""

import math
import threading
import time
from concurrent.futures import Future
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb, fmpq

import elboproof as ep
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.theorems import (
    best_atoms,
    best_elbo,
    leaf_bounds,
    polynomials,
    steering,
    sufficient_statistics,
)
from elboproof.theorems import parts as theorem_parts
from elboproof.theorems.best_elbo import BestElbo, ElboBound
from tests.theorems import test_parts as parts


def test_dot_products_of_many_terms_bound_their_rounding() -> None:
    for terms in (1, 2, 40, 400):
        for seed in range(10):
            rng = np.random.default_rng([terms, seed])
            mid, rad = (
                rng.normal(size=(2, terms)) * 10.0 ** rng.integers(-6, 7, terms),
                rng.uniform(0, 1e-13, (2, terms)),
            )
            theta = rng.normal(size=(3, terms))
            theta[:, terms // 2 :] = theta[:, : terms - terms // 2]  # what nearly cancels
            mid[:, terms // 2 :] = -mid[:, : terms - terms // 2]
            found = best_atoms._combined((mid, rad), theta)
            for b in range(2):
                for n in range(3):
                    pairs = list(zip(mid[b].tolist(), rad[b].tolist(), theta[n].tolist(), strict=True))
                    exact = sum((Fraction(m) * Fraction(t) for m, _, t in pairs), Fraction(0))
                    spread = sum((Fraction(r) * abs(Fraction(t)) for _, r, t in pairs), Fraction(0))
                    off = abs(exact - Fraction(float(found.mid[b, n]))) + spread
                    assert off <= Fraction(float(found.rad[b, n]))


def test_small_terms_that_are_all_lost_are_within_the_radius() -> None:
    """1 and 3999 times 2^-53: wherever they are added to 1, they are lost."""
    mid = np.full((1, 4000), 2.0**-53)
    mid[0, 0] = 1.0
    found = best_atoms._combined((mid, 0 * mid), np.ones((1, 4000)))
    off = abs(1 + 3999 * Fraction(1, 2**53) - Fraction(float(found.mid[0, 0])))
    assert off <= Fraction(float(found.rad[0, 0]))
    assert off > 20 * Fraction(1, 2**52)  # more than a few roundings


def test_quarters_cover_their_cells_once() -> None:
    rng = np.random.default_rng(3)
    cells = np.column_stack([rng.integers(-64, 64, (20, 2)) / 64, rng.integers(1, 64, (20, 2)) / 64])
    quarters = best_atoms._quartered(cells)
    for n, (x, y, a, b) in enumerate(cells.tolist()):
        own = quarters[n::20]
        assert (own[:, 2:] == [a / 2, b / 2]).all()
        places = {(x + s * a / 2, y + t * b / 2) for s in (-1, 1) for t in (-1, 1)}
        assert {tuple(place) for place in own[:, :2].tolist()} == places


def test_halves_cover_their_cells_once() -> None:
    rng = np.random.default_rng(3)
    cells = best_elbo._Cells(
        np.arange(20), rng.integers(-64, 64, (20, 2)) / 64, rng.integers(1, 64, (20, 2)) / 64
    )
    axis = rng.integers(0, 2, 20)
    found = best_elbo._halved(cells, np.eye(2)[axis])
    assert (found.owner == np.tile(cells.owner, 2)).all()
    for n in range(20):
        k = axis[n]
        ends = sorted(
            (found.centre[r, k] - found.half[r, k], found.centre[r, k] + found.half[r, k])
            for r in (n, n + 20)
        )
        assert ends[0][1] == ends[1][0]
        assert (ends[0][0], ends[1][1]) == (
            cells.centre[n, k] - cells.half[n, k],
            cells.centre[n, k] + cells.half[n, k],
        )
        for r in (n, n + 20):
            assert found.centre[r, 1 - k] == cells.centre[n, 1 - k]
            assert found.half[r, 1 - k] == cells.half[n, 1 - k]


def root(k: float) -> tuple[float, float, float, float] | None:
    with patch.object(best_elbo, "_margin", lambda _: k):
        return best_elbo._root(ElboBound((), 0.0, 0.0))


@pytest.mark.parametrize("k", [-3.0, 0.5, 5.0, 60.0, 1e4])
def test_roots_hold_every_gaussian_that_may_be_better(k: float) -> None:
    """F > tau needs t > -K, e^(2t)/8 - t < K and m^2 < 8 (K + t)."""
    found = root(k)
    t = np.linspace(-k - 1, 12, 20_001)
    possible = t[(t > -k) & (np.exp(2 * t) / 8 - t < k)]
    if found is None:
        assert len(possible) == 0
        return
    m, centre, reach, half = found
    assert m == 0
    if len(possible):
        assert centre - half <= possible.min()
        assert possible.max() <= centre + half
        assert (8 * (k + possible) <= reach * reach).all()


def test_the_reach_of_the_mean_is_rounded_up() -> None:
    """K + high is the float above 8 for high = 9/4: the root of 8 times that is above 8, and rounds to 8."""
    k = math.nextafter(8.0, 9.0) - 2.25
    assert math.sqrt(8 * (k + 2.25)) == 8
    found = root(k)
    assert found is not None
    assert found[1] + found[3] >= 2.25
    assert Fraction(found[2]) ** 2 >= 8 * (Fraction(k) + Fraction(9, 4))


def test_a_claim_that_needs_no_box_holds() -> None:
    made, _ = parts.made(parts.SINE, parts.SINE_BOX)
    theta = tuple(fmpq(0) for _ in made.statistics)
    easy = ElboBound(theta, 0.0, 1e3)
    assert BestElbo(made).proved([easy, easy], math.inf) == [True, True]


def test_tails_are_the_upper_ends_of_their_balls() -> None:
    """A growth that is known as a wide ball: the tail counts with all of it."""
    made, _ = parts.made(parts.SINE, parts.SINE_BOX)
    statistic = next(s for s in made.statistics if s[0] == 0 and any(s[1:]))
    q = GaussianPosterior("0", "1")
    sure, wide = arb(1), arb(1, 0.5)
    radii = []
    for constant in (sure, wide):
        with (
            patch.object(sufficient_statistics, "growth", lambda *_, c=constant: (c, arb(0))),
            patch.object(sufficient_statistics, "_RADIUS", 0),
        ):
            radii.append(float(sufficient_statistics._with_atoms(made, statistic, q).rad()))
    power = sum(statistic[1:])
    assert radii[1] >= 1.5**power * radii[0] * (1 - 1e-6)


def test_rates_of_growth_count_by_their_upper_ends() -> None:
    """A rate within [1/2, 3/2] leaves the tail of 3/2."""
    made, _ = parts.made(parts.SINE, parts.SINE_BOX)
    statistic = next(s for s in made.statistics if s[0] == 0 and any(s[1:]))
    radii = []
    for rate in (arb(1.5), arb(1, 0.5)):
        with (
            patch.object(sufficient_statistics, "growth", lambda *_, a=rate: (arb(1), a)),
            patch.object(sufficient_statistics, "_RADIUS", 0),
        ):
            found = sufficient_statistics._with_atoms(made, statistic, GaussianPosterior("0", "1"))
            radii.append(float(found.rad()))
    assert radii[1] >= radii[0] * (1 - 1e-6)


def powers(n: int) -> polynomials.Polynomial:
    return {(k,): fmpq(1) for k in range(n)}


@pytest.mark.parametrize(("factors", "accepted"), [((2, 40), True), ((2, 41), False), ((9, 9), False)])
def test_the_work_of_a_product_is_limited(factors: tuple[int, int], accepted: bool) -> None:
    """(x - 1)(1 + x + ... + x^(n-1)) = x^n - 1, of two terms: 20 times the largest number of terms is allowed."""
    one, other = (powers(n) for n in factors)
    one[(0,)] = fmpq(-1)
    with patch.object(polynomials, "MOST_TERMS", 4):
        if accepted:
            assert polynomials.multiply(one, other, "p") == {(0,): fmpq(-1), (factors[1],): fmpq(1)}
        else:
            with pytest.raises(ValueError, match="too large"):
                polynomials.multiply(one, other, "p")


def estimates(quantity: Any, box: dict[str, tuple[str, str]]) -> tuple[Any, Any]:
    made, sides = parts.made(quantity, box)
    judge = leaf_bounds.Judge(quantity.between(-50, 50), made)
    return judge.estimates, judge.leaf(sides)


def test_unbounded_leaves_are_cut_where_a_parameter_changes_its_sign() -> None:
    found, _ = estimates(parts.CUBIC, parts.CUBIC_BOX)
    for box, axis in ((((1, 2), (-1, 1)), 1), (((-3, 1), (1, 2)), 0), (((-2, -1), (-1, 1)), 1)):
        leaf = SimpleNamespace(box=box, unbounded=True, controls=None, posterior=None)
        assert found.axis(leaf) == axis
    wide = SimpleNamespace(box=((1, 2), (1, 4)), unbounded=True, controls=None, posterior=None)
    assert found.axis(wide) == 1


@pytest.mark.parametrize("variance", ["1/2", "1/100"])
def test_an_axis_counts_by_how_much_the_expected_log_likelihood_changes(variance: str) -> None:
    """E_q log p(x|z) at v = 1 minus that at v = 1/10: positive for a wide q, negative for a narrow one."""
    found, leaf = estimates(ep.LogEvidence("z", ["z"], "v", ["7/10"]), {"v": ("0.1", "1")})
    leaf.posterior = GaussianPosterior("0.7", variance)
    gaussian = steering.floating(leaf.posterior)
    ends = [found.natural.at((end,)) for end in leaf.box[0]]
    low, high = found._floats([end.theta for end in ends])
    square = float(Fraction(variance))
    change = [-math.log(2 * math.pi * v) / 2 - square / (2 * v) for v in (0.1, 1.0)]
    assert (change[1] < change[0]) == (variance == "1/100")
    spread = found.steering.spread(gaussian, 0, high - low)
    assert found._variation(leaf, gaussian, 0) == pytest.approx(spread + abs(change[1] - change[0]), rel=1e-9)


def test_a_worker_that_answers_in_time_is_waited_for() -> None:
    future: Future[Any] = Future()
    threading.Timer(0.2, future.set_result, (None,)).start()
    task: Any = SimpleNamespace(began=time.monotonic(), seconds=60.0)
    assert theorem_parts._in_time(task, [future]) == [future]  # and not none, as where there is no answer
