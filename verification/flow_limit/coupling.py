"""S6: a RealNVP coupling flow by its layers, by automatic differentiation, and as the limit of proved evidences.

(u, v) -> (u, w), w = v exp(s_1(u)) + t_1(u), then -> (u exp(s_2(w)) + t_2(w), w); s and t are tanh networks of width 2.
"""

from typing import Any

import numpy as np

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, control, equal, slope_equals

from .._shared.balls import spanned
from . import claim
from .hypotheses import positive_variance, regular_point

S1, T1 = "(2/5*tanh({0}) - 1/5*tanh(2*{0} + 1))", "(1/2*tanh(2*{0} - 1) + 1/4*tanh({0}))"
S2, T2 = "(1/3*tanh({0}) + 1/6*tanh({0} - 1))", "(1/4*tanh({0}) - 1/3*tanh({0} + 1/2))"
W = f"(v*exp({S1.format('u')}) + {T1.format('u')})"
DECODER = [f"u*exp({S2.format(W)}) + {T2.format(W)}", W]
LATENTS = ((0.3, -0.4), (-0.8, 0.6), (1.1, 0.2))
SIGMAS = ("1/30", "1/60", "1/120")
DIGITS = 12
CLOSE = 1e-12
"""Rounding of a few dozen operations of size 1."""


def layers(z: Any) -> tuple[Any, Any]:
    """Return the flow's output (2,) and its log determinant s_1(u) + s_2(w), in torch."""
    import torch

    def s1(u: Any) -> Any:
        return 0.4 * torch.tanh(u) - 0.2 * torch.tanh(2 * u + 1)

    def t1(u: Any) -> Any:
        return 0.5 * torch.tanh(2 * u - 1) + 0.25 * torch.tanh(u)

    def s2(w: Any) -> Any:
        return torch.tanh(w) / 3 + torch.tanh(w - 1) / 6

    def t2(w: Any) -> Any:
        return torch.tanh(w) / 4 - torch.tanh(w + 0.5) / 3

    u, v = z[..., 0], z[..., 1]
    w = v * torch.exp(s1(u)) + t1(u)
    return torch.stack([u * torch.exp(s2(w)) + t2(w), w], -1), s1(u) + s2(w)


def inverse(x: Any) -> Any:
    """Return the latents of outputs, by the layers one after the other."""
    import torch

    w = x[..., 1]
    u = (x[..., 0] - (torch.tanh(w) / 4 - torch.tanh(w + 0.5) / 3)) * torch.exp(
        -(torch.tanh(w) / 3 + torch.tanh(w - 1) / 6)
    )
    shift = 0.5 * torch.tanh(2 * u - 1) + 0.25 * torch.tanh(u)
    return torch.stack([u, (w - shift) * torch.exp(-(0.4 * torch.tanh(u) - 0.2 * torch.tanh(2 * u + 1)))], -1)


def log_density(x: Any) -> Any:
    """Return log p_0(x) of one x (2,) by the layers' formula."""
    z = inverse(x)
    return -(z**2).sum(-1) / 2 - np.log(2 * np.pi) - layers(z)[1]


@claim.check(
    statement="S6",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "the layers' sum s_1 + s_2 is log |det J| by automatic differentiation, and elboproof.objectives."
        f"flow_limit_log_prob is log N(z0) less it, within {CLOSE:g}"
    ),
    domain=f"a coupling flow of two layers, z0 = {', '.join(map(str, LATENTS))}, float64",
    hypotheses=(regular_point,),
    controls=(
        control("the second layer's scale forgotten", forgotten=1.0),
        control("log det J'J for log |det J|", refutes="loss*", twice=2.0),
    ),
)
def layers_and_differentiation_agree(run: Run, *, forgotten: float = 0.0, twice: float = 1.0) -> Verdict:
    """Three routes: the formula, slogdet of the Jacobian, and the QR factors of the library."""
    import torch

    from elboproof import objectives

    z = torch.tensor(LATENTS, dtype=torch.float64)
    x, by_layers = layers(z)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda one: layers(one)[0]))(z)
    determinant = torch.linalg.slogdet(jacobian).logabsdet
    run.assume(regular_point, float(determinant.exp().min()))
    formula = by_layers - forgotten * (torch.tanh(x[:, 1]) / 3 + torch.tanh(x[:, 1] - 1) / 6)
    loss = objectives.flow_limit_log_prob(lambda one: layers(one)[0], x, z)
    prior = -(z**2).sum(1) / 2 - np.log(2 * np.pi)
    return all_of(
        {
            "determinant": equal(formula.numpy(), determinant.numpy(), CLOSE),
            "loss of the library": equal(loss.numpy(), (prior - twice * formula).numpy(), 4 * CLOSE),
        }
    )


@claim.check(
    statement="S6",
    role="confirms",
    method="numeric",
    relation="order",
    states=(
        "proved log p_sigma less log p_0 of the layers' formula is sigma^2 Laplacian p_0/(2 p_0), by automatic "
        "differentiation, up to what falls with slope 4 within 0.08"
    ),
    domain=(
        f"the same flow, x = f(z0), sigma = {', '.join(SIGMAS)}; evidences to {DIGITS} digits, log p_0 in float64"
    ),
    hypotheses=(positive_variance,),
    controls=(
        control("the Laplacian without 1/2", factor=1.0),
        control("log p_0 without the first layer", layer=1.0),
    ),
)
def evidences_tend_to_the_flow(run: Run, *, factor: float = 0.5, layer: float = 0.0) -> Verdict:
    """Laplacian p_0/p_0 = Laplacian log p_0 + |grad log p_0|^2. Rounding of log p_0, 1e-15, is 1e-6 of what is left."""
    import torch

    run.assume(positive_variance, 1 / 100)
    parts = {}
    for latent in LATENTS:
        z = torch.tensor(latent, dtype=torch.float64)
        x = layers(z)[0]
        gradient = torch.func.grad(log_density)(x)
        curvature = torch.func.hessian(log_density)(x).diagonal().sum() + (gradient**2).sum()
        shift = layer * float(0.4 * torch.tanh(z[0]) - 0.2 * torch.tanh(2 * z[0] + 1))
        left, scales = [], []
        for sigma in SIGMAS:
            top, bottom = map(int, sigma.split("/"))
            model = ep.LatentModel(["u", "v"], DECODER, ep.Gaussian(variance=f"{top**2}/{bottom**2}"))
            proved = float(spanned(ep.log_evidence(model, x.tolist(), digits=DIGITS)).mid())
            scale = top / bottom
            left.append(abs(proved - float(log_density(x)) - shift - factor * float(curvature) * scale**2))
            scales.append(scale)
        parts[f"z0 = {latent}"] = slope_equals(scales, left, 4, 0.08)
    return all_of(parts)
