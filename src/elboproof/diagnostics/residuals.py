"""What residuals say: whether a Gaussian likelihood's variance is the best one, and how far training is from its end.

With r_j = E_q (x_j - f_j(z))^2 over the data, variances v_j and rho = mean_j r_j / v_j, a common factor rho of all
variances is the best one, and gains D/2 (rho - 1 - log rho) >= 0, 0 only at rho = 1. Variances of their own, r_j, gain
1/2 sum_j (w_j - 1 - log w_j) more, w_j = r_j / (v_j rho), whose mean is 1; none is put below a hundredth of the common
one, as pixels that hardly move would decide all. At a stationary point the ELBO is a sum of entropies (Damm et al.
2023), H[q] - H[prior] - H[p(x|z)]; whatever the point, it is above that sum by -D/2 (rho - 1) - 1/2 sum_k (S_k - 1),
and for a Bernoulli likelihood of logits l by E (x - sigmoid(l)) l - 1/2 sum_k (S_k - 1): 0 where the decoder's last
layer is linear and no scaling of it gains.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from elboproof.diagnostics.diagnostic import Diagnostic, estimate, jackknife, missing, of_draws
from elboproof.diagnostics.latents import Latents
from elboproof.diagnostics.plan import Plan
from elboproof.networks.yardstick_model import MOST_ROWS, normal

FloatArray = NDArray[np.float64]
FLOOR = 0.01
"""Of a pixel's variance, relative to the common one."""
ONLY_GAUSSIAN = "only of a Gaussian likelihood"
PIXELS, ENTROPIES = "gain of pixel variances", "ELBO - sum of entropies"
AT_AN_END = "0 at an optimum: how far training is from its end"


@dataclass(frozen=True, eq=False)
class Residuals:
    """Mean squared residuals of all data, in independent draws.

    Attributes
    ----------
    squares : (S, D)
        r_j of each draw.
    variance : (D,)
        Of the likelihood.
    """

    squares: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, plan: Plan) -> "Residuals":
        """Return those of a Gaussian likelihood, one z of each datum in each draw."""
        fitted = plan.fitted
        squares = [((fitted.x - one) ** 2).mean(0).numpy() for one in outputs(plan)]
        return cls(np.stack(squares), fitted.variance.numpy())

    @cached_property
    def ratios(self) -> list[float]:
        """Return rho of each draw."""
        return [float(one) for one in (self.squares / self.variance).mean(1)]

    @property
    def per_pixel(self) -> FloatArray:
        """The mean squared residual of each pixel, (D,): its best variance."""
        return np.asarray(self.squares.mean(0))

    def gain(self) -> tuple[float, float]:
        """Return what the best common factor of the variances gains, and its standard error."""
        return jackknife(lambda w: len(w) / 2 * (w.mean() - 1 - math.log(w.mean())), self._relative)

    def own_gain(self) -> tuple[float, float]:
        """Return what variances for each pixel gain beyond that."""
        return jackknife(_own_gain, self._relative)

    @property
    def _relative(self) -> FloatArray:
        return np.asarray(self.squares / self.variance)


def _own_gain(relative: FloatArray) -> float:
    w = relative / relative.mean()
    kept = np.maximum(w, FLOOR)
    return float(0.5 * (w - np.log(kept) - w / kept).sum())


def outputs(plan: Plan) -> Iterator[torch.Tensor]:
    """Yield the decoder's outputs (N, D) at one z of each datum, once for each draw."""
    fitted, generator = plan.fitted, plan.generator("residuals")
    for _ in range(plan.draws):
        z = fitted.posteriors.at(normal(generator, 1, *fitted.means.shape))
        with torch.no_grad():
            yield torch.cat([fitted.joint.outputs(part)[0] for part in torch.split(z, MOST_ROWS, 1)])


def of_residuals(plan: Plan, residuals: Residuals | None, latents: Latents) -> list[Diagnostic]:
    """Return whether the likelihood's variance is the best one, what it costs, and how far training is from its end."""
    moments = float((latents.second_moment - 1).sum())
    if residuals is None:
        none = [missing(name, ONLY_GAUSSIAN) for name in ("noise ratio", "gain of the variance", PIXELS)]
        return [*none[:2], _entropies_of_others(plan, moments), none[2]]
    D, rho = residuals.squares.shape[1], residuals.ratios
    apart = [-D / 2 * (one - 1) - moments / 2 for one in rho]
    return [
        of_draws("noise ratio", rho, "E |x - f|^2 / (D v); 1 at an optimum", unit=""),
        estimate("gain of the variance", *residuals.gain(), "of its best common factor"),
        of_draws(ENTROPIES, apart, AT_AN_END),
        estimate(
            PIXELS,
            *residuals.own_gain(),
            "beyond it, of a variance for each pixel, none below 1/100 of the common one",
        ),
    ]


def _entropies_of_others(plan: Plan, moments: float) -> Diagnostic:
    if plan.fitted.family != "bernoulli":
        return missing(ENTROPIES, "only of Gaussian and Bernoulli likelihoods")
    x = plan.fitted.x
    slack = [float(((x - one.sigmoid()) * one).sum(1).mean()) for one in outputs(plan)]
    return of_draws(ENTROPIES, [one - moments / 2 for one in slack], AT_AN_END)
