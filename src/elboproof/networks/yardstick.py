"""The one yardstick of trained networks: amortised and refined ELBO, the fitted variance, paired differences, units.

Evidence by importance sampling stands in `importance`, by annealing in `annealed`. All numbers are nats per test point.
"""

import math
from dataclasses import dataclass

import torch

from elboproof.arguments import bad, require_count, require_positive
from elboproof.networks.yardstick_model import (
    Joint,
    double_rows,
    normal,
    require_joint,
)
from elboproof.networks.yardstick_posteriors import Posteriors


@dataclass(frozen=True)
class Estimate:
    """An estimate for each of N test points, in nats.

    Attributes
    ----------
    values : Tensor (N,)
    errors : Tensor (N,)
        Standard errors from the draws; points are independent of one another.
    """

    values: torch.Tensor
    errors: torch.Tensor

    @property
    def mean(self) -> float:
        """The mean over the points."""
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """The standard error of `mean` from the draws alone, for these points."""
        return float((self.errors**2).sum().sqrt()) / len(self.errors)


def checked_rows(model: Joint, x: torch.Tensor, posteriors: Posteriors) -> torch.Tensor:
    """Return x as float64 rows, one for each posterior, or raise as `double_rows` and `require_joint`."""
    require_joint(model)
    return double_rows(x, "x", rows=len(posteriors))


def elbo_estimate(
    model: Joint, x: torch.Tensor, posteriors: Posteriors, *, draws: int = 64, generator: torch.Generator
) -> Estimate:
    """Return the ELBO of each test point: E_q[log p(x|z)] by sampling, the divergence in closed form.

    Parameters
    ----------
    model
        Decoder and likelihood under N(0, I).
    x
        (N, D) float64.
    posteriors
        Those of the encoder for the amortised ELBO, those of `refined` for the refined one.
    draws
        For each point, at least 2.
    generator
        Draws all noise.

    Returns
    -------
    Estimate
        ``values`` (N,) in nats, and their standard ``errors`` from the draws.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or a log likelihood is NaN.
    """
    data = checked_rows(model, x, posteriors)
    count = require_count("draws", draws, 2)
    u = normal(generator, count, len(posteriors), posteriors.latents)
    found = model.in_blocks(data, posteriors.at(u), prior=False)
    return Estimate(found.mean(0) - posteriors.divergences(), found.std(0) / math.sqrt(count))


def refined(
    model: Joint,
    x: torch.Tensor,
    posteriors: Posteriors,
    *,
    steps: int = 300,
    draws: int = 8,
    learning_rate: float = 0.1,
    generator: torch.Generator,
) -> Posteriors:
    """Return posteriors whose means and deviations were optimised for each test point, from the encoder's on.

    Parameters
    ----------
    model, x, posteriors
        As `elbo_estimate`.
    steps
        Of Adam.
    draws
        Antithetic pairs for each step and point: u and -u.
    learning_rate
        Of Adam, falling along a cosine to 0.
    generator
        Draws all noise. Score the result with fresh draws, which `elbo_estimate` makes.

    Returns
    -------
    Posteriors
        One Gaussian for each of the N points.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or an ELBO becomes NaN or infinite, with the step.

    Notes
    -----
    The unknowns are a and t with m = m_0 + F_0 a and F = F_0 diag(exp t). They are free of the latents' scales; where
    the encoder's covariance was diagonal in the latents' own coordinates, it stays so there, also after
    `AffinePrior.posteriors`. Every Gaussian gives a lower bound, so that a poor optimum is a loss and never an error.
    """
    data = checked_rows(model, x, posteriors)
    require_count("steps", steps)
    require_count("draws", draws)
    require_positive(learning_rate=learning_rate)
    shift = torch.zeros_like(posteriors.means, requires_grad=True)
    stretch = torch.zeros_like(posteriors.means, requires_grad=True)
    optimiser = torch.optim.Adam([shift, stretch], lr=learning_rate)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.5 * learning_rate * (1 + math.cos(math.pi * step / steps))
        half = normal(generator, draws, *posteriors.means.shape)
        means, factors = _moved(posteriors, shift, stretch)
        bound = _bound(model, data, means, factors, torch.cat([half, -half]))
        if not bool(bound.isfinite()):
            raise ValueError(
                f"model: got a mean ELBO of {bound.item()} in step {step}; expected finite numbers"
            )
        # the sum, not the mean, over points: Adam's step of a point must not know how many others there are
        shift.grad, stretch.grad = torch.autograd.grad(-bound, [shift, stretch])
        optimiser.step()
    with torch.no_grad():
        return Posteriors(*_moved(posteriors, shift, stretch))


def _moved(
    start: Posteriors, shift: torch.Tensor, stretch: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    means = start.means + torch.einsum("nij,nj->ni", start.factors, shift)
    return means, start.factors * stretch.exp()[:, None, :]


def _bound(
    model: Joint, x: torch.Tensor, means: torch.Tensor, factors: torch.Tensor, u: torch.Tensor
) -> torch.Tensor:
    """Return the sum over the points of their ELBOs, estimated with u (K, N, d)."""
    z = means + torch.einsum("nij,knj->kni", factors, u)
    squares = (means**2).sum(-1) + (factors**2).sum((-2, -1))
    divergence = 0.5 * (squares - means.shape[1]) - factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return (model.log_given(x, z).mean(0) - divergence).sum()


def fitted_variance(
    model: Joint,
    x: torch.Tensor,
    posteriors: Posteriors,
    *,
    per_pixel: bool = False,
    floor: float = 0.01,
    draws: int = 16,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the likelihood variance with the highest mean ELBO at fixed networks: E_q (x - f(z))^2.

    Under `HeteroscedasticLikelihood`, whose decoder gives variances v(z), too, it is their factor: E_q (x - f)^2 / v.

    Parameters
    ----------
    model
        Of its likelihood nothing is used but the kind.
    x, posteriors
        Of the VALIDATION split: on the training split memorising looks like precision, the test split is for scoring.
    per_pixel
        One variance for each pixel; else one for all.
    floor
        With ``per_pixel`` no variance is below this times their mean: pixels that hardly move would otherwise
        decide all comparisons.
    draws, generator
        As `elbo_estimate`.

    Returns
    -------
    Tensor
        () or (D,) float64, in the units of x squared; of factors without a unit.

    Raises
    ------
    TypeError, ValueError
        As `elbo_estimate`; also if the variance is 0.
    """
    data = checked_rows(model, x, posteriors)
    require_positive(floor=floor)
    total = torch.zeros(data.shape[1], dtype=torch.float64)
    for _ in range(require_count("draws", draws)):
        z = posteriors.at(normal(generator, 1, *posteriors.means.shape))
        with torch.no_grad():
            total += model.squares(data, model.outputs(z)[0]).mean(0) / draws
    one = total.mean()
    if not float(one) > 0 or not bool(one.isfinite()):
        raise bad("x", one.item(), "a positive mean square of x - f(z)")
    return total.clamp_min(floor * float(one)) if per_pixel else one
