"""S4: the law of total penalty; what is a spread, and what only looks like one."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy
from flint import arb
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_positive,
    control,
    identity,
    property_holds,
)

from .._shared.balls import ball, working_precision
from .._shared.symbols import covariance, symmetric, triangular
from . import claim
from .few_points import float_penalty, generated
from .hypotheses import definite_precisions, mean_preserving

SIZES = (1, 2)
BITS = 100
HALF = Rational(1, 2)


def penalty(weights: Sequence[Expr], matrices: Sequence[ImmutableMatrix]) -> Expr:
    """(1/2) (log|E A| - E log|A|), weights that add up to 1."""
    mean = sum((w * A for w, A in zip(weights[1:], matrices[1:], strict=True)), weights[0] * matrices[0])
    logs = sum(w * sympy.log(A.det()) for w, A in zip(weights, matrices, strict=True))
    return (sympy.log(mean.det()) - logs) / 2


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "P*(A) = P*(E[A|G]) + E[P*(A|G)] for G of two groups of two points; both terms are penalties, so not negative "
        "(S1), and the last is 0 only if A is constant in each group"
    ),
    domain=f"every four precisions and weights of two groups, all symbols, d = {', '.join(map(str, SIZES))}",
    hypotheses=(definite_precisions,),
    controls=(
        control("the groups' penalties without weights", weighted=False),
        control("the first group's mean for both", swapped=True),
    ),
    tier="quick",
)
def total_penalty(run: Run, *, weighted: bool = True, swapped: bool = False) -> Verdict:
    """Logarithms of equal determinants cancel; nothing else is needed."""
    parts = {}
    p, q, r = sympy.symbols("p q r", positive=True)
    group, inner = (p, 1 - p), ((q, 1 - q), (r, 1 - r))
    for d in SIZES:
        values = [[covariance(f"a{i}{j}", d) for j in range(2)] for i in range(2)]
        for A in (one for pair in values for one in pair):
            run.assume(definite_precisions, A)
        weights = [group[i] * inner[i][j] for i in range(2) for j in range(2)]
        whole = penalty(weights, [A for pair in values for A in pair])
        means = [inner[i][0] * values[i][0] + inner[i][1] * values[i][1] for i in range(2)]
        between = penalty(group, [means[0], means[0] if swapped else means[1]])
        within = sum((group[i] if weighted else HALF) * penalty(inner[i], values[i]) for i in range(2))
        parts[f"d = {d}"] = identity(sympy.expand(whole - between - within))
    return all_of(parts)


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "on A_t = A + t D with E D = 0: the slope of -(1/2) log|A_t| in t is -(1/2) tr(A_t^-1 D), whose mean is 0 at "
        "t = 0 where A_t is the constant mean, and its bend is (1/2) tr(A_t^-1 D A_t^-1 D) = (1/2) ||L^-1 D L'^-1||^2 "
        ">= 0, A_t = L L': P* rises with t"
    ),
    domain=f"every A and D, d = {', '.join(map(str, SIZES))}",
    hypotheses=(definite_precisions,),
    controls=(
        control("without the 1/2", refutes="*: bend", half=sympy.Integer(1)),
        control("tr(A^-2 D^2)", refutes="d = 2: norm", commuting=True),
        control("the other sign of the slope", refutes="*: slope", sign=1),
        control("twice the norm", refutes="*: norm", factor=2),
    ),
    tier="quick",
)
def along_a_spread(
    run: Run, *, half: Expr = HALF, commuting: bool = False, sign: int = -1, factor: int = 1
) -> Verdict:
    """P*(A_t) = (1/2) (log|E A_t| - E log|A_t|), and E A_t does not move."""
    parts, t = {}, Symbol("t", real=True)
    for d in SIZES:
        A, D, L = covariance("a", d), symmetric("d", d), triangular("l", d)
        run.assume(definite_precisions, A)
        moved = A + t * D
        inverse = moved.inv()
        cost = -sympy.log(moved.det()) / 2
        product = inverse * D * inverse * D
        parts[f"d = {d}: slope"] = identity(cost.diff(t) - sign * (inverse * D).trace() / 2)
        parts[f"d = {d}: bend"] = identity(cost.diff(t, 2) - half * product.trace())
        back = (L * L.T).inv()
        whole = (back * back * D * D if commuting else back * D * back * D).trace()
        turned = L.inv() * D * L.inv().T
        parts[f"d = {d}: norm"] = identity(whole - factor * sum(entry**2 for entry in turned))
    return all_of(parts)


Point = tuple[Fraction, Fraction]
"""A weight and a value."""


def number_penalty(points: Sequence[Point]) -> arb:
    """P* of a law of numbers."""
    mean = sum((ball(w) * ball(a) for w, a in points), arb(0))
    return (mean.log() - sum((ball(w) * ball(a).log() for w, a in points), arb(0))) / 2


def _law(*pairs: tuple[str, str]) -> tuple[Point, ...]:
    return tuple((Fraction(w), Fraction(a)) for w, a in pairs)


HALVES = _law(("1/2", "1/2"), ("1/2", "3/2"))
SKEWED = _law(("9/10", "83/100"), ("1/10", "253/100"))
APART = _law(("1/2", "1/4"), ("1/2", "7/4"))
NARROW = _law(("9/10", "93/100"), ("1/10", "163/100"))


def _variance(points: Sequence[Point]) -> Fraction:
    mean = sum((w * a for w, a in points), Fraction(0))
    return sum((w * (a - mean) ** 2 for w, a in points), Fraction(0))


PLACES = Fraction(1, 10**4)


@claim.check(
    statement="S4",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "variance alone does not order penalties: {1/2, 3/2} has variance .25 and P* .0719, {.83 with weight .9, 2.53 "
        "with .1} has the mean 1, variance .2601 and P* .0374, less; spreading 1/4 in {1/4, 7/4} to "
        "{1/16, 7/16} raises P*"
    ),
    domain="laws of numbers with mean 1",
    hypotheses=(mean_preserving,),
    controls=(
        control(
            "a law of larger variance at the same mean has the larger penalty", refutes="order", order=-1
        ),
        control(
            "the spread is of the variances 1/a", refutes="spread", drops=(mean_preserving,), variances=True
        ),
        control(
            "{.93, 1.63}, weights .9 and .1",
            refutes=("second", "larger variance"),
            second=NARROW,
        ),
        control("{.6, 1.4}", refutes=("first",), first=_law(("1/2", "3/5"), ("1/2", "7/5"))),
    ),
    tier="quick",
)
def not_by_variance(
    run: Run,
    *,
    order: int = 1,
    variances: bool = False,
    second: Sequence[Point] = SKEWED,
    first: Sequence[Point] = HALVES,
) -> Verdict:
    """The convex order of laws is what penalties respect (Strassen), and variance is one convex function only."""
    (_, small), large = APART
    spread = [(Fraction(1, 2), b) for b in _spread(small, variances)]
    run.assume(mean_preserving, [(small, spread)])
    wider = [*((w / 2, b) for w, b in spread), large]
    with working_precision(BITS):
        a, b = number_penalty(first), number_penalty(second)
        return all_of(
            {
                "first": ball_at_most(abs(a - ball("0.0719")), PLACES),
                "second": ball_at_most(abs(b - ball("0.0374")), PLACES),
                "larger variance": ball_positive(ball(_variance(second) - _variance(HALVES))),
                "order": ball_positive(order * (a - b)),
                "spread": ball_positive(number_penalty(wider) - number_penalty(APART)),
            }
        )


def _spread(a: Fraction, variances: bool) -> tuple[Fraction, Fraction]:
    """Return a (1 -+ 3/4); or the precisions of variances 1/a times 1 -+ 3/4, whose mean precision moves."""
    share = Fraction(3, 4)
    return (a / (1 - share), a / (1 + share)) if variances else (a * (1 - share), a * (1 + share))


EXAMPLES = 100
ROUNDED = 1e-9


@claim.check(
    statement="S4",
    role="confirms",
    method="property",
    relation=">=",
    states=(
        "spreading every A_n to A_n -+ t_n D_n, D_n in A_n's coordinates of norm below 1, raises P* by the mean of the "
        "groups' penalties, within 1e-9"
    ),
    domain=f"{EXAMPLES} generated laws, d = 1, 2, 3, spread by up to 0.9; float64",
    hypotheses=(definite_precisions,),
    controls=(
        control("twice the mean", refutes="total", factor=2.0),
        control("spread to one side only", refutes=("total", "rises"), one_sided=True),
    ),
    time_limit=120,
)
def generated_spreads(run: Run, *, factor: float = 1.0, one_sided: bool = False) -> Verdict:
    """One side only: the mean precision falls with it, and so may P*."""

    def holds(d: int, count: int, seed: int) -> dict[str, bool]:
        rng = np.random.default_rng(seed)
        weights, matrices = generated(d, count, 10.0, False, rng)
        run.assume(definite_precisions, matrices)
        roots = np.linalg.cholesky(matrices)
        D = rng.normal(size=matrices.shape)
        D = (D + D.transpose(0, 2, 1)) / 2
        D *= rng.uniform(0.1, 0.9, size=(count, 1, 1)) / np.linalg.norm(D, axis=(1, 2), keepdims=True)
        move = roots @ D @ roots.transpose(0, 2, 1)
        up, down = (
            matrices + (0 if one_sided else move),
            matrices - (_lower(matrices, count) if one_sided else move),
        )
        both = np.stack([up, down], 1).reshape(-1, d, d)
        spread = float_penalty(np.repeat(weights / 2, 2), both)
        halves = np.array([0.5, 0.5])
        inner = [float_penalty(halves, np.stack(pair)) for pair in zip(up, down, strict=True)]
        before = float_penalty(weights, matrices)
        return {
            "total": bool(abs(spread - before - factor * float(weights @ np.array(inner))) <= ROUNDED),
            "rises": bool(spread >= before - ROUNDED),
        }

    sizes, seeds = (st.integers(1, 3), st.integers(2, 5)), st.integers(0, 2**32 - 1)
    return property_holds(*sizes, seeds, property=holds, examples=EXAMPLES, seed=run.integer_seed)


def _lower(matrices: np.ndarray, count: int) -> np.ndarray:
    """Return 0.9 of what the second and later matrices exceed about the first one's size, so that they come closer."""
    sizes = np.linalg.slogdet(matrices)[1] / matrices.shape[1]
    shrink = 1 - np.exp(np.minimum(sizes.min() - sizes, 0))
    return np.asarray(0.9 * shrink.reshape(count, 1, 1) * matrices)
