"""S4: one-parameter families in the coordinates dz = V^(-(1 + alpha)/2) dmu, symbolically."""

from typing import Any

import numpy as np
import sympy
from sympy import Expr, Function, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.expansion.asymptotics import Expansion, Mode

from . import claim
from .gap_law import THIRD, TWELFTH
from .hypotheses import positive_parameters

MU, START, ALPHA = Symbol("mu", real=True), Symbol("mu0", real=True), Symbol("alpha", real=True)
LAW = Function("V", positive=True)(MU)
V, FIRST, SECOND = Symbol("V", positive=True), Symbol("V1", real=True), Symbol("V2", real=True)
CURVED = Symbol("V3", real=True)


def _at_the_mean(expression: Expr) -> Expr:
    """Return an expression at mu = mu0 with symbols for V and its derivatives there."""
    named = {3: CURVED, 2: SECOND, 1: FIRST}
    found = expression.doit().subs({LAW.diff(MU, n): symbol for n, symbol in named.items()})
    return found.subs(LAW, V).subs(START, MU)


def line_mode(values: dict[int, Expr]) -> Mode:
    """Return the mode on the line with these derivatives of l."""

    def derivative(order: int) -> Any:
        tensor = np.empty((1,) * order, dtype=object)
        tensor[...] = values.get(order, sympy.Integer(0) if order == 1 else Symbol(f"l{order}", real=True))
        return tensor

    return Mode(
        derivative,
        np.array([Symbol("z0", real=True)], dtype=object),
        lambda number: bool(sympy.simplify(number) == 0),
        lambda matrix: np.array([[1 / matrix[0, 0]]], dtype=object),
        sympy.Integer(1),
        sympy.expand,
    )


def misfits(alpha: Expr) -> dict[int, Expr]:
    """Return l'' , l''' and l'''' in z, l = A(t) - t mu0: dl/dz = (mu - mu0) dt/dz and dt/dmu = 1/V."""
    speed = LAW ** ((1 + alpha) / 2)
    slope, found = (MU - START) * speed / LAW, {}
    for order in (2, 3, 4):
        slope = speed * slope.diff(MU)
        found[order] = _at_the_mean(slope)
    return found


def cumulants() -> tuple[Expr, Expr]:
    """Return the squared skewness and the excess kurtosis: each cumulant is V d/dmu of the one before."""
    third = LAW * LAW.diff(MU)
    fourth = LAW * third.diff(MU)
    return _at_the_mean(third) ** 2 / V**3, _at_the_mean(fourth) / V**2


NAMED = {"natural": (Rational(1), 1), "unit speed": (Rational(0), Rational(1, 4)), "mean": (Rational(-1), 4)}
"""alpha, and the gap in units of g1^2/(12 n)."""


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "in the coordinate dz = V^(-(1 + alpha)/2) dmu of a one-parameter exponential family the gap of n replicates "
        "is (g1^2/(12 n)) ((3 alpha - 1)/2)^2 to leading order, g1 the skewness of the statistic: factors 1, 1/4 and 4 "
        "for the natural, the unit-speed and the mean's coordinate, and 0 at alpha = 1/3 alone, if g1 is not 0"
    ),
    domain="every variance function V(mu), and every alpha",
    hypotheses=(positive_parameters,),
    controls=(
        control("the zero at alpha = 0, the unit-speed coordinate", zero=Rational(0)),
        control("the zero at alpha = -1/3", refutes=["every*", "natural", "mean"], zero=Rational(-1, 3)),
        control("1/13 for 1/12", share=Rational(1, 13)),
    ),
    tier="quick",
)
def skewness_law(run: Run, *, zero: Expr = THIRD, share: Expr = TWELFTH) -> Verdict:
    """Constant variance and vanishing leading gap are two properties, which coincide where g1 = 0."""
    run.assume(positive_parameters, V)
    skewness, _ = cumulants()

    def gap(alpha: Expr) -> Expr:
        return Expansion(line_mode(misfits(alpha)), 1).gap[0]

    def stated(alpha: Expr) -> Expr:
        return share * skewness * (3 * (alpha - zero) / 2) ** 2

    parts = {"every alpha": identity(gap(ALPHA) - stated(ALPHA))}
    for name, (alpha, factor) in NAMED.items():
        own = share * skewness * factor if zero == THIRD else stated(alpha)
        parts[name] = identity(gap(alpha) - own)
    return all_of(parts)


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "in the 1/3-coordinate the gap is (g2 - (5/3) g1^2)^2/(432 n^2) to leading order, g2 the excess kurtosis; "
        "1/(972 lambda^2 n^2) for Poisson"
    ),
    domain="every variance function V(mu)",
    hypotheses=(positive_parameters,),
    controls=(
        control("5/4 for 5/3", share=Rational(5, 4)),
        control("1/430 for 1/432", factor=Rational(1, 430)),
    ),
    tier="quick",
)
def kurtosis_law(run: Run, *, share: Expr = Rational(5, 3), factor: Expr = Rational(1, 432)) -> Verdict:  # noqa: B008
    """L''' = 0 there: the coefficient of 1/n^2 is l''''^2/(48 l''^4), whatever the prior."""
    run.assume(positive_parameters, V)
    skewness, kurtosis = cumulants()
    _, second = Expansion(line_mode(misfits(THIRD)), 2).gap
    poisson = {FIRST: 1, SECOND: 0}
    stated = factor * (kurtosis - share * skewness) ** 2
    return all_of(
        {
            "coefficient of 1/n^2": identity(second - stated),
            "Poisson": identity(second.subs(poisson) - stated.subs(poisson)),
        }
    )


MEAN = Symbol("m", positive=True)
KNOWN: dict[str, tuple[Expr, Expr]] = {"Poisson": (MEAN, MEAN), "exponential": (1 / MEAN, MEAN**2)}
"""The rate as a function of the mean, and the variance function."""


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="rate^(1/3) is a 1/3-coordinate of Poisson and exponential data: dz/dmu is a multiple of V^(-2/3)",
    domain="every rate",
    hypotheses=(positive_parameters,),
    controls=(
        control("its square root", power=Rational(1, 2)),
        control("V^(-1/2), that of unit speed", alpha=Rational(0)),
    ),
    tier="quick",
)
def cube_roots_of_rates(run: Run, *, power: Expr = THIRD, alpha: Expr = THIRD) -> Verdict:
    """The slope of the logarithm of (dz/dmu) V^((1 + alpha)/2) is 0."""
    parts = {}
    for name, (rate, variance) in KNOWN.items():
        run.assume(positive_parameters, rate, variance)
        ratio = (rate**power).diff(MEAN) * variance ** ((1 + alpha) / 2)
        parts[name] = identity(ratio.diff(MEAN) / ratio)
    return all_of(parts)
