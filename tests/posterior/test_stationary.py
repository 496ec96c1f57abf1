"""Stationary posteriors and gaps: existence, place, kind and ELBO, each by a second route."""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from flint import arb

import elboproof as ep
from elboproof.numbers.balls import working_precision
from elboproof.posterior import certification, equations, stationary_search
from elboproof.posterior.ascent import Guess
from elboproof.posterior.critical_points import critical_points, distinct
from elboproof.posterior.elbo import elbo_ball
from elboproof.posterior.equations import Equations, Reference, unknowns
from elboproof.posterior.stationary_point import StationaryPoint
from tests.posterior.routes import DIGITS, by_mpmath, gaussian_joint, number
from tests.timing import kept, started

X = [0.125, 0.25, -0.25, 0.5, -0.125, 0.25]


def network(inputs: int, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(inputs, 4), torch.nn.Tanh(), torch.nn.Linear(4, 6)]
    return torch.nn.Sequential(*layers).double()


# -- the equations --

PLANE = ep.LatentModel(["a", "b"], ["a + b/3", "b + a**2", "sin(a*1)"], ep.Gaussian("1/10"))
PLACE = Reference(
    [Fraction(1, 4), Fraction(-1, 8)], lambda: [[arb("0.3"), arb(0)], [arb("-0.2"), arb("0.4")]]
)


def both_routes(family: str) -> tuple[Any, Any]:
    """Return (gradient, Hessian) of the closed form's tape and of the quadrature's formulas."""
    given = Equations(PLANE, [Fraction(1, 2), Fraction(1, 3), Fraction(1, 5)], family, PLACE, np.inf)
    zero = [arb(0)] * len(given.wanted)
    closed = given.at(zero, (0.0, 0.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equations, "closed_forms", lambda *_: None)
        summed = given.at(zero, (1e-9, 1e-9))
    return closed, summed


def assert_same(closed: Any, summed: Any) -> None:
    pairs = [*zip(closed[0], summed[0], strict=True)]
    pairs += [pair for rows in zip(closed[1], summed[1], strict=True) for pair in zip(*rows, strict=True)]
    for one, other in pairs:
        assert one.overlaps(other)
        assert other.rad() < 1e-7


@pytest.mark.parametrize("family", ["full", "diagonal", "fixed"])
def test_gradient_and_hessian_by_tape_and_by_quadrature_agree(family: str) -> None:
    assert_same(*both_routes(family))


@pytest.mark.parametrize("mutant", ["halved", "without t"])
def test_a_wrong_hessian_is_seen(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = equations.hessian_of

    def wrong(wanted: Any, factor: Any, expected: Any) -> Any:
        matrix = right(wanted, factor, expected)
        if mutant == "halved":
            return [[entry / 2 for entry in row] for row in matrix]
        for k, u in enumerate(wanted):
            if u.diagonal:
                own = factor[u.row][u.row]
                matrix[k][k] = matrix[k][k] - own * (expected(1, (u.row,), u.factors) - own)
        return matrix

    monkeypatch.setattr(equations, "hessian_of", wrong)
    with pytest.raises(AssertionError):
        assert_same(*both_routes("full"))


def test_gradient_is_the_difference_quotient_of_the_elbo() -> None:
    given = Equations(PLANE, [Fraction(1, 2), Fraction(1, 3), Fraction(1, 5)], "full", PLACE, np.inf)
    step = Fraction(1, 2**30)
    with working_precision(200):
        gradient, _ = given.at([arb(0)] * len(given.wanted), (0.0, 0.0))
        for k, u in enumerate(given.wanted):
            values = []
            for sign in (1, -1):
                offset = [arb(0)] * len(given.wanted)
                offset[k] = sign * arb(step.numerator) / step.denominator
                q = PLACE.point(given.wanted, offset)
                values.append(
                    elbo_ball(PLANE, given.data(), list(q.mean), [list(row) for row in q.factor], 200)
                )
            quotient = (values[0] - values[1]) * 2**29
            assert abs(quotient - gradient[k]) < 1e-12, u


def test_numbers_of_unknowns() -> None:
    assert [len(unknowns(3, family)) for family in ("full", "diagonal", "fixed")] == [9, 6, 3]


# -- one latent --

Function = Callable[[mpmath.mpf], mpmath.mpf]


def assert_stationary(
    point: StationaryPoint, f: Function, slope: Function, curve: Function, x: str, v: Fraction
) -> None:
    """Check E[U'] = 0 and 1/S = E[U''] at the float q by mpmath's quadrature."""
    with mpmath.workdps(DIGITS):
        m, s2, w = number(point.posterior.mean[0]), number(point.posterior.covariance[0][0]), 1 / number(v)
        s = mpmath.sqrt(s2)

        def expected(g: Function) -> mpmath.mpf:
            return mpmath.quad(lambda e: mpmath.npdf(e) * g(m + s * e), mpmath.linspace(-14, 14, 15))

        first = expected(lambda z: z - w * (number(x) - f(z)) * slope(z))
        second = expected(lambda z: 1 + w * (slope(z) ** 2 - (number(x) - f(z)) * curve(z)))
        assert abs(first * s) < 1e-8
        assert abs(second * s2 - 1) < 1e-8


@pytest.mark.parametrize("sigma", ["1", "0.1", "0.001"])
def test_tanh_is_stationary_by_opper_and_archambeau(sigma: str) -> None:
    variance = Fraction(sigma) ** 2
    point = ep.stationary_posterior(ep.LatentModel("z", ["tanh(z)"], ep.Gaussian(variance)), ["0.5"])
    sech2: Function = lambda z: mpmath.sech(z) ** 2  # noqa: E731
    curve: Function = lambda z: -2 * mpmath.tanh(z) * mpmath.sech(z) ** 2  # noqa: E731
    assert_stationary(point, mpmath.tanh, sech2, curve, "0.5", variance)
    assert point.kind == "maximum"
    assert point.mean.contains(float(point.posterior.mean[0]))
    truth = by_mpmath(
        gaussian_joint(lambda z: [mpmath.tanh(z)], ["0.5"], variance),
        point.posterior.mean[0],
        point.posterior.covariance[0][0],
    )
    assert abs(point.elbo.midpoint - float(truth)) < 2e-10


def test_square_has_both_modes_and_the_point_between() -> None:
    """Closed form: E[U'] = m (1 + 2 w (m^2 + 3 s - x)) = 0 and 1/s = 1 + 2 w (3 m^2 + 3 s - x)."""
    w, x = Fraction(10), Fraction(7, 10)
    points = ep.stationary_posteriors(ep.LatentModel("z", ["z**2"], ep.Gaussian("1/10")), [x])
    means = sorted(float(point.mean.midpoint[0]) for point in points)
    assert means == pytest.approx([-means[2], 0.0, means[2]], abs=1e-9)
    assert means[2] > 0.5
    for point in points:
        m, s = float(point.mean.midpoint[0]), float(point.covariance.midpoint[0, 0])
        assert m * (1 + 2 * float(w) * (m * m + 3 * s - float(x))) == pytest.approx(0, abs=1e-8)
        assert s * (1 + 2 * float(w) * (3 * m * m + 3 * s - float(x))) == pytest.approx(1, abs=1e-8)
    assert points[0].ball > points[2].ball
    assert abs(points[2].mean.midpoint[0]) < 1e-6


# -- planes, families, twins --


def test_affine_posterior_is_found() -> None:
    model = ep.LatentModel(["u", "v"], ["u + 2*v", "3*u - v"], ep.Gaussian("1/10"))
    (point,) = ep.stationary_posteriors(model, ["0.5", "0.25"])
    precision = np.eye(2) + 10 * np.array([[10.0, -1.0], [-1.0, 5.0]])
    covariance = np.linalg.inv(precision)
    assert np.abs(point.covariance.midpoint - covariance).max() < 1e-8
    assert np.abs(point.mean.midpoint - covariance @ (10 * np.array([1.25, 0.75]))).max() < 1e-8


@pytest.mark.parametrize("seed", [0, 1])
def test_families_are_nested(seed: int) -> None:
    model = ep.LatentModel.from_torch(network(2, seed), ep.Gaussian("1/10"))
    full = ep.stationary_posterior(model, X, digits=8)
    diagonal = ep.stationary_posterior(model, X, family="diagonal", digits=8)
    fixed = ep.stationary_posterior(model, X, family="fixed", covariance=["0.25", "0.25"], digits=8)
    assert fixed.elbo < diagonal.elbo < full.elbo
    assert diagonal.covariance.midpoint[0, 1] == 0.0
    assert fixed.posterior.covariance == ((Fraction(1, 4), Fraction(0)), (Fraction(0), Fraction(1, 4)))


def test_three_latents() -> None:
    model = ep.LatentModel(["a", "b", "c"], ["a", "b + a**2", "c + a*b"], ep.Gaussian("1/100"))
    (point,) = ep.stationary_posteriors(model, ["0.7", "0.5", "0.2"])
    assert point.kind == "maximum"
    assert point.covariance.width.max() < 1e-10
    assert point.elbo < ep.log_evidence(model, ["0.7", "0.5", "0.2"], 6)


def test_exchanging_latents_exchanges_the_point() -> None:
    decoder = ["tanh(a + b/2)", "a - b**2/4"]
    one = ep.stationary_posterior(ep.LatentModel(["a", "b"], decoder, ep.Gaussian("1/10")), ["0.5", "0.2"])
    other = ep.stationary_posterior(ep.LatentModel(["b", "a"], decoder, ep.Gaussian("1/10")), ["0.5", "0.2"])
    assert np.abs(one.mean.midpoint - other.mean.midpoint[::-1]).max() < 1e-9
    assert np.abs(one.covariance.midpoint - other.covariance.midpoint[::-1, ::-1]).max() < 1e-9
    assert abs(one.elbo.midpoint - other.elbo.midpoint) < 2e-10


# -- honesty --


def test_a_guess_that_is_not_stationary_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10"))
    wrong = Guess(np.array([2.5]), np.array([[0.01]]))
    monkeypatch.setattr(stationary_search, "guesses", lambda *_: [wrong])
    monkeypatch.setattr(certification, "REFINEMENTS", 1)
    with pytest.raises(ep.Undecided, match="no stationary point proved"):
        ep.stationary_posterior(model, ["0.5"])


def test_kinks_are_undecided() -> None:
    with pytest.raises(ep.Undecided, match=r"no stationary point proved.*sign"):
        ep.stationary_posterior(ep.LatentModel("z", ["abs(z)"], ep.Gaussian("1/10")), ["0.5"])


MODEL = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10"))
BAD: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
    ("model", [1], {}, TypeError, "model: got 'model'"),
    (MODEL, [1, 2], {}, ValueError, r"x: got shape \(2,\)"),
    (MODEL, [[1, 2]], {}, ValueError, r"x: got shape \(1, 2\); expected \(1,\) or \(N, 1\)"),
    (MODEL, [1], {"family": "low rank"}, ValueError, "family: got 'low rank'; expected one of 'full', 'diag"),
    (
        MODEL,
        [1],
        {"family": "fixed"},
        ValueError,
        "covariance: got None; expected a covariance for the family",
    ),
    (
        MODEL,
        [1],
        {"covariance": 1},
        ValueError,
        "covariance: got 1; expected a covariance for the family 'fixed'",
    ),
    (MODEL, [1], {"family": "fixed", "covariance": -1}, ValueError, "covariance: .*positive definite"),
    (MODEL, [1], {"digits": -1}, ValueError, "digits: got -1; expected a positive number"),
    (MODEL, [1], {"seconds": "5"}, ValueError, "seconds: got '5'; expected a positive number"),
    (
        ep.LatentModel(list("abcd"), ["a*b*c*d"], ep.Gaussian(1)),
        [1],
        {},
        ValueError,
        "model: .*at most 3 latents",
    ),
]


@pytest.mark.parametrize(("model", "x", "options", "error", "message"), BAD)
def test_what_cannot_be_used_is_named(
    model: Any, x: Sequence[object], options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ep.stationary_posteriors(model, x, **options)


def test_ridge_has_its_maxima_and_the_saddle_between() -> None:
    """One output, two latents: the posterior is a curved ridge, and the symmetric q is no maximum."""
    model = ep.LatentModel(["a", "b"], ["b + a**2"], ep.Gaussian("1/100"))
    points = ep.stationary_posteriors(model, ["0.7"])
    assert [point.kind for point in points] == ["maximum", "maximum", "saddle"]
    places = [float(point.mean.midpoint[0]) for point in points]
    assert sorted(places) == pytest.approx([-abs(places[0]), 0.0, abs(places[0])], abs=1e-8)
    assert points[2].elbo < points[0].elbo


@pytest.mark.parametrize("variance", [10**5000, "1e400"], ids=["5000 digits", "400 digits"])
def test_variances_beyond_all_doubles_have_gaps(variance: object) -> None:
    """SymPy sorts polynomials by what it prints, and Python prints no integer of more than 4300 digits."""
    model = ep.LatentModel("z", ["z"], ep.Gaussian(variance))  # the posterior is the prior, up to 1e-400
    point = ep.stationary_posterior(model, ["0.5"])
    assert float(point.covariance.midpoint[0, 0]) == pytest.approx(1.0)
    assert float(ep.gap(model, ["0.5"]).upper) == 0.0


def test_slopes_beyond_all_doubles_are_undecided() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian("6e-309"))
    with pytest.raises(ep.Undecided, match="no stationary point proved"):
        ep.stationary_posterior(model, ["0.5"])


FAR: dict[str, tuple[ep.LatentModel, Sequence[object]]] = {
    "exp": (ep.LatentModel("z", ["exp(z)"], ep.Gaussian("1/4")), [1e308]),
    "square": (ep.LatentModel("z", ["z**2"], ep.Gaussian("1/10")), ["1e300"]),
    "two": (ep.LatentModel(["u", "v"], ["u*v", "sin(u)"], ep.Gaussian("1/4")), [1e308, 0.0]),
}


@pytest.mark.parametrize("name", FAR)
def test_data_at_the_end_of_float64_warn_of_nothing(name: str) -> None:
    """Floats that overflow only steer: they must neither warn nor stop LAPACK."""
    model, x = FAR[name]
    with pytest.raises(ep.Undecided, match="no stationary point proved"):
        ep.stationary_posterior(model, x, seconds=5)


def test_data_beyond_float64_are_named() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(1))
    with pytest.raises(
        ValueError, match=r"x\[0\]: got Fraction\(1000.*expected a number in the range of float64"
    ):
        ep.stationary_posterior(model, ["1e400"])


POWERS = ep.LatentModel(["a", "b", "c"], ["(a + b + c)**8 + a*b", "(a - b*c)**7"], ep.Gaussian("1/100"))
"""Its closed form's second derivatives take many seconds to derive and to compile."""


@pytest.mark.parametrize("seconds", [2.0, 3.0])
def test_the_limit_is_kept_while_closed_forms_are_derived(seconds: float) -> None:
    equations.closed_forms.cache_clear()
    start = started()
    with pytest.raises(ep.Undecided, match="no stationary point proved: the time limit"):
        ep.stationary_posteriors(POWERS, [1, 0], seconds=seconds)
    assert kept(seconds, start)


@pytest.mark.parametrize("seconds", [2.0, 3.0])
def test_the_limit_is_kept_by_a_network_of_many_units(seconds: float) -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 64), torch.nn.Tanh(), torch.nn.Linear(64, 20)]
    model = ep.LatentModel.from_torch(torch.nn.Sequential(*layers).double(), ep.Gaussian("1/1000"))
    start = started()
    with pytest.raises(ep.Undecided, match="the time limit"):
        ep.gap(model, [0.1] * 20, seconds=seconds)
    assert kept(seconds, start)


def test_a_scan_in_which_nothing_settles_has_no_critical_points() -> None:
    """A limit may end the scan before any start has settled."""
    nothing = np.zeros((3, 2))[distinct(np.zeros((0, 2)), np.ones((0, 2)))]
    assert nothing.shape == (0, 2)
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/1000000"))
    found = critical_points(model, np.array([500.0]), time.monotonic() - 1.0)
    assert found.shape[1] == 1
    with pytest.raises(ep.Undecided, match="the time limit"):
        ep.stationary_posterior(model, ["500"], seconds=1e-9)
