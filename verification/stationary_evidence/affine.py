"""S2: an affine decoder has exactly one stationary (m, S), and its ELBO is log p(x).

Whitening by R^-1 = L L' turns every Gaussian likelihood N(Wz + b, R) into N(L'Wz + L'b, I): the density only gains the
factor det L. So R = I below, and y = L'(x - b), W stands for L'W.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import sympy
from sympy import Expr, ImmutableMatrix, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector, normal_expectation, triangular
from .._shared.verdicts import words_equal
from . import claim
from .hypotheses import affine_decoder, definite

LATENTS = OUTPUTS = (1, 2, 3)
WHITENED = (
    "every W, x, b and every Gaussian likelihood (whitened), "
    f"d = {', '.join(map(str, LATENTS))} and D = {', '.join(map(str, OUTPUTS))}"
)

Precision = Callable[[ImmutableMatrix], ImmutableMatrix]


def posterior_precision(W: ImmutableMatrix) -> ImmutableMatrix:
    """A = I + W'W."""
    return sympy.eye(W.cols) + W.T * W


def without_the_prior(W: ImmutableMatrix) -> ImmutableMatrix:
    """W'W: the prior's I forgotten."""
    return W.T * W


def doubled(W: ImmutableMatrix) -> ImmutableMatrix:
    """I + 2 W'W."""
    return sympy.eye(W.cols) + 2 * W.T * W


def squared_minors(W: ImmutableMatrix) -> Expr:
    """1 + the sum of all squared minors of W: det(I + W'W) by Cauchy and Binet, positive as it is written."""
    D, d = W.shape
    return 1 + sum(
        W[list(rows), list(columns)].det() ** 2
        for size in range(1, min(d, D) + 1)
        for rows in combinations(range(D), size)
        for columns in combinations(range(d), size)
    )


def energy(W: ImmutableMatrix, y: ImmutableMatrix, z: ImmutableMatrix) -> Expr:
    """U = (|z|^2 + |y - Wz|^2) / 2, without the logarithms of 2 pi."""
    residual = y - W * z
    return ((z.T * z)[0] + (residual.T * residual)[0]) / 2


def _instances(run: Run) -> Iterator[tuple[str, ImmutableMatrix, ImmutableMatrix, ImmutableMatrix]]:
    """Yield a name, W, y and z of symbols for each d and D; the decoder is affine and det A > 0."""
    for d in LATENTS:
        for D in OUTPUTS:
            W = ImmutableMatrix(D, d, lambda i, j: Symbol(f"w{i}{j}", real=True))
            y, z = free_vector("y", D), free_vector("z", d)
            run.assume(affine_decoder, (list(W * z), list(z)))
            run.assume(definite, squared_minors(W))
            yield f"d = {d}, D = {D}", W, y, z


A_CONTROLS = (
    control("A without the prior's I", refutes=("*, d = *",), precision=without_the_prior),
    control("A = I + 2 W'W", refutes=("*, d = *",), precision=doubled),
)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "grad U = A z - W'y and Hess U = A = I + W'W, so that E_q[grad U] = A m - W'y and E_q[Hess U] = A for every q; "
        "det A = 1 + the sum of all squared minors of W > 0, so S = A^-1, m = A^-1 W'y is the only stationary point"
    ),
    domain=WHITENED,
    hypotheses=(affine_decoder, definite),
    controls=A_CONTROLS,
    tier="quick",
)
def one_stationary_point(run: Run, *, precision: Precision = posterior_precision) -> Verdict:
    """U is quadratic, so its expected gradient is the gradient at m, and its Hessian is the same everywhere."""
    parts = {}
    for name, W, y, z in _instances(run):
        U, A = energy(W, y, z), precision(W)
        slope = [U.diff(t) - right for t, right in zip(z, A * z - W.T * y, strict=True)]
        parts[f"slope and bend, {name}"] = identity([*slope, *(sympy.hessian(U, list(z)) - A)])
        parts[f"determinant, {name}"] = identity(A.det() - squared_minors(W))
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E_q[U] = (|y|^2 - m'W'y + m'(A m - W'y) + tr(S A)) / 2 for every q = N(m, S), so (y'C^-1 y + d) / 2 at "
        "S = A^-1, m = A^-1 W'y, and det A = det C, C = I + WW': the ELBO there is log N(x; b, R + WW')"
    ),
    domain=WHITENED,
    hypotheses=(affine_decoder, definite),
    controls=(
        *A_CONTROLS,
        control("the entropy (1/2) log det(2 pi S)", refutes="logarithms", unit=0),
    ),
    tier="quick",
)
def elbo_is_the_log_evidence(
    run: Run, *, precision: Precision = posterior_precision, unit: int = 1
) -> Verdict:
    """Each step is decided; A^-1 and C^-1 are cleared by their determinants, so that all are polynomials."""
    parts = {"logarithms": identity(_logarithms(unit))}
    for name, W, y, _ in _instances(run):
        D, d = W.shape
        A, C = precision(W), sympy.eye(D) + W * W.T
        m, L, eps = free_vector("m", d), triangular("l", d), free_vector("e", d)
        expected = normal_expectation(energy(W, y, m + L * eps), eps)
        square, projected = (y.T * y)[0], W.T * y
        stated = square - (m.T * projected)[0] + (m.T * (A * m - projected))[0] + (L * L.T * A).trace()
        form = square * A.det() - (projected.T * A.adjugate() * projected)[0] - (y.T * C.adjugate() * y)[0]
        parts[f"energy, {name}"] = identity(expected - stated / 2)
        parts[f"form, {name}"] = identity(form)
        parts[f"determinant, {name}"] = identity(A.det() - C.det())
    return all_of(parts)


def _logarithms(unit: int) -> Expr:
    """ELBO - log N(y; 0, C) with E_q[U] = (F + d) / 2, F = y'C^-1 y, det S = 1 / a, det C = a; ``unit`` is log e."""
    d, D, a = sympy.symbols("d D a", positive=True)
    F, turn = Symbol("F", real=True), sympy.log(2 * sympy.pi)
    elbo = -(F + d) / 2 - (D + d) * turn / 2 + (d * (turn + unit) - sympy.log(a)) / 2
    return elbo + (F + D * turn + sympy.log(a)) / 2


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "C (I - W A^-1 W') = I, and two block factorisations of one matrix have the determinants det A and det C: "
        "C = I + WW', A = I + W'W"
    ),
    domain="matrices W of any size: W and W' are symbols that do not commute",
    hypotheses=(affine_decoder, definite),
    controls=(
        control("A = I + 2 W'W", refutes=("Woodbury", "det A"), inner=2),
        control("C = I + 2 WW'", refutes=("Woodbury", "det C"), outer=2),
    ),
    tier="quick",
)
def matrices_of_any_size(run: Run, *, inner: int = 1, outer: int = 1) -> Verdict:
    """A^-1 is a symbol with the one rule W'W A^-1 = I - A^-1, which is A A^-1 = I."""
    W, Wt, inverse = sympy.symbols("W Wt Ainv", commutative=False)
    z = Symbol("z", real=True)
    run.assume(affine_decoder, ([Symbol("w", real=True) * z], [z]))
    run.assume(definite, squared_minors(ImmutableMatrix([[Symbol("w", real=True)]])))
    one = sympy.Integer(1)
    A, C = one + inner * Wt * W, one + outer * W * Wt
    product = sympy.expand(C * (one - W * inverse * Wt))
    reduced = product.subs(W * Wt * W * inverse, (W - W * inverse) / inner)
    blocks = sympy.Matrix([[one, Wt], [-W, one]])
    lower, upper = sympy.Matrix([[one, 0], [-W, one]]), sympy.Matrix([[one, Wt], [0, C]])
    other = sympy.Matrix([[A, Wt], [0, one]])
    return all_of(
        {
            "Woodbury": words_equal(reduced - one),
            "det C": words_equal(*(lower * upper - blocks)),
            "det A": words_equal(*(other * lower - blocks)),
        }
    )
