"""S2 in general: where |f(z) - f(z')| depends on z - z' alone, x on the image moves q and leaves S; a torus."""

from collections.abc import Mapping, Sequence

import sympy
from sympy import Expr, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .hypotheses import flat_prior, on_the_curve

U, W = sympy.symbols("u w", real=True)
P, Q = sympy.symbols("p q", real=True)
R1, R2, C, V = sympy.symbols("r1 r2 c v", positive=True)
M1, M2, S1, S2 = sympy.symbols("m1 m2 s1 s2", real=True)
HALF = Rational(1, 2)

ORBITS: Mapping[str, tuple[Sequence[Symbol], Sequence[Expr]]] = {
    "line": ((U,), (C * U, 2 * U)),
    "circle": ((U,), (R1 * sympy.cos(U), R1 * sympy.sin(U))),
    "helix": ((U,), (R1 * sympy.cos(U), R1 * sympy.sin(U), C * U)),
    "torus of R^4": (
        (U, W),
        (R1 * sympy.cos(U), R1 * sympy.sin(U), R2 * sympy.cos(W), R2 * sympy.sin(W)),
    ),
    "torus times a plane, on a slant": (
        (U, W),
        (R1 * sympy.cos(U + 2 * W), R1 * sympy.sin(U + 2 * W), C * U, W),
    ),
}
TORUS_OF_SPACE = ((2 + sympy.cos(W)) * sympy.cos(U), (2 + sympy.cos(W)) * sympy.sin(U), sympy.sin(W))


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "|f(z) - f(phi)|^2 does not change as z and phi move along a latent together; with a flat prior U(z; x = "
        "f(phi)) is a function of z - phi, so that a stationary N(m, S) at phi is one, N(m + t, S), at phi + t"
    ),
    domain=", ".join(ORBITS) + "; every radius, pitch, z and phi",
    hypotheses=(flat_prior, on_the_curve),
    controls=(
        control("u^2/100 added to the first output", refutes="*, along u", bend=Rational(1, 100)),
        control("the torus of R^3", refutes="torus of R^4, along w", space=True),
        control("w^2/100 added to the last output", refutes="*, along w", late=Rational(1, 100)),
    ),
    tier="quick",
)  # fmt: skip
def distances_move_along(
    run: Run, *, bend: Expr = sympy.S.Zero, late: Expr = sympy.S.Zero, space: bool = False
) -> Verdict:
    """The derivative of the squared distance along both places at once."""
    run.assume(flat_prior, 0)
    run.assume(on_the_curve, [0])
    parts = {}
    for name, (latents, outputs) in ORBITS.items():
        f = list(TORUS_OF_SPACE) if space and name == "torus of R^4" else list(outputs)
        f[0] += bend * U**2
        f[-1] += late * W**2
        other = dict(zip((U, W), (P, Q), strict=True))
        square = sum((entry - entry.subs(other, simultaneous=True)) ** 2 for entry in f)
        for latent in latents:
            moved = square.diff(latent) + square.diff(other[latent])
            parts[f"{name}, along {latent}"] = identity(moved)
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "torus of R^4, x = f(phi), q = N(phi, diag(s)): the ELBO's slopes in m are 0, those in s_j vanish where s_j "
        "e^(-s_j/2) = sigma^2 / r_j^2, and the mixed second derivatives are 0, also in the covariance of the latents"
    ),
    domain="every r_1, r_2, phi and sigma^2; a prior flat on the plane",
    hypotheses=(flat_prior, on_the_curve),
    controls=(
        control("e^-s for e^(-s/2)", refutes="slopes in s", rate=sympy.S.One),
        control("m_1 = phi_1 + 1", refutes="slopes in m", shift=1),
        control("cos(u - w) added to the ELBO", refutes="mixed", coupling=1),
    ),
    tier="quick",
)  # fmt: skip
def torus_of_four_dimensions(run: Run, *, rate: Expr = HALF, shift: int = 0, coupling: int = 0) -> Verdict:
    """E_q[e^(iu)] = e^(i m - s/2) for each latent; outputs hold one each, so S_12 enters log det S alone."""
    run.assume(flat_prior, 0)
    run.assume(on_the_curve, [0])
    cross = Symbol("s12", real=True)
    fits = [
        -(r**2) * (1 - sympy.exp(-rate * s) * sympy.cos(m - phi)) / V
        for r, m, s, phi in ((R1, M1, S1, P), (R2, M2, S2, Q))
    ]
    L = sum(fits) + sympy.log(S1 * S2 - cross**2) / 2 + coupling * sympy.cos(M1 - M2 - P + Q)
    place = {M1: P + shift, M2: Q, cross: 0}
    slopes = [
        L.diff(s).subs(place) - (1 - r**2 / V * s * sympy.exp(-s / 2)) / (2 * s)
        for r, s in ((R1, S1), (R2, S2))
    ]
    mixed = [L.diff(a, b).subs(place) for a, b in ((M1, M2), (S1, S2), (M1, S2), (M1, cross), (S1, cross))]
    return all_of(
        {
            "slopes in m": identity([L.diff(m).subs(place) for m in (M1, M2)]),
            "slopes in s": identity(slopes),
            "mixed": identity([*mixed, L.diff(cross).subs(place)]),
        }
    )
