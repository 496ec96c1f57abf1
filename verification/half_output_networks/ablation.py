"""S4: which half of BILBO does what: posterior variances constant or learned, the prior fixed or floating."""

import math
from typing import TYPE_CHECKING

from elboproof.checking import Run, Verdict, all_of, control

from . import claim
from .hypotheses import several_seeds
from .intervals import differs_by
from .protocol import FULL, SMALL, Protocol
from .scores import means

if TYPE_CHECKING:
    import torch

CELLS = {
    ("learned", "fixed"): "sigma-vae",
    ("learned", "floating"): "sigma-vae-floating",
    ("constant", "fixed"): "sigma-vae-shared",
    ("constant", "floating"): "bilbo-closed",
}
"""By posterior variance and prior; all with the closed-form likelihood variance."""
LITTLE = 0.5
"""Nats: a gain that would count."""


def effects(protocol: Protocol, score: str = "amortised") -> "dict[str, tuple[torch.Tensor, torch.Tensor]]":
    """Return for each factor the mean scores of all seeds with and without it, each the mean of two cells."""
    cell = {place: means(protocol, variant, score) for place, variant in CELLS.items()}

    def mean(place: int, value: str) -> "torch.Tensor":
        first, second = (found for key, found in cell.items() if key[place] == value)
        return (first + second) / 2

    return {
        "constant variance": (mean(0, "constant"), mean(0, "learned")),
        "floating prior": (mean(1, "floating"), mean(1, "fixed")),
    }


def shares(protocol: Protocol, score: str = "amortised") -> str:
    """Return how much each half of BILBO brings: its main effect. The two add up to the gain of both."""
    found = {name: float((a - b).mean()) for name, (a, b) in effects(protocol, score).items()}
    both = means(protocol, CELLS["constant", "floating"], score) - means(
        protocol, CELLS["learned", "fixed"], score
    )
    brings = " and ".join(f"the {name} brings {value:+.2f}" for name, value in found.items())
    return f"of {float(both.mean()):+.2f} nats, {score}, that both give together {brings}"


def decided(run: Run, protocol: Protocol, gains: tuple[str, ...], *, beside: str = "") -> Verdict:
    """Decide that each factor brings half a nat and more if it is one of the gains, and no more else."""
    run.assume(several_seeds, protocol.seeds)
    found = effects(protocol)
    borders = {name: (LITTLE, math.inf) if name in gains else (-math.inf, LITTLE) for name in found}
    parts = {name: differs_by(*pair, *borders[name], beside=beside) for name, pair in found.items()}
    data = {" and ".join(place): means(protocol, variant).tolist() for place, variant in CELLS.items()}
    refined = {
        f"{' and '.join(place)}, refined": means(protocol, variant, "refined").tolist()
        for place, variant in CELLS.items()
    }
    return all_of(parts).with_data(**data, **refined)


STATES = (
    "of the two halves of BILBO, on digits, neither brings half a nat of amortised ELBO: not the constant posterior "
    "variance in place of learned ones, nor the floating prior in place of N(0, I) (main effects of the 2 x 2 ablation "
    "under one yardstick that refits the prior of all)"
)
CONTROLS = (
    control("the floating prior brings half a nat", refutes="floating prior", gains=("floating prior",)),
    control(
        "the constant variance brings half a nat", refutes="constant variance", gains=("constant variance",)
    ),
)


@claim.check(
    statement="S4",
    role="limits",
    method="experiment",
    relation="<=",
    states=STATES,
    domain=f"{SMALL.words}; 95 % intervals over the seeds",
    hypotheses=(several_seeds,),
    controls=CONTROLS,
    time_limit=1800,
)
def neither_half_of_bilbo_gains(run: Run, *, gains: tuple[str, ...] = ()) -> Verdict:
    """Both factors in all four combinations."""
    return decided(run, SMALL, gains)


@claim.check(
    statement="S4",
    role="limits",
    method="experiment",
    relation="<=",
    states=STATES,
    domain=f"{FULL.words}; 95 % intervals over the seeds",
    hypotheses=(several_seeds,),
    controls=CONTROLS,
    tier="full",
    time_limit=7200,
)
def neither_half_of_bilbo_gains_at_full_size(run: Run, *, gains: tuple[str, ...] = ()) -> Verdict:
    """The same for networks of the full protocol."""
    return decided(run, FULL, gains)
