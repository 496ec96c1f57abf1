"""S4: the single-sample estimator of the Hessian is unbiased; its variance for quadratic g; noise is not reused."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from numpy.typing import NDArray
from sympy import Expr, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity, mean_equals, property_holds

from .._shared.balls import Line, working_precision
from .._shared.symbols import free_vector, normal_expectation, symmetric
from . import claim
from .hypotheses import definite_covariance, fresh_noise, slow_growth
from .integrals import BITS, CURVES

Array = NDArray[np.float64]

SAMPLES = 400_000
CLIP = 6.0
"""Noise beyond this is drawn again, as bounds need bounded samples. P(|eps| > 6) = 2e-9, which
moves the means by less than 1e-6."""
LINE = Line(Fraction(3, 10), Fraction(1, 4))
FUNCTION = "(1/2 - tanh z)^2 5/2"
LARGEST = 5.7
"""Of the function on the real line: (3/2)^2 5/2 = 5.625."""


def standard_noise(rng: np.random.Generator, size: int) -> Array:
    """Return standard normal draws, conditioned on |eps| <= CLIP."""
    eps = rng.normal(size=size)
    while (outside := np.abs(eps) > CLIP).any():
        eps[outside] = rng.normal(size=int(outside.sum()))
    return eps


def loss(z: Array) -> Array:
    """The function in float64, apart from the balls' version."""
    return (0.5 - np.tanh(z)) ** 2 * 2.5


@claim.check(
    statement="S4",
    role="confirms",
    method="statistical",
    relation="=",
    states="the mean of (eps^2 - 1) g(m + sqrt(s) eps) over single samples is s E_q[g''], known from balls",
    domain="g = (1/2 - tanh z)^2 5/2, a reconstruction term; q = N(3/10, 1/4); 400,000 samples",
    hypotheses=(definite_covariance, slow_growth, fresh_noise),
    controls=(
        control("without -I", shift=0.0),
        control("s E_q[g''] / 2 stated, as if this were Price's derivative", share=0.5),
    ),
)
def single_samples_are_unbiased(run: Run, *, shift: float = 1.0, share: float = 1.0) -> Verdict:
    """The verdict states the smallest error that would have been seen; the sides are about 1 and more."""
    run.assume(definite_covariance, float(LINE.variance))
    with working_precision(BITS):
        g = CURVES[FUNCTION]()
        run.assume(slow_growth, g.value, g.slope, g.bend)
        exact = float(LINE.expectation(g.bend)) * float(LINE.variance)
    first, second = (standard_noise(run.rng, SAMPLES // 2) for _ in range(2))
    run.assume(fresh_noise, first, second)
    eps = np.concatenate([first, second])
    samples = (eps**2 - shift) * loss(float(LINE.mean) + float(LINE.variance) ** 0.5 * eps)
    return mean_equals(samples, share * exact, (-LARGEST, CLIP**2 * LARGEST), run.false_alarm)


@claim.check(
    statement="S4",
    role="confirms",
    method="statistical",
    relation="=",
    states="the product of two slopes eps f(m + sqrt(s) eps), each with noise of its own, has the mean s (E_q[f'])^2",
    domain="f = tanh z, q = N(3/10, 1/4), 400,000 pairs: the Gauss-Newton term from noise alone",
    hypotheses=(definite_covariance, slow_growth, fresh_noise),
    controls=(control("one noise for both factors", drops=(fresh_noise,), reuse=True),),
)
def products_need_fresh_noise(run: Run, *, reuse: bool = False) -> Verdict:
    """With reused noise the mean is E[eps^2 f^2], which is not a square of a slope: the estimate is biased."""
    run.assume(definite_covariance, float(LINE.variance))
    with working_precision(BITS):
        f = CURVES["tanh z"]()
        run.assume(slow_growth, f.value, f.slope)
        exact = float(LINE.expectation(f.slope)) ** 2 * float(LINE.variance)
    first = standard_noise(run.rng, SAMPLES)
    second = first if reuse else standard_noise(run.rng, SAMPLES)
    run.assume(fresh_noise, first, second)
    scale = float(LINE.variance) ** 0.5
    slopes = [eps * np.tanh(float(LINE.mean) + scale * eps) for eps in (first, second)]
    bound = CLIP**2
    return mean_equals(slopes[0] * slopes[1], exact, (-bound, bound), run.false_alarm)


def line_variance(a: Expr, b: Expr, c: Expr) -> Expr:
    """2 a^2 + 10 b^2 + 20 a c + 74 c^2 for g(m + L eps) = a + b eps + c eps^2."""
    return 2 * a**2 + 10 * b**2 + 20 * a * c + 74 * c**2


def without_the_square_of_the_mean(a: Expr, b: Expr, c: Expr) -> Expr:
    """E[X^2] in place of Var X."""
    return line_variance(a, b, c) + 4 * c**2


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "quadratic g: E X = s g'' and Var X = 2 g(m)^2 + 10 s g'(m)^2 + 10 s g(m) g'' + (37/2) s^2 g''^2, "
        "X = (eps^2 - 1) g(m + sqrt(s) eps)"
    ),
    domain="every quadratic g, every m and s, d = 1",
    hypotheses=(definite_covariance,),
    controls=(control("E[X^2] in place of the variance", stated=without_the_square_of_the_mean),),
    tier="quick",
)
def variance_on_the_line(run: Run, *, stated: Callable[[Expr, Expr, Expr], Expr] = line_variance) -> Verdict:
    """A large g(m) drowns the signal: a constant added to g changes no Hessian and adds 2 g(m)^2."""
    (eps,) = noise = free_vector("e", 1)
    g, slope, bend = sympy.symbols("g g1 g2", real=True)
    s = Symbol("s", positive=True)
    run.assume(definite_covariance, s)
    probe = (eps**2 - 1) * (g + slope * sympy.sqrt(s) * eps + bend * s * eps**2 / 2)
    mean = normal_expectation(probe, noise)
    variance = normal_expectation(probe**2, noise) - mean**2
    closed = stated(g, slope * sympy.sqrt(s), bend * s / 2)
    return all_of({"mean": identity(mean - s * bend), "variance": identity(sympy.expand(variance - closed))})


Entry = Callable[[Any, Any, Any, int], Any]


def off_diagonal(a: Any, b: Any, C: Any, dimension: int) -> Any:
    """Return Var of eps_1 eps_2 g with g = a + b'eps + eps'C eps / 2, by Isserlis; C is L'(Hess g)L.

    E[e1^2 e2^2 g^2] - C12^2; the even moments of e1^2 e2^2 times (b'eps)^2, eps'C eps and its square are summed.
    """
    others = range(2, dimension)
    first, second = C[0, 0], C[1, 1]
    rest = sum((C[k, k] for k in others), 0 * a)
    squares = sum((C[j, k] ** 2 for j in others for k in others), 0 * a)
    mixed = sum((C[0, k] ** 2 + C[1, k] ** 2 for k in others), 0 * a)
    linear = 3 * b[0] ** 2 + 3 * b[1] ** 2 + sum((b[k] ** 2 for k in others), 0 * a)
    quartic = 15 * first**2 + 15 * second**2 + 18 * first * second + 36 * C[0, 1] ** 2
    quartic = quartic + 6 * (first + second) * rest + 12 * mixed + rest**2 + 2 * squares
    return a**2 + linear + a * (3 * first + 3 * second + rest) + quartic / 4 - C[0, 1] ** 2


def without_cross_terms(a: Any, b: Any, C: Any, dimension: int) -> Any:
    """The noise's own coupling forgotten: 36 C12^2 of the quartic part left out."""
    return off_diagonal(a, b, C, dimension) - 9 * C[0, 1] ** 2


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states="quadratic g: the entry X_12 = eps_1 eps_2 g has the mean (L'(Hess g)L)_12 and a variance in closed form",
    domain="every quadratic g, m and S, d = 2, 3; by symmetry every entry off the diagonal",
    hypotheses=(definite_covariance,),
    controls=(control("without the coupling of the two noises", stated=without_cross_terms),),
    tier="quick",
)
def variance_off_the_diagonal(run: Run, *, stated: Entry = off_diagonal) -> Verdict:
    """In the whitened coordinates, where the noise is standard: a = g(m), b = L'grad g(m), C = L'(Hess g)L."""
    run.assume(definite_covariance, symmetric("s", 2))
    parts = {}
    for size in (2, 3):
        noise, b, C = free_vector("e", size), free_vector("b", size), symmetric("c", size)
        a = Symbol("a", real=True)
        g = a + (b.T * noise)[0] + (noise.T * C * noise)[0] / 2
        probe = noise[0] * noise[1] * g
        mean = normal_expectation(probe, noise)
        variance = normal_expectation(probe**2, noise) - mean**2
        parts[f"mean, d = {size}"] = identity(mean - C[0, 1])
        parts[f"variance, d = {size}"] = identity(sympy.expand(variance - stated(a, b, C, size)))
    return all_of(parts)


RELATIVE = 1e-10
"""Gauss and Hermite's rule is exact for degree 8; only rounding is left, at worst 3e-14 of the sums' terms."""


@claim.check(
    statement="S4",
    role="confirms",
    method="property",
    relation="=",
    states="mean and variance of X_12 from g, grad g, Hess g and S agree with a product rule that is exact here",
    domain="100 generated quadratics with full S, d = 2, 3, in float64",
    hypotheses=(definite_covariance,),
    controls=(control("without the coupling of the two noises", stated=without_cross_terms),),
)
def generated_quadratics_agree(run: Run, *, stated: Entry = off_diagonal) -> Verdict:
    """The other route starts from g itself, without a, b, C."""

    def agrees(d: int, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        A, b, c, m, root = (rng.normal(size=shape) for shape in ((d, d), d, (), d, (d, d)))
        A, S = A + A.T, root @ root.T + 0.1 * np.eye(d)
        run.assume(definite_covariance, S)
        L = np.linalg.cholesky(S)
        grid, weights = _product_rule(d)
        z = m[:, None] + L @ grid
        probe = grid[0] * grid[1] * (float(c) + b @ z + np.einsum("ij,in,jn->n", A, z, z) / 2)
        mean = float(weights @ probe)
        variance = float(weights @ (probe - mean) ** 2)
        C = L.T @ A @ L
        value = np.float64(float(c) + b @ m + m @ A @ m / 2)
        closed = stated(value, L.T @ (b + A @ m), C, d)
        return bool(abs(mean - C[0, 1]) + abs(variance - closed) <= RELATIVE * (1 + variance))

    return property_holds(
        st.integers(2, 3), st.integers(0, 2**32 - 1), property=agrees, examples=100, seed=run.integer_seed
    )


def _product_rule(d: int) -> tuple[Array, Array]:
    axis, weights = np.polynomial.hermite_e.hermegauss(6)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij")).reshape(d, -1)
    product = np.prod(np.stack(np.meshgrid(*[weights] * d, indexing="ij")), axis=0).ravel()
    return grid, product / product.sum()
