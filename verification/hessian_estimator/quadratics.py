"""S4: mean and variance of the single-sample estimator for quadratic g, in closed form."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from numpy.typing import NDArray
from sympy import Expr, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity, property_holds

from .._shared.symbols import free_vector, normal_expectation, symmetric, triangular
from . import claim
from .hypotheses import definite_covariance

Array = NDArray[np.float64]
ONE = Rational(1)


def line_variance(g: Expr, slope: Expr, bend: Expr, s: Expr) -> Expr:
    """2 g(m)^2 + 10 s g'(m)^2 + 10 s g(m) g'' + (37/2) s^2 g''^2."""
    return 2 * g**2 + 10 * s * slope**2 + 10 * s * g * bend + Rational(37, 2) * s**2 * bend**2


def without_the_square_of_the_mean(g: Expr, slope: Expr, bend: Expr, s: Expr) -> Expr:
    """E[X^2] in place of Var X."""
    return line_variance(g, slope, bend, s) + s**2 * bend**2


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
    controls=(
        control("E[X^2] in place of the variance", refutes="variance", stated=without_the_square_of_the_mean),
        control("E X = s g''/2, as if this were Price's derivative", refutes="mean", share=ONE / 2),
    ),
    tier="quick",
)
def variance_on_the_line(
    run: Run, *, stated: Callable[[Expr, Expr, Expr, Expr], Expr] = line_variance, share: Expr = ONE
) -> Verdict:
    """A large g(m) drowns the signal: a constant added to g changes no Hessian and adds 2 g(m)^2."""
    (eps,) = noise = free_vector("e", 1)
    g, slope, bend = sympy.symbols("g g1 g2", real=True)
    s = Symbol("s", positive=True)
    run.assume(definite_covariance, s)
    probe = (eps**2 - 1) * (g + slope * sympy.sqrt(s) * eps + bend * s * eps**2 / 2)
    mean = normal_expectation(probe, noise)
    variance = normal_expectation(probe**2, noise) - mean**2
    return all_of(
        {
            "mean": identity(mean - share * s * bend),
            "variance": identity(variance - stated(g, slope, bend, s)),
        }
    )


Entry = Callable[[Any, Any, Any, int, int, int], Any]


def entry_variance(a: Any, b: Any, C: Any, d: int, i: int, j: int, coupling: int = 1) -> Any:
    """Return Var X_ij for g = a + b'eps + eps'C eps / 2, by Isserlis: E[X_ij^2] - C_ij^2, X_ij^2 summed by its moments.

    ``coupling`` is what C_ij, or the C_ik on the diagonal, count for in the quartic part: 1.
    """
    others = [k for k in range(d) if k not in (i, j)]
    zero = 0 * a
    rest = sum((C[k, k] for k in others), zero)
    squares = sum((C[k, m] ** 2 for k in others for m in others), zero)
    steady = sum((b[k] ** 2 for k in others), zero)
    if i == j:  # E[(e^2 - 1)^2 e^n] = 2, 10, 78 for n = 0, 2, 4
        mixed, own = sum((C[i, k] ** 2 for k in others), zero), C[i, i]
        linear = 10 * b[i] ** 2 + 2 * steady + a * (10 * own + 2 * rest)
        quartic = 78 * own**2 + coupling * 40 * mixed + 20 * own * rest + 2 * rest**2 + 4 * squares
        return 2 * a**2 + linear + quartic / 4 - own**2
    first, second = C[i, i], C[j, j]  # E[e^2 e^n] = 1, 3, 15
    mixed = sum((C[i, k] ** 2 + C[j, k] ** 2 for k in others), zero)
    linear = 3 * b[i] ** 2 + 3 * b[j] ** 2 + steady + a * (3 * first + 3 * second + rest)
    quartic = 15 * first**2 + 15 * second**2 + 18 * first * second + coupling * 36 * C[i, j] ** 2
    quartic = quartic + 6 * (first + second) * rest + 12 * mixed + rest**2 + 2 * squares
    return a**2 + linear + quartic / 4 - C[i, j] ** 2


def without_coupling(a: Any, b: Any, C: Any, d: int, i: int, j: int) -> Any:
    """The noises' own coupling forgotten: the term with C_ij^2, or those with C_ik^2 on the diagonal."""
    return entry_variance(a, b, C, d, i, j, coupling=0)


def entries(sizes: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Yield (d, i, j) with i <= j."""
    for d in sizes:
        yield from ((d, i, j) for i in range(d) for j in range(i, d))


SIZES = (2, 3)
SIZES_TEXT = f"d = {', '.join(map(str, SIZES))}"


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "g(m + L eps) = a + b'eps + eps'C eps / 2, C = L'(Hess g)L: each entry X_ij of (eps eps' - I) g, on the "
        "diagonal and off it, has the mean C_ij and a variance in closed form"
    ),
    domain=f"symbols for a, b and C, {SIZES_TEXT}, every i <= j; m and L enter by a, b and C only",
    hypotheses=(definite_covariance,),
    controls=(
        control("without the coupling of the noises", refutes="variance*", stated=without_coupling),
        control("C_ij / 2, as if this were Price's derivative", refutes="mean*", share=ONE / 2),
        control("without -I", refutes="*, diagonal*", shift=0),
    ),
    tier="quick",
)
def variance_of_each_entry(
    run: Run, *, stated: Entry = entry_variance, share: Expr = ONE, shift: int = 1
) -> Verdict:
    """The noise is whitened, so that it is standard: a = g(m), b = L'grad g(m), C = L'(Hess g)L."""
    parts = {}
    for d, i, j in entries(SIZES):
        noise, b, C = free_vector("e", d), free_vector("b", d), symmetric("c", d)
        run.assume(definite_covariance, triangular("l", d) * triangular("l", d).T)  # S = L L'
        a = Symbol("a", real=True)
        g = a + (b.T * noise)[0] + (noise.T * C * noise)[0] / 2
        probe = (noise[i] * noise[j] - shift * int(i == j)) * g
        mean = normal_expectation(probe, noise)
        variance = normal_expectation(probe**2, noise) - mean**2
        place = f"{'diagonal' if i == j else 'off it'}: X_{i + 1}{j + 1}, d = {d}"
        parts[f"mean, {place}"] = identity(mean - share * C[i, j])
        parts[f"variance, {place}"] = identity(variance - stated(a, b, C, d, i, j))
    return all_of(parts)


RELATIVE = 1e-10
"""Gauss and Hermite's rule is exact for degree 8; only rounding is left, at worst 3e-14 of the sums' terms."""
INSTANCES = 100


@claim.check(
    statement="S4",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "mean and variance of X_11 and X_12 from g, grad g, Hess g and S agree with a product rule that is exact here, "
        f"within {RELATIVE:g} of 1 + Var"
    ),
    domain=f"{INSTANCES} generated quadratics with full S, {SIZES_TEXT}, in float64",
    hypotheses=(definite_covariance,),
    controls=(
        control("without the coupling of the noises", refutes="variance*", stated=without_coupling),
        control("L (Hess g) L' for L'(Hess g)L", turned=True),
    ),
)
def generated_quadratics_agree(run: Run, *, stated: Entry = entry_variance, turned: bool = False) -> Verdict:
    """The other route starts from g itself, without a, b, C."""

    def agrees(d: int, seed: int) -> dict[str, bool]:
        rng = np.random.default_rng(seed)
        A, b, c, m, root = (rng.normal(size=shape) for shape in ((d, d), d, (), d, (d, d)))
        A, S = A + A.T, root @ root.T + 0.1 * np.eye(d)
        run.assume(definite_covariance, S)
        L = np.linalg.cholesky(S)
        grid, weights = _product_rule(d)
        z = m[:, None] + L @ grid
        g = float(c) + b @ z + np.einsum("ij,in,jn->n", A, z, z) / 2
        C = L @ A @ L.T if turned else L.T @ A @ L
        value = np.float64(float(c) + b @ m + m @ A @ m / 2)
        found = {}
        for j in (0, 1):
            probe = (grid[0] * grid[j] - int(j == 0)) * g
            mean = float(weights @ probe)
            variance = float(weights @ (probe - mean) ** 2)
            closed = stated(value, L.T @ (b + A @ m), C, d, 0, j)
            found[f"mean of X_1{j + 1}"] = bool(abs(mean - C[0, j]) <= RELATIVE * (1 + variance))
            found[f"variance of X_1{j + 1}"] = bool(abs(variance - closed) <= RELATIVE * (1 + variance))
        return found

    return property_holds(
        st.integers(min(SIZES), max(SIZES)),
        st.integers(0, 2**32 - 1),
        property=agrees,
        examples=INSTANCES,
        seed=run.integer_seed,
    )


def _product_rule(d: int) -> tuple[Array, Array]:
    axis, weights = np.polynomial.hermite_e.hermegauss(6)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij")).reshape(d, -1)
    product = np.prod(np.stack(np.meshgrid(*[weights] * d, indexing="ij")), axis=0).ravel()
    return grid, product / product.sum()
