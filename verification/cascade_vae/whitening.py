"""S4: after whitening the axis of the classes is invisible to second moments, and to third ones."""

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, ImmutableMatrix, Rational

from elboproof.checking import Run, Verdict, all_of, at_least, control, equal, identity

from .._shared.symbols import free_vector, normal_expectation, triangular
from . import claim
from .accuracy import LONG
from .hypotheses import definite_covariance, positive_variances
from .stages import accuracy_up_to_swap, whitened

HALF = Rational(1, 2)


@claim.check(
    statement="S4",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "whitened codes have covariance I, whatever they were, and the mean log likelihood of p(z|u) = N(w u, v I), w "
        "= rho (cos t, sin t), u ~ N(0, 1), is a function of it: -1/2 [log v + log(v + rho^2) + 1/v + 1/(v + rho^2)] - "
        "log 2 pi. It does not depend on t; its slopes are -rho^2/(2 (1 + rho^2)^2) < 0 in rho^2 at v = 1 and 0 in v "
        "at rho = 0, v = 1: a second stage that is linear and Gaussian has no axis, and uses no latent"
    ),
    domain="two codes, every covariance LL', rho, t, v > 0",
    hypotheses=(definite_covariance, positive_variances),
    controls=(
        control("codes that are not whitened", refutes=["covariance"], whiten=0),
        control("unequal variances 1 and 1 + g", refutes=["axis", "slope in rho^2", "slope in v"], more=1),
    ),
    tier="quick",
)
def no_linear_stage_finds_the_axis(run: Run, *, whiten: int = 1, more: int = 0) -> Verdict:
    """The inverse of v I + ww' is (I - ww'/(v + rho^2))/v, its determinant v (v + rho^2)."""
    L = triangular("l", 2)
    run.assume(definite_covariance, L * L.T)
    inverse = ImmutableMatrix([[1 / L[0, 0], 0], [-L[1, 0] / (L[0, 0] * L[1, 1]), 1 / L[1, 1]]])
    map_ = inverse if whiten else ImmutableMatrix.eye(2)
    covariance = map_ * (L * L.T) * map_.T

    p, v, t, g = sympy.symbols("p v t g", positive=True)
    run.assume(positive_variances, v)
    seen = ImmutableMatrix([[1, 0], [0, 1 + more * g]])
    w = sympy.sqrt(p) * ImmutableMatrix([sympy.cos(t), sympy.sin(t)])
    precision = (ImmutableMatrix.eye(2) - w * w.T / (v + p)) / v
    fit = -(sympy.log(v) + sympy.log(v + p) + (precision * seen).trace()) / 2
    slope_p = fit.diff(p).subs(v, 1).subs(t, 0)
    return all_of(
        {
            "covariance": identity(covariance - ImmutableMatrix.eye(2)),
            "axis": identity(fit.diff(t)),
            "slope in rho^2": identity(slope_p.subs(t, 0) + p / (2 * (1 + p) ** 2) - more * g),
            "slope in v": identity(fit.diff(v).subs(p, 0).subs(v, 1)),
        }
    )


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "two equal Gaussian classes whitened have the centres +-d/2 on an axis e and the covariance I - d^2/4 ee' "
        "within; along a direction whose cosine with e is c the first three cumulants are 0, 1, 0 whatever c, and the "
        "fourth is -2 (d c/2)^4: it is the first that sees the axis, and largest in size on it"
    ),
    domain="every d with d^2 < 4, every c; classes equally likely",
    hypotheses=(positive_variances,),
    controls=(
        control("classes of weights 1/3 and 2/3", refutes="third", weight=Rational(1, 3)),
        control("covariance I within", refutes="second", within=0),
        control("-(d c/2)^4", refutes="fourth", two=1),
        control("centres d/2 and 0", refutes="first", centre=0),
    ),
    tier="quick",
)
def kurtosis_sees_the_axis(
    run: Run, *, weight: Expr = HALF, within: int = 1, two: int = 2, centre: int = 1
) -> Verdict:
    """Moments of a mixture: s = +-d c/2 plus noise of variance 1 - d^2 c^2/4, whose root's even powers count."""
    d, c = sympy.symbols("d c", real=True)
    e = free_vector("e", 1)
    root = sympy.Symbol("s", positive=True)  # the deviation within
    run.assume(positive_variances, root)
    shift = d * c / 2
    variance = 1 - within * shift**2

    def moment(n: int) -> Expr:
        sides = [(weight, shift), (1 - weight, -centre * shift)]
        whole = sympy.Add(*(p * normal_expectation((x + root * e[0]) ** n, e) for p, x in sides))
        terms = sympy.Poly(whole, root).terms()  # even powers alone, by symmetry
        return sympy.Add(*(coefficient * variance ** (power // 2) for (power,), coefficient in terms))

    first, second, third, fourth = (moment(n) for n in range(1, 5))
    return all_of(
        {
            "first": identity(first),
            "second": identity(second - 1),
            "third": identity(third),
            "fourth": identity(fourth - 3 + two * shift**4),
        }
    )


DRAWS, ANGLES = 20_000, 90
Floats = NDArray[np.float64]


@claim.check(
    statement="S4",
    role="sharpens",
    method="property",
    relation=">=",
    states=(
        "of whitened draws the direction of the least kurtosis splits the classes with the accuracy of the best axis "
        "within a point"
    ),
    domain=f"{LONG}; {DRAWS:,} draws, {ANGLES} directions",
    hypotheses=(definite_covariance,),
    controls=(
        control("the largest kurtosis", refutes="accuracy", sign=-1.0),
        control("draws that are not whitened", refutes="covariance", whiten=False),
        control("a covariance of 1.02", refutes="covariance", seen=1.02),
    ),
)
def the_least_kurtosis_finds_the_classes(
    run: Run, *, sign: float = 1.0, whiten: bool = True, seen: float = 1.0
) -> Verdict:
    """No criterion of second moments can: all directions have variance 1."""
    run.assume(definite_covariance, [[LONG.within[0], 0], [0, LONG.within[1]]])
    side = run.rng.choice([-1.0, 1.0], DRAWS)
    points = (
        run.rng.standard_normal((DRAWS, 2)) * np.sqrt(LONG.within) + side[:, None] * np.array(LONG.apart) / 2
    )
    codes = whitened(points) if whiten else points - points.mean(0)
    angle = np.arange(ANGLES) * np.pi / ANGLES
    along = codes @ np.array([np.cos(angle), np.sin(angle)])
    best = int(np.argmin(sign * (along**4).mean(0)))
    found = accuracy_up_to_swap(along[:, best] > 0, side > 0)
    return all_of(
        {
            "covariance": equal(np.cov(codes.T, bias=True), seen * np.eye(2), 1e-9),
            "accuracy": at_least(found, float(LONG.best()) - 0.01),
        }
    )
