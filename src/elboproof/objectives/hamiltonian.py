"""The Hamiltonian variational auto-encoder: importance weights of a leapfrog path that cools down.

With U(z) = -log p(x, z), T_k = 1 + (T_0 - 1)(1 - k^2/K^2) and T_0 = beta_0^-1/2, from z ~ q0 and rho = T_0 gamma,
gamma ~ N(0, I): K times a half kick rho -= e/2 grad U(z), a drift z += e rho, a half kick, and cooling rho *=
T_k/T_(k-1). The kicks and the drift are shears, so that the map has the determinant T_0^-d, which cancels against the
density of rho_0:

    log w = log p(x, z_K) - |rho_K|^2/2 + |gamma|^2/2 - log q0(z_0).

E w = p(x), and E log w is a lower bound of log p(x). Caterini, Doucet and Sejdinovic 2018; the schedule is that of the
code they released.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch

from elboproof.arguments import bad, require_count, suggesting, wrong_type
from elboproof.objectives.tensors import require_batch, require_shape, surely, wide

LogJoint: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From z (S, B, d) and x to log p(x, z), (S, B), in nats."""
Force: TypeAlias = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""From z (S, B, d) to log p(x, z), (S, B), and its gradient in z, (S, B, d)."""
Path: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A path's log weights or log joints (S, B), its last place and its last momentum (S, B, d)."""
PerCoordinate: TypeAlias = "float | torch.Tensor"
"""One number for all coordinates, or a tensor of shape (d,)."""


@suggesting
def hvae_elbo(
    log_joint: LogJoint,
    x: torch.Tensor,
    q0_mean: torch.Tensor,
    q0_log_std: torch.Tensor,
    *,
    steps: int,
    step_size: PerCoordinate,
    inverse_temperature: PerCoordinate = 1.0,
    samples: int = 1,
    generator: torch.Generator,
) -> Path:
    """Return log weights whose mean is a lower bound of log p(x), in nats, and where their paths end.

    Parameters
    ----------
    log_joint
        log p(x, z) as a function of z (S, B, d) and x, of shape (S, B), twice differentiable in z. Each entry may
        depend on its own z alone.
    x
        (B, D): the data, handed on to ``log_joint``.
    q0_mean, q0_log_std
        (B, d): q0 = N(mean, diag(exp(2 log_std))), the logarithm of a standard DEVIATION.
    steps
        K >= 1 leapfrog steps.
    step_size
        e > 0; a number or (d,). Paths stay near a Gaussian posterior for e below 2 times its smallest deviation.
    inverse_temperature
        0 < beta_0 <= 1 of the first momentum; a number or (d,). 1 does not temper.
    samples
        S >= 1 paths for each example.
    generator
        Of the random numbers, on the device of ``q0_mean``.

    Returns
    -------
    log_w : Tensor
        (S, B): unbiased E log w <= log p(x) by its mean, E w = p(x) by ``logsumexp`` less log S.
    z, rho : Tensor
        (S, B, d): the last places and momenta.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or ``log_joint`` is not finite on a path.

    Notes
    -----
    log w = log p(x, z_K) - |rho_K|^2/2 + |gamma|^2/2 - log q0(z_0), rho_0 = gamma / sqrt(inverse_temperature)
    (Caterini, Doucet and Sejdinovic 2018).

    K + 1 gradients of ``log_joint``. Training differentiates them: as many Hessian-vector products on the way back.
    Under ``torch.no_grad`` no graph is kept.

    Examples
    --------
    >>> import torch
    >>> from elboproof import objectives
    >>> def log_joint(z, x):  # z ~ N(0, 1), x ~ N(z, 1), without constants
    ...     return (-(z**2) / 2 - (x - z) ** 2 / 2).sum(-1)
    >>> zero = torch.zeros(4, 1)
    >>> log_w, z, rho = objectives.hvae_elbo(
    ...     log_joint, zero, zero, zero, steps=1, step_size=1.0, samples=9, generator=torch.Generator().manual_seed(0)
    ... )
    >>> log_w.shape, z.shape
    (torch.Size([9, 4]), torch.Size([9, 4, 1]))
    """
    mean, log_std = wide(q0_mean, "q0_mean"), wide(q0_log_std, "q0_log_std")
    require_shape(log_std, "q0_log_std", tuple(mean.shape), "q0_mean")
    require_batch(mean, "q0_mean", wide(x, "x"), "x")
    require_count("samples", samples)
    given: object = generator
    if not isinstance(given, torch.Generator):
        raise wrong_type("generator", generator, "a torch.Generator")
    shape = (2, samples, *mean.shape)
    noise, gamma = torch.randn(shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return weights(
        log_joint, x, mean, log_std, noise, gamma,
        steps=steps, step_size=step_size, inverse_temperature=inverse_temperature,
    )  # fmt: skip


def weights(
    log_joint: LogJoint,
    x: torch.Tensor,
    mean: torch.Tensor,
    log_std: torch.Tensor,
    noise: torch.Tensor,
    gamma: torch.Tensor,
    *,
    steps: int,
    step_size: PerCoordinate,
    inverse_temperature: PerCoordinate = 1.0,
) -> Path:
    """Return what `hvae_elbo` returns for given standard normal numbers ``noise`` and ``gamma``, (S, B, d) both."""
    require_count("steps", steps)
    _require_finite(q0_mean=mean, q0_log_std=log_std)
    step = _per_coordinate(step_size, "step_size", mean)
    beta = _per_coordinate(inverse_temperature, "inverse_temperature", mean)
    if surely((beta > 1).any()):
        raise bad("inverse_temperature", inverse_temperature, "at most 1: momenta that cool down")
    temperature = beta**-0.5
    start = mean + log_std.exp() * noise
    force = force_of(log_joint, x)
    value, z, rho = leapfrog(force, start, temperature * gamma, step, cooling(temperature, steps))
    log_q0 = -0.5 * (noise**2).sum(-1) - log_std.sum(-1) - 0.5 * mean.shape[-1] * math.log(2 * math.pi)
    log_w = value - 0.5 * (rho**2).sum(-1) + 0.5 * (gamma**2).sum(-1) - log_q0
    return log_w, z, rho


def cooling(temperature: torch.Tensor, steps: int) -> list[torch.Tensor]:
    """Return the K factors T_k/T_(k-1) of the momenta, whose product is 1/T_0."""
    schedule = [1 + (temperature - 1) * (1 - k**2 / steps**2) for k in range(steps + 1)]
    return [later / earlier for earlier, later in pairwise(schedule)]


def leapfrog(
    force: Force, z: torch.Tensor, rho: torch.Tensor, step: torch.Tensor, factors: Sequence[torch.Tensor]
) -> Path:
    """Return log p(x, z_K), z_K and rho_K of a path with these cooling factors; the force is asked K + 1 times."""
    # the second half kick of a step and the first of the next are at one place
    value, slope = force(z)
    for factor in factors:
        rho = rho + 0.5 * step * slope
        z = z + step * rho
        value, slope = force(z)
        rho = factor * (rho + 0.5 * step * slope)
    return value, z, rho


def force_of(log_joint: LogJoint, x: torch.Tensor) -> Force:
    """Return log p(x, z) and its gradient, which can itself be differentiated where gradients are enabled."""

    def force(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        training = torch.is_grad_enabled()
        with torch.enable_grad():
            place = z if z.requires_grad else z.detach().requires_grad_()
            value = log_joint(place, x)
            _require_log_joint(value, z)
            # the sum's gradient is that of each entry, as each depends on its own z alone
            (slope,) = torch.autograd.grad(value.sum(), place, create_graph=training, allow_unused=True)
        if slope is None:
            raise ValueError("log_joint: got values that do not depend on z; expected log p(x, z)")
        return (value, slope) if training else (value.detach(), slope)

    return force


def _require_log_joint(value: torch.Tensor, z: torch.Tensor) -> None:
    given: object = value
    if not isinstance(given, torch.Tensor) or not value.is_floating_point():
        raise wrong_type("log_joint", value, "a function with floating-point values")
    if tuple(value.shape) != tuple(z.shape[:2]):
        raise ValueError(
            f"log_joint: got values of shape {tuple(value.shape)}; expected {tuple(z.shape[:2])}, one for each z"
        )
    if not value.requires_grad:
        raise ValueError("log_joint: got values without a gradient in z; expected differentiable ones")
    if surely(~torch.isfinite(value.detach()).all()):
        raise ValueError(
            "log_joint: got infinite or NaN values on a path; expected finite ones, which may need a smaller step_size"
        )


def _require_finite(**arguments: torch.Tensor) -> None:
    for name, value in arguments.items():
        if surely(~torch.isfinite(value.detach()).all()):
            raise ValueError(f"{name}: got infinite or NaN entries; expected finite numbers")


def _per_coordinate(value: PerCoordinate, name: str, like: torch.Tensor) -> torch.Tensor:
    """Return positive finite numbers as a tensor of shape () or (d,)."""
    if isinstance(value, bool) or not isinstance(value, int | float | torch.Tensor):
        raise wrong_type(name, value, "a positive number, or a tensor of shape (d,)")
    if isinstance(value, torch.Tensor) and not value.is_floating_point():
        raise wrong_type(name, value, "a floating-point tensor")
    numbers = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if tuple(numbers.shape) not in {(), (like.shape[-1],)}:
        raise ValueError(f"{name}: got shape {tuple(numbers.shape)}; expected () or ({like.shape[-1]},)")
    # NaN fails the first comparison too
    if surely(~((numbers > 0) & (numbers < math.inf)).all()):
        raise bad(name, value, "positive finite numbers")
    return numbers
