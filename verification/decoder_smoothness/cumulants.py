"""S2: the derivatives of f* are joint cumulants under w(z), for symbols."""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from . import claim
from .hypotheses import definite_encoder, finite_data, shared_covariance
from .partitions import Joint, central_moment, cumulant, derivative, expectation

Z = sympy.symbols("z1 z2", real=True)
TOTAL = Symbol("t", positive=True)
"""The sum of the q_i, as a symbol of its own until the end: all is polynomial then."""


class Law:
    """N points: q_i(z) = n_i N(z; m_i, S_i) as symbols with the derivatives q_i l_i', l_i written out; D = 1."""

    def __init__(self, points: int, d: int, shared: bool, origin: bool = False) -> None:
        """Make the symbols; ``shared`` gives all points one precision matrix, ``origin`` puts x_1 and m_1 at 0."""
        self.z = Z[:d]
        self.x: tuple[Expr, ...] = sympy.symbols(f"x1:{points + 1}", real=True)
        self.codes: list[tuple[Expr, ...]] = [
            sympy.symbols(f"m{i}_1:{d + 1}", real=True) for i in range(points)
        ]
        if origin:
            self.x, self.codes[0] = (sympy.Integer(0), *self.x[1:]), (sympy.Integer(0),) * d
        self.precisions = [_precision(0 if shared else i, d) for i in range(points)]
        self.q = sympy.symbols(f"q1:{points + 1}", positive=True)
        self.logs = [self._log(i) for i in range(points)]

    def _log(self, i: int) -> Expr:
        u = sympy.Matrix([z - m for z, m in zip(self.z, self.codes[i], strict=True)])
        return sympy.expand(-(u.T * self.precisions[i] * u)[0] / 2)

    def slope(self, polynomial: Expr, axis: int) -> Expr:
        """Return the derivative in z of a polynomial in the q_i and z, by the chain rule."""
        z = self.z[axis]
        pairs = zip(self.q, self.logs, strict=True)
        return polynomial.diff(z) + sum(polynomial.diff(q) * q * log.diff(z) for q, log in pairs)

    def quotient_derivative(self, values: Sequence[Expr], axes: Sequence[int]) -> Expr:
        """Return (sum q_i)^(k+1) times the derivative of sum_i q_i x_i / sum_i q_i, by the rule for quotients."""
        top, bottom = sum(q * x for q, x in zip(self.q, values, strict=True)), sum(self.q)
        for k, axis in enumerate(axes):
            top = sympy.expand(self.slope(top, axis) * bottom - (k + 1) * top * self.slope(bottom, axis))
        return top

    def cleared(self, expression: Expr, power: int) -> Expr:
        """Return (sum q_i)^power times an expression in w_i = q_i / t, t the sum."""
        return sympy.expand(expression * TOTAL**power).subs(TOTAL, sum(self.q))

    def weights(self) -> list[Expr]:
        """w_i."""
        return [q / TOTAL for q in self.q]

    def along(self, axes: Sequence[int]) -> Callable[[tuple[int, ...]], list[Expr]]:
        """Return the derivative of each log density along a block of the directions ``axes``."""
        return lambda block: [log.diff(*(self.z[axes[k]] for k in block)) for log in self.logs]

    def natural(self, scale: int) -> list[Expr]:
        """S^-1 m_i, d = 1; with ``scale`` -1 it is S m_i, for controls."""
        return [p[0, 0] ** scale * code[0] for p, code in zip(self.precisions, self.codes, strict=True)]


def _precision(i: int, d: int) -> sympy.ImmutableMatrix:
    return sympy.ImmutableMatrix(
        d,
        d,
        lambda j, k: Symbol(f"p{i}_{max(j, k)}{min(j, k)}", real=True, positive=True if j == k else None),
    )


SHARED = ((2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3))
"""(N, k) with one variance, d = 1."""


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "D^k f* = kappa_{k+1}(x, S^-1 m, ..., S^-1 m) under w(z), for the k-th derivative by the rules for sums, "
        "products and quotients, from q_i' = q_i l_i'"
    ),
    domain=(
        "d = D = 1, every z, x, m, multiplicities and S > 0; N = 2, 3 points, k = 1, 2, 3 (x_1 = m_1 = 0 where N or "
        "k is 3, by a shift)"
    ),
    hypotheses=(shared_covariance, definite_encoder, finite_data),
    controls=(
        control("the central moment for the cumulant", refutes="*k = 3", joint=central_moment),
        control("S for S^-1", scale=-1),
        control("J without S^-1", refutes="*k = 1", scale=0),
    ),
)
def derivatives_are_cumulants(run: Run, *, joint: Joint = cumulant, scale: int = 1) -> Verdict:
    """Up to three variables the central moment is the cumulant: k = 3 tells them apart."""
    parts = {}
    for points, k in SHARED:
        law = Law(points, 1, shared=True, origin=3 in (points, k))
        _assume(run, law)
        run.assume(shared_covariance, [p[0, 0] for p in law.precisions])
        left = law.quotient_derivative(law.x, [0] * k)
        right = joint(law.weights(), [law.x, *[law.natural(scale)] * k])
        parts[f"N = {points}, k = {k}"] = identity(left - law.cleared(right, k + 1))
    return all_of(parts)


OWN: tuple[tuple[int, tuple[int, ...]], ...] = (
    (2, (0,)), (2, (0, 0)), (2, (0, 0, 0)), (3, (0, 0)), (2, (0, 1)), (2, (1,)),
)  # fmt: skip
"""(N, directions) with a covariance each: the latents are those that occur."""
AGREE = ("N = 2, along z1", "N = 2, along z2")
BEND = ("*z1 z1", "*z1 z1 z1", "*z1 z2")


def named(points: int, axes: Sequence[int]) -> str:
    """Return the name of a part."""
    return f"N = {points}, along {' '.join(f'z{axis + 1}' for axis in axes)}"


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "D^k f*[v_1..v_k] = sum over partitions of {1..k} into blocks of one or two of kappa(x, l^(B) : B), l^(B) the "
        "derivative of log q(z|x_i) along the block: J = Cov_w(x, grad log q), and so on"
    ),
    domain=(
        "a covariance for each point, every z, x, m, S_i and weight; N = 2 along z, z z, z z z and N = 3 along z z "
        "in d = 1 (x_1 = m_1 = 0 where there is a 3, by a shift); N = 2 along z2 and z1 z2 in d = 2"
    ),
    hypotheses=(definite_encoder, finite_data),
    controls=(
        control("without blocks of two", refutes=BEND, largest=1),
        control("no mean taken off: moments for cumulants", joint=expectation),
    ),
)
def partition_formula(run: Run, *, largest: int = 2, joint: Joint = cumulant) -> Verdict:
    """Log densities are quadratic, so blocks of three and more vanish."""
    parts = {}
    for points, axes in OWN:
        law = Law(points, max(axes) + 1, shared=False, origin=3 in (points, len(axes)))
        _assume(run, law)
        left = law.quotient_derivative(law.x, axes)
        right = derivative(law.weights(), law.x, law.along(axes), len(axes), joint, largest)
        parts[named(points, axes)] = identity(left - law.cleared(right, len(axes) + 1))
    return all_of(parts)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="if x = m then f* = z + S grad log q(z) (Tweedie), and J S = Cov_w(m) is symmetric and not negative",
    domain="N = 2, 3 points, one shared variance, d = D = 1; N = 2 in d = D = 2 with a shared covariance matrix",
    hypotheses=(shared_covariance, definite_encoder, finite_data),
    controls=(
        control("S^-1 for S in front of the score", refutes="mean*", power=-1),
        control("J S with half the covariance", refutes="slope*", share=sympy.Rational(1, 2)),
    ),
)
def tweedie(run: Run, *, power: int = 1, share: Expr | int = 1) -> Verdict:
    """Log q(z) is the logarithm of the denominator of f*."""
    parts = {}
    for points, d in ((2, 1), (3, 1), (2, 2)):
        law = Law(points, d, shared=True)
        _assume(run, law)
        run.assume(shared_covariance, [tuple(p) for p in law.precisions])
        S, total, last = law.precisions[0].inv(), sum(law.q), d - 1
        score = sympy.Matrix([law.slope(total, axis) / total for axis in range(d)])
        codes = [[code[j] for code in law.codes] for j in range(d)]
        for j, column in enumerate(codes):
            average = sum(q * m for q, m in zip(law.q, column, strict=True)) / total
            parts[f"mean, N = {points}, d = {d}, j = {j}"] = identity(
                average - law.z[j] - (S**power * score)[j]
            )
        row = [law.quotient_derivative(codes[0], [k]) for k in range(d)]
        pulled = sum(row[k] * S[k, last] for k in range(d))
        pair = law.cleared(cumulant(law.weights(), [codes[0], codes[last]]), 2)
        parts[f"slope, N = {points}, d = {d}"] = identity(pulled - share * pair)
    return all_of(parts)


def _assume(run: Run, law: Law) -> None:
    run.assume(finite_data, law.x)
    for precision in law.precisions:
        run.assume(definite_encoder, precision)
