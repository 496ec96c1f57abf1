"""S3: what stationarity in S says about the decoder's Hessian, and what the noise adds to the loss."""

from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr, Function, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_slope, control, identity

from .._shared.balls import Line, ball, working_precision
from .._shared.symbols import (
    along,
    covariance,
    direction,
    free_vector,
    generating_function,
    symmetric,
    triangular,
)
from . import claim
from .hypotheses import constant_variance, definite_covariance, slow_growth, smooth_decoder
from .integrals import BITS, CURVES, GAUSSIANS, LINES, WIDTH, WITHIN, Curve

HALF, EIGHTH = Rational(1, 2), Rational(1, 8)
SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2))
DIMENSIONS = (1, 2, 3)
D_TEXT = f"d = {', '.join(map(str, DIMENSIONS))}"


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states="Hess U = I + (J'J - sum_i (x_i - f_i) Hess f_i) / sigma^2",
    domain=f"undefined functions f, every x and sigma; (d, D) = {', '.join(map(str, SHAPES))}",
    hypotheses=(smooth_decoder, constant_variance),
    controls=(
        control("Gauss-Newton: without the Hessians of f", curved=0),
        control("the residual's sign turned", curved=-1),
        control("without the prior's I", prior=0),
    ),
    tier="quick",
)
def hessian_of_the_energy(run: Run, *, curved: int = 1, prior: int = 1) -> Verdict:
    """The f_i are undefined functions, so nothing is assumed about the decoder but two derivatives."""
    variance = Symbol("v", positive=True)
    run.assume(constant_variance, variance)
    parts = {}
    for d, D in SHAPES:
        z, x = free_vector("z", d), free_vector("x", D)
        f = sympy.Matrix([Function(f"f{i}", real=True)(*z) for i in range(D)])
        run.assume(smooth_decoder, list(f))
        residual = x - f
        energy = (z.T * z)[0] / 2 + (residual.T * residual)[0] / (2 * variance)
        J = f.jacobian(z)
        second = sum((residual[i] * sympy.hessian(f[i], list(z)) for i in range(D)), sympy.zeros(d))
        stated = prior * sympy.eye(d) + (J.T * J - curved * second) / variance
        defect = (sympy.hessian(energy, list(z)) - stated).doit()
        names = {g: sympy.Dummy(real=True) for e in defect for g in e.atoms(sympy.Derivative, *_applied(e))}
        parts[f"d = {d}, D = {D}"] = identity([e.xreplace(names) for e in defect])
    return all_of(parts)


def _applied(expression: Expr) -> set[type]:
    """The undefined functions of an expression; their values become symbols, as the identity is algebraic."""
    return {type(g) for g in expression.atoms(sympy.core.function.AppliedUndef)}


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the ELBO's derivative along H is 1/2 tr(H M), M = S^-1 - E_q[Hess U]; along H = M this is half the sum of the "
        "squares of M, so it is zero for every H if and only if S^-1 = E_q[Hess U]"
    ),
    domain=f"U a quadratic form plus exp(a'z), symbols for A, a, m and S, {D_TEXT}; symmetric M",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("entropy without the 1/2", refutes="along*", entropy=Rational(1)),
        control("S for S^-1", refutes="along*", inverse=False),
        control("E_q[Hess U] without the quadratic form", refutes="along*", form=0),
        control("M by M instead of M by M'", refutes=["squares, d = 2", "squares, d = 3"], lopsided=True),
        control("half of the squares", refutes="squares*", squares=HALF),
    ),
    tier="quick",
)
def elbo_along_a_direction(
    run: Run,
    *,
    entropy: Expr = HALF,
    inverse: bool = True,
    form: int = 1,
    lopsided: bool = False,
    squares: Expr = sympy.S.One,
) -> Verdict:
    """E_q[U] = m'Am/2 + tr(SA)/2 + exp(a'm + a'Sa/2), and H[q] = log det S / 2 + constant; all times det S."""
    parts = {}
    for size in DIMENSIONS:
        a, m, S, H = free_vector("a", size), free_vector("m", size), covariance("s", size), direction(size)
        A = symmetric("c", size)
        run.assume(definite_covariance, S)
        run.assume(slow_growth, *a)
        wave, determinant = generating_function(a, m, S), S.det(method="berkowitz")
        energy = ((m.T * A * m)[0] + (S * A).trace()) / 2 + wave
        moved = entropy * along(determinant, S, H) - determinant * along(energy, S, H)
        precision = S.adjugate() if inverse else determinant * S
        stated = (H * (precision - determinant * (form * A + a * a.T * wave))).trace() / 2
        parts[f"along, d = {size}"] = identity((moved - stated).subs(wave, Symbol("wave", positive=True)))
        M = _matrix("m", size) if lopsided else symmetric("m", size)
        parts[f"squares, d = {size}"] = identity((M * M).trace() - squares * sum(entry**2 for entry in M))
    return all_of(parts)


def _matrix(name: str, size: int) -> sympy.ImmutableMatrix:
    return sympy.ImmutableMatrix(size, size, lambda i, j: Symbol(f"{name}{i}{j}", real=True))


DATUM, VARIANCE = Fraction(1, 2), Fraction(1, 5)
DECODERS = ("tanh z", "tanh 3z")


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=f"d ELBO/ds = 1/2 (1/s - 1 - E_q[f'^2 - (x - f) f''] / sigma^2), integrated apart, within {WITHIN}",
    domain=f"f = {', '.join(DECODERS)}; x = {DATUM}, sigma^2 = {VARIANCE}; q = {GAUSSIANS}",
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
    with working_precision(BITS):
        run.assume(constant_variance, VARIANCE)
        for name in DECODERS:
            f = CURVES[name]()
            run.assume(smooth_decoder, [f.bend])
            for line in LINES:
                run.assume(definite_covariance, ball(line.variance))
                defect = _elbo_slope(line, f) - _stated_slope(line, f, curved, prior)
                parts[f"{name}, {line}"] = ball_equal(defect, WIDTH)
    return all_of(parts)


def _elbo_slope(line: Line, f: Curve) -> arb:
    def energy(z: acb) -> acb:
        r = ball(DATUM) - f.value(z)
        return z * z / 2 + r * r / (2 * ball(VARIANCE))

    return 1 / (2 * ball(line.variance)) - line.variance_slope(energy)


def _stated_slope(line: Line, f: Curve, curved: int, prior: int) -> arb:
    def integrand(z: acb) -> acb:
        return f.slope(z) * f.slope(z) - curved * (ball(DATUM) - f.value(z)) * f.bend(z)

    return (1 / ball(line.variance) - prior - line.expectation(integrand) / ball(VARIANCE)) / 2


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the Taylor coefficients of E[l(m + sqrt(t) L eps)] at t = 0 are l(m), 1/2 tr(S Hess l(m)) and "
        "1/8 D^4 l(m)[S, S], S = L L'"
    ),
    domain=f"l = exp(a'z), symbols for a, m and L, {D_TEXT}",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("without the 1/2", refutes="t, *", factor=Rational(1)),
        control("1/3 for 1/2", refutes="t, *", factor=Rational(1, 3)),
        control("1/4 for 1/8", refutes="t^2, *", fourth=Rational(1, 4)),
        control("l(m) for t = 1", refutes="1, *", at=1),
    ),
    tier="quick",
)
def noise_adds_half_a_trace(run: Run, *, factor: Expr = HALF, fourth: Expr = EIGHTH, at: int = 0) -> Verdict:
    """With t S in place of S the mean is exp(a'm + t a'Sa/2); all derivatives are SymPy's."""
    t = Symbol("t", positive=True)
    parts = {}
    for size in DIMENSIONS:
        a, m, L = free_vector("a", size), free_vector("m", size), triangular("l", size)
        S = L * L.T
        run.assume(definite_covariance, S)
        run.assume(slow_growth, *a)
        loss = sympy.exp((a.T * m)[0])
        trace = _contracted(loss, m, S)
        stated = {"1": loss, "t": factor * trace, "t^2": fourth * _contracted(trace, m, S)}
        mean = generating_function(a, m, t * S)
        for k, (power, coefficient) in enumerate(stated.items()):
            taylor = mean.diff(t, k).subs(t, at) / sympy.factorial(k)
            parts[f"{power}, d = {size}"] = identity((taylor - coefficient) / loss)
    return all_of(parts)


def _contracted(scalar: Expr, m: sympy.ImmutableMatrix, S: sympy.ImmutableMatrix) -> Expr:
    """tr(S Hess), whose square is D^4 with S put in twice."""
    return (S * sympy.hessian(scalar, list(m))).trace()


HALVINGS = tuple(range(4, 13))
"""s = 2^-4, ..., 2^-12."""
MEAN = Fraction(3, 10)
LOSSES = ("(1/2 - tanh z)^2 5/2", "sigmoid z")
NEXT_TERM = 2.5
"""A step from s to s/2 may differ by this times s from the slope 2: the next term is of relative size s."""


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "|E[l(m + sqrt(s) eps)] - l(m) - s l''(m)/2|, a ball for each s, falls as s^2: between successive s the slope "
        f"on log axes is 2 within {NEXT_TERM:g} times the larger s"
    ),
    domain=f"l = {' and '.join(LOSSES)} at m = {MEAN}, s = 2^-{HALVINGS[0]}, ..., 2^-{HALVINGS[-1]}",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("without the 1/2", factor=Fraction(1)),
        control("0.505 for 1/2", factor=Fraction(101, 200)),
        control("without the trace", factor=Fraction(0)),
    ),
    tier="quick",
)
def remainder_has_second_order(run: Run, *, factor: Fraction = Fraction(1, 2)) -> Verdict:
    """A wrong factor leaves a term of first order. A remainder that is lost in its radius has no slope."""
    parts = {}
    scales = [Fraction(1, 2**k) for k in HALVINGS]
    within = [NEXT_TERM * float(s) for s in scales[:-1]]
    for name in LOSSES:
        with working_precision(BITS):
            remainders = [_remainder(run, CURVES[name](), s, factor) for s in scales]
            verdict = ball_slope(scales, [abs(r) for r in remainders], 2, within)
        parts[name] = verdict.with_data(
            s=[float(s) for s in scales], remainder=[float(r) for r in remainders]
        )
    return all_of(parts)


def _remainder(run: Run, curve: Curve, variance: Fraction, factor: Fraction) -> arb:
    line = Line(MEAN, variance)
    run.assume(definite_covariance, ball(variance))
    run.assume(slow_growth, curve.value, curve.slope, curve.bend)
    m = acb(ball(line.mean))
    trace = ball(factor * variance) * curve.bend(m).real
    return line.expectation(curve.value) - curve.value(m).real - trace
