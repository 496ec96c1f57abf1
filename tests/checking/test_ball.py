from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq

import elboproof as ep
from elboproof.checking import Between, ball_at_most, ball_equal, ball_positive

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Interval:
    lower: float
    upper: float


@pytest.mark.parametrize(
    ("difference", "status"),
    [
        (arb(0, 1e-12), "established"),
        (arb(0, 1.0), "undecided"),  # contains 0 and says nothing
        (arb(1e-9, 1e-12), "refuted"),
        (arb(0), "established"),
        (arb("nan"), "undecided"),
        (arb(0, INF), "undecided"),
        ((-1e-9, 1e-9), "established"),
        ((0.0, 2e-6), "established"),  # half width exactly as allowed
        ((0.0, 2.1e-6), "undecided"),
        ((1e-300, 1e-9), "refuted"),
        ((-INF, INF), "undecided"),
        ((NAN, 1.0), "undecided"),
        ((Fraction(-1, 10**9), Fraction(1, 10**9)), "established"),
        (Interval(-1e-9, 1e-9), "established"),
        (Interval(1e-9, 2e-9), "refuted"),
    ],
)
def test_ball_equal(difference: object, status: str) -> None:
    assert ball_equal(difference, 1e-6).status == status


def test_ball_equal_refutes_what_excludes_zero_however_wide() -> None:
    assert ball_equal(arb(10, 9.0), 1e-6).status == "refuted"


def test_a_true_ball_computation_is_established_and_a_false_one_refuted() -> None:
    with ctx.workprec(128):
        cosine, sine = arb("0.7").cos(), arb("0.7").sin()
        assert ball_equal(cosine**2 + sine**2 - 1, 1e-30).status == "established"
        assert ball_equal(cosine**2 + sine**2 - arb("1.0000000000000000000001"), 1e-30).status == "refuted"


@pytest.mark.parametrize(
    ("ball", "bound", "status"),
    [
        (arb(1, 0.5), 1.5000001, "established"),
        (arb(1, 0.5), 0.4999999, "refuted"),
        (arb(1, 0.5), 1.0, "undecided"),
        (arb(3), 3.0, "established"),
        (arb(1) / 3, Fraction(1, 3), "undecided"),
        (arb(1) / 3, Fraction(1, 2), "established"),
        ((1.0, 2.0), 2.0, "established"),
        ((1.0, 2.0), 0.5, "refuted"),
        (arb("nan"), 1.0, "undecided"),
    ],
)
def test_ball_at_most(ball: object, bound: float | Fraction, status: str) -> None:
    assert ball_at_most(ball, bound).status == status


@pytest.mark.parametrize(
    ("ball", "status"),
    [
        (arb(1, 0.5), "established"),
        (arb(-1, 0.5), "refuted"),
        (arb(0), "refuted"),
        (arb(0.25, 0.5), "undecided"),
        ((0.0, 1.0), "undecided"),
        ((1e-300, 1.0), "established"),
        ((-1.0, 0.0), "refuted"),
    ],
)
def test_ball_positive(ball: object, status: str) -> None:
    assert ball_positive(ball).status == status


def test_wrong_balls_are_errors() -> None:
    with pytest.raises(ValueError, match="lower <= upper"):
        ball_positive((2.0, 1.0))
    with pytest.raises(TypeError, match="an arb, a pair"):
        ball_positive(3.0)
    with pytest.raises(TypeError, match="real ends"):
        ball_positive((1j, 2j))
    with pytest.raises(ValueError, match=r"width: got 0.0; expected a positive finite number"):
        ball_equal(arb(0), 0.0)


@pytest.mark.parametrize(
    ("ball", "method", "by_hand"),
    [
        (arb(1, 0.5), "certified", False),
        (Fraction(1, 3), "certified", False),
        (3, "certified", False),
        (fmpq(1, 3), "certified", False),
        ((Fraction(1, 3), Fraction(1, 2)), "certified", False),
        ((arb(1), arb(2)), "certified", False),
        (ep.Enclosure(1.0, 2.0), "certified", False),
        (Between(1.0, 2.0, proved_by="outward rounding"), "certified", True),
        (ep.Enclosure(1.0, 1.0), "numeric", False),  # encloses only itself
        ((1.0, 1.0), "numeric", False),
        ((1.0, 2.0), "numeric", False),  # nothing says what made them
        ((Fraction(1, 2), 1.0), "numeric", False),
        ((np.float64(1), np.float64(2)), "numeric", False),
        ((NAN, NAN), "numeric", False),
        (Interval(1.0, 2.0), "numeric", False),
    ],
)
def test_the_method_is_what_the_ball_was_made_of(ball: object, method: str, by_hand: bool) -> None:
    for verdict in (ball_positive(ball), ball_at_most(ball, 9.0), ball_equal(ball, 1e-3)):
        assert (verdict.method, verdict.by_hand) == (method, by_hand)


def test_exact_numbers_are_their_own_enclosure() -> None:
    assert ball_equal(0, 1e-30).status == "established"
    assert ball_equal(Fraction(1, 10**40), 1e-30).status == "refuted"
    assert ball_at_most(Fraction(1, 3), Fraction(1, 3)).status == "established"


def test_a_pair_that_the_claim_proves_says_how() -> None:
    assert "(by outward rounding)" in ball_positive(Between(1.0, 2.0, proved_by="outward rounding")).reason
    with pytest.raises(ValueError, match="proved_by: got ' '"):
        Between(1.0, 2.0, proved_by=" ")
    with pytest.raises(ValueError, match=r"upper: got 1\.0; expected an end above the lower one"):
        Between(1.0, 1.0, proved_by="hope")
