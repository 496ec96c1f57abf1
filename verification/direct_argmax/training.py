"""S9: a categorical VAE on digits, trained by each estimator, with exact ELBO and evidence."""

import numpy as np

from elboproof.checking import Run, Verdict, all_of, at_least, at_most, control

from . import claim
from .digits_vae import BATCH, CATEGORIES, EPS, LATENTS, RATE, TEMPERATURE, Scores, trained
from .hypotheses import positive_step

SHORT, LONG = 200, 500
NAMES = ("score", "relaxed", "direct, one side", "direct, two sides", "local expectation")
LEAST = {SHORT: 0.2, LONG: 1.0}
"""Nats by which two sides exceed one: 0.5 to 0.9 and 1.7 were found, over four and two seeds."""
ABOVE_SCORE = 1.0
"""Nats by which the local expectation gradient exceeds the score function: 1.8 to 2.6 and 2.1 to 2.4 were found."""


def _domain(steps: int, seeds: str) -> str:
    return (
        f"digits above 7 of 16, 1,297 to train and 500 held out; {LATENTS} latents of {CATEGORIES} categories, tanh "
        f"networks 64-64-40 and 40-64-64; {steps} Adam steps at {RATE:g}, batches of {BATCH}, {seeds}; eps = {EPS}, "
        f"tau = {TEMPERATURE}, nothing tuned; ELBO and evidence by enumeration of {CATEGORIES**LATENTS:,} latents"
    )


def _merits(scores: dict[str, Scores], steps: int, prior: float) -> dict[str, Verdict]:
    """Return the parts for one seed."""
    one, two = (scores[f"direct, {sides}"].elbo for sides in ("one side", "two sides"))
    local, score = scores["local expectation"].elbo, scores["score"].elbo
    log_prior = LATENTS * float(np.log(CATEGORIES))
    parts = {
        "two sides over one": at_least(two, one + LEAST[steps]),
        "local expectation over score": at_least(local, score + ABOVE_SCORE),
        "local expectation over two sides": at_least(local, two),
        "two sides over score": at_least(two, score),
    }
    found = {name: scores[name] for name in NAMES if name in scores}
    evidence = [one.evidence - (prior - 1) * log_prior for one in found.values()]
    return parts | {"evidence over ELBO": at_least(evidence, [one.elbo for one in found.values()])}


def _run(names: tuple[str, ...], seed: int, steps: int, swap: tuple[str, str] | None) -> dict[str, Scores]:
    """Return the scores by name; of a swap the first name is trained as the second."""
    as_named = {name: swap[1] if swap and swap[0] == name else name for name in names}
    return {name: trained(other, seed, steps) for name, other in as_named.items()}


FEW = ("score", "direct, one side", "direct, two sides", "local expectation")
CONTROLS = (
    control(
        "the KL left out of the encoder's gradient",
        refutes=["*two sides over one", "*two sides over score"],
        swap=("direct, two sides", "direct, without the KL"),
    ),
    control(
        "the step down",
        refutes=["*two sides over one", "*two sides over score"],
        swap=("direct, two sides", "direct, downwards"),
    ),
    control(
        "one side as the local expectation gradient",
        refutes=["*local expectation over two sides", "*local expectation over score"],
        swap=("local expectation", "direct, one side"),
    ),
    control("the prior counted twice", refutes="*evidence over ELBO", prior=2.0),
)


@claim.check(
    statement="S9",
    role="confirms",
    method="experiment",
    relation=">=",
    states=(
        f"a short training by direct optimisation works: with two sides the held-out ELBO is {LEAST[SHORT]:g} nats or "
        f"more above that with one and above the score function's; that of the local expectation gradient is the "
        f"highest, {ABOVE_SCORE:g} nats or more above the score function's; each is below the exact evidence"
    ),
    domain=_domain(SHORT, "one seed"),
    hypotheses=(positive_step,),
    controls=CONTROLS,
    time_limit=120,
)
def a_short_training(run: Run, *, swap: tuple[str, str] | None = None, prior: float = 1.0) -> Verdict:
    """Networks and batches are those of the seed for each estimator; so is the order of merit in pilots."""
    run.assume(positive_step, EPS)
    return all_of(_merits(_run(FEW, 0, SHORT, swap), SHORT, prior)).weakened("experiment")


SEEDS = (0, 1, 2)


@claim.check(
    statement="S9",
    role="confirms",
    method="experiment",
    relation=">=",
    states=(
        f"for each seed, direct optimisation with two sides has a held-out ELBO {LEAST[LONG]:g} nat or more above that "
        "with one side, above the score function's and, in the mean, above the Gumbel-softmax's; the local expectation "
        f"gradient has the highest, {ABOVE_SCORE:g} nat or more above the score function's; each is below the exact "
        "evidence"
    ),
    domain=_domain(LONG, f"{len(SEEDS)} seeds"),
    hypotheses=(positive_step,),
    controls=(
        *CONTROLS,
        control("one side for two", refutes="mean*", swap=("direct, two sides", "direct, one side")),
    ),
    tier="full",
    time_limit=600,
)
def a_longer_training(run: Run, *, swap: tuple[str, str] | None = None, prior: float = 1.0) -> Verdict:
    """All five estimators; the ELBO of each seed is recorded."""
    run.assume(positive_step, EPS)
    scores = [_run(NAMES, seed, LONG, swap) for seed in SEEDS]
    parts = {
        f"seed {seed}, {name}": part
        for seed, found in zip(SEEDS, scores, strict=True)
        for name, part in _merits(found, LONG, prior).items()
    }
    elbos = {name: [found[name].elbo for found in scores] for name in NAMES}
    mean = {name: float(np.mean(values)) for name, values in elbos.items()}
    parts["mean, two sides over relaxed"] = at_least(mean["direct, two sides"], mean["relaxed"])
    return all_of(parts).weakened("experiment").with_data(**elbos)


BEHIND, AHEAD = 1.0, 0.25
"""Nats: 1.2 to 1.5 were found, and 0.2 below to 0.1 above."""


@claim.check(
    statement="S9",
    role="limits",
    method="experiment",
    relation="<=",
    states=(
        f"with this step direct optimisation with one side, as in the paper, is {BEHIND:g} nat or more below the "
        f"Gumbel-softmax for each seed, and not {AHEAD:g} nats above the score function"
    ),
    domain=_domain(LONG, f"{len(SEEDS)} seeds"),
    hypotheses=(positive_step,),
    controls=(
        control("two sides", swap=("direct, one side", "direct, two sides")),
        control("the score function as the relaxation", refutes="*relaxation", swap=("relaxed", "score")),
    ),
    tier="full",
    time_limit=600,
)
def one_side_is_behind(run: Run, *, swap: tuple[str, str] | None = None) -> Verdict:
    """Another step might do better: none was looked for, for any estimator."""
    run.assume(positive_step, EPS)
    parts = {}
    for seed in SEEDS:
        scores = _run(("score", "relaxed", "direct, one side"), seed, LONG, swap)
        one = scores["direct, one side"].elbo
        parts[f"seed {seed}, relaxation"] = at_most(one, scores["relaxed"].elbo - BEHIND)
        parts[f"seed {seed}, score"] = at_most(one, scores["score"].elbo + AHEAD)
    return all_of(parts).weakened("experiment")
