"""The constant-variance penalty: its numbers, what bounds them, and what is refused."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb, arb_mat

import elboproof as ep
from elboproof.numbers.exact import ball_of
from elboproof.numbers.precision import working_precision
from elboproof.numbers.symmetric import ldl, not_positive
from elboproof.posterior import constant_variance, loewner
from elboproof.posterior.precision_stacks import ExactStack, FloatStack, log_determinants
from elboproof.posterior.specht import log_specht, share, specht_bound

Matrix = list[list[Fraction]]
SLACK = arb(2) ** -200
"""Of comparisons with ends that have all their digits."""


def truth(matrices: Sequence[Matrix], weights: Sequence[Fraction] | None = None) -> arb:
    """(1/2) (log|E A| - E log|A|) by FLINT's determinants, in 300 bits; hold the precision."""
    count, d = len(matrices), len(matrices[0])
    w = weights or [Fraction(1, count)] * count
    pairs = list(zip(w, matrices, strict=True))
    mean = [[sum((p * A[i][j] for p, A in pairs), Fraction(0)) for j in range(d)] for i in range(d)]
    logs = sum((ball_of(p) * _determinant(A).log() for p, A in zip(w, matrices, strict=True)), arb(0))
    return (_determinant(mean).log() - logs) / 2


def _determinant(rows: Matrix) -> arb:
    return arb_mat([[ball_of(Fraction(entry)) for entry in row] for row in rows]).det()


def exact(array: np.ndarray) -> list[Matrix]:
    return [[[Fraction(entry) for entry in row] for row in matrix] for matrix in array.tolist()]


def contains(enclosure: ep.Enclosure, ball: arb) -> bool:
    """Return whether an enclosure, with all the digits that it has, contains a narrow ball."""
    if enclosure.exact is None:
        low, high = arb(float(enclosure.lower)), arb(float(enclosure.upper))
    else:
        ends: Any = enclosure.exact
        low, high = (ball_of(end[()]) for end in ends)
    return bool(low <= ball + SLACK and ball - SLACK <= high)


def random_precisions(count: int, d: int, seed: int, spread: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factor = np.eye(d) + spread * rng.normal(size=(count, d, d))
    matrices = factor @ factor.transpose(0, 2, 1) + 0.1 * np.eye(d)
    return np.asarray((matrices + matrices.transpose(0, 2, 1)) / 2)


def by_floats(matrices: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> ep.ConstantVariancePenalty:
    with monkeypatch.context() as patch:
        patch.setattr(constant_variance, "FEW", 0)
        return ep.constant_variance_penalty(matrices, **options)


PAIR = [[["2", "1"], ["1", "2"]], [["1", "0"], ["0", "3"]]]


def test_two_matrices_that_do_not_commute() -> None:
    found = ep.constant_variance_penalty(PAIR)
    with working_precision(400):
        assert contains(found.penalty, (arb(7) / 6).log() / 2)
        assert contains(found.diagonal_penalty, (arb(7) / 6).log() / 2 + (arb(15) / 14).log() / 2)
    assert found.second_order.contains(Fraction(1, 14))
    assert max(found.penalty.width, found.diagonal_penalty.width) < 1e-60
    assert all(map(ep.Enclosure.contains, found.diagonal_variances, (Fraction(2, 3), Fraction(2, 5))))
    assert (found.covariance.lower <= np.array([[5, -1], [-1, 3]]) / 7 + 1e-16).all()


def test_a_law_at_which_specht_is_sharp() -> None:
    h = sympy.Integer(2)
    p = sympy.Rational(str(sympy.N(1 / sympy.log(h) - 1 / (h - 1), 40)))
    found = ep.constant_variance_penalty([[[1]], [[2]]], weights=[1 - p, p])
    assert found.ratio == pytest.approx(2, abs=1e-11)
    assert 0 <= found.specht_bound - found.penalty.lower < 1e-12


@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_both_kinds_of_balls_enclose_the_truth(
    d: int, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrices = random_precisions(40, d, d)
    raw = np.random.default_rng(d).uniform(0.1, 3, size=40).tolist() if weighted else None
    total = sum(map(Fraction, raw or []), Fraction(0))
    shares = [Fraction(w) / total for w in raw] if raw else None
    routes = [
        by_floats(matrices, monkeypatch, weights=raw),
        ep.constant_variance_penalty(matrices, weights=raw),
    ]
    with working_precision(400):
        value = truth(exact(matrices), shares)
        for found in routes:
            assert contains(found.penalty, value)
            assert contains(found.sandwich, value)
            assert arb(found.specht_bound) >= value
    floats, many = routes
    assert floats.penalty.width < 1e-12
    assert many.penalty.width < 1e-15
    for name in ("second_order", "diagonal_penalty", "diagonal_variances", "covariance"):
        one, other = getattr(floats, name), getattr(many, name)
        assert (one.lower <= other.lower).all()
        assert (other.upper <= one.upper).all()
    assert floats.ratio == pytest.approx(many.ratio, rel=1e-9)


def test_the_digits_of_a_small_penalty_come_from_the_sandwich(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    D = rng.normal(size=(50, 3, 3))
    matrices = np.eye(3) + 2.0**-34 * np.round(64 * (D + D.transpose(0, 2, 1)))
    found = by_floats(matrices, monkeypatch)
    with working_precision(400):
        value = truth(exact(matrices))
        assert contains(found.penalty, value)
    assert found.penalty.lower > 0
    assert found.penalty.width < 1e-5 * found.penalty.lower
    assert found.penalty.upper < 1e-14


def test_equal_precisions_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matrices = np.broadcast_to([[2.0, 1.0], [1.0, 3.0]], (20, 2, 2))
    for found in (ep.constant_variance_penalty(matrices), by_floats(matrices, monkeypatch)):
        assert found.penalty.lower == 0
        assert found.penalty.upper < 1e-25
        assert found.ratio == pytest.approx(1, abs=1e-9)
        assert found.specht_bound < 1e-18


@pytest.mark.parametrize("route", ["floats", "exact"])
def test_twins_have_the_same_penalty(route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def penalty(matrices: np.ndarray, weights: Any = None) -> ep.Enclosure:
        if route == "floats":
            return by_floats(matrices, monkeypatch, weights=weights).penalty
        return ep.constant_variance_penalty(matrices, weights=weights).penalty

    matrices = random_precisions(10, 2, 3)
    middle = float(penalty(matrices).midpoint)
    C = np.array([[2.0, 0.0], [1.0, 0.5]])
    twins = {
        "turned": np.round(C.T @ matrices @ C, 12),
        "in other units": matrices * 2.0**40,
        "permuted": matrices[::-1],
        "doubled": np.concatenate([matrices, matrices]),
    }
    for name, twin in twins.items():
        even = (twin + twin.transpose(0, 2, 1)) / 2
        assert float(penalty(even).midpoint) == pytest.approx(middle, abs=1e-11), name
    weights = [2, *[1] * 9]
    assert float(penalty(matrices, weights).midpoint) == pytest.approx(
        float(penalty(np.concatenate([matrices[:1], matrices])).midpoint), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_reference_is_between_all_precisions(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    d = 1 + seed % 3
    matrices = random_precisions(12, d, seed)
    for found in (ep.constant_variance_penalty(matrices), by_floats(matrices, monkeypatch)):
        middle = np.atleast_2d(found.reference.midpoint)
        B = [[Fraction(entry) for entry in row] for row in ((middle + middle.T) / 2).tolist()]
        slack = Fraction(1, 10**10)
        for A in exact(matrices):
            for side in (
                [
                    [a - (1 - slack) * b for a, b in zip(*rows, strict=True)]
                    for rows in zip(A, B, strict=True)
                ],
                [
                    [(1 + slack) * Fraction(found.ratio) * b - a for a, b in zip(*rows, strict=True)]
                    for rows in zip(A, B, strict=True)
                ],
            ):
                assert not_positive(ldl(side)[1]) is None


def test_weights_find_another_reference() -> None:
    """The weighted mean alone would give h = 15.4; here h = 4 is least, as A_2 = diag(4, 1/4) A_1."""
    found = ep.constant_variance_penalty([[[1, 0], [0, 1]], [[4, 0], [0, "1/4"]]], weights=[99, 1])
    assert found.ratio == pytest.approx(4, abs=1e-9)


@pytest.mark.parametrize("exponent", [4, 12, 40])
def test_a_large_ratio_is_proved_sharply(exponent: int) -> None:
    """C'C and C' diag(1, h) C: the least ratio is h."""
    h = 10**exponent
    found = ep.constant_variance_penalty([[[1, 1], [1, 2]], [[1, 1], [1, 1 + h]]])
    assert found.ratio == pytest.approx(h, rel=1e-9)
    assert found.specht_bound >= found.penalty.upper


def test_numbers_are_what_they_are() -> None:
    decimal = ep.constant_variance_penalty([[["1/10"]], [["3/10"]]]).penalty
    double = ep.constant_variance_penalty([[["1/10"]], [[0.3]]]).penalty
    with working_precision(400):
        assert contains(decimal, truth([[[Fraction(1, 10)]], [[Fraction(3, 10)]]]))
        assert contains(double, truth([[[Fraction(1, 10)]], [[Fraction(0.3)]]]))
    same = [
        ep.constant_variance_penalty(given).penalty
        for given in (
            PAIR,
            [[[2, 1], [1, 2]], [[1, 0], [0, 3]]],
            [sympy.Matrix([[2, 1], [1, 2]]), sympy.diag(1, 3)],
            np.array([[[2, 1], [1, 2]], [[1, 0], [0, 3]]], dtype=np.float32),
            [np.array([[2.0, 1], [1, 2]]), np.diag([1.0, 3])],
        )
    ]
    assert {(float(one.lower), float(one.upper)) for one in same} == {
        (float(same[0].lower), float(same[0].upper))
    }


def test_large_integers_beside_floats_are_not_rounded() -> None:
    large = 2**60 + 1
    found = ep.constant_variance_penalty([[[large]], [[2.0**60]]])
    with working_precision(400):
        assert contains(found.penalty, truth([[[Fraction(large)]], [[Fraction(2**60)]]]))
    assert found.penalty.lower > 0


TRIPLE = [[[Fraction(a)]] for a in ("1", "2", "3/2")]


@pytest.mark.parametrize("unit", ["1e-400", "1e-300", "1e400"])
def test_units_far_from_one(unit: str) -> None:
    a = Fraction(unit)
    found = ep.constant_variance_penalty([[[a]], [[2 * a]], [[a * Fraction(3, 2)]]])
    with working_precision(400):
        assert contains(found.penalty, truth(TRIPLE))
    assert found.penalty.width < 1e-60


@pytest.mark.parametrize("unit", [2.0**-1013, 2.0**-600, 2.0**600, 2.0**1013])
def test_doubles_far_from_one(unit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_floats(np.array([[[unit]], [[2 * unit]], [[1.5 * unit]]]), monkeypatch)
    with working_precision(400):
        assert contains(found.penalty, truth(TRIPLE))
    assert found.penalty.width < 1e-12


def test_nearly_singular_matrices_are_decided_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = 2.0**-50
    matrices = random_precisions(30, 2, 5)
    matrices[7] = [[1, 1], [1, 1 + tiny]]
    found = by_floats(matrices, monkeypatch)
    with working_precision(400):
        assert contains(found.penalty, truth(exact(matrices)))
    matrices[7] = [[1, 1], [1, 1]]
    with pytest.raises(ValueError, match=r"precisions\[7\]: got a matrix whose pivot 1 is 0; expected a pos"):
        by_floats(matrices, monkeypatch)
    matrices[7] = [[1, 2], [2, 1]]
    with pytest.raises(ValueError, match=r"precisions\[7\]: got a matrix whose pivot 1 is -3"):
        by_floats(matrices, monkeypatch)


def test_one_of_many_that_is_nearly_singular_costs_no_time() -> None:
    """Only that one is decided exactly; its shares of the bounds are not known to floats, so that they are infinite."""
    matrices = random_precisions(3000, 3, 6)
    matrices[1234] = [[1, 1, 0], [1, 1 + 2.0**-50, 0], [0, 0, 1]]
    found = ep.constant_variance_penalty(matrices)
    with working_precision(400):
        assert contains(found.penalty, truth(exact(matrices)))
    assert found.penalty.width < 1e-11
    matrices[1234, 1, 1] = 1
    with pytest.raises(ValueError, match=r"precisions\[1234\]: got a matrix whose pivot 1 is 0"):
        ep.constant_variance_penalty(matrices)


def test_integers_are_read_as_quickly_as_floats() -> None:
    matrices = np.round(64 * random_precisions(3000, 2, 6)).astype(np.int64)
    found, same = ep.constant_variance_penalty(matrices), ep.constant_variance_penalty(matrices / 1.0)
    assert (found.penalty.lower, found.penalty.upper) == (same.penalty.lower, same.penalty.upper)
    large = np.array([[[2**60 + 1]], [[2**60]]])
    assert 0 < ep.constant_variance_penalty(large).penalty.lower < 1e-36


def test_what_no_float_tells_from_singular_is_decided() -> None:
    """The condition is 10^200; the penalty is (1/2) log((2 10^200 + 1) / 4) - (1/4) 200 log 10, by hand."""
    tiny = Fraction(1, 10**200)
    found = ep.constant_variance_penalty([[[1, 1], [1, 1 + tiny]], [[1, 0], [0, 1]]])
    with working_precision(2000):
        value = truth([[[Fraction(1), Fraction(1)], [Fraction(1), 1 + tiny]], exact(np.eye(2)[None])[0]])
        assert contains(found.penalty, value)
    assert found.penalty.width < 1e-12
    beyond = Fraction(1, 10**9000)
    with pytest.raises(ep.Undecided, match="nearer to singular ones than 16384 bits tell"):
        ep.constant_variance_penalty([[[1, 1], [1, 1 + beyond]], [[1, 1], [1, 1 + 2 * beyond]]])


@pytest.mark.parametrize("weight", ["1e-20", "1e-330", "1e-2000"])
def test_weights_that_no_float_holds(weight: str) -> None:
    found = ep.constant_variance_penalty([[[1]], [[3]]], weights=[1, weight])
    with working_precision(8000):
        w = Fraction(weight)
        assert contains(found.penalty, truth([[[Fraction(1)]], [[Fraction(3)]]], [1 / (1 + w), w / (1 + w)]))
    assert found.penalty.width < 1e-15


BAD = {
    "no matrices": ([1.0, 2.0], ValueError, r"precisions: got shape \(2,\); expected shape \(N, d, d\)"),
    "not square": ([[[1.0, 2.0]]], ValueError, r"precisions: got shape \(1, 1, 2\); expected square"),
    "none": (np.zeros((0, 2, 2)), ValueError, r"precisions: got shape \(0, 2, 2\)"),
    "ragged": ([[[1]], [[1, 0], [0, 1]]], ValueError, r"precisions: got .*rectangular|precisions: got shape"),
    "uneven": ([[[1, 0.5], [0, 1]]], ValueError, r"got 0.5 at precisions\[0\]\[0\]\[1\] and 0.* symmetric"),
    "uneven exactly": ([[["1", "1/3"], ["1/4", "1"]]], ValueError, r"got 1/3 at .* and 1/4 at .*symmetric"),
    "negative": ([[[1]], [[-1]]], ValueError, r"precisions\[1\]: got a matrix whose pivot 0 is -1"),
    "zero": ([[["0"]]], ValueError, r"precisions\[0\]: got a matrix whose pivot 0 is 0"),
    "nan": ([[[np.nan]]], ValueError, r"precisions: got nan at precisions\[0\]\[0\]\[0\]; expected finite"),
    "infinite": (np.array([[[np.inf]]]), ValueError, r"precisions: got inf at .*finite"),
    "infinite in a list": (
        [[[np.inf]]],
        ValueError,
        r"precisions\[0\]\[0\]\[0\]: got inf; expected a finite",
    ),
    "words": ([[["one"]]], ValueError, r"precisions\[0\]\[0\]\[0\]: got 'one'; expected an exact"),
    "complex": ([[[1j]]], TypeError, r"precisions\[0\]\[0\]\[0\]: got 1j"),
    "booleans": ([[[True]]], TypeError, r"precisions\[0\]\[0\]\[0\]: got True"),
    "nothing": (None, ValueError, r"precisions: got shape \(\); expected shape \(N, d, d\)"),
    "a set": ({1}, TypeError, r"precisions: got \{1\}"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_precisions_are_named(name: str) -> None:
    given, error, message = BAD[name]
    with pytest.raises(error, match=message):
        ep.constant_variance_penalty(given)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1], ValueError, r"weights: got 1 numbers; expected 2"),
        ([1, 0], ValueError, r"weights\[1\]: got .*0.*; expected a positive number"),
        ([1, -1], ValueError, r"weights\[1\]: got .*-1.*; expected a positive number"),
        ([1, np.nan], ValueError, r"weights\[1\]: got nan"),
        ([1, "x"], ValueError, r"weights\[1\]: got 'x'"),
        (3, TypeError, r"weights: got 3"),
    ],
)
def test_bad_weights_are_named(weights: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ep.constant_variance_penalty([[[1]], [[2]]], weights=weights)


def test_one_matrix_costs_nothing() -> None:
    found = ep.constant_variance_penalty([[[2, 1], [1, 2]]])
    assert found.penalty.lower == 0
    assert found.penalty.upper < 1e-20
    with working_precision(400):
        assert contains(found.diagonal_penalty, (arb(4) / 3).log() / 2)


def test_shares_are_enclosed() -> None:
    third = FloatStack.weighted(np.ones((3, 1, 1)), None).weights
    assert third.contains(Fraction(1, 3)).all()
    given = FloatStack.weighted(np.ones((2, 1, 1)), [Fraction(1, 7), Fraction(6, 7)]).weights
    assert given[0].contains(Fraction(1, 7))
    assert given[1].contains(Fraction(6, 7))


def test_turned_matrices_are_enclosed() -> None:
    matrices = random_precisions(5, 3, 8)
    stack = FloatStack.weighted(matrices, None)
    R = exact(stack.factor[None])[0]
    for n, A in enumerate(exact(matrices)):
        for i in range(3):
            for j in range(3):
                entry = sum(R[i][k] * A[k][m] * R[j][m] for k in range(3) for m in range(3))
                assert stack.balls[n, i, j].contains(entry)
    square = sum(
        (sum(R[i][k] * A[k][m] * R[j][m] for k in range(3) for m in range(3)) - int(i == j)) ** 2
        for A in exact(matrices)
        for i in range(3)
        for j in range(3)
    )
    with working_precision(400):
        assert stack.square().contains(ball_of(Fraction(square) / 5))


@pytest.mark.parametrize("d", [1, 3])
def test_any_coordinates_will_do(d: int) -> None:
    """R steers: where E A' is 20 % off the identity all bounds still hold."""
    matrices = random_precisions(30, d, d)
    best = ep.constant_variance_penalty(matrices)
    stack = FloatStack.weighted(matrices, None)
    scale = np.array([1.1, 0.95, 1.05])[:d]
    vars(stack)["factor"] = np.tril(stack.factor * scale[:, None] + 0.01 * (d > 1))
    with working_precision(400):
        found = constant_variance._found(stack)
        assert contains(found.penalty, truth(exact(matrices)))
        assert contains(found.sandwich, truth(exact(matrices)))
    assert found.penalty.width < 1e-12
    for name in ("second_order", "spectrum", "diagonal_penalty", "covariance"):
        one, other = getattr(found, name), getattr(best, name)
        assert (one.lower <= other.lower).all()
        assert (other.upper <= one.upper).all()


def test_a_matrix_that_may_be_singular_has_no_logarithm() -> None:
    from elboproof.numbers.ball_arrays import BallArray

    stack = BallArray(np.array([[[2.0, 1], [1, 2]], [[1, 1], [1, 1]], [[1, 2], [2, 1]]]))
    logs = log_determinants(stack)
    assert logs[0].contains(float(np.log(3)))
    assert np.isinf(logs.rad[1:]).all()


def test_estimates_that_are_wrong_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK steers only: too narrow a spectrum is widened, or nothing is claimed."""
    honest = loewner._estimates
    monkeypatch.setattr(loewner, "_estimates", lambda *given: tuple(np.sqrt(honest(*given))))
    for few in (0, 10**9):
        monkeypatch.setattr(constant_variance, "FEW", few)
        found = ep.constant_variance_penalty(random_precisions(20, 2, 1))
        assert found.ratio == np.inf
        assert found.specht_bound == np.inf
        for unknown in (found.spectrum, found.sandwich):
            assert unknown.lower == 0
            assert unknown.upper == np.inf
        assert found.penalty.width < 1e-12


@pytest.mark.parametrize("kind", ["floats", "exact"])
def test_an_order_is_proved_only_where_it_holds(kind: str) -> None:
    matrices = np.array([[[1.0]], [[2.0]]])
    stack: Any = (
        FloatStack.weighted(matrices, None)
        if kind == "floats"
        else ExactStack(exact(matrices), [Fraction(1, 2)] * 2)
    )
    with working_precision(400):
        turned = stack.floats()[:, 0, 0]  # 2/3 and 4/3
        low, high = float(turned[0]), float(turned[1])
        assert stack.between(np.eye(1), low * (1 - 1e-12), high * (1 + 1e-12))
        assert not stack.between(np.eye(1), low * (1 + 1e-12), high * (1 + 1e-12))
        assert not stack.between(np.eye(1), low * (1 - 1e-12), high * (1 - 1e-12))


@pytest.mark.parametrize("h", [1 + 2.0**-52, 1 + 1e-8, 1.5, 2.0, 100.0, 1e300])
def test_specht_is_rounded_up(h: float) -> None:
    with working_precision(1500):
        value = 3 * log_specht(arb(h)) / 2
        assert value.rel_accuracy_bits() > 100
        assert arb(specht_bound(h, 3)) >= value
        assert arb(specht_bound(h, 3)) <= value * (1 + arb(2) ** -50)
    assert specht_bound(1.0, 3) == 0
    assert specht_bound(np.inf, 3) == np.inf


@pytest.mark.parametrize("t", [0.0, 1e-300, 0.5, 1 - 2.0**-53, 1.0, 1 + 2.0**-52, 3.0, 1e300, np.inf])
def test_shares_of_the_second_order_fall(t: float) -> None:
    found = share(t)
    with working_precision(400):
        if t in (0, 1, np.inf):
            assert found.upper() == {0: arb("inf"), 1: arb(1), np.inf: arb(0)}[t] or t == 0
            return
        x = arb(t)
        integral = 2 * (x - 1 - x.log()) / (x - 1) ** 2
        assert found.overlaps(integral)
        assert (found > 1) == (t < 1)
        assert found.rel_accuracy_bits() > 100
