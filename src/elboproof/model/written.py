"""A model written out as text: its latents and its decoder as statements and their certificates hold them."""

from collections.abc import Sequence
from fractions import Fraction

from elboproof.arguments import bad
from elboproof.model.latent_model import LatentModel, NetworkModel, no_model
from elboproof.model.likelihood import Gaussian
from elboproof.model.networks import Activation, Affine, Layer, Network
from elboproof.numbers.exact import exact
from elboproof.numbers.functions import WRITABLE
from elboproof.numbers.parser import LONGEST
from elboproof.numbers.spelling import spelling

Number = int | float | str | Fraction
_REQUIREMENT = f"one whose outputs are written in at most {LONGEST} characters each"


def written(model: LatentModel) -> tuple[list[str], list[str]]:
    """Return the latents' names and the decoder's entries, which the parser reads back exactly.

    Raises
    ------
    ValueError
        If a network has a layer that is written in no expression, or its outputs are too long: each unit is written
        again in every unit above it.
    """
    names = [str(z) for z in model.latents]
    if isinstance(model, NetworkModel):
        return names, _outputs(model.network, names)
    return names, [spelling(e) for e in model.decoder]


def gaussian_parts(
    model: object, latent: object, decoder: object, variance: Number | None
) -> tuple[list[str], list[str], Number]:
    """Return latents, decoder and variance for a statement about a model with N(0, I) and N(f, v I).

    Raises
    ------
    TypeError, ValueError
        If it is no such model, or latents or a decoder are given beside it.
    """
    if not isinstance(model, LatentModel):
        raise no_model(model)
    if latent is not None or decoder is not None:
        raise TypeError("model: got latent or decoder as well; expected them of the model alone")
    if not model.prior.standard:
        requirement = "the prior ep.Normal(): statements are about p(x, z) = N(z; 0, I) N(x; f(z), v I)"
        raise bad("model", model.prior, requirement)
    likelihood = model.likelihood
    if not isinstance(likelihood, Gaussian) or not likelihood.scalar or likelihood.variance is None:
        raise bad("model", likelihood, "a Gaussian likelihood with one variance for all outputs")
    return *written(model), exact(likelihood.variance[0], "variance") if variance is None else variance


def _outputs(network: Network, names: Sequence[str]) -> list[str]:
    if not network.chain:
        raise bad("model", network, "a network whose layers take one value each, the one before")
    values = list(names)
    for layer in network.layers:
        values = _applied(layer, values)
        if max(map(len, values)) > LONGEST:
            raise bad("model", network, _REQUIREMENT)
    return values


def _applied(layer: Layer, values: Sequence[str]) -> list[str]:
    if isinstance(layer, Activation) and layer.function in WRITABLE:
        return [f"{layer.function}({value})" for value in values]
    if not isinstance(layer, Affine):
        raise bad("model", str(layer), f"affine layers and the activations {', '.join(WRITABLE)}")
    rows = zip(layer.weight.entries.tolist(), layer.bias.tolist(), strict=True)
    return [_sum(weights, bias, values) for weights, bias in rows]


def _sum(weights: Sequence[float], bias: float, values: Sequence[str]) -> str:
    """Return w_1 v_1 + ... + b in exact numbers, in parentheses."""
    terms = [f"({Fraction(w)})*{value}" for w, value in zip(weights, values, strict=True) if w]
    return "(" + " + ".join([*terms, f"({Fraction(bias)})"]) + ")"
