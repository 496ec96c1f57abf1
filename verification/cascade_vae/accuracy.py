"""S3: how accurately an axis splits two equal Gaussians, and labels that know nothing."""

from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
import sympy
from flint import arb
from sympy import ImmutableMatrix

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_equal,
    ball_positive,
    control,
    equal,
    identity,
    mean_equals,
    tends_to,
)

from .._shared.balls import ball, working_precision
from .._shared.symbols import triangular
from . import claim
from .hypotheses import definite_covariance, positive_variances
from .stages import accuracy_up_to_swap

BITS = 150
Pair = tuple[arb, arb]


@dataclass(frozen=True)
class Classes:
    """Two classes N(-delta/2, S) and N(delta/2, S) in the plane, S diagonal, equally likely."""

    within: tuple[int, int]
    apart: tuple[int, int]

    def __str__(self) -> str:
        return f"S = diag{self.within}, delta = {self.apart}"

    def whole(self) -> tuple[Fraction, Fraction, Fraction]:
        """Return the covariance S + delta delta'/4 of both together: its entries 11, 12, 22."""
        (a, d), (x, y) = self.within, self.apart
        return a + Fraction(x * x, 4), Fraction(x * y, 4), d + Fraction(y * y, 4)

    def components(self, matrix: tuple[Fraction, Fraction, Fraction] | None = None) -> tuple[Pair, Pair]:
        """Return the eigenvectors of a symmetric matrix, that of the larger eigenvalue first, not normalised."""
        a, b, d = matrix or self.whole()
        if b == 0:
            axes = (arb(1), arb(0)), (arb(0), arb(1))
            return axes if a >= d else (axes[1], axes[0])
        root = ball((a - d) ** 2 + 4 * b * b).sqrt()
        first = ball(b), (ball(d - a) + root) / 2
        return first, (-first[1], first[0])

    def accuracy(self, w: Pair, half: Fraction = Fraction(1, 2)) -> arb:
        """Return Phi(|w.delta| / (2 s_w)), s_w^2 = w'Sw."""
        gap = w[0] * self.apart[0] + w[1] * self.apart[1]
        spread = (w[0] ** 2 * self.within[0] + w[1] ** 2 * self.within[1]).sqrt()
        return normal(ball(half) * abs(gap) / spread)

    def best(self) -> arb:
        """Return Phi(sqrt(delta' S^-1 delta) / 2)."""
        square = sum(Fraction(x * x, s) for x, s in zip(self.apart, self.within, strict=True))
        return normal(ball(square).sqrt() / 2)


def normal(t: arb) -> arb:
    """Return the standard normal distribution function."""
    return (1 + (t / arb(2).sqrt()).erf()) / 2


ROUND, LONG, SLANTED = Classes((1, 1), (3, 0)), Classes((9, 1), (0, 3)), Classes((9, 1), (3, 3))


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "an axis w split in the middle is right with probability Phi(|w.delta|/(2 s_w)), s_w^2 = w'Sw; (delta'S^-1 "
        "delta)(w'Sw) - (w.delta)^2 = (delta x Sw)^2/det S >= 0: at most Phi(sqrt(delta'S^-1 delta)/2), with equality "
        "at w = S^-1 delta"
    ),
    domain="every delta, w and positive definite S = LL' in the plane",
    hypotheses=(definite_covariance,),
    controls=(
        control("S for its inverse", refutes=["rest"], inverse=0),
        control("without 1/det S", refutes="rest", power=0),
        control("equality at w = S delta", refutes="attained", turned=1),
    ),
    tier="quick",
)
def no_axis_is_better(run: Run, *, inverse: int = 1, power: int = 1, turned: int = 0) -> Verdict:
    """Lagrange's identity for L'w and L^-1 delta."""
    L = triangular("l", 2)
    S = L * L.T
    run.assume(definite_covariance, S)
    delta, w = (ImmutableMatrix(sympy.symbols(f"{name}:2", real=True)) for name in "dw")
    adjugate = ImmutableMatrix([[S[1, 1], -S[0, 1]], [-S[1, 0], S[0, 0]]])
    determinant = (L[0, 0] * L[1, 1]) ** 2
    middle = adjugate / determinant if inverse else S
    square = (delta.T * middle * delta)[0]
    Sw = S * w
    cross = delta[0] * Sw[1] - delta[1] * Sw[0]
    rest = square * (w.T * Sw)[0] - (w.T * delta)[0] ** 2 - cross**2 / determinant**power
    at = S * delta if turned else adjugate * delta / determinant
    S_at = S * at
    return all_of({"rest": identity(rest), "attained": identity(delta[0] * S_at[1] - delta[1] * S_at[0])})


MARGINS = {"first": Fraction(1, 5), "second": Fraction(13, 100), "order": Fraction(7, 100)}
"""Of the slanted classes: the best axis over the first and the second component, the second over the first."""


@claim.check(
    statement="S3",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "the first principal component of both classes together splits them best where S = I, delta = (3, 0); with S "
        "= diag(9, 1), delta = (0, 3) it is orthogonal to delta and tosses a coin, and the second is the best axis; "
        "with delta = (3, 3) it is 7 points or more below the second, and 20 below the best axis, the second 13: the "
        "largest variance need not be the class"
    ),
    domain="two equally likely Gaussian classes in the plane; accuracies up to exchange of the labels",
    hypotheses=(definite_covariance,),
    controls=(
        control(
            "|w.delta|/s_w, without 1/2", refutes=["round", "long, second", "slanted*"], half=Fraction(1)
        ),
        control("the components of S alone", refutes="slanted, second", alone=True),
        control("a point more", refutes="slanted*", more=Fraction(1, 100)),
        control("|w.delta|/s_w times 51/100", refutes=["round", "long, second"], half=Fraction(51, 100)),
        control("components exchanged", refutes=["round", "long*"], exchanged=True),
    ),
    tier="quick",
)
def the_largest_variance_may_be_no_class(
    run: Run,
    *,
    half: Fraction = Fraction(1, 2),
    alone: bool = False,
    more: Fraction = Fraction(0),
    exchanged: bool = False,
) -> Verdict:
    """A first component is what a linear VAE with one latent finds."""
    found, axes = {}, {}
    with working_precision(BITS):
        for one in (ROUND, LONG, SLANTED):
            run.assume(definite_covariance, [[one.within[0], 0], [0, one.within[1]]])
            own = (Fraction(one.within[0]), Fraction(0), Fraction(one.within[1])) if alone else None
            axes[one] = one.components(own)[:: -1 if exchanged else 1]
            found[one] = [one.accuracy(w, half) for w in axes[one]]
        first, second = found[SLANTED]
        best = SLANTED.best()
        apart = {"first": best - first, "second": best - second, "order": second - first}
        return all_of(
            {
                "round": ball_equal(found[ROUND][0] - ROUND.best(), 1e-30),
                "long, first": ball_equal(_exact_gap(LONG, axes[LONG][0]), 1e-30),
                "long, second": ball_equal(found[LONG][1] - LONG.best(), 1e-30),
            }
            | {
                f"slanted, {name}": ball_positive(apart[name] - ball(MARGINS[name] + more))
                for name in MARGINS
            }
        )


def _exact_gap(classes: Classes, w: Pair) -> Fraction:
    """Return w.delta of an axis with whole entries."""
    return sum((Fraction(float(x)) * y for x, y in zip(w, classes.apart, strict=True)), Fraction(0))


DRAWS = 200_000


@claim.check(
    statement="S3",
    role="confirms",
    method="statistical",
    relation="=",
    states="drawn Gaussians fall on their side of both components as often as Phi(|w.delta|/(2 s_w))",
    domain=f"{SLANTED}; {DRAWS:,} draws",
    hypotheses=(definite_covariance,),
    controls=(
        control("without 1/2", half=Fraction(1)),
        control("3 % more", share=1.03),
    ),
    tests=2,
)
def draws_fall_on_their_side(run: Run, *, half: Fraction = Fraction(1, 2), share: float = 1.0) -> Verdict:
    """The axes are those of the exact covariance."""
    run.assume(definite_covariance, [[SLANTED.within[0], 0], [0, SLANTED.within[1]]])
    side = run.rng.choice([-1.0, 1.0], DRAWS)
    noise = run.rng.standard_normal((DRAWS, 2)) * np.sqrt(SLANTED.within)
    points = noise + side[:, None] * np.array(SLANTED.apart) / 2
    parts = {}
    with working_precision(BITS):
        for name, w in zip(("first", "second"), SLANTED.components(), strict=True):
            axis = np.array([float(entry) for entry in w])
            sign = np.sign(axis @ np.array(SLANTED.apart))
            right = (sign * points @ axis * side > 0).astype(float)
            stated = share * float(SLANTED.accuracy(w, half))
            parts[f"{name} component"] = mean_equals(right, stated, (0.0, 1.0), run.false_alarm)
    return all_of(parts)


SIZES = ("1/18", "1/200", "1/5000", "1/50000")
FEW = 10


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="limit",
    states=(
        "labels of n objects that know nothing are right, up to exchange, for 1/2 + C(n, n/2)/2^(n+1) of them in the "
        "mean: sqrt(n) times what exceeds 1/2 is within 1/(4 n) of 1/sqrt(2 pi) = 0.399"
    ),
    domain=f"n = 18, 200, 5,000, 50,000; the mean is E max(k, n - k)/n of k ~ Binomial(n, 1/2), summed for n = {FEW}",
    hypotheses=(positive_variances,),
    controls=(
        control("2 % more", refutes="limit", share=Fraction(51, 50)),
        control("without the exchange", refutes="sum", exchange=False),
    ),
    tier="quick",
)
def chance_is_above_a_half(run: Run, *, share: Fraction = Fraction(1), exchange: bool = True) -> Verdict:
    """E |k - n/2| = n C(n, n/2)/2^(n+1)."""
    run.assume(positive_variances, 0.25)
    excess = [Fraction(comb(n, n // 2), 2 ** (n + 1)) for n in (Fraction(h).denominator for h in SIZES)]
    counts = [max(k, FEW - k) if exchange else k for k in range(FEW + 1)]
    mean = sum(Fraction(comb(FEW, k) * count, FEW * 2**FEW) for k, count in enumerate(counts))
    with working_precision(BITS):
        limit = ball(share) / (2 * arb.pi()).sqrt()
        scaled = [ball(one) * (1 / ball(h)).sqrt() for one, h in zip(excess, SIZES, strict=True)]
        return all_of(
            {
                "limit": tends_to(SIZES, scaled, limit, order=1, factor=0.25),
                "sum": ball_equal(
                    mean - Fraction(1, 2) - Fraction(comb(FEW, FEW // 2), 2 ** (FEW + 1)), 1e-30
                ),
            }
        )


@claim.check(
    statement="S3",
    role="confirms",
    method="numeric",
    relation="=",
    states="over all 2^n labels of n objects accuracy_up_to_swap has the mean 1/2 + C(n, n/2)/2^(n+1)",
    domain=f"n = {FEW}, five objects of each class; float64",
    hypotheses=(positive_variances,),
    controls=(
        control("accuracy without exchange", swap=False),
        control("1/2", chance=False),
    ),
    tier="quick",
)
def the_score_of_all_labels(run: Run, *, swap: bool = True, chance: bool = True) -> Verdict:
    """All labels are equally likely where they know nothing."""
    run.assume(positive_variances, 0.25)
    truth = np.arange(FEW) % 2
    labels = np.array([[k >> i & 1 for i in range(FEW)] for k in range(2**FEW)])
    scores = [accuracy_up_to_swap(one, truth) if swap else float((one == truth).mean()) for one in labels]
    stated = 0.5 + (comb(FEW, FEW // 2) / 2 ** (FEW + 1) if chance else 0.0)
    return equal(float(np.mean(scores)), stated, 1e-12)
