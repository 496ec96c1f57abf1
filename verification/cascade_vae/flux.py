"""S6: with the fluxes left in, the largest variance of the codes is the flux and not the class."""

import numpy as np

from elboproof.checking import Run, Verdict, all_of, at_least, at_most, control

from .._shared.kept import kept
from . import claim
from .experiment import LATENTS, survey
from .hypotheses import positive_variances
from .stages import Array, accuracy_up_to_swap, flux_normalised, two_means, vae_codes

SEEDS, OBJECTS, STEPS = (0, 1, 2), 3000, 600
FOLLOWS, HALVES, CLASSES = 0.8, 0.7, 0.65
"""Found for four seeds: correlations of 0.84 to 0.89, 0.73 to 0.78 of halves, 0.59 to 0.61 of classes."""


@kept
def codes(seed: int, normalised: bool) -> Array:
    """Return the codes of a VAE of images divided by one number, or by their fluxes."""
    images = survey(seed, OBJECTS).images
    pixels = images.reshape(len(images), -1)
    plain = (pixels - pixels.mean(0)) / pixels.std()
    return vae_codes(flux_normalised(images) if normalised else plain, LATENTS, STEPS, seed)


@claim.check(
    statement="S6",
    role="limits",
    method="experiment",
    relation=">=",
    states=(
        "where images are not divided by their fluxes, the first principal axis of the codes follows the logarithm of "
        f"the flux with a correlation of {FOLLOWS} or more in size, 2-means splits bright from faint (right in "
        f"{100 * HALVES:g} % or more) and is right in {100 * CLASSES:g} % of the classes or less: S3's largest variance"
    ),
    domain=f"{OBJECTS:,} images for each of {len(SEEDS)} seeds; {LATENTS} latents, {STEPS} Adam steps",
    hypotheses=(positive_variances,),
    controls=(
        control("images divided by their fluxes", normalised=True),
        control("fluxes of another survey", refutes=["*follows", "*halves"], other=100),
    ),
    tier="full",
    time_limit=300,
)
def the_flux_comes_first(run: Run, *, normalised: bool = False, other: int = 0) -> Verdict:
    """Halves are those above and below the median flux."""
    run.assume(positive_variances, 1.2)
    parts = {}
    for seed in SEEDS:
        found, labels = codes(seed, normalised), two_means(codes(seed, normalised), seed)
        flux = np.log(survey(seed + other, OBJECTS).flux)
        centred = found - found.mean(0)
        first = centred @ np.linalg.eigh(np.cov(centred.T))[1][:, -1]
        classes = accuracy_up_to_swap(labels, survey(seed, OBJECTS).is_galaxy)
        halves = accuracy_up_to_swap(labels, flux > np.median(flux))
        parts[f"seed {seed}, follows"] = at_least(abs(float(np.corrcoef(first, flux)[0, 1])), FOLLOWS)
        parts[f"seed {seed}, halves"] = at_least(halves, HALVES)
        parts[f"seed {seed}, classes"] = at_most(classes, CLASSES)
    return all_of(parts).weakened("experiment")
