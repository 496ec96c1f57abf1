"""S1: affine decoders have one posterior covariance for all x, probabilistic PCA's in closed form."""

from collections.abc import Sequence
from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, ImmutableMatrix, Rational, Symbol

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity

from .._shared.balls import ball, spanned, working_precision
from .._shared.symbols import free_vector, precision
from . import claim
from .hypotheses import above_the_noise, affine_decoder

SHAPES = ((1, 1), (1, 2), (2, 2), (2, 3))
"""d and D."""
HALF, ONE = Rational(1, 2), sympy.Integer(1)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "Hess U = I + W'R^-1 W for every z and x, so that S = (I + W'R^-1 W)^-1 is the only stationary covariance; the "
        "trace of W'W is the sum of all squared weights, so that S = I for W = 0 alone"
    ),
    domain=f"every W, b, x and precision R^-1; (d, D) = {', '.join(map(str, SHAPES))}",
    hypotheses=(affine_decoder,),
    controls=(
        control("half of W'R^-1 W", refutes="Hess U, *", share=HALF),
        control("z_1^2 added to each output", refutes=("Hess U, *", "of x, *"), drops=(affine_decoder,), bend=1),
        control("W'W without its diagonal", refutes="trace, *", diagonal=0),
    ),
    tier="quick",
)  # fmt: skip
def one_covariance_for_every_x(run: Run, *, share: Expr = ONE, bend: int = 0, diagonal: int = 1) -> Verdict:
    """Second derivatives of U, and their derivatives in x."""
    parts = {}
    for d, D in SHAPES:
        W = ImmutableMatrix(D, d, lambda i, j: Symbol(f"w{i}{j}", real=True))
        z, x, P = free_vector("z", d), free_vector("x", D), precision(D)
        f = W * z + bend * z[0] ** 2 * sympy.ones(D, 1)
        run.assume(affine_decoder, (list(f), list(z)))
        r = x - f
        U = ((z.T * z)[0] + (r.T * P * r)[0]) / 2
        hessian = sympy.hessian(U, list(z))
        name = f"d = {d}, D = {D}"
        parts[f"Hess U, {name}"] = identity(list(hessian - sympy.eye(d) - share * W.T * P * W))
        parts[f"of x, {name}"] = identity([entry.diff(t) for entry in hessian for t in x])
        parts[f"trace, {name}"] = identity((W.T * W).trace() * diagonal - sum(w**2 for w in W))
    return all_of(parts)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "learned probabilistic PCA, W = Q (Lambda - sigma^2)^(1/2), data covariance Q Lambda Q': S = sigma^2 "
        "Lambda^-1, and E[m m'] + S = I"
    ),
    domain="D = d = 2, every rotation Q but the half turn, lambda_j = sigma^2 + a_j^2",
    hypotheses=(above_the_noise,),
    controls=(
        control("W'W / sigma", refutes="covariance", power=1),
        control("W = Q Lambda^(1/2)", refutes=("covariance", "second moments"), kept=1),
    ),
    tier="quick",
)
def covariance_of_probabilistic_pca(run: Run, *, power: int = 2, kept: int = 0) -> Verdict:
    """With m = S W'x / sigma^2, E[m m'] = S W' C W S / sigma^4."""
    t, sigma = Symbol("t", real=True), Symbol("sigma", positive=True)
    excess = sympy.symbols("a1:3", positive=True)
    for a in excess:
        run.assume(above_the_noise, a**2)
    Q = ImmutableMatrix([[1 - t**2, -2 * t], [2 * t, 1 - t**2]]) / (1 + t**2)
    spectrum = sympy.diag(*(sigma**2 + a**2 for a in excess))
    roots = sympy.diag(*(sympy.sqrt(a**2 + sigma**2) if kept else a for a in excess))
    W, C = Q * roots, Q * spectrum * Q.T
    S = sigma**2 * spectrum.inv()
    second = S * W.T * C * W * S / sigma**4 + S
    return all_of(
        {
            "covariance": identity(list((sympy.eye(2) + W.T * W / sigma**power) * S - sympy.eye(2))),
            "second moments": identity(list(second - sympy.eye(2))),
        }
    )


BITS = 120
CLOSE = 1e-11
"""Of covariances below 1, which come rounded to doubles."""
LINES = {
    "d = 1": (["z"], ["3/2*z", "1/4 - z/2"], [["0", "0"], ["3", "-1"], ["-20", "5"]]),
    "d = 2": (["a", "b"], ["a + b/2", "b - a/3", "2*a"], [["0", "0", "0"], ["1", "-2", "5"]]),
}
NOISE = Fraction(1, 10)


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states="ep.stationary_posterior has the covariance (I + W'W / sigma^2)^-1 at every x, within 1e-11",
    domain=f"sigma^2 = {NOISE}; f = "
    + "; ".join(f"({', '.join(f)}), {len(rows)} data" for _, f, rows in LINES.values()),
    hypotheses=(affine_decoder,),
    controls=(
        control("W'W / sigma", scale="0.31622776601683794"),
        control("a fortieth of the first latent's square added", drops=(affine_decoder,), bend="1/40"),
    ),
)
def proved_points_share_their_covariance(run: Run, *, scale: str = "1/10", bend: str = "0") -> Verdict:
    """The search knows nothing of affine decoders."""
    parts = {}
    for name, (latents, decoder, rows) in LINES.items():
        bent = [f"{f} + ({bend})*{latents[0]}**2" for f in decoder]
        model = ep.LatentModel(latents, bent, ep.Gaussian(NOISE))
        run.assume(affine_decoder, (list(model.decoder), list(model.latents)))
        stated = _covariance([sympy.sympify(f) for f in decoder], latents, scale)
        for x in rows:
            found = ep.stationary_posterior(model, x).covariance
            for (i, j), entry in stated.items():
                with working_precision(BITS):
                    proved = spanned(found[i, j])
                    parts[f"{name}, x = ({', '.join(x)}), S_{i}{j}"] = ball_equal(proved - entry, CLOSE)
    return all_of(parts)


def _covariance(decoder: Sequence[Expr], latents: Sequence[str], scale: str) -> dict[tuple[int, int], arb]:
    """(I + W'W / scale)^-1 below the diagonal."""
    W = sympy.Matrix(decoder).jacobian([sympy.Symbol(name) for name in latents])
    A = sympy.eye(len(latents)) + W.T * W / Rational(scale)
    S = A.inv()
    with working_precision(BITS):
        return {
            (i, j): ball(Fraction(int(S[i, j].p), int(S[i, j].q)))
            for i in range(S.rows)
            for j in range(i + 1)
        }
