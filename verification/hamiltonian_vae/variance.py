"""S11: how low the variance is: of the log weight and of the weight, in closed form."""

from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr, Symbol, sqrt

from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control, identity

from .._shared.balls import Line, ball, working_precision
from .._shared.symbols import free_vector, normal_expectation
from . import claim
from .gaussian import leapfrog
from .hypotheses import at_least_four, positive_precision

L = Symbol("L", positive=True)
MEAN = Symbol("m", real=True)


def _variance(weight: Expr, noise: sympy.ImmutableMatrix) -> Expr:
    """Return the variance of a polynomial in standard normal variables."""
    square = normal_expectation(sympy.expand(weight**2), noise)
    return sympy.expand(square - normal_expectation(sympy.expand(weight), noise) ** 2)


@claim.check(
    statement="S11",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "q0 = N(0, 1): the attained bound has Var log w = (c - 1)^2/2 + (L/c - 1)^2/2 + (L m/c)^2, c = sqrt(V); "
        "the VAE has "
        "(L - 1)^2/2 + L^2 m^2. For m = 0 they are (c - 1)^2 and (c^2 - 1)^2/2, and the VAE's is larger by (c - 1)^2 "
        "[(c + 1)^2 - 2]/2, positive for c > 1"
    ),
    domain="one coordinate, posterior N(m, 1/L), every L > 0 and m; e = sqrt(2/L), T_0^2 = c/2",
    hypotheses=(positive_precision,),
    controls=(
        control("half of (L m/c)^2", refutes="tempered", share=2),
        control("(L - 1)^2 for the VAE", refutes="VAE", half=1),
        control("(c + 1)^2 - 1", refutes="lower", less=1),
    ),
    tier="quick",
)
def variances_of_log_weights(run: Run, *, share: int = 1, half: int = 2, less: int = 2) -> Verdict:
    """From the path's own log weight; c is free in it, as T_0 is."""
    noise, gamma = vector = free_vector("n", 2)
    c = Symbol("c", positive=True)
    run.assume(positive_precision, L)
    first = sqrt(c / 2)
    a, b, low, d = leapfrog(sqrt(sympy.Integer(2)), [1 / first])
    y, rho = sqrt(L) * (noise - MEAN), first * gamma
    weight = (noise**2 + gamma**2 - (a * y + b * rho) ** 2 - (low * y + d * rho) ** 2) / 2
    plain = (noise**2 - L * (noise - MEAN) ** 2) / 2
    stated = (c - 1) ** 2 / 2 + (L / c - 1) ** 2 / 2 + (L * MEAN / c) ** 2 / share
    vae = (L - 1) ** 2 / half + L**2 * MEAN**2
    centred = {L: c**2, MEAN: 0}
    difference = (c - 1) ** 2 * ((c + 1) ** 2 - less) / 2
    return all_of(
        {
            "tempered": identity(_variance(weight, vector) - stated),
            "VAE": identity(_variance(plain, vector) - vae),
            "lower": identity(
                (_variance(plain, vector) - _variance(weight, vector)).subs(centred) - difference
            ),
        }
    )


@claim.check(
    statement="S11",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "the square of the weight times the noise's density is exp(-n'(2 B'B - I)n/2) up to a constant, B the map "
        "from "
        "standard noise n to (y_K, rho_K): E w^2 is finite if and only if 2 B'B > I"
    ),
    domain="one coordinate, m = mu, s0 = 1, one step, every L, h and T_0",
    hypotheses=(positive_precision,),
    controls=(control("B'B - I", twice=1),),
    tier="quick",
)
def when_the_variance_is_finite(run: Run, *, twice: int = 2) -> Verdict:
    """2 log w = n'n - |B n|^2, and log density -n'n/2."""
    h, first = sympy.symbols("h T", positive=True)
    run.assume(positive_precision, L)
    noise = free_vector("n", 2)
    a, b, c, d = leapfrog(h, [1 / first])
    B = sympy.ImmutableMatrix([[a * sqrt(L), b * first], [c * sqrt(L), d * first]])
    moved = B * noise
    exponent = 2 * (noise.dot(noise) - moved.dot(moved)) / 2 - noise.dot(noise) / 2
    form = (noise.T * (twice * B.T * B - sympy.eye(2)) * noise)[0]
    return identity(exponent + form / 2)


ROOTS = tuple(map(Fraction, ("2", "10", "100")))


@claim.check(
    statement="S11",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "m = 0: E w^2/p^2 = c^2/(2c - 1), c = sqrt(L): 50.25 at c = 100, where the ELBO is 94.39 nats below log p: "
        "weights "
        "of finite variance do not make the bound tight"
    ),
    domain=f"one coordinate, q0 = N(0, 1), c = {', '.join(map(str, ROOTS))}; the second moment by integration",
    hypotheses=(at_least_four,),
    controls=(
        control("c^2/(2c - 2)", refutes="second*", less=2),
        control("c^2/(2c - 1.02)", refutes="second*", less=Fraction(102, 100)),
        control("a gap above 94.4", refutes="gap*", least=Fraction(944, 10)),
    ),
)
def second_moments_of_weights(
    run: Run, *, less: Fraction | int = 1, least: Fraction = Fraction(9439, 100)
) -> Verdict:
    """The weight is c p exp(-(c - 1)(gamma^2 + n^2)/2): the two factors of its square are integrated alike."""
    parts = {}
    with working_precision(160):
        line = Line(Fraction(0), Fraction(1))
        for c in ROOTS:
            run.assume(at_least_four, c**2)
            root = ball(c)

            def factor(u: acb, root: arb = root) -> acb:
                return (-(root - 1) * u * u).exp()

            moment = (root * line.expectation(factor, growth=1)) ** 2
            parts[f"second moment, c = {c}"] = ball_equal(moment - root**2 / (2 * root - ball(less)), 1e-15)
        largest = ball(ROOTS[-1])
        parts["gap, c = 100"] = ball_positive(largest - 1 - largest.log() - ball(least))
        return all_of(parts)
