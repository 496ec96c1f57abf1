"""S3, S5: the gap of a Gaussian posterior in closed form, its bound, and steps that attain it or miss it."""

import sympy
from sympy import Expr, Integer, Rational, Symbol, sqrt

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector, normal_expectation
from . import claim
from .gaussian import cooling, leapfrog, moments, trace
from .hypotheses import at_least_four, below_four, positive_precision

HALF = Rational(1, 2)
L, S0, H, T = sympy.symbols("L s0 h T", positive=True)
OFF = Symbol("D", real=True)
"""m - mu."""


def any_schedule(steps: int) -> tuple[list[Expr], Expr]:
    """Return free cooling factors, and the T_0 from which they cool to 1."""
    factors = [Symbol(f"f{k}", positive=True) for k in range(steps)]
    return factors, 1 / sympy.prod(factors)


def mean_log_weight(factors: list[Expr], first: Expr) -> Expr:
    """Return E log w - log p(x) without 1/2 log(L s0^2): from the weight itself, a polynomial in the noise."""
    noise, gamma = vector = free_vector("n", 2)
    y, rho = sqrt(L) * (S0 * noise - OFF), first * gamma
    a, b, c, d = leapfrog(H, factors)
    place, momentum = a * y + b * rho, c * y + d * rho
    # log p(z|x) - log q0: normalising constants give 1/2 log(L s0^2), and log N(rho_K) - log N(gamma) the rest
    weight = (noise**2 + gamma**2 - place**2 - momentum**2) / 2
    return normal_expectation(sympy.expand(weight), vector)


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "log p(x) - E log w = 1/2 [tr M - 2 - log(L s0^2)], M the second moments of (sqrt(L) (z_K - m), rho_K) from "
        "diag(V, T_0^2); det M = V, V = L (s0^2 + (m - mu)^2); and (tr M)^2 - 4 det M = (M_11 - M_22)^2 + 4 M_12^2, "
        "so that tr M >= 2 sqrt(V) and the gap is at least sqrt(V) - 1 - 1/2 log(L s0^2)"
    ),
    domain=(
        "one coordinate, q0 = N(mu, s0^2), posterior N(m, 1/L), K = 1, 2, every step size, every schedule that "
        "cools from any T_0 > 0 to 1"
    ),
    hypotheses=(positive_precision,),
    controls=(
        control("tr M - 1", refutes="gap*", twice=1),
        control("V without the means", refutes=["gap*", "det*"], means=0),
        control("2 M_12^2", refutes="trace*", cross=2),
    ),
)
def gap_in_closed_form(run: Run, *, twice: int = 2, means: int = 1, cross: int = 4) -> Verdict:
    """The determinants of leapfrog steps are 1 and cooling's is 1/T_0, which cancels T_0^2."""
    run.assume(positive_precision, L)
    V = L * (S0**2 + means * OFF**2)
    parts = {}
    for steps in (1, 2):
        factors, temperature = any_schedule(steps)
        first, mixed, last = moments(leapfrog(H, factors), V, temperature**2)
        right = L * (S0**2 + OFF**2)
        found = mean_log_weight(factors, temperature)
        parts[f"gap, K = {steps}"] = identity(-found - (first + last - twice) / 2)
        parts[f"det M, K = {steps}"] = identity(first * last - mixed**2 - right)
        difference = (first + last) ** 2 - 4 * (first * last - mixed**2)
        parts[f"trace, K = {steps}"] = identity(difference - (first - last) ** 2 - cross * mixed**2)
    return all_of(parts)


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "one step of e = sqrt(2/L) with T_0^2 = sqrt(V)/2, beta_0 = 2/sqrt(V), gives M = sqrt(V) I: the bound is "
        "attained"
    ),
    domain="every V >= 4, where beta_0 <= 1; a T_0 for each coordinate",
    hypotheses=(at_least_four,),
    controls=(
        control("e = sqrt(1/L)", square=1),
        control("T_0^2 = sqrt(V)", refutes=["M_11", "M_22"], share=Integer(1)),
    ),
    tier="quick",
)
def one_step_attains_it(run: Run, *, square: int = 2, share: Expr = HALF) -> Verdict:
    """With h^2 = 2 a step is a quarter turn but for lengths: y -> sqrt(2) rho, rho -> -y/sqrt(2)."""
    extra = Symbol("x", positive=True)
    V = 4 + extra
    run.assume(at_least_four, V)
    temperature = sqrt(share * sqrt(V))
    matrix = leapfrog(sqrt(Integer(square)), cooling(temperature, 1))
    first, mixed, last = moments(matrix, V, temperature**2)
    return all_of(
        {
            "M_11": identity(first - sqrt(V)),
            "M_12": identity(mixed),
            "M_22": identity(last - sqrt(V)),
        }
    )


@claim.check(
    statement="S3",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "for 1 < V < 4 one step with beta_0 <= 1 misses the bound: its best tr M is that without cooling, V + 1 - "
        "(16/27)(V - 1)^3/V^2 at h^2 = 8 (V - 1)/(3 V), which exceeds 2 r, r = sqrt(V), by exactly (r - 1)^2 (r - "
        "2)^2 "
        "(11 r^2 + 12 r + 4)/(27 r^4)"
    ),
    domain="one coordinate, every 1 < V < 4, every step size, every T_0 >= 1",
    hypotheses=(below_four,),
    controls=(
        control("h^2 = 3 (V - 1)/V", refutes="without*", best=Integer(3)),
        control("V + 1 - (1/2)(V - 1)^3/V^2", refutes=["without*", "excess"], share=HALF),
        control("11 r^2 + 12 r + 5", refutes="excess", last=5),
        control("(r + 1)^2 for (r - 1)^2", refutes="cooling*", sign=-1),
    ),
)
def one_step_misses_below_four(
    run: Run,
    *,
    best: Expr = Rational(8, 3),  # noqa: B008
    share: Expr = Rational(16, 27),  # noqa: B008
    last: int = 4,
    sign: int = 1,
) -> Verdict:
    """Without cooling one step is best, and the least over h has a double root.

    With u = h^2, a = 1 - u/2 and c = u (1 - u/4)^2 V, tr M is a^2 (V + 1) + u T_0^2 + c/T_0^2. Its least T_0 is above 1
    only where |1 - u/4| r > 1; there it is 2 r + a^2 (r - 1)^2 if u < 4, and a^2 (r + 1)^2 - 2 r if u > 4. The first
    has u < 4 (1 - 1/r) < 2, where a falls, so that it is least at the end, where T_0 = 1 is best. The second has a^2 >
    (1 + 2/r)^2 and exceeds V + 1.
    """
    r, u = sympy.symbols("r u", positive=True)
    V = r**2
    run.assume(below_four, Rational(5, 2))
    plain = trace(sqrt(u), [Integer(1)], V, Integer(1))
    place = best * (V - 1) / V
    least = V + 1 - share * (V - 1) ** 3 / V**2
    stationary = trace(sqrt(u), [1 / T], V, T**2)
    excess = (r - 1) ** 2 * (r - 2) ** 2 * (11 * r**2 + 12 * r + last) / (27 * r**4)
    near = stationary.subs(T, sqrt(r * (1 - u / 4)))
    far = stationary.subs(T, sqrt(r * (u / 4 - 1)))
    turned = (1 - u / 2) ** 2
    return all_of(
        {
            "without cooling": identity(plain - least - V / 16 * (u - place) ** 2 * (u + place / 2)),
            "excess": identity(least - 2 * r - excess),
            "cooling, u < 4": identity(near - 2 * r - turned * (r - sign) ** 2),
            "cooling, u > 4": identity(far + 2 * r - turned * (r + sign) ** 2),
        }
    )


@claim.check(
    statement="S5",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "with e = sqrt(2/L) and no cooling one step has tr M = V/2 + 2, two steps V + 1, the VAE's, and three V/2 "
        "+ 2 "
        "again: for V > 2 the second step loses (V - 2)/4 nats; with cooling two steps have tr M = V T_1^2/T_0^2 + "
        "T_0^2/T_1^2, T_1 = (3 T_0 + 1)/4, which exceeds the 2 sqrt(V) of one step by V (T_1/T_0 - "
        "(T_0/T_1)/sqrt(V))^2"
    ),
    domain="one coordinate, every V > 0 and T_0 > 0; one step size for all K",
    hypotheses=(positive_precision,),
    controls=(
        control("h^2 = 3", refutes="K = *", square=3),
        control("T_1 = (T_0 + 1)/2", refutes="cooling*", power=1),
        control("the VAE's trace V + 2", refutes="K = 2", plain=2),
    ),
    tier="quick",
)
def more_steps_may_lose(run: Run, *, square: int = 2, power: int = 2, plain: int = 1) -> Verdict:
    """Two quarter turns are a half turn: the place is the start's, mirrored."""
    V = Symbol("V", positive=True)
    run.assume(positive_precision, V)
    h = sqrt(Integer(square))
    found = [trace(h, [Integer(1)] * steps, V, Integer(1)) for steps in (1, 2, 3)]
    ratio = (3 * T + 1) / (4 * T)
    cooled = trace(sqrt(Integer(2)), cooling(T, 2, power), V, T**2)
    return all_of(
        {
            "K = 1": identity(found[0] - V / 2 - 2),
            "K = 2": identity(found[1] - V - plain),
            "K = 3": identity(found[2] - V / 2 - 2),
            "cooling, K = 2": identity(cooled - V * ratio**2 - ratio**-2),
            "cooling, excess": identity(cooled - 2 * sqrt(V) - V * (ratio - 1 / (ratio * sqrt(V))) ** 2),
        }
    )
