"""Networks that were trained, as a record; evaluated in float64 and in the units of the data."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from elboproof.arguments import bad, require_positive
from elboproof.arrays import finite_array
from elboproof.networks.autoencoder import Autoencoder
from elboproof.networks.constants import Constants
from elboproof.networks.evaluation import PIECE, encoded, in_units_of_data, relative_terms, whole
from elboproof.networks.records import Point, Settings, Terms
from elboproof.networks.rescaled import SideBySide, in_data_units, two_heads

if TYPE_CHECKING:
    from elboproof.model.latent_model import LatentModel
    from elboproof.model.priors import Prior

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained networks and how they came about.

    Attributes
    ----------
    settings : Settings
    constants : Constants
        Of the training set.
    networks : Autoencoder
        In float32 and normalised units; `encode` and `decode` are for use.
    curve : tuple of Point
        The whole validation split's terms, from step 0 on.
    step : int
        After which the parameters were taken: the best of the curve, or the last without early stopping.
    stopped : str
        Why training ended.
    variance : float
        Of an isotropic Gaussian likelihood, in squared units of x: the mean squared residual of the validation split at
        one z ~ q(z|x) for each. `with_variance` puts another in its place.
    variance_factor : float
        By which the variances that a decoder gives for each pixel are to be multiplied: the mean over the validation
        split of squared residuals divided by them. 1 for decoders of means.
    prior_variance : array
        (d,), of the prior: 1, or for the floating prior E(m^2 + s) over the whole training set.
    terms : mapping of str to Terms
        Of the whole "train" and "validation" splits, in float64, at these parameters. A floating prior and a likelihood
        in closed form are those of the split.
    versions : mapping of str to str
        Of what the bits depend on.
    """

    settings: Settings
    constants: Constants
    networks: Autoencoder
    curve: tuple[Point, ...]
    step: int
    stopped: str
    variance: float
    prior_variance: FloatArray
    terms: Mapping[str, Terms]
    versions: Mapping[str, str] = field(default_factory=dict)
    variance_factor: float = 1.0

    @cached_property
    def _double(self) -> Autoencoder:
        return deepcopy(self.networks).double().eval()

    @cached_property
    def decoder(self) -> nn.Sequential:
        """The decoder in float64, from z to means in the units of x: what `decode` computes."""
        return in_data_units(self._double.decoder, self.constants)

    @cached_property
    def heads(self) -> SideBySide:
        """The decoder of a variant "per-pixel" in float64, from z to means and log VARIANCES of x, (N, 2D).

        The variances are those that were trained, without `variance_factor`: a ``Joint`` with
        ``HeteroscedasticLikelihood(trained.variance_factor)`` has that.

        Raises
        ------
        ValueError
            If the variant's decoder gives means only.
        """
        self._require_heads()
        return SideBySide(two_heads(self._double, self.constants))

    def _require_heads(self) -> None:
        variant = self.settings.variant
        if not variant.per_pixel:
            raise bad("variant", variant.name, "one whose decoder gives variances, such as vae-per-pixel")

    def encode(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the means and the log VARIANCES of q(z|x), (N, d) each, for x of shape (N, D).

        Raises
        ------
        TypeError, ValueError
            If x are no finite numbers, or not of D dimensions.
        """
        means, log_variances = encoded(self._double, self._normalised(x))
        return means.numpy(), log_variances.numpy()

    def decode(self, z: ArrayLike) -> FloatArray:
        """Return the means of x, (N, D), for z of shape (N, d).

        Raises
        ------
        TypeError, ValueError
            If z are no finite numbers, or not of d dimensions.
        """
        return self._in_pieces(self.decoder, z)

    def decode_log_variances(self, z: ArrayLike) -> FloatArray:
        """Return the log VARIANCES of x given z, (N, D), that the decoder of a variant "per-pixel" gives.

        Raises
        ------
        TypeError, ValueError
            As `decode`, and as `heads`.
        """
        return self._in_pieces(self.heads, z)[:, len(self.constants.centre) :]

    def _in_pieces(self, module: nn.Module, z: ArrayLike) -> FloatArray:
        points = torch.from_numpy(finite_array(z, "z", ("N", self.settings.latents)))
        with torch.no_grad():
            return np.concatenate([module(piece).numpy() for piece in torch.split(points, PIECE)])

    def objective(self, x: ArrayLike, *, seed: int = 0) -> Terms:
        """Return the variant's own objective of a whole data set (N, D), nats per example, at one z for each.

        Raises
        ------
        TypeError, ValueError
            If x are no finite numbers, or not of D dimensions.
        """
        given = whole(self._double, self._normalised(x), seed)
        return in_units_of_data(
            self.networks, relative_terms(self._double, given, self.constants), self.constants
        )

    def with_variance(self, variance: float) -> "Trained":
        """Return the same networks with another variance of an isotropic likelihood, in squared units of x.

        Raises
        ------
        TypeError, ValueError
            If it is no positive number, or the decoder gives a variance for each pixel.
        """
        require_positive(variance=variance)
        if self.settings.variant.per_pixel:
            name = self.settings.variant.name
            raise bad(
                "variance", variance, f"none: {name} has a variance for each pixel, see variance_factor"
            )
        return replace(self, variance=float(variance))

    def latent_model(
        self, variance: "float | str | None" = None, *, prior: "Prior | None" = None
    ) -> "LatentModel":
        """Return the model z ~ prior, x ~ N(decoder(z), variance), for ``ep.log_evidence`` and its like.

        Of a variant "per-pixel" it is x ~ N(decoder(z), diag(variance_factor * v(z))), with both heads of the decoder.

        The evidence is proved for at most two latents and a smooth activation; the decoder is that of `decode`, its
        weights in float64 with the constants of the data taken into the last layer.

        Parameters
        ----------
        variance
            Of an isotropic likelihood, in squared units of x; that of the record, or the decoder's own, if not given.
            A string is an exact decimal.
        prior
            An ``ep.Normal`` or the like; that of the record, N(0, diag(prior_variance)), if not given.

        Raises
        ------
        ValueError
            For a convolutional decoder, whose layers the models do not read.
        """
        from elboproof.model.latent_model import LatentModel
        from elboproof.model.likelihood import Gaussian
        from elboproof.model.priors import Normal

        if self.settings.architecture != "mlp":
            raise bad("architecture", self.settings.architecture, "'mlp': models read no convolutions")
        own = Normal(np.zeros(self.settings.latents), self.prior_variance)
        if prior is None:
            prior = Normal() if self.settings.variant.prior == "standard" else own
        if variance is None and self.settings.variant.per_pixel:
            return LatentModel.from_torch(
                two_heads(self._double, self.constants, self.variance_factor), prior=prior
            )
        likelihood = Gaussian(variance=self.variance if variance is None else variance)
        return LatentModel.from_torch(self.decoder, likelihood, prior=prior)

    def _normalised(self, x: ArrayLike) -> torch.Tensor:
        rows = finite_array(x, "x", ("N", len(self.constants.centre)))
        return torch.from_numpy(self.constants.normalised(rows))
