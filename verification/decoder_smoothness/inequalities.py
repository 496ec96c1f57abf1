"""S3: the inequalities between covariances, ranges and weights, as identities whose right sides have a sign.

H is b.S^-1 m or b.grad log q(z|x_i), X is a.x, for unit vectors a, b; both are scaled to [0, 1] where that is shorter.
"""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .hypotheses import heavy_weight
from .partitions import expectation

A, B, MU, X, M2 = sympy.symbols("a b mu x m2", real=True)
K, T, P, V = sympy.symbols("k t p v", positive=True)
HALF, QUARTER = Rational(1, 2), Rational(1, 4)


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "u.J v = Cov_w(u.x, v.S^-1 m) <= sd sd, and Var = (b-mu)(mu-a) - E(b-X)(X-a) <= (b-a)^2/4 - (mu-(a+b)/2)^2 "
        "for X in [a, b]: ||J|| <= diam(x) diam(S^-1 m)/4 (Cauchy-Schwarz, Popoviciu); the square of the covariance "
        "falls short of the product of the variances by a sum of squares (Lagrange's identity, none for two points: "
        "hence equality)"
    ),
    domain="any law on [a, b] with first two moments mu, m2; Lagrange's identity for three points with weights",
    hypotheses="none",
    controls=(
        control("1/4.01 for 1/4", refutes="Popoviciu", quarter=Rational(100, 401)),
        control("1/8 for 1/4", refutes="Popoviciu", quarter=Rational(1, 8)),
        control("the mean product without its sign", refutes="Bhatia-Davis", sign=-1),
        control("half the sum of squares", refutes="Cauchy-Schwarz", share=HALF),
    ),
    tier="quick",
)
def variances_below_a_quarter(
    run: Run, *, quarter: Expr = QUARTER, sign: int = 1, share: Expr | int = 1
) -> Verdict:
    """E(b-X)(X-a) is not negative, nor is a square."""
    del run
    variance = M2 - MU**2
    product = -M2 + (A + B) * MU - A * B
    parts = {
        "Bhatia-Davis": identity(variance + sign * product - (B - MU) * (MU - A)),
        "Popoviciu": identity(quarter * (B - A) ** 2 - (MU - (A + B) / 2) ** 2 - (B - MU) * (MU - A)),
    }
    w = sympy.symbols("w1:4", positive=True)
    x, h = sympy.symbols("x1:4", real=True), sympy.symbols("h1:4", real=True)
    pairs = ((1, 0), (2, 0), (2, 1))
    # Cov(x, y) = sum over pairs of w_i w_j (x_i - x_j)(y_i - y_j) over the square of the weights' sum
    squares = sum(
        w[i] * w[j] * w[k] * w[m] * ((x[i] - x[j]) * (h[k] - h[m]) - (x[k] - x[m]) * (h[i] - h[j])) ** 2
        for i, j in pairs
        for k, m in pairs
    )
    gap = _covariance(w, x, x) * _covariance(w, h, h) - _covariance(w, x, h) ** 2
    squares = squares / 2
    parts["Cauchy-Schwarz"] = identity(gap - share * squares)
    return all_of(parts)


def _covariance(w: Sequence[Expr], x: Sequence[Expr], h: Sequence[Expr]) -> Expr:
    """Return (sum w)^2 Cov_w(x, h)."""
    one, first, second, both = (expectation(w, [*given]) for given in ([w_one(w)], [x], [h], [x, h]))
    return one * both - first * second


def w_one(w: Sequence[Expr]) -> list[Expr]:
    """The random variable 1."""
    return [sympy.Integer(1)] * len(w)


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "(a) |X - mu| lies below its chord over [a, b], which has the mean 2 (mu-a)(b-mu)/(b-a), so |Cov(X, H)| <= "
        "(range H / 2) E|X - mu| gives |grad y| <= diam(S^-1 m) (y-a)(b-y)/(b-a), y = u.f*: the logit of "
        "(y-a)/(b-a) is diam(S^-1 m)-Lipschitz. (b) if log w'/w has range R, tanh(R/4) exceeds the largest total "
        "variation of a law with ratios t e^(-R/2) and t e^(R/2), which is (tk-1)(k-t)/(t(k^2-1)), k = e^(R/2), by "
        "k (t-1)^2/(t (k^2-1))"
    ),
    domain="every a < mu < b, X in [a, b], R > 0, e^(-R/2) < t < e^(R/2)",
    hypotheses="none",
    controls=(
        control("the mean of the chord without the 2", refutes="chord: mean", two=1),
        control("the chord 1 % lower", refutes=("chord: right", "chord: left"), height=Rational(99, 100)),
        control("the logit's slope doubled", refutes="chord: logit", speed=2),
        control("tanh(R/2) as the largest variation", refutes="variation", tanh=lambda k: (k**2 - 1) / (k**2 + 1)),
        control("tanh(R/8) as the largest variation", refutes="variation",
                tanh=lambda k: (sympy.sqrt(k) - 1) / (sympy.sqrt(k) + 1)),
    ),
    tier="quick",
)  # fmt: skip
def chords_and_variations(
    run: Run,
    *,
    two: int = 2,
    height: Expr | int = 1,
    speed: int = 1,
    tanh: Callable[[Expr], Expr] = lambda k: (k - 1) / (k + 1),
) -> Verdict:
    """What is left over is a product of nonnegative factors: (X - a) and (b - X), or a square."""
    del run
    chord = height * ((B - X) * (MU - A) + (X - A) * (B - MU)) / (B - A)
    y = sympy.Function("y")(T)
    logit = sympy.log((y - A) / (B - y)).diff(T)
    return all_of(
        {
            "chord: right": identity(chord - (X - MU) - 2 * (MU - A) * (B - X) / (B - A)),
            "chord: left": identity(chord + (X - MU) - 2 * (B - MU) * (X - A) / (B - A)),
            "chord: mean": identity(chord.subs(X, MU) - height * two * (MU - A) * (B - MU) / (B - A)),
            "chord: logit": identity(
                logit.subs(y.diff(T), V).subs(y, X) - speed * V * (B - A) / ((X - A) * (B - X))
            ),
            "variation": identity(
                tanh(K) - (T * K - 1) * (K - T) / (T * (K**2 - 1)) - K * (T - 1) ** 2 / (T * (K**2 - 1))
            ),
        }
    )


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "(c) if one point has weight p >= 1/2, Var(H) <= p(1-p) for H in [0, 1]: with the others' mean mu and "
        "variance at most mu(1-mu), Var is convex in the heavy point's h, and at h = 0 and 1 it falls short of "
        "p(1-p) by (1-p) times (1-mu)(p-(1-p)mu) and mu((2p-1)+(1-p)mu): ||J|| <= p(1-p) diam(x) diam(S^-1 m), "
        "which decays inside a cell"
    ),
    domain="every weight p >= 1/2, every mu in [0, 1]",
    hypotheses=(heavy_weight,),
    controls=(
        control("p(1-p)/1.01 for p(1-p)", refutes="heavy*", bound=Rational(100, 101)),
        control("p^2 for the weight of the heavy point's distance", refutes="heavy*", power=2),
        control("half of the convexity in h", refutes="convex", bend=1),
    ),
    tier="quick",
)
def heavy_points(run: Run, *, bound: Expr | int = 1, power: int = 1, bend: int = 2) -> Verdict:
    """Var = (1-p) V + p(1-p)(mu - h)^2 for a point of weight p at h and the rest with mean mu and variance V."""
    run.assume(heavy_weight, Rational(1, 2))
    h = Symbol("h", real=True)
    variance = (1 - P) * MU * (1 - MU) + P**power * (1 - P) * (MU - h) ** 2
    low = bound * P * (1 - P) - variance.subs(h, 0) - (1 - P) * (1 - MU) * (P - (1 - P) * MU)
    high = bound * P * (1 - P) - variance.subs(h, 1) - (1 - P) * MU * ((2 * P - 1) + (1 - P) * MU)
    return all_of(
        {
            "heavy point at 0": identity(low),
            "heavy point at 1": identity(high),
            "convex": identity(variance.subs(P, V).diff(h, 2) - bend * V**power * (1 - V)),
        }
    )
