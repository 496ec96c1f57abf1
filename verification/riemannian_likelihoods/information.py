"""S1, symbolically: the information and the metric of each family, derived from the library's records."""

from collections.abc import Callable

import sympy
from sympy import Expr, exp

from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.model.metrics import cumulant, fisher_metric, observed_information

from . import claim
from .families import DEGREES as NU
from .families import ROWS, SCALE, Row
from .hypotheses import (
    T,
    X,
    exponential_family,
    positive_parameters,
    smooth_density,
)

Pick = Callable[[Row], Expr]
AFFINE = (
    "Bernoulli logit",
    "binomial logit",
    "Poisson log rate",
    "exponential log rate",
    "gamma log rate",
    "negative binomial log mean",
    "continuous Bernoulli logit",
)


def plain(expression: Expr) -> Expr:
    """Return an expression by exp and log: the sigmoid and its kin have no name in FLINT's polynomials."""
    return sympy.sympify(expression).rewrite(exp).rewrite(sympy.log)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states="the observed information -d^2 log p/dt^2 of each family is that of the table, at every x and t",
    domain=(
        f"{', '.join(ROWS)}; from the library's records with symbols for all parameters (the logistic's scale is 2), "
        "and from `observed_information` at numbers"
    ),
    hypotheses=(positive_parameters, smooth_density),
    controls=(
        control("a close mistake in each row", information=lambda row: row.false_observed),
        control(
            "the metric, where the information depends on x",
            refutes=[
                f"*{name}"
                for name in (
                    "exponential log rate",
                    "gamma log rate",
                    "negative binomial log mean",
                    "Student location",
                    "logistic location",
                )
            ],
            information=lambda row: row.metric,
        ),
    ),
    tier="quick",
)
def information_of_the_table(run: Run, *, information: Pick = lambda row: row.observed) -> Verdict:
    """The information is what posterior precisions are made of; the metric is its mean over x."""
    parts = {}
    for name, row in ROWS.items():
        if row.numbers:
            run.assume(positive_parameters, *row.numbers)
        run.assume(smooth_density, row.given, T)
        stated = information(row)
        if row.kernel is not None:
            parts[f"record, {name}"] = identity(plain(-row.symbolic.diff(T, 2) - stated))
        found = observed_information(row.likelihood, [T], [X])[0]
        parts[f"library, {name}"] = identity(plain(found - row.at_numbers(stated)))
    return all_of(parts)


def mean_statistic(row: Row) -> Expr:
    """Return E[x] from E[score] = 0, the score being affine in x."""
    score = row.symbolic.diff(T)
    return -score.subs(X, 0) / score.diff(X)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "G is the mean information (its value at the mean of x), the mean squared score (its slope in x squared, times "
        "the variance), and the library's Fisher metric"
    ),
    domain=f"{', '.join(AFFINE)}: families whose log density is affine in x; the variance at numbers",
    hypotheses=(exponential_family, positive_parameters),
    controls=(control("a close mistake in each row", metric=lambda row: row.false_metric),),
    tier="quick",
)
def metric_of_the_table(run: Run, *, metric: Pick = lambda row: row.metric) -> Verdict:
    """The mean of x is where the mean score vanishes."""
    parts = {}
    for name in AFFINE:
        row = ROWS[name]
        run.assume(exponential_family, row.given, X)
        if row.numbers:
            run.assume(positive_parameters, *row.numbers)
        stated = metric(row)
        mean = -row.symbolic.diff(T, 2).subs(X, mean_statistic(row))
        parts[f"mean information, {name}"] = identity(plain(mean - stated))
        squared = row.given.diff(T).diff(X) ** 2 * cumulant(row.likelihood, 2, T)
        parts[f"squared score, {name}"] = identity(plain(squared - row.at_numbers(stated)))
        found = fisher_metric(row.likelihood, [T])[0]
        parts[f"library, {name}"] = identity(plain(found - row.at_numbers(stated)))
    return all_of(parts)


COSINE, PART = sympy.symbols("c u", positive=True)
"""cos(phi)^2 for x = t + s sqrt(nu) tan(phi), which has the density cos(phi)^(nu - 1)/Z; and u for the logistic's x =
t + s log(u/(1 - u)), which has the density 1 on [0, 1]."""


def mean_of_student(function: Expr) -> Expr:
    """Return the mean of a polynomial in cos(phi)^2, for every nu > 0.

    The slope of sin cos^(p + 1) is (p + 2) cos^(p + 2) - (p + 1) cos^p, and its integral is 0: so E cos^(2 j) is the
    product of (nu + 2 i)/(nu + 2 i + 1) over i < j.
    """
    terms = sympy.Poly(sympy.cancel(function), COSINE).terms()
    return sympy.Add(
        *(c * sympy.prod([(NU + 2 * i) / (NU + 2 * i + 1) for i in range(power)]) for (power,), c in terms)
    )


def _uniform(function: Expr) -> Expr:
    return sympy.integrate(sympy.expand(sympy.cancel(function)), (PART, 0, 1))


def _faces(density: Expr, place: Expr) -> dict[str, Expr]:
    """Return the information and the squared score of a log density at x = t + place."""
    found = {"information": -density.diff(T, 2), "squared score": density.diff(T) ** 2}
    return {
        face: sympy.simplify(plain(one).subs(X, T + place, simultaneous=True)) for face, one in found.items()
    }


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "of location families whose information depends on x, the mean information and the mean squared score, as "
        "integrals over x, are the library's metric: Student (nu + 1)/((nu + 3) s^2), logistic 1/(3 s^2)"
    ),
    domain="Student with every nu > 0 and s > 0, logistic of scale 2",
    hypotheses=(positive_parameters,),
    controls=(
        control(
            "nu + 2 for nu + 3, and 1/(2 s^2): the logistic's information at the mode", student=2, share=2
        ),
        control("nu for nu + 3: Student's information at the mode", refutes="*Student", student=0),
    ),
    tier="quick",
)
def metric_by_integration(run: Run, *, student: int = 3, share: int = 3) -> Verdict:
    """Both densities become elementary in another variable, in which the functions are polynomials."""
    run.assume(positive_parameters, NU, SCALE)
    row, other = ROWS["Student location"], ROWS["logistic location"]
    place = SCALE * sympy.sqrt(NU) * sympy.sqrt((1 - COSINE) / COSINE)
    stated = (NU + 1) / ((NU + student) * SCALE**2)
    seen = _faces(row.symbolic, place)
    parts = {f"{face}, Student": identity(mean_of_student(one) - stated) for face, one in seen.items()}
    parts["library, Student"] = identity(fisher_metric(row.likelihood, [T])[0] - row.at_numbers(stated))
    seen = _faces(other.given, other.numbers[SCALE] * sympy.log(PART / (1 - PART)))
    third = 1 / (share * other.numbers[SCALE] ** 2)
    return all_of(
        parts | {f"{face}, logistic": identity(_uniform(one) - third) for face, one in seen.items()}
    )
