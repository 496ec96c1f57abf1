"""S5: where the best Gaussian and the posterior differ, for two preimages."""

import numpy as np

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, equal

from . import claim
from .several_preimages import two_preimages

CASES = {"at a preimage": ("0.7", "1/100", 0.5005), "at 0": ("0.6", "9/100", 0.4404)}
"""x, sigma^2, and the distance in total variation."""
TOLERANCE = 2e-4
"""Ten times as many points on the grid change the sums by 3e-5."""
SIDES, POINTS = (-2.0, 2.0), 401


@claim.check(
    statement="S5",
    role="limits",
    method="numeric",
    relation="=",
    states=(
        "f(z) = z^2: the distance in total variation between p(z|x) and the best stationary Gaussian found is "
        f"{' and '.join(str(distance) for _, _, distance in CASES.values())}, within {TOLERANCE}"
    ),
    domain=(
        f"{' and '.join(f'x = {x}, sigma^2 = {v} (m {name})' for name, (x, v, _) in CASES.items())}; float64, sums "
        f"over {POINTS} latents in [{SIDES[0]:g}, {SIDES[1]:g}]"
    ),
    hypotheses=(two_preimages,),
    controls=(
        control("a decoder that can be inverted: z + z^3/5", decoder="z+z**3/5"),
        control("a Gaussian with 5 % more variance", spread=1.05),
    ),
)
def gaussians_miss_the_posterior(run: Run, *, decoder: str = "z**2", spread: float = 1.0) -> Verdict:
    """Of two Gaussians with one ELBO that of the larger mean is taken; the curves are for the figure."""
    parts = {}
    z = np.linspace(*SIDES, POINTS)
    for name, (x, variance, stated) in CASES.items():
        run.assume(two_preimages, float(x))
        model = ep.LatentModel("z", [decoder], ep.Gaussian(variance=variance))
        log_p = float(ep.log_evidence(model, [x]).midpoint)
        points = ep.stationary_posteriors(model, [x])
        q = max(points, key=lambda p: (round(float(p.elbo.midpoint), 9), float(p.mean.midpoint[0])))
        m, s = float(q.mean.midpoint[0]), spread * float(q.covariance.midpoint[0, 0])
        posterior = np.exp(-np.array([model.floating.energy([t], [float(x)]) for t in z]) - log_p)
        gaussian = np.exp(-((z - m) ** 2) / (2 * s)) / np.sqrt(2 * np.pi * s)
        distance = np.abs(posterior - gaussian).sum() * (z[1] - z[0]) / 2
        parts[name] = equal(distance, stated, TOLERANCE).with_data(
            z=z, posterior=posterior, gaussian=gaussian, gap=[log_p - float(q.elbo.midpoint)]
        )
    return all_of(parts)
