"""S1: the geometry of the metrics: unit-speed coordinates, the sphere of classes, the hyperbolic plane of Gaussians."""

import sympy
from sympy import Expr, Rational, Symbol, exp, sqrt

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity
from elboproof.model.metrics import fisher_metric
from elboproof.model.two_heads import HeteroscedasticGaussian

from . import claim
from .families import ROWS
from .hypotheses import T, positive_parameters, regular_metric
from .information import plain

STATED = {name: row.unit_speed for name, row in ROWS.items() if row.unit_speed is not None}
CLASSES = (2, 3)
ONE, TWO, HALF, ROOT = sympy.Integer(1), sympy.Integer(2), Rational(1, 2), sqrt(2)


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "u'(t)^2 = G for u = 2 sqrt(n) asin sqrt(p), 2 sqrt(lambda), 2 sqrt(r) asinh sqrt(mu/r), and multiples of t "
        "where G is constant"
    ),
    domain=", ".join(STATED),
    hypotheses=(regular_metric,),
    controls=(
        control("the coordinates without their 2 or at half the slope", factor=HALF),
        control("u' = G, the mean's coordinate", refutes=["P*", "b*", "B*", "n*", "g*"], power=1),
    ),
    tier="quick",
)
def unit_speed_coordinates(run: Run, *, factor: Expr = ONE, power: int = 2) -> Verdict:
    """The variance-stabilising transformations of statistics."""
    parts = {}
    for name, unit in STATED.items():
        row = ROWS[name]
        run.assume(regular_metric, sympy.Integer(1) if row.metric.has(T) else row.at_numbers(row.metric))
        parts[name] = identity(plain((factor * unit.diff(T)) ** power - row.metric))
    return all_of(parts)


def _classes(count: int) -> tuple[list[Symbol], list[Expr], sympy.ImmutableMatrix]:
    """Return odds e^f as symbols, the probabilities, and the library's metric at the logits log odds."""
    odds = list(sympy.symbols(f"e1:{count + 1}", positive=True))
    metric = fisher_metric(ep.Categorical(), [sympy.log(e) for e in odds])
    return (
        odds,
        [e / sympy.Add(*odds) for e in odds],
        metric.applyfunc(lambda entry: sympy.cancel(plain(entry))),
    )


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "the metric of K logits is singular, with the vector of ones in its kernel: no Riemannian metric; of K - 1 "
        "logits beside a reference it has the determinant p_1 ... p_K, and 2 sqrt(p) maps it onto a sphere of radius 2"
    ),
    domain=f"K = {', '.join(map(str, CLASSES))}, every logit; the library's metric",
    hypotheses=(regular_metric,),
    controls=(
        control("one logit moved less than the others", refutes="kernel*", last=HALF),
        control("the determinant without the reference's probability", refutes="determinant*", omitted=1),
        control("the sphere of radius 1", refutes="*sphere*", radius=ONE),
    ),
    tier="quick",
)
def classes_live_on_a_sphere(run: Run, *, last: Expr = ONE, omitted: int = 0, radius: Expr = TWO) -> Verdict:
    """An isometry onto a sphere of radius 2: the curvature is 1/4 for K > 2."""
    parts = {}
    for count in CLASSES:
        odds, chances, metric = _classes(count)
        ones = sympy.ones(count - 1, 1).col_join(sympy.Matrix([last]))
        parts[f"kernel, K = {count}"] = identity(list(metric * ones))
        regular = metric[:-1, :-1]
        run.assume(regular_metric, regular.subs(dict.fromkeys(odds, 1)))
        stated = sympy.Mul(*chances[: count - omitted])
        parts[f"determinant, K = {count}"] = identity(regular.det() - stated)
        place = sympy.Matrix([radius * sqrt(p) for p in chances])
        slopes = place.jacobian(odds[:-1]) * sympy.diag(*odds[:-1])
        parts[f"metric of the sphere, K = {count}"] = identity(list(slopes.T * slopes - regular))
        parts[f"on the sphere, K = {count}"] = identity(place.dot(place) - 4)
    return all_of(parts)


MEAN, LOG, START, LOG_START = sympy.symbols("mu l mu0 l0", real=True)


def _gaussian_metric() -> sympy.ImmutableMatrix:
    """Return the library's metric of (mean, log variance) in the coordinates (mean, log deviation)."""
    slopes = sympy.diag(1, 2)
    metric = fisher_metric(HeteroscedasticGaussian(()), [MEAN, 2 * LOG])
    return sympy.ImmutableMatrix(slopes.T * metric * slopes)


def _curvature(metric: sympy.ImmutableMatrix) -> Expr:
    """Return the Gaussian curvature of diag(E(l), F), F constant: -(sqrt E)''/(F sqrt E)."""
    root = sqrt(metric[0, 0])
    return -root.diff(LOG, 2) / (metric[1, 1] * root)


def _divergence() -> Expr:
    """Return KL(N(mu0, e^(2 l0)) || N(mu, e^(2 l))) = l - l0 + (e^(2 l0) + (mu - mu0)^2)/(2 e^(2 l)) - 1/2."""
    return LOG - LOG_START + (exp(2 * LOG_START) + (MEAN - START) ** 2) / (2 * exp(2 * LOG)) - HALF


def _distance(scale: Expr, share: Expr) -> Expr:
    """Return sqrt(2) acosh(1 + (d mu^2/2 + d s^2)/(2 s s0))."""
    near, far = exp(LOG_START), exp(LOG)
    cosine = 1 + (share * (MEAN - START) ** 2 + (far - near) ** 2) / (2 * near * far)
    return scale * sympy.acosh(cosine)


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "N(mu, e^(2 l)) has the metric diag(e^(-2 l), 2), the second derivatives of KL, of curvature -1/2: a "
        "hyperbolic plane in which D = sqrt(2) acosh(1 + (dmu^2/2 + ds^2)/(2 s s0)) has a gradient of length 1"
    ),
    domain="every mean and log deviation, from every point",
    hypotheses=(regular_metric, positive_parameters),
    controls=(
        control("curvature -1, that of the plane with ds^2 for 2 ds^2", refutes="curvature", bend=sympy.Integer(-1)),
        control("1 for 2 in the metric of log deviations", refutes=["metric", "divergence"], log_entry=ONE),
        control("the distance without sqrt(2)", refutes="gradient", scale=ONE),
        control("dmu^2 for dmu^2/2", refutes="gradient", share=ONE),
    ),
    tier="quick",
)  # fmt: skip
def gaussians_live_on_a_hyperbolic_plane(
    run: Run, *, bend: Expr = -HALF, log_entry: Expr = TWO, scale: Expr = ROOT, share: Expr = HALF
) -> Verdict:
    """The eikonal equation G^-1(grad D, grad D) = 1, D = 0 at the start; negative curvature leaves no cut locus."""
    metric = _gaussian_metric()
    run.assume(regular_metric, metric.subs(LOG, 0))
    run.assume(positive_parameters, exp(LOG))
    stated = sympy.diag(exp(-2 * LOG), log_entry)
    second = sympy.hessian(_divergence(), (MEAN, LOG)).subs({START: MEAN, LOG_START: LOG})
    distance = _distance(scale, share)
    steep = sum(distance.diff(c) ** 2 / metric[k, k] for k, c in enumerate((MEAN, LOG)))
    return all_of(
        {
            "metric": identity(list(metric - stated)),
            "divergence": identity(list(second - stated)),
            "curvature": identity(_curvature(metric) - bend),
            "gradient": identity(steep - 1),
        }
    )
