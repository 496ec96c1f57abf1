"""S1 and S7 with the library's loss, whose heads are exact."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from elboproof import objectives
from elboproof.checking import (
    Run,
    VarianceAtMost,
    Verdict,
    all_of,
    control,
    equal,
    mean_equals,
)

from . import claim
from .heads import SYSTEMS, Heads, Isotropic, scalar
from .hypotheses import positive_noise

PATHS, EXACT = 200, 1e-10
"""Pairs, and nats: worst seen 1e-13."""


@claim.check(
    statement="S1",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "the library's loss with exact heads and the divergence sampled is -log p(x_t|x_<t) at every draw; with the "
        "divergence in closed form it only is on average"
    ),
    domain=(
        f"{PATHS} drawn pairs each for a scalar system and a damped rotation with four outputs, one step, within "
        f"{EXACT:g} nats"
    ),
    hypotheses=(positive_noise,),
    controls=(
        control("the divergence in closed form", kl="closed"),
        control("beliefs at t that did not see x_t", seen=False),
        control("heads for two steps", jump=2),
        control("a smoother with 1.02 times the variance", smooth_factor=1.02),
        control("beliefs with 1.02 times the variance", belief_factor=1.02),
    ),
)
def library_has_no_variance_at_exact_beliefs(
    run: Run,
    *,
    kl: objectives.temporal.Divergence = "sampled",
    seen: bool = True,
    jump: int = 1,
    smooth_factor: float = 1.0,
    belief_factor: float = 1.0,
) -> Verdict:
    """Beliefs of 1.02 times the variance are consistent among themselves, and wrong for the data."""
    parts = {}
    for name, make in SYSTEMS.items():
        system = make()
        run.assume(positive_noise, system.q, system.r)
        heads = Heads(system, jump, belief_factor, smooth_factor)
        before, after, x, wanted = _pairs(run.rng, system, seen)
        terms = _terms(heads, before, after, x, run.integer_seed, kl)
        parts[name] = equal(terms.loss.numpy(), wanted, EXACT)
    return all_of(parts).at_drawn_points()


def _pairs(rng: np.random.Generator, system: Isotropic, seen: bool) -> tuple[Any, Any, Any, Any]:
    """Return filter means at t - 1 and t, observations and -log p(x_t|x_<t); rows are drawn pairs."""
    before = rng.standard_normal((PATHS, len(system.a)))
    laws = [system.next_law(mean) for mean in before]
    x = np.stack([law.draw(rng) for law in laws])
    after = [
        system.filtered(mean, one) if seen else system.a @ mean for mean, one in zip(before, x, strict=True)
    ]
    wanted = [-law.log_density(one) for law, one in zip(laws, x, strict=True)]
    return before, np.stack(after), x, np.array(wanted)


def _terms(heads: Heads, before: Any, after: Any, x: Any, seed: int, kl: Any) -> objectives.TDTerms:
    import torch

    b1, b2, x2 = (torch.tensor(one, dtype=torch.float64) for one in (before, after, x))
    jump = torch.full((len(x),), heads.jump)
    functions = heads.belief, heads.smoother, heads.transition, heads.decoder
    return objectives.td_vae_loss(*functions, b1, b2, x2, jump, torch.Generator().manual_seed(seed), kl=kl)


DRAWS = 200_000
JUMP = 3
POINT = {"m1": 3.0, "m2": -2.0, "x": 2.5}
"""Beliefs that are far apart, so that each term is large beside its noise."""
WIDER = 1.4
"""The variance of both beliefs, relative to the filter's."""
NODES = 6
"""Of Gauss and Hermite's rule, per noise: exact for polynomials of degree 11, squares of the terms have degree 4."""


@dataclass(frozen=True)
class Moments:
    """Mean and variance of a term."""

    mean: float
    variance: float


def moments(system: Isotropic, half: float = 0.5) -> dict[str, Moments]:
    """Return those of the three terms and of the loss, by the formulas of Gaussians, polynomials in the two noises."""
    one, weight = np.polynomial.hermite_e.hermegauss(NODES)
    first, second = np.meshgrid(one, one)
    weights = np.outer(weight, weight) / weight.sum() ** 2
    p, r, power, jumped = system.belief_variance * WIDER, system.r, system.a[0, 0] ** JUMP, system.noise(JUMP)
    pushed = power**2 * p + jumped
    z2 = POINT["m2"] + np.sqrt(p) * first
    mean = POINT["m1"] + power * p / pushed * (z2 - power * POINT["m1"])
    smooth = p * jumped / pushed
    z1 = mean + np.sqrt(smooth) * second
    late = -half * first**2 - np.log(2 * np.pi * p) / 2
    ahead = -((z2 - power * z1) ** 2) / jumped / 2 - np.log(2 * np.pi * jumped) / 2
    terms = {
        "kl": (smooth / p - 1 + (mean - POINT["m1"]) ** 2 / p + np.log(p / smooth)) / 2,
        "transition": late - ahead,
        "reconstruction": (POINT["x"] - z2) ** 2 / r / 2 + np.log(2 * np.pi * r) / 2,
    }
    terms["whole"] = terms["kl"] + terms["transition"] + terms["reconstruction"]
    found = {}
    for name, term in terms.items():
        middle = float((weights * term).sum())
        found[name] = Moments(middle, float((weights * (term - middle) ** 2).sum()))
    return found


def whole(system: Isotropic, turned: bool) -> float:
    """Return KL(p_B(.|b2) || pushed belief) + E -log p_D, S7's value of the loss."""
    power, r = system.a[0, 0] ** JUMP, system.r
    p2 = system.belief_variance * WIDER
    pair = (p2, power**2 * p2 + system.noise(JUMP))
    narrow, wide = reversed(pair) if turned else pair
    apart = (POINT["m2"] - power * POINT["m1"]) ** 2
    divergence = (narrow / wide - 1 + apart / wide + np.log(wide / narrow)) / 2
    return float(divergence + ((POINT["x"] - POINT["m2"]) ** 2 + p2) / r / 2 + np.log(2 * np.pi * r) / 2)


@claim.check(
    statement="S7",
    role="confirms",
    method="statistical",
    relation="=",
    states=(
        "the mean of the library's loss at wrong beliefs is KL(p_B(.|b2) || pushed belief) - E log p_D, and each of "
        "its three terms has the mean of its closed form"
    ),
    domain=(
        f"the scalar system, Delta = {JUMP}, both beliefs {WIDER:g} times as wide as the filter, with means "
        f"{POINT['m1']:g} and {POINT['m2']:g}; {DRAWS:,} draws"
    ),
    hypotheses=(positive_noise,),
    controls=(
        control("log p_B(z2|b2) without its -eps^2/2", refutes=["transition", "sum"], half=0.0),
        control("the divergence with 1.02 times the weight", refutes="kl", weight=1.02),
        control("the divergence of S7 turned round", refutes="whole", turned=True),
        control("a decoder without log(2 pi R)/2", refutes="reconstruction", constant=0),
    ),
    tests=5,
)
def library_means(
    run: Run, *, half: float = 0.5, weight: float = 1.0, turned: bool = False, constant: int = 1
) -> Verdict:
    """Variances are those of polynomials of two normal variables."""
    system = scalar()
    run.assume(positive_noise, system.q, system.r)
    heads, ones = Heads(system, JUMP, WIDER), np.ones((DRAWS, 1))
    given = POINT["m1"] * ones, POINT["m2"] * ones, POINT["x"] * ones
    found = _terms(heads, *given, run.integer_seed, "closed")
    true, stated = moments(system), moments(system, half)
    lost = (1 - constant) * 0.5 * float(np.log(2 * np.pi * system.r))
    compared = {
        "kl": (found.kl, weight * stated["kl"].mean, true["kl"]),
        "transition": (found.transition, stated["transition"].mean, true["transition"]),
        "reconstruction": (
            found.reconstruction,
            stated["reconstruction"].mean - lost,
            true["reconstruction"],
        ),
        "sum": (found.loss, stated["whole"].mean, true["whole"]),
        "whole": (found.loss, whole(system, turned), true["whole"]),
    }
    return all_of(
        {
            name: mean_equals(
                values.numpy(),
                mean,
                VarianceAtMost(1.0001 * law.variance, "moments of normal variables"),
                run.false_alarm,
            )
            for name, (values, mean, law) in compared.items()
        }
    )
