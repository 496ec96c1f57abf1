"""S5: the unit of the pixels, where networks see data and give outputs in units of the data's own scale."""

from typing import TYPE_CHECKING

from elboproof.checking import Run, Verdict, all_of, at_most, control, equal

from . import claim
from .hypotheses import powers_of_two, several_seeds
from .intervals import differs_by
from .protocol import FULL, SMALL, trained
from .scores import amortised, means

if TYPE_CHECKING:
    import torch

SHORT = SMALL.but(steps=300, seeds=(0,))
"""Bits differ from the first rounding on: few steps show it."""
TEN = 2.0**10
SAME = 1e-9
"""Nats: scores are float64 sums of some hundred nats, and D log c is added."""


def largest_difference(first: "torch.nn.Module", second: "torch.nn.Module") -> float:
    """Return the largest difference of two networks' parameters."""
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def _same_networks(variant: str, factor: float, slip: float) -> dict[str, Verdict]:
    """Compare a run with those on data that are larger and smaller by a factor."""
    one, score = trained(SHORT, variant, 0), amortised(SHORT, variant, 0).mean()
    parts = {}
    for name, c in (("smaller", 1 / factor), ("larger", factor)):
        other = SHORT.but(scale=c, slip=slip)
        found = largest_difference(one.networks, trained(other, variant, 0).networks)
        parts[f"{name}: parameters"] = equal(found, 0.0, 0.0)
        parts[f"{name}: ELBO"] = at_most(abs(float(amortised(other, variant, 0).mean() - score)), SAME)
    return parts


def _whole(run: Run, variant: str, slip: float) -> Verdict:
    run.assume(powers_of_two, TEN)
    return all_of(_same_networks(variant, TEN, slip)).weakened("experiment")


DOMAIN = f"{SHORT.words}, factors 2^-10, 1, 2^10; inputs and outputs in units of the training set's own scale"
SLIPPED = control("one image of the training set a thousandth larger", slip=1.001)


@claim.check(
    statement="S5",
    role="confirms",
    method="experiment",
    relation="=",
    states=(
        "BILBO + BAGGINS networks are the same to the last bit after training on data multiplied by 2^-10, 1 and 2^10, "
        "and so are their ELBOs of the data in units of their scale, within 1e-9 nats"
    ),
    domain=DOMAIN,
    hypotheses=(powers_of_two,),
    controls=(
        SLIPPED,
        control("a learned likelihood variance", variant="vae-learned"),
        control("a fixed unit likelihood variance under the same floating prior", variant="bilbo"),
    ),
    time_limit=400,
)
def half_output_networks_know_no_scale(
    run: Run, *, variant: str = "bilbo-baggins", slip: float = 1.0
) -> Verdict:
    """Products with powers of two are exact, so that equality can be asked of bits."""
    return _whole(run, variant, slip)


@claim.check(
    statement="S5",
    role="sharpens",
    method="experiment",
    relation="=",
    states=(
        "a sigma-VAE, which learns posterior variances and has the closed-form likelihood variance, is the same to the "
        "last bit at all scales too: invariance comes from the closed form and from inputs and outputs in units of the "
        "data, and not from BILBO or BAGGINS"
    ),
    domain=DOMAIN,
    hypotheses=(powers_of_two,),
    controls=(
        SLIPPED,
        control("a learned likelihood variance", variant="vae-learned"),
    ),
    time_limit=400,
)
def the_closed_form_variance_knows_no_scale(
    run: Run, *, variant: str = "sigma-vae", slip: float = 1.0
) -> Verdict:
    """The same comparison for a VAE with all of its outputs."""
    return _whole(run, variant, slip)


THOUSAND = 1e3
CLOSE = 1.0
"""Nats: a share of the half nat and more that seeds differ by."""


@claim.check(
    statement="S5",
    role="confirms",
    method="experiment",
    relation="<=",
    states=(
        "at scales 1e-3 and 1e3, where numbers are rounded, the mean ELBO of BILBO + BAGGINS networks in units of the "
        "data's scale is within 1 nat of that at scale 1"
    ),
    domain=FULL.words,
    hypotheses=(several_seeds,),
    controls=(control("a learned likelihood variance", variant="vae-learned"),),
    tier="full",
    time_limit=3600,
)
def half_output_networks_at_scales_that_are_rounded(run: Run, *, variant: str = "bilbo-baggins") -> Verdict:
    """Rounding is amplified by training: parameters differ, scores do not."""
    run.assume(several_seeds, FULL.seeds)
    one = means(FULL, variant)
    parts = {
        f"times {c:g}": differs_by(means(FULL.but(scale=c), variant), one, -CLOSE, CLOSE)
        for c in (1 / THOUSAND, THOUSAND)
    }
    return all_of(parts)
