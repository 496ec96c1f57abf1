"""Priors that are weighted sums of others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.arguments import bad, record_text, suggesting, wrong_type
from elboproof.arrays import FloatArray, unwrapped
from elboproof.model.gaussian_posterior import Row
from elboproof.model.placement import Placement
from elboproof.model.priors import Prior
from elboproof.model.quantities import Interval
from elboproof.numbers.exact import exact, rational
from elboproof.numbers.functions import Softplus


@suggesting
@dataclass(frozen=True, init=False)
class Mixture(Prior):
    """A weighted sum of priors.

    Parameters
    ----------
    components
        Priors of the same number of latents: ``ep.Normal``, ``ep.Uniform``, normalised ``ep.PriorDensity``.
    weights
        As many positive numbers, whose sum is exactly 1: ``["0.3", "0.7"]``, for 0.3 and 0.7 are not what they seem.

    Raises
    ------
    TypeError, ValueError
        If they are not.

    Examples
    --------
    >>> import elboproof as ep
    >>> prior = ep.Mixture([ep.Normal(-1, "1/4"), ep.Normal(1, "1/4")], ["1/3", "2/3"])
    >>> model = ep.LatentModel("z", ["z"], ep.Gaussian(variance="3/4"), prior=prior)
    >>> print(ep.log_evidence(model, [1]).midpoint.round(8))  # log(N(1; -1, 1)/3 + 2 N(1; 1, 1)/3)
    -1.25892715
    """

    components: tuple[Prior, ...]
    weights: Row

    def __init__(self, components: Sequence[Prior], weights: Sequence[object]) -> None:
        given: object = components
        if not isinstance(given, list | tuple) or not given:
            raise wrong_type("components", components, "a list of priors, at least one")
        for k, part in enumerate(given):
            if not isinstance(part, Prior) or isinstance(part, Mixture):
                raise wrong_type(f"components[{k}]", part, "ep.Normal, ep.Uniform or ep.PriorDensity")
            if not part.normalised:
                raise bad(f"components[{k}]", part, "a normalised density, which a weight is the share of")
        shares = unwrapped(weights, "weights")
        if not isinstance(shares, list | tuple | np.ndarray) or len(shares) != len(given):
            raise bad("weights", weights, f"{len(given)} numbers, one for each component")
        row = tuple(exact(w, f"weights[{k}]") for k, w in enumerate(shares))
        for k, w in enumerate(row):
            if not w > 0:
                raise bad(f"weights[{k}]", shares[k], "a positive weight")
        if sum(row) != 1:
            raise bad(
                "weights",
                weights,
                f"weights whose sum is exactly 1, not {float(sum(row))!r}; strings are exact",
            )
        dims = {part.latent_dim for part in given} - {None}
        if len(dims) > 1:
            raise bad("components", components, "priors of the same number of latents")
        object.__setattr__(self, "components", tuple(given))
        object.__setattr__(self, "weights", row)

    __repr__ = record_text

    @property
    def latent_dim(self) -> int | None:
        """The number of latents, None if any fits."""
        return next((part.latent_dim for part in self.components if part.latent_dim is not None), None)

    def domain(self, d: int) -> tuple[Interval, ...]:
        """Return the smallest box that holds the domains of all components."""
        boxes = zip(*(part.domain(d) for part in self.components), strict=True)
        return tuple((min(a for a, _ in axis), max(b for _, b in axis)) for axis in boxes)

    def log_density(self, latents: Sequence[Symbol]) -> Expr:
        """Return log sum_k w_k p_k(z), as nested softplus: of exponentials far below the least float nothing is lost.

        Raises
        ------
        ValueError
            If a component's domain is not that of all: no one expression then holds everywhere.
        """
        d = len(latents)
        if any(part.domain(d) != self.domain(d) for part in self.components):
            raise bad("prior", self, "components with the same domain, for a density that is one expression")
        parts = [
            part.log_density(latents) + sympy.log(rational(weight, "weight"))
            for part, weight in zip(self.components, self.weights, strict=True)
        ]
        return log_sum_exp(parts)

    def require_latents(self, latents: Sequence[Symbol]) -> None:
        """Raise ``ValueError`` unless all components are priors of these latents."""
        for part in self.components:
            part.require_latents(latents)

    def placement(self, latents: Sequence[Symbol]) -> Placement | None:  # noqa: ARG002
        """Raise: the evidence of a mixture is the sum of its components' evidences."""
        raise bad("prior", self, "a prior that is no mixture, of which each component has a placement")

    def scales(self, d: int) -> tuple[FloatArray, FloatArray]:
        """Return the mixture's mean and covariance factor."""
        means, factors = zip(*(part.scales(d) for part in self.components), strict=True)
        shares = np.array([float(w) for w in self.weights])
        mean = shares @ np.array(means)
        spread = [f @ f.T + np.outer(m - mean, m - mean) for m, f in zip(means, factors, strict=True)]
        return mean, np.asarray(np.linalg.cholesky(np.einsum("k,kij->ij", shares, np.array(spread))))


def log_sum_exp(parts: Sequence[Expr]) -> Expr:
    """Return log sum_k exp(l_k) = l_1 + softplus(log sum of the others - l_1), a function of differences."""
    total = parts[-1]
    for part in reversed(parts[:-1]):
        total = part + Softplus(sympy.expand(total - part) if not total.has(Softplus) else total - part)
    return total
