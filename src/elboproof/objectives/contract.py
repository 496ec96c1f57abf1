"""What an objective must do, as checks that any function of its signature can be put to.

Each check returns breaches, one sentence each; none means that the function kept it. References are those of
``torch.distributions`` and of exact Gaussian algebra in float64, which share nothing with the objectives. Sizes are all
distinct, posteriors are off the optimum, W is not orthogonal, and log variances reach from -40 to 40, so that a
variance taken for a deviation, a lost 1/2 or constant, a mean for a sum, or a floor added to a variance shows.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

Tensor: TypeAlias = torch.Tensor
Objective: TypeAlias = Callable[..., Tensor]
EXAMPLES, OUTPUTS, LATENTS = 7, 5, 3
CLOSE = 1e-9
"""Of a value in float64 against its reference, relative to 1 and the value: sums of a few dozen terms."""
EXTREME = 40.0
"""Largest log variance, in size."""
SCALES = (1e-30, 1e30)
"""Of the data, in float64."""


@dataclass(frozen=True)
class Breach:
    """A check that was not kept.

    Attributes
    ----------
    check : str
        "value", "gradient", "batch", "scale", "extremes", "noise" or "noise gradient".
    sentence : str
        What was found, against what.
    """

    check: str
    sentence: str


@dataclass(frozen=True)
class Design:
    """Inputs in float64: x and mean_x (B, D), mean and log_variance (B, d), variance a number or (D,)."""

    x: Tensor
    mean_x: Tensor
    mean: Tensor
    log_variance: Tensor
    variance: Any


def designs(seed: int = 0, *, extreme: bool = True) -> dict[str, Design]:
    """Return named designs; the same ones for the same seed."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def design(log_variance: Tensor, variance: Any) -> Design:
        means = 1.5 + 0.8 * normal(EXAMPLES, LATENTS)  # not centred: a second moment is no variance
        return Design(normal(EXAMPLES, OUTPUTS), normal(EXAMPLES, OUTPUTS), means, log_variance, variance)

    spread = 0.7 * normal(EXAMPLES, LATENTS) - 1
    found = {
        "one variance": design(spread, 0.37),
        "a variance for each output": design(spread, 0.1 + normal(OUTPUTS) ** 2),
        "tiny posterior variances": design(spread - 17, 0.37),
    }
    if extreme:
        found["extreme log variances"] = design(EXTREME * torch.sign(normal(EXAMPLES, LATENTS)), 2.3)
    return found


def leaves_of(design: Design) -> Design:
    """Return a design whose mean_x, mean and log_variance are leaves of a graph of their own."""
    mean_x, mean, log_variance = (
        t.clone().requires_grad_() for t in (design.mean_x, design.mean, design.log_variance)
    )
    return Design(design.x, mean_x, mean, log_variance, design.variance)


def elbo_breaches(objective: Objective) -> list[Breach]:
    """Return what a function with the arguments and result of `elboproof.objectives.elbo` breaks."""
    return [
        *_values(objective, _elbo_arguments, reference_elbo, designs()),
        *_batches(objective, _elbo_arguments),
        *_scales(objective, _elbo_arguments),
    ]


def bilbo_breaches(objective: Objective) -> list[Breach]:
    """Return what a function with the arguments and result of `elboproof.objectives.bilbo` breaks."""
    return [
        *_values(objective, _bilbo_arguments, reference_bilbo, designs(extreme=False)),
        *_scales(objective, _bilbo_arguments),
    ]


def _elbo_arguments(design: Design) -> tuple[tuple[Tensor, ...], dict[str, Any]]:
    return (design.x, design.mean_x, design.mean, design.log_variance), {"variance": design.variance}


def _bilbo_arguments(design: Design) -> tuple[tuple[Tensor, ...], dict[str, Any]]:
    options = {"variance": design.variance, "posterior_variance": shared_variance(design)}
    return (design.x, design.mean_x, design.mean), options


def shared_variance(design: Design) -> Tensor:
    """Return the posterior variances (d,) of a design's first example, for all examples."""
    return design.log_variance[0].exp().detach()


def reference_elbo(design: Design) -> Tensor:
    """Return log p(x|z) - KL of each example, (B,), by ``torch.distributions``."""
    deviation = torch.as_tensor(design.variance, dtype=torch.float64).sqrt()
    likelihood = log_density(
        Independent(Normal(design.mean_x, deviation.expand(design.x.shape)), 1), design.x
    )
    q = Independent(Normal(design.mean, (design.log_variance / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(design.mean), torch.ones_like(design.mean)), 1)
    return likelihood - _divergence(q, prior)


def reference_bilbo(design: Design) -> Tensor:
    """Return log p(x|z) less the mean KL to the best centred diagonal prior, (B,), by ``torch.distributions``."""
    deviation = torch.as_tensor(design.variance, dtype=torch.float64).sqrt()
    likelihood = log_density(
        Independent(Normal(design.mean_x, deviation.expand(design.x.shape)), 1), design.x
    )
    s = shared_variance(design)
    best = ((design.mean**2).mean(0) + s).sqrt()
    q = Independent(Normal(design.mean, s.sqrt().expand(design.mean.shape)), 1)
    prior = Independent(Normal(torch.zeros_like(design.mean), best.expand(design.mean.shape)), 1)
    return likelihood - _divergence(q, prior).mean()


def log_density(law: Any, x: Tensor) -> Tensor:
    """Return the log density of a law of ``torch.distributions``, (B,)."""
    value: Tensor = law.log_prob(x)
    return value


def _divergence(q: Any, p: Any) -> Tensor:
    value: Tensor = kl_divergence(q, p)
    return value


def _values(
    objective: Objective,
    arguments: Callable[[Design], tuple[tuple[Tensor, ...], dict[str, Any]]],
    reference: Callable[[Design], Tensor],
    given: dict[str, Design],
) -> Iterator[Breach]:
    """Yield breaches of the exact value of each example, and of the gradient in each argument."""
    for name, plain in given.items():
        design = leaves_of(plain)
        leaves = (design.mean_x, design.mean, design.log_variance)
        args, options = arguments(design)
        found, wanted = objective(*args, **options), reference(design)
        if found.shape != wanted.shape:
            yield Breach(
                "value", f"{name}: shape {tuple(found.shape)} for {tuple(wanted.shape)}, one for each example"
            )
            continue
        yield from _difference("value", name, found, wanted)
        used = [leaf for leaf in leaves if any(leaf is one for one in args)]
        slopes = torch.autograd.grad(found.sum(), used, materialize_grads=True, allow_unused=True)
        for leaf, got, exact in zip(used, slopes, torch.autograd.grad(wanted.sum(), used), strict=True):
            yield from _difference(
                "gradient", f"{name}, in an argument of shape {tuple(leaf.shape)}", got, exact
            )


def _batches(objective: Objective, arguments: Callable[[Design], Any]) -> Iterator[Breach]:
    """Yield a breach if an example's value depends on the others in its batch."""
    design = designs(1, extreme=False)["one variance"]
    (args, options) = arguments(design)
    whole = objective(*args, **options)
    alone = torch.cat(
        [objective(*(t[n : n + 1] for t in args), **options).reshape(-1) for n in range(EXAMPLES)]
    )
    if whole.shape == alone.shape:
        yield from _difference("batch", "each example alone", whole, alone)


def _scales(objective: Objective, arguments: Callable[[Design], Any]) -> Iterator[Breach]:
    """Yield breaches of the law of scale: x, mean_x by c and the variance by c^2 cost D log c nats."""
    plain = designs(2, extreme=False)["one variance"]
    args, options = arguments(plain)
    base = objective(*args, **options)
    for scale in SCALES:
        scaled = Design(
            plain.x * scale, plain.mean_x * scale, plain.mean, plain.log_variance, plain.variance * scale**2
        )
        args, options = arguments(scaled)
        found = objective(*args, **options) + OUTPUTS * math.log(scale)
        if not bool(torch.isfinite(found).all()):
            yield Breach("extremes", f"data of scale {scale:g}: not finite")
        elif found.shape == base.shape:
            yield from _difference("scale", f"data of scale {scale:g}", found, base)


def _difference(check: str, name: str, found: Tensor, wanted: Tensor) -> Iterator[Breach]:
    """Yield a breach if two tensors differ by more than `CLOSE` anywhere, relative to 1 and the size."""
    off = (found.double() - wanted).abs() / (1 + wanted.abs())
    worst = int(torch.nan_to_num(off, nan=math.inf).argmax())
    if not bool(off.flatten()[worst] <= CLOSE):
        got, exact = float(found.flatten()[worst].detach()), float(wanted.flatten()[worst].detach())
        yield Breach(check, f"{name}: got {got:.10g}, expected {exact:.10g}")


def linear_gaussian_elbo(w: Tensor, design: Design) -> Tensor:
    """Return E_q[log p(x|z)] - KL of x ~ N(W z, v I), z ~ N(0, I), (B,): log p(x) - KL(q || p(z|x)), exactly."""
    # the posterior is N(P^-1 W'x / v, P^-1) with P = I + W'W / v, whatever q is
    v = torch.as_tensor(design.variance, dtype=torch.float64)
    outputs, latents = w.shape
    precision = torch.eye(latents, dtype=torch.float64) + w.T @ w / v
    mean = torch.linalg.solve(precision, w.T @ design.x.T / v).T
    posterior = MultivariateNormal(mean, precision_matrix=precision.expand(len(mean), latents, latents))
    covariance = w @ w.T + v * torch.eye(outputs, dtype=torch.float64)
    evidence = log_density(
        MultivariateNormal(torch.zeros(outputs, dtype=torch.float64), covariance), design.x
    )
    q = MultivariateNormal(design.mean, torch.diag_embed(design.log_variance.exp()))
    return evidence - _divergence(q, posterior)


def sigma_points(design: Design) -> list[Tensor]:
    """Return 2 d points (B, d) of q whose average integrates polynomials of degree 3: m +- sqrt(d) s_k e_k."""
    latents = design.mean.shape[1]
    deviations = (design.log_variance / 2).exp()
    steps = [
        math.sqrt(latents) * deviations * torch.eye(latents, dtype=torch.float64)[k] for k in range(latents)
    ]
    return [design.mean + sign * step for step in steps for sign in (1, -1)]


def expected_breaches(objective: Objective) -> list[Breach]:
    """Return breaches of the exact mean over z of an `elbo`: a linear decoder, with a W that is not orthogonal."""
    generator = torch.Generator().manual_seed(3)
    w = torch.randn(OUTPUTS, LATENTS, generator=generator, dtype=torch.float64) + 0.5
    result: list[Breach] = []
    for name in ("one variance", "tiny posterior variances"):
        design = designs(4)[name]
        values = [
            objective(design.x, z @ w.T, design.mean, design.log_variance, variance=design.variance)
            for z in sigma_points(design)
        ]
        if values[0].shape == (EXAMPLES,):
            found = torch.stack(values).mean(0)
            result += _difference("value", f"{name}, mean over z", found, linear_gaussian_elbo(w, design))
    return result
