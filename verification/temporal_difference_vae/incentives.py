"""S9, S11: what exact beliefs are worth in the loss of far pairs, against a model that does not know of time.

Independent times are a TD-VAE too: p_B(z|b_t) = p(z|x_t), p_T the marginal law of z, whatever z1 is. By Bayes's rule
its loss is -log p(x_t2). Exact beliefs and the true jump lose the gap of S2 and gain I(x_t2; x_<=t1): far ahead the gap
is the larger one.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    at_least,
    at_most,
    ball_equal,
    ball_positive,
    control,
    equal,
)

from .._shared.balls import working_precision
from . import claim
from .hypotheses import positive_noise, stable
from .jumps import BITS, WIDTH, gap
from .networks import LONGEST
from .oscillator import DAMPING, NOISE, OMEGA, PROCESS, Array, Oscillator, oscillator, steady_covariance
from .spaces import INSTANCE, A, Q, R, Space, steady

NEAR, FAR = (1, 2, 4), (8, 20)


def told(space: Space, jump: int) -> arb:
    """Return I(x_t2; x_<=t1) in nats."""
    return arb((space.stationary + space.r) / (space.pushed(jump) + space.r)).log() / 2


def timeless(space: Space, weight: Fraction = Fraction(1)) -> arb:
    """Return the mean loss of the model of independent times less -E log p(x), from the Gaussian formulas.

    ``weight`` is that of x in p_B, relative to V/(V + R).
    """
    whole = space.stationary + space.r
    share = space.stationary / whole * weight.numerator / weight.denominator
    variance = space.updated(space.stationary)
    miss = (1 - share) ** 2 * whole
    divergence = (
        (space.stationary / variance).log() + (variance + share**2 * whole) / space.stationary - 1
    ) / 2
    fit = (space.r.log() + (variance + miss) / space.r) / 2
    return arb(divergence + fit - (whole.log() + 1) / 2)


@claim.check(
    statement="S9",
    role="limits",
    method="certified",
    relation="<",
    states=(
        f"over jumps of {' and '.join(map(str, FAR))} steps exact beliefs with the true jump have a higher mean loss "
        "than a model of independent times, p_B(z|b_t) = p(z|x_t) and p_T the marginal law, whose mean loss is -E log "
        f"p(x_t2): the gap exceeds I(x_t2; x_<=t1); over jumps of {', '.join(map(str, NEAR))} steps they have a lower "
        "one"
    ),
    domain=f"scalar state space in its steady state, {INSTANCE}; the decoder true, the smoother the best",
    hypotheses=(positive_noise, stable),
    controls=(
        control("five steps", refutes="Delta = 8: higher", shift=-3),
        control("four steps for all far ones", refutes="*higher", shift=-4, only=True),
        control("far jumps at the near ones", refutes="*lower", scale=8),
        control("half of the gap", refutes="Delta = 8: higher", share=Fraction(1, 2)),
        control("x weighed 1.01 times as much", refutes="independent times", weight=Fraction(101, 100)),
    ),
)
def far_pairs_prefer_independent_times(
    run: Run,
    *,
    shift: int = 0,
    scale: int = 1,
    share: Fraction = Fraction(1),
    weight: Fraction = Fraction(1),
    only: bool = False,
) -> Verdict:
    """All are logarithms of ratios of variances."""
    run.assume(positive_noise, Fraction(Q), Fraction(R))
    run.assume(stable, Fraction(A))
    with working_precision(BITS):
        space = steady(A, Q, R)
        parts = {"independent times": ball_equal(timeless(space, weight), WIDTH)}
        for jump in FAR:
            used = FAR[0] + shift if only else jump + shift
            cost = gap(space, used) * share.numerator / share.denominator
            parts[f"Delta = {jump}: higher"] = ball_positive(cost - told(space, used))
        for jump in NEAR:
            parts[f"Delta = {jump}: lower"] = ball_positive(
                told(space, scale * jump) - gap(space, scale * jump)
            )
        return all_of(parts)


def _log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def worth(system: Oscillator, jump: int) -> tuple[float, float]:
    """Return the gap and I(x_t2; x_<=t1), by the filter in its steady state."""
    belief = steady_covariance(system)
    pushed = system.ahead(np.zeros((1, 2)), belief, jump)[1]
    precision = np.linalg.inv(pushed) + system.c.T @ system.c / system.noise
    noise = system.noise * np.eye(len(system.c))
    own = system.stationary * system.c @ system.c.T + noise
    information = _log_det(own) - _log_det(system.c @ pushed @ system.c.T + noise)
    return (-_log_det(precision) - _log_det(belief)) / 2, information / 2


HORIZON = 90
AGREE = 1e-6
"""A filter that started 90 steps ago is within 1e-9 of its steady state."""


def worth_by_joint_law(system: Oscillator, jump: int) -> tuple[float, float]:
    """Return the same from the covariance of x_1, ..., x_T and z_T, without a filter."""
    size, outputs = HORIZON, len(system.c)
    powers = [np.eye(2)]
    for _ in range(size):
        powers.append(system.a @ powers[-1])
    across = [system.stationary * one for one in powers]  # E z_{t + k} z_t'
    blocks = [
        [system.c @ (across[s - t] if s >= t else across[t - s].T) @ system.c.T for t in range(size)]
        for s in range(size)
    ]
    x = np.block(blocks) + system.noise * np.eye(size * outputs)
    z = np.concatenate([across[size - 1 - t] @ system.c.T for t in range(size)], axis=1)
    early, last = np.arange((size - jump) * outputs), np.arange((size - 1) * outputs, size * outputs)

    def left(rows: Any) -> Array:
        """Return the covariance of z_T given some entries of x."""
        among = x[np.ix_(rows, rows)]
        result: Array = across[0] - z[:, rows] @ np.linalg.solve(among, z[:, rows].T)
        return result

    every, kept = np.arange(size * outputs), np.concatenate([early, last])
    lost = _log_det(left(kept)) - _log_det(left(every))
    information = (
        _log_det(x[np.ix_(last, last)]) + _log_det(x[np.ix_(early, early)]) - _log_det(x[np.ix_(kept, kept)])
    )
    return lost / 2, information / 2


def gain(system: Oscillator, jumps: Sequence[int]) -> float:
    """Return by how much exact beliefs have a lower mean loss than independent times, jumps equally often."""
    return float(
        np.mean([information - lost for lost, information in (worth(system, jump) for jump in jumps)])
    )


LITTLE, MUCH, ONE_STEP = 0.005, 0.5, 0.3


@claim.check(
    statement="S11",
    role="limits",
    method="numeric",
    relation="<=",
    states=(
        f"with one scalar output and jumps of 1 to {LONGEST} steps exact beliefs with the true jump gain less than "
        f"{LITTLE:g} nats per pair over a model of independent times, against more than {MUCH:g} with six outputs, "
        f"and more than {ONE_STEP:g} with one output and one-step pairs alone: what far pairs offer is nearly taken "
        "by the gap"
    ),
    domain=(
        f"a rotation by {OMEGA} with damping {DAMPING} and noise of variance {PROCESS}, all six outputs or the third, "
        f"with noise of variance {NOISE}; jumps equally often; by the steady filter, and by joint covariances within "
        f"{AGREE:g}"
    ),
    hypotheses=(positive_noise, stable),
    controls=(
        control(f"jumps of 1 to {LONGEST - 1} steps", refutes="one output", longest=LONGEST - 1),
        control("one output for six", refutes="six outputs", six=False),
        control("two steps for one", refutes="one step", step=2),
        control("gaps and information 1 % larger", refutes=["*gaps", "*information"], scale=1.01),
    ),
)
def far_pairs_offer_little_to_one_output(
    run: Run, *, longest: int = LONGEST, six: bool = True, step: int = 1, scale: float = 1.0
) -> Verdict:
    """Why the networks of S11 stay at the marginal law with one output: little is lost there."""
    run.assume(positive_noise, PROCESS, NOISE)
    run.assume(stable, DAMPING)
    whole, single = oscillator(), oscillator().one_output()
    parts = {
        "one output": at_most(gain(single, range(1, longest + 1)), LITTLE),
        "six outputs": at_least(gain(whole if six else single, range(1, LONGEST + 1)), MUCH),
        "one step": at_least(gain(single, [step]), ONE_STEP),
    }
    for name, system in (("six", whole), ("one", single)):
        first, second = (
            np.array([route(system, jump) for jump in (2, LONGEST)]) for route in (worth, worth_by_joint_law)
        )
        parts[f"{name}: gaps"] = equal(scale * first[:, 0], second[:, 0], AGREE)
        parts[f"{name}: information"] = equal(scale * first[:, 1], second[:, 1], AGREE)
    return all_of(parts)
