"""What the posteriors alone say: KL by latent, active units, moments of the aggregate, and what rescaling gains.

With a_k = Var m_k + E s_k and S_k = E(m_k^2 + s_k) over the data (m, s: means and variances of q), the affine map
z_k -> (z_k - E m_k) / sqrt(a_k), put into the last layer of the encoder and the first of the decoder, changes no
reconstruction and lowers the mean KL to N(0, I) by (S_k - 1 - log a_k) / 2 >= 0. It vanishes only where E m_k = 0 and
S_k = 1: at every optimum of networks with such layers. With any linear map in the place of these scales the gain is
KL(N(E m, C) || N(0, I)), C = cov(m) + E diag s, the most that a Gaussian prior can gain.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from elboproof.diagnostics.diagnostic import Diagnostic, exact
from elboproof.diagnostics.fitted import Fitted

FloatArray = NDArray[np.float64]
ACTIVE_VARIANCE = 0.01
"""Of the means of an active latent (Burda, Grosse and Salakhutdinov 2016)."""
ACTIVE_KL = 0.1
"""Nats of an active latent."""


@dataclass(frozen=True, eq=False)
class Latents:
    """Numbers of each latent, (d,) each, exact but for rounding.

    Attributes
    ----------
    kl
        Mean KL(q_k || N(0, 1)) in nats.
    mean, spread
        Mean and variance of the means over the data.
    second_moment
        E(m^2 + s): 1 at an optimum.
    gain
        Nats by which rescaling and shifting the latent lowers the mean KL, with the same reconstruction.
    """

    kl: FloatArray
    mean: FloatArray
    spread: FloatArray
    second_moment: FloatArray
    gain: FloatArray

    @classmethod
    def of(cls, fitted: Fitted) -> "Latents":
        """Return the numbers of all latents."""
        m, logs = fitted.means, fitted.log_variances
        s = logs.exp()
        second, mean = (m**2 + s).mean(0), m.mean(0)
        spread = m.var(0, correction=0)
        kl = 0.5 * (m**2 + s - 1 - logs).mean(0)
        gain = 0.5 * (second - 1 - (spread + s.mean(0)).log())
        return cls(*(one.numpy() for one in (kl, mean, spread, second, gain)))

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which latents have means with a variance above 0.01."""
        return np.asarray(self.spread > ACTIVE_VARIANCE)


def prior_gain(fitted: Fitted) -> float:
    """Return KL(N(E m, C) || N(0, I)) in nats, C = cov(m) + E diag s."""
    centre = fitted.means.mean(0)
    offsets = fitted.means - centre
    covariance = offsets.T @ offsets / len(offsets) + torch.diag(fitted.log_variances.exp().mean(0))
    whole = covariance.trace() + centre.square().sum() - len(centre) - torch.logdet(covariance)
    return float(0.5 * whole)


def of_latents(fitted: Fitted, latents: Latents) -> list[Diagnostic]:
    """Return what the posteriors alone say."""
    telling = int((latents.kl > ACTIVE_KL).sum())
    off = float(np.abs(latents.second_moment - 1).max())
    centre = float(np.abs(latents.mean).max())
    return [
        exact("rate", float(latents.kl.sum()), "mean KL(q || N(0, I))"),
        exact("active by variance", float(latents.active.sum()), "means vary by more than 0.01", unit=""),
        exact("active by KL", float(telling), "more than 0.1 nats", unit=""),
        exact("second moment off 1", off, "the largest over latents; 0 at an optimum", unit=""),
        exact("mean off 0", centre, "the largest over latents; 0 at an optimum", unit=""),
        exact("gain of rescaling", float(latents.gain.sum()), "certain: the reconstruction stays as it is"),
        exact("gain of a Gaussian prior", prior_gain(fitted), "certain: rotations included"),
    ]
