"""What a bounded likelihood with the signature of `elboproof.objectives.baggins` or `bilbo_baggins` must do.

The reference is built of entropies of ``torch.distributions``: data seen through noise of variance lambda v have, at
the best variance r + lambda v, the mean log likelihood -H(N(0, r + lambda v)), and their own Gaussian -H(N(0, (1 +
lambda) v)).
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.distributions import Independent, Normal, kl_divergence

from elboproof.objectives.contract import CLOSE, Breach, Objective, Tensor

BATCH, OUTPUTS, LATENTS = 9, 4, 3
BITS = (0.5, 2.0, 4.0)
SCALES = (1e-30, 1e30)


def baggins_breaches(objective: Objective) -> list[Breach]:
    """Return what a function breaks: value, cap, gradient, scale law, constant dimensions; both modes."""
    result: list[Breach] = []
    for mode in ("isotropic", "per-dimension"):
        for bits in BITS:
            result += _values(objective, mode, bits)
        result += _laws(objective, mode)
    return result


def bilbo_baggins_breaches(objective: Objective) -> list[Breach]:
    """Return what a function with the arguments and result of `elboproof.objectives.bilbo_baggins` breaks.

    The reference is that of the bounded likelihood less the mean KL of N(m, I) to the best centred diagonal prior.
    """
    result: list[Breach] = []
    for mode in ("isotropic", "per-dimension"):
        for bits in BITS:
            result += _whole(objective, mode, bits)
    return result


def _whole(objective: Objective, mode: str, bits: float) -> Iterator[Breach]:
    """Yield breaches of the value, of the gradients in mean_x and mean, and of the law of scale."""
    residual, v = _given(2)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(BATCH, OUTPUTS, generator=generator, dtype=torch.float64)
    mean_x, mean = (
        (x - residual).requires_grad_(),
        (1.5 + 0.8 * torch.randn(BATCH, LATENTS, generator=generator, dtype=torch.float64)).requires_grad_(),
    )
    found = objective(x, mean_x, mean, v, bits=bits, mode=mode)
    wanted = reference(x - mean_x, v, bits, mode) - _rate(mean)
    name = f"{mode}, {bits:g} bits, with codes"
    if found.shape != ():
        yield Breach("value", f"{name}: shape {tuple(found.shape)}, expected a scalar")
        return
    yield from _unlike("value", name, found, wanted)
    leaves = [mean_x, mean]
    slopes = torch.autograd.grad(found, leaves, materialize_grads=True, allow_unused=True)
    for slope, exact in zip(slopes, torch.autograd.grad(wanted, leaves), strict=True):
        yield from _unlike("gradient", name, slope, exact)
    for scale in SCALES:
        scaled = objective(x * scale, mean_x.detach() * scale, mean, v * scale**2, bits=bits, mode=mode)
        yield from _unlike("scale", f"{name}, scale {scale:g}", scaled, found)


def _rate(mean: Tensor) -> Tensor:
    """Return the mean of KL(N(m, I) || N(0, E m^2 + 1)) over a batch, a scalar."""
    best = ((mean**2).mean(0) + 1).sqrt()
    q: Any = Independent(Normal(mean, torch.ones_like(mean)), 1)
    prior: Any = Independent(Normal(torch.zeros_like(mean), best.expand(mean.shape)), 1)
    value: Tensor = kl_divergence(q, prior).mean()
    return value


def _given(seed: int) -> tuple[Tensor, Tensor]:
    """Return residuals (B, D) of unequal sizes, and variances (D,) that are not those of the batch."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.tensor([0.01, 0.3, 1.0, 3.0], dtype=torch.float64)
    residual = sizes * (0.4 + torch.randn(BATCH, OUTPUTS, generator=generator, dtype=torch.float64))
    return residual, torch.tensor([1.0, 0.5, 4.0, 9.0], dtype=torch.float64)


def reference(residual: Tensor, v: Tensor, bits: float, mode: str) -> Tensor:
    """Return the difference of entropies, a scalar."""
    lam = 1 / (4.0**bits - 1)
    r = (residual**2).mean(0)
    if mode == "isotropic":
        r, v = r.sum().expand(len(v)), v.sum().expand(len(v))

    def entropy(variance: Tensor) -> Tensor:
        law: Any = Normal(torch.zeros_like(variance), variance.sqrt())
        value: Tensor = law.entropy().sum()
        return value

    return entropy((1 + lam) * v) - entropy(r + lam * v)


def _values(objective: Objective, mode: str, bits: float) -> Iterator[Breach]:
    residual, v = _given(0)
    residual.requires_grad_()
    found, wanted = objective(residual, v, bits=bits, mode=mode), reference(residual, v, bits, mode)
    name = f"{mode}, {bits:g} bits"
    if found.shape != ():
        yield Breach("value", f"{name}: shape {tuple(found.shape)}, expected a scalar")
        return
    yield from _unlike("value", name, found, wanted)
    slopes = [torch.autograd.grad(one, residual)[0] for one in (found, wanted)]
    yield from _unlike("gradient", name, *slopes)
    cap = objective(torch.zeros_like(residual), v, bits=bits, mode=mode)
    yield from _unlike("cap", name, cap, torch.tensor(OUTPUTS * bits * math.log(2), dtype=torch.float64))


def _laws(objective: Objective, mode: str) -> Iterator[Breach]:
    residual, v = _given(1)
    plain = objective(residual, v, mode=mode)
    for scale in SCALES:
        yield from _unlike(
            "scale", f"{mode}, scale {scale:g}", objective(residual * scale, v * scale**2, mode=mode), plain
        )
    column = torch.ones(BATCH, 1, dtype=torch.float64)
    more = objective(
        torch.cat([residual, column], 1), torch.cat([v, torch.zeros(1, dtype=torch.float64)]), mode=mode
    )
    yield from _unlike("constant dimensions", f"{mode}, a constant dimension", more, plain)


def _unlike(check: str, name: str, found: Tensor, wanted: Tensor) -> Iterator[Breach]:
    if found.shape != wanted.shape or not torch.allclose(found, wanted, rtol=CLOSE, atol=CLOSE):
        yield Breach(check, f"{name}: got {found.tolist()}, expected {wanted.tolist()}")
