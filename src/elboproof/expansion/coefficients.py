"""The gap's coefficients as functions of the latent, for data whose mode is that latent: exact expressions.

A Gaussian likelihood's variance v and one over the number n of replicates play the same part: the energy is V + W / v
with W = |x - f|^2 / 2, or V + n W with W = -log p(x|z), x the mean of the n data. For an exponential family, whose log
density is affine in x, the mode of W is z where x is the mean of the family at z.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol
from sympy.utilities.iterables import multiset_permutations

from elboproof.arguments import bad, plain, wrong_type
from elboproof.expansion.asymptotics import HIGHEST_ORDER, Expansion
from elboproof.expansion.hypotheses import metric_of
from elboproof.expansion.misfit import Misfit
from elboproof.expansion.modes import Curved, exact_mode
from elboproof.expansion.replicates import OF_EXP
from elboproof.expansion.wick import Tensor
from elboproof.model.latent_model import LatentModel, no_model
from elboproof.model.likelihood import Gaussian


def gap_coefficient(model: LatentModel, order: int = 1) -> Expr:
    """Return the gap's coefficient of v^order at the mean's own latent, an expression in the model's latents.

    Parameters
    ----------
    model
        Written as expressions. With a Gaussian likelihood v is its variance and x = f(z). With an exponential family
        (log density affine in x, such as Bernoulli, binomial, Poisson, gamma and categorical) v = 1/n for n replicates
        of x, whose mean is that of the family at z.
    order
        From 1 to the highest one carried.

    Returns
    -------
    Expr
        In nats.

    Raises
    ------
    TypeError
        If the decoder is a network, or the log density is not affine in x.
    ValueError
        If the order is not between 1 and the highest one carried.

    Notes
    -----
    Derivation in ``wick.py`` and ``asymptotics.py``: the engine asks for the derivatives of W alone. For one latent,
    natural parameters t(z), metric G and third cumulants C the coefficient of 1/n is
    (3 t''Gt' + C(t', t', t'))^2 / (12 (t'Gt')^3).

    Examples
    --------
    >>> import elboproof as ep
    >>> from elboproof.expansion.coefficients import gap_coefficient
    >>> gap_coefficient(ep.LatentModel("z", ["z"], ep.Poisson()))
    exp(-z)/12
    """
    # the mode is the latents' own symbols, so that x is the mean of the family there identically
    given: object = plain(order)
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= HIGHEST_ORDER:
        raise bad("order", order, f"a power of the variance from 1 to {HIGHEST_ORDER}")
    curved = _curved(model)
    mode = exact_mode(curved, tuple(model.latents))
    if isinstance(curved, Replicates):
        mode = replace(mode, tidy=sympy.cancel, invert=_inverse)
    return Expansion(mode, given).gap[given - 1]


def _inverse(matrix: Tensor) -> Tensor:
    return np.array(sympy.Matrix(matrix).inv().applyfunc(sympy.cancel).tolist(), dtype=object)


def _curved(model: LatentModel) -> Curved:
    if not isinstance(model, LatentModel):
        raise no_model(model)
    if not model.decoder:
        raise wrong_type("model", model, "a model written as expressions, not a network")
    if isinstance(model.likelihood, Gaussian):
        return Misfit(model, tuple(model.decoder), metric_of(model.likelihood, model.data_dim))
    return Replicates(model)


@dataclass(frozen=True)
class Replicates:
    """W(z) = -log p(x|z) of an exponential family, with x the family's mean at the point of its derivatives."""

    model: LatentModel

    @cached_property
    def _data(self) -> tuple[Symbol, ...]:
        return tuple(Symbol(f"x_{j}", real=True) for j in range(self.model.data_dim))

    @cached_property
    def _misfit(self) -> Expr:
        return -self.model.likelihood.log_density(self.model.decoder, self._data)

    @cached_property
    def _means(self) -> dict[Symbol, Expr]:
        """E[x_j] at the latents, from the mean scores of the outputs, which are zero."""
        outputs = [Symbol(f"f_{j}", real=True) for j in range(self.model.data_dim)]
        density = self.model.likelihood.log_density(outputs, self._data)
        at = dict(zip(outputs, self.model.decoder, strict=True))
        nothing = dict.fromkeys(self._data, 0)
        # the score in output j is a x_j - b for these families: an x of its own with the slope a, free of all x
        found = {}
        for f, x in zip(outputs, self._data, strict=True):
            score = density.diff(f)
            slope = score.diff(x)
            if slope == 0 or slope.free_symbols & set(self._data) or sympy.expand(score).coeff(x, 2) != 0:
                raise wrong_type(
                    "model.likelihood",
                    self.model.likelihood,
                    "a family whose log density is affine in x, or ep.Gaussian",
                )
            found[x] = (-score.subs(nothing) / slope).subs(at, simultaneous=True)
        return found

    def exact_derivative(self, order: int, point: tuple[Expr, ...]) -> Tensor:
        """Return D^k W at a point, shape (d,) * k, x being the mean there."""
        d, values = self.model.latent_dim, dict(zip(self.model.latents, point, strict=True))
        result = np.empty((d,) * order, dtype=object)
        for direction in combinations_with_replacement(range(d), order):
            slope: Any = self._misfit.diff(*(self.model.latents[a] for a in direction)).subs(self._means)
            # rational in exponentials for the families of this package: the quick way to a short form
            number = sympy.cancel(slope.subs(values, simultaneous=True).rewrite(OF_EXP, sympy.exp))
            for place in multiset_permutations(list(direction)):
                result[tuple(place)] = number
        return result
