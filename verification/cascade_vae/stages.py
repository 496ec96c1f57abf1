"""One stage and two: labels of two classes without a teacher, by VAEs, 2-means and mixtures."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad
from elboproof.arrays import finite_array

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Second = Literal["vae", "mixture"]
HIDDEN, BATCH, RATE, LEAST_FLUX = 64, 128, 2e-3, 100.0
SECOND_STEPS = 500


def accuracy_up_to_swap(labels: ArrayLike, truth: ArrayLike) -> float:
    """Return the share of labels that are right, or that are wrong if that is larger: classes have no names.

    Parameters
    ----------
    labels, truth
        (n,), of two values each at most: 0 and 1, or booleans.

    Raises
    ------
    ValueError
        If shapes differ, there are none, or a value is neither 0 nor 1.

    Notes
    -----
    Labels that know nothing have 1/2 + 0.4/sqrt(n) in the mean.
    """
    for name, given in (("labels", labels), ("truth", truth)):
        if not np.isin(np.asarray(given), (0, 1)).all():
            raise bad(name, given, "zeros and ones")
    ours, theirs = (np.asarray(one).astype(np.int64).ravel() for one in (labels, truth))
    if ours.shape != theirs.shape or ours.size == 0:
        raise ValueError(f"labels: got shape {ours.shape}; expected that of truth, {theirs.shape}, not empty")
    right = float((ours == theirs).mean())
    return max(right, 1.0 - right)


def flux_normalised(images: ArrayLike) -> Array:
    """Return images divided by their sums, then by one number so that pixels have unit variance, (n, H W)."""
    pixels = finite_array(images, "images", ("n", "H", "W"))
    flat = pixels.reshape(len(pixels), -1)
    shares = flat / np.maximum(flat.sum(1, keepdims=True), LEAST_FLUX)
    if not np.ptp(shares) > 0:
        raise bad("images", images, "images that differ, or pixels that do")
    return np.asarray((shares - shares.mean(0)) / shares.std())


def vae_codes(data: Array, latents: int, steps: int, seed: int) -> Array:
    """Train a VAE with the closed-form variance of its likelihood and return its posterior means, (n, latents).

    The networks have one hidden layer of 64 tanh units; the loss is D/2 log(mean squared residual) + KL.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    x = torch.tensor(data).float()
    outputs = x.shape[1]

    def layer(inputs: int, width: int) -> list[Any]:
        weight = torch.randn(inputs, width, generator=generator) / inputs**0.5
        return [weight.requires_grad_(), torch.zeros(width, requires_grad=True)]

    encoder = [*layer(outputs, HIDDEN), *layer(HIDDEN, 2 * latents)]
    decoder = [*layer(latents, HIDDEN), *layer(HIDDEN, outputs)]

    def network(weights: list[Any], given: Any) -> Any:
        w1, b1, w2, b2 = weights
        return (given @ w1 + b1).tanh() @ w2 + b2

    optimiser = torch.optim.Adam([*encoder, *decoder], lr=RATE)
    for _ in range(steps):
        batch = x[torch.randint(len(x), (BATCH,), generator=generator)]
        mean, log_s = network(encoder, batch).chunk(2, 1)
        z = mean + (log_s / 2).exp() * torch.randn(mean.shape, generator=generator)
        residual = (batch - network(decoder, z)).square().mean()
        divergence = 0.5 * (torch.expm1(log_s) - log_s + mean**2).sum(1).mean()
        loss = 0.5 * outputs * residual.log() + divergence
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return np.asarray(network(encoder, x)[:, :latents].double())


def whitened(codes: Array) -> Array:
    """Return codes with mean 0 and covariance I, along their principal axes."""
    centred = codes - codes.mean(0)
    values, vectors = np.linalg.eigh(np.cov(centred.T, bias=True).reshape(codes.shape[1], -1))
    return np.asarray(centred @ vectors / np.sqrt(np.maximum(values, 1e-12)))


def two_means(codes: Array, seed: int) -> Labels:
    """Return the labels of 2-means, best of ten starts."""
    from sklearn.cluster import KMeans

    found = KMeans(2, n_init=10, random_state=seed).fit_predict(codes)
    return np.asarray(found, dtype=np.int64)


def mixture_labels(codes: Array, seed: int) -> Labels:
    """Return the labels of a mixture of two Gaussians with full covariances, best of five starts."""
    from sklearn.mixture import GaussianMixture

    fitted = GaussianMixture(2, n_init=5, reg_covar=1e-4, random_state=seed).fit(codes)
    return np.asarray(fitted.predict(codes), dtype=np.int64)


def two_stage(
    images: ArrayLike,
    *,
    latents: int = 4,
    second: Second = "vae",
    whiten: bool = True,
    steps: int = 600,
    rng: np.random.Generator,
) -> Labels:
    """Return labels of two classes, (n,): a VAE of the images, then a VAE with one latent or a mixture of its codes.

    Parameters
    ----------
    images
        (n, H, W), finite counts; they are divided by their fluxes first.
    latents
        Of the first stage.
    second
        "vae": one latent, split at its median; "mixture": two Gaussians with full covariances.
    whiten
        Whether codes get unit covariance between the stages.
    steps
        Of the first stage.
    rng
        Seeds both stages.

    Raises
    ------
    ValueError
        If an argument is not of the kind described, or there are fewer than two images.
    """
    if second not in ("vae", "mixture"):
        raise bad("second", second, "'vae' or 'mixture'")
    if latents < 1 or steps < 1:
        raise bad("latents, steps", (latents, steps), "positive numbers")
    data = flux_normalised(images)
    if len(data) < 2:
        raise bad("images", len(data), "at least two images")
    seeds = rng.integers(2**31, size=2)
    return second_stage(vae_codes(data, latents, steps, int(seeds[0])), second, whiten, int(seeds[1]))


def second_stage(codes: Array, second: Second, whiten: bool, seed: int) -> Labels:
    """Return the labels that the second stage gives to the codes of the first."""
    given = whitened(codes) if whiten else codes
    if second == "mixture":
        return mixture_labels(given, seed)
    line = vae_codes(given, 1, SECOND_STEPS, seed)[:, 0]
    return (line > np.median(line)).astype(np.int64)
