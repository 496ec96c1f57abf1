"""What a yardstick asks of a trained network: a decoder and a likelihood, under the prior N(0, I), in float64."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch.nn.functional import softplus

from elboproof.arguments import bad, require_positive, wrong_type

Decode: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""(M, d) latents to (M, D) outputs, row by row and differentiable, in float64."""
LogLikelihood: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""x (N, D) and outputs (K, N, D) to log p(x|z) in nats, (K, N)."""
MOST_ROWS = 2**14
"""Latents decoded at once where no gradient is needed: bounds the memory."""
LOG_TWO_PI = math.log(2 * math.pi)


def _require_positive(name: str, value: float | torch.Tensor) -> None:
    if not isinstance(value, torch.Tensor):
        require_positive(**{name: value})
    elif value.ndim > 1 or not bool(((value > 0) & value.isfinite()).all()):
        raise bad(name, value, f"positive {name}s, one or one for each pixel")


@dataclass(frozen=True)
class GaussianLikelihood:
    """p(x|z) = N(x; output, variance), constants included.

    Parameters
    ----------
    variance
        A VARIANCE in the units of x squared: a positive number, or a float64 tensor (D,) of them.

    Raises
    ------
    ValueError
        If it is not positive and finite.
    """

    variance: float | torch.Tensor

    def __post_init__(self) -> None:
        _require_positive("variance", self.variance)

    def __call__(self, x: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        """Return (K, N) log densities of x (N, D) at outputs (K, N, D), in nats."""
        variance = torch.as_tensor(self.variance, dtype=x.dtype)
        return -0.5 * ((x - outputs) ** 2 / variance + torch.log(variance) + LOG_TWO_PI).sum(-1)

    def sample(self, outputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one x for each row of outputs, (N, D)."""
        variance = torch.as_tensor(self.variance, dtype=outputs.dtype)
        return outputs + variance.sqrt() * normal(generator, *outputs.shape)


@dataclass(frozen=True)
class HeteroscedasticLikelihood:
    """p(x|z) = N(x; mean, factor * exp(log variance)) of outputs (mean | log variance), 2D numbers for D pixels.

    Parameters
    ----------
    factor
        By which all variances are multiplied, without a unit: a positive number, or a float64 tensor (D,) of them.

    Raises
    ------
    ValueError
        If it is not positive and finite.
    """

    factor: float | torch.Tensor = 1.0

    def __post_init__(self) -> None:
        _require_positive("factor", self.factor)

    def __call__(self, x: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        """Return (K, N) log densities of x (N, D) at outputs (K, N, 2D), in nats."""
        mean, log_variance = _halves(outputs)
        whole = log_variance + torch.as_tensor(self.factor, dtype=x.dtype).log()
        return -0.5 * ((x - mean) ** 2 * torch.exp(-whole) + whole + LOG_TWO_PI).sum(-1)

    def sample(self, outputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one x for each row of outputs, (N, D) of (N, 2D)."""
        mean, log_variance = _halves(outputs)
        variance = torch.as_tensor(self.factor, dtype=outputs.dtype) * torch.exp(log_variance)
        return mean + variance.sqrt() * normal(generator, *mean.shape)


def _halves(outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if outputs.shape[-1] % 2:
        raise ValueError(f"outputs: got {outputs.shape[-1]}; expected as many log variances as means")
    mean, log_variance = outputs.chunk(2, -1)
    return mean, log_variance


@dataclass(frozen=True)
class BernoulliLikelihood:
    """p(x|z) of pixels 0 and 1; the outputs are logits."""

    def __call__(self, x: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        """Return (K, N) log probabilities of x (N, D) at logits (K, N, D), in nats.

        Raises
        ------
        ValueError
            If a pixel is neither 0 nor 1: the number would be no log probability.
        """
        if not bool(((x == 0) | (x == 1)).all()):
            raise bad("x", x[(x != 0) & (x != 1)][0].item(), "pixels 0 and 1 under a Bernoulli likelihood")
        return (x * outputs - softplus(outputs)).sum(-1)

    def sample(self, outputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one x of zeros and ones for each row of logits, (N, D)."""
        uniform = torch.rand(outputs.shape, generator=generator, dtype=torch.float64)
        return (uniform < torch.sigmoid(outputs)).double()


@dataclass(frozen=True)
class Joint:
    """p(x, z) = p(x|z) N(z; 0, I) of a network; another Gaussian prior is absorbed by `yardstick_prior`.

    Parameters
    ----------
    decode
        (M, d) float64 latents to (M, D) float64 outputs. Row by row: batch normalisation in eval mode.
    log_likelihood
        `GaussianLikelihood`, `BernoulliLikelihood` or any function of x (N, D) and outputs (K, N, D);
        `HeteroscedasticLikelihood` takes twice as many outputs, which ``decode`` must give.
    """

    decode: Decode
    log_likelihood: LogLikelihood

    def outputs(self, z: torch.Tensor) -> torch.Tensor:
        """Return the decoder's outputs (K, N, D) at z (K, N, d).

        Raises
        ------
        TypeError, ValueError
            If ``decode`` returns no float64 tensor, or not one row for each latent.
        """
        flat = z.reshape(-1, z.shape[-1])
        given: object = self.decode(flat)
        if not isinstance(given, torch.Tensor) or given.dtype != torch.float64:
            kind = given.dtype if isinstance(given, torch.Tensor) else type(given).__name__
            raise TypeError(f"decode: got outputs of {kind}; expected float64, such as module.double() gives")
        if given.ndim != 2 or len(given) != len(flat):
            raise ValueError(f"decode: got outputs of shape {tuple(given.shape)}; expected ({len(flat)}, D)")
        return given.reshape(*z.shape[:-1], -1)

    def log_given(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Return log p(x|z) in nats, (K, N), for x (N, D) and z (K, N, d).

        Raises
        ------
        ValueError
            If ``decode`` or ``log_likelihood`` returns another shape.
        """
        outputs = self.outputs(z)
        self.require_outputs(x, outputs)
        found = self.log_likelihood(x, outputs)
        if found.shape != z.shape[:-1]:
            expected = tuple(z.shape[:-1])
            raise ValueError(f"log_likelihood: got shape {tuple(found.shape)}; expected {expected}, (K, N)")
        return found

    def require_outputs(self, x: torch.Tensor, outputs: torch.Tensor) -> None:
        """Raise ``ValueError`` unless there are as many outputs as the likelihood of x (N, D) takes."""
        given, pixels = outputs.shape[-1], x.shape[-1]
        if not isinstance(self.log_likelihood, HeteroscedasticLikelihood):
            if given != pixels:
                raise ValueError(f"decode: got {given} outputs; expected {pixels}, as x has")
        elif given != 2 * pixels:
            wanted = f"{2 * pixels}, a mean and a log variance for each of x"
            raise ValueError(f"decode: got {given} outputs; expected {wanted}")

    def squares(self, x: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        """Return (x - mean)^2, (N, D), divided by the variances where outputs (N, 2D) have some."""
        self.require_outputs(x, outputs)
        if not isinstance(self.log_likelihood, HeteroscedasticLikelihood):
            return (x - outputs) ** 2
        mean, log_variance = _halves(outputs)
        return (x - mean) ** 2 * torch.exp(-log_variance)

    def log_joint(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Return log p(x|z) + log N(z; 0, I) in nats, (K, N), for x (N, D) and z (K, N, d)."""
        return self.log_given(x, z) - 0.5 * ((z**2).sum(-1) + z.shape[-1] * LOG_TWO_PI)

    @torch.no_grad()
    def in_blocks(self, x: torch.Tensor, z: torch.Tensor, *, prior: bool = True) -> torch.Tensor:
        """Return `log_joint`, or without ``prior`` `log_given`, of many draws in bounded memory.

        Raises
        ------
        ValueError
            If one of the numbers is NaN.
        """
        function = self.log_joint if prior else self.log_given
        size = max(1, MOST_ROWS // len(x))
        found = torch.cat([function(x, part) for part in torch.split(z, size)])
        if bool(found.isnan().any()):
            row = int(found.isnan().any(0).nonzero()[0])
            raise ValueError(f"decode: got NaN in the log likelihood of x[{row}]; expected finite outputs")
        return found


def double_rows(
    value: object, name: str, columns: int | None = None, rows: int | None = None
) -> torch.Tensor:
    """Return a float64 tensor of rows without its graph.

    Raises
    ------
    TypeError
        If it is no tensor of float64; float32 would be silently less than what the yardstick says of its errors.
    ValueError
        If the shape is another, or an entry is not finite.
    """
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float64:
        raise wrong_type(name, value, "a float64 tensor, such as value.double() gives")
    fits = value.ndim == 2 and 0 not in value.shape
    if not fits or columns not in {None, value.shape[1]} or rows not in {None, len(value)}:
        wanted = f"({rows or 'N'}, {columns or 'D'})"
        raise ValueError(f"{name}: got shape {tuple(value.shape)}; expected {wanted} with no empty axis")
    if not bool(value.isfinite().all()):
        row, column = (int(k) for k in (~value.isfinite()).nonzero()[0])
        raise ValueError(
            f"{name}: got {value[row, column].item()} at {name}[{row}][{column}]; expected finite numbers"
        )
    return value.detach()


def require_joint(model: object) -> Joint:
    """Return the model, or raise ``TypeError`` if it is no `Joint`."""
    if not isinstance(model, Joint):
        raise wrong_type("model", model, "a Joint of a decoder and a likelihood")
    return model


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Return standard normal numbers in float64; the one source of chance.

    Raises
    ------
    TypeError
        If the generator is none: no global state is read or changed.
    """
    if not isinstance(generator, torch.Generator):
        raise wrong_type("generator", generator, "a torch.Generator")
    return torch.randn(*shape, generator=generator, dtype=torch.float64)
