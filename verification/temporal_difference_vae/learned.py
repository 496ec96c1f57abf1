"""S9: what a fixed jump makes beliefs learn: not the filter."""

from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.checking import Run, Verdict, all_of, at_least, at_most, ball_positive, control, equal

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import positive_noise, stable
from .jumps import BITS, gap
from .linear_beliefs import Belief, best, best_by_spectra, entropy_of_next, exact, loss_of, quadratic
from .spaces import INSTANCE, A, Q, R, Space, steady

FIXED = (2, 4)
RATIONAL: dict[int, tuple[list[str], str]] = {
    2: (["0.72", "0.02", "0.15", "0.01"], "0.29"),
    4: (["0.79", "0.01", "0", "0"], "0.32"),
}
"""Weights h_0, ..., h_3 and variances P of beliefs that are near the best ones."""
FILTER = (["0.64", "0.21", "0.07", "0.02"], "0.26")
"""The same for the exact filter."""
BETTER = "0.05"
"""In nats."""


def excess(space: Space, jump: int, weights: list[str], variance: str, moved: int = 1) -> arb:
    """Return the mean loss of a linear belief less -E log p(x_t2|x_<=t1), a ball, from autocovariances.

    ``moved`` counts E (m_t2 - A^Delta m_t1)^2.
    """
    h, p = [ball(one) for one in weights], ball(variance)
    size = len(h) + jump
    late = [*h, *[arb(0)] * jump]
    change = [a - space.a**jump * b for a, b in zip(late, [*[arb(0)] * jump, *h], strict=True)]
    miss = [one - int(k == 0) for k, one in enumerate(late)]
    covariance = [
        [space.stationary * space.a ** abs(i - j) + (space.r if i == j else 0) for j in range(size)]
        for i in range(size)
    ]

    def square(row: list[arb]) -> arb:
        return sum((a * covariance[i][j] * b for i, a in enumerate(row) for j, b in enumerate(row)), arb(0))

    pushed = space.a ** (2 * jump) * p + space.noise(jump)
    divergence = ((pushed / p).log() + (p + moved * square(change)) / pushed - 1) / 2
    fit = (space.r.log() + (p + square(miss)) / space.r) / 2
    least = ((space.pushed(jump) + space.r).log() + 1) / 2  # both without log(2 pi)/2
    return arb(divergence + fit - least)


@claim.check(
    statement="S9",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "exact beliefs do not minimise the loss of a fixed jump of two steps or more, though the jump and the decoder "
        f"are true and the smoother is the best: another belief is better by more than {BETTER} nats per pair, and it "
        "too stays above -E log p(x_t2|x_<=t1)"
    ),
    domain=(
        f"scalar state space in its steady state, {INSTANCE}; Delta = {' and '.join(map(str, FIXED))}; beliefs that "
        "weigh the last four observations by rational numbers"
    ),
    hypotheses=(positive_noise, stable),
    controls=(
        control("the filter's own weights and variance, rounded", refutes="*better", near_filter=True),
        control("the loss without E (m_t2 - A^Delta m_t1)^2", refutes="*above the bound", moved=0),
    ),
)
def fixed_jumps_do_not_teach_the_filter(run: Run, *, near_filter: bool = False, moved: int = 1) -> Verdict:
    """One instance of a better belief refutes that the filter is the minimum; S2 gives the filter's own loss."""
    run.assume(positive_noise, Fraction(Q), Fraction(R))
    run.assume(stable, Fraction(A))
    parts = {}
    with working_precision(BITS):
        space = steady(A, Q, R)
        for jump in FIXED:
            belief = FILTER if near_filter else RATIONAL[jump]
            parts[f"Delta = {jump}: better"] = ball_positive(
                gap(space, jump) - excess(space, jump, *belief, moved) - ball(BETTER)
            )
            parts[f"Delta = {jump}: above the bound"] = ball_positive(excess(space, jump, *belief, moved))
        return all_of(parts)


TABLE = (1, 2, 4)
SHOWN = tuple(range(1, 9))
"""Jumps of the figure."""
AGREE = 1e-6
"""Of weights and variances by two routes: a minimum in doubles is known to the root of their rounding."""
IGNORED = 1 / 8
"""Of the filter's weight of x_{t-1}."""
LAGS_SHOWN = 7
LONG_JUMPS = [f"Delta = {jump}: *" for jump in TABLE if jump > 1]
"""The parts about jumps of two steps or more."""


def _ratio(belief: Belief) -> float:
    """Return the weight of the last but one observation, relative to the filter's."""
    return float(belief.weights[1] / exact().weights[1])


def _nats(difference: float) -> float:
    """Return a difference without its rounding: of what is 0 only that would be left."""
    return round(difference, 12) + 0.0


def _table() -> dict[str, list[float]]:
    """Return the series of the figure."""
    found = {"jump": [float(jump) for jump in SHOWN], "lag": [float(k) for k in range(LAGS_SHOWN)]}
    bests = [best((jump, 1.0)) for jump in SHOWN]
    entropies = [entropy_of_next({jump: 1.0}) for jump in SHOWN]
    filters = [loss_of(exact().weights, exact().variance, {jump: 1.0}) for jump in SHOWN]
    found["best belief"] = [_nats(one.loss - least) for one, least in zip(bests, entropies, strict=True)]
    found["filter"] = [_nats(one - least) for one, least in zip(filters, entropies, strict=True)]
    return found | {f"weights, {jump}": best((jump, 1.0)).weights[:LAGS_SHOWN].tolist() for jump in TABLE}


@claim.check(
    statement="S9",
    role="limits",
    method="numeric",
    relation="=",
    states=(
        "among beliefs that are linear in the past the best for a fixed jump of 2 or 4 steps weighs the observation "
        f"before the last, which the loss skips, less than {IGNORED:g} times as much as the filter does, and its "
        "variance is larger than its own mean squared error; for one step it is the filter. By normal equations on 40 "
        f"lags, and by quasi-Newton on integrals over frequencies, within {AGREE:g}"
    ),
    domain=f"scalar state space in its steady state, {INSTANCE}; Delta = {', '.join(map(str, TABLE))}, one at a time",
    hypotheses=(positive_noise, stable),
    controls=(
        control("the filter for each jump", refutes=LONG_JUMPS, filtered=True),
        control("the best belief for two steps at one", refutes="filter*", single=2),
        control("weights 1 % larger", refutes=["Delta*weights", "Delta*variance"], scale=1.01),
    ),
)  # fmt: skip
def best_linear_beliefs(run: Run, *, filtered: bool = False, single: int = 1, scale: float = 1.0) -> Verdict:
    """Weights h_k and variance P are free."""
    run.assume(positive_noise, float(Fraction(Q)), float(Fraction(R)))
    run.assume(stable, Fraction(A))
    parts = {}
    for jump in TABLE:
        found = exact() if filtered else best((jump, 1.0))
        other = best_by_spectra((jump, 1.0))
        parts[f"Delta = {jump}: weights"] = equal(scale * found.weights, other.weights, AGREE)
        parts[f"Delta = {jump}: variance"] = equal(scale * found.variance, other.variance, AGREE)
        if jump > 1:
            parts[f"Delta = {jump}: ignored"] = at_most(_ratio(found), IGNORED)
            # the share by which P exceeds the error: 2 % or more
            parts[f"Delta = {jump}: larger than its error"] = at_least(found.variance / found.error, 1.02)
    filter_ = best((single, 1.0))
    parts["filter: weights"] = equal(filter_.weights, exact().weights, AGREE)
    parts["filter: variance"] = equal(filter_.variance, exact().variance, AGREE)
    return all_of(parts).with_data(**_table())


HALF = ((1, 0.5), (2, 0.5))
LEVEL, STEEP = 1e-9, 0.5
"""Slopes of the loss in a weight, in nats: 9e-16 was seen for one step, and 0.59 for two."""


def slope(jump: int) -> float:
    """Return the largest slope of the loss in a weight, at the filter's belief."""
    H, g, _ = quadratic({jump: 1.0}, exact().variance)
    return float(np.abs(H @ exact().weights - g).max())


@claim.check(
    statement="S9",
    role="limits",
    method="numeric",
    relation="<",
    states=(
        "at the filter the one-step loss has no slope and the two-step loss has one, so that no share of one-step "
        "pairs less than all makes the filter best; with one half the best linear belief is nearer to it: its loss is "
        "lower than the filter's by more than 0.01 nats, and it weighs the observation before the last between 0.6 and "
        "0.7 times as much"
    ),
    domain=f"scalar state space in its steady state, {INSTANCE}; Delta = 1 and 2",
    hypotheses=(positive_noise, stable),
    controls=(
        control("one-step pairs alone", refutes=["lower", "at most", "both routes"], shares=((1, 1.0),)),
        control("two-step pairs alone", refutes="at least", shares=((2, 1.0),)),
        control("97 % of one-step pairs", refutes=["lower", "at most"], shares=((1, 0.97), (2, 0.03))),
        control("the slopes exchanged", refutes=["no slope", "slope"], near=2, far=1),
    ),
)
def one_step_pairs_help(
    run: Run, *, shares: tuple[tuple[int, float], ...] = HALF, near: int = 1, far: int = 2
) -> Verdict:
    """A sum of two losses with different minima."""
    run.assume(positive_noise, float(Fraction(Q)), float(Fraction(R)))
    run.assume(stable, Fraction(A))
    found = best(*shares)
    filter_loss = loss_of(exact().weights, exact().variance, dict(shares))
    return all_of(
        {
            "no slope": at_most(slope(near), LEVEL),
            "slope": at_least(slope(far), STEEP),
            "lower": at_least(filter_loss - found.loss, 0.01),
            "at least": at_least(_ratio(found), 0.6),
            "at most": at_most(_ratio(found), 0.7),
            "both routes": equal(found.loss, best_by_spectra(*HALF).loss, 1e-9),
        }
    ).with_data(lag=np.arange(LAGS_SHOWN, dtype=float), weights=found.weights[:LAGS_SHOWN])
