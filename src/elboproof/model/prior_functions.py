"""A prior's own functions, for models that have no expression: z(t), its energy and its tilt on one tape."""

from collections.abc import Sequence

from sympy import Symbol

from elboproof.model.placement import Placement
from elboproof.model.priors import Prior
from elboproof.model.quantities import Quantities
from elboproof.numbers.tape import Tape


def prior_functions(
    prior: Prior, latents: Sequence[Symbol], placement: Placement | None = None
) -> Quantities:
    """Return ``"decoder"``, which is z, ``"energy"`` and ``"tilted"``, functions of z or of a placement's t."""
    symbols = tuple(latents) if placement is None else placement.symbols

    def lowered(quantity: str, tape: Tape) -> list[int]:
        if quantity == "decoder":
            return [tape.lower(z) for z in (latents if placement is None else placement.place)]
        if quantity == "tilted":
            return [tape.lower(prior.tilt(latents))]
        energy = -prior.log_density(latents) if placement is None else placement.energy
        return [tape.lower(energy)]

    return Quantities(symbols, (), None, (), lowered, lambda: None)
