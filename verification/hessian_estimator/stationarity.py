"""S3: what stationarity in S says about the decoder's Hessian, and what the noise adds to the loss."""

from fractions import Fraction

import numpy as np
import sympy
from flint import acb, arb
from sympy import Expr, Function, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, equal, identity

from .._shared.balls import Line, ball, working_precision
from .._shared.symbols import direction, free_vector, generating_function, symmetric, triangular
from . import claim
from .hypotheses import constant_variance, definite_covariance, slow_growth, smooth_decoder
from .integrals import BITS, CURVES, LINES, WIDTH, Curve

HALF = Rational(1, 2)


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states="Hess U = I + (J'J - sum_i (x_i - f_i) Hess f_i) / sigma^2",
    domain="every twice differentiable f, every x and sigma; d = 1, 2, 3, D = 1, 2",
    hypotheses=(smooth_decoder, constant_variance),
    controls=(
        control("Gauss-Newton: without the Hessians of f", curved=0),
        control("the residual's sign turned", curved=-1),
    ),
    tier="quick",
)
def hessian_of_the_energy(run: Run, *, curved: int = 1) -> Verdict:
    """The f_i are undefined functions, so nothing is assumed about the decoder but two derivatives."""
    variance = Symbol("v", positive=True)
    run.assume(constant_variance, variance)
    parts = {}
    for d, D in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1)):
        z, x = free_vector("z", d), free_vector("x", D)
        f = sympy.Matrix([Function(f"f{i}", real=True)(*z) for i in range(D)])
        run.assume(smooth_decoder, list(f))
        residual = x - f
        energy = (z.T * z)[0] / 2 + (residual.T * residual)[0] / (2 * variance)
        J = f.jacobian(z)
        second = sum((residual[i] * sympy.hessian(f[i], list(z)) for i in range(D)), sympy.zeros(d))
        stated = sympy.eye(d) + (J.T * J - curved * second) / variance
        defect = (sympy.hessian(energy, list(z)) - stated).doit()
        names = {g: sympy.Dummy(real=True) for e in defect for g in e.atoms(sympy.Derivative, *_applied(e))}
        parts[f"d = {d}, D = {D}"] = identity([sympy.expand(e.xreplace(names)) for e in defect])
    return all_of(parts)


def _applied(expression: Expr) -> set[type]:
    """The undefined functions of an expression; their values become symbols, as the identity is algebraic."""
    return {type(g) for g in expression.atoms(sympy.core.function.AppliedUndef)}


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states="the ELBO's derivative along H is 1/2 tr(H (S^-1 - E_q[Hess U])), zero for every H iff S^-1 = E_q[Hess U]",
    domain="U a quadratic form plus exp(a'z) with symbols a (every polynomial, by coefficients), every S, d = 1, 2, 3",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("entropy without the 1/2", entropy=Rational(1)),
        control("S for S^-1", inverse=False),
    ),
    tier="quick",
)
def elbo_along_a_direction(run: Run, *, entropy: Expr = HALF, inverse: bool = True) -> Verdict:
    """E_q[U] = m'Am/2 + tr(SA)/2 + exp(a'm + a'Sa/2); H[q] = log det S / 2 + constant."""
    parts = {}
    for size in (1, 2, 3):
        a, m, S, H = free_vector("a", size), free_vector("m", size), symmetric("s", size), direction(size)
        A = symmetric("c", size)
        run.assume(definite_covariance, S)
        run.assume(slow_growth, sum(a))
        wave = generating_function(a, m, S)
        mean_energy = (m.T * A * m)[0] / 2 + (S * A).trace() / 2 + wave
        determinant = S.det(method="berkowitz")

        def along(scalar: Expr, S: sympy.Matrix = S, H: sympy.Matrix = H, size: int = size) -> Expr:
            return sum(scalar.diff(S[i, j]) * H[i, j] for i in range(size) for j in range(i + 1))

        slope = -along(mean_energy) + entropy * along(determinant) / determinant
        precision = S.adjugate() / determinant if inverse else S
        stated = (H * (precision - A - a * a.T * wave)).trace() / 2
        symbol = Symbol("wave", positive=True)
        defect = sympy.expand((slope - stated).subs(wave, symbol) * determinant)
        parts[f"d = {size}"] = identity(sympy.expand(sympy.cancel(defect)))
    return all_of(parts)


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states="d ELBO/ds = 1/2 (1/s - 1 - E_q[f'^2 - (x - f) f''] / sigma^2), integrated apart, within 1e-25",
    domain="f = tanh z and tanh 3z, x = 1/2, sigma^2 = 1/5, 4 Gaussians on the line, stationary or not",
    hypotheses=(definite_covariance, smooth_decoder, constant_variance),
    controls=(
        control("Gauss-Newton: without (x - f) f''", curved=0),
        control("without the prior's 1", prior=0),
    ),
    tier="quick",
)
def elbo_of_tanh_decoders(run: Run, *, curved: int = 1, prior: int = 1) -> Verdict:
    """The left side differentiates the density under the integral of U, so no derivative of f enters it."""
    parts = {}
    x, variance = Fraction(1, 2), Fraction(1, 5)
    with working_precision(BITS):
        run.assume(constant_variance, variance)
        for name in ("tanh z", "tanh 3z"):
            f = CURVES[name]()
            run.assume(smooth_decoder, [f.bend])
            for line in LINES:
                run.assume(definite_covariance, ball(line.variance))
                left = _elbo_slope(line, f, x, variance)
                right = _stated_slope(line, f, x, variance, curved, prior)
                parts[f"{name}, N({line.mean}, {line.variance})"] = ball_equal(left - right, WIDTH)
    return all_of(parts)


def _elbo_slope(line: Line, f: Curve, x: Fraction, variance: Fraction) -> arb:
    def energy(z: acb) -> acb:
        r = ball(x) - f.value(z)
        return z * z / 2 + r * r / (2 * ball(variance))

    return 1 / (2 * ball(line.variance)) - line.variance_slope(energy)


def _stated_slope(line: Line, f: Curve, x: Fraction, variance: Fraction, curved: int, prior: int) -> arb:
    def integrand(z: acb) -> acb:
        return f.slope(z) * f.slope(z) - curved * (ball(x) - f.value(z)) * f.bend(z)

    return (1 / ball(line.variance) - prior - line.expectation(integrand) / ball(variance)) / 2


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="order",
    states="E[l(m + L eps)] = l(m) + 1/2 tr(S Hess l(m)) + (1/8) D^4 l(m)[S, S] + O(S^3) as S -> 0",
    domain="l = exp(a'z) with symbols a (every polynomial, by coefficients), every S, d = 1, 2, 3",
    hypotheses=(definite_covariance, slow_growth),
    controls=(control("without the 1/2", factor=Rational(1)), control("1/3 for 1/2", factor=Rational(1, 3))),
    tier="quick",
)
def noise_adds_half_a_trace(run: Run, *, factor: Expr = HALF) -> Verdict:
    """With t S in place of S the mean over l(m) is exp(t a'Sa/2); tr(S Hess l) = a'Sa l."""
    t = Symbol("t", positive=True)
    parts = {}
    for size in (1, 2, 3):
        a, L = free_vector("a", size), triangular("l", size)
        run.assume(definite_covariance, L * L.T)
        run.assume(slow_growth, sum(a))
        quadratic = Symbol("aSa", real=True)
        series = sympy.exp(t * quadratic / 2).series(t, 0, 3).removeO()
        mean = series.subs(quadratic, (a.T * (L * L.T) * a)[0])
        hessian = a * a.T  # of exp(a'z), over its value
        trace = (L * L.T * hessian).trace()
        stated = 1 + factor * t * trace + t**2 * trace**2 / 8
        parts[f"d = {size}"] = identity(sympy.expand(mean - stated))
    return all_of(parts)


HALVINGS = tuple(range(4, 13))
"""s = 2^-4, ..., 2^-12; the fit uses the last three."""
SLOPE_TOLERANCE = 0.01
"""Of the slope 2. The next term is of relative size s; the measured slopes differ from 2 by 0.0016 at most."""


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="order",
    states="E[l(m + sqrt(s) eps)] - l(m) - s l''(m)/2 falls as s^2: slope 2 +- 0.01 on log axes, each remainder a ball",
    domain="l = (1/2 - tanh z)^2 5/2 and sigmoid z at m = 3/10, s = 2^-4, ..., 2^-12",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("without the 1/2", factor=Fraction(1)),
        control("without the trace", factor=Fraction(0)),
    ),
    tier="quick",
)
def remainder_has_second_order(run: Run, *, factor: Fraction = Fraction(1, 2)) -> Verdict:
    """A wrong factor leaves a term of first order, and the slope is 1."""
    parts = {}
    for name in ("(1/2 - tanh z)^2 5/2", "sigmoid z"):
        with working_precision(BITS):
            remainders = [_remainder(run, CURVES[name](), k, factor) for k in HALVINGS]
        sizes = np.log2(np.abs([float(r) for r in remainders]))
        slopes = -np.diff(sizes)
        parts[name] = equal(slopes[-3:], 2.0, SLOPE_TOLERANCE).with_data(
            s=[2.0**-k for k in HALVINGS], remainder=[float(r) for r in remainders]
        )
    return all_of(parts)


def _remainder(run: Run, curve: Curve, halvings: int, factor: Fraction) -> arb:
    line = Line(Fraction(3, 10), Fraction(1, 2**halvings))
    run.assume(definite_covariance, ball(line.variance))
    run.assume(slow_growth, curve.value, curve.slope, curve.bend)
    m = acb(ball(line.mean))
    trace = ball(factor * line.variance) * curve.bend(m).real
    return line.expectation(curve.value) - curve.value(m).real - trace
