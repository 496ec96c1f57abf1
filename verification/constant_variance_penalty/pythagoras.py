"""S1: what one covariance costs, its least value, and what changes it and what does not."""

import sympy
from sympy import Expr, ImmutableMatrix, Integer, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector, normal_expectation, symmetric, triangular
from . import claim
from .hypotheses import definite_precisions

SIZES = (1, 2, 3)
EVERY_LAW = f"every law of A with E A = M and E log|A| = l, both symbols; d = {', '.join(map(str, SIZES))}"
HALF, QUARTER, ONE = Rational(1, 2), Rational(1, 4), Integer(1)


def log_determinant(factor: ImmutableMatrix) -> Expr:
    """log|L L'| = 2 sum log L_jj."""
    return 2 * sympy.Add(*(sympy.log(entry) for entry in factor.diagonal()))


def cost(S: ImmutableMatrix, log_s: Expr, mean: ImmutableMatrix, mean_log: Expr) -> Expr:
    """P(S) = (1/2) E[tr(S A) - log|S A| - d], linear in A and log|A|."""
    return ((S * mean).trace() - log_s - mean_log - S.rows) / 2


def divergence(factor: ImmutableMatrix, inner: ImmutableMatrix) -> Expr:
    """KL(N(0, L L') || N(0, (K K')^-1)), from the densities' logarithms and the moments of z = L e."""
    e = free_vector("e", factor.rows)
    shift = inner.T * factor * e
    halves = ((shift.T * shift)[0] - (e.T * e)[0]) / 2  # z'K K'z and z'S^-1 z = e'e
    return normal_expectation(halves, e) - log_determinant(factor) / 2 - log_determinant(inner) / 2


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states="P(S) = (1/2) (log|M| - l) + KL(N(0, S) || N(0, M^-1)) for every S; and log|S A| = log|S| + log|A|",
    domain=EVERY_LAW,
    hypotheses=(definite_precisions,),
    controls=(
        control("KL with its arguments exchanged", refutes="P(S)*", exchanged=True),
        control("the penalty without the 1/2", refutes="P(S)*", factor=Integer(1)),
        control("|S A| = |S| |A|^2", refutes="determinants*", power=2),
    ),
    tier="quick",
)
def pythagoras(run: Run, *, exchanged: bool = False, factor: Expr = HALF, power: int = 1) -> Verdict:
    """KL is computed from densities; that it is positive but at S = M^-1 is `divergence_is_positive`."""
    parts = {}
    for d in SIZES:
        L, K, mean_log = triangular("l", d), triangular("k", d), Symbol("l", real=True)
        S, M = L * L.T, K * K.T
        run.assume(definite_precisions, M)
        least = factor * (log_determinant(K) - mean_log)
        far = divergence(K.inv().T, L.inv().T) if exchanged else divergence(L, K)
        stated = cost(S, log_determinant(L), M, mean_log) - least - far
        A = symmetric("a", d)
        parts[f"P(S), d = {d}"] = identity(sympy.expand_log(stated, force=False))
        parts[f"determinants, d = {d}"] = identity((S * A).det() - S.det() * A.det() ** power)
    return all_of(parts)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "2 KL = sum over i > j of T_ij^2 + sum of c(T_jj^2), T lower triangular with T T' = K'S K, c(t) = t - 1 - "
        "log t with c(1) = c'(1) = 0 and c'' = 1 / t^2 > 0: it is 0 only at T = I, so only S* = M^-1 is best"
    ),
    domain=f"every positive definite S and M, d = {', '.join(map(str, SIZES))}",
    hypotheses=(definite_precisions,),
    controls=(
        control("without the entries beside the diagonal", refutes=("KL, d = 2", "KL, d = 3"), beside=0),
        control("c without - 1", refutes=("KL*", "value at 1"), one=0),
        control("c of t/2", refutes=("KL*", "value at 1", "slope at 1"), half=HALF),
        control("c'' = 1/t", refutes="second derivative", power=1),
    ),
    tier="quick",
)
def divergence_is_positive(
    run: Run, *, beside: int = 1, one: int = 1, half: Expr = ONE, power: int = 2
) -> Verdict:
    """K' S K is positive definite, so it is T T' for a triangular T; KL depends on it alone."""
    parts = {}
    t = Symbol("t", positive=True)

    def c(value: Expr) -> Expr:
        return half * value - one - sympy.log(half * value)

    for d in SIZES:
        T = triangular("t", d)
        run.assume(definite_precisions, T * T.T)
        doubled = 2 * divergence(T, ImmutableMatrix.eye(d))
        off = sum(T[i, j] ** 2 for i in range(d) for j in range(i))
        stated = beside * off + sum(c(entry**2) for entry in T.diagonal())
        parts[f"KL, d = {d}"] = identity(sympy.expand_log(doubled - stated))
    parts["value at 1"] = identity(c(t).subs(t, 1))
    parts["slope at 1"] = identity(c(t).diff(t).subs(t, 1))
    parts["second derivative"] = identity(c(t).diff(t, 2) - t**-power)
    return all_of(parts)


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "A -> C'AC with S -> C^-1 S C'^-1 changes neither tr(S A) nor |S A|; |C'A C| = |C|^2 |A|, so P* does not "
        "change"
    ),
    domain=f"every invertible C, every symmetric A, d = {', '.join(map(str, SIZES[:2]))}",
    hypotheses="none",
    controls=(
        control("A -> C A C'", refutes=("trace, d = 2",), turned=True),
        control("S -> C S C'", refutes="trace*", inverse=False),
        control("|C'AC| = |C| |A|", refutes="determinant*", power=1),
    ),
    tier="quick",
)
def congruence_changes_nothing(
    run: Run,  # noqa: ARG001
    *,
    turned: bool = False,
    inverse: bool = True,
    power: int = 2,
) -> Verdict:
    """The latents are renamed; S is the covariance in the new names."""
    parts = {}
    for d in SIZES[:2]:
        C = ImmutableMatrix(d, d, lambda i, j: Symbol(f"c{i}{j}", real=True))
        A, S = symmetric("a", d), symmetric("s", d)
        new = C * A * C.T if turned else C.T * A * C
        moved = C.inv() * S * C.inv().T if inverse else C * S * C.T
        parts[f"trace, d = {d}"] = identity((moved * new).trace() - (S * A).trace())
        parts[f"determinant, d = {d}"] = identity(new.det() - C.det() ** power * A.det())
    return all_of(parts)


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "over diagonal S the slopes of P vanish at s_j = 1 / M_jj only, and P bends up; the least value exceeds P* "
        "by (1/2) (sum of log M_jj - log|M|), and M_jj is K_jj^2 plus squares (Hadamard)"
    ),
    domain=f"{EVERY_LAW}; M = K K'",
    hypotheses=(definite_precisions,),
    controls=(
        control("s_j = (M^-1)_jj", refutes=("slopes, d = 2", "excess, d = 2"), marginal=True),
        control("without the 1/2", refutes=("excess, d = 2", "excess, d = 3"), factor=Integer(1)),
        control("M_jj = K_jj^2", refutes=("Hadamard, d = 2", "Hadamard, d = 3"), squares=0),
        control("bent by 1 / s^2", refutes="bend*", bend=Integer(1)),
        control("M_jj doubled", refutes=("slopes*", "excess*", "Hadamard*"), scale=2),
    ),
    tier="quick",
)
def diagonal_covariances(
    run: Run,
    *,
    marginal: bool = False,
    factor: Expr = HALF,
    squares: int = 1,
    bend: Expr = HALF,
    scale: int = 1,
) -> Verdict:
    """The slope in s_j is (M_jj - 1/s_j) / 2, which has one zero."""
    parts = {}
    for d in SIZES:
        K, mean_log = triangular("k", d), Symbol("l", real=True)
        M = K * K.T
        run.assume(definite_precisions, M)
        s = sympy.symbols(f"s:{d}", positive=True)
        value = cost(sympy.diag(*s), sum(map(sympy.log, s)), M, mean_log)
        best = [M.inv()[j, j] if marginal else 1 / (scale * M[j, j]) for j in range(d)]
        at = dict(zip(s, best, strict=True))
        excess = value.subs(at) - (log_determinant(K) - mean_log) / 2
        stated = factor * (sum(sympy.log(scale * M[j, j]) for j in range(d)) - log_determinant(K))
        parts[f"slopes, d = {d}"] = identity([value.diff(one).subs(at) for one in s])
        parts[f"bend, d = {d}"] = identity([value.diff(one, 2) - bend / one**2 for one in s])
        parts[f"excess, d = {d}"] = identity(sympy.expand_log(excess - stated))
        parts[f"Hadamard, d = {d}"] = identity(
            [scale * M[j, j] - K[j, j] ** 2 - squares * sum(K[j, k] ** 2 for k in range(j)) for j in range(d)]
        )
    return all_of(parts)
