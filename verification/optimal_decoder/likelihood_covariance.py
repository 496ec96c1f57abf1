"""S3: the best likelihood covariance for f* is the mean residual covariance."""

from collections.abc import Callable

import numpy as np
import sympy
from flint import acb, arb
from sympy import Expr, ImmutableMatrix, Matrix

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, equal, identity

from .._shared.balls import working_precision
from .._shared.symbols import symmetric
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .integrals import BITS, Instance
from .moments import SymbolicLaw
from .real_data import ENCODERS, Encoded, encoded_digits
from .words import listed


def residual_covariance(C: Matrix) -> Matrix:
    """R* = C."""
    return C


def half_of_it(C: Matrix) -> Matrix:
    """C / 2, as if the 1/2 of the exponent had no partner in the log determinant."""
    return C / 2


def more_of_it(C: Matrix) -> Matrix:
    """1.001 C."""
    return C * sympy.Rational(1001, 1000)


SIZES = (1, 2, 3)
"""Data dimensions D of the symbolic checks."""


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states="every derivative of -1/2 log det R - 1/2 tr(R^-1 C) in an entry of the symmetric R is zero at R = C",
    domain=f"every positive definite C, D = {listed(SIZES)}; C = E_q(z) Cov_q(x|z), or Cov_q(x|z) at one z",
    hypotheses=(definite_likelihood,),
    controls=(
        control("half the residual covariance", best=half_of_it),
        control("0.1 % more than the residual covariance", best=more_of_it),
    ),
    tier="quick",
)
def stationary_at_the_residual_covariance(
    run: Run, *, best: Callable[[Matrix], Matrix] = residual_covariance
) -> Verdict:
    """That C is the residual covariance of f* in both meanings is the check of the integrated entries."""
    parts = {}
    for size in SIZES:
        law, R = SymbolicLaw(size), symmetric("r", size)
        run.assume(definite_likelihood, law.factor)
        C = ImmutableMatrix(law.metric)
        determinant = R.det(method="berkowitz")
        reward = -sympy.log(determinant) / 2 - (R.adjugate() * C).trace() / (2 * determinant)
        at = {R[j, k]: best(C)[j, k] for j in range(size) for k in range(j + 1)}
        parts[f"D = {size}"] = identity([reward.diff(entry).xreplace(at) for entry in at])
    return all_of(parts)


def divided(t: Expr) -> Expr:
    """R = A diag(1/t_j) A' has the eigenvalues t_j of R^-1 C for C = A A'."""
    return 1 / t


def multiplied(t: Expr) -> Expr:
    """R = A diag(t_j) A': the eigenvalues of C^-1 R."""
    return t


def excess(t: Expr) -> Expr:
    """What an eigenvalue t of R^-1 C costs in nats beyond t = 1."""
    return (t - 1 - sympy.log(t)) / 2


def turned_excess(t: Expr) -> Expr:
    """The same with the logarithm's sign turned."""
    return (t - 1 + sympy.log(t)) / 2


def excess_without_the_trace_of_one(t: Expr) -> Expr:
    """The same without the -1."""
    return (t - sympy.log(t)) / 2


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "for C = A A' and R = A diag(1/t_j) A': tr(R^-1 C) = sum_j t_j and det C = det R prod_j t_j, so R loses sum_j "
        "(t_j - 1 - log t_j)/2 nats against C; this is zero with its slope at t = 1 and has the second derivative "
        "1/(2 t^2) > 0, so C is the only optimum"
    ),
    domain=f"every A with an inverse and every t > 0 (hence every two positive definite R and C), D = {listed(SIZES)}",
    hypotheses=(definite_likelihood,),
    controls=(
        control("R = A diag(t) A'", refutes=("trace*", "determinant*"), scale=multiplied),
        control("sign of the logarithm", refutes=("slope*", "second*"), cost=turned_excess),
        control("without the -1", refutes="value*", cost=excess_without_the_trace_of_one),
    ),
    tier="quick",
)
def cost_of_an_eigenvalue_is_convex(
    run: Run, *, scale: Callable[[Expr], Expr] = divided, cost: Callable[[Expr], Expr] = excess
) -> Verdict:
    """Two positive definite matrices are diagonal together: A = C^(1/2) Q with Q of eigenvectors."""
    parts = {}
    for size in SIZES:
        A = ImmutableMatrix(size, size, lambda j, k: sympy.Symbol(f"a{j}{k}", real=True))
        t = sympy.symbols(f"t:{size}", positive=True)
        for value in t:
            run.assume(definite_likelihood, ImmutableMatrix([[value]]))
        R, C = A * sympy.diag(*map(scale, t)) * A.T, A * A.T
        parts[f"trace, D = {size}"] = identity((R.adjugate() * C).trace() - R.det("berkowitz") * sum(t))
        parts[f"determinant, D = {size}"] = identity(C.det("berkowitz") - R.det("berkowitz") * sympy.prod(t))
    (t,) = sympy.symbols("t:1", positive=True)
    parts["value at 1"] = identity(cost(sympy.Integer(1)))
    parts["slope at 1"] = identity(cost(t).diff(t).subs(t, 1))
    parts["second derivative"] = identity(cost(t).diff(t, 2) - 1 / (2 * t**2))
    return all_of(parts)


def mean_square(C: Expr, D: Expr) -> Expr:
    """r* = tr C / D."""
    return C / D


def total_square(C: Expr, D: Expr) -> Expr:  # noqa: ARG001
    """Tr C: the sum over dimensions instead of the mean."""
    return C


def unbiased_square(C: Expr, D: Expr) -> Expr:
    """Tr C / (D - 1)."""
    return C / (D - 1)


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with R = r I the derivative in r of -(D/2) log r - tr(C)/(2 r) is D (r* - r)/(2 r^2), r* = tr(C)/D: r* is the "
        "only optimum"
    ),
    domain="every D, every positive tr(C)",
    hypotheses=(definite_likelihood,),
    controls=(
        control("the sum over dimensions instead of the mean", best=total_square),
        control("D - 1 for D", best=unbiased_square),
    ),
    tier="quick",
)
def isotropic_optimum(run: Run, *, best: Callable[[Expr, Expr], Expr] = mean_square) -> Verdict:
    """D is a symbol here. The derivative is positive before r* and negative after it."""
    D, r, trace = sympy.symbols("D r trace", positive=True)
    run.assume(definite_likelihood, ImmutableMatrix([[trace]]))
    slope = (-D / 2 * sympy.log(r) - trace / (2 * r)).diff(r)
    return identity(slope - D * (best(trace, D) - r) / (2 * r**2))


WIDTH = 1e-25
"""Half width asked. Reached: 1e-30; the entries of R* are about 0.3."""
ENTRIES = ((0, 0), (0, 1), (1, 1))


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "E_q (x - f*)(x - f*)' = E_q(z) Cov_q(x|z), each entry integrated in both forms, equal within "
        f"{WIDTH:.0e}"
    ),
    domain="3 points in R^2 with unequal variances, d = 1",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("raw second moments in place of the covariance", centred=False),),
    tier="quick",
)
def residual_covariance_is_the_conditional_one(run: Run, *, centred: bool = True) -> Verdict:
    """The left side samples x with z, the right side averages the covariance under the weights w(z)."""
    instance = Instance()
    run.assume(finite_moment, np.array(instance.data))
    run.assume(definite_encoder, np.array(instance.variances)[:, None, None])
    with working_precision(BITS):
        return all_of({f"R{j}{k}": ball_equal(_entry(instance, j, k, centred), WIDTH) for j, k in ENTRIES})


def _entry(instance: Instance, j: int, k: int, centred: bool) -> arb:
    def residual(i: int) -> Callable[[acb], acb]:
        def integrand(z: acb) -> acb:
            parts = instance.residual(i, instance.decoder.ball_values([acb(z)]))
            return parts[j] * parts[k]

        return integrand

    def conditional(_: int) -> Callable[[acb], acb]:
        return lambda z: _conditional_covariance(instance, z, j, k, centred)

    bound = float(np.ptp(instance.data, axis=0).max()) ** 2  # of both: x and f* lie in the hull of the data
    return instance.mean(residual, bound) - instance.mean(conditional, bound)


def _conditional_covariance(instance: Instance, z: acb, j: int, k: int, centred: bool) -> acb:
    """Cov_w(x_j, x_k) at z from the densities, apart from the decoder."""
    q = [instance.density(i, z) for i in range(len(instance.codes))]
    total = sum(q, acb(0))

    def average(values: list[float]) -> acb:
        return sum((w * arb(value) for w, value in zip(q, values, strict=True)), acb(0)) / total

    mixed = average([x[j] * x[k] for x in instance.data])  # products of dyadic numbers: exact
    product = average([x[j] for x in instance.data]) * average([x[k] for x in instance.data])
    return mixed - product if centred else mixed


PRECISE = 1e-3
"""Of r. Four Gauss nodes per axis miss the residual by less than 3e-4 of it; the search stops at 1e-9."""


def mean_conditional_variance(encoded: Encoded) -> float:
    """r*: the mean diagonal entry of E_q(z) Cov_q(x|z), integrated by the trapezoidal rule under q(z)."""
    z, masses = encoded.aggregate_grid
    w = encoded.weights(z)
    return float(masses @ (w @ encoded.data**2 - (w @ encoded.data) ** 2).mean(1))


def mean_pixel_variance(encoded: Encoded) -> float:
    """The variance of the data, as if the decoder explained nothing."""
    return float(encoded.data.var(0).mean())


def residual_at_the_codes(encoded: Encoded) -> float:
    """The mean squared residual at the codes m_i themselves, as if the encoder had no noise."""
    return float(((encoded.data - encoded.decoder(encoded.codes)) ** 2).mean())


@claim.check(
    statement="S3",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "the r that maximises the ELBO of f*, found by a line search, is the mean diagonal entry of E_q(z) Cov_q(x|z) "
        "within 0.1 %: the ELBO by Gauss's rule under each image's q(z|x_i), the covariance by the trapezoidal rule "
        "under q(z)"
    ),
    domain="1,797 digits, 64 pixels, 2-D codes from PCA and from a trained encoder",
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("the data's variance", best=mean_pixel_variance),
        control("without the encoder's noise", best=residual_at_the_codes),
    ),
    time_limit=120,
)
def digits_have_the_mean_residual(
    run: Run, *, best: Callable[[Encoded], float] = mean_conditional_variance
) -> Verdict:
    """The expected log density of 64 pixels depends on the residual's mean square only."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    parts = {}
    for name in ENCODERS:
        encoded = encoded_digits(name)
        run.assume(finite_moment, encoded.data)
        run.assume(definite_encoder, encoded.covariances)
        pixels = encoded.data.shape[1]
        typical = np.sqrt(encoded.optimal_mean_square / pixels)  # E log N is log N at this residual

        def loss(log_r: float, residual: float = typical) -> float:
            return -float(norm.logpdf(residual, scale=np.exp(log_r / 2)))

        found = float(np.exp(minimize_scalar(loss, bracket=(-4, -2), tol=1e-10).x))
        parts[name] = equal(best(encoded) / found, 1.0, PRECISE)
    return all_of(parts)
