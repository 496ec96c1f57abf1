"""The recognised formula as a function: its value on any call, and its gradient along the paths of a fresh sample."""

from dataclasses import dataclass, replace

import torch

from elboproof.audit.bench import Bench
from elboproof.audit.bends import bent_divergence
from elboproof.audit.calls import Call, Tensor
from elboproof.audit.detector import Recognised, likelihood_terms
from elboproof.audit.divergences import divergence, each_latent, every_term, residuals, variance_of
from elboproof.audit.fitting import reduced
from elboproof.audit.parameters import Parameter


def value(found: Recognised, call: Call) -> Tensor:
    """Return what the formula says of a call, of the shape of its loss, as a graph of the call's tensors."""
    ones = torch.ones(call.batch, dtype=call.z.dtype)
    weights = found.fit.weights
    if found.form == "dictionary":
        terms = likelihood_terms(call, found.likelihood) | every_term(call, found.parameter) | {"1": ones}
        split = {name: name.rpartition(", ") for name in weights}
        parts = [weights[name] * reduced(terms[one], call, how) for name, (one, _, how) in split.items()]
        return torch.stack(parts).sum(0)
    law, own = likelihood_terms(call, found.likelihood), _divergence(found, call)
    parts = [weights[name] * reduced(one, call, found.reduction) for name, one in law.items()]
    parts += [weights[name] * reduced(one, call, found.other) for name, one in own.items()]
    for name in weights:
        if name[0] == "1":
            parts.append(
                weights[name]
                * reduced(ones, call, name.removeprefix("1, ") if name != "1" else found.reduction)
            )
    return torch.stack(parts).sum(0)


def _divergence(found: Recognised, call: Call) -> dict[str, Tensor]:
    if found.bend is not None:
        return {"KL": bent_divergence(call, found.parameter, found.kind, found.bend)}
    if found.form == "each latent":
        return each_latent(call, found.parameter)
    return divergence(call, found.parameter, found.kind)


@dataclass(frozen=True)
class Gradients:
    """In the means, in s, and in the decoder's slopes."""

    mean: Tensor
    s: Tensor
    decoder: Tensor

    def parts(self) -> dict[str, Tensor]:
        """Return the three, flat, by name."""
        return {"mean": self.mean.reshape(-1), "s": self.s.reshape(-1), "decoder": self.decoder.reshape(-1)}


def weighted(loss: Tensor) -> Tensor:
    """Return a scalar of a loss: values per datum with different weights, so that no two can be exchanged."""
    if loss.ndim == 0:
        return loss
    return (loss * torch.linspace(1.0, 2.0, loss.numel(), dtype=loss.dtype)).sum()


def of_user(call: Call) -> Gradients:
    """Return the gradients of the user's own graph."""
    leaves = (call.design.mean, call.design.s, *call.design.slopes)
    found = torch.autograd.grad(
        weighted(call.loss), leaves, materialize_grads=True, allow_unused=True, retain_graph=True
    )
    return Gradients(found[0], found[1], torch.cat([one.reshape(-1) for one in found[2:]]))


def of_formula(
    bench: Bench, found: object, call: Call, parameter: Parameter, formula: object = value
) -> Gradients:
    """Return the gradients of the formula for z = mean + deviation r of the same noise r.

    The formula is differentiated in mean, s, z and the outputs, each a leaf; the outputs in z and in the slopes along
    the bench's own graph; and z in mean and s as a reparameterised sample.
    """
    mean, s, z = (one.detach().clone().requires_grad_() for one in (call.design.mean, call.design.s, call.z))
    outputs = tuple(one.detach().clone().requires_grad_() for one in call.outputs)
    free = replace(call, design=replace(call.design, mean=mean, s=s), z=z, outputs=outputs)
    leaves = (mean, s, z, *outputs)
    loss = weighted(formula(found, free))  # type: ignore[operator]
    partial = torch.autograd.grad(loss, leaves, materialize_grads=True, allow_unused=True)
    along = torch.autograd.grad(
        call.outputs,
        [*call.entered, *call.design.slopes],
        partial[3:],
        materialize_grads=True,
        allow_unused=True,
        retain_graph=True,
    )
    count = len(call.entered)
    into_z = partial[2] + torch.cat([bench.latents_by_datum(one) for one in along[:count]], 1)
    r = residuals(call, parameter).detach()
    moved = variance_of(free, parameter).sqrt()
    by_s = torch.autograd.grad(moved, s, (into_z * r).sum(1))[0]
    shape = mean.shape
    decoder = torch.cat([one.reshape(-1) for one in along[count:]])
    return Gradients(partial[0] + into_z.sum(1).reshape(shape), partial[1] + by_s, decoder)
