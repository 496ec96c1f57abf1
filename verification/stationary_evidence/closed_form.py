"""S1: over all densities q the ELBO is stationary iff q = p(z|x), and there it is log p(x)."""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, Function, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .hypotheses import positive_joint

Weights = Callable[[Sequence[Expr]], list[Expr]]


def posterior(joint: Sequence[Expr]) -> list[Expr]:
    """q_i = a_i / sum a, a_i = p(x, z_i)."""
    return [a / sum(joint) for a in joint]


def tempered(joint: Sequence[Expr]) -> list[Expr]:
    """q_i proportional to a_i^2."""
    return [a**2 / sum(b**2 for b in joint) for a in joint]


def uniform(joint: Sequence[Expr]) -> list[Expr]:
    """q_i = 1/N."""
    return [sympy.Rational(1, len(joint)) for _ in joint]


def elbo(q: Sequence[Expr], joint: Sequence[Expr]) -> Expr:
    """Sum q_i (log a_i - log q_i)."""
    return sum(w * (sympy.log(a) - sympy.log(w)) for w, a in zip(q, joint, strict=True))


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "along every h with sum h = 0 the first variation at q = p(z|x) is zero and the second is "
        "-sum h_i^2 / q_i < 0"
    ),
    domain="latents with N = 2, 3, 4 values and any joint weights p(x, z_i) > 0",
    hypotheses=(positive_joint,),
    controls=(control("q proportional to p(x, z)^2", best=tempered), control("uniform q", best=uniform)),
    tier="quick",
)
def first_zero_second_negative(run: Run, *, best: Weights = posterior) -> Verdict:
    """Mass is kept by h_N = -(h_1 + ... + h_(N-1))."""
    parts = {}
    for size in (2, 3, 4):
        joint = sympy.symbols(f"a:{size}", positive=True)
        run.assume(positive_joint, joint)
        free = sympy.symbols(f"h:{size - 1}", real=True)
        h = [*free, -sum(free)]
        q, step = best(joint), Symbol("e", real=True)
        along = elbo([w + step * t for w, t in zip(q, h, strict=True)], joint)
        first = sympy.expand_log(sympy.simplify(along.diff(step).subs(step, 0)), force=True)
        second = along.diff(step, 2).subs(step, 0) + sum(t**2 / w for w, t in zip(q, h, strict=True))
        parts[f"first, N = {size}"] = identity(sympy.expand(first))
        parts[f"second, N = {size}"] = identity(sympy.cancel(sympy.together(second)))
    return all_of(parts)


def full_integrand(q: Expr, a: Expr) -> Expr:
    """Q (log a - log q)."""
    return q * (sympy.log(a) - sympy.log(q))


def without_entropy(q: Expr, a: Expr) -> Expr:
    """Q log a: the ELBO without the entropy of q."""
    return q * sympy.log(a)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "at q = p(z|x) the variation's integrand is h (log p(x) - 1), which integrates to 0, and the ELBO's is "
        "q log p(x)"
    ),
    domain="every positive p(x, z) on any latent space, every perturbation h(z) of integral 0",
    hypotheses=(positive_joint,),
    controls=(control("the ELBO without the entropy", integrand=without_entropy),),
    tier="quick",
)
def densities_vary_pointwise(
    run: Run, *, integrand: Callable[[Expr, Expr], Expr] = full_integrand
) -> Verdict:
    """At one z. Conversely the integrand h (log(a/q) - 1) kills every such h only if a/q is constant in z."""
    z, step = Symbol("z", real=True), Symbol("e", real=True)
    a, h = Function("a", positive=True)(z), Function("h", real=True)(z)
    evidence = Symbol("p", positive=True)
    run.assume(positive_joint, [a, evidence])
    q = a / evidence
    variation = integrand(q + step * h, a).diff(step).subs(step, 0)
    names = {a: Symbol("a", positive=True), h: Symbol("h", real=True)}
    parts = {
        "variation": variation - h * (sympy.log(evidence) - 1),
        "value": integrand(q, a) - q * sympy.log(evidence),
    }
    return all_of(
        {
            name: identity(sympy.expand(sympy.expand_log(part.xreplace(names), force=True)))
            for name, part in parts.items()
        }
    )


def excess(t: Expr) -> Expr:
    """T log t - t + 1, with t = q / p(z|x)."""
    return t * sympy.log(t) - t + 1


def without_the_line(t: Expr) -> Expr:
    """T log t, which is negative for t < 1."""
    return t * sympy.log(t)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "log p(x) - ELBO = E_p(z|x)[t log t - t + 1], t = q / p(z|x): convex in t and zero only at t = 1, so the "
        "gap is 0 only at q = p(z|x)"
    ),
    domain="every t > 0",
    hypotheses=(positive_joint,),
    controls=(control("without - t + 1", cost=without_the_line),),
    tier="quick",
)
def gap_is_strictly_positive(run: Run, *, cost: Callable[[Expr], Expr] = excess) -> Verdict:
    """Value and slope vanish at 1, the second derivative is 1/t > 0; - t + 1 integrates to 0."""
    t, a, p = sympy.symbols("t a p", positive=True)
    run.assume(positive_joint, [a, p])
    q = t * a / p  # t times the posterior density
    density = a / p
    integrand = q * sympy.log(p) - full_integrand(q, a) - density * (cost(t) + t - 1)
    return all_of(
        {
            "value at 1": identity(cost(sympy.Integer(1))),
            "slope at 1": identity(cost(t).diff(t).subs(t, 1)),
            "second derivative": identity(cost(t).diff(t, 2) - 1 / t),
            "gap's integrand": identity(sympy.expand(sympy.expand_log(integrand, force=True))),
        }
    )
