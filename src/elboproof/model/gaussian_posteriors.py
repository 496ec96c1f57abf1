"""Gaussian approximate posteriors of many data points: an encoder's means and variances, as arrays."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elboproof.arguments import Sealed, suggesting, wrong_type
from elboproof.arrays import plain_array
from elboproof.model.gaussian_posterior import GaussianPosterior

Posteriors = "GaussianPosterior | Sequence[GaussianPosterior] | GaussianPosteriors"


@suggesting
@dataclass(frozen=True, init=False)
class GaussianPosteriors(Sealed):
    """q(z|x_n) = N(z; mean_n, covariance_n) for n = 1, ..., N; a sequence of ``ep.GaussianPosterior``.

    Parameters
    ----------
    means
        Shape (N, d).
    covariances
        Shape (N, d): VARIANCES, never logarithms of variances or standard deviations; or (N, d, d): matrices,
        symmetric and positive definite.

    Raises
    ------
    TypeError
        If an entry is no number.
    ValueError
        If a shape does not fit, a number is not finite, or a covariance is not symmetric positive definite, which is
        decided exactly; the message names the row.

    Notes
    -----
    Floats are the exact binary doubles that they are; strings and Fractions are exact.

    Examples
    --------
    >>> import elboproof as ep
    >>> posteriors = ep.GaussianPosteriors([[0.5], [1.0]], [["1/100"], ["1/50"]])
    >>> posteriors[1].covariance
    ((Fraction(1, 50),),)
    """

    each: tuple[GaussianPosterior, ...]

    def __init__(self, means: object, covariances: object) -> None:
        centres = plain_array(means, "means", dtype=object if isinstance(means, list | tuple) else None)
        matrices = plain_array(
            covariances, "covariances", dtype=object if isinstance(covariances, list | tuple) else None
        )
        if centres.ndim != 2 or 0 in centres.shape:
            raise ValueError(f"means: got shape {centres.shape}; expected (N, d) with no empty axis")
        n, d = centres.shape
        if matrices.shape not in {(n, d), (n, d, d)}:
            raise ValueError(
                f"covariances: got shape {matrices.shape}; expected variances ({n}, {d}) or matrices ({n}, {d}, {d})"
            )
        rows = zip(centres.tolist(), matrices.tolist(), strict=True)
        object.__setattr__(self, "each", tuple(_one(k, *row) for k, row in enumerate(rows)))

    @property
    def latent_dim(self) -> int:
        """The dimension d of z."""
        return self.each[0].latent_dim

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, n: int) -> GaussianPosterior:
        return self.each[n]

    def __iter__(self) -> Iterator[GaussianPosterior]:
        return iter(self.each)

    def __repr__(self) -> str:
        return f"GaussianPosteriors(N={len(self)}, d={self.latent_dim})"


def posteriors_for(given: Any, count: int, latents: int, name: str = "q") -> list[GaussianPosterior]:
    """Return one posterior for each of N data points, from one for all of them or from N.

    Raises
    ------
    TypeError
        If what is given is neither one ``ep.GaussianPosterior`` nor a sequence of them.
    ValueError
        If there are neither one nor N, or one has another dimension than the latents.
    """
    if isinstance(given, GaussianPosterior):
        _require_dimension(given, latents, name)
        return [given] * count
    if not isinstance(given, GaussianPosteriors | list | tuple):
        raise wrong_type(name, given, "an ep.GaussianPosterior, a list of them or ep.GaussianPosteriors")
    for n, one in enumerate(given):
        if not isinstance(one, GaussianPosterior):
            raise wrong_type(f"{name}[{n}]", one, "an ep.GaussianPosterior")
        _require_dimension(one, latents, f"{name}[{n}]")
    if len(given) != count:
        raise ValueError(
            f"{name}: got {len(given)} posteriors; expected {count}, one for each x, or a single one"
        )
    return list(given)


def _require_dimension(q: GaussianPosterior, latents: int, name: str) -> None:
    if q.latent_dim != latents:
        raise ValueError(f"{name}: got {q.latent_dim} dimensions; expected {latents}, the model's latents")


def _one(n: int, mean: list[Any], covariance: list[Any]) -> GaussianPosterior:
    """Return posterior n; its errors name the row of what was given."""
    try:
        return GaussianPosterior(mean, covariance)
    except (TypeError, ValueError) as error:
        text = re.sub(r"^(mean|covariance)", rf"\1s[{n}]", str(error))
        raise type(error)(text) from error
