"""S12, S9: the experiment's exact evidence, what maximises it, and the best step without cooling."""

from fractions import Fraction

import sympy
from sympy import Expr, ImmutableMatrix, Integer, Rational, log, sqrt

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity

from .._shared.balls import ball, spanned, working_precision
from .._shared.symbols import free_vector
from . import claim
from .gaussian import trace
from .hypotheses import positive_precision
from .toy import log_evidence

COUNTS = (2, 3)


def _sums(data: ImmutableMatrix) -> tuple[Expr, Expr]:
    """Return the mean, and the sum of squares about it."""
    mean = sympy.Add(*data) / len(data)
    return mean, sympy.Add(*((one - mean) ** 2 for one in data))


@claim.check(
    statement="S12",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with Delta = 0 the data's covariance C = s I + 11' has det C = s^(N-1) (s + N), and x'C^-1 x = S/s + N "
        "xbar^2/(s "
        "+ N): the evidence per coordinate; in s it is stationary, at Delta = xbar, where S = s (N - 1 + s/(s + N))"
    ),
    domain="N = 2, 3 data, every s > 0; the stationary point for every N and S > 0",
    hypotheses=(positive_precision,),
    controls=(
        control("s + 1 for s + N", refutes=["det*", "quadratic*"], prior=1),
        control("a likelihood without its 1/2: s = 2 S/N", refutes="stationary", half=1),
    ),
    tier="quick",
)
def evidence_of_the_experiment(run: Run, *, prior: int = 0, half: int = 2) -> Verdict:
    """Each datum has the variance s + 1, each pair the covariance 1, as they share z."""
    s, n, squares = sympy.symbols("s N S", positive=True)
    run.assume(positive_precision, 1 + n / s)
    parts = {}
    for count in COUNTS:
        data = free_vector("x", count)
        mean, spread = _sums(data)
        C = ImmutableMatrix(s * sympy.eye(count) + sympy.ones(count))
        last = s + (prior or count)
        parts[f"det C, N = {count}"] = identity(C.det(method="berkowitz") - s ** (count - 1) * last)
        form = (data.T * C.adjugate() * data)[0] / C.det(method="berkowitz")
        parts[f"quadratic, N = {count}"] = identity(form - spread / s - count * mean**2 / last)
    value = log_evidence(s, n, squares, log) - (1 - Rational(half, 2)) * squares / s
    slope = 2 * s**2 * value.diff(s)
    parts["stationary"] = identity(sympy.expand(slope - squares + s * (n - 1 + s / (s + n))))
    return all_of(parts)


DATA = ("3/10", "-1/2", "9/10")
SHIFT, VARIANCE = "1/2", "1/4"


@claim.check(
    statement="S12",
    role="confirms",
    method="certified",
    relation="=",
    states="the formula of the evidence is the proved log p(x) within 1e-10",
    domain=f"d = 1, N = 3, data {', '.join(DATA)}, Delta = {SHIFT}, s = {VARIANCE}",
    hypotheses=(positive_precision,),
    controls=(control("N - 1 data", less=1), control("the mean's term without Delta", shift="0")),
)
def evidence_is_proved(run: Run, *, less: int = 0, shift: str = SHIFT) -> Verdict:
    """By quadrature over z of the three likelihoods."""
    from flint import arb

    model = ep.LatentModel(["z"], [f"z + {SHIFT}"] * 3, ep.Gaussian(variance=VARIANCE))
    proved = spanned(ep.log_evidence(model, [Fraction(one) for one in DATA], digits=run.digits(12)))
    with working_precision(120):
        data, s = list(map(Fraction, DATA)), Fraction(VARIANCE)
        count = len(data) - less
        mean = sum(data, Fraction(0)) / len(data)
        squares = sum(((one - mean) ** 2 for one in data), Fraction(0))
        run.assume(positive_precision, 1 + count / s)
        form = squares / s + count * (mean - Fraction(shift)) ** 2 / (s + count)
        logs = (count - 1) * ball(s).log() + ball(s + count).log() + ball(form)
        formula = -(count * (2 * arb.pi()).log() + logs) / 2
        return ball_equal(proved - formula, 1e-10)


@claim.check(
    statement="S9",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "one step without cooling has tr M = V + 1 - (V - 1) u^2/4 + V u^3/16, u = h^2, which exceeds V + 1 - "
        "(16/27)(V - "
        "1)^3/V^2 by (V/16)(u - u*)^2 (u + u*/2), u* = 8 (V - 1)/(3 V): the least for V > 1, at e^2 = 8 (V - 1)/(3 "
        "V L)"
    ),
    domain="one coordinate, every V > 1 and every step size",
    hypotheses=(positive_precision,),
    controls=(
        control("3/4 V u^3/16", refutes="trace", share=Rational(3, 4)),
        control("u* = 3 (V - 1)/V", refutes="least", place=Integer(3)),
        control("(1/2)(V - 1)^3/V^2", refutes="least", least=Rational(1, 2)),
    ),
    tier="quick",
)
def best_step_without_cooling(
    run: Run,
    *,
    share: Expr = Integer(1),  # noqa: B008
    place: Expr = Rational(8, 3),  # noqa: B008
    least: Expr = Rational(16, 27),  # noqa: B008
) -> Verdict:
    """The gap falls from about V/2 to (11/54) V nats, and no further: the bound is of order sqrt(V)."""
    more, u = sympy.symbols("v u", positive=True)
    V = 1 + more
    run.assume(positive_precision, V)
    found = trace(sqrt(u), [Integer(1)], V, Integer(1))
    star = place * more / V
    bottom = V + 1 - least * more**3 / V**2
    return all_of(
        {
            "trace": identity(found - (V + 1 - more * u**2 / 4 + share * V * u**3 / 16)),
            "least": identity(found - bottom - V / 16 * (u - star) ** 2 * (u + star / 2)),
        }
    )
