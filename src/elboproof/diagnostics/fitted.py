"""What is diagnosed: data, posteriors q(z|x), a decoder and a likelihood, in float64 and under the prior N(0, I)."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import ArrayLike
from torch import nn

from elboproof.arguments import suggesting, wrong_type
from elboproof.arrays import finite_array
from elboproof.networks.trained import Trained
from elboproof.networks.yardstick_model import (
    BernoulliLikelihood,
    Decode,
    GaussianLikelihood,
    Joint,
    LogLikelihood,
)
from elboproof.networks.yardstick_posteriors import Posteriors

if TYPE_CHECKING:
    from elboproof.model.latent_model import LatentModel

ROWS = 2
"""Data at the least: an aggregate of one is none."""


@suggesting
@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained VAE and the data that it is looked at with.

    Parameters
    ----------
    x
        (N, D), N at least 2: the training data, of which the optimal decoder and the aggregate posterior are made.
    means, log_variances
        (N, d): of q(z|x); logarithms of VARIANCES.
    decode
        (M, d) to (M, D), float64 and row by row. A torch module is copied, and the copy is put to float64 and to
        evaluation; only of modules can the evidence be proved. None, as the likelihood, if they are not known.
    likelihood
        ``networks.GaussianLikelihood(variance)``, ``networks.BernoulliLikelihood()`` (the decoder gives logits), or any
        function of x (N, D) and outputs (K, N, D) that returns log p(x|z), (K, N), in nats.
    name
        Shown in reports.
    unknown
        Why decoder and likelihood are not known.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described.
    """

    x: Any
    means: Any
    log_variances: Any
    decode: "nn.Module | Decode | None" = None
    likelihood: "LogLikelihood | None" = None
    name: str = "model"
    unknown: str = "no decoder and likelihood were given"

    def __post_init__(self) -> None:
        rows = _rows(self.x, "x", ("N", "D"))
        if len(rows) < ROWS:
            raise ValueError(f"x: got {len(rows)} rows; expected at least {ROWS}")
        means = _rows(self.means, "means", (len(rows), "d"))
        logs = _rows(self.log_variances, "log_variances", (len(rows), means.shape[1]))
        for name, value in {"x": rows, "means": means, "log_variances": logs}.items():
            object.__setattr__(self, name, value)
        for name in ("decode", "likelihood"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise wrong_type(name, given, "a function, or None")
        if (self.decode is None) != (self.likelihood is None):
            raise wrong_type("likelihood", self.likelihood, "one beside a decoder, and none without it")

    @classmethod
    def of(cls, trained: Trained, x: ArrayLike, *, name: str = "model") -> "Fitted":
        """Return trained networks with data (N, D) in their units, under the Gaussian likelihood of the record.

        A floating prior N(0, diag v) becomes N(0, I): z = sqrt(v) e, which changes no log p(x) and no ELBO. A variance
        for each pixel depends on z: then decoder and likelihood are left out, and said to be unknown.
        """
        means, log_variances = trained.encode(x)
        variances = torch.from_numpy(trained.prior_variance.copy())
        logs = torch.from_numpy(log_variances) - variances.log()
        rows = torch.from_numpy(means) / variances.sqrt()
        variant = trained.settings.variant
        if variant.per_pixel:
            unknown = f"the likelihood of {variant.name} has variances that depend on z"
            return cls(x, rows, logs, name=name, unknown=unknown)
        decoder = trained.decoder
        if not bool((variances == 1).all()):
            decoder = nn.Sequential(_scaling(variances.sqrt()), *decoder.children())
        return cls(x, rows, logs, decoder, GaussianLikelihood(trained.variance), name)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The numbers of data, of their dimensions, and of latents: N, D, d."""
        return (*self.x.shape, self.means.shape[1])

    @cached_property
    def posteriors(self) -> Posteriors:
        """q(z|x) of all rows."""
        return Posteriors.diagonal(self.means, self.log_variances)

    @cached_property
    def module(self) -> nn.Module | None:
        """The decoder as a module in float64, None where it is a function."""
        return deepcopy(self.decode).double().eval() if isinstance(self.decode, nn.Module) else None

    @cached_property
    def joint(self) -> Joint:
        """p(x, z).

        Raises
        ------
        ValueError
            If decoder and likelihood are not known.
        """
        decode = self.module or self.decode
        if decode is None or self.likelihood is None:
            raise ValueError(f"decode: {self.unknown}")
        return Joint(decode, self.likelihood)

    @property
    def family(self) -> str:
        """The likelihood: "gaussian", "bernoulli", "other", or "unknown"."""
        if self.likelihood is None:
            return "unknown"
        if isinstance(self.likelihood, GaussianLikelihood):
            return "gaussian"
        return "bernoulli" if isinstance(self.likelihood, BernoulliLikelihood) else "other"

    @property
    def variance(self) -> torch.Tensor:
        """The variances of a Gaussian likelihood, one for each dimension, (D,).

        Raises
        ------
        ValueError
            If it is no Gaussian.
        """
        if not isinstance(self.likelihood, GaussianLikelihood):
            raise ValueError(f"likelihood: got {self.family}; expected a Gaussian")
        given = torch.as_tensor(self.likelihood.variance, dtype=torch.float64)
        return given.expand(self.x.shape[1])

    @cached_property
    def model(self) -> "LatentModel | None":
        """The same model for proofs; None if its decoder or likelihood cannot be read."""
        from elboproof.model.discrete import Bernoulli
        from elboproof.model.latent_model import LatentModel
        from elboproof.model.likelihood import Gaussian

        if self.module is None or self.family not in ("gaussian", "bernoulli"):
            return None
        try:
            law = Gaussian(self.variance.tolist()) if self.family == "gaussian" else Bernoulli()
            return LatentModel.from_torch(self.module, law)
        except (TypeError, ValueError, NotImplementedError):  # layers that models do not read
            return None


def _rows(value: Any, name: str, shape: tuple[Any, Any]) -> torch.Tensor:
    given = value.detach().cpu() if isinstance(value, torch.Tensor) else value
    return torch.from_numpy(finite_array(given, name, shape))


def _scaling(deviations: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(len(deviations), len(deviations), bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(deviations))
    return layer
