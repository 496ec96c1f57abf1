"""Laws that the noise of a location-scale q = mean + deviation x noise can have: the normal one, and others.

The bound of another q has the same terms as that of a Gaussian where its entropy stands in closed form: for noise of
variance V and entropy H, -log p(z) has the mean (mean^2 + V deviation^2 + log 2 pi) / 2 for each latent, and log q(z)
the mean -H - log deviation. So such a formula does not say which law is meant; its constant, or the noise, does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor
HALF_LOG_2PI = math.log(2 * math.pi) / 2


@dataclass(frozen=True)
class NoiseLaw:
    """A law of noise about 0.

    Attributes
    ----------
    name : str
        As reports call it.
    cdf, log_density : function
        Of noise of any shape.
    variance, entropy : float
        In nats.
    width : float
        What the noise is multiplied by.
    """

    name: str
    cdf: Callable[[Tensor], Tensor]
    log_density: Callable[[Tensor], Tensor]
    variance: float
    entropy: float
    width: float = 1.0

    @property
    def constant(self) -> float:
        """Return the constant of KL(q | N(0, 1)) of a latent, beside mean^2 / 2, V deviation^2 / 2, -log deviation."""
        return HALF_LOG_2PI - self.entropy

    def scaled(self, width: float) -> "NoiseLaw":
        """Return the law of ``width`` times this noise."""
        return replace(
            self,
            name=f"{self.name} (x {width:.6g})",
            cdf=partial(_scaled_cdf, self.cdf, width),
            log_density=partial(_scaled_log_density, self.log_density, width),
            variance=width**2 * self.variance,
            entropy=self.entropy + math.log(width),
            width=width * self.width,
        )


def _scaled_cdf(cdf: Callable[[Tensor], Tensor], width: float, r: Tensor) -> Tensor:
    return cdf(r / width)


def _scaled_log_density(log_density: Callable[[Tensor], Tensor], width: float, r: Tensor) -> Tensor:
    return log_density(r / width) - math.log(width)


def _laplace_cdf(r: Tensor) -> Tensor:
    tail = torch.exp(-r.abs()) / 2
    return torch.where(r > 0, 1 - tail, tail)


def _uniform_log_density(r: Tensor) -> Tensor:
    return torch.where(r.abs() <= 1, -math.log(2), -math.inf).to(r.dtype)


NORMAL = NoiseLaw("normal", torch.special.ndtr, lambda r: -(r**2) / 2 - HALF_LOG_2PI, 1.0, 0.5 + HALF_LOG_2PI)
LAPLACE = NoiseLaw("Laplace", _laplace_cdf, lambda r: -r.abs() - math.log(2), 2.0, 1 + math.log(2))
LOGISTIC = NoiseLaw(
    "logistic",
    torch.sigmoid,
    lambda r: torch.nn.functional.logsigmoid(r) + torch.nn.functional.logsigmoid(-r),
    math.pi**2 / 3,
    2.0,
)
UNIFORM = NoiseLaw("uniform", lambda r: (r / 2 + 0.5).clamp(0, 1), _uniform_log_density, 1 / 3, math.log(2))
LAWS = (NORMAL, LAPLACE, LOGISTIC, UNIFORM)
"""Each of the deviation by which its family is written: scale 1, and uniform on (-1, 1)."""
USUAL = (*LAWS, *(one.scaled(one.variance**-0.5) for one in LAWS[1:]))
"""The same, and those of variance 1."""
