"""S5: the statements once more for hidden Markov models, where every law is a sum over few states and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, control, property_holds

from . import claim
from .hypotheses import positive_laws

Array = NDArray[np.float64]
EXAMPLES = 60
EXACT = 1e-11
"""In nats: sums of at most 216 terms. The models' gaps are larger by many orders."""


@dataclass(frozen=True)
class Chain:
    """Three states z1, z2, z3 with outputs x1, x2, x3.

    Attributes
    ----------
    start : (n,)
    jump : (n, n)
        p(z'|z), rows are laws.
    seen : (n, m)
        p(x|z).
    """

    start: Array
    jump: Array
    seen: Array

    @property
    def joint(self) -> Array:
        """Return p(z1, z2, z3, x1, x2, x3)."""
        laws = self.start, self.jump, self.jump, self.seen, self.seen, self.seen
        joint: Array = np.einsum("a,ab,bc,ax,by,cw->abcxyw", *laws)
        return joint

    def filtered(self) -> tuple[Array, Array, Array]:
        """Return p(z1|x1), p(z2|x1, x2), p(z3|x1, x2, x3) by the recursion; outputs first, states last."""
        first = _normalised(self.start * self.seen.T)
        second = _normalised(np.einsum("xa,ab,by->xyb", first, self.jump, self.seen))
        return first, second, _normalised(np.einsum("xya,ab,bw->xywb", second, self.jump, self.seen))


def _normalised(weights: Array) -> Array:
    law: Array = weights / weights.sum(-1, keepdims=True)
    return law


def entropy(joint: Array, axes: tuple[int, ...]) -> float:
    """Return the entropy in nats of some axes of a joint law."""
    others = tuple(axis for axis in range(joint.ndim) if axis not in axes)
    law = joint.sum(others)
    return float(-(law * np.log(law)).sum())


def information(joint: Array, of: tuple[int, ...], about: tuple[int, ...], given: tuple[int, ...]) -> float:
    """Return I(of; about | given) in nats."""
    return (
        entropy(joint, of + given)
        + entropy(joint, about + given)
        - entropy(joint, of + about + given)
        - entropy(joint, given)
    )


def _one_step(chain: Chain, twist: str) -> bool:
    """Whether each draw of the loss at (z1, z2, x1, x2) is -log p(x2|x1), the latter from the joint law."""
    first, second, _ = chain.filtered()
    ahead = first @ chain.jump  # (x, b)
    late = np.broadcast_to(ahead[:, None], second.shape) if twist == "unseen" else second
    smooth = first[:, :, None] * chain.jump / ahead[:, None]  # (x, a, b)
    ratio = (
        chain.seen.T[None, :, None] * chain.jump * (first[:, :, None] / smooth)[:, None] / late[:, :, None]
    )
    pair = chain.joint.sum((0, 1, 2, 5))
    evidence = pair / pair.sum(1, keepdims=True)
    return bool(np.abs(np.log(ratio) - np.log(evidence)[..., None, None]).max() <= EXACT)


def _mean_gap(chain: Chain, smoother: str) -> float:
    """Return E log p(x3|x1) + E loss for the pair (z1, z3), exact beliefs; q_S "early" or knowing "b2"."""
    joint = chain.joint.sum(1)  # a c x y w
    first, _, third = chain.filtered()
    two = chain.jump @ chain.jump
    target = np.einsum("xyw,xywc->cxyw", joint.sum((0, 1)), third)  # p(x1, x2, x3) p_B(z3|b3)
    if smoother == "early":
        smooth = np.einsum("xa,ac->acx", first, two)
        smooth = (smooth / smooth.sum(0))[..., None, None] + 0 * joint
    else:
        smooth = joint / joint.sum(0)
    weight = target[None] * smooth
    loss = np.log(smooth) - np.log(first.T)[:, None, :, None, None] - np.log(two)[:, :, None, None, None]
    loss = loss + np.log(third.transpose(3, 0, 1, 2))[None] - np.log(chain.seen)[None, :, None, None, :]
    pair = joint.sum((0, 1, 3))  # x1 x3
    evidence = float((pair * np.log(pair / pair.sum(1, keepdims=True))).sum())
    return float((weight * loss).sum()) + evidence


def _aggregate(chain: Chain, twist: str) -> bool:
    """Whether smoothers p(z1|z3, x1, x2) of what follows x1 average to p(z1|x1)."""
    first, _, third = chain.filtered()
    joint = chain.joint.sum(1)
    smooth = joint / joint.sum(0)
    outputs = joint.sum((0, 1))
    follows = outputs / outputs.sum((1, 2), keepdims=True)
    if twist == "unweighted":
        follows = np.full_like(follows, 1 / follows[0].size)
    mean = np.einsum("xyw,xywc,acxyw->xa", follows, third, smooth)
    return bool(np.abs(mean - first).max() <= EXACT)


def _pushed(chain: Chain, late: Array, twist: str) -> bool:
    """Whether the loss with the best smoother is KL(p_B(.|b2) || pushed), for beliefs that are not exact."""
    early, two = chain.start, chain.jump @ chain.jump
    ahead = early @ two
    smooth = early[:, None] * two / ahead
    loss = np.log(smooth / early[:, None]) + np.log(late) - np.log(two)
    pair = (ahead, late) if twist == "turned" else (late, ahead)
    stated = float((pair[0] * np.log(pair[0] / pair[1])).sum())
    return bool(abs(float((late * smooth * loss).sum()) - stated) <= EXACT)


def _mixture(chain: Chain, other: Array, twist: str) -> bool:
    """Whether no jump costs less than the mixture of one and two steps, which costs I(Delta; z'|z)."""
    laws = np.stack([chain.jump, chain.jump @ chain.jump])
    mixture = laws[0] if twist == "one step" else laws.mean(0)
    cost = [
        float(0.5 * np.einsum("a,dab,dab->", chain.start, laws, np.log(laws / one)))
        for one in (mixture, np.broadcast_to(other, mixture.shape))
    ]
    joint = 0.5 * chain.start[:, None] * laws  # Delta z z'
    told = information(joint, (0,), (2,), (1,))
    return bool(abs(cost[0] - told) <= EXACT and cost[0] <= cost[1] + EXACT)


def _update(chain: Chain, target: Array, twist: str) -> bool:
    """Whether KL(target || pushed belief) does not rise from one update to the next."""
    belief, values = chain.start, []
    for _ in range(5):
        ahead = belief @ chain.jump
        values.append(float((target * np.log(target / ahead)).sum()))
        ratio = ahead / target if twist == "upside down" else target / ahead
        belief = _normalised(belief * (chain.jump @ ratio))
    return bool((np.diff(values) <= EXACT).all())


@claim.check(
    statement="S5",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "for hidden Markov models all laws of which are enumerated: one-step losses are -log p(x2|x1) at every draw "
        "(S1); the gap of a jump over one output is I(z3; x2|x1, x3) with q_S = p(z1|z3, x1), and I(z1, z3; x2|x1, "
        "x3) with a smoother that knows b2 (S2); smoothers average to the filter (S3); the mixture of jumps is the "
        "best untold jump (S4); S7's divergence for beliefs that are not exact; updates never raise KL(target || "
        "pushed belief) (S8)"
    ),
    domain=f"{EXAMPLES} generated models of 2 or 3 states and 2 or 3 outputs, three times; within {EXACT:g} nats",
    hypotheses=(positive_laws,),
    controls=(
        control("a belief that did not see its output", refutes="one step", twist="unseen"),
        control("the gap of the other smoother", refutes=["gap", "gap, b2"], twist="exchanged"),
        control("smoothers unweighted", refutes="filter", twist="unweighted"),
        control("the divergence turned round", refutes="pushed belief", twist="turned"),
        control("one step for the mixture", refutes="mixture", twist="one step"),
        control("weights upside down", refutes="update", twist="upside down"),
    ),
)
def hidden_markov_models(run: Run, *, twist: str = "") -> Verdict:
    """Filters by the recursion, what they are compared with from the joint law."""

    def holds(numbers: list[int], size: int, outputs: int) -> Mapping[str, bool]:
        chain, late = _chain(run, numbers, size, outputs)
        joint = chain.joint
        told = [information(joint, of, (4,), (3, 5)) for of in ((2,), (0, 2))]
        if twist == "exchanged":
            told.reverse()
        gaps = [_mean_gap(chain, smoother) for smoother in ("early", "b2")]
        return {
            "one step": _one_step(chain, twist),
            "gap": abs(gaps[0] - told[0]) <= EXACT,
            "gap, b2": abs(gaps[1] - told[1]) <= EXACT,
            "filter": _aggregate(chain, twist),
            "pushed belief": _pushed(chain, late, twist),
            "mixture": _mixture(chain, late, twist),
            "update": _update(chain, late, twist),
        }

    entries = st.lists(st.integers(1, 9), min_size=24, max_size=24)
    return property_holds(
        entries,
        st.integers(2, 3),
        st.integers(2, 3),
        property=holds,
        examples=EXAMPLES,
        seed=run.integer_seed,
    )


def _chain(run: Run, numbers: list[int], size: int, outputs: int) -> tuple[Chain, Array]:
    """Return a chain and another law of its states, from positive whole numbers."""
    values = np.array(numbers, dtype=np.float64)
    start, late = _normalised(values[:size]), _normalised(values[3 : 3 + size])
    jump = _normalised(values[6 : 6 + size * size].reshape(size, size))
    seen = _normalised(values[15 : 15 + size * outputs].reshape(size, outputs))
    run.assume(positive_laws, start, late, *jump, *seen)
    return Chain(start, jump, seen), late
