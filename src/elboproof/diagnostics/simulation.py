"""The evidence of data that the model itself made, from both sides: whether sampling of this model can be trusted."""

import torch

from elboproof.diagnostics.diagnostic import Diagnostic, estimate, missing
from elboproof.diagnostics.plan import Plan
from elboproof.networks.annealed import annealed_sandwich, simulated
from elboproof.networks.yardstick import refined
from elboproof.networks.yardstick_posteriors import Posteriors

CHAINS, TEMPERATURES = 16, 100
CONFIDENCE = 0.95
NAMES = ("simulated, from below", "simulated, from above", "simulated, interval")


def of_simulation(plan: Plan) -> list[Diagnostic]:
    """Return the annealed sandwich of simulated data; nothing if none are asked for."""
    if not plan.simulated:
        return []
    model, generator = plan.fitted.joint, plan.generator("simulated")
    try:
        x, z = simulated(model, plan.simulated, plan.fitted.sizes[2], generator)
    except TypeError:
        return [missing(name, "this likelihood cannot be drawn from") for name in NAMES]
    zeros = torch.zeros_like(z)
    start = refined(model, x, Posteriors.diagonal(zeros, zeros), generator=generator)
    found = annealed_sandwich(
        model, x, z, start, chains=CHAINS, temperatures=TEMPERATURES, generator=generator
    )
    low, high = found.interval(CONFIDENCE)
    middle, half = (low + high) / 2, (high - low) / 2
    words = f"mean log p(x) of {plan.simulated} data drawn from the model, by annealing"
    return [
        estimate(NAMES[0], found.lower.mean, found.lower.error, words, bound="at least"),
        estimate(
            NAMES[1], found.upper.mean, found.upper.error, "backwards from the z behind them", bound="at most"
        ),
        estimate(NAMES[2], middle, half, f"+- as wide as holds with probability {CONFIDENCE}, by Markov"),
    ]
