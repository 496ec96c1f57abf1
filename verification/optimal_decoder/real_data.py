"""The 1,797 scikit-learn digits with 2-D codes: the real data of this claim.

Pixels are scaled to [0, 1]. Two encoders q(z|x_i) = N(m_i, S_i): PCA with one shared variance, and a network that was
trained as a VAE, with one covariance per image. Both are recomputed, never stored; fixed seeds make them repeatable.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

import elboproof as ep

from .._shared.digits import digits, principal_codes
from .._shared.kept import kept

Array = NDArray[np.float64]
ENCODERS = ("PCA", "trained")
SHARED_VARIANCE = 0.05
"""Of PCA codes scaled to unit variance: a code then overlaps with some 40 neighbours."""
WIDTH = 128
"""Units in each of the two hidden layers of every network."""
NODES = 4
"""Gauss nodes per axis under each image's q(z|x_i)."""
SPACING, REACH, NEGLIGIBLE = 0.1, 8.0, 1e-14
"""Of the grid for q(z): its step, how many deviations it reaches beyond the codes, and masses left out."""
PIXEL_VARIANCE = 0.05
"""r of the likelihood N(f(z), r I), about the mean squared residual of the optimal decoder."""


@dataclass(frozen=True)
class Encoded:
    """A data set with its encoder.

    Attributes
    ----------
    codes : (N, 2)
        Means m_i.
    data : (N, 64)
        Pixels in [0, 1].
    covariances : (N, 2, 2)
        S_i.
    """

    codes: Array
    data: Array
    covariances: Array

    @cached_property
    def decoder(self) -> ep.OptimalDecoder:
        """The closed form under test."""
        return ep.OptimalDecoder(self.codes, self.data, self.covariances)

    @cached_property
    def decoder_in_singles(self) -> Callable[[Array], Array]:
        """The same, its weights' products in float32: for averages over all images, in a twentieth of the time.

        Pixels are sixteenths, exact in float32; its rounding, 1e-7, is far below the precision of any average here.
        """
        decoder = ep.OptimalDecoder(self.codes, self.data.astype(np.float32), self.covariances)
        return lambda z: np.asarray(decoder(z), dtype=np.float64)

    def with_noise(self, factor: float) -> Self:
        """Return the same data and codes with deviations that are ``factor`` times as large."""
        return replace(self, covariances=self.covariances * factor**2)

    def sample(self, rng: np.random.Generator, size: int) -> tuple[NDArray[np.intp], Array]:
        """Return ``size`` draws (index i, latent z) with i uniform and z from q(z|x_i)."""
        index = rng.integers(len(self.codes), size=size)
        factors = np.linalg.cholesky(self.covariances)[index]
        noise = rng.normal(size=(size, self.codes.shape[1], 1))
        return index, self.codes[index] + (factors @ noise)[..., 0]

    def between(self, size: int) -> Array:
        """Return ``size`` latents (size, 2), each in the middle of the codes of two images: no random numbers."""
        first, second = np.linspace(0, len(self.codes) - 1, 2 * size).astype(int).reshape(2, size)
        middle: Array = (self.codes[first] + self.codes[second]) / 2
        return middle

    def log_densities(self, z: Array) -> Array:
        """Return log q(z_k|x_i), shape (Q, N), by scipy: the package's own densities are not used."""
        from scipy.stats import multivariate_normal

        pairs = zip(self.codes, self.covariances, strict=True)
        return np.array([multivariate_normal(m, S).logpdf(z) for m, S in pairs]).T

    def weights(self, z: Array) -> Array:
        """Return w_i(z_k), shape (Q, N), from scipy's densities."""
        from scipy.special import softmax

        weights: Array = softmax(self.log_densities(z), axis=1)
        return weights

    @cached_property
    def own_nodes(self) -> tuple[Array, Array]:
        """Gauss's rule for each q(z|x_i): nodes (N, K, 2), and weights (K,) that all images share."""
        x, w = np.polynomial.hermite_e.hermegauss(NODES)
        noise = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
        z = self.codes[:, None] + noise @ np.linalg.cholesky(self.covariances).mT
        return z, np.outer(w, w).ravel() / w.sum() ** 2

    def mean_square(self, decode: Callable[[Array], Array]) -> float:
        """Return the average over images x_i of E_{q(z|x_i)} |x_i - f(z)|^2 by the rule of `own_nodes`."""
        z, w = self.own_nodes
        total = sum(w[k] * ((self.data - decode(z[:, k])) ** 2).sum(1).mean() for k in range(len(w)))
        return float(total)

    @cached_property
    def optimal_mean_square(self) -> float:
        """`mean_square` of f*."""
        return self.mean_square(self.decoder_in_singles)

    @cached_property
    def aggregate_grid(self) -> tuple[Array, Array]:
        """The trapezoidal rule for q(z) = (1/N) sum_i q(z|x_i): nodes (Q, 2) of a square grid, and masses (Q,)."""
        reach = REACH * np.sqrt(self.covariances.max())
        axes = [
            np.arange(a, b, SPACING)
            for a, b in zip(self.codes.min(0) - reach, self.codes.max(0) + reach, strict=True)
        ]
        z = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        masses = np.exp(self.log_densities(z)).mean(1) * SPACING**2
        kept = masses > NEGLIGIBLE
        return z[kept], masses[kept]


@kept
def encoded_digits(encoder: str) -> Encoded:
    """Return the digits encoded by ``"PCA"`` or ``"trained"``."""
    data = digits()
    codes, variances = (_pca if encoder == "PCA" else _trained)(data)
    return Encoded(codes, data, variances[:, :, None] * np.eye(2))


def _pca(data: Array) -> tuple[Array, Array]:
    codes = principal_codes(data)
    return codes, np.full_like(codes, SHARED_VARIANCE)


def _trained(data: Array) -> tuple[Array, Array]:
    """Train a small VAE for 600 steps and return its encoder's means and variances."""
    import torch

    generator = torch.Generator().manual_seed(0)
    encoder, decoder = network(64, 4, generator), network(2, 64, generator)
    x = torch.tensor(data, dtype=torch.float32)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
    for _ in range(600):
        batch = x[torch.randint(len(x), (256,), generator=generator)]
        mean, log_variance = encoder(batch).chunk(2, dim=1)
        z = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator)
        rate = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        loss = ((batch - decoder(z)) ** 2).sum(1) / (2 * PIXEL_VARIANCE) + rate
        optimiser.zero_grad()
        loss.mean().backward()
        optimiser.step()
    with torch.no_grad():
        mean, log_variance = encoder(x).double().chunk(2, dim=1)
    return mean.numpy(), log_variance.exp().numpy()


def network(inputs: int, outputs: int, generator: Any, width: int = WIDTH, detail: float = 0.0) -> Any:
    """Return a tanh network of two hidden layers whose initial weights are drawn from ``generator``.

    With ``detail`` > 0 the first layer starts with steeper, shifted features, for functions that vary on the scale
    1 / detail: plain initialisation learns fine structure very slowly.
    """
    import torch

    layers: list[Any] = []
    for a, b in pairwise((inputs, width, width, outputs)):
        layer = torch.nn.Linear(a, b)
        with torch.no_grad():
            layer.weight.copy_(torch.randn((b, a), generator=generator) / a**0.5)
            layer.bias.zero_()
        layers += [layer, torch.nn.Tanh()]
    if detail:
        with torch.no_grad():
            layers[0].weight.mul_(detail)
            layers[0].bias.copy_(detail * torch.randn(width, generator=generator))
    return torch.nn.Sequential(*layers[:-1])


def pointwise_minimiser(encoded: Encoded, z: Array) -> Array:
    """Return argmin over x-hat of sum_i q(z|x_i) |x_i - x-hat|^2, shape (Q, 64), by L-BFGS from the overall mean.

    The densities are scipy's; the package's own are not used.
    """
    from scipy.optimize import minimize

    found = []
    for q in encoded.weights(z):

        def loss(f: Array, q: Array = q) -> tuple[float, Array]:
            residual = f - encoded.data
            return float(q @ (residual**2).sum(1)), 2 * q @ residual

        start = encoded.data.mean(0)
        found.append(
            minimize(loss, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-12, "ftol": 1e-16}).x
        )
    return np.array(found)
