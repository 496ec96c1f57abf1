"""S4, S5: how the best mean log evidence depends on sigma: over all decoders, and over linear ones.

Any decoder and prior make a mixture, so that one maximum on the line encloses the supremum, see `_shared.lindsay`.
"""

from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, Rational

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, control, identity

from .._shared.balls import ball, working_precision
from .._shared.lindsay import Mixture, log_of_largest, mean_log_evidence
from . import claim
from .hypotheses import positive_variance

BITS = 100
SIGMAS = ("3/10", "1/2", "4/5", "1", "3/2", "2")
TOLERANCE = 1e-7
"""Of the bound of max D."""
TIGHT = 1e-4


def atom(variance: arb) -> arb:
    """Return a >= 0 with a = tanh(a/sigma^2): 0 for sigma >= 1, else enclosed by bisection."""
    if not variance < 1:
        return arb(0)
    low, high = arb("1e-3"), arb(1)
    for _ in range(80):
        middle = ((low + high) / 2).mid()
        # tanh(z/sigma^2) - z is concave on z >= 0 and 0 at 0: positive before its root, negative after
        low, high = (middle, high) if (middle / variance).tanh() > middle else (low, middle)
    return low.union(high)


def two_atoms(at: arb) -> Mixture:
    """Return the atoms +-at, equally likely: the values of some decoder."""
    return Mixture((-at, at), (ball("1/2"), ball("1/2")))


DATA = (arb(-1), arb(1))


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation=">",
    states=(
        "the supremum of the mean log evidence over all decoders and priors is enclosed within 1e-4 by a decoder with "
        "two values and by Lindsay's bound, and it is larger for each smaller sigma"
    ),
    domain=f"data +-1, equally likely, D = 1, every d; sigma = {', '.join(SIGMAS)}",
    hypotheses=(positive_variance,),
    controls=(
        control("atoms at half the place, whose bound is not tight", refutes="tight*", share="1/2"),
        control("it falls with sigma", refutes="rises*", sign=-1),
    ),
)
def the_supremum_rises(run: Run, *, share: str = "1", sign: int = 1) -> Verdict:
    """The same number is the supremum over all learned priors."""
    parts = {}
    with working_precision(BITS):
        lower, upper = [], []
        for text in SIGMAS:
            variance = ball(text) ** 2
            run.assume(positive_variance, Fraction(text) ** 2)
            at = ball(share) * atom(variance) + (0 if share == "1" else ball("1/4"))
            values = two_atoms(at)
            value = mean_log_evidence(DATA, values, variance)
            excess = log_of_largest(DATA, values, variance, TOLERANCE)
            lower.append(value)
            upper.append(value + excess)
            parts[f"tight, sigma = {text}"] = ball_at_most(excess, TIGHT)
        steps = [sign * (a - b) for a, b in zip(lower, upper[1:], strict=False)]
        for text, step in zip(SIGMAS, steps, strict=False):
            parts[f"rises, below sigma = {text}"] = ball_positive(step)
        recorded = {
            "sigma": [float(Fraction(one)) for one in SIGMAS],
            "supremum": [float(v.mid()) for v in lower],
        }
        return all_of(parts).with_data(**recorded)


@claim.check(
    statement="S5",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "the best linear decoder with d latents has the mean log evidence -1/2 [... + n log t + S/t] in t = sigma^2, "
        "n = D - d discarded eigenvalues of sum S: its slope is n (S/n - t)/(2 t^2), so it rises as t falls to the "
        "mean discarded eigenvalue, and falls below it"
    ),
    domain="every n >= 1, S > 0, t > 0; the d leading eigenvalues above t",
    hypotheses=(positive_variance,),
    controls=(
        control("the largest discarded eigenvalue for the mean, here twice it", share=Rational(2)),
        control("without 1/2", half=Rational(1)),
    ),
    tier="quick",
)
def linear_decoders_peak(
    run: Run,
    *,
    share: Expr = Rational(1),  # noqa: B008
    half: Expr = Rational(1, 2),  # noqa: B008
) -> Verdict:
    """Tipping and Bishop's (1999) likelihood of probabilistic PCA."""
    n, total, t = sympy.symbols("n S t", positive=True)
    run.assume(positive_variance, t)
    value = -(n * sympy.log(t) + total / t) / 2
    return identity(value.diff(t) - half * n * (share * total / n - t) / t**2)


@claim.check(
    statement="S7",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "for a linear decoder w z, L = E (x - w z)^2/(2 sigma^2) has the second derivative C/sigma^2, C = E z^2, and a "
        "step eta of gradient descent multiplies the distance from its minimum by 1 - eta C/sigma^2: it shrinks if and "
        "only if 0 < eta < 2 sigma^2/C"
    ),
    domain="every A = E x^2, B = E xz, C = E z^2 > 0, w, eta and t = sigma^2 > 0; one weight",
    hypotheses=(positive_variance,),
    controls=(
        control("sigma for sigma^2", refutes="*", power=Rational(1, 2)),
        control("steps up to 4 sigma^2/C", refutes="at the bound", bound=4),
    ),
    tier="quick",
)
def steps_fall_with_the_variance(run: Run, *, power: Expr = Rational(1), bound: int = 2) -> Verdict:  # noqa: B008
    """At eta = 2 sigma^2/C the factor is -1: the distance neither shrinks nor grows."""
    a, c, t, eta = sympy.symbols("A C t eta", positive=True)
    b, w = sympy.symbols("B w", real=True)
    run.assume(positive_variance, t)
    loss = (a - 2 * b * w + c * w**2) / (2 * t)
    best = b / c
    after = w - eta * loss.diff(w)
    factor = 1 - eta * c / t**power
    return all_of(
        {
            "curvature": identity(loss.diff(w, 2) - c / t**power),
            "factor": identity(after - best - factor * (w - best)),
            "at the bound": identity((1 - eta * c / t).subs(eta, bound * t**power / c) + 1),
        }
    )
