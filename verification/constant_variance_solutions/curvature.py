"""S4: a constant J'J in some coordinates needs Gauss's curvature 0; a constant determinant of it does not show that."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

import sympy
from sympy import Expr, ImmutableMatrix, Rational

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, identity, tends_to

from .._shared.balls import ball, constant, spanned, working_precision
from . import claim
from .hypotheses import on_the_curve, smooth_metric

U, V = sympy.symbols("u v", real=True)
SQUARE = U**2 + V**2
ONE = sympy.S.One

Surface = tuple[Sequence[Expr], Expr]
"""The decoder and its curvature."""
_CAP = sympy.sqrt(1 - SQUARE / 4)
SURFACES: Mapping[str, Surface] = {
    "sphere, Lambert's equal-area coordinates": ((U * _CAP, V * _CAP, 1 - SQUARE / 2), ONE),
    "sphere, stereographic coordinates": (
        tuple(entry / (1 + SQUARE / 4) for entry in (U, V, 1 - SQUARE / 4)),
        ONE,
    ),
    "sphere, latitude and longitude": ((sympy.cos(U) * sympy.cos(V), sympy.cos(U) * sympy.sin(V), sympy.sin(U)), ONE),
    "torus of R^3": (
        ((2 + sympy.cos(V)) * sympy.cos(U), (2 + sympy.cos(V)) * sympy.sin(U), sympy.sin(V)),
        sympy.cos(V) / (2 + sympy.cos(V)),
    ),
    "paraboloid": ((U, V, SQUARE / 2), 1 / (1 + SQUARE) ** 2),
    "parabolic cylinder": ((U, V, U**2), sympy.S.Zero),
    "plane, sheared": ((U + V**2, V), sympy.S.Zero),
    "torus of R^4": ((sympy.cos(U), sympy.sin(U), 2 * sympy.cos(V), 2 * sympy.sin(V)), sympy.S.Zero),
}  # fmt: skip
LAMBERT, STEREOGRAPHIC, *_, FLAT_TORUS = SURFACES


def metric(decoder: Sequence[Expr]) -> ImmutableMatrix:
    """Return J'J."""
    J = ImmutableMatrix(decoder).jacobian([U, V])
    return ImmutableMatrix(J.T * J).applyfunc(sympy.simplify)


def curvature(G: ImmutableMatrix) -> Expr:
    """Return Gauss's curvature of a metric by Brioschi's formula: (det A - det B) / (E G - F^2)^2."""
    E, F, g = G[0, 0], G[0, 1], G[1, 1]
    corner = -E.diff(V, 2) / 2 + F.diff(U, V) - g.diff(U, 2) / 2
    first = sympy.Matrix(
        [
            [corner, E.diff(U) / 2, F.diff(U) - E.diff(V) / 2],
            [F.diff(V) - g.diff(U) / 2, E, F],
            [g.diff(V) / 2, F, g],
        ]
    )
    second = sympy.Matrix([[0, E.diff(V) / 2, g.diff(U) / 2], [E.diff(V) / 2, E, F], [g.diff(U) / 2, F, g]])
    return (first.det() - second.det()) / (E * g - F**2) ** 2


@lru_cache
def listed() -> dict[str, tuple[ImmutableMatrix, Expr]]:
    """Return metric and curvature of each surface, cancelled."""
    metrics = {name: metric(decoder) for name, (decoder, _) in SURFACES.items()}
    return {name: (G, sympy.cancel(sympy.together(curvature(G)))) for name, G in metrics.items()}


@claim.check(
    statement="S4",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "Gauss's curvature by Brioschi's formula is 0 for every constant metric, and as listed for these surfaces; "
        "Lambert's coordinates of the sphere have det J'J = 1 everywhere and the curvature 1, stereographic ones have "
        "J'J a multiple of I; in R^4 a torus has a constant J'J"
    ),
    domain=", ".join(SURFACES),
    hypotheses=(smooth_metric,),
    controls=(
        control("det J'J = 1 taken for flatness", refutes="curvature, sphere, Lambert*", lambert=sympy.S.Zero),
        control("twice Brioschi's formula and 1", refutes="curvature, *", scale=2, offset=1),
        control("a metric with F = u v", refutes="constant metric", mixed=U * V),
        control("metrics times 1 + u/10", refutes=("determinant", "isotropy", "constant J'J"), stretch=1 + U / 10),
    ),
    tier="quick",
)  # fmt: skip
def flat_metrics_are_few(
    run: Run,
    *,
    lambert: Expr = ONE,
    scale: int = 1,
    offset: int = 0,
    mixed: Expr = sympy.S.Zero,
    stretch: Expr = ONE,
) -> Verdict:
    """That curvature does not depend on coordinates is Gauss's theorem: a constant metric in any has curvature 0."""
    a, b, c = sympy.symbols("a b c", positive=True)
    parts = {"constant metric": identity(curvature(ImmutableMatrix([[a, b + mixed], [b + mixed, c]])))}
    metrics = {name: G for name, (G, _) in listed().items()}
    for name, (_, stated) in SURFACES.items():
        run.assume(smooth_metric, list(metrics[name]))
        wanted = lambert if name == LAMBERT else stated
        parts[f"curvature, {name}"] = identity(scale * listed()[name][1] + offset - wanted)
    bent = {name: metrics[name].applyfunc(lambda g: g * stretch) for name in metrics}
    stretched = ImmutableMatrix([[stretch, 0], [0, 1]]) * metrics[STEREOGRAPHIC]
    parts["determinant"] = identity(bent[LAMBERT].det() - 1)
    parts["isotropy"] = identity([stretched[0, 0] - stretched[1, 1], stretched[0, 1]])
    parts["constant J'J"] = identity(list(bent[FLAT_TORUS] - sympy.diag(1, 4)))
    return all_of(parts)


VARIANCES = ("1/100", "1/1000", "1/10000")
PATCHES: Mapping[str, tuple[Sequence[str], Sequence[tuple[str, str]]]] = {
    "paraboloid": (("u", "v", "u**2/2 + v**2/2"), (("0", "0"), ("1/2", "7/10"))),
    "torus of R^4": (("cos(u)", "sin(u)", "2*cos(v)", "2*sin(v)"), (("0", "0"),)),
}
"""Decoders, and latents z0 with x = f(z0)."""
FACTOR = 4.0
"""Of sigma^2, for the distance of S / sigma^2 to (J'J)^-1: at most 3.1 of it was seen."""


@claim.check(
    statement="S4",
    role="limits",
    method="certified",
    relation="limit",
    states=(
        f"x = f(z0): S / sigma^2 is within {FACTOR:g} sigma^2 of (J'J)^-1 at z0, in each entry; on the paraboloid it "
        "differs between two places as that does"
    ),
    domain=f"{', '.join(PATCHES)}; S proved by ep.stationary_posterior at sigma^2 = {', '.join(VARIANCES)}",
    hypotheses=(on_the_curve, smooth_metric),
    controls=(
        control("J'J for its inverse", refutes=("paraboloid, z0 = (1/2, 7/10)*", "torus*S_11"), power=1),
        control("the places exchanged", refutes="paraboloid, z0 = (*S_11", exchanged=True),
        control("1.1 for each entry, and 0.1 off the diagonal", refutes="*", off=Rational(1, 10)),
    ),
)  # fmt: skip
def variances_follow_the_metric(
    run: Run, *, power: int = -1, exchanged: bool = False, off: Expr = sympy.S.Zero
) -> Verdict:
    """The limit is that of the law S^-1 = E_q[Hess U]; a bound at falling sigma is what is proved."""
    parts = {}
    for name, (decoder, places) in PATCHES.items():
        f = [sympy.sympify(entry, locals={"u": U, "v": V}) for entry in decoder]
        G = metric(f)
        run.assume(smooth_metric, list(G))
        for place, other in zip(places, places[::-1] if exchanged else places, strict=True):
            here = dict(zip((U, V), map(Rational, place), strict=True))
            there = dict(zip((U, V), map(Rational, other), strict=True))
            x = [sympy.nsimplify(entry.subs(here)) for entry in f]
            run.assume(on_the_curve, [value - entry.subs(here) for value, entry in zip(x, f, strict=True)])
            limit = G.subs(there) ** power + off * sympy.ones(2, 2)
            found = _covariances(decoder, [Fraction(int(n.p), int(n.q)) for n in x])
            for i, j in ((0, 0), (1, 0), (1, 1)):
                with working_precision(120):
                    stated = constant(limit[i, j])
                    shares = [spanned(S[i][j]) / ball(v) for S, v in zip(found, VARIANCES, strict=True)]
                    key = f"{name}, z0 = ({', '.join(place)}), S_{i}{j}"
                    parts[key] = tends_to(VARIANCES, shares, stated, order=1, factor=FACTOR, quantity=1)
    return all_of(parts)


def _covariances(decoder: Sequence[str], x: Sequence[Fraction]) -> list[list[list[ep.Enclosure]]]:
    found = []
    for v in VARIANCES:
        model = ep.LatentModel(["u", "v"], list(decoder), ep.Gaussian(v))
        S = ep.stationary_posterior(model, x).covariance
        found.append([[S[i, j] for j in range(2)] for i in range(2)])
    return found
