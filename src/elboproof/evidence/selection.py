"""Which latents are integrated out exactly: as many as enter the decoder linearly together."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from sympy import Rational

from elboproof.model.independence import independent
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.model.linearity import Outputs, outputs_of
from elboproof.model.priors import Normal

MOST_SEARCHED = 16
"""Latents in pairs up to which the largest set is found; of more, one that no latent can be added to."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The latents of a model in two parts.

    Attributes
    ----------
    outputs : Outputs
        The decoder.
    linear : tuple of int
        The latents that are integrated out; no output has a pair of them.
    rest : tuple of int
        The others, ~ N(0, I).
    variances : tuple of Fraction
        Of the linear latents, which are independent of each other and of the rest, with mean 0.
    """

    outputs: Outputs
    linear: tuple[int, ...]
    rest: tuple[int, ...]
    variances: tuple[Fraction, ...]


@lru_cache(maxsize=16)
def selection(model: LatentModel) -> Selection | None:
    """Return what is integrated out of a model; None where nothing can be."""
    # latents that are not normal are integrated in coordinates of their own; the bounds of other likelihoods may grow
    # with |z|, and only N(0, I) falls off in it
    prior, constant = model.prior, has_constant_covariance(model)
    if not isinstance(prior, Normal) or not (prior.standard or constant):
        return None
    if (outputs := outputs_of(model)) is None:
        return None
    chosen = _linear(outputs) if constant else _unused(outputs, model.latent_dim)
    rest = tuple(k for k in range(model.latent_dim) if k not in chosen)
    if not chosen or prior.standard:
        return Selection(outputs, chosen, rest, (Fraction(1),) * len(chosen)) if chosen else None
    outputs, variances = independent(outputs, prior, [*rest, *chosen], len(rest))
    first = len(rest)
    return Selection(outputs, tuple(range(first, model.latent_dim)), tuple(range(first)), variances)


def has_constant_covariance(model: LatentModel) -> bool:
    """Whether p(x|z) is a Gaussian around the decoder whose covariance is a matrix of numbers."""
    likelihood = model.likelihood
    if not isinstance(likelihood, Gaussian):
        return False
    rows = likelihood.covariance or (likelihood.variance or (None,),)
    return all(isinstance(entry, Rational) for row in rows for entry in row)


def _unused(outputs: Outputs, latents: int) -> tuple[int, ...]:
    """Return the latents that no output depends on, whatever the likelihood; one latent at least is kept."""
    unused = [k for k in range(latents) if not outputs.on >> k & 1]
    return tuple(unused if len(unused) < latents else unused[1:])


def _linear(outputs: Outputs) -> tuple[int, ...]:
    """Return a largest set of latents without pairs, of several one with the most constant coefficients."""
    pairs = outputs.pairs
    able = [k for k, mask in enumerate(pairs) if not mask >> k & 1]
    inside = sum(1 << k for k in able)
    free = [k for k in able if not pairs[k] & inside]
    return tuple(sorted([*free, *_unpaired([k for k in able if k not in free], pairs, _constants(outputs))]))


def _constants(outputs: Outputs) -> list[int]:
    """Return by latent how many outputs it enters with a coefficient that depends on no other."""
    return [
        sum(bool(each.on >> k & 1) and not each.pairs[k] for each in outputs.dependences)
        for k in range(len(outputs.pairs))
    ]


def _unpaired(left: Sequence[int], pairs: Sequence[int], constants: Sequence[int]) -> list[int]:
    """Return a largest set of latents no two of which are in a pair; only a maximal one of many latents."""
    if not left:
        return []
    # the latent in the most pairs is taken or left out; where there are too many for both, the one in the fewest is
    # taken
    inside = sum(1 << k for k in left)
    degree = {k: (pairs[k] & inside).bit_count() for k in left}
    greedy = len(left) > MOST_SEARCHED
    k = min(left, key=lambda j: degree[j] if greedy else -degree[j])
    others = [j for j in left if j != k]
    with_it = [k, *_unpaired([j for j in others if not pairs[k] >> j & 1], pairs, constants)]
    if greedy or not degree[k]:
        return with_it
    without = _unpaired(others, pairs, constants)
    return max(with_it, without, key=lambda chosen: (len(chosen), sum(constants[j] for j in chosen)))
