"""S6: without a bound of the Hessian's variation there is none of the penalty."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr, Integer, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, control, identity

from .._shared.balls import CUTOFF, ball, working_precision
from . import claim

BITS = 120


@claim.check(
    statement="S6",
    role="limits",
    method="symbolic",
    relation="limit",
    states=(
        "a = h with probability p, else 1: P* = (1/2) (log(1 - p + p h) - p log h), whose slope in log h is (1/2) "
        "(p h / (1 - p + p h) - p), positive for h > 1 and with the limit (1 - p) / 2: P* grows like ((1 - p) / 2) "
        "log h without bound"
    ),
    domain="every p in (0, 1)",
    hypotheses="none",
    controls=(
        control("p = 1: one value", p=Integer(1)),
        control("a slope without - p", refutes=("slope", "factors"), less=0),
        control("the limit 1/2", refutes="limit", limit=Rational(1, 2)),
    ),
    tier="quick",
)
def two_values(
    run: Run,  # noqa: ARG001
    *,
    p: Expr | None = None,
    less: int = 1,
    limit: Expr | None = None,
) -> Verdict:
    """With t = log h; the slope is p (1 - p) (h - 1) / (2 (1 - p + p h)), which is what is positive."""
    share, h = sympy.symbols("p h", positive=True)
    at = share if p is None else p
    value = (sympy.log(1 - at + at * h) - at * sympy.log(h)) / 2
    slope = h * value.diff(h)
    stated = (share * h / (1 - share + share * h) - less * share) / 2
    factored = share * (1 - share) * (h - 1) / (2 * (1 - share + share * h))
    far = sympy.limit(slope.subs(h, 1 / Symbol("y", positive=True)), Symbol("y", positive=True), 0)
    return all_of(
        {
            "slope": identity(slope - stated),
            "factors": identity((stated if p is None else slope) - factored),
            "limit": identity(far - ((1 - share) / 2 if limit is None else limit)),
        }
    )


@claim.check(
    statement="S6",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "the decoder e^(k z) with z ~ N(0, 1), sigma -> 0: sigma^2 A = f'(z)^2 = k^2 e^(2 k z) is lognormal with "
        "Var(log) = 4 k^2, E = k^2 e^(2 k^2), and P0 = (1/2) (log E f'^2 - E log f'^2) = k^2 nats"
    ),
    domain="every k > 0; the limit's formula P0 in place of the penalty at sigma > 0",
    hypotheses="none",
    controls=(
        control("f' for f'^2", refutes=("mean", "penalty"), power=1),
        control("k^2 / 2", refutes="penalty", factor=Rational(1, 2)),
        control("Var(log f'^2) = 2 k^2", refutes="variance", spread=2),
    ),
    tier="quick",
)
def exponential_decoder(
    run: Run,  # noqa: ARG001
    *,
    power: int = 2,
    factor: Expr = Integer(1),  # noqa: B008
    spread: int = 4,
) -> Verdict:
    """E e^(t z) = e^(t^2 / 2), by SymPy's integral over the density."""
    k, z = Symbol("k", positive=True), Symbol("z", real=True)
    density = sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi)
    f = sympy.exp(k * z)
    squared = f.diff(z) ** power
    mean = sympy.integrate(sympy.powsimp(squared * density), (z, -sympy.oo, sympy.oo))
    log = sympy.expand_log(sympy.log(f.diff(z) ** 2))
    mean_log = sympy.integrate(sympy.expand(log * density), (z, -sympy.oo, sympy.oo))
    deviation = sympy.expand((log - mean_log) ** 2 * density)
    variance = sympy.integrate(deviation, (z, -sympy.oo, sympy.oo))
    return all_of(
        {
            "mean": identity(
                sympy.expand_log(sympy.log(mean)) - sympy.log(k**2 * sympy.exp(2 * k**2)).expand()
            ),
            "variance": identity(variance - spread * k**2),
            "penalty": identity((sympy.expand_log(sympy.log(mean)) - mean_log) / 2 - factor * k**2),
        }
    )


POWERS = (2, 4, 8, 16)
COUNTS = (2, 3, 10)


@claim.check(
    statement="S6",
    role="limits",
    method="certified",
    relation="<=",
    states=(
        "N equally weighted numbers, N - 1 ones and one h: P* - ((1 - 1/N) log h - log N) / 2 is positive, at most "
        "(N - 1) / (2 h), and so tends to 0 as h grows"
    ),
    domain=f"N = {', '.join(map(str, COUNTS))}; h = 10^2 to 10^16",
    hypotheses="none",
    controls=(
        control("without log N", refutes="*: positive", with_log=0),
        control("a bound that falls like 1 / h^2", refutes="*: bound", power=2),
    ),
    tier="quick",
)
def few_points(run: Run, *, with_log: int = 1, power: int = 1) -> Verdict:  # noqa: ARG001
    """The difference is (1/2) log(1 + (N - 1) / h), at every h."""
    parts = {}
    with working_precision(BITS):
        for count in COUNTS:
            for digits in POWERS:
                h = arb(10) ** digits
                value = ((1 + (h - 1) / count).log() - h.log() / count) / 2
                excess = value - ((1 - arb(1) / count) * h.log() - with_log * arb(count).log()) / 2
                parts[f"N = {count}, h = 1e{digits}: positive"] = ball_positive(excess)
                parts[f"N = {count}, h = 1e{digits}: bound"] = ball_positive(
                    (count - 1) / (2 * h**power) - excess
                )
    return all_of(parts)


STATED = "0.3423232077500756194129825"
PLACES = Fraction(1, 10**24)
FAR = 20


def gaussian_mean(g: Callable[[acb, bool], acb], growth: int) -> arb:
    """E g(z), z ~ N(0, 1), for |g(z)| <= growth (1 + z^4) on the line."""
    inner = acb.integral(lambda z, analytic: (-z * z / 2).exp() * g(z, analytic), -CUTOFF, CUTOFF).real
    tail = 2 * arb(CUTOFF) ** 4 * (-(arb(CUTOFF) ** 2) / 2).exp() * growth
    return inner / (2 * arb.pi()).sqrt() + tail * arb(0, 1)


@claim.check(
    statement="S6",
    role="limits",
    method="certified",
    relation="=",
    states=(
        f"sinh with z ~ N(0, 1), sigma -> 0: P0 = (1/2) (log E cosh^2 - E log cosh^2) = {STATED} nats, within "
        f"{float(PLACES):.0e}, with E cosh^2 = (1 + e^2) / 2"
    ),
    domain="the limit's formula P0 over the prior",
    hypotheses="none",
    controls=(
        control("E cosh^2 = e^2 / 2", refutes=("stated", "mean"), one=0),
        control("log cosh for log cosh^2", refutes="stated", power=1),
    ),
    tier="quick",
)
def hyperbolic_sine(run: Run, *, one: int = 1, power: int = 2) -> Verdict:  # noqa: ARG001
    """Log cosh z = |z| + log(1 + e^(-2 |z|)) - log 2 at most |z|; the integrator sees the logarithm's cuts."""

    def log_cosh(z: acb, analytic: bool) -> acb:
        return z.cosh().log(analytic=analytic)

    with working_precision(BITS):
        mean = (one + arb(2).exp()) / 2
        value = (mean.log() - power * gaussian_mean(log_cosh, 1)) / 2
        found = acb.integral(lambda z, _: (-z * z / 2).exp() * z.cosh() ** 2, -FAR, FAR).real
        # cosh^2 z <= e^(2 |z|), and 2 z - z^2 / 2 = 2 - (z - 2)^2 / 2: a Gaussian tail from FAR - 2 on, on either side
        left = (2 - arb(FAR - 2) ** 2 / 2).exp() * arb(0, 2)
        integrated = (found + left) / (2 * arb.pi()).sqrt()
        return all_of(
            {
                "stated": ball_at_most(abs(value - ball(STATED)), PLACES),
                "mean": ball_at_most(abs(integrated - mean), PLACES),
            }
        )
