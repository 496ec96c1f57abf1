"""Tails of priors from their own densities: honest against SciPy, far enough out, and their bugs are caught."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from scipy import stats
from scipy.special import betaln, gammaln

import elboproof as ep
from elboproof.evidence import prior_tails
from elboproof.evidence.prior_factors import Factor
from elboproof.evidence.prior_tails import PriorTails

ROUTE = 1e-9
"""Of SciPy's distribution functions and of normalisers in float64."""
X, Y = sympy.symbols("x y", real=True)
EVERYWHERE = ("-inf", "inf")
Masses = Callable[[float, float], tuple[float, float]]
"""(low, high) in t -> the masses below and above."""


def _sinh(law: Any) -> Masses:
    return lambda low, high: (law.cdf(np.sinh(low)), law.sf(np.sinh(high)))


def _exp(law: Any) -> Masses:
    return lambda low, high: (law.cdf(np.exp(low)), law.sf(np.exp(high)))


def _unit(law: Any, mirrored: Any) -> Masses:
    # the upper mass is the lower one of 1 - x, whose law is the mirrored one
    return lambda low, high: (law.cdf(1 / (1 + np.exp(-low))), mirrored.cdf(1 / (1 + np.exp(high))))


STUDENT, GAMMA = float(betaln(2.5, 0.5) + np.log(5) / 2), float(gammaln(0.3))
LAWS: dict[str, tuple[str, Any, Masses]] = {
    "normal": ("-x**2/2 - log(2*pi)/2", EVERYWHERE, _sinh(stats.norm())),
    "student": (f"-3*log(1 + x**2/5) - ({STUDENT!r})", EVERYWHERE, _sinh(stats.t(5))),
    "cauchy": ("-log(pi) - log(1 + x**2)", EVERYWHERE, _sinh(stats.cauchy())),
    "laplace": ("-abs(x) - log(2)", EVERYWHERE, _sinh(stats.laplace())),
    "gumbel": ("-x - exp(-x)", EVERYWHERE, _sinh(stats.gumbel_r())),
    "logistic": ("-x - 2*softplus(-x)", EVERYWHERE, _sinh(stats.logistic())),
    "exponential": ("-x", (0, "inf"), _exp(stats.expon())),
    "gamma below 1": (f"-7*log(x)/10 - x - ({GAMMA!r})", (0, "inf"), _exp(stats.gamma(0.3))),
    "inverse gamma": ("-3*log(x) - 1/x", (0, "inf"), _exp(stats.invgamma(2))),
    "lognormal": ("-log(x)**2/2 - log(x) - log(2*pi)/2", (0, "inf"), _exp(stats.lognorm(1))),
    "arcsine": ("-log(pi) - log(x)/2 - log(1 - x)/2", (0, 1), _unit(stats.arcsine(), stats.arcsine())),
    "beta": ("log(30) + log(x) + 4*log(1 - x)", (0, 1), _unit(stats.beta(2, 5), stats.beta(5, 2))),
}


def _log(mass: float) -> float:
    return float(np.log(mass)) if mass > 0 else -np.inf


def tails(density: str, domain: Any, latents: tuple[sympy.Symbol, ...] = (X,)) -> PriorTails:
    """Return the tails of a density."""
    placement = ep.PriorDensity(density, domain, normalised=False).placement(latents)
    return PriorTails(placement)


def check_law(name: str, level: int) -> None:
    """Raise unless the mass that SciPy sees beyond the box is at most the bound, and that at most what was asked."""
    density, domain, masses = LAWS[name]
    ends, bound = tails(density, domain).box(level)
    mass = sum(masses(*ends[0]))
    assert _log(mass) <= bound + ROUTE
    assert bound <= -level * np.log(10.0) + 1e-9


@pytest.mark.parametrize("level", [1, 5, 12])
@pytest.mark.parametrize("name", LAWS)
def test_tails_are_bounded(name: str, level: int) -> None:
    check_law(name, level)


@pytest.mark.parametrize("name", LAWS)
def test_a_tail_that_is_left_out_by_a_bug_would_show(name: str) -> None:
    """The bound is no more than a few nats above the mass where the mass is not tiny: slack hides no bug."""
    density, domain, masses = LAWS[name]
    found = tails(density, domain)
    checked = 0
    for k, sign in found.sides:
        for reach in prior_tails.REACHES[:12]:
            slope = found.whole.slope((k, sign), reach)
            with np.errstate(over="ignore"):
                mass = masses(-reach, reach)[(sign + 1) // 2]
            if not slope > 0 or mass < 1e-250:
                continue
            ends = np.array([[-reach, reach]])
            bound = found.whole.beyond(ends, {}, k, sign)
            assert np.log(mass) <= bound + ROUTE
            assert bound <= np.log(mass) + 3.0
            checked += 1
    assert checked >= len(found.sides)


def check_plane(level: int = 6) -> None:
    """Raise unless the tails of densities of two latents, coupled and not, are bounded and tight."""
    product = tails("-x - y**2/2 - log(2*pi)/2", [(0, "inf"), EVERYWHERE], (X, Y))
    ends, bound = product.box(level)
    (a, b), (c, d) = ends.tolist()
    inside = (np.exp(-np.exp(a)) - np.exp(-np.exp(b))) * (
        stats.norm.cdf(np.sinh(d)) - stats.norm.cdf(np.sinh(c))
    )
    assert np.log1p(-inside) <= bound + ROUTE
    assert bound <= np.log1p(-inside) + 3.0
    heavy = tails("-x - y**2/200", [(0, "inf"), EVERYWHERE], (X, Y))  # the second factor has a mass of 25
    reach = dict.fromkeys(heavy.sides, 0)
    bound = heavy._tails(reach)[0, -1]
    mass = float(np.log(-np.expm1(-np.exp(-prior_tails.REACHES[0])) * np.sqrt(200 * np.pi)))
    assert mass <= bound + ROUTE
    assert bound <= mass + 3.0
    coupled = tails("-x*(1 + y**2) + log(1 + y**2)", [(0, "inf"), (0, 2)], (X, Y))  # of total mass 2
    ends, bound = coupled.box(level)
    y = (np.arange(2000) + 0.5) / 1000
    (a, b), _ = ends.tolist()
    beyond = float(np.mean(-np.expm1(-np.exp(a) * (1 + y**2)) + np.exp(-np.exp(b) * (1 + y**2)))) * 2
    assert np.log(beyond) <= bound + 1e-6
    assert bound <= np.log(beyond) + 3.0


def test_two_latents() -> None:
    check_plane()


@pytest.mark.parametrize(
    ("density", "domain", "latents"),
    [
        ("-y**2/18 - x**2*exp(-y)/2 - y/2", [EVERYWHERE, EVERYWHERE], (X, Y)),
        ("-2*log(1 + x**2 + y**2)", [EVERYWHERE, EVERYWHERE], (X, Y)),
        ("-log(x)", (1, "inf"), (X,)),
        ("-log(x)", (0, 1), (X,)),
        ("sin(x)", EVERYWHERE, (X,)),
    ],
)
def test_what_is_not_integrable_or_not_seen_to_be_has_no_bound(
    density: str, domain: Any, latents: tuple[sympy.Symbol, ...]
) -> None:
    assert not tails(density, domain, latents).bounded


_ORIGINAL: Any = Factor.slope


def _slope(change: Callable[[arb], arb]) -> Callable[..., arb]:
    return lambda self, side, reach: change(_ORIGINAL(self, side, reach))


Bug = Callable[[], AbstractContextManager[Any]]
_RANGE: Any = Factor._range
_TAILS: Any = PriorTails._tails
BUGS: dict[str, Bug] = {
    "the slope is ten times as steep": lambda: patch.object(Factor, "slope", _slope(lambda s: 10 * s)),
    "the slope of the other side": lambda: patch.object(
        Factor, "slope", lambda self, side, reach: _ORIGINAL(self, (side[0], -side[1]), reach)
    ),
    "the face has no tails of its own, nor mass": lambda: patch.object(Factor, "_inside", lambda *_: -40.0),
    "cells take the largest energy": lambda: patch.object(
        Factor, "_range", lambda self, *cells: _RANGE(self, *cells)[::-1]
    ),
    "the other factors are forgotten": lambda: patch.object(
        prior_tails, "_log_product", lambda logs: logs[0]
    ),
    "one side is forgotten": lambda: patch.object(
        PriorTails, "_tails", lambda self, reach: dict(list(_TAILS(self, reach).items())[:1])
    ),
}


def _all() -> None:
    check_plane()
    for name in ("student", "arcsine", "inverse gamma", "gumbel"):
        density, domain, masses = LAWS[name]
        found = tails(density, domain)
        known = found._tails(dict.fromkeys(found.sides, 0))
        mass = masses(-prior_tails.REACHES[0], prior_tails.REACHES[0])
        assert len(known) == 2
        for (_, sign), bound in known.items():
            assert _log(mass[(sign + 1) // 2]) <= bound + ROUTE


@pytest.mark.parametrize("bug", BUGS)
def test_each_seeded_bug_is_caught(bug: str) -> None:
    _all()
    with BUGS[bug](), pytest.raises((AssertionError, KeyError)):
        _all()


def test_masses_of_tiny_densities_are_rounded_up_by_their_sizes() -> None:
    """A constant E of 2^40 has no ball to widen: a logarithm of that size loses 1e-4 nats by rounding alone."""
    z = sympy.Symbol("z", real=True)
    for k in range(40):
        found = Factor((z,), sympy.Integer(2**40 + k), ((0.0, 3 + k / 8),))
        with mpmath.workdps(40):
            exact = mpmath.log(mpmath.mpf(3 + k / 8)) - (2**40 + k)
            over = mpmath.mpf(found._inside(found.ends, {}, [0])) - exact
        assert 0 <= over <= 3e-9 * 2**40
