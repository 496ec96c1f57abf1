"""Data of decoders that are known, so that no network can be better than what is known of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad, require_count, require_positive
from elboproof.arrays import finite_array
from elboproof.evidence.log_evidence import log_evidence
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Gaussian
from elboproof.networks.randomness import seed_of
from elboproof.networks.splits import Splits, split

FloatArray = NDArray[np.float64]
DIGITS = 8
"""Of a log evidence that is proved."""


@dataclass(frozen=True, eq=False)
class Known:
    """A source of data: z ~ N(0, I), x ~ N(decoder(z), variance I).

    Attributes
    ----------
    model : LatentModel
    variance : float
    weight : array or None
        (D, d), where the decoder is z -> weight z: evidence and entropy are then in closed form.
    """

    model: LatentModel
    variance: float
    weight: FloatArray | None = None

    def draw(self, count: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        """Return latents (N, d) and data (N, D).

        Raises
        ------
        TypeError, ValueError
            If count is no positive integer, or seed no seed.
        """
        require_count("count", count)
        rng = np.random.default_rng(seed_of(seed))
        z = rng.standard_normal((count, len(self.model.latents)))
        mean = np.asarray(self.model.floating.decoder(z))
        return z, mean + math.sqrt(self.variance) * rng.standard_normal(mean.shape)

    def splits(self, count: int, *, seed: int = 0, validation: float = 0.1, test: float = 0.1) -> Splits:
        """Return data in splits, as of an array."""
        return split(
            self.draw(count, seed=seed)[1], validation=validation, test=test, seed=seed, name="synthetic"
        )

    def log_evidence(self, x: ArrayLike) -> FloatArray:
        """Return log p(x) of each row (N, D) in nats, (N,): exact but for rounding, or proved to 8 digits.

        Raises
        ------
        TypeError, ValueError
            If x are no finite numbers, or not of D dimensions.
        Undecided
            If it is not proved: see ``ep.log_evidence``.
        """
        if self.weight is None:
            return np.asarray(log_evidence(self.model, x, digits=DIGITS).midpoint)
        rows = finite_array(x, "x", ("N", len(self.weight)))
        form = (rows @ np.linalg.inv(self._covariance) * rows).sum(1)
        return np.asarray(-0.5 * (form + self._log_determinant + rows.shape[1] * math.log(2 * math.pi)))

    @property
    def entropy(self) -> float:
        """H(x) in nats, -E log p(x): no model's mean log evidence is above -H.

        Raises
        ------
        ValueError
            If the decoder is not linear: it is then the mean of -log_evidence over data that were drawn.
        """
        if self.weight is None:
            raise bad("entropy", "a decoder", "a linear one, whose entropy has a closed form")
        return 0.5 * (self._log_determinant + len(self.weight) * (math.log(2 * math.pi) + 1))

    @cached_property
    def _covariance(self) -> FloatArray:
        weight = np.zeros((1, 1)) if self.weight is None else self.weight
        return np.asarray(weight @ weight.T + self.variance * np.eye(len(weight)))

    @cached_property
    def _log_determinant(self) -> float:
        return float(np.linalg.slogdet(self._covariance)[1])


def linear_gaussian(weight: ArrayLike, variance: float) -> Known:
    """Return the source x ~ N(weight z, variance I), z ~ N(0, I): x ~ N(0, weight weight' + variance I).

    Parameters
    ----------
    weight
        (D, d).
    variance
        Of the noise.

    Returns
    -------
    Known
        Evidence and entropy are in closed form.

    Raises
    ------
    TypeError, ValueError
        If weight is no array of finite numbers with two axes, or variance is not positive.
    """
    matrix = finite_array(weight, "weight", ("D", "d"))
    names = [f"z_{k}" for k in range(matrix.shape[1])]
    rows = [
        " + ".join(f"({_fraction(w)})*{name}" for w, name in zip(row, names, strict=True)) for row in matrix
    ]
    return Known(_model(rows, names, variance), float(variance), matrix)


def curve(decoder: Sequence[str], variance: float, *, latent: "str | Sequence[str]" = "z") -> Known:
    """Return the source of a decoder that is written down, such as ["sinh(z)"] or ["z", "z**2"].

    Parameters
    ----------
    decoder
        As of ``ep.LatentModel``.
    variance
        Of the noise, in the units of x squared.
    latent
        As of ``ep.LatentModel``.

    Returns
    -------
    Known
        Draws data, and has its evidence as `ep.log_evidence` proves it.

    Raises
    ------
    TypeError, ValueError
        If there is no such model, or variance is not positive.
    """
    return Known(_model(list(decoder), latent, variance), float(variance))


def _fraction(value: float) -> str:
    numerator, denominator = float(value).as_integer_ratio()
    return f"{numerator}/{denominator}"


def _model(decoder: list[str], latent: "str | Sequence[str]", variance: float) -> LatentModel:
    require_positive(variance=variance)
    return LatentModel(latent, decoder, Gaussian(variance=variance))
