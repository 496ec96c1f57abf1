"""S2, S3, S6: the best of all priors, the best of a family, and what of the decoder does not depend on the prior."""

from collections.abc import Sequence

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import covariance, free_vector
from . import claim
from .hypotheses import definite_covariance, invertible, positive_density, positive_variance

VALUES = 3


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the mean KL(q(z|x) || p) falls by exactly KL(q(z) || p) as p becomes q(z), and that is E_q g(p(z)/q(z)) with "
        "g(t) = t - 1 - log t, g(1) = 0 and g'(t) = (t - 1)/t, which is positive but at t = 1: no prior is better"
    ),
    domain=f"every law q(z) and p of {VALUES} values, as symbols",
    hypotheses=(positive_density,),
    controls=(
        control("KL(p || q(z)) for the gain", refutes="gain", reverse=True),
        control("g(t) = t - 1 - 2 log t", refutes=("remainder", "slope"), factor=2),
        control("g(t) = t - 9/10 - log t", refutes=("remainder", "at 1"), start=Rational(9, 10)),
    ),
    tier="quick",
)
def no_prior_is_better_than_the_aggregate(
    run: Run,
    *,
    reverse: bool = False,
    factor: int = 1,
    start: Expr = Rational(1),  # noqa: B008
) -> Verdict:
    """Logarithms of the weights are symbols of their own: the identities use no relation between them."""
    t = Symbol("t", positive=True)
    p = sympy.symbols(f"p1:{VALUES + 1}", positive=True)
    rows = [sympy.symbols(f"q{n}_1:{VALUES + 1}", positive=True) for n in (1, 2)]
    data = sympy.symbols("pi1 pi2", positive=True)
    mixed = [sum(w * row[k] for w, row in zip(data, rows, strict=True)) for k in range(VALUES)]
    log_p, log_mixed = (sympy.symbols(f"{name}1:{VALUES + 1}", real=True) for name in ("lp", "lm"))
    run.assume(positive_density, *p, *rows[0], *rows[1])

    def rate(log_prior: Sequence[Expr]) -> Expr:
        logs = [sympy.symbols(f"l{n}_1:{VALUES + 1}", real=True) for n in (1, 2)]
        return sum(
            w * row[k] * (log_row[k] - log_prior[k])
            for w, row, log_row in zip(data, rows, logs, strict=True)
            for k in range(VALUES)
        )

    first, sign = (p, -1) if reverse else (mixed, 1)
    divergence = sum(a * sign * (b - c) for a, b, c in zip(first, log_mixed, log_p, strict=True))
    true = sum(a * (b - c) for a, b, c in zip(mixed, log_mixed, log_p, strict=True))
    g = t - start - factor * sympy.log(t)
    # E_q g(p/q) with log(p/q) = lp - lm; for laws the masses are both 1
    remainder = sum(
        a * (b / a - start - factor * (c - d)) for a, b, c, d in zip(mixed, p, log_p, log_mixed, strict=True)
    )
    return all_of(
        {
            "gain": identity(sympy.expand(rate(log_p) - rate(log_mixed) - divergence)),
            "remainder": identity(sympy.expand(remainder - true - sum(p) + sum(mixed))),
            "at 1": identity(g.subs(t, 1)),
            "slope": identity(g.diff(t) - (t - 1) / t),
        }
    )


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "-E_q log N(z; m, V) exceeds its value at q's own mean mu and covariance C by KL(N(mu, C) || N(m, V)): the "
        "best Gaussian prior has the moments of q(z), whatever q(z) is; and an affine flow z -> (z - b)/a is the "
        "Gaussian prior N(b, a^2), so that over the best Gaussian it gains exactly 0"
    ),
    domain="d = 1, 2: every q with mean mu and covariance C, every m, V, as symbols; every a > 0 and b",
    hypotheses=(definite_covariance, invertible),
    controls=(
        control("the second moment for the covariance", refutes="d = *", centred=False),
        control("log det with the wrong sign", refutes="affine*", sign=-1),
    ),
    tier="quick",
)
def gaussians_match_moments(run: Run, *, centred: bool = True, sign: int = 1) -> Verdict:
    """A RealNVP prior with constant scales and shifts is affine."""
    parts = {}
    for d in (1, 2):
        mu, m, C, V = free_vector("mu", d), free_vector("m", d), covariance("c", d), covariance("v", d)
        run.assume(definite_covariance, C)
        run.assume(definite_covariance, V)
        own = C if centred else C + mu * mu.T
        excess = cross_entropy(mu, C, m, V) - cross_entropy(mu, C, mu, own)
        divergence = ((V.inv() * (C + (mu - m) * (mu - m).T)).trace() - d + sympy.log(V.det() / C.det())) / 2
        parts[f"d = {d}"] = identity(sympy.expand_log(excess - divergence, force=True))
    z, a, b = Symbol("z", real=True), Symbol("a", positive=True), Symbol("b", real=True)
    run.assume(invertible, 1 / a)
    flow = -(((z - b) / a) ** 2) / 2 - sympy.log(2 * sympy.pi) / 2 - sign * sympy.log(a)
    gaussian = -((z - b) ** 2) / (2 * a**2) - sympy.log(2 * sympy.pi * a**2) / 2
    parts["affine flow"] = identity(sympy.expand_log(flow - gaussian))
    return all_of(parts)


def cross_entropy(mu: ImmutableMatrix, C: ImmutableMatrix, m: ImmutableMatrix, V: ImmutableMatrix) -> Expr:
    """Return -E log N(z; m, V) over any law with mean mu and covariance C, without d/2 log(2 pi)."""
    return (sympy.log(V.det()) + (V.inv() * (C + (mu - m) * (mu - m).T)).trace()) / 2


@claim.check(
    statement="S6",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "whatever the prior, the decoder's best value at z is the mean of the data with weights q(z|x), and the best "
        "likelihood variance is the mean squared residual for each dimension: both slopes of the ELBO vanish there, "
        "and the prior's log density is in neither"
    ),
    domain="three data of two dimensions, every q(z|x_n) > 0 at z, as symbols; one variance",
    hypotheses=(positive_density, positive_variance),
    controls=(
        control("the mean without weights", refutes="decoder*", weighted=False),
        control("the squared residual of both dimensions", refutes="variance", dimensions=1),
        control("weights that know the prior of their code", refutes="no prior", tied=1),
    ),
    tier="quick",
)
def decoder_and_variance_know_no_prior(
    run: Run, *, weighted: bool = True, dimensions: int = 2, tied: int = 0
) -> Verdict:
    """The ELBO's part at one z: sum_n q_n(z) (log N(x_n; f, v) + log p(z)), and the ELBO in v with r = E |x - f|^2."""
    q = sympy.symbols("q1:4", positive=True)
    x, f = [free_vector(f"x{n}", 2) for n in range(3)], free_vector("f", 2)
    v, r, log_p = Symbol("v", positive=True), Symbol("r", positive=True), Symbol("lp", real=True)
    run.assume(positive_density, *q)
    run.assume(positive_variance, v)
    here = sum(
        w * (-((one - f).T * (one - f))[0] / (2 * v) - sympy.log(v) + log_p)
        for w, one in zip(q, x, strict=True)
    )
    weights = [w if weighted else sympy.Integer(1) for w in q]
    mean = sum((w * one for w, one in zip(weights, x, strict=True)), ImmutableMatrix([0, 0])) / sum(weights)
    slopes = [here.diff(f[j]).subs(dict(zip(f, mean, strict=True)), simultaneous=True) for j in (0, 1)]
    in_v = (-r / (2 * v) - sympy.log(v)).diff(v).subs(v, r / dimensions)
    moved = [one.diff(log_p) + tied * q[0] for one in (here.diff(f[0]), here.diff(v))]
    return all_of(
        {
            "decoder": all_of({f"f{j}": identity(sympy.together(one)) for j, one in enumerate(slopes)}),
            "variance": identity(sympy.together(in_v)),
            "no prior": identity(sympy.expand(moved[0] + moved[1])),
        }
    )
