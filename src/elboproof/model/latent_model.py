"""The latent-variable model: written once, evaluated in every number system."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import sympy
from sympy import Expr, Symbol

from elboproof.arguments import Sealed, bad, record_text, suggesting, wrong_type
from elboproof.model.decoder_entries import entry_of, names_of, require_real_everywhere
from elboproof.model.joint_model import JointModel
from elboproof.model.joint_model import no_model as no_model  # for those who ask for a LatentModel
from elboproof.model.likelihood import Gaussian, Likelihood, require_floats, require_likelihood
from elboproof.model.network_growth import output_majorants
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.networks import Network
from elboproof.model.priors import Normal, Prior, require_prior
from elboproof.model.quantities import Quantities
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.tape import Tape

if TYPE_CHECKING:
    import torch

STANDARD = Normal()
"""N(0, I)."""


@suggesting
@dataclass(frozen=True, init=False)
class LatentModel(JointModel, Sealed):
    """p(x, z) = p(z) p(x | f(z)).

    Parameters
    ----------
    latent
        The latents' names: ``"z"`` or ``["u", "v"]``.
    decoder
        One entry per data dimension: a string (parsed by a whitelist, never evaluated; numbers are exact) or a SymPy
        expression in the latents.
    likelihood
        What x is, given f: ``ep.Gaussian`` (f is the mean), ``ep.Bernoulli`` (f are the logits) or another family.
    prior
        ``ep.Normal()``, which is N(0, I), ``ep.Normal(mean, covariance)``, ``ep.Uniform(low, high)``,
        ``ep.Mixture(components, weights)`` or ``ep.PriorDensity(log_density, domain)``.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If a name, an expression, or the likelihood's or the prior's size does not fit, or the decoder is not real
        where the prior lives.

    Notes
    -----
    The energy is U(z) = -log p(x, z) in nats, normalised. Evaluators, one per number system, share its one tape of
    operations and its derivatives: ``exact`` (SymPy), ``floating`` (NumPy float64), ``tensors`` (torch), ``balls``
    (python-flint).

    Examples
    --------
    >>> import elboproof as ep
    >>> model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    >>> print(model.balls.energy(["0.7"], ["0.7"]))  # -log p(x, z) in nats
    [-0.04810552052353 +/- 6.05e-15]
    """

    latents: tuple[Symbol, ...]
    decoder: tuple[Expr, ...]
    likelihood: Likelihood
    prior: Prior

    def __init__(
        self,
        latent: str | Sequence[str],
        decoder: str | Expr | Sequence[str | Expr],
        likelihood: Likelihood,
        *,
        prior: Prior = STANDARD,
    ) -> None:
        latents = {name: Symbol(name, real=True) for name in names_of(latent)}
        entries = [decoder] if isinstance(decoder, str | Expr) else decoder
        if not isinstance(entries, list | tuple):
            requirement = (
                "a list of strings or SymPy expressions (ep.LatentModel.from_torch takes torch modules)"
            )
            raise wrong_type("decoder", decoder, requirement)
        if not entries:
            raise bad("decoder", decoder, "at least one entry: data of dimension zero has no likelihood")
        require_likelihood(likelihood, len(entries))
        require_prior(prior, tuple(latents.values()))
        if isinstance(likelihood, Gaussian):
            likelihood = likelihood.resolved(latents, len(entries))
            likelihood.require_dimension(len(entries))
        # The record is frozen: its fields are set here, once. The probe comes last, since it evaluates the tape
        # that is made of all three.
        object.__setattr__(self, "latents", tuple(latents.values()))
        object.__setattr__(self, "likelihood", likelihood)
        object.__setattr__(self, "prior", prior)
        object.__setattr__(
            self, "decoder", tuple(entry_of(e, latents, f"decoder[{j}]") for j, e in enumerate(entries))
        )
        for j, text in enumerate(entries):
            require_real_everywhere(self.quantities, j, text, f"decoder[{j}]")
        for j, head in enumerate(self.heads):
            require_real_everywhere(self.quantities, len(entries) + j, head, "log variance", "a logarithm")

    __repr__ = record_text

    @staticmethod
    @suggesting
    def from_torch(
        module: "torch.nn.Module", likelihood: Likelihood | None = None, *, prior: Prior = STANDARD
    ) -> "NetworkModel":
        """Return the model whose decoder is a torch network, its weights the exact binary numbers that they are.

        Parameters
        ----------
        module
            From vectors of d latents to D outputs, images read row by row: Sequential (also nested) of Linear, Conv2d,
            ConvTranspose2d, Tanh, Sigmoid, Softplus(beta=1, threshold=20), GELU, SiLU, ReLU, LeakyReLU, ELU, Hardtanh,
            ReLU6, Sin (a module whose class has that name), LayerNorm, GroupNorm, InstanceNorm2d, AvgPool2d, Upsample
            (nearest and bilinear), PixelShuffle, Identity, Flatten, Unflatten and, in evaluation mode, BatchNorm1d,
            BatchNorm2d and Dropout; and modules whose forward, as torch.fx records it, does nothing but call such
            layers, add two values, apply torch's functions of these names, and reshape. A module that stands in two
            places is two layers. The weights are copied: later training does not change the model.
        likelihood
            ``ep.Gaussian`` with scalar or diagonal covariance, or another family (``ep.Bernoulli``: the network gives
            logits). None for a module whose forward returns (mean, log variance): a Gaussian with two heads.
        prior
            As for ``ep.LatentModel``; the latents are called z, or z_0, z_1, ... where there are several.

        Raises
        ------
        TypeError
            If a layer is not one of these, or has hooks, parametrizations or a ``forward`` of its own.
        ValueError
            If weights are not finite, sizes do not fit, a dropout or a batch norm is in training mode, or the module
            computes something else than what was read.

        Notes
        -----
        The decoder is the exact real function of these weights; what the module computes is that function rounded in
        its own precision. The roots in norms are no floats: each number system makes weight / sqrt(variance + eps) of
        the exact numbers for itself, in balls with an enclosure. A copy of the module is run in float64 and compared
        with what was read, layer by layer, at latents of sizes up to 1000 and activations' arguments up to 1000 in
        size; a difference elsewhere, in a class that calls itself Sin, would not be seen. A softplus is log(1 + e^t)
        everywhere: torch's own is t beyond its threshold of 20, which is up to 2.1e-9 less.
        """
        # What is read holds copies of the weights and nothing of the module; torch is imported for those who
        # have one.
        from elboproof.model.torch_reading import read

        if likelihood is None:
            from elboproof.model.torch_heads import read_heads
            from elboproof.model.two_heads import HeteroscedasticGaussian

            return NetworkModel(read_heads(module), HeteroscedasticGaussian(()), prior=prior)
        return NetworkModel(read(module), likelihood, prior=prior)

    @cached_property
    def quantities(self) -> Quantities:
        """The tape of operations that all evaluators share, and the raw functions compiled from it."""
        return Quantities(
            self.latents,
            self.data,
            self.likelihood,
            self.outputs,
            self._lowered,
            lambda: require_floats(self.likelihood),
            self.prior.domain(self.latent_dim),
        )

    def _lowered(self, quantity: str, tape: Tape) -> list[int]:
        """Put a quantity on the tape; SymPy sees symbols in place of the outputs, which may be large.

        ``"tilted"`` is log p(x, z) - log N(z; 0, I): log p(x|z) as it stands in the equations of the ELBO.
        """
        # Equal operations stand on the tape once, so that the energy, the density and the decoder share the
        # outputs.
        outputs = [tape.lower(output) for output in self.outputs]
        if quantity in {"decoder", "outputs"}:
            return outputs if quantity == "outputs" else outputs[: len(self.decoder)]
        dummies = [sympy.Dummy(f"f_{j}", real=True) for j in range(len(outputs))]
        density = self.likelihood.log_density(dummies, self.data)
        rules = {
            "log_likelihood": lambda: density,
            "energy": lambda: -self.prior.log_density(self.latents) - density,
            "tilted": lambda: density + self.prior.tilt(self.latents),
        }
        return [tape.substituted(rules[quantity](), dummies, outputs)]

    def with_prior(self, prior: Prior) -> Self:
        """Return the same model with another prior."""
        require_prior(prior, self.latents)
        model = object.__new__(type(self))
        for name, value in {**self.__getstate__(), "prior": prior}.items():
            object.__setattr__(model, name, value)
        return model

    def __getstate__(self) -> dict[str, object]:
        """Return the fields only: compiled functions cannot be pickled, and are made again."""
        fields = ("latents", "decoder", "likelihood", "prior")
        return {name: getattr(self, name) for name in fields}


class NetworkModel(LatentModel):
    """p(x, z) = p(z) p(x | f(z)) for a network f; made by ``ep.LatentModel.from_torch``.

    Evaluators ``floating``, ``tensors`` and ``balls`` work as for other models. There are no expressions: ``energy``
    and ``log_likelihood`` as SymPy expressions and the evaluator ``exact`` raise.

    Parameters
    ----------
    network
        The decoder.
    likelihood
        ``ep.Gaussian`` with scalar or diagonal covariance, or another family (``ep.Bernoulli``: logits).
    prior
        As for ``ep.LatentModel``.

    Raises
    ------
    TypeError, ValueError
        If the likelihood is another one, or its size or the prior's does not fit.
    """

    network: Network

    def __init__(self, network: Network, likelihood: Likelihood, *, prior: Prior = STANDARD) -> None:
        if not isinstance(network, Network):
            raise wrong_type("network", network, "a network")
        require_likelihood(likelihood, network.outputs)
        # No expression of a network is built, because it would repeat each unit in all units above it: the
        # decoder is empty, and evaluators run the layers.
        names = ["z"] if network.inputs == 1 else [f"z_{k}" for k in range(network.inputs)]
        object.__setattr__(self, "latents", tuple(Symbol(name, real=True) for name in names))
        require_prior(prior, self.latents)
        object.__setattr__(self, "likelihood", likelihood)
        object.__setattr__(self, "network", network)
        object.__setattr__(self, "prior", prior)
        object.__setattr__(self, "decoder", ())
        _ = self.quantities  # raises for a likelihood that is not supported

    @property
    def data_dim(self) -> int:
        """The dimension D of x."""
        return self._entry_count(self.network.outputs)

    @property
    def output_dim(self) -> int:
        """The number of outputs that the likelihood takes."""
        return self.network.outputs

    @property
    def log_likelihood(self) -> Expr:
        """There is no expression of a network.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError("log_likelihood: got a network; expected a model written as expressions")

    def _output_majorants(self, latents: Sequence[tuple[float, float]]) -> list[Majorant]:
        """Return majorants of the outputs, for latents with |z_k| <= offset + slope r."""
        return output_majorants(self.network, latents)

    @cached_property
    def quantities(self) -> NetworkQuantities:  # type: ignore[override]
        """The functions that all evaluators and the evidence engine share."""
        prior = None if self.prior.standard else self.prior_quantities
        domain = self.prior.domain(self.latent_dim)
        return NetworkQuantities(self.latents, self.data, self.network, self.likelihood, prior, domain)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields only: compiled functions cannot be pickled, and are made again."""
        return {**super().__getstate__(), "network": self.network}

    def __eq__(self, other: object) -> bool:
        """Whether both are the same network with equal likelihoods and priors."""
        if not isinstance(other, NetworkModel):
            return NotImplemented
        # Networks are equal to themselves alone: a comparison of all weights is dear.
        same = self.likelihood == other.likelihood and self.prior == other.prior
        return self.network is other.network and same

    def __hash__(self) -> int:
        return hash((id(self.network), self.likelihood, self.prior))

    def __repr__(self) -> str:
        prior = "" if self.prior.standard else f", prior={self.prior!r}"
        return f"NetworkModel({self.network!r}, {self.likelihood!r}{prior})"
