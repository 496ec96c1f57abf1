"""S3: the joint law of the two arg maxima."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import acb, arb

from elboproof.checking import (
    Route,
    Run,
    Verdict,
    all_of,
    ball_equal,
    control,
    identity,
    mean_equals,
    property_holds,
    routes_agree,
)

from .._shared.balls import working_precision
from . import claim
from .estimators import backwards, direct, fresh_noise, gumbels
from .hypotheses import positive_step, positive_weights
from .laws import TOY, TOY_TEXT, Estimator, Numbers, both_sides, joint, shares, total, unchanged

BITS = 200
SIZES = (2, 3, 4)
Law = Callable[[Numbers, Numbers], list[list[Any]]]


def falling(weights: Numbers, ratios: Numbers) -> list[list[Any]]:
    """Return the law with sum_k w_k max(1, u_i/u_k) on the diagonal."""
    rows = joint(weights, ratios)
    for i, w in enumerate(weights):
        rows[i][i] = w / total([v * (ratios[i] / ratios[k] if k < i else 1) for k, v in enumerate(weights)])
    return rows


def without_kinks(weights: Numbers, ratios: Numbers) -> list[list[Any]]:
    """Return the law with W taken as affine from 1 to V."""
    rows = joint(weights, ratios)
    for i, w in enumerate(weights):
        for j in range(i + 2, len(weights)):
            rows[i][j] = joint([w, weights[j]], [ratios[i], ratios[j]])[0][1]
    return rows


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "P(z_opt = z_eps = i) = w_i / sum_k w_k max(1, u_k/u_i) = 1/(1 + sum_{k != i} exp(a_k - a_i + eps max(0, f_k - "
        "f_i))), and for f_j > f_i P(z_opt = i, z_eps = j) = w_i w_j int_1^{u_j/u_i} dv / W(v)^2, W(v) = sum_k w_k "
        "max(1, v u_k/u_j), a sum over the kinks of W, and 0 for f_j <= f_i: rows sum to softmax(a), columns to "
        "softmax(a + eps f); int_0^inf t exp(-t W) dt = 1/W^2, and over a piece on which W is affine int dv / W^2 is "
        "its length over the product of the ends"
    ),
    domain=f"every a, f, eps; K = {', '.join(map(str, SIZES))} categories, w_k = exp(a_k), u_k = exp(eps f_k)",
    hypotheses=(positive_weights,),
    controls=(
        control("max(0, f_i - f_k)", refutes=["row*", "column*"], law=falling),
        control("without the kinks", refutes=["row 0, K = [34]", "column 2, K = 3"], law=without_kinks),
        control("t exp(-t W) without t", refutes="inner", power=0),
        control("without the slope of W", refutes=["piece*"], sloped=0),
    ),
    tier="quick",
)
def the_joint_law(run: Run, *, law: Law = joint, power: int = 1, sloped: int = 1) -> Verdict:
    """The derivation stands in the docstring of the module of laws."""
    t, W, alpha, beta, low, length = sympy.symbols("t W alpha beta low length", positive=True)
    inner = sympy.integrate(t**power * sympy.exp(-t * W), (t, 0, sympy.oo))
    antiderivative = -1 / (beta**sloped * (alpha + beta * t))
    over = antiderivative.subs(t, low + length) - antiderivative.subs(t, low)
    ends = (alpha + beta * low) * (alpha + beta * (low + length))
    parts = {
        "inner": identity(inner - 1 / W**2),
        "piece, slope": identity(antiderivative.diff(t) - 1 / (alpha + beta * t) ** 2),
        "piece, ends": identity(over - length / ends),
    }
    for size in SIZES:
        w, u = (sympy.symbols(f"{name}:{size}", positive=True) for name in "wu")
        run.assume(positive_weights, w)
        rows = law(w, u)
        moved = shares([v * x for v, x in zip(w, u, strict=True)])
        for k, stays in enumerate(shares(w)):
            parts[f"row {k}, K = {size}"] = identity(total(rows[k]) - stays)
            parts[f"column {k}, K = {size}"] = identity(total([row[k] for row in rows]) - moved[k])
    return all_of(parts)


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "the two sides' arg maxima follow the law of one side with weights w/u and ratios u^2: they are both i with "
        "probability w_i / sum_k w_k max(u_k/u_i, u_i/u_k) = 1/(1 + sum_{k != i} exp(a_k - a_i + eps |f_k - f_i|))"
    ),
    domain=f"every a, f, eps; K = {', '.join(map(str, SIZES))} categories",
    hypotheses=(positive_weights,),
    controls=(
        control("weights w", refutes="*", sides=lambda w, u: (w, [x * x for x in u])),
        control(
            "ratios u",
            refutes=["category 0*", "category 1, K = [34]"],
            sides=lambda w, u: (both_sides(w, u)[0], u),
        ),
    ),
    tier="quick",
)
def two_sides_are_one_at_other_logits(
    run: Run, *, sides: Callable[[Numbers, Numbers], tuple[Numbers, Numbers]] = both_sides
) -> Verdict:
    """-eps f + 2 eps f = eps f, with the same Gumbels."""
    parts = {}
    for size in SIZES:
        w, u = (sympy.symbols(f"{name}:{size}", positive=True) for name in "wu")
        run.assume(positive_weights, w)
        for i, found in enumerate(unchanged(*sides(w, u))):
            sums = [v * (u[k] / u[i] if k > i else u[i] / u[k]) for k, v in enumerate(w)]
            parts[f"category {i}, K = {size}"] = identity(found - w[i] / total(sums))
    return all_of(parts)


def _integrated(w: list[arb], u: list[arb], i: int, j: int) -> arb:
    """Return w_i w_j int_1^V dv / W(v)^2 by acb.integral, piece by piece."""
    result = arb(0)
    for low, high in pairwise(range(i, j + 1)):  # from the kink of `high` to that of `low`

        def integrand(v: acb, _: bool, top: int = low) -> acb:
            sums = [x * (v * y / u[j] if k > top else 1) for k, (x, y) in enumerate(zip(w, u, strict=True))]
            found: acb = 1 / total(sums) ** 2
            return found

        result += acb.integral(integrand, acb(u[j] / u[high]), acb(u[j] / u[low])).real
    return w[i] * w[j] * result


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="=",
    states="the joint law's entries are their integrals; rows sum to softmax(a), columns to softmax(a + eps f)",
    domain=f"{TOY_TEXT}, eps = 1",
    hypotheses=(positive_step,),
    controls=(
        control("max(0, f_i - f_k)", refutes=["row*", "column*"], law=falling),
        control("without the kinks", refutes="integral", law=without_kinks),
    ),
)
def the_joint_law_of_ten(run: Run, *, law: Law = joint) -> Verdict:
    """The sum of all entries off the diagonal stands for them: P(z_eps != z_opt)."""
    run.assume(positive_step, 1)
    size = len(TOY.values)
    with working_precision(BITS):
        w, u = TOY.weights(), TOY.ratios(Fraction(1))
        rows = law(w, u)
        pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
        moved = total([rows[i][j] for i, j in pairs])
        integral = total([_integrated(w, u, i, j) for i, j in pairs])
        parts = {"integral": routes_agree(moved, Route("acb.integral", integral), 1e-25)}
        for k, (stays, goes) in enumerate(zip(shares(w), shares(TOY.weights(1)), strict=True)):
            parts[f"row {k}"] = ball_equal(total(rows[k]) - stays, 1e-40)
            parts[f"column {k}"] = ball_equal(total([row[k] for row in rows]) - goes, 1e-40)
        return all_of(parts)


DRAWS, BLOCK = 1_400_000, 100_000


@claim.check(
    statement="S3",
    role="confirms",
    method="statistical",
    relation="=",
    states=(
        "how often elboproof.objectives.direct_gradient is not 0 is P(z_eps != z_opt), and |.|^2 has the mean "
        "2 P(z_eps != z_opt)/eps^2, with one side and with two, P by the joint law"
    ),
    domain=f"{TOY_TEXT}; eps = 1; {DRAWS:,} samples",
    hypotheses=(positive_step,),
    controls=(
        control("both arg maxima with Gumbels of their own, whose mean is right", make=fresh_noise),
        control("max(0, f_i - f_k)", refutes="*one side", law=falling),
        control("3 % more stated", share=1.03),
    ),
    tests=4,
    time_limit=120,
)
def the_library_moves_as_often(
    run: Run,
    *,
    make: Callable[[np.random.Generator], Estimator] | None = None,
    law: Law = joint,
    share: float = 1.0,
) -> Verdict:
    """|e_j - e_i|^2 = 2: the variance is known where P is."""
    step, size = Fraction(1), len(TOY.logits)
    run.assume(positive_step, step)
    estimator = make(run.rng) if make else direct
    parts = {}
    for name, two_sided in (("one side", False), ("two sides", True)):
        given = TOY.weights(), TOY.ratios(step)
        rows = law(*(both_sides(*given) if two_sided else given))
        stays = float(total([rows[k][k] for k in range(size)]))
        blocks = [
            estimator(TOY, float(step), gumbels(run.rng, BLOCK, size), two_sided)
            for _ in range(DRAWS // BLOCK)
        ]
        square = np.concatenate([(block**2).sum(1) for block in blocks])
        scale = 2 / (2 if two_sided else 1) ** 2
        stated = share * (1 - stays)
        parts[f"moves, {name}"] = mean_equals((square > 0).astype(float), stated, (0.0, 1.0), run.false_alarm)
        parts[f"square, {name}"] = mean_equals(square, scale * stated, (0.0, scale), run.false_alarm)
    return all_of(parts)


INSTANCES = 200


@claim.check(
    statement="S3",
    role="sharpens",
    method="property",
    relation=">=",
    states=(
        "whatever the Gumbels, f(z_eps) >= f(z_opt) >= f(z_-eps): of elboproof.objectives.direct_gradient, sum_k g_k "
        "f_k >= 0, and adding a constant to f changes nothing"
    ),
    domain=f"{INSTANCES} generated categoricals of 2 to 6 categories, Gumbels and eps: whole eighths, sums are exact",
    hypotheses=(positive_step,),
    controls=(
        control("the step goes down", refutes="upwards*", estimator=backwards),
        control("constants in units of f^2", refutes="constant*", bend=1),
    ),
)
def values_do_not_fall(run: Run, *, estimator: Any = None, bend: int = 0) -> Verdict:
    """a_j + eps f_j + g_j >= a_i + eps f_i + g_i and a_i + g_i >= a_j + g_j add up to eps (f_j - f_i) >= 0."""
    import torch

    from elboproof import objectives

    run.assume(positive_step, 0.125)
    gradient = estimator or objectives.direct_gradient

    def holds(rows: list[tuple[int, int, int]], eps: int, shift: int) -> dict[str, bool]:
        a, f, g = (torch.tensor([[column]]).double() / 8 for column in zip(*rows, strict=True))
        found: dict[str, bool] = {}
        for name, two_sided in (("one side", False), ("two sides", True)):
            plain = gradient(a, f, eps / 8, g, two_sided)
            other = gradient(a, f + shift + bend * f**2, eps / 8, g, two_sided)
            found[f"upwards, {name}"] = float((plain * f).sum()) >= 0
            found[f"constant, {name}"] = bool((plain == other).all())
        return found

    from hypothesis import strategies as st

    number = st.integers(-40, 40)
    rows = st.lists(st.tuples(number, number, number), min_size=2, max_size=6)
    return property_holds(
        rows,
        st.integers(1, 24),
        st.integers(-20, 20),
        property=holds,
        seed=run.integer_seed,
        examples=INSTANCES,
    )
