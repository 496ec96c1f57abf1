"""S5 on digits: the aggregate posterior of few training data as a prior of data held out."""

from elboproof.checking import Run, Verdict, all_of, at_least, at_most, control

from . import claim
from .digits import ONE, log_unit, on_digits
from .hypotheses import positive_variance
from .networks import VARIANCE, Codes, trained

SMALL = (10, 30)
"""Codes of which an aggregate is made that loses on data held out."""


def aggregate_gains(seed: int, size: int, own: bool) -> tuple[float, float]:
    """Return what the aggregate of ``size`` training codes gains over N(0, I): on these, and on data held out.

    With ``own`` the second is what the aggregate of ``size`` held-out codes gains on these.
    """
    import torch

    from elboproof import objectives

    def gain(codes: Codes, made_of: Codes) -> float:
        with torch.no_grad():
            aggregate = objectives.aggregate_posterior_log_prob(codes.z, made_of.means, made_of.log_stds)
            return float((aggregate - log_unit(codes.z)).mean())

    unit = trained(seed).unit
    train, test = (
        Codes(part.means[:size], part.log_stds[:size], part.z[:, :size], part.fit[:, :size])
        for part in (unit.train, unit.test)
    )
    return gain(train, train), gain(test, test) if own else gain(unit.test, train)


@claim.check(
    statement="S5",
    role="limits",
    method="experiment",
    relation=">",
    states=(
        f"the aggregate posterior of {' or '.join(map(str, SMALL))} training digits gains 1 nat or more as a prior of "
        "these over N(0, I), and on digits held out it loses against N(0, I)"
    ),
    domain=f"{on_digits(ONE)}, under N(0, I)",
    hypotheses=(positive_variance,),
    controls=(
        control("the held-out digits' own aggregate", refutes="held out*", own=True),
        control("N(0, I) gains on the training digits", refutes="training*", sign=-1),
    ),
    time_limit=240,
)
def a_small_aggregate_overfits(run: Run, *, own: bool = False, sign: int = 1) -> Verdict:
    """With all training digits it gains on those held out as well."""
    run.assume(positive_variance, VARIANCE)
    parts = {}
    for size in SMALL:
        here, there = aggregate_gains(ONE[0], size, own)
        parts[f"training, {size} digits"] = at_least(sign * here, 1.0)
        parts[f"held out, {size} digits"] = at_most(there, 0.0)
    sizes = (10, 30, 100, 300, 1297)
    gains = [aggregate_gains(ONE[0], size, False) for size in sizes]
    recorded = {"size": sizes, "training": [a for a, _ in gains], "held out": [b for _, b in gains]}
    return all_of(parts).weakened("experiment").with_data(**recorded)
