"""The one unforgivable bug is a ball that misses the truth: operations against arb, and seeded bugs that must be seen.

Sharpness is a different question, asked in ``test_ball_sharpness``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from numpy.typing import NDArray

from elboproof.numbers import (
    ball_arithmetic,
    ball_atan,
    ball_erf,
    ball_exp,
    ball_lift,
    ball_log,
    ball_rounding,
    ball_storage,
    ball_trig,
)
from elboproof.numbers.ball_arrays import BallArray

Floats = NDArray[np.float64]
BITS = 240
EXACT_BITS = 2200
ROUNDING_FREE = ("abs", "maximum", "minimum", "union")  # no slack in the radius, so members must be exact
PER_KIND = 350
MEMBERS = (-1.0, 1.0, 0.0, 0.59375)  # members mid + t rad; the ends are where a radius fails first


@pytest.fixture(autouse=True)
def precision() -> Any:
    before, ctx.prec = ctx.prec, BITS
    yield
    ctx.prec = before


@contextmanager
def exactly(wanted: bool = True) -> Iterator[None]:
    """Sums and differences of any two binary64 numbers are exact inside."""
    before, ctx.prec = ctx.prec, EXACT_BITS if wanted else ctx.prec
    yield
    ctx.prec = before


@dataclass(frozen=True)
class Case:
    """A unary operation, its truth, and the midpoints that matter to it."""

    truth: Callable[[arb], arb]
    edges: tuple[float, ...] = ()
    scale: float = 3.0
    low: float = -np.inf  # end of the domain
    apply: Callable[[BallArray], BallArray] | None = None


TINIES = (0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.2250738585072014e-308, 1e-300, -1e-300, 1e-160, -1e-17, 1e-8)
NEAR_PI = tuple(
    float(k * np.pi / 2 + d) for k in (*range(-6, 7), 1000, 710, 52174, -1018000) for d in (0.0, 1e-9, -3e-16)
)
CASES = {
    "exp": Case(
        lambda t: t.exp(), (700.0, 709.7, -700.5, -708.5, -740.0, -745.0, -745.2, -750.0, 0.34657359), 5.0
    ),
    "expm1": Case(lambda t: t.expm1(), (0.3466, -0.3466, 36.7, -37.5, 700.0, 705.0, -745.0), 2.0),
    "log": Case(
        lambda t: t.log(), (1.0, 1 + 2.0**-52, 1 - 2.0**-53, 1.4142135, 0.70710678, 1e300, 1.7e308), 2.0, 0.0
    ),
    "log1p": Case(lambda t: t.log1p(), (0.4142, -0.2929, -0.5, -1 + 2.0**-53, 1e16, 1e300), 1.0, -1.0),
    "sqrt": Case(lambda t: t.sqrt(), (1.0, 2.0, 1e300, 1.7e308), 3.0, -1e-400),
    "sin": Case(lambda t: t.sin(), (*NEAR_PI, 1.6e6, 1.7e6, 1e22, 1e300), 10.0),
    "cos": Case(lambda t: t.cos(), (*NEAR_PI, 1.6e6, 1.7e6, 1e22, 1e300), 10.0),
    "tan": Case(lambda t: t.tan(), (*NEAR_PI, 1.6e6, 1e300), 3.0),
    "sinh": Case(lambda t: t.sinh(), (36.0, 700.0, -705.0, 709.0), 3.0),
    "cosh": Case(lambda t: t.cosh(), (36.0, 400.0, -700.0, 709.0), 3.0),
    "tanh": Case(lambda t: t.tanh(), (18.7, 19.9, -20.1, 22.0, 400.0, 1e300), 3.0),
    "asinh": Case(lambda t: t.asinh(), (1e8, -1e150, 1e160, 1.7e308), 3.0),
    "atan": Case(lambda t: t.atan(), (0.0625, 0.9375, 1.0, 1.0000001, -16.0, 1e17, 1e300), 3.0),
    "erf": Case(lambda t: t.erf(), (0.0625, -0.1875, 5.9, 6.0, -6.5, 27.0, 1e300), 3.0),
    "sigmoid": Case(lambda t: 1 / (1 + (-t).exp()), (36.0, -36.0, 700.0, -700.0, -745.0, -800.0), 5.0),
    "softplus": Case(lambda t: t.exp().log1p(), (36.0, -36.0, 700.0, -700.0, -745.0), 5.0),
    "abs": Case(abs, (1e300,), 1.0),
    "square": Case(lambda t: t * t, (1e-200, 1e150, 1e160), 3.0),
    "cube": Case(lambda t: t**3, (1e-110, 1e100, 1e120), 3.0, apply=lambda b: b**3),
    "fourth": Case(lambda t: t**4, (1e-80, 1e77, 1e90), 3.0, apply=lambda b: b**4),
    "eleventh": Case(lambda t: t**11, (1e-29, 1e27), 3.0, apply=lambda b: b**11),
    "inverse square": Case(lambda t: 1 / (t * t), (1e-140, 1e150), 3.0, apply=lambda b: b**-2),
    "square root by pow": Case(lambda t: t.sqrt(), (1.0, 1e300), 3.0, 0.0, lambda b: b.pow(Fraction(1, 2))),
}


def _midpoints(case: Case, rng: np.random.Generator) -> Floats:
    edges = np.array(TINIES + case.edges)
    spread = 10.0 ** rng.uniform(-308, 2, PER_KIND) * rng.choice([-1.0, 1.0], PER_KIND)
    middle = rng.uniform(-case.scale, case.scale, 2 * PER_KIND)
    near = np.repeat(edges, 4) * (1 + rng.uniform(-1e-15, 1e-15, 4 * edges.size))
    points = np.concatenate([edges, spread, middle, near, 8 * middle])
    return points[points > case.low]


def _radii(mid: Floats, rng: np.random.Generator) -> Floats:
    """Points, radii far below and above the narrow limit, relative to the midpoint or not."""
    kind = rng.integers(0, 5, mid.size)
    tiny = np.abs(mid) * 10.0 ** rng.uniform(-17, -1, mid.size)
    small, medium = 10.0 ** rng.uniform(-12, -1, mid.size), rng.uniform(0, 4, mid.size)
    return np.choose(kind, [np.zeros(mid.size), tiny, small, medium, np.abs(mid) * 1.0])


def _inside(value: arb, mid: float, rad: float) -> bool:
    if rad == np.inf:
        return True
    if not (np.isfinite(mid) and rad >= 0.0):  # an unmapped NaN contains nothing
        return False
    with exactly():
        low, high = arb(mid) - arb(rad), arb(mid) + arb(rad)
    return bool(low <= value) and bool(value <= high)


def unary_violations(name: str, seed: int = 0) -> tuple[int, int]:
    """Return how many true values were missed and how many finite balls were tried."""
    case, rng = CASES[name], np.random.default_rng(seed)
    mid = _midpoints(case, rng)
    rad = _radii(mid, rng)
    balls = BallArray(mid, rad)
    result = case.apply(balls) if case.apply else getattr(balls, name)()
    missed = 0
    finite = int(np.isfinite(result.rad).sum())
    for m, r, y, e in zip(mid.tolist(), rad.tolist(), result.mid.tolist(), result.rad.tolist(), strict=True):
        for t in MEMBERS if r > 0.0 else (0.0,):
            with exactly(name in ROUNDING_FREE):
                member = arb(m) + arb(r) * arb(t)
                if member > case.low:
                    missed += not _inside(case.truth(member), y, e)
    return missed, finite


@pytest.mark.parametrize("name", CASES)
def test_balls_of_functions_contain_the_truth(name: str) -> None:
    missed, finite = unary_violations(name)
    assert missed == 0
    assert finite > 500  # an honest answer that is always the whole line would be no answer


BINARY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[arb, arb], arb]]] = {
    "add": (lambda a, b: a + b, lambda s, t: s + t),
    "subtract": (lambda a, b: a - b, lambda s, t: s - t),
    "multiply": (lambda a, b: a * b, lambda s, t: s * t),
    "divide": (lambda a, b: a / b, lambda s, t: s / t),
    "maximum": (lambda a, b: a.max(b), lambda s, t: s.max(t)),
    "minimum": (lambda a, b: a.min(b), lambda s, t: s.min(t)),
    "union": (lambda a, b: a.union(b), lambda s, _: s),
}


def _operands(rng: np.random.Generator) -> tuple[Floats, Floats]:
    edges = np.array([*TINIES, 1.0, -1.0, 0.1, 1e150, 1e154, -1e160, 1e308, 1.7976931348623157e308])
    wide = 10.0 ** rng.uniform(-320, 307, PER_KIND) * rng.choice([-1.0, 1.0], PER_KIND)
    mid = np.concatenate([edges, wide, rng.normal(size=4 * PER_KIND)])
    return rng.permutation(mid), rng.permutation(mid)


def binary_violations(name: str, seed: int = 1) -> tuple[int, int]:
    """Return how many true values were missed and how many finite balls were tried."""
    rng = np.random.default_rng(seed)
    operation, truth = BINARY[name]
    (a, b), missed = _operands(rng), 0
    ra, rb = _radii(a, rng), _radii(b, rng)
    result = operation(BallArray(a, ra), BallArray(b, rb))
    rows = zip(*(x.tolist() for x in (a, ra, b, rb, result.mid, result.rad)), strict=True)
    for m, r, n, q, y, e in rows:
        for s, t in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0), (0.0, 0.0), (0.25, -0.875)):
            with exactly(name in ROUNDING_FREE):
                left, right = arb(m) + arb(r) * arb(s), arb(n) + arb(q) * arb(t)
                if not (name == "divide" and right.is_zero()):
                    missed += not _inside(truth(left, right), y, e)
    return missed, int(np.isfinite(result.rad).sum())


@pytest.mark.parametrize("name", BINARY)
def test_balls_of_operations_contain_the_truth(name: str) -> None:
    missed, finite = binary_violations(name)
    assert missed == 0
    assert finite > 1000


def sum_violations(seed: int = 2) -> int:
    """Return how many sums of members are missed, over lengths, scales and cancellation."""
    rng, missed = np.random.default_rng(seed), 0
    for n in (1, 2, 3, 7, 64, 1000, 4099):
        for spread in (0, 8, 30):
            mid = rng.normal(size=n) * 10.0 ** rng.uniform(-spread, spread, n)
            mid = np.concatenate([mid, -mid[: n // 2]])
            rad = np.abs(mid) * 1e-18 * rng.integers(0, 2)
            result = BallArray(mid, rad).sum()
            for t in (-1, 0, 1):
                exact = sum(
                    (Fraction(m) + t * Fraction(r) for m, r in zip(mid.tolist(), rad.tolist(), strict=True)),
                    Fraction(0),
                )
                missed += not abs(exact - Fraction(float(result.mid))) <= Fraction(float(result.rad))
    return missed


def test_sums_contain_the_truth() -> None:
    assert sum_violations() == 0


def bound_violations(seed: int = 3) -> int:
    """Return how many outward bounds are inside the ball."""
    rng = np.random.default_rng(seed)
    mid, _ = _operands(rng)
    rad = _radii(mid, rng)
    ball, missed = BallArray(mid, rad), 0
    rows = zip(
        *(x.tolist() for x in (mid, rad, ball.lower(), ball.upper(), ball.mig(), ball.mag())), strict=True
    )
    for m, r, low, high, mig, mag in rows:
        first, last = Fraction(m) - Fraction(r), Fraction(m) + Fraction(r)
        missed += not low <= first  # Python compares a float, also an infinite one, with a fraction exactly
        missed += not high >= last
        missed += not mig <= max(first, -last, Fraction(0))
        missed += not mag >= max(last, -first)
    return missed


def test_bounds_are_outward() -> None:
    assert bound_violations() == 0


def constant_violations() -> int:
    """Return how many rationals are missed by their ball."""
    rng, missed = np.random.default_rng(4), 0
    for p, q in [
        (1, 3),
        (1, 10),
        (2, 7),
        (10**25 + 1, 10**7),
        (1, 3 * 10**310),
        *rng.integers(1, 10**9, (200, 2)).tolist(),
    ]:
        ball = BallArray.from_fraction(p, q)
        missed += not abs(Fraction(p, q) - Fraction(float(ball.mid))) <= Fraction(float(ball.rad))
        scaled = BallArray([1.0]) * Fraction(p, q) * q
        missed += not (scaled.lower()[0] <= p <= scaled.upper()[0])
    return missed


def test_rational_constants_are_enclosed() -> None:
    assert constant_violations() == 0
    assert BallArray.from_fraction(3, 8).rad == 0.0


CHECKS: dict[str, Callable[[], int]] = {
    **{name: lambda name=name: unary_violations(name)[0] for name in CASES},  # type: ignore[misc]
    **{name: lambda name=name: binary_violations(name)[0] for name in BINARY},  # type: ignore[misc]
    "sum": sum_violations,
    "bounds": bound_violations,
    "constants": constant_violations,
}

_add, _multiply, _divide = ball_arithmetic.add, ball_arithmetic.multiply, ball_arithmetic.divide


def _blind_to_second(operation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, ra, b, rb: operation(a, ra, b, 0.0 * np.where(rb < np.inf, rb, 0.0))


def _multiply_without_rounding(a: Floats, ra: Floats, b: Floats, rb: Floats) -> Any:
    with np.errstate(all="ignore"):
        return ball_rounding.canonical(a * b, np.abs(a) * rb + (np.abs(b) + rb) * ra)


def _plain_total(mid: Floats, rad: Floats) -> Any:
    return mid.sum(axis=0), rad.sum(axis=0)


def _inward(mid: Floats, rad: Floats) -> Any:
    return mid - rad + np.abs(mid - rad) * 2.0**-52


def _nearest_constant(value: Any) -> Any:
    return np.array(float(value) if abs(value) < 2**1000 else 0.0), np.array(0.0)


MUTANTS: dict[str, tuple[Any, str, Any, str]] = {
    "product without its rounding term": (
        ball_arithmetic,
        "multiply",
        _multiply_without_rounding,
        "multiply",
    ),
    "sum without its rounding term": (ball_arithmetic, "ROUND", 0.0, "add"),
    "quotient without its rounding term": (ball_arithmetic, "ROUND", 0.0, "divide"),
    "absolute term forgotten": (ball_arithmetic, "TINY", 0.0, "multiply"),
    "sum forgets the second radius": (ball_arithmetic, "add", _blind_to_second(_add), "add"),
    "product forgets the second radius": (
        ball_arithmetic,
        "multiply",
        _blind_to_second(_multiply),
        "multiply",
    ),
    "quotient forgets the second radius": (ball_arithmetic, "divide", _blind_to_second(_divide), "divide"),
    "radii not inflated, rounded down": (ball_arithmetic, "INFLATE", 1.0 - 2.0**-50, "add"),
    "NaN and overflow not mapped": (
        ball_arithmetic,
        "canonical",
        lambda m, r: (np.asarray(m), np.asarray(r)),
        "divide",
    ),
    "tree sum without a bound": (ball_arithmetic, "total", _plain_total, "sum"),
    "lower bound rounded inward": (ball_storage, "lower_bound", _inward, "bounds"),
    "mignitude rounded inward": (ball_arithmetic, "lower_bound", _inward, "bounds"),
    "constants rounded, radius 0": (ball_storage, "scalar_ball", _nearest_constant, "constants"),
    "exp: error halved": (ball_exp, "EXP_REL", 0.5 * ball_exp.EXP_REL, "exp"),
    "exp: one Taylor term less": (ball_exp, "_Q", ball_exp._Q[1:], "exp"),
    "exp: ln 2 without its tail": (ball_exp, "LN2_LOW", 0.0, "exp"),
    "expm1: error divided by 4": (ball_exp, "EXPM1_REL", 0.25 * ball_exp.EXPM1_REL, "expm1"),
    "tanh: error divided by 4": (ball_exp, "TANH_REL", 0.25 * ball_exp.TANH_REL, "tanh"),
    "underflow forgotten": (ball_exp, "TINY", 0.0, "exp"),
    "log: two terms less": (ball_log, "_W", ball_log._W[2:], "log"),
    "log1p: two terms less": (ball_log, "_W", ball_log._W[2:], "log1p"),
    "sin: two terms less": (ball_trig, "_S", ball_trig._S[2:], "sin"),
    "sin: pi in two parts": (ball_trig, "P3", 0.0, "sin"),
    "cos: reduction used beyond its range": (ball_trig, "FAR", 1e300, "cos"),
    "atan: two terms less": (ball_atan, "_P", ball_atan._P[2:], "atan"),
    "erf: error divided by 6": (ball_erf, "ERF_REL", ball_erf.ERF_REL / 6.0, "erf"),
    "slopes halved": (ball_lift, "GROWTH", 0.5, "asinh"),
    "peaks overlooked": (ball_trig, "contains_peak", lambda low, *_: np.zeros(low.shape, np.bool_), "sin"),
    "poles overlooked": (ball_trig, "contains_peak", lambda low, *_: np.zeros(low.shape, np.bool_), "tan"),
    "wide balls cut at the upper end": (ball_lift, "upper_bound", lambda m, _: m, "softplus"),
}


@pytest.mark.parametrize("bug", MUTANTS)
def test_seeded_bugs_are_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, replacement, check = MUTANTS[bug]
    monkeypatch.setattr(module, attribute, replacement)
    with np.errstate(all="ignore"):
        assert CHECKS[check]() > 0


def test_the_catcher_rejects_a_ball_one_unit_too_small() -> None:
    third = arb(1) / 3
    assert _inside(third, 1 / 3, 2.0**-55)
    assert not _inside(third, 1 / 3, 2.0**-56)
    assert not _inside(third, np.nan, 1.0)
    assert not _inside(third, 0.0, np.nan)


def test_squares_of_narrow_balls_are_those_beside_wide_ones_and_contain_the_truth() -> None:
    # without a ball near 0 among them, squares take a shorter way
    sizes = np.concatenate([[0.0, 5e-324, 1e-310], 10.0 ** np.linspace(-170, 150, 641)])
    for share in (2.0**-60, 1e-16, 0.1, 0.25):
        mid = np.concatenate([sizes, -sizes])
        rad = np.abs(mid) * share
        rad[4 * rad > np.abs(mid)] = 0.0  # subnormal products are rounded
        alone, beside = BallArray(mid, rad).square(), BallArray([*mid, 0.0], [*rad, 1.0]).square()
        assert (alone.mid == beside.mid[:-1]).all()
        assert (alone.rad == beside.rad[:-1]).all()
        for m, r, square, error in zip(*(a.tolist() for a in (mid, rad, alone.mid, alone.rad)), strict=True):
            for end in (Fraction(m) - Fraction(r), Fraction(m) + Fraction(r)):
                assert abs(end**2 - Fraction(square)) <= Fraction(error)
            assert square >= error or square <= ball_rounding.NORMAL
