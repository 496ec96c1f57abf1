"""Log evidences of piecewise linear networks by other means: on each line in closed form, across lines by a rule.

Nothing here is shared with the library: NumPy and SciPy in plain floats. On a line z = (u, v), u fixed, breaks are
found layer by layer from the values at the breaks so far; between breaks the outputs are affine, and the integral over
v is a difference of normal distribution functions. Across u there is a composite rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, logsumexp

Floats = NDArray[np.float64]
REACH = 12.0
"""Of the prior's N(0, 1): what lies beyond has a probability below 4e-33."""
PANELS, POINTS = 120, 6


@dataclass(frozen=True)
class Layers:
    """A network: matrices and biases, with an activation of two slopes between each two.

    Attributes
    ----------
    weights, biases : sequence of arrays
        (m, n) and (m,).
    below, above : float
        The activation's slopes below and above 0.
    """

    weights: Sequence[Floats]
    biases: Sequence[Floats]
    below: float
    above: float

    def active(self, h: Floats) -> Floats:
        """Return the activation of values."""
        return np.where(h > 0, self.above * h, self.below * h)

    def preactivations(self, z: Floats) -> list[Floats]:
        """Return the arguments of the activations at points (d, P), layer by layer, and the outputs last."""
        found, h = [], z
        for weight, bias in zip(self.weights, self.biases, strict=True):
            found.append(weight @ h + bias[:, None])
            h = self.active(found[-1])
        return found

    def breaks(self, start: Floats, end: Floats) -> Floats:
        """Return the shares t in [0, 1] of a line at which some unit bends, 0 and 1 among them, sorted."""
        shares = np.array([0.0, 1.0])
        for layer in range(len(self.weights) - 1):
            points = start[:, None] + (end - start)[:, None] * shares
            values = self.preactivations(points)[layer]
            a, b = values[:, :-1], values[:, 1:]
            unit, gap = np.nonzero(a * b < 0)
            left, right = a[unit, gap], b[unit, gap]
            crossings = shares[gap] + (shares[gap + 1] - shares[gap]) * left / (left - right)
            shares = np.unique(np.concatenate([shares, crossings]))
        return shares


def log_evidence(layers: Layers, variances: Floats, x: Floats, panels: int = PANELS) -> float:
    """Return log p(x) under z ~ N(0, I) of one or two dimensions and x ~ N(f(z), diag(variances))."""
    if layers.weights[0].shape[1] == 1:
        return _on_line(layers, variances, x, np.array([-REACH]), np.array([REACH]))
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    cuts = _cuts(layers, panels)
    half, centres = np.diff(cuts) / 2, (cuts[:-1] + cuts[1:]) / 2
    places = (centres[:, None] + half[:, None] * nodes).ravel()
    logs = [
        _on_line(layers, variances, x, np.array([u, -REACH]), np.array([u, REACH]))
        - u * u / 2
        - np.log(2 * np.pi) / 2
        for u in places.tolist()
    ]
    return float(logsumexp(np.array(logs) + np.log((half[:, None] * weights).ravel())))


def _cuts(layers: Layers, panels: int) -> Floats:
    """Return the ends of panels across lines: those of a grid, and where lines of the first layer meet."""
    (a, b), c = layers.weights[0].T, layers.biases[0]
    determinant = np.outer(a, b) - np.outer(b, a)
    meeting = np.outer(b, c) - np.outer(c, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = np.concatenate([(meeting / determinant).ravel(), np.where(b == 0, -c / a, np.nan)])
    inside = crossings[np.abs(crossings) < REACH]  # False for NaN
    return np.unique(np.concatenate([np.linspace(-REACH, REACH, panels + 1), inside]))


def _on_line(layers: Layers, variances: Floats, x: Floats, start: Floats, end: Floats) -> float:
    """Return the log of the integral over the last coordinate of N(z; 0, 1) N(x; f, diag(variances))."""
    shares = layers.breaks(start, end)
    low = start[-1] + (end[-1] - start[-1]) * shares[:-1]
    high = start[-1] + (end[-1] - start[-1]) * shares[1:]
    low, high = low[high > low], high[high > low]
    ends = [np.concatenate([np.full((len(start) - 1, len(v)), start[:1]), v[None]]) for v in (low, high)]
    f, g = (layers.preactivations(points)[-1] for points in ends)
    slope = (g - f) / (high - low)
    residual = x[:, None] - f + slope * low  # x - f = residual - slope v
    curve = 1 + (slope**2 / variances[:, None]).sum(0)
    centre = (slope * residual / variances[:, None]).sum(0) / curve
    least = (residual**2 / variances[:, None]).sum(0) / 2 - curve * centre**2 / 2
    root = np.sqrt(curve)
    mass = _log_between(root * (low - centre), root * (high - centre))
    constant = np.log(2 * np.pi * variances).sum() / 2
    return float(logsumexp(mass - least - np.log(root)) - constant)


def _log_between(a: Floats, b: Floats) -> Floats:
    """Return log(Phi(b) - Phi(a))."""
    flip = a > 0
    a, b = np.where(flip, -b, a), np.where(flip, -a, b)
    upper, lower = log_ndtr(b), log_ndtr(a)
    with np.errstate(divide="ignore"):
        return np.asarray(upper + np.log1p(-np.exp(np.minimum(lower - upper, 0.0))))
