"""S7: with learned sigma^2 and a learnable latent scale, the ELBO at stationary points is a sum of entropies."""

from collections.abc import Callable

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector, normal_expectation, triangular
from . import claim
from .hypotheses import learnable_scale, learned_variance


def gaussian_entropy(dimension: Expr, variance: Expr) -> Expr:
    """(D/2) log(2 pi e v)."""
    return dimension / 2 * (sympy.log(2 * sympy.pi * variance) + 1)


def without_e(dimension: Expr, variance: Expr) -> Expr:
    """(D/2) log(2 pi v): the entropy without its e."""
    return dimension / 2 * sympy.log(2 * sympy.pi * variance)


Entropy = Callable[[Expr, Expr], Expr]


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "the ELBO's slope in sigma^2 is (E|x - f|^2 - D sigma^2) / (2 sigma^4): stationary iff E|x - f|^2 = D sigma^2, "
        "and there E log p(x|z) = -H[p(x|z)]"
    ),
    domain="every decoder, encoder and data set (the mean square residual is a symbol), every D, a symbol",
    hypotheses=(learned_variance,),
    controls=(
        control("the entropy without its e", refutes="value", entropy=without_e),
        control("E|x - f|^2 = sigma^2, as if D were 1", refutes="slope", outputs=lambda _: sympy.Integer(1)),
    ),
    tier="quick",
)
def learned_variance_gives_an_entropy(
    run: Run, *, entropy: Entropy = gaussian_entropy, outputs: Callable[[Expr], Expr] = lambda D: D
) -> Verdict:
    """The slope has one zero; whatever else is stationary there does not matter."""
    D, v, residual = sympy.symbols("D v rho", positive=True)
    run.assume(learned_variance, v)
    reconstruction = -D / 2 * sympy.log(2 * sympy.pi * v) - residual / (2 * v)
    stated = (residual - outputs(D) * v) / (2 * v**2)
    return all_of(
        {
            "slope": identity(reconstruction.diff(v) - stated),
            "value": identity(reconstruction.subs(residual, D * v) + entropy(D, v)),
        }
    )


LATENTS = (1, 2, 3)


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "z_j -> c_j z_j for q = N(m, S) and a first layer W z -> W diag(c)^-1 z keeps the reconstruction and changes "
        "E_q[log p(z)] + H[q] by sum_j -(c_j^2 - 1) E z_j^2 / 2 + log c_j: stationary at c = 1 iff every E z_j^2 = 1, "
        "and there E log p(z) = -H[p(z)]"
    ),
    domain=(
        f"every W, m and S, d = {', '.join(map(str, LATENTS))}, and so every mean over data; decoders whose first "
        "layer is linear; a layer of two outputs stands for any"
    ),
    hypotheses=(learnable_scale,),
    controls=(
        control("the entropy without its e", refutes="value*", entropy=without_e),
        control("q's entropy does not change with c", refutes=("change*", "slope*"), growth=0),
        control("W is not rescaled", refutes="first layer*", undone=False),
    ),
    tier="quick",
)
def learned_scale_gives_an_entropy(
    run: Run, *, entropy: Entropy = gaussian_entropy, growth: int = 1, undone: bool = True
) -> Verdict:
    """The encoder becomes N(Cm, C S C), C = diag(c), with the factor C L; the first layer sees W C^-1 (C z)."""
    parts = {}
    for d in LATENTS:
        c = sympy.symbols(f"c:{d}", positive=True)
        run.assume(learnable_scale, c)
        C, squares = sympy.diag(*c), sympy.symbols(f"Q:{d}", positive=True)
        W = ImmutableMatrix(2, d, lambda i, j: Symbol(f"w{i}{j}", real=True))
        m, L, eps = free_vector("m", d), triangular("l", d), free_vector("e", d)
        z = m + L * eps
        stated = growth * sum(map(sympy.log, c)) - sum(
            (s**2 - 1) * normal_expectation(t**2, eps) / 2 for s, t in zip(c, z, strict=True)
        )
        slopes = [
            (growth * sympy.log(s) - (s**2 - 1) * Q / 2).diff(s).subs(s, 1) - (1 - Q)
            for s, Q in zip(c, squares, strict=True)
        ]
        prior = -Rational(d, 2) * sympy.log(2 * sympy.pi) - sum(squares) / 2
        first = W * C.inv() if undone else W
        parts[f"first layer, d = {d}"] = identity(first * C * z - W * z)
        parts[f"change, d = {d}"] = identity(_prior_terms(C * m, C * L) - _prior_terms(m, L) - stated)
        parts[f"slope, d = {d}"] = identity(slopes)
        parts[f"value, d = {d}"] = identity(
            prior.subs(dict.fromkeys(squares, 1)) + entropy(sympy.Integer(d), sympy.Integer(1))
        )
    return all_of(parts)


def _prior_terms(m: ImmutableMatrix, L: ImmutableMatrix) -> Expr:
    """E_q[log p(z)] + H[q] for q = N(m, L L'), L triangular: log det S is twice the sum of log L_jj."""
    eps = free_vector("e", len(m))
    z = m + L * eps
    halves = -normal_expectation((z.T * z)[0], eps) / 2 + sympy.Rational(len(m), 2)
    return halves + sum(sympy.expand_log(sympy.log(L[j, j])) for j in range(len(m)))


Total = Callable[[Expr, Expr, Expr], Expr]


def sum_of_entropies(posterior: Expr, prior: Expr, likelihood: Expr) -> Expr:
    """H[q] - H[p(z)] - H[p(x|z)]."""
    return posterior - prior - likelihood


def without_the_prior(posterior: Expr, prior: Expr, likelihood: Expr) -> Expr:  # noqa: ARG001
    """H[q] - H[p(x|z)]."""
    return posterior - likelihood


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="E log p(x|z) + E log p(z) + H[q] = H[q] - H[p(z)] - H[p(x|z)] where E|x - f|^2 = D sigma^2 and E|z|^2 = d",
    domain="every mean posterior entropy, d, D and sigma^2",
    hypotheses=(learned_variance, learnable_scale),
    controls=(control("without the prior's entropy", total=without_the_prior),),
    tier="quick",
)
def entropies_add_up(run: Run, *, total: Total = sum_of_entropies) -> Verdict:
    """The two conditions put into the ELBO."""
    d, D, v = sympy.symbols("d D v", positive=True)
    mean_entropy = Symbol("H", real=True)
    run.assume(learned_variance, v)
    run.assume(learnable_scale, [d])
    fit = -D / 2 * sympy.log(2 * sympy.pi * v) - D * v / (2 * v)
    prior = -d / 2 * sympy.log(2 * sympy.pi) - d / 2
    stated = total(mean_entropy, gaussian_entropy(d, sympy.Integer(1)), gaussian_entropy(D, v))
    return identity(fit + prior + mean_entropy - stated)
