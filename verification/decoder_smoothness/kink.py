"""S1, limits: infinite data whose variances are not bounded below make a kink."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import bounded_below, definite_encoder, finite_data
from .points import Points

HALF = sympy.Rational(1, 2)
L, A, U = sympy.symbols("l a u", positive=True)
"""The rate, |z|, and l^2 / 2."""


@claim.check(
    statement="S1",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "with codes 0, x = S = V and V exponential with mean 2/l^2: from g(u) = int exp(-uV - z^2/(2V)) / sqrt(2 pi "
        "V) dV = exp(-l|z|)/l, l = sqrt(2u), follow q(z) = u g = (l/2) exp(-l|z|) and f*(z) = -g'/g = (1 + "
        "l|z|)/l^2, with the slope +1/l to the right of 0 and -1/l to its left: f* is not differentiable"
    ),
    domain="every l > 0 and z; the formula of g is used, and enclosed for instances by the next check",
    hypotheses=(definite_encoder,),
    controls=(
        control("l for l^2", refutes="average", power=1),
        control("the kink claimed smooth", refutes="slope*", slope=0),
        control("the mass without its half", refutes="density", mass=1),
    ),
    tier="quick",
)
def kink_of_an_exponential_law(
    run: Run, *, power: int = 2, slope: int = 1, mass: Expr | int = HALF
) -> Verdict:
    """The function g is a Laplace transform, so -g' is the one with another factor V."""
    run.assume(definite_encoder, sympy.ImmutableMatrix([[U]]))
    root = sympy.sqrt(2 * U)
    g = sympy.exp(-root * A) / root
    average = (-g.diff(U) / g).subs(U, L**2 / 2)
    stated = (1 + L * A) / L**power
    right = average.diff(A)
    return all_of(
        {
            "density": identity((U * g).subs(U, L**2 / 2) - mass * L * sympy.exp(-L * A)),
            "average": identity(average - stated),
            "slope to the right": identity(right - slope / L),
            "slope to the left, where a = -z": identity(-right + slope / L),
        }
    )


RATES, PLACES = (Fraction(1), Fraction(3, 2)), (Fraction(0), Fraction(1, 4), Fraction(1), Fraction(2))
BITS, REACH, NEAR = 90, 14, 12
"""Of the integrals over V = r^2: r <= 14 / l, and from |z| / 12 on."""
WITHIN = 1e-18


def stated_average(z: arb, rate: arb) -> arb:
    """(1 + l|z|) / l^2."""
    return (1 + rate * abs(z)) / rate**2


def rounded_off(z: arb, rate: arb) -> arb:
    """The same with |z| replaced by a smooth function that is off by less than 1/1000."""
    return (1 + rate * (z * z + arb(10) ** -6).sqrt()) / rate**2


def with_l_for_its_square(z: arb, rate: arb) -> arb:
    """(1 + l|z|) / l."""
    return (1 + rate * abs(z)) / rate


def moment(rate: arb, z: arb, power: int) -> arb:
    """Return int V^power l^2/2 exp(-l^2 V/2) N(z; 0, V) dV by V = r^2, for power 0 and 1.

    The integrand in r is l^2 / sqrt(2 pi) r^(2 power) exp(-l^2 r^2/2 - z^2/(2 r^2)). Below |z|/12 it is at most
    r^(2 power) exp(-72), above 14/l at most what the tail of a Gaussian is, with r^2 exp(-l^2 r^2/4) < 4/l^2.
    """
    factor = rate**2 / (2 * arb.pi()).sqrt()
    low, high = abs(z) / NEAR, REACH / rate

    def integrand(r: acb, _: bool) -> acb:
        inner = -(rate**2) * r * r / 2
        return r ** (2 * power) * (inner - z * z / (2 * r * r) if z != 0 else inner).exp()

    near = low ** (2 * power + 1) * (-(arb(NEAR) ** 2) / 2).exp()
    far = (4 / rate**2) ** power * 2 / rate * (-(arb(REACH) ** 2) / 4).exp()
    return factor * (acb.integral(integrand, low, high).real + (near + far) * arb(0, 1))


@claim.check(
    statement="S1",
    role="limits",
    method="certified",
    relation="=",
    states=(
        f"f*(z) = E[V N(z; 0, V)] / E[N(z; 0, V)] = (1 + l|z|)/l^2 and q(z) = (l/2) exp(-l|z|), within {WITHIN:.0e}"
    ),
    domain="V exponential with mean 2/l^2, l = 1, 3/2; z = 0, 1/4, 1, 2",
    hypotheses="none",
    controls=(
        control("l for l^2", refutes="average, l = 3/2*", average=with_l_for_its_square),
        control(
            "|z| rounded off to sqrt(z^2 + 1e-6): a smooth neighbour", refutes="average*", average=rounded_off
        ),
        control("the mass without its half", refutes="density*", half=1),
    ),
)
def integrals_have_the_kink(
    run: Run, *, average: Callable[[arb, arb], arb] = stated_average, half: Fraction | int = Fraction(1, 2)
) -> Verdict:
    """Both integrals are enclosed with their tails."""
    del run
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for rate in RATES:
            for place in PLACES:
                z, speed = ball(place), ball(rate)
                mass, first = moment(speed, z, 0), moment(speed, z, 1)
                parts[f"average, l = {rate}, z = {place}"] = ball_equal(
                    first / mass - average(z, speed), WITHIN
                )
                density = ball(half) * speed * (-speed * abs(z)).exp()
                parts[f"density, l = {rate}, z = {place}"] = ball_equal(mass - density, WITHIN)
    return all_of(parts)


LEVELS = (4, 16, 64)
AROUND = 1e-40
"""Radius of the ball around 0 in which the slopes are enclosed."""


def mixture(levels: int) -> Points:
    """Return ``levels`` variances, about the quantiles of the exponential law with mean 2, each with x = S."""
    logs = [(arb(levels) / (arb(levels) - k - arb("0.5"))).log() for k in range(levels)]
    variances = tuple(Fraction(round(2000 * float(one))) / 1000 for one in logs)
    return Points(variances, (0,) * levels, variances)


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states="finitely many of these points have the slope 0 at 0: their f* is even and analytic, so it has no kink",
    domain=f"x = S at about the quantiles of the exponential law, N = {', '.join(map(str, LEVELS))}",
    hypotheses=(finite_data, bounded_below, definite_encoder),
    controls=(control("the kink's slope 1/l claimed for a finite mixture", slope=1),),
    tier="quick",
)
def finite_mixtures_have_no_kink(run: Run, *, slope: int = 0) -> Verdict:
    """The slope is a coefficient of a quotient of power series."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for levels in LEVELS:
            points = mixture(levels)
            lowest = min(Fraction(s) for s in points.variances)
            run.assume(finite_data, points.data)
            run.assume(bounded_below, lowest, [Fraction(s) - lowest for s in points.variances])
            run.assume(definite_encoder, [[[float(s)]] for s in (Fraction(one) for one in points.variances)])
            # about a ball around 0: at 0 itself the odd terms are exact zeros, which no second precision could move
            parts[f"N = {levels}"] = ball_equal(points.taylor(arb(0, AROUND), 1)[1] - slope, WITHIN)
    return all_of(parts)
