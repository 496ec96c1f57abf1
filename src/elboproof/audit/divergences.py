"""The terms that a divergence from q = N(mean, variance) to a normal prior can add to a loss, per datum."""

import torch

from elboproof.audit.calls import Call
from elboproof.audit.laws import LAWS
from elboproof.audit.parameters import Parameter

Tensor = torch.Tensor
Terms = dict[str, Tensor]

CLOSED = ("mean^2", "variance", "log variance")
DRAWN = ("z^2", "r^2", "log variance")
"""r = (z - mean) / deviation."""
BY_LAW = ("z^2", "log density of the noise", "log variance")
"""Of another law of r."""
SLIPS = (
    "mean",
    "(log variance)^2",
    "deviation",
    "variance^2",
    "1/variance",
    "mean^2/variance",
    "relu(log variance)",
    "|mean|",
)
"""Terms of the dictionary that no divergence of a normal q to N(0, I) has."""
OTHER_LAWS = {f"drawn, {one.name}": one for one in LAWS[1:]}
"""Kinds of a divergence of a q that is not normal, at the draw."""


def flat(value: Tensor) -> Tensor:
    """Return (B, d)."""
    return value.reshape(value.shape[0], -1)


def variance_of(call: Call, parameter: Parameter) -> Tensor:
    """Return the variance of q, (B, d), if s is this parameter."""
    return parameter.variance(flat(call.design.s))


def residuals(call: Call, parameter: Parameter) -> Tensor:
    """Return r = (z - mean) / deviation, (B, K, d)."""
    deviation = variance_of(call, parameter).sqrt()
    return (call.z - flat(call.design.mean)[:, None]) / deviation[:, None]


def divergence(call: Call, parameter: Parameter, kind: str) -> Terms:
    """Return the terms of a divergence "closed form", "monte carlo" or of `OTHER_LAWS`, (B,), means over samples."""
    variance = variance_of(call, parameter)
    log_variance = variance.log().sum(1)
    if kind == "closed form":
        mean = flat(call.design.mean)
        return {"mean^2": (mean**2).sum(1), "variance": variance.sum(1), "log variance": log_variance}
    r = residuals(call, parameter)
    if kind in OTHER_LAWS:
        density = OTHER_LAWS[kind].log_density(r).sum(2).mean(1)
        return {"z^2": (call.z**2).sum(2).mean(1), BY_LAW[1]: density, "log variance": log_variance}
    return {"z^2": (call.z**2).sum(2).mean(1), "r^2": (r**2).sum(2).mean(1), "log variance": log_variance}


def each_latent(call: Call, parameter: Parameter) -> Terms:
    """Return the terms of a divergence to a prior with a mean and a variance of its own for each latent."""
    mean, variance = flat(call.design.mean), variance_of(call, parameter)
    columns = {"mean^2": mean**2, "mean": mean, "variance": variance, "log variance": variance.log()}
    return {f"{name} [{k}]": value[:, k] for name, value in columns.items() for k in range(mean.shape[1])}


def every_term(call: Call, parameter: Parameter) -> Terms:
    """Return all terms of the dictionary, those of slips included."""
    mean, variance = flat(call.design.mean), variance_of(call, parameter)
    log_variance, deviation = variance.log(), variance.sqrt()
    r, z = residuals(call, parameter), call.z
    plain = {
        "mean": mean,
        "mean^2": mean**2,
        "variance": variance,
        "log variance": log_variance,
        "(log variance)^2": log_variance**2,
        "deviation": deviation,
        "variance^2": variance**2,
        "1/variance": 1 / variance,
        "mean^2/variance": mean**2 / variance,
        "relu(log variance)": log_variance.relu(),
        "|mean|": mean.abs(),
    }
    drawn = {"z^2": z**2, "z": z, "r^2": r**2, "(z - mean)^2": (z - mean[:, None]) ** 2}
    terms = {name: value.sum(1) for name, value in plain.items()}
    return terms | {name: value.sum(2).mean(1) for name, value in drawn.items()}
