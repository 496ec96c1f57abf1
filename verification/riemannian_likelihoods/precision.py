"""S2: what the precision of a Gaussian likelihood becomes: one thing at fixed z, another one at fixed x."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import sympy
from sympy import Expr, ImmutableMatrix, Symbol, besseli, cos, sin

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.model.metrics import observed_information

from .._shared.kept import kept
from . import claim
from .families import CONCENTRATION, ROWS, SCALE
from .families import DEGREES as NU
from .hypotheses import T, X, positive_parameters, smooth_density
from .information import AFFINE, COSINE, Pick, mean_of_student, mean_statistic, plain

LATENTS = (2,)
"""One is two with slopes of 0 in the second."""
RATIO = Symbol("A", positive=True)
"""I_1(kappa)/I_0(kappa), the mean of cos(x - t); that of sin(x - t) is 0."""
OFF = Symbol("off", real=True)
FAMILIES = (*AFFINE[:-1], "von Mises direction", "Student location")
"""Of which the mean over x is taken in closed form."""


def jet(name: str, size: int) -> tuple[list[Symbol], Expr]:
    """Return latents and a function to second order about 0, with symbols for its value, slopes and bends."""
    z = list(sympy.symbols(f"z:{size}", real=True))
    slopes = sympy.symbols(f"{name}_:{size}", real=True)
    bends = {(i, j): Symbol(f"{name}_{i}{j}", real=True) for i in range(size) for j in range(i + 1)}
    curve = sympy.Add(
        *(z[i] * z[j] * bends[max(i, j), min(i, j)] / 2 for i in range(size) for j in range(size))
    )
    return z, Symbol(name, real=True) + sympy.Add(*(a * b for a, b in zip(slopes, z, strict=True))) + curve


def _hessian(function: Expr, z: Sequence[Symbol]) -> list[Expr]:
    """Return the second derivatives at 0, on and below the diagonal."""
    zero = dict.fromkeys(z, 0)
    return [function.diff(z[i], z[j]).subs(zero) for i in range(len(z)) for j in range(i + 1)]


def _mean(name: str, function: Expr) -> Expr:
    """Return E_x of a function of x and t in closed form."""
    if name in AFFINE:
        return function.subs(X, mean_statistic(ROWS[name]))
    if name == "von Mises direction":
        return sympy.expand(function.subs(X, T + OFF)).subs({cos(OFF): RATIO, sin(OFF): 0})
    place = SCALE * sympy.sqrt(NU) * sympy.sqrt((1 - COSINE) / COSINE)
    sides = [function.subs(X, T + side * place) for side in (1, -1)]
    return mean_of_student(sympy.simplify(sum(sides) / 2))


def _by_ratio(metric: Expr) -> Expr:
    """Return a metric with I_1 = A I_0."""
    return metric.subs(besseli(1, CONCENTRATION), RATIO * besseli(0, CONCENTRATION))


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states="(i) at fixed z, E_{x|z}[Hess U(z)] = I + J'G(t(z))J: the score's mean is 0, so that Hess t does not matter",
    domain=f"d = 2 latents, t(z) with symbols for value, slopes and bends; {', '.join(FAMILIES)}",
    hypotheses=(positive_parameters, smooth_density),
    controls=(
        control("a close mistake in the metric", metric=lambda row: row.false_metric),
        control("J'GJ + Hess t", bend=1),
    ),
    tier="quick",
)
def at_fixed_latents(run: Run, *, metric: Pick = lambda row: row.metric, bend: int = 0) -> Verdict:
    """U = |z|^2/2 - log p(x|t(z)), differentiated as it stands."""
    parts = {}
    for name, size in product(FAMILIES, LATENTS):
        row = ROWS[name]
        run.assume(smooth_density, row.given, T)
        if row.numbers:
            run.assume(positive_parameters, *row.numbers)
        z, t = jet("t", size)
        value, slopes = Symbol("t", real=True), [t.diff(a).subs(dict.fromkeys(z, 0)) for a in z]
        energy = sum(a**2 for a in z) / 2 - row.symbolic.subs(T, t)
        found = [_mean(name, one.subs(value, T)) for one in _hessian(energy, z)]
        stated = [
            int(i == j) + _by_ratio(metric(row)) * slopes[i] * slopes[j] + bend * t.diff(z[i], z[j])
            for i in range(size)
            for j in range(i + 1)
        ]
        left = [plain(one - two) for one, two in zip(found, stated, strict=True)]
        parts[f"{name}, d = {size}"] = identity(left)
    return all_of(parts)


COUPLED: dict[str, tuple[Any, int, int]] = {
    "Student and Student": (ep.StudentT(3), 2, 1),
    "von Mises and von Mises": (ep.VonMises(5), 2, 1),
    "exponential": (ep.Exponential(), 1, 2),
    "three classes": (ep.Categorical(), 3, 1),
    "full Gaussian": (ep.Gaussian(covariance=[[2, 1], [1, 2]]), 2, 2),
}
"""Likelihood, its outputs, and the latents."""


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "(ii) at fixed x, Hess U = I + J' obs(x, t) J - sum_k score_k Hess t_k, so that the stationary Gaussian has "
        "S^-1 = E_q of that: the observed information, and the score"
    ),
    domain=(
        "t(z) with symbols for values, slopes and bends, every x; "
        + ", ".join(f"{name} (d = {d})" for name, (_, _, d) in COUPLED.items())
    ),
    hypotheses=(smooth_density,),
    controls=(
        control("without the score", score=0),
        control("the score with the other sign", score=-1),
        control("without the prior's I", prior=0),
    ),
)
def at_fixed_data(run: Run, *, score: int = 1, prior: int = 1) -> Verdict:
    """The library's observed information, and the chain rule; E_q[Hess U] = S^-1 is claim hessian-estimator's."""
    parts = {}
    for name, (likelihood, count, size) in COUPLED.items():
        run.assume(smooth_density, likelihood.log_density([T] * count, [X] * count), T)
        found, information, bends = _pieces(name)
        diagonal = [prior * int(i == j) for i in range(size) for j in range(i + 1)]
        parts[name] = identity(
            [
                a - one - b + score * c
                for a, one, b, c in zip(found, diagonal, information, bends, strict=True)
            ]
        )
    return all_of(parts)


@kept
def _pieces(name: str) -> tuple[list[Expr], list[Expr], list[Expr]]:
    """Return Hess U at 0, J' obs J and sum_k score_k Hess t_k, each on and below the diagonal."""
    likelihood, count, size = COUPLED[name]
    jets = [jet(f"t{k}", size) for k in range(count)]
    z, outputs, x = jets[0][0], [t for _, t in jets], sympy.symbols(f"x:{count}", real=True)
    zero = dict.fromkeys(z, 0)
    values = [t.subs(zero) for t in outputs]
    slopes = ImmutableMatrix(outputs).jacobian(z).subs(zero)
    at = likelihood.log_density(values, x)
    scores = [at.diff(value) for value in values]
    information = slopes.T * observed_information(likelihood, values, x) * slopes
    energy = sum(a**2 for a in z) / 2 - likelihood.log_density(outputs, x)
    places = [(i, j) for i in range(size) for j in range(i + 1)]
    bends = [
        sum(score * t.diff(z[i], z[j]) for score, t in zip(scores, outputs, strict=True)) for i, j in places
    ]
    return (
        [plain(entry) for entry in _hessian(energy, z)],
        [plain(information[place]) for place in places],
        [plain(entry) for entry in bends],
    )
