"""S1: d/dm E_q[g] = E_q[grad g] and d/dS E_q[g] = 1/2 E_q[Hess g]."""

from fractions import Fraction

import numpy as np
import sympy
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity, property_holds

from .._shared.balls import Line, ball, working_precision
from .._shared.symbols import along, covariance, direction, free_vector, generating_function, precision
from . import claim
from .hypotheses import definite_covariance, slow_growth
from .integrals import ASIDE, BITS, CURVES, FUNCTIONS, GAUSSIANS, LINES, WIDTH, WITHIN

HALF = Rational(1, 2)
DIMENSIONS = (1, 2, 3)
D_TEXT = f"d = {', '.join(map(str, DIMENSIONS))}"
NOT_ZERO = ("s: *, N([!0]*", "s: (1/2*")
"""Parts in which E_q[g''] is not 0, as it is for the odd functions, and sigmoid - 1/2, at N(0, 1)."""


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "dN/dm = -grad N and dN/dS along H = 1/2 tr(H Hess N) for the Gaussian density N(z; m, S), where S moving "
        "along H is P = S^-1 moving along -P H P"
    ),
    domain=f"every positive definite S and symmetric H, {D_TEXT}",
    hypotheses=(definite_covariance,),
    controls=(
        control("d/dS without the 1/2", refutes="heat*", factor=Rational(1)),
        control("1/3 for 1/2", refutes="heat*", factor=Rational(1, 3)),
        control("dN/dm = -2 grad N", refutes="transport*", gradients=2),
        control("P moving along P H P", refutes=["inverse*", "heat*"], sign=1),
    ),
    tier="quick",
)
def density_solves_the_heat_equation(
    run: Run, *, factor: Expr = HALF, gradients: int = 1, sign: int = -1
) -> Verdict:
    """By parts, these move the derivatives from N to g, which is S1. Hess N = N (slope slope' - P), slope = -P u.

    The heat equation and d(SP) = H P + S dP = 0 are multiplied by det P, so that both are polynomials.
    """
    parts = {}
    for size in DIMENSIONS:
        P, H = precision(size), direction(size)
        run.assume(definite_covariance, P)
        change, determinant = sign * P * H * P, P.det(method="berkowitz")
        parts[f"inverse, d = {size}"] = identity(determinant * H * P + P.adjugate() * change)
        u = free_vector("u", size)  # z - m
        slope = -P * u
        heat = factor * (H * (slope * slope.T - P)).trace()
        quadratic = (u.T * change * u)[0] / 2
        moved = along(determinant, P, change) / 2 - determinant * quadratic
        parts[f"heat, d = {size}"] = identity(moved - determinant * heat)
        z, m = free_vector("z", size), free_vector("m", size)
        exponent = -((z - m).T * P * (z - m))[0] / 2
        parts[f"transport, d = {size}"] = identity(
            [exponent.diff(m[i]) + gradients * exponent.diff(z[i]) for i in range(size)]
        )
    return all_of(parts)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E_q[exp(a'z)] = exp(a'm + a'Sa/2), by the completed square, and both equalities for g = exp(a'z): "
        "d/dm E_q[g] = E_q[a g], d/dS E_q[g] along H = 1/2 E_q[a'Ha g]"
    ),
    domain=f"symbols for the rate a, the mean m, the covariance S and the direction H, {D_TEXT}",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("d/dS without the 1/2", refutes="covariance*", factor=Rational(1)),
        control("1/3 for 1/2", refutes="covariance*", factor=Rational(1, 3)),
        control("d/dm twice", refutes="mean*", gradients=2),
        control("the square completed at m + 2 S a", refutes="completed square*", shift=2),
    ),
    tier="quick",
)
def exponentials_of_symbolic_rate(
    run: Run, *, factor: Expr = HALF, gradients: int = 1, shift: int = 1
) -> Verdict:
    """exp(a'z) N(z; m, S) is the stated mean times N(z; m + Sa, S): an identity of exponents, here times det S."""
    parts = {}
    for size in DIMENSIONS:
        a, m, S, H = free_vector("a", size), free_vector("m", size), covariance("s", size), direction(size)
        run.assume(slow_growth, *a)
        run.assume(definite_covariance, S)
        mean, z = generating_function(a, m, S), free_vector("z", size)
        g = sympy.exp((a.T * z)[0])
        slope, bend = (
            (part / g).applyfunc(sympy.cancel) for part in (_gradient(g, z), sympy.hessian(g, list(z)))
        )
        parts[f"completed square, d = {size}"] = identity(
            S.det(method="berkowitz") * ((a.T * z)[0] - mean.args[0])
            - (_square(z - m, S) - _square(z - m - shift * S * a, S)) / 2
        )
        parts[f"mean, d = {size}"] = identity(
            [mean.diff(m[i]) - gradients * slope[i] * mean for i in range(size)]
        )
        parts[f"covariance, d = {size}"] = identity(along(mean, S, H) - factor * (H * bend).trace() * mean)
    return all_of(parts)


def _gradient(g: Expr, z: ImmutableMatrix) -> ImmutableMatrix:
    return ImmutableMatrix([g.diff(entry) for entry in z])


def _square(u: ImmutableMatrix, S: ImmutableMatrix) -> Expr:
    """Return det S times u'S^-1 u, a polynomial."""
    return (u.T * S.adjugate() * u)[0]


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "M_n = sum_k c(n, k) m^(n-2k) s^k, c = n!/(k!(n-2k)!2^k), obeys M_0 = 1, M_1 = m and, as the moments of "
        "N(m, s) do, M_(n+1) = m M_n + n s M_(n-1); term by term dM_n/dm is n M_(n-1) and dM_n/ds is n(n-1)/2 M_(n-2)"
    ),
    domain="every degree n and term k, symbols; d = 1",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("d/dS without the 1/2", refutes="d/ds", factor=Rational(1)),
        control("1/3 for 1/2", refutes="d/ds", factor=Rational(1, 3)),
        control("(n + 1)! for n! in c", more=1),
    ),
    tier="quick",
)
def powers_of_symbolic_degree(run: Run, *, factor: Expr = HALF, more: int = 0) -> Verdict:
    """Inner terms have 1 <= k <= n/2; M_(n+1) has a first one, k = 0, and for odd n = 2k - 1 a last one besides."""
    n, k = sympy.symbols("n k", integer=True, positive=True)
    run.assume(slow_growth, n)
    run.assume(definite_covariance, Symbol("s", positive=True))

    def c(n: Expr, k: Expr) -> Expr:
        return sympy.factorial(n + more) / (sympy.factorial(k) * sympy.factorial(n - 2 * k) * 2**k)

    def share(shift: int, lower: int) -> Expr:
        """c(n + shift, k - lower) / c(n, k), a rational function."""
        return sympy.combsimp(c(n + shift, k - lower) / c(n, k))

    zero = sympy.Integer(0)
    last = sympy.combsimp(c(2 * k, k) / c(2 * k - 2, k - 1))
    return all_of(
        {
            "M_0 and M_1": identity([c(zero, zero) - 1, c(zero + 1, zero) - 1]),
            "recursion, first term": identity(sympy.combsimp(c(n + 1, zero) / c(n, zero)) - 1),
            "recursion": identity(share(1, 0) - 1 - n * share(-1, 1)),
            "recursion, last term": identity(last - (2 * k - 1)),
            "d/dm": identity((n - 2 * k) - n * share(-1, 0)),
            "d/ds": identity(k - factor * n * (n - 1) * share(-2, 1)),
        }
    )


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "d/dm E_q[g] = E_q[g'] and d/ds E_q[g] = 1/2 E_q[g''], the density differentiated on the left and g on the "
        f"right, both sides integrated in balls, equal within {WITHIN}"
    ),
    domain=f"g = {FUNCTIONS}; q = {GAUSSIANS}",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("the right sides at a mean 1/100 aside", aside=ASIDE),
        control("E_q[g'] one percent larger", refutes="m: *", gradients=Fraction(101, 100)),
        control("d/dS without the 1/2", refutes=NOT_ZERO, factor=Fraction(1)),
        control("0.505 for 1/2", refutes=NOT_ZERO, factor=Fraction(101, 200)),
    ),
    tier="quick",
)
def saturating_functions(
    run: Run,
    *,
    factor: Fraction = Fraction(1, 2),
    gradients: Fraction = Fraction(1),
    aside: Fraction = Fraction(0),
) -> Verdict:
    """The two sides share nothing but the integrator."""
    parts = {}
    with working_precision(BITS):
        for name, made in CURVES.items():
            g = made()
            run.assume(slow_growth, g.value, g.slope, g.bend)
            for line in LINES:
                run.assume(definite_covariance, ball(line.variance))
                right = Line(line.mean + aside, line.variance)
                slope, bend = (
                    ball(gradients) * right.expectation(g.slope),
                    ball(factor) * right.expectation(g.bend),
                )
                parts[f"m: {name}, {line}"] = ball_equal(line.mean_slope(g.value) - slope, WIDTH)
                parts[f"s: {name}, {line}"] = ball_equal(line.variance_slope(g.value) - bend, WIDTH)
    return all_of(parts)


NUMERIC = 1e-7
"""Of max(1, |Hess|). Central differences of step 1e-4 lose 1e-8 in the third derivative and 1e-12 / 1e-4 in rounding;
worst seen 2e-8. The control is off by some 0.1."""
STEP = 1e-4
NETWORKS = 60


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
    states=(
        "the derivative of E_q[g] along a symmetric H, by central differences, is 1/2 tr(H E_q[Hess g]) within "
        f"{NUMERIC:g} of max(1, sum |E_q[Hess g]|)"
    ),
    domain=f"{NETWORKS} generated networks g = v'sin(Wz + b), Gaussians with full S, d = 1, 2, 3, in float64",
    hypotheses=(definite_covariance, slow_growth),
    controls=(control("d/dS without the 1/2", factor=1.0), control("0.505 for 1/2", factor=0.505)),
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
        st.integers(1, 3),
        st.integers(0, 2**32 - 1),
        property=agrees,
        examples=NETWORKS,
        seed=run.integer_seed,
    )
