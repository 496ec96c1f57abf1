"""Complex rectangles against acb: honest everywhere, infinite at cuts and kinks, a few times too wide at most."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import acb, arb, ctx
from numpy.typing import NDArray

from elboproof.numbers import ball_arithmetic, ball_complex_functions
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray

Floats = NDArray[np.float64]
N = 260
RADII = (0.0, 1e-13, 1e-4, 0.1, 0.7)


@pytest.fixture(autouse=True)
def precision() -> Any:
    before, ctx.prec = ctx.prec, 200
    yield
    ctx.prec = before


def _erf(z: acb) -> acb:
    """For large |Re z| the imaginary part is below 1e-60 and acb needs bits to see it."""
    before, ctx.prec = ctx.prec, 700 if abs(z.real) > 5 else ctx.prec
    value = z.erf()
    ctx.prec = before
    return value


TRUTHS: dict[str, Callable[[acb], acb]] = {
    "exp": lambda z: z.exp(),
    "expm1": lambda z: z.expm1(),
    "sin": lambda z: z.sin(),
    "cos": lambda z: z.cos(),
    "tan": lambda z: z.tan(),
    "sinh": lambda z: z.sinh(),
    "cosh": lambda z: z.cosh(),
    "tanh": lambda z: z.tanh(),
    "sigmoid": lambda z: 1 / (1 + (-z).exp()),
    "softplus": lambda z: (1 + z.exp()).log() if z.real < 0 else z + (1 + (-z).exp()).log(),
    "log": lambda z: z.log(),
    "log1p": lambda z: z.log1p(),
    "sqrt": lambda z: z.sqrt(),
    "asinh": lambda z: z.asinh(),
    "atan": lambda z: z.atan(),
    "erf": _erf,
    "square": lambda z: z * z,
    "cube": lambda z: z**3,
    "seventh": lambda z: z**7,
    "inverse": lambda z: 1 / z,
    "abs": lambda z: z if z.real > 0 else -z,
    "sign": lambda z: acb(1 if z.real > 0 else -1),
    "pow": lambda z: (z.log() / 3).exp(),
}
POWERS: dict[str, Callable[[ComplexBallArray], ComplexBallArray]] = {
    "cube": lambda z: z**3,
    "seventh": lambda z: z**7,
    "inverse": lambda z: z**-1,
    "pow": lambda z: z.pow(BallArray.from_fraction(1, 3)),
}


def _apply(name: str, z: ComplexBallArray) -> ComplexBallArray:
    return POWERS[name](z) if name in POWERS else getattr(z, name)()


def _grid(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    parts = [
        (rng.uniform(-3, 3, N), rng.uniform(-3, 3, N), r * rng.uniform(0, 1, N), r * rng.uniform(0, 1, N))
        for r in RADII
    ]
    a, b, r, s = (np.concatenate(p) for p in zip(*parts, strict=True))
    a[::7], r[::11], s[::13] = 0.0, 0.0, 0.0
    b[::9] = 0.0
    a[::5] *= 4.0
    return a, b, r, s


def _within(value: arb, ball: BallArray, i: int) -> bool:
    return bool(abs(value - arb(float(ball.mid[i]))) <= arb(float(ball.rad[i])))


def violations(name: str, seed: int = 0) -> tuple[int, int]:
    """Return how many true values were missed and how many finite rectangles were tried."""
    a, b, r, s = _grid(seed)
    result = _apply(name, ComplexBallArray(BallArray(a, r), BallArray(b, s)))
    finite = np.isfinite(result.real.rad) & np.isfinite(result.imag.rad)
    missed = 0
    for i in np.flatnonzero(finite).tolist():
        for t, q in ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (0.375, -0.75)):
            z = acb(arb(float(a[i])) + arb(float(r[i])) * t, arb(float(b[i])) + arb(float(s[i])) * q)
            w = TRUTHS[name](z)
            missed += not (_within(w.real, result.real, i) and _within(w.imag, result.imag, i))
    return missed, int(finite.sum())


@pytest.mark.parametrize("name", TRUTHS)
def test_rectangles_contain_the_truth(name: str) -> None:
    missed, finite = violations(name)
    assert missed == 0
    assert finite > 600


def test_operations_contain_the_truth() -> None:
    a, b, r, s = _grid(1)
    c, d, p, q = _grid(2)
    z, w = (
        ComplexBallArray(BallArray(a, r), BallArray(b, s)),
        ComplexBallArray(BallArray(c, p), BallArray(d, q)),
    )
    tasks = {"+": (z + w), "-": (z - w), "*": (z * w), "/": (z / w)}
    finite = 0
    for i in range(a.size):
        for t in (1.0, -1.0, 0.5):
            left = acb(arb(float(a[i])) + arb(float(r[i])) * t, arb(float(b[i])) - arb(float(s[i])) * t)
            right = acb(arb(float(c[i])) - arb(float(p[i])) * t, arb(float(d[i])) - arb(float(q[i])) * t)
            exact = {"+": left + right, "-": left - right, "*": left * right}
            if np.isfinite(tasks["/"].real.rad[i]):
                exact["/"], finite = left / right, finite + 1
            for name, value in exact.items():
                assert _within(value.real, tasks[name].real, i), (name, i)
                assert _within(value.imag, tasks[name].imag, i), (name, i)
    assert finite > 1500


def _blind(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda z: function((BallArray(z[0].mid), z[1]))


def _halved(centre: Any, radius: BallArray) -> Any:
    disc = BallArray(np.zeros(radius.shape), 0.3 * radius.mag())
    return centre[0] + disc, centre[1] + disc


MUTANTS: dict[str, tuple[Any, str, Any, str]] = {
    "exp forgets the real radius": (ball_complex_functions, "exp", _blind(ball_complex_functions.exp), "exp"),
    "disc shrunk, quotient": (ball_complex_functions, "_spread", _halved, "inverse"),
    "disc shrunk, erf": (ball_complex_functions, "_spread", _halved, "erf"),
    "disc shrunk, atan": (ball_complex_functions, "_spread", _halved, "atan"),
    "cut overlooked": (ball_complex_functions, "_off_cut", lambda z: np.ones(z[0].shape, np.bool_), "log"),
    "cuts of atan overlooked": (
        ball_complex_functions,
        "_off_imaginary_cuts",
        lambda z: np.ones(z[0].shape, np.bool_),
        "asinh",
    ),
    "strip of softplus overlooked": (ball_complex_functions, "BELOW_PI", 1e9, "softplus beyond"),
    "real products without rounding": (ball_arithmetic, "ROUND", 0.0, "square"),
}


@pytest.mark.parametrize("bug", MUTANTS)
def test_seeded_bugs_are_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, replacement, check = MUTANTS[bug]
    monkeypatch.setattr(module, attribute, replacement)
    if check == "softplus beyond":
        assert np.isfinite(ComplexBallArray(BallArray([1.0]), BallArray([3.5])).softplus().real.rad).all()
    else:
        assert violations(check)[0] > 0


@pytest.mark.parametrize(
    ("name", "z", "analytic"),
    [
        ("log", (1.0, 0.0), True),
        ("log", (-1.0, 0.5), True),
        ("log", (-1.0, 0.05), False),
        ("log", (0.05, 0.0), False),
        ("sqrt", (-1.0, 0.0), False),
        ("sqrt", (-1.0, -0.2), True),
        ("sqrt", (-1.0, 0.05), False),  # the midpoint is off the cut, the rectangle is not
        ("sqrt", (0.05, 0.0), False),
        ("asinh", (0.0, 0.8), True),
        ("asinh", (0.0, 0.95), False),
        ("asinh", (0.2, 2.0), True),
        ("atan", (0.05, -1.5), False),
        ("atan", (-0.2, -1.5), True),
        ("log1p", (-0.8, 0.0), True),
        ("log1p", (-1.0, 0.0), False),
        ("softplus", (0.0, 3.0), True),
        ("softplus", (5.0, 3.1), False),
        ("softplus", (-5.0, -3.1), False),
        ("tanh", (0.0, 1.4), True),
        ("tanh", (0.0, 1.5), False),
        ("tan", (1.5, 0.05), False),
        ("tan", (1.5, 0.3), True),
        ("sigmoid", (0.0, 3.1), False),
        ("abs", (0.2, 1.0), True),
        ("abs", (0.05, 1.0), False),
        ("sign", (-0.05, 1.0), False),
        ("inverse", (0.05, 0.05), False),
        ("inverse", (0.2, 0.2), True),
    ],
)
def test_radii_are_infinite_exactly_where_a_singularity_is_touched(
    name: str, z: tuple[float, float], analytic: bool
) -> None:
    result = _apply(name, ComplexBallArray(BallArray([z[0]], 0.1), BallArray([z[1]], 0.1)))
    assert np.isfinite(result.abs_upper()).all() == analytic


NEAR_ZERO = ((1.0, 0.0, 0.99, 0.0), (1.0, 0.0, 1 - 1e-6, 0.0), (0.0, 1.0, 0.0, 0.99), (-1.0, 2.0, 1.0, 1.99))


@pytest.mark.parametrize("where", NEAR_ZERO)
def test_roots_of_rectangles_that_reach_almost_to_zero_contain_the_truth(
    where: tuple[float, float, float, float],
) -> None:
    """The derivative is unbounded at 0: the radius is that of the nearest point, not of the midpoint."""
    a, b, r, s = where
    root = ComplexBallArray(BallArray([a], r), BallArray([b], s)).sqrt()
    assert np.isfinite(root.abs_upper()).all()
    for t in np.linspace(-1, 1, 21).tolist():
        for q in (-1.0, 0.0, 1.0):
            w = acb(arb(a) + arb(r) * arb(t), arb(b) + arb(s) * arb(q)).sqrt()
            assert _within(w.real, root.real, 0)
            assert _within(w.imag, root.imag, 0)


BOUNDED = ("sin", "cos", "tanh", "sigmoid", "atan", "erf", "sign")


@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_functions_of_undefined_arguments(name: str) -> None:
    """Real balls: bounds of what value there is. Rectangles: a finite one would say *analytic*. FLINT: no number."""
    undefined, rectangle = BallArray([-1.0]).log(), ComplexBallArray(BallArray([-1.0])).log()
    image = getattr(undefined, name)()
    members = getattr(BallArray([-1e300, -2.5, -0.5, 0.0, 0.5, 1.25, 3.0, 1e300]), name)()
    assert np.isinf(undefined.rad).all()
    assert np.isfinite(image.rad).all()
    assert image.contains(members.mid).all()
    assert np.isinf(getattr(rectangle, name)().abs_upper()).all()
    if name != "sign":  # arb.sgn knows no NaN either
        truth = TRUTHS[name](acb(arb(-1).log())) if name == "sigmoid" else getattr(arb(-1).log(), name)()
        assert not truth.is_finite()


@pytest.mark.parametrize("name", [n for n in TRUTHS if n not in BOUNDED])
def test_other_functions_keep_undefined_arguments_undefined(name: str) -> None:
    lost = BallArray([0.0], np.inf)
    assert np.isinf(_apply(name, ComplexBallArray(lost, lost)).abs_upper()).all()
    power: dict[str, Callable[[BallArray], BallArray]] = {
        "cube": lambda t: t**3,
        "seventh": lambda t: t**7,
        "inverse": lambda t: 1 / t,
        "pow": lambda t: t.pow(BallArray.from_fraction(1, 3)),
    }
    real = power[name](lost) if name in power else getattr(lost, name)()
    assert np.isinf(real.rad).all()


def test_max_and_min_follow_the_real_parts() -> None:
    z = ComplexBallArray(BallArray([1.0, 3.0, 1.0], 0.1), BallArray([5.0, 6.0, 7.0]))
    greater, lesser = z.max(2), z.min(2)
    assert greater.real.mid.tolist() == [2.0, 3.0, 2.0]
    assert lesser.imag.mid.tolist() == [5.0, 0.0, 7.0]
    assert z.max(1.05).real.rad.tolist() == [np.inf, 0.1, np.inf]


def test_bounds_are_at_most_a_few_times_too_wide() -> None:
    rng = np.random.default_rng(3)
    a, b, r = rng.uniform(-1.5, 1.5, 400), rng.uniform(-0.6, 0.6, 400), 0.01
    z = ComplexBallArray(BallArray(a, r), BallArray(b, r))
    corners = [complex(x, y) for x in (-r, 0, r) for y in (-r, 0, r)]
    for name in ("exp", "sin", "tanh", "sigmoid", "softplus", "atan", "asinh", "erf"):
        values = np.array(
            [[complex(TRUTHS[name](acb(c + d))) for d in corners] for c in (a + 1j * b).tolist()]
        )
        diameter = np.abs(values - values[:, 4:5]).max(axis=1)
        result = _apply(name, z)
        limit = 90.0 if name == "erf" else 4.0  # erf starts its path on the real axis: |Im z| / r = 60 times
        assert np.all(np.hypot(result.real.rad, result.imag.rad) <= limit * diameter), name


def test_modulus_is_an_upper_bound_and_does_not_overflow() -> None:
    z = ComplexBallArray(
        BallArray([3.0, 1e200, 1e-200, 0.0, 1.0]),
        BallArray([4.0, 1e200, 1e-200, 0.0, 0.0], [0, 0, 0, 0, np.inf]),
    )
    upper = z.abs_upper()
    assert 5.0 <= upper[0] <= 5.0 * (1 + 1e-14)
    assert 2**0.5 * 1e200 <= upper[1] <= 1.4142135624e200
    assert 2**0.5 * 1e-200 <= upper[2] <= 1.4142135624e-200
    assert upper[3:].tolist() == [0.0, np.inf]


def test_mixing_making_and_shaping() -> None:
    z = ComplexBallArray.exact([1 + 2j, -3.0])
    ball = BallArray([2.0, 2.0])
    unknown: Any = ball  # mypy sees BallArray.__add__ only, Python goes on to ComplexBallArray.__radd__
    for result in (z + ball, unknown + z, z + 2, 2 + z, z + np.array([2.0, 2.0]), z + (2 + 0j)):
        assert result.real.mid.tolist() == [3.0, -1.0]
    assert (1j * z).real.mid.tolist() == [-2.0, 0.0]
    assert (unknown / z).contains(2 / (1 + 2j)).tolist() == [True, False]
    assert (1 - z).imag.mid.tolist() == [-2.0, 0.0]
    assert (z**0).real.mid.tolist() == [1.0, 1.0]
    assert z.union(0).contains(0.5 + 1j).tolist() == [True, False]
    assert z.sum().real.mid == -2.0
    assert z.reshape(2, 1).shape == (2, 1)
    assert ComplexBallArray.concatenate([z, z]).shape == (4,)
    assert (z[0].shape, z.ndim, z.size, len(z)) == ((), 1, 2, 2)
    assert "ComplexBallArray(real=" in repr(z)
    chosen = ComplexBallArray.where(np.array([True, False]), z, -z)
    assert chosen.real.mid.tolist() == [1.0, 3.0]


def test_nonsense_is_refused() -> None:
    z = ComplexBallArray(BallArray([1.0]))
    with pytest.raises(TypeError, match=r"real: got 1.0 .*expected a BallArray"):
        ComplexBallArray(1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"imag: got 'a' .*expected a BallArray"):
        ComplexBallArray(BallArray([1.0]), "a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"imag: got shape \(3,\); expected one that broadcasts with \(2,\)"):
        ComplexBallArray(BallArray([1.0, 2.0]), BallArray([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match="exponent: got 'x'"):
        z.pow("x")
    with pytest.raises(TypeError, match=r"n: got 0.5 .*integer exponent"):
        z**0.5  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"other: got None"):
        z.max(None)
    with pytest.raises(TypeError):
        z + "1"
