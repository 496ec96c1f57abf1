"""A simulated survey: stars and galaxies on small images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad

Array = NDArray[np.float64]
SIDE, FINE = 16, 3
"""Pixels along a side, and points along a side of a pixel."""
BLOCK = 500


@dataclass(frozen=True)
class Sources:
    """Simulated images and what they show.

    Attributes
    ----------
    images : (n, 16, 16)
        Counts, the sky's mean subtracted.
    is_galaxy : (n,)
        The class, drawn with equal probabilities.
    flux : (n,)
        Counts of the source in all.
    radius : (n,)
        Half-light radius in pixels; 0 for stars.
    """

    images: Array
    is_galaxy: NDArray[np.bool_]
    flux: Array
    radius: Array


def simulate_sources(
    n: int,
    rng: np.random.Generator,
    *,
    psf: float = 1.2,
    radii: tuple[float, float] = (0.5, 2.5),
    flux: tuple[float, float] = (300.0, 3000.0),
    sky: float = 10.0,
    read_noise: float = 3.0,
) -> Sources:
    """Return n sources: half stars, which are the point-spread function, half galaxies, exponential discs seen with it.

    Parameters
    ----------
    n
        Positive.
    rng
        The random numbers.
    psf
        Standard deviation of the Gaussian point-spread function in pixels.
    radii
        Half-light radii of galaxies, uniform; the profile is exp(-1.678 r/r_h) with an axis ratio uniform in [0.3, 1],
        at any angle.
    flux
        Log-uniform, in counts. Centres are uniform within half a pixel of the middle.
    sky, read_noise
        Counts are Poisson of the image and the sky, plus Gaussian noise of this deviation.

    Raises
    ------
    ValueError
        If a number is not positive, or a range not increasing.

    Notes
    -----
    The convolution is by FFT on a grid of three points to a pixel and is periodic: less than 2 % of the light of the
    largest disc leaves the image and comes back on the other side.
    """
    _require(n=n, psf=psf, sky=sky, read_noise=read_noise, low_flux=flux[0], low_radius=radii[0])
    for name, (low, high) in (("radii", radii), ("flux", flux)):
        if not low < high < np.inf:
            raise bad(name, (low, high), "two finite numbers, the lower one first")
    is_galaxy = rng.random(n) < 0.5
    counts = np.exp(rng.uniform(np.log(flux[0]), np.log(flux[1]), n))
    radius = np.where(is_galaxy, rng.uniform(*radii, n), 0.0)
    shape = rng.uniform(0.3, 1.0, n), rng.uniform(0.0, np.pi, n), rng.uniform(-0.5, 0.5, (2, n))
    blocks = [slice(k, k + BLOCK) for k in range(0, n, BLOCK)]
    light = np.concatenate(
        [_light(radius[one], shape[0][one], shape[1][one], shape[2][:, one], psf) for one in blocks]
    )
    expected = counts[:, None, None] * light + sky
    images = rng.poisson(expected) + read_noise * rng.standard_normal(expected.shape) - sky
    return Sources(images, is_galaxy, counts, radius)


def _require(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < np.inf:
            raise bad(name, value, "a positive finite number")


def _light(radius: Array, ratio: Array, angle: Array, centre: Array, psf: float) -> Array:
    """Return each source's share of its light in each pixel, (n, 16, 16), summing to 1."""
    points = SIDE * FINE
    at = (np.arange(points) + 0.5) / FINE - SIDE / 2
    dx, dy = at[None, None, :] - centre[0][:, None, None], at[None, :, None] - centre[1][:, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, across = cos * dx + sin * dy, (cos * dy - sin * dx) / ratio[:, None, None]
    scale = np.where(radius > 0, radius, 1.0)[:, None, None]
    disc = np.exp(-1.678 * np.hypot(along, across) / scale)
    frequency = np.fft.fftfreq(points, 1 / FINE)
    transfer = np.exp(-2 * (np.pi * psf) ** 2 * (frequency[:, None] ** 2 + frequency[None] ** 2))
    seen = np.fft.ifft2(np.fft.fft2(disc) * transfer).real
    star = np.exp(-(dx**2 + dy**2) / (2 * psf**2))
    fine = np.where(radius[:, None, None] > 0, seen, star).clip(min=0.0)
    pixels = fine.reshape(len(radius), SIDE, FINE, SIDE, FINE).sum((2, 4))
    return np.asarray(pixels / pixels.sum((1, 2), keepdims=True))
