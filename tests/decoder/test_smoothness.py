"""Slopes, tubes and moduli for different covariances, and for codes on one line."""

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from flint import acb, arb
from scipy.optimize import minimize_scalar

import elboproof as ep
from elboproof.decoder import bounds, line, two_points, unequal
from elboproof.numbers.precision import working_precision

ORDERED = np.array([[[0.3, 0.1], [0.1, 0.2]], [[1.5, -0.2], [-0.2, 0.9]]])
HYPERBOLA = np.array([np.diag([1.0, 2.0]), np.diag([2.0, 1.0])])


def steepest(decoder: ep.OptimalDecoder, seed: int, count: int = 4000) -> float:
    """Return the largest ||J|| at latents at all distances."""
    rng = np.random.default_rng(seed)
    d = decoder.codes.shape[1]
    z = rng.normal(size=(count, d)) * 10 ** rng.uniform(-2, 1, size=(count, 1))
    return float(np.linalg.norm(decoder.jacobian(z), 2, axis=(1, 2)).max())


def instance(seed: int, kind: str) -> ep.OptimalDecoder:
    rng = np.random.default_rng(seed)
    points, d = int(rng.integers(3, 7)), 2
    m, x = rng.normal(size=(points, d)), rng.normal(size=(points, 2))
    if kind == "isotropic":
        return ep.OptimalDecoder(m, x, 10 ** rng.uniform(-2, 0.3, size=points))
    root = rng.normal(size=(points, d, d))
    S = root @ root.mT * 0.3 + 0.05 * np.eye(d)
    S = (S + S.mT) / 2
    S[: points // 2 + 1] = np.eye(d) * (np.linalg.eigvalsh(S).max() + 0.1)
    return ep.OptimalDecoder(m, x, S)


@pytest.mark.parametrize("kind", ["isotropic", "dominated"])
@pytest.mark.parametrize("seed", range(12))
def test_bounds_of_different_covariances_hold(kind: str, seed: int) -> None:
    decoder = instance(seed, kind)
    assert steepest(decoder, seed) <= decoder.lipschitz_bound() < math.inf
    assert decoder.analytic_radius() > 0


@pytest.mark.parametrize("d", [1, 2])
def test_two_variances_have_their_supremum(d: int) -> None:
    decoder = ep.OptimalDecoder(
        np.outer([0.0, 1.0], np.ones(d)), [[0.0], [2.0]], np.array([0.2, 1.1])[:, None, None] * np.eye(d)
    )
    line = np.linspace(-6, 6, 40001)[:, None] * np.ones(d)
    found = np.linalg.norm(decoder.jacobian(line), 2, axis=(1, 2)).max()
    assert found * (1 - 1e-12) <= decoder.lipschitz_bound() <= found * (1 + 1e-6)


def test_two_ordered_matrices_have_their_supremum_and_their_first_pole() -> None:
    codes = np.array([[0.0, 0.25], [0.5, -0.25]])
    decoder = ep.OptimalDecoder(codes, [[0.0], [3.0]], ORDERED)
    P = np.linalg.inv(ORDERED)
    K = P[0] - P[1]
    top = np.linalg.solve(K, P[0] @ codes[0] - P[1] @ codes[1])
    values, vectors = np.linalg.eigh(K)
    along = vectors[:, -1]
    slope = lambda t: -np.linalg.norm(decoder.jacobian(top + t * along), 2)  # noqa: E731
    best = max(-minimize_scalar(slope, bounds=span, method="bounded").fun for span in ((0, 4), (-4, 0)))
    assert best * (1 - 1e-12) <= decoder.lipschitz_bound() <= best * (1 + 1e-8)
    # the log ratio at the top, and from there the pole along the same eigenvector
    logs = [
        -0.5 * (top - m) @ Q @ (top - m) + 0.5 * np.linalg.slogdet(Q)[1]
        for m, Q in zip(codes, P, strict=True)
    ]
    H = logs[0] - logs[1]
    radius = math.sqrt((math.hypot(H, math.pi) - H) / values[-1])
    assert radius * (1 - 1e-12) <= decoder.analytic_radius() <= radius * (1 + 1e-14)
    u = np.sqrt((2 * H - 2j * np.pi) / values[-1]) * along
    assert abs(abs(np.linalg.norm(u.imag)) - radius) < 1e-12
    z = top + u
    terms = [
        np.exp(-0.5 * (z - m) @ Q @ (z - m)) * np.sqrt(np.linalg.det(Q))
        for m, Q in zip(codes, P, strict=True)
    ]
    assert abs(terms[0] + terms[1]) < 1e-12 * abs(terms[0])


def test_two_points_with_multiplicities() -> None:
    """Nine copies of the wide point move the wall: the supremum is that of the log ratio less log 9."""
    codes, data = np.array([[0.0]] + [[0.5]] * 9), np.array([[0.0]] + [[1.0]] * 9)
    decoder = ep.OptimalDecoder(codes, data, np.array([0.1] + [1.0] * 9))
    z = np.linspace(-3, 3, 60001)[:, None]
    found = np.abs(decoder.jacobian(z)).max()
    assert found * (1 - 1e-12) <= decoder.lipschitz_bound() <= found * (1 + 1e-7)


def test_unordered_covariances_of_two_points_have_no_constant_and_no_tube() -> None:
    decoder = ep.OptimalDecoder(np.zeros((2, 2)), [[-1.0], [1.0]], HYPERBOLA)
    assert decoder.lipschitz_bound() == math.inf
    assert decoder.analytic_radius() == 0
    t = np.array([10.0, 1e3, 1e5])
    slopes = np.linalg.norm(decoder.jacobian(np.stack([t, t], 1))[:, 0], axis=1)
    assert slopes == pytest.approx(t * np.sqrt(2) / 4, rel=1e-9)
    more = np.concatenate([HYPERBOLA, HYPERBOLA[:1]])
    three = ep.OptimalDecoder([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [[-1.0], [1.0], [0.0]], more)
    assert (three.lipschitz_bound(), three.analytic_radius()) == (math.inf, 0)


def test_equal_data_make_a_constant_decoder() -> None:
    decoder = ep.OptimalDecoder(np.zeros((2, 2)), [[1.0], [1.0]], HYPERBOLA)
    assert (decoder.lipschitz_bound(), decoder.analytic_radius()) == (0, math.inf)
    assert (decoder.modulus([0.0, 1.0, math.inf]) == 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_tube_of_several_variances_is_free_of_zeros(seed: int) -> None:
    """Balls over the strip, d = 1: f* is finite on each, hence the denominator has no zero there."""
    rng = np.random.default_rng(seed)
    m, x, v = rng.normal(size=(4, 1)), rng.normal(size=(4, 1)), rng.uniform(0.2, 2, size=4)
    decoder = ep.OptimalDecoder(m, x, v)
    radius = decoder.analytic_radius()
    with working_precision(100):
        for k in range(-80, 80):
            for j in range(4):
                box = acb(arb((k + 0.5) / 10, 0.051), arb(radius * (j + 0.5) / 4, radius / 7.9))
                assert all(value.is_finite() for value in decoder.ball_values([box]))


def test_nearly_equal_variances_come_near_the_shared_bounds() -> None:
    rng = np.random.default_rng(3)
    m, x = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    shared = ep.OptimalDecoder(m, x, 0.5)
    own = ep.OptimalDecoder(m, x, 0.5 * (1 + 1e-9 * rng.uniform(size=7)))
    assert own.lipschitz_bound() == pytest.approx(shared.lipschitz_bound(), rel=1e-6)
    assert own.analytic_radius() == pytest.approx(shared.analytic_radius(), rel=1e-3)


def test_multiples_of_the_identity_count_as_variances() -> None:
    rng = np.random.default_rng(4)
    m, x, v = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.uniform(0.1, 1, 5)
    one, two = ep.OptimalDecoder(m, x, v), ep.OptimalDecoder(m, x, v[:, None, None] * np.eye(2))
    assert one.lipschitz_bound() == two.lipschitz_bound()
    assert one.analytic_radius() == two.analytic_radius()


def test_blocks_of_pairs_find_the_largest_one() -> None:
    rng = np.random.default_rng(5)
    n = 1300
    m, v = rng.normal(size=(n, 2)), np.sort(rng.uniform(1, 1.2, n))
    m[:700] *= 0.01  # the farthest pair is in a later block
    k = np.abs(1 / v[:, None] - 1 / v)
    c = ((m[:, None] - m) ** 2).sum(-1) / (v[:, None] * v) + 2 * k * np.abs(np.log(v[:, None] / v))
    found = unequal._isotropic(m, v)
    assert c.max() <= found.constant <= c.max() * (1 + 1e-12)
    assert k.max() <= found.bend <= k.max() * (1 + 1e-14)


def test_differentiated_covariances_that_are_equal_count_as_shared() -> None:
    S = torch.full((3,), 0.5, dtype=torch.float64, requires_grad=True)
    m, x = [[0.0], [1.0], [3.0]], [[0.0], [1.0], [2.0]]
    decoder, plain = ep.OptimalDecoder(m, x, S), ep.OptimalDecoder(m, x, 0.5)
    assert decoder.lipschitz_bound() == plain.lipschitz_bound()
    assert decoder.analytic_radius() == plain.analytic_radius()


EXACT = 2.539868106131846249464157


def test_three_codes_have_their_exact_strip() -> None:
    """2 exp(-1/2) cosh(y) + 1 = 0 at y = i arccos(-sqrt(e)/2)."""
    for scale in (1.0, 1e-4, 1e3):
        decoder = ep.OptimalDecoder([[-scale], [0.0], [scale]], [[0.0], [1.0], [2.0]], scale**2)
        assert EXACT * (1 - 1e-13) <= decoder.analytic_radius() / scale <= EXACT * (1 + 1e-15)


def test_codes_on_a_line_in_space_have_the_strip_of_the_line() -> None:
    along, S = np.array([1.0, 2.0, -0.5]), np.diag([1.0, 0.5, 2.0])
    codes = np.outer([-1.0, 0.5, 0.25, 2.0], along) + np.array([3.0, 0.0, 1.0])
    decoder = ep.OptimalDecoder(codes, np.arange(4.0)[:, None], S)
    q = along @ np.linalg.solve(S, along)
    flat = ep.OptimalDecoder(np.array([[-1.0], [0.5], [0.25], [2.0]]), np.arange(4.0)[:, None], 1 / q)
    length = np.linalg.norm(np.linalg.solve(S, along))
    assert decoder.analytic_radius() == pytest.approx(flat.analytic_radius() * q / length, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_first_zero_on_a_line_is_where_newton_finds_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m, counts = np.sort(rng.uniform(-1.5, 1.5, 4)), [1, 3, 1, 2]
    codes = np.repeat(m, counts)[:, None]
    decoder = ep.OptimalDecoder(codes, rng.normal(size=(7, 1)), 0.3)
    radius = decoder.analytic_radius()

    def denominator(z: Any) -> Any:
        return mpmath.fsum(n * mpmath.exp((z * c - c * c / 2) / 0.3) for c, n in zip(m, counts, strict=True))

    heights = []
    for x in np.linspace(-2, 2, 9):
        try:
            zero = mpmath.findroot(denominator, mpmath.mpc(x, radius), tol=1e-20)
        except (ValueError, ZeroDivisionError):
            continue
        heights.append(abs(float(zero.imag)))
    least = min(height for height in heights if height > 0)
    assert radius * (1 - 1e-12) <= least <= radius * (1 + 1e-12)


def test_codes_nearly_on_a_line_have_the_general_bound() -> None:
    codes = np.array([[-1.0, 0.0], [0.0, 1e-9], [1.0, 0.0]])
    decoder = ep.OptimalDecoder(codes, np.arange(3.0)[:, None], 1.0)
    assert decoder.analytic_radius() == pytest.approx(np.pi / 2, rel=1e-12)
    codes[1, 1] = 0.0
    straight = ep.OptimalDecoder(codes, np.arange(3.0)[:, None], 1.0)
    assert straight.analytic_radius() == pytest.approx(EXACT, rel=1e-12)


def test_a_wide_point_among_copies_needs_the_logarithm() -> None:
    """Copies of a narrow point push the wall outward, where they are steeper; codes differ by 1e-9."""
    m, v = 1e-9 * np.arange(40.0)[:, None], np.array([1.0] + [0.01] * 39)
    decoder = ep.OptimalDecoder(m, np.array([[0.0]] + [[1.0]] * 39), v)
    found = np.abs(decoder.jacobian(np.linspace(0, 1, 20001)[:, None])).max()
    constant = 99 * math.log(100)  # c: the bound without the logarithm is a quarter of its root
    assert found > math.sqrt(constant) / 4
    assert found <= decoder.lipschitz_bound() <= 1.5 * found


def test_more_codes_than_are_looked_at_have_the_general_bound() -> None:
    codes = np.linspace(-1, 1, line.MOST_CODES + 1)[:, None]
    decoder = ep.OptimalDecoder(codes, codes, 0.5)
    assert decoder.analytic_radius() == pytest.approx(np.pi * 0.5 / 2, rel=1e-12)


@pytest.mark.parametrize("start", [(0.2, 2.4), (-0.1, 8.7)])
def test_newtons_steps_lead_to_a_zero(start: tuple[float, float]) -> None:
    """1 + 2 exp(-1/2) cosh(y) = 0 at +- i (2 pi n -+ arccos(-sqrt(e)/2))."""
    with working_precision(line.BITS):
        found = line.Terms([1, 1, 1], [arb(-1), arb(0), arb(1)], arb(1)).newton(acb(*start))
        first = (-(arb(1) / 2).exp() / 2).acos()
        zeros = [first, 2 * arb.pi() - first, 2 * arb.pi() + first]
        assert min(float(abs(found - acb(0, zero))) for zero in zeros) < 1e-30


def test_winding_counts_zeros_above_the_first() -> None:
    """1 + 2 exp(-1/2) cosh(y) = 0 at +- i (2 pi n -+ 2.5398...)."""
    with working_precision(line.BITS):
        terms = line.Terms([1, 1, 1], [arb(-1), arb(0), arb(1)], arb(1))
        heights = ["2.5", "2.6", "3.7", "3.8", "8.8", "8.9", "10.1"]
        assert [terms.zeros_below(arb(h)) for h in heights] == [0, 1, 1, 2, 2, 3, 4]
        # 1000 + exp(y - 1/2) = 0 at i pi + 1/2 + log 1000, far beyond both codes
        terms = line.Terms([1000, 1], [arb(0), arb(1)], arb(1))
        assert [terms.zeros_below(arb(h)) for h in ("3.1", "3.2")] == [0, 1]


def test_winding_agrees_with_the_roots_of_a_polynomial() -> None:
    """With places (-2, 0, 1)/4 the terms are powers of w = exp(y/4), whose arguments are quarters of the heights."""
    roots = np.roots([1e4 * math.exp(-1 / 32), 1e3, 0, 10 * math.exp(-1 / 8)])
    # each w stands for the heights 4 (arg w + 2 pi n)
    heights = [4 * (np.angle(w) + 2 * np.pi * n) for w in roots for n in range(-3, 4)]
    with working_precision(line.BITS):
        terms = line.Terms([10, 1000, 10000], [arb(-1) / 2, arb(0), arb(1) / 4], arb(1))
        for top in (2.0, 4.5, 10.0, 14.0, 30.0):
            assert terms.zeros_below(arb(top)) == sum(0 < height < top for height in heights)


def test_the_height_of_two_places_is_known_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(line.Terms, "zeros_below")
    with working_precision(line.BITS):
        terms = line.Terms([3, 5], [arb(-1), arb(2)], arb(2))
        found = line.least_height(terms)
        exact = arb.pi() / 6
        assert found is not None
        assert found <= exact
        assert exact - found < 1e-30


def test_winding_that_cannot_be_decided_is_none() -> None:
    with working_precision(line.BITS):
        terms = line.Terms([1, 1], [arb(-1), arb(1)], arb(1))
        assert terms.zeros_below(arb.pi() / 2) is None  # the line goes through a zero


def test_winding_that_cannot_be_decided_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    top, asked = line.Terms.top, []

    def counted(self: line.Terms, x: arb) -> int:
        asked.append(x)
        assert len(asked) <= line.PIECES
        return top(self, x)

    monkeypatch.setattr(line.Terms, "top", counted)
    with working_precision(line.BITS):
        assert line.Terms([1, 1], [arb(-1), arb(1)], arb(1)).zeros_below(arb.pi() / 2) is None


def test_a_bracket_about_a_guess_needs_a_zero_inside_and_none_below() -> None:
    with working_precision(line.BITS):
        terms = line.Terms([1, 1, 1], [arb(-1), arb(0), arb(1)], arb(1))  # zeros at 2.5398... and 8.8230...
        first, second = (2 * arb.pi() * n - (-1) ** n * (-(arb(1) / 2).exp() / 2).acos() for n in (0, 1))
        found = line._narrowed(terms, abs(first).mid())
        assert found is not None
        assert found[0] < abs(first) < found[1]
        assert line._narrowed(terms, second.mid()) is None  # there is one below
        assert line._narrowed(terms, (abs(first) * 9 / 10).mid()) is None  # there is none inside


@pytest.mark.parametrize("bend", [0.0, 0.3, 7.0])
@pytest.mark.parametrize("share", [0.125, 2.0**-20])
def test_a_tube_is_the_root_of_its_equation(bend: float, share: float) -> None:
    found = unequal.Spread(constant=1.7, rate=0.0, each=0.9, bend=bend)
    with working_precision(line.BITS):
        t = unequal._tube(found, 5, share)
        angle = 2 * (arb(share) / (1 - arb(share))).acos()
        inside = arb(1.7) + arb(0.9) * (arb(5) / arb(share)).log() + (arb(bend) * t) ** 2
        assert abs(t * t * inside - angle * angle) < arb(2) ** -140


def test_the_hyperbolic_tangent_of_a_modulus_is_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "diameter", lambda _: 1.0)
    monkeypatch.setattr(bounds, "slope_diameter", lambda _: 4.0)
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [1.0]], 0.25)
    far = np.random.default_rng(0).uniform(1.0, 12.0, 2000)
    found = decoder.modulus(far)
    with mpmath.workdps(50):
        assert all(mpmath.mpf(float(m)) >= mpmath.tanh(float(h)) for m, h in zip(found, far, strict=True))
    assert (found <= np.tanh(far) * (1 + 1e-14)).all()


def test_modulus_is_reached_and_bounded() -> None:
    decoder = ep.OptimalDecoder([[-1.0, 0.5], [1.0, 0.0]], [[0.0], [3.0]], 0.5)
    away = np.array([2.0, -0.5]) / np.linalg.norm([2.0, -0.5])
    middle = np.array([0.0, 0.25])
    for distance in (1e-6, 0.3, 1.0, 7.0):
        far = decoder(middle + distance / 2 * away) - decoder(middle - distance / 2 * away)
        bound = decoder.modulus(distance)
        assert abs(far[0]) * (1 - 1e-9) <= bound <= abs(far[0]) * (1 + 1e-9) + 1e-15
    assert decoder.modulus(0.0) == 0
    assert 3.0 <= decoder.modulus(math.inf) <= 3.0 * (1 + 1e-12)
    assert isinstance(decoder.modulus(1.0), float)


@pytest.mark.parametrize("kind", ["scalar", "shared", "variances", "matrices"])
def test_modulus_holds_between_random_latents(encoder: Any, kind: str) -> None:
    decoder = encoder(kind).decoder
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 300, 2))
    far = np.linalg.norm(decoder(one) - decoder(two), axis=1)
    bounds = decoder.modulus(np.linalg.norm(one - two, axis=1))
    assert bounds.shape == (300,)
    assert (far <= bounds).all()


def test_modulus_of_different_variances_is_linear_and_then_the_diameter() -> None:
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [2.0]], [0.1, 1.0])
    slope = decoder.lipschitz_bound()
    assert decoder.modulus([0.0, 0.01, 1e9]) == pytest.approx([0.0, 0.01 * slope, 2.0], rel=1e-12)


@pytest.mark.parametrize(
    ("distance", "error"),
    [
        (-1.0, ValueError),
        ([1.0, math.nan], ValueError),
        ("far", TypeError),
        (True, TypeError),
        ([[1.0], [1.0, 2.0]], TypeError),
        (np.ma.masked_array([1.0, 2.0], [False, True]), ValueError),
    ],
)
def test_bad_distances_are_refused(distance: Any, error: type[Exception]) -> None:
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [2.0]], 1.0)
    with pytest.raises(error, match=r"distance: got .*; expected"):
        decoder.modulus(distance)


def test_distances_of_a_tensor_are_read() -> None:
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [2.0]], 1.0)
    assert (decoder.modulus(torch.tensor([0.5, 2.0])) == decoder.modulus([0.5, 2.0])).all()


def test_narrow_posteriors_have_their_numbers() -> None:
    decoder = ep.OptimalDecoder([[-1.0], [1.0]], [[0.0], [1.0]], 1e-8)
    assert decoder.lipschitz_bound() == pytest.approx(2 / 4e-8, rel=1e-12)
    assert decoder.analytic_radius() == pytest.approx(np.pi * 1e-8 / 2, rel=1e-12)
    own = ep.OptimalDecoder([[-1.0], [1.0], [2.0]], [[0.0], [1.0], [2.0]], [1e-8, 2e-8, 1.0])
    assert steepest(own, 0) <= own.lipschitz_bound() < 1e10
    assert own.analytic_radius() > 0


def test_pairs_need_definite_differences() -> None:
    decoder = ep.OptimalDecoder(np.zeros((2, 2)), [[-1.0], [1.0]], HYPERBOLA)
    found = two_points.pair(decoder._gaussians, decoder.data)
    assert found is two_points.UNORDERED
    three = instance(0, "isotropic")
    assert two_points.pair(three._gaussians, three.data) is None


def test_bends_of_unequal_variances_are_rounded_up() -> None:
    rng = np.random.default_rng(7)
    for low, high in np.sort(rng.uniform(0.1, 3, (200, 2)), axis=1):
        found = unequal._isotropic(np.array([[0.0], [1.0]]), np.array([low, high])).bend
        exact = 1 / Fraction(low) - 1 / Fraction(high)
        assert exact <= Fraction(found) <= exact * (1 + Fraction(1, 10**14))


@pytest.mark.parametrize("height", ["1e40", "1", "0", "-1", "-1e40"])
def test_tubes_of_two_points_lose_no_digits_to_heights_of_either_sign(height: str) -> None:
    """L t^2 = sqrt(H^2 + pi^2) - H, which cancels where H is large: in 300 digits it does no harm."""
    with working_precision(two_points.BITS):
        found = two_points.Pair(arb(3), arb(height)).radius()
    with mpmath.workdps(300):
        h = mpmath.mpf(height)
        exact = mpmath.sqrt((mpmath.sqrt(h * h + mpmath.pi**2) - h) / 3)
        assert exact * (1 - mpmath.mpf(2) ** -51) <= mpmath.mpf(found) <= exact


def test_blocks_of_few_points_in_many_coordinates_find_the_largest_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Logarithms of variances count once for each coordinate: with equal codes there is nothing else."""
    monkeypatch.setattr(unequal, "BLOCK", 2)
    v, d = [1.0, 3.0, 3.5, 4.0, 4.5, 5.0], 20
    found = unequal._isotropic(np.zeros((len(v), d)), np.array(v)).constant
    with mpmath.workdps(40):
        exact = max(
            d * abs((1 / mpmath.mpf(a) - 1 / mpmath.mpf(b)) * mpmath.log(a / mpmath.mpf(b)))
            for a in v
            for b in v
        )
        assert exact <= mpmath.mpf(found) <= exact * (1 + mpmath.mpf(10) ** -13)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1], [1, 2, 0]])
def test_a_dominating_covariance_counts_with_the_worst_pair(order: list[int]) -> None:
    """8 L H of each point against the widest one, by coordinates: the covariances are diagonal."""
    m = np.array([[0.0, 0.0], [1.0, -2.0], [0.25, 0.5]])[order]
    S = np.array([[4.0, 8.0], [0.5, 2.0], [2.0, 1.0]])[order]
    decoder = ep.OptimalDecoder(m, np.arange(3.0)[:, None], S[:, None] * np.eye(2))
    found = unequal.spread(decoder._gaussians)
    assert found is not None
    wide = order.index(0)
    with mpmath.workdps(40):
        pairs = []
        for i in range(3):
            if i == wide:
                continue
            parts = [
                (mpmath.mpf(a), mpmath.mpf(b), mpmath.mpf(c))
                for a, b, c in zip(S[i], S[wide], m[wide] - m[i], strict=True)
            ]
            largest = max(1 / a - 1 / b for a, b, _ in parts)
            height = (
                sum(mpmath.log(b / a) + c * c * (1 / b + 1 / b**2 / (1 / a - 1 / b)) for a, b, c in parts) / 2
            )
            pairs.append((largest, 8 * largest * height))
        constant, largest = max(c for _, c in pairs), max(size for size, _ in pairs)
        near = 1 + mpmath.mpf(10) ** -12
        assert constant <= mpmath.mpf(found.constant) <= constant * near
        assert 2 * largest <= mpmath.mpf(found.bend) <= 2 * largest * near
