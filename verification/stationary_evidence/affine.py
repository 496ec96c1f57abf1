"""S2: an affine decoder has exactly one stationary (m, S), and its ELBO is log p(x).

Whitening by R^-1 = L L' turns every Gaussian likelihood N(Wz + b, R) into N(L'Wz + L'b, I): the density only gains the
factor det L. So R = I below, and y = L'(x - b), W stands for L'W.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import sympy
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix, Symbol

from elboproof.checking import Run, Verdict, all_of, by_hand, control, identity, property_holds

from . import claim
from .hypotheses import affine_decoder, definite

SIZES = tuple((d, D) for d in (1, 2, 3) for D in (1, 2, 3))


def _symbols(d: int, D: int) -> tuple[ImmutableMatrix, ImmutableMatrix, ImmutableMatrix]:
    W = ImmutableMatrix(D, d, lambda i, j: Symbol(f"w{i}{j}", real=True))
    y = ImmutableMatrix([Symbol(f"y{i}", real=True) for i in range(D)])
    z = ImmutableMatrix([Symbol(f"z{i}", real=True) for i in range(d)])
    return W, y, z


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


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E_q[grad U] = A m - W'y and E_q[Hess U] = A = I + W'W for every q: linear in m, det A = 1 + the sum of "
        "all squared minors of W > 0, so S = A^-1, m = A^-1 W'y is the only stationary point"
    ),
    domain="every W, x, b and every Gaussian likelihood (whitened), d, D = 1, 2, 3",
    hypotheses=(affine_decoder, definite),
    controls=(
        control("A without the prior's I", precision=without_the_prior),
        control("A = I + 2 W'W", precision=doubled),
    ),
    tier="quick",
)
def one_stationary_point(run: Run, *, precision: Precision = posterior_precision) -> Verdict:
    """U is quadratic, so E_q[grad U] is the gradient at m, and the Hessian is the same everywhere."""
    parts = {}
    for d, D in SIZES:
        W, y, z = _symbols(d, D)
        run.assume(affine_decoder, (list(W * z), list(z)))
        energy = ((z.T * z)[0] + ((y - W * z).T * (y - W * z))[0]) / 2
        A = precision(W)
        minors = 1 + sum(
            W[list(rows), list(columns)].det() ** 2
            for size in range(1, min(d, D) + 1)
            for rows in combinations(range(D), size)
            for columns in combinations(range(d), size)
        )
        run.assume(definite, minors)
        slope = [energy.diff(z[i]) - (A * z - W.T * y)[i] for i in range(d)]
        bend = list(sympy.hessian(energy, list(z)) - A)
        parts[f"slope and bend, d = {d}, D = {D}"] = identity([sympy.expand(e) for e in [*slope, *bend]])
        parts[f"determinant, d = {d}, D = {D}"] = identity(sympy.expand(A.det() - minors))
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "at that point |m|^2 + |y - Wm|^2 = y'C^-1 y and det A = det C with C = I + WW': the ELBO is "
        "log N(x; b, R + WW')"
    ),
    domain="every W, x, b and every Gaussian likelihood (whitened), d, D = 1, 2, 3",
    hypotheses=(affine_decoder, definite),
    controls=(
        control("A without the prior's I", precision=without_the_prior),
        control("A = I + 2 W'W", precision=doubled),
    ),
    tier="quick",
)
def elbo_is_the_log_evidence(run: Run, *, precision: Precision = posterior_precision) -> Verdict:
    """tr(S A) = d cancels the entropy's d; the logs of 2 pi are the same on both sides. Polynomials, no inverses.

    With Am = W'y: |m|^2 + |y - Wm|^2 = m'(I + W'W)m - 2 m'W'y + |y|^2 = |y|^2 - y'W A^-1 W'y.
    """
    parts = {}
    for d, D in SIZES:
        W, y, z = _symbols(d, D)
        run.assume(affine_decoder, (list(W * z), list(z)))
        A, C = precision(W), sympy.eye(D) + W * W.T
        run.assume(definite, 1 + sum(w**2 for w in W))  # the trace of A - (d - 1) I; A >= I
        determinant = sympy.expand(A.det() - C.det())
        form = (y.T * y)[0] * A.det() - (y.T * W * A.adjugate() * W.T * y)[0] - (y.T * C.adjugate() * y)[0]
        parts[f"determinant, d = {d}, D = {D}"] = identity(determinant)
        parts[f"form, d = {d}, D = {D}"] = identity(sympy.expand(form))
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "C (I - W A^-1 W') = I, and two block factorisations of one matrix have the determinants det A and det C: "
        "C = I + WW', A = I + W'W"
    ),
    domain="matrices W of any size d, D: W and W' are symbols that do not commute",
    hypotheses=(affine_decoder, definite),
    controls=(control("A = I + 2 W'W", factor=2),),
    tier="quick",
)
def matrices_of_any_size(run: Run, *, factor: int = 1) -> Verdict:
    """A^-1 is a symbol with the one rule W'W A^-1 = I - A^-1, which is A A^-1 = I."""
    W, Wt, inverse = sympy.symbols("W Wt Ainv", commutative=False)
    z = Symbol("z", real=True)
    run.assume(affine_decoder, ([Symbol("w", real=True) * z], [z]))
    run.assume(definite, 1 + Symbol("w", real=True) ** 2)
    one = sympy.Integer(1)
    A, C = one + factor * Wt * W, one + W * Wt
    product = sympy.expand(C * (one - W * inverse * Wt))
    reduced = sympy.expand(product.subs(W * Wt * W * inverse, (W - W * inverse) / factor))
    blocks = sympy.Matrix([[one, Wt], [-W, one]])
    lower, upper = sympy.Matrix([[one, 0], [-W, one]]), sympy.Matrix([[one, Wt], [0, C]])
    other = sympy.Matrix([[A, Wt], [0, one]])
    return all_of(
        {
            "Woodbury": _vanishes(reduced - one),
            "det C": _vanishes(*(lower * upper - blocks)),
            "det A": _vanishes(*(other * lower - blocks)),
        }
    )


def _vanishes(*expressions: Expr) -> Verdict:
    """Decide that non-commutative polynomials are zero: their expanded form is unique, so it is exact both ways."""
    left = [sympy.expand(e) for e in expressions]
    wrong = [e for e in left if e != 0]
    if wrong:
        return by_hand(
            "symbolic", "refuted", f"{wrong[0]} is left, which is not the zero polynomial", str(wrong[0]), 0.0
        )
    return by_hand("symbolic", "established", "every entry expands to exactly 0", 0.0, 0.0)


RELATIVE = 1e-9
"""Condition numbers reach 1e4 and cost that factor of 2^-52; worst seen 4e-13."""


def gaussian_elbo(m: np.ndarray, S: np.ndarray, W: np.ndarray, y: np.ndarray, R: np.ndarray) -> float:
    """The ELBO of N(m, S), y = x - b, from expectations of quadratics."""
    P = np.linalg.inv(R)
    r = y - W @ m
    fit = r @ P @ r + np.trace(W.T @ P @ W @ S) + np.linalg.slogdet(2 * np.pi * R)[1]
    prior = m @ m + np.trace(S) + len(m) * np.log(2 * np.pi)
    entropy = np.linalg.slogdet(2 * np.pi * np.e * S)[1]
    return float(entropy - fit - prior) / 2


@claim.check(
    statement="S2",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "the ELBO at S = (I + W'R^-1 W)^-1, m = S W'R^-1 (x - b) is scipy's log N(x; b, R + WW'), and it is less "
        "at two other q"
    ),
    domain="100 generated models with full R, d and D up to 6, in float64",
    hypotheses=(definite,),
    controls=(
        control("S without the prior's I", prior=0.0),
        control("S twice as large", scale=2.0),
    ),
)
def generated_models_agree(run: Run, *, prior: float = 1.0, scale: float = 1.0) -> Verdict:
    """Here R is full: nothing is whitened."""
    from scipy.stats import multivariate_normal

    def agrees(d: int, D: int, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        W, y, root = rng.normal(size=(D, d)), rng.normal(size=D), rng.normal(size=(D, D))
        R = root @ root.T + 0.1 * np.eye(D)
        run.assume(definite, R)
        P = np.linalg.inv(R)
        S = scale * np.linalg.inv(prior * np.eye(d) + W.T @ P @ W + 1e-9 * np.eye(d) * (prior == 0))
        m = S @ W.T @ P @ y
        found = gaussian_elbo(m, S, W, y, R)
        stated = float(multivariate_normal(np.zeros(D), R + W @ W.T).logpdf(y))
        shift = 1e-2 * rng.normal(size=d)
        less = [gaussian_elbo(m + shift, S, W, y, R), gaussian_elbo(m, 1.1 * S, W, y, R)]
        return bool(abs(found - stated) <= RELATIVE * (1 + abs(stated)) and max(less) < found)

    sizes = st.integers(1, 6)
    return property_holds(
        sizes, sizes, st.integers(0, 2**32 - 1), property=agrees, examples=100, seed=run.integer_seed
    )
