"""S5, a fixed decoder, by other means: the shear's limit with symbols, and the true penalties from closed moments."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import sympy
from sympy import Expr, ImmutableMatrix, Integer, Symbol

from elboproof.checking import Run, Verdict, all_of, control, equal, identity

from .._shared.symbols import free_vector, generating_function, normal_expectation
from . import claim
from .fixed_decoder import DECODERS, TRUE, VARIANCES, U, V
from .hypotheses import one_preimage


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="the shear (u, v + u^2): |J'J| = 1 and |E J'J| = 1 + 4 Var(u), so P0 = (1/2) log(1 + 4 Var(u))",
    domain="every law of u with two moments; the limit's formula P0",
    hypotheses=(one_preimage,),
    controls=(
        control("1 + 2 Var(u)", refutes="mean", factor=2),
        control("the shear (u, v + u^2 / 2)", refutes="mean", bend=sympy.Rational(1, 2)),
        control("(u, 2 v + u^2)", refutes=("determinant", "mean"), stretch=2),
    ),
    tier="quick",
)
def shear_limit(run: Run, *, factor: int = 4, bend: Expr = Integer(1), stretch: int = 1) -> Verdict:  # noqa: B008
    """E of a polynomial of degree 2 in u, by its moments."""
    decoder = DECODERS["shear"]
    run.assume(one_preimage, (decoder.expressions, [U, V], decoder.inverse))
    first, second = Symbol("m1", real=True), Symbol("m2", positive=True)
    J = ImmutableMatrix([U, stretch * V + bend * U**2]).jacobian([U, V])
    metric = J.T * J

    def mean(entry: Expr) -> Expr:
        terms = sympy.Poly(entry, U).terms()
        return sympy.Add(*(c * (Integer(1), first, second)[power] for (power,), c in terms))

    return all_of(
        {
            "determinant": identity(metric.det() - 1),
            "mean": identity(metric.applyfunc(mean).det() - 1 - factor * (second - first**2)),
        }
    )


@dataclass(frozen=True)
class Route:
    """The ELBO of one x in closed form: a function of m and of the factor's parameters, for SymPy."""

    means: tuple[Symbol, ...]
    factor: tuple[Symbol, ...]
    data: tuple[Symbol, ...]
    variance: Symbol
    elbo: Expr


def sinh_route() -> Route:
    """E sinh and E sinh^2 from generating functions."""
    m, a, x, v = (
        Symbol("m", real=True),
        Symbol("a", real=True),
        Symbol("x", real=True),
        Symbol("v", positive=True),
    )
    S = ImmutableMatrix([[sympy.exp(2 * a)]])

    def grown(k: int) -> Expr:
        return generating_function(ImmutableMatrix([k]), ImmutableMatrix([m]), S)

    first, second = (grown(1) - grown(-1)) / 2, (grown(2) + grown(-2) - 2) / 4
    square = x**2 - 2 * x * first + second
    elbo = -square / (2 * v) - sympy.log(2 * sympy.pi * v) / 2 + (1 + 2 * a - m**2 - sympy.exp(2 * a)) / 2
    return Route((m,), (a,), (x,), v, elbo)


def shear_route() -> Route:
    """Polynomials by the moments of standard normal noise; L = [[e^a, 0], [b, e^c]]."""
    means, (a, b, c) = sympy.symbols("m0 m1", real=True), sympy.symbols("a b c", real=True)
    x, v = sympy.symbols("x0 x1", real=True), Symbol("v", positive=True)
    noise = free_vector("e", 2)
    L = ImmutableMatrix([[sympy.exp(a), 0], [b, sympy.exp(c)]])
    u, w = ImmutableMatrix(means) + L * noise
    square = normal_expectation((x[0] - u) ** 2 + (x[1] - w - u**2) ** 2, noise)
    prior = normal_expectation(u**2 + w**2, noise)
    elbo = -square / (2 * v) - sympy.log(2 * sympy.pi * v) + (2 + 2 * (a + c) - prior) / 2
    return Route(means, (a, b, c), x, v, elbo)


ROUTES = {"sinh": sinh_route, "shear": shear_route}
Table = Sequence[Sequence[Any]]
PLACES = 35
SAME = 1e-16
"""Newton's method in 35 digits against a proof; a float64 comparison of what is left."""


@lru_cache
def newton_penalty(name: str, variance: str) -> float:
    """Return the true penalty less the stated one, by Newton's method on the gradients."""
    route, data = ROUTES[name](), DECODERS[name].data
    with mpmath.workdps(PLACES):
        v = mpmath.mpf(1) / int(variance.partition("/")[2])
        starts = [_preimage(name, x) for x in data]
        scale = [mpmath.log(v) / 2 if symbol.name != "b" else mpmath.mpf(0) for symbol in route.factor]
        rows = [
            tuple(mpmath.mpf(sympy.Rational(entry).p) / sympy.Rational(entry).q for entry in x) for x in data
        ]
        free = [_best(route, [x], v, [start], scale) for x, start in zip(rows, starts, strict=True)]
        shared = _best(route, rows, v, starts, scale)
        stated = TRUE[name][VARIANCES.index(variance)]
        return float(sum(free) / len(free) - shared / len(rows) - mpmath.mpf(stated))


def _preimage(name: str, x: Sequence[str]) -> list[Any]:
    at = dict(zip(sympy.symbols("x0 x1", real=True), map(sympy.Rational, x), strict=False))
    return [mpmath.mpf(str(sympy.N(entry.subs(at), PLACES))) for entry in DECODERS[name].inverse]


def _best(route: Route, rows: Table, v: Any, starts: Table, scale: Sequence[Any]) -> Any:
    """Return the largest sum of ELBOs over means, one for each x, and one factor."""
    d, count = len(route.means), len(rows)
    arguments = (*route.means, *route.factor, *route.data, route.variance)
    slopes = [sympy.lambdify(arguments, route.elbo.diff(s), "mpmath") for s in (*route.means, *route.factor)]
    value = sympy.lambdify(arguments, route.elbo, "mpmath")

    def split(unknowns: Sequence[Any]) -> list[list[Any]]:
        means, factor = unknowns[: count * d], unknowns[count * d :]
        return [[*means[n * d : n * d + d], *factor, *rows[n], v] for n in range(count)]

    def gradient(*unknowns: Any) -> list[Any]:
        places = split(unknowns)
        means = [slope(*place) for place in places for slope in slopes[:d]]
        return [*means, *(sum(slope(*place) for place in places) for slope in slopes[d:])]

    start = [entry for z in starts for entry in z] + list(scale)
    found = mpmath.findroot(gradient, start, tol=mpmath.mpf(10) ** -25, maxsteps=60)
    return sum(value(*place) for place in split(list(found)))


@claim.check(
    statement="S5",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "(a) the stated true penalties again, within 1e-16: ELBOs in closed form, their gradients by SymPy, Newton's "
        "method in 35 digits from the preimages"
    ),
    domain="sinh at three data and the shear at two; sigma = .2, .1, .05, .025",
    hypotheses=(one_preimage,),
    controls=(control("1e-15 added", shift=1e-15),),
    time_limit=120,
)
def newton_finds_the_same(run: Run, *, shift: float = 0.0) -> Verdict:
    """No code of the library's expectations is used; the covariance is a factor with logarithms on its diagonal."""
    parts = {}
    for name, decoder in DECODERS.items():
        run.assume(one_preimage, (decoder.expressions, [U, V][: len(decoder.inverse)], decoder.inverse))
        for variance in VARIANCES:
            away = newton_penalty(name, variance) + shift
            parts[f"{name}, sigma^2 = {variance}"] = equal(1.0 + away / SAME, 1.0, 1.0)
    return all_of(parts)
