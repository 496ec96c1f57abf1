"""S1: d/dm E_q[g] = E_q[grad g] and d/dS E_q[g] = 1/2 E_q[Hess g]."""

from fractions import Fraction

import numpy as np
import sympy
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity, property_holds

from .._shared.balls import ball, working_precision
from .._shared.symbols import direction, free_vector, generating_function, precision, symmetric
from . import claim
from .hypotheses import definite_covariance, slow_growth
from .integrals import BITS, CURVES, LINES, WIDTH

HALF = Rational(1, 2)
CONTROLS = (
    control("d/dS without the 1/2", factor=Rational(1)),
    control("1/3 for 1/2", factor=Rational(1, 3)),
)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states="dN/dm = -grad N and dN/dS along H = 1/2 tr(H Hess N) for the Gaussian density N(z; m, S): by parts, S1",
    domain="every positive definite S and symmetric H, d = 1, 2, 3",
    hypotheses=(definite_covariance,),
    controls=CONTROLS,
    tier="quick",
)
def density_solves_the_heat_equation(run: Run, *, factor: Expr = HALF) -> Verdict:
    """Written in the precision P = S^-1, whose derivative along a direction H of S is -P H P."""
    parts = {}
    for size in (1, 2, 3):
        P, H = precision(size), direction(size)
        run.assume(definite_covariance, P)
        u = free_vector("u", size)  # z - m
        change, slope = -P * H * P, -P * u
        heat = factor * (H * (slope * slope.T - P)).trace()
        quadratic = (u.T * change * u)[0] / 2 + heat
        parts[f"heat, d = {size}"] = identity(
            sympy.expand(_determinant_along(P, change) / 2 - P.det() * quadratic)
        )
        z, m = free_vector("z", size), free_vector("m", size)
        exponent = -((z - m).T * P * (z - m))[0] / 2
        parts[f"transport, d = {size}"] = identity(
            [exponent.diff(m[i]) + exponent.diff(z[i]) for i in range(size)]
        )
    return all_of(parts)


def _determinant_along(P: ImmutableMatrix, change: ImmutableMatrix) -> Expr:
    """The derivative of det P along ``change``, entry by entry; log N is log det P / 2 - u'Pu / 2."""
    entries = [(i, j) for i in range(P.rows) for j in range(i + 1)]
    return sum(P.det().diff(P[i, j]) * change[i, j] for i, j in entries)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states="both equalities for g = exp(a'z) with symbols a; their coefficients of a^n are those for every polynomial",
    domain="every rate a, mean m and symmetric S, d = 1, 2, 3",
    hypotheses=(definite_covariance, slow_growth),
    controls=CONTROLS,
    tier="quick",
)
def exponentials_of_symbolic_rate(run: Run, *, factor: Expr = HALF) -> Verdict:
    """E_q[exp(a'z)] = exp(a'm + a'Sa/2), because exp(a'z) N(z; m, S) is that number times N(z; m + Sa, S)."""
    parts = {}
    for size in (1, 2, 3):
        a, m, S, H = free_vector("a", size), free_vector("m", size), symmetric("s", size), direction(size)
        run.assume(slow_growth, sum(a))
        run.assume(definite_covariance, S)
        parts[f"completed square, d = {size}"] = identity(_square_defect(m, size))
        mean = generating_function(a, m, S)
        along = sum(mean.diff(S[i, j]) * H[i, j] for i in range(size) for j in range(i + 1))
        curvature = (H * a * a.T).trace() * mean
        parts[f"mean, d = {size}"] = identity([(mean.diff(m[i]) - a[i] * mean) / mean for i in range(size)])
        parts[f"covariance, d = {size}"] = identity(sympy.expand((along - factor * curvature) / mean))
    return all_of(parts)


def _square_defect(m: ImmutableMatrix, size: int) -> Expr:
    """The exponents' difference, with S = P^-1 and Sa = b, hence a = P b."""
    z, b, P = free_vector("z", size), free_vector("b", size), precision(size)
    rate = P * b
    left = (rate.T * z)[0] - ((z - m).T * P * (z - m))[0] / 2
    right = (rate.T * m)[0] + (rate.T * b)[0] / 2 - ((z - m - b).T * P * (z - m - b))[0] / 2
    return sympy.expand(left - right)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E_q[z^n] = sum_k c(n, k) m^(n-2k) s^k with c = n!/(k!(n-2k)!2^k); term by term d/dm is n E[z^(n-1)] and "
        "d/ds is n(n-1)/2 E[z^(n-2)]"
    ),
    domain="every degree n, a symbol; d = 1",
    hypotheses=(definite_covariance, slow_growth),
    controls=CONTROLS,
    tier="quick",
)
def powers_of_symbolic_degree(run: Run, *, factor: Expr = HALF) -> Verdict:
    """The c(n, k) are the moments' by Stein's recursion M_(n+1) = m M_n + n s M_(n-1) and M_0 = 1, checked as well."""
    n, k = sympy.symbols("n k", integer=True, positive=True)
    run.assume(slow_growth, n)
    run.assume(definite_covariance, Symbol("s", positive=True))

    def share(shift: int, lower: int) -> Expr:
        """c(n + shift, k - lower) / c(n, k), a rational function."""
        return sympy.combsimp(_moment_weight(n + shift, k - lower) / _moment_weight(n, k))

    return all_of(
        {
            "recursion": identity(share(1, 0) - 1 - n * share(-1, 1)),
            "d/dm": identity((n - 2 * k) - n * share(-1, 0)),
            "d/ds": identity(k - factor * n * (n - 1) * share(-2, 1)),
        }
    )


def _moment_weight(n: Expr, k: Expr) -> Expr:
    return sympy.factorial(n) / (sympy.factorial(k) * sympy.factorial(n - 2 * k) * 2**k)


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states="d/dm E_q[g] = E_q[g'] and d/ds E_q[g] = 1/2 E_q[g''], both sides integrated in balls, equal within 1e-25",
    domain="tanh z, tanh 3z, sigmoid z and a squared residual of tanh z; 4 Gaussians on the line",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("d/dS without the 1/2", factor=Fraction(1)),
        control("1/3 for 1/2", factor=Fraction(1, 3)),
    ),
    tier="quick",
)
def saturating_functions(run: Run, *, factor: Fraction = Fraction(1, 2)) -> Verdict:
    """The left sides differentiate the density, the right sides g: nothing is shared but the integrator."""
    parts = {}
    with working_precision(BITS):
        for name, made in CURVES.items():
            g = made()
            run.assume(slow_growth, g.value, g.slope, g.bend)
            for line in LINES:
                run.assume(definite_covariance, ball(line.variance))
                place = f"{name}, N({line.mean}, {line.variance})"
                parts[f"m: {place}"] = ball_equal(line.mean_slope(g.value) - line.expectation(g.slope), WIDTH)
                bend = ball(factor) * line.expectation(g.bend)
                parts[f"s: {place}"] = ball_equal(line.variance_slope(g.value) - bend, WIDTH)
    return all_of(parts)


NUMERIC = 1e-7
"""Of max(1, |Hess|). Central differences of step 1e-4 lose 1e-8 in the third derivative and 1e-12 / 1e-4 in rounding;
worst seen 2e-8. The control is off by some 0.1."""
STEP = 1e-4


def _tensor_grid(d: int) -> tuple[np.ndarray, np.ndarray]:
    axis, weights = np.polynomial.hermite_e.hermegauss(32)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij")).reshape(d, -1)
    product = np.prod(np.stack(np.meshgrid(*[weights] * d, indexing="ij")), axis=0).ravel()
    return grid, product / product.sum()


@claim.check(
    statement="S1",
    role="confirms",
    method="property",
    relation="=",
    states="the derivative of E_q[g] along a symmetric H, by central differences, is 1/2 tr(H E_q[Hess g])",
    domain="60 generated networks g = v'sin(Wz + b), Gaussians with full S, d = 1, 2, 3, in float64",
    hypotheses=(definite_covariance, slow_growth),
    controls=(control("d/dS without the 1/2", factor=1.0),),
)
def generated_networks_agree(run: Run, *, factor: float = 0.5) -> Verdict:
    """Gauss and Hermite's rule with 32 nodes per axis integrates sin(w'z) to rounding for |w| sqrt(s) <= 2, as here."""

    def agrees(d: int, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        W, b, v = rng.uniform(-1, 1, size=(4, d)), rng.normal(size=4), rng.uniform(-1, 1, size=4)
        m, (root, turn) = rng.normal(size=d), rng.uniform(-1, 1, size=(2, d, d)) / d
        S, H = root @ root.T + 0.1 * np.eye(d), turn + turn.T
        run.assume(definite_covariance, S)
        run.assume(slow_growth, *W.ravel())  # rates of exp(i w'z)
        grid, weights = _tensor_grid(d)

        def mean(C: np.ndarray) -> float:
            z = m[:, None] + np.linalg.cholesky(C) @ grid
            return float(weights @ (v @ np.sin(W @ z + b[:, None])))

        slope = (mean(S + STEP * H) - mean(S - STEP * H)) / (2 * STEP)
        waves = np.sin(W @ (m[:, None] + np.linalg.cholesky(S) @ grid) + b[:, None]) @ weights
        bend = -np.einsum("k,k,ki,kj->ij", v, waves, W, W)
        stated = factor * float(np.trace(H @ bend))
        return bool(abs(slope - stated) <= NUMERIC * max(1.0, float(np.abs(bend).sum())))

    return property_holds(
        st.integers(1, 3), st.integers(0, 2**32 - 1), property=agrees, examples=60, seed=run.integer_seed
    )
