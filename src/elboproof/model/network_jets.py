"""The outputs of a network as truncated Taylor polynomials at many points, as matrices.

Evaluators take and give an argument at a time; here outputs stay together, units as rows and points as columns.
"""

from functools import partial
from typing import Any

from elboproof.model.network_algebra import Arrays
from elboproof.model.network_layers import Arithmetic, outputs
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.networks import Network
from elboproof.numbers.compiler import Ring
from elboproof.numbers.jets import Jet


def start_jet(z: Any, order: int, algebra: Arrays) -> Jet:
    """Return the jet of the latents themselves, z of shape (d, P)."""
    if not order:
        return {(): z}
    return {(): z} | {(k,): unit for k, unit in enumerate(algebra.units(z, len(z)))}


def output_jet(
    quantities: NetworkQuantities, network: Network, jet: Jet, order: int, ring: Ring, algebra: Arrays
) -> Jet:
    """Return the jet of f(z), Taylor coefficients of shape (D, P), or (D, 1) where points share them.

    Parameters
    ----------
    quantities
        Whose functions in the ring are used.
    network
        Its network, or some of that one's layers.
    jet
        Of the latents, coefficients of shape (d, P).
    """

    def taylor(name: str, h: Any) -> Any:
        return quantities.activation(name, order, ring)(h)

    constants = partial(quantities.layer_constants, ring=ring)
    return outputs(network, jet, Arithmetic(algebra, taylor, constants, order))
