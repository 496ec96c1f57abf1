"""The plot of an exact posterior and a Gaussian beside it: densities of one latent, contours of two.

Curves are in float64, and no proofs; log p(x), by which the density is divided, is proved.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.model.priors import Normal
from elboproof.plotting import BLUE, RED, FloatArray, at_most_two, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCAN = {1: 4001, 2: 401}
"""Points an axis, by the number of latents, that look for the mass."""
POINTS = {1: 1001, 2: 201}
"""Points an axis of the part that is drawn."""
REACH = 8.0
"""Standard deviations of the prior and of q within which mass is looked for."""
DROP = 8.0
"""Nats below the peak: what is drawn."""
LEVELS = (0.01, 0.1, 0.5)
"""Of the peak: the contours."""
NAMES = {True: "best Gaussian q found", False: "q"}


def drawn(
    model: LatentModel, x: Any, log_p: float, q: GaussianPosterior, best: bool, ax: "Axes | None"
) -> "Axes":
    """Return the axes with both densities; ``x`` are the D numbers of the data point."""
    at_most_two("model", model.latent_dim, "latents")
    axes = axes_of(ax)
    scan = _grid(_ends(model, q), SCAN[model.latent_dim])
    grid = _grid(_seen(scan, model, x, q), POINTS[model.latent_dim])
    pairs = (
        (_log_density(model, x, grid) - log_p, BLUE, "-", "p(z | x)"),
        (_log_gaussian(q, grid), RED, "--", NAMES[best]),
    )
    for log_density, colour, style, label in pairs:
        if model.latent_dim == 1:
            axes.plot(grid[0], np.exp(log_density), style, color=colour, label=label)
        else:
            levels = np.log(LEVELS) + log_density.max()
            axes.contour(*grid, log_density, levels, colors=colour, linestyles=style)
            axes.plot([], [], style, color=colour, label=f"{label}: 1/2, 1/10, 1/100 of its peak")
    names = [str(z) for z in model.latents]
    axes.set(xlabel=names[0], ylabel=f"density per unit of {names[0]}" if len(names) == 1 else names[1])
    axes.legend(frameon=False)
    return axes


def _ends(model: LatentModel, q: GaussianPosterior) -> list[tuple[float, float]]:
    """Return where mass is looked for: around the prior's mean and q's, within the prior's domain."""
    d, prior = model.latent_dim, model.prior
    mean, deviation = _moments(q)
    centre, spread = np.zeros(d), np.ones(d)
    if isinstance(prior, Normal) and prior.mean is not None and prior.covariance is not None:
        centre = np.array([float(m) for m in prior.mean])
        spread = np.sqrt([float(prior.covariance[k][k]) for k in range(d)])
    low = np.minimum(mean - REACH * deviation, centre - REACH * spread)
    high = np.maximum(mean + REACH * deviation, centre + REACH * spread)
    return [
        (
            max(float(a), float(np.nextafter(float(left), np.inf))),
            min(float(b), float(np.nextafter(float(right), -np.inf))),
        )
        for a, b, (left, right) in zip(low, high, prior.domain(d), strict=True)
    ]


def _seen(
    scan: list[FloatArray], model: LatentModel, x: Any, q: GaussianPosterior
) -> list[tuple[float, float]]:
    """Return the part of the scan that holds what is drawn of both densities."""
    mean, deviation = _moments(q)
    log_density = _log_density(model, x, scan)
    # a scan may step over a narrow mode, which q then finds: what is far below that one is not drawn
    middle = [np.clip(mean[k], axis.min(), axis.max()) for k, axis in enumerate(scan)]
    peak = max(log_density.max(), float(_log_density(model, x, middle)))
    near, ends = log_density > peak - DROP, []
    for k, axis in enumerate(scan):
        step = (axis.max() - axis.min()) / (axis.shape[k] - 1)
        reach = np.sqrt(2 * DROP) * deviation[k]
        low = min(axis[near].min(initial=np.inf) - step, mean[k] - reach)
        high = max(axis[near].max(initial=-np.inf) + step, mean[k] + reach)
        ends.append((max(float(low), float(axis.min())), min(float(high), float(axis.max()))))
    return ends


def _grid(ends: list[tuple[float, float]], points: int) -> list[FloatArray]:
    return list(np.meshgrid(*(np.linspace(low, high, points) for low, high in ends), indexing="ij"))


def _log_density(model: LatentModel, x: Any, grid: list[FloatArray]) -> FloatArray:
    return np.asarray(-model.floating.energy(np.stack(grid, -1), x))


def _moments(q: GaussianPosterior) -> tuple[FloatArray, FloatArray]:
    variances = [float(q.covariance[k][k]) for k in range(q.latent_dim)]
    return np.array([float(m) for m in q.mean]), np.sqrt(variances)


def _log_gaussian(q: GaussianPosterior, grid: list[FloatArray]) -> FloatArray:
    covariance = np.array([[float(entry) for entry in row] for row in q.covariance])
    offset = np.stack(grid, -1) - _moments(q)[0]
    squares = (offset @ np.linalg.inv(covariance) * offset).sum(-1)
    return np.asarray(-(squares + np.linalg.slogdet(2 * np.pi * covariance)[1]) / 2)
