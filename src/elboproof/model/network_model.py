"""A latent-variable model whose decoder is a network: evaluated layer by layer, never as expressions."""

from functools import cached_property

from sympy import Expr, Symbol

from elboproof.arguments import wrong_type
from elboproof.model.latent_model import LatentModel
from elboproof.model.likelihood import Likelihood
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.networks import Network


class NetworkModel(LatentModel):
    """p(x, z) = N(z; 0, I) p(x | f(z)) for a network f; made by ``ep.LatentModel.from_torch``.

    Evaluators ``floating``, ``tensors`` and ``balls`` work as for other models. There are no expressions: ``energy``
    and ``log_likelihood`` as SymPy expressions and the evaluator ``exact`` raise.

    Parameters
    ----------
    network
        The decoder.
    likelihood
        ``ep.Gaussian`` with scalar or diagonal covariance, or ``ep.Bernoulli`` (the network gives logits).

    Raises
    ------
    TypeError, ValueError
        If the likelihood is another one or its size does not fit.
    """

    network: Network

    def __init__(self, network: Network, likelihood: Likelihood) -> None:
        if not isinstance(network, Network):
            raise wrong_type("network", network, "a network")
        if not hasattr(likelihood, "log_density"):
            raise wrong_type(
                "likelihood", likelihood, "a likelihood such as ep.Gaussian(variance=1) or ep.Bernoulli()"
            )
        likelihood.require_dimension(network.outputs)
        names = ["z"] if network.inputs == 1 else [f"z_{k}" for k in range(network.inputs)]
        object.__setattr__(self, "latents", tuple(Symbol(name, real=True) for name in names))
        object.__setattr__(self, "likelihood", likelihood)
        object.__setattr__(self, "network", network)
        object.__setattr__(self, "decoder", ())
        _ = self.quantities  # raises for a likelihood that is not supported

    @property
    def data_dim(self) -> int:
        """The dimension D of x."""
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

    @cached_property
    def quantities(self) -> NetworkQuantities:  # type: ignore[override]
        """The functions that all evaluators and the evidence engine share."""
        return NetworkQuantities(self.latents, self.data, self.network, self.likelihood)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields only: compiled functions cannot be pickled, and are made again."""
        return {**super().__getstate__(), "network": self.network}

    def __eq__(self, other: object) -> bool:
        """Whether both are the same network with equal likelihoods."""
        if not isinstance(other, NetworkModel):
            return NotImplemented
        return self.network is other.network and self.likelihood == other.likelihood

    def __hash__(self) -> int:
        return hash((id(self.network), self.likelihood))

    def __repr__(self) -> str:
        return f"NetworkModel({self.network!r}, {self.likelihood!r})"
