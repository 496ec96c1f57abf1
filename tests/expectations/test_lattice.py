"""The lattice of midpoints: its error bound holds, is not vacuous, and needs each of its parts."""

from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.expectations import lattice
from elboproof.expectations import rules as expectations
from elboproof.expectations import suprema as cells
from elboproof.expectations.integrands import EnclosedGaussian, Integrands
from elboproof.expectations.rules import ProvedRules
from elboproof.expectations.sums import arb_sums
from tests.posterior.routes import by_mpmath, gaussian_joint

MODEL = ep.LatentModel("z", ["tanh(2*z)"], ep.Gaussian("1/10"))
POINT = EnclosedGaussian([arb("0.4")], [[arb("0.3")]])
DATA = [arb("0.5")]


def truncated(radius: float) -> mpmath.mpf:
    """Return the integral of phi(e) log p(x | 0.4 + 0.3 e) over [-radius, radius]."""
    with mpmath.workdps(25):

        def g(e: mpmath.mpf) -> mpmath.mpf:
            f = mpmath.tanh(2 * (mpmath.mpf("0.4") + mpmath.mpf("0.3") * e))
            return mpmath.npdf(e) * (-5 * (mpmath.mpf("0.5") - f) ** 2 - mpmath.log(2 * mpmath.pi / 10) / 2)

        return mpmath.quad(g, mpmath.linspace(-radius, radius, 17))


def bounded(radius: float, tolerance: float, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """Return |sum - integral over the cube| and the bound of it, for a cube of given size."""
    monkeypatch.setattr(lattice, "reach", lambda *_: (radius, np.zeros(1)))
    monkeypatch.setattr(lattice, "ATTEMPTS", 1)
    found = lattice.lattice(Integrands(MODEL, DATA, [(0, 0)]), POINT, np.array([tolerance]))
    assert found is not None
    (total,), rest = arb_sums(Integrands(MODEL, DATA, [(0, 0)]), POINT, found, np.inf)
    assert rest is None
    return abs(float(total.mid()) - float(truncated(found.half))), float(found.error[0])


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6, 1e-9])
def test_bound_holds_and_is_of_the_right_size(tolerance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    error, bound = bounded(8.0, tolerance, monkeypatch)
    assert error <= bound <= tolerance
    assert bound < 1e6 * error + 1e-13


def test_faces_are_part_of_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a small cube nearly all of the error comes from the faces: without them the bound would be false."""
    error, bound = bounded(1.5, 3.0, monkeypatch)
    assert error <= bound
    totals = lattice._totals

    def without_faces(*arguments: Any) -> Any:
        inner, outer = totals(*arguments)
        return inner, 0 * outer

    monkeypatch.setattr(lattice, "_totals", without_faces)
    monkeypatch.setattr(lattice, "HEIGHTS", lattice.HEIGHTS[:3])
    error, bound = bounded(1.5, 1e-4, monkeypatch)
    assert error > bound


def test_height_of_the_strip_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supremum over the real line in place of the strip is a false bound."""
    bounds = cells.suprema

    def real_only(integrands: Any, point: Any, middle: Any, wide: Any, lifted: Any) -> Any:
        return bounds(integrands, point, middle, wide, 0 * lifted)

    monkeypatch.setattr(lattice, "suprema", real_only)
    error, bound = bounded(8.0, 1e-3, monkeypatch)
    assert error > bound


def test_kinks_have_no_lattice() -> None:
    model = ep.LatentModel("z", ["abs(z)"], ep.Gaussian("1/10"))
    assert lattice.lattice(Integrands(model, DATA, [(0, 0)]), POINT, np.array([1e-3])) is None


def test_lattice_and_cells_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel(["a", "b"], ["tanh(a + b)", "a*b"], ep.Gaussian("1/10"))
    point = EnclosedGaussian([arb("0.4"), arb("-0.2")], [[arb("0.3")], [arb("0.1"), arb("0.5")]])
    x, degrees = [arb("0.5"), arb("0.1")], [(1, 1), (2, 2)]
    first = ProvedRules(model, x, point, degrees, [1e-10, 1e-10], np.inf)
    monkeypatch.setattr(expectations, "lattice", lambda *_: None)
    second = ProvedRules(model, x, point, degrees, [1e-10, 1e-10], np.inf)
    for floats in (True, False):
        one, other = first.sums(floats=floats), second.sums(floats=floats)
        assert one.keys() == other.keys()
        assert len(one) == 2 * 3 + 3 * 6
        for key, value in one.items():
            assert value.overlaps(other[key])
            assert max(float(value.rad()), float(other[key].rad())) < 1e-9


def test_wide_parameters_are_covered() -> None:
    """Sums at members of the balls lie in the sums over the balls."""
    wide = EnclosedGaussian([arb("0.4", 1e-3)], [[arb("0.3", 1e-3)]])
    rules = ProvedRules(MODEL, DATA, wide, [(0, 0)], [1e-9], np.inf)
    (over,) = rules.sums().values()
    for m, s in ((0.399, 0.299), (0.401, 0.301), (0.4, 0.3)):
        (at,) = rules.sums(EnclosedGaussian([arb(m)], [[arb(s)]])).values()
        assert over.contains(at.mid())
        truth = by_mpmath(gaussian_joint(lambda z: [mpmath.tanh(2 * z)], ["0.5"], "1/10"), m, s * s)
        assert at.rad() < 1e-9
        assert abs(float(at) + (1 - m**2 - s**2) / 2 + np.log(s) - float(truth)) < 1e-9
