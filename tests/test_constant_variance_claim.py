"""constant-variance-solutions: its predicates decide, and its tools agree with other routes."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from scipy.integrate import dblquad
from scipy.optimize import minimize_scalar

from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from elboproof.numbers.balls import working_precision

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "constant_variance_solutions")
HYPOTHESES = (
    "affine_decoder",
    "above_the_noise",
    "on_the_curve",
    "flat_prior",
    "below_the_fold",
    "steep",
    "regular_curve",
    "smooth_metric",
)


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(part("hypotheses"), name))


def test_a_root_is_enclosed_and_asks_for_a_change_of_sign() -> None:
    root_between = part("roots").root_between
    with working_precision(100):
        root = root_between(lambda s: s * s - 2, arb(0), arb(2))
        assert root.contains(arb(2).sqrt())
        assert root.rad() < 1e-25
        falling = root_between(lambda s: 2 - s * s, arb(0), arb(2))
        assert falling.contains(arb(2).sqrt())
        with pytest.raises(ArithmeticError, match="no change of sign"):
            root_between(lambda s: s * s + 1, arb(0), arb(2))


@pytest.mark.parametrize(
    ("v", "rho", "known"),
    [
        ("9/100", "4/5", "0.1194220994521104602287038"),
        ("9/100", "1", "0.09434736592420094909753084"),
        ("9/100", "6/5", "0.07798208785749920245342"),
        ("1/100", "1", "0.01005037836622660512284"),
    ],
)
def test_variances_on_the_circle_are_those_of_mpmath(v: str, rho: str, known: str) -> None:
    with working_precision(120), mpmath.workdps(30):
        found = part("circle").by_lambert(v, rho)
        ratio = Fraction(v) / (2 * Fraction(rho))
        other = -2 * mpmath.lambertw(-mpmath.mpf(ratio.numerator) / ratio.denominator).real
        assert abs(found - arb(str(other))) < 1e-25
        assert abs(found - arb(known)) < 1e-21


@pytest.mark.parametrize(
    ("v", "known"), [("9/100", 2.062505031993710780737e-4), ("1/100", 2.125869100303656261e-6)]
)
def test_gaps_of_the_circle(v: str, known: float) -> None:
    circle = part("circle")
    with working_precision(120):
        noise = arb(v.split("/")[0]) / arb(v.split("/")[1])
        found = circle.circle_gap(noise, "1/2", circle.by_bessel(noise))
    assert float(found.mid()) == pytest.approx(known, rel=1e-14)


@pytest.mark.parametrize(
    ("v", "s", "gap"),
    [
        ("9/100", "0.09147216612266626455712624", 2.1989536453558514762e-5),
        ("1/100", "0.01001801976133106611491612", 2.7021060557577029127e-7),
    ],
)
def test_variances_and_gaps_of_the_helix(v: str, s: str, gap: float) -> None:
    helix = part("helix")
    with working_precision(200):
        noise = arb(v.split("/")[0]) / arb(v.split("/")[1])
        variance, found = helix.helix_gap(noise, "1/2")
        assert abs(variance - arb(s)) < 1e-25
    assert float(found.mid()) == pytest.approx(gap, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "e", "known"),
    [
        ("circle", "1/100", 4.38940320889478e-8),
        ("circle", "1/10000", 4.4068491587581e-12),
        ("circle", "1/1000000", 4.40702409796884e-16),
        ("helix", "1", 9.5551518326e-5),
        ("helix", "1/100", 1.354295316171e-8),
        ("helix", "1/10000", 1.359269701527e-12),
    ],
)
def test_variations_under_wide_priors(name: str, e: str, known: float) -> None:
    wide = part("wide_priors")
    pitch, radius, _ = wide.CURVES[name]
    with working_precision(200):
        ends = [wide.variance(wide.NOISE, pitch, radius, e, phi, radius) for phi in "10"]
        assert float((ends[0] - ends[1]).mid()) == pytest.approx(known, rel=1e-10)


def test_means_over_the_disc_are_integrals() -> None:
    disc = part("disc")
    for powers in ((0, 0), (2, 0), (2, 2), (4, 2), (0, 6), (1, 2)):
        x, y = disc.X, disc.Y
        exact = float(disc.disc_mean(x ** powers[0] * y ** powers[1]).subs(disc.RHO, 1))
        summed, _ = dblquad(
            lambda r, a, n=powers: r * (r * np.cos(a)) ** n[0] * (r * np.sin(a)) ** n[1], 0, 2 * np.pi, 0, 1
        )
        assert exact == pytest.approx(summed / np.pi, abs=1e-9)


def test_curvature_does_not_depend_on_coordinates() -> None:
    curvature = part("curvature")
    u, v = curvature.U, curvature.V
    bent = [entry.subs({u: u + v**2 / 3, v: v - u / 5}, simultaneous=True) for entry in (u, v, u * v / 2)]
    place = {u: sympy.Rational(1, 3), v: sympy.Rational(-1, 4)}
    there = {u: (u + v**2 / 3).subs(place), v: (v - u / 5).subs(place)}
    known = -sympy.Rational(1, 4) / (1 + (u**2 + v**2) / 4) ** 2
    found = curvature.curvature(curvature.metric(bent)).subs(place)
    assert sympy.simplify(found - known.subs(there)) == 0


@pytest.mark.parametrize(
    ("rho", "share"), [("4/5", 1.00127), ("2/5", 1.00071), ("1/5", 1.00020), ("1/10", 1.00005)]
)
def test_the_best_cubic_map_of_the_sphere_reaches_the_law(rho: str, share: float) -> None:
    maps = part("maps_of_the_sphere")
    with working_precision(120):
        size = arb(rho.split("/")[0]) / arb(rho.split("/")[1])

        def cost(b: float) -> float:
            return float((maps.penalty(size, maps.bowed(Fraction(b))) * 192 / size**4).mid())

        best = minimize_scalar(cost, bracket=(0.018, 0.0208, 0.024))
    assert best.fun == pytest.approx(share, abs=6e-6)
    assert best.x == pytest.approx(1 / 48, abs=0.0017 * float(Fraction(rho)) ** 2 + 1e-5)
