"""S1: the ELBO is stationary at q = p(z|x) and nowhere else, and there it is log p(x), the largest value."""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, Function, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .hypotheses import positive_joint

SIZES = (2, 3, 4)
"""Numbers of values that a finite latent takes."""
FINITE = f"latents with N = {', '.join(map(str, SIZES))} values and any joint weights a_i = p(x, z_i) > 0"

Weights = Callable[[Sequence[Expr]], list[Expr]]


def posterior(joint: Sequence[Expr]) -> list[Expr]:
    """q_i = a_i / sum a."""
    return [a / sum(joint) for a in joint]


def tempered(joint: Sequence[Expr]) -> list[Expr]:
    """q_i proportional to a_i^2."""
    return [a**2 / sum(b**2 for b in joint) for a in joint]


def uniform(joint: Sequence[Expr]) -> list[Expr]:
    """q_i = 1/N."""
    return [Rational(1, len(joint)) for _ in joint]


def elbo(q: Sequence[Expr], joint: Sequence[Expr]) -> Expr:
    """Sum q_i (log a_i - log q_i)."""
    return sum(w * (sympy.log(a) - sympy.log(w)) for w, a in zip(q, joint, strict=True))


def logs_of_factors(expression: Expr) -> Expr:
    """log(a/b) = log a - log b for positive a, b: the one rule that polynomials do not have."""
    return sympy.expand_log(expression)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "along every h with sum h = 0 the first variation at q = p(z|x) is zero and the second is "
        "-sum h_i^2 / p(z_i|x) < 0"
    ),
    domain=FINITE,
    hypotheses=(positive_joint,),
    controls=(
        control("q proportional to p(x, z)^2", best=tempered),
        control("uniform q", best=uniform),
        control("Taylor's coefficient -sum h_i^2 / (2 p)", refutes="second*", share=Rational(1, 2)),
    ),
    tier="quick",
)
def first_zero_second_negative(run: Run, *, best: Weights = posterior, share: Expr | int = 1) -> Verdict:
    """Mass is kept by h_N = -(h_1 + ... + h_(N-1))."""
    parts = {}
    for size in SIZES:
        joint = sympy.symbols(f"a:{size}", positive=True)
        run.assume(positive_joint, joint)
        free = sympy.symbols(f"h:{size - 1}", real=True)
        h = [*free, -sum(free)]
        step = Symbol("e", real=True)
        along = elbo([w + step * t for w, t in zip(best(joint), h, strict=True)], joint)
        bend = -share * sum(t**2 / w for w, t in zip(posterior(joint), h, strict=True))
        parts[f"first, N = {size}"] = identity(logs_of_factors(along.diff(step).subs(step, 0)))
        parts[f"second, N = {size}"] = identity(along.diff(step, 2).subs(step, 0) - bend)
    return all_of(parts)


def centred(ratios: Sequence[Expr], q: Sequence[Expr]) -> list[Expr]:
    """r_i - sum q r."""
    return [r - sum(w * s for w, s in zip(q, ratios, strict=True)) for r in ratios]


def centred_without_weights(ratios: Sequence[Expr], q: Sequence[Expr]) -> list[Expr]:  # noqa: ARG001
    """r_i - sum r / N, which keeps the mass at uniform q only."""
    return [r - sum(ratios) / len(ratios) for r in ratios]


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "at any q > 0 the first variation along h_i = q_i (r_i - sum q r), r_i = log(a_i / q_i), is "
        "sum_(i<j) q_i q_j (r_i - r_j)^2: q is stationary only if all a_i / q_i are equal, so only if q = p(z|x)"
    ),
    domain=f"{FINITE}; any weights q_i > 0 with sum 1",
    hypotheses=(positive_joint,),
    controls=(
        control("the mean of r without the weights q", direction=centred_without_weights),
        control("each pair counted twice", pairs=2),
    ),
    tier="quick",
)
def only_the_posterior_is_stationary(
    run: Run, *, direction: Callable[[Sequence[Expr], Sequence[Expr]], list[Expr]] = centred, pairs: int = 1
) -> Verdict:
    """The converse of the variation's zero; the slope is the variance of r under q, written as pairs."""
    parts = {}
    for size in SIZES:
        joint = sympy.symbols(f"a:{size}", positive=True)
        masses = sympy.symbols(f"w:{size}", positive=True)
        run.assume(positive_joint, [*joint, *masses])
        q = [w / sum(masses) for w in masses]
        ratios = [sympy.log(a) - sympy.log(w) for a, w in zip(joint, q, strict=True)]
        h = [w * r for w, r in zip(q, direction(ratios, q), strict=True)]
        step = Symbol("e", real=True)
        slope = elbo([w + step * t for w, t in zip(q, h, strict=True)], joint).diff(step).subs(step, 0)
        stated = sum(q[i] * q[j] * (ratios[i] - ratios[j]) ** 2 for j in range(size) for i in range(j))
        parts[f"N = {size}"] = identity(logs_of_factors(slope - pairs * stated))
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
        "q log p(x), which integrates to log p(x)"
    ),
    domain="at every z, for every positive p(x, z) on any latent space and every perturbation h(z) of integral 0",
    hypotheses=(positive_joint,),
    controls=(control("the ELBO without the entropy", integrand=without_entropy),),
    tier="quick",
)
def densities_vary_pointwise(
    run: Run, *, integrand: Callable[[Expr, Expr], Expr] = full_integrand
) -> Verdict:
    """Integrands at one z; that integral and variation may be exchanged is not shown."""
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
    return all_of({name: identity(logs_of_factors(part.xreplace(names))) for name, part in parts.items()})


def excess(t: Expr) -> Expr:
    """T log t - t + 1, with t = q / p(z|x)."""
    return t * sympy.log(t) - t + 1


def without_the_line(t: Expr) -> Expr:
    """T log t, which is negative for t < 1."""
    return t * sympy.log(t)


def without_the_one(t: Expr) -> Expr:
    """T log t - t, which has the right slopes."""
    return t * sympy.log(t) - t


def second_order(t: Expr) -> Expr:
    """(t - 1)^2 / 2: the cost's Taylor polynomial at 1."""
    return (t - 1) ** 2 / 2


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "log p(x) - ELBO is the integral of p(z|x) c(t), t = q / p(z|x), c = t log t - t + 1, and c(1) = c'(1) = 0, "
        "c'' = 1/t > 0: c is positive except at t = 1, so the gap is 0 only at q = p(z|x)"
    ),
    domain="integrands at every z, for every t > 0",
    hypotheses=(positive_joint,),
    controls=(
        control("without - t + 1", refutes=("slope at 1", "gap's integrand"), cost=without_the_line),
        control("without + 1", refutes=("value at 1", "gap's integrand"), cost=without_the_one),
        control("its second-order term", refutes=("second derivative", "gap's integrand"), cost=second_order),
    ),
    tier="quick",
)
def gap_is_strictly_positive(run: Run, *, cost: Callable[[Expr], Expr] = excess) -> Verdict:
    """The integrand q (log p(x) - log a + log q) is p(z|x) (c(t) + t - 1), and t - 1 integrates to 0 under p(z|x)."""
    t, a, p = sympy.symbols("t a p", positive=True)
    run.assume(positive_joint, [a, p])
    density = a / p
    q = t * density
    integrand = q * sympy.log(p) - full_integrand(q, a) - density * (cost(t) + t - 1)
    return all_of(
        {
            "value at 1": identity(cost(sympy.Integer(1))),
            "slope at 1": identity(cost(t).diff(t).subs(t, 1)),
            "second derivative": identity(cost(t).diff(t, 2) - 1 / t),
            "gap's integrand": identity(logs_of_factors(integrand)),
        }
    )
