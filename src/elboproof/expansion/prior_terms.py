"""The prior's part V = -log p(z) of the energy, with its derivatives at a mode, in SymPy's numbers and in balls."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy import Expr
from sympy.utilities.iterables import multiset_permutations

from elboproof.arguments import bad
from elboproof.expansion.wick import Tensor
from elboproof.model.latent_model import LatentModel
from elboproof.model.quantities import EVERYWHERE
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.functions import JumpError


def require_smooth_prior(model: LatentModel) -> None:
    """Raise ``ValueError`` unless the prior is positive on all of R^d, with derivatives of all orders."""
    if any(ends != EVERYWHERE for ends in model.prior.domain(model.latent_dim)):
        raise bad(
            "prior",
            model.prior,
            "one that is positive on all of R^d: the ELBO of every Gaussian q is -inf, and the gap infinite",
        )
    try:
        model.prior_quantities.compiled("energy", 2, REAL_BALLS)
    except JumpError as error:
        raise bad("prior", model.prior, "a density with derivatives of all orders") from error


def exact_prior(model: LatentModel, order: int, point: tuple[Expr, ...]) -> Tensor | None:
    """Return D^k V at an exact point, shape (d,) * k; None where it is zero."""
    if model.prior.standard:
        return _standard(order, np.array(point, dtype=object), sympy.Integer(1))
    energy = -model.prior.log_density(model.latents)
    values = dict(zip(model.latents, point, strict=True))

    def at(direction: tuple[int, ...]) -> Expr:
        return sympy.simplify(
            energy.diff(*(model.latents[a] for a in direction)).subs(values, simultaneous=True)
        )

    return _tensor(model.latent_dim, order, [at(c) for c in _directions(model.latent_dim, order)])


def ball_prior(model: LatentModel, order: int, point: tuple[arb, ...]) -> Tensor | None:
    """Return enclosures of D^k V over a box, shape (d,) * k; None where it is zero."""
    if model.prior.standard:
        return _standard(order, np.array(point, dtype=object), arb(1))
    values = model.prior_quantities.compiled("energy", order, REAL_BALLS)(*point)
    return _tensor(model.latent_dim, order, list(values))


def _standard(order: int, point: Tensor, one: Any) -> Tensor | None:
    # V = |z|^2 / 2 up to a constant: z0, the identity, and zero beyond
    if order == 1:
        return point
    return np.eye(len(point), dtype=int) * one if order == 2 else None


def _directions(d: int, order: int) -> list[tuple[int, ...]]:
    return list(combinations_with_replacement(range(d), order))


def _tensor(d: int, order: int, values: list[Any]) -> Tensor:
    # partial derivatives commute: one value for all orders of a direction
    result = np.empty((d,) * order, dtype=object)
    for direction, value in zip(_directions(d, order), values, strict=True):
        for place in multiset_permutations(list(direction)):
            result[tuple(place)] = value
    return result
