"""Flows between the sampler and the decoder: their noise and Jacobian, read off the graph of z.

Where z = f(mean + deviation(s) eps), the derivative of z in the mean is the Jacobian J of f at the draw, and that in
s_i is J's column i times deviation'(s_i) eps_i. So eps and log |det J|, and with them log q(z), are known exactly,
whatever f is.
"""

import torch

from elboproof.audit.calls import Call, Tensor
from elboproof.audit.divergences import flat, variance_of
from elboproof.audit.parameters import Parameter
from elboproof.audit.slopes import slopes

FLOW = "flow"
"""The kind of a divergence that holds a log determinant."""
PATTERN = {"z^2": 0.5, "noise^2": -0.5, "log variance": -0.5, "log determinant": -1.0, "base^2": 0.0}
"""Weights of log q(z) - log p(z)."""
ALIGNED = 1e-6
"""Relative: a derivative in s_i that is no multiple of the one in mean_i is of no reparameterised draw."""


def transport(call: Call, parameter: Parameter) -> tuple[Tensor, Tensor] | None:
    """Return eps (B, d) and log |det J| (B,) of a call with one sample a datum; None if z is no such function."""
    if call.z.shape[1] != 1 or not call.z.requires_grad:
        return None
    rows = [_row(call, k) for k in range(call.z.shape[2])]
    if any(one is None for one in rows):
        return None
    jacobian, by_s = (torch.stack([one[part] for one in rows if one is not None], 1) for part in (0, 1))
    squares = (jacobian**2).sum(1)
    factor = (jacobian * by_s).sum(1) / squares
    apart = (by_s - jacobian * factor[:, None]).abs().max()
    if not float(apart) <= ALIGNED * (1 + float(by_s.abs().max())):
        return None
    return factor / _slope(call, parameter), torch.linalg.slogdet(jacobian)[1]


def _row(call: Call, k: int) -> tuple[Tensor, Tensor] | None:
    by_mean, by_s = slopes(call.z[:, 0, k].sum(), [call.design.mean, call.design.s])
    return None if by_mean is None or by_s is None else (flat(by_mean), flat(by_s))


def _slope(call: Call, parameter: Parameter) -> Tensor:
    s = call.design.s.detach().clone().requires_grad_()
    return flat(torch.autograd.grad(parameter.variance(s).sqrt().sum(), s)[0])


def flow_terms(call: Call, parameter: Parameter) -> dict[str, Tensor]:
    """Return the terms of log q(z) - log p(z), (B,) each.

    Raises
    ------
    ValueError
        If z is no function of a reparameterised draw.
    """
    found = transport(call, parameter)
    if found is None:
        raise ValueError("call: got a z that is no function of a reparameterised draw")
    noise, log_det = found
    variance = variance_of(call, parameter).detach()
    base = flat(call.design.mean).detach() + variance.sqrt() * noise
    return {
        "z^2": (call.z.detach() ** 2).sum((1, 2)),
        "noise^2": (noise**2).sum(1),
        "log variance": variance.log().sum(1),
        "log determinant": log_det,
        "base^2": (base**2).sum(1),
    }
