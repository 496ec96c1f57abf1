"""S10: what b, the batch, the latents and the length of training do to half-output networks."""

import math
from typing import Any

from elboproof.checking import Run, Verdict, all_of, control

from . import claim
from .hypotheses import several_seeds
from .intervals import differs_by
from .protocol import SMALL
from .scores import means

HALF, RIVAL = "bilbo-baggins", "sigma-vae"
SETTINGS: dict[str, tuple[dict[str, Any], float, float]] = {
    "400 steps": ({"steps": 400}, -math.inf, -2.0),
    "batches of 32": ({"batch": 32}, -math.inf, -0.5),
    "2 latents": ({"latents": 2}, -math.inf, -8.0),
    "16 latents": ({"latents": 16}, -2.0, 2.0),
    "b = 1": ({"bits": 1.0}, -math.inf, -2.0),
    "b = 2": ({"bits": 2.0}, -2.0, 2.0),
}
"""By name: what is changed in the small protocol, and the interval in which the mean amortised ELBO then changes."""


@claim.check(
    statement="S10",
    role="sharpens",
    method="experiment",
    relation="<",
    states=(
        "the amortised ELBO of BILBO + BAGGINS networks falls with 400 steps instead of 1200 (by 2 nats and more), "
        "with batches of 32 for as many steps (half a nat), with 2 latents instead of 8 (8 nats) and with b = 1 (2 "
        "nats); 16 latents and b = 2 change it by no more than 2 nats"
    ),
    domain=f"{SMALL.words}, but for the setting; 95 % intervals over the seeds",
    hypotheses=(several_seeds,),
    controls=(control("10 nats more in each", more=10.0),),
    tier="full",
    time_limit=7200,
)
def settings_that_matter(run: Run, *, more: float = 0.0) -> Verdict:
    """The differences from the sigma-VAE under the same settings are recorded beside, without a verdict."""
    run.assume(several_seeds, SMALL.seeds)
    base, parts, data = means(SMALL, HALF), {}, {}
    for name, (changes, low, high) in SETTINGS.items():
        protocol = SMALL.but(**changes)
        found = means(protocol, HALF)
        rival = means(protocol.but(bits=SMALL.bits), RIVAL)
        parts[name] = differs_by(found + more, base, low, high)
        data[f"{name}, less the sigma-VAE"] = (found - rival).tolist()
    return all_of(parts).with_data(**data)
