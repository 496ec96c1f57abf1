"""That no mode is missed: what cells leave behind holds none, and a hidden one is found or said not to be excluded."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from flint import arb

import elboproof as ep
from elboproof.expansion import preimages
from elboproof.expansion.exhaustion import Alone, _Search, _split, no_others
from elboproof.expansion.gap_law import _potential
from elboproof.expansion.potential import Potential
from elboproof.numbers.balls import working_precision

HIDDEN = "z + 30*exp(-20000*(z - 21/10)**2)"
"""f(z) = 4 at z = 4 and on both sides of a spike that is thinner than the steps between the float search's starts."""


def potential(latent: Any, decoder: list[str], likelihood: Any, x: list[Any]) -> Potential:
    model = ep.LatentModel(latent, decoder, likelihood)
    return _potential(model, tuple(sp.Rational(str(value)) for value in x), float("inf"))


def search(given: Potential, reach: float = 6.0) -> _Search:
    d = given.model.latent_dim
    return _Search(given, np.zeros(d), np.full(d, reach))


PLANE = ["a", "b"]
WITH_MODES: dict[str, tuple[Potential, list[tuple[str, ...]]]] = {
    "parabola": (potential("z", ["z**2"], ep.Gaussian("1/100"), ["9/16"]), [("3/4",), ("-3/4",)]),
    "wave": (
        potential("z", ["cos(pi*z)", "sin(pi*z)"], ep.Gaussian(2), [1, 0]),
        [("0",), ("2",), ("4",), ("-6",)],
    ),
    "counts": (potential("z", ["z**2 - 1/4"], ep.Poisson(), [1]), [("1/2",), ("-1/2",)]),
    "logits": (potential("z", ["z**3 - z"], ep.Bernoulli(), ["1/2"]), [("0",), ("1",), ("-1",)]),
    "banana": (
        potential(PLANE, ["a - b", "a + b + (a - b)**2"], ep.Gaussian(1), ["1", "1/2"]),
        [("1/4", "-3/4")],
    ),
    "ridge": (
        potential(PLANE, ["(a + b)**2", "a - b"], ep.Gaussian(1), ["9/16", 0]),
        [("3/8", "3/8"), ("-3/8", "-3/8")],
    ),
    "covariance": (
        potential(PLANE, ["a", "a*b"], ep.Gaussian(covariance=[[1, "9/10"], ["9/10", 1]]), ["2", "1"]),
        [("2", "1/2")],
    ),
    "counts in the plane": (
        potential(PLANE, ["a + b", "a - 2*b + a*b/2"], ep.Poisson(), [1, 1]),
        [("0", "0"), ("6", "-6")],
    ),
}
"""With some of the exact minima of W, all as low."""


@pytest.mark.parametrize("name", WITH_MODES)
def test_cells_with_a_mode_are_not_left_behind(name: str) -> None:
    """Whatever the cell's size and wherever the mode lies in it; two modes' cells reach from one to the other."""
    given, modes = WITH_MODES[name]
    looked, rng = search(given), np.random.default_rng(1)
    for mode in modes:
        place = np.array([float(Fraction(entry)) for entry in mode])
        top = looked._above(tuple(map(arb, place.tolist())))
        half = 2.0 ** rng.uniform(-30, 2, (400, len(place)))
        mid = place + half * rng.uniform(-0.999, 0.999, half.shape)
        assert not looked._left_behind(mid, half, top).any()
        other = np.array([float(Fraction(entry)) for entry in modes[0]])
        wide = np.maximum(np.abs(place - other) / 2 * 1.001, 1e-3)
        assert not looked._left_behind((place + other)[None] / 2, wide[None], top).any()


@pytest.mark.parametrize("name", WITH_MODES)
def test_cells_without_a_mode_are_left_behind_once_they_are_small(name: str) -> None:
    given, modes = WITH_MODES[name]
    looked, rng = search(given), np.random.default_rng(2)
    places = np.array([[float(Fraction(entry)) for entry in mode] for mode in modes])
    top = looked._above(tuple(map(arb, places[0].tolist())))
    mid = rng.uniform(-2, 2, (300, places.shape[1]))
    far = (np.abs(mid[:, None] - places).max(2) > 0.05).all(1)
    assert looked._left_behind(mid[far], np.full(mid[far].shape, 1e-6), top).mean() > 0.97


@pytest.mark.parametrize("name", WITH_MODES)
def test_convex_boxes_hold_one_mode(name: str) -> None:
    given, modes = WITH_MODES[name]
    looked = search(given)
    places = np.array([[float(Fraction(entry)) for entry in mode] for mode in modes])
    for place in places:
        half = looked._convex(place, tuple(map(arb, place.tolist())))
        assert (half > 1e-3).all()
        inside = (np.abs(places - place) <= half).all(1)
        assert inside.sum() == 1


def test_convex_boxes_hold_the_mode_that_they_are_for() -> None:
    looked = search(WITH_MODES["parabola"][0])
    assert (looked._convex(np.array([0.75]), (arb(-0.75),)) == 0).all()


def test_the_value_at_a_mode_is_an_upper_bound() -> None:
    given = potential("z", ["z"], ep.Poisson(), ["7/3"])
    with working_precision(200):
        mode = (arb(7) / 3).log()
        exact = mode.exp() - (arb(7) / 3) * mode
        top = search(given)._above((mode,))
        assert exact < top
        assert top - exact < 1e-12


def test_parts_cover_their_cell() -> None:
    """Also where halves are a few units in the last place of the middles, exactly."""
    rng = np.random.default_rng(3)
    mid = rng.uniform(-6, 6, (200, 2))
    half = np.abs(mid) * 2.0 ** rng.uniform(-53, 1, mid.shape)
    parts, wide = _split(mid, half)
    for n in range(len(mid)):
        own = slice(4 * n, 4 * n + 4)
        for k in range(2):
            middle, reach = Fraction(mid[n, k]), Fraction(half[n, k])
            for part, (p, w) in enumerate(zip(parts[own, k], wide[own, k], strict=True)):
                upper = (part >> (1 - k)) % 2 == 1  # signs run through the product, the last latent's fastest
                low, high = (middle, middle + reach) if upper else (middle - reach, middle)
                assert Fraction(p) - Fraction(w) <= low
                assert high <= Fraction(p) + Fraction(w)


RISES: list[tuple[list[str], Any, list[Any], bool]] = [
    (["sinh(z)"], ep.Gaussian("1/100"), ["7/10"], True),
    (["z", "z**2"], ep.Gaussian(1), [1, 2], True),
    (["z"], ep.Poisson(), [2], True),
    (["-z"], ep.Bernoulli(), ["1/3"], True),
    (["exp(z)"], ep.Gaussian(1), [1], False),  # W tends to a constant on the left
    (["z"], ep.Gaussian(1), [30], False),  # its mode lies beyond the box
    (["z*exp(-z**2)"], ep.Gaussian(1), ["1/10"], False),
    (["z"], ep.Exponential(), [0], False),  # W = -z falls for ever
    (["1/(z - 9) + z"], ep.Gaussian(1), [1], False),  # with a pole beyond the box
]


@pytest.mark.parametrize(("decoder", "likelihood", "x", "rises"), RISES)
def test_beyond_the_box_w_rises(decoder: list[str], likelihood: Any, x: list[Any], rises: bool) -> None:
    assert search(potential("z", decoder, likelihood, x)).rises_outside() == rises


def test_two_latents_must_rise_each() -> None:
    assert search(potential(PLANE, ["a", "2*b"], ep.Poisson(), [1, 1])).rises_outside()
    assert not search(potential(PLANE, ["a", "exp(b)"], ep.Gaussian(1), [1, 1])).rises_outside()


def test_hidden_modes_are_found_from_the_cells_left_over() -> None:
    law = ep.gap_law(ep.LatentModel("z", [HIDDEN], ep.Gaussian("1/100")), [4])
    assert len(law.branches) == 3
    assert law.complete
    assert "proved for latents in [-6.0, 6.0], searched for in floats beyond" in law.status


def test_hidden_modes_that_are_not_looked_for_leave_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "SEARCHES", 0)
    law = ep.gap_law(ep.LatentModel("z", [HIDDEN], ep.Gaussian("1/100")), [4])
    assert not law.branches
    assert not law.complete
    assert "searched for in floats, not proved" in law.status


def test_one_start_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "STARTS", {1: 1})
    law = ep.gap_law(ep.LatentModel("z", ["z**2"], ep.Poisson()), [2])
    assert len(law.branches) == 2
    assert law.complete


def test_modes_of_four_latents_are_searched_for_only() -> None:
    given = potential(["a", "b", "c", "e"], ["a", "b", "c", "e"], ep.Poisson(), [1, 1, 1, 1])
    origin = tuple(arb(0) for _ in range(4))
    assert no_others(given, [origin], [np.zeros(4)], 6.0).alone is Alone.NOT_PROVED


def test_no_time_is_no_proof() -> None:
    model = ep.LatentModel("z", ["z"], ep.Poisson())
    late = _potential(model, (sp.Integer(1),), 0.0)
    assert no_others(late, [(arb(0),)], [np.zeros(1)], 6.0).alone is Alone.NOT_PROVED
