"""S5, S6: one stage against two on simulated stars and galaxies, and what needs no labels."""

from dataclasses import dataclass

import numpy as np

from elboproof.checking import Run, Verdict, all_of, at_least, at_most, control

from .._shared.kept import kept
from . import claim
from .hypotheses import positive_variances
from .sources import Sources, simulate_sources
from .stages import (
    Array,
    Labels,
    accuracy_up_to_swap,
    flux_normalised,
    second_stage,
    two_means,
    vae_codes,
    whitened,
)

LATENTS = 4
WINDOW = 2.0
"""Pixels."""
PIXELS = "pixels, 2-means"
ONE, ONE_WHITE = "one stage, 2-means", "one stage, whitened, 2-means"
VAE, VAE_RAW = "two stages, VAE on whitened codes", "two stages, VAE on codes"
MIXTURE, MIXTURE_RAW = "two stages, mixture on whitened codes", "two stages, mixture on codes"
TWO = (VAE, VAE_RAW, MIXTURE, MIXTURE_RAW)
TEACHER = "radius threshold, with a teacher"
VARIANTS = (PIXELS, ONE, ONE_WHITE, *TWO, TEACHER)
Accuracies = dict[str, float]


@kept
def survey(seed: int, n: int) -> Sources:
    """Return the sources of a seed."""
    return simulate_sources(n, np.random.default_rng(seed))


@kept
def first_codes(seed: int, n: int, steps: int) -> Array:
    """Return the codes of the first stage."""
    return vae_codes(flux_normalised(survey(seed, n).images), LATENTS, steps, seed)


@kept
def accuracies(seed: int, n: int, steps: int) -> Accuracies:
    """Return the accuracy of each variant, up to exchange of the labels; all share the first stage."""
    sources, codes = survey(seed, n), first_codes(seed, n, steps)
    white = whitened(codes)
    labels: dict[str, Labels] = {
        PIXELS: two_means(flux_normalised(sources.images), seed),
        ONE: two_means(codes, seed),
        ONE_WHITE: two_means(white, seed),
        VAE: second_stage(codes, "vae", True, seed),
        VAE_RAW: second_stage(codes, "vae", False, seed),
        MIXTURE: second_stage(codes, "mixture", True, seed),
        MIXTURE_RAW: second_stage(codes, "mixture", False, seed),
    }
    found = {name: accuracy_up_to_swap(one, sources.is_galaxy) for name, one in labels.items()}
    return found | {TEACHER: _with_a_teacher(sources)}


def _with_a_teacher(sources: Sources) -> float:
    """Return the accuracy of the best threshold on the light's second moment, in a window that keeps the sky out."""
    at = np.arange(sources.images.shape[1]) + 0.5 - sources.images.shape[1] / 2
    light = sources.images * np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * WINDOW**2))
    mass = np.maximum(light.sum((1, 2)), 1.0)
    means = [(light.sum(axis) @ at) / mass for axis in (1, 2)]
    squares = [(light.sum(axis) @ at**2) / mass - m**2 for axis, m in zip((1, 2), means, strict=True)]
    galaxy = sources.is_galaxy[np.argsort(squares[0] + squares[1])]
    stars_below, galaxies_above = np.cumsum(~galaxy), galaxy.sum() - np.cumsum(galaxy)
    return float((stars_below + galaxies_above).max() / len(galaxy))


@dataclass(frozen=True)
class Means:
    """Means and standard deviations of the accuracies over seeds."""

    mean: Accuracies
    spread: Accuracies
    each: dict[str, list[float]]


def over_seeds(seeds: tuple[int, ...], n: int, steps: int) -> Means:
    """Run all variants for each seed."""
    runs = [accuracies(seed, n, steps) for seed in seeds]
    each = {name: [run[name] for run in runs] for name in VARIANTS}
    return Means(
        {name: float(np.mean(values)) for name, values in each.items()},
        {name: float(np.std(values, ddof=1)) for name, values in each.items()},
        each,
    )


def _domain(seeds: tuple[int, ...], n: int, steps: int) -> str:
    return (
        f"{n:,} simulated images of 16 x 16 pixels for each of {len(seeds)} seeds, fluxes divided out; first stage: "
        f"{LATENTS} latents, 64 tanh units, {steps} Adam steps; second stage: a VAE with one latent split at its "
        "median, or a mixture of two Gaussians; one stage: 2-means of the codes; nothing tuned"
    )


SHORT, LONG = ((0, 1), 1500, 400), ((0, 1, 2, 3, 4), 3000, 600)
KNOWS, WORSE = 0.8, 0.05


@claim.check(
    statement="S5",
    role="limits",
    method="experiment",
    relation="<=",
    states=(
        f"the cascade is not the more accurate one: in the mean a VAE on whitened codes is {100 * WORSE:g} points or "
        f"more below one stage, which is right in {100 * KNOWS:g} % or more, and a mixture on them is not above it"
    ),
    domain=_domain(*SHORT),
    hypotheses=(positive_variances,),
    controls=(
        control("one stage that guesses", refutes=["one stage", "VAE*", "mixture*"], guess=True),
        control("one stage 15 points worse", refutes=["VAE*", "mixture*"], bonus=0.15),
    ),
    time_limit=120,
)
def a_short_comparison(run: Run, *, guess: bool = False, bonus: float = 0.0) -> Verdict:
    """Guesses are right in 1/2 + 0.4/sqrt(n) (S3)."""
    run.assume(positive_variances, 1.2)
    found = over_seeds(*SHORT).mean
    one = 0.5 + 0.4 / np.sqrt(SHORT[1]) if guess else found[ONE] - bonus
    return all_of(
        {
            "one stage": at_least(one, KNOWS),
            "VAE on whitened codes": at_most(found[VAE], one - WORSE),
            "mixture on whitened codes": at_most(found[MIXTURE], one),
        }
    ).weakened("experiment")


LEAST = 0.7


@claim.check(
    statement="S6",
    role="confirms",
    method="experiment",
    relation=">=",
    states=(
        f"a cascade tells the classes apart without labels: a mixture on whitened codes is right in {100 * LEAST:g} % "
        "or more, for each seed"
    ),
    domain=_domain(*SHORT),
    hypotheses=(positive_variances,),
    controls=(
        control("labels of another survey", shuffled=True),
        control("above what a teacher's threshold reaches", refutes="*", teacher=True),
    ),
    time_limit=120,
)
def it_needs_no_labels(run: Run, *, shuffled: bool = False, teacher: bool = False) -> Verdict:
    """Guesses are right in half of the cases and a hundredth."""
    run.assume(positive_variances, 1.2)
    parts = {}
    for seed in SHORT[0]:
        found = accuracies(seed, *SHORT[1:])
        least = found[TEACHER] if teacher else LEAST
        own = found[MIXTURE]
        if shuffled:
            labels = second_stage(first_codes(seed, *SHORT[1:]), "mixture", True, seed)
            own = accuracy_up_to_swap(labels, survey(seed + 100, SHORT[1]).is_galaxy)
        parts[f"seed {seed}"] = at_least(own, least)
    return all_of(parts).weakened("experiment")


MUCH, STABLE, SHOWN = 0.1, 1.5, 400


@claim.check(
    statement="S5",
    role="limits",
    method="experiment",
    relation="<=",
    states=(
        "the cascade is neither more accurate nor more stable on this simulation: no second stage has a mean accuracy "
        f"above one stage's, a VAE on whitened codes is {100 * MUCH:g} points or more below it, and the second stages "
        f"on whitened codes spread {STABLE:g} times as much over seeds or more; a threshold with a teacher is above "
        "all second stages"
    ),
    domain=_domain(*LONG),
    hypotheses=(positive_variances,),
    controls=(
        control("one stage that guesses", refutes=["accuracy*", "much*"], guess=True),
        control(
            "second stages 3 points better", refutes=[f"accuracy, {name}" for name in TWO[1:]], bonus=0.03
        ),
        control("second stages 25 points better", refutes=["accuracy*", "much*", "teacher"], bonus=0.25),
        control("one stage that spreads ten times as much", refutes="spread*", spread=10.0),
    ),
    tier="full",
    time_limit=600,
)
def one_stage_against_two(
    run: Run, *, guess: bool = False, bonus: float = 0.0, spread: float = 1.0
) -> Verdict:
    """The accuracy of each variant and seed is recorded, and the first codes of one seed."""
    run.assume(positive_variances, 1.2)
    found = over_seeds(*LONG)
    one = 0.5 + 0.4 / np.sqrt(LONG[1]) if guess else found.mean[ONE]
    two = {name: found.mean[name] + bonus for name in TWO}
    parts = {f"accuracy, {name}": at_most(two[name], one) for name in TWO}
    parts |= {
        "much below, a VAE on whitened codes": at_most(two[VAE], one - MUCH),
        "teacher": at_least(found.mean[TEACHER], max(two.values())),
    }
    for name in (VAE, MIXTURE):
        parts[f"spread, {name}"] = at_least(found.spread[name], STABLE * spread * found.spread[ONE])
    return all_of(parts).weakened("experiment").with_data(**found.each, **_codes(LONG[0][0], *LONG[1:]))


def _codes(seed: int, n: int, steps: int) -> dict[str, list[float]]:
    """Return the first two principal axes of some codes, with class and flux."""
    codes, sources = first_codes(seed, n, steps), survey(seed, n)
    centred = codes - codes.mean(0)
    _, vectors = np.linalg.eigh(np.cov(centred.T))
    plane = (centred @ vectors[:, :-3:-1])[:SHOWN]
    return {
        "first axis": plane[:, 0].tolist(),
        "second axis": plane[:, 1].tolist(),
        "galaxy": sources.is_galaxy[:SHOWN].astype(float).tolist(),
        "log flux": np.log10(sources.flux[:SHOWN]).tolist(),
    }
