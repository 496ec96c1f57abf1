"""What a quadrature sums over: lattices, grids, halves and tails, and their errors by themselves."""

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import mpmath
import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.expectations import lattice, plan, rules
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.lattice import Lattice
from elboproof.expectations.plan import ELLIPSES, SHARES, SIZES, Plan, grid, reach
from elboproof.expectations.sums import _cell_axes, _cell_blocks, _lattice_axes, _lattice_blocks
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.quadrature.gauss_legendre import error_factor

HEIGHTS = np.array(lattice.HEIGHTS)
CLOSE = 1 + 1e-8


# -- the lattice's error --
def test_errors_of_a_lattice_are_the_least_of_all_heights_that_are_allowed() -> None:
    rng = np.random.default_rng(12)
    inner, outer = rng.uniform(0.1, 10, (2, 3, 2, len(HEIGHTS)))
    inner *= np.exp(HEIGHTS**2)  # so that one height is the best, and not an end
    steps = np.array([0.9, 0.4, 0.1])
    found = lattice._errors(inner, outer, steps)
    with working_precision(120):
        for (q, d, k), bound in np.ndenumerate(found):
            exact = []
            for n, a in enumerate(HEIGHTS.tolist()):
                if arb(a) * arb(float(steps[k])) <= 2 * arb.pi():
                    strip = 2 / ((2 * arb.pi() * a / arb(float(steps[k]))).exp() - 1)
                    faces = 2 * arb(float(steps[k])) / arb.pi()
                    exact.append(arb(float(inner[q, d, n])) * strip + arb(float(outer[q, d, n])) * faces)
            least = min(map(float, exact))
            assert all(term * CLOSE >= least for term in map(float, exact))
            assert any(term <= bound <= term * arb(CLOSE) for term in exact if float(term) < least * CLOSE)


def test_heights_beyond_the_formula_are_not_used() -> None:
    """A step of 2.5 allows a <= 2.5 only; beyond, the faces' integral is not what the formula has."""
    inner = np.ones((1, 1, len(HEIGHTS)))
    bound = lattice._errors(inner, 0 * inner, np.array([2.5]))[0, 0, 0]
    allowed = [a for a in HEIGHTS.tolist() if a * 2.5 <= 2 * math.pi]
    exact = 2 / math.expm1(2 * math.pi * max(allowed) / 2.5)
    assert exact <= bound <= exact * CLOSE


@pytest.mark.parametrize("d", [1, 2, 3])
def test_cells_and_faces_have_the_weight_of_the_cube(d: int) -> None:
    """With 1 for every supremum the totals are the volume of the cube, and that of both faces across each axis."""
    centre, half = grid(3, 4.0, d)
    side = 6 * float(half[0, 0])
    places: list[tuple[int, Any, Any, bool]] = []

    def ones(_: Any, __: Any, parts: list[Any], ___: Any) -> Any:
        places.extend(parts)
        return np.ones((1, len(HEIGHTS), sum(len(c) for _, c, *_ in parts)))

    with patch.object(lattice, "_sup", ones):
        inner, outer = lattice._totals(None, None, centre, half, None)  # type: ignore[arg-type]
    assert inner.shape == outer.shape == (1, d, len(HEIGHTS))
    assert ((inner >= side**d) & (inner <= side**d * CLOSE)).all()
    assert ((outer >= 2 * side ** (d - 1)) & (outer <= 2 * side ** (d - 1) * CLOSE)).all()
    for number, (j, middle, wide, tall) in enumerate(places):
        assert j == number // 2
        if tall:
            assert (middle == centre).all()
            assert (wide == half).all()
        else:
            low, high = np.split(middle, 2)
            assert (low[:, j] == -side / 2).all()
            assert (high[:, j] == side / 2).all()
            assert (wide[:, j] == 0).all()
            others = [k for k in range(d) if k != j]
            assert (low[:, others] == high[:, others]).all()
            assert len(low) == 3 ** (d - 1) == len({tuple(row) for row in low[:, others].tolist()})
            assert (wide[:, others] == half[0, 0]).all()


# -- cells --
@pytest.mark.parametrize(("count", "radius"), [(1, 0.3), (3, 8.0), (5, 7.3), (4, 6.01)])
def test_grids_cover_the_cube_without_overlap(count: int, radius: float) -> None:
    centre, half = grid(count, radius, 2)
    sides = sorted(
        {
            (Fraction(c) - Fraction(h), Fraction(c) + Fraction(h))
            for c, h in zip(centre[:, 0], half[:, 0], strict=True)
        }
    )
    assert sides[0][0] <= -Fraction(radius)
    assert sides[-1][1] >= Fraction(radius)
    assert all(a[1] == b[0] for a, b in pairwise(sides))
    assert len(centre) == count**2 == len({tuple(c) for c in centre.tolist()})


def test_halves_cover_their_cells() -> None:
    rng = np.random.default_rng(12)
    for d in (1, 2):
        centre, half = grid(3, 8.0, d)
        axis = rng.integers(0, d, len(half))
        parts, sizes, allowed = plan._halved(centre, half, np.ones(len(half)), axis)
        n = len(half)
        for k in range(n):
            for j in range(d):
                low, high = parts[k, j] - sizes[k, j], parts[n + k, j] + sizes[n + k, j]
                assert (low, high) == (centre[k, j] - half[k, j], centre[k, j] + half[k, j])
            assert parts[k, axis[k]] + sizes[k, axis[k]] == parts[n + k, axis[k]] - sizes[n + k, axis[k]]
        assert allowed.sum() == n


def test_factors_of_ellipses_are_rounded_up() -> None:
    found = plan._factors()
    exact = [[error_factor(Fraction(rho), n) for rho in ELLIPSES] for n in SIZES]
    pairs = [
        (Fraction(a), b)
        for row, other in zip(found.tolist(), exact, strict=True)
        for a, b in zip(row, other, strict=True)
    ]
    assert all(b <= a <= b * (1 + Fraction(1, 2**49)) for a, b in pairs)


def test_flat_cells_add_up() -> None:
    work = Plan(np.zeros(1))
    for mid in (1.0, 2.0, 4.0):
        plan._keep(work, BallArray(np.array([mid]), np.array([mid / 16])))
    assert work.flat is not None
    assert abs(float(work.flat.mid[0]) - 7) + 7 / 16 <= float(work.flat.rad[0]) * CLOSE


def test_tails_are_those_of_the_radius_that_is_returned() -> None:
    """Of log p for tanh, beyond R: bounded by twice its exact integral or so, for every monomial."""
    made = Integrands(ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10")), [arb("0.5")], [(0, 2)])
    radius, tails = reach(made, EnclosedGaussian([arb(0)], [[arb(1)]]), np.full(3, 1e-6))
    assert (tails <= SHARES["tail"] * 1e-6).all()
    for p, bound in enumerate(tails.tolist()):

        def size(e: Any, p: int = p) -> Any:
            value = -5 * (0.5 - mpmath.tanh(e)) ** 2 - mpmath.log(2 * mpmath.pi / 10) / 2
            return mpmath.npdf(e) * abs(e) ** p * abs(value)

        exact = sum(mpmath.quad(size, [s * radius, s * (radius + 2), s * (radius + 12)]) * s for s in (1, -1))
        assert float(exact) <= bound
    # the highest power is the one that is bounded
    assert bound <= 3 * float(exact)


# -- weights and sums --
@pytest.mark.parametrize("d", [1, 2])
def test_lattices_and_cells_integrate_the_density(d: int) -> None:
    """The weights of all nodes add up to 1 within the rule's error; by floats and by arb."""
    centre, half = grid(4, 8.5, d)
    one = Lattice(8.5, (40, 60)[:d], np.zeros(1))
    cells = Plan(np.zeros(1), [centre], [half], [np.full(len(half), 24)])
    for axes, blocks in (
        (_lattice_axes(one), _lattice_blocks(one)),
        (_cell_axes(cells), _cell_blocks(cells)),
    ):
        total, summed = arb(0), BallArray(np.zeros(1))
        with working_precision(100):
            for nodes in axes:
                part = arb(1)
                for axis in nodes:
                    part *= sum((w for _, w in axis), arb(0))
                total += part
            assert abs(total - 1) < 1e-12
        for _, _, weight in blocks:
            summed = summed + weight.sum().reshape(1)
        assert abs(float(summed.mid[0]) - 1) < 1e-12
        assert float(summed.rad[0]) < 1e-11


def test_nodes_of_a_lattice_are_the_midpoints_of_its_steps() -> None:
    work = Lattice(8.5, (7,), np.zeros(1))
    exact = [Fraction(17, 2) * (2 * i + 1 - 7) / 7 for i in range(7)]
    axis, step = work.axis(0), work.step(0)
    for mid, rad, place in zip(axis.mid.tolist(), axis.rad.tolist(), exact, strict=True):
        assert abs(Fraction(mid) - place) <= Fraction(rad) <= Fraction(1, 10**14)
    assert (
        abs(Fraction(float(step.mid)) - Fraction(17, 7)) <= Fraction(float(step.rad)) <= Fraction(1, 10**14)
    )
    with working_precision(100):
        (nodes,) = next(iter(_lattice_axes(work)))
        for (u, _), place in zip(nodes, exact, strict=True):
            assert abs(u - arb(place.numerator) / place.denominator) < 1e-25


@pytest.mark.parametrize("flat", [None, (2.0, 0.25)])
def test_sums_are_completed_by_flat_cells_and_errors(flat: tuple[float, float] | None) -> None:
    kept = None if flat is None else BallArray(np.array([flat[0]]), np.array([flat[1]]))
    work = Plan(np.array([0.5]), flat=kept)
    found = rules._completed(arb(1, 0.125), work, 0)
    mid, rad = (1.0, 0.625) if flat is None else (3.0, 0.875)
    assert float(found.mid()) == mid
    assert rad <= float(found.rad()) <= rad * CLOSE
    endless = rules._completed(arb(1), Plan(np.array([np.inf]), flat=kept), 0)
    assert not endless.is_finite()
    assert endless.contains(1e300)
