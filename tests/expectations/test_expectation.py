"""ep.expectation: more than 200 instances against other routes, hard ones, and what it refuses."""

import pickle
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import mpmath
import numpy as np
import pytest
import sympy

import elboproof as ep
from elboproof.expectations import expectation as module
from elboproof.numbers.undecided import Undecided

mp = mpmath.mp.clone()
mp.dps = 30
Number: TypeAlias = Any  # of mpmath, which has no types
Line = Callable[[Number], Number]


def assert_encloses(enclosure: ep.Enclosure, truth: Number, digits: float) -> None:
    assert mpmath.mpf(float(enclosure.lower)) <= truth <= mpmath.mpf(float(enclosure.upper))
    assert float(enclosure.width) <= 2 * 10.0**-digits + 4 * np.spacing(abs(float(truth)))


def by_mpmath(g: Line, mean: Number, variance: Number, kinks: tuple[float, ...] = ()) -> Number:
    """E[g] by Gauss-Legendre on pieces of [m - 13 s, m + 13 s]; outside lies 1e-37 of the mass."""
    scale = mp.sqrt(variance)

    def integrand(u: Number) -> Number:
        return mp.exp(-u * u / 2) * g(mean + scale * u)

    places = {mp.mpf(k) for k in range(-13, 14)} | {(mp.mpf(k) - mean) / scale for k in kinks}
    inside = sorted(p for p in places if abs(p) <= 13)
    return mp.quad(integrand, inside, method="gauss-legendre") / mp.sqrt(2 * mp.pi)


def _sigmoid(t: Number) -> Number:
    return 1 / (1 + mp.exp(-t))


LINES: list[tuple[str, Callable[[Number, Number], Line], tuple[float, ...]]] = [
    ("tanh({a}*z + {b})", lambda a, b: lambda z: mp.tanh(a * z + b), ()),
    ("sigmoid({a}*z + {b})**2 * z", lambda a, b: lambda z: _sigmoid(a * z + b) ** 2 * z, ()),
    ("log(1 + ({a}*z + {b})**2)", lambda a, b: lambda z: mp.log(1 + (a * z + b) ** 2), ()),
    ("sqrt(2 + sin({a}*z + {b}))", lambda a, b: lambda z: mp.sqrt(2 + mp.sin(a * z + b)), ()),
    ("erf({a}*z) * exp({b}*z)", lambda a, b: lambda z: mp.erf(a * z) * mp.exp(b * z), ()),
    ("(z + {b})**2 / (1 + {a}**2*z**2)", lambda a, b: lambda z: (z + b) ** 2 / (1 + (a * z) ** 2), ()),
    ("softplus({a}*z - {b})", lambda a, b: lambda z: mp.log1p(mp.exp(a * z - b)), ()),
    ("z**3 - {a}*z + exp({b}*z)", lambda a, b: lambda z: z**3 - a * z + mp.exp(b * z), ()),
    ("cos({a}*z)*z**2 + sinh({b}*z)", lambda a, b: lambda z: mp.cos(a * z) * z**2 + mp.sinh(b * z), ()),
    ("abs(z)*{a} + {b}", lambda a, b: lambda z: abs(z) * a + b, (0.0,)),
    ("relu(z)*cos({a}*z + {b})", lambda a, b: lambda z: max(z, mp.mpf(0)) * mp.cos(a * z + b), (0.0,)),
    ("max({a}*z, {b}*z)", lambda a, b: lambda z: max(a * z, b * z), (0.0,)),
]
"""Expressions in z with numbers a, b in [-1, 1]; the same for mpmath; and where the kinks are."""
DRAWS = 14


@pytest.mark.parametrize("k", range(len(LINES)))
def test_expressions_on_the_line_agree_with_mpmath(k: int) -> None:
    text, made, kinks = LINES[k]
    rng = np.random.default_rng(k)
    for _ in range(DRAWS):
        a, b = (f"{x:.3f}" for x in rng.uniform(-1, 1, size=2))
        mean, variance = f"{rng.normal():.3f}", f"{rng.uniform(0.05, 2):.3f}"
        found = ep.expectation(text.format(a=f"({a})", b=f"({b})"), ep.GaussianPosterior(mean, variance), 9)
        truth = by_mpmath(made(mp.mpf(a), mp.mpf(b)), mp.mpf(mean), mp.mpf(variance), kinks)
        assert_encloses(found, truth, 9)


def _drawn(rng: np.random.Generator, d: int) -> tuple[list[str], list[list[str]]]:
    """Return a mean and a covariance W W' + I/10 with short decimals."""
    W = np.round(rng.uniform(-0.6, 0.6, size=(d, d)), 2)
    S = W @ W.T + 0.1 * np.eye(d)
    return [f"{m:.3f}" for m in rng.normal(size=d)], [[f"{s:.4f}" for s in row] for row in S]


RIDGES: dict[str, Line] = {"tanh": mp.tanh, "softplus": lambda t: mp.log1p(mp.exp(t)), "sin": mp.sin}


@pytest.mark.parametrize(("d", "draws", "digits"), [(2, 15, 8), (3, 5, 5)])
@pytest.mark.parametrize("name", RIDGES)
def test_ridges_agree_with_the_integral_over_their_own_line(
    name: str, d: int, draws: int, digits: int
) -> None:
    """w'z is Gaussian with mean w'm and variance w'Sw."""
    rng = np.random.default_rng(d)
    for _ in range(draws):
        mean, covariance = _drawn(rng, d)
        w = [f"{x:.2f}" for x in rng.uniform(-1, 1, size=d)]
        inner = " + ".join(f"({x})*z_{k}" for k, x in enumerate(w))
        found = ep.expectation(f"{name}({inner})", ep.GaussianPosterior(mean, covariance), digits)
        m = sum((mp.mpf(x) * mp.mpf(y) for x, y in zip(w, mean, strict=True)), mp.mpf(0))
        s = sum(mp.mpf(w[i]) * mp.mpf(covariance[i][j]) * mp.mpf(w[j]) for i in range(d) for j in range(d))
        assert_encloses(found, by_mpmath(RIDGES[name], m, s), digits)


def test_products_of_independent_latents_factor() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        means, variances = rng.normal(size=2).round(3), rng.uniform(0.1, 1, size=2).round(3)
        q = ep.GaussianPosterior([str(m) for m in means], [str(v) for v in variances])
        found = ep.expectation("tanh(u)*log(1 + v**2)", q, 8, latent=["u", "v"])
        factors = [
            by_mpmath(g, mp.mpf(str(m)), mp.mpf(str(v)))
            for g, m, v in zip((mp.tanh, lambda t: mp.log(1 + t * t)), means, variances, strict=True)
        ]
        assert_encloses(found, factors[0] * factors[1], 8)


@pytest.mark.parametrize(
    "g", ["z_0**2*z_1 + 1", "exp(z_0 - z_1/2)*z_1", "sin(z_0)*cos(2*z_1)", "expm1(z_0/3)"]
)
def test_closed_form_and_quadrature_agree(g: str, monkeypatch: pytest.MonkeyPatch) -> None:
    q = ep.GaussianPosterior(["0.3", "-0.2"], [["1/4", "1/10"], ["1/10", "1/2"]])
    exact = ep.expectation(g, q, 15)
    monkeypatch.setattr(module, "_closed_form", lambda _: None)
    wide = ep.expectation(g, q, 8)
    assert float(wide.lower) <= float(exact.lower) <= float(exact.upper) <= float(wide.upper)


# -- hard ones --


def test_a_kink_in_the_plane_is_proved_as_far_as_it_goes() -> None:
    q = ep.GaussianPosterior([0, 0], [[1, "0.3"], ["0.3", 2]])
    found = ep.expectation("abs(z_0 + z_1)", q, 3)
    assert_encloses(found, mp.sqrt(2 * mp.mpf("3.6") / mp.pi), 3)


def test_latents_that_do_not_occur_cost_nothing() -> None:
    q = ep.GaussianPosterior(["0.3"] * 12, ["1/4"] * 12)
    one = ep.expectation("tanh(z)", ep.GaussianPosterior("0.3", "1/4"), 10)
    found = ep.expectation("tanh(z_7)", q, 10)
    assert float(found.lower) <= float(one.upper)
    assert float(one.lower) <= float(found.upper)


def test_moments_of_many_latents_are_exact() -> None:
    q = ep.GaussianPosterior([1] * 9, [1] * 9)
    found = ep.expectation(f"{'*'.join(f'z_{k}**2' for k in range(6))} + z_7*exp(z_8)", q)
    assert_encloses(found, mp.mpf(64) + mp.exp(mp.mpf(3) / 2), 10)


@pytest.mark.parametrize(
    ("g", "reason"),
    [
        ("exp(z**2)", "an exponential of something that may grow faster than linearly"),
        ("exp(exp(z))", "an exponential of something that may grow faster than linearly"),
        ("1/z", "a division by something that is not bounded away from 0"),
        ("tan(z)", "a tangent"),
    ],
)
def test_growth_without_a_bound_is_undecided_and_says_why(g: str, reason: str) -> None:
    with pytest.raises(
        Undecided, match=rf"1 of 1 expectations undecided; the first is g\[0\]: none.*{reason}"
    ) as caught:
        ep.expectation(g, ep.GaussianPosterior(0, 1))
    assert float(caught.value.enclosure.lower[0]) == -np.inf
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert str(copy) == str(caught.value)


def test_a_limit_is_kept_and_what_was_found_holds() -> None:
    q = ep.GaussianPosterior([0, 0, 0], [1, 1, 2])
    start = time.monotonic()
    with pytest.raises(Undecided, match=r"g\[1\]: .*of 9 digits proved; stopped by") as caught:
        ep.expectation(["z_0", "abs(z_0 + z_1 + z_2)"], q, 9, seconds=1)
    assert time.monotonic() - start < 8  # the limit, the grace, and a loaded machine
    assert caught.value.statuses[0] == ""
    assert caught.value.enclosure.lower[1] <= float(mp.sqrt(8 / mp.pi)) <= caught.value.enclosure.upper[1]


def test_shapes_names_and_sympy() -> None:
    q = ep.GaussianPosterior([0, 1], [1, 2])
    u, v = sympy.symbols("u v", real=True)
    assert ep.expectation([u * v, "v"], q, latent=["u", "v"]).lower.shape == (2,)
    assert ep.expectation(u + v, q, latent=["u", "v"]).contains(1.0)
    assert ep.expectation("3/2", q).contains(1.5)
    assert ep.expectation("z", ep.GaussianPosterior("1/4", 1)).contains(0.25)


Q = ep.GaussianPosterior(0, 1)
given: Any = ep.expectation  # as a caller without types sees it
Q4 = ep.GaussianPosterior([0] * 4, [1] * 4)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: given(3, Q),
            TypeError,
            "g: got 3 of type int; expected a string, a SymPy expression, or",
        ),
        (lambda: given([], Q), ValueError, r"g: got \[\]; expected at least one expression"),
        (
            lambda: given(["z", 1j], Q),
            TypeError,
            r"g\[1\]: got 1j of type complex; expected a string or a Sy",
        ),
        (
            lambda: given([["z"]], Q),
            TypeError,
            "g: got .* expected a string, a SymPy expression, or a list",
        ),
        (
            lambda: given("w", Q),
            ValueError,
            "g: got the name 'w' at character 1 .* one of the latents z",
        ),
        (
            lambda: given(sympy.Symbol("w"), Q),
            ValueError,
            "g: got the symbol 'w'.*only the latents z",
        ),
        (
            lambda: given("log(z)", Q),
            ValueError,
            r"g: got 'log\(z\)', which is not real at z = .*expression",
        ),
        (
            lambda: given(["z", "sqrt(z)"], Q),
            ValueError,
            r"g\[1\]: got 'sqrt\(z\)', which is not real",
        ),
        (lambda: given("z", (0, 1)), TypeError, "q: got .* expected an ep.GaussianPosterior"),
        (lambda: given("z", Q, 0), ValueError, "digits: got 0; expected a positive"),
        (lambda: given("z", Q, seconds=-1), ValueError, "seconds: got -1; expected a positive"),
        (
            lambda: given("a", Q, latent=["a", "b"]),
            ValueError,
            "latent: got .* as q has dimensions, 1",
        ),
        (
            lambda: given("a", Q, latent=1),
            TypeError,
            "latent: got 1 of type int; expected a name or a list",
        ),
        (
            lambda: given("exp", Q, latent="exp"),
            ValueError,
            "latent: got the name 'exp'; expected a name tha",
        ),
        (
            lambda: given("tanh(z_0 + z_1 + z_2 + z_3)", Q4),
            ValueError,
            r"g: got 'tanh.*; expected at most 3 latents, unless it is a short sum of terms c z\^k exp\(a.z\)",
        ),
        (
            lambda: given("z_0**20*z_1**20*z_2**20*z_3**20", Q4),
            ValueError,
            "g: got .*; expected at most 3 latents, unless it is a short sum",
        ),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
